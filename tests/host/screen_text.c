// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: screen-text PNG FONT
 *
 * Reads the text off a picture of a console: cells of 8x16 pixels (9x16 on a screen of
 * 720 columns, as VGA text modes have) are compared with the glyphs of the 8x16 font
 * that lies in FONT, a VGA BIOS. A cell that is near no printable glyph of it becomes
 * '?'; in front of each row of text stand its foreground colours, the first three of them.
 */
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GLYPH 16u
#define FAR 12u	/* pixels that differ: not the same character */

static uint8_t bios[1 << 18];
static const uint8_t *font;	/* 256 glyphs of 16 rows, the left pixel is bit 7 */
static png_image image = { .version = PNG_IMAGE_VERSION, };
static uint32_t *pixels;

/* "A" and "B" of the IBM font, which all of its kind share. */
static bool find_font(const char *path)
{
	static const uint8_t a[GLYPH] = {
		0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0
	};
	FILE *file = fopen(path, "rb");
	size_t size = file ? fread(bios, 1, sizeof(bios), file) : 0;

	for (size_t at = 'A' * GLYPH; at + (256 - 'A') * GLYPH <= size; at++)
		if (!memcmp(bios + at, a, GLYPH))
			font = bios + at - 'A' * GLYPH;
	return font;
}

static bool read_picture(const char *path)
{
	if (!png_image_begin_read_from_file(&image, path))
		return false;
	image.format = PNG_FORMAT_BGRA;
	pixels = malloc(PNG_IMAGE_SIZE(image));
	return pixels && png_image_finish_read(&image, NULL, pixels, 0, NULL);
}

static uint32_t pixel(unsigned int x, unsigned int y)
{
	return pixels[(size_t)y * image.width + x] & 0xffffff;
}

/* The cell as a glyph: what is not of the first pixel's colour is ink. */
static uint32_t read_cell(unsigned int x, unsigned int y, uint8_t glyph[GLYPH])
{
	uint32_t paper = pixel(x, y), ink = paper;

	for (unsigned int row = 0; row < GLYPH; row++) {
		glyph[row] = 0;
		for (unsigned int i = 0; i < 8; i++) {
			uint32_t p = pixel(x + i, y + row);

			if (p != paper) {
				glyph[row] |= (uint8_t)(0x80 >> i);
				ink = p;
			}
		}
	}
	return ink;
}

static unsigned int distance(const uint8_t *a, const uint8_t *b)
{
	unsigned int bits = 0;

	for (unsigned int row = 0; row < GLYPH; row++)
		bits += (unsigned int)__builtin_popcount(a[row] ^ b[row]);
	return bits;
}

/* The nearest: Linux draws some letters a little differently than the BIOS. */
static char name_glyph(const uint8_t glyph[GLYPH])
{
	unsigned int best = FAR;
	char name = '?';

	for (unsigned int c = ' '; c < 127; c++) {
		unsigned int d = distance(font + c * GLYPH, glyph);

		if (d < best) {
			best = d;
			name = (char)c;
		}
	}
	return name;
}

static void print_row(unsigned int y, unsigned int cell)
{
	unsigned int columns = image.width / cell, length = 0;
	uint32_t ink[3] = { 0 }, inks = 0;
	char text[512];

	for (unsigned int i = 0; i < columns && i < sizeof(text) - 1; i++) {
		uint8_t glyph[GLYPH];
		uint32_t colour = read_cell(i * cell, y, glyph);

		text[i] = name_glyph(glyph);
		if (text[i] == ' ')
			continue;
		length = i + 1;
		if (inks < 3 && (!inks || ink[inks - 1] != colour))
			ink[inks++] = colour;
	}
	if (!length)
		return;
	text[length] = 0;
	printf("%2u %06x,%06x,%06x|%s\n", y / GLYPH, ink[0], ink[1], ink[2], text);
}

int main(int argc, char **argv)
{
	unsigned int cell;

	if (argc != 3 || !find_font(argv[2]) || !read_picture(argv[1])) {
		fprintf(stderr, "screen-text: no picture or no font\n");
		return 1;
	}
	cell = image.width % 9 || image.width % 8 == 0 ? 8 : 9;
	if (image.width == 720)
		cell = 9;
	printf("screen %ux%u\n", image.width, image.height);
	for (unsigned int y = 0; y + GLYPH <= image.height; y += GLYPH)
		print_row(y, cell);
	return 0;
}
