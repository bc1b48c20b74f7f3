// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/baton: descriptors, the table of calls, and every copy from and to user
 * space. No semantics here: a call's function gets a checked kernel copy of its
 * argument and the lock that the table names.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <asm/tsc.h>

#include "apic_page.h"
#include "chardev.h"
#include "compat.h"
#include "debug.h"
#include "eventfds.h"
#include "hwcpu.h"
#include "pvclock.h"
#include "slots.h"
#include "vcpu_state.h"

/* What a call's function may touch besides its argument. */
enum call_lock {
	LOCK_NONE,
	LOCK_VM,	/* vm->lock, killable */
	LOCK_VCPU,	/* vcpu->lock, -EBUSY while another thread has it */
};

struct call {
	unsigned int cmd;
	enum call_lock lock;
	long (*fn)(void *object, void *arg);
};

/* --- system descriptor ------------------------------------------------- */

static const struct file_operations vm_fops;

static long sys_get_info(void *unused, void *arg)
{
	struct baton_info *info = arg;

	info->abi_major = BATON_ABI_MAJOR;
	info->abi_minor = BATON_ABI_MINOR;
	info->features = BATON_FEAT_X2APIC | BATON_FEAT_TSC_DEADLINE | BATON_FEAT_PVCLOCK |
			 BATON_FEAT_IRQFD | BATON_FEAT_IOEVENTFD | BATON_FEAT_LARGE_PAGES |
			 BATON_FEAT_EXTINT | BATON_FEAT_DIRTY_LOG | BATON_FEAT_RESAMPLEFD |
			 BATON_FEAT_IOEVENTFD_MMIO | BATON_FEAT_SLOT_MOVE | BATON_FEAT_GUEST_DEBUG |
			 BATON_FEAT_VM_STATS | BATON_FEAT_PV_EOI | BATON_FEAT_PV_STEAL |
			 BATON_FEAT_PV_CALLS | BATON_FEAT_HALT_POLL | BATON_FEAT_TASK_SWITCH |
			 BATON_FEAT_ACCESS_WALK | BATON_FEAT_APIC_ACCESS | BATON_FEAT_ACCESS_EVENT;
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		info->features |= BATON_FEAT_XSAVE;
	if (baton_memory & BATON_MEMORY_ACCESSED)
		info->features |= BATON_FEAT_ACCESSED;
	if (baton_tsc_frac)
		info->features |= BATON_FEAT_TSC_SCALING;
	info->vendor = baton_hv ? baton_hv->vendor : BATON_VENDOR_NONE;
	info->refusal = baton_hwcpu_refusal();
	info->run_size = sizeof(struct baton_run);
	info->max_vcpus = BATON_MAX_VCPUS;
	info->max_slots = BATON_MAX_SLOTS;
	info->phys_bits = baton_phys_bits();
	info->tsc_khz = tsc_khz;
	info->vm_count = baton_vm_count();
	info->xcr0_mask = baton_xcr0_supported();
	return 0;
}

static bool all_zero(const void *field, size_t size)
{
	return !memchr_inv(field, 0, size);
}

/*
 * The opener of the descriptor pays, whoever it has been handed to or run by: a
 * set-user-ID program or one that changes its user makes no quota of its own. Nor do
 * the ids of a user namespace: who made that pays.
 */
static kuid_t payer(const struct cred *cred)
{
	const struct user_namespace *ns;
	kuid_t uid = cred->uid;

	for (ns = cred->user_ns; ns != &init_user_ns; ns = ns->parent)
		uid = ns->owner;
	return uid;
}

static long sys_create_vm(void *object, void *arg)
{
	const struct file *file = object;
	struct baton_create_vm *in = arg;
	struct baton_vm *vm;
	int r;

	if (in->flags & ~BATON_VM_NO_HALT_POLL || !all_zero(in->reserved, sizeof(in->reserved)))
		return -EINVAL;
	r = baton_vm_create(payer(file->f_cred), &vm);
	if (r)
		return r;
	vm->no_halt_poll = in->flags & BATON_VM_NO_HALT_POLL;
	r = anon_inode_getfd("baton-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (r < 0)
		baton_vm_put(vm);
	return r;
}

/* GET_CPUID and GET_MSR_LIST: a list made here, copied to the caller's array. */
static long return_list(u32 *count, u64 user, size_t entry, u32 max,
			int (*make)(void *list, u32 *count))
{
	u32 room = min(*count, max);
	void *list = kvcalloc(max, entry, GFP_KERNEL_ACCOUNT);
	int r;

	if (!list)
		return -ENOMEM;
	*count = max;
	r = make(list, count);
	if (!r && *count > room)
		r = -E2BIG;
	if (!r && copy_to_user(u64_to_user_ptr(user), list, *count * entry))
		r = -EFAULT;
	kvfree(list);
	return r;
}

static long sys_get_cpuid(void *unused, void *arg)
{
	struct baton_cpuid *io = arg;

	if (io->reserved)
		return -EINVAL;
	return return_list(&io->count, io->entries, sizeof(struct baton_cpuid_entry),
			   BATON_MAX_CPUID, baton_cpuid_supported);
}

static long sys_get_msr_list(void *unused, void *arg)
{
	struct baton_msrs *io = arg;

	if (io->done)
		return -EINVAL;
	return return_list(&io->count, io->entries, sizeof(struct baton_msr), BATON_MAX_MSRS,
			   baton_msr_list);
}

/* --- VM descriptor ------------------------------------------------------ */

static const struct file_operations vcpu_fops;

static long vm_create_vcpu(void *object, void *arg)
{
	const struct baton_create_vcpu *in = arg;
	struct baton_vm *vm = object;
	struct baton_vcpu *vcpu;
	u32 id = in->id;
	int r;

	if (id >= BATON_MAX_VCPUS || in->flags || !all_zero(in->reserved, sizeof(in->reserved)))
		return -EINVAL;
	id = array_index_nospec(id, BATON_MAX_VCPUS);
	if (vm->vcpus[id])
		return -EEXIST;
	r = baton_vcpu_create(vm, id, &vcpu);
	if (r)
		return r;
	/* First the bound of the ids: see vm_in_guest(). */
	WRITE_ONCE(vm->vcpu_top, max(vm->vcpu_top, id + 1));
	/* Reachable by interrupts from here on, so it stays even if there is no fd. */
	smp_store_release(&vm->vcpus[id], vcpu);
	/* Clock pages tell whether all counters are the same. */
	if (READ_ONCE(vm->tsc_moved))
		baton_request_all(vm, BATON_REQ_CLOCK);
	kref_get(&vm->refs);
	r = anon_inode_getfd("baton-vcpu", &vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
	if (r < 0)
		baton_vm_put(vm);
	return r;
}

static long vm_get_clock(void *object, void *arg)
{
	struct baton_clock *out = arg;

	out->guest_ns = baton_vm_clock_ns(object);
	return 0;
}

static long vm_set_clock(void *object, void *arg)
{
	const struct baton_clock *in = arg;

	if (in->flags & ~BATON_CLOCK_STOPPED || in->guest_ns > (in->flags ? 0 : S64_MAX))
		return -EINVAL;
	if (in->flags)
		baton_vm_stopped(object);
	else
		baton_vm_clock_set(object, in->guest_ns);
	return 0;
}

static long vm_send_msi(void *object, void *arg)
{
	const struct baton_msi *in = arg;
	struct baton_vm *vm = object;
	int r = in->reserved ? -EINVAL : baton_msi_deliver(vm, in->address, in->data);

	if (!r)
		atomic64_inc(&vm->msis_sent);
	return r;
}

/* --- vCPU descriptor ----------------------------------------------------- */

/* A call that is one function: the names say the types on both sides. */
#define CALL(name, function)						\
	static long name(void *object, void *arg)			\
	{								\
		return function(object, arg);				\
	}
#define STATE_CALLS(name)						\
	CALL(vcpu_get_##name, baton_get_##name)				\
	CALL(vcpu_set_##name, baton_set_##name)

CALL(vm_get_stats, baton_vm_stats)
CALL(vm_set_tsc_khz, baton_vm_set_tsc_khz)
CALL(vm_set_slot, baton_slot_set)
CALL(vm_get_dirty_log, baton_dirty_get)
CALL(vm_clear_dirty_log, baton_dirty_clear)
CALL(vm_get_accessed, baton_accessed_get)
CALL(vcpu_set_guest_debug, baton_set_guest_debug)
CALL(vcpu_get_stats, baton_vcpu_stats)
CALL(vcpu_apic_access, baton_apic_access)
CALL(vm_set_irqfd, baton_irqfd_set)
CALL(vm_set_ioeventfd, baton_ioeventfd_set)
CALL(vm_set_resamplefd, baton_irqfd_set_resample)
STATE_CALLS(regs)
STATE_CALLS(sregs)
STATE_CALLS(debugregs)
STATE_CALLS(events)
STATE_CALLS(xsave)
STATE_CALLS(lapic)

/*
 * The list of the caller: a copy to work on. NULL-free: ERR_PTR on failure. Some
 * are kept, so it is accounted, which vmemdup_user() does not do.
 */
static void *user_list(u64 user, u32 count, size_t entry, u32 max)
{
	void *list;

	if (count > max)
		return ERR_PTR(-E2BIG);
	list = kvmalloc(count * entry, GFP_KERNEL_ACCOUNT);
	if (!list)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(list, u64_to_user_ptr(user), count * entry)) {
		kvfree(list);
		return ERR_PTR(-EFAULT);
	}
	return list;
}

/* Until one is refused; what has been read goes back to the list. */
static long do_msrs(struct baton_vcpu *vcpu, struct baton_msrs *io, bool write)
{
	struct baton_msr *msrs, *msr;
	int r;

	if (io->done)
		return -EINVAL;
	msrs = user_list(io->entries, io->count, sizeof(*msrs), BATON_MAX_MSRS);
	if (IS_ERR(msrs))
		return PTR_ERR(msrs);
	r = baton_state_need(vcpu, BATON_ST_MSRS | BATON_ST_SREGS);
	for (; !r && io->done < io->count; io->done++) {
		msr = &msrs[io->done];
		if (msr->reserved ||
		    !(write ? baton_msr_write(vcpu, msr->index, true, msr->data) :
			      baton_msr_read(vcpu, msr->index, true, &msr->data)))
			break;
	}
	if (!r && !write &&
	    copy_to_user(u64_to_user_ptr(io->entries), msrs, io->done * sizeof(*msrs)))
		r = -EFAULT;
	kvfree(msrs);
	return r;
}

static long vcpu_get_msrs(void *object, void *arg)
{
	return do_msrs(object, arg, false);
}

static long vcpu_set_msrs(void *object, void *arg)
{
	return do_msrs(object, arg, true);
}

static long vcpu_set_cpuid(void *object, void *arg)
{
	const struct baton_cpuid *in = arg;
	struct baton_cpuid_entry *entries;
	int r;

	if (in->reserved || !in->count)
		return -EINVAL;
	entries = user_list(in->entries, in->count, sizeof(*entries), BATON_MAX_CPUID);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	r = baton_cpuid_set(object, entries, in->count);
	if (r)
		kvfree(entries);
	return r;
}

static long vcpu_kick(void *object, void *unused)
{
	baton_request(object, BATON_REQ_KICK);
	return 0;
}

static long vcpu_nmi(void *object, void *unused)
{
	struct baton_vcpu *vcpu = object;

	WRITE_ONCE(vcpu->nmi_posted, true);
	baton_request(vcpu, BATON_REQ_EVENT);
	return 0;
}

static long vcpu_set_intr(void *object, void *arg)
{
	const struct baton_intr *in = arg;
	struct baton_vcpu *vcpu = object;

	if (in->level > 1 || in->reserved)
		return -EINVAL;
	/* As in baton_lapic_post(): who finds it up relies on the request of who raised it. */
	preempt_disable();
	/* Up is news. Down is not: whoever wants to take it looks at the level. */
	if (!xchg(&vcpu->intr, in->level) && in->level)
		baton_request(vcpu, BATON_REQ_EVENT);
	preempt_enable();
	return 0;
}

/* --- the tables ------------------------------------------------------------ */

static const struct call sys_calls[] = {
	{ BATON_GET_INFO, LOCK_NONE, sys_get_info },
	{ BATON_CREATE_VM, LOCK_NONE, sys_create_vm },
	{ BATON_GET_CPUID, LOCK_NONE, sys_get_cpuid },
	{ BATON_GET_MSR_LIST, LOCK_NONE, sys_get_msr_list },
	{ }
};

static const struct call vm_calls[] = {
	{ BATON_CREATE_VCPU, LOCK_VM, vm_create_vcpu },
	{ BATON_SET_SLOT, LOCK_VM, vm_set_slot },
	{ BATON_SET_IRQFD, LOCK_VM, vm_set_irqfd },
	{ BATON_SET_IOEVENTFD, LOCK_VM, vm_set_ioeventfd },
	{ BATON_GET_CLOCK, LOCK_VM, vm_get_clock },
	{ BATON_SET_CLOCK, LOCK_VM, vm_set_clock },
	{ BATON_GET_DIRTY_LOG, LOCK_VM, vm_get_dirty_log },
	{ BATON_CLEAR_DIRTY_LOG, LOCK_VM, vm_clear_dirty_log },
	{ BATON_GET_ACCESSED, LOCK_VM, vm_get_accessed },
	{ BATON_SET_RESAMPLEFD, LOCK_VM, vm_set_resamplefd },
	{ BATON_SET_TSC_KHZ, LOCK_VM, vm_set_tsc_khz },
	{ BATON_SEND_MSI, LOCK_NONE, vm_send_msi },
	{ BATON_GET_VM_STATS, LOCK_NONE, vm_get_stats },
	{ }
};

#define STATE_ROWS(NAME, name)						\
	{ BATON_GET_##NAME, LOCK_VCPU, vcpu_get_##name },		\
	{ BATON_SET_##NAME, LOCK_VCPU, vcpu_set_##name }

static const struct call vcpu_calls[] = {
	STATE_ROWS(REGS, regs),
	STATE_ROWS(SREGS, sregs),
	STATE_ROWS(DEBUGREGS, debugregs),
	STATE_ROWS(EVENTS, events),
	STATE_ROWS(XSAVE, xsave),
	STATE_ROWS(LAPIC, lapic),
	{ BATON_GET_MSRS, LOCK_VCPU, vcpu_get_msrs },
	{ BATON_SET_MSRS, LOCK_VCPU, vcpu_set_msrs },
	{ BATON_SET_CPUID, LOCK_VCPU, vcpu_set_cpuid },
	{ BATON_SET_GUEST_DEBUG, LOCK_VCPU, vcpu_set_guest_debug },
	{ BATON_APIC_ACCESS, LOCK_VCPU, vcpu_apic_access },
	{ BATON_KICK, LOCK_NONE, vcpu_kick },
	{ BATON_NMI, LOCK_NONE, vcpu_nmi },
	{ BATON_GET_STATS, LOCK_NONE, vcpu_get_stats },
	{ BATON_SET_INTR, LOCK_NONE, vcpu_set_intr },
	{ }
};

/* --- dispatch --------------------------------------------------------------- */

static const struct call *find_call(const struct call *table, unsigned int cmd)
{
	for (; table->fn; table++)
		if (table->cmd == cmd)
			return table;
	return NULL;
}

/* Not a mutex, whose calls would cost each run 25 instructions: nobody waits for it. */
static bool vcpu_trylock(struct baton_vcpu *vcpu)
{
	return !test_and_set_bit_lock(0, &vcpu->lock);
}

static void vcpu_unlock(struct baton_vcpu *vcpu)
{
	clear_bit_unlock(0, &vcpu->lock);
}

static long call_locked(const struct call *call, struct baton_vm *vm, void *object, void *arg)
{
	long r;

	if (call->lock == LOCK_VM && mutex_lock_killable(&vm->lock))
		return -EINTR;
	if (call->lock == LOCK_VCPU && !vcpu_trylock(object))
		return -EBUSY;
	/* After the lock: a VM that died while we waited is dead. */
	r = vm && READ_ONCE(vm->dead) ? -EIO : call->fn(object, arg);
	if (call->lock == LOCK_VM)
		mutex_unlock(&vm->lock);
	if (call->lock == LOCK_VCPU)
		vcpu_unlock(object);
	return r;
}

/* Copies in what the number says, calls, copies out on success. */
static long call_with_arg(const struct call *call, struct baton_vm *vm, void *object,
			  void __user *user)
{
	size_t size = _IOC_SIZE(call->cmd);
	u64 small[16] = {};
	void *arg = small;
	long r;

	if (size > sizeof(small)) {
		arg = kzalloc(size, GFP_KERNEL_ACCOUNT);
		if (!arg)
			return -ENOMEM;
	}
	r = -EFAULT;
	if (_IOC_DIR(call->cmd) & _IOC_WRITE && copy_from_user(arg, user, size))
		goto out;
	r = call_locked(call, vm, object, arg);
	if (r >= 0 && _IOC_DIR(call->cmd) & _IOC_READ && copy_to_user(user, arg, size))
		r = -EFAULT;
out:
	if (arg != small)
		kfree(arg);
	return r;
}

static long dispatch(const struct call *table, struct baton_vm *vm, void *object,
		     unsigned int cmd, unsigned long user)
{
	const struct call *call = find_call(table, cmd);

	if (!call)
		return -ENOTTY;
	/* Memory and threads of the VM are the creator's; nobody else may steer it. */
	if (vm && vm->mm != current->mm)
		return -EPERM;
	return call_with_arg(call, vm, object, (void __user *)user);
}

static long sys_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dispatch(sys_calls, NULL, file, cmd, arg);
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dispatch(vm_calls, file->private_data, file->private_data, cmd, arg);
}

static long vcpu_run(struct baton_vcpu *vcpu, unsigned long arg)
{
	long r;

	if (unlikely(vcpu->vm->mm != current->mm))
		return -EPERM;
	if (unlikely(!vcpu_trylock(vcpu)))
		return -EBUSY;
	r = unlikely(arg) ? -EINVAL : baton_vcpu_run(vcpu);
	vcpu_unlock(vcpu);
	return r;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct baton_vcpu *vcpu = file->private_data;

	if (likely(cmd == BATON_RUN))
		return vcpu_run(vcpu, arg);
	return dispatch(vcpu_calls, vcpu->vm, vcpu, cmd, arg);
}

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct baton_vcpu *vcpu = file->private_data;

	if (vcpu->vm->mm != vma->vm_mm)
		return -EPERM;
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE ||
	    !(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYEXEC);
	return vm_insert_page(vma, vma->vm_start, virt_to_page(vcpu->run));
}

static int vm_release(struct inode *inode, struct file *file)
{
	baton_vm_put(file->private_data);
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct baton_vcpu *vcpu = file->private_data;

	baton_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations sys_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = sys_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
};

struct miscdevice baton_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "baton",
	.mode = 0660,
	.fops = &sys_fops,
};
