// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * External interrupts of an 8259: BATON_SET_INTR, BATON_EXIT_INTA and its answer.
 * The vectors' handler does OUT to port 0x77, then IRET.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#define LVT_LINT0	0x350	/* offsets in the APIC's page */
#define LVT_LINT1	0x360
#define EXTINT		0x700u
#define MASKED		0x10000u
#define VECTOR		0x08
#define HANDLER		0x3000
#define HANDLER_PORT	0x77
#define ELSEWHERE	0x4000	/* where all other vectors lead */
#define ELSEWHERE_PORT	0x99

static int set_lvt(const struct abi_guest *g, unsigned int offset, uint32_t value)
{
	struct baton_lapic_state lapic;

	EXPECT(!ioctl(g->vcpu, BATON_GET_LAPIC, &lapic));
	memcpy(lapic.regs + offset, &value, sizeof(value));
	return ioctl(g->vcpu, BATON_SET_LAPIC, &lapic);
}

static void set_handler(struct abi_guest *g, unsigned int vector)
{
	const uint32_t handler = HANDLER, elsewhere = ELSEWHERE;

	for (int i = 0; i < 256; i++)
		memcpy(g->memory + 4 * i, &elsewhere, 4);
	memcpy(g->memory + 4 * vector, &handler, 4);
}

/* As a board leaves it for firmware: APIC disabled by software, LINT0 is ExtINT. */
static struct abi_guest start(const void *code, size_t size)
{
	static const unsigned char handler[] = { 0xe6, HANDLER_PORT, 0xcf };
	static const unsigned char elsewhere[] = { 0xe6, ELSEWHERE_PORT, 0xcf };
	struct abi_guest g = abi_guest_start(code, size);

	memcpy(g.memory + HANDLER, handler, sizeof(handler));
	memcpy(g.memory + ELSEWHERE, elsewhere, sizeof(elsewhere));
	set_handler(&g, VECTOR);
	EXPECT(!set_lvt(&g, LVT_LINT0, EXTINT));
	return g;
}

static int intr(const struct abi_guest *g, uint32_t level)
{
	struct baton_intr arg = { .level = level };

	return ioctl(g->vcpu, BATON_SET_INTR, &arg);
}

static uint64_t rip(const struct abi_guest *g)
{
	struct baton_regs regs = { 0 };

	EXPECT(!ioctl(g->vcpu, BATON_GET_REGS, &regs));
	return regs.rip;
}

#define RUN_TO_INTA(g)								\
	do {									\
		ABI_RUN(g, BATON_EXIT_INTA);					\
		EXPECT((g).run->inta.vector == BATON_INTA_NONE);		\
		EXPECT(!(g).run->inta.reserved);				\
	} while (0)
#define RUN_TO_PORT(g, number)							\
	do {									\
		ABI_RUN(g, BATON_EXIT_PIO);					\
		EXPECT((g).run->pio.port == (number));				\
	} while (0)

/* out 0x10,al; sti; nop; nop; out 0x11,al; hlt */
static const unsigned char sti_code[] = { 0xe6, 0x10, 0xfb, 0x90, 0x90, 0xe6, 0x11, 0xf4 };
#define AFTER_SHADOW 0x1004

static void test_window(void)
{
	struct abi_guest g = start(sti_code, sizeof(sti_code));

	EXPECT(!intr(&g, 1));
	/* IF is clear: no exit for it. */
	RUN_TO_PORT(g, 0x10);
	RUN_TO_INTA(g);
	EXPECT(rip(&g) == AFTER_SHADOW);
	g.run->inta.vector = VECTOR;
	EXPECT(!intr(&g, 0));
	RUN_TO_PORT(g, HANDLER_PORT);
	EXPECT(g.memory[0x8000 - 6] == (AFTER_SHADOW & 0xff));
	/* Once for each time that INTR goes up. */
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);
}

/* A level: as long as it is up, IRET is followed by the next one. */
static void test_level(void)
{
	struct abi_guest g = start(sti_code, sizeof(sti_code));
	int i;

	EXPECT(!intr(&g, 1));
	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	for (i = 0; i < 3; i++) {
		RUN_TO_INTA(g);
		g.run->inta.vector = VECTOR;
		RUN_TO_PORT(g, HANDLER_PORT);
	}
	EXPECT(!intr(&g, 0));
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);
}

static void test_withdrawn(void)
{
	struct abi_guest g = start(sti_code, sizeof(sti_code));

	/* Asked for and answered with nothing. */
	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	RUN_TO_INTA(g);
	EXPECT(!intr(&g, 0));
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);
	/* Down again while the guest waited for its STI. */
	g = start(sti_code, sizeof(sti_code));
	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	EXPECT(!intr(&g, 0));
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);
}

static void test_lint0(void)
{
	struct abi_guest g = start(sti_code, sizeof(sti_code));
	struct baton_sregs sregs;

	EXPECT(!set_lvt(&g, LVT_LINT0, MASKED | EXTINT));
	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	RUN_TO_PORT(g, 0x11);
	/* Unmasked while it is up: no new edge is needed. */
	EXPECT(!set_lvt(&g, LVT_LINT0, EXTINT));
	RUN_TO_INTA(g);
	abi_guest_end(&g);
	/* Off in IA32_APIC_BASE: the pin goes straight to the processor. */
	g = start(sti_code, sizeof(sti_code));
	EXPECT(!set_lvt(&g, LVT_LINT0, MASKED));
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	sregs.apic_base &= ~0x800ull;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	RUN_TO_INTA(g);
	/* Of a software-disabled APIC nothing else may be unmasked. */
	sregs.apic_base |= 0x800;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	FAILS(set_lvt(&g, LVT_LINT0, 0x40), EINVAL);
	FAILS(set_lvt(&g, LVT_LINT1, EXTINT), EINVAL);
	FAILS(set_lvt(&g, LVT_LINT1, 0x400), EINVAL);
	abi_guest_end(&g);
}

static void test_vectors(void)
{
	static const int vectors[] = { 0, 2, 8, 15, 16, 32, 0x70, 255 };
	struct abi_guest g;
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		g = start(sti_code, sizeof(sti_code));
		set_handler(&g, vectors[i]);
		EXPECT(!intr(&g, 1));
		RUN_TO_PORT(g, 0x10);
		RUN_TO_INTA(g);
		g.run->inta.vector = vectors[i];
		EXPECT(!intr(&g, 0));
		RUN_TO_PORT(g, HANDLER_PORT);
		RUN_TO_PORT(g, 0x11);
		abi_guest_end(&g);
	}
}

static void test_bad_arguments(void)
{
	struct baton_intr reserved = { .level = 1, .reserved = 1 };
	static const int bad[] = { -2, 256, 0x10008, INT32_MIN, INT32_MAX };
	struct abi_guest g = start(sti_code, sizeof(sti_code));
	size_t i;

	FAILS(intr(&g, 2), EINVAL);
	FAILS(intr(&g, UINT32_MAX), EINVAL);
	FAILS(ioctl(g.vcpu, BATON_SET_INTR, &reserved), EINVAL);
	/* None of them has raised it. */
	RUN_TO_PORT(g, 0x10);
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);

	g = start(sti_code, sizeof(sti_code));
	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	RUN_TO_INTA(g);
	EXPECT(!intr(&g, 0));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		g.run->inta.vector = bad[i];
		FAILS(ioctl(g.vcpu, BATON_RUN, 0), EINVAL);
	}
	/* It still waits for its answer. */
	g.run->inta.vector = VECTOR;
	RUN_TO_PORT(g, HANDLER_PORT);
	abi_guest_end(&g);
}

/* What other calls make of an answer that has not been taken over yet. */
static void test_answer_and_state(void)
{
	struct abi_guest g = start(sti_code, sizeof(sti_code));
	struct baton_events events, none = { 0 };
	struct baton_regs regs;

	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	RUN_TO_INTA(g);
	EXPECT(!intr(&g, 0));
	g.run->inta.vector = VECTOR;
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	g.run->immediate_exit = 1;
	ABI_RUN(g, BATON_EXIT_NONE);
	g.run->immediate_exit = 0;
	EXPECT(!ioctl(g.vcpu, BATON_GET_EVENTS, &events));
	EXPECT(events.flags == BATON_EV_INTERRUPT && events.interrupt == VECTOR);
	/* What was saved can be loaded, a vector below 16 too. */
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &events));
	RUN_TO_PORT(g, HANDLER_PORT);
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);

	g = start(sti_code, sizeof(sti_code));
	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	RUN_TO_INTA(g);
	EXPECT(!intr(&g, 0));
	g.run->inta.vector = VECTOR;
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &none));
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);
}

static void enable_apic(struct abi_guest *g)
{
	struct baton_lapic_state lapic;
	const uint32_t svr = 0x1ff;

	EXPECT(!ioctl(g->vcpu, BATON_GET_LAPIC, &lapic));
	memcpy(lapic.regs + 0xf0, &svr, sizeof(svr));
	EXPECT(!ioctl(g->vcpu, BATON_SET_LAPIC, &lapic));
}

/* Both at once: the 8259's goes in first, the local APIC's is not lost. */
static void test_with_msi(void)
{
	struct abi_guest g = start(sti_code, sizeof(sti_code));
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x40 };

	enable_apic(&g);
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	RUN_TO_INTA(g);
	g.run->inta.vector = VECTOR;
	EXPECT(!intr(&g, 0));
	RUN_TO_PORT(g, HANDLER_PORT);
	RUN_TO_PORT(g, ELSEWHERE_PORT);
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);
}

/* With an NMI: that one first, and INTR in its handler only after its IRET. */
static void test_with_nmi(void)
{
	struct abi_guest g = start(sti_code, sizeof(sti_code));

	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	RUN_TO_PORT(g, ELSEWHERE_PORT);
	RUN_TO_INTA(g);
	g.run->inta.vector = VECTOR;
	EXPECT(!intr(&g, 0));
	RUN_TO_PORT(g, HANDLER_PORT);
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);
}

/* The stack is not there when the interrupt is delivered: once more, then. */
static void test_cut_short(void)
{
	struct abi_guest g = start(sti_code, sizeof(sti_code));
	unsigned long long at;

	EXPECT(!intr(&g, 1));
	RUN_TO_PORT(g, 0x10);
	RUN_TO_INTA(g);
	/* Behind the shadow; QEMU's VMRUN forgets a shadow that an exit has seen. */
	at = rip(&g);
	EXPECT(at == AFTER_SHADOW || at == AFTER_SHADOW - 1);
	EXPECT(!madvise(g.memory + 0x7000, 4096, MADV_REMOVE));
	EXPECT(!madvise(g.memory, 4096, MADV_DONTNEED));
	g.run->inta.vector = VECTOR;
	EXPECT(!intr(&g, 0));
	RUN_TO_PORT(g, HANDLER_PORT);
	EXPECT(g.memory[0x8000 - 6] == (at & 0xff));
	RUN_TO_PORT(g, 0x11);
	abi_guest_end(&g);
}

struct runner {
	struct abi_guest *guest;
	int result;
};

static void *run_thread(void *ctx)
{
	struct runner *r = ctx;

	r->result = abi_run_on(r->guest->vcpu, r->guest->run);
	return NULL;
}

/* INTR goes up at any moment: before the call, in the guest, in HLT. */
static void raise_many(const unsigned char *code, size_t size)
{
	struct abi_guest g = start(code, size);
	struct runner r = { .guest = &g };
	pthread_t thread;
	int i;

	for (i = 0; i < 200; i++) {
		pthread_create(&thread, NULL, run_thread, &r);
		if (i % 3)
			usleep(rand() % 300);
		EXPECT(!intr(&g, 1));
		pthread_join(thread, NULL);
		EXPECT(!r.result && g.run->exit_reason == BATON_EXIT_INTA);
		EXPECT(!intr(&g, 0));
		g.run->inta.vector = VECTOR;
		RUN_TO_PORT(g, HANDLER_PORT);
	}
	abi_guest_end(&g);
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

static uint64_t stat_of(const struct abi_guest *g, enum baton_stat stat)
{
	struct baton_stats stats = { 0 };

	EXPECT(!ioctl(g->vcpu, BATON_GET_STATS, &stats));
	return stats.value[stat];
}

/*
 * INTR up and the guest deaf to it: it runs or sleeps on, with no exit for that. `there`
 * counts once the guest is in its loop.
 */
static void stay_deaf(const unsigned char *code, size_t size, enum baton_stat there)
{
	struct abi_guest g = start(code, size);
	struct runner r = { .guest = &g };
	uint64_t before, i;
	pthread_t thread;
	uint16_t back;

	EXPECT(!intr(&g, 1));
	pthread_create(&thread, NULL, run_thread, &r);
	for (i = 0; i < 10000 && !stat_of(&g, there); i++)
		usleep(1000);
	EXPECT(i < 10000);
	before = stat_of(&g, BATON_STAT_EXIT_WINDOW) + stat_of(&g, BATON_STAT_EXIT_HLT);
	for (i = 0; i < 50; i++) {
		usleep(1000);
		EXPECT(!intr(&g, i & 1));
	}
	EXPECT(stat_of(&g, BATON_STAT_EXIT_WINDOW) + stat_of(&g, BATON_STAT_EXIT_HLT) == before);
	/* The way out for a guest with IF clear. */
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	pthread_join(thread, NULL);
	EXPECT(!r.result && g.run->exit_reason == BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == ELSEWHERE_PORT);
	/*
	 * Over the handler's IRET, to an OUT where it returns to: Bochs has NMIs of the
	 * next guest blocked, too, if this one ends in its handler.
	 */
	memcpy(&back, g.memory + 0x8000 - 6, sizeof(back));
	memcpy(g.memory + back, "\xe6\x12", 2);
	RUN_TO_PORT(g, 0x12);
	abi_guest_end(&g);
}

static void test_deaf(void)
{
	static const unsigned char spin[] = { 0xfa, 0xeb, 0xfe };
	static const unsigned char halt[] = { 0xfa, 0xf4, 0xeb, 0xfd };

	stay_deaf(spin, sizeof(spin), BATON_STAT_EXIT_INTR);
	stay_deaf(halt, sizeof(halt), BATON_STAT_EXIT_HLT);
}

/* Flat 32-bit code, with handlers of interrupts 0 to 31 at HANDLER. */
static struct abi_guest start32(const void *code, size_t size)
{
	static const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
	const uint64_t gate = 0x8e0000080000ull | HANDLER;
	struct abi_guest g = abi_guest_start(code, size);
	struct baton_sregs sregs;

	memcpy(g.memory + 0x5000, gdt, sizeof(gdt));
	for (int i = 0; i < 32; i++)
		memcpy(g.memory + 0x6000 + 8 * i, &gate, sizeof(gate));
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	for (int i = BATON_ES; i <= BATON_GS; i++)
		sregs.seg[i] = (struct baton_segment){
			.limit = 0xffffffff, .selector = i == BATON_CS ? 8 : 16,
			.attr = i == BATON_CS ? 0xc09b : 0xc093,
		};
	sregs.gdt = (struct baton_dtable){ .base = 0x5000, .limit = sizeof(gdt) - 1 };
	sregs.idt = (struct baton_dtable){ .base = 0x6000, .limit = 8 * 32 - 1 };
	sregs.cr0 |= 1;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	return g;
}

/* A fault that the module makes: its handler finds RF in the flags that were saved. */
static void test_resume_flag(void)
{
	/* mov $-1,%eax; mov %eax,%cr4 */
	static const unsigned char code[] = { 0x83, 0xc8, 0xff, 0x0f, 0x22, 0xe0 };
	/* pop %eax, 4 times: error code, EIP, CS, EFLAGS; out %eax,0x10; hlt */
	static const unsigned char handler[] = { 0x58, 0x58, 0x58, 0x58, 0xe7, 0x10, 0xf4 };
	struct abi_guest g = start32(code, sizeof(code));
	uint32_t flags;

	memcpy(g.memory + HANDLER, handler, sizeof(handler));
	RUN_TO_PORT(g, 0x10);
	flags = g.run->pio.data;
	EXPECT(flags & 1u << 16);
	abi_guest_end(&g);
}

const struct abi_test abi_intr_tests[] = {
	{ "A14: INTA after STI and its shadow", test_window },
	{ "INTR is a level", test_level },
	{ "INTR withdrawn", test_withdrawn },
	{ "LINT0 lets INTR through or not", test_lint0 },
	{ "INTA with any vector", test_vectors },
	{ "A1: INTR and INTA, wrong arguments", test_bad_arguments },
	{ "INTA's answer and other calls", test_answer_and_state },
	{ "INTR with an MSI", test_with_msi },
	{ "INTR with an NMI", test_with_nmi },
	{ "INTA's vector cut short", test_cut_short },
	{ "A4: RF in a fault's saved flags", test_resume_flag },
	{ "A14: INTR while spinning", test_spinning },
	{ "A14: INTR while halted", test_halted },
	{ "A14: INTR with IF clear", test_deaf },
	{ NULL, NULL },
};
