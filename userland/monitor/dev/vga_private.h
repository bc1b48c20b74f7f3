/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the VGA share. Video memory is kept with the four planes
 * side by side: byte 4 * a + p is address a of plane p. Chain-4 memory is then
 * linear, and so is the frame buffer of VBE.
 */
#ifndef BATON_DEV_VGA_PRIVATE_H
#define BATON_DEV_VGA_PRIVATE_H

#include <pthread.h>

#include "dev/vga.h"

#define VRAM_PAGE 4096u
#define VRAM_PAGES (VGA_VRAM_SIZE / VRAM_PAGE)

enum dispi_index {
	DISPI_ID, DISPI_XRES, DISPI_YRES, DISPI_BPP, DISPI_ENABLE, DISPI_BANK,
	DISPI_VIRT_WIDTH, DISPI_VIRT_HEIGHT, DISPI_X_OFFSET, DISPI_Y_OFFSET,
	DISPI_VIDEO_MEMORY_64K, DISPI_COUNT
};
#define DISPI_ENABLED	0x01
#define DISPI_GETCAPS	0x02
#define DISPI_8BIT_DAC	0x20
#define DISPI_LFB	0x40
#define DISPI_NOCLEAR	0x80

#define SEQ_COUNT 5
#define CRTC_COUNT 25
#define GFX_COUNT 9
#define ATTR_COUNT 21

struct vga_regs {
	uint8_t misc, feature;
	uint8_t seq_index, seq[SEQ_COUNT];
	uint8_t crtc_index, crtc[CRTC_COUNT];
	uint8_t gfx_index, gfx[GFX_COUNT];
	uint8_t attr_index, attr_data, attr[ATTR_COUNT]; /* attr_data: the next write is data */
	uint8_t dac_mask, dac_state, dac_read, dac_write, dac_part, dac_latch[3];
	uint8_t dac[768];	/* as written */
	uint8_t latch[4];
	uint8_t retrace;	/* what the next read of status 1 toggles */
	uint8_t big_endian;
	uint16_t dispi_index, dispi[DISPI_COUNT];
};

struct vga {
	pthread_mutex_t lock;		/* r, written, changed; a leaf */
	struct vga_config config;	/* constant, as are the next two */
	uint8_t *vram;			/* guest memory: the guest may write at any time */
	int vram_fd;
	struct vga_regs r;
	uint64_t written[VRAM_PAGES / 64]; /* by our handlers, not drawn yet */
	bool changed;			/* registers did: draw all */

	/* display.lock: the renderer's own */
	struct vga_regs shown;		/* copy of r that is being drawn */
	uint64_t stale[VRAM_PAGES / 64];
	bool draw_all;
	uint8_t blink;			/* phases of cursor and characters last drawn */
	uint32_t palette[256];
	uint32_t row[DISPLAY_MAX_WIDTH + 64];
};

uint64_t vga_now(const struct vga *vga);

/* vga_regs.c: lock held. port is 0x3b0-0x3df */
uint8_t vga_port_read_locked(struct vga *vga, unsigned int port);
void vga_port_write_locked(struct vga *vga, unsigned int port, uint8_t value);
void vga_regs_reset(struct vga_regs *r);

/* vga_dispi.c */
uint16_t vga_dispi_read_locked(struct vga *vga);
void vga_dispi_write_locked(struct vga *vga, uint16_t value);
bool vga_dispi_on(const struct vga_regs *r);
/* Bytes from one line to the next in a VBE mode. */
uint32_t vga_dispi_pitch(const struct vga_regs *r);

/* vga_mem.c */
void vga_touch_locked(struct vga *vga, uint32_t offset, uint32_t size);
extern const struct bus_ops vga_vram_ops;

/* vga_pci.c */
extern const struct bus_ops vga_registers_ops;

/* vga_text.c, vga_graphics.c: draw line y of `shown` into row. Called with display.lock. */
struct vga_frame {
	uint32_t width, height;		/* of the surface */
	uint32_t dots;			/* of a character's clock, 8 or 9 */
	uint32_t columns;
	uint32_t scale;			/* pixels of a dot: 2 where the dot clock is halved */
	uint32_t pitch;			/* bytes of a line in video memory */
	uint32_t start;			/* its first byte */
	uint32_t split;			/* line after which address 0 is shown */
};
void vga_text_row(struct vga *vga, const struct vga_frame *frame, uint32_t y);
void vga_planar_row(struct vga *vga, const struct vga_frame *frame, uint32_t y);
void vga_linear_row(struct vga *vga, const struct vga_frame *frame, uint32_t y);

/* A line's place: where its memory begins and which scan line of a row it is. */
struct vga_line {
	uint32_t at, scan, pan, row;
};
struct vga_line vga_find_line(const struct vga_regs *r, const struct vga_frame *frame,
			      uint32_t y);

#endif
