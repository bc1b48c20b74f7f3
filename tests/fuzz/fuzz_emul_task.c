// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Task switches of the emulator: any TSS, any descriptors, any registers. What must hold:
 * a fault of the old task has changed nothing, and what is loaded is nothing that a processor
 * refuses to enter, for else a guest could end its VM by a task switch.
 */
#include "fuzz.h"

#include "emul_guest.h"

#define GDT		0x6000u
#define GDT_SIZE	0x80u
#define RFLAGS_RF	0x10000ull
#define RFLAGS_VM	0x20000ull

static struct {
	struct baton_regs regs;
	struct baton_sregs sregs;
	uint8_t ram[G_RAM];
} before;

/* ---- what it starts from ---- */

static void set_descriptors(struct guest *g, struct fuzz *f)
{
	static const uint64_t plain[] = {
		0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x0000890020000067, 0x0000890030000067,
		0x00cffb000000ffff, 0x00cff3000000ffff, 0x000081003000002b, 0x0000820070000007,
		0x00cf9f000000ffff, 0x00008b0020000067, 0x00008b0030000067, 0x000083002000002b,
	};

	memcpy(guest_at(g, GDT), plain, sizeof(plain));
	for (unsigned int i = fuzz_u8(f) & 7; i; i--) {
		uint64_t raw = fuzz_u64(f);

		memcpy(guest_at(g, GDT + (fuzz_u8(f) & 15) * 8u), &raw, sizeof(raw));
	}
	g->sregs.gdt = (struct baton_dtable){ .base = GDT, .limit = GDT_SIZE - 1 };
	g->sregs.seg[BATON_LDTR] = (struct baton_segment){
		.base = GDT, .limit = GDT_SIZE - 1, .selector = 0x40,
		.attr = fuzz_bool(f) ? 0x82 : BATON_SEG_UNUSABLE,
	};
}

static void set_tss(struct guest *g, struct fuzz *f, uint32_t at)
{
	uint8_t bytes[0x68];

	fuzz_bytes(f, bytes, sizeof(bytes));
	/* Selectors mostly of the table, or nothing gets far. */
	if (fuzz_bool(f))
		for (unsigned int i = 0; i < 7; i++) {
			bytes[0x48 + 4 * i] &= 0x7f;
			bytes[0x49 + 4 * i] = 0;
		}
	memcpy(guest_at(g, at), bytes, sizeof(bytes));
}

static void set_paging(struct guest *g, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f);

	if (!(what & 1))
		return;
	for (uint32_t i = 0; i < 1024; i++) {
		const uint32_t table = (G_TABLES + 0x1000) | 7, page = i << 12 | 3;

		memcpy(guest_at(g, G_TABLES + 4 * i), &table, 4);
		memcpy(guest_at(g, G_TABLES + 0x1000 + 4 * i), &page, 4);
	}
	if (what & 2) {
		uint32_t entry = fuzz_u32(f);

		memcpy(guest_at(g, G_TABLES + 0x1000 + 4 * (fuzz_u8(f) & 63u)), &entry, 4);
	}
	g->sregs.cr0 |= 1ull << 31;
	g->sregs.cr4 ^= (uint64_t)(what >> 2 & 1) << 5; /* PAE */
	g->sregs.cr3 = G_TABLES;
	for (unsigned int i = 0; i < 4; i++)
		g->sregs.pdpte[i] = G_TABLES | 1;
}

static void set_old(struct guest *g, struct fuzz *f)
{
	bool small = fuzz_bool(f);

	g->sregs.seg[BATON_TR] = (struct baton_segment){
		.base = 0x2000, .limit = small ? 0x2b : 0x67, .selector = fuzz_u8(f) & 0x78,
		.attr = small ? 0x83 : 0x8b,
	};
	g->regs.rflags = (fuzz_u32(f) & 0x1f7fd5) | 2;
	for (unsigned int i = 0; i < 8; i++)
		g->regs.gpr[i] = fuzz_u32(f);
	if (fuzz_bool(f))
		guest_set_user(g);
}

/* ---- what must hold ---- */

static unsigned int dpl(const struct baton_segment *seg)
{
	return (seg->attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT;
}

/* SDM vol. 3, "Checks on Guest Segment Registers". */
static bool is_fit(const struct baton_segment *seg)
{
	if (seg->attr & BATON_SEG_UNUSABLE)
		return true;
	return seg->attr & BATON_SEG_P && !(seg->base >> 32) && !(seg->attr & 0x0f00) &&
	       (seg->attr & BATON_SEG_G ? (seg->limit & 0xfff) == 0xfff : !(seg->limit >> 20));
}

static void check_v86(const struct baton_sregs *s)
{
	for (unsigned int i = BATON_ES; i <= BATON_GS; i++)
		FUZZ_CHECK(s->seg[i].attr == 0xf3 && s->seg[i].limit == 0xffff &&
			   s->seg[i].base == (uint64_t)s->seg[i].selector << 4);
}

static void check_segments(const struct baton_sregs *s)
{
	const struct baton_segment *cs = &s->seg[BATON_CS], *ss = &s->seg[BATON_SS];
	unsigned int type = cs->attr & 0x1f;

	FUZZ_CHECK(!(cs->attr & BATON_SEG_UNUSABLE));
	FUZZ_CHECK(type == 0x19 || type == 0x1b || type == 0x1d || type == 0x1f);
	FUZZ_CHECK(type & 4 ? dpl(cs) <= dpl(ss) : dpl(cs) == dpl(ss));
	type = ss->attr & 0x1f;
	FUZZ_CHECK(ss->attr & BATON_SEG_UNUSABLE || type == 0x13 || type == 0x17);
	for (unsigned int i = BATON_ES; i <= BATON_GS; i++) {
		type = s->seg[i].attr & 0x1f;
		FUZZ_CHECK(is_fit(&s->seg[i]));
		if (!(s->seg[i].attr & BATON_SEG_UNUSABLE))
			FUZZ_CHECK((type & 0x11) == 0x11 &&
				   (!(type & 8) || type & 2 || i == BATON_CS));
	}
}

static void check_new(const struct guest *g)
{
	const struct baton_segment *ldt = &g->sregs.seg[BATON_LDTR], *tr = &g->sregs.seg[BATON_TR];
	unsigned int type = tr->attr & 0x1f;

	FUZZ_CHECK(!(g->regs.rflags & ~0x3f7fd7ull) && g->regs.rflags & 2);
	FUZZ_CHECK(!(g->regs.rip >> 32) && !(g->sregs.cr3 >> 32) && g->sregs.cr0 & 8);
	FUZZ_CHECK(is_fit(ldt) && is_fit(tr) && !(tr->selector & 4));
	FUZZ_CHECK(type == 3 || type == 0xb);
	FUZZ_CHECK(ldt->attr & BATON_SEG_UNUSABLE ||
		   ((ldt->attr & 0x1f) == 2 && !(ldt->selector & 4)));
	if (g->regs.rflags & RFLAGS_VM && g->sregs.seg[BATON_CS].attr == 0xf3)
		check_v86(&g->sregs);
	else
		check_segments(&g->sregs);
}

static void check_fault(struct guest *g, bool switched)
{
	uint8_t vector = g->fault.vector;

	FUZZ_CHECK(vector == 1 || vector == 8 || (vector >= 10 && vector <= 14));
	FUZZ_CHECK(vector == 1 ? switched && g->fault.dr6 == 0x8000 : g->fault.has_error_code);
	if (switched)
		return;
	before.regs.rflags |= RFLAGS_RF;
	if (vector == 14)
		before.sregs.cr2 = g->sregs.cr2;
	FUZZ_CHECK(!memcmp(&before.regs, &g->regs, sizeof(g->regs)));
	FUZZ_CHECK(!memcmp(&before.sregs, &g->sregs, sizeof(g->sregs)));
}

/* Of memory only the tables' marks may have changed. */
static void check_memory(struct guest *g)
{
	FUZZ_CHECK(!memcmp(before.ram, guest_at(g, 0), G_TABLES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guest *g;
	struct fuzz f = { data, size };
	struct baton_exit_task task = { 0 };
	enum emul_result result;
	bool switched;

	if (!g)
		g = guest_create(EMUL_PROTECTED32);
	guest_set_mode(g, EMUL_PROTECTED32);
	memset(guest_at(g, 0), 0, G_RAM);
	g->regs = (struct baton_regs){ .rip = G_CODE };
	task.source = fuzz_u8(&f) & 7;
	task.selector = fuzz_bool(&f) ? fuzz_u16(&f) : fuzz_u8(&f) & 0x78;
	task.insn_len = fuzz_u8(&f) & 15;
	task.event = fuzz_u32(&f);
	task.error_code = fuzz_u16(&f);
	set_descriptors(g, &f);
	set_tss(g, &f, 0x2000);
	set_tss(g, &f, 0x3000);
	set_old(g, &f);
	set_paging(g, &f);
	before.regs = g->regs;
	before.sregs = g->sregs;
	memcpy(before.ram, guest_at(g, 0), G_RAM);
	result = emul_task_switch(g->emul, &g->regs, &g->sregs, &task, &g->fault, &switched);
	FUZZ_CHECK(result >= EMUL_DONE_SREGS && result <= EMUL_SHUTDOWN && result != EMUL_NO_CODE);
	FUZZ_CHECK(result != EMUL_DONE_SREGS || switched);
	FUZZ_CHECK(result == EMUL_DONE_SREGS || result == EMUL_FAULT || !switched);
	if (result == EMUL_FAULT)
		check_fault(g, switched);
	if (switched)
		check_new(g);
	else
		check_memory(g);
	return 0;
}
