/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See reset_ports.h. */
#include "reset_ports.h"

#define RST_CPU		0x04u	/* resets when it becomes 1 */
#define CONTROL_BITS	0x0eu
#define FAST_RESET	0x01u
#define A20		0x02u

const struct state_field reset_ports_fields[] = {
	STATE_FIELD(struct reset_ports, control),
};
const size_t reset_ports_field_count = sizeof(reset_ports_fields) / sizeof(reset_ports_fields[0]);

static uint64_t control_read(void *dev, uint64_t offset, unsigned int size)
{
	const struct reset_ports *ports = dev;

	(void)offset, (void)size;
	return ports->control;
}

static void control_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct reset_ports *ports = dev;
	bool reset = value & RST_CPU && !(ports->control & RST_CPU);

	(void)offset, (void)size;
	ports->control = value & CONTROL_BITS;
	if (reset)
		ports->request(ports->ctx, MACHINE_RESET);
}

static uint64_t port92_read(void *dev, uint64_t offset, unsigned int size)
{
	(void)dev, (void)offset, (void)size;
	return A20;
}

static void port92_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct reset_ports *ports = dev;

	(void)offset, (void)size;
	if (value & FAST_RESET)
		ports->request(ports->ctx, MACHINE_RESET);
}

const struct bus_ops reset_control_bus_ops = { .read = control_read, .write = control_write };
const struct bus_ops reset_port92_bus_ops = { .read = port92_read, .write = port92_write };
