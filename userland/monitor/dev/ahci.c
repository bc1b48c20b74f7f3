// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See ahci.h: the controller's own registers, its interrupt, and it as a PCI function.
 * There is one lock for all ports: what is done under it is register work and copying of
 * data that is in memory already.
 */
#include "ahci_private.h"

#include <errno.h>
#include <stdlib.h>

#define VENDOR_INTEL 0x8086
#define DEVICE_AHCI 0x2922
#define CLASS_AHCI 0x010601
#define ABAR 5
#define ABAR_SIZE 0x1000u

/* Intel's own configuration registers. */
#define CONFIG_MAP 0x90
#define MAP_AHCI 0x40u
#define CONFIG_PCS 0x92

#define CAP 0x00
#define GHC 0x04
#define IS 0x08
#define PI 0x0c
#define VS 0x10
#define PORTS 0x100u
#define PORT_SIZE 0x80u

#define CAP_64BIT (1u << 31)
#define CAP_OVERRIDE (1u << 24)
#define CAP_3GBIT (2u << 20)
#define CAP_AHCI_ONLY (1u << 18)
#define CAP_SLOTS ((AHCI_SLOTS - 1) << 8)
#define VERSION 0x00010301u
#define GHC_AHCI (1u << 31)
#define GHC_IRQ (1u << 1)
#define GHC_RESET (1u << 0)

const struct state_field ahci_fields[] = {
	STATE_FIELD(struct ahci, ghc),
	STATE_FIELD(struct ahci, is),
	STATE_FIELD(struct ahci, level),
	STATE_FIELD(struct ahci, bus_master),
};
const size_t ahci_field_count = sizeof(ahci_fields) / sizeof(ahci_fields[0]);

/* ---- interrupt ---- */

/*
 * A message goes out when a port newly has something to say, also if it still has after
 * the guest has cleared its bit: so none is lost, whatever the order of clearing.
 */
void ahci_update_irq(struct ahci *hba)
{
	uint32_t before = hba->is;
	bool level, news;

	for (unsigned int i = 0; i < hba->port_count; i++)
		if (ahci_port_status(&hba->port[i]) & hba->port[i].ie)
			hba->is |= 1u << i;
	level = hba->ghc & GHC_IRQ && hba->is;
	news = level && (!hba->level || hba->is & ~before);
	hba->level = level;
	if (!hba->fn)
		return;
	pci_intx_set(hba->fn, level);
	if (news)
		pci_msi_send(hba->fn);
}

/* ---- registers ---- */

static uint32_t implemented(const struct ahci *hba)
{
	return (1u << hba->port_count) - 1;
}

/* Ports that have nothing are not there: guests would wait for each. */
static uint32_t global_read(const struct ahci *hba, unsigned int offset)
{
	switch (offset) {
	case CAP:
		return CAP_64BIT | CAP_OVERRIDE | CAP_3GBIT | CAP_AHCI_ONLY | CAP_SLOTS |
		       (AHCI_PORTS - 1);
	case GHC: return hba->ghc;
	case IS: return hba->is;
	case PI: return implemented(hba);
	case VS: return VERSION;
	default: return 0;
	}
}

static void reset_locked(struct ahci *hba, bool all)
{
	hba->ghc = GHC_AHCI;
	hba->is = 0;
	for (unsigned int i = 0; i < hba->port_count; i++)
		ahci_port_reset(&hba->port[i], all);
	ahci_update_irq(hba);
}

static void global_write(struct ahci *hba, unsigned int offset, uint32_t value, uint32_t mask)
{
	if (offset == GHC && value & GHC_RESET) {
		reset_locked(hba, false);
	} else if (offset == GHC) {
		ahci_set(&hba->ghc, value, mask, GHC_IRQ);
		ahci_update_irq(hba);
	} else if (offset == IS) {
		hba->is &= ~value;
		ahci_update_irq(hba);
	}
}

/* `at` is a multiple of 4. */
static uint32_t read_locked(struct ahci *hba, unsigned int at)
{
	unsigned int port = (at - PORTS) / PORT_SIZE;

	if (at < PORTS)
		return global_read(hba, at);
	return port < hba->port_count ? ahci_port_read(&hba->port[port], at % PORT_SIZE) : 0;
}

static void write_locked(struct ahci *hba, unsigned int at, uint32_t value, uint32_t mask)
{
	unsigned int port = (at - PORTS) / PORT_SIZE;

	if (at < PORTS)
		global_write(hba, at, value, mask);
	else if (port < hba->port_count)
		ahci_port_write(&hba->port[port], at % PORT_SIZE, value, mask);
}

/* Registers have 32 bits: wider accesses are two, narrower ones reach a part. */
static uint64_t abar_read(void *dev, uint64_t offset, unsigned int size)
{
	struct ahci *hba = dev;
	unsigned int at = (unsigned int)offset;
	uint64_t value;

	if (at & (size - 1))
		return 0;
	pthread_mutex_lock(&hba->lock);
	value = read_locked(hba, at & ~3u) >> 8 * (at & 3);
	if (size == 8)
		value |= (uint64_t)read_locked(hba, at + 4) << 32;
	pthread_mutex_unlock(&hba->lock);
	return size < 4 ? value & ((1u << 8 * size) - 1) : value;
}

static void abar_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct ahci *hba = dev;
	unsigned int at = (unsigned int)offset, lane = 8 * (at & 3);
	uint32_t mask = size < 4 ? ((1u << 8 * size) - 1) << lane : UINT32_MAX;

	if (at & (size - 1))
		return;
	pthread_mutex_lock(&hba->lock);
	write_locked(hba, at & ~3u, (uint32_t)value << lane & mask, mask);
	if (size == 8)
		write_locked(hba, at + 4, (uint32_t)(value >> 32), UINT32_MAX);
	pthread_mutex_unlock(&hba->lock);
}

static const struct bus_ops abar_ops = { .read = abar_read, .write = abar_write };

/* ---- PCI ---- */

/* Off: no access to memory any more from here on, as that needs the lock. */
static void bus_master(void *dev, bool on)
{
	struct ahci *hba = dev;

	pthread_mutex_lock(&hba->lock);
	hba->bus_master = on;
	for (unsigned int i = 0; i < hba->port_count; i++)
		ahci_port_wake(&hba->port[i]);
	pthread_mutex_unlock(&hba->lock);
}

static void reset(void *dev)
{
	struct ahci *hba = dev;

	pthread_mutex_lock(&hba->lock);
	reset_locked(hba, true);
	pthread_mutex_unlock(&hba->lock);
}

/* The mode, and which ports are on (low byte) and have something (high byte). */
static void add_config_registers(struct ahci *hba)
{
	const uint8_t ports = (uint8_t)implemented(hba);
	const uint8_t map = MAP_AHCI, map_mask = 0;
	const uint8_t pcs[2] = { ports, ports }, pcs_mask[2] = { (1u << AHCI_PORTS) - 1, 0 };

	pci_config_allow(hba->fn, CONFIG_MAP, &map, &map_mask, 1);
	pci_config_allow(hba->fn, CONFIG_PCS, pcs, pcs_mask, 2);
}

int ahci_plug(struct ahci *hba, struct pci_host *host)
{
	static const struct pci_function_config config = {
		.name = "ahci",
		.slot = AHCI_SLOT,
		.function = AHCI_FUNCTION,
		.vendor_id = VENDOR_INTEL,
		.device_id = DEVICE_AHCI,
		.class_code = CLASS_AHCI,
		.revision = 2,
		.intx = true,
		.msi = true,
		.bar[ABAR] = { .size = ABAR_SIZE, .ops = &abar_ops },
		.bus_master = bus_master,
		.reset = reset,
	};
	int error = pci_add(host, &config, hba, &hba->fn);

	if (!error)
		add_config_registers(hba);
	return error;
}

struct ahci *ahci_create(struct guest_memory *memory)
{
	struct ahci *hba = calloc(1, sizeof(*hba));

	if (!hba)
		return NULL;
	hba->memory = memory;
	hba->ghc = GHC_AHCI;
	pthread_mutex_init(&hba->lock, NULL);
	return hba;
}

void ahci_destroy(struct ahci *hba)
{
	if (!hba)
		return;
	pci_remove(hba->fn);
	pthread_mutex_destroy(&hba->lock);
	free(hba);
}

struct ahci_port *ahci_attach(struct ahci *hba, const struct sata_device_ops *ops, void *dev)
{
	struct ahci_port *port = &hba->port[hba->port_count];

	if (hba->port_count == AHCI_PORTS)
		return NULL;
	hba->port_count++;
	*port = (struct ahci_port){ .hba = hba, .ops = ops, .dev = dev, .slot = NO_SLOT };
	pthread_mutex_lock(&hba->lock);
	ahci_port_reset(port, true);
	pthread_mutex_unlock(&hba->lock);
	return port;
}

unsigned int ahci_port_number(const struct ahci_port *port)
{
	return (unsigned int)(port - port->hba->port);
}
