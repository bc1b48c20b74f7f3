/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address decoding of ports and MMIO: ranges, each with a device's handlers.
 * Lookups take no lock that sleeps; ranges may be added and taken away while
 * vCPUs run (PCI BARs move). A handler runs on the vCPU's thread and locks its
 * own device. Accesses that hit no range read all ones and write nothing, as
 * on hardware; one that straddles a range's end is split into bytes.
 */
#ifndef BATON_CORE_BUS_H
#define BATON_CORE_BUS_H

#include <stdint.h>

struct bus;

struct bus_ops {
	/* offset is relative to the range; size 1, 2, 4, 8 */
	uint64_t (*read)(void *dev, uint64_t offset, unsigned int size);
	void (*write)(void *dev, uint64_t offset, unsigned int size, uint64_t value);
};

#define BUS_MAX_RANGES 256	/* bus_add() says -ENOSPC beyond */

struct bus *bus_create(void);
void bus_destroy(struct bus *bus);
/* -EEXIST on overlap. name is kept by reference, for messages. */
int bus_add(struct bus *bus, uint64_t base, uint64_t size,
	    const struct bus_ops *ops, void *dev, const char *name);
void bus_remove(struct bus *bus, uint64_t base, uint64_t size);
uint64_t bus_read(struct bus *bus, uint64_t addr, unsigned int size);
void bus_write(struct bus *bus, uint64_t addr, unsigned int size, uint64_t value);

#endif
