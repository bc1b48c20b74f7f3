/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image.conf, the file that says what a base image is.
 */
#ifndef BATON_DAEMON_IMAGES_CONF_H
#define BATON_DAEMON_IMAGES_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "images.h"

#define IMAGES_CONF_MAX (16u << 10)

/*
 * Fills all but name, path and problem, which stay as they are. The text need not end
 * with a NUL. False: *ret_why says in a few words what is wrong (static), and nothing
 * is changed.
 */
bool images_conf_read(const char *text, size_t size, struct base_image *ret,
		      const char **ret_why);
/* The text of it, g_free(). */
char *images_conf_write(const struct base_image *image);

/* 64 small hexadecimal digits. */
bool images_is_sha256(const char *text);
/* What source and os may be: one line of UTF-8 that is not too long. */
bool images_is_text(const char *text);

#endif
