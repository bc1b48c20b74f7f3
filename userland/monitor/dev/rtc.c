/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rtc.h. Nothing ticks: date and time are worked out when they are read, and a timer
 * runs only while an interrupt is enabled, to the next event of those that are. Flags
 * of register C are brought up to date from the time that went by since the last look.
 *
 * While the guest has stopped the clock (SET) or its divider is held in reset, the
 * registers are memory; when it goes on, the difference to the host becomes the offset.
 */
#include "rtc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM,
	WEEKDAY, DAY, MONTH, YEAR, REG_A, REG_B, REG_C, REG_D, MEMORY,
};

#define A_UIP		0x80u
#define A_DIVIDER	0x70u
#define A_DIVIDER_ON	0x20u
#define A_RATE		0x0fu
#define B_SET		0x80u
#define B_PIE		0x40u
#define B_AIE		0x20u
#define B_UIE		0x10u
#define B_BINARY	0x04u
#define B_24H		0x02u
#define B_ENABLES	(B_PIE | B_AIE | B_UIE)
#define C_IRQF		0x80u
#define C_PF		0x40u
#define C_AF		0x20u
#define C_UF		0x10u
#define D_VALID		0x80u
#define PM		0x80u
#define ANY		0xc0u	/* an alarm byte from here on matches all */

#define INDEX_MASK	0x7fu	/* bit 7 masks NMI */
#define UIP_NS		244000u	/* an update begins this long after UIP is set */
#define DAY_S		86400

struct rtc {
	struct rtc_config config;
	pthread_mutex_t lock;
	/* all below under the lock */
	int64_t offset_s;
	uint64_t looked;	/* guest's time in ns up to which flags are known */
	uint8_t index;
	uint8_t cmos[RTC_CMOS_SIZE]; /* clock registers: as of the last read or write */
};

const struct state_field rtc_fields[] = {
	STATE_FIELD(struct rtc, offset_s),
	STATE_FIELD(struct rtc, looked),
	STATE_FIELD(struct rtc, index),
	STATE_ARRAY(struct rtc, cmos),
};
const size_t rtc_field_count = sizeof(rtc_fields) / sizeof(rtc_fields[0]);

/* ---- numbers ---- */

static uint8_t encode(const struct rtc *rtc, unsigned int value)
{
	if (rtc->cmos[REG_B] & B_BINARY)
		return (uint8_t)value;
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static unsigned int decode(const struct rtc *rtc, uint8_t byte)
{
	if (rtc->cmos[REG_B] & B_BINARY)
		return byte;
	return (byte >> 4) * 10u + (byte & 15u);
}

static uint8_t encode_hour(const struct rtc *rtc, unsigned int hour)
{
	if (rtc->cmos[REG_B] & B_24H)
		return encode(rtc, hour);
	return encode(rtc, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? PM : 0);
}

static unsigned int decode_hour(const struct rtc *rtc, uint8_t byte)
{
	if (rtc->cmos[REG_B] & B_24H)
		return decode(rtc, byte);
	return decode(rtc, byte & (uint8_t)~PM) % 12 + (byte & PM ? 12 : 0);
}

/* ---- the time ---- */

static bool running(const struct rtc *rtc)
{
	return !(rtc->cmos[REG_B] & B_SET) && (rtc->cmos[REG_A] & A_DIVIDER) == A_DIVIDER_ON;
}

static uint64_t guest_ns(const struct rtc *rtc)
{
	return clock_now(&rtc->config.clock) + (uint64_t)rtc->offset_s * CLOCK_NS_PER_S;
}

static void show_time(struct rtc *rtc, uint64_t ns)
{
	time_t now = (time_t)(ns / CLOCK_NS_PER_S);
	struct tm tm = {};

	gmtime_r(&now, &tm);
	rtc->cmos[SECONDS] = encode(rtc, (unsigned int)tm.tm_sec);
	rtc->cmos[MINUTES] = encode(rtc, (unsigned int)tm.tm_min);
	rtc->cmos[HOURS] = encode_hour(rtc, (unsigned int)tm.tm_hour);
	rtc->cmos[WEEKDAY] = encode(rtc, (unsigned int)tm.tm_wday + 1);
	rtc->cmos[DAY] = encode(rtc, (unsigned int)tm.tm_mday);
	rtc->cmos[MONTH] = encode(rtc, (unsigned int)tm.tm_mon + 1);
	rtc->cmos[YEAR] = encode(rtc, (unsigned int)tm.tm_year % 100);
	rtc->cmos[RTC_CENTURY] = encode(rtc, (unsigned int)(tm.tm_year + 1900) / 100 % 100);
}

/* The registers' time. Fields that are out of range carry over, as timegm() has it. */
static int64_t shown_time(const struct rtc *rtc)
{
	unsigned int century = decode(rtc, rtc->cmos[RTC_CENTURY]);
	struct tm tm = {
		.tm_sec = (int)decode(rtc, rtc->cmos[SECONDS]),
		.tm_min = (int)decode(rtc, rtc->cmos[MINUTES]),
		.tm_hour = (int)decode_hour(rtc, rtc->cmos[HOURS]),
		.tm_mday = (int)decode(rtc, rtc->cmos[DAY]),
		.tm_mon = (int)decode(rtc, rtc->cmos[MONTH]) - 1,
		.tm_year = (int)(century * 100 + decode(rtc, rtc->cmos[YEAR])) - 1900,
	};

	return timegm(&tm);
}

/* ---- flags and the interrupt ---- */

/* Time between periodic events, in 1/32768 s; 0: none. */
static uint64_t periodic_ticks(const struct rtc *rtc)
{
	unsigned int rate = rtc->cmos[REG_A] & A_RATE;

	if (!rate)
		return 0;
	return 1ull << (rate <= 2 ? rate + 6 : rate - 1);
}

static bool matches(uint8_t alarm, uint8_t now)
{
	return alarm >= ANY || alarm == now;
}

/*
 * Seconds from `from` (exclusive) to the alarm, up to and including `limit`; 0: none.
 * Hours and minutes that do not match are stepped over, for guests can have this done
 * some thousand times a second.
 */
static uint64_t seconds_to_alarm(const struct rtc *rtc, uint64_t from, uint64_t limit)
{
	const uint8_t *alarm = rtc->cmos;

	for (uint64_t s = 1; s <= limit; s++) {
		uint64_t at = from + s;

		if (!matches(alarm[HOURS_ALARM],
			     encode_hour(rtc, (unsigned int)(at / 3600 % 24))))
			s += 3599 - at % 3600;
		else if (!matches(alarm[MINUTES_ALARM], encode(rtc, (unsigned int)(at / 60 % 60))))
			s += 59 - at % 60;
		else if (matches(alarm[SECONDS_ALARM], encode(rtc, (unsigned int)(at % 60))))
			return s;
	}
	return 0;
}

static uint8_t events(struct rtc *rtc, uint64_t from, uint64_t to)
{
	uint64_t seconds = to / CLOCK_NS_PER_S - from / CLOCK_NS_PER_S;
	uint64_t ticks = periodic_ticks(rtc);
	uint8_t flags = 0;

	if (seconds) {
		flags |= C_UF;
		if (seconds_to_alarm(rtc, from / CLOCK_NS_PER_S,
				     seconds < DAY_S ? seconds : DAY_S))
			flags |= C_AF;
	}
	if (ticks && clock_scale(to, 32768, CLOCK_NS_PER_S) / ticks !=
			     clock_scale(from, 32768, CLOCK_NS_PER_S) / ticks)
		flags |= C_PF;
	return flags;
}

/* When the next event comes that may interrupt, in ns from now. */
static uint64_t until_next(struct rtc *rtc, uint64_t now)
{
	uint64_t ticks = periodic_ticks(rtc), next = UINT64_MAX, at;
	uint64_t second = now / CLOCK_NS_PER_S;

	if (rtc->cmos[REG_B] & B_PIE && ticks) {
		at = (clock_scale(now, 32768, CLOCK_NS_PER_S) / ticks + 1) * ticks;
		next = clock_scale_up(at, CLOCK_NS_PER_S, 32768) - now;
	}
	if (rtc->cmos[REG_B] & B_UIE) {
		at = (second + 1) * CLOCK_NS_PER_S - now;
		next = at < next ? at : next;
	}
	if (rtc->cmos[REG_B] & B_AIE) {
		uint64_t alarm = seconds_to_alarm(rtc, second, DAY_S);

		at = alarm ? (second + alarm) * CLOCK_NS_PER_S - now : UINT64_MAX;
		next = at < next ? at : next;
	}
	return next;
}

/* Flags up to now, the line, and the timer for what comes. */
static void update_locked(struct rtc *rtc)
{
	uint64_t now = guest_ns(rtc), next = UINT64_MAX;
	bool irq;

	if (running(rtc)) {
		/* the host's clock may have been set back */
		if (now > rtc->looked)
			rtc->cmos[REG_C] |= events(rtc, rtc->looked, now);
		if (rtc->cmos[REG_B] & B_ENABLES)
			next = until_next(rtc, now);
	}
	rtc->looked = now;
	irq = rtc->cmos[REG_B] & rtc->cmos[REG_C] & B_ENABLES;
	rtc->cmos[REG_C] = (uint8_t)((rtc->cmos[REG_C] & ~C_IRQF) | (irq ? C_IRQF : 0));
	irq_set(&rtc->config.irq, irq);
	clock_timer_arm(&rtc->config.timer, next);
}

void rtc_expired(struct rtc *rtc)
{
	pthread_mutex_lock(&rtc->lock);
	update_locked(rtc);
	pthread_mutex_unlock(&rtc->lock);
}

/* ---- registers ---- */

static bool is_time(uint8_t index)
{
	return (index <= YEAR && index != SECONDS_ALARM && index != MINUTES_ALARM &&
		index != HOURS_ALARM) || index == RTC_CENTURY;
}

static uint8_t read_register(struct rtc *rtc, uint8_t index)
{
	uint64_t now = guest_ns(rtc);
	uint8_t value;

	if (is_time(index) && running(rtc))
		show_time(rtc, now);
	if (index == REG_A && running(rtc) &&
	    now % CLOCK_NS_PER_S >= CLOCK_NS_PER_S - UIP_NS)
		return rtc->cmos[REG_A] | A_UIP;
	if (index == REG_C) {
		update_locked(rtc);
		value = rtc->cmos[REG_C];
		rtc->cmos[REG_C] = 0;
		irq_set(&rtc->config.irq, false);
		return value;
	}
	return rtc->cmos[index];
}

/* The registers are the time from here on. */
static void take_time(struct rtc *rtc)
{
	rtc->offset_s = shown_time(rtc) - (int64_t)(clock_now(&rtc->config.clock) /
						    CLOCK_NS_PER_S);
	rtc->looked = guest_ns(rtc);
}

/* Stopping shows the time that it was, going on takes what is shown. */
static void write_control(struct rtc *rtc, uint8_t index, uint8_t value)
{
	bool was_running = running(rtc);

	if (was_running)
		show_time(rtc, guest_ns(rtc));
	rtc->cmos[index] = value;
	if (running(rtc) && !was_running)
		take_time(rtc);
	update_locked(rtc);
}

static void write_register(struct rtc *rtc, uint8_t index, uint8_t value)
{
	switch (index) {
	case REG_A:
		write_control(rtc, REG_A, value & (uint8_t)~A_UIP);
		break;
	case REG_B:
		/* SET ends update interrupts */
		write_control(rtc, REG_B, value & B_SET ? value & (uint8_t)~B_UIE : value);
		break;
	case REG_C:
	case REG_D:
		break;
	default:
		if (is_time(index) && running(rtc))
			show_time(rtc, guest_ns(rtc));
		rtc->cmos[index] = value;
		if (is_time(index) && running(rtc))
			take_time(rtc);
		update_locked(rtc);
	}
}

static uint64_t rtc_read(void *dev, uint64_t offset, unsigned int size)
{
	struct rtc *rtc = dev;
	uint64_t value = 0;

	pthread_mutex_lock(&rtc->lock);
	for (unsigned int i = 0; i < size; i++) {
		uint8_t byte = 0xff; /* the index port cannot be read back */

		if ((offset + i) & 1)
			byte = read_register(rtc, rtc->index & INDEX_MASK);
		value |= (uint64_t)byte << (8 * i);
	}
	pthread_mutex_unlock(&rtc->lock);
	return value;
}

static void rtc_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct rtc *rtc = dev;

	pthread_mutex_lock(&rtc->lock);
	for (unsigned int i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> (8 * i));

		if ((offset + i) & 1)
			write_register(rtc, rtc->index & INDEX_MASK, byte);
		else
			rtc->index = byte;
	}
	pthread_mutex_unlock(&rtc->lock);
}

const struct bus_ops rtc_bus_ops = { .read = rtc_read, .write = rtc_write };

/* ---- create, destroy, the battery's part ---- */

struct rtc *rtc_create(const struct rtc_config *config)
{
	struct rtc *rtc = calloc(1, sizeof(*rtc));

	if (!rtc)
		return NULL;
	rtc->config = *config;
	pthread_mutex_init(&rtc->lock, NULL);
	if (config->kept) {
		rtc->offset_s = config->kept->offset_s;
		memcpy(rtc->cmos, config->kept->cmos, sizeof(rtc->cmos));
	}
	/* A reset switches interrupts off; rate and formats are as firmware expects them. */
	rtc->cmos[REG_A] = A_DIVIDER_ON | 6;
	rtc->cmos[REG_B] = B_24H;
	rtc->cmos[REG_C] = 0;
	rtc->cmos[REG_D] = D_VALID;
	rtc->looked = guest_ns(rtc);
	return rtc;
}

void rtc_destroy(struct rtc *rtc)
{
	if (!rtc)
		return;
	clock_timer_arm(&rtc->config.timer, UINT64_MAX);
	pthread_mutex_destroy(&rtc->lock);
	free(rtc);
}

void rtc_set_cmos(struct rtc *rtc, uint8_t index, uint8_t value)
{
	if (index >= MEMORY && index < RTC_CMOS_SIZE)
		rtc->cmos[index] = value;
}

void rtc_keep(struct rtc *rtc, struct rtc_kept *ret_kept)
{
	pthread_mutex_lock(&rtc->lock);
	ret_kept->offset_s = rtc->offset_s;
	memcpy(ret_kept->cmos, rtc->cmos, sizeof(rtc->cmos));
	pthread_mutex_unlock(&rtc->lock);
}
