# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests of make install and of the packages. Included by tests/tests.mk behind
# scripts/package/install.mk.

.PHONY: deb-test deb-root-test install-test systemd-test
deb-test: deb install-test
	BATON_BUILD=$(abspath $(BUILD)) tests/package/test_dkms

# In a clean root, which takes a minute to make: with systemd-test.
deb-root-test: deb
	BATON_BUILD=$(abspath $(BUILD)) tests/package/test_deb

install-test: userland man
	BATON_BUILD=$(abspath $(BUILD)) tests/package/test_install

# A machine of QEMU's with a login, by hand: some 5 minutes.
systemd-test: deb
	BATON_BUILD=$(abspath $(BUILD)) tests/package/test_systemd
