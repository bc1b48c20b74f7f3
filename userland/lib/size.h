/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Amounts of memory as people write them, and back.
 */
#ifndef BATON_LIB_SIZE_H
#define BATON_LIB_SIZE_H

#include <stddef.h>
#include <stdint.h>

/*
 * "512M", "2G", "1.5G", "4096K", "512MiB", "1 GB"; case does not matter, units are
 * powers of 1024, a number without a unit means bytes. The result is a whole
 * number of bytes or the text is refused: "0.3K" is -EINVAL. Returns 0,
 * -EINVAL, or -ERANGE if it does not fit 63 bits. *ret_bytes stays untouched on
 * failure.
 */
int size_parse(const char *text, uint64_t *ret_bytes);

/* "512 MiB", "1.5 GiB", "700 bytes": for people, rounded down. Returns buf. */
char *size_format(uint64_t bytes, char *buf, size_t buf_size);
#define SIZE_FORMAT_MAX 32

#endif
