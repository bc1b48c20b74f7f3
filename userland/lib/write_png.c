// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See write_png.h. By libpng. What takes screenshots links it, the monitor does not: it hands
 * out pixels.
 */
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/write_png.h"

struct sink {
	int fd;
	int error;
};

static void put_bytes(png_structp png, png_bytep data, size_t size)
{
	struct sink *sink = png_get_io_ptr(png);

	while (size) {
		ssize_t n = write(sink->fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			sink->error = n < 0 ? -errno : -EIO;
			png_error(png, "write");
		}
		data += n;
		size -= (size_t)n;
	}
}

static void flush_nothing(png_structp png)
{
	(void)png;
}

static void fail_quietly(png_structp png, png_const_charp message)
{
	(void)message;
	png_longjmp(png, 1);
}

static void say_nothing(png_structp png, png_const_charp message)
{
	(void)png, (void)message;
}

static void put_rows(png_structp png, png_infop info, const uint8_t *pixels, uint32_t width,
		     uint32_t height, uint32_t stride)
{
	png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
		     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_compression_level(png, 3);
	png_write_info(png, info);
	png_set_bgr(png);
	png_set_filler(png, 0, PNG_FILLER_AFTER);
	for (uint32_t y = 0; y < height; y++)
		png_write_row(png, pixels + (size_t)y * stride);
	png_write_end(png, info);
}

int png_write(int fd, const uint32_t *pixels, uint32_t width, uint32_t height, uint32_t stride)
{
	struct sink sink = { fd, 0 };
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, fail_quietly,
						  say_nothing);
	png_infop info = png ? png_create_info_struct(png) : NULL;

	if (!info) {
		png_destroy_write_struct(&png, NULL);
		return -ENOMEM;
	}
	if (setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return sink.error ? sink.error : -EIO;
	}
	png_set_write_fn(png, &sink, put_bytes, flush_nothing);
	put_rows(png, info, (const uint8_t *)pixels, width, height, stride);
	png_destroy_write_struct(&png, &info);
	return 0;
}
