// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The test devices by the buses, as a guest reaches them: what is kept is a copy of what
 * was written, the end and interrupts come for their one kind of access, and RAM keeps
 * its contents whatever page is flushed.
 */
#include "fuzz.h"

#include "dev/test_devices.h"

#define RAM (1u << 20)

static struct guest_memory *memory;
static unsigned int ends, gsis;

static void on_end(void *ctx, uint8_t status)
{
	(void)ctx;
	FUZZ_CHECK(status & 1);
	ends++;
}

static void on_gsi(void *ctx, unsigned int gsi, bool level)
{
	(void)ctx, (void)level;
	FUZZ_CHECK(gsi < TEST_GSI_PORTS);
	gsis++;
}

/* A range, a place in it that the access may begin at, and a width. */
static const struct {
	uint64_t base, size;
	bool mmio;
} ranges[] = {
	{ TEST_EXIT_PORT, TEST_EXIT_PORTS, false }, { TEST_KEEP_BASE, TEST_KEEP_PORTS, false },
	{ TEST_GSI_BASE, TEST_GSI_PORTS, false }, { TEST_MMIO_BASE, TEST_MMIO_SIZE, true },
};

static void check_write(struct bus *bus, uint64_t at, unsigned int size, uint64_t value)
{
	unsigned int end = ends + (at == TEST_EXIT_PORT);

	bus_write(bus, at, size, value);
	FUZZ_CHECK(ends == end);
	if (size <= 4 && at >= TEST_KEEP_BASE && at + size <= TEST_KEEP_BASE + 4)
		FUZZ_CHECK(!((bus_read(bus, at, size) ^ value) & ((1ull << 8 * size) - 1)));
}

static void run(struct bus *pio, struct bus *mmio, struct fuzz *f)
{
	while (f->left) {
		uint8_t what = fuzz_u8(f), size = (uint8_t)(1u << (what >> 2 & 3));
		struct bus *bus = ranges[what & 3].mmio ? mmio : pio;
		uint64_t at = ranges[what & 3].base + fuzz_u16(f) % ranges[what & 3].size;

		if (bus == pio && size == 8)
			size = 4;
		if (what & 0x80)
			check_write(bus, at, size, fuzz_u64(f));
		else
			bus_read(bus, at, size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_devices_config config = { .end = on_end, .gsi = on_gsi };
	struct bus *pio = bus_create(), *mmio = bus_create();
	struct fuzz f = { data, size };
	struct test_devices *test;

	if (!memory && guest_memory_create(NULL, RAM, &memory))
		abort();
	memset(guest_memory_at(memory, 0, RAM), 0x5a, RAM);
	config.memory = memory;
	test = test_devices_create(&config);
	FUZZ_CHECK(!bus_add(pio, TEST_EXIT_PORT, TEST_EXIT_PORTS, &test_exit_ops, test, "exit") &&
		   !bus_add(pio, TEST_KEEP_BASE, TEST_KEEP_PORTS, &test_keep_ops, test, "keep") &&
		   !bus_add(pio, TEST_GSI_BASE, TEST_GSI_PORTS, &test_gsi_ops, test, "gsi") &&
		   !bus_add(mmio, TEST_MMIO_BASE, TEST_MMIO_SIZE, &test_mmio_ops, test, "mmio"));
	run(pio, mmio, &f);
	for (uint64_t at = 0; at < RAM; at += 4096)
		FUZZ_CHECK(*(uint8_t *)guest_memory_at(memory, at, 1) == 0x5a);
	bus_destroy(pio);
	bus_destroy(mmio);
	test_devices_destroy(test);
	return 0;
}
