// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The CD drive's packet commands: what is answered to each, which sense when, what a
 * reset and the tray change. Expected bytes are the standards'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <string.h>

#include "dev/atapi.h"

#define CD_BLOCKS 1000u
#define DVD_BLOCKS 2000000u

static struct atapi drive;
static struct atapi_answer answer;

#define PACKET(...) ((const uint8_t[ATAPI_PACKET]){ __VA_ARGS__ })

static enum atapi_next run(const uint8_t *packet)
{
	memset(&answer, 0xee, sizeof(answer));
	atapi_command(&drive, packet, &answer);
	return answer.next;
}

/* The sense as key, code, qualifier; asking takes it away. */
static uint32_t sense(void)
{
	assert_int_equal(run(PACKET(0x03, 0, 0, 0, 18)), ATAPI_DATA);
	assert_int_equal(answer.size, 18);
	assert_int_equal(answer.data[0], 0x70);
	assert_int_equal(answer.data[7], 10);
	return (uint32_t)answer.data[2] << 16 | answer.data[12] << 8 | answer.data[13];
}

static void fresh(uint32_t blocks)
{
	atapi_init(&drive, blocks, "SERIAL");
	assert_int_equal(run(PACKET(0x00)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x062900);
}

static int setup(void **state)
{
	(void)state;
	fresh(CD_BLOCKS);
	return 0;
}

static void assert_data(const uint8_t *expected, uint32_t size)
{
	assert_int_equal(answer.next, ATAPI_DATA);
	assert_int_equal(answer.size, size);
	assert_memory_equal(answer.data, expected, size);
}

#define ASSERT_DATA(...) do {							\
	static const uint8_t expected[] = { __VA_ARGS__ };			\
	assert_data(expected, sizeof(expected));				\
} while (0)

/* ---- attention, sense, readiness ---- */

static void test_attention(void **state)
{
	(void)state;
	atapi_init(&drive, CD_BLOCKS, "");
	/* these do not take it away … */
	assert_int_equal(run(PACKET(0x12, 0, 0, 0, 36)), ATAPI_DATA);
	assert_int_equal(run(PACKET(0x46, 0, 0, 0, 0, 0, 0, 0, 8)), ATAPI_DATA);
	assert_int_equal(run(PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8)), ATAPI_DATA);
	/* … any other does, known or not, and is not done */
	assert_int_equal(run(PACKET(0xff)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x062900);
	assert_int_equal(run(PACKET(0x00)), ATAPI_DONE);
	/* asked for before it is told, it is told and over */
	atapi_reset(&drive);
	assert_int_equal(sense(), 0x062900);
	assert_int_equal(sense(), 0);
	assert_int_equal(run(PACKET(0x00)), ATAPI_DONE);
}

static void test_sense(void **state)
{
	(void)state;
	assert_int_equal(run(PACKET(0xff)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052000);
	assert_int_equal(sense(), 0);
	/* the next command forgets it */
	assert_int_equal(run(PACKET(0xff)), ATAPI_CHECK);
	assert_int_equal(run(PACKET(0x00)), ATAPI_DONE);
	assert_int_equal(sense(), 0);
	atapi_read_failed(&drive);
	assert_int_equal(sense(), 0x031100);
	/* a short allocation cuts, 0 bytes are fine */
	assert_int_equal(run(PACKET(0x03, 0, 0, 0, 8)), ATAPI_DATA);
	assert_int_equal(answer.size, 8);
	assert_int_equal(run(PACKET(0x03)), ATAPI_DATA);
	assert_int_equal(answer.size, 0);
}

/* Everything that needs a disc says so without one, and with the tray open. */
static void test_no_disc(void **state)
{
	static const uint8_t codes[] = {
		0x00, 0x25, 0x28, 0x2b, 0x42, 0x43, 0x51, 0x52, 0xa8, 0xad, 0xbe,
	};

	(void)state;
	fresh(0);
	for (size_t i = 0; i < sizeof(codes); i++) {
		assert_int_equal(run(PACKET(codes[i])), ATAPI_CHECK);
		assert_int_equal(sense(), 0x023a01);
	}
	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 1)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x023a01);
	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 2)), ATAPI_DONE);
	for (size_t i = 0; i < sizeof(codes); i++) {
		assert_int_equal(run(PACKET(codes[i])), ATAPI_CHECK);
		assert_int_equal(sense(), 0x023a02);
	}
	/* closing an empty tray brings no disc */
	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 3)), ATAPI_DONE);
	assert_int_equal(run(PACKET(0x00)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x023a01);
}

/* ---- tray ---- */

static const uint8_t get_event[] = { 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0, 0, 0 };

static void test_tray(void **state)
{
	(void)state;
	run(get_event);
	ASSERT_DATA(0, 6, 4, 0x10, 0, 2, 0, 0); /* nothing new, a disc */
	assert_int_equal(run(PACKET(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8)), ATAPI_DATA);
	ASSERT_DATA(0, 0, 0, 0, 0, 0, 0, 0);

	/* locked */
	assert_int_equal(run(PACKET(0x1e, 0, 0, 0, 1)), ATAPI_DONE);
	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 2)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x055302);
	assert_int_equal(run(PACKET(0x00)), ATAPI_DONE);
	assert_int_equal(run(PACKET(0x1e, 0, 0, 0, 2)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
	assert_int_equal(run(PACKET(0x1e)), ATAPI_DONE);

	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 2)), ATAPI_DONE);
	run(get_event);
	ASSERT_DATA(0, 6, 4, 0x10, 3, 1, 0, 0); /* removed; the tray is open */
	run(get_event);
	ASSERT_DATA(0, 6, 4, 0x10, 0, 1, 0, 0); /* told once */
	assert_int_equal(run(PACKET(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8)), ATAPI_DATA);
	assert_int_equal(answer.data[1], 0x10);

	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 3)), ATAPI_DONE);
	run(get_event);
	ASSERT_DATA(0, 6, 4, 0x10, 2, 2, 0, 0); /* a new disc */
	assert_int_equal(run(PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x062800);
	assert_int_equal(run(PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1)), ATAPI_READ);
	/* starting, stopping and power conditions leave the disc where it is */
	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 0)), ATAPI_DONE);
	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 1)), ATAPI_DONE);
	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 0x32)), ATAPI_DONE);
	assert_int_equal(run(PACKET(0x00)), ATAPI_DONE);
}

/* An event is not lost to a host that asks for less than it. */
static void test_events(void **state)
{
	(void)state;
	assert_int_equal(run(PACKET(0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
	assert_int_equal(run(PACKET(0x4a, 1, 0, 0, 0x0e, 0, 0, 0, 8)), ATAPI_DATA);
	ASSERT_DATA(0, 2, 0x80, 0x10);
	run(PACKET(0x1b, 0, 0, 0, 2));
	assert_int_equal(run(PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 4)), ATAPI_DATA);
	ASSERT_DATA(0, 6, 4, 0x10);
	run(get_event);
	assert_int_equal(answer.data[4], 3);
}

static void test_reset(void **state)
{
	(void)state;
	run(PACKET(0x1e, 0, 0, 0, 1));
	atapi_reset(&drive);
	assert_int_equal(sense(), 0x062900);
	assert_int_equal(run(PACKET(0x1b, 0, 0, 0, 2)), ATAPI_DONE); /* unlocked */
	atapi_reset(&drive);
	assert_int_equal(sense(), 0x062900);
	assert_int_equal(run(PACKET(0x00)), ATAPI_CHECK); /* and the tray still open */
	assert_int_equal(sense(), 0x023a02);
}

/* ---- reading ---- */

static void test_read(void **state)
{
	static const struct {
		const char *name;
		uint8_t packet[ATAPI_PACKET];
		enum atapi_next next;
		uint32_t lba, blocks;	/* CHECK: the sense in lba */
	} cases[] = {
		{ "10", { 0x28, 0, 0, 0, 1, 2, 0, 0, 3 }, ATAPI_READ, 0x102, 3 },
		{ "10, last", { 0x28, 0, 0, 0, 3, 0xe7, 0, 0, 1 }, ATAPI_READ, 999, 1 },
		{ "10, all", { 0x28, 0, 0, 0, 0, 0, 0, 3, 0xe8 }, ATAPI_READ, 0, 1000 },
		{ "10, nothing", { 0x28, 0, 0, 0, 0, 1 }, ATAPI_DONE, 0, 0 },
		{ "10, nothing behind the end", { 0x28, 0, 0, 0, 3, 0xe8 }, ATAPI_CHECK,
		  0x052100, 0 },
		{ "10, across the end", { 0x28, 0, 0, 0, 3, 0xe7, 0, 0, 2 }, ATAPI_CHECK,
		  0x052100, 0 },
		{ "10, far", { 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1 }, ATAPI_CHECK,
		  0x052100, 0 },
		{ "12", { 0xa8, 0, 0, 0, 0, 5, 0, 0, 1, 0 }, ATAPI_READ, 5, 256 },
		{ "12, wraps", { 0xa8, 0, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff }, ATAPI_CHECK,
		  0x052100, 0 },
		{ "seek", { 0x2b, 0, 0, 0, 3, 0xe7 }, ATAPI_DONE, 0, 0 },
		{ "seek too far", { 0x2b, 0, 0, 0, 3, 0xe8 }, ATAPI_CHECK, 0x052100, 0 },
		{ "CD", { 0xbe, 0, 0, 0, 0, 7, 0, 0, 2, 0x10 }, ATAPI_READ, 7, 2 },
		{ "CD, mode 1", { 0xbe, 8, 0, 0, 0, 7, 0, 0, 2, 0x10 }, ATAPI_READ, 7, 2 },
		{ "CD, no part of it", { 0xbe, 0, 0, 0, 0, 7, 0, 0, 2, 0 }, ATAPI_DONE, 0, 0 },
		{ "CD, audio", { 0xbe, 4, 0, 0, 0, 7, 0, 0, 2, 0x10 }, ATAPI_CHECK, 0x056400, 0 },
		{ "CD, raw", { 0xbe, 0, 0, 0, 0, 7, 0, 0, 2, 0xf8 }, ATAPI_CHECK, 0x052400, 0 },
		{ "CD, subchannel", { 0xbe, 0, 0, 0, 0, 7, 0, 0, 2, 0x10, 1 }, ATAPI_CHECK,
		  0x052400, 0 },
		{ "speed", { 0xbb, 0, 0xff, 0xff }, ATAPI_DONE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("read: %s\n", cases[i].name);
		assert_int_equal(run(cases[i].packet), cases[i].next);
		if (cases[i].next == ATAPI_CHECK) {
			assert_int_equal(sense(), cases[i].lba);
		} else if (cases[i].next == ATAPI_READ) {
			assert_int_equal(answer.lba, cases[i].lba);
			assert_int_equal(answer.blocks, cases[i].blocks);
		}
	}
	run(PACKET(0x25));
	ASSERT_DATA(0, 0, 3, 0xe7, 0, 0, 8, 0);
}

static void test_largest(void **state)
{
	(void)state;
	fresh(ATAPI_BLOCKS_MAX);
	run(PACKET(0x25));
	ASSERT_DATA(0xff, 0xff, 0xff, 0xef, 0, 0, 8, 0);
	assert_int_equal(run(PACKET(0xa8, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xf0)), ATAPI_READ);
	assert_int_equal(run(PACKET(0xa8, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xf0)), ATAPI_CHECK);
	assert_int_equal(run(PACKET(0x43, 2, 0, 0, 0, 0, 0xaa, 0, 12)), ATAPI_DATA);
	ASSERT_DATA(0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 255, 59, 74);
}

/* ---- what the drive says of itself ---- */

static void test_inquiry(void **state)
{
	(void)state;
	run(PACKET(0x12, 0, 0, 0, 255));
	ASSERT_DATA(5, 0x80, 5, 2, 31, 0, 0, 0, 'B', 'A', 'T', 'O', 'N', ' ', ' ', ' ',
		    'D', 'V', 'D', '-', 'R', 'O', 'M', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ',
		    '1', '.', '0', ' ');
	run(PACKET(0x12, 0, 0, 0, 5));
	assert_int_equal(answer.size, 5);
	run(PACKET(0x12, 1, 0, 0, 255));
	ASSERT_DATA(5, 0, 0, 3, 0, 0x80, 0x83);
	run(PACKET(0x12, 1, 0x80, 0, 10));
	ASSERT_DATA(5, 0x80, 0, 20, 'S', 'E', 'R', 'I', 'A', 'L');
	run(PACKET(0x12, 1, 0x83, 1, 0));
	assert_int_equal(answer.size, 36);
	assert_int_equal(answer.data[7], 28);
	assert_int_equal(run(PACKET(0x12, 1, 0x84, 0, 255)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
	assert_int_equal(run(PACKET(0x12, 0, 0x80, 0, 255)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
}

static void test_luns(void **state)
{
	(void)state;
	run(PACKET(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16));
	ASSERT_DATA(0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	run(PACKET(0xa0, 0, 1, 0, 0, 0, 0, 0, 0, 16));
	ASSERT_DATA(0, 0, 0, 0, 0, 0, 0, 0);
	assert_int_equal(run(PACKET(0xa0, 0, 3, 0, 0, 0, 0, 0, 0, 16)), ATAPI_CHECK);
}

static void test_mode_sense(void **state)
{
	(void)state;
	run(PACKET(0x5a, 0, 0x01, 0, 0, 0, 0, 0, 255));
	ASSERT_DATA(0, 18, 0, 0, 0, 0, 0, 0, 1, 10, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0);
	run(PACKET(0x1a, 0, 0x41, 0, 255)); /* what of it can be changed */
	ASSERT_DATA(15, 0, 0, 0, 1, 10, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0);
	run(PACKET(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255));
	assert_int_equal(answer.size, 30);
	assert_int_equal(answer.data[8], 0x2a);
	assert_int_equal(answer.data[9], 20);
	assert_int_equal(answer.data[14], 0x29);
	run(PACKET(0x1e, 0, 0, 0, 1));
	run(PACKET(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255));
	assert_int_equal(answer.data[14], 0x2b); /* locked */
	run(PACKET(0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 255));
	assert_int_equal(answer.size, 8 + 12 + 12 + 12 + 22);
	assert_int_equal(answer.data[1], answer.size - 2);
	run(PACKET(0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 7));
	assert_int_equal(answer.size, 7);
	assert_int_equal(run(PACKET(0x5a, 0, 0xc1, 0, 0, 0, 0, 0, 255)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x053900);
	assert_int_equal(run(PACKET(0x5a, 0, 0x0e, 0, 0, 0, 0, 0, 255)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
}

static uint32_t selected(const void *data, uint32_t size)
{
	assert_int_equal(run(PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 0, (uint8_t)size)), ATAPI_TAKE);
	assert_int_equal(answer.size, size);
	atapi_take(&drive, data, size, &answer);
	return answer.next == ATAPI_DONE ? 0 : sense();
}

static void test_mode_select(void **state)
{
	uint8_t list[20] = { [8] = 1, 10, 0x20, 9 };

	(void)state;
	assert_int_equal(selected(list, 20), 0);
	run(PACKET(0x5a, 0, 0x01, 0, 0, 0, 0, 0, 255));
	assert_int_equal(answer.data[10], 0x20);
	assert_int_equal(answer.data[11], 9);
	run(PACKET(0x5a, 0, 0x81, 0, 0, 0, 0, 0, 255));
	assert_int_equal(answer.data[11], 5); /* by default */
	list[12] = 1; /* cannot be changed: nothing is */
	list[11] = 7;
	assert_int_equal(selected(list, 20), 0x052600);
	run(PACKET(0x5a, 0, 0x01, 0, 0, 0, 0, 0, 255));
	assert_int_equal(answer.data[11], 9);
	list[12] = 0;
	assert_int_equal(selected(list, 19), 0x052600); /* cut */
	list[9] = 11;
	assert_int_equal(selected(list, 20), 0x052600);
	list[9] = 10;
	list[7] = 8; /* block descriptors */
	assert_int_equal(selected(list, 20), 0x052600);
	list[7] = 0;
	list[8] = 0x3f;
	assert_int_equal(selected(list, 20), 0x052600);
	assert_int_equal(selected(list, 8), 0);
	assert_int_equal(run(PACKET(0x55, 0x10)), ATAPI_DONE);
	assert_int_equal(run(PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 0, 7)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x051a00);
	assert_int_equal(run(PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 1, 0)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x051a00);
	assert_int_equal(run(PACKET(0x55, 0x11, 0, 0, 0, 0, 0, 0, 20)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
	/* less data than promised; data that nobody asked for */
	run(PACKET(0x15, 0x10, 0, 0, 20));
	atapi_take(&drive, list, 0, &answer);
	assert_int_equal(sense(), 0x051a00);
	atapi_take(&drive, list, 20, &answer);
	assert_int_equal(sense(), 0x051a00);
}

/* ---- what it says of the disc ---- */

static void test_toc(void **state)
{
	(void)state;
	run(PACKET(0x43, 0, 0, 0, 0, 0, 0, 0, 255));
	ASSERT_DATA(0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 3, 0xe8);
	run(PACKET(0x43, 2, 0, 0, 0, 0, 1, 0, 255)); /* 1000 + 150 frames are 15.25 s */
	ASSERT_DATA(0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 2, 0, 0, 0x14, 0xaa, 0, 0, 0, 15, 25);
	run(PACKET(0x43, 0, 0, 0, 0, 0, 0xaa, 0, 255));
	ASSERT_DATA(0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 3, 0xe8);
	assert_int_equal(run(PACKET(0x43, 0, 0, 0, 0, 0, 2, 0, 255)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
	run(PACKET(0x43, 0, 1, 0, 0, 0, 0, 0, 255));
	ASSERT_DATA(0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0);
	run(PACKET(0x43, 0, 0, 0, 0, 0, 0, 0, 255, 0x40)); /* the format's old place */
	ASSERT_DATA(0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0);
	run(PACKET(0x43, 0, 2, 0, 0, 0, 1, 0, 255));
	ASSERT_DATA(0, 46, 1, 1,
		    1, 0x14, 0, 0xa0, 0, 0, 0, 0, 1, 0, 0,
		    1, 0x14, 0, 0xa1, 0, 0, 0, 0, 1, 0, 0,
		    1, 0x14, 0, 0xa2, 0, 0, 0, 0, 0, 15, 25,
		    1, 0x14, 0, 1, 0, 0, 0, 0, 0, 2, 0);
	assert_int_equal(run(PACKET(0x43, 0, 2, 0, 0, 0, 2, 0, 255)), ATAPI_CHECK);
	assert_int_equal(run(PACKET(0x43, 0, 5, 0, 0, 0, 0, 0, 255)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
	run(PACKET(0x43, 0, 0, 0, 0, 0, 0, 0, 4));
	assert_int_equal(answer.size, 4);
}

static void test_disc_information(void **state)
{
	(void)state;
	run(PACKET(0x51, 0, 0, 0, 0, 0, 0, 0, 255));
	ASSERT_DATA(0, 32, 0x0e, 1, 1, 1, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0,
		    255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	assert_int_equal(run(PACKET(0x51, 1, 0, 0, 0, 0, 0, 0, 255)), ATAPI_CHECK);
	assert_int_equal(run(PACKET(0x52, 1, 0, 0, 0, 1, 0, 0, 255)), ATAPI_DATA);
	assert_int_equal(answer.size, 36);
	assert_memory_equal(answer.data + 24, ((uint8_t[]){ 0, 0, 3, 0xe8, 0, 0, 3, 0xe7 }), 8);
	assert_int_equal(run(PACKET(0x52, 0, 0, 0, 3, 0xe7, 0, 0, 255)), ATAPI_DATA);
	assert_int_equal(run(PACKET(0x52, 0, 0, 0, 3, 0xe8, 0, 0, 255)), ATAPI_CHECK);
	assert_int_equal(run(PACKET(0x52, 1, 0, 0, 0, 2, 0, 0, 255)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
}

static void test_subchannel(void **state)
{
	(void)state;
	run(PACKET(0x42, 0, 0, 0, 0, 0, 0, 0, 255));
	ASSERT_DATA(0, 0x15, 0, 0);
	run(PACKET(0x42, 2, 0x40, 1, 0, 0, 0, 0, 255));
	ASSERT_DATA(0, 0x15, 0, 12, 1, 0x14, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0);
	run(PACKET(0x42, 0, 0x40, 2, 0, 0, 0, 0, 255));
	assert_int_equal(answer.size, 24);
	assert_int_equal(answer.data[8], 0); /* no catalogue number */
	assert_int_equal(run(PACKET(0x42, 0, 0x40, 4, 0, 0, 0, 0, 255)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
}

/* The bytes of a feature: version, persistent and current; none if it is not told. */
static int feature(uint8_t which, uint16_t code)
{
	uint32_t at = 8;

	assert_int_equal(run(PACKET(0x46, which, 0, 0, 0, 0, 0, 4, 0)), ATAPI_DATA);
	assert_int_equal(answer.size, (uint32_t)(answer.data[2] << 8 | answer.data[3]) + 4);
	while (at < answer.size) {
		if ((answer.data[at] << 8 | answer.data[at + 1]) == code)
			return answer.data[at + 2];
		at += 4u + answer.data[at + 3];
	}
	assert_int_equal(at, answer.size);
	return -1;
}

static void test_configuration(void **state)
{
	(void)state;
	assert_int_equal(feature(0, 0x1e) & 3, 1);
	assert_int_equal(answer.data[7], 0x08);
	assert_int_equal(feature(0, 0x1f) & 3, 0);
	assert_int_equal(feature(1, 0x1f), -1);
	assert_int_equal(feature(0, 0x03) & 3, 3);
	run(PACKET(0x46, 2, 0, 0, 0, 0, 0, 0, 255)); /* the profiles alone */
	ASSERT_DATA(0, 0, 0, 16, 0, 0, 0, 8, 0, 0, 3, 8, 0, 0x10, 0, 0, 0, 8, 1, 0);
	run(PACKET(0x46, 0, 1, 0, 0, 0, 0, 0, 255)); /* from 0x100 on */
	ASSERT_DATA(0, 0, 0, 16, 0, 0, 0, 8, 1, 0, 3, 0, 1, 5, 7, 4, 0, 0, 0, 0);
	assert_int_equal(run(PACKET(0x46, 3, 0, 0, 0, 0, 0, 0, 255)), ATAPI_CHECK);
	run(PACKET(0x1b, 0, 0, 0, 2));
	assert_int_equal(feature(0, 0x1e) & 3, 0);
	assert_int_equal(answer.data[7], 0);
	assert_int_equal(feature(1, 0x10), -1);
}

static void test_dvd(void **state)
{
	(void)state;
	/* a CD has no DVD's structures, but the list of them */
	assert_int_equal(run(PACKET(0xad, 0, 0, 0, 0, 0, 0, 0, 8, 4)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x053002);
	run(PACKET(0xad, 0, 0, 0, 0, 0, 0, 0xff, 0, 255));
	ASSERT_DATA(0, 10, 0, 0, 0, 0x40, 8, 4, 1, 0x40, 0, 8);

	fresh(DVD_BLOCKS);
	assert_int_equal(feature(0, 0x1f) & 3, 1);
	assert_int_equal(answer.data[7], 0x10);
	assert_int_equal(feature(0, 0x1e) & 3, 0);
	assert_int_equal(run(PACKET(0xad, 0, 0, 0, 0, 0, 0, 0, 8, 4)), ATAPI_DATA);
	assert_int_equal(answer.size, 2052);
	assert_memory_equal(answer.data, ((uint8_t[]){ 8, 2, 0, 0, 1, 0x0f, 1, 0, 0, 3, 0, 0,
						       0, 0x21, 0x84, 0x7f }), 16);
	assert_int_equal(run(PACKET(0xad, 0, 0, 0, 0, 0, 0, 1, 0, 255)), ATAPI_DATA);
	assert_int_equal(answer.size, 8);
	assert_int_equal(run(PACKET(0xad, 0, 0, 0, 0, 0, 1, 0, 8, 4)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x052400);
	assert_int_equal(run(PACKET(0xad, 1, 0, 0, 0, 0, 0, 0, 8, 4)), ATAPI_CHECK);
	assert_int_equal(run(PACKET(0xbe, 0, 0, 0, 0, 7, 0, 0, 2, 0x10)), ATAPI_CHECK);
	assert_int_equal(sense(), 0x053002);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(test_attention), T(test_sense), T(test_no_disc), T(test_tray), T(test_events),
		T(test_reset), T(test_read), T(test_largest), T(test_inquiry), T(test_luns),
		T(test_mode_sense), T(test_mode_select), T(test_toc), T(test_disc_information),
		T(test_subchannel), T(test_configuration), T(test_dvd),
	};

	return cmocka_run_group_tests_name("atapi", tests, NULL, NULL);
}
