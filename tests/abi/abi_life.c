// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety tests A3, A11, A14: vCPUs that run: descriptors, threads, kicks, memory
 * that goes away underneath, exits in real mode.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"

static void test_descriptors(void)
{
	int sys = abi_open(), vm = abi_vm(sys), vcpu = abi_vcpu(vm, 5);
	struct baton_create_vcpu again = { .id = 5 };
	struct baton_stats stats;

	FAILS(ioctl(vm, BATON_CREATE_VCPU, &again), EEXIST);
	EXPECT(mmap(NULL, 8192, PROT_READ, MAP_SHARED, vcpu, 0) == MAP_FAILED);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, vcpu, 0) == MAP_FAILED);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, vcpu, 0) == MAP_FAILED);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, vcpu, 4096) == MAP_FAILED);
	close(sys);
	close(vm);
	/* The VM lives on with its vCPU. */
	EXPECT(!ioctl(vcpu, BATON_GET_STATS, &stats));
	close(vcpu);
}

static void test_pio(void)
{
	/* mov al,0x5a; out 0x10,al; in ax,0x20; mov [0x2000],ax; out dx,eax; hlt */
	static const unsigned char code[] = { 0xb0, 0x5a, 0xe6, 0x10, 0xe5, 0x20, 0xa3, 0x00,
					      0x20, 0xba, 0x34, 0x12, 0x66, 0xef, 0xf4 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_regs regs;

	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x10 && g.run->pio.size == 1 && !g.run->pio.flags);
	EXPECT(g.run->pio.data == 0x5a);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x20 && g.run->pio.size == 2);
	EXPECT(g.run->pio.flags == BATON_PIO_IN);
	g.run->pio.data = 0xbeef;
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.memory[0x2000] == 0xef && g.memory[0x2001] == 0xbe);
	EXPECT(g.run->pio.port == 0x1234 && g.run->pio.size == 4);
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs) && regs.rip == 0x1000 + 14);
	abi_guest_end(&g);
}

static void test_emulate(void)
{
	/* mov ax,0xf000; mov ds,ax; mov byte [0x123],0x77: 0xf0123, no slot at 1 MiB up */
	static const unsigned char code[] = { 0xb8, 0xff, 0xff, 0x8e, 0xd8, 0xc6, 0x06, 0x23,
					      0x01, 0x77 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));

	ABI_RUN(g, BATON_EXIT_EMULATE);
	EXPECT(g.run->emulate.kind == BATON_EMULATE_MMIO);
	EXPECT(g.run->emulate.gpa == 0xffff0 + 0x123);
	EXPECT(g.run->emulate.access & BATON_ACCESS_WRITE);
	EXPECT((g.run->have & BATON_CLASS_ALL) == BATON_CLASS_ALL);
	EXPECT(g.run->regs.rip == 0x1005);
	g.run->regs.rip += 5;
	g.run->commit = BATON_CLASS_REGS;
	g.run->immediate_exit = 1;
	ABI_RUN(g, BATON_EXIT_NONE);
	EXPECT(!g.run->commit);
	abi_guest_end(&g);
}

/* 64-bit code at 0x1000, memory as it is, 1 to 2 MiB without a slot. */
static struct abi_guest start_long64(const void *code, size_t size)
{
	struct abi_guest g = abi_guest_start(code, size);
	uint64_t pml4 = 0x3003, pdpt = 0x4003, pd = 0x83;
	struct baton_sregs sregs;

	memcpy(g.memory + 0x2000, &pml4, 8);
	memcpy(g.memory + 0x3000, &pdpt, 8);
	memcpy(g.memory + 0x4000, &pd, 8);
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	sregs.cr0 = 0x80000033;
	sregs.cr3 = 0x2000;
	sregs.cr4 = 0x20;
	sregs.efer = 0x500;
	for (int i = BATON_ES; i <= BATON_GS; i++)
		sregs.seg[i] = (struct baton_segment){
			.limit = 0xffffffff, .selector = 8,
			.attr = i == BATON_CS ? 0xa09b : 0xc093,
		};
	sregs.seg[BATON_FS].base = 0x100000;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	return g;
}

/* BATON_WANT_MODE leaves SREGS out of an exit of 64-bit code, and of no other. */
static void test_emulate_mode(void)
{
	/* mov eax, fs:[0x123] */
	static const unsigned char code[] = { 0x64, 0x8b, 0x04, 0x25, 0x23, 0x01, 0x00, 0x00 };
	/* mov ax,0xffff; mov ds,ax; mov byte [0x123],0x77 */
	static const unsigned char real[] = { 0xb8, 0xff, 0xff, 0x8e, 0xd8, 0xc6, 0x06, 0x23,
					      0x01, 0x77 };
	struct abi_guest g = start_long64(code, sizeof(code));
	const struct baton_code_mode *mode = &g.run->emulate.mode;
	struct baton_sregs sregs;

	ABI_RUN(g, BATON_EXIT_EMULATE);
	EXPECT(g.run->have == BATON_CLASS_ALL);
	EXPECT(g.run->sregs.seg[BATON_FS].base == 0x100000);
	EXPECT(!(g.run->emulate.access & BATON_ACCESS_LONG64));
	memset(&g.run->sregs, 0, sizeof(g.run->sregs));
	g.run->want = BATON_WANT_MODE;
	ABI_RUN(g, BATON_EXIT_EMULATE);
	EXPECT(g.run->have == BATON_CLASS_REGS && g.run->regs.rip == 0x1000);
	EXPECT(g.run->emulate.access & BATON_ACCESS_LONG64 && g.run->emulate.gpa == 0x100123);
	EXPECT((mode->cr0 & 0x80010001) == 0x80000001 && mode->cr3 == 0x2000);
	EXPECT(mode->cr4 & 0x20 && mode->efer == 0x500 && !mode->cpl);
	EXPECT(!g.run->sregs.cr3);
	/* The rest is there for who asks. */
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	EXPECT(sregs.cr3 == 0x2000 && sregs.seg[BATON_FS].base == 0x100000);
	g.run->want = BATON_WANT_MODE | BATON_CLASS_SREGS;
	ABI_RUN(g, BATON_EXIT_EMULATE);
	EXPECT(g.run->have == BATON_CLASS_ALL && g.run->sregs.cr3 == 0x2000);
	abi_guest_end(&g);

	g = abi_guest_start(real, sizeof(real));
	g.run->want = BATON_WANT_MODE;
	ABI_RUN(g, BATON_EXIT_EMULATE);
	EXPECT(g.run->have == BATON_CLASS_ALL && g.run->sregs.seg[BATON_DS].base == 0xffff0);
	EXPECT(!(g.run->emulate.access & BATON_ACCESS_LONG64));
	abi_guest_end(&g);
}

static void test_shutdown(void)
{
	/* lidt [0x2000] (limit 0); ud2 */
	static const unsigned char code[] = { 0x0f, 0x01, 0x1e, 0x00, 0x20, 0x0f, 0x0b };
	struct abi_guest g = abi_guest_start(code, sizeof(code));

	ABI_RUN(g, BATON_EXIT_SHUTDOWN);
	abi_guest_end(&g);
}

struct runner {
	struct abi_guest *guest;
	long result;
	int error;
};

static void *run_thread(void *ctx)
{
	struct runner *r = ctx;

	r->result = ioctl(r->guest->vcpu, BATON_RUN, 0);
	r->error = errno;
	return NULL;
}

/* The kernel may have work for the thread at any time (6.12 has, every 100 ms). */
static void *run_thread_on(void *ctx)
{
	struct runner *r = ctx;

	do
		run_thread(r);
	while (!r->result && r->guest->run->exit_reason == BATON_EXIT_NONE);
	return NULL;
}

/* Is the vCPU in the hands of another thread? That one may just be between two calls. */
static bool is_busy(struct abi_guest *g)
{
	struct baton_regs regs;
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (ioctl(g->vcpu, BATON_GET_REGS, &regs) == -1)
			return errno == EBUSY;
		usleep(1000);
	}
	return false;
}

/* Kicks hit at every moment: before the call, while it spins, while it halts. */
static void kick_many(const unsigned char *code, size_t size, int count)
{
	struct abi_guest g = abi_guest_start(code, size);
	struct runner r = { .guest = &g };
	pthread_t thread;
	int i;

	for (i = 0; i < count; i++) {
		pthread_create(&thread, NULL, run_thread, &r);
		if (i % 3)
			usleep(rand() % 300);
		EXPECT(!ioctl(g.vcpu, BATON_KICK));
		pthread_join(thread, NULL);
		EXPECT(!r.result && g.run->exit_reason == BATON_EXIT_NONE);
	}
	abi_guest_end(&g);
}

static void test_kick_spinning(void)
{
	static const unsigned char spin[] = { 0xeb, 0xfe };

	kick_many(spin, sizeof(spin), 200);
}

static void test_kick_halted(void)
{
	static const unsigned char halt[] = { 0xf4, 0xeb, 0xfd };

	kick_many(halt, sizeof(halt), 200);
}

static void no_op(int signal)
{
	(void)signal;
}

static void test_two_threads_and_signal(void)
{
	static const unsigned char spin[] = { 0xeb, 0xfe };
	struct sigaction action = { .sa_handler = no_op };
	struct abi_guest g = abi_guest_start(spin, sizeof(spin));
	struct runner r = { .guest = &g };
	struct baton_regs regs;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, run_thread_on, &r);
	usleep(100000);
	EXPECT(is_busy(&g));
	FAILS(ioctl(g.vcpu, BATON_RUN, 0), EBUSY);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	EXPECT(r.result == -1 && r.error == EINTR);
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs) && regs.rip == 0x1000);
	abi_guest_end(&g);
}

static void test_memory_gone(void)
{
	/* mov al,[0x5000]; out 0x10,al; jmp back */
	static const unsigned char code[] = { 0xa0, 0x00, 0x50, 0xe6, 0x10, 0xeb, 0xf9 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));

	g.memory[0x5000] = 0x11;
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.data == 0x11);
	/* Given back to the host: reads as zero, with no call about it. */
	EXPECT(!madvise(g.memory + 0x5000, 4096, MADV_REMOVE));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.data == 0);
	g.memory[0x5000] = 0x22;
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.data == 0x22);
	EXPECT(!munmap(g.memory + 0x5000, 4096));
	ABI_RUN(g, BATON_EXIT_MEMORY);
	EXPECT(g.run->memory.gpa == 0x5000 && g.run->memory.error == -EFAULT);
	abi_guest_end(&g);
}

static void test_slot_gone(void)
{
	static const unsigned char code[] = { 0xa0, 0x00, 0x50, 0xe6, 0x10, 0xeb, 0xf9 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_slot slot = { .id = 0 };

	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	ABI_RUN(g, BATON_EXIT_EMULATE);
	EXPECT(g.run->emulate.gpa >> 12 == 1 && g.run->emulate.access & BATON_ACCESS_FETCH);
	abi_guest_end(&g);
}

/* Real mode: sti; loop: jmp loop. An MSI arrives, its handler does OUT. */
static void test_interrupt(void)
{
	static const unsigned char code[] = { 0xfb, 0xeb, 0xfe };
	static const unsigned char handler[] = { 0xe6, 0x77, 0xcf };
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x40 };
	struct baton_msr enable = { .index = 0x1b, .data = 0xfee00900 | 0x400 };
	struct baton_msr spurious = { .index = 0x80f, .data = 0x1ff };
	struct baton_msrs list = { .count = 1, .entries = (uintptr_t)&enable };

	memcpy(g.memory + 0x3000, handler, sizeof(handler));
	memcpy(g.memory + 4 * 0x40, "\x00\x30\x00\x00", 4);
	EXPECT(!ioctl(g.vcpu, BATON_SET_MSRS, &list) && list.done == 1);
	list = (struct baton_msrs) { .count = 1, .entries = (uintptr_t)&spurious };
	EXPECT(!ioctl(g.vcpu, BATON_SET_MSRS, &list) && list.done == 1);
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x77);
	abi_guest_end(&g);
}

static void test_random_state(void)
{
	static const unsigned char code[] = { 0xf4 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_sregs sregs, good;
	unsigned char *bytes = (unsigned char *)&sregs;
	int accepted = 0;

	const struct itimerval tick = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction action = { .sa_handler = no_op };

	srand(1);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &good));
	for (int i = 0; i < 3000; i++) {
		sregs = good;
		for (int flips = 1 + rand() % 3; flips; flips--)
			bytes[rand() % sizeof(sregs)] ^= 1 << rand() % 8;
		if (ioctl(g.vcpu, BATON_SET_SREGS, &sregs))
			continue;
		accepted++;
		/* Until the timer's signal, or whatever exit such a guest causes. */
		if (ioctl(g.vcpu, BATON_RUN, 0))
			EXPECT(errno == EINTR);
	}
	setitimer(ITIMER_REAL, &(struct itimerval) { 0 }, NULL);
	printf("  %d of 3000 random states were taken\n", accepted);
	EXPECT(accepted > 100);
	abi_guest_end(&g);
}

/*
 * Any exception, with an error code or without, whether it has one or not. The
 * processor may refuse to take it, but the VM goes on.
 */
static void try_event(struct abi_guest *g, const struct baton_sregs *sregs, unsigned int vector,
		      bool error)
{
	struct baton_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct baton_events events = {
		.flags = BATON_EV_EXCEPTION | (error ? BATON_EV_ERROR_CODE : 0),
		.exception = vector, .error_code = error ? ~0u : 0,
	};

	regs.gpr[BATON_RSP] = 0x8000;
	EXPECT(!ioctl(g->vcpu, BATON_SET_SREGS, sregs));
	EXPECT(!ioctl(g->vcpu, BATON_SET_REGS, &regs));
	EXPECT(!ioctl(g->vcpu, BATON_SET_EVENTS, &events));
	EXPECT(!abi_run_on(g->vcpu, g->run));
	if (sregs->cr0 & 1 || g->run->exit_reason == BATON_EXIT_ENTRY_FAILED)
		return;
	/* Three words on the stack: real mode has no error codes. */
	EXPECT(g->run->exit_reason == BATON_EXIT_PIO);
	EXPECT(!ioctl(g->vcpu, BATON_GET_REGS, &regs) && regs.gpr[BATON_RSP] == 0x8000 - 6);
}

static void test_odd_events(void)
{
	/* out 0x10,al: where all vectors lead, in real mode. */
	static const unsigned char code[] = { 0xe6, 0x10 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_sregs real, protected;
	unsigned int vector;

	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &real));
	protected = real;
	protected.cr0 |= 1;
	for (vector = 0; vector < 32; vector++)
		memcpy(g.memory + 4 * vector, "\x00\x10\x00\x00", 4);
	for (vector = 0; vector < 32; vector++) {
		if (vector == 2)
			continue;
		try_event(&g, &real, vector, false);
		try_event(&g, &real, vector, true);
		try_event(&g, &protected, vector, false);
		try_event(&g, &protected, vector, true);
	}
	abi_guest_end(&g);
}

/* What abi_main.c runs with --stranger: the VM of before exec is another's. */
int abi_stranger(int vm, int vcpu)
{
	struct baton_clock clock;
	struct baton_regs regs;
	struct baton_stats stats;

	FAILS(ioctl(vm, BATON_GET_CLOCK, &clock), EPERM);
	FAILS(ioctl(vcpu, BATON_GET_REGS, &regs), EPERM);
	FAILS(ioctl(vcpu, BATON_RUN, 0), EPERM);
	FAILS(ioctl(vcpu, BATON_KICK), EPERM);
	FAILS(ioctl(vcpu, BATON_GET_STATS, &stats), EPERM);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, vcpu, 0) == MAP_FAILED);
	return abi_failures ? 1 : 0;
}

static void test_exec(void)
{
	char vm_text[16], vcpu_text[16];
	int status;
	pid_t child = fork();

	if (!child) {
		int vm = abi_vm(abi_open()), vcpu = abi_vcpu(vm, 0);

		/* Without close-on-exec, which they have. */
		snprintf(vm_text, sizeof(vm_text), "%d", dup(vm));
		snprintf(vcpu_text, sizeof(vcpu_text), "%d", dup(vcpu));
		execl("/proc/self/exe", "baton-abi-test", "--stranger", vm_text, vcpu_text, NULL);
		_exit(2);
	}
	EXPECT(waitpid(child, &status, 0) == child && !status);
}

/* Its own thread runs it, and all descriptors are closed: it ends with the call. */
static void test_close_while_running(void)
{
	static const unsigned char spin[] = { 0xeb, 0xfe };
	struct abi_guest g = abi_guest_start(spin, sizeof(spin));
	struct baton_info info = { 0 };
	struct runner r = { .guest = &g };
	struct sigaction action = { .sa_handler = no_op };
	int copy = dup(g.vcpu);
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, run_thread_on, &r);
	EXPECT(is_busy(&g));
	close(g.vm);
	/* The copy is what can still reach it. */
	close(g.vcpu);
	EXPECT(!ioctl(g.sys, BATON_GET_INFO, &info) && info.vm_count == 1);
	g.vcpu = copy;
	/* A signal between two calls is none. */
	while (pthread_tryjoin_np(thread, NULL)) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
	EXPECT(r.result == -1 && (r.error == EINTR || r.error == EBADF));
	munmap(g.run, 4096);
	munmap(g.memory, ABI_GUEST_MEMORY);
	close(copy);
	EXPECT(!ioctl(g.sys, BATON_GET_INFO, &info) && info.vm_count == 0);
	close(g.sys);
}

static void *make_vms(void *ctx)
{
	int sys = abi_open(), i;

	(void)ctx;
	for (i = 0; i < 200; i++)
		close(abi_vm(sys));
	close(sys);
	return NULL;
}

/* Each may be the host's first and last VM: none takes another for another hypervisor. */
static void test_vms_at_once(void)
{
	pthread_t threads[3];
	int i;

	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, make_vms, NULL);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

const struct abi_test abi_life_tests[] = {
	{ "A3: descriptors", test_descriptors },
	{ "A3: two threads, signal", test_two_threads_and_signal },
	{ "A3: VMs made at once", test_vms_at_once },
	{ "A3: after exec", test_exec },
	{ "A3: closed while it runs", test_close_while_running },
	{ "port exits", test_pio },
	{ "emulate exit and commit", test_emulate },
	{ "emulate exit of 64-bit code", test_emulate_mode },
	{ "A14: triple fault", test_shutdown },
	{ "A11: memory gone", test_memory_gone },
	{ "A2: slot gone", test_slot_gone },
	{ "A14: kick while spinning", test_kick_spinning },
	{ "A14: kick while halted", test_kick_halted },
	{ "MSI to a handler", test_interrupt },
	{ "A4: random states", test_random_state },
	{ "A4: exceptions of all kinds", test_odd_events },
	{ NULL, NULL },
};
