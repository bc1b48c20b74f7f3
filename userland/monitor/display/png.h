/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Screenshots as PNG files. */
#ifndef BATON_DISPLAY_PNG_H
#define BATON_DISPLAY_PNG_H

#include <stdint.h>

struct display;

/* Writes XRGB rows; blocks as write() does. -errno. */
int png_write(int fd, const uint32_t *pixels, uint32_t width, uint32_t height, uint32_t stride);
/* The picture as it is now. Any thread, best one that may wait for fd. -errno. */
int png_screenshot(struct display *display, int fd);

#endif
