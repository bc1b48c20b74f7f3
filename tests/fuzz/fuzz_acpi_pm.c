// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Power management ports: any accesses, and the machine ends when and only
 * when one of the two magic bytes is written.
 */
#include "fuzz.h"

#include "dev/acpi_pm.h"

#define SLEEP_CONTROL 0
#define RESET 2
#define SLEEP_S5 (0x20 | ACPI_PM_S5_TYPE << 2)

static unsigned int ends[MACHINE_KILLED + 1];

static void take_request(void *ctx, enum machine_end how)
{
	(void)ctx;
	ends[how]++;
}

static void check_write(struct acpi_pm *pm, uint64_t offset, unsigned int size, uint64_t value)
{
	unsigned int offs = ends[MACHINE_POWEROFF], resets = ends[MACHINE_RESET];
	uint8_t bytes[16] = {};

	memcpy(bytes + offset, &value, size);
	acpi_pm_bus_ops.write(pm, offset, size, value);
	if (offset == SLEEP_CONTROL && (bytes[SLEEP_CONTROL] & 0x3c) == SLEEP_S5)
		offs++;
	if (offset <= RESET && offset + size > RESET && bytes[RESET] == ACPI_PM_RESET_VALUE)
		resets++;
	FUZZ_CHECK(ends[MACHINE_POWEROFF] == offs && ends[MACHINE_RESET] == resets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_pm pm = { .request = take_request };
	struct fuzz f = { data, size };

	memset(ends, 0, sizeof(ends));
	while (f.left) {
		uint8_t what = fuzz_u8(&f);
		unsigned int width = 1u << (what >> 2 & 3), offset = what & 3;

		if (what & 0x80) {
			port80_bus_ops.write(&pm, 0, 1, what);
			FUZZ_CHECK(port80_bus_ops.read(&pm, 0, 1) == what);
		} else if (what & 0x40) {
			check_write(&pm, offset, width, fuzz_u64(&f));
		} else {
			acpi_pm_bus_ops.read(&pm, offset, width);
		}
	}
	return 0;
}
