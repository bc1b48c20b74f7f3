// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The balloon's pages: lists of page frame numbers to ranges, ranges to the
 * host. Drivers list pages in any order (Linux: often downwards), so a list is
 * sorted first; what lies side by side is then one call to the host.
 *
 * Where the host backs guest RAM with huge pages, giving a part of one back may
 * free nothing: the kernel clears the part if it cannot split the page. So when
 * the last page of a 2 MiB block goes in, the whole block is given back again.
 * That needs a driver which takes no page out without telling: others use it
 * first, and lost what they had written there.
 */
#include "virtio/balloon_pages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "baton_types.h"
#include "core/memory.h"

#define WORD_BITS 64u
#define BLOCK_PAGES ((2u << 20) / BATON_PAGE_SIZE)

struct range {
	uint64_t first, end;	/* pages, by place in RAM */
};

static uint64_t word_count(const struct balloon_pages *pages)
{
	uint64_t count = guest_memory_size(pages->memory) / BATON_PAGE_SIZE;

	return (count + WORD_BITS - 1) / WORD_BITS;
}

int balloon_pages_init(struct balloon_pages *pages, const struct guest_memory *memory)
{
	*pages = (struct balloon_pages){ .memory = memory };
	pages->bits = calloc(word_count(pages), sizeof(*pages->bits));
	return pages->bits ? 0 : -ENOMEM;
}

void balloon_pages_fini(struct balloon_pages *pages)
{
	free(pages->bits);
	pages->bits = NULL;
}

void balloon_pages_clear(struct balloon_pages *pages)
{
	if (!atomic_load(&pages->count))
		return;
	memset(pages->bits, 0, word_count(pages) * sizeof(*pages->bits));
	atomic_store(&pages->count, 0);
}

/* ---- lists to ranges ---- */

static char *ram_base(const struct balloon_pages *pages)
{
	return guest_memory_at(pages->memory, 0, BATON_PAGE_SIZE);
}

/* Frame numbers become places in RAM, in place; how many of them are in RAM. */
static uint32_t to_places(const struct balloon_pages *pages, uint32_t *pfn, uint32_t count)
{
	const char *base = ram_base(pages);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		const char *at = guest_memory_at(pages->memory, (uint64_t)pfn[i] * BATON_PAGE_SIZE,
						 BATON_PAGE_SIZE);

		if (at)
			pfn[kept++] = (uint32_t)((uint64_t)(at - base) / BATON_PAGE_SIZE);
	}
	return kept;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The range that begins at place[*at] of a sorted list; *at goes behind it. */
static struct range next_range(const uint32_t *place, uint32_t count, uint32_t *at)
{
	struct range range = { place[*at], place[*at] + 1ull };

	while (++*at < count && place[*at] <= range.end)
		range.end = place[*at] + 1ull;
	return range;
}

/* ---- bits ---- */

/* Whether it was set before. */
static bool change_bit(struct balloon_pages *pages, uint64_t place, bool set)
{
	uint64_t *word = &pages->bits[place / WORD_BITS], mask = 1ull << place % WORD_BITS;
	bool before = *word & mask;

	*word = set ? *word | mask : *word & ~mask;
	return before;
}

static void change_range(struct balloon_pages *pages, struct range range, bool set)
{
	uint64_t changed = 0;

	for (uint64_t place = range.first; place < range.end; place++)
		changed += change_bit(pages, place, set) != set;
	if (set)
		atomic_fetch_add(&pages->count, changed);
	else
		atomic_fetch_sub(&pages->count, changed);
}

/* Whether all of the block at that place is in. A block cut off by RAM's end never is. */
static bool block_is_full(const struct balloon_pages *pages, uint64_t place)
{
	uint64_t word = place / BLOCK_PAGES * (BLOCK_PAGES / WORD_BITS);

	if (!pages->told || (place / BLOCK_PAGES + 1) * BLOCK_PAGES >
	    guest_memory_size(pages->memory) / BATON_PAGE_SIZE)
		return false;
	for (unsigned int i = 0; i < BLOCK_PAGES / WORD_BITS; i++)
		if (~pages->bits[word + i])
			return false;
	return true;
}

static void give_back(struct balloon_pages *pages, struct range range)
{
	if (block_is_full(pages, range.first))
		range.first -= range.first % BLOCK_PAGES;
	if (block_is_full(pages, range.end - 1))
		range.end += BLOCK_PAGES - 1 - (range.end - 1) % BLOCK_PAGES;
	if (guest_memory_give_back(pages->memory, ram_base(pages) + range.first * BATON_PAGE_SIZE,
				   (range.end - range.first) * BATON_PAGE_SIZE))
		pages->failures++;
}

void balloon_pages_put_in(struct balloon_pages *pages, uint32_t *pfn, uint32_t count)
{
	count = to_places(pages, pfn, count);
	qsort(pfn, count, sizeof(*pfn), by_value);
	for (uint32_t at = 0; at < count;) {
		struct range range = next_range(pfn, count, &at);

		change_range(pages, range, true);
		give_back(pages, range);
	}
}

/* The host provides pages when the guest touches them, as at the VM's start. */
void balloon_pages_take_out(struct balloon_pages *pages, uint32_t *pfn, uint32_t count)
{
	count = to_places(pages, pfn, count);
	for (uint32_t i = 0; i < count; i++)
		change_range(pages, (struct range){ pfn[i], pfn[i] + 1ull }, false);
}
