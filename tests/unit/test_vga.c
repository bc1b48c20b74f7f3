// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VGA from its ports to a picture: registers, write modes against a model
 * of four planes, text, mode 13h, VBE with and without a dirty log, and the PNG
 * that comes of it. With
 * VGA_PNG_DIR set the pictures are left there for a look.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <png.h>

#include "dev/vga.h"
#include "display/display.h"
#include "lib/write_png.h"

static uint64_t now;

static uint64_t test_clock(void)
{
	return now;
}

struct rig {
	struct vga *vga;
	struct display *display;
	struct display_viewer *viewer;
	uint32_t *pixels;
	struct display_info info;
};

static void out(struct rig *rig, unsigned int port, unsigned int size, uint64_t value)
{
	vga_port_ops.write(rig->vga, port - VGA_PORT_BASE, size, value);
}

static uint8_t in(struct rig *rig, unsigned int port)
{
	return (uint8_t)vga_port_ops.read(rig->vga, port - VGA_PORT_BASE, 1);
}

static void indexed(struct rig *rig, unsigned int port, unsigned int index, uint8_t value)
{
	out(rig, port, 2, index | value << 8);
}

static void dispi(struct rig *rig, unsigned int index, uint16_t value)
{
	vga_dispi_ops.write(rig->vga, 0, 2, index);
	vga_dispi_ops.write(rig->vga, 1, 2, value);
}

static uint16_t dispi_get(struct rig *rig, unsigned int index)
{
	vga_dispi_ops.write(rig->vga, 0, 2, index);
	return (uint16_t)vga_dispi_ops.read(rig->vga, 1, 2);
}

static void poke(struct rig *rig, uint32_t at, uint8_t value)
{
	vga_window_ops.write(rig->vga, at - VGA_WINDOW_BASE, 1, value);
}

static uint8_t peek(struct rig *rig, uint32_t at)
{
	return (uint8_t)vga_window_ops.read(rig->vga, at - VGA_WINDOW_BASE, 1);
}

static int setup(void **state)
{
	static const struct vga_config config = { .clock_ns = test_clock };
	struct rig *rig = calloc(1, sizeof(*rig));
	struct display_source source;

	assert_int_equal(vga_create(&config, &rig->vga), 0);
	assert_int_equal(display_create(&rig->display), 0);
	source = vga_display_source(rig->vga);
	display_set_source(rig->display, &source);
	rig->viewer = display_attach(rig->display);
	now = 0;
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	free(rig->pixels);
	display_detach(rig->viewer);
	display_set_source(rig->display, NULL);
	display_destroy(rig->display);
	vga_destroy(rig->vga);
	free(rig);
	return 0;
}

static struct damage look(struct rig *rig)
{
	struct damage damage;

	display_refresh_now(rig->display);
	display_take(rig->viewer, &damage, &rig->info);
	free(rig->pixels);
	rig->pixels = calloc(rig->info.height, rig->info.stride);
	assert_int_equal(display_copy(rig->display, &rig->info,
				      &(struct display_rect){ 0, 0, rig->info.width,
							      rig->info.height }, rig->pixels), 0);
	return damage;
}

static uint32_t pixel(struct rig *rig, uint32_t x, uint32_t y)
{
	return rig->pixels[y * rig->info.width + x];
}

/* The file decoded by libpng's simple interface is what the surface has. */
static void check_png(struct rig *rig, const char *name)
{
	char path[256];
	const char *dir = getenv("VGA_PNG_DIR");
	png_image image = { .version = PNG_IMAGE_VERSION };
	uint8_t *decoded;
	struct display_info info;
	uint32_t *pixels;
	int fd, shot = display_snapshot(rig->display, &info);

	assert_true(shot >= 0);
	pixels = mmap(NULL, (size_t)info.stride * info.height, PROT_READ, MAP_SHARED, shot, 0);
	assert_ptr_not_equal(pixels, MAP_FAILED);
	snprintf(path, sizeof(path), "%s/baton-%s-%d.png", dir ? dir : "/tmp", name,
		 dir ? 0 : getpid());
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(png_write(fd, pixels, info.width, info.height, info.stride), 0);
	munmap(pixels, (size_t)info.stride * info.height);
	close(shot);
	close(fd);
	assert_true(png_image_begin_read_from_file(&image, path));
	image.format = PNG_FORMAT_BGRA;
	assert_int_equal(image.width, rig->info.width);
	assert_int_equal(image.height, rig->info.height);
	decoded = malloc(PNG_IMAGE_SIZE(image));
	assert_true(png_image_finish_read(&image, NULL, decoded, 0, NULL));
	for (size_t i = 0; i < (size_t)image.width * image.height; i++)
		assert_int_equal(((uint32_t *)decoded)[i] & 0xffffff, rig->pixels[i]);
	free(decoded);
	if (!dir)
		unlink(path);
}

/* ---- modes as the VGA BIOS sets them ---- */

static void palette_on(struct rig *rig, uint8_t mode)
{
	static const uint8_t ega[16] = { 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c,
					 0x3d, 0x3e, 0x3f };

	in(rig, 0x3da);
	for (unsigned int i = 0; i < 16; i++) {
		out(rig, 0x3c0, 1, i);
		out(rig, 0x3c0, 1, ega[i]);
	}
	out(rig, 0x3c0, 1, 0x10);
	out(rig, 0x3c0, 1, mode);
	out(rig, 0x3c0, 1, 0x12);
	out(rig, 0x3c0, 1, 0x0f);
	out(rig, 0x3c0, 1, 0x13);
	out(rig, 0x3c0, 1, mode & 1 ? 0 : 8);
	out(rig, 0x3c0, 1, 0x20);
}

static void dac(struct rig *rig, unsigned int index, uint8_t r, uint8_t g, uint8_t b)
{
	out(rig, 0x3c8, 1, index);
	out(rig, 0x3c9, 1, r);
	out(rig, 0x3c9, 1, g);
	out(rig, 0x3c9, 1, b);
}

static void crtc(struct rig *rig, unsigned int lines, unsigned int columns, unsigned int offset,
		 unsigned int max_scan)
{
	indexed(rig, 0x3d4, 0x11, 0);
	indexed(rig, 0x3d4, 1, columns - 1);
	indexed(rig, 0x3d4, 0x12, (lines - 1) & 0xff);
	indexed(rig, 0x3d4, 7, ((lines - 1) >> 7 & 2) | ((lines - 1) >> 3 & 0x40) | 0x10);
	indexed(rig, 0x3d4, 9, max_scan | 0x40);
	indexed(rig, 0x3d4, 0x13, offset);
	indexed(rig, 0x3d4, 0x17, 0xa3);
	indexed(rig, 0x3d4, 0x18, 0xff);
}

/* Glyph n has rows of n ^ row. */
static void load_font(struct rig *rig)
{
	indexed(rig, 0x3c4, 2, 4);
	indexed(rig, 0x3c4, 4, 6);
	indexed(rig, 0x3ce, 5, 0);
	indexed(rig, 0x3ce, 6, 4);
	for (unsigned int c = 0; c < 256; c++)
		for (unsigned int row = 0; row < 16; row++)
			poke(rig, 0xa0000 + c * 32 + row, c ^ row);
}

static void text_mode(struct rig *rig)
{
	out(rig, 0x3c2, 1, 0x67);
	load_font(rig);
	indexed(rig, 0x3c4, 1, 0);
	indexed(rig, 0x3c4, 2, 3);
	indexed(rig, 0x3c4, 4, 2);
	indexed(rig, 0x3ce, 5, 0x10);
	indexed(rig, 0x3ce, 6, 0x0e);
	crtc(rig, 400, 80, 40, 15);
	indexed(rig, 0x3d4, 0xa, 0x20);
	palette_on(rig, 0x0c);
	for (unsigned int i = 0; i < 64; i++)
		dac(rig, i, (i & 4 ? 42 : 0) + (i & 32 ? 21 : 0),
		    (i & 2 ? 42 : 0) + (i & 16 ? 21 : 0), (i & 1 ? 42 : 0) + (i & 8 ? 21 : 0));
}

static void test_text(void **state)
{
	struct rig *rig = *state;
	struct damage damage;

	text_mode(rig);
	for (unsigned int i = 0; i < 2000; i++) {
		poke(rig, 0xb8000 + 2 * i, i);
		poke(rig, 0xb8001 + 2 * i, (i / 80 % 8) << 4 | 0xf);
	}
	look(rig);
	assert_int_equal(rig->info.width, 720);
	assert_int_equal(rig->info.height, 400);
	check_png(rig, "text");
	/* 0x41 in row 0, scan line 2: 0x43; white on black; the ninth dot is background */
	for (unsigned int dot = 0; dot < 9; dot++)
		assert_int_equal(pixel(rig, 0x41 * 9 + dot, 2),
				 dot < 8 && 0x43 >> (7 - dot) & 1 ? 0xffffff : 0);
	/* 0xc1 = 193 is in row 2, column 33: its ninth dot goes on; scan line 0 ends with a 1 */
	assert_int_equal(pixel(rig, 33 * 9 + 8, 32), 0xffffff);
	poke(rig, 0xb8000 + 2 * 81, 0x55);
	damage = look(rig);
	assert_int_equal(damage.count, 1);
	assert_true(damage.rect[0].x >= 9 && damage.rect[0].x + damage.rect[0].width <= 18);
	assert_true(damage.rect[0].y >= 16 && damage.rect[0].y + damage.rect[0].height <= 32);
	assert_int_equal(look(rig).count, 0);
}

static void test_cursor_blinks(void **state)
{
	struct rig *rig = *state;
	struct damage damage;

	text_mode(rig);
	poke(rig, 0xb8001, 7);
	indexed(rig, 0x3d4, 0xa, 14);
	indexed(rig, 0x3d4, 0xb, 15);
	look(rig);
	assert_int_equal(pixel(rig, 0, 14), 0xaaaaaa);
	now += 266000000;
	damage = look(rig);
	assert_int_equal(damage.count, 1);
	assert_int_equal(damage.rect[0].y, 14);
	assert_int_equal(damage.rect[0].height, 2);
}

static void test_mode13(void **state)
{
	struct rig *rig = *state;

	out(rig, 0x3c2, 1, 0x63);
	indexed(rig, 0x3c4, 1, 1);
	indexed(rig, 0x3c4, 2, 15);
	indexed(rig, 0x3c4, 4, 0x0e);
	indexed(rig, 0x3ce, 5, 0x40);
	indexed(rig, 0x3ce, 6, 5);
	crtc(rig, 400, 80, 40, 1);
	palette_on(rig, 0x41);
	for (unsigned int i = 0; i < 256; i++)
		dac(rig, i, i >> 2, i & 63, 63 - (i >> 2));
	for (unsigned int y = 0; y < 200; y++)
		for (unsigned int x = 0; x < 320; x++)
			poke(rig, 0xa0000 + y * 320 + x, x ^ y);
	look(rig);
	assert_int_equal(rig->info.width, 640);
	assert_int_equal(rig->info.height, 400);
	check_png(rig, "mode13");
	assert_int_equal(pixel(rig, 2 * 255, 0) >> 8, 0xffff);
	assert_int_equal(pixel(rig, 2 * 100 + 1, 2 * 100 + 1), 0x0000ff);
	/* Mode X: the same memory through the planes. */
	indexed(rig, 0x3c4, 4, 6);
	indexed(rig, 0x3c4, 2, 1 << 2);
	poke(rig, 0xa0000 + 80, 255);
	look(rig);
	assert_int_equal(pixel(rig, 2 * 2, 2), 0xffff00 | pixel(rig, 510, 0));
}

/* ---- planes ---- */

struct model {
	uint8_t plane[4][16], latch[4];
};

static uint8_t model_bit(const uint8_t *gfx, unsigned int p, unsigned int bit, uint8_t value,
			 uint8_t latch)
{
	unsigned int mode = gfx[5] & 3, rotated = value >> ((bit + (gfx[3] & 7)) & 7) & 1;
	unsigned int old = latch >> bit & 1, v = rotated, keep = !(gfx[8] >> bit & 1);

	if (mode == 1)
		return old;
	if (mode == 0 && gfx[1] >> p & 1)
		v = gfx[0] >> p & 1;
	if (mode == 2)
		v = value >> p & 1;
	if (mode == 3) {
		v = gfx[0] >> p & 1;
		keep |= !rotated;
	}
	v = (gfx[3] >> 3) == 1 ? v & old : (gfx[3] >> 3) == 2 ? v | old :
	    (gfx[3] >> 3) == 3 ? v ^ old : v;
	return keep ? old : v;
}

static void model_write(struct model *m, const uint8_t *gfx, uint8_t mask, unsigned int at,
			uint8_t value)
{
	for (unsigned int p = 0; p < 4; p++) {
		uint8_t result = 0;

		for (unsigned int bit = 0; bit < 8; bit++)
			result |= model_bit(gfx, p, bit, value, m->latch[p]) << bit;
		if (mask >> p & 1)
			m->plane[p][at] = result;
	}
}

static void test_write_modes(void **state)
{
	struct rig *rig = *state;
	struct model m = { 0 };
	uint8_t gfx[9] = { 0 }, mask = 15;
	uint32_t seed = 1;

	out(rig, 0x3c2, 1, 0x63);
	indexed(rig, 0x3c4, 4, 6);
	indexed(rig, 0x3ce, 6, 5);
	for (int i = 0; i < 20000; i++) {
		unsigned int reg, at;
		uint8_t value;

		seed = seed * 1664525 + 1013904223;
		reg = seed >> 28;
		value = seed >> 16;
		at = seed >> 12 & 15;
		if (reg < 9 && reg != 6 && reg != 2 && reg != 7) {
			gfx[reg] = value & (reg == 5 ? 3 : reg == 3 ? 0x1f : reg == 4 ? 3 : 0xff);
			indexed(rig, 0x3ce, reg, gfx[reg]);
		} else if (reg == 9) {
			indexed(rig, 0x3c4, 2, mask = value & 15);
		} else if (reg < 12) {
			for (unsigned int p = 0; p < 4; p++)
				m.latch[p] = m.plane[p][at];
			assert_int_equal(peek(rig, 0xa0000 + at), m.plane[gfx[4]][at]);
		} else {
			model_write(&m, gfx, mask, at, value);
			poke(rig, 0xa0000 + at, value);
		}
	}
	for (unsigned int at = 0; at < 16; at++)
		for (unsigned int p = 0; p < 4; p++)
			assert_int_equal(((uint8_t *)vga_vram(rig->vga))[4 * at + p],
					 m.plane[p][at]);
}

static void test_registers(void **state)
{
	struct rig *rig = *state;
	uint8_t seen = 0;

	assert_int_equal(in(rig, 0x3d4), 0xff); /* mono at first */
	out(rig, 0x3c2, 1, 1);
	assert_int_equal(in(rig, 0x3cc), 1);
	indexed(rig, 0x3d4, 0, 0x5f);
	indexed(rig, 0x3d4, 0x11, 0x80);
	indexed(rig, 0x3d4, 0, 0x11);
	assert_int_equal(in(rig, 0x3d5), 0x5f);
	dac(rig, 9, 0xff, 2, 3);
	out(rig, 0x3c7, 1, 9);
	assert_int_equal(in(rig, 0x3c9), 0x3f);
	assert_int_equal(in(rig, 0x3c9), 2);
	for (int i = 0; i < 100; i++, now += 1000000)
		seen |= in(rig, 0x3da) | (in(rig, 0x3da) & 1 ? 0 : 2);
	assert_int_equal(seen, 0x0b);
}

/* ---- VBE ---- */

static void vbe(struct rig *rig, unsigned int width, unsigned int height, unsigned int bpp)
{
	out(rig, 0x3c2, 1, 0x67);
	palette_on(rig, 1);
	dispi(rig, 4, 0);
	dispi(rig, 1, width);
	dispi(rig, 2, height);
	dispi(rig, 3, bpp);
	dispi(rig, 4, 0x41);
}

static void test_vbe(void **state)
{
	static const struct {
		unsigned int bpp;
		uint32_t raw, colour;
	} cases[] = {
		{ 15, 0x7c1f, 0xff00ff }, { 16, 0x07e0, 0x00ff00 }, { 24, 0x123456, 0x123456 },
		{ 32, 0xff123456, 0x123456 },
	};
	struct rig *rig = *state;
	uint32_t *vram = vga_vram(rig->vga);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct damage damage;
		unsigned int bytes = (cases[i].bpp + 7) / 8;

		vbe(rig, 640, 480, cases[i].bpp);
		look(rig);
		assert_int_equal(rig->info.width, 640);
		memcpy((uint8_t *)vram + (5 * 640 + 7) * bytes, &cases[i].raw, bytes);
		damage = look(rig);
		assert_int_equal(pixel(rig, 7, 5), cases[i].colour);
		assert_int_equal(damage.count, 1);
		assert_memory_equal(&damage.rect[0], &((struct display_rect){ 7, 5, 1, 1 }),
				    sizeof(damage.rect[0]));
	}
	vbe(rig, 1024, 768, 32);
	for (unsigned int y = 0; y < 768; y++)
		for (unsigned int x = 0; x < 1024; x++)
			vram[y * 1024 + x] = x / 4 << 16 | y / 3 << 8 | ((x ^ y) & 0xff);
	look(rig);
	check_png(rig, "vbe");
	assert_int_equal(pixel(rig, 1023, 767), 0xffff00);
	dispi(rig, 6, 2048); /* virtual width, then panned */
	dispi(rig, 8, 16);
	dispi(rig, 9, 2);
	look(rig);
	assert_int_equal(pixel(rig, 0, 0), vram[2 * 2048 + 16]);
}

static void test_vbe_hostile(void **state)
{
	struct rig *rig = *state;

	vbe(rig, 0xffff, 0xffff, 0xffff);
	assert_int_equal(dispi_get(rig, 3), 8);
	assert_int_equal(dispi_get(rig, 1), DISPLAY_MAX_WIDTH);
	dispi(rig, 6, 0xffff);
	dispi(rig, 8, 0xffff);
	dispi(rig, 9, 0xffff);
	look(rig);
	vbe(rig, 0, 0, 32);
	assert_int_equal(dispi_get(rig, 1), 8);
	assert_int_equal(dispi_get(rig, 2), 1);
	look(rig);
}

/* Banks of the window are where the linear frame buffer says. */
static void test_banks(void **state)
{
	struct rig *rig = *state;

	vbe(rig, 640, 480, 8);
	dispi(rig, 5, 3);
	poke(rig, 0xa0005, 0x5a);
	assert_int_equal(((uint8_t *)vga_vram(rig->vga))[0x30005], 0x5a);
	assert_int_equal(peek(rig, 0xa0005), 0x5a);
}

/* ---- the engine's dirty log ---- */

static struct {
	bool known, on;
	unsigned int switched, asked;
	uint64_t bits[VGA_VRAM_SIZE / 4096 / 64];
} log;

static bool log_get(void *ctx, uint64_t *bitmap, size_t pages)
{
	assert_ptr_equal(ctx, &log);
	assert_int_equal(pages, VGA_VRAM_SIZE / 4096);
	assert_true(log.on);
	log.asked++;
	for (size_t i = 0; i < pages / 64; i++)
		bitmap[i] |= log.bits[i];
	memset(log.bits, 0, sizeof(log.bits));
	return log.known;
}

static void log_watch(void *ctx, bool on)
{
	assert_ptr_equal(ctx, &log);
	assert_true(log.on != on);
	log.on = on;
	log.switched++;
}

static int setup_log(void **state)
{
	static const struct vga_config config = {
		.clock_ns = test_clock, .dirty = { log_get, log_watch, &log },
	};
	struct rig *rig = calloc(1, sizeof(*rig));
	struct display_source source;

	memset(&log, 0, sizeof(log));
	assert_int_equal(vga_create(&config, &rig->vga), 0);
	assert_int_equal(display_create(&rig->display), 0);
	source = vga_display_source(rig->vga);
	display_set_source(rig->display, &source);
	now = 0;
	*state = rig;
	return 0;
}

static void test_log_while_watched(void **state)
{
	struct rig *rig = *state;
	struct display_viewer *second;
	struct display_source source = vga_display_source(rig->vga);

	display_refresh_now(rig->display);
	assert_int_equal(log.asked, 0);
	rig->viewer = display_attach(rig->display);
	assert_true(log.on);
	second = display_attach(rig->display);
	display_detach(rig->viewer);
	assert_int_equal(log.switched, 1);
	display_refresh_now(rig->display);
	assert_int_equal(log.asked, 1);
	/* Another source while somebody watches. */
	display_set_source(rig->display, NULL);
	assert_false(log.on);
	display_set_source(rig->display, &source);
	assert_true(log.on);
	display_detach(second);
	rig->viewer = NULL;
	assert_false(log.on);
	assert_int_equal(log.switched, 4);
}

static void set_pixel(struct rig *rig, unsigned int x, unsigned int y, uint32_t colour)
{
	((uint32_t *)vga_vram(rig->vga))[y * 1024 + x] = colour;
}

static void test_log_names_rows(void **state)
{
	struct rig *rig = *state;
	struct damage damage;

	rig->viewer = display_attach(rig->display);
	vbe(rig, 1024, 768, 32);	/* a row is a page */
	look(rig);
	log.known = true;
	assert_int_equal(look(rig).count, 0);
	set_pixel(rig, 1, 5, 0x123456);
	set_pixel(rig, 2, 9, 0x654321);
	log.bits[0] = 1 << 5;
	damage = look(rig);
	assert_int_equal(damage.count, 1);
	assert_memory_equal(&damage.rect[0], &((struct display_rect){ 1, 5, 1, 1 }),
			    sizeof(damage.rect[0]));
	/* A page that is not named is not looked at. */
	assert_int_equal(pixel(rig, 2, 9), 0);
	assert_int_equal(look(rig).count, 0);
	/* Our own handlers' writes are added. */
	vga_window_ops.write(rig->vga, 0, 1, 0xff);
	assert_int_equal(look(rig).rect[0].y, 0);
	/* The engine has lost track: everything is compared. */
	log.known = false;
	damage = look(rig);
	assert_int_equal(damage.count, 1);
	assert_int_equal(damage.rect[0].y, 9);
	assert_int_equal(pixel(rig, 2, 9), 0x654321);
}

/* Rows that begin in one page and end in another; a line that is shown from further on. */
static void test_log_across_pages(void **state)
{
	struct rig *rig = *state;

	rig->viewer = display_attach(rig->display);
	vbe(rig, 800, 600, 32);
	look(rig);
	log.known = true;
	/* Row 1 is bytes 3200 to 6399. */
	((uint8_t *)vga_vram(rig->vga))[6396] = 0xff;
	log.bits[0] = 2;
	assert_int_equal(look(rig).rect[0].y, 1);
	((uint8_t *)vga_vram(rig->vga))[3200] = 0xff;
	log.bits[0] = 1;
	assert_int_equal(look(rig).rect[0].y, 1);
	/* The last row, 599, is bytes 1916800 to 1919999: pages 467 and 468. */
	((uint8_t *)vga_vram(rig->vga))[1919996] = 0xff;
	log.bits[468 / 64] = 1ull << 468 % 64;
	assert_int_equal(look(rig).rect[0].y, 599);
	assert_int_equal(look(rig).count, 0);
}

static void test_damage(void **state)
{
	struct damage d = { 0 };

	(void)state;
	damage_add(&d, &(struct display_rect){ 0, 0, 10, 10 });
	damage_add(&d, &(struct display_rect){ 10, 0, 10, 10 });
	assert_int_equal(d.count, 1);
	assert_int_equal(d.rect[0].width, 20);
	damage_add(&d, &(struct display_rect){ 100, 100, 1, 1 });
	assert_int_equal(d.count, 2);
	damage_add(&d, &(struct display_rect){ 0, 0, 200, 200 });
	assert_int_equal(d.count, 1);
	for (uint32_t i = 0; i < 1000; i++)
		damage_add(&d, &(struct display_rect){ 300 + 7 * i, 3 * i, 2, 2 });
	assert_true(d.count <= DAMAGE_RECTS);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define LOG_CASE(f) cmocka_unit_test_setup_teardown(f, setup_log, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_registers), CASE(test_write_modes), CASE(test_text),
		CASE(test_cursor_blinks), CASE(test_mode13), CASE(test_vbe),
		CASE(test_vbe_hostile), CASE(test_banks), cmocka_unit_test(test_damage),
		LOG_CASE(test_log_while_watched), LOG_CASE(test_log_names_rows),
		LOG_CASE(test_log_across_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
