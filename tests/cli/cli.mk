# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests of vmctl and userland/lib, with sanitizers. Included by the top-level
# Makefile; also works alone, from the top:
#   make -f tests/cli/cli.mk cli-test

CLI_BUILD := $(or $(BUILD),build)/test/cli
CLI_CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLI_CFLAGS ?= -std=gnu11 -O1 -g1 -Wall -Wextra -Werror -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
CLI_INCLUDES := -Ishared -Iuserland -Iuserland/hv -Iuserland/lib -Iuserland/vmctl

# What the tests link with: everything of vmctl except main().
CLI_SOURCES := $(filter-out %/main.c,$(wildcard userland/vmctl/*.c)) \
	$(wildcard userland/lib/*.c userland/hv/*.c) \
	$(filter-out %/block.c %/queue.c %/raw.c %/qcow2_io.c,$(wildcard userland/monitor/block/*.c))
CLI_OBJECTS := $(CLI_SOURCES:%.c=$(CLI_BUILD)/obj/%.o)
CLI_UNITS := $(patsubst tests/cli/%.c,$(CLI_BUILD)/%,$(wildcard tests/cli/unit_*.c))
CLI_MAINS := $(CLI_BUILD)/obj/userland/vmctl/main.o \
	$(patsubst %.c,$(CLI_BUILD)/obj/%.o,$(wildcard tests/cli/*.c))

# A handler of ours for SIGSEGV is under test: the sanitizer must not take it.
CLI_ENV := ASAN_OPTIONS=handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0

.PHONY: cli-test cli-unit-test cli-terminal-test cli-daemon-test cli-style-test
cli-test: cli-unit-test cli-terminal-test cli-daemon-test cli-style-test

cli-style-test:
	@tests/cli/test_check_style.sh

cli-unit-test: $(CLI_UNITS)
	@for test in $^; do $$test || { echo "run it alone: $$test" >&2; exit 1; }; done

cli-terminal-test: $(CLI_BUILD)/test_boot_terminal $(CLI_BUILD)/bin/vmctl $(CLI_BUILD)/bin/baton-vm
	@$(CLI_ENV) $< $(CLI_BUILD)/bin || \
		{ echo "run it alone: $(CLI_ENV) $< $(CLI_BUILD)/bin" >&2; exit 1; }

cli-daemon-test: $(CLI_BUILD)/bin/vmctl $(CLI_BUILD)/bin/batond
	@$(CLI_ENV) python3 tests/cli/test_daemon_verbs.py $(CLI_BUILD)/bin -q || \
		{ echo "run it alone: $(CLI_ENV) python3 tests/cli/test_daemon_verbs.py" \
		"$(CLI_BUILD)/bin" >&2; exit 1; }

$(CLI_BUILD)/bin/batond: tests/cli/fake_batond.py
	@mkdir -p $(@D)
	cp $< $@

$(CLI_BUILD)/bin/vmctl: $(CLI_BUILD)/obj/userland/vmctl/main.o $(CLI_OBJECTS)
	@mkdir -p $(@D)
	$(CLI_CC) $(CLI_CFLAGS) -o $@ $^ -lz -lzstd -pthread -lpng

$(CLI_BUILD)/bin/baton-vm: $(CLI_BUILD)/obj/tests/cli/fake_vm.o
	@mkdir -p $(@D)
	$(CLI_CC) $(CLI_CFLAGS) -o $@ $^

$(CLI_BUILD)/test_boot_terminal: $(CLI_BUILD)/obj/tests/cli/test_boot_terminal.o
	$(CLI_CC) $(CLI_CFLAGS) -o $@ $^ -lcmocka -lutil

$(CLI_BUILD)/unit_%: $(CLI_BUILD)/obj/tests/cli/unit_%.o $(CLI_OBJECTS)
	$(CLI_CC) $(CLI_CFLAGS) -o $@ $^ -lcmocka -lz -lzstd -pthread -lpng

$(CLI_BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CLI_CC) $(CLI_CFLAGS) $(CLI_INCLUDES) -MMD -MP -c -o $@ $<

.SECONDARY: $(CLI_OBJECTS) $(CLI_MAINS)

-include $(CLI_OBJECTS:.o=.d) $(CLI_MAINS:.o=.d)
