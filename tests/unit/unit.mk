# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unit tests of the monitor and of userland/lib, each file a cmocka program of
# its own, with sanitizers. Included by the top-level Makefile.

UNIT_BUILD := $(BUILD)/test/unit
UNIT_SOURCES := $(filter-out tests/unit/test_kmod_% tests/unit/test_daemon_%,\
	$(sort $(wildcard tests/unit/test_*.c)))
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(UNIT_BUILD)/%)
UNIT_OBJECTS := $(UNIT_SOURCES:tests/unit/%.c=$(UNIT_BUILD)/%.o)

.PHONY: unit monitor-unit unit-tsan
unit: monitor-unit
monitor-unit: $(UNIT_TESTS)
	@failed=; for test in $(UNIT_TESTS); do \
		timeout 120 $$test || failed="$$failed $$test"; \
	done; \
	for test in $$failed; do echo "not ok: run it alone: $$test" >&2; done; \
	test -z "$$failed"

# The same for data races, in a build of its own. GCC warns of fences, which its TSan takes
# for nothing, and of what it cannot follow then.
TSAN_FLAGS := -g1 -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan -Wno-maybe-uninitialized
unit-tsan:
	+$(MAKE) BUILD=$(BUILD)/tsan SAN_FLAGS="$(TSAN_FLAGS)" monitor-unit

$(UNIT_BUILD)/test_qcow2_steps: LDFLAGS += -Wl,--wrap=file_write,--wrap=fdatasync
$(UNIT_BUILD)/test_qcow2_damage: LDFLAGS += -Wl,--wrap=file_read
$(UNIT_BUILD)/test_handover: LDFLAGS += -Wl,--wrap=accept4

# The long forms of two of them.
.PHONY: qcow2-stress qcow2-kill
qcow2-stress: $(UNIT_BUILD)/test_qcow2_stress
	$< 200000
qcow2-kill: $(UNIT_BUILD)/test_qcow2_kill
	$< 100

$(UNIT_TESTS): $(UNIT_BUILD)/%: $(UNIT_BUILD)/%.o $(SAN_LIB)
	$(USER_CC) $(LDFLAGS) $(SAN_FLAGS) -o $@ $< $(SAN_LIB) -lcmocka $(MONITOR_LIBS) $(PNG_LIBS)

$(UNIT_OBJECTS): $(UNIT_BUILD)/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(USER_CC) $(USER_CFLAGS) -O1 $(SAN_FLAGS) $(USER_INCLUDES) -Itests/unit -MMD -MP \
		-c -o $@ $<

-include $(UNIT_OBJECTS:.o=.d)
