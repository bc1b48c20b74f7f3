/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chipset of board pc without its board: memory, PCI host, PAM, MCH, LPC. */
#ifndef BATON_TESTS_PC_CHIPSET_H
#define BATON_TESTS_PC_CHIPSET_H

#include <stdlib.h>
#include <string.h>

#include "core/machine.h"
#include "core/pci.h"
#include "dev/ich9_lpc.h"
#include "dev/pam.h"
#include "dev/q35_mch.h"

#define CHIPSET_RAM (4ull << 20)
#define CHIPSET_PM_VALUE 0x5a

struct chipset {
	struct machine m;
	uint8_t *firmware;
	struct pam *pam;
	struct q35_mch mch;
	struct ich9_lpc *lpc;
	uint32_t pic, ioapic;	/* levels by pin */
};

static inline void chipset_pic(void *chip, unsigned int pin, bool level)
{
	struct chipset *c = chip;

	c->pic = (c->pic & ~(1u << pin)) | (uint32_t)level << pin;
}

static inline void chipset_ioapic(void *chip, unsigned int pin, bool level)
{
	struct chipset *c = chip;

	c->ioapic = (c->ioapic & ~(1u << pin)) | (uint32_t)level << pin;
}

static inline uint64_t chipset_pm_read(void *dev, uint64_t offset, unsigned int size)
{
	(void)dev, (void)offset, (void)size;
	return CHIPSET_PM_VALUE;
}

static inline void chipset_pm_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)dev, (void)offset, (void)size, (void)value;
}

static inline void chipset_msi(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx, (void)address, (void)data;
}

static inline void chipset_add_pci(struct chipset *c)
{
	static const struct bus_ops pm_ops = { chipset_pm_read, chipset_pm_write };
	struct ich9_lpc_config lpc = {
		.pio = c->m.pio, .pm_ops = &pm_ops, .pm = c,
		.isa = { .set = chipset_pic, .chip = c },
		.ioapic = { .set = chipset_ioapic, .chip = c },
	};
	struct pci_host_config config = {
		.pio = c->m.pio, .mmio = c->m.mmio, .msi = { chipset_msi, c },
		.mmio32_base = 0xc0000000, .mmio32_size = 16u << 20,
		.pio_base = 0xc000, .pio_size = 0x1000,
		.bridge = &q35_mch_function, .bridge_dev = &c->mch,
		.intx = ich9_lpc_intx,
	};

	c->lpc = ich9_lpc_create(&lpc);
	config.intx_ctx = c->lpc;
	if (!c->lpc || pci_host_create(&config, &c->m.pci))
		abort();
	c->mch = (struct q35_mch){ .host = c->m.pci, .pam = c->pam };
	q35_mch_init(&c->mch);
	if (ich9_lpc_plug(c->lpc, c->m.pci))
		abort();
}

static inline struct chipset *chipset_create(void)
{
	struct chipset *c = calloc(1, sizeof(*c));
	struct pam_config pam;

	if (!c || guest_memory_create_pc(NULL, CHIPSET_RAM, GUEST_MEMORY_SHARED,
					 &c->m.memory))
		abort();
	c->m.pio = bus_create();
	c->m.mmio = bus_create();
	c->firmware = aligned_alloc(4096, PAM_FIRMWARE_SIZE);
	if (!c->m.pio || !c->m.mmio || !c->firmware)
		abort();
	memset(c->firmware, 0xf1, PAM_FIRMWARE_SIZE);
	pam = (struct pam_config){ c->m.memory, c->m.mmio, c->firmware };
	if (pam_create(&pam, &c->pam))
		abort();
	chipset_add_pci(c);
	return c;
}

static inline void chipset_destroy(struct chipset *c)
{
	pci_host_destroy(c->m.pci);
	ich9_lpc_destroy(c->lpc);
	pam_destroy(c->pam);
	bus_destroy(c->m.mmio);
	bus_destroy(c->m.pio);
	guest_memory_destroy(c->m.memory);
	free(c->firmware);
	free(c);
}

static inline void chipset_config_write(struct chipset *c, unsigned int slot, unsigned int offset,
					unsigned int size, uint32_t value)
{
	bus_write(c->m.pio, 0xcf8, 4, 0x80000000u | slot << 11 | (offset & ~3u));
	bus_write(c->m.pio, 0xcfc + (offset & 3), size, value);
}

static inline uint32_t chipset_config_read(struct chipset *c, unsigned int slot,
					   unsigned int offset, unsigned int size)
{
	bus_write(c->m.pio, 0xcf8, 4, 0x80000000u | slot << 11 | (offset & ~3u));
	return (uint32_t)bus_read(c->m.pio, 0xcfc + (offset & 3), size);
}

#endif
