// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See atapi.h: which commands there are, what must be told before them, and those about
 * the drive's state and reading.
 */
#include "atapi.h"

#include <stdio.h>
#include <string.h>

#include "atapi_private.h"

#define RECOVERY_RETRIES 5u
#define SENSE_SIZE 18u

const struct state_field atapi_fields[] = {
	STATE_FIELD(struct atapi, blocks),
	STATE_FIELD(struct atapi, open),
	STATE_FIELD(struct atapi, locked),
	STATE_FIELD(struct atapi, media_event),
	STATE_FIELD(struct atapi, sense.key),
	STATE_FIELD(struct atapi, sense.code),
	STATE_FIELD(struct atapi, sense.qualifier),
	STATE_FIELD(struct atapi, attention.key),
	STATE_FIELD(struct atapi, attention.code),
	STATE_FIELD(struct atapi, attention.qualifier),
	STATE_ARRAY(struct atapi, recovery),
	STATE_FIELD(struct atapi, take),
};
const size_t atapi_field_count = sizeof(atapi_fields) / sizeof(atapi_fields[0]);

/* ---- how commands end ---- */

void atapi_check(struct atapi *drive, struct atapi_answer *ret, struct atapi_sense sense)
{
	drive->sense = sense;
	ret->next = ATAPI_CHECK;
	ret->size = 0;
}

void atapi_data(struct atapi_answer *ret, uint32_t size, uint32_t allocated)
{
	ret->next = ATAPI_DATA;
	ret->size = size < allocated ? size : allocated;
}

void atapi_read_failed(struct atapi *drive)
{
	drive->sense = MEDIUM_READ_ERROR;
}

/* ---- the drive's state ---- */

static void test_unit_ready(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	(void)drive, (void)packet, (void)ret; /* the dispatcher has looked */
}

/* SPC-3, "Sense data": fixed format. What was told is over with. */
static void request_sense(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	struct atapi_sense *sense = &drive->sense;

	if (!sense->key && drive->attention.key)
		sense = &drive->attention;
	ret->data[0] = 0x70;
	ret->data[2] = sense->key;
	ret->data[7] = SENSE_SIZE - 8;
	ret->data[12] = sense->code;
	ret->data[13] = sense->qualifier;
	*sense = ATAPI_SENSE(0, 0, 0);
	atapi_data(ret, SENSE_SIZE, packet[4]);
}

/* There is no second, "persistent" way to lock, as there is no changer's hatch. */
static void prevent_removal(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	if (packet[4] & 2)
		atapi_check(drive, ret, ILLEGAL_FIELD);
	else
		drive->locked = packet[4] & 1;
}

static void open_tray(struct atapi *drive, struct atapi_answer *ret)
{
	if (drive->locked) {
		atapi_check(drive, ret, ILLEGAL_LOCKED);
		return;
	}
	if (!drive->open && drive->blocks)
		drive->media_event = MEDIA_REMOVED;
	drive->open = true;
}

static void close_tray(struct atapi *drive)
{
	if (drive->open && drive->blocks) {
		drive->media_event = MEDIA_NEW;
		drive->attention = ATTENTION_MEDIUM;
	}
	drive->open = false;
}

/* A disc in a file needs no spinning up or down, and power saves itself. */
static void start_stop(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	bool power = packet[4] >> 4, tray = packet[4] & 2, start = packet[4] & 1;

	if (power)
		return;
	if (tray && !start)
		open_tray(drive, ret);
	else if (tray)
		close_tray(drive);
	else if (start && !atapi_ready(drive))
		atapi_check(drive, ret, drive->open ? NOT_READY_TRAY_OPEN : NOT_READY_NO_MEDIUM);
}

/* Only when asked, never by itself; of the classes there is "media". */
static void event_status(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	const uint8_t media_class = 4;

	if (!(packet[1] & 1)) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	ret->data[3] = 1u << media_class;
	if (!(packet[4] & 1u << media_class)) {
		put_be16(ret->data, 2);
		ret->data[2] = 0x80; /* no event available */
		atapi_data(ret, 4, be16(packet + 7));
		return;
	}
	put_be16(ret->data, 6);
	ret->data[2] = media_class;
	ret->data[4] = drive->media_event;
	ret->data[5] = (drive->open ? 1 : 0) | (drive->blocks && !drive->open ? 2 : 0);
	atapi_data(ret, 8, be16(packet + 7));
	if (ret->size > 4)
		drive->media_event = 0;
}

/* One disc, no changer, doing nothing. */
static void mechanism_status(struct atapi *drive, const uint8_t *packet,
			     struct atapi_answer *ret)
{
	ret->data[1] = drive->open ? 0x10 : 0;
	atapi_data(ret, 8, be16(packet + 8));
}

/* There is LUN 0. */
static void report_luns(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	bool well_known = packet[2] == 1; /* of these there are none */

	if (packet[2] > 2) {
		atapi_check(drive, ret, ILLEGAL_FIELD);
		return;
	}
	put_be32(ret->data, well_known ? 0 : 8);
	atapi_data(ret, well_known ? 8 : 16, be32(packet + 6));
}

/* ---- reading ---- */

static void read_capacity(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	(void)packet;
	put_be32(ret->data, drive->blocks - 1);
	put_be32(ret->data + 4, ATAPI_BLOCK);
	atapi_data(ret, 8, 8);
}

static void read_blocks(struct atapi *drive, uint32_t lba, uint32_t blocks,
			struct atapi_answer *ret)
{
	if (lba >= drive->blocks || blocks > drive->blocks - lba) {
		atapi_check(drive, ret, ILLEGAL_LBA);
		return;
	}
	ret->next = blocks ? ATAPI_READ : ATAPI_DONE;
	ret->lba = lba;
	ret->blocks = blocks;
}

static void read_10(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	read_blocks(drive, be32(packet + 2), be16(packet + 7), ret);
}

static void read_12(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	read_blocks(drive, be32(packet + 2), be32(packet + 6), ret);
}

static void seek(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	read_blocks(drive, be32(packet + 2), 0, ret);
}

/*
 * The user data of mode 1. What surrounds it on a real disc (sync, headers, error
 * correction, subchannels) is not in an image, and is not made up.
 */
static void read_cd(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	uint8_t type = packet[1] >> 2 & 7, parts = packet[9] & 0xfe;

	if (atapi_is_dvd(drive))
		atapi_check(drive, ret, ILLEGAL_FORMAT);
	else if (type && type != 2)
		atapi_check(drive, ret, ILLEGAL_TRACK_MODE);
	else if ((parts && parts != 0x10) || packet[10] & 7)
		atapi_check(drive, ret, ILLEGAL_FIELD);
	else
		read_blocks(drive, be32(packet + 2), parts ? be24(packet + 6) : 0, ret);
}

/* As fast as the host can, whatever is asked. */
static void set_speed(struct atapi *drive, const uint8_t *packet, struct atapi_answer *ret)
{
	(void)drive, (void)packet, (void)ret;
}

/* ---- dispatch ---- */

#define NEEDS_DISC 1u
/* Also while there is something to be told: SPC-3, "Unit attention condition". */
#define AT_ANY_TIME 2u

static const struct command {
	uint8_t code, flags;
	atapi_fn run;
} commands[] = {
	{ 0x00, NEEDS_DISC, test_unit_ready },
	{ 0x03, AT_ANY_TIME, request_sense },
	{ 0x12, AT_ANY_TIME, atapi_inquiry },
	{ 0x15, 0, atapi_mode_select_6 },
	{ 0x1a, 0, atapi_mode_sense_6 },
	{ 0x1b, 0, start_stop },
	{ 0x1e, 0, prevent_removal },
	{ 0x25, NEEDS_DISC, read_capacity },
	{ 0x28, NEEDS_DISC, read_10 },
	{ 0x2b, NEEDS_DISC, seek },
	{ 0x42, NEEDS_DISC, atapi_read_subchannel },
	{ 0x43, NEEDS_DISC, atapi_read_toc },
	{ 0x46, AT_ANY_TIME, atapi_get_configuration },
	{ 0x4a, AT_ANY_TIME, event_status },
	{ 0x51, NEEDS_DISC, atapi_disc_information },
	{ 0x52, NEEDS_DISC, atapi_track_information },
	{ 0x55, 0, atapi_mode_select_10 },
	{ 0x5a, 0, atapi_mode_sense_10 },
	{ 0xa0, AT_ANY_TIME, report_luns },
	{ 0xa8, NEEDS_DISC, read_12 },
	{ 0xad, NEEDS_DISC, atapi_disc_structure },
	{ 0xbb, 0, set_speed },
	{ 0xbd, 0, mechanism_status },
	{ 0xbe, NEEDS_DISC, read_cd },
};

static const struct command *find(uint8_t code)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].code == code)
			return &commands[i];
	return NULL;
}

/* False if the command ends here: something has to be told first. */
static bool may_run(struct atapi *drive, const struct command *command, struct atapi_answer *ret)
{
	struct atapi_sense attention = drive->attention;

	if (command && command->flags & AT_ANY_TIME)
		return true;
	if (attention.key) {
		drive->attention = ATAPI_SENSE(0, 0, 0);
		atapi_check(drive, ret, attention);
	} else if (!command) {
		atapi_check(drive, ret, ILLEGAL_OPCODE);
	} else if (command->flags & NEEDS_DISC && !atapi_ready(drive)) {
		atapi_check(drive, ret, drive->open ? NOT_READY_TRAY_OPEN : NOT_READY_NO_MEDIUM);
	}
	return ret->next == ATAPI_DONE;
}

void atapi_command(struct atapi *drive, const uint8_t packet[ATAPI_PACKET],
		   struct atapi_answer *ret)
{
	const struct command *command = find(packet[0]);

	memset(ret, 0, sizeof(*ret));
	drive->take = 0;
	if (packet[0] != 0x03)
		drive->sense = ATAPI_SENSE(0, 0, 0);
	if (may_run(drive, command, ret))
		command->run(drive, packet, ret);
}

void atapi_init(struct atapi *drive, uint32_t blocks, const char *serial)
{
	*drive = (struct atapi){ .blocks = blocks };
	snprintf(drive->serial, sizeof(drive->serial), "%s", serial);
	atapi_reset(drive);
}

void atapi_reset(struct atapi *drive)
{
	drive->sense = ATAPI_SENSE(0, 0, 0);
	drive->attention = ATTENTION_RESET;
	drive->locked = drive->take = 0;
	drive->recovery[0] = 0;
	drive->recovery[1] = RECOVERY_RETRIES;
}
