// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front surface and its viewers; see display.h. A surface is a memfd of its
 * own: a change of size makes a new one, and who still maps the old one keeps
 * it. Rows that are put are compared with what is there, so damage is what
 * really changed, and the surface itself is the previous frame to compare with.
 */
#define _GNU_SOURCE
#include "display.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define START_WIDTH 720
#define START_HEIGHT 400
#define REFRESH_NS (1000000000ull / 60)
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

struct surface {
	int fd;
	uint8_t *pixels;
	struct display_info info;
};

struct display {
	pthread_mutex_t lock;		/* all below */
	struct surface surface;
	struct display_source source;
	struct display_viewer *viewers;
	struct display_rect pending;	/* rows put one after the other */
	uint64_t refreshed;		/* ns, monotonic */
};

struct display_viewer {
	struct display *display;	/* constant */
	struct display_viewer *next;	/* display.lock, as all below */
	uint64_t generation;
	struct damage damage;
};

/* ---- surface ---- */

static size_t surface_size(const struct display_info *info)
{
	return (size_t)info->stride * info->height;
}

static void surface_close(struct surface *surface)
{
	if (surface->pixels)
		munmap(surface->pixels, surface_size(&surface->info));
	if (surface->fd >= 0)
		close(surface->fd);
}

static int surface_map(struct surface *surface)
{
	size_t size = surface_size(&surface->info);
	void *at;

	if (ftruncate(surface->fd, (off_t)size))
		return -errno;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, surface->fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	surface->pixels = at;
	if (fcntl(surface->fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL))
		return -errno;
	return 0;
}

static int surface_open(uint32_t width, uint32_t height, uint64_t generation,
			struct surface *ret_surface)
{
	struct surface surface = { .info = { width, height, 4 * width, generation } };
	int error;

	surface.fd = memfd_create("baton-display", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (surface.fd < 0)
		return -errno;
	error = surface_map(&surface);
	if (error) {
		surface_close(&surface);
		return error;
	}
	*ret_surface = surface;
	return 0;
}

int display_create(struct display **ret_display)
{
	struct display *display = calloc(1, sizeof(*display));
	int error;

	if (!display)
		return -ENOMEM;
	error = surface_open(START_WIDTH, START_HEIGHT, 1, &display->surface);
	if (error) {
		free(display);
		return error;
	}
	pthread_mutex_init(&display->lock, NULL);
	*ret_display = display;
	return 0;
}

void display_destroy(struct display *display)
{
	if (!display)
		return;
	surface_close(&display->surface);
	pthread_mutex_destroy(&display->lock);
	free(display);
}

/* Tells the source about the first viewer and the last one. */
static void tell_source_locked(struct display *display, bool watched)
{
	if (display->source.watched)
		display->source.watched(display->source.ctx, watched);
}

void display_set_source(struct display *display, const struct display_source *source)
{
	pthread_mutex_lock(&display->lock);
	if (display->viewers)
		tell_source_locked(display, false);
	display->source = source ? *source : (struct display_source){ 0 };
	display->refreshed = 0;
	if (display->viewers)
		tell_source_locked(display, true);
	pthread_mutex_unlock(&display->lock);
}

/* ---- drawing ---- */

int display_resize(struct display *display, uint32_t width, uint32_t height, bool *ret_fresh)
{
	const struct display_info *old = &display->surface.info;
	struct surface surface;
	int error;

	if (!width || !height || width > DISPLAY_MAX_WIDTH || height > DISPLAY_MAX_HEIGHT)
		return -EINVAL;
	*ret_fresh = old->width != width || old->height != height;
	if (!*ret_fresh)
		return 0;
	error = surface_open(width, height, old->generation + 1, &surface);
	if (error)
		return error;
	surface_close(&display->surface);
	display->surface = surface;
	display->pending = (struct display_rect){ 0 };
	return 0;
}

static void flush_pending_locked(struct display *display)
{
	if (display->pending.height)
		for (struct display_viewer *v = display->viewers; v; v = v->next)
			damage_add(&v->damage, &display->pending);
	display->pending = (struct display_rect){ 0 };
}

/* Columns of consecutive rows grow together to one rectangle. */
static void row_changed_locked(struct display *display, uint32_t y, uint32_t from, uint32_t to)
{
	struct display_rect *p = &display->pending;
	uint32_t right = p->x + p->width;

	if (p->height && p->y + p->height == y) {
		p->width = (to > right ? to : right) - (from < p->x ? from : p->x);
		p->x = from < p->x ? from : p->x;
		p->height++;
		return;
	}
	flush_pending_locked(display);
	*p = (struct display_rect){ from, y, to - from, 1 };
}

void display_put_row(struct display *display, uint32_t y, const uint32_t *pixels)
{
	const struct display_info *info = &display->surface.info;
	uint32_t *row, from = 0, to = info->width;

	if (y >= info->height)
		return;
	row = (uint32_t *)(display->surface.pixels + (size_t)y * info->stride);
	if (!memcmp(row, pixels, info->stride))
		return;
	while (row[from] == pixels[from])
		from++;
	while (row[to - 1] == pixels[to - 1])
		to--;
	memcpy(row + from, pixels + from, 4 * (size_t)(to - from));
	row_changed_locked(display, y, from, to);
}

/* ---- viewers ---- */

struct display_viewer *display_attach(struct display *display)
{
	struct display_viewer *viewer = calloc(1, sizeof(*viewer));

	if (!viewer)
		return NULL;
	viewer->display = display;
	pthread_mutex_lock(&display->lock);
	if (!display->viewers)
		tell_source_locked(display, true);
	viewer->next = display->viewers;
	display->viewers = viewer;
	pthread_mutex_unlock(&display->lock);
	return viewer;
}

void display_detach(struct display_viewer *viewer)
{
	struct display_viewer **at;

	if (!viewer)
		return;
	pthread_mutex_lock(&viewer->display->lock);
	at = &viewer->display->viewers;
	while (*at != viewer)
		at = &(*at)->next;
	*at = viewer->next;
	if (!viewer->display->viewers)
		tell_source_locked(viewer->display, false);
	pthread_mutex_unlock(&viewer->display->lock);
	free(viewer);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void refresh_locked(struct display *display, uint64_t now)
{
	if (!display->viewers || !display->source.render)
		return;
	display->refreshed = now;
	display->source.render(display->source.ctx, display);
	flush_pending_locked(display);
}

void display_refresh(struct display *display)
{
	uint64_t now = now_ns();

	pthread_mutex_lock(&display->lock);
	if (now - display->refreshed >= REFRESH_NS)
		refresh_locked(display, now);
	pthread_mutex_unlock(&display->lock);
}

void display_refresh_now(struct display *display)
{
	pthread_mutex_lock(&display->lock);
	refresh_locked(display, now_ns());
	pthread_mutex_unlock(&display->lock);
}

bool display_take(struct display_viewer *viewer, struct damage *ret_damage,
		  struct display_info *ret_info)
{
	struct display *display = viewer->display;
	const struct display_info *info = &display->surface.info;

	pthread_mutex_lock(&display->lock);
	*ret_info = *info;
	*ret_damage = viewer->damage;
	if (viewer->generation != info->generation) {
		ret_damage->count = 1;
		ret_damage->rect[0] = (struct display_rect){ 0, 0, info->width, info->height };
	}
	viewer->generation = info->generation;
	viewer->damage.count = 0;
	pthread_mutex_unlock(&display->lock);
	return ret_damage->count;
}

void display_get_info(struct display *display, struct display_info *ret_info)
{
	pthread_mutex_lock(&display->lock);
	*ret_info = display->surface.info;
	pthread_mutex_unlock(&display->lock);
}

static int copy_locked(const struct surface *s, const struct display_info *info,
		       const struct display_rect *r, uint8_t *to)
{
	if (info->generation != s->info.generation)
		return -ESTALE;
	if (r->x > s->info.width || r->width > s->info.width - r->x ||
	    r->y > s->info.height || r->height > s->info.height - r->y)
		return -EINVAL;
	for (uint32_t y = r->y; y < r->y + r->height; y++) {
		size_t at = (size_t)y * s->info.stride + 4 * (size_t)r->x;

		memcpy(to + at, s->pixels + at, 4 * (size_t)r->width);
	}
	return 0;
}

int display_copy(struct display *display, const struct display_info *info,
		 const struct display_rect *rect, void *to)
{
	int error;

	pthread_mutex_lock(&display->lock);
	error = copy_locked(&display->surface, info, rect, to);
	pthread_mutex_unlock(&display->lock);
	return error;
}

int display_surface(struct display *display, struct display_info *ret_info)
{
	int fd;

	pthread_mutex_lock(&display->lock);
	fd = fcntl(display->surface.fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	else
		*ret_info = display->surface.info;
	pthread_mutex_unlock(&display->lock);
	return fd;
}

static int copy_surface(const struct surface *from, struct surface *ret_copy)
{
	int error = surface_open(from->info.width, from->info.height, from->info.generation,
				 ret_copy);

	if (!error)
		memcpy(ret_copy->pixels, from->pixels, surface_size(&from->info));
	return error;
}

int display_snapshot(struct display *display, struct display_info *ret_info)
{
	struct display_viewer *viewer = display_attach(display); /* nobody: nothing is drawn */
	struct surface copy;
	int error;

	if (!viewer)
		return -ENOMEM;
	display_refresh_now(display);
	pthread_mutex_lock(&display->lock);
	error = copy_surface(&display->surface, &copy);
	pthread_mutex_unlock(&display->lock);
	display_detach(viewer);
	if (error)
		return error;
	munmap(copy.pixels, surface_size(&copy.info));
	*ret_info = copy.info;
	return copy.fd;
}
