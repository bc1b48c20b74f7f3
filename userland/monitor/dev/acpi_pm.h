/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power-off and reset as hardware-reduced ACPI has them (ACPI specification,
 * "Sleep Control and Status Registers", "Reset Register"), and the port that
 * BIOS codes go to.
 */
#ifndef BATON_DEV_ACPI_PM_H
#define BATON_DEV_ACPI_PM_H

#include "core/machine.h"

#define ACPI_PM_BASE	0x600u
#define ACPI_PM_PORTS	4u
#define ACPI_PM_SLEEP_CONTROL (ACPI_PM_BASE + 0)
#define ACPI_PM_SLEEP_STATUS  (ACPI_PM_BASE + 1)
#define ACPI_PM_RESET	(ACPI_PM_BASE + 2)
#define ACPI_PM_RESET_VALUE 1u
#define ACPI_PM_S5_TYPE	5u

#define PORT80_BASE	0x80u

struct acpi_pm {
	/* asked by the guest; called on a vCPU's thread */
	void (*request)(void *ctx, enum machine_end how);
	void *ctx;
	uint8_t sleep_control;
	uint8_t post_code;	/* last write to port 0x80 */
};

extern const struct bus_ops acpi_pm_bus_ops, port80_bus_ops;
extern const struct state_field acpi_pm_fields[];
extern const size_t acpi_pm_field_count;

#endif
