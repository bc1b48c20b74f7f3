/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three byte registers: see acpi_pm.h. No lock: each is a byte on its own, and
 * the request ends the machine.
 */
#include "acpi_pm.h"

#define SLEEP_TYPE_SHIFT 2
#define SLEEP_TYPE_MASK	7u
#define SLEEP_ENABLE	0x20u

enum { SLEEP_CONTROL, SLEEP_STATUS, RESET };

const struct state_field acpi_pm_fields[] = {
	STATE_FIELD(struct acpi_pm, sleep_control),
	STATE_FIELD(struct acpi_pm, post_code),
};
const size_t acpi_pm_field_count = sizeof(acpi_pm_fields) / sizeof(acpi_pm_fields[0]);

static uint8_t read_register(const struct acpi_pm *pm, uint64_t reg)
{
	/* SLP_EN reads as zero; wake status: it never wakes */
	return reg == SLEEP_CONTROL ? pm->sleep_control & ~SLEEP_ENABLE : 0;
}

static void write_sleep_control(struct acpi_pm *pm, uint8_t value)
{
	pm->sleep_control = value;
	if (value & SLEEP_ENABLE &&
	    (value >> SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK) == ACPI_PM_S5_TYPE)
		pm->request(pm->ctx, MACHINE_POWEROFF);
}

static void write_register(struct acpi_pm *pm, uint64_t reg, uint8_t value)
{
	if (reg == SLEEP_CONTROL)
		write_sleep_control(pm, value);
	else if (reg == RESET && value == ACPI_PM_RESET_VALUE)
		pm->request(pm->ctx, MACHINE_RESET);
}

static uint64_t acpi_pm_read(void *dev, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)read_register(dev, offset + i) << (8 * i);
	return value;
}

static void acpi_pm_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i < size; i++)
		write_register(dev, offset + i, (uint8_t)(value >> (8 * i)));
}

static uint64_t port80_read(void *dev, uint64_t offset, unsigned int size)
{
	const struct acpi_pm *pm = dev;

	(void)offset, (void)size;
	return pm->post_code;
}

static void port80_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct acpi_pm *pm = dev;

	(void)offset, (void)size;
	pm->post_code = (uint8_t)value;
}

const struct bus_ops acpi_pm_bus_ops = { .read = acpi_pm_read, .write = acpi_pm_write };
const struct bus_ops port80_bus_ops = { .read = port80_read, .write = port80_write };
