// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Power management and reset ports: any accesses while time passes. The
 * SCI is up only with SCI_EN, and only S5 with SLP_EN turns the machine off.
 */
#include "fuzz.h"

#include "dev/ich9_pm.h"
#include "dev/reset_ports.h"
#include "fake_clock.h"

static void take_request(void *ctx, enum machine_end how)
{
	(void)ctx;
	FUZZ_CHECK(how == MACHINE_POWEROFF || how == MACHINE_RESET);
}

struct devices {
	struct fake_clock clock;
	struct fake_line sci;
	struct ich9_pm *pm;
	struct reset_ports ports;
};

static void step(struct devices *d, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);
	unsigned int size = 1u << (what >> 3 & 3);

	switch (what & 7) {
	case 0:
		ich9_pm_bus_ops.write(d->pm, arg & 0x7f, size, fuzz_u64(f));
		break;
	case 1:
		ich9_pm_bus_ops.read(d->pm, arg & 0x7f, size);
		break;
	case 2:
		ich9_apm_bus_ops.write(d->pm, what >> 5 & 1, size, arg);
		break;
	case 3:
		fake_clock_run(&d->clock, d->clock.now + ((uint64_t)arg << 24), 100);
		break;
	case 5:
		ich9_pm_power_button(d->pm);
		break;
	default:
		reset_control_bus_ops.write(&d->ports, 0, size, arg);
		reset_port92_bus_ops.write(&d->ports, 0, size, arg);
	}
	if (d->sci.level)
		FUZZ_CHECK(ich9_pm_bus_ops.read(d->pm, 4, 2) & 1);
}

static void on_timer(void *dev)
{
	ich9_pm_expired(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct devices d = { .ports = { .request = take_request } };
	struct ich9_pm_config config = { fake_clock_source(&d.clock), fake_timer(&d.clock),
					 fake_irq_line(&d.sci), take_request, NULL };
	struct fuzz f = { data, size };

	d.pm = ich9_pm_create(&config);
	d.clock.expired = on_timer;
	d.clock.dev = d.pm;
	while (f.left)
		step(&d, &f);
	ich9_pm_destroy(d.pm);
	return 0;
}
