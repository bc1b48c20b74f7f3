// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PCI host as a guest sees it: enumeration, BAR sizing and moving, command
 * register, both front doors, functions of a slot, MSI, MSI-X masking, pending bits and
 * irqfd binding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "virtio_driver.h"

#define VECTORS 3

struct fake {
	struct test_machine *t;
	struct pci_function *fn;
	unsigned int slot;
	uint64_t last_write;
	int mapped[PCI_BARS];
	uint64_t mapped_at[PCI_BARS];
	bool master;
	unsigned int resets;
	/* irqfd */
	int bound_fd[VECTORS + 1]; /* by data */
	int irqfd_error;
	/* window */
	uint64_t window_offset;
};

static uint64_t fake_read(void *dev, uint64_t offset, unsigned int size)
{
	(void)dev, (void)size;
	return 0xa0 + offset;
}

static void fake_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct fake *fake = dev;

	(void)size;
	fake->last_write = offset << 32 | value;
}

static const struct bus_ops fake_ops = { fake_read, fake_write };

static void fake_mapped(void *dev, unsigned int bar, uint64_t address, bool mapped)
{
	struct fake *fake = dev;

	fake->mapped[bar] += mapped ? 1 : -1;
	fake->mapped_at[bar] = address;
}

static void fake_master(void *dev, bool on)
{
	((struct fake *)dev)->master = on;
}

static void fake_reset(void *dev)
{
	((struct fake *)dev)->resets++;
}

static int fake_irqfd(void *dev, int fd, uint64_t address, uint32_t data, bool on)
{
	struct fake *fake = dev;

	assert_int_equal(address, MSI_ADDRESS);
	assert_true(data <= VECTORS);
	if (fake->irqfd_error)
		return fake->irqfd_error;
	assert_int_equal(fake->bound_fd[data], on ? -1 : fd);
	fake->bound_fd[data] = on ? fd : -1;
	return 0;
}

static struct pci_function_config fake_config(void)
{
	return (struct pci_function_config){
		.name = "fake",
		.vendor_id = 0x1234, .device_id = 0x5678,
		.subsystem_vendor_id = 0x9abc, .subsystem_id = 0xdef0,
		.class_code = 0x112233, .revision = 7,
		.msix_vectors = VECTORS, .msix_bar = 4,
		.bar = {
			[0] = { .size = 0x1000, .ops = &fake_ops },
			[1] = { .size = 0x20, .io = true, .ops = &fake_ops },
			[2] = { .size = 0x100000, .is64 = true, .ops = &fake_ops },
		},
		.bar_mapped = fake_mapped, .bus_master = fake_master, .reset = fake_reset,
	};
}

static struct fake *plug_with(const struct pci_function_config *config)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	fake->t = test_machine_create();
	for (unsigned int i = 0; i <= VECTORS; i++)
		fake->bound_fd[i] = -1;
	assert_int_equal(pci_add(fake->t->m.pci, config, fake, &fake->fn), 0);
	fake->slot = pci_slot(fake->fn);
	return fake;
}

static int plug(void **state)
{
	struct pci_function_config config = fake_config();

	*state = plug_with(&config);
	return 0;
}

static int plug_irqfd(void **state)
{
	struct pci_function_config config = fake_config();

	config.irqfd = fake_irqfd;
	*state = plug_with(&config);
	return 0;
}

static int unplug(void **state)
{
	struct fake *fake = *state;

	test_machine_destroy(fake->t);
	free(fake);
	return 0;
}

static uint32_t rd(struct fake *f, unsigned int offset, unsigned int size)
{
	return cfg_read(f->t, f->slot, offset, size);
}

static void wr(struct fake *f, unsigned int offset, unsigned int size, uint32_t value)
{
	cfg_write(f->t, f->slot, offset, size, value);
}

static void test_header(void **state)
{
	struct fake *f = *state;

	assert_int_equal(cfg_read(f->t, 0, 0, 4), 0x00081b36);
	assert_int_equal(cfg_read(f->t, 0, PCI_CLASS_REVISION, 4), 0x06000000);
	assert_int_equal(rd(f, 0, 4), 0x56781234);
	assert_int_equal(rd(f, PCI_CLASS_REVISION, 4), 0x11223307);
	assert_int_equal(rd(f, PCI_SUBSYSTEM_VENDOR_ID, 4), 0xdef09abc);
	assert_int_equal(bus_read(f->t->m.mmio, TEST_ECAM + (f->slot << 15) + 0x28, 8),
			 0xdef09abc00000000ull);
	wr(f, 0, 4, 0); /* read-only */
	assert_int_equal(rd(f, 0, 4), 0x56781234);
	assert_int_equal(rd(f, 0x100, 4), 0); /* no extended capabilities */
	assert_int_equal(rd(f, 0xfe, 4), 0);
	assert_int_equal(cfg_read(f->t, f->slot, 0x1000, 4), 0xffffffff); /* function 1 */
	assert_int_equal(cfg_read(f->t, f->slot + 1, 0, 2), 0xffff);
}

static void test_bar_sizing(void **state)
{
	struct fake *f = *state;
	static const struct { unsigned int bar; uint32_t mask; } row[] = {
		{ 0, 0xfffff000 }, { 1, 0xffffffe1 }, { 2, 0xfff00004 }, { 3, 0xffffffff },
		{ 4, 0xfffff000 }, { 5, 0 },
	};

	for (unsigned int i = 0; i < 6; i++) {
		unsigned int at = PCI_BASE_ADDRESS_0 + 4 * row[i].bar;
		uint32_t before = rd(f, at, 4);

		wr(f, at, 4, 0xffffffff);
		assert_int_equal(rd(f, at, 4), row[i].mask);
		wr(f, at, 4, before);
		assert_int_equal(rd(f, at, 4), before);
	}
	wr(f, PCI_ROM_ADDRESS, 4, 0xffffffff);
	assert_int_equal(rd(f, PCI_ROM_ADDRESS, 4), 0);
}

static void test_decode_and_move(void **state)
{
	struct fake *f = *state;
	uint64_t at = cfg_bar(f->t, f->slot, 0), port = cfg_bar(f->t, f->slot, 1);

	assert_int_equal(bus_read(f->t->m.mmio, at, 4), 0xffffffff);
	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(bus_read(f->t->m.mmio, at + 4, 4), 0xa4);
	assert_int_equal(bus_read(f->t->m.pio, port, 1), 0xff);
	wr(f, PCI_COMMAND, 1, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	bus_write(f->t->m.pio, port + 8, 2, 0x55);
	assert_int_equal(f->last_write, 8ull << 32 | 0x55);
	assert_int_equal(f->mapped_at[1], port);

	wr(f, PCI_BASE_ADDRESS_0, 4, 0xd0800000); /* while decoding */
	assert_int_equal(bus_read(f->t->m.mmio, at, 4), 0xffffffff);
	assert_int_equal(bus_read(f->t->m.mmio, 0xd0800008, 4), 0xa8);
	assert_int_equal(pci_bar_address(f->fn, 0), 0xd0800000);
	wr(f, PCI_BASE_ADDRESS_2, 4, 0);
	wr(f, PCI_BASE_ADDRESS_3, 4, 0x10);
	assert_int_equal(bus_read(f->t->m.mmio, 0x1000000000ull, 4), 0xa0);
	wr(f, PCI_COMMAND, 2, 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(f->mapped[i], 0);
}

/* On something else, at zero, past the end: not mapped, and back without harm. */
static void test_bar_in_the_way(void **state)
{
	struct fake *f = *state;
	uint64_t at = cfg_bar(f->t, f->slot, 0);

	wr(f, PCI_COMMAND, 2, 7);
	wr(f, PCI_BASE_ADDRESS_0, 4, TEST_ECAM);
	assert_int_equal(f->mapped[0], 0);
	assert_int_equal(rd(f, 0, 4), 0x56781234);
	wr(f, PCI_BASE_ADDRESS_0, 4, 0);
	assert_int_equal(f->mapped[0], 0);
	wr(f, PCI_BASE_ADDRESS_1, 4, 0xfffffff0);
	assert_int_equal(f->mapped[1], 0);
	wr(f, PCI_BASE_ADDRESS_0, 4, (uint32_t)cfg_bar(f->t, f->slot, 2));
	assert_int_equal(f->mapped[0], 0); /* BAR 2 is there … */
	wr(f, PCI_BASE_ADDRESS_3, 4, 1);
	assert_int_equal(f->mapped[0], 1); /* … until it leaves */
	wr(f, PCI_BASE_ADDRESS_0, 4, (uint32_t)at);
	assert_int_equal(f->mapped[0], 1);
}

static void test_bad_configs(void **state)
{
	struct fake *f = *state;
	struct pci_function *fn;
	struct pci_function_config c = fake_config();

	c.bar[0].size = 0x1800;
	assert_int_equal(pci_add(f->t->m.pci, &c, f, &fn), -EINVAL);
	c = fake_config();
	c.bar[3].size = 0x1000; /* the upper half of BAR 2 */
	assert_int_equal(pci_add(f->t->m.pci, &c, f, &fn), -EINVAL);
	c = fake_config();
	c.msix_bar = 0;
	assert_int_equal(pci_add(f->t->m.pci, &c, f, &fn), -EINVAL);
	c = fake_config();
	c.bar[0].size = 32u << 20;
	assert_int_equal(pci_add(f->t->m.pci, &c, f, &fn), -ENOSPC);
	c.bar[0].size = 0x1000;
	for (unsigned int i = 0; i < 30 - f->slot + 1; i++) {
		c.bar[2].size = 0;
		assert_int_equal(pci_add(f->t->m.pci, &c, f, &fn), 0);
	}
	assert_int_equal(pci_add(f->t->m.pci, &c, f, &fn), -ENOSPC);
	pci_remove(fn);
	assert_int_equal(pci_add(f->t->m.pci, &c, f, &fn), 0);
}

static void test_bus_master(void **state)
{
	struct fake *f = *state;

	assert_false(pci_bus_master(f->fn));
	wr(f, PCI_COMMAND, 1, PCI_COMMAND_MASTER);
	assert_true(f->master && pci_bus_master(f->fn));
	wr(f, PCI_COMMAND + 1, 1, 0xff);
	assert_true(f->master);
	assert_int_equal(rd(f, PCI_COMMAND, 2), 0x404);
	wr(f, PCI_COMMAND, 2, 0);
	assert_false(f->master || pci_bus_master(f->fn));
}

static unsigned int find_capability(struct fake *f, uint8_t id)
{
	unsigned int at = rd(f, PCI_CAPABILITY_LIST, 1);

	while (at && rd(f, at, 1) != id)
		at = rd(f, at + 1, 1);
	return at;
}

static uint64_t window_read(void *dev, uint64_t offset, unsigned int size)
{
	(void)dev;
	return offset * 0x10 + size;
}

static void window_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)size, (void)value;
	((struct fake *)dev)->window_offset = offset;
}

static void test_capabilities(void **state)
{
	static const struct bus_ops ops = { window_read, window_write };
	struct fake *f = *state;
	uint8_t body[30] = { 1, 2, 3 };
	int at = pci_add_capability(f->fn, 9, body, 20), second;

	assert_true(at >= 0x40 && at % 4 == 0);
	second = pci_add_capability(f->fn, 9, body, 7);
	assert_int_equal(second, at + 20);
	assert_int_equal(rd(f, PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	assert_int_equal(find_capability(f, 9), at);
	assert_int_equal(rd(f, (unsigned int)at + 1, 1), second);
	assert_int_equal(rd(f, (unsigned int)at, 4), 0x02010009 | second << 8);
	wr(f, (unsigned int)at, 4, 0);
	assert_int_equal(rd(f, (unsigned int)at, 1), 9);

	pci_set_config_window(f->fn, (uint8_t)(at + 4), 16, &ops);
	assert_int_equal(rd(f, (unsigned int)at + 8, 2), 0x42);
	wr(f, (unsigned int)at + 16, 4, 1);
	assert_int_equal(f->window_offset, 12);
	assert_int_equal(rd(f, (unsigned int)at + 2, 4) & 0xffff, 0x0201); /* half in: bytes */
	while (at >= 0)
		at = pci_add_capability(f->fn, 9, body, 30);
	assert_int_equal(at, -ENOSPC);
}

static void test_ports(void **state)
{
	struct bus *pio = bus_create();
	struct pci_host_config config = { .pio = pio };
	struct pci_host *host;

	(void)state;
	assert_int_equal(pci_host_create(&config, &host), 0);
	bus_write(pio, 0xcf8, 4, 0x80000000);
	assert_int_equal(bus_read(pio, 0xcf8, 4), 0x80000000);
	assert_int_equal(bus_read(pio, 0xcfc, 4), 0x00081b36);
	assert_int_equal(bus_read(pio, 0xcfe, 2), 0x0008);
	assert_int_equal(bus_read(pio, 0xcfd, 1), 0x1b);
	bus_write(pio, 0xcf8, 2, 0); /* not a dword: no effect on the latch */
	bus_write(pio, 0xcf9, 1, 6);
	assert_int_equal(bus_read(pio, 0xcf8, 4), 0x80000000);
	bus_write(pio, 0xcf8, 4, 0x80010000); /* bus 1 */
	assert_int_equal(bus_read(pio, 0xcfc, 4), 0xffffffff);
	bus_write(pio, 0xcf8, 4, 0); /* off */
	assert_int_equal(bus_read(pio, 0xcfc, 4), 0xffffffff);
	bus_write(pio, 0xcf8, 4, 0x8000003c);
	bus_write(pio, 0xcfc, 1, 0x0b);
	assert_int_equal(bus_read(pio, 0xcfc, 4), 0x0b);
	assert_int_equal(pci_host_create(&config, &host), -EEXIST);
	pci_host_destroy(host);
	bus_destroy(pio);
}

/* ---- MSI-X ---- */

static uint64_t msix_on(struct fake *f)
{
	uint64_t table = cfg_bar(f->t, f->slot, 4);

	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	wr(f, find_capability(f, PCI_CAP_ID_MSIX) + 2, 2, PCI_MSIX_FLAGS_ENABLE);
	for (unsigned int i = 0; i < VECTORS; i++) {
		bus_write(f->t->m.mmio, table + 16 * i, 4, MSI_ADDRESS | 3);
		bus_write(f->t->m.mmio, table + 16 * i + 4, 4, 0);
		bus_write(f->t->m.mmio, table + 16 * i + 8, 4, i + 1);
	}
	return table;
}

static void mask(struct fake *f, uint64_t table, unsigned int vector, uint32_t on)
{
	bus_write(f->t->m.mmio, table + 16 * vector + 12, 4, on);
}

static void test_msix_registers(void **state)
{
	struct fake *f = *state;
	unsigned int at = find_capability(f, PCI_CAP_ID_MSIX);
	uint64_t table = msix_on(f);

	assert_int_equal(rd(f, at + 2, 2), PCI_MSIX_FLAGS_ENABLE | (VECTORS - 1));
	assert_int_equal(rd(f, at + 4, 4), 4);
	assert_int_equal(rd(f, at + 8, 4), 0x804);
	assert_int_equal(bus_read(f->t->m.mmio, table, 8), MSI_ADDRESS);
	assert_int_equal(bus_read(f->t->m.mmio, table + 24, 8), 1ull << 32 | 2);
	bus_write(f->t->m.mmio, table + 12, 4, 0xfffffffe);
	assert_int_equal(bus_read(f->t->m.mmio, table + 12, 4), 0);
	bus_write(f->t->m.mmio, table + 8, 2, 0x77); /* no such access */
	assert_int_equal(bus_read(f->t->m.mmio, table + 8, 4), 1);
	assert_int_equal(bus_read(f->t->m.mmio, table + 16 * VECTORS, 4), 0);
	bus_write(f->t->m.mmio, table + 16 * VECTORS, 4, 1);
	bus_write(f->t->m.mmio, table + 0x800, 4, 1);
	assert_int_equal(bus_read(f->t->m.mmio, table + 0x800, 8), 0);
	assert_int_equal(bus_read(f->t->m.mmio, table + 0xff8, 8), 0);
}

static void test_msix_masking(void **state)
{
	struct fake *f = *state;
	unsigned int at = find_capability(f, PCI_CAP_ID_MSIX);
	uint64_t table;

	pci_msix_send(f->fn, 0); /* MSI-X off: dropped */
	table = msix_on(f);
	pci_msix_send(f->fn, VECTORS);
	pci_msix_send(f->fn, 1);
	assert_int_equal(bus_read(f->t->m.mmio, table + 0x800, 4), 2);
	assert_int_equal(f->t->msi_count[2], 0);
	mask(f, table, 1, 0);
	assert_int_equal(f->t->msi_count[2], 1);
	assert_int_equal(bus_read(f->t->m.mmio, table + 0x800, 4), 0);
	pci_msix_send(f->fn, 1);
	assert_int_equal(f->t->msi_count[2], 2);

	wr(f, at + 2, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_msix_send(f->fn, 1);
	pci_msix_send(f->fn, 1);
	assert_int_equal(f->t->msi_count[2], 2);
	wr(f, at + 2, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(f->t->msi_count[2], 3); /* pending is one bit */

	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pci_msix_send(f->fn, 1);
	assert_int_equal(f->t->msi_count[2], 3);
	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(f->t->msi_count[2], 4);
	assert_int_equal(f->t->msi_count[1], 0);
}

/* A message to anywhere but the APICs is a DMA write, which we do not do. */
static void test_msix_elsewhere(void **state)
{
	struct fake *f = *state;
	uint64_t table = msix_on(f);

	bus_write(f->t->m.mmio, table, 4, 0x1000);
	mask(f, table, 0, 0);
	pci_msix_send(f->fn, 0);
	assert_int_equal(f->bound_fd[1], -1);
	assert_int_equal(f->t->msi_count[1], 0);
}

static uint64_t counter(int fd)
{
	uint64_t value = 0;

	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

static void test_irqfd(void **state)
{
	struct fake *f = *state;
	unsigned int at = find_capability(f, PCI_CAP_ID_MSIX);
	uint64_t table = msix_on(f);
	int fd;

	assert_int_equal(f->bound_fd[1], -1);
	pci_msix_send(f->fn, 0);
	mask(f, table, 0, 0); /* binds, and delivers what was pending */
	fd = f->bound_fd[1];
	assert_true(fd >= 0);
	assert_int_equal(f->t->msi_count[1], 1);
	pci_msix_send(f->fn, 0);
	assert_int_equal(counter(fd), 1);
	assert_int_equal(f->t->msi_count[1], 1);

	bus_write(f->t->m.mmio, table + 8, 4, 3); /* another message: rebound */
	assert_int_equal(f->bound_fd[1], -1);
	assert_int_equal(f->bound_fd[3], fd);
	mask(f, table, 0, 1);
	assert_int_equal(f->bound_fd[3], -1);
	pci_msix_send(f->fn, 0);
	assert_int_equal(counter(fd), 0);
	assert_int_equal(bus_read(f->t->m.mmio, table + 0x800, 4), 1);
	mask(f, table, 0, 0);
	wr(f, at + 2, 2, 0);
	assert_int_equal(f->bound_fd[3], -1);

	f->irqfd_error = -EINVAL; /* the engine refuses: the slow way */
	wr(f, at + 2, 2, PCI_MSIX_FLAGS_ENABLE);
	pci_msix_send(f->fn, 0);
	assert_true(f->t->msi_count[3] >= 1);
	f->irqfd_error = 0;
	pci_host_reset(f->t->m.pci);
	assert_int_equal(f->bound_fd[3], -1);
}

static void test_reset(void **state)
{
	struct fake *f = *state;
	unsigned int at = find_capability(f, PCI_CAP_ID_MSIX);
	uint64_t bar = cfg_bar(f->t, f->slot, 0), table = msix_on(f);

	mask(f, table, 0, 0);
	wr(f, PCI_COMMAND, 2, 7);
	wr(f, PCI_BASE_ADDRESS_0, 4, 0xd0800000);
	wr(f, PCI_INTERRUPT_LINE, 1, 11);
	pci_host_reset(f->t->m.pci);
	assert_int_equal(f->resets, 1);
	assert_false(f->master);
	assert_int_equal(f->mapped[0], 0);
	assert_int_equal(cfg_bar(f->t, f->slot, 0), bar);
	assert_int_equal(rd(f, PCI_COMMAND, 2), 0);
	assert_int_equal(rd(f, PCI_INTERRUPT_LINE, 1), 0);
	assert_int_equal(rd(f, at + 2, 2), VECTORS - 1);
	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(bus_read(f->t->m.mmio, table, 8), 0);
	assert_int_equal(bus_read(f->t->m.mmio, table + 8, 8), 1ull << 32);
}

/* A second function in the slot: found by the header's bit, decoded by itself. */
static void test_functions(void **state)
{
	struct pci_function_config config = fake_config();
	struct fake *f = *state;
	struct pci_function *second, *none;
	unsigned int at = 3u << 12;

	assert_int_equal(rd(f, PCI_HEADER_TYPE, 1), 0);
	config.slot = (uint8_t)f->slot;
	config.function = 3;
	config.device_id = 0x5679;
	config.msix_vectors = 0;
	assert_int_equal(pci_add(f->t->m.pci, &config, f, &second), 0);
	assert_int_equal(pci_slot(second), f->slot);
	assert_int_equal(rd(f, PCI_HEADER_TYPE, 1), 0x80);
	assert_int_equal(rd(f, at + PCI_HEADER_TYPE, 1), 0x80);
	assert_int_equal(rd(f, at + PCI_VENDOR_ID, 4), 0x56791234);
	assert_int_equal(rd(f, (1u << 12) + PCI_VENDOR_ID, 4), UINT32_MAX);
	bus_write(f->t->m.pio, 0xcf8, 4, 1u << 31 | f->slot << 11 | 3 << 8);
	assert_int_equal(bus_read(f->t->m.pio, 0xcfc, 4), 0x56791234);
	assert_int_not_equal(rd(f, at + PCI_BASE_ADDRESS_0, 4), rd(f, PCI_BASE_ADDRESS_0, 4));
	wr(f, at + PCI_COMMAND, 2, 7);
	assert_int_equal(rd(f, PCI_COMMAND, 2), 0);
	pci_host_reset(f->t->m.pci);
	assert_int_equal(rd(f, at + PCI_COMMAND, 2), 0);

	assert_int_equal(pci_add(f->t->m.pci, &config, f, &none), -ENOSPC);
	config.function = 8;
	assert_int_equal(pci_add(f->t->m.pci, &config, f, &none), -EINVAL);
	config.function = 1;
	config.slot = PCI_SLOT_ANY;
	assert_int_equal(pci_add(f->t->m.pci, &config, f, &none), -EINVAL);
	config.slot = 20; /* has no function 0 */
	assert_int_equal(pci_add(f->t->m.pci, &config, f, &none), -EINVAL);
	pci_remove(second);
	assert_int_equal(rd(f, PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(rd(f, at + PCI_VENDOR_ID, 4), UINT32_MAX);
}

static int plug_msi(void **state)
{
	struct pci_function_config config = fake_config();

	config.msix_vectors = 0;
	config.msi = config.intx = true;
	*state = plug_with(&config);
	return 0;
}

static uint32_t sent(struct fake *f, unsigned int data)
{
	pci_msi_send(f->fn);
	return atomic_load(&f->t->msi_count[data]);
}

static void test_one_message(void **state)
{
	struct fake *f = *state;
	unsigned int at = find_capability(f, PCI_CAP_ID_MSI);

	assert_int_not_equal(at, 0);
	wr(f, at, 4, UINT32_MAX); /* one message, 64-bit addresses, no masking */
	assert_int_equal(rd(f, at + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_ENABLE);
	wr(f, at + PCI_MSI_FLAGS, 2, 0);
	wr(f, at + PCI_MSI_ADDRESS_LO, 4, MSI_ADDRESS | 3);
	assert_int_equal(rd(f, at + PCI_MSI_ADDRESS_LO, 4), MSI_ADDRESS);
	wr(f, at + PCI_MSI_ADDRESS_HI, 4, 0);
	wr(f, at + PCI_MSI_DATA_64, 4, 0xffff0005);
	assert_int_equal(rd(f, at + PCI_MSI_DATA_64, 4), 5);

	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(sent(f, 5), 0);
	wr(f, at + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(sent(f, 5), 1);
	wr(f, at + PCI_MSI_DATA_64, 2, 6);
	assert_int_equal(sent(f, 6), 1);
	wr(f, PCI_COMMAND, 2, 0);
	assert_int_equal(sent(f, 6), 1);
	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	wr(f, at + PCI_MSI_ADDRESS_LO, 4, 0x1000); /* RAM: no message */
	assert_int_equal(sent(f, 6), 1);

	pci_host_reset(f->t->m.pci);
	assert_int_equal(rd(f, at + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_64BIT);
	assert_int_equal(rd(f, at + PCI_MSI_ADDRESS_LO, 4), 0);
	assert_int_equal(rd(f, at + PCI_MSI_DATA_64, 2), 0);
}

/* One thread sends while another masks, unmasks and moves: for the sanitizers. */
static void *sender(void *ctx)
{
	struct fake *f = ctx;

	for (unsigned int i = 0; i < 20000; i++)
		pci_msix_send(f->fn, i % VECTORS);
	return NULL;
}

static void test_threads(void **state)
{
	struct fake *f = *state;
	uint64_t table = msix_on(f);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, sender, f), 0);
	for (unsigned int i = 0; i < 2000; i++) {
		mask(f, table, i % VECTORS, i & 1);
		wr(f, PCI_COMMAND, 2, 3 + (i & 4));
		wr(f, PCI_BASE_ADDRESS_0, 4, 0xd0800000 + (i << 12));
		assert_int_equal(bus_read(f->t->m.mmio, 0xd0800000 + (i << 12), 4), 0xa0);
	}
	pthread_join(thread, NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, plug, unplug)
#define T_IRQFD(name) cmocka_unit_test_setup_teardown(name, plug_irqfd, unplug)
	const struct CMUnitTest tests[] = {
		T(test_header), T(test_bar_sizing), T(test_decode_and_move),
		T(test_bar_in_the_way), T(test_bad_configs), T(test_bus_master),
		T(test_capabilities), T(test_ports), T(test_msix_registers),
		T(test_msix_masking), T_IRQFD(test_msix_elsewhere), T_IRQFD(test_irqfd),
		T(test_reset), T_IRQFD(test_reset), T(test_threads), T_IRQFD(test_threads),
		T(test_functions),
		cmocka_unit_test_setup_teardown(test_one_message, plug_msi, unplug),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
