// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The CD drive's packet commands: any packets, data, resets, failed reads, in any order.
 * A read is always within the disc, an answer within its buffer and what the host has
 * room for, and a failed command has a sense that says why, once.
 */
#include "fuzz.h"

#include "dev/atapi.h"

static const uint8_t request_sense[ATAPI_PACKET] = { 0x03, 0, 0, 0, 18 };

/* A failed command can be asked about, and then no more. */
static void check_sense(struct atapi *drive, struct atapi_answer *answer)
{
	for (unsigned int i = 0; i < 2; i++) {
		bool attention = drive->attention.key;

		atapi_command(drive, request_sense, answer);
		FUZZ_CHECK(answer->next == ATAPI_DATA && answer->size == 18);
		FUZZ_CHECK(!!answer->data[2] == (!i || attention));
	}
}

static void check(struct atapi *drive, struct atapi_answer *answer)
{
	switch (answer->next) {
	case ATAPI_DONE:
		break;
	case ATAPI_DATA:
	case ATAPI_TAKE:
		FUZZ_CHECK(answer->size <= ATAPI_DATA_MAX);
		break;
	case ATAPI_READ:
		FUZZ_CHECK(!drive->open && answer->blocks && answer->lba < drive->blocks);
		FUZZ_CHECK(answer->blocks <= drive->blocks - answer->lba);
		break;
	case ATAPI_CHECK:
		check_sense(drive, answer);
		break;
	default:
		FUZZ_CHECK(false);
	}
}

static void packet(struct atapi *drive, struct fuzz *f, struct atapi_answer *answer)
{
	bool open = drive->open, locked = drive->locked;
	uint8_t bytes[ATAPI_PACKET];

	fuzz_bytes(f, bytes, sizeof(bytes));
	atapi_command(drive, bytes, answer);
	FUZZ_CHECK(open || !drive->open || (!locked && bytes[0] == 0x1b));
}

static void take(struct atapi *drive, struct fuzz *f, struct atapi_answer *answer)
{
	uint32_t size = fuzz_u8(f) % 128, wanted = answer->size;
	bool asked = answer->next == ATAPI_TAKE;
	uint8_t data[128];

	fuzz_bytes(f, data, size);
	atapi_take(drive, data, asked && size > wanted ? wanted : size, answer);
	FUZZ_CHECK(answer->next == ATAPI_CHECK || (asked && answer->next == ATAPI_DONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct atapi_answer answer = {};
	struct atapi drive;

	atapi_init(&drive, fuzz_u32(&f) % (ATAPI_BLOCKS_MAX + 1), "fuzz");
	while (f.left) {
		switch (fuzz_u8(&f) & 7) {
		case 0:
			atapi_reset(&drive);
			FUZZ_CHECK(!drive.locked);
			continue;
		case 1:
			atapi_read_failed(&drive);
			check_sense(&drive, &answer);
			continue;
		case 2:
			take(&drive, &f, &answer);
			break;
		default:
			packet(&drive, &f, &answer);
		}
		check(&drive, &answer);
	}
	return 0;
}
