// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The AHCI controller with a CD drive, register by register: how drivers find and start
 * it, commands with and without data, what is received in memory, interrupts, resets, and
 * lists, tables, buffers that cannot be. Last, a drive with its own thread and image.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ahci_driver.h"
#include "dev/cd_drive.h"

#define BLOCKS 1000u
#define MSI_DATA 7
#define FRAME_PIO (RIG_FRAMES + 0x20)
#define FRAME_REGISTERS (RIG_FRAMES + 0x40)

#define PACKET(...) ((const uint8_t[12]){ __VA_ARGS__ })
#define READY PACKET(0x00)

static struct rig rig;

static int setup(void **state)
{
	(void)state;
	rig_init(&rig, BLOCKS);
	return 0;
}

/* Started, and past the attention that a start means. */
static int setup_started(void **state)
{
	setup(state);
	rig_start(&rig);
	rig_packet(&rig, PACKET(0x03, 0, 0, 0, 18), 18);
	rig_restart(&rig);
	atomic_store(&rig.t->msi_count[MSI_DATA], 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static uint32_t messages(void)
{
	return atomic_load(&rig.t->msi_count[MSI_DATA]);
}

static uint8_t *mem(uint64_t gpa)
{
	return rig_ram(&rig, gpa);
}

/* Key, code and qualifier by REQUEST SENSE. */
static uint32_t sense(void)
{
	const uint8_t *data = mem(RIG_DATA);

	rig_restart(&rig);
	assert_int_equal(rig_packet(&rig, PACKET(0x03, 0, 0, 0, 18), 18), 0x50);
	return (uint32_t)data[2] << 16 | data[12] << 8 | data[13];
}

static void assert_disc(uint64_t gpa, uint64_t at, uint32_t size)
{
	const uint8_t *data = mem(gpa);

	for (uint32_t i = 0; i < size; i++)
		if (data[i] != rig_disc(at + i))
			fail_msg("byte %u of the disc is %02x", i, data[i]);
}

/* ---- the function and its registers ---- */

static uint32_t config(unsigned int offset, unsigned int size)
{
	return (uint32_t)bus_read(rig.t->m.mmio, TEST_ECAM + RIG_AT + offset, size);
}

static void test_function(void **state)
{
	(void)state;
	assert_int_equal(config(0, 4), 0x29228086);
	assert_int_equal(config(PCI_CLASS_REVISION, 4), 0x01060102);
	assert_int_equal(config(PCI_INTERRUPT_PIN, 1), 1);
	assert_int_equal(config(0x90, 1), 0x40);
	assert_int_equal(config(0x92, 2), 0x0101);
	assert_int_equal(rig_get(&rig, 0x00), 0x81241f05);
	assert_int_equal(rig_get(&rig, 0x04), 1u << 31);
	assert_int_equal(rig_get(&rig, 0x0c), 1);
	assert_int_equal(rig_get(&rig, 0x10), 0x00010301);
	for (unsigned int at = 0x14; at < 0x100; at += 4)
		assert_int_equal(rig_get(&rig, at), 0);
	/* a port that is not there */
	rig_set(&rig, 0x180 + PX_IE, UINT32_MAX);
	assert_int_equal(rig_get(&rig, 0x180 + PX_IE), 0);
}

static void test_access(void **state)
{
	struct bus *mmio = rig.t->m.mmio;
	uint64_t at = rig.abar + PORT(PX_CLB);

	(void)state;
	bus_write(mmio, at, 8, 0x11223344aabbcfff);
	assert_int_equal(bus_read(mmio, at, 8), 0x11223344aabbcc00);
	bus_write(mmio, at + 5, 1, 0x55);
	assert_int_equal(bus_read(mmio, at + 4, 4), 0x11225544);
	bus_write(mmio, at + 2, 2, 0x6677);
	assert_int_equal(bus_read(mmio, at, 4), 0x6677cc00);
	assert_int_equal(bus_read(mmio, at + 3, 1), 0x66);
	assert_int_equal(bus_read(mmio, at + 6, 2), 0x1122);
	bus_write(mmio, at + 2, 4, 0); /* across two registers: nothing */
	assert_int_equal(bus_read(mmio, at, 4), 0x6677cc00);
	assert_int_equal(bus_read(mmio, at + 2, 4), 0);
	/* to a byte of a register that writing clears */
	assert_int_equal(rig_get(&rig, PORT(PX_SERR)), 0x04010000);
	bus_write(mmio, rig.abar + PORT(PX_SERR) + 2, 1, 0xff);
	assert_int_equal(rig_get(&rig, PORT(PX_SERR)), 0x04000000);
	rig_set(&rig, PORT(PX_IE), UINT32_MAX);
	assert_int_equal(rig_get(&rig, PORT(PX_IE)), 0xfdc000ff);
	rig_set(&rig, PORT(PX_SSTS), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_SSTS)), 0x123);
}

/* The order of SeaBIOS: link, frames, no BSY any more, start. */
static void test_start(void **state)
{
	(void)state;
	assert_int_equal(rig_get(&rig, PORT(PX_CMD)), 0x6);
	assert_int_equal(rig_get(&rig, PORT(PX_SSTS)), 0x123);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0xff);
	assert_int_equal(rig_get(&rig, PORT(PX_SIG)), UINT32_MAX);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), 1u << 22 | 1u << 6);
	rig_set(&rig, PORT(PX_SERR), UINT32_MAX);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), 0);
	rig_set(&rig, PORT(PX_FB), RIG_FRAMES);
	rig_set(&rig, PORT(PX_CMD), 0x10);
	assert_int_equal(rig_get(&rig, PORT(PX_CMD)), 0x4016);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x0100);
	assert_int_equal(rig_get(&rig, PORT(PX_SIG)), 0xeb140101);
	assert_memory_equal(mem(FRAME_REGISTERS), ((uint8_t[20]){ 0x34, 0, 0, 1, 1, 0x14, 0xeb,
								  [12] = 1 }), 20);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), 0);
	/* commands only count while it is started */
	rig_set(&rig, PORT(PX_CI), 1);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
	rig_set(&rig, PORT(PX_CMD), 0x11);
	assert_int_equal(rig_get(&rig, PORT(PX_CMD)), 0xc017);
}

/* ---- commands ---- */

static void test_identify(void **state)
{
	const uint16_t *words = (void *)mem(RIG_DATA);
	uint8_t sum = 0;

	(void)state;
	assert_int_equal(rig_command(&rig, 0xa1, 0, 0, 512), 0x50);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
	assert_int_equal(rig_moved(&rig), 512);
	/* PIO: its frame alone, with the status to come */
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), 1u << 1);
	assert_memory_equal(mem(FRAME_PIO), ((uint8_t[20]){ 0x5f, 0x60, 0x58, [15] = 0x50,
							    [17] = 2 }), 20);
	assert_int_equal(messages(), 1);
	assert_int_equal(words[0], 0x85c0);
	assert_memory_equal(words + 10, "TB-NDC 0", 8);
	assert_memory_equal(words + 27, "ABOT NVD-DOR M  ", 16);
	assert_int_equal(words[88], 0x203f);
	for (unsigned int i = 0; i < 512; i++)
		sum += mem(RIG_DATA)[i];
	assert_int_equal(sum, 0);

	assert_int_equal(rig_command(&rig, 0xef, 3, 0x42, 0), 0x50);
	assert_int_equal(rig_command(&rig, 0xa1, 0, 0, 512), 0x50);
	assert_int_equal(words[88], 0x043f);
	assert_int_equal(rig_command(&rig, 0xef, 3, 0x22, 0), 0x50);
	assert_int_equal(rig_command(&rig, 0xa1, 0, 0, 512), 0x50);
	assert_int_equal(words[63], 0x0407);
	assert_int_equal(words[88], 0x003f);
}

static void test_commands(void **state)
{
	static const struct {
		uint8_t command, feature, count;
		uint32_t tfd;
	} cases[] = {
		{ 0xe0, 0, 0, 0x50 }, { 0xe1, 0, 0, 0x50 }, { 0xe6, 0, 0, 0x50 },
		{ 0xef, 3, 0x0c, 0x50 }, { 0xef, 3, 0, 0x50 }, { 0xef, 3, 1, 0x50 },
		{ 0xef, 3, 0x46, 0x451 }, { 0xef, 3, 0x23, 0x451 }, { 0xef, 3, 0x0d, 0x451 },
		{ 0xef, 3, 2, 0x451 }, { 0xef, 3, 0xff, 0x451 }, { 0xef, 2, 0, 0x451 },
		{ 0x00, 0, 0, 0x451 }, { 0x25, 0, 1, 0x451 }, { 0xff, 0, 0, 0x451 },
		{ 0xec, 0, 0, 0x451 }, { 0x90, 0, 0, 0x100 }, { 0x08, 0, 0, 0x100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool failed = cases[i].tfd & 1;

		print_message("command %02x %02x\n", cases[i].command, cases[i].count);
		assert_int_equal(rig_command(&rig, cases[i].command, cases[i].feature,
					     cases[i].count, 0), cases[i].tfd);
		assert_int_equal(rig_get(&rig, PORT(PX_IS)), 1u | (failed ? 1u << 30 : 0));
		assert_int_equal(rig_get(&rig, PORT(PX_CI)), failed);
		assert_int_equal(mem(FRAME_REGISTERS)[2], cases[i].tfd & 0xff);
		rig_restart(&rig);
	}
	/* what a packet device says it is, when taken for a disk */
	rig_command(&rig, 0xec, 0, 0, 0);
	assert_memory_equal(mem(FRAME_REGISTERS), ((uint8_t[20]){
		0x34, 0x40, 0x51, 4, 1, 0x14, 0xeb, [12] = 1 }), 20);
	rig_restart(&rig);
	rig_command(&rig, 0xe5, 0, 0, 0);
	assert_int_equal(mem(FRAME_REGISTERS)[12], 0xff); /* awake */
}

static void test_packets(void **state)
{
	(void)state;
	/* the attention of a reset, the error that stops the port, and what is read of it */
	rig_set(&rig, PORT(PX_SCTL), 1);
	rig_set(&rig, PORT(PX_SCTL), 0);
	assert_int_equal(rig_packet(&rig, READY, 0), 0x6051);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)) & (1u << 30), 1u << 30);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 1);
	assert_int_equal(mem(FRAME_REGISTERS)[12], 3);
	rig_set(&rig, PORT(PX_CI), 2);
	assert_false(rig.woken);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 3);
	assert_int_equal(sense(), 0x062900);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
	assert_int_equal(rig_moved(&rig), 18);

	assert_int_equal(rig_packet(&rig, READY, 0), 0x50);
	assert_int_equal(rig_moved(&rig), 0);
	assert_int_equal(rig_packet(&rig, PACKET(0xff), 0), 0x5451);
	assert_int_equal(sense(), 0x052000);
	/* more buffer than data */
	assert_int_equal(rig_packet(&rig, PACKET(0x25), 100), 0x50);
	assert_int_equal(rig_moved(&rig), 8);
	assert_memory_equal(mem(RIG_DATA), ((uint8_t[]){ 0, 0, 3, 0xe7, 0, 0, 8, 0 }), 8);
	/* more data than buffer */
	assert_int_equal(rig_packet(&rig, PACKET(0x12, 0, 0, 0, 36), 10), 0x50);
	assert_int_equal(rig_moved(&rig), 10);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)) & (1u << 24), 1u << 24);
}

static void test_pio_packets(void **state)
{
	uint8_t frame[20] = { 0x27, 0x80, 0xa0, 0 };

	(void)state;
	rig_fill(&rig, 0, frame, PACKET(0x25), 8); /* no size of pieces */
	rig_issue(&rig, 0);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x451);
	rig_restart(&rig);
	rig_fill(&rig, 0, frame, READY, 0); /* and none is needed */
	rig_issue(&rig, 0);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x50);
	rig_restart(&rig);
	frame[5] = 6;
	rig_fill(&rig, 0, frame, PACKET(0x25), 8);
	rig_issue(&rig, 0);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x50);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), 3);
	assert_int_equal(mem(FRAME_PIO)[16], 6);
	assert_int_equal(rig_moved(&rig), 8);
	frame[3] = 2; /* overlapped */
	rig_fill(&rig, 0, frame, READY, 0);
	rig_issue(&rig, 0);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x451);
}

/* Data from the host: MODE SELECT, and MODE SENSE has it. */
static void test_data_out(void **state)
{
	const uint8_t list[20] = { [8] = 1, 10, 0x21, 3 };
	const uint8_t *select = PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 0, 20);

	(void)state;
	memcpy(mem(RIG_DATA), list, sizeof(list));
	assert_int_equal(rig_packet(&rig, select, 20), 0x50);
	assert_int_equal(rig_moved(&rig), 20);
	assert_int_equal(rig_packet(&rig, PACKET(0x5a, 0, 1, 0, 0, 0, 0, 0, 20), 20), 0x50);
	assert_int_equal(mem(RIG_DATA)[10], 0x21);
	assert_int_equal(rig_packet(&rig, select, 19), 0x5451); /* less than promised */
	assert_int_equal(sense(), 0x051a00);
}

static void test_read(void **state)
{
	const uint32_t size = 200 * ATAPI_BLOCK;

	(void)state;
	assert_int_equal(rig_packet(&rig, PACKET(0x28, 0, 0, 0, 0, 3, 0, 0, 200), size), 0x50);
	assert_int_equal(rig_moved(&rig), size);
	assert_int_equal(rig.reads, 4);
	assert_disc(RIG_DATA, 3 * ATAPI_BLOCK, size);
	assert_int_equal(messages(), 1);
	assert_int_equal(rig_packet(&rig, PACKET(0x28, 0, 0, 0, 3, 0xe7, 0, 0, 2), 4096), 0x5451);
	assert_int_equal(sense(), 0x052100);
	rig.read_error = -EIO;
	assert_int_equal(rig_packet(&rig, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 2048), 0x3051);
	assert_int_equal(sense(), 0x031100);
	rig.read_error = 0;
	/* the buffers end after a piece: no more is read */
	rig.reads = 0;
	assert_int_equal(rig_packet(&rig, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 200), 150000), 0x50);
	assert_int_equal(rig_moved(&rig), 150000);
	assert_int_equal(rig.reads, 2);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)) & (1u << 24), 1u << 24);
}

/* Buffers of odd places and sizes; one of them asks for an interrupt. */
static void test_scatter(void **state)
{
	const uint8_t frame[20] = { 0x27, 0x80, 0xa0, 1 };
	uint32_t buffers[4][4] = {
		{ RIG_DATA + 2, 0, 0, 0 }, { RIG_DATA + 0x1000, 0, 0, 1000 | 1u << 31 },
		{ RIG_DATA + 0x3ffe, 0, 0, 3000 }, { RIG_DATA + 0x8000, 0, 0, 0x3fffff },
	};

	(void)state;
	rig_fill(&rig, 0, frame, PACKET(0x28, 0, 0, 0, 0, 1, 0, 0, 3), 1);
	memcpy(mem(RIG_TABLES + 0x80), buffers, sizeof(buffers));
	mem(RIG_LIST)[2] = 4;
	rig_issue(&rig, 0);
	/* the last one reaches beyond RAM, but not as far as it is used */
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x50);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), 1u | 1u << 5);
	assert_disc(RIG_DATA + 2, ATAPI_BLOCK, 1);
	assert_disc(RIG_DATA + 0x1000, ATAPI_BLOCK + 1, 1001);
	assert_disc(RIG_DATA + 0x3ffe, ATAPI_BLOCK + 1002, 3001);
	assert_disc(RIG_DATA + 0x8000, ATAPI_BLOCK + 4003, 3 * ATAPI_BLOCK - 4003);
}

/* Several slots at once: in turn, one interrupt can stand for them. */
static void test_slots(void **state)
{
	const uint8_t frame[20] = { 0x27, 0x80, 0xa0, 1 };

	(void)state;
	for (unsigned int slot = 0; slot < 32; slot++)
		rig_fill(&rig, slot, frame, slot == 5 ? PACKET(0xff) : READY, 0);
	rig_set(&rig, PORT(PX_CI), ~(1u << 5));
	assert_true(rig.woken);
	rig_run(&rig);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
	assert_int_equal(messages(), 1);
	/* the last in turn was 0: so 1 to 5, which fails and stops the rest */
	rig_set(&rig, PORT(PX_CI), UINT32_MAX);
	rig_run(&rig);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0xffffffe1);
	assert_int_equal(rig_get(&rig, PORT(PX_CMD)) >> 8 & 0x1f, 5);
}

/* ---- interrupts ---- */

static void test_interrupts(void **state)
{
	(void)state;
	rig_packet(&rig, READY, 0);
	assert_int_equal(rig_get(&rig, 0x08), 1);
	assert_int_equal(messages(), 1);
	/* cleared in the right order: silence */
	rig_set(&rig, PORT(PX_IS), 1);
	rig_set(&rig, 0x08, 1);
	assert_int_equal(rig_get(&rig, 0x08), 0);
	assert_int_equal(messages(), 1);
	/* in the wrong one: it says so again */
	rig_packet(&rig, READY, 0);
	assert_int_equal(messages(), 2);
	rig_set(&rig, 0x08, 1);
	assert_int_equal(rig_get(&rig, 0x08), 1);
	assert_int_equal(messages(), 3);
	rig_set(&rig, PORT(PX_IS), 1);
	rig_set(&rig, 0x08, 1);
	/* a command that ends between the two is not lost */
	rig_packet(&rig, READY, 0);
	rig_set(&rig, PORT(PX_IS), 1);
	rig_packet(&rig, READY, 0);
	rig_set(&rig, 0x08, 1);
	assert_int_equal(rig_get(&rig, 0x08), 1);
	assert_int_equal(messages(), 5);
	rig_restart(&rig);
	/* by port, and by controller, they can be off */
	rig_set(&rig, PORT(PX_IE), 0);
	rig_packet(&rig, READY, 0);
	assert_int_equal(rig_get(&rig, 0x08), 0);
	rig_set(&rig, 0x04, 0);
	rig_set(&rig, PORT(PX_IE), UINT32_MAX);
	assert_int_equal(rig_get(&rig, 0x08), 1);
	assert_int_equal(messages(), 5);
	rig_set(&rig, 0x04, 2);
	assert_int_equal(messages(), 6);
}

/* ---- resets and stops ---- */

/* A read under way; its slot is 0. */
static void begin_read(void)
{
	rig.hold_reads = true;
	rig_packet(&rig, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 2048);
	assert_true(rig.reading);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)) & 0x80, 0x80);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 1);
	memset(mem(RIG_DATA), 0xee, 2048);
}

/* What is read for a command that is no more goes nowhere. */
static void assert_dropped(void)
{
	uint32_t is = rig_get(&rig, PORT(PX_IS)), tfd = rig_get(&rig, PORT(PX_TFD));

	rig_read_done(&rig);
	assert_int_equal(mem(RIG_DATA)[0], 0xee);
	assert_int_equal(mem(RIG_DATA)[2047], 0xee);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), is);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), tfd);
	rig.hold_reads = false;
}

static void test_stop(void **state)
{
	(void)state;
	begin_read();
	rig_set(&rig, PORT(PX_CMD), 0x10);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_CMD)), 0x4016);
	assert_dropped();
	/* the device is still busy: nothing starts until that is overridden */
	rig_set(&rig, PORT(PX_CMD), 0x11);
	rig_set(&rig, PORT(PX_CI), 1);
	assert_false(rig.woken);
	rig_set(&rig, PORT(PX_CMD), 0x19);
	assert_int_equal(rig_get(&rig, PORT(PX_CMD)), 0xc017);
	assert_true(rig.woken);
	rig_run(&rig);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x50);
}

static void test_comreset(void **state)
{
	(void)state;
	begin_read();
	rig_set(&rig, PORT(PX_CMD), 0x10);
	rig_set(&rig, PORT(PX_SCTL), 0x301);
	assert_int_equal(rig_get(&rig, PORT(PX_SSTS)), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_SIG)), UINT32_MAX);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x7f);
	assert_dropped();
	memset(mem(FRAME_REGISTERS), 0, 20);
	rig_set(&rig, PORT(PX_SCTL), 0x300);
	assert_int_equal(rig_get(&rig, PORT(PX_SSTS)), 0x123);
	assert_int_equal(rig_get(&rig, PORT(PX_SIG)), 0xeb140101);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x100);
	assert_int_equal(rig_get(&rig, PORT(PX_SERR)), 0x04010000);
	assert_int_equal(mem(FRAME_REGISTERS)[0], 0x34);
	rig_set(&rig, PORT(PX_SCTL), 4); /* off */
	assert_int_equal(rig_get(&rig, PORT(PX_SSTS)), 4);
	rig_set(&rig, PORT(PX_CMD), 0x19);
	rig_set(&rig, PORT(PX_CI), 1);
	assert_false(rig.woken);
	rig_set(&rig, PORT(PX_SCTL), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_SSTS)), 0x123);
}

static void test_soft_reset(void **state)
{
	uint8_t frame[20] = { 0x27, 0, [15] = 4 };

	(void)state;
	rig_packet(&rig, PACKET(0x1e, 0, 0, 0, 1), 0); /* locked */
	rig_restart(&rig);
	rig_fill(&rig, 1, frame, NULL, 0);
	rig_issue(&rig, 1);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
	frame[15] = 0;
	memset(mem(FRAME_REGISTERS), 0, 20);
	rig_fill(&rig, 2, frame, NULL, 0);
	rig_issue(&rig, 2);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x100);
	assert_int_equal(rig_get(&rig, PORT(PX_SIG)), 0xeb140101);
	assert_int_equal(mem(FRAME_REGISTERS)[0], 0x34);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), 0); /* no interrupt for it */
	assert_int_equal(rig_packet(&rig, READY, 0), 0x6051);
	assert_int_equal(sense(), 0x062900);
	assert_int_equal(rig_packet(&rig, PACKET(0x1b, 0, 0, 0, 2), 0), 0x50); /* opens */
}

static void test_controller_reset(void **state)
{
	(void)state;
	begin_read();
	rig_set(&rig, 0x04, 3);
	assert_int_equal(rig_get(&rig, 0x04), 1u << 31);
	assert_int_equal(rig_get(&rig, 0x08), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_CMD)), 6);
	assert_int_equal(rig_get(&rig, PORT(PX_IE)), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_CLB)), RIG_LIST);
	assert_dropped();
	rig_start(&rig);
	assert_int_equal(sense(), 0x062900);
	pci_host_reset(rig.t->m.pci);
	bus_write(rig.t->m.mmio, TEST_ECAM + RIG_AT + PCI_COMMAND, 2, 6);
	assert_int_equal(rig_get(&rig, PORT(PX_CLB)), 0);
	assert_int_equal(rig_get(&rig, PORT(PX_CMD)), 6);
}

static void bus_master(bool on)
{
	bus_write(rig.t->m.mmio, TEST_ECAM + RIG_AT + PCI_COMMAND, 2, on ? 6 : 2);
}

/* Without it no memory is touched; with it again, what waited is done. */
static void test_bus_master(void **state)
{
	const uint8_t frame[20] = { 0x27, 0x80, 0xa0, 1 };

	(void)state;
	begin_read();
	bus_master(false);
	rig_read_done(&rig);
	assert_int_equal(mem(RIG_DATA)[0], 0xee);
	assert_int_equal(rig_get(&rig, PORT(PX_IS)), 1u << 29);
	rig.hold_reads = false;
	rig_restart(&rig);
	rig_set(&rig, PORT(PX_CMD), 0x19);
	rig_fill(&rig, 3, frame, READY, 0);
	rig_issue(&rig, 3);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 8);
	bus_master(true);
	assert_true(rig.woken);
	rig_run(&rig);
	assert_int_equal(rig_get(&rig, PORT(PX_CI)), 0);
}

/* A new command that reads waits for the old one's read: there is one buffer. */
static void test_overtaken(void **state)
{
	(void)state;
	begin_read();
	rig_set(&rig, PORT(PX_CMD), 0x10);
	rig_set(&rig, PORT(PX_CMD), 0x19);
	rig_packet(&rig, PACKET(0x28, 0, 0, 0, 0, 9, 0, 0, 1), 2048);
	assert_int_equal(rig.reads, 1);
	rig_read_done(&rig);
	assert_int_equal(mem(RIG_DATA)[0], 0xee);
	rig.hold_reads = false;
	rig_run(&rig);
	assert_int_equal(rig.reads, 2);
	assert_int_equal(rig_get(&rig, PORT(PX_TFD)), 0x50);
	assert_disc(RIG_DATA, 9 * ATAPI_BLOCK, 2048);
}

/* ---- what cannot be ---- */

static void test_bad_frames(void **state)
{
	static const struct {
		const char *name;
		uint8_t header[2], frame[2];
	} cases[] = {
		{ "short", { 4, 0 }, { 0x27, 0x80 } }, { "empty", { 0, 0 }, { 0x27, 0x80 } },
		{ "self test", { 5, 2 }, { 0x27, 0x80 } }, { "no frame", { 5, 0 }, { 0x34, 0x80 } },
		{ "port multiplier", { 5, 0 }, { 0x27, 0x8f } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t frame[20] = { cases[i].frame[0], cases[i].frame[1], 0xe5 };

		print_message("frame: %s\n", cases[i].name);
		rig_fill(&rig, 0, frame, NULL, 0);
		memcpy(mem(RIG_LIST), cases[i].header, 2);
		rig_issue(&rig, 0);
		assert_int_equal(rig_get(&rig, PORT(PX_IS)), 1u << 27);
		assert_int_equal(rig_get(&rig, PORT(PX_SERR)), 1u << 10);
		assert_int_equal(rig_get(&rig, PORT(PX_CI)), 1);
		rig_set(&rig, PORT(PX_CI), 2);
		assert_false(rig.woken);
		rig_restart(&rig);
		assert_int_equal(rig_packet(&rig, READY, 0), 0x50);
		rig_restart(&rig);
	}
}

static void assert_lost(void)
{
	assert_int_equal(rig_get(&rig, PORT(PX_IS)) & (1u << 29), 1u << 29);
	rig_set(&rig, PORT(PX_CI), 2);
	assert_false(rig.woken);
	rig_restart(&rig);
	rig_set(&rig, PORT(PX_CMD), 0x19);
}

/* Lists, tables, buffers, frames outside of RAM, at its very end, at the end of all. */
static void test_no_memory(void **state)
{
	static const uint64_t nowhere[] = {
		TEST_RAM, TEST_RAM - 0x80, 0xd0000000, 0xffffffff00000000, 0xffffffffffffff80,
	};
	const uint8_t *read = PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1);
	const uint8_t frame[20] = { 0x27, 0x80, 0xa0, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		uint32_t low = (uint32_t)nowhere[i], high = (uint32_t)(nowhere[i] >> 32);

		rig_fill(&rig, 0, frame, read, 2048);
		memcpy(mem(RIG_LIST + 8), &nowhere[i], 8);
		if (nowhere[i] < TEST_RAM) /* the buffers are behind the end of RAM */
			memcpy(mem(nowhere[i]), mem(RIG_TABLES), 0x80);
		rig_issue(&rig, 0);
		assert_lost();
		rig_fill(&rig, 0, frame, read, 2048);
		memcpy(mem(RIG_TABLES + 0x80), &nowhere[i], 8);
		rig_issue(&rig, 0);
		assert_lost();
		rig_fill(&rig, 0, frame, READY, 0);
		rig_set(&rig, PORT(PX_FB), low);
		rig_set(&rig, PORT(PX_FB + 4), high);
		rig_issue(&rig, 0);
		if (nowhere[i] & 0x80) /* addresses are multiples of 256 */
			rig_restart(&rig);
		else
			assert_lost();
		rig_set(&rig, PORT(PX_FB), RIG_FRAMES);
		rig_set(&rig, PORT(PX_FB + 4), 0);
		if (nowhere[i] & 0x80)
			continue;
		rig_set(&rig, PORT(PX_CLB), low);
		rig_set(&rig, PORT(PX_CLB + 4), high);
		rig_issue(&rig, 0);
		assert_lost();
		rig_set(&rig, PORT(PX_CLB), RIG_LIST);
		rig_set(&rig, PORT(PX_CLB + 4), 0);
	}
	assert_int_equal(rig_packet(&rig, READY, 0), 0x50);
}

/* A guest that makes a buffer smaller than what was used of it already. */
static void test_shrinking_buffer(void **state)
{
	uint32_t small = 99;

	(void)state;
	rig.hold_reads = true;
	rig_packet(&rig, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 100), 100 * 2048);
	rig_read_done(&rig);
	memcpy(mem(RIG_TABLES + 0x8c), &small, 4);
	rig_run(&rig);
	assert_true(rig.reading);
	rig_read_done(&rig);
	assert_lost();
	rig.hold_reads = false;
}

/* ---- a drive with image and thread ---- */

#define IMAGE_BLOCKS 300u

static char image_path[] = "/tmp/test-cd-XXXXXX";

static void make_image(off_t size)
{
	int fd = open(image_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint8_t byte;

	assert_true(fd >= 0);
	for (off_t at = 0; at < size; at += 2048) {
		byte = rig_disc((uint64_t)at);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static uint32_t wait_done(struct rig *r)
{
	for (unsigned int i = 0; i < 25000 && rig_get(r, PORT(PX_CI)) &&
	     !(rig_get(r, PORT(PX_IS)) & 1u << 30); i++)
		nap();
	return rig_get(r, PORT(PX_TFD));
}

static struct cd_drive *plug_image(struct rig *r, struct block **ret_disc)
{
	static const struct pci_function_config lpc = { .name = "lpc", .slot = AHCI_SLOT };
	struct pci_function *fn;
	struct cd_drive *drive;
	struct btn_error e;

	*r = (struct rig){ .t = test_machine_create() };
	r->hba = ahci_create(r->t->m.memory);
	assert_true(cd_drive_open(image_path, ret_disc, &e));
	assert_true(cd_drive_create(r->hba, *ret_disc, image_path, &drive, &e));
	assert_int_equal(pci_add(r->t->m.pci, &lpc, NULL, &fn), 0);
	assert_int_equal(ahci_plug(r->hba, r->t->m.pci), 0);
	r->abar = bus_read(r->t->m.mmio, TEST_ECAM + RIG_AT + PCI_BASE_ADDRESS_5, 4);
	bus_write(r->t->m.mmio, TEST_ECAM + RIG_AT + PCI_COMMAND, 2, 6);
	rig_start(r);
	return drive;
}

static void test_image(void **state)
{
	struct cd_drive *drive;
	struct block *disc;
	struct rig r;

	(void)state;
	make_image(IMAGE_BLOCKS * 2048);
	drive = plug_image(&r, &disc);
	rig_packet(&r, READY, 0);
	assert_int_equal(wait_done(&r), 0x6051);
	rig_restart(&r);
	rig_packet(&r, PACKET(0x28, 0, 0, 0, 0, 10, 0, 0, 200), 200 * 2048);
	assert_int_equal(wait_done(&r), 0x50);
	for (uint64_t i = 0; i < 200; i++)
		assert_int_equal(*(uint8_t *)rig_ram(&r, RIG_DATA + i * 2048),
				 rig_disc((10 + i) * 2048));
	/* another program makes the image shorter */
	assert_int_equal(truncate(image_path, 20 * 2048), 0);
	rig_packet(&r, PACKET(0x28, 0, 0, 0, 0, 100, 0, 0, 1), 2048);
	assert_int_equal(wait_done(&r), 0x3051);
	/* it goes in the middle of a command */
	rig_restart(&r);
	rig_packet(&r, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 10), 10 * 2048);
	cd_drive_destroy(drive);
	block_close(disc);
	ahci_destroy(r.hba);
	test_machine_destroy(r.t);
	unlink(image_path);
}

static void assert_no_disc(const char *path, enum btn_code code)
{
	struct btn_error e = {};
	struct block *disc;

	assert_false(cd_drive_open(path, &disc, &e));
	assert_int_equal(e.code, code);
	assert_true(e.message[0] && e.cause[0] && e.fix[0]);
}

static void test_bad_images(void **state)
{
	(void)state;
	assert_no_disc("/nonexist", BTN_FILE_MISSING);
	assert_no_disc("/tmp", BTN_FILE_NOT_REGULAR);
	assert_no_disc("/dev/null", BTN_FILE_NOT_REGULAR);
	make_image(0);
	assert_no_disc(image_path, BTN_CDROM_SIZE);
	make_image(2048 + 512);
	assert_no_disc(image_path, BTN_CDROM_SIZE);
	make_image(2047);
	assert_no_disc(image_path, BTN_CDROM_SIZE);
	unlink(image_path);
}

/* Six ports, then no more; each has its own drive. */
static void test_ports(void **state)
{
	struct sata_cd_config config = { .blocks = 1, .wake = rig_wake, .read = rig_read };
	struct sata_cd *cd[AHCI_PORTS];
	struct guest_memory *memory;
	struct ahci *hba;

	(void)state;
	assert_int_equal(guest_memory_create(NULL, 1 << 20, &memory), 0);
	hba = ahci_create(memory);
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		assert_non_null(cd[i] = sata_cd_create(hba, &config));
	assert_null(sata_cd_create(hba, &config));
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		sata_cd_destroy(cd[i]);
	ahci_destroy(hba);
	guest_memory_destroy(memory);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define S(name) cmocka_unit_test_setup_teardown(name, setup_started, teardown)
	const struct CMUnitTest tests[] = {
		T(test_function), T(test_access), T(test_start), S(test_identify),
		S(test_commands), S(test_packets), S(test_pio_packets), S(test_data_out),
		S(test_read), S(test_scatter), S(test_slots), S(test_interrupts), S(test_stop),
		S(test_comreset), S(test_soft_reset), S(test_controller_reset),
		S(test_bus_master), S(test_overtaken), S(test_bad_frames), S(test_no_memory),
		S(test_shrinking_buffer), cmocka_unit_test(test_image),
		cmocka_unit_test(test_bad_images), cmocka_unit_test(test_ports),
	};

	if (close(mkstemp(image_path)))
		return 1;
	return cmocka_run_group_tests_name("ahci", tests, NULL, NULL);
}
