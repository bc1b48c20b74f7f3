/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See i8259.h. Each chip is its registers; what it asks for is worked out from them
 * after every change: the slave's output is the level of the master's input 2, the
 * master's is INTR. One lock for the pair.
 */
#include "i8259.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CASCADE 2u
#define SPURIOUS 7u
#define NONE 8u		/* no input */

#define ICW1		0x10u	/* tells an ICW1 from OCW2 and OCW3 */
#define ICW1_IC4	0x01u
#define ICW1_SINGLE	0x02u
#define ICW1_LEVEL	0x08u
#define ICW4_AEOI	0x02u
#define ICW4_SFNM	0x10u
#define OCW3		0x08u	/* tells an OCW3 from OCW2 */
#define OCW3_RIS	0x01u
#define OCW3_RR		0x02u
#define OCW3_POLL	0x04u
#define OCW3_SMM	0x20u
#define OCW3_ESMM	0x40u
#define POLL_PENDING	0x80u

/* Inputs that are always edges: timer, keyboard, cascade; RTC, FPU. */
static const uint8_t elcr_mask[2] = { 0xf8, 0xde };

enum { MASTER, SLAVE };

/* Which initialization word the odd port expects next. */
enum { READY, WANT_ICW2, WANT_ICW3, WANT_ICW4 };

/* All under the lock. */
struct chip {
	uint8_t irr, isr, imr;
	uint8_t lines;		/* levels of the inputs */
	uint8_t elcr;		/* inputs that are levels */
	uint8_t base;		/* vector of input 0 */
	uint8_t lowest;		/* input with the lowest priority */
	uint8_t expect;		/* which word comes next */
	uint8_t icw1, icw4;
	uint8_t read_isr, poll, special_mask, rotate_aeoi;
};

struct i8259 {
	struct i8259_config config;
	pthread_mutex_t lock;
	struct chip chip[2];
	uint8_t intr;		/* what the callback was told */
};

#define CHIP_FIELD(index, member)						\
	{ #member "[" #index "]", offsetof(struct i8259, chip[index].member), 1, 1 }
#define CHIP_FIELDS(index)							\
	CHIP_FIELD(index, irr), CHIP_FIELD(index, isr), CHIP_FIELD(index, imr),	\
	CHIP_FIELD(index, lines), CHIP_FIELD(index, elcr), CHIP_FIELD(index, base), \
	CHIP_FIELD(index, lowest), CHIP_FIELD(index, expect),			\
	CHIP_FIELD(index, icw1), CHIP_FIELD(index, icw4),			\
	CHIP_FIELD(index, read_isr), CHIP_FIELD(index, poll),			\
	CHIP_FIELD(index, special_mask), CHIP_FIELD(index, rotate_aeoi)

const struct state_field i8259_fields[] = {
	CHIP_FIELDS(0), CHIP_FIELDS(1), STATE_FIELD(struct i8259, intr),
};
const size_t i8259_field_count = sizeof(i8259_fields) / sizeof(i8259_fields[0]);

/* ---- priorities ---- */

/* 0: the highest. `lowest` may come from a saved state, so it is masked. */
static unsigned int rank(const struct chip *c, unsigned int input)
{
	return (input - (c->lowest & 7u) - 1) & 7;
}

/* The input of highest priority in a set; NONE. */
static unsigned int highest(const struct chip *c, uint8_t set)
{
	for (unsigned int i = 1; i <= 8; i++) {
		unsigned int input = (c->lowest + i) & 7;

		if (set & 1u << input)
			return input;
	}
	return NONE;
}

/* What holds back requests of its own and lower priority. */
static unsigned int in_service(const struct chip *c, bool master)
{
	uint8_t isr = c->isr;

	/* Special fully nested: the slave may interrupt itself by a higher input. */
	if (master && c->icw4 & ICW4_SFNM)
		isr &= (uint8_t)~(1u << CASCADE);
	return highest(c, isr);
}

/* The input that would be served now; NONE. */
static unsigned int candidate(const struct chip *c, bool master)
{
	uint8_t wanted = c->irr & (uint8_t)~c->imr;
	unsigned int input, serving;

	/* In special mask mode only what is in service itself is held back. */
	if (c->special_mask)
		wanted &= (uint8_t)~c->isr;
	input = highest(c, wanted);
	if (input == NONE || c->expect != READY)
		return NONE;
	if (c->special_mask)
		return input;
	serving = in_service(c, master);
	return serving == NONE || rank(c, input) < rank(c, serving) ? input : NONE;
}

static bool is_level(const struct chip *c, unsigned int input)
{
	return c->icw1 & ICW1_LEVEL || c->elcr & 1u << input;
}

/* ---- lines ---- */

static void set_line(struct chip *c, unsigned int input, bool level)
{
	uint8_t bit = (uint8_t)(1u << input);
	bool rising = level && !(c->lines & bit);

	c->lines = level ? c->lines | bit : c->lines & (uint8_t)~bit;
	if (is_level(c, input))
		c->irr = level ? c->irr | bit : c->irr & (uint8_t)~bit;
	else if (rising)
		c->irr |= bit;
	else if (!level) /* an edge's request lasts as long as the line */
		c->irr &= (uint8_t)~bit;
}

static void update_locked(struct i8259 *pic)
{
	bool intr;

	set_line(&pic->chip[MASTER], CASCADE, candidate(&pic->chip[SLAVE], false) != NONE);
	intr = candidate(&pic->chip[MASTER], true) != NONE;
	if (intr == pic->intr)
		return;
	pic->intr = intr;
	pic->config.intr(pic->config.ctx, intr);
}

void i8259_set(void *chip, unsigned int pin, bool level)
{
	struct i8259 *pic = chip;

	if (pin >= I8259_PINS || pin == CASCADE)
		return;
	pthread_mutex_lock(&pic->lock);
	set_line(&pic->chip[pin / 8], pin % 8, level);
	update_locked(pic);
	pthread_mutex_unlock(&pic->lock);
}

/* ---- acknowledge ---- */

static void serve(struct chip *c, unsigned int input)
{
	uint8_t bit = (uint8_t)(1u << input);

	if (!is_level(c, input))
		c->irr &= (uint8_t)~bit;
	if (!(c->icw4 & ICW4_AEOI))
		c->isr |= bit;
	else if (c->rotate_aeoi)
		c->lowest = (uint8_t)input;
}

/* The vector that a chip puts on the bus. */
static int acknowledge(struct chip *c, bool master, unsigned int *ret_input)
{
	unsigned int input = candidate(c, master);

	*ret_input = input;
	if (input == NONE)
		return c->base + (int)SPURIOUS;
	serve(c, input);
	return c->base + (int)input;
}

int i8259_inta(struct i8259 *pic)
{
	unsigned int input;
	int vector = -1;

	pthread_mutex_lock(&pic->lock);
	if (pic->intr) {
		vector = acknowledge(&pic->chip[MASTER], true, &input);
		if (input == CASCADE) {
			vector = acknowledge(&pic->chip[SLAVE], false, &input);
			/* Its output falls now; if there is more, it rises: a new edge. */
			set_line(&pic->chip[MASTER], CASCADE, false);
		}
		update_locked(pic);
	}
	pthread_mutex_unlock(&pic->lock);
	return vector;
}

/* ---- command words ---- */

static void initialize(struct chip *c, uint8_t icw1)
{
	struct chip fresh = {
		.lines = c->lines, .elcr = c->elcr, .lowest = 7, .icw1 = icw1,
		.expect = WANT_ICW2,
	};

	*c = fresh;
	/* Edges that came before are forgotten; levels are still there. */
	for (unsigned int i = 0; i < 8; i++)
		if (is_level(c, i))
			c->irr |= c->lines & (uint8_t)(1u << i);
}

static void initialization_word(struct chip *c, uint8_t value)
{
	switch (c->expect) {
	case WANT_ICW2:
		c->base = value & 0xf8;
		c->expect = !(c->icw1 & ICW1_SINGLE) ? WANT_ICW3 :
			    c->icw1 & ICW1_IC4 ? WANT_ICW4 : READY;
		break;
	case WANT_ICW3: /* how the pair is wired: it is not going to change */
		c->expect = c->icw1 & ICW1_IC4 ? WANT_ICW4 : READY;
		break;
	default:
		c->icw4 = value;
		c->expect = READY;
		break;
	}
}

/* End of interrupt, rotation: bits 7-5 of OCW2 are R, SL, EOI. */
static void ocw2(struct chip *c, uint8_t value)
{
	unsigned int named = value & 7, top = highest(c, c->isr);

	switch (value >> 5) {
	case 0: /* rotate in automatic EOI mode: clear … */
	case 4: /* … set */
		c->rotate_aeoi = value >> 7;
		break;
	case 1: /* non-specific EOI */
	case 5: /* … with rotation */
		if (top == NONE)
			break;
		c->isr &= (uint8_t)~(1u << top);
		if (value >> 7)
			c->lowest = (uint8_t)top;
		break;
	case 3: /* specific EOI */
	case 7: /* … with rotation */
		c->isr &= (uint8_t)~(1u << named);
		if (value >> 7)
			c->lowest = (uint8_t)named;
		break;
	case 6: /* set priority */
		c->lowest = (uint8_t)named;
		break;
	}
}

static void ocw3(struct chip *c, uint8_t value)
{
	if (value & OCW3_POLL)
		c->poll = true;
	if (value & OCW3_RR)
		c->read_isr = value & OCW3_RIS;
	if (value & OCW3_ESMM)
		c->special_mask = (value & OCW3_SMM) != 0;
}

static void write_chip(struct chip *c, uint64_t port, uint8_t value)
{
	if (port == 0 && value & ICW1)
		initialize(c, value);
	else if (port == 0 && value & OCW3)
		ocw3(c, value);
	else if (port == 0)
		ocw2(c, value);
	else if (c->expect != READY)
		initialization_word(c, value);
	else
		c->imr = value;
}

/* A poll is an acknowledge that the program does itself. */
static uint8_t poll(struct chip *c, bool master)
{
	unsigned int input;

	c->poll = false;
	acknowledge(c, master, &input);
	return input == NONE ? SPURIOUS : (uint8_t)(POLL_PENDING | input);
}

static uint8_t read_chip(struct chip *c, bool master, uint64_t port)
{
	if (c->poll)
		return poll(c, master);
	if (port)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

/* ---- ports ---- */

static uint64_t read_ports(struct i8259 *pic, unsigned int index, uint64_t offset,
			   unsigned int size)
{
	uint64_t value = 0;

	pthread_mutex_lock(&pic->lock);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)read_chip(&pic->chip[index], index == MASTER,
					     (offset + i) & 1) << (8 * i);
	update_locked(pic);
	pthread_mutex_unlock(&pic->lock);
	return value;
}

static void write_ports(struct i8259 *pic, unsigned int index, uint64_t offset,
			unsigned int size, uint64_t value)
{
	pthread_mutex_lock(&pic->lock);
	for (unsigned int i = 0; i < size; i++)
		write_chip(&pic->chip[index], (offset + i) & 1, (uint8_t)(value >> (8 * i)));
	update_locked(pic);
	pthread_mutex_unlock(&pic->lock);
}

static uint64_t master_read(void *dev, uint64_t offset, unsigned int size)
{
	return read_ports(dev, MASTER, offset, size);
}

static void master_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	write_ports(dev, MASTER, offset, size, value);
}

static uint64_t slave_read(void *dev, uint64_t offset, unsigned int size)
{
	return read_ports(dev, SLAVE, offset, size);
}

static void slave_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	write_ports(dev, SLAVE, offset, size, value);
}

static uint64_t elcr_read(void *dev, uint64_t offset, unsigned int size)
{
	struct i8259 *pic = dev;
	uint64_t value = 0;

	pthread_mutex_lock(&pic->lock);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)pic->chip[(offset + i) & 1].elcr << (8 * i);
	pthread_mutex_unlock(&pic->lock);
	return value;
}

static void elcr_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct i8259 *pic = dev;

	pthread_mutex_lock(&pic->lock);
	for (unsigned int i = 0; i < size; i++) {
		unsigned int index = (offset + i) & 1;

		pic->chip[index].elcr = (uint8_t)(value >> (8 * i)) & elcr_mask[index];
	}
	update_locked(pic);
	pthread_mutex_unlock(&pic->lock);
}

const struct bus_ops i8259_master_ops = { .read = master_read, .write = master_write };
const struct bus_ops i8259_slave_ops = { .read = slave_read, .write = slave_write };
const struct bus_ops i8259_elcr_ops = { .read = elcr_read, .write = elcr_write };

/* ---- create and destroy ---- */

struct i8259 *i8259_create(const struct i8259_config *config)
{
	struct i8259 *pic = calloc(1, sizeof(*pic));

	if (!pic)
		return NULL;
	pic->config = *config;
	pthread_mutex_init(&pic->lock, NULL);
	/* Until firmware initializes them they ask for nothing. */
	pic->chip[MASTER].lowest = pic->chip[SLAVE].lowest = 7;
	pic->chip[MASTER].imr = pic->chip[SLAVE].imr = 0xff;
	return pic;
}

void i8259_destroy(struct i8259 *pic)
{
	if (!pic)
		return;
	pthread_mutex_destroy(&pic->lock);
	free(pic);
}
