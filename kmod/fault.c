// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level faults: guest-physical address to slot to monitor address to
 * host page to second-level entry.
 *
 * Problem. The page belongs to the monitor's mapping, which the kernel changes
 * as it likes (swap, migration, KSM, huge-page collapse, munmap by the monitor).
 * We must not pin it, and must never keep an entry for a page that has gone.
 *
 * Design: the sequence protocol of mmu_notifier. fault_begin() notes
 * vm->inv_seq under mmu_lock; then the page is looked up, which may sleep; then,
 * under mmu_lock again, fault_map() looks whether an invalidation that concerns
 * the page is under way or has ended since. If so all that was found out is
 * void, and the guest runs (and faults) again. Otherwise the entry is made: any
 * later invalidation takes mmu_lock and finds it. The page reference is dropped
 * then; the notifier is what protects the mapping from there on.
 *
 * Speed. An exit costs more than mapping a page, so one fault maps more:
 *  - pages of the same 128 KiB block that are present in the host, and free in
 *    the second-level table, come along: taken by get_user_pages_fast_only(),
 *    which never sleeps and never faults a page in;
 *  - the guest that writes upwards through fresh memory gets pages ahead, as many
 *    as it filled in a row before, at most FAULT_AHEAD: a fault-in that does
 *    not wait (FAULT_FLAG_RETRY_NOWAIT). Memory use at most doubles, and only inside a
 *    run; userfaultfd and swap are never waited for on a guess;
 *  - 2 MiB at once where the host itself has a 2 MiB leaf.
 *
 * Dirty. A page mapped writable is marked dirty at once: the guest writes with
 * no one looking. Write-back and reclaim first unmap it, which the notifier
 * sees; so the flag is set under mmu_lock, and only if the mapping is made: later it
 * would be taken for one that write-back knows of. Only the flag, as for any other GUP
 * user without the page lock.
 *
 * Log. In a slot that logs, pages come small and CLEAN; a write to one that is there
 * needs no page of the host's, only its bit (log_write()). See dirty.c.
 *
 * Failure. Whatever the guest or the monitor does ends as a retry, an exit with
 * an errno, or a signal.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "slots.h"
#include "vcpu.h"

#define FAULT_AHEAD 15u

struct fault {
	struct baton_vm *vm;
	u64 gpa;		/* of the page */
	unsigned long hva;
	struct baton_memslot slot;	/* copied: the array may go */
	bool write, fetch;
	unsigned long seq;	/* vm->inv_seq before anything was looked up */
	struct baton_npt_look look;
	bool large;		/* the host has a 2 MiB leaf there, and we may too */
	bool writable;		/* what was taken allows writes */
	u8 first;		/* pages[] that were taken: [first, first + count) */
	u8 count;
	struct page *pages[BATON_NPT_BLOCK]; /* the faulting one is at look.before */
};

/* Executable 2 MiB pages can hang processors with this erratum. */
static bool large_exec_ok(void)
{
	return !boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT);
}

/* --- what the host has ----------------------------------------------------------- */

/*
 * Does the host map hva by a leaf of 2 MiB or more? A large folio may be mapped
 * piecewise, so only the page table itself can tell. Interrupts are off: tables
 * are not freed under us (the same rule as for get_user_pages_fast()). What we
 * find is void unless the caller checks the sequence under mmu_lock.
 */
static bool host_maps_large(struct mm_struct *mm, unsigned long hva)
{
	unsigned long flags;
	bool large = false;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	large = pud_leaf(pud);
	if (large)
		goto out;
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	large = !pmd_none(pmd) && pmd_present(pmd) && pmd_leaf(pmd);
out:
	local_irq_restore(flags);
	return large;
}

/* May a 2 MiB entry stand for this address, as far as the slot is concerned? */
static bool slot_allows_large(const struct fault *f)
{
	u64 base = f->gpa & ~(BATON_NPT_LARGE_SIZE - 1);
	const struct baton_memslot *slot = &f->slot;

	return !slot->dirty && ((slot->gpa ^ slot->hva) & (BATON_NPT_LARGE_SIZE - 1)) == 0 &&
	       base >= slot->gpa && base + BATON_NPT_LARGE_SIZE <= slot->gpa + slot->size &&
	       (!f->fetch || large_exec_ok());
}

static void check_large(struct fault *f)
{
	f->large = slot_allows_large(f) && host_maps_large(f->vm->mm, f->hva);
}

static void drop_pages(struct fault *f, unsigned int from, unsigned int count)
{
	while (count--)
		put_page(f->pages[from + count]);
}

/* Takes pages that are present, without sleeping; their number. */
static unsigned int take_fast(struct fault *f, unsigned int index, unsigned int count,
			      unsigned int flags)
{
	unsigned long hva = f->hva + ((long)index - f->look.before) * PAGE_SIZE;
	int n = get_user_pages_fast_only(hva, count, flags, &f->pages[index]);

	return n > 0 ? n : 0;
}

/* Neighbours below the faulting page; of use only if there is no hole between. */
static void take_before(struct fault *f, unsigned int flags)
{
	unsigned int n;

	if (!f->look.before)
		return;
	n = take_fast(f, 0, f->look.before, flags);
	if (n == f->look.before) {
		f->first = 0;
		f->count += n;
	} else {
		drop_pages(f, 0, n);
	}
}

static bool take_present(struct fault *f, unsigned int flags)
{
	f->first = f->look.before;
	f->count = take_fast(f, f->first, 1 + f->look.after, flags);
	if (!f->count)
		return false;
	f->writable = flags & FOLL_WRITE;
	take_before(f, flags);
	return true;
}

/* How many fresh pages to fault in behind this one. */
static unsigned int ahead(const struct fault *f)
{
	if (!f->write || f->large || f->look.before)
		return 0;
	return min3((unsigned int)f->look.run, (unsigned int)f->look.after, FAULT_AHEAD);
}

/* A page read in by a read fault: the host may well let us write to it. */
static void try_writable(struct fault *f)
{
	struct page *page;

	if (f->slot.flags & BATON_SLOT_READONLY ||
	    get_user_pages_fast_only(f->hva, 1, FOLL_WRITE, &page) != 1)
		return;
	put_page(f->pages[f->first]);
	f->pages[f->first] = page;
	f->writable = true;
}

/*
 * Faults up to `count` pages behind the faulting one in, without waiting for
 * anything, and takes them; their number. handle_mm_fault() instead of GUP, which
 * would walk the host's tables three times for each.
 */
static unsigned int take_ahead(struct fault *f, unsigned int count)
{
	const unsigned int flags = FAULT_FLAG_WRITE | FAULT_FLAG_ALLOW_RETRY |
				   FAULT_FLAG_RETRY_NOWAIT;
	unsigned long hva = f->hva + PAGE_SIZE;
	struct mm_struct *mm = f->vm->mm;
	struct vm_area_struct *vma;
	unsigned int n = 0;

	if (!mmap_read_trylock(mm))
		return 0;
	vma = find_vma(mm, f->hva);
	if (vma && vma->vm_start <= f->hva && vma->vm_flags & VM_WRITE &&
	    !(vma->vm_flags & (VM_IO | VM_PFNMAP | VM_HUGETLB))) {
		count = min_t(unsigned long, count, (vma->vm_end - hva) >> PAGE_SHIFT);
		while (n < count && !(handle_mm_fault(vma, hva + n * PAGE_SIZE, flags, NULL) &
				      (VM_FAULT_ERROR | VM_FAULT_RETRY | VM_FAULT_COMPLETED)))
			n++;
	}
	mmap_read_unlock(mm);
	return n ? take_fast(f, f->look.before + 1, n, FOLL_WRITE) : 0;
}

/* Faults the page in. Sleeps. */
static int take_slow(struct fault *f)
{
	unsigned int flags = FOLL_HWPOISON | FOLL_HONOR_NUMA_FAULT |
			     (f->write ? FOLL_WRITE : 0);
	struct page **page = &f->pages[f->look.before];
	unsigned int more = ahead(f);
	long n;

	n = get_user_pages_unlocked(f->hva, 1, page, flags | FOLL_INTERRUPTIBLE);
	if (n != 1)
		return n < 0 ? n : signal_pending(current) ? -EINTR : -EFAULT;
	f->first = f->look.before;
	f->count = 1;
	f->writable = f->write;
	if (!f->write)
		try_writable(f);
	if (more)
		f->count += take_ahead(f, more);
	check_large(f);
	return 0;
}

static int take_pages(struct fault *f)
{
	check_large(f);
	if (f->large)
		f->look = (struct baton_npt_look) {};
	if (!(f->slot.flags & BATON_SLOT_READONLY) && take_present(f, FOLL_WRITE))
		return 0;
	if (!f->write && take_present(f, 0))
		return 0;
	return take_slow(f);
}

/* --- under mmu_lock -------------------------------------------------------------- */

/* True: the guest may write now, there was nothing else in its way. */
static bool log_write(const struct fault *f)
{
	return f->write && baton_dirty_write(f->vm, &f->slot, f->gpa);
}

/*
 * Notes the sequence, finds the slot, looks at what is mapped. The slot is found
 * after the sequence: a slot that is being removed then either is not found or
 * makes fault_map() start over. 1: go on; 0: nothing to do; -ENXIO: no slot.
 */
static int fault_begin(struct fault *f)
{
	const struct baton_memslot *slot;
	struct baton_vm *vm = f->vm;
	u64 below, above;
	int r = -ENXIO;

	spin_lock(&vm->mmu_lock);
	f->seq = vm->inv_seq;
	smp_rmb();
	rcu_read_lock();
	slot = baton_slot_find(rcu_dereference(vm->slots), f->gpa);
	if (slot) {
		f->slot = *slot;
		f->hva = baton_slot_hva(slot, f->gpa);
		r = 0;
		if (!log_write(f)) {
			f->look = baton_npt_look(&vm->npt, f->gpa, f->write,
						 !f->fetch || large_exec_ok());
			r = !f->look.fine;
		}
	}
	rcu_read_unlock();
	spin_unlock(&vm->mmu_lock);
	if (r <= 0)
		return r;
	below = (f->gpa - f->slot.gpa) >> PAGE_SHIFT;
	above = (f->slot.size >> PAGE_SHIFT) - below - 1;
	f->look.before = min_t(u64, f->look.before, below);
	f->look.after = min_t(u64, f->look.after, above);
	return 1;
}

/* Did an invalidation make void what was looked up since fault_begin()? */
static bool fault_is_stale(const struct fault *f)
{
	const struct baton_vm *vm = f->vm;
	unsigned long start = f->hva + ((long)f->first - f->look.before) * PAGE_SIZE;
	unsigned long end = start + f->count * PAGE_SIZE;

	if (f->large) {
		start = f->hva & ~(BATON_NPT_LARGE_SIZE - 1);
		end = start + BATON_NPT_LARGE_SIZE;
	}
	if (vm->inv_count && start < vm->inv_end && vm->inv_start < end)
		return true;
	return vm->inv_seq != f->seq;
}

static void mark_dirty(const struct fault *f)
{
	unsigned int i;

	for (i = f->first; f->writable && i < f->first + f->count; i++) {
		struct folio *folio = page_folio(f->pages[i]);

		if (!folio_test_dirty(folio) && !folio_test_reserved(folio))
			folio_set_dirty(folio);
	}
}

static int map_small(struct fault *f, bool *flush)
{
	u64 gpa = f->gpa + ((s64)f->first - f->look.before) * (s64)PAGE_SIZE;
	enum baton_npt_access access = BATON_NPT_READ;
	u64 pa[BATON_NPT_BLOCK];
	unsigned int i;
	int r;

	if (f->writable)
		access = f->slot.dirty ? BATON_NPT_CLEAN : BATON_NPT_WRITE;
	for (i = 0; i < f->count; i++)
		pa[i] = page_to_phys(f->pages[f->first + i]);
	r = baton_npt_map_small(&f->vm->npt, gpa, pa, f->count, access, flush);
	if (!r)
		log_write(f);
	return r;
}

static int map_large(struct fault *f, u64 **retired, bool *flush)
{
	u64 mask = ~(BATON_NPT_LARGE_SIZE - 1);

	return baton_npt_map_large(&f->vm->npt, f->gpa & mask,
				   page_to_phys(f->pages[f->first]) & mask, f->writable,
				   large_exec_ok(), retired, flush);
}

/* 0: mapped, or stale (the guest tries again); -EAGAIN: more tables needed. */
static int fault_map(struct fault *f)
{
	struct baton_vm *vm = f->vm;
	u64 *retired = NULL;
	bool flush = false;
	int r = 0;

	spin_lock(&vm->mmu_lock);
	if (!fault_is_stale(f)) {
		r = f->large ? map_large(f, &retired, &flush) : -EEXIST;
		if (r == -EEXIST)
			r = map_small(f, &flush);
		if (!r)
			mark_dirty(f);
	}
	if (flush)
		baton_tlb_flush(vm);
	spin_unlock(&vm->mmu_lock);
	baton_npt_free_retired(retired);
	return r;
}

/* --- the whole ------------------------------------------------------------------- */

/*
 * A guest that touches here and there in huge slots must not eat host memory: one
 * gets a sixteenth of it for tables at most, and a user's VMs together an eighth. This
 * many each can have: enough for 64 vCPUs to run on behind one that took it all away.
 */
#define TABLES_MIN 1024ul

static bool has_too_many_tables(const struct baton_vm *vm)
{
	unsigned long most = totalram_pages() / 8, pages = READ_ONCE(vm->npt.pages);

	return pages > TABLES_MIN && (pages > most / 2 || baton_vm_tables(vm->owner) > most);
}

static int have_tables(struct baton_vm *vm)
{
	/* One more is about to be used, so not at each fault. */
	if (READ_ONCE(vm->npt.spares) < BATON_NPT_SPARES && unlikely(has_too_many_tables(vm)))
		baton_slots_publish(vm, NULL, 0, 1ull << BATON_NPT_BITS);
	return baton_npt_topup(vm);
}

static int fault_do(struct fault *f)
{
	int r = take_pages(f);

	/* What failed since fault_begin()'s look may be another slot's now, or nobody's. */
	if (r)
		return READ_ONCE(f->vm->inv_seq) != f->seq ? 0 : r;
	do {
		r = have_tables(f->vm);
		if (!r)
			r = fault_map(f);
	} while (r == -EAGAIN);
	drop_pages(f, f->first, f->count);
	return r;
}

int baton_fault_resolve(struct baton_vcpu *vcpu, u32 *ret_kind, unsigned long *ret_hva)
{
	struct fault f;
	int r;

	f.vm = vcpu->vm;
	f.gpa = vcpu->fault.gpa & PAGE_MASK;
	f.write = vcpu->fault.access & BATON_ACCESS_WRITE;
	f.fetch = vcpu->fault.access & BATON_ACCESS_FETCH;
	r = fault_begin(&f);
	if (r == -ENXIO) {
		*ret_kind = BATON_EMULATE_MMIO;
		return 1;
	}
	if (r && f.write && f.slot.flags & BATON_SLOT_READONLY) {
		*ret_kind = BATON_EMULATE_ROM;
		return 1;
	}
	if (r)
		r = fault_do(&f);
	if (r)
		*ret_hva = f.hva;
	return r;
}
