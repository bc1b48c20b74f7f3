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
#include <cmocka.h>
#include <stdio.h>
#include <sys/mman.h>

#include "emul_guest.h"

#define BUFFER	0x20000000ul	/* below 4 GiB, for 32-bit code */
#define PAGES	4u
#define SIZE	(PAGES * 0x1000u)
#define CODE	0x20010000ul
#define ROUNDS	400		/* per form */

#define FLAG_CF	0x001u
#define FLAG_AF	0x010u
#define FLAG_DF	0x400u
#define FLAG_OF	0x800u
#define FLAGS	0xcd5u		/* what is compared: status and direction */

/* ---- native execution ---- */

/* Used by the assembler below. */
uint64_t native_gpr[BATON_GPR_COUNT], native_flags, native_host_rsp, native_code;
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
#define SAVE_HOST                                                                  \
	"push %rbx\n\t push %rbp\n\t push %r12\n\t push %r13\n\t push %r14\n\t"     \
	"push %r15\n\t mov %rsp, native_host_rsp(%rip)\n\t"                        \
	"push native_flags(%rip)\n\t popfq\n\t"

asm(".text\n"
    "native_enter64:\n\t" SAVE_HOST ALL(LOAD) "jmp *native_code(%rip)\n"
    "native_enter32:\n\t"
    "mov %ss, %eax\n\t mov %eax, %ds\n\t mov %eax, %es\n\t"
    SAVE_HOST ALL(LOAD) "ljmp *native_far(%rip)\n"
    "native_leave:\n\t" ALL(STORE)
    "mov native_host_rsp(%rip), %rsp\n\t"
    "pushfq\n\t popq native_flags(%rip)\n\t cld\n\t"
    "pop %r15\n\t pop %r14\n\t pop %r13\n\t pop %r12\n\t pop %rbp\n\t pop %rbx\n\t ret\n");

static const uint8_t *put(uint8_t **at, const void *bytes, unsigned int count)
{
	memcpy(*at, bytes, count);
	*at += count;
	return *at;
}

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
	native_far.selector = 0x23; /* Linux' 32-bit user code */
	if (code32)
		native_enter32();
	else
		native_enter64();
}

/* ---- what is generated ---- */

enum form_flags {
	BYTES = 1,	/* the operand is a byte whatever the prefixes */
	LOCKABLE = 2,
	LOCKED = 4,	/* as XCHG: aligned, or the host notices */
	BITS = 8,	/* the register is a bit's number */
	COUNT = 16,	/* a shift: OF and AF depend on the count */
	LOGIC = 32,	/* AF is undefined */
	ONLY64 = 64,
	STRING = 128,
	STACK = 256,
	IMM8 = 512, IMM = 1024, /* IMM: as wide as the operand, at most 4 */
	RELOADS = 2048,	/* AL … RAX as the memory is, half of the time */
	CONDITION = 4096, /* the opcode's low bits */
	MOFFS = 8192,
};

struct form {
	const char *name;
	uint8_t opcode[2];
	uint8_t opcode_size;
	int8_t reg;		/* ModRM's, -1: any register */
	uint16_t flags;
};

#define ALU_FORMS(name, n, more)                                                   \
	{ name " m8, r8", { (n) * 8 }, 1, -1, BYTES | (more) },                    \
	{ name " m, r", { (n) * 8 + 1 }, 1, -1, (more) },                          \
	{ name " r8, m8", { (n) * 8 + 2 }, 1, -1, BYTES | ((more) & ~LOCKABLE) },  \
	{ name " r, m", { (n) * 8 + 3 }, 1, -1, (more) & ~LOCKABLE },              \
	{ name " m8, imm8", { 0x80 }, 1, n, BYTES | IMM8 | (more) },               \
	{ name " m, imm", { 0x81 }, 1, n, IMM | (more) },                          \
	{ name " m, imm8", { 0x83 }, 1, n, IMM8 | (more) }
#define SHIFT_FORMS(name, n)                                                       \
	{ name " m8, imm8", { 0xc0 }, 1, n, BYTES | IMM8 | COUNT },                \
	{ name " m, imm8", { 0xc1 }, 1, n, IMM8 | COUNT },                         \
	{ name " m8, 1", { 0xd0 }, 1, n, BYTES | COUNT },                          \
	{ name " m, 1", { 0xd1 }, 1, n, COUNT },                                   \
	{ name " m8, cl", { 0xd2 }, 1, n, BYTES | COUNT },                         \
	{ name " m, cl", { 0xd3 }, 1, n, COUNT }
#define BIT_FORMS(name, op, n, more)                                               \
	{ name " m, r", { 0x0f, op }, 2, -1, BITS | (more) },                      \
	{ name " m, imm8", { 0x0f, 0xba }, 2, n, IMM8 | (more) }

static const struct form forms[] = {
	ALU_FORMS("add", 0, LOCKABLE), ALU_FORMS("or", 1, LOCKABLE | LOGIC),
	ALU_FORMS("adc", 2, LOCKABLE), ALU_FORMS("sbb", 3, LOCKABLE),
	ALU_FORMS("and", 4, LOCKABLE | LOGIC), ALU_FORMS("sub", 5, LOCKABLE),
	ALU_FORMS("xor", 6, LOCKABLE | LOGIC), ALU_FORMS("cmp", 7, 0),
	{ "test m8, r8", { 0x84 }, 1, -1, BYTES | LOGIC },
	{ "test m, r", { 0x85 }, 1, -1, LOGIC },
	{ "test m8, imm8", { 0xf6 }, 1, 0, BYTES | IMM8 | LOGIC },
	{ "test m, imm", { 0xf7 }, 1, 0, IMM | LOGIC },
	{ "inc m8", { 0xfe }, 1, 0, BYTES | LOCKABLE }, { "inc m", { 0xff }, 1, 0, LOCKABLE },
	{ "dec m8", { 0xfe }, 1, 1, BYTES | LOCKABLE }, { "dec m", { 0xff }, 1, 1, LOCKABLE },
	{ "not m8", { 0xf6 }, 1, 2, BYTES | LOCKABLE }, { "not m", { 0xf7 }, 1, 2, LOCKABLE },
	{ "neg m8", { 0xf6 }, 1, 3, BYTES | LOCKABLE }, { "neg m", { 0xf7 }, 1, 3, LOCKABLE },
	SHIFT_FORMS("rol", 0), SHIFT_FORMS("ror", 1), SHIFT_FORMS("rcl", 2),
	SHIFT_FORMS("rcr", 3), SHIFT_FORMS("shl", 4), SHIFT_FORMS("shr", 5),
	SHIFT_FORMS("sal", 6), SHIFT_FORMS("sar", 7),
	BIT_FORMS("bt", 0xa3, 4, 0), BIT_FORMS("bts", 0xab, 5, LOCKABLE),
	BIT_FORMS("btr", 0xb3, 6, LOCKABLE), BIT_FORMS("btc", 0xbb, 7, LOCKABLE),
	{ "mov m8, r8", { 0x88 }, 1, -1, BYTES }, { "mov m, r", { 0x89 }, 1, -1, 0 },
	{ "mov r8, m8", { 0x8a }, 1, -1, BYTES }, { "mov r, m", { 0x8b }, 1, -1, 0 },
	{ "mov m8, imm8", { 0xc6 }, 1, 0, BYTES | IMM8 }, { "mov m, imm", { 0xc7 }, 1, 0, IMM },
	{ "movzx r, m8", { 0x0f, 0xb6 }, 2, -1, 0 }, { "movzx r, m16", { 0x0f, 0xb7 }, 2, -1, 0 },
	{ "movsx r, m8", { 0x0f, 0xbe }, 2, -1, 0 }, { "movsx r, m16", { 0x0f, 0xbf }, 2, -1, 0 },
	{ "movsxd r, m32", { 0x63 }, 1, -1, ONLY64 },
	{ "mov al, moffs", { 0xa0 }, 1, 0, BYTES | MOFFS },
	{ "mov rax, moffs", { 0xa1 }, 1, 0, MOFFS },
	{ "mov moffs, al", { 0xa2 }, 1, 0, BYTES | MOFFS },
	{ "mov moffs, rax", { 0xa3 }, 1, 0, MOFFS },
	{ "setcc m8", { 0x0f, 0x90 }, 2, 0, BYTES | CONDITION },
	{ "cmovcc r, m", { 0x0f, 0x40 }, 2, -1, CONDITION },
	{ "xchg m8, r8", { 0x86 }, 1, -1, BYTES | LOCKED },
	{ "xchg m, r", { 0x87 }, 1, -1, LOCKED },
	{ "xadd m8, r8", { 0x0f, 0xc0 }, 2, -1, BYTES | LOCKABLE },
	{ "xadd m, r", { 0x0f, 0xc1 }, 2, -1, LOCKABLE },
	{ "cmpxchg m8, r8", { 0x0f, 0xb0 }, 2, -1, BYTES | LOCKABLE | RELOADS },
	{ "cmpxchg m, r", { 0x0f, 0xb1 }, 2, -1, LOCKABLE | RELOADS },
	{ "push m", { 0xff }, 1, 6, STACK }, { "pop m", { 0x8f }, 1, 0, STACK },
	{ "movsb", { 0xa4 }, 1, 0, STRING | BYTES }, { "movs", { 0xa5 }, 1, 0, STRING },
	{ "cmpsb", { 0xa6 }, 1, 0, STRING | BYTES }, { "cmps", { 0xa7 }, 1, 0, STRING },
	{ "stosb", { 0xaa }, 1, 0, STRING | BYTES }, { "stos", { 0xab }, 1, 0, STRING },
	{ "lodsb", { 0xac }, 1, 0, STRING | BYTES }, { "lods", { 0xad }, 1, 0, STRING },
	{ "scasb", { 0xae }, 1, 0, STRING | BYTES }, { "scas", { 0xaf }, 1, 0, STRING },
};

static uint64_t random_state;

static uint64_t any(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1dull;
}

static uint64_t below(uint64_t limit)
{
	return (any() >> 11) % limit;
}

/* Values that make flags interesting come more often than chance would have it. */
static uint64_t any_value(void)
{
	static const uint64_t special[] = {
		0, 1, ~0ull, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
		1ull << 63,
	};

	return below(3) ? any() : special[below(sizeof(special) / sizeof(special[0]))];
}

struct insn {
	const struct form *form;
	bool code32, address32, lock;
	unsigned int size;		/* operand's */
	uint8_t code[15];
	unsigned int length;
	uint64_t target;		/* where the operand is */
	uint64_t gpr[BATON_GPR_COUNT], flags;
	uint32_t compare;		/* flags that are defined */
};

/* Somewhere in the buffer, often across a page's end. */
static uint64_t any_target(const struct insn *in)
{
	uint64_t at = 0x200 + below(SIZE - 0x400);

	if (!below(3))
		at = 0x1000 * (1 + below(PAGES - 1)) - below(8);
	if (in->lock || in->form->flags & LOCKED)
		at &= ~7ull;
	return BUFFER + at;
}

static unsigned int choose_prefixes(struct insn *in, uint8_t **at, uint8_t *rex)
{
	const struct form *form = in->form;
	bool small = !below(3);

	*rex = 0;
	in->lock = form->flags & LOCKABLE && below(2);
	in->address32 = !in->code32 && !below(4);
	if (!in->code32)
		*rex = (uint8_t)(below(2) ? 0x40 | below(16) : 0);
	if (form->flags & STRING || form->flags & STACK)
		*rex &= 0x48;
	if (in->address32)
		*(*at)++ = 0x67;
	if (small)
		*(*at)++ = 0x66;
	if (in->lock)
		*(*at)++ = 0xf0;
	if (form->flags & STRING && below(3))
		*(*at)++ = below(2) ? 0xf3 : 0xf2;
	if (*rex)
		*(*at)++ = *rex;
	if (form->flags & BYTES)
		return 1;
	return *rex & 8 ? 8 : small ? 2 : form->flags & STACK && !in->code32 ? 8 : 4;
}

static void set_address(struct insn *in, unsigned int reg, uint64_t value)
{
	uint64_t junk = in->address32 || in->code32 ? any() << 32 : 0;

	in->gpr[reg] = (value & (junk ? 0xffffffff : ~0ull)) | junk;
}

/* ModRM, SIB, displacement for in->target, with registers to match. */
static void choose_address(struct insn *in, uint8_t **at, uint8_t rex, unsigned int reg)
{
	unsigned int base = 3 | (rex & 1) << 3, index = 6 | (rex & 2) << 2;
	uint8_t modrm = (uint8_t)((reg & 7) << 3), scale = (uint8_t)below(4);
	int32_t disp = (int32_t)below(0x2000) - 0x1000;

	if (!below(4)) { /* RIP-relative; in 32-bit code an absolute address */
		*(*at)++ = modrm | 5;
		disp = 0; /* patched when the length is known */
		put(at, &disp, 4);
	} else if (below(2)) {
		set_address(in, base, in->target - (uint64_t)(int64_t)(int8_t)disp);
		*(*at)++ = modrm | 0x43;
		*(*at)++ = (uint8_t)disp;
	} else {
		uint64_t steps = below(64);

		set_address(in, index, steps);
		set_address(in, base, in->target - (steps << scale) - (uint64_t)(int64_t)disp);
		*(*at)++ = modrm | 0x84;
		*(*at)++ = (uint8_t)(scale << 6 | 6 << 3 | 3);
		put(at, &disp, 4);
	}
}

static bool clashes(unsigned int reg)
{
	return (reg & 7) == 3 || (reg & 7) == 6; /* base, index */
}

static void choose_operands(struct insn *in, uint8_t **at, uint8_t rex)
{
	unsigned int reg = (unsigned int)(in->form->reg >= 0 ? (uint64_t)in->form->reg : below(8));
	uint8_t *modrm = *at;
	uint64_t value = any();
	unsigned int immediate = in->form->flags & IMM8 ? 1 : 0;

	if (in->form->flags & BITS) {
		while (clashes(reg))
			reg = (unsigned int)below(8);
		in->gpr[reg | (rex & 4) << 1] = below(1024) - 512;
	}
	choose_address(in, at, rex, reg);
	if (in->form->flags & IMM)
		immediate = in->size < 4 ? in->size : 4;
	put(at, &value, immediate);
	if ((*modrm & 0xc7) == 5) {
		uint64_t next = in->code32 ? 0 : CODE + (uint64_t)(*at - in->code);
		int32_t disp = (int32_t)(in->target - next);

		memcpy(modrm + 1, &disp, 4);
	}
}

static void choose_string(struct insn *in)
{
	in->gpr[BATON_RCX] = 1 + below(40);
	set_address(in, BATON_RCX, in->gpr[BATON_RCX]);
	set_address(in, BATON_RSI, in->target);
	set_address(in, BATON_RDI, any_target(in));
}

static unsigned int shift_count(const struct insn *in)
{
	unsigned int count = 1;

	if (in->form->flags & IMM8)
		count = in->code[in->length - 1];
	else if (in->form->opcode[0] >= 0xd2)
		count = (unsigned int)in->gpr[BATON_RCX];
	return count & (in->size == 8 ? 63 : 31);
}

/* What processors agree on. Ours agrees with itself on the others, too. */
static uint32_t defined_flags(const struct insn *in)
{
	unsigned int count;

	if (in->form->flags & LOGIC)
		return FLAGS & ~FLAG_AF;
	if (!(in->form->flags & COUNT))
		return FLAGS;
	count = shift_count(in);
	if (count == 1)
		return FLAGS & ~FLAG_AF;
	return FLAGS & ~(FLAG_AF | FLAG_OF | (count < 8 * in->size ? 0 : FLAG_CF));
}

static void generate(struct insn *in, const struct form *form, bool code32)
{
	uint8_t *at = in->code, rex;

	*in = (struct insn){ .form = form, .code32 = code32 };
	for (unsigned int i = 0; i < BATON_GPR_COUNT; i++)
		in->gpr[i] = any_value();
	in->flags = (any() & FLAGS) | 0x202;
	in->size = choose_prefixes(in, &at, &rex);
	in->target = any_target(in);
	in->gpr[BATON_RSP] = BUFFER + 0x200 + below(SIZE - 0x400);
	put(&at, form->opcode, form->opcode_size);
	if (form->flags & CONDITION)
		at[-1] |= (uint8_t)below(16);
	if (form->flags & STRING)
		choose_string(in);
	else if (form->flags & MOFFS)
		put(&at, &in->target, in->address32 || code32 ? 4 : 8);
	else
		choose_operands(in, &at, rex);
	in->length = (unsigned int)(at - in->code);
	in->compare = defined_flags(in);
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
	g->regs.rflags = in->flags;
	g->regs.rip = CODE;
	g->sregs.seg[BATON_CS].attr = in->code32 ? 0xc09b : 0xa09b;
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
	native_flags = in->flags;
	native_run(in->code, in->length, in->code32);
}

static void explain(const struct both *b, const struct insn *in)
{
	fprintf(stderr, "%s, %u-bit code, target %#lx:", in->form->name, in->code32 ? 32 : 64,
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
	uint64_t mask = in->code32 ? 0xffffffff : ~0ull;
	unsigned int gprs = in->code32 ? 8 : 16;

	for (unsigned int i = 0; i < gprs; i++)
		if ((native_gpr[i] ^ b->g->regs.gpr[i]) & mask)
			return false;
	for (unsigned int i = 0; i < PAGES; i++)
		if (memcmp((uint8_t *)BUFFER + 0x1000 * i, guest_page(b->g, i), 0x1000))
			return false;
	return !((native_flags ^ b->g->regs.rflags) & in->compare) &&
	       b->g->regs.rip == CODE + in->length;
}

/* Neighbours' bytes, and for CMPXCHG an accumulator that is right now and then. */
static void choose_memory(struct both *b, struct insn *in)
{
	for (unsigned int i = 0; i < SIZE; i += 8) {
		uint64_t value = any_value();

		memcpy(b->before + i, &value, 8);
	}
	if (in->form->flags & STRING && below(2)) /* long runs of equal bytes */
		memset(b->before, in->gpr[BATON_RAX] & 0xff, SIZE);
	if (in->form->flags & RELOADS && below(2))
		memcpy(&in->gpr[BATON_RAX], b->before + (in->target - BUFFER), in->size);
}

static void check_form(struct both *b, const struct form *form, bool code32)
{
	struct insn in;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		generate(&in, form, code32);
		choose_memory(b, &in);
		run_native(b, &in);
		run_emulated(b, &in);
		if (same(b, &in))
			continue;
		explain(b, &in);
		fail_msg("%s differs", form->name);
	}
}

static void check_all(struct both *b, bool code32)
{
	random_state = 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!code32 || !(forms[i].flags & ONLY64))
			check_form(b, &forms[i], code32);
}

static void test_code64(void **state)
{
	check_all(*state, false);
}

static void test_code32(void **state)
{
	check_all(*state, true);
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
