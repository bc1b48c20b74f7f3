# SPDX-License-Identifier: GPL-2.0-or-later
#
# baton-net. Included by the top-level Makefile, behind userland/userland.mk,
# which has the compiler, its flags, and the rule for the objects of lib/.

NETD_INCLUDES = -Ishared -Iuserland -Iuserland/hv -Iuserland/lib $(shell pkg-config --cflags slirp)
NETD_LIBS := -lslirp
NETD_SOURCES := $(sort $(wildcard userland/netd/*.c))
NETD_LIB_SOURCES := $(addprefix userland/lib/,errors.c json_read.c json_write.c rpc.c unix_socket.c)
NETD_OBJECTS := $(patsubst userland/%.c,$(BUILD)/obj/%.o,$(NETD_SOURCES))

.PHONY: baton-net
userland: baton-net
baton-net: $(BUILD)/bin/baton-net

$(BUILD)/bin/baton-net: $(NETD_OBJECTS) $(NETD_LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ $(NETD_LIBS)

# Not the monitor's folders: a header of theirs would hide one of the system's.
$(BUILD)/obj/netd/%.o: userland/netd/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(NETD_INCLUDES) -MMD -MP -c -o $@ $<

-include $(NETD_OBJECTS:.o=.d)
