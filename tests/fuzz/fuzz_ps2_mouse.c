// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mouse and a host that fetches packets when it likes: as long as it says nothing, motion
 * adds up to what was made, and the last buttons are those that are pressed. Then it
 * says what it likes, and the mouse's answers come to an end.
 */
#include "fuzz.h"

#include "dev/ps2_mouse.h"

#define BYTES_MAX (PS2_MOUSE_STEPS * 520 * 4)

struct host {
	int x, y, wheel;
	uint8_t buttons;
	uint8_t packet[4];
	unsigned int have, size;
};

static bool take(struct ps2_mouse *m, struct host *host)
{
	const uint8_t *p = host->packet;

	if (!ps2_mouse_read(m, &host->packet[host->have]))
		return false;
	if (++host->have < host->size)
		return true;
	FUZZ_CHECK((p[0] & 0xc8) == 0x08);
	host->x += p[1] - (p[0] & 0x10 ? 256 : 0);
	host->y += p[2] - (p[0] & 0x20 ? 256 : 0);
	host->wheel += host->size < 4 ? 0 : m->id == 4 ? ((p[3] & 15) ^ 8) - 8 : (int8_t)p[3];
	host->buttons = p[0] & 7;
	host->have = 0;
	return true;
}

static void say(struct ps2_mouse *m, uint8_t value)
{
	uint8_t byte;

	ps2_mouse_write(m, value);
	FUZZ_CHECK(ps2_mouse_read(m, &byte) && byte == 0xfa);
}

static void knock(struct ps2_mouse *m, uint8_t second)
{
	const uint8_t rates[] = { 200, second, 80 };

	for (unsigned int i = 0; i < sizeof(rates); i++) {
		say(m, 0xf3);
		say(m, rates[i]);
	}
}

static void watch(struct ps2_mouse *m, struct fuzz *f)
{
	int x = 0, y = 0, wheel = 0;
	struct host host = { .size = m->id ? 4 : 3 };
	uint8_t buttons = 0;

	for (uint8_t count = fuzz_u8(f); count && f->left; count--) {
		uint8_t what = fuzz_u8(f);

		if (what & 1) {
			int8_t dx = (int8_t)fuzz_u8(f), dy = (int8_t)fuzz_u8(f);
			int8_t dw = (int8_t)(fuzz_u8(f) % 16) - 8;

			buttons = what >> 1 & 7;
			ps2_mouse_move(m, 2 * dx, 2 * dy, dw, buttons);
			x += 2 * dx;
			y += 2 * dy;
			wheel += dw;
		} else {
			take(m, &host);
		}
	}
	while (take(m, &host))
		;
	FUZZ_CHECK(!host.have && host.x == x && host.y == -y && host.buttons == buttons);
	FUZZ_CHECK(host.size < 4 || host.wheel == wheel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct ps2_mouse m;
	unsigned int bytes = 0;
	uint8_t byte, kind = fuzz_u8(&f);

	ps2_mouse_reset(&m);
	if (kind & 1)
		knock(&m, kind & 2 ? 200 : 100);
	say(&m, 0xf4);
	watch(&m, &f);
	while (f.left) {
		uint8_t what = fuzz_u8(&f);

		if (what & 1)
			ps2_mouse_write(&m, fuzz_u8(&f));
		else if (what & 2)
			ps2_mouse_move(&m, (int16_t)fuzz_u16(&f) * (what & 4 ? 65536 : 1),
				       (int8_t)fuzz_u8(&f), (int8_t)fuzz_u8(&f), fuzz_u8(&f));
		else
			ps2_mouse_read(&m, &byte);
	}
	while (ps2_mouse_read(&m, &byte))
		FUZZ_CHECK(++bytes < BYTES_MAX);
	return 0;
}
