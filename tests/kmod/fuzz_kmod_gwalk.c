// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest page-table walk: any mode, any address, tables that change under it
 * at each read. It ends after as many reads as there are levels, asks for
 * aligned entries only, and its answer is an address the processor could have.
 */
#include "kmod_env.h"
#include "fetch.h"
#include "fuzz.h"

#define TABLES 0x4000u

struct walk_memory {
	struct fuzz f;
	u8 bytes[TABLES];
	unsigned int reads;
	bool moving;
};

static int read_entry(void *ctx, u64 gpa, void *to, unsigned int size)
{
	struct walk_memory *m = ctx;

	FUZZ_CHECK(size == 4 || size == 8);
	FUZZ_CHECK(!(gpa % size) && !(gpa >> 52));
	FUZZ_CHECK(++m->reads <= 5);
	if (m->moving)
		m->bytes[fuzz_u16(&m->f) % TABLES] = fuzz_u8(&m->f);
	memcpy(to, m->bytes + gpa % TABLES, size);
	return m->moving && fuzz_u8(&m->f) == 0xff ? -EAGAIN : 0;
}

/* One entry in four leads on in the tables; the others are the input's. */
static void fill(struct walk_memory *m, unsigned int count)
{
	unsigned int i;
	u64 entry;

	for (i = 0; i < count; i++) {
		unsigned int at = fuzz_u16(&m->f) % (TABLES / 8);

		entry = fuzz_u64(&m->f);
		if (fuzz_u8(&m->f) & 3)
			entry = (entry & 0x3067) | 7;
		memcpy(m->bytes + at * 8, &entry, sizeof(entry));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct walk_memory m;
	struct baton_walk walk;
	u64 gpa, again;
	bool user;
	int r;
	u8 bits;

	m = (struct walk_memory) { .f = { data, size } };
	bits = fuzz_u8(&m.f);
	walk = (struct baton_walk) {
		.cr0 = X86_CR0_PE | (bits & 1 ? 0 : X86_CR0_PG) | (bits & 2 ? X86_CR0_WP : 0),
		.cr4 = (bits & 4 ? X86_CR4_PAE : 0) | (bits & 8 ? X86_CR4_PSE : 0) |
		       (bits & 16 ? X86_CR4_LA57 : 0) | (bits & 32 ? X86_CR4_SMEP : 0),
		.efer = (bits & 64 ? EFER_LMA | EFER_LME : 0) | (bits & 128 ? EFER_NX : 0),
	};
	bits = fuzz_u8(&m.f);
	walk.cr3 = bits & 8 ? fuzz_u64(&m.f) : 0;
	fill(&m, fuzz_u8(&m.f));
	while (m.f.left) {
		u64 gva = fuzz_u64(&m.f);

		m.moving = fuzz_bool(&m.f);
		m.reads = 0;
		r = baton_gwalk(&walk, gva, read_entry, &m, &gpa, &user);
		FUZZ_CHECK(!r || r == -EFAULT || r == -EAGAIN);
		if (r)
			continue;
		FUZZ_CHECK(!(gpa >> 52) && !((gpa ^ gva) & ~PAGE_MASK));
		if (m.moving)
			continue;
		m.reads = 0;
		FUZZ_CHECK(!baton_gwalk(&walk, gva, read_entry, &m, &again, &user) && gpa == again);
	}
	return 0;
}
