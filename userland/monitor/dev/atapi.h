/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DVD-ROM drive as its command packets know it: a packet in; done, an answer, "read
 * these blocks" or CHECK CONDITION out. Pure: no bus, no image, no threads, no allocation;
 * whoever has the drive (sata_cd.c) moves the data, and locks.
 * T10: SPC-3 (INQUIRY, MODE SENSE, sense data), MMC-5 (everything about discs).
 *
 * A disc of up to 99:59:74 is a CD-ROM, a larger one a DVD-ROM; both are one finished
 * session of one data track in mode 1. There is no audio and nothing to write to.
 */
#ifndef BATON_DEV_ATAPI_H
#define BATON_DEV_ATAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/machine.h"

#define ATAPI_PACKET 12u		/* bytes of a command */
#define ATAPI_BLOCK 2048u
#define ATAPI_BLOCKS_MAX 0xfffffff0u	/* what READ CAPACITY can say, and MSF's offset */
#define ATAPI_DATA_MAX 2052u
#define ATAPI_SERIAL_MAX 20u

#define ATAPI_VENDOR "BATON"
#define ATAPI_PRODUCT "DVD-ROM"
#define ATAPI_REVISION "1.0"

enum atapi_next {
	ATAPI_DONE,	/* without data */
	ATAPI_DATA,	/* `size` bytes of data[] to the host, maybe none */
	ATAPI_READ,	/* `blocks` (1 and up) from `lba` on, which the medium has, to the host */
	ATAPI_TAKE,	/* `size` bytes from the host, for atapi_take() */
	ATAPI_CHECK,	/* CHECK CONDITION; sense has why */
};

struct atapi_answer {
	enum atapi_next next;
	uint32_t size, lba, blocks;
	uint8_t data[ATAPI_DATA_MAX];
};

struct atapi_sense {
	uint8_t key, code, qualifier;
};

struct atapi {
	uint32_t blocks;		/* of the disc in the tray; 0: none */
	uint8_t open, locked;		/* the tray; against ejection */
	uint8_t media_event;		/* of GET EVENT STATUS NOTIFICATION, not yet told */
	struct atapi_sense sense;	/* of the last command */
	struct atapi_sense attention;	/* to be told before the next; key 0: nothing */
	uint8_t recovery[2];		/* of the error recovery page: parameter, retries */
	uint8_t take;			/* size of the header in front of what is to be taken */
	char serial[ATAPI_SERIAL_MAX + 1];	/* constant */
};

/* As when power comes on. serial is cut to its length; blocks at most ATAPI_BLOCKS_MAX. */
void atapi_init(struct atapi *drive, uint32_t blocks, const char *serial);
/* Of the bus. The tray stays as it is. */
void atapi_reset(struct atapi *drive);
/* Every byte of the packet may be anything. *ret is filled in all cases. */
void atapi_command(struct atapi *drive, const uint8_t packet[ATAPI_PACKET],
		   struct atapi_answer *ret);
/* The data that ATAPI_TAKE asked for; fewer bytes if the host gave fewer. DONE or CHECK. */
void atapi_take(struct atapi *drive, const uint8_t *data, uint32_t size,
		struct atapi_answer *ret);
/* The medium could not be read for ATAPI_READ: sense says so. */
void atapi_read_failed(struct atapi *drive);

extern const struct state_field atapi_fields[];
extern const size_t atapi_field_count;

#endif
