/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LPC bridge of an ICH9 (8086:2918) at 00:1f.0: where the power-management ports
 * are, and which interrupts PCI's pins become. INTA# of slot n is PIRQ[E-H] by n mod 4,
 * from slot 25 on PIRQ[A-D]; PIRQ n is IOAPIC pin 16 + n, and the ISA interrupt that the
 * guest routes it to: at the 8259, and at the IOAPIC's pin of that number, where a system
 * looks that has its routing from the BIOS's MP table and not from ACPI.
 * Intel I/O Controller Hub 9 data sheet, "LPC Interface Bridge Registers (D31:F0)".
 */
#ifndef BATON_DEV_ICH9_LPC_H
#define BATON_DEV_ICH9_LPC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/irq.h"
#include "core/pci.h"

#define ICH9_LPC_SLOT 31u
#define ICH9_PIRQS 8u
#define ICH9_PM_SIZE 128u	/* ports at PMBASE */
#define ICH9_FIRST_PCI_PIN 16u	/* of the IOAPIC: PIRQA */

struct ich9_lpc;

struct ich9_lpc_config {
	struct bus *pio;
	struct irq_line isa;		/* its `pin` is not looked at */
	struct irq_line ioapic;		/* neither */
	const struct bus_ops *pm_ops;	/* answers at PMBASE while ACPI_EN is set */
	void *pm;
};

struct ich9_lpc *ich9_lpc_create(const struct ich9_lpc_config *config);
/* Plugs it in. Before vCPUs run. 0 or a negative errno. */
int ich9_lpc_plug(struct ich9_lpc *lpc, struct pci_host *host);
void ich9_lpc_destroy(struct ich9_lpc *lpc);	/* after the PCI host; NULL is fine */
/* For pci_host_config.intx; ctx is the struct. */
void ich9_lpc_intx(void *ctx, unsigned int slot, bool level);
/* Which PIRQ (0 is A) INTA# of a slot is: also for ACPI's _PRT. */
unsigned int ich9_lpc_pirq(unsigned int slot);

#endif
