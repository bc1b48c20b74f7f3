/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programmable attribute map: what the processor sees from 768 KiB to 1 MiB, where a
 * PC has RAM, option ROMs and the firmware's end in the same place. 13 pieces, each
 * with two bits: reads come from RAM, writes go to RAM; else they go to the bus,
 * where the last 128 KiB are the firmware's end and the rest is nothing.
 * Intel 3 Series chipset (82G33 and relatives), "PAM0-PAM6: Programmable Attribute Map".
 */
#ifndef BATON_DEV_PAM_H
#define BATON_DEV_PAM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/memory.h"

#define PAM_PIECES 13u		/* 12 of 16 KiB from 0xc0000 on, then 64 KiB at 0xf0000 */
#define PAM_FIRMWARE_SIZE 0x20000u

struct pam;

struct pam_config {
	struct guest_memory *memory;
	struct bus *mmio;
	/* Page-aligned; the last PAM_FIRMWARE_SIZE bytes of the firmware. */
	const uint8_t *firmware;
};

/* All pieces are off: reads and writes go to the bus. 0 or a negative errno. */
int pam_create(const struct pam_config *config, struct pam **ret_pam);
void pam_destroy(struct pam *pam);	/* before the memory; NULL is fine */
/* Any thread, but one at a time. */
void pam_set(struct pam *pam, unsigned int piece, bool reads_ram, bool writes_ram);

#endif
