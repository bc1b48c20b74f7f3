// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupt controllers: any accesses, lines and acknowledges. The output is
 * told once per change, and an acknowledge answers if and only if it is up.
 */
#include "fuzz.h"

#include "dev/i8259.h"

static bool intr;

static void take_intr(void *ctx, bool level)
{
	(void)ctx;
	FUZZ_CHECK(intr != level);
	intr = level;
}

static const struct bus_ops *pick(uint8_t what)
{
	static const struct bus_ops *const ops[4] = { &i8259_master_ops, &i8259_slave_ops,
		&i8259_elcr_ops, &i8259_master_ops };

	return ops[what >> 2 & 3];
}

static void step(struct i8259 *pic, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);
	unsigned int size = 1u << (what >> 5 & 3);
	bool was = intr;
	int vector;

	switch (what & 3) {
	case 0:
		i8259_set(pic, arg & 0x1f, arg & 0x80);
		break;
	case 1:
		pick(what)->write(pic, what >> 4 & 1, size, arg);
		break;
	case 2:
		pick(what)->read(pic, what >> 4 & 1, size);
		break;
	default:
		vector = i8259_inta(pic);
		FUZZ_CHECK(was ? vector >= 0 && vector <= 0xff : vector == -1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct i8259_config config = { .intr = take_intr };
	struct i8259 *pic = i8259_create(&config);
	struct fuzz f = { data, size };

	intr = false;
	while (f.left)
		step(pic, &f);
	i8259_destroy(pic);
	return 0;
}
