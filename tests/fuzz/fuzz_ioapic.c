// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * I/O APIC: register accesses, lines and EOIs in any order. Its messages are
 * ones that a local APIC takes, a level that waits for nothing has been sent, and edges
 * are sent when they come or never.
 */
#include "fuzz.h"

#include "dev/ioapic.h"

#define SELECT 0x00
#define WINDOW 0x10
#define RTE_DELIVERY 0x700ull
#define RTE_EXTINT 0x700ull
#define RTE_REMOTE_IRR (1ull << 14)
#define RTE_LEVEL (1ull << 15)
#define RTE_MASKED (1ull << 16)

static uint32_t lines;
static unsigned int sent;
static bool rising;		/* a line is being raised */

static void take_message(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	FUZZ_CHECK(address >> 20 == 0xfee && !(address & 3));
	FUZZ_CHECK((data & RTE_DELIVERY) != RTE_EXTINT && !(data & ~0xc7ffu));
	FUZZ_CHECK(!(data & RTE_LEVEL) == !(data & 1 << 14));
	FUZZ_CHECK(data & RTE_LEVEL || rising);
	sent++;
}

static void take_route(void *ctx, unsigned int pin, uint64_t address, uint32_t data, bool level)
{
	(void)ctx, (void)data, (void)level;
	FUZZ_CHECK(pin < IOAPIC_PINS && address >> 20 == 0xfee);
}

static uint32_t read_index(struct ioapic *ioapic, uint32_t index)
{
	ioapic_bus_ops.write(ioapic, SELECT, 4, index);
	return (uint32_t)ioapic_bus_ops.read(ioapic, WINDOW, 4);
}

static void check_pin(struct ioapic *ioapic, unsigned int pin)
{
	uint64_t entry = read_index(ioapic, 0x10 + 2 * pin) |
			 (uint64_t)read_index(ioapic, 0x11 + 2 * pin) << 32;
	bool waits = entry & RTE_MASKED || (entry & RTE_DELIVERY) == RTE_EXTINT;

	FUZZ_CHECK(entry & RTE_LEVEL || !(entry & RTE_REMOTE_IRR));
	if (entry & RTE_LEVEL && lines >> pin & 1 && !waits)
		FUZZ_CHECK(entry & RTE_REMOTE_IRR);
}

static void check_state(struct ioapic *ioapic)
{
	uint32_t select = (uint32_t)ioapic_bus_ops.read(ioapic, SELECT, 4);

	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		check_pin(ioapic, pin);
	ioapic_bus_ops.write(ioapic, SELECT, 4, select);
}

static void set_line(struct ioapic *ioapic, unsigned int pin, bool level)
{
	unsigned int before = sent;

	rising = level;
	ioapic_set(ioapic, pin, level);
	rising = false;
	if (pin >= IOAPIC_PINS)
		return;
	/* A line that goes down, or that does not change, sends nothing. */
	if (!level || lines >> pin & 1)
		FUZZ_CHECK(sent == before);
	lines = level ? lines | 1u << pin : lines & ~(1u << pin);
}

static void step(struct ioapic *ioapic, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);

	switch (what & 7) {
	case 0:
	case 1:
		set_line(ioapic, arg & 0x1f, arg & 0x80);
		break;
	case 2:
		ioapic_eoi(ioapic, arg);
		break;
	case 3: /* an entry's half, as drivers write it */
		ioapic_bus_ops.write(ioapic, SELECT, 4, 0x10 + arg % 0x32);
		ioapic_bus_ops.write(ioapic, WINDOW, 4, fuzz_u32(f));
		break;
	case 4:
		ioapic_bus_ops.write(ioapic, arg, 1u << (what >> 3 & 3), fuzz_u32(f));
		break;
	case 5:
		ioapic_bus_ops.read(ioapic, arg, 1u << (what >> 3 & 3));
		break;
	case 6:
		ioapic_refresh(ioapic);
		break;
	}
	check_state(ioapic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ioapic_config config = { .msi = { take_message, NULL }, .route = take_route };
	struct ioapic *ioapic = ioapic_create(&config);
	struct fuzz f = { data, size };

	lines = 0;
	while (f.left)
		step(ioapic, &f);
	ioapic_destroy(ioapic);
	return 0;
}
