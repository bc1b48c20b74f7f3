// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "Did you mean": edit distance with neighbours swapped counting as one error.
 */
#include "suggest.h"

#include <ctype.h>
#include <string.h>

/* Longer words are not worth guessing at. */
#define WORD_MAX 31

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int least = a < b ? a : b;

	return least < c ? least : c;
}

static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= a_len; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= b_len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			int ca = tolower((unsigned char)a[i - 1]);
			int cb = tolower((unsigned char)b[j - 1]);

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + (ca != cb));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[a_len][b_len];
}

const char *suggest(const char *wrong, const char *const *words, size_t count)
{
	const char *best = NULL;
	/* A third of the letters may be wrong, and one of a short word. */
	unsigned int least = strlen(wrong) < 5 ? 2 : strlen(wrong) / 3 + 2;

	for (size_t i = 0; i < count; i++) {
		unsigned int n = distance(wrong, words[i]);

		/* The start of a word is meant as that word. */
		if (wrong[0] && !strncmp(wrong, words[i], strlen(wrong)))
			n = 0;
		/* Nothing in common is no suggestion, however short. */
		if (n < least && n < strlen(words[i])) {
			least = n;
			best = words[i];
		}
	}
	return best;
}
