// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety tests A2, A11 and A13: what the host does to the memory of a guest that runs.
 * Each vCPU counts in a word of its own in each page of an area, round after round;
 * meanwhile the host moves, protects, unmaps, copies, merges, splits and swaps that area.
 * A write that is lost, or goes to a page that is not the area's any more, is a count
 * that is not like its neighbours'. What a host lacks for a test the test says.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"

#define PAGE		4096u
#define AREA		0x400000u	/* its gpa */
#define AREA_SIZE	0x400000u
#define PAGES		(AREA_SIZE / PAGE)
#define LARGE		0x200000u
#define WORKERS		4
#define MARK		(PAGE - 8)	/* where no count is */
#define MARK_VALUE	0x5aa55aa5u
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

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

/* mov edi,start; inner: inc dword [edi]; add edi,4096; cmp edi,end; jb inner; inc ebp; jmp */
static const unsigned char count_pages[] = {
	0x66, 0xbf, 0, 0, 0, 0, 0x67, 0x66, 0xff, 0x07, 0x66, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00,
	0x66, 0x81, 0xff, 0, 0, 0, 0, 0x72, 0xec, 0x66, 0x45, 0xeb, 0xe2,
};
#define AT_START	2
#define AT_END		20
#define CODE_OF(id)	(0x1000u + (id) * 0x100u)

static void set_range(struct arena *a, unsigned int id, uint32_t start, uint32_t end)
{
	start += id * 4;
	memcpy(a->g.memory + CODE_OF(id), count_pages, sizeof(count_pages));
	memcpy(a->g.memory + CODE_OF(id) + AT_START, &start, 4);
	memcpy(a->g.memory + CODE_OF(id) + AT_END, &end, 4);
}

static void set_registers(int vcpu, uint64_t rip)
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

static void add_worker(struct arena *a, unsigned int id)
{
	struct worker *w = &a->worker[id];

	w->id = id;
	w->vcpu = id ? abi_vcpu_cpuid(a->g.sys, a->g.vm, id) : a->g.vcpu;
	w->run = id ? abi_map_run(w->vcpu) : a->g.run;
	set_registers(w->vcpu, CODE_OF(id));
	set_range(a, id, AREA, AREA + AREA_SIZE);
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

static int set_area(const struct arena *a, uint32_t flags, uint64_t gpa)
{
	struct baton_slot slot = {
		.id = 1, .flags = flags, .gpa = gpa, .size = AREA_SIZE, .hva = (uintptr_t)a->area,
	};

	return ioctl(a->g.vm, BATON_SET_SLOT, &slot);
}

static void arena_start(struct arena *a, unsigned int workers, bool shared)
{
	memset(a, 0, sizeof(*a));
	a->g = abi_guest_start("", 0);
	map_area(a, shared);
	EXPECT(!set_area(a, 0, AREA));
	for (unsigned int i = 0; i < workers; i++)
		add_worker(a, i);
}

static void arena_end(struct arena *a)
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

static void go(struct arena *a)
{
	for (unsigned int i = 0; i < a->count; i++) {
		a->worker[i].stop = false;
		pthread_create(&a->worker[i].thread, NULL, work, &a->worker[i]);
	}
}

static void halt(struct arena *a)
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

static uint32_t rounds(const struct worker *w)
{
	struct baton_regs regs;

	EXPECT(!ioctl(w->vcpu, BATON_GET_REGS, &regs));
	return (uint32_t)regs.gpr[BATON_RBP];
}

static uint32_t count_in(const struct arena *a, unsigned int page, unsigned int id)
{
	uint32_t count;

	memcpy(&count, a->area + page * PAGE + id * 4, sizeof(count));
	return count;
}

/* Pages that this round has come to are one ahead of the others, and nothing else. */
static void expect_counts(const struct arena *a)
{
	for (unsigned int id = 0; id < a->count; id++) {
		uint32_t done = rounds(&a->worker[id]);
		unsigned int page = 0;

		while (page < PAGES && count_in(a, page, id) == done + 1)
			page++;
		while (page < PAGES && count_in(a, page, id) == done)
			page++;
		if (page < PAGES)
			printf("  vCPU %u, page %u: %u, not %u\n", id, page,
			       count_in(a, page, id), done);
		EXPECT(page == PAGES);
	}
}

/* Until each vCPU has done that many rounds more. False: it has not in a minute. */
static bool proceed(struct arena *a, uint32_t more)
{
	bool done = true;

	for (unsigned int id = 0; id < a->count; id++) {
		struct worker *w = &a->worker[id];
		uint32_t target;

		target = rounds(w) + more;
		for (int i = 0; i < 600 && (int32_t)(rounds(w) - target) < 0; i++) {
			go(a);
			usleep(5000 << (i < 4 ? i : 4));
			halt(a);
		}
		done = done && (int32_t)(rounds(w) - target) >= 0;
	}
	return done;
}

/* The host does it over and over while the vCPUs count. */
static void storm(struct arena *a, void (*op)(struct arena *a, unsigned int i), unsigned int times)
{
	go(a);
	for (unsigned int i = 0; i < times; i++) {
		op(a, i);
		usleep(300);
	}
	halt(a);
	EXPECT(proceed(a, 2));
	expect_counts(a);
}

static unsigned char *piece(const struct arena *a, unsigned int i)
{
	return a->area + i * 37 % (PAGES - 16) * PAGE;
}

#define PIECE (16 * PAGE)

/* ---- slots ---- */

/* inc dword [bx]; es: inc dword [bx]; inc edi; jmp. DS and ES are at two places. */
static const unsigned char two_places[] = {
	0x66, 0xff, 0x07, 0x26, 0x66, 0xff, 0x07, 0x66, 0x47, 0xeb, 0xf5,
};
#define PLACE_A	0x10000000u
#define PLACE_B	(PLACE_A + 16 * PAGE)	/* the slot is larger: the two overlap */

/* Not there just now: over it, before anybody looks at the registers. */
static void miss(struct worker *w)
{
	w->run->regs.rip += w->run->regs.rip == CODE_OF(w->id) ? 3 : 4;
	w->run->commit = BATON_CLASS_REGS;
	w->run->immediate_exit = 1;
	EXPECT(!ioctl(w->vcpu, BATON_RUN, 0) || errno == EINTR);
	w->run->immediate_exit = 0;
	w->missed++;
}

static void set_places(struct arena *a, unsigned int id)
{
	struct worker *w = &a->worker[id];
	struct baton_regs regs;
	struct baton_sregs sregs;

	memcpy(a->g.memory + CODE_OF(id), two_places, sizeof(two_places));
	EXPECT(!ioctl(w->vcpu, BATON_GET_SREGS, &sregs));
	sregs.seg[BATON_DS].base = PLACE_A;
	sregs.seg[BATON_ES].base = PLACE_B;
	EXPECT(!ioctl(w->vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!ioctl(w->vcpu, BATON_GET_REGS, &regs));
	regs.gpr[BATON_RBX] = id * 4;
	EXPECT(!ioctl(w->vcpu, BATON_SET_REGS, &regs));
	w->emulate = miss;
}

/* Each write was done once in the slot, wherever that was, or came to the monitor. */
static void expect_places(struct arena *a, unsigned int id)
{
	struct worker *w = &a->worker[id];
	struct baton_regs regs;
	uint32_t tried, there = 0;

	EXPECT(!ioctl(w->vcpu, BATON_GET_REGS, &regs));
	tried = 2 * (uint32_t)regs.gpr[BATON_RDI];
	tried += regs.rip == CODE_OF(id) ? 0 : regs.rip == CODE_OF(id) + 3 ? 1 : 2;
	tried -= regs.rip == CODE_OF(id) + 9 ? 2 : 0;
	/* PLACE_B's word is PLACE_A's page 16 while the slot is at A, and so on. */
	for (unsigned int page = 0; page < PAGES; page += 16)
		there += count_in(a, page, id);
	if (there != tried - w->missed)
		printf("  vCPU %u: %u tried, %lu missed, %u there\n", id, tried, w->missed, there);
	EXPECT(there == tried - w->missed && there > 100);
}

/* A slot moves between two places under the vCPUs; others come and go. */
static void test_slots_move(void)
{
	struct baton_slot other = { .id = 2, .gpa = PLACE_A - LARGE, .size = LARGE };
	struct arena a;

	arena_start(&a, 3, true);
	for (unsigned int id = 0; id < a.count; id++)
		set_places(&a, id);
	EXPECT(!set_area(&a, 0, PLACE_A));
	go(&a);
	for (unsigned int i = 0; i < 300; i++) {
		EXPECT(!set_area(&a, 0, i % 2 ? PLACE_A : PLACE_B));
		other.size = i % 2 ? 0 : LARGE;
		other.flags = i % 4 ? 0 : BATON_SLOT_READONLY;
		other.hva = (uintptr_t)a.area;
		EXPECT(!ioctl(a.g.vm, BATON_SET_SLOT, &other));
		usleep(300);
	}
	halt(&a);
	for (unsigned int id = 0; id < a.count; id++)
		expect_places(&a, id);
	arena_end(&a);
}

/* With its log: what was written before the move is dirty after it. */
static void test_log_moves(void)
{
	uint64_t bits[PAGES / 64];
	struct baton_dirty_log log = { .slot = 1, .count = PAGES, .bitmap = (uintptr_t)bits };
	struct arena a;

	arena_start(&a, 1, true);
	EXPECT(!set_area(&a, BATON_SLOT_LOG_DIRTY, AREA));
	set_range(&a, 0, AREA + 3 * PAGE, AREA + 5 * PAGE);
	EXPECT(proceed(&a, 2));
	EXPECT(!set_area(&a, BATON_SLOT_LOG_DIRTY, AREA + 8 * PAGE));
	EXPECT(!ioctl(a.g.vm, BATON_GET_DIRTY_LOG, &log));
	EXPECT(bits[0] == 0x18 && !bits[1]);
	set_range(&a, 0, AREA + 11 * PAGE + 4, AREA + 14 * PAGE);
	set_registers(a.worker[0].vcpu, CODE_OF(0));
	EXPECT(proceed(&a, 2));
	EXPECT(!ioctl(a.g.vm, BATON_GET_DIRTY_LOG, &log));
	EXPECT(bits[0] == 0x38 && !bits[1]);
	arena_end(&a);
}

/* ---- what madvise(), mprotect() and their like do ---- */

static void op_protect(struct arena *a, unsigned int i)
{
	EXPECT(!mprotect(piece(a, i), PIECE, i % 2 ? PROT_READ : PROT_NONE));
	usleep(100);
	EXPECT(!mprotect(piece(a, i), PIECE, PROT_READ | PROT_WRITE));
}

static void test_mprotect(void)
{
	struct arena a;

	arena_start(&a, 2, false);
	storm(&a, op_protect, 300);
	arena_end(&a);
}

static void op_unmap(struct arena *a, unsigned int i)
{
	unsigned char *at = piece(a, i);

	EXPECT(!munmap(at, PIECE));
	usleep(100);
	EXPECT(mmap(at, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, a->memfd,
		    at - a->area) == at);
}

static void test_munmap(void)
{
	struct arena a;

	arena_start(&a, 2, true);
	storm(&a, op_unmap, 300);
	arena_end(&a);
}

static void op_dontneed(struct arena *a, unsigned int i)
{
	EXPECT(!madvise(i % 8 ? piece(a, i) : a->area, i % 8 ? PIECE : AREA_SIZE, MADV_DONTNEED));
}

static void test_dontneed(void)
{
	struct arena a;

	arena_start(&a, 2, true);
	storm(&a, op_dontneed, 300);
	arena_end(&a);
}

/* Shared memory stays; private memory is gone, and the guest counts from 0 again. */
static void test_dontneed_private(void)
{
	uint32_t before;
	struct arena a;

	arena_start(&a, 1, false);
	EXPECT(proceed(&a, 3));
	before = rounds(&a.worker[0]);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_DONTNEED));
	EXPECT(proceed(&a, 2));
	for (unsigned int page = 0; page < PAGES; page++)
		EXPECT(count_in(&a, page, 0) - (rounds(&a.worker[0]) - before) + 1 <= 2);
	arena_end(&a);
}

static void test_punch(void)
{
	struct stat st;
	uint32_t before;
	struct arena a;

	arena_start(&a, 2, true);
	EXPECT(proceed(&a, 2));
	go(&a);
	for (unsigned int i = 0; i < 200; i++) {
		EXPECT(!fallocate(a.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  piece(&a, i) - a.area, PIECE));
		usleep(300);
	}
	halt(&a);
	EXPECT(!fallocate(a.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, AREA_SIZE));
	EXPECT(!fstat(a.memfd, &st) && !st.st_blocks);
	before = rounds(&a.worker[0]);
	EXPECT(proceed(&a, 2));
	for (unsigned int page = 0; page < PAGES; page++)
		EXPECT(count_in(&a, page, 0) - (rounds(&a.worker[0]) - before) + 1 <= 2);
	arena_end(&a);
}

/* The child's copy does not change, whatever the guest of the parent writes. */
static void op_fork(struct arena *a, unsigned int i)
{
	static unsigned char copy[AREA_SIZE];
	int status = -1;
	pid_t child = fork();

	if (!child) {
		memcpy(copy, a->area, sizeof(copy));
		usleep(2000 + i * 100);
		_exit(memcmp(copy, a->area, sizeof(copy)) ? 1 : 0);
	}
	EXPECT(child > 0 && waitpid(child, &status, 0) == child);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status));
}

static void test_fork(void)
{
	struct arena a;

	arena_start(&a, 2, false);
	EXPECT(proceed(&a, 2));
	storm(&a, op_fork, 20);
	arena_end(&a);
}

static int get_accessed(const struct arena *a, uint64_t *bits)
{
	struct baton_dirty_log log = { .slot = 1, .count = PAGES, .bitmap = (uintptr_t)bits };

	memset(bits, 0x5a, PAGES / 8);
	return ioctl(a->g.vm, BATON_GET_ACCESSED, &log);
}

/* ---- the host's own memory management ---- */

static long number_in(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	long value = -1, number;
	char name[64];

	if (!file)
		return -1;
	if (!key)
		(void)!fscanf(file, "%ld", &value);
	while (key && fscanf(file, "%63s %ld", name, &number) == 2)
		if (!strcmp(name, key))
			value = number;
	fclose(file);
	return value;
}

static bool write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static void mark_pages(const struct arena *a)
{
	const uint32_t mark = MARK_VALUE;

	for (unsigned int page = 0; page < PAGES; page++)
		memcpy(a->area + page * PAGE + MARK, &mark, sizeof(mark));
}

static void expect_marks(const struct arena *a)
{
	uint32_t mark;

	for (unsigned int page = 0; page < PAGES; page++) {
		memcpy(&mark, a->area + page * PAGE + MARK, sizeof(mark));
		EXPECT(mark == MARK_VALUE);
	}
}

static void op_nothing(struct arena *a, unsigned int i)
{
	(void)a, (void)i;
}

/* Equal pages become one; the guest's first write to each parts them. */
static void test_ksm(void)
{
	struct arena a;
	int i;

	if (!write_to("/sys/kernel/mm/ksm/pages_to_scan", "2000") ||
	    !write_to("/sys/kernel/mm/ksm/sleep_millisecs", "1") ||
	    !write_to("/sys/kernel/mm/ksm/run", "1")) {
		abi_needs("KSM, and root");
		return;
	}
	arena_start(&a, 2, false);
	mark_pages(&a);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_MERGEABLE));
	for (i = 0; i < 300 && number_in("/sys/kernel/mm/ksm/pages_sharing", NULL) < PAGES / 2; i++)
		usleep(100000);
	EXPECT(i < 300);
	storm(&a, op_nothing, 1000);
	expect_marks(&a);
	EXPECT(write_to("/sys/kernel/mm/ksm/run", "2"));
	storm(&a, op_nothing, 100);
	arena_end(&a);
	write_to("/sys/kernel/mm/ksm/run", "0");
}

static uint64_t faults(const struct arena *a)
{
	struct baton_stats stats;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < a->count; i++) {
		EXPECT(!ioctl(a->worker[i].vcpu, BATON_GET_STATS, &stats));
		sum += stats.value[BATON_STAT_EXIT_FAULT];
	}
	return sum;
}

/* Faults that it takes to map the whole area anew. */
static uint64_t faults_of_round(struct arena *a)
{
	uint64_t before = faults(a);

	/* The second-level mappings go, the pages stay. */
	EXPECT(!set_area(a, BATON_SLOT_LOG_DIRTY, AREA));
	EXPECT(!set_area(a, 0, AREA));
	EXPECT(proceed(a, 2));
	return faults(a) - before;
}

static void op_collapse(struct arena *a, unsigned int i)
{
	unsigned char *at = a->area + i % 2 * LARGE;

	if (madvise(at, LARGE, MADV_COLLAPSE))
		EXPECT(errno == EAGAIN || errno == EBUSY || errno == ENOMEM);
	/* Split again: a part has other rights. */
	EXPECT(!mprotect(at + PIECE, PAGE, PROT_READ));
	EXPECT(!mprotect(at + PIECE, PAGE, PROT_READ | PROT_WRITE));
}

/*
 * Huge pages come together and are split under the guest; in the end the second-level
 * table follows: one fault for each 2 MiB, where small pages take one for 128 KiB.
 */
static void test_huge(void)
{
	uint64_t small, large;
	struct arena a;

	arena_start(&a, 1, false);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_NOHUGEPAGE));
	mark_pages(&a);
	small = faults_of_round(&a);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_HUGEPAGE));
	if (madvise(a.area, AREA_SIZE, MADV_COLLAPSE) && errno == EINVAL) {
		abi_needs("MADV_COLLAPSE (Linux 6.1, transparent huge pages)");
		arena_end(&a);
		return;
	}
	large = faults_of_round(&a);
	printf("  faults for 4 MiB: %u in small pages, %u in large ones\n", (unsigned int)small,
	       (unsigned int)large);
	EXPECT(small >= AREA_SIZE / 0x20000 && large < AREA_SIZE / 0x20000 / 2);
	add_worker(&a, 1);
	storm(&a, op_collapse, 60);
	expect_marks(&a);
	/* Split for the log, and re-formed after it. */
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_COLLAPSE));
	EXPECT(!set_area(&a, BATON_SLOT_LOG_DIRTY, AREA));
	EXPECT(proceed(&a, 2));
	EXPECT(faults_of_round(&a) < AREA_SIZE / 0x20000 / 2);
	expect_counts(&a);
	arena_end(&a);
}

static bool has_swap(void)
{
	if (!system("grep -q ^/dev /proc/swaps"))
		return true;
	abi_needs("swap space");
	return false;
}

/* How many pages of [first, first + count) are in swap? */
static unsigned int swapped(const struct arena *a, unsigned int first, unsigned int count)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned int found = 0;
	uint64_t entry;

	for (unsigned int i = first; i < first + count; i++) {
		EXPECT(pread(fd, &entry, sizeof(entry), ((uintptr_t)a->area / PAGE + i) * 8) == 8);
		found += entry >> 62 & 1;
	}
	close(fd);
	return found;
}

static void op_pageout(struct arena *a, unsigned int i)
{
	EXPECT(!madvise(i % 8 ? piece(a, i) : a->area, i % 8 ? PIECE : AREA_SIZE, MADV_PAGEOUT));
}

static void test_swap(void)
{
	struct arena a;

	if (!has_swap())
		return;
	arena_start(&a, 2, false);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_NOHUGEPAGE));
	mark_pages(&a);
	EXPECT(proceed(&a, 2));
	/* The first time finds pages that the guest has used just now, and leaves them. */
	for (int i = 0; i < 3; i++)
		EXPECT(!madvise(a.area, AREA_SIZE, MADV_PAGEOUT));
	EXPECT(swapped(&a, 0, PAGES) > PAGES / 2);
	expect_counts(&a);
	storm(&a, op_pageout, 100);
	expect_marks(&a);
	arena_end(&a);
}

#define CGROUPS "/tmp/abi-cgroups"
#define CGROUP CGROUPS "/abi"

/* This process into a memory cgroup of its own. */
static bool enter_cgroup(void)
{
	mkdir(CGROUPS, 0700);
	if (mount("none", CGROUPS, "cgroup2", 0, NULL)) {
		abi_needs("cgroup2, and root");
		return false;
	}
	if (write_to(CGROUPS "/cgroup.subtree_control", "+memory") && !mkdir(CGROUP, 0700) &&
	    write_to(CGROUP "/cgroup.procs", "0"))
		return true;
	umount(CGROUPS);
	abi_needs("the memory controller");
	return false;
}

static void leave_cgroup(void)
{
	EXPECT(write_to(CGROUPS "/cgroup.procs", "0"));
	rmdir(CGROUP);
	EXPECT(!umount(CGROUPS));
	rmdir(CGROUPS);
}

/* Memory that the guest touches is charged to the monitor's cgroup, and its tables. */
static void test_memcg(void)
{
	struct arena a;
	long before;

	if (!enter_cgroup())
		return;
	arena_start(&a, 1, false);
	before = number_in(CGROUP "/memory.current", NULL);
	EXPECT(proceed(&a, 1));
	EXPECT(number_in(CGROUP "/memory.current", NULL) - before >= (long)AREA_SIZE * 7 / 8);
	EXPECT(number_in(CGROUP "/memory.stat", "kernel") > 0);
	arena_end(&a);
	leave_cgroup();
}

/*
 * Reclaim takes pages that the guest does not use. By the monitor's own page table all
 * have been left alone for as long, and the used ones were first to come.
 */
static void test_reclaim(void)
{
	unsigned int used, unused;
	uint64_t bits[PAGES / 64];
	struct arena a;
	/* Generations (6.12) age by what they find in the monitor's own page tables. */
	bool generations = write_to("/sys/kernel/mm/lru_gen/enabled", "n");

	if (!has_swap() || !enter_cgroup())
		return;
	arena_start(&a, 1, false);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_NOHUGEPAGE));
	EXPECT(proceed(&a, 1));
	if (get_accessed(&a, bits) && errno == EOPNOTSUPP) {
		abi_needs("a processor with accessed bits");
	} else {
		EXPECT(write_to("/proc/self/clear_refs", "1"));
		set_range(&a, 0, AREA, AREA + AREA_SIZE / 4);
		set_registers(a.worker[0].vcpu, CODE_OF(0));
		EXPECT(proceed(&a, 2));
		write_to(CGROUP "/memory.reclaim", "1M");
		used = swapped(&a, 0, PAGES / 4);
		unused = swapped(&a, PAGES / 4, PAGES - PAGES / 4);
		printf("  pages swapped: %u used, %u unused\n", used, unused);
		EXPECT(unused > 100 && used < unused / 4);
	}
	arena_end(&a);
	leave_cgroup();
	if (generations)
		write_to("/sys/kernel/mm/lru_gen/enabled", "y");
}

/* ---- userfaultfd ---- */

struct pager {
	struct arena *arena;
	int uffd;
	pthread_t thread;
	atomic_bool stop;
	atomic_ulong missing, protected;
};

static int open_uffd(struct pager *p, struct arena *a, uint64_t mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)a->area, AREA_SIZE }, .mode = mode,
	};

	memset(p, 0, sizeof(*p));
	p->arena = a;
	p->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->uffd < 0 || ioctl(p->uffd, UFFDIO_API, &api))
		return -1;
	return ioctl(p->uffd, UFFDIO_REGISTER, &reg);
}

static void supply(struct pager *p, uint64_t page)
{
	static unsigned char fresh[PAGE];
	struct uffdio_copy copy = { .dst = page, .src = (uintptr_t)fresh, .len = PAGE };
	const uint32_t mark = MARK_VALUE;

	memcpy(fresh + MARK, &mark, sizeof(mark));
	if (ioctl(p->uffd, UFFDIO_COPY, &copy))
		EXPECT(errno == EEXIST);
	p->missing++;
}

static int protect(const struct pager *p, uint64_t start, uint64_t size, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { start, size }, .mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(p->uffd, UFFDIO_WRITEPROTECT, &wp);
}

static void *page_in(void *ctx)
{
	struct pager *p = ctx;
	struct uffd_msg msg;

	while (!p->stop) {
		uint64_t page;

		if (read(p->uffd, &msg, sizeof(msg)) != sizeof(msg)) {
			usleep(100);
			continue;
		}
		page = msg.arg.pagefault.address & ~(uint64_t)(PAGE - 1);
		if (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
			EXPECT(!protect(p, page, PAGE, false));
			p->protected++;
		} else {
			supply(p, page);
		}
	}
	return NULL;
}

static void pager_start(struct pager *p)
{
	pthread_create(&p->thread, NULL, page_in, p);
}

static void pager_end(struct pager *p)
{
	p->stop = true;
	pthread_join(p->thread, NULL);
	if (p->uffd >= 0)
		close(p->uffd);
}

/* Four vCPUs in missing pages, kicked all the time. */
static void test_uffd_missing(void)
{
	struct arena a;
	struct pager p;

	arena_start(&a, WORKERS, false);
	if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_MISSING)) {
		abi_needs("userfaultfd");
		arena_end(&a);
		return;
	}
	pager_start(&p);
	go(&a);
	for (int i = 0; i < 500; i++) {
		EXPECT(!ioctl(a.worker[i % WORKERS].vcpu, BATON_KICK));
		usleep(200);
	}
	halt(&a);
	EXPECT(proceed(&a, 1));
	EXPECT(p.missing >= PAGES);
	expect_counts(&a);
	expect_marks(&a);
	/* Once more, as post-copy does it. */
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_DONTNEED));
	p.missing = 0;
	EXPECT(proceed(&a, 1));
	EXPECT(p.missing >= PAGES);
	expect_marks(&a);
	pager_end(&p);
	arena_end(&a);
}

/* Nobody supplies pages; then the descriptor is closed, and they are zero. */
static int close_uffd(void)
{
	struct arena a;
	struct pager p;

	arena_start(&a, WORKERS, false);
	if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_MISSING))
		return 3;
	go(&a);
	usleep(20000);
	close(p.uffd);
	usleep(20000);
	halt(&a);
	EXPECT(proceed(&a, 1));
	expect_counts(&a);
	arena_end(&a);
	return abi_failures ? 1 : 0;
}

/*
 * In a process of its own. Before Linux 6.14 ("mm/userfaultfd: fix release hang over
 * concurrent GUP") a thread that faults for the kernel can go round for ever while
 * another one closes the descriptor; a fatal signal ends that.
 */
static void test_uffd_closed(void)
{
	int status = 0, waited;
	pid_t child = fork();

	if (!child) {
		abi_failures = 0;
		_exit(close_uffd());
	}
	for (waited = 0; waited < 100 && !waitpid(child, &status, WNOHANG); waited++)
		usleep(100000);
	if (waited == 100) {
		kill(child, SIGKILL);
		EXPECT(waitpid(child, &status, 0) == child);
		abi_needs("a kernel that closes a userfaultfd under page faults of its own");
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
		abi_needs("userfaultfd");
	} else {
		EXPECT(WIFEXITED(status) && !WEXITSTATUS(status));
	}
}

/* A process whose vCPUs wait for ever can be killed, and its VM is gone with it. */
static void test_uffd_killed(void)
{
	struct baton_info info = { 0 }, after = { 0 };
	int sys = abi_open(), status = 0;
	pid_t child;

	EXPECT(!ioctl(sys, BATON_GET_INFO, &info));
	child = fork();
	if (!child) {
		struct arena a;
		struct pager p;

		arena_start(&a, WORKERS, false);
		if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_MISSING))
			_exit(3);
		go(&a);
		pause();
	}
	usleep(300000);
	if (waitpid(child, &status, WNOHANG) == child) {
		abi_needs("userfaultfd");
	} else {
		kill(child, SIGKILL);
		EXPECT(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
		for (int i = 0; i < 100; i++) {
			EXPECT(!ioctl(sys, BATON_GET_INFO, &after));
			if (after.vm_count == info.vm_count)
				break;
			usleep(10000);
		}
		EXPECT(after.vm_count == info.vm_count);
	}
	close(sys);
}

static struct pager *protector;

static void op_writeprotect(struct arena *a, unsigned int i)
{
	EXPECT(!protect(protector, (uintptr_t)(i % 8 ? piece(a, i) : a->area),
			i % 8 ? PIECE : AREA_SIZE, true));
}

static void test_uffd_protect(void)
{
	struct arena a;
	struct pager p;

	arena_start(&a, 2, false);
	mark_pages(&a);
	if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_WP)) {
		abi_needs("userfaultfd with write protection");
		arena_end(&a);
		return;
	}
	protector = &p;
	pager_start(&p);
	storm(&a, op_writeprotect, 200);
	EXPECT(p.protected > 100);
	expect_marks(&a);
	pager_end(&p);
	arena_end(&a);
}

/* ---- pages that the guest uses ---- */

static unsigned int used_pages(const struct arena *a)
{
	uint64_t bits[PAGES / 64];
	unsigned int used = 0;

	EXPECT(!get_accessed(a, bits));
	for (unsigned int i = 0; i < PAGES / 64; i++)
		used += (unsigned int)__builtin_popcountll(bits[i]);
	return used;
}

static void test_accessed(void)
{
	struct baton_info info = { 0 };
	uint64_t bits[PAGES / 64];
	struct arena a;

	arena_start(&a, 1, false);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_NOHUGEPAGE));
	EXPECT(!ioctl(a.g.sys, BATON_GET_INFO, &info));
	if (!(info.features & BATON_FEAT_ACCESSED)) {
		FAILS(get_accessed(&a, bits), EOPNOTSUPP);
		abi_needs("a processor with accessed bits");
		arena_end(&a);
		return;
	}
	EXPECT(!used_pages(&a));
	EXPECT(proceed(&a, 2));
	EXPECT(used_pages(&a) == PAGES);
	EXPECT(!used_pages(&a));
	/* In a part of it, with what the processor still has in its TLB. */
	set_range(&a, 0, AREA + 64 * PAGE, AREA + 96 * PAGE);
	set_registers(a.worker[0].vcpu, CODE_OF(0));
	EXPECT(proceed(&a, 2));
	EXPECT(!get_accessed(&a, bits));
	EXPECT(!bits[0] && bits[1] == 0xffffffff && !bits[2]);
	/* Also of a slot that logs; and a page that is gone is not used. */
	EXPECT(!set_area(&a, BATON_SLOT_LOG_DIRTY, AREA));
	EXPECT(proceed(&a, 2));
	EXPECT(!madvise(a.area + 64 * PAGE, 16 * PAGE, MADV_DONTNEED));
	EXPECT(!get_accessed(&a, bits));
	EXPECT(bits[1] == 0xffff0000);
	arena_end(&a);
}

static void test_accessed_refused(void)
{
	struct arena a;
	uint64_t bits[PAGES / 64];
	const struct baton_dirty_log good = { .slot = 1, .count = PAGES,
					      .bitmap = (uintptr_t)bits };
	struct baton_dirty_log log;

	arena_start(&a, 1, false);
	if (ioctl(a.g.vm, BATON_GET_ACCESSED, &good) && errno == EOPNOTSUPP) {
		abi_needs("a processor with accessed bits");
		arena_end(&a);
		return;
	}
#define REFUSED(change, error) do { \
		log = good; \
		log.change; \
		FAILS(ioctl(a.g.vm, BATON_GET_ACCESSED, &log), error); } while (0)
	REFUSED(slot = 2, ENOENT);
	REFUSED(slot = BATON_MAX_SLOTS, EINVAL);
	REFUSED(slot = UINT32_MAX, EINVAL);
	REFUSED(reserved = 1, EINVAL);
	REFUSED(count = 0, EINVAL);
	REFUSED(count = 1, EINVAL);
	REFUSED(count = PAGES + 64, EINVAL);
	REFUSED(count = UINT64_MAX, EINVAL);
	REFUSED(first = 1, EINVAL);
	REFUSED(first = 64, EINVAL);
	REFUSED(first = UINT64_MAX - 63, EINVAL);
	REFUSED(bitmap += 4, EINVAL);
	REFUSED(bitmap = 0, EFAULT);
	REFUSED(bitmap = 0xffff800000000000ull, EFAULT);
	arena_end(&a);
}

const struct abi_test abi_memory_tests[] = {
	{ "A2: slots move under vCPUs", test_slots_move },
	{ "A2: a log moves with its slot", test_log_moves },
	{ "A11: mprotect", test_mprotect },
	{ "A11: munmap", test_munmap },
	{ "A11: MADV_DONTNEED", test_dontneed },
	{ "A11: MADV_DONTNEED of private memory", test_dontneed_private },
	{ "A11: PUNCH_HOLE", test_punch },
	{ "A11: fork", test_fork },
	{ "A11: KSM", test_ksm },
	{ "A11: huge pages", test_huge },
	{ "A11: swap", test_swap },
	{ "A11: memory cgroup", test_memcg },
	{ "A11: reclaim", test_reclaim },
	{ "A11: accessed pages", test_accessed },
	{ "A11: accessed pages refused", test_accessed_refused },
	{ "A13: missing pages", test_uffd_missing },
	{ "A13: userfaultfd closed", test_uffd_closed },
	{ "A13: killed in missing pages", test_uffd_killed },
	{ "A13: write protection", test_uffd_protect },
	{ NULL, NULL },
};
