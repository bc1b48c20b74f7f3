// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * storm.so, loaded into baton-vm by LD_PRELOAD: while the guest runs, whatever a host may do
 * to a VM's memory, slots and threads is done to it all the time, from inside the monitor's
 * process, under either engine. Nothing of it may change what the guest sees.
 *
 *   memory	madvise() of every kind that keeps contents, mprotect(), a new mapping of
 *		the same file, migration by compaction, on a piece of guest RAM at random
 *   slots	some come, move, are read-only, are logged and go, where the guest has no
 *		memory; the dirty log of its RAM goes on, is read and cleared, goes off
 *   threads	vCPUs are sent from processor to processor
 *
 * STORM_LOG=FILE: where it tells each 10 s how often. STORM_SEED=N. STORM_ONLY="NAME...":
 * these of wants() alone, to find out which of them something comes of. STORM_PACE=N: N times as
 * slow, for a host that is slow itself: after each of these things a guest has much to do
 * again, and is to get on all the same. The end is the process's.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "baton_ioctl.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PAGE		4096ul
#define LARGE		0x200000ul
#define SPARE_SLOTS	4
#define SPARE_ID	40u
#define SPARE_GPA	0x1000000000ull	/* 64 GiB; tests/host/stress_guest.c looks there */
#define SPARE_SIZE	(4 * LARGE)
#define SPARE_WORD	0x53504152u

/* Guest RAM as the monitor showed it to the engine: the largest slot. */
static struct {
	int vm;
	bool kvm;
	struct baton_slot slot;
	int memfd;		/* -1: private memory */
} ram = { .vm = -1, .memfd = -1 };

/* Mappings of a size worth a look, so that RAM's descriptor is known. */
static struct mapping {
	unsigned char *start;
	size_t size;
	int fd;
} mappings[16];
static atomic_uint mapping_count;

static pid_t own[4];		/* threads of the storm's */
static atomic_uint vcpu_count;

static struct {
	atomic_ulong memory, failed, slots, refused, logs, moves;
} done;

/* ---- what the monitor does ---- */

static void *start_storm(void *unused);

static int real_ioctl(int fd, unsigned long request, void *argument)
{
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

static void note_slot(int fd, bool kvm, const struct baton_slot *slot)
{
	if (slot->id >= SPARE_ID || slot->size <= ram.slot.size)
		return;
	ram.slot = *slot;
	ram.kvm = kvm;
	ram.vm = fd;
	ram.memfd = -1;
	for (unsigned int i = 0; i < mapping_count && i < 16; i++)
		if (slot->hva >= (uintptr_t)mappings[i].start &&
		    slot->hva < (uintptr_t)mappings[i].start + mappings[i].size)
			ram.memfd = mappings[i].fd;
}

static void note_request(int fd, unsigned long request, const void *argument)
{
	if (request == BATON_SET_SLOT) {
		note_slot(fd, false, argument);
	} else if (request == KVM_SET_USER_MEMORY_REGION) {
		const struct kvm_userspace_memory_region *region = argument;
		struct baton_slot slot = {
			.id = region->slot, .gpa = region->guest_phys_addr,
			.size = region->memory_size, .hva = region->userspace_addr,
		};

		note_slot(fd, true, &slot);
	}
}

/* The first of them: memory is there by then, but for an engine that wants it otherwise. */
static void note_vcpu(void)
{
	pthread_t thread;

	if (!vcpu_count++ && ram.vm >= 0)
		pthread_create(&thread, NULL, start_storm, NULL);
}

int ioctl(int fd, unsigned long request, ...)
{
	void *argument;
	va_list list;
	int r;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	r = real_ioctl(fd, request, argument);
	if (!r)
		note_request(fd, request, argument);
	if (r >= 0 && (request == BATON_CREATE_VCPU || request == KVM_CREATE_VCPU))
		note_vcpu();
	return r;
}

void *mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *at = (void *)syscall(SYS_mmap, address, size, prot, flags, fd, offset);
	unsigned int i;

	if (at != MAP_FAILED && size >= 32ul << 20 && fd >= 0) {
		i = mapping_count++;
		if (i < 16)
			mappings[i] = (struct mapping){ at, size, fd };
	}
	return at;
}

/* ---- chance ---- */

static __thread uint64_t state;

static void begin(unsigned int number)
{
	const char *text = getenv("STORM_SEED");

	own[number] = (pid_t)syscall(SYS_gettid);
	state = (text ? strtoull(text, NULL, 0) : 1) * 1000003 + number;
}

static uint32_t below(uint32_t bound)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(((state * 0x2545f4914f6cdd1dull) >> 32) * bound >> 32);
}

static void rest(uint32_t at_least, uint32_t more)
{
	const char *pace = getenv("STORM_PACE");

	usleep((at_least + below(more)) * (pace ? (useconds_t)atoi(pace) : 1));
}

/* Is that part of the storm on? All are, unless STORM_ONLY names some. */
static bool wants(const char *name)
{
	const char *only = getenv("STORM_ONLY");

	return !only || !*only || strstr(only, name);
}

/* ---- memory ---- */

/* Of up to 64 units; now and then, all that is behind its start. */
static unsigned char *some_piece(size_t *ret_size, size_t unit, bool large)
{
	unsigned char *base = (unsigned char *)(((uintptr_t)ram.slot.hva + unit - 1) & -unit);
	size_t room = ram.slot.size - (size_t)((uintptr_t)base - ram.slot.hva);
	uint32_t units = (uint32_t)(room / unit), at = below(units);
	uint32_t count = 1 + below(large && !below(32) ? units - at : 64);

	*ret_size = (count < units - at ? count : units - at) * unit;
	return base + at * unit;
}

static int advise(int advice, size_t unit)
{
	bool costly = advice == MADV_PAGEOUT || advice == MADV_WILLNEED || advice == MADV_COLLAPSE;
	size_t size;
	unsigned char *piece = some_piece(&size, unit, !costly);

	return madvise(piece, costly && unit > PAGE ? unit : size, advice);
}

/* Rights that a guest does not miss, there and back. */
static int protect(void)
{
	size_t size;
	unsigned char *piece = some_piece(&size, PAGE, true);
	int r = mprotect(piece, size, PROT_READ | PROT_WRITE | PROT_EXEC);

	usleep(below(200));
	return r | mprotect(piece, size, PROT_READ | PROT_WRITE);
}

/* The same pages of the file by a new mapping. */
static int map_again(void)
{
	size_t size;
	unsigned char *piece = some_piece(&size, PAGE, true);

	return mmap(piece, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, ram.memfd,
		    (off_t)((uintptr_t)piece - ram.slot.hva)) == piece ? 0 : -1;
}

static int compact(void)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC), r;

	r = fd < 0 || write(fd, "1", 1) != 1;
	close(fd);
	return r;
}

enum { COMPACT = -1, PROTECT = -2, AGAIN = -3 };	/* beside MADV_... */

/* What is done, how often, and to which memory: private contents would be gone by some. */
static const struct kind {
	const char *name;
	unsigned int share;
	int action;
	size_t unit;
	enum { ANY, SHARED, PRIVATE } memory;
} kinds[] = {
	{ "collapse", 64, MADV_COLLAPSE, LARGE, ANY },
	{ "large", 64, MADV_HUGEPAGE, LARGE, ANY },
	{ "small", 64, MADV_NOHUGEPAGE, PAGE, ANY },
	{ "pageout", 64, MADV_PAGEOUT, PAGE, ANY },
	{ "cold", 64, MADV_COLD, PAGE, ANY },
	{ "willneed", 64, MADV_WILLNEED, PAGE, ANY },
	{ "compact", 1, COMPACT, PAGE, ANY },
	{ "protect", 112, PROTECT, PAGE, ANY },
	{ "unmap", 384, MADV_DONTNEED, PAGE, SHARED },
	{ "again", 128, AGAIN, PAGE, SHARED },
	{ "merge", 256, MADV_MERGEABLE, PAGE, PRIVATE },
	{ "apart", 256, MADV_UNMERGEABLE, PAGE, PRIVATE },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static unsigned int share_of(const struct kind *kind)
{
	if (kind->memory == (ram.memfd < 0 ? SHARED : PRIVATE) || !wants(kind->name))
		return 0;
	return kind->share;
}

/* NULL: none is wanted. */
static const struct kind *some_kind(void)
{
	uint32_t at, all = 0;

	for (unsigned int i = 0; i < KINDS; i++)
		all += share_of(&kinds[i]);
	at = below(all);
	for (unsigned int i = 0; i < KINDS; i++) {
		if (at < share_of(&kinds[i]))
			return &kinds[i];
		at -= share_of(&kinds[i]);
	}
	return NULL;
}

static int disturb(void)
{
	const struct kind *kind = some_kind();

	if (!kind)
		return 0;
	switch (kind->action) {
	case COMPACT: return compact();
	case PROTECT: return protect();
	case AGAIN: return map_again();
	default: return advise(kind->action, kind->unit);
	}
}

static void *storm_memory(void *unused)
{
	(void)unused;
	begin(1);
	for (;;) {
		if (disturb())
			done.failed++;
		done.memory++;
		rest(500, 4000);
	}
	return NULL;
}

/* ---- slots ---- */

static int set_slot(const struct baton_slot *slot)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot->id, .guest_phys_addr = slot->gpa, .memory_size = slot->size,
		.userspace_addr = slot->hva,
		.flags = (slot->flags & BATON_SLOT_LOG_DIRTY ? KVM_MEM_LOG_DIRTY_PAGES : 0) |
			 (slot->flags & BATON_SLOT_READONLY ? KVM_MEM_READONLY : 0),
	};
	struct baton_slot ours = *slot;

	return ram.kvm ? real_ioctl(ram.vm, KVM_SET_USER_MEMORY_REGION, &region) :
			 real_ioctl(ram.vm, BATON_SET_SLOT, &ours);
}

static void change_spare(struct baton_slot *slot, unsigned char *memory)
{
	struct baton_slot wish = *slot;

	if (!slot->size) {
		wish.size = PAGE * (1 + below(SPARE_SIZE / PAGE));
		wish.hva = (uintptr_t)memory + (SPARE_SIZE - wish.size);
		wish.gpa = SPARE_GPA + slot->id % SPARE_SLOTS * 2 * SPARE_SIZE;
		wish.flags = below(4);
	} else if (!below(3)) {
		wish.size = 0;
	} else if (below(2)) {
		wish.flags ^= BATON_SLOT_LOG_DIRTY;
	} else {
		wish.gpa ^= SPARE_SIZE;
	}
	if (set_slot(&wish))
		done.refused++;
	else
		*slot = wish;
	done.slots++;
}

/* The log of RAM: on, read and cleared some times, off. */
static void log_ram(uint64_t *bits)
{
	uint64_t pages = ram.slot.size / PAGE;
	struct baton_dirty_log ours = {
		.slot = ram.slot.id, .count = pages, .bitmap = (uintptr_t)bits,
	};
	struct kvm_dirty_log get = { .slot = ram.slot.id, .dirty_bitmap = bits };
	struct kvm_clear_dirty_log clear = {
		.slot = ram.slot.id, .num_pages = (uint32_t)pages, .dirty_bitmap = bits,
	};
	struct baton_slot slot = ram.slot;

	slot.flags |= BATON_SLOT_LOG_DIRTY;
	if (set_slot(&slot))
		done.refused++;
	for (unsigned int i = 0; i < 5; i++) {
		usleep(below(20000));
		if (ram.kvm) {
			real_ioctl(ram.vm, KVM_GET_DIRTY_LOG, &get);
			real_ioctl(ram.vm, KVM_CLEAR_DIRTY_LOG, &clear);
		} else if (real_ioctl(ram.vm, BATON_GET_DIRTY_LOG, &ours) ||
			   real_ioctl(ram.vm, BATON_CLEAR_DIRTY_LOG, &ours)) {
			done.refused++;
		}
		done.logs++;
	}
	if (set_slot(&ram.slot))
		done.refused++;
}

static void *storm_slots(void *unused)
{
	struct baton_slot spare[SPARE_SLOTS] = { 0 };
	uint64_t *bits = calloc(1, ram.slot.size / PAGE / 8 + 8);
	uint32_t *memory = mmap(NULL, SPARE_SIZE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	begin(2);
	for (size_t i = 0; i < SPARE_SIZE / sizeof(*memory); i++)
		memory[i] = SPARE_WORD;
	for (unsigned int i = 0; i < SPARE_SLOTS; i++)
		spare[i].id = SPARE_ID + i;
	for (;;) {
		if (wants("slots"))
			change_spare(&spare[below(SPARE_SLOTS)], (unsigned char *)memory);
		if (!below(64) && wants("log"))
			log_ram(bits);
		rest(1000, 10000);
	}
	return NULL;
}

/* ---- threads ---- */

static bool is_own(pid_t tid)
{
	for (unsigned int i = 0; i < 4; i++)
		if (own[i] == tid)
			return true;
	return false;
}

/* The number of `allowed`'s processor at that place among them. */
static int processor_at(const cpu_set_t *allowed, int place)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, allowed) && !place--)
			return cpu;
	return 0;
}

/* All threads of the monitor's, the vCPUs among them. */
static void move_threads(const cpu_set_t *allowed)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	cpu_set_t set;
	pid_t tid;

	while (tasks && (task = readdir(tasks))) {
		tid = atoi(task->d_name);
		CPU_ZERO(&set);
		CPU_SET(processor_at(allowed, (int)below((uint32_t)CPU_COUNT(allowed))), &set);
		if (tid && !is_own(tid) && !sched_setaffinity(tid, sizeof(set), &set))
			done.moves++;
	}
	if (tasks)
		closedir(tasks);
}

/* To the processors that the monitor was started on. */
static void *storm_threads(void *unused)
{
	cpu_set_t allowed;

	(void)unused;
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return NULL;
	begin(3);
	for (;;) {
		if (wants("threads"))
			move_threads(&allowed);
		rest(2000, 6000);
	}
	return NULL;
}

static void *start_storm(void *unused)
{
	const char *path = getenv("STORM_LOG");
	FILE *log = fopen(path ? path : "/dev/null", "w");
	pthread_t thread;

	begin(0);
	pthread_create(&thread, NULL, storm_memory, NULL);
	pthread_create(&thread, NULL, storm_slots, NULL);
	pthread_create(&thread, NULL, storm_threads, NULL);
	while (log) {
		fprintf(log, "storm: %s memory, %lu disturbed (%lu refused), %lu slots changed "
			"and %lu logs read (%lu refused), %lu moves of %u vCPUs\n",
			ram.memfd < 0 ? "private" : "shared", done.memory, done.failed,
			done.slots, done.logs, done.refused, done.moves, vcpu_count);
		fflush(log);
		sleep(10);
	}
	return unused;
}
