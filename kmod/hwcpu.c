// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypervisor mode over the life of the host (see hwcpu.h).
 *
 * AMD keeps EFER.SVME set on every CPU from the first VM to the last one, so
 * hotplug, suspend and reboot have work to do; on Intel nothing of ours is on
 * outside a window (cpu_on is NULL) and only new windows have to be refused.
 *
 * hw_lock: users, hotplug state. Sleeps; taken before cpus_read_lock().
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "compat.h"
#include "hwcpu.h"
#include "vm.h"

static DEFINE_MUTEX(hw_lock);
static unsigned int hw_users;	/* hw_lock: VMs alive */
static int hw_cpuhp_state;	/* hw_lock: dynamic hotplug state while in use */
static enum baton_refusal hw_probed;	/* set once at load */
bool baton_hw_stopped;		/* suspend or reboot under way */
static u64 hw_suspend_tsc;

/* What probe() can say; other refusals pass, and are asked for by BATON_GET_INFO. */
static const char * const refusal_texts[] = {
	[BATON_REFUSED_NO_VIRT] = "this processor has neither VT-x nor AMD-V",
	[BATON_REFUSED_FIRMWARE] = "virtualization is switched off in the firmware setup",
	[BATON_REFUSED_NO_NESTED_PAGING] = "this processor has no nested paging (EPT or NPT)",
	[BATON_REFUSED_NO_UNRESTRICTED] = "this processor lacks VT-x unrestricted guest mode",
	[BATON_REFUSED_CPU_FEATURE] = "this processor lacks a control that Baton needs",
	[BATON_REFUSED_FRED] = "FRED event delivery is on; boot the host with fred=off",
};

enum baton_refusal baton_hwcpu_refusal(void)
{
	if (hw_probed != BATON_REFUSED_NOT)
		return hw_probed;
	if (READ_ONCE(baton_hw_stopped))
		return BATON_REFUSED_SUSPENDED;
	/* While SVME is ours the owner test would find us. */
	if (baton_hv->cpu_on && READ_ONCE(hw_users))
		return BATON_REFUSED_NOT;
	return baton_hv->refusal();
}

static int cpu_coming_up(unsigned int cpu)
{
	unsigned long flags;
	int r;

	local_irq_save(flags);
	r = baton_hv->cpu_on();
	local_irq_restore(flags);
	return r;
}

static int cpu_going_down(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	baton_hv->cpu_off();
	local_irq_restore(flags);
	return 0;
}

/* Runs cpu_coming_up() on all CPUs, and undoes it if one of them refuses. */
static int hw_on(void)
{
	int r;

	if (!baton_hv->cpu_on)
		return 0;
	r = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "baton:online", cpu_coming_up,
			      cpu_going_down);
	if (r < 0)
		return r;
	hw_cpuhp_state = r;
	return 0;
}

int baton_hwcpu_get(void)
{
	enum baton_refusal refusal;
	int r = 0;

	mutex_lock(&hw_lock);
	refusal = baton_hwcpu_refusal();
	if (refusal == BATON_REFUSED_OWNER || refusal == BATON_REFUSED_SUSPENDED)
		r = -EBUSY;
	else if (refusal != BATON_REFUSED_NOT)
		r = -ENODEV;
	else if (!hw_users)
		r = hw_on();
	if (!r)
		WRITE_ONCE(hw_users, hw_users + 1);
	mutex_unlock(&hw_lock);
	return r;
}

void baton_hwcpu_put(void)
{
	mutex_lock(&hw_lock);
	WRITE_ONCE(hw_users, hw_users - 1);
	if (!hw_users && baton_hv->cpu_on)
		cpuhp_remove_state(hw_cpuhp_state);
	mutex_unlock(&hw_lock);
}

/* The boot CPU alone is up, interrupts are off, tasks are frozen. */
static int hw_suspend(BATON_SYSCORE_PARAM)
{
	hw_suspend_tsc = rdtsc();
	if (hw_users && baton_hv->cpu_off)
		baton_hv->cpu_off();
	return 0;
}

static void hw_resume(BATON_SYSCORE_PARAM)
{
	u64 now = rdtsc();

	if (hw_users && baton_hv->cpu_on)
		WARN_ON_ONCE(baton_hv->cpu_on());
	/* A TSC that started over must not run backwards for guests. */
	baton_vms_resumed(now < hw_suspend_tsc ? hw_suspend_tsc - now : 0);
}

BATON_SYSCORE(hw_syscore, hw_suspend, hw_resume);

static int hw_pm_event(struct notifier_block *nb, unsigned long event, void *unused)
{
	bool stop = event == PM_SUSPEND_PREPARE || event == PM_HIBERNATION_PREPARE;

	if (!stop && event != PM_POST_SUSPEND && event != PM_POST_HIBERNATION)
		return NOTIFY_OK;
	WRITE_ONCE(baton_hw_stopped, stop);
	/* Afterwards, too: to idle the host sleeps without a call of hw_resume(). */
	baton_vms_kick_all();
	return NOTIFY_OK;
}

static struct notifier_block hw_pm_notifier = { .notifier_call = hw_pm_event };

static void cpu_off_here(void *unused)
{
	baton_hv->cpu_off();
}

/* For kexec, too, where kernels before 6.8 do not call syscore's shutdown. */
static int hw_reboot_event(struct notifier_block *nb, unsigned long event, void *unused)
{
	WRITE_ONCE(baton_hw_stopped, true);
	baton_vms_kick_all();
	mutex_lock(&hw_lock);
	if (hw_users && baton_hv->cpu_off)
		on_each_cpu(cpu_off_here, NULL, 1);
	mutex_unlock(&hw_lock);
	return NOTIFY_OK;
}

static struct notifier_block hw_reboot_notifier = { .notifier_call = hw_reboot_event };

int baton_hwcpu_init(void)
{
	int r;

	hw_probed = baton_hv ? baton_hv->probe() : BATON_REFUSED_NO_VIRT;
	if (hw_probed != BATON_REFUSED_NOT) {
		pr_warn("cannot run VMs here: %s (reason %u)\n",
			refusal_texts[hw_probed], hw_probed);
		return 0;
	}
	r = baton_hv->setup();
	if (r)
		return r;
	/* These fail if they are registered already: they are not. */
	register_pm_notifier(&hw_pm_notifier);
	register_reboot_notifier(&hw_reboot_notifier);
	register_syscore(&hw_syscore);
	return 0;
}

void baton_hwcpu_exit(void)
{
	if (hw_probed != BATON_REFUSED_NOT)
		return;
	unregister_syscore(&hw_syscore);
	unregister_reboot_notifier(&hw_reboot_notifier);
	unregister_pm_notifier(&hw_pm_notifier);
	baton_hv->teardown();
}
