# SPDX-License-Identifier: GPL-2.0-or-later
#
# batond, the daemon. Included by the top-level Makefile, behind userland/userland.mk and
# userland/vmctl/vmctl.mk, which have the compiler, and the objects of lib/, hv/ and of what
# is taken from monitor/block/.

DAEMON_PACKAGES := glib-2.0 gio-2.0 gio-unix-2.0
DAEMON_CFLAGS = $(USER_CFLAGS) $(shell pkg-config --cflags $(DAEMON_PACKAGES))
DAEMON_LIBS = $(shell pkg-config --libs $(DAEMON_PACKAGES)) -lz -lzstd -lpng -lexpat -pthread
DAEMON_INCLUDES := -Ishared -Iuserland -Iuserland/hv -Iuserland/lib -Iuserland/daemon
DAEMON_SOURCES := $(sort $(wildcard userland/daemon/*.c userland/daemon/*/*.c))
DAEMON_OBJECTS := $(patsubst userland/%.c,$(BUILD)/obj/%.o,$(DAEMON_SOURCES))

.PHONY: batond
userland: batond
batond: $(BUILD)/bin/batond

$(BUILD)/bin/batond: $(DAEMON_OBJECTS) $(VMCTL_SHARED)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

$(BUILD)/obj/daemon/%.o: userland/daemon/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(DAEMON_CFLAGS) $(DAEMON_INCLUDES) -MMD -MP -c -o $@ $<

-include $(DAEMON_OBJECTS:.o=.d)
