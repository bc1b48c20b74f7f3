# SPDX-License-Identifier: GPL-2.0-or-later
# The suites, one by one; scripts/run-tests runs them all.
-include tests/guests/guests.mk
-include tests/host/host.mk
-include tests/unit/unit.mk
-include tests/fuzz/fuzz.mk
-include tests/unit/daemon.mk
-include tests/kmod/kmod_unit.mk
-include tests/netd/netd_test.mk
-include tests/cli/cli.mk
-include tests/abi/abi.mk
-include tests/hv/hv.mk
-include tests/bench/bench.mk
-include tests/emul/emul.mk
-include tests/image/image.mk
-include tests/daemon/daemon_test.mk
-include tests/gui/gui_test.mk
-include tests/package/package.mk

.PHONY: test-svm test-pc test-vmx test-gui test-debug test-stress debug-kernel
test-svm:
	scripts/run-tests build svm
test-pc:
	scripts/run-tests build pc pcvmx run
test-vmx:
	scripts/run-tests build vmx
# The desktop app with real VMs.
test-gui:
	scripts/run-tests build guihost
# The module under kernels that watch themselves; the first time they are built, half an hour.
test-debug:
	scripts/run-tests build debug kasan nmi kexec
# A busy guest under a busy host, twice STRESS_SECONDS long.
test-stress:
	scripts/run-tests build stress
debug-kernel:
	scripts/debug-kernel
	scripts/debug-kernel --kasan
