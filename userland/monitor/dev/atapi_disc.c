// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the drive says of the disc in it: one finished session, in it one data track in
 * mode 1 from block 0 to the end.
 */
#include <string.h>

#include "atapi_private.h"

#define DATA_TRACK 0x14u	/* ADR 1 (position), control: data, no copying */
#define LEAD_OUT 0xaau
#define FRAMES_PER_SECOND 75u
#define LEAD_IN_FRAMES 150u

/* Block 0 is 00:02:00. What cannot be said that way is 255:59:74. */
static void put_msf(uint8_t *at, uint32_t lba)
{
	uint64_t frames = (uint64_t)lba + LEAD_IN_FRAMES;

	if (frames > 256ull * 60 * FRAMES_PER_SECOND - 1)
		frames = 256ull * 60 * FRAMES_PER_SECOND - 1;
	at[0] = (uint8_t)(frames / FRAMES_PER_SECOND / 60);
	at[1] = (uint8_t)(frames / FRAMES_PER_SECOND % 60);
	at[2] = (uint8_t)(frames % FRAMES_PER_SECOND);
}

/* Four bytes, as the packet's MSF bit asks for. */
static void put_address(uint8_t *at, const uint8_t *packet, uint32_t lba)
{
	if (packet[1] & 2)
		put_msf(at + 1, lba);
	else
		put_be32(at, lba);
}

/* ---- READ TOC/PMA/ATIP ---- */

static uint32_t put_toc_entry(uint8_t *at, const uint8_t *packet, uint8_t track, uint32_t lba)
{
	at[1] = DATA_TRACK;
	at[2] = track;
	put_address(at + 4, packet, lba);
	return 8;
}

static void toc_tracks(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	uint32_t size = 4;

	if (packet[6] > 1 && packet[6] != LEAD_OUT) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	if (packet[6] <= 1)
		size += put_toc_entry(ret->data + size, packet, 1, 0);
	size += put_toc_entry(ret->data + size, packet, LEAD_OUT, drive->blocks);
	put_be16(ret->data, size - 2);
	ret->data[2] = ret->data[3] = 1; /* first and last track */
	atapi_data(ret, size, be16(packet + 7));
}

static void toc_sessions(const uint8_t *packet, struct atapi_answer *ret)
{
	uint32_t size = 4 + put_toc_entry(ret->data + 4, packet, 1, 0);

	put_be16(ret->data, size - 2);
	ret->data[2] = ret->data[3] = 1; /* first and last session */
	atapi_data(ret, size, be16(packet + 7));
}

/* The table of contents as it is in the lead-in, always with minutes. */
static void toc_raw(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
	uint8_t *at = ret->data + 4;

	if (packet[6] > 1) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	for (size_t i = 0; i < sizeof(points); i++, at += 11) {
		at[0] = 1; /* session */
		at[1] = DATA_TRACK;
		at[3] = points[i];
		if (points[i] == 0xa2)
			put_msf(at + 8, drive->blocks);
		else if (points[i] == 1)
			put_msf(at + 8, 0);
		else
			at[8] = 1; /* first, last track */
	}
	put_be16(ret->data, (uint32_t)(at - ret->data) - 2);
	ret->data[2] = ret->data[3] = 1;
	atapi_data(ret, (uint32_t)(at - ret->data), be16(packet + 7));
}

void atapi_read_toc(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	uint8_t format = packet[2] & 0x0f;

	if (!format) /* where drives before MMC had it (SFF-8020i) */
		format = packet[9] >> 6;
	switch (format) {
	case 0: toc_tracks(drive, packet, ret); break;
	case 1: toc_sessions(packet, ret); break;
	case 2: toc_raw(drive, packet, ret); break;
	default: atapi_check(drive, ret, ILLEGAL_FIELD);
	}
}

/* ---- READ DISC INFORMATION, READ TRACK INFORMATION ---- */

void atapi_disc_information(struct atapi *drive, const uint8_t *packet,
			    struct atapi_answer *ret)
{
	uint8_t *d = ret->data;

	if (packet[1] & 7) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	put_be16(d, 32);
	d[2] = 0x0e; /* disc and last session are complete */
	d[3] = d[4] = d[5] = d[6] = 1; /* first track; sessions; tracks of the last one */
	d[7] = 0x20; /* for unrestricted use */
	d[8] = atapi_is_dvd(drive) ? 0xff : 0;
	memset(d + 16, 0xff, 8); /* no next session */
	atapi_data(ret, 34, be16(packet + 7));
}

void atapi_track_information(struct atapi *drive, const uint8_t *packet,
			     struct atapi_answer *ret)
{
	uint32_t number = be32(packet + 2);
	uint8_t kind = packet[1] & 3, *d = ret->data; /* of number: block, track, session */

	if (kind == 3 || (kind ? number != 1 : number >= drive->blocks)) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	put_be16(d, 34);
	d[2] = d[3] = 1;
	d[5] = 4; /* data */
	d[6] = 1; /* mode 1 */
	d[7] = 2; /* the last block is known */
	put_be32(d + 24, drive->blocks);
	put_be32(d + 28, drive->blocks - 1);
	atapi_data(ret, 36, be16(packet + 7));
}

/* ---- READ DISC STRUCTURE ---- */

#define STRUCTURE_PHYSICAL 0x00
#define STRUCTURE_COPYRIGHT 0x01
#define STRUCTURE_LIST 0xff
#define PHYSICAL_SIZE 2048u
#define COPYRIGHT_SIZE 4u
#define DVD_FIRST_SECTOR 0x30000u
#define DVD_LAST_SECTOR 0xffffffu

/* DVD-ROM of 12 cm, one layer from the first physical sector on. */
static uint32_t put_physical(const struct atapi *drive, uint8_t *at)
{
	uint64_t last = (uint64_t)DVD_FIRST_SECTOR + drive->blocks - 1;

	at[0] = 0x01;
	at[1] = 0x0f; /* no maximum rate */
	at[2] = 0x01; /* embossed */
	put_be32(at + 4, DVD_FIRST_SECTOR);
	put_be32(at + 8, last < DVD_LAST_SECTOR ? (uint32_t)last : DVD_LAST_SECTOR);
	return PHYSICAL_SIZE;
}

static uint32_t put_list(uint8_t *at)
{
	static const struct {
		uint8_t format;
		uint16_t size;
	} list[] = {
		{ STRUCTURE_PHYSICAL, PHYSICAL_SIZE + 4 },
		{ STRUCTURE_COPYRIGHT, COPYRIGHT_SIZE + 4 },
	};
	const size_t count = sizeof(list) / sizeof(list[0]);

	for (size_t i = 0; i < count; i++) {
		at[4 * i] = list[i].format;
		at[4 * i + 1] = 0x40; /* can be read */
		put_be16(at + 4 * i + 2, list[i].size);
	}
	return 4 * count;
}

void atapi_disc_structure(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	uint8_t media = packet[1] & 0x0f, format = packet[7], *at = ret->data + 4;
	uint32_t size = 0;

	if (format == STRUCTURE_LIST) {
		size = put_list(at);
	} else if (!atapi_is_dvd(drive) || media) {
		atapi_check(drive, ret, ILLEGAL_FORMAT);
		return;
	} else if (format == STRUCTURE_PHYSICAL && !packet[6]) {
		size = put_physical(drive, at);
	} else if (format == STRUCTURE_COPYRIGHT) {
		size = COPYRIGHT_SIZE; /* none, for all regions */
	} else {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	put_be16(ret->data, size + 2);
	atapi_data(ret, size + 4, be16(packet + 8));
}

/* ---- READ SUB-CHANNEL (MMC-3) ---- */

/* Nothing plays, so the position is the track's start; no catalogue or recording number. */
void atapi_read_subchannel(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	uint8_t *d = ret->data, format = packet[3];
	uint32_t size = 4;

	if (packet[2] & 0x40) {
		if (!format || format > 3) {
			atapi_check(drive, ret, ILLEGAL_FIELD);
			return;
		}
		size = format == 1 ? 16 : 24;
		d[4] = format;
		d[5] = DATA_TRACK;
		if (format == 1) {
			d[6] = d[7] = 1; /* track, index */
			put_address(d + 8, packet, 0);
		}
	}
	d[1] = 0x15; /* no audio status */
	put_be16(d + 2, size - 4);
	atapi_data(ret, size, be16(packet + 7));
}

/* ---- GET CONFIGURATION: "Features and Profiles" ---- */

#define PROFILE_CD 0x0008u
#define PROFILE_DVD 0x0010u

#define ALWAYS 0x03u	/* persistent and current */
#define WITH_DISC 0x04u
#define WITH_CD 0x08u
#define WITH_DVD 0x10u

static const struct feature {
	uint16_t code;
	uint8_t version, when, size, data[8];
} features[] = {
	{ 0x0000, 0, ALWAYS, 8, { 0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0 } },
	{ 0x0001, 2, ALWAYS, 8, { 0, 0, 0, 7, 1 } },	/* core: serial ATAPI */
	{ 0x0002, 1, ALWAYS, 4, {} },			/* morphing: asked for, not told */
	{ 0x0003, 1, ALWAYS, 4, { 0x39 } },		/* tray: lock, load, eject */
	{ 0x0010, 0, WITH_DISC, 8, { 0, 0, ATAPI_BLOCK >> 8, 0, 0, 1, 1 } },
	{ 0x001d, 0, WITH_CD, 0, {} },			/* multi-read */
	{ 0x001e, 2, WITH_CD, 4, {} },			/* CD read */
	{ 0x001f, 1, WITH_DVD, 4, {} },			/* DVD read */
	{ 0x0100, 0, ALWAYS, 0, {} },			/* power management */
	{ 0x0105, 1, ALWAYS, 4, {} },			/* time-out */
};

static uint16_t current_profile(const struct atapi *drive)
{
	if (!atapi_ready(drive))
		return 0;
	return atapi_is_dvd(drive) ? PROFILE_DVD : PROFILE_CD;
}

static bool is_current(const struct feature *f, uint16_t profile)
{
	return f->when == ALWAYS || (f->when & WITH_DISC && profile) ||
	       (f->when & WITH_CD && profile == PROFILE_CD) ||
	       (f->when & WITH_DVD && profile == PROFILE_DVD);
}

static uint32_t put_feature(uint8_t *at, const struct feature *f, uint16_t profile)
{
	put_be16(at, f->code);
	at[2] = (uint8_t)(f->version << 2 | (f->when & 2) | is_current(f, profile));
	at[3] = f->size;
	memcpy(at + 4, f->data, f->size);
	for (unsigned int i = 0; !f->code && i < f->size; i += 4) /* the list of profiles */
		at[4 + i + 2] = profile && be16(at + 4 + i) == profile;
	return 4u + f->size;
}

void atapi_get_configuration(struct atapi *drive, const uint8_t *packet,
			     struct atapi_answer *ret)
{
	enum { ALL, CURRENT, ONE, RESERVED } which = packet[1] & 3;
	uint16_t profile = current_profile(drive), first = be16(packet + 2);
	uint32_t size = 8;

	if (which == RESERVED) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const struct feature *f = &features[i];

		if (which == ONE ? f->code != first : f->code < first ||
		    (which == CURRENT && !is_current(f, profile)))
			continue;
		size += put_feature(ret->data + size, f, profile);
	}
	put_be32(ret->data, size - 4);
	put_be16(ret->data + 6, profile);
	atapi_data(ret, size, be16(packet + 7));
}
