/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CD drive at an AHCI controller in a machine without CPUs, and a driver that works it
 * through the buses and guest memory. There is no thread: the drive does its part when
 * rig_run() says so, and reads come from `disc` when the test lets them. Also for fuzzing.
 */
#ifndef BATON_TESTS_AHCI_DRIVER_H
#define BATON_TESTS_AHCI_DRIVER_H

#include "virtio_driver.h"

#include "dev/ahci.h"
#include "dev/sata_cd.h"

/* Where the driver has its structures. */
#define RIG_LIST 0x10000u
#define RIG_FRAMES 0x11000u
#define RIG_TABLES 0x20000u
#define RIG_TABLE_SIZE 0x1000u
#define RIG_DATA 0x100000u

#define RIG_AT ((AHCI_SLOT << 15) + (AHCI_FUNCTION << 12))
#define PORT(offset) (0x100u + (offset))
enum { PX_CLB = 0x00, PX_FB = 0x08, PX_IS = 0x10, PX_IE = 0x14, PX_CMD = 0x18, PX_TFD = 0x20,
       PX_SIG = 0x24, PX_SSTS = 0x28, PX_SCTL = 0x2c, PX_SERR = 0x30, PX_CI = 0x38 };

struct rig {
	struct test_machine *t;
	struct ahci *hba;
	struct sata_cd *cd;
	uint64_t abar;
	uint32_t blocks;
	bool woken;		/* the drive asked to be served */
	bool reading;		/* it asked for a read, which is not done */
	bool hold_reads;	/* rig_run() leaves them to the test */
	int read_error;		/* what comes of reads */
	uint32_t reads, read_lba, read_count;
	uint8_t *buffer;
};

/* Byte `at` of the disc. */
static inline uint8_t rig_disc(uint64_t at)
{
	return (uint8_t)(at ^ at >> 11);
}

static inline void rig_wake(void *ctx)
{
	((struct rig *)ctx)->woken = true;
}

static inline void rig_read(void *ctx, uint32_t lba, uint32_t count, void *buffer)
{
	struct rig *rig = ctx;

	if (rig->reading || !count || count > SATA_CD_BLOCKS || lba >= rig->blocks ||
	    count > rig->blocks - lba)
		abort();
	rig->reading = true;
	rig->reads++;
	rig->read_lba = lba;
	rig->read_count = count;
	rig->buffer = buffer;
}

static inline void rig_read_done(struct rig *rig)
{
	for (uint32_t i = 0; i < rig->read_count * ATAPI_BLOCK; i++)
		rig->buffer[i] = rig_disc((uint64_t)rig->read_lba * ATAPI_BLOCK + i);
	rig->reading = false;
	sata_cd_read_done(rig->cd, rig->read_error);
}

/* What the drive's thread would do until it slept. */
static inline void rig_run(struct rig *rig)
{
	bool more = true;

	rig->woken = false;
	while (more) {
		more = sata_cd_serve(rig->cd);
		if (rig->reading && !rig->hold_reads)
			rig_read_done(rig);
	}
}

static inline uint32_t rig_get(struct rig *rig, unsigned int offset)
{
	return (uint32_t)bus_read(rig->t->m.mmio, rig->abar + offset, 4);
}

static inline void rig_set(struct rig *rig, unsigned int offset, uint32_t value)
{
	bus_write(rig->t->m.mmio, rig->abar + offset, 4, value);
}

static inline void *rig_ram(struct rig *rig, uint64_t gpa)
{
	return guest_memory_at(rig->t->m.memory, gpa, 1);
}

static inline void rig_init(struct rig *rig, uint32_t blocks)
{
	static const struct pci_function_config lpc = { .name = "lpc", .slot = AHCI_SLOT };
	struct sata_cd_config config = {
		.blocks = blocks, .wake = rig_wake, .read = rig_read, .ctx = rig,
	};
	struct pci_function *fn;

	*rig = (struct rig){ .t = test_machine_create(), .blocks = blocks };
	rig->hba = ahci_create(rig->t->m.memory);
	rig->cd = rig->hba ? sata_cd_create(rig->hba, &config) : NULL;
	if (!rig->cd || pci_add(rig->t->m.pci, &lpc, NULL, &fn) ||
	    ahci_plug(rig->hba, rig->t->m.pci))
		abort();
	rig->abar = bus_read(rig->t->m.mmio, TEST_ECAM + RIG_AT + PCI_BASE_ADDRESS_5, 4);
	bus_write(rig->t->m.mmio, TEST_ECAM + RIG_AT + PCI_COMMAND, 2,
		  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static inline void rig_fini(struct rig *rig)
{
	sata_cd_destroy(rig->cd);
	ahci_destroy(rig->hba);
	test_machine_destroy(rig->t);
}

/* MSI with data 7, frames received, commands taken. */
static inline void rig_start(struct rig *rig)
{
	uint64_t config = TEST_ECAM + RIG_AT;
	uint8_t msi = (uint8_t)bus_read(rig->t->m.mmio, config + PCI_CAPABILITY_LIST, 1);

	bus_write(rig->t->m.mmio, config + msi + PCI_MSI_ADDRESS_LO, 4, MSI_ADDRESS);
	bus_write(rig->t->m.mmio, config + msi + PCI_MSI_DATA_64, 2, 7);
	bus_write(rig->t->m.mmio, config + msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	rig_set(rig, 0x04, 1u << 31 | 2);
	rig_set(rig, PORT(PX_CLB), RIG_LIST);
	rig_set(rig, PORT(PX_FB), RIG_FRAMES);
	rig_set(rig, PORT(PX_SERR), UINT32_MAX);
	rig_set(rig, PORT(PX_IS), UINT32_MAX);
	rig_set(rig, PORT(PX_IE), UINT32_MAX);
	rig_set(rig, PORT(PX_CMD), 0x10);
	rig_set(rig, PORT(PX_CMD), 0x11);
}

static inline void rig_restart(struct rig *rig)
{
	rig_set(rig, PORT(PX_CMD), 0x10);
	rig_set(rig, PORT(PX_SERR), UINT32_MAX);
	rig_set(rig, PORT(PX_IS), UINT32_MAX);
	rig_set(rig, 0x08, UINT32_MAX);
	rig_set(rig, PORT(PX_CMD), 0x11);
}

/* A slot's table: the frame as given, the packet, one buffer of `size` bytes at RIG_DATA. */
static inline void rig_fill(struct rig *rig, unsigned int slot, const uint8_t frame[20],
			    const uint8_t *packet, uint32_t size)
{
	uint64_t table = RIG_TABLES + slot * RIG_TABLE_SIZE;
	uint32_t header[8] = { 5 | (size ? 1u << 16 : 0), 0xffffffff, (uint32_t)table };
	uint32_t buffer[4] = { RIG_DATA, 0, 0, size - 1 };

	memcpy(rig_ram(rig, RIG_LIST + 32 * slot), header, sizeof(header));
	memset(rig_ram(rig, table), 0, 0x80);
	memcpy(rig_ram(rig, table), frame, 20);
	if (packet)
		memcpy(rig_ram(rig, table + 0x40), packet, 12);
	memcpy(rig_ram(rig, table + 0x80), buffer, sizeof(buffer));
}

static inline void rig_issue(struct rig *rig, unsigned int slot)
{
	rig_set(rig, PORT(PX_CI), 1u << slot);
	if (rig->woken)
		rig_run(rig);
}

/* A command without packet in slot 0; its status and error, as PxTFD has them. */
static inline uint32_t rig_command(struct rig *rig, uint8_t command, uint8_t feature,
				   uint8_t count, uint32_t size)
{
	const uint8_t frame[20] = { 0x27, 0x80, command, feature, [12] = count };

	rig_fill(rig, 0, frame, NULL, size);
	rig_issue(rig, 0);
	return rig_get(rig, PORT(PX_TFD));
}

/* PACKET by DMA in slot 0. */
static inline uint32_t rig_packet(struct rig *rig, const uint8_t packet[12], uint32_t size)
{
	const uint8_t frame[20] = { 0x27, 0x80, 0xa0, 1 };

	rig_fill(rig, 0, frame, packet, size);
	rig_issue(rig, 0);
	return rig_get(rig, PORT(PX_TFD));
}

/* Bytes that slot 0's command moved. */
static inline uint32_t rig_moved(struct rig *rig)
{
	uint32_t bytes;

	memcpy(&bytes, rig_ram(rig, RIG_LIST + 4), sizeof(bytes));
	return bytes;
}

#endif
