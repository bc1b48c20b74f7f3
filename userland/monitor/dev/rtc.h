/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real-time clock and CMOS memory: MC146818 with 128 bytes, as in the ICH9. The time is
 * the host's UTC plus an offset that the guest's setting of the clock changes.
 * Motorola MC146818A data sheet; ICH9 data sheet, "Real-Time Clock Registers".
 */
#ifndef BATON_DEV_RTC_H
#define BATON_DEV_RTC_H

#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"

#define RTC_BASE 0x70u
#define RTC_PORTS 2u
#define RTC_CMOS_SIZE 128u
#define RTC_CENTURY 0x32u	/* CMOS index, also for ACPI */

struct rtc;

/* What a reset, and power off, leave as it is: the battery's part. */
struct rtc_kept {
	int64_t offset_s;	/* guest's time less the host's */
	uint8_t cmos[RTC_CMOS_SIZE];
};

struct rtc_config {
	struct clock_source clock;	/* UTC, ns since 1970 */
	struct clock_timer timer;
	struct irq_line irq;
	const struct rtc_kept *kept;	/* NULL: as new */
};

struct rtc *rtc_create(const struct rtc_config *config);
void rtc_destroy(struct rtc *rtc);	/* NULL is fine */
/* The timer has fired. Any thread. */
void rtc_expired(struct rtc *rtc);
/* A byte of CMOS memory (from 0x0e on), for the board. Before vCPUs run. */
void rtc_set_cmos(struct rtc *rtc, uint8_t index, uint8_t value);
void rtc_keep(struct rtc *rtc, struct rtc_kept *ret_kept);

extern const struct bus_ops rtc_bus_ops;
extern const struct state_field rtc_fields[];
extern const size_t rtc_field_count;

#endif
