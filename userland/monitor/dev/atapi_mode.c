// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the drive says of itself and lets itself be told: INQUIRY with its vital product
 * data, and the mode pages. SPC-3, "Parameters for all device types"; MMC-5, "Mode
 * Parameters for Multi-Media Devices".
 */
#include <stdio.h>
#include <string.h>

#include "atapi_private.h"

#define CD_TYPE 0x05u
#define REMOVABLE 0x80u
#define SPC_3 0x05u
#define INQUIRY_SIZE 36u

/* ---- INQUIRY ---- */

/* Padded with blanks, without a terminator. */
static void put_text(uint8_t *at, size_t size, const char *text)
{
	size_t length = strnlen(text, size);

	memset(at, ' ', size);
	memcpy(at, text, length);
}

/* The pages that there are; the serial number; a name for the world. */
static void vital_data(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	static const uint8_t pages[] = { 0x00, 0x80, 0x83 };
	uint8_t *d = ret->data, size = 0;

	d[0] = CD_TYPE;
	d[1] = packet[2];
	switch (packet[2]) {
	case 0x00:
		size = sizeof(pages);
		memcpy(d + 4, pages, size);
		break;
	case 0x80:
		size = ATAPI_SERIAL_MAX;
		put_text(d + 4, size, drive->serial);
		break;
	case 0x83: /* a T10 vendor identification in ASCII */
		size = 4 + 8 + ATAPI_SERIAL_MAX;
		d[4] = 0x02;
		d[5] = 0x01;
		d[7] = 8 + ATAPI_SERIAL_MAX;
		put_text(d + 8, 8, ATAPI_VENDOR);
		put_text(d + 16, ATAPI_SERIAL_MAX, drive->serial);
		break;
	default:
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	d[3] = size;
	atapi_data(ret, 4u + size, be16(packet + 3));
}

void atapi_inquiry(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	uint8_t *d = ret->data;

	if (packet[1] & 1) {
		vital_data(drive, packet, ret);
		return;
	}
	if (packet[2]) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	d[0] = CD_TYPE;
	d[1] = REMOVABLE;
	d[2] = SPC_3;
	d[3] = 2; /* format of this answer */
	d[4] = INQUIRY_SIZE - 5;
	put_text(d + 8, 8, ATAPI_VENDOR);
	put_text(d + 16, 16, ATAPI_PRODUCT);
	put_text(d + 32, 4, ATAPI_REVISION);
	atapi_data(ret, INQUIRY_SIZE, be16(packet + 3));
}

/* ---- mode pages ---- */

enum mode_control { CURRENT, CHANGEABLE, DEFAULT, SAVED };

#define PAGE_RECOVERY 0x01
#define PAGE_ALL 0x3f
#define PAGES_MAX 80u

struct mode_page {
	uint8_t code, size;	/* size: with code and length */
	/* The rest, in `at` from its first byte on, which is zeroed. */
	void (*fill)(const struct atapi *drive, enum mode_control control, uint8_t *at);
};

/* What to do about blocks that cannot be read. Kept for the guest. */
static void fill_recovery(const struct atapi *drive, enum mode_control control, uint8_t *at)
{
	static const uint8_t fresh[2] = { 0, 5 }, mask[2] = { 0xff, 0xff };

	memcpy(at + 2, control == CURRENT ? drive->recovery : control == DEFAULT ? fresh : mask,
	       2);
}

static void fill_zeroes(const struct atapi *drive, enum mode_control control, uint8_t *at)
{
	(void)drive, (void)control, (void)at;
}

/* MMC-3, "CD/DVD capabilities" (MMC-5 calls it legacy, and everybody reads it). */
static void fill_capabilities(const struct atapi *drive, enum mode_control control, uint8_t *at)
{
	const unsigned int kb_per_s = 40 * 176;

	if (control == CHANGEABLE)
		return;
	at[2] = 0x0b;	/* reads CD-R, CD-RW, DVD-ROM */
	at[6] = 0x29 | (control == CURRENT && drive->locked ? 2 : 0); /* tray, eject, lock */
	put_be16(at + 8, kb_per_s);
	put_be16(at + 12, 128); /* KiB of buffer */
	put_be16(at + 14, kb_per_s);
}

static const struct mode_page pages[] = {
	{ PAGE_RECOVERY, 12, fill_recovery },
	{ 0x1a, 12, fill_zeroes },	/* power condition: timers off */
	{ 0x1d, 12, fill_zeroes },	/* time-out and protect: off */
	{ 0x2a, 22, fill_capabilities },
};

/* The page asked for or all, from `at` on. Bytes; 0: there is none. */
static uint32_t put_pages(const struct atapi *drive, uint8_t code, enum mode_control control,
			  uint8_t *at)
{
	uint32_t size = 0;

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (code != pages[i].code && code != PAGE_ALL)
			continue;
		at[size] = pages[i].code;
		at[size + 1] = pages[i].size - 2;
		pages[i].fill(drive, control, at + size);
		size += pages[i].size;
	}
	return size;
}

/* The header has the length without itself; no block descriptors. */
static void mode_sense(struct atapi *drive, const uint8_t *packet, unsigned int header,
		       uint32_t allocated, struct atapi_answer *ret)
{
	enum mode_control control = packet[2] >> 6;
	uint32_t size;

	if (control == SAVED) {
		atapi_check(drive, ret, ILLEGAL_SAVING);
		return;
	}
	size = put_pages(drive, packet[2] & 0x3f, control, ret->data + header);
	if (!size || packet[3]) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	size += header;
	if (header == 4)
		ret->data[0] = (uint8_t)(size - 1);
	else
		put_be16(ret->data, size - 2);
	atapi_data(ret, size, allocated);
}

void atapi_mode_sense_6(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	mode_sense(drive, packet, 4, packet[4], ret);
}

void atapi_mode_sense_10(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	mode_sense(drive, packet, 8, be16(packet + 7), ret);
}

/* Pages in their standard format, not to be saved. */
static void mode_select(struct atapi *drive, const uint8_t *packet, uint8_t header,
			uint32_t size, struct atapi_answer *ret)
{
	if ((packet[1] & 0x11) != 0x10) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
	} else if (size && (size < header || size > header + PAGES_MAX)) {
		atapi_check(drive, ret, ILLEGAL_LIST_LENGTH);
	} else if (size) {
		ret->next = ATAPI_TAKE;
		ret->size = size;
		drive->take = header;
	}
}

void atapi_mode_select_6(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	mode_select(drive, packet, 4, packet[4], ret);
}

void atapi_mode_select_10(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	mode_select(drive, packet, 8, be16(packet + 7), ret);
}

/* True if the page may be set to these bytes: only what can be changed differs. */
static bool page_agrees(const struct atapi *drive, const uint8_t *data, uint32_t size)
{
	uint8_t is[PAGES_MAX] = {}, mask[PAGES_MAX] = {};
	uint8_t code = data[0] & 0x3f;

	if (code == PAGE_ALL || put_pages(drive, code, CURRENT, is) != size ||
	    data[1] != size - 2)
		return false;
	put_pages(drive, code, CHANGEABLE, mask);
	for (uint32_t i = 2; i < size; i++)
		if ((data[i] ^ is[i]) & ~mask[i])
			return false;
	return true;
}

/* All pages are looked at before one is set. */
static bool take_pages(struct atapi *drive, const uint8_t *data, uint32_t size, bool set)
{
	while (size) {
		uint32_t page = size >= 2 ? data[1] + 2u : 0;

		if (!page || page > size || !page_agrees(drive, data, page))
			return false;
		if (set && (data[0] & 0x3f) == PAGE_RECOVERY)
			memcpy(drive->recovery, data + 2, sizeof(drive->recovery));
		data += page;
		size -= page;
	}
	return true;
}

void atapi_take(struct atapi *drive, const uint8_t *data, uint32_t size,
		struct atapi_answer *ret)
{
	uint8_t header = drive->take;
	bool descriptors;

	memset(ret, 0, sizeof(*ret));
	drive->take = 0;
	if (!header || size < header) {
		atapi_check(drive, ret, ILLEGAL_LIST_LENGTH);
		return;
	}
	descriptors = header == 4 ? data[3] : be16(data + 6);
	if (descriptors || !take_pages(drive, data + header, size - header, false)) {
		atapi_check(drive, ret, ILLEGAL_PARAMETER);
		return;
	}
	take_pages(drive, data + header, size - header, true);
}
