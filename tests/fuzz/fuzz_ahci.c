// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The AHCI controller with a CD drive: registers in any order, lists and tables that are
 * sound or overwritten, reads that end whenever, well or not, resets at any moment. Each
 * read asked for is within the disc (ahci_driver.h), registers show only what they can,
 * and without bus mastering the guest's memory stays as it is.
 */
#include "fuzz.h"

#include "ahci_driver.h"

#define BLOCKS 700u
#define STEPS 200
#define GUARDED 0x40000u	/* bytes of data that are compared */

static void set_register(struct rig *rig, struct fuzz *f, uint8_t what)
{
	/* the port's, a few of the controller's */
	unsigned int at = what & 0x80 ? PORT(fuzz_u8(f) & 0x7f) : fuzz_u8(f) & 0x3f;
	unsigned int size = 1u << (what >> 4 & 3);

	bus_write(rig->t->m.mmio, rig->abar + at, size, fuzz_u64(f));
}

static void get_register(struct rig *rig, struct fuzz *f, uint8_t what)
{
	bus_read(rig->t->m.mmio, rig->abar + fuzz_u16(f) % 0x1000, 1u << (what >> 4 & 3));
}

/* A sound command, but for what the fuzzer puts into frame and packet. */
static void command(struct rig *rig, struct fuzz *f, uint8_t what)
{
	uint8_t frame[20] = { 0x27, 0x80, 0xa0, what >> 7 }, packet[12];
	unsigned int slot = what >> 3 & 3;
	uint32_t size = fuzz_u16(f) * 8u;

	if (what & 0x40)
		fuzz_bytes(f, frame + 2, 13);
	fuzz_bytes(f, packet, sizeof(packet));
	rig_fill(rig, slot, frame, packet, size);
	rig_set(rig, PORT(PX_CI), 1u << slot);
}

/* Somewhere in list, tables and frames. */
static void scribble(struct rig *rig, struct fuzz *f, uint8_t what)
{
	static const uint32_t areas[] = { RIG_LIST, RIG_FRAMES, RIG_TABLES, RIG_TABLES + 0x80 };
	uint8_t bytes[32];

	fuzz_bytes(f, bytes, sizeof(bytes));
	memcpy((uint8_t *)rig_ram(rig, areas[what >> 4 & 3]) + fuzz_u8(f), bytes,
	       sizeof(bytes));
}

static void bus_master(struct rig *rig, bool on)
{
	bus_write(rig->t->m.mmio, TEST_ECAM + RIG_AT + PCI_COMMAND, 2, on ? 6 : 2);
}

/* Whatever is under way, nothing may reach memory now. */
static void without_bus_master(struct rig *rig)
{
	static uint8_t before[GUARDED];

	memcpy(before, rig_ram(rig, RIG_DATA), GUARDED);
	bus_master(rig, false);
	if (rig->reading)
		rig_read_done(rig);
	rig_run(rig);
	FUZZ_CHECK(!memcmp(before, rig_ram(rig, RIG_DATA), GUARDED));
	bus_master(rig, true);
}

static void check(struct rig *rig)
{
	uint32_t ssts = rig_get(rig, PORT(PX_SSTS)), cmd = rig_get(rig, PORT(PX_CMD));

	FUZZ_CHECK(!ssts || ssts == 4 || ssts == 0x123);
	FUZZ_CHECK(!(cmd & 8) && (cmd & 6) == 6);
	FUZZ_CHECK(!!(cmd & 1) == !!(cmd & 1u << 15) && !!(cmd & 16) == !!(cmd & 1u << 14));
	FUZZ_CHECK(cmd & 1 || !rig_get(rig, PORT(PX_CI)));
	FUZZ_CHECK(!(rig_get(rig, PORT(PX_CLB)) & 0x3ff) && !(rig_get(rig, PORT(PX_FB)) & 0xff));
	FUZZ_CHECK(!(rig_get(rig, 0x08) & ~1u) && rig_get(rig, 0x04) & 1u << 31);
}

static void step(struct rig *rig, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f);

	switch (what & 7) {
	case 0: set_register(rig, f, what); break;
	case 1: get_register(rig, f, what); break;
	case 2: scribble(rig, f, what); break;
	case 3:
		if (what & 0x80) {
			without_bus_master(rig);
		} else {
			rig_restart(rig);
			rig_set(rig, PORT(PX_CMD), 0x19);
		}
		break;
	case 4:
		rig->read_error = what & 0x80 ? -5 : 0;
		if (rig->reading)
			rig_read_done(rig);
		break;
	case 5:
		rig_start(rig);
		break;
	default: command(rig, f, what);
	}
	if (what & 8)
		rig_run(rig);
	check(rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct rig rig;

	rig_init(&rig, BLOCKS);
	rig_start(&rig);
	rig.hold_reads = true;
	for (unsigned int i = 0; i < STEPS && f.left; i++)
		step(&rig, &f);
	if (rig.reading)
		rig_read_done(&rig);
	rig_fini(&rig);
	return 0;
}
