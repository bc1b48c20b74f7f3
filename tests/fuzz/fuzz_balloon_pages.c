// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The balloon's pages against a model of one flag per page: the count is exact,
 * a page that went in costs nothing, and one that is not in keeps its contents;
 * so does one that is in, of a driver that uses pages before it says so.
 */
#include "fuzz.h"

#include "core/memory.h"
#include "virtio/balloon_pages.h"

#define PAGE 4096u
#define RAM_PAGES 1280u		/* two blocks of 2 MiB and a half */
#define LIST_MAX 2048u

/*
 * One for all runs: to get each page from the host again is what they would spend their
 * time on. A run begins with a mark in every page, and marks are all that is in them.
 */
static struct guest_memory *memory;

struct model {
	struct balloon_pages pages;
	bool in[RAM_PAGES];
	bool used[RAM_PAGES];	/* it has its mark, the last that happened to it */
};

static uint8_t *page(uint32_t pfn)
{
	return guest_memory_at(memory, (uint64_t)pfn * PAGE, PAGE);
}

static uint8_t mark(uint32_t pfn)
{
	return (uint8_t)(1 + pfn % 255);
}

static void use(struct model *m, uint32_t pfn)
{
	*page(pfn) = mark(pfn);
	m->used[pfn] = true;
}

static void put_in(struct model *m, uint32_t *pfn, uint32_t count)
{
	uint32_t list[LIST_MAX];

	memcpy(list, pfn, count * sizeof(*pfn));
	balloon_pages_put_in(&m->pages, pfn, count);
	for (uint32_t i = 0; i < count; i++) {
		if (list[i] >= RAM_PAGES)
			continue;
		m->in[list[i]] = true;
		m->used[list[i]] = false;
		FUZZ_CHECK(!*page(list[i]));
	}
}

/* The guest uses the page again. */
static void take_out(struct model *m, uint32_t *pfn, uint32_t count)
{
	uint32_t list[LIST_MAX];

	memcpy(list, pfn, count * sizeof(*pfn));
	balloon_pages_take_out(&m->pages, pfn, count);
	for (uint32_t i = 0; i < count; i++) {
		if (list[i] >= RAM_PAGES || !m->in[list[i]])
			continue;
		m->in[list[i]] = false;
		use(m, list[i]);
	}
}

static uint32_t read_list(struct fuzz *f, uint32_t *list)
{
	uint32_t count = fuzz_u8(f);

	for (uint32_t i = 0; i < count; i++) {
		list[i] = fuzz_u16(f);
		if (list[i] & 0x8000)
			list[i] *= 0x10001u;
	}
	return count;
}

static uint32_t read_range(struct fuzz *f, uint32_t *list)
{
	uint32_t first = fuzz_u16(f), count = fuzz_u16(f) % LIST_MAX;

	for (uint32_t i = 0; i < count; i++)
		list[i] = first + i;
	return count;
}

/* Without the balloon's knowledge, as drivers may. */
static void write_all(struct model *m, uint8_t every)
{
	for (uint32_t pfn = 0; pfn < RAM_PAGES; pfn += 1u + every)
		use(m, pfn);
}

static void step(struct model *m, struct fuzz *f)
{
	static uint32_t list[LIST_MAX];

	switch (fuzz_u8(f) % 6) {
	case 0: put_in(m, list, read_list(f, list)); break;
	case 1: take_out(m, list, read_list(f, list)); break;
	case 2: put_in(m, list, read_range(f, list)); break;
	case 3: take_out(m, list, read_range(f, list)); break;
	case 4: write_all(m, fuzz_u8(f)); break;
	default:
		balloon_pages_clear(&m->pages);
		memset(m->in, 0, sizeof(m->in));
		write_all(m, 0);
	}
}

static void check(struct model *m)
{
	uint64_t count = 0;

	for (uint32_t pfn = 0; pfn < RAM_PAGES; pfn++) {
		count += m->in[pfn];
		FUZZ_CHECK(m->in[pfn] || *page(pfn) == mark(pfn));
		FUZZ_CHECK(m->pages.told || *page(pfn) == (m->used[pfn] ? mark(pfn) : 0));
	}
	FUZZ_CHECK(m->pages.count == count);
	FUZZ_CHECK(!m->pages.failures);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct model m = {};

	if (!memory && guest_memory_create(NULL, RAM_PAGES * PAGE, &memory))
		abort();
	if (balloon_pages_init(&m.pages, memory))
		abort();
	m.pages.told = size & 1;
	write_all(&m, 0);
	for (unsigned int i = 0; i < 32 && f.left; i++)
		step(&m, &f);
	check(&m);
	balloon_pages_fini(&m.pages);
	return 0;
}
