// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * BATON_SET_GUEST_DEBUG: steps over what the processor, the module and the monitor do,
 * breakpoints, and a guest that sees nothing of it.
 */
#include <cpuid.h>
#include <stdint.h>
#include <unistd.h>

#include "abi.h"

#define AT		0x1000u		/* where the guest begins */
#define HANDLER		0x3000u		/* of all vectors: OUT 0x77, then IRET */
#define HANDLER_PORT	0x77
#define DEVICE		0x300000u	/* no slot */
#define TF		0x100u
#define DR6_BS		0x4000u
#define STEP		(BATON_DEBUG_ENABLE | BATON_DEBUG_STEP)

static int debug(const struct abi_guest *g, uint32_t flags)
{
	struct baton_guest_debug arg = { .flags = flags };

	return ioctl(g->vcpu, BATON_SET_GUEST_DEBUG, &arg);
}

static struct abi_guest start(const void *code, size_t size)
{
	static const unsigned char handler[] = { 0xe6, HANDLER_PORT, 0xcf };
	struct abi_guest g = abi_guest_start(code, size);
	const uint32_t vector = HANDLER;

	memcpy(g.memory + HANDLER, handler, sizeof(handler));
	for (int i = 0; i < 256; i++)
		memcpy(g.memory + 4 * i, &vector, 4);
	g.run->want = BATON_CLASS_REGS;
	return g;
}

static void expect_debug(const struct abi_guest *g, uint32_t exception, uint64_t rip, uint64_t dr6)
{
	const struct baton_exit_debug *d = &g->run->debug;

	ABI_RUN(*g, BATON_EXIT_DEBUG);
	EXPECT(d->exception == exception && d->rip == rip && d->dr6 == dr6);
	if (d->rip != rip || d->dr6 != dr6)
		printf("  RIP %#llx (%#llx), DR6 %#llx (%#llx)\n", (long long)d->rip,
		       (long long)rip, (long long)d->dr6, (long long)dr6);
	EXPECT(g->run->regs.rip == rip);
}

static void expect_step(const struct abi_guest *g, uint64_t rip)
{
	expect_debug(g, 1, rip, DR6_BS);
	EXPECT(!(g->run->regs.rflags & TF));
}

static void expect_out(const struct abi_guest *g, unsigned int port)
{
	ABI_RUN(*g, BATON_EXIT_PIO);
	EXPECT(g->run->pio.port == port);
}

/* ---- arguments ---- */

static void test_arguments(void)
{
	struct abi_guest g = start("", 0);
	struct baton_guest_debug arg = { .flags = 1u << 4 | BATON_DEBUG_ENABLE };
	struct baton_info info;

	EXPECT(!ioctl(g.sys, BATON_GET_INFO, &info));
	EXPECT(info.features & BATON_FEAT_GUEST_DEBUG);
	FAILS(ioctl(g.vcpu, BATON_SET_GUEST_DEBUG, &arg), EINVAL);
	FAILS(debug(&g, BATON_DEBUG_STEP), EINVAL);
	FAILS(debug(&g, ~0u), EINVAL);
	arg = (struct baton_guest_debug){ .reserved = 1 };
	FAILS(ioctl(g.vcpu, BATON_SET_GUEST_DEBUG, &arg), EINVAL);
	arg = (struct baton_guest_debug){ .reserved1 = 1 };
	FAILS(ioctl(g.vcpu, BATON_SET_GUEST_DEBUG, &arg), EINVAL);
	arg = (struct baton_guest_debug){ .dr7 = 1ull << 32 };
	FAILS(ioctl(g.vcpu, BATON_SET_GUEST_DEBUG, &arg), EINVAL);
	arg = (struct baton_guest_debug){ .dr7 = 1u << 13 }; /* general detect */
	FAILS(ioctl(g.vcpu, BATON_SET_GUEST_DEBUG, &arg), EINVAL);
	EXPECT(!debug(&g, BATON_DEBUG_FLAGS));
	EXPECT(!debug(&g, 0));
	abi_guest_end(&g);
}

/* ---- steps ---- */

/* Whoever does the instruction: the processor, the module, the monitor. */
static void test_step(void)
{
	static const unsigned char code[] = {
		0x90,				/* 1000 nop */
		0xb8, 0x34, 0x12,		/* 1001 mov ax,0x1234 */
		0x0f, 0xa2,			/* 1004 cpuid */
		0xe6, 0x10,			/* 1006 out 0x10,al */
		0xe4, 0x11,			/* 1008 in al,0x11 */
		0x26, 0xa2, 0x40, 0x00,		/* 100a mov es:[0x40],al */
		0xeb, 0xfe,			/* 100e jmp $ */
	};
	struct abi_guest g = start(code, sizeof(code));
	struct baton_sregs sregs;

	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	sregs.seg[BATON_ES].base = DEVICE;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!debug(&g, STEP));
	expect_step(&g, AT + 1);
	expect_step(&g, AT + 4);
	EXPECT((uint16_t)g.run->regs.gpr[BATON_RAX] == 0x1234);
	expect_step(&g, AT + 6);
	expect_out(&g, 0x10);
	expect_step(&g, AT + 8);
	ABI_RUN(g, BATON_EXIT_PIO);
	g.run->pio.data = 0x5a;
	expect_step(&g, AT + 10);
	EXPECT((uint8_t)g.run->regs.gpr[BATON_RAX] == 0x5a);
	ABI_RUN(g, BATON_EXIT_EMULATE);
	g.run->regs.rip += 4;
	g.run->commit = BATON_CLASS_REGS;
	expect_step(&g, AT + 14);
	expect_step(&g, AT + 14);
	expect_step(&g, AT + 14);
	abi_guest_end(&g);
}

/* Processors may hold the trap back behind the first one. */
static void expect_steps(const struct abi_guest *g, uint64_t first, uint64_t second)
{
	ABI_RUN(*g, BATON_EXIT_DEBUG);
	EXPECT(g->run->debug.rip == first || g->run->debug.rip == second);
	if (g->run->debug.rip == first)
		expect_step(g, second);
}

/* Shadows; HLT, which is over at once; then the guest goes on as if nothing were. */
static void test_step_shadows(void)
{
	static const unsigned char code[] = {
		0xfb, 0x90,			/* 1000 sti; nop */
		0x8e, 0xd0, 0x90,		/* 1002 mov ss,ax; nop */
		0xf4,				/* 1005 hlt */
		0xe6, 0x10,			/* 1006 out 0x10,al */
	};
	struct abi_guest g = start(code, sizeof(code));
	struct baton_events events;

	EXPECT(!debug(&g, STEP));
	expect_steps(&g, AT + 1, AT + 2);
	expect_steps(&g, AT + 4, AT + 5);
	expect_step(&g, AT + 6);
	EXPECT(!ioctl(g.vcpu, BATON_GET_EVENTS, &events));
	EXPECT(events.mp_state == BATON_MP_HALTED);
	events.mp_state = BATON_MP_RUNNABLE;
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &events));
	EXPECT(!debug(&g, 0));
	expect_out(&g, 0x10);
	abi_guest_end(&g);
}

/* A step does not lead to an NMI's handler, the next run does. */
static void test_step_nmi(void)
{
	static const unsigned char code[] = { 0x90, 0x90, 0x90, 0xe6, 0x10 };
	struct abi_guest g = start(code, sizeof(code));

	EXPECT(!debug(&g, STEP));
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	expect_step(&g, AT + 1);
	expect_step(&g, AT + 2);
	EXPECT(!debug(&g, 0));
	expect_out(&g, HANDLER_PORT);
	expect_out(&g, 0x10);
	abi_guest_end(&g);
}

/* A fault is a step to its handler; what it saves has no TF. */
static void test_step_fault(void)
{
	static const unsigned char code[] = { 0x31, 0xc9, 0xf7, 0xf1 }; /* xor cx,cx; div cx */
	struct abi_guest g = start(code, sizeof(code));
	uint16_t frame[3];

	EXPECT(!debug(&g, STEP));
	expect_step(&g, AT + 2);
	expect_step(&g, HANDLER);
	memcpy(frame, g.memory + 0x8000 - sizeof(frame), sizeof(frame));
	EXPECT(frame[0] == AT + 2 && !(frame[2] & TF));
	expect_out(&g, HANDLER_PORT);
	expect_step(&g, HANDLER + 2);
	expect_step(&g, AT + 2);	/* IRET */
	abi_guest_end(&g);
}

/* The monitor's event goes in first, and is a step. */
static void test_step_event(void)
{
	static const unsigned char code[] = { 0x90, 0x90 };
	struct abi_guest g = start(code, sizeof(code));
	struct baton_events events;

	EXPECT(!ioctl(g.vcpu, BATON_GET_EVENTS, &events));
	events.flags |= BATON_EV_EXCEPTION;
	events.exception = 6;
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &events));
	EXPECT(!debug(&g, STEP));
	expect_step(&g, HANDLER);
	abi_guest_end(&g);
}

/* What the guest saves of RFLAGS shows the step (ABI.md), what it loads counts. */
static void test_step_flags(void)
{
	static const unsigned char code[] = {
		0x9c,				/* 1000 pushf */
		0x9d,				/* 1001 popf */
		0x90,				/* 1002 nop */
	};
	struct abi_guest g = start(code, sizeof(code));
	uint16_t flags;

	EXPECT(!debug(&g, STEP));
	expect_step(&g, AT + 1);
	memcpy(&flags, g.memory + 0x8000 - 2, sizeof(flags));
	flags &= (uint16_t)~TF;
	memcpy(g.memory + 0x8000 - 2, &flags, sizeof(flags));
	expect_step(&g, AT + 2);
	expect_step(&g, AT + 3);
	abi_guest_end(&g);
}

/* A guest that steps itself gets its own #DB all the same. */
static void test_step_own(void)
{
	static const unsigned char code[] = { 0x90, 0x90, 0x90 };
	struct abi_guest g = start(code, sizeof(code));
	struct baton_regs regs;

	/* Once without: Bochs takes the exit for a page that is not mapped yet for a step. */
	EXPECT(!debug(&g, STEP));
	expect_step(&g, AT + 1);
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.rflags |= TF;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	expect_debug(&g, 1, AT + 2, DR6_BS);
	EXPECT(g.run->regs.rflags & TF);
	EXPECT(!debug(&g, 0));
	expect_out(&g, HANDLER_PORT);
	abi_guest_end(&g);
}

/* ---- breakpoints ---- */

/*
 * Its AMD-V takes INT3 for INT n, which the intercept of #BP does not cover, and arms no
 * breakpoint for a guest. If it ever is other than that, tests say so.
 */
static bool host_is_qemu(void)
{
	unsigned int eax, ebx = 0, ecx = 0, edx = 0;

	__cpuid(0x40000000, eax, ebx, ecx, edx);
	return ebx == 0x54474354 && ecx == 0x43544743; /* "TCGTCGTCGTCG" */
}

static void test_int3(void)
{
	static const unsigned char code[] = { 0x90, 0xcc, 0xe6, 0x10, 0xcc };
	struct abi_guest g = start(code, sizeof(code));
	struct baton_regs regs;

	EXPECT(!debug(&g, BATON_DEBUG_ENABLE | BATON_DEBUG_SW_BREAK));
	if (host_is_qemu()) {
		expect_out(&g, HANDLER_PORT);
		printf("  not tested: INT3 (QEMU's #BP intercept)\n");
		abi_guest_end(&g);
		return;
	}
	expect_debug(&g, 3, AT + 1, 0);
	expect_debug(&g, 3, AT + 1, 0);
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.rip++;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	expect_out(&g, 0x10);
	EXPECT(!debug(&g, BATON_DEBUG_ENABLE));
	expect_out(&g, HANDLER_PORT);
	abi_guest_end(&g);
}

static void break_at(const struct abi_guest *g, unsigned int i, uint64_t address, uint32_t kind)
{
	struct baton_guest_debug arg = {
		.flags = BATON_DEBUG_ENABLE | BATON_DEBUG_HW_BREAK,
		.dr7 = 2u << 2 * i | kind << (16 + 4 * i),
	};

	arg.dr[i] = address;
	EXPECT(!ioctl(g->vcpu, BATON_SET_GUEST_DEBUG, &arg));
}

/* The monitor's replace the guest's, which are there again afterwards. */
static void test_hardware(void)
{
	static const unsigned char code[] = {
		0x90,				/* 1000 nop: the guest's breakpoint */
		0xa2, 0x00, 0x50,		/* 1001 mov [0x5000],al */
		0x90,				/* 1004 nop */
		0x90,				/* 1005 nop */
		0xe6, 0x10,			/* 1006 out 0x10,al */
		0x90,				/* 1008 nop: and once more */
		0xe6, 0x11,			/* 1009 out 0x11,al */
	};
	struct abi_guest g = start(code, sizeof(code));
	struct baton_debugregs dbg = { .dr = { AT, AT + 8 }, .dr6 = 0xffff0ff0, .dr7 = 0xa };

	EXPECT(!ioctl(g.vcpu, BATON_SET_DEBUGREGS, &dbg));
	break_at(&g, 1, 0x5000, 1);
	if (host_is_qemu()) {
		expect_out(&g, 0x10);
		printf("  not tested: breakpoints (QEMU's VMRUN)\n");
		abi_guest_end(&g);
		return;
	}
	expect_debug(&g, 1, AT + 4, 2);
	EXPECT(g.run->debug.dr7 == (0x400 | 2u << 2 | 1u << 20));
	break_at(&g, 3, AT + 5, 0);
	expect_debug(&g, 1, AT + 5, 8);
	break_at(&g, 2, AT + 0x100, 0);
	expect_out(&g, 0x10);
	EXPECT(!ioctl(g.vcpu, BATON_GET_DEBUGREGS, &dbg));
	EXPECT(dbg.dr[0] == AT && dbg.dr[1] == AT + 8 && dbg.dr7 == 0x40a);
	EXPECT(!(dbg.dr6 & 0xf));
	EXPECT(!debug(&g, 0));
	expect_out(&g, HANDLER_PORT);
	EXPECT(!ioctl(g.vcpu, BATON_GET_DEBUGREGS, &dbg));
	EXPECT((dbg.dr6 & 0xf) == 2);
	abi_guest_end(&g);
}

/* The guest's own, which it sets itself. */
static void test_own_breakpoint(void)
{
	static const unsigned char code[] = {
		0x66, 0xb8, 0x00, 0x50, 0, 0,	/* 1000 mov eax,0x5000 */
		0x0f, 0x23, 0xc8,		/* 1006 mov dr1,eax */
		0x66, 0xb8, 8, 0, 0x10, 0,	/* 1009 mov eax,0x100008: writes of a byte */
		0x0f, 0x23, 0xf8,		/* 100f mov dr7,eax */
		0xa2, 0x00, 0x50,		/* 1012 mov [0x5000],al */
		0x0f, 0x21, 0xfb,		/* 1015 mov ebx,dr7 */
		0xe6, 0x10,			/* 1018 out 0x10,al */
		0x0f, 0x21, 0xc9,		/* 101a mov ecx,dr1 */
		0x0f, 0x21, 0xf2,		/* 101d mov edx,dr6 */
		0x66, 0x31, 0xc0,		/* 1020 xor eax,eax */
		0x0f, 0x23, 0xf8,		/* 1023 mov dr7,eax */
		0xa2, 0x00, 0x50,		/* 1026 mov [0x5000],al */
		0xe6, 0x11,			/* 1029 out 0x11,al */
	};
	struct abi_guest g = start(code, sizeof(code));
	struct baton_debugregs dbg;
	uint32_t hit = host_is_qemu() ? 0 : 2;

	if (hit)
		expect_out(&g, HANDLER_PORT);
	else
		printf("  not tested: #DB (QEMU's VMRUN)\n");
	EXPECT(!ioctl(g.vcpu, BATON_GET_DEBUGREGS, &dbg));
	EXPECT((dbg.dr6 & 0xf) == hit);
	expect_out(&g, 0x10);
	EXPECT(!ioctl(g.vcpu, BATON_GET_DEBUGREGS, &dbg));
	EXPECT(dbg.dr[1] == 0x5000 && dbg.dr7 == 0x100408);
	EXPECT((uint32_t)g.run->regs.gpr[BATON_RBX] == 0x100408);
	expect_out(&g, 0x11);
	EXPECT((uint32_t)g.run->regs.gpr[BATON_RCX] == 0x5000);
	EXPECT((uint32_t)g.run->regs.gpr[BATON_RDX] == (0xffff0ff0 | hit));
	EXPECT(!ioctl(g.vcpu, BATON_GET_DEBUGREGS, &dbg));
	EXPECT(dbg.dr[1] == 0x5000 && dbg.dr7 == 0x400);
	abi_guest_end(&g);
}

/* A step behind an instruction that exits leaves its breakpoints alone. */
static void test_own_step(void)
{
	static const unsigned char code[] = {
		0x50, 0x58,			/* 1000 push ax; pop ax: the page is there */
		0x66, 0xb8, 8, 0, 0x10, 0,	/* 1002 mov eax,0x100008 */
		0x0f, 0x23, 0xf8,		/* 1008 mov dr7,eax */
		0x68, 0x02, 0x01,		/* 100b push 0x102: TF */
		0x9d,				/* 100e popf */
		0x0f, 0xa2,			/* 100f cpuid */
		0x66, 0x31, 0xc0,		/* 1011 xor eax,eax */
		0x0f, 0x23, 0xf8,		/* 1014 mov dr7,eax */
		0xe6, 0x10,			/* 1017 out 0x10,al */
	};
	struct abi_guest g = start(code, sizeof(code));
	struct baton_debugregs dbg;
	uint16_t frame[3];

	expect_out(&g, HANDLER_PORT);
	memcpy(frame, g.memory + 0x8000 - sizeof(frame), sizeof(frame));
	EXPECT(frame[0] == AT + 0x11 && frame[2] & TF);
	EXPECT(!ioctl(g.vcpu, BATON_GET_DEBUGREGS, &dbg));
	EXPECT(dbg.dr7 == 0x100408 && dbg.dr6 & DR6_BS);
	frame[2] &= (uint16_t)~TF;
	memcpy(g.memory + 0x8000 - sizeof(frame), frame, sizeof(frame));
	expect_out(&g, 0x10);
	EXPECT(!ioctl(g.vcpu, BATON_GET_DEBUGREGS, &dbg));
	EXPECT(dbg.dr7 == 0x400);
	abi_guest_end(&g);
}

/* General detect: the access that follows is #DB, and the handler has it off. */
static void test_general_detect(void)
{
	static const unsigned char code[] = {
		0x66, 0xb8, 0x00, 0x20, 0, 0,	/* 1000 mov eax,0x2000 */
		0x0f, 0x23, 0xf8,		/* 1006 mov dr7,eax */
		0x0f, 0x21, 0xc3,		/* 1009 mov ebx,dr0 */
		0xe6, 0x10,			/* 100c out 0x10,al */
	};
	struct abi_guest g = start(code, sizeof(code));
	struct baton_debugregs dbg;

	expect_out(&g, HANDLER_PORT);
	EXPECT(!ioctl(g.vcpu, BATON_GET_DEBUGREGS, &dbg));
	EXPECT(dbg.dr7 == 0x400 && dbg.dr6 & 1u << 13);
	expect_out(&g, 0x10);
	abi_guest_end(&g);
}

const struct abi_test abi_debug_tests[] = {
	{ "debug arguments", test_arguments },
	{ "debug step", test_step },
	{ "debug step, shadows and HLT", test_step_shadows },
	{ "debug step, NMI", test_step_nmi },
	{ "debug step, fault", test_step_fault },
	{ "debug step, event", test_step_event },
	{ "debug step, flags", test_step_flags },
	{ "debug step, guest's own", test_step_own },
	{ "debug INT3", test_int3 },
	{ "debug hardware breakpoints", test_hardware },
	{ "debug guest's own breakpoint", test_own_breakpoint },
	{ "debug guest's own step", test_own_step },
	{ "debug general detect", test_general_detect },
	{ NULL, NULL },
};
