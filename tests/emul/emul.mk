# SPDX-License-Identifier: GPL-2.0-or-later
#
# baton-emul-test: the monitor's instruction emulator against the processor, in
# a guest of its own. Runs in the emulated hosts. Included by tests/tests.mk.

EMUL_TEST_SOURCES := $(sort $(wildcard tests/emul/*.c))
EMUL_TEST_OBJECTS := $(EMUL_TEST_SOURCES:%.c=$(BUILD)/obj/%.o) $(BENCH_SHARED:%.c=$(BUILD)/obj/%.o)

.PHONY: baton-emul-test
userland: baton-emul-test
baton-emul-test: $(BUILD)/bin/baton-emul-test

$(BUILD)/bin/baton-emul-test: $(EMUL_TEST_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ -lZydis -pthread

$(BUILD)/obj/tests/emul/%.o: tests/emul/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(BENCH_INCLUDES) -Itests/unit -MMD -MP -c -o $@ $<

-include $(EMUL_TEST_SOURCES:%.c=$(BUILD)/obj/%.d)
