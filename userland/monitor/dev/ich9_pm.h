/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI power-management ports of an ICH9: PM1, the timer, GPE0, SMI; and the APM
 * ports, through which ACPI mode is switched on. There is no system management mode:
 * what firmware would do in it, these two commands, is done here.
 * Intel I/O Controller Hub 9 data sheet, "Power Management I/O Registers".
 */
#ifndef BATON_DEV_ICH9_PM_H
#define BATON_DEV_ICH9_PM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"

#define ICH9_PM_HZ 3579545u
#define ICH9_PM_S5_TYPE 7u
#define ICH9_PM_SCI 9u		/* ISA interrupt and IOAPIC pin */
#define ICH9_APM_BASE 0xb2u
#define ICH9_APM_PORTS 2u
#define ICH9_APM_ACPI_ENABLE 0x02u
#define ICH9_APM_ACPI_DISABLE 0x03u

struct ich9_pm;

struct ich9_pm_config {
	struct clock_source clock;	/* monotonic */
	struct clock_timer timer;
	struct irq_line sci;		/* a level */
	void (*request)(void *ctx, enum machine_end how);	/* power off */
	void *ctx;
};

struct ich9_pm *ich9_pm_create(const struct ich9_pm_config *config);
void ich9_pm_destroy(struct ich9_pm *pm);	/* NULL is fine */
/* The timer has fired. Any thread. */
void ich9_pm_expired(struct ich9_pm *pm);
/* The power button is pressed. Whether the guest has asked to be told. Any thread. */
bool ich9_pm_power_button(struct ich9_pm *pm);

extern const struct bus_ops ich9_pm_bus_ops, ich9_apm_bus_ops;
extern const struct state_field ich9_pm_fields[];
extern const size_t ich9_pm_field_count;

#endif
