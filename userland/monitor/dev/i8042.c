/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyboard controller (IBM PS/2 Technical Reference, "Keyboard and Auxiliary Device
 * Controller"): what it says itself, the keyboard and the mouse share one output buffer,
 * in this order. The next byte is there as soon as the last one was read, and each is an
 * edge of its interrupt, as is a byte of the controller's on IRQ 1.
 *
 * There is no password security: none is installed, and one that is loaded is forgotten.
 * A20 is always on (reset_ports.h). One lock, before those of the interrupt controllers;
 * it covers keyboard and mouse, too.
 */
#include "dev/i8042.h"

#include <pthread.h>
#include <stdlib.h>

#include "dev/ps2_keyboard.h"
#include "dev/ps2_mouse.h"

#define STATUS_FULL	0x01u
#define STATUS_SYSTEM	0x04u
#define STATUS_COMMAND	0x08u
#define STATUS_UNLOCKED	0x10u
#define STATUS_AUX	0x20u	/* the byte is the mouse's */

/* Command byte: byte 0 of the controller's memory. */
#define MODE_IRQ	0x01u
#define MODE_AUX_IRQ	0x02u
#define MODE_SYSTEM	0x04u
#define MODE_OFF	0x10u
#define MODE_AUX_OFF	0x20u
#define MODE_TRANSLATE	0x40u

#define READ_MEMORY	0x20u	/* up to 0x3f */
#define WRITE_MEMORY	0x60u	/* up to 0x7f */
#define TEST_PASSWORD	0xa4u
#define LOAD_PASSWORD	0xa5u
#define AUX_OFF		0xa7u
#define AUX_ON		0xa8u
#define TEST_AUX	0xa9u
#define TEST_SELF	0xaau
#define TEST_KEYBOARD	0xabu
#define KEYBOARD_OFF	0xadu
#define KEYBOARD_ON	0xaeu
#define READ_INPUT	0xc0u
#define READ_OUTPUT	0xd0u
#define WRITE_OUTPUT	0xd1u
#define LOOP_KEYBOARD	0xd2u
#define LOOP_AUX	0xd3u
#define WRITE_AUX	0xd4u
#define READ_TEST	0xe0u
#define PULSE		0xf0u	/* up to 0xff: output bits that are 0 in it */

#define INPUT_UNLOCKED	0x80u
/* Output port: reset is low-active; A20; clocks and data at rest. */
#define OUTPUT_RESET	0x01u
#define OUTPUT_IDLE	0xcfu
#define OUTPUT_IRQ	0x10u
#define OUTPUT_AUX_IRQ	0x20u

#define MEMORY 32u
#define RELEASED 0xf0u

struct i8042 {
	pthread_mutex_t lock;		/* all below but config */
	struct i8042_config config;	/* constant */
	struct ps2_keyboard keyboard;
	struct ps2_mouse mouse;
	uint8_t memory[MEMORY];
	uint8_t data, full, aux;	/* output buffer, and whose byte is in it */
	uint8_t keys;			/* of the keyboard's queue: in the output buffer */
	uint8_t reply, has_reply, reply_aux; /* of the controller */
	uint8_t command;		/* waits for its byte; 0: none */
	uint8_t last_command;		/* the last write was to the command port */
	uint8_t irq, aux_irq;
	uint32_t x, y, w, h;		/* the pointer, and its screen; w 0: not known */
	uint8_t buttons;		/* RFB's */
};

const struct state_field i8042_fields[] = {
	STATE_ARRAY(struct i8042, memory), STATE_FIELD(struct i8042, data),
	STATE_FIELD(struct i8042, full), STATE_FIELD(struct i8042, aux),
	STATE_FIELD(struct i8042, keys), STATE_FIELD(struct i8042, reply),
	STATE_FIELD(struct i8042, has_reply), STATE_FIELD(struct i8042, reply_aux),
	STATE_FIELD(struct i8042, command), STATE_FIELD(struct i8042, last_command),
	STATE_FIELD(struct i8042, irq), STATE_FIELD(struct i8042, aux_irq),
	STATE_FIELD(struct i8042, x), STATE_FIELD(struct i8042, y),
	STATE_FIELD(struct i8042, w), STATE_FIELD(struct i8042, h),
	STATE_FIELD(struct i8042, buttons),
};
const size_t i8042_field_count = sizeof(i8042_fields) / sizeof(i8042_fields[0]);

/* ---- output buffer ---- */

static void fill(struct i8042 *ctl, uint8_t byte, bool aux)
{
	ctl->data = byte;
	ctl->aux = aux;
	ctl->full = 1;
}

static void take_keyboard_byte(struct i8042 *ctl)
{
	uint8_t byte, released = 0, keys = 0;
	enum ps2_byte kind = ps2_keyboard_read(&ctl->keyboard, &byte);

	keys += kind == PS2_KEY;
	/* The keyboard queues keys as a whole: behind this one is the code. */
	if (kind && byte == RELEASED && ctl->memory[0] & MODE_TRANSLATE) {
		released = 0x80;
		kind = ps2_keyboard_read(&ctl->keyboard, &byte);
		keys += kind == PS2_KEY;
	}
	if (!kind)
		return;
	if (ctl->memory[0] & MODE_TRANSLATE)
		byte = ps2_translate(byte) | released;
	fill(ctl, byte, false);
	ctl->keys = keys;
}

static void set_lines(struct i8042 *ctl, bool irq, bool aux_irq)
{
	if (irq != ctl->irq)
		irq_set(&ctl->config.keyboard, irq);
	if (aux_irq != ctl->aux_irq)
		irq_set(&ctl->config.mouse, aux_irq);
	ctl->irq = irq;
	ctl->aux_irq = aux_irq;
}

static void update_locked(struct i8042 *ctl)
{
	uint8_t mode = ctl->memory[0], byte;

	if (!ctl->full && ctl->has_reply) {
		ctl->has_reply = 0;
		fill(ctl, ctl->reply, ctl->reply_aux);
	}
	if (!ctl->full && !(mode & MODE_OFF))
		take_keyboard_byte(ctl);
	if (!ctl->full && !(mode & MODE_AUX_OFF) && ps2_mouse_read(&ctl->mouse, &byte))
		fill(ctl, byte, true);
	set_lines(ctl, ctl->full && !ctl->aux && mode & MODE_IRQ,
		  ctl->full && ctl->aux && mode & MODE_AUX_IRQ);
}

/* What comes next is an edge of its own. */
static void empty(struct i8042 *ctl)
{
	ctl->full = ctl->keys = 0;
	set_lines(ctl, false, false);
}

static void reply(struct i8042 *ctl, uint8_t byte, bool aux)
{
	ctl->reply = byte;
	ctl->reply_aux = aux;
	ctl->has_reply = 1;
}

/* ---- commands ---- */

static void self_test(struct i8042 *ctl)
{
	ctl->memory[0] |= MODE_SYSTEM;
	reply(ctl, 0x55, false);
}

static uint8_t output_port(const struct i8042 *ctl)
{
	return OUTPUT_IDLE | (ctl->irq ? OUTPUT_IRQ : 0) | (ctl->aux_irq ? OUTPUT_AUX_IRQ : 0);
}

/* Clock lines: the controller holds those of devices that are off. */
static uint8_t test_inputs(const struct i8042 *ctl)
{
	return (ctl->memory[0] & MODE_OFF ? 0 : 1) | (ctl->memory[0] & MODE_AUX_OFF ? 0 : 2);
}

static void execute(struct i8042 *ctl, uint8_t command)
{
	switch (command) {
	case TEST_PASSWORD:
		reply(ctl, 0xf1, false);
		break;
	case AUX_OFF:
		ctl->memory[0] |= MODE_AUX_OFF;
		break;
	case AUX_ON:
		ctl->memory[0] &= (uint8_t)~MODE_AUX_OFF;
		break;
	case TEST_SELF:
		self_test(ctl);
		break;
	case TEST_AUX:
	case TEST_KEYBOARD:
		reply(ctl, 0, false);
		break;
	case KEYBOARD_OFF:
		ctl->memory[0] |= MODE_OFF;
		break;
	case KEYBOARD_ON:
		ctl->memory[0] &= (uint8_t)~MODE_OFF;
		break;
	case READ_INPUT:
		reply(ctl, INPUT_UNLOCKED, false);
		break;
	case READ_OUTPUT:
		reply(ctl, output_port(ctl), false);
		break;
	case READ_TEST:
		reply(ctl, test_inputs(ctl), false);
		break;
	}
}

static bool wants_byte(uint8_t command)
{
	return (command & ~(MEMORY - 1)) == WRITE_MEMORY || command == LOAD_PASSWORD ||
	       (command >= WRITE_OUTPUT && command <= WRITE_AUX);
}

/* True: a reset of the machine; so for the next one. */
static bool command_locked(struct i8042 *ctl, uint8_t value)
{
	ctl->command = wants_byte(value) ? value : 0;
	ctl->last_command = 1;
	if ((value & ~(MEMORY - 1)) == READ_MEMORY)
		reply(ctl, ctl->memory[value % MEMORY], false);
	else
		execute(ctl, value);
	return value >= PULSE && !(value & OUTPUT_RESET);
}

/*
 * A key that the host has not read yet goes behind the answer to what it says now: it
 * would take it for the answer, or drop it (a real keyboard's key rarely meets a command;
 * ours does when the CPU that is to have the interrupt is late).
 */
static void to_keyboard(struct i8042 *ctl, uint8_t value)
{
	if (ctl->full && ctl->keys) {
		ps2_keyboard_unread(&ctl->keyboard, ctl->keys);
		empty(ctl);
	}
	ctl->memory[0] &= (uint8_t)~MODE_OFF;
	ps2_keyboard_write(&ctl->keyboard, value);
}

static void to_mouse(struct i8042 *ctl, uint8_t value)
{
	ctl->memory[0] &= (uint8_t)~MODE_AUX_OFF;
	ps2_mouse_write(&ctl->mouse, value);
}

static bool data_locked(struct i8042 *ctl, uint8_t value)
{
	uint8_t command = ctl->command;

	ctl->last_command = 0;
	ctl->command = command == LOAD_PASSWORD && value ? command : 0;
	switch (command) {
	case 0:
		to_keyboard(ctl, value);
		break;
	case LOAD_PASSWORD:
		break;
	case WRITE_OUTPUT:
		return !(value & OUTPUT_RESET);
	case LOOP_KEYBOARD:
	case LOOP_AUX:
		reply(ctl, value, command == LOOP_AUX);
		break;
	case WRITE_AUX:
		to_mouse(ctl, value);
		break;
	default:
		ctl->memory[command % MEMORY] = value;
	}
	return false;
}

/* ---- ports ---- */

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

/* Nothing new there: the last byte again. */
static uint64_t data_read(void *dev, uint64_t offset, unsigned int size)
{
	struct i8042 *ctl = dev;
	uint8_t value;

	(void)offset, (void)size;
	pthread_mutex_lock(&ctl->lock);
	value = ctl->data;
	empty(ctl);
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
	value |= (ctl->full ? STATUS_FULL : 0) | (ctl->full && ctl->aux ? STATUS_AUX : 0) |
		 (ctl->memory[0] & MODE_SYSTEM ? STATUS_SYSTEM : 0) |
		 (ctl->last_command ? STATUS_COMMAND : 0);
	pthread_mutex_unlock(&ctl->lock);
	return value;
}

static void command_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)offset, (void)size;
	write_port(dev, (uint8_t)value, command_locked);
}

const struct bus_ops i8042_data_ops = { .read = data_read, .write = data_write };
const struct bus_ops i8042_command_ops = { .read = command_read, .write = command_write };

/* ---- people ---- */

void i8042_key(struct i8042 *ctl, uint16_t key, bool down)
{
	pthread_mutex_lock(&ctl->lock);
	ps2_keyboard_key(&ctl->keyboard, key, down);
	update_locked(ctl);
	pthread_mutex_unlock(&ctl->lock);
}

unsigned int i8042_key_room(struct i8042 *ctl)
{
	unsigned int room;

	pthread_mutex_lock(&ctl->lock);
	room = ps2_keyboard_room(&ctl->keyboard);
	pthread_mutex_unlock(&ctl->lock);
	return room;
}

static uint8_t mouse_buttons(uint8_t buttons)
{
	return (buttons & 1 ? PS2_MOUSE_LEFT : 0) | (buttons & 2 ? PS2_MOUSE_MIDDLE : 0) |
	       (buttons & 4 ? PS2_MOUSE_RIGHT : 0);
}

/* A step for each time that one of the wheel's buttons goes down. */
static int32_t wheel_steps(uint8_t before, uint8_t now)
{
	uint8_t pressed = now & (uint8_t)~before;

	return (pressed & 16 ? 1 : 0) - (pressed & 8 ? 1 : 0);
}

/* From there to here: screens are small enough, the mouse limits what is not. */
static int32_t distance(uint32_t from, uint32_t to)
{
	int64_t way = (int64_t)to - from;

	return way > INT32_MAX ? INT32_MAX : way < -INT32_MAX ? -INT32_MAX : (int32_t)way;
}

void i8042_pointer(struct i8042 *ctl, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
		   uint8_t buttons)
{
	int32_t dx = 0, dy = 0;

	x = x < w ? x : w ? w - 1 : 0;
	y = y < h ? y : h ? h - 1 : 0;
	pthread_mutex_lock(&ctl->lock);
	if (ctl->w && w == ctl->w && h == ctl->h) {
		dx = distance(ctl->x, x);
		dy = distance(ctl->y, y);
	}
	ps2_mouse_move(&ctl->mouse, dx, dy, wheel_steps(ctl->buttons, buttons),
		       mouse_buttons(buttons));
	ctl->x = x;
	ctl->y = y;
	ctl->w = w;
	ctl->h = h;
	ctl->buttons = buttons;
	update_locked(ctl);
	pthread_mutex_unlock(&ctl->lock);
}

uint8_t i8042_leds(struct i8042 *ctl)
{
	uint8_t leds;

	pthread_mutex_lock(&ctl->lock);
	leds = ctl->keyboard.leds;
	pthread_mutex_unlock(&ctl->lock);
	return leds;
}

/* ---- create, destroy ---- */

struct i8042 *i8042_create(const struct i8042_config *config)
{
	struct i8042 *ctl = calloc(1, sizeof(*ctl));

	if (!ctl)
		return NULL;
	pthread_mutex_init(&ctl->lock, NULL);
	ctl->config = *config;
	ctl->memory[0] = MODE_IRQ | MODE_TRANSLATE;
	ps2_keyboard_reset(&ctl->keyboard);
	ps2_mouse_reset(&ctl->mouse);
	return ctl;
}

void i8042_destroy(struct i8042 *ctl)
{
	if (!ctl)
		return;
	pthread_mutex_destroy(&ctl->lock);
	free(ctl);
}
