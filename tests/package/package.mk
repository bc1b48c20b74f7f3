# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests of make install and of the packages. Included by tests/tests.mk behind
# scripts/package/install.mk.

.PHONY: deb-test install-test
deb-test: deb install-test
	BATON_BUILD=$(abspath $(BUILD)) tests/package/test_dkms
	BATON_BUILD=$(abspath $(BUILD)) tests/package/test_deb

install-test: userland man
	BATON_BUILD=$(abspath $(BUILD)) tests/package/test_install
