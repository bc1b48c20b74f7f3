/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest for the tests of memory (abi_memory.c, abi_uffd.c): vCPUs that count in an area, each
 * in a word of its own in each page, round after round. Whatever the host does to the
 * area meanwhile: a write that is lost, or goes to a page that is not the area's any
 * more, is a count that is not like its neighbours'.
 */
#ifndef ABI_ARENA_H
#define ABI_ARENA_H

#include <pthread.h>
#include <stdatomic.h>

#include "abi.h"

#define PAGE		4096u
#define AREA		0x400000u	/* its gpa */
#define AREA_SIZE	0x400000u
#define PAGES		(AREA_SIZE / PAGE)
#define LARGE		0x200000u
#define WORKERS		4
#define MARK		(PAGE - 8)	/* where no count is */
#define MARK_VALUE	0x5aa55aa5u
#define PIECE		(16 * PAGE)
#define CODE_OF(id)	(0x1000u + (id) * 0x100u)	/* where a worker's code is */

struct worker {
	int vcpu;
	unsigned int id;
	struct baton_run *run;
	pthread_t thread;
	atomic_bool stop;
	long result;
	atomic_ulong repairs;	/* exits because a page was not to be had */
	/* Of the slots' test: what to do about an access where no slot is. */
	void (*emulate)(struct worker *worker);
	unsigned long missed;
};

struct arena {
	struct abi_guest g;
	unsigned char *area;
	int memfd;		/* -1: private memory */
	unsigned int count;
	struct worker worker[WORKERS];
};

/* shared: the area is a memfd; else it is private memory. Fewer than WORKERS + 1 workers. */
void arena_start(struct arena *a, unsigned int workers, bool shared);
void arena_end(struct arena *a);
/* One more vCPU; ids in order. */
void arena_add_worker(struct arena *a, unsigned int id);
/* The area's slot, with these flags, at gpa; as the ioctl returns. */
int arena_set_slot(const struct arena *a, uint32_t flags, uint64_t gpa);
/* A worker's next range (gpa), and where a vCPU goes on. While it does not run. */
void arena_set_range(struct arena *a, unsigned int id, uint32_t start, uint32_t end);
void arena_set_registers(int vcpu, uint64_t rip);

void arena_go(struct arena *a);
void arena_halt(struct arena *a);
/* Until each vCPU has done that many rounds more. False: it has not in a minute. */
bool arena_proceed(struct arena *a, uint32_t more);
/* Rounds that a vCPU has done, and its count in a page. */
uint32_t arena_rounds(const struct worker *w);
uint32_t arena_count(const struct arena *a, unsigned int page, unsigned int id);
void arena_expect_counts(const struct arena *a);
/* The host does it over and over while the vCPUs count. */
void arena_storm(struct arena *a, void (*op)(struct arena *a, unsigned int i),
		 unsigned int times);
/* PIECE bytes of the area, another place for each i. */
unsigned char *arena_piece(const struct arena *a, unsigned int i);
/* A value in each page that no vCPU writes, and whether it is still there. */
void arena_mark(const struct arena *a);
void arena_expect_marks(const struct arena *a);

#endif
