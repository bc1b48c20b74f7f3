// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCI host bridge and configuration space. Two front doors, ECAM and the ports
 * 0xcf8/0xcfc, lead to one pair of functions that read and write bytes of a
 * function's space under its write mask; what a write means beyond the bytes
 * (decoding, bus mastering, MSI-X) is then worked out from the result, never
 * from the write, so that no order or width of accesses makes a difference.
 *
 * Everything here is rare and runs under the host's one lock.
 */
#include "pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "pci_private.h"

#define ECAM_SIZE (1u << 20) /* one bus: 32 devices, 8 functions, 4 KiB each */
#define PORT_BASE 0xcf8
#define PORT_SIZE 8
#define PORT_RESET 1 /* offset of 0xcf9 */
#define PORT_DATA 4 /* offset of 0xcfc */
#define ADDRESS_ENABLE 0x80000000u

#define HEADER_MULTIFUNCTION 0x80
#define COMMAND_BITS (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

#define BRIDGE_VENDOR 0x1b36 /* "generic PCIe host bridge" of the open source world */
#define BRIDGE_DEVICE 0x0008
#define BRIDGE_CLASS 0x060000

/* ---- what a write to configuration space means ---- */

static void bus_master_update(struct pci_function *fn)
{
	bool on = pci_get16(fn, PCI_COMMAND) & PCI_COMMAND_MASTER;

	if (on == atomic_load(&fn->bus_master))
		return;
	/* Off: the device finishes what it has begun, messages included, first. */
	if (on)
		atomic_store(&fn->bus_master, true);
	if (fn->config.bus_master)
		fn->config.bus_master(fn->dev, on);
	if (!on)
		atomic_store(&fn->bus_master, false);
}

static void apply_locked(struct pci_function *fn)
{
	pci_bars_remap(fn->host);
	bus_master_update(fn);
	pci_msi_update(fn);
	pci_msix_update(fn);
	pci_intx_update(fn);
}

/* Bytes past the 256 of a conventional function read 0: no extended capabilities. */
static uint32_t space_read(struct pci_function *fn, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size && offset + i < PCI_CONFIG_SIZE; i++) {
		uint8_t byte = fn->space[offset + i];

		if (offset + i == PCI_STATUS && pci_intx_pending(fn))
			byte |= PCI_STATUS_INTERRUPT;
		value |= (uint32_t)byte << (8 * i);
	}
	return value;
}

static void space_write(struct pci_function *fn, unsigned int offset, unsigned int size,
			uint32_t value)
{
	bool changed = false, own = false;

	for (unsigned int i = 0; i < size && offset + i < PCI_CONFIG_SIZE; i++) {
		uint8_t *byte = &fn->space[offset + i];
		uint8_t mask = fn->writable[offset + i];
		uint8_t new = (uint8_t)((*byte & ~mask) | ((value >> (8 * i)) & mask));

		changed |= new != *byte;
		own |= new != *byte && offset + i >= PCI_STD_HEADER_SIZEOF;
		*byte = new;
	}
	if (changed)
		apply_locked(fn);
	if (own && fn->config.config_changed)
		fn->config.config_changed(fn->dev);
}

/* ---- access by address: slot, function, register ---- */

struct config_address {
	unsigned int slot, function, offset; /* offset < 4096 */
};

static bool in_window(const struct pci_function *fn, unsigned int offset, unsigned int size)
{
	return fn->window && offset >= fn->window_offset &&
	       offset + size <= (unsigned int)fn->window_offset + fn->window_size;
}

static struct pci_function *find_locked(struct pci_host *host, const struct config_address *at)
{
	return host->function[at->slot * PCI_SLOT_FUNCTIONS + at->function];
}

/* size 1, 2 or 4. A function that is not there reads all ones. */
static uint32_t config_read(struct pci_host *host, struct config_address at, unsigned int size)
{
	struct pci_function *fn;
	uint32_t value = UINT32_MAX;
	bool window;

	pthread_mutex_lock(&host->lock);
	fn = find_locked(host, &at);
	window = fn && in_window(fn, at.offset, size);
	if (fn && !window)
		value = space_read(fn, at.offset, size);
	pthread_mutex_unlock(&host->lock);
	if (window)
		value = (uint32_t)fn->window->read(fn->dev, at.offset - fn->window_offset, size);
	return value;
}

static void config_write(struct pci_host *host, struct config_address at, unsigned int size,
			 uint32_t value)
{
	struct pci_function *fn;
	bool window;

	pthread_mutex_lock(&host->lock);
	fn = find_locked(host, &at);
	window = fn && in_window(fn, at.offset, size);
	if (fn && !window)
		space_write(fn, at.offset, size, value);
	pthread_mutex_unlock(&host->lock);
	if (window)
		fn->window->write(fn->dev, at.offset - fn->window_offset, size, value);
}

/* ---- ECAM: PCI Express base specification, 7.2.2 ---- */

static struct config_address ecam_address(uint64_t offset)
{
	return (struct config_address){
		.slot = (offset >> 15) & 31,
		.function = (offset >> 12) & 7,
		.offset = offset & 4095,
	};
}

static uint64_t ecam_read(void *dev, uint64_t offset, unsigned int size)
{
	if (size == 8)
		return ecam_read(dev, offset, 4) | ecam_read(dev, offset + 4, 4) << 32;
	return config_read(dev, ecam_address(offset), size);
}

static void ecam_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	if (size == 8) {
		ecam_write(dev, offset, 4, value & UINT32_MAX);
		ecam_write(dev, offset + 4, 4, value >> 32);
		return;
	}
	config_write(dev, ecam_address(offset), size, (uint32_t)value);
}

static const struct bus_ops ecam_ops = { ecam_read, ecam_write };

/* ---- ports: PCI Local Bus 3.0, 3.2.2.3.2 ---- */

/* False if the address latch names another bus or is switched off. */
static bool port_address(struct pci_host *host, uint64_t offset, struct config_address *ret)
{
	uint32_t latch;

	pthread_mutex_lock(&host->lock);
	latch = host->config_address;
	pthread_mutex_unlock(&host->lock);
	*ret = (struct config_address){
		.slot = (latch >> 11) & 31,
		.function = (latch >> 8) & 7,
		.offset = (latch & 0xfc) + (unsigned int)(offset - PORT_DATA),
	};
	return (latch & ADDRESS_ENABLE) && !((latch >> 16) & 0xff);
}

static bool is_reset_control(const struct pci_host *host, uint64_t offset, unsigned int size)
{
	return offset == PORT_RESET && size == 1 && host->config.reset_control;
}

static uint64_t port_read(void *dev, uint64_t offset, unsigned int size)
{
	struct pci_host *host = dev;
	struct config_address at;
	uint32_t latch;

	if (offset >= PORT_DATA)
		return port_address(host, offset, &at) ? config_read(host, at, size) : UINT32_MAX;
	if (is_reset_control(host, offset, size))
		return host->config.reset_control->read(host->config.reset_control_dev, 0, 1);
	if (offset || size != 4)
		return UINT32_MAX;
	pthread_mutex_lock(&host->lock);
	latch = host->config_address;
	pthread_mutex_unlock(&host->lock);
	return latch;
}

static void port_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_host *host = dev;
	struct config_address at;

	if (offset >= PORT_DATA) {
		if (port_address(host, offset, &at))
			config_write(host, at, size, (uint32_t)value);
	} else if (is_reset_control(host, offset, size)) {
		host->config.reset_control->write(host->config.reset_control_dev, 0, 1, value);
	} else if (!offset && size == 4) {
		pthread_mutex_lock(&host->lock);
		host->config_address = (uint32_t)value;
		pthread_mutex_unlock(&host->lock);
	}
}

static const struct bus_ops port_ops = { port_read, port_write };

/* ---- functions ---- */

static void header_init(struct pci_function *fn)
{
	const struct pci_function_config *c = &fn->config;

	pci_put16(fn, PCI_VENDOR_ID, c->vendor_id);
	pci_put16(fn, PCI_DEVICE_ID, c->device_id);
	pci_put16(fn, PCI_SUBSYSTEM_VENDOR_ID, c->subsystem_vendor_id);
	pci_put16(fn, PCI_SUBSYSTEM_ID, c->subsystem_id);
	fn->space[PCI_REVISION_ID] = c->revision;
	for (unsigned int i = 0; i < 3; i++)
		fn->space[PCI_CLASS_PROG + i] = (uint8_t)(c->class_code >> (8 * i));
	fn->writable[PCI_COMMAND] = COMMAND_BITS;
	fn->writable[PCI_COMMAND + 1] = PCI_COMMAND_INTX_DISABLE >> 8;
	fn->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	fn->writable[PCI_INTERRUPT_LINE] = 0xff;
	/* A pin without a wire would have guests look for where it leads. */
	fn->space[PCI_INTERRUPT_PIN] = c->intx && fn->host->config.intx;
}

static struct pci_function *function_alloc(struct pci_host *host,
					   const struct pci_function_config *config, void *dev)
{
	struct pci_function *fn = calloc(1, sizeof(*fn));

	if (!fn)
		return NULL;
	fn->host = host;
	fn->config = *config;
	fn->dev = dev;
	fn->capabilities_end = PCI_STD_HEADER_SIZEOF;
	header_init(fn);
	return fn;
}

static void function_free(struct pci_function *fn)
{
	pci_msix_fini(fn);
	pci_msi_fini(fn);
	free(fn);
}

static struct pci_function **place_of(const struct pci_function *fn)
{
	return &fn->host->function[fn->slot * PCI_SLOT_FUNCTIONS + fn->config.function];
}

/* PCI Local Bus 3.0, 6.2.1: header type bit 7 has guests look for more than function 0. */
static void mark_slot_locked(struct pci_host *host, unsigned int slot)
{
	struct pci_function **first = &host->function[slot * PCI_SLOT_FUNCTIONS];
	uint8_t type = 0;

	for (unsigned int i = 1; i < PCI_SLOT_FUNCTIONS; i++)
		if (first[i])
			type = HEADER_MULTIFUNCTION;
	for (unsigned int i = 0; i < PCI_SLOT_FUNCTIONS; i++)
		if (first[i])
			first[i]->space[PCI_HEADER_TYPE] = type;
}

static int slot_take_locked(struct pci_host *host, struct pci_function *fn)
{
	unsigned int slot = fn->config.slot, function = fn->config.function;

	/* A guest that finds no function 0 looks for no other. */
	if (function >= PCI_SLOT_FUNCTIONS ||
	    (function && (slot == PCI_SLOT_ANY || slot >= PCI_MAX_DEVICES ||
			  !host->function[slot * PCI_SLOT_FUNCTIONS])))
		return -EINVAL;
	if (slot == PCI_SLOT_ANY)
		while (slot < PCI_MAX_DEVICES && host->function[slot * PCI_SLOT_FUNCTIONS])
			slot++;
	fn->slot = slot;
	if (slot >= PCI_MAX_DEVICES || *place_of(fn))
		return -ENOSPC;
	*place_of(fn) = fn;
	mark_slot_locked(host, slot);
	return 0;
}

static void slot_leave_locked(struct pci_function *fn)
{
	*place_of(fn) = NULL;
	mark_slot_locked(fn->host, fn->slot);
}

static int plug_locked(struct pci_host *host, struct pci_function *fn)
{
	int error = slot_take_locked(host, fn);

	if (error)
		return error;
	error = pci_bars_init(fn);
	if (error)
		slot_leave_locked(fn);
	return error;
}

int pci_add(struct pci_host *host, const struct pci_function_config *config, void *dev,
	    struct pci_function **ret_function)
{
	struct pci_function *fn = function_alloc(host, config, dev);
	int error;

	if (!fn)
		return -ENOMEM;
	error = pci_msi_init(fn);
	if (!error)
		error = pci_msix_init(fn);
	if (error)
		goto err_free;
	pthread_mutex_lock(&host->lock);
	error = plug_locked(host, fn);
	pthread_mutex_unlock(&host->lock);
	if (error)
		goto err_free;
	*ret_function = fn;
	return 0;

err_free:
	function_free(fn);
	return error;
}

static void disable_locked(struct pci_function *fn)
{
	pci_put16(fn, PCI_COMMAND, 0);
	apply_locked(fn);
}

void pci_remove(struct pci_function *fn)
{
	struct pci_host *host;

	if (!fn)
		return;
	host = fn->host;
	pthread_mutex_lock(&host->lock);
	disable_locked(fn);
	slot_leave_locked(fn);
	pthread_mutex_unlock(&host->lock);
	function_free(fn);
}

int pci_add_capability(struct pci_function *fn, uint8_t id, const void *body, uint8_t size)
{
	unsigned int offset = fn->capabilities_end;

	if (size < 2 || offset + size > PCI_CONFIG_SIZE)
		return -ENOSPC;
	fn->space[offset] = id;
	memcpy(&fn->space[offset + 2], body, size - 2u);
	if (fn->last_capability)
		fn->space[fn->last_capability + PCI_CAP_LIST_NEXT] = (uint8_t)offset;
	else
		fn->space[PCI_CAPABILITY_LIST] = (uint8_t)offset;
	fn->space[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	fn->last_capability = (uint8_t)offset;
	fn->capabilities_end = (offset + size + 3) & ~3u;
	return (int)offset;
}

void pci_set_config_window(struct pci_function *fn, uint8_t offset, uint8_t size,
			   const struct bus_ops *ops)
{
	fn->window_offset = offset;
	fn->window_size = size;
	fn->window = ops;
}

void pci_config_allow(struct pci_function *fn, uint8_t offset, const void *values,
		      const void *masks, uint8_t size)
{
	memcpy(&fn->space[offset], values, size);
	memcpy(&fn->initial[offset], values, size);
	memset(&fn->own[offset], true, size);
	memcpy(&fn->writable[offset], masks, size);
}

uint32_t pci_config_get(const struct pci_function *fn, uint8_t offset, uint8_t size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)fn->space[offset + i] << (8 * i);
	return value;
}

bool pci_bus_master(struct pci_function *fn)
{
	return atomic_load(&fn->bus_master);
}

unsigned int pci_slot(const struct pci_function *fn)
{
	return fn->slot;
}

/* ---- the host ---- */

static int add_bridge(struct pci_host *host)
{
	static const struct pci_function_config plain = {
		.name = "pci host bridge",
		.vendor_id = BRIDGE_VENDOR,
		.device_id = BRIDGE_DEVICE,
		.class_code = BRIDGE_CLASS,
	};
	const struct pci_function_config *bridge = host->config.bridge;
	struct pci_function *fn;

	return pci_add(host, bridge ? bridge : &plain, host->config.bridge_dev, &fn);
}

struct pci_function *pci_host_bridge(struct pci_host *host)
{
	return host->function[0];
}

void pci_host_move_ecam(struct pci_host *host, uint64_t base)
{
	struct bus *mmio = host->config.mmio;

	if (base == host->ecam)
		return;
	if (host->ecam)
		bus_remove(mmio, host->ecam, ECAM_SIZE);
	host->ecam = 0;
	if (base && !bus_add(mmio, base, ECAM_SIZE, &ecam_ops, host, "pci ecam"))
		host->ecam = base;
}

static int add_front_doors(struct pci_host *host)
{
	const struct pci_host_config *c = &host->config;
	int error = bus_add(c->pio, PORT_BASE, PORT_SIZE, &port_ops, host, "pci ports");

	if (error)
		return error;
	pci_host_move_ecam(host, c->ecam_base);
	if (host->ecam == c->ecam_base)
		return 0;
	bus_remove(c->pio, PORT_BASE, PORT_SIZE);
	return -EEXIST;
}

static void remove_front_doors(struct pci_host *host)
{
	pci_host_move_ecam(host, 0);
	bus_remove(host->config.pio, PORT_BASE, PORT_SIZE);
}

static void host_free(struct pci_host *host)
{
	for (unsigned int i = 0; i < PCI_MAX_FUNCTIONS; i++)
		pci_remove(host->function[i]);
	pthread_mutex_destroy(&host->intx_lock);
	pthread_mutex_destroy(&host->lock);
	free(host);
}

int pci_host_create(const struct pci_host_config *config, struct pci_host **ret_host)
{
	struct pci_host *host = calloc(1, sizeof(*host));
	int error;

	if (!host)
		return -ENOMEM;
	pthread_mutex_init(&host->lock, NULL);
	pthread_mutex_init(&host->intx_lock, NULL);
	host->config = *config;
	error = add_bridge(host);
	if (!error)
		error = add_front_doors(host);
	if (error) {
		host_free(host);
		return error;
	}
	*ret_host = host;
	return 0;
}

void pci_host_destroy(struct pci_host *host)
{
	if (!host)
		return;
	remove_front_doors(host);
	host_free(host);
}

/* Registers of the device's own, not those of capabilities. */
static void own_registers_reset_locked(struct pci_function *fn)
{
	bool changed = false;

	for (unsigned int i = PCI_STD_HEADER_SIZEOF; i < PCI_CONFIG_SIZE; i++) {
		if (fn->initial[i] == fn->space[i] || !fn->own[i])
			continue;
		fn->space[i] = fn->initial[i];
		changed = true;
	}
	if (changed && fn->config.config_changed)
		fn->config.config_changed(fn->dev);
}

static void function_reset_locked(struct pci_function *fn)
{
	disable_locked(fn);
	own_registers_reset_locked(fn);
	pci_msi_reset(fn);
	pci_msix_reset(fn);
	pci_bars_restore(fn);
	fn->space[PCI_CACHE_LINE_SIZE] = 0;
	fn->space[PCI_INTERRUPT_LINE] = 0;
	if (fn->config.reset)
		fn->config.reset(fn->dev);
}

void pci_host_reset(struct pci_host *host)
{
	pthread_mutex_lock(&host->lock);
	host->config_address = 0;
	for (unsigned int i = 0; i < PCI_MAX_FUNCTIONS; i++)
		if (host->function[i])
			function_reset_locked(host->function[i]);
	pthread_mutex_unlock(&host->lock);
}
