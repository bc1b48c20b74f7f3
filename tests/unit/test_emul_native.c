// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The emulator against this processor: generated instructions run natively on
 * a buffer, and in the emulator on the same bytes at the same address, where
 * the guest's pages lead to RAM and to a device in turn. Registers, flags and
 * memory have to come out the same, in 64-bit and in 32-bit code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <asm/ldt.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emul_guest.h"

#define BUFFER	0x20000000ul	/* below 4 GiB, for 32-bit code */
#define PAGES	4u
#define CODE	0x20010000ul
#define ROUNDS	400		/* per form */

#include "emul_generate.h"

/* ---- native execution ---- */

/* Used by the assembler below. */
uint64_t native_gpr[BATON_GPR_COUNT], native_flags, native_host_rsp, native_code;
uint64_t native_xmm[16][2];
struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) native_far;
void native_enter64(void);
void native_enter32(void);
void native_leave(void);

#define LOAD(n, reg)  "mov native_gpr+8*" #n "(%rip), %" #reg "\n\t"
#define STORE(n, reg) "mov %" #reg ", native_gpr+8*" #n "(%rip)\n\t"
#define ALL(what)                                                                  \
	what(0, rax) what(1, rcx) what(2, rdx) what(3, rbx) what(4, rsp)           \
	what(5, rbp) what(6, rsi) what(7, rdi) what(8, r8) what(9, r9)             \
	what(10, r10) what(11, r11) what(12, r12) what(13, r13) what(14, r14)      \
	what(15, r15)
#define LOAD_XMM(n)  "movdqu native_xmm+16*" #n "(%rip), %xmm" #n "\n\t"
#define STORE_XMM(n) "movdqu %xmm" #n ", native_xmm+16*" #n "(%rip)\n\t"
#define ALL_XMM(what)                                                              \
	what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7) what(8)    \
	what(9) what(10) what(11) what(12) what(13) what(14) what(15)
#define SAVE_HOST                                                                  \
	"push %rbx\n\t push %rbp\n\t push %r12\n\t push %r13\n\t push %r14\n\t"     \
	"push %r15\n\t mov %rsp, native_host_rsp(%rip)\n\t"                        \
	"push native_flags(%rip)\n\t popfq\n\t"

asm(".text\n"
    "native_enter64:\n\t" SAVE_HOST ALL_XMM(LOAD_XMM) ALL(LOAD) "jmp *native_code(%rip)\n"
    "native_enter32:\n\t"
    "mov %ss, %eax\n\t mov %eax, %ds\n\t mov %eax, %es\n\t"
    SAVE_HOST ALL_XMM(LOAD_XMM) ALL(LOAD) "ljmp *native_far(%rip)\n"
    "native_leave:\n\t" ALL(STORE) ALL_XMM(STORE_XMM)
    "mov native_host_rsp(%rip), %rsp\n\t"
    "pushfq\n\t popq native_flags(%rip)\n\t cld\n\t"
    "pop %r15\n\t pop %r14\n\t pop %r13\n\t pop %r12\n\t pop %rbp\n\t pop %rbx\n\t ret\n");

static uint16_t code32_selector;	/* 0: this host executes no 32-bit code */

/* The instruction, and a way back that changes neither registers nor flags. */
static void native_run(const uint8_t *code, unsigned int length, bool code32)
{
	uint8_t *at = (uint8_t *)CODE;
	uint64_t leave = (uintptr_t)native_leave;

	put(&at, code, length);
	if (code32) {
		uint32_t next = (uint32_t)(uintptr_t)at + 7;

		put(&at, "\xea", 1); /* far jump to 64-bit code */
		put(&at, &next, 4);
		put(&at, "\x33\x00", 2);
	}
	put(&at, "\xff\x25\x00\x00\x00\x00", 6); /* jmp *0(%rip) */
	put(&at, &leave, 8);
	native_code = CODE;
	native_far.offset = CODE;
	native_far.selector = code32_selector;
	if (code32)
		native_enter32();
	else
		native_enter64();
}

/* ---- both, and the comparison ---- */

struct both {
	struct guest *g;
	uint8_t before[SIZE];
};

/* Odd pages are the device's. */
static uint8_t *guest_page(struct guest *g, unsigned int page)
{
	return page & 1 ? g->device + 0x1000 * page :
			  guest_memory_at(g->memory, 0x30000 + 0x1000 * page, 0x1000);
}

static void run_emulated(struct both *b, const struct insn *in)
{
	struct guest *g = b->g;
	unsigned int page = (unsigned int)((in->target - BUFFER) / 0x1000);

	for (unsigned int i = 0; i < PAGES; i++)
		memcpy(guest_page(g, i), b->before + 0x1000 * i, 0x1000);
	memcpy(g->regs.gpr, in->gpr, sizeof(in->gpr));
	memcpy(g->xsave.image + 160, in->xmm, sizeof(in->xmm));
	g->xsave.image[512] = 3;
	g->regs.rflags = in->flags;
	g->regs.rip = CODE;
	g->sregs.seg[BATON_CS].attr = in->bits == 32 ? 0xc09b : 0xa09b;
	g->sregs.seg[BATON_SS].attr = 0xc093;
	g->exit = (struct baton_exit_emulate){
		.kind = BATON_EMULATE_MMIO, .gva = G_NOWHERE,
		.access = BATON_ACCESS_WRITE | BATON_ACCESS_GVA,
		.insn_len = (uint8_t)in->length,
	};
	memcpy(g->exit.insn, in->code, in->length);
	if (page & 1 && !(in->form->flags & BITS)) {
		g->exit.gpa = G_DEVICE + (in->target - BUFFER);
		g->exit.gva = in->target;
	}
	assert_int_equal(guest_run(g), EMUL_DONE);
}

static void run_native(const struct both *b, const struct insn *in)
{
	memcpy((void *)BUFFER, b->before, SIZE);
	memcpy(native_gpr, in->gpr, sizeof(in->gpr));
	memcpy(native_xmm, in->xmm, sizeof(in->xmm));
	native_flags = in->flags;
	native_run(in->code, in->length, in->bits == 32);
}

static void explain(const struct both *b, const struct insn *in)
{
	fprintf(stderr, "%s, %u-bit code, target %#lx:", in->form->name, in->bits,
		in->target);
	for (unsigned int i = 0; i < in->length; i++)
		fprintf(stderr, " %02x", in->code[i]);
	fprintf(stderr, "\nrip %#lx, flags before %#lx native %#lx emulated %#lx\n",
		b->g->regs.rip, in->flags, native_flags, b->g->regs.rflags);
	for (unsigned int i = 0; i < BATON_GPR_COUNT; i++)
		fprintf(stderr, "gpr %2u before %#18lx native %#18lx emulated %#18lx\n", i,
			in->gpr[i], native_gpr[i], b->g->regs.gpr[i]);
	for (unsigned int i = 0; i < SIZE; i++)
		if (((uint8_t *)BUFFER)[i] != guest_page(b->g, i / 0x1000)[i % 0x1000])
			fprintf(stderr, "memory %#x before %02x native %02x emulated %02x\n", i,
				b->before[i], ((uint8_t *)BUFFER)[i],
				guest_page(b->g, i / 0x1000)[i % 0x1000]);
}

static bool same(const struct both *b, const struct insn *in)
{
	/* coming back from 32-bit code leaves upper halves undefined */
	uint64_t mask = in->bits == 32 ? 0xffffffff : ~0ull;
	unsigned int gprs = in->bits == 32 ? 8 : 16;

	for (unsigned int i = 0; i < gprs; i++)
		if ((native_gpr[i] ^ b->g->regs.gpr[i]) & mask)
			return false;
	for (unsigned int i = 0; i < PAGES; i++)
		if (memcmp((uint8_t *)BUFFER + 0x1000 * i, guest_page(b->g, i), 0x1000))
			return false;
	if (memcmp(native_xmm, b->g->xsave.image + 160, sizeof(native_xmm)))
		return false;
	return !((native_flags ^ b->g->regs.rflags) & in->compare) &&
	       b->g->regs.rip == CODE + in->length;
}

static void check_form(struct both *b, const struct form *form, unsigned int bits)
{
	struct insn in;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		generate(&in, form, bits);
		choose_memory(b->before, &in);
		run_native(b, &in);
		run_emulated(b, &in);
		if (same(b, &in))
			continue;
		explain(b, &in);
		fail_msg("%s differs", form->name);
	}
}

static void check_all(struct both *b, unsigned int bits)
{
	random_state = 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (bits == 64 || !(forms[i].flags & ONLY64))
			check_form(b, &forms[i], bits);
}

static void test_code64(void **state)
{
	check_all(*state, 64);
}

/* In a process of its own: it may not come back. */
static bool runs_code32(uint16_t selector)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		code32_selector = selector;
		memset(native_gpr, 0, sizeof(native_gpr));
		native_gpr[4] = BUFFER + 0x1000; /* RSP */
		native_flags = 0x202;
		native_run((const uint8_t *)"\x90", 1, true);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
}

/*
 * Linux' 32-bit user code; or, on a kernel without, a segment of our own. Neither works
 * where the host is itself a VM of a kind that has no 32-bit programs.
 */
static void find_code32(void)
{
	struct user_desc desc = {
		.limit = 0xfffff, .seg_32bit = 1, .contents = MODIFY_LDT_CONTENTS_CODE,
		.limit_in_pages = 1,
	};

	if (runs_code32(0x23))
		code32_selector = 0x23;
	else if (!syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)) && runs_code32(0x07))
		code32_selector = 0x07; /* LDT, entry 0, RPL 3 */
}

static void test_code32(void **state)
{
	find_code32();
	if (!code32_selector) {
		print_message("this host executes no 32-bit code: see the suite's emul-native\n");
		skip();
	}
	check_all(*state, 32);
}

static int setup(void **state)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	struct both *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	if (mmap((void *)BUFFER, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ||
	    mmap((void *)CODE, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0) ==
		    MAP_FAILED)
		return -1;
	b->g = guest_create(EMUL_LONG64);
	for (unsigned int i = 0; i < PAGES; i++)
		guest_map(b->g, BUFFER + 0x1000 * i,
			  (i & 1 ? G_DEVICE + 0x1000 * i : 0x30000 + 0x1000 * i) | G_PTE);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct both *b = *state;

	munmap((void *)BUFFER, SIZE);
	munmap((void *)CODE, 0x1000);
	guest_destroy(b->g);
	free(b);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_code64, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code32, setup, teardown),
	};

	return cmocka_run_group_tests_name("emul_native", tests, NULL, NULL);
}
