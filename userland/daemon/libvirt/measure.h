/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters of VMs that run, asked of their monitors: all at once, without waiting in the
 * main loop, and for MEASURE_MS at most: a monitor that does not answer holds nobody up.
 */
#ifndef BATON_DAEMON_LIBVIRT_MEASURE_H
#define BATON_DAEMON_LIBVIRT_MEASURE_H

#include "libvirt/dispatch.h"

#define MEASURE_MS 2000u
#define MEASURE_CPUS_MAX 256u

enum { MEASURE_STATS = 1, MEASURE_MEMORY = 2 };

struct measure_disk {
	uint64_t reads, read_bytes, writes, written_bytes, flushes, errors;
};

struct measure_net {
	uint64_t rx_frames, rx_bytes, rx_dropped, tx_frames, tx_bytes, tx_dropped;
};

/* Bytes; what the guest has not told is not known: -1. */
struct measure_memory {
	uint64_t max, actual, held, own;
	int64_t age_ms, swap_in, swap_out, major_faults, minor_faults, free, total, available,
		disk_caches;
};

/* What the engine does not count is not known: -1. */
struct measure_cpu {
	uint64_t time_ns;
	int64_t ready_ns, halted;
};

struct measure {
	struct vm *vm;
	bool stats, memory;	/* what there is */
	struct measure_cpu cpu[MEASURE_CPUS_MAX];
	unsigned int cpu_count;
	struct measure_disk disk[CONFIG_DISKS_MAX];
	unsigned int disk_count;
	struct measure_net net[CONFIG_NETS_MAX];
	unsigned int net_count;
	struct measure_memory mem;
};

uint64_t measure_cpu_ns(const struct measure *m);	/* of all its CPUs */

/* then() ends the call; m[] is valid while it runs, and as long as vms has elements. */
typedef void (*measure_fn)(struct call *call, const struct measure *m, unsigned int count);
/* vms: of struct vm, taken over. */
void measure_vms(struct call *call, GPtrArray *vms, unsigned int what, measure_fn then);
/* Of call->vm. */
void measure_vm(struct call *call, unsigned int what, measure_fn then);

#endif
