# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module's pure parts, built in userland against the shim: unit tests
# (gcc) and fuzz targets (clang), both with sanitizers. Included by the
# top-level Makefile behind tests/fuzz/fuzz.mk, which has what fuzz targets share.

KU_BUILD := $(BUILD)/test/kmod
# A file that is missing is a link error, not a test less.
KU_PURE := $(addprefix kmod/,slots.c dirty.c npt.c gwalk.c fetch.c apic_page.c state_check.c \
	lapic.c lapic_state.c lapic_timer.c msi.c cpuid.c msr.c pv.c pvclock.c exits.c fpu.c vcpu.c \
	vcpu_state.c tlb.c svm/npt_pte.c vmx/ept.c)
# Both tables may have grown into several files.
KU_PURE := $(sort $(KU_PURE) $(wildcard kmod/cpuid*.c kmod/msr*.c kmod/lapic*.c))
KU_SOURCES := $(KU_PURE) tests/kmod/shim/kshim.c tests/kmod/kmod_env.c
KU_FLAGS := -std=gnu11 -O1 -g1 -Wall -Wextra -Wno-unused-parameter -Werror \
	-Itests/kmod/shim -Itests/kmod -Ikmod -Ishared

KU_TESTS := $(patsubst tests/unit/%.c,$(KU_BUILD)/%,$(sort $(wildcard tests/unit/test_kmod_*.c)))
KU_LIB := $(KU_BUILD)/libkmod-san.a
KU_OBJECTS := $(KU_SOURCES:%.c=$(KU_BUILD)/obj/%.o)
KU_TEST_OBJECTS := $(KU_TESTS:$(KU_BUILD)/%=$(KU_BUILD)/obj/tests/unit/%.o)

.PHONY: kmod-unit
kmod-unit: $(KU_TESTS)
	@failed=; for test in $(KU_TESTS); do \
		timeout 120 $$test || failed="$$failed $$test"; \
	done; \
	for test in $$failed; do echo "not ok: run it alone: $$test" >&2; done; \
	test -z "$$failed"

$(KU_TESTS): $(KU_BUILD)/%: $(KU_BUILD)/obj/tests/unit/%.o $(KU_LIB)
	$(USER_CC) $(LDFLAGS) $(SAN_FLAGS) -o $@ $< $(KU_LIB) -lcmocka

$(KU_LIB): $(KU_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(KU_OBJECTS) $(KU_TEST_OBJECTS): $(KU_BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(USER_CC) $(KU_FLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

# --- fuzz targets -----------------------------------------------------------

KF_SOURCES := $(sort $(wildcard tests/kmod/fuzz_*.c))
KF_TARGETS := $(KF_SOURCES:tests/kmod/%.c=$(FUZZ_BUILD)/%)
KF_LIB := $(FUZZ_BUILD)/libkmod-fuzz.a
KF_OBJECTS := $(KU_SOURCES:%.c=$(FUZZ_BUILD)/kmod/%.o)
KF_TARGET_OBJECTS := $(KF_SOURCES:%.c=$(FUZZ_BUILD)/kmod/%.o)

.PHONY: kmod-fuzz-replay
fuzz: $(KF_TARGETS)
kmod-fuzz-replay: $(KF_TARGETS)
	@tests/fuzz/replay $(FUZZ_BUILD) $(KF_TARGETS)

$(KF_TARGETS): $(FUZZ_BUILD)/%: $(FUZZ_BUILD)/kmod/tests/kmod/%.o $(KF_LIB)
	$(FUZZ_LINK) -o $@ $^

$(KF_LIB): $(KF_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(KF_OBJECTS) $(KF_TARGET_OBJECTS): $(FUZZ_BUILD)/kmod/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(KU_FLAGS) -Itests/fuzz -MMD -MP -c -o $@ $<

-include $(KU_OBJECTS:.o=.d) $(KU_TEST_OBJECTS:.o=.d)
-include $(KF_OBJECTS:.o=.d) $(KF_TARGET_OBJECTS:.o=.d)
