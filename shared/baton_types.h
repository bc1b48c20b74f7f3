/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixed-width types for both worlds and the kinds of address that the two
 * sides talk about. Include this first in every shared header.
 */
#ifndef BATON_TYPES_H
#define BATON_TYPES_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/types.h>
#else
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#endif

typedef uint64_t baton_gpa_t; /* guest-physical address */
typedef uint64_t baton_gva_t; /* guest-linear address */
typedef uint64_t baton_hva_t; /* address in the monitor's address space */

#define BATON_PAGE_SIZE 4096u

#endif
