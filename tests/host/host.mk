# SPDX-License-Identifier: GPL-2.0-or-later
# What the suite of the emulated hosts takes along besides the programs themselves: in
# bin/ what needs no library, the rest by testhost's --program.
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

.PHONY: host-tools
host-tools: $(addprefix $(BUILD)/test/host/,page-twins screen-text vnc-client attach-client \
	gdb-client kexec-now storm.so stress-guest stress.i)

$(BUILD)/test/host/page-twins: tests/host/page_twins.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $<

$(BUILD)/test/host/screen-text: tests/host/screen_text.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $< -lpng

$(BUILD)/test/host/gdb-client: tests/host/gdb_client.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $<

$(BUILD)/test/host/kexec-now: tests/host/kexec_now.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $<

$(BUILD)/test/host/storm.so: tests/host/storm.c $(wildcard shared/*.h)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -Ishared -fPIC -shared -o $@ $< -ldl -pthread

$(BUILD)/test/host/stress-guest: tests/host/stress_guest.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $< -pthread

# What that guest compiles.
$(BUILD)/test/host/stress.i: tests/host/page_twins.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -E -P -o $@ $<

# It names the server's library, too: so that comes into the host with it, where baton-vm
# loads it by name.
$(BUILD)/test/host/vnc-client: tests/host/vnc_client.c $(BUILD)/obj/userland/lib/write_png.o
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -Iuserland -o $@ $^ -lvncclient -lpng \
		-Wl,--no-as-needed -lvncserver

ATTACH_CLIENT_LIB := $(patsubst %,$(BUILD)/obj/userland/lib/%.o,\
	rpc_client unix_socket json_read json_write errors)
$(BUILD)/test/host/attach-client: tests/host/attach_client.c $(ATTACH_CLIENT_LIB)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -Iuserland -Iuserland/lib -Ishared -o $@ $^
