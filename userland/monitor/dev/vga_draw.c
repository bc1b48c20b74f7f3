// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the state of the VGA to the rows of a display. A viewer's thread comes
 * here through display_refresh() with display.lock held; vga.lock is held only
 * to copy the registers. Legacy modes are drawn whole when one of our handlers
 * wrote to memory or registers; of VBE modes the rows on written pages, and
 * where the engine cannot tell which those are, all rows: display_put_row()
 * then finds the difference.
 */
#include <string.h>

#include "vga_private.h"

#define ATTR_SHOWN 0x20
#define SEQ_SCREEN_OFF 0x20
#define SEQ_8_DOTS 0x01
#define SEQ_HALF_CLOCK 0x08
#define GFX_GRAPHICS 0x01
#define ATTR_PAN_ABOVE_SPLIT 0x20
#define ATTR_PALETTE_BITS 0x80
#define BLINK_NS 266000000ull
#define ROW_MARGIN 32 /* before the first visible pixel, for panning */

static bool is_blank(const struct vga_regs *r)
{
	return !(r->attr_index & ATTR_SHOWN) || r->seq[1] & SEQ_SCREEN_OFF;
}

static bool is_text(const struct vga_regs *r)
{
	return !vga_dispi_on(r) && !(r->gfx[6] & GFX_GRAPHICS);
}

static bool is_linear(const struct vga_regs *r)
{
	return vga_dispi_on(r) && r->dispi[DISPI_BPP] != 4;
}

/* ---- colours ---- */

static uint32_t dac_colour(const struct vga_regs *r, uint8_t index)
{
	const uint8_t *dac = &r->dac[3 * (index & r->dac_mask)];
	uint32_t colour = 0;

	for (int i = 0; i < 3; i++) {
		uint8_t c = dac[i];

		if (!(r->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC))
			c = (uint8_t)((c & 0x3f) << 2 | (c & 0x3f) >> 4);
		colour = colour << 8 | c;
	}
	return colour;
}

/* Sixteen colours go through the attribute controller's palette. */
static uint8_t attr_colour(const struct vga_regs *r, uint8_t index)
{
	uint8_t entry = r->attr[index & r->attr[0x12] & 0xf];

	if (r->attr[0x10] & ATTR_PALETTE_BITS)
		return (uint8_t)((entry & 0xf) | (r->attr[0x14] & 0xf) << 4);
	return (uint8_t)((entry & 0x3f) | (r->attr[0x14] & 0xc) << 4);
}

static void set_palette(struct vga *vga)
{
	const struct vga_regs *r = &vga->shown;
	bool direct = is_linear(r) || (!is_text(r) && r->gfx[5] & 0x40);

	for (unsigned int i = 0; i < 256; i++)
		vga->palette[i] = dac_colour(r, direct ? (uint8_t)i : attr_colour(r, i & 0xf));
}

/* ---- geometry ---- */

static void legacy_frame(const struct vga_regs *r, struct vga_frame *f)
{
	const uint8_t *c = r->crtc;

	f->dots = is_text(r) && !(r->seq[1] & SEQ_8_DOTS) ? 9 : 8;
	f->scale = r->seq[1] & SEQ_HALF_CLOCK ? 2 : 1;
	f->columns = c[1] + 1u;
	if (f->columns > DISPLAY_MAX_WIDTH / (f->dots * f->scale))
		f->columns = DISPLAY_MAX_WIDTH / (f->dots * f->scale);
	f->width = f->columns * f->dots * f->scale;
	f->height = (c[0x12] | (c[7] & 0x02u) << 7 | (c[7] & 0x40u) << 3) + 1;
	f->pitch = c[0x13] * 8u;
	f->start = ((c[0xc] << 8 | c[0xd]) + (c[8] >> 5 & 3)) * 4u;
	f->split = c[0x18] | (c[7] & 0x10u) << 4 | (c[9] & 0x40u) << 3;
}

static void dispi_frame(const struct vga_regs *r, struct vga_frame *f)
{
	const uint16_t *d = r->dispi;
	uint32_t x = d[DISPI_X_OFFSET];

	*f = (struct vga_frame){ d[DISPI_XRES], d[DISPI_YRES], 8, d[DISPI_XRES] / 8, 1,
				 vga_dispi_pitch(r), 0, UINT32_MAX };
	x = d[DISPI_BPP] == 4 ? x / 8 * 4 : x * ((d[DISPI_BPP] + 7u) / 8);
	f->start = d[DISPI_Y_OFFSET] * f->pitch + x;
}

struct vga_line vga_find_line(const struct vga_regs *r, const struct vga_frame *f, uint32_t y)
{
	uint32_t rows = (r->crtc[9] & 0x1f) + 1, doubled = r->crtc[9] >> 7;
	bool below = y > f->split;
	struct vga_line line = { .pan = r->attr[0x13] & 0xf };

	if (vga_dispi_on(r))
		return (struct vga_line){ f->start + y * f->pitch, 0, 0, y };
	if (below && r->attr[0x10] & ATTR_PAN_ABOVE_SPLIT)
		line.pan = 0;
	y = below ? (y - f->split - 1) >> doubled : (y >> doubled) + (r->crtc[8] & 0x1f);
	line.row = y / rows;
	line.scan = y % rows;
	line.at = (below ? 0 : f->start) + line.row * f->pitch;
	return line;
}

/* ---- a frame ---- */

/* Takes over what the guest has done since the last frame. */
static void take_state(struct vga *vga)
{
	const struct vram_dirty *dirty = &vga->config.dirty;
	bool known = dirty->get && dirty->get(dirty->ctx, vga->stale, VRAM_PAGES);

	pthread_mutex_lock(&vga->lock);
	vga->shown = vga->r;
	vga->draw_all |= vga->changed;
	vga->changed = false;
	for (unsigned int i = 0; i < VRAM_PAGES / 64; i++)
		vga->stale[i] |= vga->written[i];
	memset(vga->written, 0, sizeof(vga->written));
	pthread_mutex_unlock(&vga->lock);
	if (!known && is_linear(&vga->shown))
		memset(vga->stale, 0xff, sizeof(vga->stale));
}

static bool any_stale(const struct vga *vga, uint32_t from, uint32_t size)
{
	uint32_t last = (from + size - 1) / VRAM_PAGE;

	for (uint32_t page = from / VRAM_PAGE; page <= last && page < VRAM_PAGES; page++)
		if (vga->stale[page / 64] >> (page % 64) & 1)
			return true;
	return false;
}

/* Bit 0: the cursor is shown; bit 1: so are blinking characters, half as fast. */
static void set_blink(struct vga *vga)
{
	uint64_t phase = vga_now(vga) / BLINK_NS;
	uint8_t blink = (uint8_t)((phase & 1) | (phase >> 1 & 1) << 1) ^ 3;

	if (blink != vga->blink && is_text(&vga->shown))
		vga->draw_all = true;
	vga->blink = blink;
}

static void draw_rows(struct vga *vga, struct display *display, const struct vga_frame *f)
{
	const struct vga_regs *r = &vga->shown;
	bool linear = is_linear(r), blank = is_blank(r);
	void (*draw)(struct vga *, const struct vga_frame *, uint32_t) =
		linear ? vga_linear_row : is_text(r) ? vga_text_row : vga_planar_row;
	uint32_t bytes = linear ? f->width * ((r->dispi[DISPI_BPP] + 7u) / 8) : 0;

	if (blank)
		memset(vga->row, 0, sizeof(vga->row));
	for (uint32_t y = 0; y < f->height; y++) {
		if (linear && !vga->draw_all && !any_stale(vga, f->start + y * f->pitch, bytes))
			continue;
		if (!blank)
			draw(vga, f, y);
		display_put_row(display, y, vga->row + ROW_MARGIN);
	}
}

static void render(void *ctx, struct display *display)
{
	struct vga *vga = ctx;
	struct vga_frame frame;
	bool fresh;

	take_state(vga);
	set_blink(vga);
	if (vga_dispi_on(&vga->shown))
		dispi_frame(&vga->shown, &frame);
	else
		legacy_frame(&vga->shown, &frame);
	if (display_resize(display, frame.width, frame.height, &fresh)) {
		vga->draw_all = true;	/* once there is memory */
		return;
	}
	vga->draw_all |= fresh;
	if (!vga->draw_all && !any_stale(vga, 0, VGA_VRAM_SIZE))
		return;
	set_palette(vga);
	draw_rows(vga, display, &frame);
	vga->draw_all = false;
	memset(vga->stale, 0, sizeof(vga->stale));
}

static void watched(void *ctx, bool on)
{
	struct vga *vga = ctx;

	if (vga->config.dirty.get)
		vga->config.dirty.watch(vga->config.dirty.ctx, on);
}

struct display_source vga_display_source(struct vga *vga)
{
	return (struct display_source){ .render = render, .watched = watched, .ctx = vga };
}
