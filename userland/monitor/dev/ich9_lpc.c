/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See ich9_lpc.h. Registers are bytes of configuration space, so they are saved with
 * it; the levels of the pins are the devices' state.
 */
#include "ich9_lpc.h"

#include <pthread.h>
#include <stdlib.h>

#define PMBASE		0x40
#define PMBASE_MASK	0xff80u
#define ACPI_CNTL	0x44
#define ACPI_CNTL_EN	0x80u
#define PIRQ_A		0x60	/* to D; E to H are 8 further on */
#define PIRQ_E		0x68
#define PIRQ_OFF	0x80u
#define PIRQ_IRQ	0x0fu

#define ISA_IRQS 16u

/* Letters: C constant after creation, H PCI host's lock, L lock (leaf but for the chips'). */
struct ich9_lpc {
	struct ich9_lpc_config config;	/* C */
	struct pci_function *fn;	/* C */
	uint16_t pm_base;		/* H: where the PM ports are; 0: nowhere */
	pthread_mutex_t lock;
	uint32_t slots[ICH9_PIRQS];	/* L: which slots pull the pin */
	uint8_t route[ICH9_PIRQS];	/* L */
	uint16_t isa;			/* L: levels of ISA interrupts that come from here */
};

/* IRQs that PCI may be routed to: not the timer's, keyboard's, cascade's, RTC's, FPU's. */
#define ROUTABLE 0xdef8u

unsigned int ich9_lpc_pirq(unsigned int slot)
{
	return slot < 25 ? 4 + slot % 4 : slot % 4;
}

static uint16_t isa_levels_locked(const struct ich9_lpc *lpc)
{
	uint16_t levels = 0;

	for (unsigned int i = 0; i < ICH9_PIRQS; i++)
		if (lpc->slots[i] && !(lpc->route[i] & PIRQ_OFF))
			levels |= (uint16_t)(1u << (lpc->route[i] & PIRQ_IRQ));
	return levels & ROUTABLE;
}

static void update_isa_locked(struct ich9_lpc *lpc)
{
	const struct irq_line *isa = &lpc->config.isa;
	uint16_t levels = isa_levels_locked(lpc), changed = levels ^ lpc->isa;

	lpc->isa = levels;
	for (unsigned int i = 0; i < ISA_IRQS; i++)
		if (changed & 1u << i)
			isa->set(isa->chip, i, levels & 1u << i);
}

void ich9_lpc_intx(void *ctx, unsigned int slot, bool level)
{
	struct ich9_lpc *lpc = ctx;
	const struct irq_line *ioapic = &lpc->config.ioapic;
	unsigned int pirq = ich9_lpc_pirq(slot);
	bool before;

	pthread_mutex_lock(&lpc->lock);
	before = lpc->slots[pirq];
	if (level)
		lpc->slots[pirq] |= 1u << slot;
	else
		lpc->slots[pirq] &= ~(1u << slot);
	if (before != (bool)lpc->slots[pirq]) {
		ioapic->set(ioapic->chip, ICH9_FIRST_PCI_PIN + pirq, !before);
		update_isa_locked(lpc);
	}
	pthread_mutex_unlock(&lpc->lock);
}

static void map_pm(struct ich9_lpc *lpc)
{
	uint16_t base = pci_config_get(lpc->fn, PMBASE, 2) & PMBASE_MASK;
	struct bus *pio = lpc->config.pio;

	if (!(pci_config_get(lpc->fn, ACPI_CNTL, 1) & ACPI_CNTL_EN))
		base = 0;
	if (base == lpc->pm_base)
		return;
	if (lpc->pm_base)
		bus_remove(pio, lpc->pm_base, ICH9_PM_SIZE);
	lpc->pm_base = 0;
	if (base && !bus_add(pio, base, ICH9_PM_SIZE, lpc->config.pm_ops, lpc->config.pm, "pm"))
		lpc->pm_base = base;
}

static void config_changed(void *dev)
{
	struct ich9_lpc *lpc = dev;

	map_pm(lpc);
	pthread_mutex_lock(&lpc->lock);
	for (unsigned int i = 0; i < ICH9_PIRQS; i++)
		lpc->route[i] = (uint8_t)pci_config_get(
			lpc->fn, (uint8_t)(i < 4 ? PIRQ_A + i : PIRQ_E + i - 4), 1);
	update_isa_locked(lpc);
	pthread_mutex_unlock(&lpc->lock);
}

struct ich9_lpc *ich9_lpc_create(const struct ich9_lpc_config *config)
{
	struct ich9_lpc *lpc = calloc(1, sizeof(*lpc));

	if (!lpc)
		return NULL;
	lpc->config = *config;
	pthread_mutex_init(&lpc->lock, NULL);
	for (unsigned int i = 0; i < ICH9_PIRQS; i++)
		lpc->route[i] = PIRQ_OFF;
	return lpc;
}

int ich9_lpc_plug(struct ich9_lpc *lpc, struct pci_host *host)
{
	static const struct pci_function_config config = {
		.name = "ich9 lpc",
		.slot = ICH9_LPC_SLOT,
		.vendor_id = 0x8086,
		.device_id = 0x2918,
		.class_code = 0x060100,
		.revision = 2,
		.config_changed = config_changed,
	};
	static const uint8_t pm[5] = { 1 }, pm_mask[5] = { 0x80, 0xff, 0, 0, 0x87 };
	static const uint8_t off[4] = { PIRQ_OFF, PIRQ_OFF, PIRQ_OFF, PIRQ_OFF };
	static const uint8_t pirq_mask[4] = { 0x8f, 0x8f, 0x8f, 0x8f };
	int error = pci_add(host, &config, lpc, &lpc->fn);

	if (error)
		return error;
	pci_config_allow(lpc->fn, PMBASE, pm, pm_mask, sizeof(pm));
	pci_config_allow(lpc->fn, PIRQ_A, off, pirq_mask, sizeof(off));
	pci_config_allow(lpc->fn, PIRQ_E, off, pirq_mask, sizeof(off));
	return 0;
}

void ich9_lpc_destroy(struct ich9_lpc *lpc)
{
	if (!lpc)
		return;
	if (lpc->pm_base)
		bus_remove(lpc->config.pio, lpc->pm_base, ICH9_PM_SIZE);
	pthread_mutex_destroy(&lpc->lock);
	free(lpc);
}
