// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The Bochs VBE extension, "dispi": a size, a depth and a switch in place of
 * the CRT controller's timing. Interface as documented with Bochs ("VBE Display
 * API") and used by its VGA BIOS. Switching it on corrects what cannot be
 * shown, so that all that follows may trust the numbers. vga.lock is held.
 */
#include <string.h>

#include "vga_private.h"

#define ID_OLDEST 0xb0c0
#define ID_NEWEST 0xb0c5
#define MAX_BPP 32

bool vga_dispi_on(const struct vga_regs *r)
{
	return r->dispi[DISPI_ENABLE] & DISPI_ENABLED;
}

static uint32_t pixels_to_bytes(const struct vga_regs *r, uint32_t pixels)
{
	return r->dispi[DISPI_BPP] == 4 ? pixels / 2 : pixels * ((r->dispi[DISPI_BPP] + 7) / 8);
}

uint32_t vga_dispi_pitch(const struct vga_regs *r)
{
	return pixels_to_bytes(r, r->dispi[DISPI_VIRT_WIDTH]);
}

static uint16_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
	return (uint16_t)(value < low ? low : value > high ? high : value);
}

static void fix_depth(uint16_t *bpp)
{
	switch (*bpp) {
	case 4: case 8: case 15: case 16: case 24: case 32:
		return;
	}
	*bpp = 8;
}

/* After it the visible rectangle lies within video memory. */
static void fix_mode(struct vga_regs *r)
{
	uint16_t *d = r->dispi;
	uint32_t lines;

	fix_depth(&d[DISPI_BPP]);
	d[DISPI_XRES] = clamp(d[DISPI_XRES] & ~7u, 8, DISPLAY_MAX_WIDTH);
	d[DISPI_VIRT_WIDTH] = clamp(d[DISPI_VIRT_WIDTH] & ~7u, d[DISPI_XRES], 0x7ff8);
	lines = (uint32_t)(VGA_VRAM_SIZE / vga_dispi_pitch(r));
	d[DISPI_YRES] = clamp(d[DISPI_YRES], 1, lines < DISPLAY_MAX_HEIGHT ? lines :
			      DISPLAY_MAX_HEIGHT);
	d[DISPI_VIRT_HEIGHT] = clamp(lines, 1, UINT16_MAX);
	d[DISPI_X_OFFSET] = clamp(d[DISPI_X_OFFSET], 0,
				  d[DISPI_VIRT_WIDTH] - d[DISPI_XRES]);
	d[DISPI_Y_OFFSET] = clamp(d[DISPI_Y_OFFSET], 0, lines - d[DISPI_YRES]);
}

/* The window and the controllers as the mode's memory is laid out. */
static void set_registers(struct vga_regs *r)
{
	static const uint8_t gfx[GFX_COUNT] = { 0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff };

	memcpy(r->gfx, gfx, sizeof(r->gfx));
	r->seq[1] &= ~0x08;
	r->seq[2] = 0x0f;
	r->seq[4] = 0x0e;
	if (r->dispi[DISPI_BPP] == 4) {
		r->gfx[5] = 0;
		r->seq[4] = 0x06;
	}
}

static void enable(struct vga *vga, uint16_t value)
{
	struct vga_regs *r = &vga->r;
	bool was_on = vga_dispi_on(r);

	r->dispi[DISPI_ENABLE] = value;
	vga->changed = true;
	if (!(value & DISPI_ENABLED)) {
		r->dispi[DISPI_BANK] = 0;
		return;
	}
	if (!was_on) {
		r->dispi[DISPI_VIRT_WIDTH] = 0;
		r->dispi[DISPI_X_OFFSET] = r->dispi[DISPI_Y_OFFSET] = 0;
		r->dispi[DISPI_BANK] = 0;
	}
	fix_mode(r);
	if (was_on)
		return;
	set_registers(r);
	if (!(value & DISPI_NOCLEAR)) {
		uint32_t size = vga_dispi_pitch(r) * r->dispi[DISPI_YRES];

		memset(vga->vram, 0, size);
		vga_touch_locked(vga, 0, size);
	}
}

uint16_t vga_dispi_read_locked(struct vga *vga)
{
	const struct vga_regs *r = &vga->r;
	static const uint16_t caps[] = {
		[DISPI_XRES] = DISPLAY_MAX_WIDTH,
		[DISPI_YRES] = DISPLAY_MAX_HEIGHT,
		[DISPI_BPP] = MAX_BPP,
	};

	if (r->dispi_index >= DISPI_COUNT)
		return 0;
	if (r->dispi[DISPI_ENABLE] & DISPI_GETCAPS && r->dispi_index >= DISPI_XRES &&
	    r->dispi_index <= DISPI_BPP)
		return caps[r->dispi_index];
	return r->dispi[r->dispi_index];
}

void vga_dispi_write_locked(struct vga *vga, uint16_t value)
{
	struct vga_regs *r = &vga->r;

	switch (r->dispi_index) {
	case DISPI_ID:
		if (value >= ID_OLDEST && value <= ID_NEWEST)
			r->dispi[DISPI_ID] = value;
		return;
	case DISPI_ENABLE:
		enable(vga, value);
		return;
	case DISPI_BANK:
		if (vga_dispi_on(r) && value < VGA_VRAM_SIZE >> 16)
			r->dispi[DISPI_BANK] = value;
		return;
	case DISPI_XRES: case DISPI_YRES: case DISPI_BPP:
		/* A mode is changed while it is off. */
		if (!vga_dispi_on(r))
			r->dispi[r->dispi_index] = value;
		return;
	case DISPI_VIRT_WIDTH: case DISPI_X_OFFSET: case DISPI_Y_OFFSET:
		r->dispi[r->dispi_index] = value;
		if (vga_dispi_on(r))
			fix_mode(r);
		vga->changed = true;
		return;
	}
}
