# SPDX-License-Identifier: GPL-2.0-or-later
#
# baton-bench: what operations cost under engine baton and under engine kvm, in
# the same emulated host. Included by tests/tests.mk.

BENCH_BUILD := $(BUILD)/obj/tests/bench
BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
# The monitor's emulator and bus: engine baton leaves memory accesses to them.
BENCH_SHARED := $(sort $(wildcard userland/hv/*.c userland/monitor/emul/*.c)) \
	userland/monitor/core/bus.c userland/monitor/core/memory.c
BENCH_OBJECTS := $(BENCH_SOURCES:%.c=$(BUILD)/obj/%.o) $(BENCH_BUILD)/payload_blob.o \
	$(BENCH_SHARED:%.c=$(BUILD)/obj/%.o)

.PHONY: baton-bench bench-load bench-svm bench-vmx bench-machine
userland: baton-bench
baton-bench: $(BUILD)/bin/baton-bench

$(BUILD)/bin/baton-bench: $(BENCH_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ -lZydis -pthread

# -iquote: the monitor has a cpuid.h that must not hide the compiler's.
BENCH_INCLUDES := -Ishared -iquote userland -iquote userland/hv -iquote userland/monitor \
	-iquote userland/monitor/core

$(BENCH_BUILD)/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(BENCH_INCLUDES) -MMD -MP -c -o $@ $<

# GUEST_CODE of payload.h is where the image runs.
$(BENCH_BUILD)/payload.bin: tests/bench/payload.S tests/bench/payload.h
	@mkdir -p $(@D)
	$(call say,AS)
	$(Q)$(USER_CC) -c -o $(@:.bin=.o) $<
	$(Q)ld -Ttext=0x10000 --oformat binary -e 0 -o $@ $(@:.bin=.o)

$(BENCH_BUILD)/payload_blob.o: tests/bench/payload_blob.S $(BENCH_BUILD)/payload.bin
	$(Q)$(USER_CC) -DPAYLOAD_IMAGE='"$(BENCH_BUILD)/payload.bin"' -c -o $@ $<

# In the guest there is no library.
$(BENCH_BUILD)/bench-load: tests/bench/load/load.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -static -o $@ $<

bench-load: $(BENCH_BUILD)/bench-load

bench:
	BATON_BUILD=$(abspath $(BUILD)) tests/bench/run svm machine vmx
bench-svm:
	BATON_BUILD=$(abspath $(BUILD)) tests/bench/run svm machine
bench-machine:
	BATON_BUILD=$(abspath $(BUILD)) tests/bench/run machine
bench-vmx:
	BATON_BUILD=$(abspath $(BUILD)) tests/bench/run vmx

-include $(BENCH_SOURCES:%.c=$(BUILD)/obj/%.d)
