/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See pam.h. A piece that reads one thing is shown to the engine as a window, so that
 * code in it runs at full speed; what the window cannot do (writes to what is read-only
 * there, reads of nothing) exits and ends in the bus range over the whole area.
 *
 * The attributes are kept as atomics because the bus range reads them on any thread.
 * They have no state of their own to save: they are the chipset's registers.
 */
#include "pam.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define AREA_START MEMORY_PC_SHADOW
#define AREA_SIZE (MEMORY_PC_PLAIN - MEMORY_PC_SHADOW)
#define PIECE_SIZE 0x4000u
#define LAST_PIECE (PAM_PIECES - 1)
#define FIRMWARE_OFFSET (AREA_SIZE - PAM_FIRMWARE_SIZE)

#define READS_RAM 1u
#define WRITES_RAM 2u

struct pam {
	struct pam_config config;
	uint8_t *ram;			/* all of the area */
	_Atomic(uint8_t) attribute[PAM_PIECES];
};

static uint64_t piece_offset(unsigned int piece)
{
	return (uint64_t)piece * PIECE_SIZE;
}

static uint64_t piece_size(unsigned int piece)
{
	return piece == LAST_PIECE ? AREA_SIZE - piece_offset(LAST_PIECE) : PIECE_SIZE;
}

static unsigned int piece_of(uint64_t offset)
{
	unsigned int piece = (unsigned int)(offset / PIECE_SIZE);

	return piece < LAST_PIECE ? piece : LAST_PIECE;
}

/* What reads see there; NULL: nothing. */
static const uint8_t *source(const struct pam *pam, unsigned int piece)
{
	uint64_t offset = piece_offset(piece);

	if (atomic_load(&pam->attribute[piece]) & READS_RAM)
		return pam->ram + offset;
	return offset >= FIRMWARE_OFFSET ? pam->config.firmware + (offset - FIRMWARE_OFFSET) :
					   NULL;
}

static void show(struct pam *pam, unsigned int piece)
{
	bool writable = atomic_load(&pam->attribute[piece]) == (READS_RAM | WRITES_RAM);
	const uint8_t *from = source(pam, piece);

	guest_memory_unmap(pam->config.memory, WINDOW_PAM + piece);
	if (from) /* on failure accesses exit, which is slow and right */
		guest_memory_map(pam->config.memory, WINDOW_PAM + piece,
				 AREA_START + piece_offset(piece), piece_size(piece),
				 (void *)(uintptr_t)from, !writable);
}

void pam_set(struct pam *pam, unsigned int piece, bool reads_ram, bool writes_ram)
{
	uint8_t new = (reads_ram ? READS_RAM : 0) | (writes_ram ? WRITES_RAM : 0);

	if (piece < PAM_PIECES && atomic_exchange(&pam->attribute[piece], new) != new)
		show(pam, piece);
}

static uint64_t pam_read(void *dev, uint64_t offset, unsigned int size)
{
	const struct pam *pam = dev;
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++) {
		unsigned int piece = piece_of(offset + i);
		const uint8_t *from = source(pam, piece);
		uint8_t byte = from ? from[offset + i - piece_offset(piece)] : 0xff;

		value |= (uint64_t)byte << (8 * i);
	}
	return value;
}

static void pam_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pam *pam = dev;

	for (unsigned int i = 0; i < size; i++)
		if (atomic_load(&pam->attribute[piece_of(offset + i)]) & WRITES_RAM)
			pam->ram[offset + i] = (uint8_t)(value >> (8 * i));
}

static const struct bus_ops pam_ops = { .read = pam_read, .write = pam_write };

int pam_create(const struct pam_config *config, struct pam **ret_pam)
{
	struct pam *pam = calloc(1, sizeof(*pam));
	int error = -EFAULT;

	if (!pam)
		return -ENOMEM;
	pam->config = *config;
	pam->ram = guest_memory_at(config->memory, AREA_START, AREA_SIZE);
	if (pam->ram)
		error = bus_add(config->mmio, AREA_START, AREA_SIZE, &pam_ops, pam, "pam");
	if (error) {
		free(pam);
		return error;
	}
	for (unsigned int i = 0; i < PAM_PIECES; i++)
		show(pam, i);
	*ret_pam = pam;
	return 0;
}

void pam_destroy(struct pam *pam)
{
	if (!pam)
		return;
	for (unsigned int i = 0; i < PAM_PIECES; i++)
		guest_memory_unmap(pam->config.memory, WINDOW_PAM + i);
	bus_remove(pam->config.mmio, AREA_START, AREA_SIZE);
	free(pam);
}
