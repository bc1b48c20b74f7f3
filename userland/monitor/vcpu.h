/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vCPU: its thread, and what happens at each exit. */
#ifndef BATON_MONITOR_VCPU_H
#define BATON_MONITOR_VCPU_H

#include "core/machine.h"

struct hv_exit_debug;
struct hv_vcpu;
struct ioapic;
struct vcpu;

struct vcpu_config {
	struct machine *machine;
	struct ioapic *ioapic;
	unsigned int id, count;
	/* The 8259's answer to HV_EXIT_INTA: a vector, -1: none. NULL: there is no 8259. */
	int (*inta)(void *ctx);
	void *inta_ctx;
};

/* 0 or a negative errno. */
int vcpu_create(const struct vcpu_config *config, struct vcpu **ret_vcpu);
void vcpu_destroy(struct vcpu *vcpu);	/* stopped; NULL is fine */
struct hv_vcpu *vcpu_hv(struct vcpu *vcpu);
int vcpu_start(struct vcpu *vcpu);
/* What made it hold itself (machine_break()), once. While it is held. */
bool vcpu_take_break(struct vcpu *vcpu, struct hv_exit_debug *ret_debug);
/* Makes it look at its machine. Any thread. */
void vcpu_kick(struct vcpu *vcpu);
/* Processor time of its thread in ns; 0 if it has none. The thread that starts and stops it. */
uint64_t vcpu_time(struct vcpu *vcpu);
/* After machine_end(): ends the thread and waits for it. NULL is fine. */
void vcpu_stop(struct vcpu *vcpu);

#endif
