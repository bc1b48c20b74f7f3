/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this VM's memory costs the host, as the host's kernel counts it. Asked
 * for when somebody wants to know, never in between.
 */
#ifndef BATON_MEMORY_STAT_H
#define BATON_MEMORY_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct guest_memory;
struct memory_stat;

struct memory_figures {
	uint64_t ram;		/* guest RAM as the guest was told at its start */
	uint64_t held;		/* of it, what the host has memory for: guest_memory_held() */
	uint64_t given_back;	/* ram - held: never touched, or given back */
	bool own_known;
	uint64_t own;		/* the monitor beyond guest RAM, code and libraries included */
	bool merged_known;	/* the kernel tells, and the RAM is of the kind that is merged */
	uint64_t merged;	/* of held, pages that are one with others of the same contents */
	bool merging;		/* the host's KSM works now (/sys/kernel/mm/ksm/run is 1) */
};

/*
 * Opens what it will read, so that it works in a sandbox, too. Files that the
 * host does not have make the figures unknown, not the call fail. -ENOMEM.
 */
int memory_stat_create(const struct guest_memory *memory, struct memory_stat **ret);
void memory_stat_destroy(struct memory_stat *stat);	/* NULL is fine */
/* Any thread. */
void memory_stat_read(const struct memory_stat *stat, struct memory_figures *ret);

/* The amount in kB behind "Name:" in the text of /proc/PID/status. For tests. */
bool memory_stat_field(const char *text, const char *name, uint64_t *ret_bytes);

#endif
