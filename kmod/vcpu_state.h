/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitor's view of a vCPU's state: the GET and SET calls and the run
 * page's classes. vCPU lock held, vCPU not running. Set functions check
 * everything before they change anything: 0 or -EINVAL.
 */
#ifndef BATON_VCPU_STATE_KERNEL_H
#define BATON_VCPU_STATE_KERNEL_H

#include "vcpu.h"

/* Brings internal classes (BATON_ST_*) from hardware to the cache. */
int baton_state_need(struct baton_vcpu *vcpu, u32 classes);

int baton_get_regs(struct baton_vcpu *vcpu, struct baton_regs *out);
int baton_set_regs(struct baton_vcpu *vcpu, const struct baton_regs *in);
int baton_get_sregs(struct baton_vcpu *vcpu, struct baton_sregs *out);
int baton_set_sregs(struct baton_vcpu *vcpu, const struct baton_sregs *in);
int baton_get_debugregs(struct baton_vcpu *vcpu, struct baton_debugregs *out);
int baton_set_debugregs(struct baton_vcpu *vcpu, const struct baton_debugregs *in);
int baton_get_events(struct baton_vcpu *vcpu, struct baton_events *out);
int baton_set_events(struct baton_vcpu *vcpu, const struct baton_events *in);

/* Run page: takes over what `commit` names; fills in what `want` names and more. */
int baton_run_commit(struct baton_vcpu *vcpu);
int baton_run_export(struct baton_vcpu *vcpu, u32 classes);

#endif
