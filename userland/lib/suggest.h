/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "Did you mean": the word of a list that a misspelt one was meant to be.
 */
#ifndef BATON_LIB_SUGGEST_H
#define BATON_LIB_SUGGEST_H

#include <stddef.h>

/* The nearest of `count` words, or NULL if none is near enough to be meant. */
const char *suggest(const char *wrong, const char *const *words, size_t count);

#endif
