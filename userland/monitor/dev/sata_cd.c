// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See sata_cd.h. Commands arrive on the drive's thread, which also does the reading, so
 * what is being read is that thread's own; a reset comes from any thread, under the
 * controller's lock, and shows in the ticket. A read that nobody waits for any more is
 * let finish, and the next one waits for that: there is one buffer.
 */
#include "sata_cd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_DEVICE_RESET 0x08u
#define COMMAND_DIAGNOSTIC 0x90u
#define COMMAND_PACKET 0xa0u
#define COMMAND_IDENTIFY_PACKET 0xa1u
#define COMMAND_STANDBY 0xe0u	/* immediate; so are the two behind */
#define COMMAND_IDLE 0xe1u
#define COMMAND_CHECK_POWER 0xe5u
#define COMMAND_SLEEP 0xe6u
#define COMMAND_IDENTIFY 0xecu
#define COMMAND_SET_FEATURES 0xefu

#define PACKET_DMA 1u		/* bits of PACKET's feature register */
#define PACKET_OVERLAP 2u
#define FEATURE_TRANSFER_MODE 3u
#define POWER_ACTIVE 0xffu
#define REASON_DONE 3u		/* interrupt reason: status, to the host */
#define DIAGNOSTIC_PASSED 1u

#define MODE_PIO 0x08u
#define MODE_MULTIWORD 0x20u
#define MODE_ULTRA 0x40u
#define PIO_MODES 5u
#define MULTIWORD_MODES 3u
#define ULTRA_MODES 6u

#define IDENTIFY_WORDS 256

/* Letters: C constant, L the controller's lock, D the drive's thread. */
struct sata_cd {
	struct sata_cd_config config;	/* C */
	struct ahci_port *port;		/* C */
	struct atapi drive;		/* L */
	uint8_t transfer_mode;		/* L: as in SET FEATURES; nothing depends on it */
	/* D: the command that reads, if `ticket` is the port's */
	uint32_t ticket, lba, blocks;
	uint16_t pio_limit;		/* bytes at a time; 0: DMA */
	bool wanted;			/* its next piece is to be read */
	bool reading;			/* a read is on its way … */
	uint32_t read_ticket, read_blocks; /* … for that command */
	uint8_t buffer[SATA_CD_BLOCKS * ATAPI_BLOCK];	/* D */
};

/* Saved when nothing is being read. */
const struct state_field sata_cd_fields[] = {
	STATE_FIELD(struct sata_cd, transfer_mode),
};
const size_t sata_cd_field_count = sizeof(sata_cd_fields) / sizeof(sata_cd_fields[0]);

/* ---- the end of a command ---- */

static void succeed(struct sata_cd *cd, uint8_t count)
{
	const struct sata_registers out = {
		.status = SATA_RDY | SATA_DSC, .count = count,
	};

	sata_finish(cd->port, &out);
}

static void fail(struct sata_cd *cd, uint8_t error, uint8_t count)
{
	const struct sata_registers out = {
		.status = SATA_RDY | SATA_DSC | SATA_ERR, .error = error, .count = count,
	};

	sata_finish(cd->port, &out);
}

/* CHECK CONDITION; the host fetches the rest by REQUEST SENSE. */
static void fail_packet(struct sata_cd *cd)
{
	uint8_t key = cd->drive.sense.key;

	fail(cd, (uint8_t)(key << 4 | (key == 5 ? SATA_ABORTED : 0)), REASON_DONE);
}

/* Data has been moved; without DMA, frames about it are due before the status. */
static void end_data(struct sata_cd *cd, uint32_t size, uint16_t pio_limit, bool in)
{
	const struct sata_registers out = { .status = SATA_RDY | SATA_DSC, .count = in ? 2 : 0 };

	if (pio_limit)
		sata_pio(cd->port, &out, (uint16_t)(size < pio_limit ? size : pio_limit), in,
			 false);
	succeed(cd, REASON_DONE);
}

static void signature(struct sata_registers *out)
{
	*out = (struct sata_registers){
		.error = DIAGNOSTIC_PASSED, .lba = { 0x01, 0x14, 0xeb }, .count = 1,
	};
}

/* ---- IDENTIFY PACKET DEVICE ---- */

/* The first character is a word's upper half. */
static void put_text(uint16_t *words, unsigned int count, const char *text)
{
	size_t length = strlen(text);

	for (unsigned int i = 0; i < 2 * count; i++) {
		uint8_t c = i < length ? (uint8_t)text[i] : ' ';

		words[i / 2] |= (uint16_t)(i & 1 ? c : c << 8);
	}
}

static void put_modes(const struct sata_cd *cd, uint16_t *words)
{
	uint8_t mode = cd->transfer_mode;

	words[53] = 0x0006;	/* what follows is valid */
	words[63] = (1u << MULTIWORD_MODES) - 1;
	words[64] = 0x0003;	/* PIO 3 and 4 */
	for (unsigned int i = 65; i <= 68; i++)
		words[i] = 120;	/* ns of a cycle */
	words[88] = (1u << ULTRA_MODES) - 1;
	if (mode & MODE_ULTRA)
		words[88] |= (uint16_t)(0x100u << (mode & 7));
	else if (mode & MODE_MULTIWORD)
		words[63] |= (uint16_t)(0x100u << (mode & 7));
}

/* The sum of all bytes is 0. */
static void put_checksum(uint16_t *words)
{
	uint8_t sum = 0xa5;

	for (unsigned int i = 0; i < IDENTIFY_WORDS - 1; i++)
		sum += (uint8_t)(words[i] + (words[i] >> 8));
	words[IDENTIFY_WORDS - 1] = (uint16_t)(0xa5 | (uint8_t)-sum << 8);
}

static void identify(struct sata_cd *cd)
{
	const struct sata_registers out = { .status = SATA_RDY | SATA_DSC };
	uint16_t words[IDENTIFY_WORDS] = {
		[0] = 0x85c0,	/* packet device, CD, removable; packets of 12 bytes */
		[49] = 0x0f00,	/* DMA, IORDY */
		[76] = 0x0006,	/* SATA generations 1 and 2 */
		[80] = 0x01f0,	/* ATA-4 to ATA8 */
		[82] = 0x0218,	/* DEVICE RESET, PACKET, power management */
		[83] = 0x4000,
		[84] = 0x4000,
		[85] = 0x0218,
		[87] = 0x4000,
	};

	put_text(words + 10, 10, cd->drive.serial);
	put_text(words + 23, 4, ATAPI_REVISION);
	put_text(words + 27, 20, ATAPI_VENDOR " " ATAPI_PRODUCT);
	put_modes(cd, words);
	put_checksum(words);
	if (sata_send(cd->port, (const uint8_t *)words, sizeof(words)) != SATA_LOST)
		sata_pio(cd->port, &out, sizeof(words), true, true);
}

/* ---- PACKET ---- */

static void take_data(struct sata_cd *cd, struct atapi_answer *answer, uint16_t pio_limit)
{
	uint32_t size = answer->size;
	uint8_t data[ATAPI_DATA_MAX];

	switch (sata_receive(cd->port, data, size)) {
	case SATA_LOST:
		return;
	case SATA_NO_ROOM: /* less than the packet has promised */
		size = 0;
		break;
	case SATA_MOVED:
		break;
	}
	atapi_take(&cd->drive, data, size, answer);
	if (answer->next == ATAPI_DONE)
		end_data(cd, size, pio_limit, false);
	else
		fail_packet(cd);
}

static void send_data(struct sata_cd *cd, const struct atapi_answer *answer, uint16_t pio_limit)
{
	if (!answer->size)
		succeed(cd, REASON_DONE);
	else if (sata_send(cd->port, answer->data, answer->size) != SATA_LOST)
		end_data(cd, answer->size, pio_limit, true);
}

static void start_reading(struct sata_cd *cd, const struct atapi_answer *answer,
			  uint16_t pio_limit)
{
	cd->ticket = sata_ticket(cd->port);
	cd->lba = answer->lba;
	cd->blocks = answer->blocks;
	cd->pio_limit = pio_limit;
	cd->wanted = true;
}

static void packet_command(struct sata_cd *cd, const struct sata_registers *in,
			   const uint8_t *packet)
{
	bool dma = in->feature & PACKET_DMA;
	uint16_t limit = dma ? 0 : (uint16_t)(in->lba[1] | in->lba[2] << 8);
	struct atapi_answer answer;

	if (in->feature & PACKET_OVERLAP) {
		fail(cd, SATA_ABORTED, REASON_DONE);
		return;
	}
	atapi_command(&cd->drive, packet, &answer);
	if (answer.next != ATAPI_DONE && answer.next != ATAPI_CHECK && !dma && !limit) {
		fail(cd, SATA_ABORTED, REASON_DONE); /* no size for the pieces of PIO */
		return;
	}
	switch (answer.next) {
	case ATAPI_DONE: succeed(cd, REASON_DONE); break;
	case ATAPI_DATA: send_data(cd, &answer, limit); break;
	case ATAPI_READ: start_reading(cd, &answer, limit); break;
	case ATAPI_TAKE: take_data(cd, &answer, limit); break;
	case ATAPI_CHECK: fail_packet(cd); break;
	}
}

/* ---- other commands ---- */

static bool mode_exists(uint8_t mode)
{
	uint8_t number = mode & 7;

	switch (mode & ~7u) {
	case 0: return number <= 1; /* the drive's default, with IORDY or without */
	case MODE_PIO: return number < PIO_MODES;
	case MODE_MULTIWORD: return number < MULTIWORD_MODES;
	case MODE_ULTRA: return number < ULTRA_MODES;
	default: return false;
	}
}

static void set_features(struct sata_cd *cd, const struct sata_registers *in)
{
	if (in->feature != FEATURE_TRANSFER_MODE || !mode_exists(in->count)) {
		fail(cd, SATA_ABORTED, 0);
		return;
	}
	cd->transfer_mode = in->count;
	succeed(cd, 0);
}

/* How a packet device says to IDENTIFY DEVICE and the like what it is. */
static void end_with_signature(struct sata_cd *cd, uint8_t status, uint8_t error)
{
	struct sata_registers out;

	signature(&out);
	out.status = status;
	out.error = error;
	sata_finish(cd->port, &out);
}

/* The controller's lock is held. */
static void command(void *dev, const struct sata_registers *in, const uint8_t *packet)
{
	struct sata_cd *cd = dev;

	switch (in->command) {
	case COMMAND_PACKET:
		packet_command(cd, in, packet);
		break;
	case COMMAND_IDENTIFY_PACKET:
		identify(cd);
		break;
	case COMMAND_IDENTIFY:
		end_with_signature(cd, SATA_RDY | SATA_DSC | SATA_ERR, SATA_ABORTED);
		break;
	case COMMAND_DEVICE_RESET:
		atapi_reset(&cd->drive);
		end_with_signature(cd, 0, DIAGNOSTIC_PASSED);
		break;
	case COMMAND_DIAGNOSTIC:
		end_with_signature(cd, 0, DIAGNOSTIC_PASSED);
		break;
	case COMMAND_SET_FEATURES:
		set_features(cd, in);
		break;
	case COMMAND_CHECK_POWER:
		succeed(cd, POWER_ACTIVE);
		break;
	case COMMAND_STANDBY:
	case COMMAND_IDLE:
	case COMMAND_SLEEP:
		succeed(cd, 0);
		break;
	default:
		fail(cd, SATA_ABORTED, 0);
	}
}

/* The controller's lock is held; any thread. */
static void reset(void *dev, struct sata_registers *out)
{
	struct sata_cd *cd = dev;

	atapi_reset(&cd->drive);
	cd->transfer_mode = MODE_ULTRA | (ULTRA_MODES - 1);
	signature(out);
}

static void wake(void *dev)
{
	struct sata_cd *cd = dev;

	cd->config.wake(cd->config.ctx);
}

static const struct sata_device_ops ops = { .command = command, .reset = reset, .wake = wake };

/* ---- reading ---- */

bool sata_cd_serve(struct sata_cd *cd)
{
	bool more = sata_serve(cd->port);

	if (!cd->wanted || cd->reading)
		return more;
	cd->wanted = false;
	cd->reading = true;
	cd->read_ticket = cd->ticket;
	cd->read_blocks = cd->blocks < SATA_CD_BLOCKS ? cd->blocks : SATA_CD_BLOCKS;
	cd->config.read(cd->config.ctx, cd->lba, cd->read_blocks, cd->buffer);
	return true;
}

static void piece_done(struct sata_cd *cd, int error)
{
	uint32_t size = cd->read_blocks * ATAPI_BLOCK;
	enum sata_moved moved;

	if (error) {
		atapi_read_failed(&cd->drive);
		fail_packet(cd);
		return;
	}
	moved = sata_send(cd->port, cd->buffer, size);
	cd->lba += cd->read_blocks;
	cd->blocks -= cd->read_blocks;
	if (moved == SATA_MOVED && cd->blocks)
		cd->wanted = true;
	else if (moved != SATA_LOST)
		end_data(cd, size, cd->pio_limit, true);
}

void sata_cd_read_done(struct sata_cd *cd, int error)
{
	cd->reading = false;
	sata_lock(cd->port);
	if (cd->read_ticket == sata_ticket(cd->port))
		piece_done(cd, error);
	sata_unlock(cd->port);
}

/* ---- create, destroy ---- */

struct sata_cd *sata_cd_create(struct ahci *hba, const struct sata_cd_config *config)
{
	struct sata_cd *cd = calloc(1, sizeof(*cd));

	if (!cd)
		return NULL;
	cd->config = *config;
	atapi_init(&cd->drive, config->blocks, "");
	cd->port = ahci_attach(hba, &ops, cd);
	if (!cd->port) {
		free(cd);
		return NULL;
	}
	snprintf(cd->drive.serial, sizeof(cd->drive.serial), "BTN-CD%u",
		 ahci_port_number(cd->port));
	return cd;
}

void sata_cd_destroy(struct sata_cd *cd)
{
	free(cd);
}
