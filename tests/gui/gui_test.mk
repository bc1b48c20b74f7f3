# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests of the desktop app. Included by tests/tests.mk behind tests/daemon/daemon_test.mk,
# which builds the made-up monitor.
#
#   make gui-unit   its models, with sanitizers
#   make gui-test   the app as a whole, under Xvfb, driven through AT-SPI

GUI_TEST_BIN := $(BUILD)/test/gui/bin
GUI_UNIT_BUILD := $(BUILD)/test/gui/unit
GUI_UNIT_TESTS := $(patsubst tests/gui/%.c,$(GUI_UNIT_BUILD)/%,\
	$(wildcard tests/gui/test_*.c))
GUI_UNIT_OBJECTS := $(patsubst %.c,$(GUI_UNIT_BUILD)/obj/%.o,\
	$(GUI_MODEL_SOURCES) $(GUI_LIB_SOURCES) userland/monitor/display/keymap.c)

.PHONY: gui-unit gui-test gui-pictures
gui-unit: $(GUI_UNIT_TESTS)
	@for test in $^; do G_DEBUG=fatal-criticals $$test || \
		{ echo "run it alone: $$test" >&2; exit 1; }; done

GUI_PROGRAMS := $(addprefix $(GUI_TEST_BIN)/,baton batond baton-net baton-vm vmctl)
gui-test: $(GUI_PROGRAMS)
	BATON_GUI_BIN=$(GUI_TEST_BIN) tests/gui/under-xvfb /usr/bin/python3 tests/gui/test_app.py
	BATON_GUI_BIN=$(GUI_TEST_BIN) tests/gui/under-xvfb /usr/bin/python3 -W ignore tests/gui/test_wizard.py

# Pictures for people to look at; they say when they were made by hand.
gui-pictures: $(GUI_PROGRAMS)
	BATON_GUI_BIN=$(GUI_TEST_BIN) tests/gui/under-xvfb /usr/bin/python3 tests/gui/pictures.py

# Programs look for one another beside themselves; the monitor is the made-up one.
$(addprefix $(GUI_TEST_BIN)/,baton batond baton-net vmctl): $(GUI_TEST_BIN)/%: $(BUILD)/bin/%
	@mkdir -p $(@D)
	cp --remove-destination $< $@

$(GUI_TEST_BIN)/baton-vm: $(DAEMON_BENCH_BIN)/baton-vm
	@mkdir -p $(@D)
	cp --remove-destination $< $@

$(GUI_UNIT_BUILD)/test_%: $(GUI_UNIT_BUILD)/obj/tests/gui/test_%.o $(GUI_UNIT_OBJECTS)
	@mkdir -p $(@D)
	$(USER_CC) $(LDFLAGS) $(SAN_FLAGS) -o $@ $^ $(GUI_LIBS) -lcmocka

$(GUI_UNIT_BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(USER_CC) $(USER_CFLAGS) -O1 $(SAN_FLAGS) $(GUI_INCLUDES) $(GUI_CFLAGS) \
		-MMD -MP -c -o $@ $<

# --- fuzz target ------------------------------------------------------------

GUI_FUZZ_BUILD := $(FUZZ_BUILD)/gui
GUI_FUZZ_TARGET := $(FUZZ_BUILD)/fuzz_gui_lines
GUI_FUZZ_OBJECTS := $(patsubst %.c,$(GUI_FUZZ_BUILD)/%.o,tests/fuzz/fuzz_gui_lines.c \
	$(GUI_MODEL_SOURCES) $(GUI_LIB_SOURCES))

.PHONY: gui-fuzz-replay
fuzz: $(GUI_FUZZ_TARGET)
fuzz-replay: gui-fuzz-replay
gui-fuzz-replay: $(GUI_FUZZ_TARGET)
	@tests/fuzz/replay $(FUZZ_BUILD) $<

$(GUI_FUZZ_TARGET): $(GUI_FUZZ_OBJECTS)
	$(FUZZ_LINK) -o $@ $^ $(GUI_LIBS)

$(GUI_FUZZ_BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(GUI_INCLUDES) -Itests/fuzz $(GUI_CFLAGS) -MMD -MP -c -o $@ $<

.SECONDARY: $(GUI_UNIT_OBJECTS)
-include $(GUI_FUZZ_OBJECTS:.o=.d)
-include $(GUI_UNIT_OBJECTS:.o=.d)
