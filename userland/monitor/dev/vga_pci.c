// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VGA as a PCI function: video memory in BAR 0, registers in BAR 2 with
 * EDID, VGA ports, dispi and byte order. The page of registers is the one of
 * QEMU's stdvga (its "standard-vga" specification); EDID is VESA's E-EDID 1.4.
 * BAR hooks run with the PCI host's lock held; accesses take vga.lock.
 */
#include <string.h>

#include "vga_private.h"

#define VENDOR_ID 0x1234
#define DEVICE_ID 0x1111
#define SUBSYSTEM_VENDOR 0x1af4
#define SUBSYSTEM_ID 0x1100
#define CLASS_VGA 0x030000
#define REVISION_WITH_REGISTERS 2

#define EDID_SIZE 128
#define AT_PORTS 0x400 /* of 0x3c0 */
#define AT_DISPI 0x500
#define AT_EXTENDED 0x600
#define EXTENDED_SIZE 8u
#define LITTLE_ENDIAN_WORD 0x1e1e1e1eu
#define BIG_ENDIAN_WORD 0xbebebebeu

/* ---- EDID ---- */

/* 1024x768 at 60 Hz, the timing of VESA's DMT; then range limits and the name. */
static const uint8_t edid[EDID_SIZE - 1] = {
	0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
	0x0a, 0x8e, 0x01, 0x00, 0, 0, 0, 0,	/* "BTN", product 1 */
	0, 34, 0x01, 0x04,			/* 2024, EDID 1.4 */
	0xa5, 26, 20, 120, 0x06,		/* digital, 8 bits; cm; gamma 2.2; sRGB */
	0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54,
	0x21, 0x08, 0x00,			/* 640x480, 800x600, 1024x768 at 60 */
	0x81, 0x80, 0xa9, 0x40, 0xd1, 0xc0, 0x01, 0x01,	/* 1280x1024, 1600x1200, 1920x1080 */
	0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
	0x64, 0x19, 0x00, 0x40, 0x41, 0x00, 0x26, 0x30, 0x18, 0x88, 0x36, 0x00,
	0x04, 0xc8, 0x00, 0x00, 0x00, 0x18,
	0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 30, 0x01, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
	0, 0, 0, 0xfc, 0, 'B', 'a', 't', 'o', 'n', 0x0a, ' ', ' ', ' ', ' ', ' ', ' ', ' ',
	0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0,
};

static uint8_t edid_byte(uint32_t at)
{
	uint8_t sum = 0;

	if (at < EDID_SIZE - 1)
		return edid[at];
	for (unsigned int i = 0; i < EDID_SIZE - 1; i++)
		sum += edid[i];
	return at == EDID_SIZE - 1 ? (uint8_t)-sum : 0;
}

/* ---- BAR 2 ---- */

static uint64_t read_dispi_locked(struct vga *vga, uint32_t index)
{
	uint16_t keep = vga->r.dispi_index;
	uint16_t value;

	vga->r.dispi_index = (uint16_t)index;
	value = vga_dispi_read_locked(vga);
	vga->r.dispi_index = keep;
	return value;
}

static void write_dispi_locked(struct vga *vga, uint32_t index, uint16_t value)
{
	uint16_t keep = vga->r.dispi_index;

	vga->r.dispi_index = (uint16_t)index;
	vga_dispi_write_locked(vga, value);
	vga->r.dispi_index = keep;
}

static uint8_t read_byte_locked(struct vga *vga, uint32_t at)
{
	if (at < EDID_SIZE)
		return edid_byte(at);
	if (at >= AT_PORTS && at < AT_PORTS + 0x20)
		return vga_port_read_locked(vga, 0x3c0 + at - AT_PORTS);
	if (at >= AT_DISPI && at < AT_DISPI + 2 * DISPI_COUNT)
		return (uint8_t)(read_dispi_locked(vga, (at - AT_DISPI) / 2) >> (at & 1 ? 8 : 0));
	if (at >= AT_EXTENDED && at < AT_EXTENDED + 4)
		return at == AT_EXTENDED ? EXTENDED_SIZE : 0;
	if (at >= AT_EXTENDED + 4 && at < AT_EXTENDED + 8)
		return vga->r.big_endian ? BIG_ENDIAN_WORD & 0xff : LITTLE_ENDIAN_WORD & 0xff;
	return 0;
}

static uint64_t registers_read(void *dev, uint64_t offset, unsigned int size)
{
	struct vga *vga = dev;
	uint64_t value = 0;

	pthread_mutex_lock(&vga->lock);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)read_byte_locked(vga, (uint32_t)offset + i) << (8 * i);
	pthread_mutex_unlock(&vga->lock);
	return value;
}

static void write_endian_locked(struct vga *vga, uint64_t value)
{
	if (value != LITTLE_ENDIAN_WORD && value != BIG_ENDIAN_WORD)
		return;
	vga->r.big_endian = value == BIG_ENDIAN_WORD;
	vga->changed = true;
}

/* Words of dispi are written whole, or not at all. */
static void write_locked(struct vga *vga, uint32_t at, unsigned int size, uint64_t value)
{
	if (at >= AT_PORTS && at < AT_PORTS + 0x20) {
		for (unsigned int i = 0; i < size && at + i < AT_PORTS + 0x20; i++)
			vga_port_write_locked(vga, 0x3c0 + at + i - AT_PORTS,
					      (uint8_t)(value >> (8 * i)));
	} else if (at >= AT_DISPI && at < AT_DISPI + 2 * DISPI_COUNT && !(at & 1)) {
		for (unsigned int i = 0; i + 2 <= size; i += 2)
			write_dispi_locked(vga, (at + i - AT_DISPI) / 2,
					   (uint16_t)(value >> (8 * i)));
	} else if (at == AT_EXTENDED + 4 && size == 4) {
		write_endian_locked(vga, value);
	}
}

static void registers_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct vga *vga = dev;

	pthread_mutex_lock(&vga->lock);
	write_locked(vga, (uint32_t)offset, size, value);
	pthread_mutex_unlock(&vga->lock);
}

const struct bus_ops vga_registers_ops = {
	.read = registers_read,
	.write = registers_write,
};

/* ---- the function ---- */

static void bar_mapped(void *dev, unsigned int bar, uint64_t address, bool mapped)
{
	struct vga *vga = dev;

	if (bar == 0 && vga->config.vram_mapped)
		vga->config.vram_mapped(vga->config.ctx, address, mapped);
}

static void reset_hook(void *dev)
{
	vga_reset(dev);
}

void vga_pci_config(struct pci_function_config *ret_config)
{
	*ret_config = (struct pci_function_config){
		.name = "vga",
		.vendor_id = VENDOR_ID,
		.device_id = DEVICE_ID,
		.subsystem_vendor_id = SUBSYSTEM_VENDOR,
		.subsystem_id = SUBSYSTEM_ID,
		.class_code = CLASS_VGA,
		.revision = REVISION_WITH_REGISTERS,
		.bar[0] = { .size = VGA_VRAM_SIZE, .prefetchable = true, .ops = &vga_vram_ops },
		.bar[2] = { .size = VGA_REGISTERS_SIZE, .ops = &vga_registers_ops },
		.bar_mapped = bar_mapped,
		.reset = reset_hook,
	};
}
