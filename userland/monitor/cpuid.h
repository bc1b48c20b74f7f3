/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guest's CPUs say of themselves: the engine's offer, per vCPU. */
#ifndef BATON_MONITOR_CPUID_H
#define BATON_MONITOR_CPUID_H

#include <stdint.h>

#include "baton_vcpu_state.h"

/*
 * Turns the engine's leaves (in place, a copy per vCPU) into those of CPU `id`
 * of `cpu_count`: one socket, a core per CPU, one thread per core.
 */
void cpuid_shape(struct baton_cpuid_entry *entries, uint32_t count, uint32_t id,
		 uint32_t cpu_count);

#endif
