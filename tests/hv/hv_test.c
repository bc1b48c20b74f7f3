// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-hv-test ENGINE: interrupts of an 8259, memory and its logs, steps by way of the engine
 * interface, the same for both engines. A real-mode guest; its handler does OUT to
 * port 0x77 and IRET. Exit status 0 if all is as hv.h says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "baton_ioctl.h"
#include "expect.h"
#include "hv.h"

#define MEMORY		(1u << 20)
#define CODE		0x1000
#define HANDLER		0x3000
#define VECTOR		0x08
#define HANDLER_PORT	0x77
#define LVT_LINT0	0x350
#define EXTINT		0x700u
#define MASKED		0x10000u
#define LIMIT_S		60

static const char *skipped;	/* why the test that runs is not made here */

/* One VM per test, of the one open engine. */
static struct hv *engine;
static struct hv_vm *vm;
static struct hv_vcpu *vcpu;
static unsigned char *memory;

static void set_lint0(uint32_t value)
{
	struct baton_lapic_state lapic;

	EXPECT(!hv_vcpu_get_lapic(vcpu, &lapic));
	memcpy(lapic.regs + LVT_LINT0, &value, sizeof(value));
	EXPECT(!hv_vcpu_set_lapic(vcpu, &lapic));
}

static void set_start(void)
{
	struct baton_regs regs = { .rip = CODE, .rflags = 2 };
	struct baton_sregs sregs;

	regs.gpr[BATON_RSP] = 0x8000;
	EXPECT(!hv_vcpu_get_sregs(vcpu, &sregs));
	sregs.seg[BATON_CS].selector = 0;
	sregs.seg[BATON_CS].base = 0;
	EXPECT(!hv_vcpu_set_sregs(vcpu, &sregs));
	EXPECT(!hv_vcpu_set_regs(vcpu, &regs));
}

static void start(const void *code, size_t size)
{
	static struct baton_cpuid_entry cpuid[BATON_MAX_CPUID];
	static const unsigned char handler[] = { 0xe6, HANDLER_PORT, 0xcf };
	uint32_t count = BATON_MAX_CPUID;
	struct hv_slot slot = { .size = MEMORY };

	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	slot.hva = memory;
	EXPECT(!hv_vm_create(engine, &vm));
	EXPECT(!hv_vm_set_slot(vm, &slot));
	EXPECT(!hv_vcpu_create(vm, 0, &vcpu));
	EXPECT(!hv_supported_cpuid(engine, cpuid, &count));
	EXPECT(!hv_vcpu_set_cpuid(vcpu, cpuid, count));
	memcpy(memory + CODE, code, size);
	memcpy(memory + HANDLER, handler, sizeof(handler));
	memcpy(memory + 4 * VECTOR, "\x00\x30\x00\x00", 4);
	memcpy(memory + 4 * 2, "\x00\x30\x00\x00", 4);
	set_start();
	/* The APIC is not enabled by software, as firmware finds it. */
	set_lint0(EXTINT);
}

static void end(void)
{
	hv_vcpu_destroy(vcpu);
	hv_vm_destroy(vm);
	munmap(memory, MEMORY);
}

/* Over returns for nothing. */
static struct hv_exit run(void)
{
	struct hv_exit exit;
	int error;

	do
		error = hv_vcpu_run(vcpu, &exit);
	while (!error && exit.kind == HV_EXIT_NONE);
	EXPECT(!error);
	return exit;
}

static void run_to_port(unsigned int port)
{
	struct hv_exit exit = run();

	EXPECT(exit.kind == HV_EXIT_PIO && exit.pio.port == port);
}

/* Answers with the vector, -1: none; and the line goes where `level` says. */
static void run_to_inta(int vector, bool level)
{
	struct hv_exit exit = run();

	EXPECT(exit.kind == HV_EXIT_INTA);
	if (exit.kind != HV_EXIT_INTA)
		return;
	EXPECT(*exit.inta.vector == -1);
	EXPECT(!hv_vcpu_set_intr(vcpu, level));
	*exit.inta.vector = vector;
}

/* out 0x10,al; sti; nop; nop; out 0x11,al; hlt; out 0x12,al */
static const unsigned char code[] = { 0xe6, 0x10, 0xfb, 0x90, 0x90, 0xe6, 0x11, 0xf4, 0xe6, 0x12 };

static void test_once(void)
{
	start(code, sizeof(code));
	EXPECT(!hv_vcpu_set_intr(vcpu, true));
	run_to_port(0x10);
	run_to_inta(VECTOR, false);
	run_to_port(HANDLER_PORT);
	run_to_port(0x11);
	end();
}

static void test_level(void)
{
	start(code, sizeof(code));
	EXPECT(!hv_vcpu_set_intr(vcpu, true));
	run_to_port(0x10);
	run_to_inta(VECTOR, true);
	run_to_port(HANDLER_PORT);
	run_to_inta(VECTOR, false);
	run_to_port(HANDLER_PORT);
	run_to_port(0x11);
	end();
}

static void test_withdrawn(void)
{
	start(code, sizeof(code));
	EXPECT(!hv_vcpu_set_intr(vcpu, true));
	run_to_port(0x10);
	run_to_inta(-1, false);
	run_to_port(0x11);
	end();
}

static void test_masked(void)
{
	start(code, sizeof(code));
	set_lint0(MASKED | EXTINT);
	EXPECT(!hv_vcpu_set_intr(vcpu, true));
	run_to_port(0x10);
	run_to_port(0x11);
	set_lint0(EXTINT);
	run_to_inta(VECTOR, false);
	run_to_port(HANDLER_PORT);
	end();
}

/* By the thread itself, as a device does on a port's write: HLT must end. */
static void test_own_thread(void)
{
	start(code, sizeof(code));
	run_to_port(0x10);
	run_to_port(0x11);
	EXPECT(!hv_vcpu_set_intr(vcpu, true));
	run_to_inta(VECTOR, false);
	run_to_port(HANDLER_PORT);
	end();
}

/* A halted vCPU whose state was loaded, with INTR up already. */
static void test_loaded_halted(void)
{
	struct baton_events events = { .mp_state = BATON_MP_HALTED };
	struct baton_regs regs;

	start(code, sizeof(code));
	run_to_port(0x10);
	EXPECT(!hv_vcpu_get_regs(vcpu, &regs));
	regs.rflags |= 0x200;
	regs.rip = CODE + 8;
	EXPECT(!hv_vcpu_set_regs(vcpu, &regs));
	EXPECT(!hv_vcpu_set_events(vcpu, &events));
	EXPECT(!hv_vcpu_set_intr(vcpu, true));
	run_to_inta(VECTOR, false);
	run_to_port(HANDLER_PORT);
	run_to_port(0x12);
	end();
}

static void *raise_intr(void *ctx)
{
	usleep((useconds_t)(uintptr_t)ctx);
	EXPECT(!hv_vcpu_set_intr(vcpu, true));
	return NULL;
}

/* From another thread, at any moment. */
static void raise_many(const unsigned char *loop, size_t size)
{
	pthread_t thread;

	start(loop, size);
	for (int i = 0; i < 100; i++) {
		uintptr_t wait = i % 3 ? (uintptr_t)rand() % 300 : 0;

		pthread_create(&thread, NULL, raise_intr, (void *)wait);
		run_to_inta(VECTOR, false);
		run_to_port(HANDLER_PORT);
		pthread_join(thread, NULL);
	}
	end();
}

static void test_spinning(void)
{
	static const unsigned char spin[] = { 0xfb, 0xeb, 0xfe };

	raise_many(spin, sizeof(spin));
}

static void test_halted(void)
{
	static const unsigned char halt[] = { 0xfb, 0xf4, 0xeb, 0xfd };

	raise_many(halt, sizeof(halt));
}

/* ---- dirty logs ---- */

#define PAGE		4096u
#define SMALL_GPA	0x200000u
#define SMALL_PAGES	70u

/* Sets the slot of all memory again. */
static int set_log(bool on)
{
	struct hv_slot slot = { .size = MEMORY, .hva = memory, .log_dirty = on };

	return hv_vm_set_slot(vm, &slot);
}

static void guest_writes(unsigned int page)
{
	struct baton_regs regs;

	EXPECT(!hv_vcpu_get_regs(vcpu, &regs));
	regs.rip = CODE;
	regs.gpr[BATON_RBX] = page * PAGE + 8;
	EXPECT(!hv_vcpu_set_regs(vcpu, &regs));
	run_to_port(0x10);
}

static void expect_dirty(uint64_t word0)
{
	uint64_t bits[MEMORY / PAGE / 64];

	memset(bits, 0x5a, sizeof(bits));
	EXPECT(!hv_vm_get_dirty(vm, 0, 0, MEMORY / PAGE, bits));
	EXPECT(bits[0] == word0);
	for (size_t i = 1; i < sizeof(bits) / sizeof(bits[0]); i++)
		EXPECT(!bits[i]);
}

/* mov [bx],ax; out 0x10,al */
static const unsigned char write_at_bx[] = { 0x89, 0x07, 0xe6, 0x10 };

/* The host's own speed is one that each host has. */
static void test_tsc_khz(void)
{
	const struct hv_info *info = hv_get_info(engine);

	EXPECT(!hv_vm_create(engine, &vm));
	if (info->engine == HV_ENGINE_BATON) {
		EXPECT(!hv_vm_set_tsc_khz(vm, info->tsc_khz));
		EXPECT(hv_vm_set_tsc_khz(vm, 0) == -EINVAL);
		EXPECT(!hv_vcpu_create(vm, 0, &vcpu));
		EXPECT(hv_vm_set_tsc_khz(vm, info->tsc_khz) == -EBUSY);
		hv_vcpu_destroy(vcpu);
	} else {
		int error = hv_vm_set_tsc_khz(vm, 2000000);

		EXPECT(!error || error == -EOPNOTSUPP);
	}
	hv_vm_destroy(vm);
}

static void test_dirty(void)
{
	uint64_t bits[MEMORY / PAGE / 64] = { 1 << 5 };

	start(write_at_bx, sizeof(write_at_bx));
	guest_writes(5);
	EXPECT(hv_vm_get_dirty(vm, 0, 0, MEMORY / PAGE, bits) == -ENOENT);
	EXPECT(hv_vm_clear_dirty(vm, 0, 0, MEMORY / PAGE, bits) == -ENOENT);
	EXPECT(!set_log(true));
	expect_dirty(0);
	guest_writes(5);
	guest_writes(9);
	memory[7 * PAGE] = 1; /* the monitor's own */
	expect_dirty(1 << 5 | 1 << 9);
	EXPECT(!hv_vm_clear_dirty(vm, 0, 0, MEMORY / PAGE, bits));
	expect_dirty(1 << 9);
	guest_writes(9);
	expect_dirty(1 << 9);
	guest_writes(5);
	expect_dirty(1 << 5 | 1 << 9);
	EXPECT(!set_log(true));
	expect_dirty(1 << 5 | 1 << 9);
	EXPECT(!set_log(false));
	EXPECT(hv_vm_get_dirty(vm, 0, 0, MEMORY / PAGE, bits) == -ENOENT);
	guest_writes(9);
	EXPECT(!set_log(true));
	expect_dirty(0);
	end();
}

/* A slot whose pages are no multiple of 64, in ranges. */
static void test_dirty_ranges(void)
{
	static const struct { uint64_t first, count; int want; } ranges[] = {
		{ 0, SMALL_PAGES, 0 }, { 0, 64, 0 }, { 64, 6, 0 }, { 64, 64, -EINVAL },
		{ 64, 5, -EINVAL }, { 0, 6, -EINVAL }, { 6, 64, -EINVAL }, { 0, 0, -EINVAL },
		{ 128, 64, -EINVAL }, { 0, 128, -EINVAL }, { 0, UINT64_MAX, -EINVAL },
		{ UINT64_MAX - 63, 64, -EINVAL },
	};
	struct hv_slot slot = {
		.id = 1, .log_dirty = true, .gpa = SMALL_GPA, .size = SMALL_PAGES * PAGE,
	};
	struct baton_sregs sregs;
	uint64_t bits[3] = { 0, 0, 0x5a5a };

	start(write_at_bx, sizeof(write_at_bx));
	slot.hva = memory + 16 * PAGE;
	EXPECT(!hv_vm_set_slot(vm, &slot));
	EXPECT(!hv_vcpu_get_sregs(vcpu, &sregs));
	sregs.seg[BATON_DS].base = SMALL_GPA + 64 * PAGE;
	EXPECT(!hv_vcpu_set_sregs(vcpu, &sregs));
	guest_writes(2);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		EXPECT(hv_vm_get_dirty(vm, 1, ranges[i].first, ranges[i].count, bits) ==
		       ranges[i].want);
		if (ranges[i].want)
			EXPECT(hv_vm_clear_dirty(vm, 1, ranges[i].first, ranges[i].count, bits) ==
			       ranges[i].want);
	}
	EXPECT(!hv_vm_get_dirty(vm, 1, 0, SMALL_PAGES, bits));
	EXPECT(!bits[0] && bits[1] == 1 << 2 && bits[2] == 0x5a5a);
	EXPECT(!hv_vm_get_dirty(vm, 1, 64, 6, bits));
	EXPECT(bits[0] == 1 << 2);
	bits[0] = UINT64_MAX;
	EXPECT(!hv_vm_clear_dirty(vm, 1, 0, 64, bits));
	EXPECT(!hv_vm_get_dirty(vm, 1, 64, 6, bits) && bits[0] == 1 << 2);
	EXPECT(!hv_vm_clear_dirty(vm, 1, 64, 6, bits));
	EXPECT(!hv_vm_get_dirty(vm, 1, 64, 6, bits) && !bits[0]);
	EXPECT(hv_vm_get_dirty(vm, 2, 0, 64, bits) == -ENOENT);
	EXPECT(hv_vm_get_dirty(vm, UINT32_MAX, 0, 64, bits) == -EINVAL);
	EXPECT(hv_vm_clear_dirty(vm, UINT32_MAX, 0, 64, bits) == -EINVAL);
	end();
}

/* Both engines count what both have; what one lacks is not known, rather than 0. */
static void test_stats(void)
{
	const uint64_t both = 1ull << BATON_STAT_EXITS | 1ull << BATON_STAT_EXIT_PIO |
			      1ull << BATON_STAT_READY_NS;
	struct hv_stats before, after, of_vm;

	start(code, sizeof(code));
	EXPECT(!hv_vcpu_get_stats(vcpu, &before));
	run_to_port(0x10);
	run_to_port(0x11);
	EXPECT(!hv_vcpu_get_stats(vcpu, &after));
	EXPECT((after.known & both) == both);
	EXPECT(after.value[BATON_STAT_EXITS] >= before.value[BATON_STAT_EXITS] + 2);
	EXPECT(after.value[BATON_STAT_EXIT_PIO] == before.value[BATON_STAT_EXIT_PIO] + 2);
	for (unsigned int i = 0; i < 32; i++)
		EXPECT(after.known >> i & 1 || !after.value[i]);
	EXPECT(!hv_vm_get_stats(vm, &of_vm));
	EXPECT(of_vm.known >> BATON_VM_STAT_PAGES_4K & 1);
	EXPECT(of_vm.value[BATON_VM_STAT_PAGES_4K] + of_vm.value[BATON_VM_STAT_PAGES_2M] > 0);
	end();
}

static void *run_to_handler(void *ctx)
{
	(void)ctx;
	run_to_port(HANDLER_PORT);
	return NULL;
}

/* The last answer is one while it sleeps. */
static void *ask_until_halted(void *ctx)
{
	struct hv_stats stats;

	(void)ctx;
	do
		EXPECT(!hv_vcpu_get_stats(vcpu, &stats));
	while (!stats.value[BATON_STAT_HALTED]);
	EXPECT(stats.value[BATON_STAT_EXIT_HLT] > 0);
	EXPECT((stats.known >> BATON_STAT_HALTED_NS & 1) ==
	       (hv_get_info(engine)->engine == HV_ENGINE_BATON));
	EXPECT(!hv_vcpu_nmi(vcpu));
	return NULL;
}

/* By another thread: neither counters nor an NMI wait for a vCPU that sleeps for good. */
static void test_asleep(void)
{
	/* hlt; out 0x10,al */
	static const unsigned char halt[] = { 0xf4, 0xe6, 0x10 };
	pthread_t sleeper, asker;
	struct timespec until;

	start(halt, sizeof(halt));
	pthread_create(&sleeper, NULL, run_to_handler, NULL);
	pthread_create(&asker, NULL, ask_until_halted, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_S;
	if (pthread_timedjoin_np(sleeper, NULL, &until)) {
		printf("  the vCPU still sleeps\n");
		exit(1);
	}
	pthread_join(asker, NULL);
	run_to_port(0x10);
	end();
}

/* A slot at another place, with what is in it. */
static void test_slot_moves(void)
{
	struct hv_slot slot = { .id = 1, .gpa = SMALL_GPA, .size = SMALL_PAGES * PAGE };
	struct baton_sregs sregs;

	start(write_at_bx, sizeof(write_at_bx));
	slot.hva = memory + 16 * PAGE;
	EXPECT(!hv_vm_set_slot(vm, &slot));
	EXPECT(!hv_vcpu_get_sregs(vcpu, &sregs));
	sregs.seg[BATON_DS].base = SMALL_GPA;
	EXPECT(!hv_vcpu_set_sregs(vcpu, &sregs));
	run_to_port(0x10);
	slot.gpa += PAGE;
	EXPECT(!hv_vm_set_slot(vm, &slot));
	sregs.seg[BATON_DS].base = SMALL_GPA + 3 * PAGE;
	EXPECT(!hv_vcpu_set_sregs(vcpu, &sregs));
	memset(memory + 16 * PAGE, 0xff, 8 * PAGE);
	guest_writes(2); /* the slot's page 4 */
	EXPECT(memory[20 * PAGE + 8] != 0xff && memory[18 * PAGE + 8] == 0xff);
	end();
}

/* mov [0x10],ax; out 0x10,al */
static const unsigned char doorbell[] = { 0xa3, 0x10, 0x00, 0xe6, 0x10 };

static void test_doorbell(void)
{
	struct baton_sregs sregs;
	int fd = eventfd(0, EFD_NONBLOCK);
	eventfd_t count = 0;

	start(doorbell, sizeof(doorbell));
	EXPECT(hv_get_info(engine)->ioeventfd_mmio);
	EXPECT(!hv_vcpu_get_sregs(vcpu, &sregs));
	sregs.seg[BATON_DS].base = SMALL_GPA;
	EXPECT(!hv_vcpu_set_sregs(vcpu, &sregs));
	EXPECT(!hv_vm_ioeventfd_mmio(vm, fd, SMALL_GPA + 0x10, 2, true));
	run_to_port(0x10);
	EXPECT(!eventfd_read(fd, &count) && count == 1);
	EXPECT(!hv_vm_ioeventfd_mmio(vm, fd, SMALL_GPA + 0x10, 2, false));
	EXPECT(hv_vm_ioeventfd_mmio(vm, fd, SMALL_GPA + 0x10, 2, false) == -ENOENT);
	close(fd);
	end();
}

/* A message that the engine refuses leaves the binding, and others, as they were. */
static void test_refused_message(void)
{
	int fd = eventfd(0, 0), other = eventfd(0, 0);

	start(code, sizeof(code));
	EXPECT(!hv_vm_irqfd(vm, fd, 0xfee00000, 0xc040, true));
	EXPECT(hv_vm_irqfd(vm, fd, 0x1fee00000, 0xc040, true) == -EINVAL);
	EXPECT(hv_vm_irqfd(vm, other, 0x1fee00000, 0xc041, true) == -EINVAL);
	EXPECT(!hv_vm_irqfd(vm, other, 0xfee00000, 0xc041, true));
	EXPECT(!hv_vm_irqfd(vm, fd, 0, 0, false));
	close(fd);
	close(other);
	end();
}

/* What only one engine has says so under the other one. */
static void test_own_features(void)
{
	const struct hv_info *info = hv_get_info(engine);
	int fd = eventfd(0, 0), resample = eventfd(0, 0);
	uint64_t bits[MEMORY / PAGE / 64];

	start(write_at_bx, sizeof(write_at_bx));
	EXPECT(!hv_vm_irqfd(vm, fd, 0xfee00000, 0xc040, true));
	EXPECT(hv_vm_resamplefd(vm, fd, resample, true) == (info->resamplefd ? 0 : -EOPNOTSUPP));
	guest_writes(5);
	EXPECT(hv_vm_get_accessed(vm, 0, 0, MEMORY / PAGE, bits) ==
	       (info->accessed ? 0 : -EOPNOTSUPP));
	EXPECT(!info->accessed || bits[0] & 1 << 5);
	EXPECT(info->resamplefd == (info->engine == HV_ENGINE_BATON));
	close(fd);
	close(resample);
	end();
}

static void expect_step(uint64_t rip)
{
	struct hv_exit exit = run();
	struct baton_regs regs;

	EXPECT(exit.kind == HV_EXIT_DEBUG);
	EXPECT(exit.debug.exception == 1 && exit.debug.dr6 == 1u << 14);
	EXPECT(!hv_vcpu_get_regs(vcpu, &regs));
	EXPECT(regs.rip == rip && !(regs.rflags & 1u << 8));
}

/* By the processor, by the engine, by the monitor; then no more. */
static void test_steps(void)
{
	static const unsigned char code[] = {
		0x90,			/* nop */
		0x0f, 0xa2,		/* cpuid */
		0xe6, 0x10,		/* out 0x10,al */
		0x90, 0x90,		/* nop; nop */
		0xe6, 0x11,		/* out 0x11,al */
	};
	struct hv_debug debug = { .step = true };
	const char *host = getenv("BATON_TESTHOST");

	if (hv_get_info(engine)->engine == HV_ENGINE_KVM && host && !strcmp(host, "vmx")) {
		skipped = "KVM's single steps get lost in Bochs";
		return;
	}
	EXPECT(hv_get_info(engine)->guest_debug);
	start(code, sizeof(code));
	EXPECT(!hv_vcpu_set_debug(vcpu, &debug));
	expect_step(CODE + 1);
	expect_step(CODE + 3);
	run_to_port(0x10);
	expect_step(CODE + 5);
	expect_step(CODE + 6);
	debug.step = false;
	EXPECT(!hv_vcpu_set_debug(vcpu, &debug));
	run_to_port(0x11);
	end();
}

/* As a debugger that looked at an INT3 of the guest's own gives it back. */
static void test_int3(void)
{
	static const unsigned char code[] = { 0xcc, 0xe6, 0x10 }; /* int3; out 0x10,al */
	const struct hv_debug debug = { .sw_break = true };
	const char *host = getenv("BATON_TESTHOST");
	struct baton_events events;
	struct baton_regs regs;
	struct hv_exit exit;

	start(code, sizeof(code));
	memcpy(memory + 4 * 3, "\x00\x30\x00\x00", 4);
	EXPECT(!hv_vcpu_set_debug(vcpu, &debug));
	/* QEMU's AMD-V takes INT3 for INT n, and goes to the handler by itself. */
	if (!host || strcmp(host, "svm")) {
		exit = run();
		EXPECT(exit.kind == HV_EXIT_DEBUG && exit.debug.exception == 3);
	}
	EXPECT(!hv_vcpu_get_regs(vcpu, &regs) && regs.rip == CODE);
	regs.rip++;
	EXPECT(!hv_vcpu_set_regs(vcpu, &regs));
	EXPECT(!hv_vcpu_get_events(vcpu, &events));
	events.flags |= BATON_EV_EXCEPTION;
	events.exception = 3;
	EXPECT(!hv_vcpu_set_events(vcpu, &events));
	run_to_port(HANDLER_PORT);
	run_to_port(0x10);
	end();
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "once for each time that INTR goes up", test_once },
	{ "a level", test_level },
	{ "withdrawn", test_withdrawn },
	{ "LINT0 masked", test_masked },
	{ "raised by the vCPU's thread", test_own_thread },
	{ "halted when its state was loaded", test_loaded_halted },
	{ "while spinning", test_spinning },
	{ "while halted", test_halted },
	{ "TSC frequency", test_tsc_khz },
	{ "dirty log", test_dirty },
	{ "dirty log in ranges", test_dirty_ranges },
	{ "counters", test_stats },
	{ "counters of a vCPU that sleeps, and an NMI", test_asleep },
	{ "a slot moves", test_slot_moves },
	{ "a memory write to an eventfd", test_doorbell },
	{ "a message that is refused", test_refused_message },
	{ "what one engine has", test_own_features },
	{ "steps", test_steps },
	{ "INT3 given back", test_int3 },
};

int main(int argc, char **argv)
{
	bool kvm = argc > 1 && !strcmp(argv[1], "kvm");
	struct hv_failure why[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (hv_open(kvm ? HV_ENGINE_KVM : HV_ENGINE_BATON, &engine, why)) {
		printf("no engine: step %s, error %d\n", why[kvm].step, why[kvm].error);
		return 1;
	}
	EXPECT(hv_get_info(engine)->extint);
	EXPECT(hv_get_info(engine)->dirty_log);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		int before = failures;

		skipped = NULL;
		tests[i].run();
		printf("%s %s: %s%s%s\n", skipped ? "skip" : failures == before ? "pass" : "FAIL",
		       hv_get_info(engine)->name, tests[i].name, skipped ? ": " : "",
		       skipped ? skipped : "");
	}
	hv_close(engine);
	return failures ? 1 : 0;
}
