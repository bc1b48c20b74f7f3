/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See q35_mch.h. The registers are bytes of configuration space; what they mean is
 * worked out from all of them after each change, under the PCI host's lock.
 */
#include "q35_mch.h"

#include <stddef.h>

#define PCIEXBAR	0x60
#define PCIEXBAR_SIZE	8
#define PCIEXBAR_ENABLE 1u
#define PCIEXBAR_LENGTH_SHIFT 1
#define PCIEXBAR_LENGTH_MASK 3u
#define PCIEXBAR_BASE	0xff0000000ull	/* bits 35:28; 27 and 26 with a shorter length */
#define PAM0		0x90
#define PAM_REGISTERS	7

static uint64_t ecam_base(const struct pci_function *fn)
{
	uint32_t low = pci_config_get(fn, PCIEXBAR, 4), high = pci_config_get(fn, PCIEXBAR + 4, 4);
	unsigned int length = low >> PCIEXBAR_LENGTH_SHIFT & PCIEXBAR_LENGTH_MASK;
	uint64_t base = ((uint64_t)high << 32 | low) & PCIEXBAR_BASE;

	if (length == 1 || length == 2) /* 128, 64 MiB */
		base |= low & (length == 1 ? 1u << 27 : 3u << 26);
	return low & PCIEXBAR_ENABLE ? base : 0;
}

/* Piece n of 16 KiB is in register 1 + n / 2; the 64 KiB at 0xf0000 in register 0, high half. */
static uint8_t pam_bits(const struct pci_function *fn, unsigned int piece)
{
	if (piece == PAM_PIECES - 1)
		return pci_config_get(fn, PAM0, 1) >> 4 & 3;
	return pci_config_get(fn, (uint8_t)(PAM0 + 1 + piece / 2), 1) >> (piece % 2 * 4) & 3;
}

static void config_changed(void *dev)
{
	struct q35_mch *mch = dev;
	const struct pci_function *fn = pci_host_bridge(mch->host);

	pci_host_move_ecam(mch->host, ecam_base(fn));
	for (unsigned int i = 0; i < PAM_PIECES; i++) {
		uint8_t bits = pam_bits(fn, i);

		pam_set(mch->pam, i, bits & 1, bits & 2);
	}
}

const struct pci_function_config q35_mch_function = {
	.name = "q35 mch",
	.vendor_id = 0x8086,
	.device_id = 0x29c0,
	.class_code = 0x060000,
	.revision = 2,
	.config_changed = config_changed,
};

void q35_mch_init(struct q35_mch *mch)
{
	static const uint8_t zero[PCIEXBAR_SIZE];
	static const uint8_t bar_mask[PCIEXBAR_SIZE] = { 0x07, 0, 0, 0xfc, 0x0f };
	static const uint8_t pam_mask[PAM_REGISTERS] = { 0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33 };
	struct pci_function *fn = pci_host_bridge(mch->host);

	pci_config_allow(fn, PCIEXBAR, zero, bar_mask, PCIEXBAR_SIZE);
	pci_config_allow(fn, PAM0, zero, pam_mask, PAM_REGISTERS);
}
