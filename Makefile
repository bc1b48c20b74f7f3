# SPDX-License-Identifier: GPL-2.0-or-later
# Baton's front door. `make help` lists what there is; README.md says more.

KERNEL ?= 6.1
MAKEFLAGS += --no-print-directory

# A line for each file that is made; "make V=1" shows the commands.
Q := $(if $(V),,@)
say = @printf '  %-5s %s\n' '$(1)' '$@'

.PHONY: all help setup kmod userland run test clean
all: kmod userland

help:
	@echo 'make run        set everything up and start a VM (on an emulated host where needed)'
	@echo 'make test       all checks and tests: style, unit, fuzz replay, svm host, vmx host'
	@echo 'make unit       unit tests only            make test-svm / test-vmx  one host only'
	@echo 'make kmod       the module for KERNEL=$(KERNEL) (Debian kernel; host: the running one)'
	@echo 'make userland   baton-vm and vmctl         make bench  exit costs against KVM'
	@echo 'make gui        the desktop app (build/bin/baton)'
	@echo 'make install    DESTDIR= PREFIX=/usr/local       make deb  Debian packages, in build/deb'
	@echo 'make setup      install the packages needed      make V=1 ...  shows commands'

setup:
	scripts/setup

kmod:
	scripts/build-kmod $(KERNEL)

run:
	scripts/setup
	scripts/run

test:
	scripts/setup
	scripts/run-tests

clean:
	rm -rf build

-include userland/userland.mk
-include userland/vmctl/vmctl.mk
-include userland/netd/netd.mk
-include gui/gui.mk
-include userland/daemon/daemon.mk
-include scripts/package/install.mk
-include tests/tests.mk
