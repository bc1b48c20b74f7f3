# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fuzz targets: libFuzzer with ASan and UBSan. Each file fuzz_*.c is a target of
# its own; all share one build of what they test. Included by the top-level
# Makefile.
#
#   make fuzz-replay   the corpus through every target, then a fixed number of
#                      runs from a fixed seed (also kmod-fuzz-replay)
#   make fuzz          each target for FUZZ_SECONDS, with what it found kept
#                      in $(BUILD)/test/fuzz/grown

FUZZ_CC ?= clang-14
FUZZ_BUILD := $(BUILD)/test/fuzz
FUZZ_SECONDS ?= 60
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_CFLAGS := -std=gnu11 -O1 -g1 -Wall -Wextra -Werror $(FUZZ_SAN) -fsanitize=fuzzer-no-link
FUZZ_LINK := $(FUZZ_CC) $(FUZZ_SAN) -fsanitize=fuzzer

# Those of the daemon: ../unit/daemon.mk; of the desktop app: ../gui/gui_test.mk.
FUZZ_SOURCES := $(filter-out tests/fuzz/fuzz_daemon_% tests/fuzz/fuzz_gui_%,\
	$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_TARGETS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(FUZZ_BUILD)/%)
FUZZ_VMCTL_TARGETS := $(filter $(FUZZ_BUILD)/fuzz_vmctl_%,$(FUZZ_TARGETS))
FUZZ_MONITOR_TARGETS := $(filter-out $(FUZZ_VMCTL_TARGETS),$(FUZZ_TARGETS))

# Of everything but main(). The module's: ../kmod/kmod_unit.mk.
FUZZ_MONITOR_OBJECTS := $(patsubst %.c,$(FUZZ_BUILD)/obj/%.o,\
	$(filter-out userland/monitor/main.c,$(MONITOR_SOURCES)))
FUZZ_VMCTL_OBJECTS := $(patsubst %.c,$(FUZZ_BUILD)/obj/%.o,\
	$(filter-out %/main.c,$(sort $(wildcard userland/vmctl/*.c))))
FUZZ_VMCTL_SHARED := $(patsubst %.c,$(FUZZ_BUILD)/obj/%.o,\
	$(sort $(wildcard userland/lib/*.c userland/hv/*.c) $(BLOCK_TOOL_SOURCES)))
FUZZ_OBJECTS := $(FUZZ_SOURCES:%.c=$(FUZZ_BUILD)/obj/%.o)
FUZZ_MONITOR_LIB := $(FUZZ_BUILD)/libmonitor-fuzz.a
FUZZ_VMCTL_LIB := $(FUZZ_BUILD)/libvmctl-fuzz.a

.PHONY: fuzz fuzz-replay
fuzz-replay: $(FUZZ_TARGETS)
	@tests/fuzz/replay $(FUZZ_BUILD) $(FUZZ_TARGETS)

fuzz: $(FUZZ_TARGETS)
	@tests/fuzz/replay -t $(FUZZ_SECONDS) $(FUZZ_BUILD) $^

$(FUZZ_MONITOR_TARGETS): $(FUZZ_BUILD)/%: $(FUZZ_BUILD)/obj/tests/fuzz/%.o $(FUZZ_MONITOR_LIB)
	$(FUZZ_LINK) -o $@ $^ $(MONITOR_LIBS) $(PNG_LIBS)

$(FUZZ_VMCTL_TARGETS): $(FUZZ_BUILD)/%: $(FUZZ_BUILD)/obj/tests/fuzz/%.o $(FUZZ_VMCTL_LIB)
	$(FUZZ_LINK) -o $@ $^ $(VMCTL_LIBS)

$(FUZZ_MONITOR_LIB): $(FUZZ_MONITOR_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(FUZZ_VMCTL_LIB): $(FUZZ_VMCTL_OBJECTS) $(FUZZ_VMCTL_SHARED)
	@rm -f $@
	ar rcs $@ $^

# vmctl and the monitor have headers of the same name.
$(FUZZ_BUILD)/obj/userland/vmctl/%.o $(FUZZ_BUILD)/obj/tests/fuzz/fuzz_vmctl_%.o: \
	FUZZ_INCLUDES := $(VMCTL_INCLUDES) -Iuserland/vmctl
FUZZ_INCLUDES := $(USER_INCLUDES) -Itests/unit

$(FUZZ_BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_INCLUDES) -MMD -MP -c -o $@ $<

.SECONDARY: $(FUZZ_OBJECTS)

-include $(FUZZ_MONITOR_OBJECTS:.o=.d) $(FUZZ_VMCTL_OBJECTS:.o=.d) $(FUZZ_OBJECTS:.o=.d)
