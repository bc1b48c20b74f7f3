/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt routing in the monitor: a device holds an irq_line (a wire to an
 * IOAPIC pin) or sends MSIs; both end in hv_vm_send_msi(). Any thread.
 */
#ifndef BATON_CORE_IRQ_H
#define BATON_CORE_IRQ_H

#include <stdbool.h>
#include <stdint.h>

struct irq_line {
	void (*set)(void *chip, unsigned int pin, bool level);
	void *chip;
	unsigned int pin;
};

static inline void irq_set(const struct irq_line *line, bool level)
{
	line->set(line->chip, line->pin, level);
}

/* Where PCI functions' MSI-X messages go. */
struct msi_sink {
	void (*send)(void *ctx, uint64_t address, uint32_t data);
	void *ctx;
};

#endif
