// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keyboard controller: any accesses and keys. The line is up only while there is
 * a byte to read, and what is queued comes to an end.
 */
#include "fuzz.h"

#include "dev/i8042.h"
#include "fake_clock.h"

#define BYTES_MAX 70	/* queue, reply, output buffer */

static void take_request(void *ctx, enum machine_end how)
{
	(void)ctx;
	FUZZ_CHECK(how == MACHINE_RESET);
}

static void step(struct i8042 *ctl, struct fake_line *line, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);

	switch (what & 3) {
	case 0:
		i8042_data_ops.write(ctl, 0, 1, arg);
		break;
	case 1:
		i8042_command_ops.write(ctl, 0, 1, arg);
		break;
	case 2:
		i8042_data_ops.read(ctl, 0, 1);
		break;
	default:
		i8042_key(ctl, (uint16_t)((what & 0x70) << 4 | arg), what & 0x80);
	}
	if (line->level)
		FUZZ_CHECK(i8042_command_ops.read(ctl, 0, 1) & 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_line line = {};
	struct i8042_config config = { fake_irq_line(&line), take_request, NULL };
	struct i8042 *ctl = i8042_create(&config);
	struct fuzz f = { data, size };
	unsigned int bytes = 0;

	while (f.left)
		step(ctl, &line, &f);
	while (i8042_command_ops.read(ctl, 0, 1) & 1) {
		i8042_data_ops.read(ctl, 0, 1);
		FUZZ_CHECK(++bytes < BYTES_MAX);
	}
	i8042_destroy(ctl);
	return 0;
}
