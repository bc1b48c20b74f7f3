# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that test the engine interface; they run in the emulated hosts.
HV_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard userland/hv/*.c)))
HV_TEST_OBJECTS := $(addprefix $(BUILD)/obj/tests/hv/,hv_test.o both_engines.o both_engines_guest.o)

.PHONY: hv-programs
userland: hv-programs
hv-programs: $(BUILD)/bin/baton-hv-test $(BUILD)/bin/baton-both-engines

$(BUILD)/bin/baton-hv-test: $(BUILD)/obj/tests/hv/hv_test.o $(HV_OBJECTS)
$(BUILD)/bin/baton-both-engines: $(BUILD)/obj/tests/hv/both_engines.o \
	$(BUILD)/obj/tests/hv/both_engines_guest.o $(HV_OBJECTS)
$(BUILD)/bin/baton-hv-test $(BUILD)/bin/baton-both-engines:
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ -pthread

$(BUILD)/obj/tests/hv/%.o: tests/hv/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -Ishared -iquote userland/hv -MMD -MP -c -o $@ $<

$(BUILD)/obj/tests/hv/%.o: tests/hv/%.S
	@mkdir -p $(@D)
	$(call say,AS)
	$(Q)$(USER_CC) -MMD -MP -c -o $@ $<

-include $(HV_TEST_OBJECTS:.o=.d)
