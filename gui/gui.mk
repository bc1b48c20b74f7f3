# SPDX-License-Identifier: GPL-2.0-or-later
#
# baton, the desktop app. Included by the top-level Makefile, behind
# userland/userland.mk, which has the compiler and the objects of lib/.

GUI_PACKAGES := gtk+-3.0 libvirt-gobject-1.0 libvirt-gconfig-1.0 gtk-vnc-2.0 vte-2.91 \
	libvirt gio-unix-2.0
GUI_CFLAGS = -DG_LOG_DOMAIN='"baton"' $(shell pkg-config --cflags $(GUI_PACKAGES))
GUI_LIBS = $(shell pkg-config --libs $(GUI_PACKAGES)) -lm
GUI_INCLUDES := -Igui -Ishared -Iuserland -Iuserland/hv -Iuserland/lib
GUI_MODEL_SOURCES := $(sort $(wildcard gui/model/*.c)) gui/text.c
GUI_SOURCES := $(sort $(wildcard gui/*.c gui/widgets/*.c gui/model/*.c))
# Of lib/, what the app shares with the other programs.
GUI_LIB_SOURCES := $(addprefix userland/lib/,errors.c json_read.c json_write.c key_names.c)
GUI_RESOURCES := $(BUILD)/gui/resources.c
GUI_OBJECTS := $(patsubst gui/%.c,$(BUILD)/obj/gui/%.o,$(GUI_SOURCES)) \
	$(BUILD)/obj/gui/resources.o $(patsubst %.c,$(BUILD)/obj/%.o,$(GUI_LIB_SOURCES))

.PHONY: gui
gui: $(BUILD)/bin/baton

$(BUILD)/bin/baton: $(GUI_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ $(GUI_LIBS)

$(BUILD)/obj/gui/%.o: gui/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(GUI_INCLUDES) $(GUI_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/gui/resources.o: $(GUI_RESOURCES)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) -std=gnu11 -O2 $(shell pkg-config --cflags gio-2.0) -c -o $@ $<

$(GUI_RESOURCES): gui/baton.gresource.xml $(wildcard gui/ui/* gui/icons/*)
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)glib-compile-resources --sourcedir=gui --generate-source --target=$@ $<

-include $(patsubst %.o,%.d,$(GUI_OBJECTS))
