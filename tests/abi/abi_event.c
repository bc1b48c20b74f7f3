// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety test A14: kicks and interrupts at the moments that are hard: HLT, shadows,
 * handlers, task priority; faults in faults.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

/* --- HLT and kick ----------------------------------------------------------------- */

struct halted {
	struct abi_guest guest;
	atomic_uint returns;
	atomic_bool over;
};

static void *run_halted(void *ctx)
{
	struct halted *h = ctx;

	while (!h->over) {
		EXPECT(!ioctl(h->guest.vcpu, BATON_RUN, 0));
		EXPECT(h->guest.run->exit_reason == BATON_EXIT_NONE);
		h->returns++;
	}
	return NULL;
}

/* A return after the kick, within ten seconds. */
static bool returned(struct halted *h, unsigned int before)
{
	time_t end = time(NULL) + 10;
	unsigned int spins;

	for (spins = 0; h->returns == before; spins++) {
		if (spins % 64 == 63)
			sched_yield();
		if (spins % 1024 == 1023 && time(NULL) > end)
			return false;
	}
	return true;
}

/* BATON_ABI_MANY: how often; 2,000 is what a suite has time for. */
static void test_halt_kick(void)
{
	/* hlt; jmp back; at each HLT the vCPU may just be on its way to sleep */
	static const unsigned char halt[] = { 0xf4, 0xeb, 0xfd };
	struct halted h = { .guest = abi_guest_start(halt, sizeof(halt)) };
	unsigned int i, before, wait, times = atoi(getenv("BATON_ABI_MANY") ?: "2000");
	pthread_t thread;

	srand(3);
	pthread_create(&thread, NULL, run_halted, &h);
	for (i = 0; i < times; i++) {
		for (wait = rand() % 400; wait; wait--)
			atomic_signal_fence(memory_order_seq_cst);
		before = h.returns;
		EXPECT(!ioctl(h.guest.vcpu, BATON_KICK));
		if (!returned(&h, before)) {
			printf("  kick %u was lost\n", i);
			abi_failures++;
			break;
		}
	}
	h.over = true;
	ioctl(h.guest.vcpu, BATON_KICK);
	pthread_join(thread, NULL);
	abi_guest_end(&h.guest);
}

/* Sends until it is told to end: at, before and after each HLT. */
static void *send_messages(void *ctx)
{
	struct halted *h = ctx;
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x40 };

	while (!h->over) {
		EXPECT(!ioctl(h->guest.vm, BATON_SEND_MSI, &msi));
		if (rand() % 2)
			usleep(rand() % 100);
	}
	return NULL;
}

/* An interrupt that is slept through would be the last: the guest counts wake-ups. */
static void test_halt_interrupt(void)
{
	/* mov bp,500; sti; hlt; dec bp; jnz back to sti; cli; out 0x10,al */
	static const unsigned char code[] = { 0xbd, 0xf4, 0x01, 0xfb, 0xf4, 0x4d, 0x75, 0xfb, 0xfa,
					      0xe6, 0x10 };
	static const unsigned char handler[] = { 0x43, 0x66, 0xb9, 0x0b, 0x08, 0x00, 0x00, 0x31,
						 0xc0, 0x31, 0xd2, 0x0f, 0x30, 0xcf };
	struct halted h = { .guest = abi_guest_start(code, sizeof(code)) };
	struct baton_regs regs;
	pthread_t thread;

	memcpy(h.guest.memory + 0x3000, handler, sizeof(handler));
	memcpy(h.guest.memory + 4 * 0x40, "\x00\x30\x00\x00", 4);
	EXPECT(!abi_set_msr(&h.guest, 0x1b, 0xfee00d00));
	EXPECT(!abi_set_msr(&h.guest, 0x80f, 0x1ff));
	srand(4);
	pthread_create(&thread, NULL, send_messages, &h);
	ABI_RUN(h.guest, BATON_EXIT_PIO);
	h.over = true;
	pthread_join(thread, NULL);
	EXPECT(!ioctl(h.guest.vcpu, BATON_GET_REGS, &regs) && (uint16_t)regs.gpr[BATON_RBX] >= 500);
	abi_guest_end(&h.guest);
}

/* --- shadows and handlers ------------------------------------------------------------ */

/* Real mode, x2APIC on, the handler of 0x40: out 0x77,ax; hlt. */
static struct abi_guest guest_with_handler(const void *code, size_t size)
{
	static const unsigned char handler[] = { 0xe7, 0x77, 0xf4 };
	struct abi_guest g = abi_guest_start(code, size);

	memcpy(g.memory + 0x3000, handler, sizeof(handler));
	memcpy(g.memory + 4 * 0x40, "\x00\x30\x00\x00", 4);
	EXPECT(!abi_set_msr(&g, 0x1b, 0xfee00d00));
	EXPECT(!abi_set_msr(&g, 0x80f, 0x1ff));
	return g;
}

static void test_sti_shadow(void)
{
	/* xor ax,ax; cli; out 0x10,al; sti; inc ax; inc ax; out 0x11,al */
	static const unsigned char code[] = { 0x31, 0xc0, 0xfa, 0xe6, 0x10, 0xfb, 0x40, 0x40,
					      0xe6, 0x11 };
	struct abi_guest g = guest_with_handler(code, sizeof(code));
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x40 };

	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	ABI_RUN(g, BATON_EXIT_PIO);
	/* Not before the instruction that follows STI, not after the one after that. */
	EXPECT(g.run->pio.port == 0x77 && g.run->pio.data == 1);
	abi_guest_end(&g);
}

static void test_interrupt_window(void)
{
	/* xor ax,ax; out 0x10,al; inc ax; out 0x11,al; popf: IF; nop; nop; out 0x12,al */
	static const unsigned char code[] = { 0x31, 0xc0, 0x68, 0x02, 0x02, 0xe6, 0x10, 0x40,
					      0xe6, 0x11, 0x9d, 0x90, 0x90, 0xe6, 0x12 };
	struct abi_guest g = guest_with_handler(code, sizeof(code));
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x40 };

	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x11);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x77 && g.run->pio.data == 1);
	abi_guest_end(&g);
}

static void test_nmi_window(void)
{
	/* out 0x10,al; nop; jmp back */
	static const unsigned char code[] = { 0xe6, 0x10, 0x90, 0xeb, 0xfb };
	/* out 0x22,al; out 0x23,al; iret */
	static const unsigned char handler[] = { 0xe6, 0x22, 0xe6, 0x23, 0xcf };
	struct abi_guest g = abi_guest_start(code, sizeof(code));

	memcpy(g.memory + 0x3000, handler, sizeof(handler));
	memcpy(g.memory + 4 * 2, "\x00\x30\x00\x00", 4);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x22);
	/* Two more in the handler: none before its IRET, one after. */
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x23);
	ABI_RUN(g, BATON_EXIT_PIO);
	if (g.run->pio.port == 0x10)	/* an instruction later is soon enough */
		ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x22);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x23);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x10);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x10);
	abi_guest_end(&g);
}

/* The guest traces itself: an NMI that waits for another one's IRET sees its TF. */
static void test_nmi_traced(void)
{
	/* nop; out 0x10,al */
	static const unsigned char code[] = { 0x90, 0xe6, 0x10 };
	static const unsigned char nmi[] = { 0xe6, 0x22, 0xcf };	/* out 0x22,al; iret */
	static const unsigned char trap[] = { 0xe6, 0x33, 0xcf };	/* out 0x33,al; iret */
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_regs regs = { .rip = 0x1000, .rflags = 0x102 };
	int i;

	memcpy(g.memory + 0x3000, nmi, sizeof(nmi));
	memcpy(g.memory + 0x3100, trap, sizeof(trap));
	memcpy(g.memory + 4, "\x00\x31\x00\x00\x00\x30\x00\x00", 8);
	regs.gpr[BATON_RSP] = 0x8000;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	for (i = 0; i < 2; i++) {
		ABI_RUN(g, BATON_EXIT_PIO);
		EXPECT(g.run->pio.port == 0x22);
		/* IP, CS and FLAGS below 0x8000 */
		EXPECT(!memcmp(g.memory + 0x7ffa, "\x00\x10\x00\x00\x02\x01", 6));
		if (!i)
			EXPECT(!ioctl(g.vcpu, BATON_NMI));
	}
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x33);
	EXPECT(!memcmp(g.memory + 0x7ffa, "\x01\x10\x00\x00\x02\x01", 6));
	abi_guest_end(&g);
}

ABI_CODE(priority,
	 "	mov $5, %eax\n"
	 "	mov %rax, %cr8\n"
	 "	sti\n"
	 "	mov $0x100, %edx\n"
	 "	out %al, %dx\n"
	 "	nop\n"
	 "	inc %edx\n"
	 "	out %al, %dx\n"
	 "	xor %eax, %eax\n"
	 "	mov %rax, %cr8\n"
	 "	nop\n"
	 "	out %al, %dx\n");

static void test_priority(void)
{
	struct abi_guest g = ABI_LONG_GUEST(priority);
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x40 };

	EXPECT(!abi_set_msr(&g, 0x80f, 0x1ff));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x100);
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x101);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x40);
	abi_guest_end(&g);
}

/* --- faults in faults ------------------------------------------------------------------ */

ABI_CODE(general_protection, "	mov $0x123456789abcdef0, %rax\n	mov (%rax), %rax\n");

static void test_double_fault(void)
{
	struct abi_guest g = ABI_LONG_GUEST(general_protection);

	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 13);
	abi_guest_end(&g);
	g = ABI_LONG_GUEST(general_protection);
	abi_clear_gate(&g, 13);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 8);
	abi_guest_end(&g);
	g = ABI_LONG_GUEST(general_protection);
	abi_clear_gate(&g, 13);
	abi_clear_gate(&g, 8);
	ABI_RUN(g, BATON_EXIT_SHUTDOWN);
	abi_guest_end(&g);
}

/* --- events that the monitor sets ------------------------------------------------------- */

#define FRESH_STACK 0xe0000	/* nobody has touched it: the delivery exits in its middle */

ABI_CODE(behind_int3, "	int3\n	out %al, $0x99\n	hlt\n");

/* Its handler runs, once, and goes back behind the INT3. Ends the guest. */
static void meets_int3(struct abi_guest *g)
{
	uint64_t rip;

	ABI_RUN(*g, BATON_EXIT_PIO);
	EXPECT(g->run->pio.port == 3);
	memcpy(&rip, g->memory + FRESH_STACK - 40, 8);
	EXPECT(rip == ABI_LONG_CODE + 1);
	abi_guest_end(g);
}

/* Who debugs the guest gives an INT3 of its own back: RIP is behind it then. */
static void test_breakpoint_cut_short(void)
{
	struct abi_guest g = ABI_LONG_GUEST(behind_int3);
	const struct baton_events events = { .flags = BATON_EV_EXCEPTION, .exception = 3 };
	struct baton_regs regs;

	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.rip++;
	regs.gpr[BATON_RSP] = FRESH_STACK;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &events));
	meets_int3(&g);
	/* One that the guest executes is executed again, not injected: it is met once. */
	g = ABI_LONG_GUEST(behind_int3);
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.gpr[BATON_RSP] = FRESH_STACK;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	meets_int3(&g);
}

ABI_CODE(two_events, "	out %al, $0x99\n	out %al, $6\n	iretq\n");

static const struct baton_events both_events = {
	.flags = BATON_EV_EXCEPTION | BATON_EV_INTERRUPT, .exception = 6, .interrupt = 0x41,
};

/* rsp 0: where it is. */
static void set_stack(struct abi_guest *g, uint64_t rsp, uint64_t rflags)
{
	struct baton_regs regs;

	EXPECT(!ioctl(g->vcpu, BATON_GET_REGS, &regs));
	regs.rflags |= rflags;
	regs.gpr[BATON_RSP] = rsp ?: regs.gpr[BATON_RSP];
	EXPECT(!ioctl(g->vcpu, BATON_SET_REGS, &regs));
}

/*
 * An interrupt that was taken waits behind an exception, also when that one's delivery
 * is cut short, as here, where nobody has touched the stack.
 */
static void test_two_events(void)
{
	struct abi_guest g = ABI_LONG_GUEST(two_events);
	struct baton_events events;

	set_stack(&g, FRESH_STACK, 0x200);
	abi_set_gate(&g, 6, ABI_LONG_CODE + 2);
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &both_events));
	EXPECT(!ioctl(g.vcpu, BATON_GET_EVENTS, &events));
	EXPECT(!memcmp(&events, &both_events, sizeof(events)));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 6);
	EXPECT(!ioctl(g.vcpu, BATON_GET_EVENTS, &events));
	EXPECT(events.flags == BATON_EV_INTERRUPT && events.interrupt == 0x41);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x41);
	abi_guest_end(&g);
}

/*
 * An NMI that comes in that exception's handler, and whose delivery is cut short as well,
 * does not take the place of the interrupt that waits for the handler's end.
 */
static void test_three_events(void)
{
	struct abi_guest g = ABI_LONG_GUEST(two_events);
	struct baton_events events;

	set_stack(&g, 0, 0x200);
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &both_events));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 6);
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	set_stack(&g, FRESH_STACK, 0);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 2);
	EXPECT(!ioctl(g.vcpu, BATON_GET_EVENTS, &events));
	EXPECT(events.flags == (BATON_EV_INTERRUPT | BATON_EV_NMI_BLOCKED));
	EXPECT(events.interrupt == 0x41);
	abi_guest_end(&g);
}

ABI_CODE(stepped_halt, "	push $0x102\n	popfq\n	hlt\n	out %al, $0x99\n");

/* HLT's own single step, and events that are set with HALTED, end it. */
static void test_halt_and_event(void)
{
	struct abi_guest g = ABI_LONG_GUEST(stepped_halt);
	struct baton_events events = {
		.flags = BATON_EV_EXCEPTION, .exception = 6, .mp_state = BATON_MP_HALTED,
	};

	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 1);
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &events));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 6);
	abi_guest_end(&g);
}

/* --- what the guest does without an exit ---------------------------------------------------- */

/*
 * The handler of a high vector raises the task priority, ends its interrupt, and lowers
 * the priority again: one that waited behind it comes there, not at a later exit.
 */
ABI_CODE(lowers, "	sti\n	hlt\n"
	 "	.skip 0x40 - (. - abi_code_lowers)\n"
	 "	mov $0xd, %eax\n	mov %rax, %cr8\n"
	 "	mov $0x80b, %ecx\n	xor %eax, %eax\n	xor %edx, %edx\n	wrmsr\n"
	 "	sti\n	xor %eax, %eax\n	mov %rax, %cr8\n"
	 "	mov $2000, %ecx\n1:	dec %ecx\n	jnz 1b\n	out %al, $0x99\n");

static void test_lowered_priority(void)
{
	struct abi_guest g = ABI_LONG_GUEST(lowers);
	struct baton_msi high = { .address = 0xfee00000, .data = 0xd1 };
	struct baton_msi low = { .address = 0xfee00000, .data = 0x51 };

	EXPECT(!abi_set_msr(&g, 0x80f, 0x1ff));
	abi_set_gate(&g, 0xd1, ABI_LONG_CODE + 0x40);
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &high));
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &low));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x51);
	abi_guest_end(&g);
}

/* Machine checks are the host's, and stay on in hardware; the guest reads what it wrote. */
ABI_CODE(reads_cr4, "	mov %cr4, %rax\n	out %eax, $0x99\n	or $0x80, %rax\n"
	 "	mov %rax, %cr4\n	mov %cr4, %rax\n	out %eax, $0x98\n");

static void test_machine_check_enable(void)
{
	struct abi_guest g = ABI_LONG_GUEST(reads_cr4);
	struct baton_sregs sregs;

	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x99 && g.run->pio.data == 0x620);
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs) && sregs.cr4 == 0x620);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x98 && g.run->pio.data == 0x6a0);
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs) && sregs.cr4 == 0x6a0);
	abi_guest_end(&g);
}

/* --- events that lead to where no memory is ------------------------------------------------ */

#define HOLE 0x180000	/* mapped by the guest's tables, in no slot */

ABI_CODE(undefined, "	ud2\n");
ABI_CODE(software, "	int $0x41\n");
ABI_CODE(waits, "	sti\n1:	jmp 1b\n");

static void set_idt(struct abi_guest *g, uint64_t base, uint64_t *ret_before)
{
	struct baton_sregs sregs;

	EXPECT(!ioctl(g->vcpu, BATON_GET_SREGS, &sregs));
	if (ret_before)
		*ret_before = sregs.idt.base;
	sregs.idt.base = base;
	EXPECT(!ioctl(g->vcpu, BATON_SET_SREGS, &sregs));
}

/* The exit is by the delivery: RIP has not moved, and the event is noted. */
static void meets_hole(struct abi_guest *g, bool write, uint64_t rip, uint32_t noted)
{
	const struct baton_exit_emulate *e = &g->run->emulate;
	struct baton_events events;

	ABI_RUN(*g, BATON_EXIT_EMULATE);
	EXPECT(e->kind == BATON_EMULATE_MMIO && e->gpa >> 12 == HOLE >> 12);
	EXPECT(e->access & BATON_ACCESS_EVENT && !(e->access & BATON_ACCESS_WRITE) == !write);
	EXPECT(g->run->regs.rip == rip);
	EXPECT(!ioctl(g->vcpu, BATON_GET_EVENTS, &events));
	/* Bochs 2.7 enters with NMIs blocked if the guest before, of whatever VM, had them so. */
	EXPECT((events.flags & ~BATON_EV_NMI_BLOCKED) == noted);
}

/* Its IDT is there, for a while. */
static void test_table_in_hole(const void *code, size_t size, uint32_t noted, uint16_t port)
{
	struct abi_guest g = abi_long_guest(code, size);
	struct baton_info info;
	uint64_t idt;

	EXPECT(!ioctl(g.sys, BATON_GET_INFO, &info) && info.features & BATON_FEAT_ACCESS_EVENT);
	set_idt(&g, HOLE, &idt);
	meets_hole(&g, false, ABI_LONG_CODE, noted);
	meets_hole(&g, false, ABI_LONG_CODE, noted);
	set_idt(&g, idt, NULL);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == port);
	abi_guest_end(&g);
}

static void test_exception_in_hole(void)
{
	test_table_in_hole(abi_code_undefined, abi_code_undefined_end - abi_code_undefined,
			   BATON_EV_EXCEPTION, 6);
}

static void test_software_in_hole(void)
{
	test_table_in_hole(abi_code_software, abi_code_software_end - abi_code_software, 0, 0x41);
}

/* Its stack is there, when an interrupt comes. */
static void test_stack_in_hole(void)
{
	struct abi_guest g = ABI_LONG_GUEST(waits);
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x41 };

	EXPECT(!abi_set_msr(&g, 0x80f, 0x1ff));
	set_stack(&g, HOLE + 0x800, 0);
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	meets_hole(&g, true, ABI_LONG_CODE + 1, BATON_EV_INTERRUPT);
	set_stack(&g, FRESH_STACK, 0);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x41);
	abi_guest_end(&g);
}

/* An access that the monitor does ends STI's shadow, as any other instruction. */
ABI_CODE(reads_device, "1:	sti\n	mov (%rbx), %eax\n	cli\n	jmp 1b\n");

static void test_shadow_and_device(void)
{
	struct abi_guest g = ABI_LONG_GUEST(reads_device);
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x41 };
	struct baton_regs regs;

	EXPECT(!abi_set_msr(&g, 0x80f, 0x1ff));
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.gpr[BATON_RBX] = HOLE;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	ABI_RUN(g, BATON_EXIT_EMULATE);
	EXPECT(g.run->regs.rip == ABI_LONG_CODE + 1);
	g.run->regs.rip += 2;
	g.run->commit = BATON_CLASS_REGS;
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x41);
	abi_guest_end(&g);
}

/* An end of interrupt that the monitor has made itself is told before it can be saved. */
static void test_eoi_waits(void)
{
	struct abi_guest g = ABI_LONG_GUEST(waits);
	struct baton_msi msi = { .address = 0xfee00000, .data = 0xc041 };

	EXPECT(!abi_set_msr(&g, 0x80f, 0x1ff));
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x41);
	EXPECT(!abi_set_msr(&g, 0x80b, 0));
	g.run->immediate_exit = 1;
	EXPECT(!ioctl(g.vcpu, BATON_RUN, 0));
	EXPECT(g.run->exit_reason == BATON_EXIT_EOI && g.run->eoi.vector == 0x41);
	EXPECT(!ioctl(g.vcpu, BATON_RUN, 0) && g.run->exit_reason == BATON_EXIT_NONE);
	abi_guest_end(&g);
}

/* Whoever saves a processor that was just started finds it started. */
ABI_CODE(starts, "	mov $0x830, %ecx\n	mov $1, %edx\n	mov $0x4500, %eax\n	wrmsr\n"
	 "	mov $0x4608, %eax\n	wrmsr\n	out %al, $0x99\n");

static void test_start_up_waits(void)
{
	struct abi_guest g = ABI_LONG_GUEST(starts);
	int other = abi_vcpu_cpuid(g.sys, g.vm, 1);
	struct baton_run *run = abi_map_run(other);
	struct baton_events events;
	struct baton_sregs sregs;

	EXPECT(!ioctl(other, BATON_GET_EVENTS, &events) && events.mp_state == BATON_MP_WAIT_SIPI);
	EXPECT(!abi_set_msr(&g, 0x80f, 0x1ff));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x99);
	run->immediate_exit = 1;
	EXPECT(!ioctl(other, BATON_RUN, 0) && run->exit_reason == BATON_EXIT_NONE);
	EXPECT(!ioctl(other, BATON_GET_EVENTS, &events) && events.mp_state == BATON_MP_RUNNABLE);
	EXPECT(!ioctl(other, BATON_GET_SREGS, &sregs) && sregs.seg[BATON_CS].base == 0x8000);
	close(other);
	abi_guest_end(&g);
}

const struct abi_test abi_event_tests[] = {
	{ "A14: HLT and kick", test_halt_kick },
	{ "A14: HLT and interrupt", test_halt_interrupt },
	{ "A14: STI shadow", test_sti_shadow },
	{ "A14: interrupt window", test_interrupt_window },
	{ "A14: NMI window", test_nmi_window },
	{ "NMI of a traced guest", test_nmi_traced },
	{ "A14: task priority", test_priority },
	{ "A14: double and triple fault", test_double_fault },
	{ "A14: a breakpoint whose delivery exits", test_breakpoint_cut_short },
	{ "A14: an interrupt behind an exception", test_two_events },
	{ "A14: an NMI before that interrupt", test_three_events },
	{ "A14: HLT with an event under way", test_halt_and_event },
	{ "A14: an interrupt behind a priority that is lowered", test_lowered_priority },
	{ "A14: machine checks without the guest's leave", test_machine_check_enable },
	{ "A14: STI shadow before a device access", test_shadow_and_device },
	{ "A14: an EOI that nobody was told of", test_eoi_waits },
	{ "A14: a start-up IPI that nobody has taken", test_start_up_waits },
	{ "A14: an exception with its table in no memory", test_exception_in_hole },
	{ "A14: INT with its table in no memory", test_software_in_hole },
	{ "A14: an interrupt with its stack in no memory", test_stack_in_hole },
	{ NULL, NULL },
};
