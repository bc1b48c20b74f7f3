# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon against a made-up monitor. Included by tests/tests.mk behind
# tests/unit/daemon.mk, which builds all of it but main() with sanitizers.

DAEMON_TEST_BIN := $(BUILD)/test/daemon/bin
DAEMON_BENCH_BIN := $(BUILD)/test/daemon/bench-bin
STUB_SOURCES := tests/daemon/stub_monitor.c tests/daemon/stub_screen.c $(addprefix userland/lib/,\
	rpc.c json_read.c json_write.c errors.c unix_socket.c)

.PHONY: daemon-test bench-daemon
daemon-test: $(addprefix $(DAEMON_TEST_BIN)/,batond baton-net baton-vm vmctl) \
		$(addprefix $(BUILD)/bin/,batond baton-vm)
	BATON_BUILD=$(BUILD) python3 tests/daemon/test_api.py
	BATON_BUILD=$(BUILD) python3 tests/daemon/test_errors.py
	BATON_BUILD=$(BUILD) python3 tests/daemon/test_vmctl.py
	tests/daemon/test_libvirt.sh $(DAEMON_TEST_BIN)
	BATON_BUILD=$(BUILD) /usr/bin/python3 tests/daemon/test_libvirt.py
	BATON_BUILD=$(BUILD) /usr/bin/python3 tests/daemon/test_libvirt_storage.py

# Times of the programs as they are installed.
bench-daemon: $(addprefix $(DAEMON_BENCH_BIN)/,batond baton-net baton-vm vmctl)
	BATON_BUILD=$(BUILD) BATON_DAEMON_BIN=$(DAEMON_BENCH_BIN) python3 tests/daemon/bench.py

$(DAEMON_TEST_BIN)/batond: $(DT_BUILD)/obj/userland/daemon/main.o $(DT_LIB)
	@mkdir -p $(@D)
	$(USER_CC) $(LDFLAGS) $(SAN_FLAGS) -o $@ $^ $(DT_LIBS)

# Programs look for one another beside themselves: copies, the monitor is the stub.
$(DAEMON_TEST_BIN)/baton-net $(DAEMON_TEST_BIN)/vmctl: $(DAEMON_TEST_BIN)/%: $(BUILD)/bin/%
	@mkdir -p $(@D)
	cp --remove-destination $< $@

$(DAEMON_BENCH_BIN)/batond $(DAEMON_BENCH_BIN)/baton-net $(DAEMON_BENCH_BIN)/vmctl: \
		$(DAEMON_BENCH_BIN)/%: $(BUILD)/bin/%
	@mkdir -p $(@D)
	cp --remove-destination $< $@

$(DAEMON_TEST_BIN)/baton-vm $(DAEMON_BENCH_BIN)/baton-vm: $(STUB_SOURCES) userland/lib/rpc.h
	@mkdir -p $(@D)
	$(USER_CC) $(USER_CFLAGS) $(USER_INCLUDES) -o $@ $(STUB_SOURCES)
