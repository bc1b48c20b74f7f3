// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registers of the IBM VGA at 0x3b0-0x3df: sequencer, CRT controller,
 * graphics and attribute controllers, DAC. IBM PS/2 Hardware Interface
 * Technical Reference, "Video Subsystem". Called by vga.c and vga_pci.c on vCPU
 * threads with vga.lock held.
 */
#include <string.h>

#include "vga_private.h"

#define MISC_COLOUR 0x01 /* CRTC at 0x3dx, else at 0x3bx */
#define CRTC_PROTECT 0x80 /* in register 0x11: registers 0-7 are read-only */
#define ATTR_SHOWN 0x20 /* palette belongs to the display */
#define RETRACE_DISABLED 0x01
#define RETRACE_VERTICAL 0x08
#define FRAME_NS (1000000000ull / 70)

static const uint8_t seq_mask[SEQ_COUNT] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t gfx_mask[GFX_COUNT] = {
	0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff,
};
static const uint8_t attr_mask[ATTR_COUNT] = {
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
	0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

void vga_regs_reset(struct vga_regs *r)
{
	memset(r, 0, sizeof(*r));
	r->dac_mask = 0xff;
	r->gfx[8] = 0xff;
	r->dispi[DISPI_ID] = 0xb0c5;
	r->dispi[DISPI_VIDEO_MEMORY_64K] = VGA_VRAM_SIZE >> 16;
}

/* The vertical retrace follows the time; each read sees another part of a line. */
static uint8_t read_status1(struct vga *vga)
{
	uint64_t phase = vga_now(vga) % FRAME_NS;
	struct vga_regs *r = &vga->r;

	r->attr_data = 0;
	r->retrace ^= RETRACE_DISABLED;
	if (phase > FRAME_NS - FRAME_NS / 16)
		return RETRACE_VERTICAL | RETRACE_DISABLED;
	return r->retrace & RETRACE_DISABLED;
}

/* ---- DAC ---- */

static uint8_t read_dac(struct vga_regs *r)
{
	uint8_t value = r->dac[3 * r->dac_read + r->dac_part];

	if (++r->dac_part == 3) {
		r->dac_part = 0;
		r->dac_read++;
	}
	return value;
}

static void write_dac(struct vga *vga, uint8_t value)
{
	struct vga_regs *r = &vga->r;

	r->dac_latch[r->dac_part] = r->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC ? value : value & 0x3f;
	if (++r->dac_part < 3)
		return;
	r->dac_part = 0;
	memcpy(&r->dac[3 * r->dac_write], r->dac_latch, 3);
	r->dac_write++;
	vga->changed = true;
}

/* ---- indexed registers ---- */

static void write_attr(struct vga *vga, uint8_t value)
{
	struct vga_regs *r = &vga->r;
	uint8_t index = r->attr_index & 0x1f;

	r->attr_data ^= 1;
	vga->changed = true;
	if (r->attr_data)
		r->attr_index = value & 0x3f;
	else if (index < 16 ? !(r->attr_index & ATTR_SHOWN) : index < ATTR_COUNT)
		r->attr[index] = value & attr_mask[index];
}

static void write_crtc(struct vga *vga, uint8_t value)
{
	struct vga_regs *r = &vga->r;
	uint8_t index = r->crtc_index;

	if (index >= CRTC_COUNT)
		return;
	if (index < 8 && r->crtc[0x11] & CRTC_PROTECT) {
		if (index != 7)
			return;
		/* Of the overflow register the bit of line compare stays writable. */
		value = (r->crtc[7] & ~0x10) | (value & 0x10);
	}
	r->crtc[index] = value;
	vga->changed = true;
}

static void write_seq(struct vga *vga, uint8_t value)
{
	struct vga_regs *r = &vga->r;

	if (r->seq_index >= SEQ_COUNT)
		return;
	value &= seq_mask[r->seq_index];
	/* The map mask, which planar drawing changes all the time, is not seen. */
	if (r->seq_index != 2 && r->seq[r->seq_index] != value)
		vga->changed = true;
	r->seq[r->seq_index] = value;
}

static void write_gfx(struct vga *vga, uint8_t value)
{
	struct vga_regs *r = &vga->r;

	if (r->gfx_index >= GFX_COUNT)
		return;
	value &= gfx_mask[r->gfx_index];
	if ((r->gfx_index == 5 || r->gfx_index == 6) && r->gfx[r->gfx_index] != value)
		vga->changed = true;
	r->gfx[r->gfx_index] = value;
}

static uint8_t indexed(const uint8_t *table, unsigned int count, uint8_t index)
{
	return index < count ? table[index] : 0;
}

/* ---- ports ---- */

/* Ports of the CRTC's group are where misc says: the others do not answer. */
static bool answers(const struct vga_regs *r, unsigned int port)
{
	if (port >= 0x3c0 && port < 0x3d0)
		return true;
	return !(r->misc & MISC_COLOUR) == (port < 0x3c0);
}

static uint8_t read_crtc_group(struct vga *vga, unsigned int low)
{
	struct vga_regs *r = &vga->r;

	switch (low) {
	case 0x0: case 0x2: case 0x4: case 0x6:
		return r->crtc_index;
	case 0x1: case 0x3: case 0x5: case 0x7:
		return indexed(r->crtc, CRTC_COUNT, r->crtc_index);
	case 0xa:
		return read_status1(vga);
	}
	return 0xff;
}

uint8_t vga_port_read_locked(struct vga *vga, unsigned int port)
{
	struct vga_regs *r = &vga->r;

	if (!answers(r, port))
		return 0xff;
	switch (port) {
	case 0x3c0:
		return r->attr_data ? 0 : r->attr_index;
	case 0x3c1:
		return indexed(r->attr, ATTR_COUNT, r->attr_index & 0x1f);
	case 0x3c2: /* input status 0: the monitor's switch is sensed */
		return 0x10;
	case 0x3c4:
		return r->seq_index;
	case 0x3c5:
		return indexed(r->seq, SEQ_COUNT, r->seq_index);
	case 0x3c6:
		return r->dac_mask;
	case 0x3c7:
		return r->dac_state;
	case 0x3c8:
		return r->dac_write;
	case 0x3c9:
		return read_dac(r);
	case 0x3ca:
		return r->feature;
	case 0x3cc:
		return r->misc;
	case 0x3ce:
		return r->gfx_index;
	case 0x3cf:
		return indexed(r->gfx, GFX_COUNT, r->gfx_index);
	}
	return port < 0x3c0 || port >= 0x3d0 ? read_crtc_group(vga, port & 0xf) : 0xff;
}

static void write_crtc_group(struct vga *vga, unsigned int low, uint8_t value)
{
	switch (low) {
	case 0x0: case 0x2: case 0x4: case 0x6:
		vga->r.crtc_index = value & 0x1f;
		break;
	case 0x1: case 0x3: case 0x5: case 0x7:
		write_crtc(vga, value);
		break;
	case 0xa:
		vga->r.feature = value & 0x10;
		break;
	}
}

static void write_dac_port(struct vga *vga, unsigned int port, uint8_t value)
{
	struct vga_regs *r = &vga->r;

	switch (port) {
	case 0x3c6:
		r->dac_mask = value;
		vga->changed = true;
		break;
	case 0x3c7:
		r->dac_read = value;
		r->dac_part = 0;
		r->dac_state = 3;
		break;
	case 0x3c8:
		r->dac_write = value;
		r->dac_part = 0;
		r->dac_state = 0;
		break;
	case 0x3c9:
		write_dac(vga, value);
		break;
	}
}

void vga_port_write_locked(struct vga *vga, unsigned int port, uint8_t value)
{
	struct vga_regs *r = &vga->r;

	if (!answers(r, port))
		return;
	switch (port) {
	case 0x3c0:
		write_attr(vga, value);
		return;
	case 0x3c2:
		r->misc = value & ~0x10;
		vga->changed = true;
		return;
	case 0x3c4:
		r->seq_index = value & 7;
		return;
	case 0x3c5:
		write_seq(vga, value);
		return;
	case 0x3c6: case 0x3c7: case 0x3c8: case 0x3c9:
		write_dac_port(vga, port, value);
		return;
	case 0x3ce:
		r->gfx_index = value & 0xf;
		return;
	case 0x3cf:
		write_gfx(vga, value);
		return;
	}
	if (port < 0x3c0 || port >= 0x3d0)
		write_crtc_group(vga, port & 0xf, value);
}
