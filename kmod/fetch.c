// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes of the guest's current instruction, read from the monitor's mapping of
 * guest memory. Works in a window (interrupts off): page faults are disabled,
 * so a page that is not there makes the read fail, BATON_REQ_TOUCH brings it in
 * outside the window, and the guest runs the instruction again.
 *
 * The cache remembers where one page of code is in the monitor's memory: for
 * the same linear page, CR3, paging mode and set of slots. It does not notice
 * that the guest changes its page tables without loading CR3. That is allowed:
 * a stale translation reads other bytes of this guest's own memory (the slots'
 * generation sees to that), and callers take what they read as valid only if
 * it is the instruction that the processor reported. What a wrong answer can
 * hurt is the guest that tricked itself. Whoever takes more than a length from
 * the bytes empties the cache first (apic_page.c).
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/msr-index.h>

#include "fetch.h"
#include "slots.h"
#include "vcpu.h"

/* --- reading user memory that may not be there ------------------------------- */

#define peek(to, hva, type) __get_user(*(type *)(to), (const type __user *)(hva))

/* 1-15 bytes within a page, by two overlapping loads where that does it. */
static bool peek_bytes(u8 *to, unsigned long hva, unsigned int count)
{
	int r = 0;

	pagefault_disable();
	if (count >= 8) {
		r = peek(to, hva, u64);
		r |= peek(to + count - 8, hva + count - 8, u64);
	} else if (count >= 4) {
		r = peek(to, hva, u32);
		r |= peek(to + count - 4, hva + count - 4, u32);
	} else {
		while (count--)
			r |= peek(to + count, hva + count, u8);
	}
	pagefault_enable();
	return !r;
}

int baton_touch_later(struct baton_vcpu *vcpu, unsigned long hva, u64 gpa)
{
	vcpu->touch_hva = hva;
	vcpu->touch_gpa = gpa;
	/* Not baton_request(): it is for this thread, which looks before it enters. */
	set_bit(BATON_REQ_TOUCH, &vcpu->requests);
	return -EAGAIN;
}

/* A page-table entry: naturally aligned, so read in one piece. */
static int read_entry(void *ctx, u64 gpa, void *to, unsigned int size)
{
	struct baton_vcpu *vcpu = ctx;
	unsigned long hva = baton_gpa_to_hva(vcpu->vm, gpa, size, false);

	if (!hva)
		return -EFAULT;
	return peek_bytes(to, hva, size) ? 0 : baton_touch_later(vcpu, hva, gpa);
}

/* --- where a page of code is --------------------------------------------------- */

static u64 slots_generation(struct baton_vm *vm)
{
	/* Interrupts are off in a window: that is a read section of its own. */
	return rcu_dereference_sched(vm->slots)->generation;
}

/* What the meaning of a linear address depends on besides CR3, below bit 12. */
static u64 mode_bits(const struct baton_walk *walk)
{
	return (walk->cr0 & X86_CR0_PG ? 1 : 0) | (walk->cr4 & (X86_CR4_PSE | X86_CR4_PAE)) |
	       (walk->efer & EFER_LMA ? 0x100 : 0) | (walk->cr4 & X86_CR4_LA57 ? 0x200 : 0);
}

void baton_fetch_forget(struct baton_vcpu *vcpu)
{
	vcpu->fetch.hva = 0;
}

static int code_page(struct baton_vcpu *vcpu, const struct baton_walk *walk, u64 gva)
{
	struct baton_fetch_cache *cache = &vcpu->fetch;
	u64 key = (gva & PAGE_MASK) | mode_bits(walk);
	u64 generation = slots_generation(vcpu->vm);
	unsigned long hva;
	bool user;
	u64 gpa;
	int r;

	if (cache->hva && cache->gva_page == key && cache->cr3 == walk->cr3 &&
	    cache->gen == generation)
		return 0;
	r = baton_gwalk(walk, gva & PAGE_MASK, read_entry, vcpu, &gpa, &user);
	if (r)
		return r;
	hva = baton_gpa_to_hva(vcpu->vm, gpa, PAGE_SIZE, false);
	if (!hva)
		return -EFAULT;
	*cache = (struct baton_fetch_cache) {
		.gva_page = key, .cr3 = walk->cr3, .hva = hva, .gpa = gpa, .gen = generation,
		.user = user,
	};
	return 0;
}

int baton_fetch_insn(struct baton_vcpu *vcpu, const struct baton_code *code, u8 *buf,
		     unsigned int want)
{
	unsigned int done, count;
	unsigned long hva;
	bool user = false;	/* the page before is a user's */
	int r;

	want = min(want, BATON_INSN_MAX);
	for (done = 0; done < want; done += count) {
		u64 gva = code->linear + done;

		if (!code->long64)
			gva = (u32)gva;
		count = min_t(unsigned int, want - done, PAGE_SIZE - offset_in_page(gva));
		r = code_page(vcpu, &code->walk, gva);
		if (!r && user && !vcpu->fetch.user)
			return done;
		user = vcpu->fetch.user;
		hva = vcpu->fetch.hva;
		if (!r && !peek_bytes(buf + done, hva + offset_in_page(gva), count))
			r = baton_touch_later(vcpu, hva, vcpu->fetch.gpa);
		if (r == -EAGAIN)
			return 0;
		if (r)
			return done ? (int)done : r;
	}
	return done;
}

/* --- lengths -------------------------------------------------------------------- */

unsigned int baton_insn_length(const u8 *buf, unsigned int len, u32 opcode, bool long64)
{
	unsigned int size = opcode > 0xffff ? 3 : opcode > 0xff ? 2 : 1;
	unsigned int at = 0, i;

	len = min(len, BATON_INSN_MAX);
	while (at < len && baton_is_prefix(buf[at], long64))
		at++;
	if (at + size > len)
		return 0;
	for (i = 0; i < size; i++)
		if (buf[at + i] != (u8)(opcode >> 8 * (size - 1 - i)))
			return 0;
	return at + size;
}
