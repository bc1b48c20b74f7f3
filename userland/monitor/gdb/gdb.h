/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server for gdb's remote protocol: gdb attaches to the guest, whose CPUs are its
 * threads. Main thread, within its event loop. Outlives a reset of the guest.
 */
#ifndef BATON_GDB_GDB_H
#define BATON_GDB_GDB_H

#include <stdbool.h>
#include <stdint.h>

#include "hv.h"

struct gdb;
struct guest_memory;
struct loop;

/* The machine to debug. None of its vCPUs executes the guest but between run and hold. */
struct gdb_target {
	void *ctx;
	unsigned int cpus;
	struct guest_memory *memory;
	struct hv_vcpu *(*vcpu)(void *ctx, unsigned int i);
	/* What made this vCPU signal gdb_event_fd() and stop; once. */
	bool (*take_break)(void *ctx, unsigned int i, struct hv_exit_debug *ret_met);
	void (*hold)(void *ctx);	/* all, and waits for them */
	void (*run)(void *ctx, uint64_t vcpus);	/* these, the others stay where they are */
	void (*end)(void *ctx, bool reset);
};

struct gdb_config {
	struct loop *loop;
	/* PORT (of 127.0.0.1) or unix:PATH, then perhaps ",wait": hold the guest till gdb comes */
	const char *where;
};

/* Listens. -EINVAL: where is neither; or a negative errno. */
int gdb_create(const struct gdb_config *config, struct gdb **ret_gdb);
void gdb_destroy(struct gdb *gdb);	/* NULL is fine */
/* Where vCPUs signal that they met something. */
int gdb_event_fd(const struct gdb *gdb);

/* The machine that is about to run; its vCPUs do not yet. */
void gdb_set_target(struct gdb *gdb, const struct gdb_target *target);
/* It has ended; for good: there will be no other one. */
void gdb_target_ended(struct gdb *gdb, bool for_good);

#endif
