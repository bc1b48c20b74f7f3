/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The second-level page table of a VM (EPT or NPT by its format), four
 * levels. Guarded by vm->mmu_lock. fault.c fills it from the monitor's
 * mapping, notifier.c takes entries away. npt.c is pure: it also builds in
 * userland for tests and fuzzing.
 */
#ifndef BATON_NPT_H
#define BATON_NPT_H

#include <linux/types.h>

#include "pte_format.h"

struct baton_vm;
struct baton_vcpu;

#define BATON_NPT_LARGE_SIZE (1ull << 21)
/* New tables that one call of baton_npt_map_*() can need. */
#define BATON_NPT_SPARES 3
/* 4 KiB pages of one aligned block that a fault looks after. */
#define BATON_NPT_BLOCK 32u

struct baton_npt {
	const struct baton_pte_format *format;
	u64 *root;		/* kernel address of the level-4 table */
	u64 root_pa;
	/*
	 * Bits of a leaf that the guest writes and nobody needs to know, and of one whose
	 * first write the dirty log is to see: that may fault, or, where the processor
	 * logs pages that become dirty, go on.
	 */
	u64 written, clean;
	unsigned long pages;	/* tables in use, root included */
	unsigned long leaves[2]; /* pages mapped: 4 KiB, 2 MiB */
	u64 *spare;		/* chain of zeroed tables, see baton_npt_topup() */
	unsigned int spares;
};

/* Does the processor note what becomes dirty? Then writes to clean pages do not fault. */
static inline bool baton_npt_logs(const struct baton_npt *npt)
{
	return npt->clean != BATON_PTE_CLEAN;
}

/* What is mapped at and around an address. */
struct baton_npt_look {
	bool fine;		/* the access is allowed by what is there */
	u8 before, after;	/* free 4 KiB entries on both sides, in the block */
	u8 run;			/* entries in use just below, not only in the block */
};

/*
 * 0 or -ENOMEM. logs: the processor notes each leaf that becomes dirty, for
 * baton_dirty_note(). fini: no vCPU is left; accepts what init did not finish.
 */
int baton_npt_init(struct baton_npt *npt, const struct baton_pte_format *format, bool logs);
void baton_npt_fini(struct baton_npt *npt);

/* Has BATON_NPT_SPARES tables ready. Process context, mmu_lock not held. 0, -ENOMEM. */
int baton_npt_topup(struct baton_vm *vm);

/*
 * mmu_lock held for all of these. large_ok: an executable 2 MiB page serves a
 * fetch (false on processors with the iTLB-multihit erratum).
 */
struct baton_npt_look baton_npt_look(const struct baton_npt *npt, u64 gpa, bool write,
				     bool large_ok);
/*
 * Map `count` pages at pa[] from gpa on, all in one 2 MiB range, or one 2 MiB
 * page. 0; -EAGAIN: spare tables are used up, top up and call again; -EEXIST
 * (large, not exec): small pages are mapped there and stay. *flush becomes true
 * if a TLB may hold what was there before: flush before mmu_lock is released.
 * A table that the large page replaced goes to the chain *retired.
 */
enum baton_npt_access {
	BATON_NPT_READ,
	BATON_NPT_CLEAN,	/* … until baton_npt_unprotect() */
	BATON_NPT_WRITE,
};
int baton_npt_map_small(struct baton_npt *npt, u64 gpa, const u64 *pa, unsigned int count,
			enum baton_npt_access access, bool *flush);
int baton_npt_map_large(struct baton_npt *npt, u64 gpa, u64 pa, bool write, bool exec,
			u64 **retired, bool *flush);
/* A small page that was mapped CLEAN can be written from now on. False: not mapped so. */
bool baton_npt_unprotect(struct baton_npt *npt, u64 gpa);
/* The reverse, of page n from gpa on for each bit n of mask. True: flush needed. */
bool baton_npt_protect(struct baton_vm *vm, u64 gpa, u64 mask);
/*
 * Of up to 64 pages from gpa on, a bit for each that the guest has used since it was
 * asked for last (clear) or mapped. A large page is used as a whole. No flush: a
 * processor that has the page in its TLB may use it for a while without telling.
 */
u64 baton_npt_used(struct baton_vm *vm, u64 gpa, unsigned int count, bool clear);
/* Removes all mappings of [gpa, gpa + size). True: flush needed. */
bool baton_npt_zap(struct baton_vm *vm, u64 gpa, u64 size);
/* The same; tables that are wholly inside also go, to the chain *retired. */
bool baton_npt_detach(struct baton_vm *vm, u64 gpa, u64 size, u64 **retired);
/* Frees a chain of retired tables: after the TLB flush. May sleep. */
void baton_npt_free_retired(u64 *retired);

/*
 * fault.c: makes vcpu->fault.gpa accessible. Process context, sleeps.
 * 0: run again. 1: no slot (or write to a read-only one): BATON_EMULATE_* in
 * *ret_kind. Negative: host page is not to be had (-EFAULT, -ENOMEM, -EHWPOISON,
 * -EINTR); *ret_hva says where.
 */
int baton_fault_resolve(struct baton_vcpu *vcpu, u32 *ret_kind, unsigned long *ret_hva);

#endif
