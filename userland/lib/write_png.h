/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures as PNG files (ISO/IEC 15948). */
#ifndef BATON_LIB_WRITE_PNG_H
#define BATON_LIB_WRITE_PNG_H

#include <stdint.h>

/* Writes rows of XRGB pixels, stride bytes apart; blocks as write() does. -errno. */
int png_write(int fd, const uint32_t *pixels, uint32_t width, uint32_t height, uint32_t stride);

#endif
