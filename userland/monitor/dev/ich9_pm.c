/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See ich9_pm.h. Registers are bytes with, each, bits that can be written and bits that
 * are cleared by writing 1; so any width and order of accesses means the same. The SCI
 * is a level that follows from them. The PM timer is the clock; its status bit changes
 * with bit 31, and a host timer is armed only if that may interrupt.
 */
#include "ich9_pm.h"

#include <pthread.h>
#include <stdlib.h>

#define PORTS		0x80u
#define PM1_STS		0x00
#define PM1_EN		0x02
#define PM1_CNT		0x04
#define PM_TMR		0x08
#define GPE0_STS	0x20
#define GPE0_EN		0x28
#define GPE0_HALF	8u
#define SMI_EN		0x30
#define SMI_STS		0x34

#define TMR_STS		0x0001u
#define PWRBTN_STS	0x0100u
#define PM1_EVENTS	0x0721u	/* timer, global, power and sleep button, RTC */
#define SCI_EN		0x01u
#define SLP_TYP_SHIFT	2	/* within PM1_CNT's second byte */
#define SLP_TYP		0x1cu
#define SLP_EN		0x20u
#define APMC_EN		0x20u
#define TMR_BIT		31

struct ich9_pm {
	struct ich9_pm_config config;
	pthread_mutex_t lock;
	/* all below under the lock */
	uint64_t start;		/* ns: when the timer was 0 */
	uint8_t reg[PORTS];
	uint8_t timer_high;	/* bit 31 as of the last look */
	uint8_t apm[ICH9_APM_PORTS];
};

const struct state_field ich9_pm_fields[] = {
	STATE_FIELD(struct ich9_pm, start),
	STATE_ARRAY(struct ich9_pm, reg),
	STATE_FIELD(struct ich9_pm, timer_high),
	STATE_ARRAY(struct ich9_pm, apm),
};
const size_t ich9_pm_field_count = sizeof(ich9_pm_fields) / sizeof(ich9_pm_fields[0]);

static unsigned int get16(const struct ich9_pm *pm, unsigned int offset)
{
	return pm->reg[offset] | (unsigned int)pm->reg[offset + 1] << 8;
}

static void set16(struct ich9_pm *pm, unsigned int offset, unsigned int bits)
{
	pm->reg[offset] |= (uint8_t)bits;
	pm->reg[offset + 1] |= (uint8_t)(bits >> 8);
}

/* ---- timer and SCI ---- */

static uint32_t timer_value(const struct ich9_pm *pm, uint64_t now)
{
	return (uint32_t)clock_scale(now - pm->start, ICH9_PM_HZ, CLOCK_NS_PER_S);
}

static void arm_locked(struct ich9_pm *pm, uint64_t now)
{
	uint64_t ticks = clock_scale(now - pm->start, ICH9_PM_HZ, CLOCK_NS_PER_S);
	uint64_t change = ((ticks >> TMR_BIT) + 1) << TMR_BIT, after = UINT64_MAX;

	if (get16(pm, PM1_EN) & TMR_STS)
		after = pm->start + clock_scale_up(change, CLOCK_NS_PER_S, ICH9_PM_HZ) - now;
	clock_timer_arm(&pm->config.timer, after);
}

static bool gpe_pending(const struct ich9_pm *pm)
{
	for (unsigned int i = 0; i < GPE0_HALF; i++)
		if (pm->reg[GPE0_STS + i] & pm->reg[GPE0_EN + i])
			return true;
	return false;
}

static void look_at_timer(struct ich9_pm *pm, uint64_t now)
{
	uint8_t high = (uint8_t)(timer_value(pm, now) >> TMR_BIT);

	if (high != pm->timer_high)
		set16(pm, PM1_STS, TMR_STS);
	pm->timer_high = high;
}

static void update_locked(struct ich9_pm *pm)
{
	uint64_t now = clock_now(&pm->config.clock);
	bool sci;

	look_at_timer(pm, now);
	sci = pm->reg[PM1_CNT] & SCI_EN &&
	      ((get16(pm, PM1_STS) & get16(pm, PM1_EN) & PM1_EVENTS) || gpe_pending(pm));
	irq_set(&pm->config.sci, sci);
	arm_locked(pm, now);
}

void ich9_pm_expired(struct ich9_pm *pm)
{
	pthread_mutex_lock(&pm->lock);
	update_locked(pm);
	pthread_mutex_unlock(&pm->lock);
}

bool ich9_pm_power_button(struct ich9_pm *pm)
{
	bool heard;

	pthread_mutex_lock(&pm->lock);
	set16(pm, PM1_STS, PWRBTN_STS);
	heard = pm->reg[PM1_CNT] & SCI_EN && get16(pm, PM1_EN) & PWRBTN_STS;
	update_locked(pm);
	pthread_mutex_unlock(&pm->lock);
	return heard;
}

/* ---- registers ---- */

/* Which bits of a byte are kept as written, and which are cleared by a 1. */
static void byte_kind(unsigned int offset, uint8_t *ret_writable, uint8_t *ret_clear)
{
	*ret_writable = *ret_clear = 0;
	switch (offset) {
	case PM1_STS: *ret_clear = PM1_EVENTS & 0xff; break;
	case PM1_STS + 1: *ret_clear = PM1_EVENTS >> 8; break;
	case PM1_EN: *ret_writable = PM1_EVENTS & 0xff; break;
	case PM1_EN + 1: *ret_writable = PM1_EVENTS >> 8; break;
	case PM1_CNT: *ret_writable = SCI_EN; break;
	case PM1_CNT + 1: *ret_writable = SLP_TYP; break;
	case GPE0_STS ... GPE0_STS + 7: *ret_clear = 0xff; break;
	case GPE0_EN ... GPE0_EN + 7: *ret_writable = 0xff; break;
	case SMI_EN ... SMI_EN + 3: *ret_writable = 0xff; break;
	case SMI_STS ... SMI_STS + 3: *ret_clear = 0xff; break;
	}
}

/* Whether the write asks for power-off. */
static bool write_byte(struct ich9_pm *pm, unsigned int offset, uint8_t value)
{
	uint8_t writable, clear;

	byte_kind(offset, &writable, &clear);
	pm->reg[offset] = (uint8_t)((pm->reg[offset] & ~writable & ~(value & clear)) |
				    (value & writable));
	if (offset == SMI_EN)
		pm->reg[SMI_EN] |= APMC_EN; /* locked, as after firmware's set-up */
	return offset == PM1_CNT + 1 && value & SLP_EN &&
	       (value & SLP_TYP) >> SLP_TYP_SHIFT == ICH9_PM_S5_TYPE;
}

static uint8_t read_byte(const struct ich9_pm *pm, unsigned int offset, uint64_t now)
{
	if (offset - PM_TMR < 4)
		return (uint8_t)(timer_value(pm, now) >> (8 * (offset - PM_TMR)));
	return pm->reg[offset];
}

static uint64_t pm_read(void *dev, uint64_t offset, unsigned int size)
{
	struct ich9_pm *pm = dev;
	uint64_t now = clock_now(&pm->config.clock), value = 0;

	pthread_mutex_lock(&pm->lock);
	look_at_timer(pm, now);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)read_byte(pm, (unsigned int)((offset + i) % PORTS), now)
			 << (8 * i);
	pthread_mutex_unlock(&pm->lock);
	return value;
}

static void pm_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct ich9_pm *pm = dev;
	bool off = false;

	pthread_mutex_lock(&pm->lock);
	look_at_timer(pm, clock_now(&pm->config.clock));
	for (unsigned int i = 0; i < size; i++)
		off |= write_byte(pm, (unsigned int)((offset + i) % PORTS),
				  (uint8_t)(value >> (8 * i)));
	update_locked(pm);
	pthread_mutex_unlock(&pm->lock);
	if (off)
		pm->config.request(pm->config.ctx, MACHINE_POWEROFF);
}

const struct bus_ops ich9_pm_bus_ops = { .read = pm_read, .write = pm_write };

/* ---- APM ports ---- */

static uint64_t apm_read(void *dev, uint64_t offset, unsigned int size)
{
	struct ich9_pm *pm = dev;
	uint64_t value = 0;

	pthread_mutex_lock(&pm->lock);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)pm->apm[(offset + i) % ICH9_APM_PORTS] << (8 * i);
	pthread_mutex_unlock(&pm->lock);
	return value;
}

static void apm_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct ich9_pm *pm = dev;

	pthread_mutex_lock(&pm->lock);
	for (unsigned int i = 0; i < size; i++)
		pm->apm[(offset + i) % ICH9_APM_PORTS] = (uint8_t)(value >> (8 * i));
	if (!offset && (uint8_t)value == ICH9_APM_ACPI_ENABLE)
		pm->reg[PM1_CNT] |= SCI_EN;
	else if (!offset && (uint8_t)value == ICH9_APM_ACPI_DISABLE)
		pm->reg[PM1_CNT] &= (uint8_t)~SCI_EN;
	update_locked(pm);
	pthread_mutex_unlock(&pm->lock);
}

const struct bus_ops ich9_apm_bus_ops = { .read = apm_read, .write = apm_write };

/* ---- create and destroy ---- */

struct ich9_pm *ich9_pm_create(const struct ich9_pm_config *config)
{
	struct ich9_pm *pm = calloc(1, sizeof(*pm));

	if (!pm)
		return NULL;
	pm->config = *config;
	pthread_mutex_init(&pm->lock, NULL);
	pm->start = clock_now(&config->clock);
	pm->reg[SMI_EN] = APMC_EN;
	return pm;
}

void ich9_pm_destroy(struct ich9_pm *pm)
{
	if (!pm)
		return;
	clock_timer_arm(&pm->config.timer, UINT64_MAX);
	pthread_mutex_destroy(&pm->lock);
	free(pm);
}
