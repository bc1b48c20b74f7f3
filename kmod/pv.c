// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual services (see pv.h; the guest's side is the kernel's
 * Documentation/virt/kvm/x86/msr.rst and hypercalls.rst).
 *
 * Lazy EOI: as long as nothing waits behind an edge-triggered interrupt, its end
 * need not be known at once. So the guest notes it by clearing a flag in its memory,
 * with no exit, and the flag is looked at when the next interrupt comes (lapic.c).
 */
#include <linux/irqflags.h>
#include <linux/uaccess.h>

#include "pv.h"
#include "slots.h"
#include "vcpu.h"

/*
 * Writes the flag, and says what it was. A window can neither wait for memory nor
 * mark it in a dirty log: it does without.
 */
static bool swap_flag(struct baton_vcpu *vcpu, u8 new, u8 *ret_old)
{
	u64 gpa = vcpu->msr.pv_eoi & ~BATON_PV_ENABLED;
	bool window = irqs_disabled(), ok = false;
	const struct baton_memslot *slot;
	u8 __user *flag;

	rcu_read_lock();
	slot = baton_slot_find(rcu_dereference(vcpu->vm->slots), gpa);
	flag = slot && !(slot->flags & BATON_SLOT_READONLY) && !(window && slot->dirty) ?
	       (u8 __user *)baton_slot_hva(slot, gpa) : NULL;
	rcu_read_unlock();
	if (!flag)
		return false;
	if (window)
		pagefault_disable();
	ok = !__get_user(*ret_old, flag) && (*ret_old == new || !__put_user(new, flag));
	if (window)
		pagefault_enable();
	else
		baton_dirty_mark(vcpu->vm, gpa, sizeof(*flag));
	return ok;
}

bool baton_pv_eoi_offer(struct baton_vcpu *vcpu)
{
	u8 old;

	return swap_flag(vcpu, 1, &old);
}

/*
 * A flag that cannot be had just now counts as cleared. Should the guest not have done
 * so, it will, and not write EOI: the interrupt's end only comes too early.
 */
bool baton_pv_eoi_take(struct baton_vcpu *vcpu)
{
	u8 old;

	return !swap_flag(vcpu, 0, &old) || !(old & 1);
}
