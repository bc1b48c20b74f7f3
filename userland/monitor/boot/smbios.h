/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS 2.8: what the machine calls itself. A blob of structures and the 32-bit entry
 * point, whose address and checksums firmware fills in ("etc/smbios/…" of fw_cfg).
 * DMTF DSP0134, "SMBIOS Structure Table Entry Point", "Required structures".
 */
#ifndef BATON_BOOT_SMBIOS_H
#define BATON_BOOT_SMBIOS_H

#include <stddef.h>
#include <stdint.h>

#define SMBIOS_TABLES_MAX 4096u
#define SMBIOS_ANCHOR_SIZE 31u

struct smbios_config {
	unsigned int cpu_count;
	uint64_t memory;	/* bytes */
	uint64_t memory_low;	/* of that, below 4 GiB */
	uint8_t uuid[16];	/* in the order of its text; all zero: there is none */
	const char *version;	/* of the product */
};

struct smbios {
	uint8_t tables[SMBIOS_TABLES_MAX];
	size_t size;
	uint8_t anchor[SMBIOS_ANCHOR_SIZE];
};

/* 0 or -ENOSPC. */
int smbios_make(const struct smbios_config *config, struct smbios *ret_smbios);

#endif
