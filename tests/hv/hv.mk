# SPDX-License-Identifier: GPL-2.0-or-later
# The program that tests the engine interface; it runs in the emulated hosts.
HV_TEST_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/hv/*.c userland/hv/*.c)))

.PHONY: baton-hv-test
userland: baton-hv-test
baton-hv-test: $(BUILD)/bin/baton-hv-test

$(BUILD)/bin/baton-hv-test: $(HV_TEST_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ -pthread

$(BUILD)/obj/tests/hv/%.o: tests/hv/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -Ishared -iquote userland/hv -MMD -MP -c -o $@ $<

-include $(BUILD)/obj/tests/hv/hv_test.d
