# SPDX-License-Identifier: GPL-2.0-or-later
# What the suite of the emulated hosts takes along besides the programs themselves.
.PHONY: baton-netpeer
userland: baton-netpeer
baton-netpeer: $(BUILD)/bin/baton-netpeer

$(BUILD)/bin/baton-netpeer: $(BUILD)/obj/tests/host/netpeer.o
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ -pthread

$(BUILD)/obj/tests/host/%.o: tests/host/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -MMD -MP -c -o $@ $<

-include $(BUILD)/obj/tests/host/netpeer.d
