/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyboard controller and keyboard (IBM PS/2 Technical Reference, "Keyboard and
 * Auxiliary Device Controller" and "Keyboard"). The keyboard speaks set 2, which
 * the controller translates to set 1 if told to. There is no auxiliary device:
 * its interface test fails. A20 is always on. One lock, before those of the
 * interrupt controllers.
 */
#include "i8042.h"

#include <linux/input-event-codes.h>
#include <pthread.h>
#include <stdlib.h>

#define QUEUE 64u
#define KEY_BYTES_MAX 8u
#define REPLY_ROOM 8u		/* keys leave this much of the queue to replies */

#define STATUS_FULL 0x01u
#define STATUS_SYSTEM 0x04u
#define STATUS_COMMAND 0x08u
#define STATUS_UNLOCKED 0x10u

#define MODE_IRQ 0x01u
#define MODE_DISABLED 0x10u
#define MODE_TRANSLATE 0x40u

#define ACK 0xfau
#define RESEND 0xfeu
#define BAT_OK 0xaau

struct i8042 {
	pthread_mutex_t lock;		/* all below but config */
	struct i8042_config config;	/* constant */
	uint8_t queue[QUEUE];		/* from the keyboard, not translated */
	uint8_t head, used;
	uint8_t reply, has_reply;	/* the controller's own byte */
	uint8_t data, full;		/* output buffer */
	uint8_t from_keyboard, released;
	uint8_t mode, command, last_command, keyboard_command, scanning, leds, line;
};

const struct state_field i8042_fields[] = {
	STATE_ARRAY(struct i8042, queue), STATE_FIELD(struct i8042, head),
	STATE_FIELD(struct i8042, used), STATE_FIELD(struct i8042, reply),
	STATE_FIELD(struct i8042, has_reply), STATE_FIELD(struct i8042, data),
	STATE_FIELD(struct i8042, full), STATE_FIELD(struct i8042, from_keyboard),
	STATE_FIELD(struct i8042, released), STATE_FIELD(struct i8042, mode),
	STATE_FIELD(struct i8042, command), STATE_FIELD(struct i8042, last_command),
	STATE_FIELD(struct i8042, keyboard_command), STATE_FIELD(struct i8042, scanning),
	STATE_FIELD(struct i8042, leds), STATE_FIELD(struct i8042, line),
};
const size_t i8042_field_count = sizeof(i8042_fields) / sizeof(i8042_fields[0]);

/* Set 2 by set 1; up to 0x58 a code of set 1 is also Linux' key code. */
static const uint8_t set2[0x60] = {
	0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66,
	0x0d, 0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14,
	0x1c, 0x1b, 0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a,
	0x22, 0x21, 0x2a, 0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05,
	0x06, 0x04, 0x0c, 0x03, 0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c, 0x75, 0x7d, 0x7b,
	0x6b, 0x73, 0x74, 0x79, 0x69, 0x72, 0x7a, 0x70, 0x71, 0x84, 0x00, 0x61, 0x78, 0x07, 0x00,
	0x00, 0x1f, 0x27, 0x2f,
};

/* Keys behind the prefix 0xe0, as set 1. */
static const uint8_t extended[KEY_COMPOSE + 1] = {
	[KEY_KPENTER] = 0x1c, [KEY_RIGHTCTRL] = 0x1d, [KEY_KPSLASH] = 0x35, [KEY_SYSRQ] = 0x37,
	[KEY_RIGHTALT] = 0x38, [KEY_HOME] = 0x47, [KEY_UP] = 0x48, [KEY_PAGEUP] = 0x49,
	[KEY_LEFT] = 0x4b, [KEY_RIGHT] = 0x4d, [KEY_END] = 0x4f, [KEY_DOWN] = 0x50,
	[KEY_PAGEDOWN] = 0x51, [KEY_INSERT] = 0x52, [KEY_DELETE] = 0x53, [KEY_MUTE] = 0x20,
	[KEY_VOLUMEDOWN] = 0x2e, [KEY_VOLUMEUP] = 0x30, [KEY_LEFTMETA] = 0x5b,
	[KEY_RIGHTMETA] = 0x5c, [KEY_COMPOSE] = 0x5d,
};

static uint8_t to_set1(uint8_t code)
{
	for (unsigned int i = 1; i < sizeof(set2); i++)
		if (set2[i] == code)
			return (uint8_t)i;
	return code;
}

/* ---- output buffer ---- */

static void take_keyboard_byte(struct i8042 *ctl)
{
	uint8_t byte = ctl->queue[ctl->head];

	ctl->head = (ctl->head + 1) % QUEUE;
	ctl->used--;
	if (ctl->mode & MODE_TRANSLATE) {
		if (byte == 0xf0) {
			ctl->released = 0x80;
			return;
		}
		byte = (byte ? to_set1(byte) : byte) | ctl->released;
		ctl->released = 0;
	}
	ctl->data = byte;
	ctl->full = ctl->from_keyboard = 1;
}

static void update_locked(struct i8042 *ctl)
{
	bool level;

	if (!ctl->full && ctl->has_reply) {
		ctl->data = ctl->reply;
		ctl->has_reply = ctl->from_keyboard = 0;
		ctl->full = 1;
	}
	while (!ctl->full && ctl->used && !(ctl->mode & MODE_DISABLED))
		take_keyboard_byte(ctl);
	level = ctl->full && ctl->from_keyboard && ctl->mode & MODE_IRQ;
	if (level == ctl->line)
		return;
	ctl->line = level;
	irq_set(&ctl->config.keyboard, level);
}

static void put(struct i8042 *ctl, uint8_t byte)
{
	if (ctl->used < QUEUE)
		ctl->queue[(ctl->head + ctl->used++) % QUEUE] = byte;
}

static void reply(struct i8042 *ctl, uint8_t byte)
{
	ctl->reply = byte;
	ctl->has_reply = 1;
}

/* ---- keyboard ---- */

static unsigned int encode(uint8_t bytes[KEY_BYTES_MAX], uint16_t key, bool down)
{
	static const uint8_t pause[] = { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 };
	uint8_t code = key <= KEY_F12 ? set2[key] : 0;
	unsigned int n = 0;

	if (key == KEY_PAUSE && down)
		for (; n < sizeof(pause); n++)
			bytes[n] = pause[n];
	if (key <= KEY_COMPOSE && extended[key]) {
		code = set2[extended[key]];
		bytes[n++] = 0xe0;
	}
	if (!code)
		return n;
	if (!down)
		bytes[n++] = 0xf0;
	bytes[n++] = code;
	return n;
}

/* A key goes in whole or not at all. */
void i8042_key(struct i8042 *ctl, uint16_t key, bool down)
{
	uint8_t bytes[KEY_BYTES_MAX];
	unsigned int n = encode(bytes, key, down);

	pthread_mutex_lock(&ctl->lock);
	if (ctl->scanning && ctl->used + n + REPLY_ROOM <= QUEUE) {
		for (unsigned int i = 0; i < n; i++)
			put(ctl, bytes[i]);
		update_locked(ctl);
	}
	pthread_mutex_unlock(&ctl->lock);
}

/* The byte behind 0xed (LEDs), 0xf0 (set; 0 asks) or 0xf3 (rate). */
static void keyboard_argument(struct i8042 *ctl, uint8_t value)
{
	uint8_t command = ctl->keyboard_command;

	ctl->keyboard_command = 0;
	if (command == 0xf0 && value != 0 && value != 2) {
		put(ctl, RESEND);	/* sets 1 and 3 are not there */
		return;
	}
	put(ctl, ACK);
	if (command == 0xed)
		ctl->leds = value & 7;
	else if (command == 0xf0 && !value)
		put(ctl, 2);
}

static void keyboard_write(struct i8042 *ctl, uint8_t value)
{
	if (ctl->keyboard_command && value < 0xed) {
		keyboard_argument(ctl, value);
		return;
	}
	ctl->keyboard_command = 0;
	if (value == 0xf5 || value == 0xf6 || value == 0xff)	/* these empty it */
		ctl->used = ctl->released = 0;
	if (value == 0xee) {
		put(ctl, 0xee);
		return;
	}
	if (value < 0xed || value == 0xef || value == 0xf1 || (value > 0xf6 && value != 0xff)) {
		put(ctl, RESEND);
		return;
	}
	put(ctl, ACK);
	if (value == 0xed || value == 0xf0 || value == 0xf3)
		ctl->keyboard_command = value;
	if (value == 0xf2) {
		put(ctl, 0xab);
		put(ctl, 0x83);
	}
	if (value >= 0xf4)
		ctl->scanning = value != 0xf5;
	if (value == 0xff) {
		ctl->leds = 0;
		put(ctl, BAT_OK);
	}
}

/* ---- controller ---- */

static bool command_locked(struct i8042 *ctl, uint8_t value)
{
	ctl->command = value == 0x60 || value == 0xd1 || value == 0xd2 ? value : 0;
	ctl->last_command = 1;
	switch (value) {
	case 0x20:
		reply(ctl, ctl->mode);
		break;
	case 0xa9:	/* auxiliary interface: nothing there */
		reply(ctl, 0x01);
		break;
	case 0xaa:
		reply(ctl, 0x55);
		break;
	case 0xab:
		reply(ctl, 0x00);
		break;
	case 0xad:
		ctl->mode |= MODE_DISABLED;
		break;
	case 0xae:
		ctl->mode &= ~MODE_DISABLED;
		break;
	case 0xd0:	/* output port: A20 on, no reset */
		reply(ctl, 0x03 | ctl->line << 4);
		break;
	}
	return (value & 0xf1) == 0xf0;	/* pulse of output bit 0 */
}

static bool data_locked(struct i8042 *ctl, uint8_t value)
{
	uint8_t command = ctl->command;

	ctl->command = ctl->last_command = 0;
	if (command == 0x60)
		ctl->mode = value;
	else if (command == 0xd2)
		put(ctl, value);
	else if (!command) {
		ctl->mode &= ~MODE_DISABLED;
		keyboard_write(ctl, value);
	}
	return command == 0xd1 && !(value & 1);
}

static void write_port(struct i8042 *ctl, uint8_t value, bool (*fn)(struct i8042 *, uint8_t))
{
	bool reset;

	pthread_mutex_lock(&ctl->lock);
	reset = fn(ctl, value);
	update_locked(ctl);
	pthread_mutex_unlock(&ctl->lock);
	if (reset)
		ctl->config.request(ctl->config.ctx, MACHINE_RESET);
}

static uint64_t data_read(void *dev, uint64_t offset, unsigned int size)
{
	struct i8042 *ctl = dev;
	uint8_t value;

	(void)offset, (void)size;
	pthread_mutex_lock(&ctl->lock);
	value = ctl->data;
	ctl->full = 0;
	if (ctl->line) {	/* the next byte is an edge of its own */
		ctl->line = 0;
		irq_set(&ctl->config.keyboard, false);
	}
	update_locked(ctl);
	pthread_mutex_unlock(&ctl->lock);
	return value;
}

static void data_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)offset, (void)size;
	write_port(dev, (uint8_t)value, data_locked);
}

static uint64_t command_read(void *dev, uint64_t offset, unsigned int size)
{
	struct i8042 *ctl = dev;
	uint64_t value = STATUS_UNLOCKED;

	(void)offset, (void)size;
	pthread_mutex_lock(&ctl->lock);
	value |= (ctl->full ? STATUS_FULL : 0) | (ctl->mode & STATUS_SYSTEM) |
		 (ctl->last_command ? STATUS_COMMAND : 0);
	pthread_mutex_unlock(&ctl->lock);
	return value;
}

static void command_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)offset, (void)size;
	write_port(dev, (uint8_t)value, command_locked);
}

struct i8042 *i8042_create(const struct i8042_config *config)
{
	struct i8042 *ctl = calloc(1, sizeof(*ctl));

	if (!ctl)
		return NULL;
	pthread_mutex_init(&ctl->lock, NULL);
	ctl->config = *config;
	ctl->mode = MODE_IRQ | MODE_TRANSLATE;
	ctl->scanning = 1;
	return ctl;
}

void i8042_destroy(struct i8042 *ctl)
{
	if (!ctl)
		return;
	pthread_mutex_destroy(&ctl->lock);
	free(ctl);
}

uint8_t i8042_leds(struct i8042 *ctl)
{
	uint8_t leds;

	pthread_mutex_lock(&ctl->lock);
	leds = ctl->leds;
	pthread_mutex_unlock(&ctl->lock);
	return leds;
}

const struct bus_ops i8042_data_ops = { .read = data_read, .write = data_write };
const struct bus_ops i8042_command_ops = { .read = command_read, .write = command_write };
