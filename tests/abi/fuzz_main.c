// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: baton-abi-fuzz [--calls N] [--seed S] [--round R]
 *
 * N calls of /dev/baton (20,000), in rounds of 20,000. A round is a process of its own, so
 * that VMs also die with their process; its calls follow from S (1) and the round's number.
 * --round begins with that one. Fails if a call gives an errno that ABI.md does not have,
 * if a VM is dead though its process is not (the module stopped it), if nothing moves for two
 * minutes, and if descriptors of another process can be used. What the kernel says in its log
 * is for whoever runs this to look at. It tells how far it is each 15 s, and if no call ends
 * for 20 s, which calls those are and where in the kernel.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "fuzz.h"

#define ROUND_CALLS 20000u
#define HANG_SECONDS 120
#define QUIET_SECONDS 20	/* without a call that ends: worth a line */
#define TELL_SECONDS 15	/* between two lines of progress */
/* Where no mapping comes to lie by chance: what is unmapped there stays so. */
#define FAR_AWAY ((unsigned char *)(1ull << 40))

/* The last calls of an actor, for the one who asks what it is at. */
#define TRAIL 8
struct trail {
	_Atomic uint32_t count;
	struct {
		char name[24];
		int fd;
		long result;
		bool over;
	} call[TRAIL];
};

/* Of all rounds: shared with their processes. */
static struct stats {
	_Atomic uint64_t calls, runs[BATON_EXIT_INTA + 2];
	_Atomic uint64_t good[64], bad[64];
	_Atomic uint32_t surprises, forks;
	struct trail trail[FUZZ_ACTORS + 1];
} *stats;

static __thread unsigned int actor_number;	/* 0: none of them */

static sem_t actor_done;

static void surprise(const char *what, long result, int error)
{
	printf("surprise: %s: %ld, errno %d (%s)\n", what, result, error, strerror(error));
	stats->surprises++;
}

/* --- one call ------------------------------------------------------------- */

/* EIO is not among them: no VM here may be dead. */
static bool errno_is_documented(int error)
{
	static const int known[] = {
		ENOTTY, EFAULT, EPERM, ENOMEM, EINTR, EBUSY, EINVAL, EDQUOT, ENODEV, EMFILE,
		ENFILE, E2BIG, EEXIST, ENOSPC, ENOENT, EBADF, EAGAIN, ENXIO,
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == error)
			return true;
	return false;
}

static void leave_trail(const char *name, int fd)
{
	struct trail *trail = &stats->trail[actor_number];
	unsigned int at = trail->count % TRAIL;

	strncpy(trail->call[at].name, name, sizeof(trail->call[at].name) - 1);
	trail->call[at].fd = fd;
	trail->call[at].over = false;
	trail->count++;
}

static long call(const char *name, int fd, unsigned long cmd, void *arg)
{
	struct trail *trail = &stats->trail[actor_number];
	unsigned int at;
	long r;

	leave_trail(name, fd);
	r = ioctl(fd, cmd, arg);
	at = (trail->count - 1) % TRAIL;
	trail->call[at].result = r < 0 ? -errno : r;
	trail->call[at].over = true;
	stats->calls++;
	if (r < 0 && !errno_is_documented(errno))
		surprise(name, r, errno);
	return r;
}

static struct fuzz_vm *some_vm(struct actor *a)
{
	return &a->world->vm[below(&a->rng, FUZZ_VMS)];
}

static struct fuzz_vcpu *some_vcpu(struct actor *a)
{
	return &some_vm(a)->vcpu[below(&a->rng, FUZZ_VCPUS)];
}

/* Any descriptor: most calls then are of the wrong kind. */
static int any_fd(struct actor *a)
{
	switch (below(&a->rng, 5)) {
	case 0:
		return a->world->sys;
	case 1:
		return some_vm(a)->fd;
	case 2:
		return some_vcpu(a)->fd;
	case 3:
		return a->world->null;
	default:
		return below(&a->rng, 64) - 1;
	}
}

static int fd_of(struct actor *a, char kind)
{
	if (one_in(&a->rng, 48))
		return any_fd(a);
	return kind == 's' ? a->world->sys : kind == 'v' ? some_vm(a)->fd : some_vcpu(a)->fd;
}

static void random_call(struct actor *a)
{
	static unsigned int total;
	unsigned int i, at, sum = 0;
	const struct fuzz_call *c;
	long r;

	if (!total) {
		for (i = 0; i < fuzz_call_count; i++)
			sum += fuzz_calls[i].weight;
		total = sum;
	}
	at = below(&a->rng, total);
	for (c = fuzz_calls; at >= c->weight; c++)
		at -= c->weight;
	r = call(c->name, fd_of(a, c->kind), c->cmd, fuzz_argument(a, c));
	if (r >= 0) {
		stats->good[c - fuzz_calls]++;
		fuzz_learn(a, c);
		/* A descriptor by chance: VMs have enough of them. */
		if (c->cmd == BATON_CREATE_VCPU)
			close(r);
	} else {
		stats->bad[c - fuzz_calls]++;
	}
}

/* A number near those that exist, with a size or direction that may fit or not. */
static void unknown_call(struct actor *a)
{
	unsigned int cmd = fuzz_calls[below(&a->rng, fuzz_call_count)].cmd;

	if (one_in(&a->rng, 2))
		cmd ^= 1u << below(&a->rng, 32);
	else
		cmd = _IOC(below(&a->rng, 4), BATON_IOCTL_MAGIC, below(&a->rng, 128),
			   below(&a->rng, 256));
	/* Bit 31 and the like may make it FIONBIO's kin: a descriptor of ours only. */
	if (_IOC_TYPE(cmd) == BATON_IOCTL_MAGIC && cmd != BATON_RUN && cmd != BATON_CREATE_VM &&
	    cmd != BATON_CREATE_VCPU)
		call("unknown number", any_fd(a), cmd, a->argument);
}

/* --- running ---------------------------------------------------------------- */

static void answer(struct actor *a, struct baton_run *run)
{
	unsigned int reason = run->exit_reason;

	stats->runs[reason <= BATON_EXIT_INTA ? reason : BATON_EXIT_INTA + 1]++;
	switch (reason) {
	case BATON_EXIT_PIO:
		run->pio.data = rnd(&a->rng);
		break;
	case BATON_EXIT_EMULATE:
		run->regs.rip += below(&a->rng, 16);
		run->commit = BATON_CLASS_REGS;
		break;
	case BATON_EXIT_INTA:
		run->inta.vector = below(&a->rng, 300) - 10;
		break;
	}
}

static void run_vcpu(struct actor *a)
{
	struct fuzz_vcpu *vcpu = some_vcpu(a);
	struct baton_run *run = vcpu->run;
	unsigned int times = 1 + below(&a->rng, 4);

	if (one_in(&a->rng, 2))
		fuzz_guest_memory(a);
	if (one_in(&a->rng, 2))
		fuzz_guest_state(a, run);
	run->want = one_in(&a->rng, 16) ? (uint32_t)rnd(&a->rng) : below(&a->rng, 4);
	run->immediate_exit = one_in(&a->rng, 4);
	while (times--) {
		if (call("BATON_RUN", vcpu->fd, BATON_RUN, (void *)(long)one_in(&a->rng, 64)) < 0)
			return;
		answer(a, run);
		run->immediate_exit = one_in(&a->rng, 4);
	}
}

/* --- descriptors and memory --------------------------------------------------- */

static void replace_fd(_Atomic int *slot, int fd)
{
	int old = atomic_exchange(slot, fd);

	if (old >= 0)
		close(old);
	stats->calls++;
}

static void make_vcpu(struct world *w, struct fuzz_vm *vm, unsigned int id)
{
	struct baton_create_vcpu arg = { .id = id };
	struct baton_cpuid_entry entries[BATON_MAX_CPUID];
	struct baton_cpuid list = { .count = BATON_MAX_CPUID, .entries = (uintptr_t)entries };
	int fd = call("BATON_CREATE_VCPU", vm->fd, BATON_CREATE_VCPU, &arg);
	void *run;

	if (fd < 0)
		return;
	if (!call("BATON_GET_CPUID", w->sys, BATON_GET_CPUID, &list)) {
		fuzz_leave_lm(w, entries, list.count);
		call("BATON_SET_CPUID", fd, BATON_SET_CPUID, &list);
	}
	run = mmap(NULL, sizeof(struct baton_run), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (run == MAP_FAILED) {
		surprise("mmap of a run page", -1, errno);
		close(fd);
		return;
	}
	atomic_store(&vm->vcpu[id].run, run);
	replace_fd(&vm->vcpu[id].fd, fd);
}

static void make_vm(struct world *w, struct fuzz_vm *vm)
{
	struct baton_create_vm arg = { 0 };
	struct baton_slot slot = { .size = FUZZ_MEMORY, .hva = (uintptr_t)w->memory };
	int fd = call("BATON_CREATE_VM", w->sys, BATON_CREATE_VM, &arg);
	unsigned int id;

	if (fd < 0)
		return;
	/* The old one's vCPUs live on for a while: its last descriptors are theirs. */
	replace_fd(&vm->fd, fd);
	call("BATON_SET_SLOT", fd, BATON_SET_SLOT, &slot);
	for (id = 0; id < FUZZ_VCPUS; id++)
		make_vcpu(w, vm, id);
}

static void odd_mmap(struct actor *a)
{
	struct rng *rng = &a->rng;
	int prot = one_in(rng, 2) ? PROT_READ | PROT_WRITE : (int)below(rng, 8);
	size_t size = one_in(rng, 2) ? 4096 : 4096 * below(rng, 4);
	unsigned char *page;

	page = mmap(NULL, size, prot, one_in(rng, 4) ? MAP_PRIVATE : MAP_SHARED, any_fd(a),
		    one_in(rng, 4) ? 4096l * below(rng, 4) : 0);
	stats->calls++;
	if (page == MAP_FAILED)
		return;
	switch (below(rng, 5)) {
	case 0:
		mprotect(page, size, below(rng, 8));
		break;
	case 1:
		madvise(page, size, one_in(rng, 2) ? MADV_DONTNEED : MADV_DOFORK);
		break;
	case 2:
		mremap(page, size, 2 * size, MREMAP_MAYMOVE);
		return;
	case 3:
		mlock(page, size);
		break;
	}
	munmap(page, size);
}

static int memory_fd = -1;

static void map_memory(struct world *w, size_t at, size_t size, bool anonymous)
{
	mmap(w->memory + at, size, PROT_READ | PROT_WRITE,
	     MAP_FIXED | (anonymous ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED),
	     anonymous ? -1 : memory_fd, anonymous ? 0 : at);
}

static void disturb_memory(struct actor *a)
{
	static const int advices[] = { MADV_DONTNEED, MADV_REMOVE, MADV_FREE, MADV_HUGEPAGE,
				       MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_PAGEOUT, MADV_COLD };
	struct world *w = a->world;
	struct rng *rng = &a->rng;
	size_t at = 4096ul * below(rng, FUZZ_MEMORY / 4096);
	size_t size = 4096ul * (1 + below(rng, (FUZZ_MEMORY - at) / 4096));

	switch (below(rng, 6)) {
	case 0:
		munmap(w->memory + at, size);
		break;
	case 1:
		mprotect(w->memory + at, size, below(rng, 4));
		break;
	case 2:
		map_memory(w, at, size, one_in(rng, 3));
		break;
	case 3:
		map_memory(w, 0, FUZZ_MEMORY, false);
		break;
	default:
		madvise(w->memory + at, size, advices[below(rng, 8)]);
	}
}

/* --- other processes -------------------------------------------------------------- */

/* Descriptors of a VM that is another address space's: 1 if one of them works. */
static int try_as_stranger(const int *fds, int count)
{
	static const unsigned int calls[] = {
		BATON_GET_CLOCK, BATON_GET_REGS, BATON_KICK, BATON_RUN,
	};
	static uint64_t buffer[512];
	int i;
	unsigned int j;

	for (i = 0; i < count; i++)
		for (j = 0; j < 4; j++)
			if (ioctl(fds[i], calls[j], calls[j] == BATON_RUN ? NULL : buffer) >= 0 ||
			    (errno != EPERM && errno != ENOTTY && errno != EBADF))
				return 1;
	return 0;
}

/* In a child: with a VM of its own over exec, which then is not its own any more. */
static void exec_as_stranger(const int *fds)
{
	struct baton_create_vm arg = { 0 };
	struct baton_create_vcpu vcpu = { 0 };
	char text[4][16], *argv[] = { "baton-abi-fuzz", "--stranger", text[0], text[1], text[2],
				      text[3], NULL };
	int sys = open(BATON_DEVICE, O_RDWR), vm = ioctl(sys, BATON_CREATE_VM, &arg), i;
	int own[4] = { fds[0], fds[1], vm, ioctl(vm, BATON_CREATE_VCPU, &vcpu) };

	for (i = 0; i < 4; i++)
		snprintf(text[i], sizeof(text[i]), "%d", fcntl(own[i], F_DUPFD, 100));
	execv("/proc/self/exe", argv);
	_exit(2);
}

static void fork_and_try(struct actor *a)
{
	struct fuzz_vm *vm = some_vm(a);
	int fds[2] = { vm->fd, vm->vcpu[0].fd }, status = -1;
	bool exec = one_in(&a->rng, 4);
	pid_t pid = fork();

	stats->calls++;
	if (!pid && exec)
		exec_as_stranger(fds);
	if (!pid)
		_exit(try_as_stranger(fds, 2));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	stats->forks++;
	if (status)
		surprise(exec ? "after exec" : "after fork", status, 0);
}

/* --- a round ------------------------------------------------------------------------ */

static void step(struct actor *a)
{
	unsigned int what = below(&a->rng, 4096);
	struct fuzz_vm *vm = some_vm(a);

	if (what < 8)
		make_vm(a->world, vm);
	else if (what < 16)
		make_vcpu(a->world, vm, below(&a->rng, FUZZ_VCPUS));
	else if (what < 20)
		replace_fd(one_in(&a->rng, 2) ? &vm->fd : &some_vcpu(a)->fd, -1);
	else if (what < 22)
		fork_and_try(a);
	else if (what < 40)
		replace_fd(&a->world->event[below(&a->rng, FUZZ_EVENTS)],
			   eventfd(0, EFD_NONBLOCK));
	else if (what < 80)
		odd_mmap(a);
	else if (what < 160)
		disturb_memory(a);
	else if (what < 240)
		unknown_call(a);
	else if (what < 600)
		run_vcpu(a);
	else
		random_call(a);
	if (what > 600 && what < 700)
		eventfd_write(a->world->event[what % FUZZ_EVENTS], 1);
}

static void *act(void *ctx)
{
	struct actor *a = ctx;
	uint64_t end = stats->calls + a->left;

	actor_number = a->number;
	while (stats->calls < end)
		step(a);
	sem_post(&actor_done);
	return NULL;
}

/* Spoils run pages at any moment, and ends runs that would not end. */
static void *pester(void *ctx)
{
	struct actor *pest = ctx;
	struct baton_run *run;
	unsigned int i, at;

	while (!pest->world->over) {
		usleep(500);
		for (i = 0; i < 4; i++) {
			run = some_vcpu(pest)->run;
			at = below(&pest->rng, one_in(&pest->rng, 4) ? 512 : 16);
			((volatile uint64_t *)run)[at] = fuzz_value(&pest->rng);
		}
		for (i = 1; i <= FUZZ_ACTORS; i++)
			pthread_kill(pest[i].thread, SIGUSR1);
	}
	return NULL;
}

/* A round that dies says where; the signal comes once more and ends it. */
static void on_crash(int signal, siginfo_t *info, void *ctx)
{
	const ucontext_t *at = ctx;
	char line[128];
	int size = snprintf(line, sizeof(line), "signal %d: address %p, RIP 0x%llx, %s %p\n",
			    signal, info->si_addr,
			    (unsigned long long)at->uc_mcontext.gregs[REG_RIP],
			    "on_crash() is at", (void *)on_crash);

	if (write(STDOUT_FILENO, line, size) != size)
		_exit(3);
}

static void no_op(int signal)
{
	(void)signal;
}

/* By the leaf of its own that it has for its guests. */
static bool on_qemu(void)
{
	uint32_t eax, name[3];

	__cpuid(0x40000000, eax, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}

static void set_stage(struct world *w)
{
	struct baton_info info = { 0 };
	unsigned int i, j;

	memory_fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (memory_fd < 0 || ftruncate(memory_fd, FUZZ_MEMORY))
		exit(3);
	w->sys = open(BATON_DEVICE, O_RDWR | O_CLOEXEC);
	ioctl(w->sys, BATON_GET_INFO, &info);
	w->qemu = info.vendor == BATON_VENDOR_AMD && on_qemu();
	w->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	w->memory = FAR_AWAY;
	w->alias = mmap(NULL, FUZZ_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	w->readonly = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	w->edge = mmap(FAR_AWAY + 2 * FUZZ_MEMORY, 4096, PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map_memory(w, 0, FUZZ_MEMORY, false);
	for (i = 0; i < FUZZ_EVENTS; i++)
		w->event[i] = eventfd(0, EFD_NONBLOCK);
	for (i = 0; i < FUZZ_VMS; i++) {
		w->vm[i].fd = -1;
		for (j = 0; j < FUZZ_VCPUS; j++)
			w->vm[i].vcpu[j].fd = -1;
	}
	for (i = 0; i < FUZZ_VMS; i++) {
		make_vm(w, &w->vm[i]);
		for (j = 0; j < FUZZ_VCPUS; j++)
			if (!w->vm[i].vcpu[j].run)
				exit(3);
	}
}

/* What calls are told of is spoiled a bit here and there: they must hit nothing else. */
static void *make_room(void)
{
	void *room = mmap(NULL, 64 * FUZZ_ROOM, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED || mprotect(room, FUZZ_ROOM, PROT_READ | PROT_WRITE))
		exit(3);
	return room;
}

static int play_round(uint64_t seed, uint64_t round, uint64_t calls)
{
	static struct world world;
	static struct actor actors[FUZZ_ACTORS + 1];
	struct sigaction action = { .sa_handler = no_op };
	struct sigaction last_word = {
		.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_RESETHAND,
	};
	unsigned int i;

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGSEGV, &last_word, NULL);
	sigaction(SIGBUS, &last_word, NULL);
	sem_init(&actor_done, 0, 0);
	set_stage(&world);
	for (i = 0; i <= FUZZ_ACTORS; i++) {
		actors[i].world = &world;
		actors[i].number = i;
		actors[i].cpuid = make_room();
		actors[i].msrs = make_room();
		actors[i].bitmap = make_room();
		actors[i].left = calls;
		actors[i].rng.state = (seed * 1000003 + round) * 8 + i + 1;
		while (below(&actors[i].rng, 64))
			;
	}
	for (i = 1; i <= FUZZ_ACTORS; i++)
		pthread_create(&actors[i].thread, NULL, act, &actors[i]);
	pthread_create(&actors[0].thread, NULL, pester, actors);
	for (i = 1; i <= FUZZ_ACTORS; i++)
		while (sem_wait(&actor_done))
			;
	world.over = true;
	for (i = 0; i <= FUZZ_ACTORS; i++)
		pthread_join(actors[i].thread, NULL);
	/* All else goes with the process, in whatever order. */
	return 0;
}

/* What its threads did last and where they are, for the one who reads the log. */
static void tell_quiet(pid_t pid, long seconds)
{
	char command[128];

	printf("quiet: no call ended for %ld s\n", seconds);
	for (unsigned int i = 0; i <= FUZZ_ACTORS; i++) {
		const struct trail *trail = &stats->trail[i];

		for (unsigned int j = trail->count < TRAIL ? 0 : trail->count - TRAIL;
		     j < trail->count; j++)
			printf("  actor %u: %s on %d: %ld%s\n", i, trail->call[j % TRAIL].name,
			       trail->call[j % TRAIL].fd, trail->call[j % TRAIL].result,
			       trail->call[j % TRAIL].over ? "" : " (that before; not over)");
	}
	fflush(stdout);
	snprintf(command, sizeof(command),
		 "head -n 20 /proc/%d/task/*/syscall /proc/%d/task/*/stack", pid, pid);
	if (system(command))
		printf("(nothing to see)\n");
}

/* Lines of progress by the clock: silence is a finding, however slow the host is. */
static void tell_progress(void)
{
	static time_t begin, told;
	static uint64_t told_calls;
	time_t now = time(NULL);

	if (!begin)
		begin = told = now;
	if (now - told < TELL_SECONDS)
		return;
	printf("%llu calls, %ld s, %llu a second\n", (unsigned long long)stats->calls,
	       now - begin, (unsigned long long)(stats->calls - told_calls) / (now - told));
	told = now;
	told_calls = stats->calls;
}

static int wait_for_round(pid_t pid)
{
	uint64_t seen = stats->calls;
	time_t since = time(NULL);
	bool told = false;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		usleep(20000);
		tell_progress();
		if (stats->calls != seen) {
			seen = stats->calls;
			since = time(NULL);
			told = false;
		} else if (time(NULL) - since > QUIET_SECONDS && !told) {
			tell_quiet(pid, time(NULL) - since);
			told = true;
		} else if (time(NULL) - since > HANG_SECONDS) {
			tell_quiet(pid, time(NULL) - since);
			kill(pid, SIGKILL);
			return -1;
		}
	}
	return status;
}

/* Every call has to have been taken and refused, or the arguments are no good. */
static unsigned int tell_stats(uint64_t calls)
{
	unsigned int i, blind = 0;

	for (i = 0; i < fuzz_call_count; i++) {
		printf("%-22s taken %8llu refused %8llu\n", fuzz_calls[i].name,
		       (unsigned long long)stats->good[i], (unsigned long long)stats->bad[i]);
		blind += !stats->good[i] || !stats->bad[i];
	}
	printf("exits by reason:");
	for (i = 0; i <= BATON_EXIT_INTA + 1; i++)
		printf(" %llu", (unsigned long long)stats->runs[i]);
	printf("\nforks %u\n", stats->forks);
	if (calls < ROUND_CALLS)
		return 0;
	if (blind)
		printf("%u calls were never taken or never refused\n", blind);
	return blind;
}

int main(int argc, char **argv)
{
	uint64_t calls = ROUND_CALLS, seed = 1, round = 0, part;
	time_t begin = time(NULL);
	int i, status, fds[8], count = 0;
	pid_t pid;

	if (argc > 2 && !strcmp(argv[1], "--stranger")) {
		for (i = 2; i < argc && count < 8; i++)
			fds[count++] = atoi(argv[i]);
		return try_as_stranger(fds, count);
	}
	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--calls"))
			calls = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--round"))
			round = strtoull(argv[i + 1], NULL, 0);
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	stats = mmap(NULL, sizeof(*stats), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	for (; stats->calls < calls; round++) {
		part = calls - stats->calls < ROUND_CALLS ? calls - stats->calls : ROUND_CALLS;
		pid = fork();
		if (!pid)
			exit(play_round(seed, round, part));
		status = wait_for_round(pid);
		if (status || stats->surprises) {
			printf("round %llu of seed %llu ended with %x\n", (unsigned long long)round,
			       (unsigned long long)seed, status);
			return 1;
		}
	}
	printf("%llu calls in %ld s, seed %llu\n", (unsigned long long)stats->calls,
	       time(NULL) - begin, (unsigned long long)seed);
	return tell_stats(calls) ? 1 : 0;
}
