# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests of the disks that scripts/ makes. Included by the top-level Makefile.

.PHONY: image-test image-boot-test
image-test:
	@tests/image/test_yaml.pl
	@tests/image/test_seed

# QEMU as the machine: 2 minutes, and as many to make the disk.
image-boot-test:
	@tests/image/boot
