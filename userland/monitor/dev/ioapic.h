/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC (Intel 82093AA): 24 pins whose level and edges become MSI messages.
 */
#ifndef BATON_DEV_IOAPIC_H
#define BATON_DEV_IOAPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/irq.h"
#include "core/machine.h"

#define IOAPIC_BASE 0xfec00000ull
#define IOAPIC_SIZE 0x1000u
#define IOAPIC_PINS 24u
#define IOAPIC_ID 0u

struct ioapic;

struct ioapic_config {
	struct msi_sink msi;
	/* tells the engine what a pin sends (hv_vm_set_ioapic_route); may be NULL */
	void (*route)(void *ctx, unsigned int pin, uint64_t address, uint32_t data, bool level);
	void *ctx;
};

struct ioapic *ioapic_create(const struct ioapic_config *config);
void ioapic_destroy(struct ioapic *ioapic);	/* NULL is fine */
/* Any thread. An edge is a change to true. */
void ioapic_set(void *ioapic, unsigned int pin, bool level);
/* The local APICs saw the EOI of a level-triggered vector. Any thread. */
void ioapic_eoi(struct ioapic *ioapic, uint32_t vector);

extern const struct bus_ops ioapic_bus_ops;
/* State for save and debugging; ioapic_refresh() after the fields were set. */
extern const struct state_field ioapic_fields[];
extern const size_t ioapic_field_count;
void ioapic_refresh(struct ioapic *ioapic);

#endif
