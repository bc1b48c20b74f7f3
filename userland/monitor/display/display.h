/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture that a VM shows: one front surface of 32-bit XRGB pixels in a
 * memfd, a generation that counts changes of size, and what changed of it for
 * each viewer. Viewers pull: display_refresh() asks the source (vga.c) to draw
 * what it has to draw. While nobody is attached nothing is done at all.
 *
 * Locks: display.lock, taken before the source's own; never held over I/O.
 */
#ifndef BATON_DISPLAY_DISPLAY_H
#define BATON_DISPLAY_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISPLAY_MAX_WIDTH 4096u
#define DISPLAY_MAX_HEIGHT 2304u

struct display;
struct display_viewer;

struct display_rect {
	uint32_t x, y, width, height;
};

/* A bounded list of rectangles; what is too much for it makes them larger. */
#define DAMAGE_RECTS 32u
struct damage {
	unsigned int count;
	struct display_rect rect[DAMAGE_RECTS];
};
void damage_add(struct damage *damage, const struct display_rect *rect);

struct display_info {
	uint32_t width, height;
	uint32_t stride;	/* bytes */
	uint64_t generation;	/* another one: another surface */
};

/* Draws what has changed with display_resize() and display_put_row(). */
struct display_source {
	void (*render)(void *ctx, struct display *display);
	/* The first viewer has come, or the last one has gone; may be NULL. Lock held. */
	void (*watched)(void *ctx, bool watched);
	void *ctx;
};

/* Starts as 720x400 black pixels. -errno. */
int display_create(struct display **ret_display);
/* All viewers have been detached. NULL is fine. */
void display_destroy(struct display *display);
/* NULL: none, the picture stays as it is. Any thread. */
void display_set_source(struct display *display, const struct display_source *source);

/* ---- for sources, in render only ---- */

/* *ret_fresh: all rows have to be put. -EINVAL, -ENOMEM: the old surface stays. */
int display_resize(struct display *display, uint32_t width, uint32_t height, bool *ret_fresh);
/* One row of display pixels; damages where it differs from what is there. */
void display_put_row(struct display *display, uint32_t y, const uint32_t *pixels);

/* ---- for viewers; any thread ---- */

/* NULL: no memory. All of the picture is damage at first. */
struct display_viewer *display_attach(struct display *display);
void display_detach(struct display_viewer *viewer);	/* NULL is fine */
/* Draws what changed, at most 60 times a second whoever asks. */
void display_refresh(struct display *display);
/* The same at once: for a screenshot. */
void display_refresh_now(struct display *display);
/* What this viewer has not seen yet; false: nothing. Then it counts as seen. */
bool display_take(struct display_viewer *viewer, struct damage *ret_damage,
		  struct display_info *ret_info);
/* The surface as it is now. */
void display_get_info(struct display *display, struct display_info *ret_info);
/*
 * Copies a rectangle to the same place of a buffer of the same shape.
 * -ESTALE: the surface is no longer `info`; -EINVAL: not inside it.
 */
int display_copy(struct display *display, const struct display_info *info,
		 const struct display_rect *rect, void *to);
/*
 * All of the picture as it is now, in a memfd of info's shape, sealed, that is the
 * caller's: it does not change any more. -errno.
 */
int display_snapshot(struct display *display, struct display_info *ret_info);
/*
 * The surface for another process: sealed in size and, for whoever receives
 * it, read-only. The caller closes it. -errno.
 */
int display_surface(struct display *display, struct display_info *ret_info);

#endif
