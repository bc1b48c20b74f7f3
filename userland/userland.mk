# SPDX-License-Identifier: GPL-2.0-or-later
#
# baton-vm, the monitor. Included by the top-level Makefile.

BUILD ?= build
USER_CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
USER_CFLAGS ?= -std=gnu11 -O2 -Wall -Wextra -Werror -g
USER_INCLUDES := -Ishared -Iuserland -Iuserland/hv -Iuserland/monitor \
	-Iuserland/monitor/core -Iuserland/lib
# -g1: lines for stacks are enough, and half of the time to compile them.
SAN_FLAGS := -g1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

MONITOR_LIBS := -lZydis -luring -lz -lzstd -pthread
PNG_LIBS := -lpng
MONITOR_SOURCES := $(sort $(wildcard userland/hv/*.c userland/lib/*.c \
	userland/monitor/*.c userland/monitor/*/*.c))
# The monitor hands out pixels and writes no files of them: without libpng.
MONITOR_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,\
	$(filter-out userland/lib/write_png.c,$(MONITOR_SOURCES)))
# All of it but main(), with sanitizers: what unit tests and fuzz targets link.
SAN_OBJECTS := $(patsubst %.c,$(BUILD)/obj-san/%.o,\
	$(filter-out userland/monitor/main.c,$(MONITOR_SOURCES)))
SAN_LIB := $(BUILD)/lib/libmonitor-san.a

.PHONY: baton-vm
userland: baton-vm
baton-vm: $(BUILD)/bin/baton-vm

$(BUILD)/bin/baton-vm: $(MONITOR_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ $(MONITOR_LIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(USER_INCLUDES) -MMD -MP -c -o $@ $<

$(BUILD)/obj-san/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) -O1 $(SAN_FLAGS) $(USER_INCLUDES) -MMD -MP -c -o $@ $<

$(SAN_LIB): $(SAN_OBJECTS)
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcs $@ $^

-include $(MONITOR_OBJECTS:.o=.d) $(SAN_OBJECTS:.o=.d)
