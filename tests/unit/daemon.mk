# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unit tests (tests/unit/test_daemon_*.c) and fuzz targets (tests/fuzz/
# fuzz_daemon_*.c) of batond: each one file, which links with all of
# userland/daemon/ but main(), with sanitizers. Included by tests/tests.mk behind
# unit.mk and fuzz.mk, whose "unit" and "fuzz-replay" run these, too.
#
#   make daemon-unit           the tests alone
#   make daemon-fuzz-replay    the targets alone

DT_PACKAGES := glib-2.0 gio-2.0 gio-unix-2.0
DT_INCLUDES = -Ishared -Iuserland -Iuserland/hv -Iuserland/lib -Iuserland/daemon -Itests/unit \
	-Itests/fuzz $(shell pkg-config --cflags $(DT_PACKAGES))
DT_LIBS = $(shell pkg-config --libs $(DT_PACKAGES)) -lz -lzstd -lexpat -pthread
# The daemon's own, and of the rest what it may include.
DT_SOURCES := $(filter-out userland/daemon/main.c userland/lib/write_png.c,\
	$(sort $(wildcard userland/daemon/*.c userland/daemon/*/*.c userland/lib/*.c \
	userland/hv/*.c) $(BLOCK_TOOL_SOURCES)))

DT_BUILD := $(BUILD)/test/daemon
DT_OBJECTS := $(DT_SOURCES:%.c=$(DT_BUILD)/obj/%.o)
DT_LIB := $(DT_BUILD)/libdaemon-san.a
DT_TESTS := $(patsubst tests/unit/%.c,$(DT_BUILD)/%,$(sort $(wildcard tests/unit/test_daemon_*.c)))
DT_TEST_OBJECTS := $(DT_TESTS:$(DT_BUILD)/%=$(DT_BUILD)/obj/tests/unit/%.o)

.PHONY: daemon-unit daemon-fuzz-replay
unit: daemon-unit
daemon-unit: $(DT_TESTS)
	@failed=; for test in $(DT_TESTS); do \
		timeout 120 $$test || failed="$$failed $$test"; \
	done; \
	for test in $$failed; do echo "not ok: run it alone: $$test" >&2; done; \
	test -z "$$failed"

$(DT_TESTS): $(DT_BUILD)/%: $(DT_BUILD)/obj/tests/unit/%.o $(DT_LIB)
	$(USER_CC) $(LDFLAGS) $(SAN_FLAGS) -o $@ $^ -lcmocka $(DT_LIBS)

# It starts that of this build.
$(DT_BUILD)/test_daemon_network: | $(BUILD)/bin/baton-net

# Each call of the file system can be its last one.
DT_WRAPPED := open write fsync rename renameat2 mkdir unlink rmdir
$(DT_BUILD)/test_daemon_bundle: LDFLAGS += $(DT_WRAPPED:%=-Wl,--wrap=%)

$(DT_LIB): $(DT_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(DT_BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(USER_CC) $(USER_CFLAGS) -O1 $(SAN_FLAGS) $(DT_INCLUDES) -MMD -MP -c -o $@ $<

# --- fuzz targets -----------------------------------------------------------

DF_BUILD := $(FUZZ_BUILD)/daemon
DF_TARGETS := $(patsubst tests/fuzz/%.c,$(FUZZ_BUILD)/%,\
	$(sort $(wildcard tests/fuzz/fuzz_daemon_*.c)))
DF_OBJECTS := $(DT_SOURCES:%.c=$(DF_BUILD)/%.o)
DF_TARGET_OBJECTS := $(DF_TARGETS:$(FUZZ_BUILD)/%=$(DF_BUILD)/tests/fuzz/%.o)
DF_LIB := $(DF_BUILD)/libdaemon-fuzz.a

fuzz: $(DF_TARGETS)
fuzz-replay: daemon-fuzz-replay
daemon-fuzz-replay: $(DF_TARGETS)
	@tests/fuzz/replay $(FUZZ_BUILD) $(DF_TARGETS)

$(DF_TARGETS): $(FUZZ_BUILD)/%: $(DF_BUILD)/tests/fuzz/%.o $(DF_LIB)
	$(FUZZ_LINK) -o $@ $^ $(DT_LIBS)

$(DF_LIB): $(DF_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(DF_OBJECTS) $(DF_TARGET_OBJECTS): $(DF_BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(DT_INCLUDES) -MMD -MP -c -o $@ $<

.SECONDARY: $(DT_TEST_OBJECTS) $(DF_TARGET_OBJECTS)

-include $(DT_OBJECTS:.o=.d) $(DT_TEST_OBJECTS:.o=.d)
-include $(DF_OBJECTS:.o=.d) $(DF_TARGET_OBJECTS:.o=.d)
