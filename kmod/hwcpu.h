/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypervisor mode on the host's CPUs over their life: first and last VM, CPU
 * hotplug, suspend and resume, reboot and kexec.
 */
#ifndef BATON_HWCPU_H
#define BATON_HWCPU_H

#include "hvops.h"

int baton_hwcpu_init(void);
void baton_hwcpu_exit(void);
/* A VM comes: takes hypervisor mode on all CPUs with the first. 0, -EBUSY, -ENODEV. */
int baton_hwcpu_get(void);
void baton_hwcpu_put(void);
/* enum baton_refusal as of now. */
enum baton_refusal baton_hwcpu_refusal(void);
/* From the start of suspend or reboot on: no window may be opened. READ_ONCE. */
extern bool baton_hw_stopped;

#endif
