# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that the suite of the test hosts uses. Included by tests.mk.
.PHONY: host-tools
host-tools: $(addprefix $(BUILD)/test/host/,page-twins screen-text vnc-client)

$(BUILD)/test/host/page-twins: tests/host/page_twins.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $<

$(BUILD)/test/host/screen-text: tests/host/screen_text.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $< -lpng

$(BUILD)/test/host/vnc-client: tests/host/vnc_client.c $(BUILD)/obj/userland/lib/write_png.o
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -Iuserland -o $@ $^ -lvncclient -lpng
