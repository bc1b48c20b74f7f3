# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmctl. Included by the top-level Makefile, behind userland/userland.mk, which
# has the compiler, its flags, and the rule for the objects of lib/ and hv/.

# What of the block layer needs no io_uring: images as tools see them.
BLOCK_TOOL_SOURCES := $(filter-out %/block.c %/queue.c %/raw.c %/qcow2_io.c,\
	$(wildcard userland/monitor/block/*.c))
VMCTL_LIBS := -lz -lzstd -pthread $(PNG_LIBS)
VMCTL_INCLUDES := -Ishared -Iuserland -Iuserland/hv -Iuserland/lib
VMCTL_OBJECTS := $(patsubst userland/%.c,$(BUILD)/obj/%.o,$(sort $(wildcard userland/vmctl/*.c)))
VMCTL_SHARED := $(patsubst %.c,$(BUILD)/obj/%.o,\
	$(sort $(wildcard userland/lib/*.c userland/hv/*.c) $(BLOCK_TOOL_SOURCES)))

.PHONY: vmctl
userland: vmctl
vmctl: $(BUILD)/bin/vmctl $(BUILD)/bin/batonctl

$(BUILD)/bin/vmctl: $(VMCTL_OBJECTS) $(VMCTL_SHARED)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(LDFLAGS) -o $@ $^ $(VMCTL_LIBS)

# Other programs are called vmctl, too.
$(BUILD)/bin/batonctl: $(BUILD)/bin/vmctl
	ln -sf vmctl $@

# Not the monitor's folders: a header of theirs would hide one of the system's.
$(BUILD)/obj/vmctl/%.o: userland/vmctl/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(VMCTL_INCLUDES) -MMD -MP -c -o $@ $<

-include $(VMCTL_OBJECTS:.o=.d)
