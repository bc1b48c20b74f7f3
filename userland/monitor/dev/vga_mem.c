// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's ways into video memory that exit: the window at 0xa0000 with its
 * planes, latches and write modes, and BAR 0 where no slot backs it. IBM PS/2
 * Hardware Interface Technical Reference, "Video Subsystem", "Graphics
 * Controller". On vCPU threads; vga.lock is held over each access.
 */
#include <string.h>

#include "vga_private.h"

#define MISC_RAM_ENABLE 0x02
#define SEQ_EXTENDED 0x02 /* more than 64 KiB */
#define SEQ_NO_ODD_EVEN 0x04
#define SEQ_CHAIN4 0x08
#define GFX_READ_MODE1 0x08
#define GFX_ODD_EVEN 0x10

void vga_touch_locked(struct vga *vga, uint32_t offset, uint32_t size)
{
	uint32_t last = (offset + size - 1) / VRAM_PAGE;

	for (uint32_t page = offset / VRAM_PAGE; page <= last && page < VRAM_PAGES; page++)
		vga->written[page / 64] |= 1ull << (page % 64);
}

/* ---- the window ---- */

/* Which address of which planes a byte of the window is. */
struct place {
	uint32_t address;	/* of each plane */
	uint8_t planes;		/* that a write reaches, before the map mask */
	uint8_t read_plane;
};

static bool window_offset(const struct vga_regs *r, uint32_t at, uint32_t *ret_offset)
{
	static const struct {
		uint32_t base, size;
	} maps[4] = {
		{ 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 },
	};
	unsigned int map = r->gfx[6] >> 2 & 3;

	if (!(r->misc & MISC_RAM_ENABLE) || at < maps[map].base ||
	    at - maps[map].base >= maps[map].size)
		return false;
	*ret_offset = at - maps[map].base;
	return true;
}

static bool find_place(const struct vga_regs *r, uint32_t at, struct place *ret_place)
{
	uint32_t bank = vga_dispi_on(r) ? (uint32_t)r->dispi[DISPI_BANK] << 16 : 0;
	uint32_t offset;
	struct place p;

	if (!window_offset(r, at, &offset))
		return false;
	offset += bank;
	if (r->seq[4] & SEQ_CHAIN4)
		p = (struct place){ offset >> 2, 1 << (offset & 3), offset & 3 };
	else if (r->gfx[5] & GFX_ODD_EVEN)
		p = (struct place){ offset >> 1, 0x5 << (offset & 1),
				    (r->gfx[4] & 2) | (offset & 1) };
	else
		p = (struct place){ offset, 0xf, r->gfx[4] & 3 };
	if (p.address >= VGA_VRAM_SIZE / 4)
		return false;
	*ret_place = p;
	return true;
}

/* Read mode 1: a bit is set where all planes that are cared for match. */
static uint8_t compare_colour(const struct vga_regs *r)
{
	uint8_t match = 0xff;

	for (unsigned int p = 0; p < 4; p++) {
		uint8_t wanted = r->gfx[2] >> p & 1 ? 0xff : 0;

		if (r->gfx[7] >> p & 1)
			match &= ~(r->latch[p] ^ wanted);
	}
	return match;
}

static uint8_t read_byte(struct vga *vga, uint32_t at)
{
	struct vga_regs *r = &vga->r;
	struct place place;

	if (!find_place(r, at, &place))
		return 0xff;
	memcpy(r->latch, vga->vram + 4 * place.address, 4);
	if (r->gfx[5] & GFX_READ_MODE1)
		return compare_colour(r);
	return r->latch[place.read_plane];
}

static uint8_t rotate(uint8_t value, unsigned int count)
{
	return (uint8_t)(value >> count | value << (8 - count));
}

static uint8_t combine(uint8_t function, uint8_t value, uint8_t latch)
{
	switch (function) {
	case 1:
		return value & latch;
	case 2:
		return value | latch;
	case 3:
		return value ^ latch;
	}
	return value;
}

/* What a write of `value` leaves in one plane. */
static uint8_t plane_value(const struct vga_regs *r, unsigned int p, uint8_t value)
{
	uint8_t latch = r->latch[p], mask = r->gfx[8];
	uint8_t rotated = rotate(value, r->gfx[3] & 7);
	uint8_t set = r->gfx[0] >> p & 1 ? 0xff : 0;

	switch (r->gfx[5] & 3) {
	case 0:
		value = r->gfx[1] >> p & 1 ? set : rotated;
		break;
	case 1:
		return latch;
	case 2:
		value = value >> p & 1 ? 0xff : 0;
		break;
	case 3:
		value = set;
		mask &= rotated;
		break;
	}
	value = combine(r->gfx[3] >> 3 & 3, value, latch);
	return (value & mask) | (latch & ~mask);
}

static void write_byte(struct vga *vga, uint32_t at, uint8_t value)
{
	struct vga_regs *r = &vga->r;
	struct place place;
	uint8_t planes;

	if (!find_place(r, at, &place))
		return;
	planes = place.planes & r->seq[2];
	for (unsigned int p = 0; p < 4; p++)
		if (planes >> p & 1)
			vga->vram[4 * place.address + p] = plane_value(r, p, value);
	if (planes)
		vga_touch_locked(vga, 4 * place.address, 4);
}

static uint64_t window_read(void *dev, uint64_t offset, unsigned int size)
{
	struct vga *vga = dev;
	uint64_t value = 0;

	pthread_mutex_lock(&vga->lock);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)read_byte(vga, (uint32_t)offset + i) << (8 * i);
	pthread_mutex_unlock(&vga->lock);
	return value;
}

static void window_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct vga *vga = dev;

	pthread_mutex_lock(&vga->lock);
	for (unsigned int i = 0; i < size; i++)
		write_byte(vga, (uint32_t)offset + i, (uint8_t)(value >> (8 * i)));
	pthread_mutex_unlock(&vga->lock);
}

const struct bus_ops vga_window_ops = {
	.read = window_read,
	.write = window_write,
};

/* ---- BAR 0 without a slot ---- */

static uint64_t vram_read(void *dev, uint64_t offset, unsigned int size)
{
	struct vga *vga = dev;
	uint64_t value = 0;

	if (size > 8 || offset > VGA_VRAM_SIZE - size)
		return UINT64_MAX;
	memcpy(&value, vga->vram + offset, size);
	return value;
}

static void vram_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct vga *vga = dev;

	if (size > 8 || offset > VGA_VRAM_SIZE - size)
		return;
	pthread_mutex_lock(&vga->lock);
	memcpy(vga->vram + offset, &value, size);
	vga_touch_locked(vga, (uint32_t)offset, size);
	pthread_mutex_unlock(&vga->lock);
}

const struct bus_ops vga_vram_ops = {
	.read = vram_read,
	.write = vram_write,
};
