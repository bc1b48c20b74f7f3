// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A bounded list of rectangles. One that touches another, or for which there
 * is no place, is united with the one that thereby grows least; the list thus
 * always covers what was added, and at times more. Without locks: see display.c.
 */
#include "display.h"

static uint64_t area(const struct display_rect *r)
{
	return (uint64_t)r->width * r->height;
}

static struct display_rect unite(const struct display_rect *a, const struct display_rect *b)
{
	uint32_t x = a->x < b->x ? a->x : b->x, y = a->y < b->y ? a->y : b->y;
	uint32_t ar = a->x + a->width, br = b->x + b->width;
	uint32_t ab = a->y + a->height, bb = b->y + b->height;

	return (struct display_rect){ x, y, (ar > br ? ar : br) - x, (ab > bb ? ab : bb) - y };
}

/* How much is covered in vain if both become one. Overlap makes it negative. */
static int64_t waste(const struct display_rect *a, const struct display_rect *b)
{
	struct display_rect both = unite(a, b);

	return (int64_t)area(&both) - (int64_t)area(a) - (int64_t)area(b);
}

static unsigned int best_match(const struct damage *damage, const struct display_rect *rect,
			       int64_t *ret_waste)
{
	unsigned int best = 0;

	*ret_waste = INT64_MAX;
	for (unsigned int i = 0; i < damage->count; i++) {
		int64_t w = waste(&damage->rect[i], rect);

		if (w < *ret_waste) {
			*ret_waste = w;
			best = i;
		}
	}
	return best;
}

void damage_add(struct damage *damage, const struct display_rect *rect)
{
	struct display_rect add = *rect;

	if (!area(&add))
		return;
	/* What grew may swallow another one; each turn takes one from the list. */
	while (damage->count) {
		int64_t lost;
		unsigned int i = best_match(damage, &add, &lost);

		if (lost > 0 && damage->count < DAMAGE_RECTS)
			break;
		add = unite(&damage->rect[i], &add);
		damage->rect[i] = damage->rect[--damage->count];
	}
	damage->rect[damage->count++] = add;
}
