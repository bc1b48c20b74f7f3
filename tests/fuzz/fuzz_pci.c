// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PCI host with two functions: configuration space through ECAM, BARs that
 * move, MSI-X tables, messages and resets in any order. The second function
 * has irqfds, which are bound at most once at a time.
 */
#include "fuzz.h"

#include "virtio_driver.h"

#define VECTORS 3
#define FUNCTIONS 2

struct device {
	struct pci_function *fn;
	bool mapped[PCI_BARS];
	uint64_t address[PCI_BARS];
	int bound[VECTORS];	/* descriptors, 0: none */
	bool master;
};

static struct device devices[FUNCTIONS];

static uint64_t dev_read(void *dev, uint64_t offset, unsigned int size)
{
	(void)dev, (void)size;
	return offset;
}

static void dev_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)dev, (void)value;
	FUZZ_CHECK(offset + size <= 0x4000);
}

static const struct bus_ops dev_ops = { dev_read, dev_write };

static void dev_mapped(void *dev, unsigned int bar, uint64_t address, bool mapped)
{
	struct device *d = dev;

	FUZZ_CHECK(d->mapped[bar] != mapped);
	FUZZ_CHECK(mapped || d->address[bar] == address);
	d->mapped[bar] = mapped;
	d->address[bar] = address;
}

static void dev_master(void *dev, bool on)
{
	((struct device *)dev)->master = on;
}

static int dev_irqfd(void *dev, int fd, uint64_t address, uint32_t data, bool on)
{
	struct device *d = dev;
	unsigned int i;

	(void)address, (void)data;
	for (i = 0; i < VECTORS && d->bound[i] != (on ? 0 : fd); i++)
		;
	FUZZ_CHECK(i < VECTORS);
	d->bound[i] = on ? fd : 0;
	return 0;
}

static void plug(struct test_machine *t)
{
	struct pci_function_config config = {
		.name = "fuzz", .vendor_id = 0x1234, .device_id = 0x5678,
		.class_code = 0x112233, .msi = true, .intx = true,
		.msix_vectors = VECTORS, .msix_bar = 4,
		.bar = {
			[0] = { .size = 0x1000, .ops = &dev_ops },
			[1] = { .size = 0x20, .io = true, .ops = &dev_ops },
			[2] = { .size = 0x4000, .is64 = true, .ops = &dev_ops },
		},
		.bar_mapped = dev_mapped, .bus_master = dev_master,
	};

	memset(devices, 0, sizeof(devices));
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		if (pci_add(t->m.pci, &config, &devices[i], &devices[i].fn))
			abort();
		config.irqfd = dev_irqfd;
	}
}

/* Somewhere on the buses, likely where a BAR or a window is. */
static uint64_t somewhere(struct test_machine *t, struct fuzz *f)
{
	uint8_t where = fuzz_u8(f);
	uint16_t offset = fuzz_u16(f);

	if (where & 0x80)
		return TEST_ECAM + ((uint64_t)(where & 0x1f) << 15) + (offset & 0x7fff);
	if (where & 0x40)
		return TEST_MMIO32 + ((uint64_t)where << 16) + offset;
	return cfg_bar(t, 1 + (where & 1), (where >> 1) % PCI_BARS) + (offset & 0xff);
}

static void check_function(struct test_machine *t, const struct device *d)
{
	unsigned int slot = pci_slot(d->fn);
	uint16_t command = (uint16_t)cfg_read(t, slot, PCI_COMMAND, 2);

	FUZZ_CHECK(cfg_read(t, slot, PCI_VENDOR_ID, 4) == 0x56781234);
	FUZZ_CHECK(d->master == !!(command & PCI_COMMAND_MASTER));
	FUZZ_CHECK(pci_bus_master(d->fn) == d->master);
	for (unsigned int bar = 0; bar < PCI_BARS; bar++)
		if (d->mapped[bar])
			FUZZ_CHECK(command & (bar == 1 ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY));
}

static void step(struct test_machine *t, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f);
	unsigned int size = 1u << (what >> 3 & 3), slot = 1 + (what >> 5 & 1);

	switch (what & 7) {
	case 0:
		cfg_read(t, slot, fuzz_u8(f), size);
		break;
	case 1:
	case 2:
		cfg_write(t, slot, fuzz_u8(f), size, fuzz_u32(f));
		break;
	case 3:
		bus_read(t->m.mmio, somewhere(t, f), size);
		break;
	case 4:
		bus_write(t->m.mmio, somewhere(t, f), size, fuzz_u64(f));
		break;
	case 5:
		bus_write(t->m.pio, fuzz_u16(f), size < 4 ? size : 4, fuzz_u32(f));
		break;
	case 6:
		pci_msix_send(devices[slot - 1].fn, fuzz_u8(f) % (VECTORS + 1));
		pci_intx_set(devices[slot - 1].fn, what & 8);
		pci_msi_send(devices[slot - 1].fn);
		break;
	case 7:
		if (what == 0xff)
			pci_host_reset(t->m.pci);
		break;
	}
	for (unsigned int i = 0; i < FUNCTIONS; i++)
		check_function(t, &devices[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_machine *t = test_machine_create();
	struct fuzz f = { data, size };

	plug(t);
	while (f.left)
		step(t, &f);
	test_machine_destroy(t);
	return 0;
}
