// SPDX-License-Identifier: GPL-2.0-or-later
/* See abi_arena.h. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi_arena.h"

/* mov edi,start; inner: inc dword [edi]; add edi,4096; cmp edi,end; jb inner; inc ebp; jmp */
static const unsigned char count_pages[] = {
	0x66, 0xbf, 0, 0, 0, 0, 0x67, 0x66, 0xff, 0x07, 0x66, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00,
	0x66, 0x81, 0xff, 0, 0, 0, 0, 0x72, 0xec, 0x66, 0x45, 0xeb, 0xe2,
};
#define AT_START	2
#define AT_END		20

void arena_set_range(struct arena *a, unsigned int id, uint32_t start, uint32_t end)
{
	start += id * 4;
	memcpy(a->g.memory + CODE_OF(id), count_pages, sizeof(count_pages));
	memcpy(a->g.memory + CODE_OF(id) + AT_START, &start, 4);
	memcpy(a->g.memory + CODE_OF(id) + AT_END, &end, 4);
}

void arena_set_registers(int vcpu, uint64_t rip)
{
	struct baton_regs regs = { .rip = rip, .rflags = 2 };
	struct baton_events events = { .mp_state = BATON_MP_RUNNABLE };
	struct baton_sregs sregs;

	EXPECT(!ioctl(vcpu, BATON_GET_SREGS, &sregs));
	sregs.seg[BATON_CS].selector = 0;
	sregs.seg[BATON_CS].base = 0;
	sregs.seg[BATON_DS].limit = ~0u;
	sregs.seg[BATON_DS].attr |= BATON_SEG_G;
	EXPECT(!ioctl(vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!ioctl(vcpu, BATON_SET_REGS, &regs));
	EXPECT(!ioctl(vcpu, BATON_SET_EVENTS, &events));
}

void arena_add_worker(struct arena *a, unsigned int id)
{
	struct worker *w = &a->worker[id];

	w->id = id;
	w->vcpu = id ? abi_vcpu_cpuid(a->g.sys, a->g.vm, id) : a->g.vcpu;
	w->run = id ? abi_map_run(w->vcpu) : a->g.run;
	arena_set_registers(w->vcpu, CODE_OF(id));
	arena_set_range(a, id, AREA, AREA + AREA_SIZE);
	a->count = id + 1;
}

/* The area, at a multiple of 2 MiB. */
static void map_area(struct arena *a, bool shared)
{
	unsigned char *room = mmap(NULL, AREA_SIZE + LARGE, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	a->memfd = shared ? memfd_create("area", MFD_CLOEXEC) : -1;
	EXPECT(!shared || !ftruncate(a->memfd, AREA_SIZE));
	a->area = (void *)(((uintptr_t)room + LARGE - 1) & -(uintptr_t)LARGE);
	EXPECT(mmap(a->area, AREA_SIZE, PROT_READ | PROT_WRITE,
		    MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS), a->memfd,
		    0) == a->area);
}

int arena_set_slot(const struct arena *a, uint32_t flags, uint64_t gpa)
{
	struct baton_slot slot = {
		.id = 1, .flags = flags, .gpa = gpa, .size = AREA_SIZE, .hva = (uintptr_t)a->area,
	};

	return ioctl(a->g.vm, BATON_SET_SLOT, &slot);
}

void arena_start(struct arena *a, unsigned int workers, bool shared)
{
	memset(a, 0, sizeof(*a));
	a->g = abi_guest_start("", 0);
	map_area(a, shared);
	EXPECT(!arena_set_slot(a, 0, AREA));
	for (unsigned int i = 0; i < workers; i++)
		arena_add_worker(a, i);
}

void arena_end(struct arena *a)
{
	for (unsigned int i = 1; i < a->count; i++) {
		munmap(a->worker[i].run, PAGE);
		close(a->worker[i].vcpu);
	}
	munmap(a->area, AREA_SIZE);
	if (a->memfd >= 0)
		close(a->memfd);
	abi_guest_end(&a->g);
}

/* ---- running ---- */

static bool work_once(struct worker *w)
{
	if (ioctl(w->vcpu, BATON_RUN, 0) && errno != EINTR) {
		w->result = -errno;
		return false;
	}
	switch (w->run->exit_reason) {
	case BATON_EXIT_NONE:
		return true;
	case BATON_EXIT_MEMORY:
		w->repairs++;
		sched_yield();
		return true;
	case BATON_EXIT_EMULATE:
		if (w->emulate) {
			w->emulate(w);
			return true;
		}
	}
	w->result = -1000 - (long)w->run->exit_reason;
	return false;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;

	while (work_once(w) && !w->stop)
		;
	return NULL;
}

void arena_go(struct arena *a)
{
	for (unsigned int i = 0; i < a->count; i++) {
		a->worker[i].stop = false;
		pthread_create(&a->worker[i].thread, NULL, work, &a->worker[i]);
	}
}

void arena_halt(struct arena *a)
{
	for (unsigned int i = 0; i < a->count; i++) {
		a->worker[i].stop = true;
		EXPECT(!ioctl(a->worker[i].vcpu, BATON_KICK));
	}
	for (unsigned int i = 0; i < a->count; i++) {
		pthread_join(a->worker[i].thread, NULL);
		EXPECT(!a->worker[i].result);
	}
}

uint32_t arena_rounds(const struct worker *w)
{
	struct baton_regs regs;

	EXPECT(!ioctl(w->vcpu, BATON_GET_REGS, &regs));
	return (uint32_t)regs.gpr[BATON_RBP];
}

uint32_t arena_count(const struct arena *a, unsigned int page, unsigned int id)
{
	uint32_t count;

	memcpy(&count, a->area + page * PAGE + id * 4, sizeof(count));
	return count;
}

/* Pages that this round has come to are one ahead of the others, and nothing else. */
void arena_expect_counts(const struct arena *a)
{
	for (unsigned int id = 0; id < a->count; id++) {
		uint32_t done = arena_rounds(&a->worker[id]);
		unsigned int page = 0;

		while (page < PAGES && arena_count(a, page, id) == done + 1)
			page++;
		while (page < PAGES && arena_count(a, page, id) == done)
			page++;
		if (page < PAGES)
			printf("  vCPU %u, page %u: %u, not %u\n", id, page,
			       arena_count(a, page, id), done);
		EXPECT(page == PAGES);
	}
}

/* Until each vCPU has done that many rounds more. False: it has not in a minute. */
bool arena_proceed(struct arena *a, uint32_t more)
{
	bool done = true;

	for (unsigned int id = 0; id < a->count; id++) {
		struct worker *w = &a->worker[id];
		uint32_t target;

		target = arena_rounds(w) + more;
		for (int i = 0; i < 600 && (int32_t)(arena_rounds(w) - target) < 0; i++) {
			arena_go(a);
			usleep(5000 << (i < 4 ? i : 4));
			arena_halt(a);
		}
		done = done && (int32_t)(arena_rounds(w) - target) >= 0;
	}
	return done;
}

/* The host does it over and over while the vCPUs count. */
void arena_storm(struct arena *a, void (*op)(struct arena *a, unsigned int i), unsigned int times)
{
	arena_go(a);
	for (unsigned int i = 0; i < times; i++) {
		op(a, i);
		usleep(300);
	}
	arena_halt(a);
	EXPECT(arena_proceed(a, 2));
	arena_expect_counts(a);
}

unsigned char *arena_piece(const struct arena *a, unsigned int i)
{
	return a->area + i * 37 % (PAGES - 16) * PAGE;
}

void arena_mark(const struct arena *a)
{
	const uint32_t mark = MARK_VALUE;

	for (unsigned int page = 0; page < PAGES; page++)
		memcpy(a->area + page * PAGE + MARK, &mark, sizeof(mark));
}

void arena_expect_marks(const struct arena *a)
{
	uint32_t mark;

	for (unsigned int page = 0; page < PAGES; page++) {
		memcpy(&mark, a->area + page * PAGE + MARK, sizeof(mark));
		EXPECT(mark == MARK_VALUE);
	}
}
