/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-table formats for tests: one of the test's own with every bit in the
 * open, and the backends' two.
 */
#ifndef NPT_FORMATS_H
#define NPT_FORMATS_H

#include "pte_format.h"

enum {
	PLAIN_P = 1, PLAIN_W = 2, PLAIN_X = 4, PLAIN_LEAF = 0x80, PLAIN_A = 0x100,
	PLAIN_D = 0x200,
};

static const struct baton_pte_format plain_format = {
	.table = PLAIN_P | PLAIN_W | PLAIN_X, .leaf = PLAIN_P, .large = PLAIN_LEAF,
	.write = PLAIN_W, .exec = PLAIN_X, .accessed = PLAIN_A, .dirty = PLAIN_D,
};

/* Which bit of the format under test says "executable", and which way round. */
static u64 format_exec_bit = PLAIN_X;
static bool format_exec_when = true;

static inline bool format_is_exec(u64 pte)
{
	return !!(pte & format_exec_bit) == format_exec_when;
}

#endif
