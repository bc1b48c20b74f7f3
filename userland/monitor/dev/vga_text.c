// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One scan line of a text mode: characters in plane 0, attributes in plane 1,
 * fonts in plane 2. IBM PS/2 Hardware Interface Technical Reference, "Video
 * Subsystem", "Alphanumeric Modes". Called by vga_draw.c with display.lock held.
 */
#include "vga_private.h"

#define VRAM_MASK 0x3ffffu /* 64 KiB in each of four planes */
#define ATTR_MONO 0x02
#define ATTR_LINE_GRAPHICS 0x04
#define ATTR_BLINK 0x08
#define ROW_MARGIN 32

/* Where the font begins in plane 2; bit 3 of the attribute chooses between two. */
static uint32_t font_base(const struct vga_regs *r, bool second)
{
	uint8_t map = r->seq[3];
	uint32_t low = second ? map >> 2 & 3 : map & 3;
	uint32_t high = second ? map >> 5 & 1 : map >> 4 & 1;

	return low * 0x4000 + high * 0x2000;
}

static bool cursor_here(const struct vga *vga, uint32_t cell, uint32_t scan)
{
	const uint8_t *c = vga->shown.crtc;

	return vga->blink & 1 && !(c[0xa] & 0x20) && cell == (uint32_t)(c[0xe] << 8 | c[0xf]) &&
	       scan >= (c[0xa] & 0x1fu) && scan <= (c[0xb] & 0x1fu);
}

/* The dots of a cell in this scan line, the leftmost in bit 8. */
static uint32_t cell_dots(const struct vga *vga, const uint8_t *cell, uint32_t scan, bool nine)
{
	const struct vga_regs *r = &vga->shown;
	uint32_t font = font_base(r, cell[1] & 8);
	uint32_t bits = vga->vram[4 * (font + cell[0] * 32u + scan) + 2];
	bool continued = r->attr[0x10] & ATTR_LINE_GRAPHICS && cell[0] >= 0xc0 && cell[0] < 0xe0;

	if (r->attr[0x10] & ATTR_BLINK && cell[1] & 0x80 && !(vga->blink & 2))
		return 0;
	if (r->attr[0x10] & ATTR_MONO && (cell[1] & 0x77) == 0x01 &&
	    scan == (r->crtc[0x14] & 0x1fu))
		return 0x1ff;
	return bits << 1 | (nine && continued ? bits & 1 : 0);
}

static uint32_t *put_cell(struct vga *vga, const struct vga_frame *f, uint32_t at, uint32_t scan,
			  uint32_t *to)
{
	const struct vga_regs *r = &vga->shown;
	const uint8_t *memory = vga->vram + (at & VRAM_MASK);
	uint8_t cell[2] = { memory[0], memory[1] };
	uint8_t back_mask = r->attr[0x10] & ATTR_BLINK ? 7 : 15;
	uint32_t fore = vga->palette[cell[1] & 0xf];
	uint32_t back = vga->palette[cell[1] >> 4 & back_mask];
	uint32_t bits = cell_dots(vga, cell, scan, f->dots == 9);

	if (cursor_here(vga, (at & VRAM_MASK) / 4, scan))
		bits = 0x1ff;
	for (uint32_t i = 0; i < f->dots; i++)
		for (uint32_t n = 0; n < f->scale; n++)
			*to++ = bits >> (8 - i) & 1 ? fore : back;
	return to;
}

void vga_text_row(struct vga *vga, const struct vga_frame *f, uint32_t y)
{
	struct vga_line line = vga_find_line(&vga->shown, f, y);
	uint32_t pan = f->dots == 9 ? (line.pan >= 8 ? 0 : line.pan + 1) : line.pan & 7;
	uint32_t *to = vga->row + ROW_MARGIN - pan * f->scale;

	for (uint32_t i = 0; i < f->columns + (pan ? 1 : 0); i++)
		to = put_cell(vga, f, line.at + 4 * i, line.scan, to);
}
