// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keyboard controller and keyboard as firmware and drivers set them up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <linux/input-event-codes.h>

#include "dev/i8042.h"
#include "fake_clock.h"

static struct fake_line line;
static enum machine_end end;

static void take_request(void *ctx, enum machine_end how)
{
	(void)ctx;
	end = how;
}

static struct i8042 *create(void)
{
	struct i8042_config config = { fake_irq_line(&line), take_request, NULL };

	line = (struct fake_line){};
	return i8042_create(&config);
}

static void expect(struct i8042 *ctl, uint8_t byte)
{
	assert_int_equal(i8042_command_ops.read(ctl, 0, 1) & 1, 1);
	assert_int_equal(i8042_data_ops.read(ctl, 0, 1), byte);
}

static void test_setup(void **state)
{
	struct i8042 *ctl = create();

	(void)state;
	i8042_command_ops.write(ctl, 0, 1, 0xaa);
	expect(ctl, 0x55);
	i8042_command_ops.write(ctl, 0, 1, 0xab);
	expect(ctl, 0);
	i8042_data_ops.write(ctl, 0, 1, 0xff);
	expect(ctl, 0xfa);
	expect(ctl, 0xaa);
	i8042_data_ops.write(ctl, 0, 1, 0xed);
	i8042_data_ops.write(ctl, 0, 1, 5);
	expect(ctl, 0xfa);
	expect(ctl, 0xfa);
	assert_int_equal(i8042_leds(ctl), 5);
	assert_int_equal(i8042_command_ops.read(ctl, 0, 1) & 1, 0);
	i8042_command_ops.write(ctl, 0, 1, 0xfe);
	assert_int_equal(end, MACHINE_RESET);
	i8042_destroy(ctl);
}

static void test_keys(void **state)
{
	struct i8042 *ctl = create();

	(void)state;
	i8042_key(ctl, KEY_A, true);
	assert_true(line.level);
	i8042_key(ctl, KEY_A, false);
	i8042_key(ctl, KEY_UP, false);
	expect(ctl, 0x1e);
	expect(ctl, 0x9e);
	expect(ctl, 0xe0);
	expect(ctl, 0xc8);
	assert_int_equal(line.rises, 4);
	i8042_command_ops.write(ctl, 0, 1, 0x60);
	i8042_data_ops.write(ctl, 0, 1, 0x01);
	i8042_key(ctl, KEY_A, false);
	expect(ctl, 0xf0);
	expect(ctl, 0x1c);
	for (unsigned int i = 0; i < 1000; i++)
		i8042_key(ctl, (uint16_t)i, true);
	i8042_destroy(ctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setup), cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
