# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that talk to /dev/baton directly; they run in the emulated hosts.
ABI_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Ishared -Itests/abi

.PHONY: abi-programs
abi-programs: $(addprefix $(BUILD)/bin/baton-,abi-test abi-fuzz fail-nth smoke)
userland: abi-programs

$(BUILD)/bin/baton-abi-test: $(wildcard tests/abi/abi_*.c) tests/abi/abi.h tests/abi/abi_arena.h $(wildcard shared/*.h)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)gcc $(ABI_CFLAGS) -o $@ $(filter %.c,$^) -lpthread

$(BUILD)/bin/baton-smoke: tests/abi/smoke.c $(wildcard shared/*.h)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)gcc $(ABI_CFLAGS) -o $@ $<

$(BUILD)/bin/baton-abi-fuzz: $(wildcard tests/abi/fuzz_*.c) tests/abi/fuzz.h $(wildcard shared/*.h)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)gcc $(ABI_CFLAGS) -o $@ $(filter %.c,$^) -lpthread

$(BUILD)/bin/baton-fail-nth: tests/abi/fail_nth.c $(wildcard shared/*.h)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)gcc $(ABI_CFLAGS) -o $@ $<
