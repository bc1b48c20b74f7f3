/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What concerns all VMs of the host at once (vm.c).
 */
#ifndef BATON_VM_LIST_H
#define BATON_VM_LIST_H

#include <linux/types.h>

/* Gets every vCPU back to its monitor. Any context. */
void baton_vms_kick_all(void);
/* Host TSC lost `ticks` while it slept; tasks are frozen, interrupts off. */
void baton_vms_tsc_jumped(u64 ticks);
/* Second-level TLBs and timers may be stale; tasks are frozen, interrupts off. */
void baton_vms_resumed(void);

#endif
