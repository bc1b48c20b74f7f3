// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The gdb server: any bytes from the peer, and vCPUs that meet things meanwhile. The
 * input is in pieces: a byte says what, 0-127 that many bytes follow as a packet with the
 * right sum, 128-191 as they are, else what a vCPU met. Whatever is asked, the server
 * lives, answers one packet at most to each, and leaves no INT3 behind when gdb goes.
 */
#include "fuzz.h"

#include "gdb_rig.h"

static void drain(struct rig *r)
{
	static char text[GDB_FRAME_MAX];

	while (rig_sent(r, text, sizeof(text)))
		;
}

static void packet(struct rig *r, struct fuzz *f, size_t length)
{
	static char frame[GDB_FRAME_MAX];
	char data[128];

	fuzz_bytes(f, data, length);
	rig_receive(r, frame, gdb_frame(frame, data, length));
}

static void bytes(struct rig *r, struct fuzz *f, size_t length)
{
	uint8_t data[64];

	fuzz_bytes(f, data, length);
	rig_receive(r, data, length);
}

static void meet(struct rig *r, struct fuzz *f, uint8_t how)
{
	struct rig_vcpu *v = &r->vcpu[how & 1];

	v->met = true;
	v->what.exception = how & 2 ? 3 : 1;
	v->what.dr6 = fuzz_u16(f) & 0x400f;
	v->regs.rip += how & 4 ? fuzz_u8(f) : 0;
	if (!r->gdb->held)
		gdb_on_break(r->gdb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	uint8_t before[4096], after[4096];
	struct rig r;

	rig_start(&r);
	guest_memory_read(r.memory, 0x1000, before, sizeof(before));
	while (f.left && r.gdb->client >= 0) {
		uint8_t what = fuzz_u8(&f);

		if (what < 128)
			packet(&r, &f, what);
		else if (what < 192)
			bytes(&r, &f, what - 128);
		else
			meet(&r, &f, what);
		drain(&r);
	}
	gdb_let_go(r.gdb);
	FUZZ_CHECK(r.running == 3);
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++)
		FUZZ_CHECK(!r.gdb->soft[i].used);
	guest_memory_read(r.memory, 0x1000, after, sizeof(after));
	rig_end_all(&r);
	return 0;
}
