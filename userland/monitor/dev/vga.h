/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard VGA with the Bochs VBE extension ("dispi"), as SeaBIOS's
 * vgabios-stdvga.bin and the bochs drivers of Linux expect it on PCI: 1234:1111,
 * BAR 0 the video memory, BAR 2 a page of registers. It has no ROM BAR: its
 * option ROM comes through fw_cfg as "vgaroms/vgabios-stdvga.bin".
 *
 * The video memory is a memfd that the board shows to the engine as a slot at
 * the address of BAR 0 (vram_mapped), so that writes there do not exit.
 */
#ifndef BATON_DEV_VGA_H
#define BATON_DEV_VGA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/machine.h"
#include "core/pci.h"
#include "display/display.h"

#define VGA_PORT_BASE 0x3b0u	/* vga_port_ops */
#define VGA_PORT_COUNT 0x30u
#define VGA_DISPI_PORT 0x1ceu	/* vga_dispi_ops; index, data */
#define VGA_DISPI_COUNT 2u
#define VGA_WINDOW_BASE 0xa0000ull	/* vga_window_ops, on the MMIO bus */
#define VGA_WINDOW_SIZE 0x20000ull
#define VGA_VRAM_SIZE 0x1000000ull
#define VGA_REGISTERS_SIZE 0x1000u

struct vga;

/*
 * Where the engine tells which pages of video memory the guest has written
 * since it was last asked: ors a bit per 4 KiB page into bitmap. False: it
 * cannot say, then all that is shown counts as written and rows are compared
 * with the surface. watch: from now on it will be asked, or no more, because
 * somebody watches. Both run on a viewer's thread with display.lock held.
 */
struct vram_dirty {
	bool (*get)(void *ctx, uint64_t *bitmap, size_t pages);
	void (*watch)(void *ctx, bool on);	/* with get */
	void *ctx;
};

struct vga_config {
	struct vram_dirty dirty;	/* get may be NULL: compare */
	/* BAR 0 answers at address, or no longer does; may be NULL. PCI host's lock is held. */
	void (*vram_mapped)(void *ctx, uint64_t address, bool mapped);
	void *ctx;
	uint64_t (*clock_ns)(void);	/* NULL: CLOCK_MONOTONIC */
};

/* -errno. */
int vga_create(const struct vga_config *config, struct vga **ret_vga);
/* The source was taken from the display, the function removed. NULL is fine. */
void vga_destroy(struct vga *vga);
/* Power-on state. The video memory stays as it is. Any thread. */
void vga_reset(struct vga *vga);
/* VGA_VRAM_SIZE bytes; it does not move. */
void *vga_vram(struct vga *vga);
int vga_vram_fd(struct vga *vga);	/* stays the device's */
/* What to give to pci_add(), with the vga as its device. */
void vga_pci_config(struct pci_function_config *ret_config);
/* What to give to display_set_source(). */
struct display_source vga_display_source(struct vga *vga);

extern const struct bus_ops vga_port_ops, vga_dispi_ops, vga_window_ops;

/* State for save and debugging; vga_refresh() after fields or memory were set. */
extern const struct state_field vga_fields[];
extern const size_t vga_field_count;
void vga_refresh(struct vga *vga);

#endif
