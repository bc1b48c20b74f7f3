/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-level tables against a flat list of pages that says what they should
 * hold. Driven by a random generator (unit test) or by a fuzzer's bytes. Checks
 * after each step: every page, the number of tables, and that a flush was asked
 * for whenever a processor could still hold something that is no longer true.
 */
#ifndef NPT_MODEL_H
#define NPT_MODEL_H

#include "vm.h"

#include "npt_formats.h"

/* Pages that the model watches: some 2 MiB regions at telling places. */
static const u64 model_regions[] = {
	0, 0x200000, 0x3fe00000, 0x40000000, 0x7fffe00000, 0x8000000000, 0xffffffe00000,
};
#define MODEL_REGIONS ARRAY_SIZE(model_regions)
#define MODEL_PAGES (MODEL_REGIONS * 512)

struct model_page {
	u64 pa;
	bool present, write, exec;
	bool clean;	/* the log wants to know of the first write */
	bool used;	/* since it was asked for last */
};

struct model {
	struct baton_vm vm;
	struct model_page pages[MODEL_PAGES], before[MODEL_PAGES];
	bool large[MODEL_REGIONS];
	u8 (*byte)(void *ctx);	/* where decisions come from */
	void *ctx;
	bool logs;	/* the processor does, of what becomes dirty */
};

#define MODEL_CHECK(c) do { if (!(c)) { \
	fprintf(stderr, "%s:%d: model: %s\n", __FILE__, __LINE__, #c); abort(); } } while (0)

static inline u32 model_u32(struct model *m)
{
	u32 v = m->byte(m->ctx);

	v |= (u32)m->byte(m->ctx) << 8;
	return v | (u32)m->byte(m->ctx) << 16;
}

static inline u64 model_gpa(unsigned int page)
{
	return model_regions[page / 512] + (page % 512) * 4096ull;
}

/* What the tables say, by a walk of our own. */
static inline struct model_page model_walk(const struct model *m, u64 gpa)
{
	const struct baton_pte_format *format = m->vm.npt.format;
	u64 *table = m->vm.npt.root;
	int level;

	for (level = 4; level; level--) {
		u64 pte = table[gpa >> (12 + 9 * (level - 1)) & 511];

		MODEL_CHECK(!pte == !(pte & 1)); /* in all formats */
		if (!pte)
			return (struct model_page) {};
		MODEL_CHECK(level < 3 || !baton_pte_is_leaf(format, pte, level));
		if (baton_pte_is_leaf(format, pte, level)) {
			bool write = pte & 2, dirty = pte & format->dirty;
			u64 inside = gpa & ((1ull << (12 + 9 * (level - 1))) - 1) & ~0xfffull;

			return (struct model_page) {
				.present = true, .pa = (pte & 0x000ffffffffff000ull) + inside,
				.write = write && (dirty || !m->logs),
				.clean = m->logs ? write && !dirty : pte >> 52 & 1,
				.exec = format_is_exec(pte), .used = pte & format->accessed,
			};
		}
		table = (u64 *)(uintptr_t)baton_pte_address(format, pte, level);
	}
	abort();
}

static inline unsigned long model_count(const struct baton_npt *npt, u64 *table, int level)
{
	unsigned long count = 1;
	int i;

	for (i = 0; level > 1 && i < 512; i++)
		if (table[i] && !baton_pte_is_leaf(npt->format, table[i], level))
			count += model_count(npt, (u64 *)(uintptr_t)baton_pte_address(
					     npt->format, table[i], level), level - 1);
	return count;
}

static inline unsigned int model_leaves(const struct baton_npt *npt, const u64 *table,
					unsigned int level, unsigned int wanted)
{
	unsigned int i, count = 0;

	for (i = 0; i < 512; i++) {
		if (!table[i])
			continue;
		if (baton_pte_is_leaf(npt->format, table[i], level))
			count += level == wanted;
		else
			count += model_leaves(npt, (u64 *)(uintptr_t)baton_pte_address(
					      npt->format, table[i], level), level - 1, wanted);
	}
	return count;
}

/* `flushed`: the step asked for a flush (so anything may have changed). */
static inline void model_compare(struct model *m, bool flushed)
{
	unsigned int i;

	for (i = 0; i < MODEL_PAGES; i++) {
		const struct model_page *want = &m->pages[i], *old = &m->before[i];
		struct model_page is = model_walk(m, model_gpa(i));

		MODEL_CHECK(is.present == want->present);
		if (is.present)
			MODEL_CHECK(is.pa == want->pa && is.write == want->write &&
				    is.clean == want->clean && is.exec == want->exec &&
				    is.used == want->used);
		/* A TLB that still holds `old` must not allow more than `is` does. */
		if (old->present && !flushed)
			MODEL_CHECK(is.present && is.pa == old->pa && is.write >= old->write);
	}
	MODEL_CHECK(model_count(&m->vm.npt, m->vm.npt.root, 4) == m->vm.npt.pages);
	for (i = 0; i < 2; i++)
		MODEL_CHECK(model_leaves(&m->vm.npt, m->vm.npt.root, 4, i + 1) ==
			    m->vm.npt.leaves[i]);
	memcpy(m->before, m->pages, sizeof(m->before));
}

static inline void model_set(struct model *m, unsigned int page, u64 pa,
			     enum baton_npt_access access, bool exec)
{
	struct model_page *p = &m->pages[page];

	if (p->present && p->pa == pa && (p->write || access == BATON_NPT_READ ||
					  (p->clean && access == BATON_NPT_CLEAN)))
		return;
	*p = (struct model_page) {
		.present = true, .pa = pa, .write = access == BATON_NPT_WRITE,
		.clean = access == BATON_NPT_CLEAN, .exec = exec,
	};
}

static inline u64 model_pa(struct model *m, unsigned int page)
{
	/* Mostly what belongs there; sometimes another page. */
	u64 other = m->byte(m->ctx) < 16 ? 0x10000000 : 0;

	return 0x100000000ull + page * 4096ull + other;
}

static inline bool model_map_small(struct model *m)
{
	unsigned int page = model_u32(m) % MODEL_PAGES;
	unsigned int count = 1 + m->byte(m->ctx) % BATON_NPT_BLOCK;
	u8 kind = m->byte(m->ctx);
	enum baton_npt_access access = kind & 1 ? BATON_NPT_WRITE :
				       kind & 2 ? BATON_NPT_CLEAN : BATON_NPT_READ;
	bool flush = false;
	u64 pa[BATON_NPT_BLOCK];
	unsigned int i;
	int r;

	count = min(count, 512 - page % 512);
	for (i = 0; i < count; i++)
		pa[i] = model_pa(m, page + i);
	do {
		r = baton_npt_map_small(&m->vm.npt, model_gpa(page), pa, count, access, &flush);
		if (r == -EAGAIN && baton_npt_topup(&m->vm))
			return flush;
	} while (r == -EAGAIN);
	MODEL_CHECK(!r);
	/* A large page that was there is split, and its pieces become executable. */
	for (i = 0; i < 512 && m->large[page / 512]; i++)
		m->pages[page / 512 * 512 + i].exec = true;
	m->large[page / 512] = false;
	for (i = 0; i < count; i++)
		model_set(m, page + i, pa[i], access, true);
	return flush;
}

static inline bool model_any_present(const struct model *m, unsigned int region)
{
	unsigned int i;

	for (i = 0; i < 512; i++)
		if (m->pages[region * 512 + i].present)
			return true;
	return false;
}

static inline bool model_map_large(struct model *m)
{
	unsigned int region = m->byte(m->ctx) % MODEL_REGIONS, i;
	bool write = m->byte(m->ctx) & 1, exec = m->byte(m->ctx) & 1, flush = false;
	u64 pa = model_pa(m, region * 512) & ~0x1fffffull;
	u64 *retired = NULL;
	bool was_large = m->large[region];
	int r;

	do {
		r = baton_npt_map_large(&m->vm.npt, model_regions[region], pa, write, exec,
					&retired, &flush);
		if (r == -EAGAIN && baton_npt_topup(&m->vm))
			return flush;
	} while (r == -EAGAIN);
	MODEL_CHECK(!retired || flush);
	baton_npt_free_retired(retired);
	if (r == -EEXIST) {
		MODEL_CHECK(!exec && !was_large && model_any_present(m, region));
		return flush;
	}
	MODEL_CHECK(!r);
	for (i = 0; i < 512; i++) {
		if (!was_large)
			m->pages[region * 512 + i] = (struct model_page) {};
		model_set(m, region * 512 + i, pa + i * 4096,
			  write ? BATON_NPT_WRITE : BATON_NPT_READ, exec);
	}
	m->large[region] = true;
	return flush;
}

/* Ranges start and end at watched pages, or cover everything between two. */
static inline bool model_take(struct model *m)
{
	unsigned int first = model_u32(m) % MODEL_PAGES;
	unsigned int last = model_u32(m) % MODEL_PAGES;
	unsigned int kind = m->byte(m->ctx) % 4, i;
	u64 *retired = NULL, gpa, end;
	bool found, any = false;

	if (kind == 0)
		last = min(first + last % 4, (first | 511u));
	if (last < first)
		swap(first, last);
	if (kind == 3) {
		first = 0;
		last = MODEL_PAGES - 1;
	}
	gpa = model_gpa(first);
	end = model_gpa(last) + 4096;
	for (i = 0; i < MODEL_PAGES; i++) {
		/* A large page goes whole. */
		u64 from = m->large[i / 512] ? model_regions[i / 512] : model_gpa(i);
		u64 size = m->large[i / 512] ? 0x200000 : 4096;

		if (from < end && gpa < from + size) {
			any |= m->pages[i].present;
			m->pages[i] = (struct model_page) {};
		}
	}
	for (i = 0; i < MODEL_REGIONS; i++)
		m->large[i] &= m->pages[i * 512].present;
	spin_lock(&m->vm.mmu_lock);
	if (kind & 1)
		found = baton_npt_detach(&m->vm, gpa, end - gpa, &retired);
	else
		found = baton_npt_zap(&m->vm, gpa, end - gpa);
	spin_unlock(&m->vm.mmu_lock);
	MODEL_CHECK(found || (!any && !retired));
	baton_npt_free_retired(retired);
	return found;
}

/* Of the 64 pages from any one on, which may be in two tables, or in none. */
static inline bool model_protect(struct model *m)
{
	unsigned int page = model_u32(m) % MODEL_PAGES, i, at;
	bool found, any = false;
	u64 mask = 0;

	for (i = 0; i < 8; i++)
		mask = mask << 8 | m->byte(m->ctx);
	/* No slot ends beyond the last address. */
	while (mask && model_gpa(page) + (63 - __builtin_clzll(mask)) * 4096ull >= 1ull << 48)
		mask >>= 1;
	for (i = 0; i < 64; i++) {
		/* Pages beyond a region are watched if that one is next to it. */
		for (at = 0; at < MODEL_PAGES; at++)
			if (model_gpa(at) == model_gpa(page) + i * 4096ull)
				break;
		if (at == MODEL_PAGES || !(mask >> i & 1) || m->large[at / 512] ||
		    !m->pages[at].write)
			continue;
		m->pages[at].write = false;
		m->pages[at].clean = any = true;
	}
	spin_lock(&m->vm.mmu_lock);
	found = baton_npt_protect(&m->vm, model_gpa(page), mask);
	spin_unlock(&m->vm.mmu_lock);
	MODEL_CHECK(found == any);
	return found;
}

static inline void model_unprotect(struct model *m)
{
	struct model_page *p;
	unsigned int page = model_u32(m) % MODEL_PAGES;

	p = &m->pages[page];
	MODEL_CHECK(baton_npt_unprotect(&m->vm.npt, model_gpa(page)) == p->clean);
	p->write |= p->clean;
	p->clean = false;
}

/* The leaf of a page, as a processor finds it. */
static inline u64 *model_leaf(struct model *m, u64 gpa)
{
	const struct baton_pte_format *format = m->vm.npt.format;
	u64 *table = m->vm.npt.root, *entry;
	int level;

	for (level = 4;; level--) {
		entry = &table[gpa >> (12 + 9 * (level - 1)) & 511];
		if (!*entry || baton_pte_is_leaf(format, *entry, level))
			return entry;
		table = (u64 *)(uintptr_t)baton_pte_address(format, *entry, level);
	}
}

/* The guest reads or writes, and hardware notes that. */
static inline void model_use(struct model *m)
{
	const struct baton_pte_format *format = m->vm.npt.format;
	unsigned int page = model_u32(m) % MODEL_PAGES, first = page, count = 1, i;
	u64 *leaf = model_leaf(m, model_gpa(page));
	bool write = m->byte(m->ctx) & 1;

	if (!*leaf)
		return;
	*leaf |= format->accessed | (write && *leaf & format->write ? format->dirty : 0);
	if (m->large[page / 512]) {
		first = page / 512 * 512;
		count = 512;
	}
	for (i = first; i < first + count; i++) {
		struct model_page *p = &m->pages[i];

		p->used = true;
		if (write && p->clean && m->logs) {
			p->write = true;
			p->clean = false;
		}
	}
}

/* From any page on, in one region or over its end. */
static inline void model_used(struct model *m)
{
	unsigned int page = model_u32(m) % MODEL_PAGES, count = 1 + m->byte(m->ctx) % 64, i, at;
	bool clear = m->byte(m->ctx) & 1;
	u64 used;

	while (model_gpa(page) + count * 4096ull > 1ull << 48)
		count--;
	spin_lock(&m->vm.mmu_lock);
	used = baton_npt_used(&m->vm, model_gpa(page), count, clear);
	spin_unlock(&m->vm.mmu_lock);
	MODEL_CHECK(count == 64 || !(used >> count));
	for (i = 0; i < count; i++) {
		for (at = 0; at < MODEL_PAGES; at++)
			if (model_gpa(at) == model_gpa(page) + i * 4096ull)
				break;
		MODEL_CHECK((used >> i & 1) == (at < MODEL_PAGES && m->pages[at].used));
	}
	for (i = 0; i < MODEL_PAGES && clear; i++) {
		u64 from = m->large[i / 512] ? model_regions[i / 512] : model_gpa(i);
		u64 size = m->large[i / 512] ? 0x200000 : 4096;

		/* A large one with its last page: until then it is told again. */
		if (from + size <= model_gpa(page) + count * 4096ull &&
		    model_gpa(page) < from + size)
			m->pages[i].used = false;
	}
}

static inline void model_look(struct model *m)
{
	unsigned int page = model_u32(m) % MODEL_PAGES, i;
	bool write = m->byte(m->ctx) & 1, large_ok = m->byte(m->ctx) & 1;
	const struct model_page *p = &m->pages[page];
	bool large = m->large[page / 512];
	struct baton_npt_look look;

	look = baton_npt_look(&m->vm.npt, model_gpa(page), write, large_ok);
	MODEL_CHECK(look.fine == (p->present && (!write || p->write || (m->logs && p->clean)) &&
				  (!large || large_ok)));
	MODEL_CHECK(look.before <= page % BATON_NPT_BLOCK);
	MODEL_CHECK(look.after <= BATON_NPT_BLOCK - 1 - page % BATON_NPT_BLOCK);
	for (i = 1; i <= look.before; i++)
		MODEL_CHECK(!m->pages[page - i].present);
	for (i = 1; i <= look.after; i++)
		MODEL_CHECK(!m->pages[page + i].present);
	MODEL_CHECK(look.run <= page % 512 && !(look.run && look.before));
	for (i = 1; i <= look.run; i++)
		MODEL_CHECK(m->pages[page - i].present);
}

static inline void model_init(struct model *m, const struct baton_pte_format *format,
			      bool logs, u8 (*byte)(void *ctx), void *ctx)
{
	memset(m, 0, sizeof(*m));
	m->byte = byte;
	m->ctx = ctx;
	m->logs = logs;
	MODEL_CHECK(!baton_npt_init(&m->vm.npt, format, logs));
}

static inline void model_step(struct model *m)
{
	u8 what = m->byte(m->ctx);
	bool flush = false;

	if (what < 120)
		flush = model_map_small(m);
	else if (what < 160)
		flush = model_map_large(m);
	else if (what < 200)
		flush = model_take(m);
	else if (what < 215)
		model_look(m);
	else if (what < 225)
		model_use(m);
	else if (what < 235)
		model_used(m);
	else if (what < 245)
		flush = model_protect(m);
	else
		model_unprotect(m);
	model_compare(m, flush);
	MODEL_CHECK(!kshim_locks_held);
}

#endif
