// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-hv-test ENGINE: interrupts of an 8259 by way of the engine interface, the
 * same for both engines. A real-mode guest; its handler does OUT to port 0x77 and
 * IRET. Exit status 0 if all is as hv.h says.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hv.h"

#define MEMORY		(1u << 20)
#define CODE		0x1000
#define HANDLER		0x3000
#define VECTOR		0x08
#define HANDLER_PORT	0x77
#define LVT_LINT0	0x350
#define EXTINT		0x700u
#define MASKED		0x10000u

static int failures;

#define EXPECT(condition)							\
	do {									\
		if (!(condition)) {						\
			printf("  %s:%d: not so: %s\n", __func__, __LINE__,	\
			       #condition);					\
			failures++;						\
		}								\
	} while (0)

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
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		int before = failures;

		tests[i].run();
		printf("%s %s: %s\n", failures == before ? "pass" : "FAIL",
		       hv_get_info(engine)->name, tests[i].name);
	}
	hv_close(engine);
	return failures ? 1 : 0;
}
