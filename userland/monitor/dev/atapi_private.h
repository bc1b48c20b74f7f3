/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the packet commands share: atapi.c (dispatch, state, reading),
 * atapi_mode.c (INQUIRY and mode pages), atapi_disc.c (what is said about discs). For
 * nobody else.
 */
#ifndef BATON_DEV_ATAPI_PRIVATE_H
#define BATON_DEV_ATAPI_PRIVATE_H

#include "atapi.h"

/* Keys of SPC-3, codes and qualifiers of MMC-5. */
#define ATAPI_SENSE(k, c, q) ((struct atapi_sense){ .key = (k), .code = (c), .qualifier = (q) })
#define NOT_READY_NO_MEDIUM ATAPI_SENSE(2, 0x3a, 0x01)
#define NOT_READY_TRAY_OPEN ATAPI_SENSE(2, 0x3a, 0x02)
#define MEDIUM_READ_ERROR ATAPI_SENSE(3, 0x11, 0x00)
#define ILLEGAL_LIST_LENGTH ATAPI_SENSE(5, 0x1a, 0x00)
#define ILLEGAL_OPCODE ATAPI_SENSE(5, 0x20, 0x00)
#define ILLEGAL_LBA ATAPI_SENSE(5, 0x21, 0x00)
#define ILLEGAL_FIELD ATAPI_SENSE(5, 0x24, 0x00)
#define ILLEGAL_PARAMETER ATAPI_SENSE(5, 0x26, 0x00)
#define ILLEGAL_FORMAT ATAPI_SENSE(5, 0x30, 0x02)	/* not with this kind of disc */
#define ILLEGAL_SAVING ATAPI_SENSE(5, 0x39, 0x00)
#define ILLEGAL_LOCKED ATAPI_SENSE(5, 0x53, 0x02)
#define ILLEGAL_TRACK_MODE ATAPI_SENSE(5, 0x64, 0x00)
#define ATTENTION_MEDIUM ATAPI_SENSE(6, 0x28, 0x00)
#define ATTENTION_RESET ATAPI_SENSE(6, 0x29, 0x00)

#define MEDIA_NEW 2u
#define MEDIA_REMOVED 3u

/* The longest disc with addresses in minutes, seconds and frames: 99:59:74. */
#define CD_BLOCKS_MAX 449850u

/* A command's function: leaves ret->next as DONE, or calls one of those below. */
typedef void (*atapi_fn)(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret);

static inline uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t be24(const uint8_t *at)
{
	return (uint32_t)at[0] << 16 | be16(at + 1);
}

static inline uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

static inline void put_be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put_be32(uint8_t *at, uint32_t value)
{
	put_be16(at, value >> 16);
	put_be16(at + 2, value);
}

/* The disc can be read: there is one, and the tray is in. */
static inline bool atapi_ready(const struct atapi *drive)
{
	return drive->blocks && !drive->open;
}

static inline bool atapi_is_dvd(const struct atapi *drive)
{
	return drive->blocks > CD_BLOCKS_MAX;
}

/* Ends the command with CHECK CONDITION. */
void atapi_check(struct atapi *drive, struct atapi_answer *ret, struct atapi_sense sense);
/* Ends it with the first `size` bytes of ret->data, or as many as the host has room for. */
void atapi_data(struct atapi_answer *ret, uint32_t size, uint32_t allocated);

/* atapi_mode.c */
void atapi_inquiry(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret);
void atapi_mode_sense_6(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret);
void atapi_mode_sense_10(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret);
void atapi_mode_select_6(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret);
void atapi_mode_select_10(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret);

/* atapi_disc.c */
void atapi_read_toc(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret);
void atapi_disc_information(struct atapi *drive, const uint8_t *packet,
			    struct atapi_answer *ret);
void atapi_track_information(struct atapi *drive, const uint8_t *packet,
			     struct atapi_answer *ret);
void atapi_disc_structure(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret);
void atapi_read_subchannel(struct atapi *drive, const uint8_t *packet,
			   struct atapi_answer *ret);
void atapi_get_configuration(struct atapi *drive, const uint8_t *packet,
			     struct atapi_answer *ret);

#endif
