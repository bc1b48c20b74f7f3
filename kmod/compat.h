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
#include <asm/msr.h>
#include <asm/processor.h>
#ifdef HAVE_CPUID_API
#include <asm/cpuid/api.h>
#endif

/* Kernels that do not have a name yet: it stands for what they have instead. */
#ifndef HAVE_EVENTFD_SIGNAL_ONE
#define eventfd_signal(ctx) eventfd_signal(ctx, 1)
#endif
#ifndef HAVE_VM_FLAGS_SET
#define vm_flags_set(vma, flags) ((vma)->vm_flags |= (flags))
#define vm_flags_clear(vma, flags) ((vma)->vm_flags &= ~(flags))
#endif
#ifndef HAVE_HRTIMER_SETUP
#define hrtimer_setup(timer, fn, clock, mode) \
	do { hrtimer_init(timer, clock, mode); (timer)->function = fn; } while (0)
#endif
#ifndef HAVE_ARCH_SEND_RESCHEDULE
#define arch_smp_send_reschedule(cpu) smp_send_reschedule(cpu)
#endif
/* > 0: the thread has run, or will soon. */
#ifndef HAVE_YIELD_TO
#define yield_to(task, preempt) ({ cond_resched(); 0; })
#endif

/* The note (linux/hardirq.h) that this CPU took an interrupt. None: assume that it did. */
#if defined(HAVE_L1D_NOTE) && IS_ENABLED(CONFIG_KVM_INTEL) && \
	(IS_ENABLED(CONFIG_CPU_MITIGATIONS) || !defined(HAVE_L1D_BY_MITIGATIONS))
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

#ifndef _TIF_NEED_RESCHED_LAZY
#define _TIF_NEED_RESCHED_LAZY 0
#endif

#ifndef HAVE_FOLL_INTERRUPTIBLE
#define FOLL_INTERRUPTIBLE 0
#endif
#ifndef HAVE_FOLL_HONOR_NUMA_FAULT
#define FOLL_HONOR_NUMA_FAULT 0
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
#else
#define BATON_SYSCORE_PARAM void
#define BATON_SYSCORE(name, on_suspend, on_resume)				\
	static struct syscore_ops name = {					\
		.suspend = on_suspend, .resume = on_resume,			\
	}
#define register_syscore register_syscore_ops
#define unregister_syscore unregister_syscore_ops
#endif

#endif
