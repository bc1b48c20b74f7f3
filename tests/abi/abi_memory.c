// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety tests A2 and A11: what the host does to the memory of a guest that runs. It moves,
 * protects, unmaps, copies, merges, splits and swaps the area in which vCPUs count
 * (abi_arena.h). What a host lacks for a test the test says.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi_arena.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

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
		there += arena_count(a, page, id);
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
	EXPECT(!arena_set_slot(&a, 0, PLACE_A));
	arena_go(&a);
	for (unsigned int i = 0; i < 300; i++) {
		EXPECT(!arena_set_slot(&a, 0, i % 2 ? PLACE_A : PLACE_B));
		other.size = i % 2 ? 0 : LARGE;
		other.flags = i % 4 ? 0 : BATON_SLOT_READONLY;
		other.hva = (uintptr_t)a.area;
		EXPECT(!ioctl(a.g.vm, BATON_SET_SLOT, &other));
		usleep(300);
	}
	arena_halt(&a);
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
	EXPECT(!arena_set_slot(&a, BATON_SLOT_LOG_DIRTY, AREA));
	arena_set_range(&a, 0, AREA + 3 * PAGE, AREA + 5 * PAGE);
	EXPECT(arena_proceed(&a, 2));
	EXPECT(!arena_set_slot(&a, BATON_SLOT_LOG_DIRTY, AREA + 8 * PAGE));
	EXPECT(!ioctl(a.g.vm, BATON_GET_DIRTY_LOG, &log));
	EXPECT(bits[0] == 0x18 && !bits[1]);
	arena_set_range(&a, 0, AREA + 11 * PAGE + 4, AREA + 14 * PAGE);
	arena_set_registers(a.worker[0].vcpu, CODE_OF(0));
	EXPECT(arena_proceed(&a, 2));
	EXPECT(!ioctl(a.g.vm, BATON_GET_DIRTY_LOG, &log));
	EXPECT(bits[0] == 0x38 && !bits[1]);
	arena_end(&a);
}

/* ---- what madvise(), mprotect() and their like do ---- */

static void op_protect(struct arena *a, unsigned int i)
{
	EXPECT(!mprotect(arena_piece(a, i), PIECE, i % 2 ? PROT_READ : PROT_NONE));
	usleep(100);
	EXPECT(!mprotect(arena_piece(a, i), PIECE, PROT_READ | PROT_WRITE));
}

static void test_mprotect(void)
{
	struct arena a;

	arena_start(&a, 2, false);
	arena_storm(&a, op_protect, 300);
	arena_end(&a);
}

static void op_unmap(struct arena *a, unsigned int i)
{
	unsigned char *at = arena_piece(a, i);

	EXPECT(!munmap(at, PIECE));
	usleep(100);
	EXPECT(mmap(at, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, a->memfd,
		    at - a->area) == at);
}

static void test_munmap(void)
{
	struct arena a;

	arena_start(&a, 2, true);
	arena_storm(&a, op_unmap, 300);
	arena_end(&a);
}

static void op_dontneed(struct arena *a, unsigned int i)
{
	EXPECT(!madvise(i % 8 ? arena_piece(a, i) : a->area, i % 8 ? PIECE : AREA_SIZE,
			MADV_DONTNEED));
}

static void test_dontneed(void)
{
	struct arena a;

	arena_start(&a, 2, true);
	arena_storm(&a, op_dontneed, 300);
	arena_end(&a);
}

/* Shared memory stays; private memory is gone, and the guest counts from 0 again. */
static void test_dontneed_private(void)
{
	uint32_t before;
	struct arena a;

	arena_start(&a, 1, false);
	EXPECT(arena_proceed(&a, 3));
	before = arena_rounds(&a.worker[0]);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_DONTNEED));
	EXPECT(arena_proceed(&a, 2));
	for (unsigned int page = 0; page < PAGES; page++)
		EXPECT(arena_count(&a, page, 0) - (arena_rounds(&a.worker[0]) - before) + 1 <= 2);
	arena_end(&a);
}

static void test_punch(void)
{
	struct stat st;
	uint32_t before;
	struct arena a;

	arena_start(&a, 2, true);
	EXPECT(arena_proceed(&a, 2));
	arena_go(&a);
	for (unsigned int i = 0; i < 200; i++) {
		EXPECT(!fallocate(a.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  arena_piece(&a, i) - a.area, PIECE));
		usleep(300);
	}
	arena_halt(&a);
	EXPECT(!fallocate(a.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, AREA_SIZE));
	EXPECT(!fstat(a.memfd, &st) && !st.st_blocks);
	before = arena_rounds(&a.worker[0]);
	EXPECT(arena_proceed(&a, 2));
	for (unsigned int page = 0; page < PAGES; page++)
		EXPECT(arena_count(&a, page, 0) - (arena_rounds(&a.worker[0]) - before) + 1 <= 2);
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
	EXPECT(arena_proceed(&a, 2));
	arena_storm(&a, op_fork, 20);
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
	arena_mark(&a);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_MERGEABLE));
	for (i = 0; i < 300 && number_in("/sys/kernel/mm/ksm/pages_sharing", NULL) < PAGES / 2; i++)
		usleep(100000);
	EXPECT(i < 300);
	arena_storm(&a, op_nothing, 1000);
	arena_expect_marks(&a);
	EXPECT(write_to("/sys/kernel/mm/ksm/run", "2"));
	arena_storm(&a, op_nothing, 100);
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
	EXPECT(!arena_set_slot(a, BATON_SLOT_LOG_DIRTY, AREA));
	EXPECT(!arena_set_slot(a, 0, AREA));
	EXPECT(arena_proceed(a, 2));
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
	arena_mark(&a);
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
	arena_add_worker(&a, 1);
	arena_storm(&a, op_collapse, 60);
	arena_expect_marks(&a);
	/* Split for the log, and re-formed after it. */
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_COLLAPSE));
	EXPECT(!arena_set_slot(&a, BATON_SLOT_LOG_DIRTY, AREA));
	EXPECT(arena_proceed(&a, 2));
	EXPECT(faults_of_round(&a) < AREA_SIZE / 0x20000 / 2);
	arena_expect_counts(&a);
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
	EXPECT(!madvise(i % 8 ? arena_piece(a, i) : a->area, i % 8 ? PIECE : AREA_SIZE,
			MADV_PAGEOUT));
}

static void test_swap(void)
{
	struct arena a;

	if (!has_swap())
		return;
	arena_start(&a, 2, false);
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_NOHUGEPAGE));
	arena_mark(&a);
	EXPECT(arena_proceed(&a, 2));
	/* The first time finds pages that the guest has used just now, and leaves them. */
	for (int i = 0; i < 3; i++)
		EXPECT(!madvise(a.area, AREA_SIZE, MADV_PAGEOUT));
	EXPECT(swapped(&a, 0, PAGES) > PAGES / 2);
	arena_expect_counts(&a);
	arena_storm(&a, op_pageout, 100);
	arena_expect_marks(&a);
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
	EXPECT(arena_proceed(&a, 1));
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
	EXPECT(arena_proceed(&a, 1));
	if (get_accessed(&a, bits)) {
		/* A processor without accessed bits: what is mapped counts as used. */
		EXPECT(errno == EOPNOTSUPP);
		EXPECT(!mprotect(a.area, AREA_SIZE, PROT_READ));
		EXPECT(!mprotect(a.area, AREA_SIZE, PROT_READ | PROT_WRITE));
	}
	EXPECT(write_to("/proc/self/clear_refs", "1"));
	arena_set_range(&a, 0, AREA, AREA + AREA_SIZE / 4);
	arena_set_registers(a.worker[0].vcpu, CODE_OF(0));
	EXPECT(arena_proceed(&a, 2));
	write_to(CGROUP "/memory.reclaim", "1M");
	used = swapped(&a, 0, PAGES / 4);
	unused = swapped(&a, PAGES / 4, PAGES - PAGES / 4);
	printf("  pages swapped: %u used, %u unused\n", used, unused);
	EXPECT(unused > 100 && used < unused / 4);
	arena_end(&a);
	leave_cgroup();
	if (generations)
		write_to("/sys/kernel/mm/lru_gen/enabled", "y");
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
	EXPECT(arena_proceed(&a, 2));
	EXPECT(used_pages(&a) == PAGES);
	EXPECT(!used_pages(&a));
	/* In a part of it, with what the processor still has in its TLB. */
	arena_set_range(&a, 0, AREA + 64 * PAGE, AREA + 96 * PAGE);
	arena_set_registers(a.worker[0].vcpu, CODE_OF(0));
	EXPECT(arena_proceed(&a, 2));
	EXPECT(!get_accessed(&a, bits));
	EXPECT(!bits[0] && bits[1] == 0xffffffff && !bits[2]);
	/* Also of a slot that logs; and a page that is gone is not used. */
	EXPECT(!arena_set_slot(&a, BATON_SLOT_LOG_DIRTY, AREA));
	EXPECT(arena_proceed(&a, 2));
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
	{ NULL, NULL },
};
