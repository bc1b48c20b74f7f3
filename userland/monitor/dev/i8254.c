/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See i8254.h. A counter is not counted: its value and its output follow from what was
 * loaded, when, and how long ago that is. Only IRQ 0 needs a timer, armed for the next
 * rising edge of counter 0's output if there will be one. Edges that the host was too late
 * for are left out, all but one: what ticks has had is what a clock with gaps would have
 * given it, and nothing floods the guest.
 */
#include "i8254.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define COUNTERS 3u
#define CONTROL 3u	/* the fourth port */

#define RW_LATCH	0u
#define RW_LOW		1u
#define RW_HIGH		2u
#define RW_BOTH		3u
#define READ_BACK	3u	/* instead of a counter's number */
#define READ_BACK_NO_COUNT 0x20u
#define READ_BACK_NO_STATUS 0x10u
#define STATUS_OUT	0x80u
#define STATUS_NULL	0x40u

#define GATE2		0x01u
#define SPEAKER		0x02u
#define PORT61_WRITE	0x0fu
#define PORT61_REFRESH	0x10u
#define PORT61_OUT2	0x20u
#define REFRESH_NS	15085u	/* half a period of the refresh request */

/* A guest may ask for more; the host's timers are not for that. */
#define SHORTEST_NS	50000u

/* All under the lock. */
struct counter {
	uint64_t start;		/* ns: when the count was loaded, or the gate rose */
	uint64_t counted;	/* ns: what had been counted when the gate fell (modes 0, 4) */
	uint32_t count;		/* 1 … 65536 (10000 in BCD) */
	uint16_t latched;
	uint8_t latched_bytes;	/* left to be read */
	uint8_t status, status_latched;
	uint8_t mode, rw, bcd;
	uint8_t write_low, write_high_next, read_high_next;
	uint8_t loaded;		/* a count was written since the mode */
	uint8_t gate;
	uint8_t waiting;	/* for the gate to rise (modes 1, 5) */
};

struct i8254 {
	struct i8254_config config;
	pthread_mutex_t lock;
	struct counter counter[COUNTERS];
	uint64_t edge;		/* ns: the last time that output 0 was looked at */
	uint8_t port61;
};

#define FIELD(index, member)							\
	{ #member "[" #index "]", offsetof(struct i8254, counter[index].member),	\
	  sizeof(((struct counter *)0)->member), 1 }
#define FIELDS(index)								\
	FIELD(index, start), FIELD(index, counted), FIELD(index, count), FIELD(index, latched),	\
	FIELD(index, latched_bytes), FIELD(index, status),			\
	FIELD(index, status_latched), FIELD(index, mode), FIELD(index, rw),	\
	FIELD(index, bcd), FIELD(index, write_low), FIELD(index, write_high_next), \
	FIELD(index, read_high_next), FIELD(index, loaded), FIELD(index, gate), \
	FIELD(index, waiting)

const struct state_field i8254_fields[] = {
	FIELDS(0), FIELDS(1), FIELDS(2),
	STATE_FIELD(struct i8254, edge), STATE_FIELD(struct i8254, port61),
};
const size_t i8254_field_count = sizeof(i8254_fields) / sizeof(i8254_fields[0]);

/* ---- what a counter does ---- */

static uint32_t modulus(const struct counter *c)
{
	return c->bcd ? 10000 : 0x10000;
}

/* 0 stands for the largest count; saved states may hold anything. */
static uint32_t period(const struct counter *c)
{
	return c->count ? c->count : modulus(c);
}

/* Modes in which a low gate holds the count, and a rising one does not start it anew. */
static bool holds(const struct counter *c)
{
	return c->mode == 0 || c->mode == 4;
}

static uint64_t elapsed(const struct counter *c, uint64_t now)
{
	if (c->waiting)
		return 0;
	if (holds(c) && !c->gate)
		return c->counted;
	return now > c->start ? now - c->start : 0;
}

static uint64_t ticks_at(const struct counter *c, uint64_t now)
{
	return clock_scale(elapsed(c, now), I8254_HZ, CLOCK_NS_PER_S);
}

static bool periodic(const struct counter *c)
{
	return c->mode == 2 || c->mode == 3;
}

/* Does the gate have to rise before it counts? */
static bool triggered(const struct counter *c)
{
	return c->mode == 1 || c->mode == 5;
}

static bool counting(const struct counter *c)
{
	return c->loaded && !c->waiting && (c->gate || triggered(c));
}

static bool output(const struct counter *c, uint64_t now)
{
	uint64_t d = ticks_at(c, now), n = period(c);

	if (!c->loaded)
		return c->mode != 0;
	switch (c->mode) {
	case 0:
		return d >= n;
	case 1:
		return c->waiting || d >= n;
	case 2:
		return !c->gate || d % n != n - 1 || n == 1;
	case 3:
		return !c->gate || d % n < (n + 1) / 2;
	default:
		return d != n;
	}
}

static uint16_t to_bcd(uint32_t value)
{
	return (uint16_t)(value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 |
			  value / 1000 % 10 << 12);
}

static uint32_t from_bcd(uint16_t value)
{
	return (value & 15u) + (value >> 4 & 15u) * 10 + (value >> 8 & 15u) * 100 +
	       (value >> 12) * 1000u;
}

static uint16_t value(const struct counter *c, uint64_t now)
{
	uint64_t d = counting(c) || holds(c) ? ticks_at(c, now) : 0, n = period(c);
	uint32_t left;

	if (c->mode == 2)
		left = (uint32_t)(n - d % n);
	else if (c->mode == 3)
		left = (uint32_t)(n - 2 * d % n) & ~1u;
	else
		left = (uint32_t)((n + modulus(c) - d % modulus(c)) % modulus(c));
	return c->bcd ? to_bcd(left) : (uint16_t)left;
}

/* The first rising edge of the output after `now`, in ns; UINT64_MAX: none. */
static uint64_t next_rise(const struct counter *c, uint64_t now)
{
	uint64_t n = period(c), d = ticks_at(c, now), at;

	if (!counting(c) || (periodic(c) && n == 1))
		return UINT64_MAX;
	if (periodic(c))
		at = (d / n + 1) * n;
	else if (c->mode == 4 || c->mode == 5)
		at = n + 1; /* the strobe ends */
	else
		at = n;
	if (at <= d)
		return UINT64_MAX;
	return c->start + clock_scale_up(at, CLOCK_NS_PER_S, I8254_HZ);
}

/* ---- IRQ 0 ---- */

static void set_irq(const struct i8254 *pit, bool level)
{
	irq_set(&pit->config.irq, level);
}

static void arm_locked(struct i8254 *pit, uint64_t now)
{
	uint64_t next = next_rise(&pit->counter[0], now), after = UINT64_MAX;

	if (next != UINT64_MAX) {
		after = next > now ? next - now : 0;
		after = after < SHORTEST_NS ? SHORTEST_NS : after;
	}
	clock_timer_arm(&pit->config.timer, after);
}

/* Brings IRQ 0 up to date: an edge if there was one since the last look. */
static void update_locked(struct i8254 *pit)
{
	uint64_t now = clock_now(&pit->config.clock);

	if (next_rise(&pit->counter[0], pit->edge) <= now) {
		set_irq(pit, false);
		set_irq(pit, true);
	} else if (!output(&pit->counter[0], now)) {
		set_irq(pit, false);
	}
	pit->edge = now;
	arm_locked(pit, now);
}

void i8254_expired(struct i8254 *pit)
{
	pthread_mutex_lock(&pit->lock);
	update_locked(pit);
	pthread_mutex_unlock(&pit->lock);
}

/* ---- registers ---- */

static void load(struct i8254 *pit, struct counter *c, uint16_t raw)
{
	uint64_t now = clock_now(&pit->config.clock);

	c->count = c->bcd ? from_bcd(raw) : raw;
	/* While a period runs, a new count counts from the next one on: from now, here. */
	if (!triggered(c))
		c->start = now;
	else if (!c->loaded)
		c->waiting = true;
	c->counted = 0;
	c->loaded = true;
	if (c != &pit->counter[0])
		return;
	if (c->mode == 0)
		set_irq(pit, false);
	pit->edge = now;
	arm_locked(pit, now);
}

/* In mode 0 half a count stops the counter and takes its output down. */
static void first_byte(struct i8254 *pit, struct counter *c, uint8_t byte)
{
	c->write_low = byte;
	if (c->mode != 0)
		return;
	c->loaded = false;
	if (c != &pit->counter[0])
		return;
	set_irq(pit, false);
	clock_timer_arm(&pit->config.timer, UINT64_MAX);
}

static void write_count(struct i8254 *pit, struct counter *c, uint8_t byte)
{
	switch (c->rw) {
	case RW_LOW:
		load(pit, c, byte);
		break;
	case RW_HIGH:
		load(pit, c, (uint16_t)(byte << 8));
		break;
	default:
		if (c->write_high_next)
			load(pit, c, (uint16_t)(c->write_low | byte << 8));
		else
			first_byte(pit, c, byte);
		c->write_high_next = !c->write_high_next;
		break;
	}
}

static void latch_count(struct counter *c, uint64_t now)
{
	if (c->latched_bytes)
		return;
	c->latched = value(c, now);
	c->latched_bytes = c->rw == RW_BOTH ? 2 : 1;
}

static void latch_status(struct counter *c, uint64_t now)
{
	if (c->status_latched)
		return;
	c->status = (uint8_t)((output(c, now) ? STATUS_OUT : 0) | (c->loaded ? 0 : STATUS_NULL) |
			      c->rw << 4 | c->mode << 1 | c->bcd);
	c->status_latched = true;
}

static void read_back(struct i8254 *pit, uint8_t command, uint64_t now)
{
	for (unsigned int i = 0; i < COUNTERS; i++) {
		if (!(command & 2u << i))
			continue;
		if (!(command & READ_BACK_NO_COUNT))
			latch_count(&pit->counter[i], now);
		if (!(command & READ_BACK_NO_STATUS))
			latch_status(&pit->counter[i], now);
	}
}

static void set_mode(struct i8254 *pit, struct counter *c, uint8_t command)
{
	uint8_t mode = command >> 1 & 7, gate = c->gate;

	*c = (struct counter){
		.mode = mode > 5 ? mode & 3 : mode, .rw = command >> 4 & 3,
		.bcd = command & 1, .gate = gate, .start = clock_now(&pit->config.clock),
	};
	if (c != &pit->counter[0])
		return;
	set_irq(pit, c->mode != 0);
	clock_timer_arm(&pit->config.timer, UINT64_MAX);
}

static void write_control(struct i8254 *pit, uint8_t command)
{
	uint64_t now = clock_now(&pit->config.clock);
	unsigned int select = command >> 6;

	if (select == READ_BACK)
		read_back(pit, command, now);
	else if ((command >> 4 & 3) == RW_LATCH)
		latch_count(&pit->counter[select], now);
	else
		set_mode(pit, &pit->counter[select], command);
}

static uint8_t read_count(const struct i8254 *pit, struct counter *c)
{
	uint16_t now = c->latched_bytes ? c->latched :
					  value(c, clock_now(&pit->config.clock));
	bool high = c->rw == RW_HIGH || (c->rw == RW_BOTH && c->read_high_next);

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->latched_bytes)
		c->latched_bytes--;
	if (c->rw == RW_BOTH)
		c->read_high_next = !c->read_high_next;
	return (uint8_t)(high ? now >> 8 : now);
}

static uint64_t i8254_read(void *dev, uint64_t offset, unsigned int size)
{
	struct i8254 *pit = dev;
	uint64_t result = 0;

	pthread_mutex_lock(&pit->lock);
	for (unsigned int i = 0; i < size; i++) {
		unsigned int port = (offset + i) & 3;
		uint8_t byte = port == CONTROL ? 0xff : read_count(pit, &pit->counter[port]);

		result |= (uint64_t)byte << (8 * i);
	}
	pthread_mutex_unlock(&pit->lock);
	return result;
}

static void i8254_write(void *dev, uint64_t offset, unsigned int size, uint64_t data)
{
	struct i8254 *pit = dev;

	pthread_mutex_lock(&pit->lock);
	for (unsigned int i = 0; i < size; i++) {
		unsigned int port = (offset + i) & 3;

		if (port == CONTROL)
			write_control(pit, (uint8_t)(data >> (8 * i)));
		else
			write_count(pit, &pit->counter[port], (uint8_t)(data >> (8 * i)));
	}
	pthread_mutex_unlock(&pit->lock);
}

const struct bus_ops i8254_bus_ops = { .read = i8254_read, .write = i8254_write };

/* ---- port 0x61 ---- */

/* A rising gate goes on counting (modes 0, 4), or starts anew. */
static void set_gate(struct i8254 *pit, bool gate)
{
	struct counter *c = &pit->counter[2];
	uint64_t now = clock_now(&pit->config.clock);

	if (!gate && c->gate && holds(c))
		c->counted = elapsed(c, now);
	if (gate && !c->gate) {
		c->start = holds(c) ? now - c->counted : now;
		c->waiting = false;
	}
	c->gate = gate;
}

static uint64_t port61_read(void *dev, uint64_t offset, unsigned int size)
{
	struct i8254 *pit = dev;
	uint64_t now = clock_now(&pit->config.clock);
	uint8_t byte;

	(void)offset, (void)size;
	pthread_mutex_lock(&pit->lock);
	byte = pit->port61;
	if (now / REFRESH_NS & 1)
		byte |= PORT61_REFRESH;
	if (output(&pit->counter[2], now))
		byte |= PORT61_OUT2;
	pthread_mutex_unlock(&pit->lock);
	return byte;
}

static void port61_write(void *dev, uint64_t offset, unsigned int size, uint64_t data)
{
	struct i8254 *pit = dev;

	(void)offset, (void)size;
	pthread_mutex_lock(&pit->lock);
	pit->port61 = data & PORT61_WRITE;
	set_gate(pit, data & GATE2);
	pthread_mutex_unlock(&pit->lock);
}

const struct bus_ops i8254_port61_ops = { .read = port61_read, .write = port61_write };

/* ---- create and destroy ---- */

struct i8254 *i8254_create(const struct i8254_config *config)
{
	struct i8254 *pit = calloc(1, sizeof(*pit));

	if (!pit)
		return NULL;
	pit->config = *config;
	pthread_mutex_init(&pit->lock, NULL);
	for (unsigned int i = 0; i < COUNTERS; i++) {
		pit->counter[i].mode = 3;
		pit->counter[i].rw = RW_BOTH;
		pit->counter[i].gate = i != 2;
	}
	return pit;
}

void i8254_destroy(struct i8254 *pit)
{
	if (!pit)
		return;
	clock_timer_arm(&pit->config.timer, UINT64_MAX);
	pthread_mutex_destroy(&pit->lock);
	free(pit);
}
