// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One scan line of a graphics mode: planes shifted out in the three ways of the
 * VGA, and the linear depths of VBE. IBM PS/2 Hardware Interface Technical
 * Reference, "Video Subsystem", "Graphics Controller", "Mode Register". Called
 * by vga_draw.c with display.lock held.
 */
#include "vga_private.h"

#define ROW_MARGIN 32
#define LEGACY_MASK 0x3ffffu
#define GFX_INTERLEAVED 0x20 /* two bits a pixel, as the CGA had them */
#define GFX_256 0x40

/* ---- planes ---- */

static uint32_t *put(uint32_t *to, uint32_t colour, uint32_t count)
{
	while (count--)
		*to++ = colour;
	return to;
}

static uint32_t *put_planar(const struct vga *vga, const uint8_t *p, uint32_t scale, uint32_t *to)
{
	for (int bit = 7; bit >= 0; bit--) {
		unsigned int index = (p[0] >> bit & 1) | (p[1] >> bit & 1) << 1 |
				     (p[2] >> bit & 1) << 2 | (p[3] >> bit & 1) << 3;

		to = put(to, vga->palette[index], scale);
	}
	return to;
}

static uint32_t *put_interleaved(const struct vga *vga, const uint8_t *p, uint32_t scale,
				 uint32_t *to)
{
	for (int half = 0; half < 2; half++)
		for (int shift = 6; shift >= 0; shift -= 2)
			to = put(to, vga->palette[(p[half] >> shift & 3) |
						  (p[half + 2] >> shift & 3) << 2], scale);
	return to;
}

static uint32_t *put_bytes(const struct vga *vga, const uint8_t *p, uint32_t scale, uint32_t *to)
{
	for (int i = 0; i < 4; i++)
		to = put(to, vga->palette[p[i]], 2 * scale);
	return to;
}

/*
 * Modes of the CGA keep odd lines elsewhere: scan line bits replace address
 * bits 13 and 14, in word mode as the CRTC counts one less.
 */
static uint32_t fold(const struct vga_regs *r, uint32_t at, uint32_t scan)
{
	uint8_t mode = r->crtc[0x17];
	unsigned int low = 14 + (mode >> 6 & 1);

	if (!(mode & 1))
		at = (at & ~(1u << low)) | (scan & 1) << low;
	if (!(mode & 2))
		at = (at & ~(2u << low)) | (scan & 2) << low;
	return at;
}

void vga_planar_row(struct vga *vga, const struct vga_frame *f, uint32_t y)
{
	const struct vga_regs *r = &vga->shown;
	struct vga_line line = vga_find_line(r, f, y);
	bool vbe = vga_dispi_on(r);
	uint32_t mask = vbe ? VGA_VRAM_SIZE - 1 : LEGACY_MASK;
	uint32_t pan = r->gfx[5] & GFX_256 ? line.pan & 6 : line.pan & 7;
	uint32_t *to = vga->row + ROW_MARGIN - pan * f->scale;

	for (uint32_t i = 0; i < f->columns + (pan ? 1 : 0); i++) {
		uint32_t at = line.at + 4 * i;
		const uint8_t *p = vga->vram + ((vbe ? at : fold(r, at, line.scan)) & mask & ~3u);

		if (vbe || !(r->gfx[5] & (GFX_256 | GFX_INTERLEAVED)))
			to = put_planar(vga, p, f->scale, to);
		else if (r->gfx[5] & GFX_256)
			to = put_bytes(vga, p, f->scale, to);
		else
			to = put_interleaved(vga, p, f->scale, to);
	}
}

/* ---- linear ---- */

static uint32_t from_fields(uint32_t v, unsigned int green_bits)
{
	uint32_t r = v >> (5 + green_bits) & 0x1f, b = v & 0x1f;
	uint32_t g = v >> 5 & ((1u << green_bits) - 1);

	g = g << (8 - green_bits) | g >> (2 * green_bits - 8);
	return (r << 3 | r >> 2) << 16 | g << 8 | (b << 3 | b >> 2);
}

static uint32_t get16(const uint8_t *p, bool big)
{
	return big ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]);
}

static uint32_t get24(const uint8_t *p, bool big)
{
	return big ? (uint32_t)(p[0] << 16 | p[1] << 8 | p[2]) :
		     (uint32_t)(p[2] << 16 | p[1] << 8 | p[0]);
}

void vga_linear_row(struct vga *vga, const struct vga_frame *f, uint32_t y)
{
	const struct vga_regs *r = &vga->shown;
	const uint8_t *p = vga->vram + f->start + (size_t)y * f->pitch;
	uint32_t *to = vga->row + ROW_MARGIN;
	bool big = r->big_endian;

	switch (r->dispi[DISPI_BPP]) {
	case 8:
		for (uint32_t i = 0; i < f->width; i++)
			to[i] = vga->palette[p[i]];
		break;
	case 15:
		for (uint32_t i = 0; i < f->width; i++)
			to[i] = from_fields(get16(p + 2 * i, big), 5);
		break;
	case 16:
		for (uint32_t i = 0; i < f->width; i++)
			to[i] = from_fields(get16(p + 2 * i, big), 6);
		break;
	case 24:
		for (uint32_t i = 0; i < f->width; i++)
			to[i] = get24(p + 3 * i, big);
		break;
	case 32:
		for (uint32_t i = 0; i < f->width; i++)
			to[i] = get24(p + 4 * i + (big ? 1 : 0), big);
		break;
	}
}
