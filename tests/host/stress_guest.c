// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: stress-guest SECONDS [WORKER...]
 *
 * A guest's load that knows when something was lost, for `stress` (stress.sh). Workers, all or
 * those that are named:
 *
 *   pages	write patterns, protect, move, give back, fork; each page is as it was written
 *   heap	the same with large pages, as fresh as the host gives them
 *   remap	a page is replaced under threads on all CPUs: no one sees the old one any more
 *   pingpong	two threads wake each other on different CPUs: no wake-up is lost
 *   barrier	all CPUs are interrupted at once
 *   timer	one on each CPU: each sleep ends
 *   spare	reads where the host has slots come and go: what is there, or nothing
 *   registers	vector registers and the 128 bytes below the stack stay as they are
 *   arithmetic	sums of both floating-point units come out the same
 *   compile	cc1, if there: the same input gives the same output
 *
 * One file, although a long one: workers share nothing but how they tell, and a few of them
 * are what there is to read at a time.
 *
 * Each 30 s it tells what was done. A worker that has done nothing for STALL seconds has
 * lost something; that, and whatever is not as it should be, is a line "stress: FAIL ...".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096ul
#define PAGES		512ul
#define STALL		600	/* vCPUs of an emulated host share a fraction of one CPU */
#define SPARE_GPA	0x1000000000ull	/* tests/host/storm.c */
#define SPARE_SIZE	0x4000000ull
#define SPARE_WORD	0x53504152u
#define MAX_WORKERS	64

struct worker {
	char name[16];
	unsigned int number;
	void (*step)(struct worker *worker);
	bool may_rest;		/* has nothing to do here */
	atomic_ulong rounds, late;	/* ms, of the latest timer */
};

/* Shared with all processes. */
static struct shared {
	struct worker worker[MAX_WORKERS];
	unsigned int count;
	atomic_uint failures;
	atomic_bool over;
} *shared;

static unsigned int cpus;

static void failed(const char *what, unsigned long wanted, unsigned long found)
{
	printf("stress: FAIL %s: wanted %#lx, found %#lx\n", what, wanted, found);
	shared->failures++;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static uint32_t chance(uint32_t bound)
{
	static __thread uint64_t state;

	if (!state)
		state = (uint64_t)syscall(SYS_gettid) * 0x9e3779b97f4a7c15ull;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(((state * 0x2545f4914f6cdd1dull) >> 32) * bound >> 32);
}

/* ---- pages ---- */

static uint64_t word(uint64_t key, uint64_t page, uint64_t at)
{
	return (key << 40 ^ page << 16 ^ at) * 0x9e3779b97f4a7c15ull;
}

static void write_page(unsigned char *base, uint64_t page, uint64_t key)
{
	uint64_t *words = (uint64_t *)(base + page * PAGE);

	for (uint64_t i = 0; i < PAGE / 8; i += 8)
		words[i] = word(key, page, i);
}

static void check_page(const char *who, unsigned char *base, uint64_t page, uint64_t key)
{
	uint64_t *words = (uint64_t *)(base + page * PAGE);

	for (uint64_t i = 0; i < PAGE / 8; i += 8)
		if (words[i] != word(key, page, i)) {
			failed(who, word(key, page, i), words[i]);
			return;
		}
}

static void check_all(const char *who, unsigned char *base, const uint64_t *keys)
{
	for (uint64_t page = 0; page < PAGES; page++)
		if (keys[page])
			check_page(who, base, page, keys[page]);
}

/* A child sees the parent's pages, and what it writes is its own. */
static void fork_once(unsigned char *base, uint64_t *keys)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		check_all("pages of a child", base, keys);
		for (uint64_t page = 0; page < PAGES; page += 1 + chance(8))
			write_page(base, page, keys[page] = 77);
		check_all("pages that a child wrote", base, keys);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		failed("a child's status", 0, (unsigned long)status);
}

static void step_pages(struct worker *w)
{
	static unsigned char *base;
	static uint64_t keys[PAGES], key = 1;
	uint64_t first = chance(PAGES), count = 1 + chance((uint32_t)(PAGES - first));
	unsigned char *other;

	if (!base)
		base = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	switch (chance(8)) {
	case 0:
		mprotect(base + first * PAGE, count * PAGE, PROT_READ);
		check_all("protected pages", base, keys);
		mprotect(base + first * PAGE, count * PAGE, PROT_READ | PROT_WRITE);
		break;
	case 1:
		madvise(base + first * PAGE, count * PAGE, MADV_DONTNEED);
		for (uint64_t page = first; page < first + count; page++) {
			if (*(uint64_t *)(base + page * PAGE))
				failed("a page given back", 0, 1);
			keys[page] = 0;
		}
		break;
	case 2:
		other = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		base = mremap(base, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			      other);
		break;
	case 3:
		fork_once(base, keys);
		break;
	default:
		key++;
		for (uint64_t page = first; page < first + count; page++)
			write_page(base, page, keys[page] = key << 8 | w->number);
	}
	check_all("pages", base, keys);
}

/* ---- heap ---- */

/*
 * Memory that was free long enough to be reported to the host, and comes back by the large
 * page: it is zero, and then what is written stays.
 */
static void step_heap(struct worker *w)
{
	static uint64_t key;
	uint64_t pages = PAGES * (1 + chance(12));
	unsigned char *map = mmap(NULL, (pages + PAGES) * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *base = map + (-(uintptr_t)map & (PAGES * PAGE - 1));

	if (map == MAP_FAILED) {
		failed("mmap()", 0, (unsigned long)errno);
		return;
	}
	madvise(base, pages * PAGE, MADV_HUGEPAGE);
	key++;
	for (uint64_t page = 0; page < pages; page++) {
		for (uint64_t i = 0; i < PAGE; i += 64)
			if (*(uint64_t *)(base + page * PAGE + i))
				failed("a fresh page", 0, *(uint64_t *)(base + page * PAGE + i));
		write_page(base, page, key << 8 | w->number);
	}
	for (unsigned int i = 0; i < 4; i++) {
		usleep(chance(500000));
		for (uint64_t page = 0; page < pages; page++)
			check_page("heap", base, page, key << 8 | w->number);
	}
	munmap(map, (pages + PAGES) * PAGE);
	usleep(chance(4000000));
}

/* ---- remap ---- */

static _Atomic uint64_t generation;
static _Atomic(uint64_t *) place;

/* What is known to be mapped by now, and what is seen there. */
static void *look(void *ctx)
{
	uint64_t wanted, found;

	pin((unsigned int)(uintptr_t)ctx);
	while (!shared->over) {
		for (unsigned int i = 0; i < 1000; i++) {
			wanted = generation;
			found = *(volatile uint64_t *)place;
			if (found < wanted)
				failed("a page that was replaced", wanted, found);
		}
		sched_yield();
	}
	return NULL;
}

static void step_remap(struct worker *w)
{
	static bool looking;
	pthread_t thread;
	uint64_t *next;

	(void)w;
	if (!looking) {
		place = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		for (unsigned int i = 0; i < cpus; i++)
			pthread_create(&thread, NULL, look, (void *)(uintptr_t)i);
		looking = true;
	}
	next = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*next = generation + 1;
	if (mremap(next, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) != place)
		failed("mremap()", 0, (unsigned long)errno);
	generation++;
	usleep(chance(2000));
}

/* ---- interrupts ---- */

static int there[2], back[2];

static void *answer(void *ctx)
{
	char byte;

	pin((unsigned int)(uintptr_t)ctx);
	while (read(there[0], &byte, 1) == 1)
		if (write(back[1], &byte, 1) != 1)
			break;
	return NULL;
}

static void step_pingpong(struct worker *w)
{
	struct pollfd wait;
	pthread_t thread;
	char byte = 1;

	if (!there[1]) {
		if (pipe(there) || pipe(back))
			failed("pipe()", 0, (unsigned long)errno);
		pthread_create(&thread, NULL, answer, (void *)(uintptr_t)(w->number + 1));
		pin(w->number);
	}
	for (unsigned int i = 0; i < 100; i++) {
		wait = (struct pollfd){ .fd = back[0], .events = POLLIN };
		if (write(there[1], &byte, 1) != 1 || poll(&wait, 1, STALL * 1000) != 1 ||
		    read(back[0], &byte, 1) != 1) {
			failed("a wake-up", 1, 0);
			return;
		}
	}
}

static void step_barrier(struct worker *w)
{
	static bool registered;

	(void)w;
	if (!registered)
		syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
	registered = true;
	for (unsigned int i = 0; i < 50; i++)
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0))
			failed("membarrier()", 0, (unsigned long)errno);
	usleep(1000);
}

static void step_timer(struct worker *w)
{
	struct timespec wish = { .tv_nsec = 1000000 + chance(20000000) };
	double begin = now(), late;

	pin(w->number);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &wish, NULL);
	late = now() - begin - (double)wish.tv_nsec / 1e9;
	if (late < 0)
		failed("a sleep that ended early (ns)", 0, (unsigned long)(-late * 1e9));
	if (late * 1000 > (double)w->late)
		w->late = (unsigned long)(late * 1000);
}

/* ---- slots that come and go ---- */

static void step_spare(struct worker *w)
{
	static int fd;
	uint64_t at = SPARE_GPA + PAGE * chance(SPARE_SIZE / PAGE);
	volatile uint32_t *words;
	uint32_t found;

	if (!fd)
		fd = open("/dev/mem", O_RDONLY);
	words = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (off_t)at);
	if (words == MAP_FAILED) {
		w->may_rest = true;
		sleep(1);
		return;
	}
	for (unsigned int i = 0; i < 20; i++) {
		found = words[chance(PAGE / 4)];
		if (found != SPARE_WORD && found != ~0u)
			failed("where slots come and go", SPARE_WORD, found);
	}
	munmap((void *)words, PAGE);
	usleep(2000);
}

/* ---- registers ---- */

#define REGISTERS	16
#define WORDS		(4 * REGISTERS)
#define EACH		".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
#define EACH_END	"\n\t.endr\n\t"

/*
 * Spins with all vector registers and what is below the stack's end full of values. What
 * comes in between, a switch of threads or of worlds, or an interrupt that a processor has
 * begun where it must not, changes none of it.
 */
#define SPIN(move, reg, size)								\
	__asm__ volatile(								\
		EACH move " \\n*" size "(%[in]), %%" reg "\\n" EACH_END			\
		"sub $128, %%rsp\n\t"							\
		EACH "mov %[key], \\n*8-128(%%rsp)" EACH_END				\
		"1: dec %[rounds]\n\t"							\
		"jnz 1b\n\t"								\
		EACH "mov \\n*8-128(%%rsp), %%rax\n\t"					\
		"xor %[key], %%rax\n\tor %%rax, %[changed]" EACH_END			\
		"add $128, %%rsp\n\t"							\
		EACH move " %%" reg "\\n, \\n*" size "(%[out])" EACH_END			\
		: [rounds] "+r" (rounds), [changed] "+r" (changed)			\
		: [in] "r" (in), [out] "r" (out), [key] "r" (key)			\
		: "rax", "memory", "cc",						\
		  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",	\
		  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")

static uint64_t spin(const void *in, void *out, uint64_t key, uint64_t rounds)
{
	uint64_t changed = 0;

	if (__builtin_cpu_supports("avx"))
		SPIN("vmovdqu", "ymm", "32");
	else
		SPIN("movdqu", "xmm", "16");
	return changed;
}

static void step_registers(struct worker *w)
{
	uint64_t in[WORDS], out[WORDS], changed;

	for (uint64_t i = 0; i < WORDS; i++)
		in[i] = out[i] = word(w->number + 1, w->rounds, i);
	changed = spin(in, out, in[0], 1000000);
	if (changed)
		failed("below the stack, bits", 0, changed);
	for (unsigned int i = 0; i < WORDS; i++)
		if (in[i] != out[i])
			failed("a vector register", in[i], out[i]);
}

/* ---- arithmetic ---- */

/* Each bit of each step counts: rounding, precision and the registers of either unit. */
static void step_arithmetic(struct worker *w)
{
	static uint64_t wanted[2];
	volatile double start = 0.1 + w->number / 64.0;
	double x = start;
	long double y = start;
	uint64_t found[2];

	for (unsigned int i = 0; i < 200000; i++) {
		x = 3.99 * x * (1 - x);
		y = 3.99L * y * (1 - y);
	}
	memcpy(&found[0], &x, sizeof(found[0]));
	memcpy(&found[1], &y, sizeof(found[1]));
	if (!w->rounds)
		memcpy(wanted, found, sizeof(wanted));
	for (unsigned int i = 0; i < 2; i++)
		if (found[i] != wanted[i])
			failed(i ? "an x87 sum" : "an SSE sum", wanted[i], found[i]);
}

/* ---- cc1 ---- */

static int run_quietly(char *const argv[])
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Tells the first line that is not the same, and how many are not. */
static bool same_lines(FILE *file, FILE *first)
{
	char *line = NULL, *wanted = NULL;
	size_t size = 0, wanted_size = 0;
	unsigned long number = 0, differ = 0;
	bool more, more_wanted;

	for (;; number++) {
		more = getline(&line, &size, file) > 0;
		more_wanted = getline(&wanted, &wanted_size, first) > 0;
		if (!more && !more_wanted)
			break;
		if (more && more_wanted && !strcmp(line, wanted))
			continue;
		if (!differ++)
			printf("stress: line %lu is %s instead of %s", number + 1,
			       more ? line : "missing", more_wanted ? wanted : "missing\n");
	}
	if (differ)
		printf("stress: %lu of %lu lines differ\n", differ, number);
	free(line);
	free(wanted);
	return !differ && !ferror(file) && !ferror(first);
}

static bool same_file(const char *path, const char *first_path)
{
	FILE *file = fopen(path, "r"), *first = fopen(first_path, "r");
	bool same = file && first && same_lines(file, first);

	if (!same)
		printf("stress: %s: errno %d\n", path, errno);
	if (file)
		fclose(file);
	if (first)
		fclose(first);
	return same;
}

static void step_compile(struct worker *w)
{
	static char out[32], first[] = "/tmp/first.s";
	char *argv[] = {
		"/bin/cc1", "-fpreprocessed", "-quiet", "-O2", "/stress.i", "-o", out, NULL
	};
	int status;

	if (access(argv[0], X_OK)) {
		w->may_rest = true;
		sleep(1);
		return;
	}
	snprintf(out, sizeof(out), "/tmp/out%u.s", w->number);
	status = run_quietly(argv);
	if (status)
		failed("cc1's status", 0, (unsigned long)status);
	else if (access(first, F_OK))
		rename(out, first);
	else if (!same_file(out, first))
		/* Once more: was it read wrongly, or is it so? */
		failed("cc1's output", 1, same_file(out, first));
}

/* ---- all of them ---- */

static char **wanted;

static bool is_wanted(const char *name)
{
	for (char **word = wanted; *word; word++)
		if (!strcmp(*word, name))
			return true;
	return !*wanted;
}

static void start(const char *name, void (*step)(struct worker *), unsigned int number)
{
	struct worker *w = &shared->worker[shared->count];

	if (!is_wanted(name))
		return;
	shared->count++;
	snprintf(w->name, sizeof(w->name), "%s", name);
	w->step = step;
	w->number = number;
	if (fork())
		return;
	while (!shared->over) {
		w->step(w);
		w->rounds++;
	}
	_exit(0);
}

static void tell(double begin)
{
	printf("stress: %.0f s:", now() - begin);
	for (unsigned int i = 0; i < shared->count; i++) {
		struct worker *w = &shared->worker[i];

		printf(" %s%u %lu", w->name, w->number, w->rounds);
		if (w->late)
			printf(" (%lu ms)", w->late);
	}
	printf("; failures %u\n", shared->failures);
	if (system("grep -hE 'LOC|RES|CAL|TLB' /proc/interrupts"))
		printf("stress: no /proc/interrupts\n");
}

/* Each worker has got on in the last STALL seconds. */
static void watch(void)
{
	static unsigned long seen[MAX_WORKERS];
	static double since[MAX_WORKERS];

	for (unsigned int i = 0; i < shared->count; i++) {
		struct worker *w = &shared->worker[i];

		if (w->rounds != seen[i] || !since[i] || w->may_rest) {
			seen[i] = w->rounds;
			since[i] = now();
		} else if (now() - since[i] > STALL) {
			printf("stress: %s%u has stalled\n", w->name, w->number);
			failed("progress", w->rounds + 1, w->rounds);
			since[i] = now();
			if (system("echo t >/proc/sysrq-trigger"))
				printf("stress: no sysrq\n");
		}
	}
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 60, begin = now(), told = begin;

	setvbuf(stdout, NULL, _IOLBF, 0);
	wanted = argv + (argc > 1 ? 2 : 1);
	cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	for (unsigned int i = 0; i < cpus; i++) {
		start("pages", step_pages, i);
		start("timer", step_timer, i);
	}
	for (unsigned int i = 0; i < 2; i++) {
		start("compile", step_compile, i);
		start("registers", step_registers, i);
		start("heap", step_heap, i);
		start("arithmetic", step_arithmetic, i);
		start("pingpong", step_pingpong, 2 * i);
	}
	start("remap", step_remap, 0);
	start("barrier", step_barrier, 0);
	start("spare", step_spare, 0);
	while (now() - begin < seconds) {
		sleep(1);
		watch();
		if (now() - told >= 30) {
			tell(begin);
			told = now();
		}
	}
	shared->over = true;
	sleep(5);
	tell(begin);
	for (unsigned int i = 0; i < shared->count; i++)
		if (!shared->worker[i].rounds && !shared->worker[i].may_rest)
			failed(shared->worker[i].name, 1, 0);
	printf("stress: %s\n", shared->failures ? "FAIL" : "pass");
	return shared->failures ? 1 : 0;
}
