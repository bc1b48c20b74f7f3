# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests and fuzz targets of baton-net, with sanitizers. Included by
# tests/tests.mk behind tests/fuzz/fuzz.mk.

NT_BUILD := $(BUILD)/test/netd
NT_SOURCES := $(filter-out %/main.c,$(NETD_SOURCES)) $(NETD_LIB_SOURCES)
NT_OBJECTS := $(NT_SOURCES:%.c=$(NT_BUILD)/obj/%.o)
NT_LIB := $(NT_BUILD)/libnetd-san.a
NT_TESTS := $(patsubst tests/netd/%.c,$(NT_BUILD)/%,$(sort $(wildcard tests/netd/test_*.c)))
NT_TEST_OBJECTS := $(NT_TESTS:$(NT_BUILD)/%=$(NT_BUILD)/obj/tests/netd/%.o)
NT_MAIN := $(NT_BUILD)/obj/userland/netd/main.o
NT_PROGRAM := $(NT_BUILD)/bin/baton-net
NT_INCLUDES = $(NETD_INCLUDES) -Iuserland/netd -Itests/fuzz

.PHONY: netd-unit netd-fuzz-replay
unit: netd-unit
netd-unit: $(NT_TESTS) $(NT_PROGRAM)
	@for test in $(NT_TESTS); do \
		BATON_NET=$(NT_PROGRAM) timeout 120 $$test || { \
			echo "run it alone: BATON_NET=$(NT_PROGRAM) $$test" >&2; exit 1; }; \
	done

$(NT_PROGRAM): $(NT_MAIN) $(NT_LIB)
	@mkdir -p $(@D)
	$(USER_CC) $(LDFLAGS) $(SAN_FLAGS) -o $@ $^ $(NETD_LIBS)

$(NT_TESTS): $(NT_BUILD)/%: $(NT_BUILD)/obj/tests/netd/%.o $(NT_LIB)
	$(USER_CC) $(LDFLAGS) $(SAN_FLAGS) -o $@ $^ -lcmocka -pthread $(NETD_LIBS)

$(NT_LIB): $(NT_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(NT_BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(USER_CC) $(USER_CFLAGS) -O1 $(SAN_FLAGS) $(NT_INCLUDES) -MMD -MP -c -o $@ $<

# --- fuzz targets -----------------------------------------------------------

NF_TARGETS := $(patsubst tests/netd/%.c,$(FUZZ_BUILD)/%,$(sort $(wildcard tests/netd/fuzz_*.c)))
NF_OBJECTS := $(NT_SOURCES:%.c=$(FUZZ_BUILD)/netd/%.o)
NF_TARGET_OBJECTS := $(NF_TARGETS:$(FUZZ_BUILD)/%=$(FUZZ_BUILD)/netd/tests/netd/%.o)
NF_LIB := $(FUZZ_BUILD)/libnetd-fuzz.a

fuzz: $(NF_TARGETS)
fuzz-replay: netd-fuzz-replay
netd-fuzz-replay: $(NF_TARGETS)
	@tests/fuzz/replay $(FUZZ_BUILD) $(NF_TARGETS)

$(NF_TARGETS): $(FUZZ_BUILD)/%: $(FUZZ_BUILD)/netd/tests/netd/%.o $(NF_LIB)
	$(FUZZ_LINK) -o $@ $^ $(NETD_LIBS)

$(NF_LIB): $(NF_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(NF_OBJECTS) $(NF_TARGET_OBJECTS): $(FUZZ_BUILD)/netd/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(NT_INCLUDES) -MMD -MP -c -o $@ $<

-include $(NT_OBJECTS:.o=.d) $(NT_TEST_OBJECTS:.o=.d) $(NT_MAIN:.o=.d)
-include $(NF_OBJECTS:.o=.d) $(NF_TARGET_OBJECTS:.o=.d)
