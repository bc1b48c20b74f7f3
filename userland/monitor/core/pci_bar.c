// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Base address registers: where a function answers on the buses. The registers
 * themselves are bytes of configuration space (pci.c); this file gives them
 * their place and masks and keeps the buses in line with them. A BAR that the
 * guest moves onto something else is not mapped until it moves on.
 * PCI Local Bus 3.0, section 6.2.5 "Base Addresses".
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "pci_private.h"

#define PORT_SPACE 0x10000ull
#define MEM32_SPACE 0x100000000ull
#define IO_BAR_MAX 256u /* section 6.2.5.1: at most 256 locations */

struct window {
	uint64_t base, size;
};

static uint32_t bar_flags(const struct pci_bar *bar)
{
	if (bar->io)
		return PCI_BASE_ADDRESS_SPACE_IO;
	return (bar->is64 ? PCI_BASE_ADDRESS_MEM_TYPE_64 : PCI_BASE_ADDRESS_MEM_TYPE_32) |
	       (bar->prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);
}

/* Bits of the register that hold flags, not the address. */
static uint32_t bar_flag_mask(const struct pci_bar *bar)
{
	return bar->io ? 0x3 : 0xf;
}

static unsigned int bar_register(unsigned int index)
{
	return PCI_BASE_ADDRESS_0 + 4 * index;
}

static uint32_t get32(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void put32(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t bar_get(const struct pci_function *fn, unsigned int index)
{
	const struct pci_bar *bar = &fn->config.bar[index];
	uint64_t address = get32(&fn->space[bar_register(index)]) & ~bar_flag_mask(bar);

	if (bar->is64)
		address |= (uint64_t)get32(&fn->space[bar_register(index + 1)]) << 32;
	return address;
}

static void bar_put(struct pci_function *fn, unsigned int index, uint64_t address)
{
	const struct pci_bar *bar = &fn->config.bar[index];

	put32(&fn->space[bar_register(index)], (uint32_t)address | bar_flags(bar));
	if (bar->is64)
		put32(&fn->space[bar_register(index + 1)], (uint32_t)(address >> 32));
}

static bool bar_valid(const struct pci_function_config *config, unsigned int index)
{
	const struct pci_bar *bar = &config->bar[index];

	if (bar->size & (bar->size - 1) || !bar->ops)
		return false;
	if (bar->io)
		return !bar->is64 && bar->size >= 4 && bar->size <= IO_BAR_MAX;
	if (bar->size < 16)
		return false;
	if (!bar->is64)
		return bar->size < MEM32_SPACE;
	return index + 1 < PCI_BARS && !config->bar[index + 1].size;
}

static struct window bar_window(const struct pci_host *host, const struct pci_bar *bar)
{
	const struct pci_host_config *c = &host->config;

	if (bar->io)
		return (struct window){ c->pio_base, c->pio_size };
	if (bar->is64 && c->mmio64_size)
		return (struct window){ c->mmio64_base, c->mmio64_size };
	return (struct window){ c->mmio32_base, c->mmio32_size };
}

/* Whether a BAR of any function was given part of [base, base + size). */
static bool assigned(const struct pci_host *host, bool io, uint64_t base, uint64_t size)
{
	for (unsigned int at = 0; at < PCI_MAX_FUNCTIONS; at++) {
		const struct pci_function *fn = host->function[at];

		for (unsigned int i = 0; fn && i < PCI_BARS; i++) {
			const struct pci_bar *bar = &fn->config.bar[i];
			uint64_t other = fn->bar[i].assigned;

			if (bar->size && bar->io == io && other < base + size &&
			    base < other + bar->size)
				return true;
		}
	}
	return false;
}

/* First fit, naturally aligned. fn is in its slot, so its earlier BARs count. */
static int bar_assign(struct pci_function *fn, unsigned int index)
{
	const struct pci_bar *bar = &fn->config.bar[index];
	struct window window = bar_window(fn->host, bar);
	uint64_t end = window.base + window.size;
	uint64_t base = (window.base + bar->size - 1) & ~(bar->size - 1);

	for (; base >= window.base && base < end && bar->size <= end - base; base += bar->size) {
		if (!assigned(fn->host, bar->io, base, bar->size)) {
			fn->bar[index].assigned = base;
			return 0;
		}
	}
	return -ENOSPC;
}

static void bar_set_mask(struct pci_function *fn, unsigned int index)
{
	const struct pci_bar *bar = &fn->config.bar[index];
	uint64_t mask = ~(bar->size - 1) & ~(uint64_t)bar_flag_mask(bar);

	put32(&fn->writable[bar_register(index)], (uint32_t)mask);
	if (bar->is64)
		put32(&fn->writable[bar_register(index + 1)], (uint32_t)(mask >> 32));
}

int pci_bars_init(struct pci_function *fn)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		int error;

		if (!fn->config.bar[i].size)
			continue;
		if (!bar_valid(&fn->config, i))
			return -EINVAL;
		error = bar_assign(fn, i);
		if (error)
			return error;
		bar_set_mask(fn, i);
	}
	pci_bars_restore(fn);
	return 0;
}

void pci_bars_restore(struct pci_function *fn)
{
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (fn->config.bar[i].size)
			bar_put(fn, i, fn->bar[i].assigned);
}

/* Whether the guest wants the BAR decoded, and where. */
static bool bar_wanted(const struct pci_function *fn, unsigned int index, uint64_t *address)
{
	const struct pci_bar *bar = &fn->config.bar[index];
	uint16_t enable = bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
	uint64_t space = bar->io ? PORT_SPACE : bar->is64 ? UINT64_MAX : MEM32_SPACE;

	if (!bar->size || !(pci_get16(fn, PCI_COMMAND) & enable))
		return false;
	*address = bar_get(fn, index);
	return *address && *address < space && bar->size <= space - *address;
}

static struct bus *bar_bus(const struct pci_function *fn, unsigned int index)
{
	const struct pci_host_config *c = &fn->host->config;

	return fn->config.bar[index].io ? c->pio : c->mmio;
}

static void bar_notify(struct pci_function *fn, unsigned int index)
{
	if (fn->config.bar_mapped)
		fn->config.bar_mapped(fn->dev, index, fn->bar[index].address,
				      fn->bar[index].mapped);
}

static void bar_unmap_stale(struct pci_function *fn, unsigned int index)
{
	struct pci_bar_state *state = &fn->bar[index];
	uint64_t wanted;

	if (!state->mapped || (bar_wanted(fn, index, &wanted) && wanted == state->address))
		return;
	state->mapped = false;
	bar_notify(fn, index);
	bus_remove(bar_bus(fn, index), state->address, fn->config.bar[index].size);
}

static void bar_map_wanted(struct pci_function *fn, unsigned int index)
{
	const struct pci_bar *bar = &fn->config.bar[index];
	struct pci_bar_state *state = &fn->bar[index];
	bool own = fn->msix && index == fn->config.msix_bar;
	uint64_t wanted;

	if (state->mapped || !bar_wanted(fn, index, &wanted))
		return;
	if (bus_add(bar_bus(fn, index), wanted, bar->size, bar->ops, own ? fn : fn->dev,
		    fn->config.name))
		return;
	state->address = wanted;
	state->mapped = true;
	bar_notify(fn, index);
}

static void each_bar(struct pci_host *host, void (*step)(struct pci_function *, unsigned int))
{
	for (unsigned int at = 0; at < PCI_MAX_FUNCTIONS; at++)
		for (unsigned int i = 0; host->function[at] && i < PCI_BARS; i++)
			step(host->function[at], i);
}

/* All go before any comes, so that BARs can swap places. */
void pci_bars_remap(struct pci_host *host)
{
	each_bar(host, bar_unmap_stale);
	each_bar(host, bar_map_wanted);
}

uint64_t pci_bar_address(struct pci_function *fn, unsigned int bar)
{
	uint64_t address = 0;

	pthread_mutex_lock(&fn->host->lock);
	if (bar < PCI_BARS && fn->config.bar[bar].size)
		address = bar_get(fn, bar);
	pthread_mutex_unlock(&fn->host->lock);
	return address;
}
