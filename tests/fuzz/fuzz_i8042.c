// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keyboard controller with keyboard and mouse: any accesses, keys and pointers. A line is
 * up only while there is a byte of its device to read, and what is queued comes to an end.
 */
#include "fuzz.h"

#include "dev/i8042.h"
#include "fake_clock.h"

/* As far as the mouse goes: 32 steps of 65535 in packets of 255 (127 if scaled). */
#define BYTES_MAX (32 * 520 * 4)

static void take_request(void *ctx, enum machine_end how)
{
	(void)ctx;
	FUZZ_CHECK(how == MACHINE_RESET);
}

static void point(struct i8042 *ctl, struct fuzz *f, uint8_t buttons)
{
	uint32_t x = fuzz_u16(f), y = fuzz_u16(f), w = fuzz_u16(f), h = fuzz_u16(f);

	/* Now and then a screen that is not of this world. */
	if (!(h & 0xff)) {
		w = h = ~0u;
		x <<= 16;
	}
	i8042_pointer(ctl, x, y, w, h, buttons);
}

static void step(struct i8042 *ctl, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);

	switch (what & 7) {
	case 0:
		i8042_data_ops.write(ctl, 0, 1, arg);
		break;
	case 1:
		i8042_command_ops.write(ctl, 0, 1, arg);
		break;
	case 2:
		i8042_data_ops.read(ctl, 0, 1);
		break;
	case 3:
	case 7:
		i8042_key(ctl, (uint16_t)((what & 0x70) << 4 | arg), what & 0x80);
		break;
	case 4:
		i8042_command_ops.write(ctl, 0, 1, 0xd4);
		i8042_data_ops.write(ctl, 0, 1, arg);
		break;
	case 5:
		point(ctl, f, arg);
		break;
	default:
		FUZZ_CHECK(i8042_key_room(ctl) <= 1 && i8042_leds(ctl) <= 7);
	}
}

static void check(struct i8042 *ctl, const struct fake_line *line, const struct fake_line *aux)
{
	uint64_t status = i8042_command_ops.read(ctl, 0, 1);

	FUZZ_CHECK(!line->level || (status & 0x21) == 0x01);
	FUZZ_CHECK(!aux->level || (status & 0x21) == 0x21);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_line line = {}, aux = {};
	struct i8042_config config = {
		fake_irq_line(&line), fake_irq_line(&aux), take_request, NULL
	};
	struct i8042 *ctl = i8042_create(&config);
	struct fuzz f = { data, size };
	unsigned int bytes = 0;

	while (f.left) {
		step(ctl, &f);
		check(ctl, &line, &aux);
	}
	while (i8042_command_ops.read(ctl, 0, 1) & 1) {
		i8042_data_ops.read(ctl, 0, 1);
		check(ctl, &line, &aux);
		FUZZ_CHECK(++bytes < BYTES_MAX);
	}
	i8042_destroy(ctl);
	return 0;
}
