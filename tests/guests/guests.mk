# SPDX-License-Identifier: GPL-2.0-or-later
# Bare-metal guests: each .S is a PVH kernel of a few bytes (see pvh.inc).
GUESTS := $(patsubst tests/guests/%.S,$(BUILD)/guests/%.elf,$(wildcard tests/guests/*.S))

.PHONY: guests
guests: $(GUESTS)

$(BUILD)/guests/%.elf: tests/guests/%.S tests/guests/pvh.inc tests/guests/guest.lds
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)gcc -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack \
		-Wl,--no-warn-rwx-segments -Wl,-T,tests/guests/guest.lds -Itests/guests -o $@ $<
