/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one file that knows how kernels differ. Kbuild greps the headers and
 * defines HAVE_*; nothing here looks at a version number, since stable updates
 * change APIs.
 */
#ifndef BATON_COMPAT_H
#define BATON_COMPAT_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <asm/cpufeatures.h>
#include <asm/msr.h>

static inline void baton_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef HAVE_EVENTFD_SIGNAL_ONE
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

static inline void baton_vma_set_flags(struct vm_area_struct *vma, unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static inline void baton_vma_clear_flags(struct vm_area_struct *vma, unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

static inline void baton_hrtimer_init(struct hrtimer *timer,
				      enum hrtimer_restart (*fn)(struct hrtimer *),
				      clockid_t clock, enum hrtimer_mode mode)
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#endif
}

static inline void baton_send_reschedule(int cpu)
{
#ifdef HAVE_ARCH_SEND_RESCHEDULE
	arch_smp_send_reschedule(cpu);
#else
	smp_send_reschedule(cpu);
#endif
}

/* The note (linux/hardirq.h) that this CPU took an interrupt. None: assume that it did. */
#if defined(HAVE_L1D_NOTE) && IS_ENABLED(CONFIG_KVM_INTEL)
#define baton_l1d_noted() kvm_get_cpu_l1tf_flush_l1d()
#define baton_l1d_note_clear() kvm_clear_cpu_l1tf_flush_l1d()
#else
#define baton_l1d_noted() true
#define baton_l1d_note_clear() do { } while (0)
#endif

#ifndef HAVE_RDMSRQ
#define rdmsrq(msr, val) rdmsrl(msr, val)
#define wrmsrq(msr, val) wrmsrl(msr, val)
#define rdmsrq_safe(msr, p) rdmsrl_safe(msr, p)
#define wrmsrq_safe(msr, val) wrmsrl_safe(msr, val)
#endif

/* How long the current thread has waited for a CPU in its life, ns. */
#ifdef CONFIG_SCHED_INFO
#define baton_run_delay() (current->sched_info.run_delay)
#else
#define baton_run_delay() 0ull
#endif

/* > 0: the thread has run, or will soon. */
static inline int baton_yield_to(struct task_struct *task)
{
#ifdef HAVE_YIELD_TO
	return yield_to(task, true);
#else
	cond_resched();
	return 0;
#endif
}

#ifndef HAVE_FOLL_INTERRUPTIBLE
#define FOLL_INTERRUPTIBLE 0
#endif

/*
 * System-wide suspend hooks: BATON_SYSCORE(name, suspend, resume) defines them,
 * each a function of (BATON_SYSCORE_PARAM).
 */
#ifdef HAVE_REGISTER_SYSCORE
#define BATON_SYSCORE_PARAM void *unused
#define BATON_SYSCORE(name, on_suspend, on_resume)				\
	static const struct syscore_ops name##_ops = {				\
		.suspend = on_suspend, .resume = on_resume,			\
	};									\
	static struct syscore name = { .ops = &name##_ops }
#define baton_syscore_register(syscore) register_syscore(syscore)
#define baton_syscore_unregister(syscore) unregister_syscore(syscore)
#else
#define BATON_SYSCORE_PARAM void
#define BATON_SYSCORE(name, on_suspend, on_resume)				\
	static struct syscore_ops name = {					\
		.suspend = on_suspend, .resume = on_resume,			\
	}
#define baton_syscore_register(syscore) register_syscore_ops(syscore)
#define baton_syscore_unregister(syscore) unregister_syscore_ops(syscore)
#endif

#endif
