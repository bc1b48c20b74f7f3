// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety tests A5 and A6: all MSRs and all instructions that CPUID has a bit for, from
 * inside a guest; and the host's MSRs are what they were.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <unistd.h>

#include "abi.h"

const uint32_t abi_msr_range[ABI_MSR_RANGES] = { 0, 0x40000000, 0xc0000000, 0xc0010000 };

/* Those that count, or belong to the kernel's timer. */
static bool msr_moves(uint32_t index)
{
	return index == 0x10 || index == 0xe7 || index == 0xe8 || index == 0x6e0 ||
	       (index >= 0xc1 && index <= 0xc8) || (index >= 0x300 && index <= 0x3ff) ||
	       (index >= 0x600 && index <= 0x6df) || (index >= 0x800 && index <= 0x8ff) ||
	       index == 0x3b || index == 0x34 || (index >= 0x19a && index <= 0x19d) ||
	       (index >= 0x1b1 && index <= 0x1b2) || (index >= 0xc0000100 && index <= 0xc0000102) ||
	       (index >= 0xc00000e7 && index <= 0xc00000ff) ||
	       (index >= 0xc0010000 && index <= 0xc0010007) ||
	       (index >= 0xc0010200 && index <= 0xc00102ff);
}

bool abi_read_host_msrs(struct abi_host_msrs *m)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY);
	unsigned int range, i;
	uint32_t index;

	if (fd < 0)
		return false;
	for (range = 0; range < ABI_MSR_RANGES; range++)
		for (i = 0; i < 8192; i++) {
			index = abi_msr_range[range] + i;
			m->there[range][i] = !msr_moves(index) &&
				pread(fd, &m->value[range][i], 8, index) == 8;
		}
	close(fd);
	return true;
}

void abi_compare_host_msrs(const struct abi_host_msrs *before, const struct abi_host_msrs *after)
{
	unsigned int range, i, read = 0;

	for (range = 0; range < ABI_MSR_RANGES; range++)
		for (i = 0; i < 8192; i++) {
			read += before->there[range][i];
			if (before->there[range][i] == after->there[range][i] &&
			    (!before->there[range][i] ||
			     before->value[range][i] == after->value[range][i]))
				continue;
			printf("  the host's MSR 0x%x: %llx before, %llx after\n",
			       abi_msr_range[range] + i,
			       (unsigned long long)before->value[range][i],
			       (unsigned long long)after->value[range][i]);
			abi_failures++;
		}
	EXPECT(read > 20);
}

/* Those that the program was started on. */
static cpu_set_t allowed;

__attribute__((constructor)) static void note_processors(void)
{
	sched_getaffinity(0, sizeof(allowed), &allowed);
}

unsigned int abi_cpus(void)
{
	return (unsigned int)CPU_COUNT(&allowed);
}

unsigned int abi_cpu(unsigned int place)
{
	unsigned int cpu = 0;

	while (!CPU_ISSET(cpu, &allowed) || place--)
		cpu++;
	return cpu;
}

void abi_pin(unsigned int place)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(abi_cpu(place), &set);
	EXPECT(!sched_setaffinity(0, sizeof(set), &set));
}

/* --- A5 ------------------------------------------------------------------------ */

/*
 * For each MSR from ECX to before EDI a byte at RBX: 1 it can be read, 2 written with
 * what was read, 4 with all ones, 8 with zero. It gets back what it had. The handler of #GP
 * steps over the instruction, which has two bytes, and sets R15.
 */
ABI_CODE(all_msrs,
	 "1:	xor %r14d, %r14d\n"
	 "	xor %r8d, %r8d\n"
	 "	xor %r15d, %r15d\n"
	 "	rdmsr\n"
	 "	test %r15d, %r15d\n"
	 "	jnz 2f\n"
	 "	or $1, %r14d\n"
	 "	mov %eax, %r8d\n"
	 "	mov %edx, %r9d\n"
	 "	wrmsr\n"
	 "	test %r15d, %r15d\n"
	 "	jnz 2f\n"
	 "	or $2, %r14d\n"
	 "2:	xor %r15d, %r15d\n"
	 "	xor %eax, %eax\n"
	 "	xor %edx, %edx\n"
	 "	wrmsr\n"
	 "	test %r15d, %r15d\n"
	 "	jnz 3f\n"
	 "	or $8, %r14d\n"
	 "3:	xor %r15d, %r15d\n"
	 "	mov $-1, %eax\n"
	 "	mov $-1, %edx\n"
	 "	wrmsr\n"
	 "	test %r15d, %r15d\n"
	 "	jnz 4f\n"
	 "	or $4, %r14d\n"
	 "4:	test $2, %r14d\n"
	 "	jz 5f\n"
	 "	mov %r8d, %eax\n"
	 "	mov %r9d, %edx\n"
	 "	wrmsr\n"
	 "5:	mov %r14b, (%rbx)\n"
	 "	inc %rbx\n"
	 "	inc %ecx\n"
	 "	cmp %edi, %ecx\n"
	 "	jne 1b\n"
	 "	mov $0x100, %edx\n"
	 "	out %al, %dx\n");
ABI_CODE(step_over,
	 "	add $8, %rsp\n"
	 "	addq $2, (%rsp)\n"
	 "	mov $1, %r15d\n"
	 "	iretq\n");

/* What may be there for a guest: all else has to be #GP. */
static bool guest_may_have(uint32_t index)
{
	static const uint32_t others[] = {
		0x10, 0x17, 0x1b, 0x3a, 0x3b, 0x48, 0x49, 0x8b, 0xfe, 0x10a, 0x10b, 0x174, 0x175,
		0x176, 0x179, 0x17a, 0x1a0, 0x1d9, 0x250, 0x258, 0x259, 0x277, 0x2ff, 0x6e0,
		0xda0, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100,
		0xc0000101, 0xc0000102, 0xc0000103, 0xc0000104, 0xc0010010, 0xc0010015, 0xc001001f,
		0xc0010055, 0xc0010064,
		0xc0011029,
	};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i] == index)
			return true;
	/* AMD's first counters, which are there on all of them. */
	if (index >= 0xc0010000 && index < 0xc0010008)
		return true;
	return (index >= 0x200 && index < 0x210) || (index >= 0x268 && index < 0x270) ||
	       (index >= 0x800 && index < 0x840);
}

static unsigned int check_range(uint32_t first, const unsigned char *results)
{
	unsigned int i, there = 0;

	for (i = 0; i < 8192; i++) {
		there += results[i] != 0;
		if (!results[i] || guest_may_have(first + i))
			continue;
		printf("  a guest reaches MSR 0x%x (%x)\n", first + i, results[i]);
		abi_failures++;
	}
	return there;
}

/* What the monitor can read and save is there for the guest, too. */
static void check_listed(struct abi_guest *g, uint32_t first, const unsigned char *results)
{
	static struct baton_msr msrs[BATON_MAX_MSRS];
	struct baton_msrs list = { .count = BATON_MAX_MSRS, .entries = (uintptr_t)msrs }, one;
	unsigned int i, checked = 0;

	EXPECT(!ioctl(g->sys, BATON_GET_MSR_LIST, &list));
	for (i = 0; i < list.count; i++) {
		one = (struct baton_msrs) { .count = 1, .entries = (uintptr_t)&msrs[i] };
		if (msrs[i].index - first >= 8192 || ioctl(g->vcpu, BATON_GET_MSRS, &one) ||
		    !one.done)
			continue;
		checked++;
		if (results[msrs[i].index - first] & 1)
			continue;
		printf("  a guest cannot read 0x%x, which is in the list\n", msrs[i].index);
		abi_failures++;
	}
	if (!first)
		EXPECT(checked > 5);
}

static unsigned int scan_range(struct abi_guest *g, uint32_t first)
{
	struct baton_regs regs = { .rip = ABI_LONG_CODE, .rflags = 2 };
	unsigned char *results = g->memory + ABI_LONG_DATA;

	memset(results, 0xff, 8192);
	regs.gpr[BATON_RSP] = 0xf000;
	regs.gpr[BATON_RCX] = first;
	regs.gpr[BATON_RDI] = first + 8192;
	regs.gpr[BATON_RBX] = ABI_LONG_DATA;
	EXPECT(!ioctl(g->vcpu, BATON_SET_REGS, &regs));
	ABI_RUN(*g, BATON_EXIT_PIO);
	EXPECT(g->run->pio.port == 0x100);
	check_listed(g, first, results);
	return check_range(first, results);
}

static void test_all_msrs(void)
{
	static struct abi_host_msrs before, after;
	struct abi_guest g = ABI_LONG_GUEST(all_msrs);
	unsigned int range, there = 0;
	bool readable;

	memcpy(g.memory + 0x8000, abi_code_step_over,
	       abi_code_step_over_end - abi_code_step_over);
	abi_set_gate(&g, 13, 0x8000);
	abi_pin(0);
	readable = abi_read_host_msrs(&before);
	for (range = 0; range < ABI_MSR_RANGES; range++)
		there += scan_range(&g, abi_msr_range[range]);
	printf("  %u MSRs are there for the guest\n", there);
	EXPECT(there > 30);
	if (readable && abi_read_host_msrs(&after))
		abi_compare_host_msrs(&before, &after);
	abi_guest_end(&g);
	NEEDS(readable, "/dev/cpu/0/msr: modprobe msr");
}

/* --- A6 ------------------------------------------------------------------------ */

#define UD 6
#define GP 13

/* An instruction, and the CPUID bit that says a guest may use it. No leaf: never. */
static const struct instruction {
	const char *name;
	unsigned char size, bytes[6];
	uint32_t leaf, subleaf;
	unsigned char reg, bit;	/* 0-3: EAX-EDX */
	bool enforced;		/* hidden, it is #UD; else hardware does not ask */
} instructions[] = {
	{ "cpuid", 2, { 0x0f, 0xa2 }, 1, 0, 3, 0, false },
	{ "rdtscp", 3, { 0x0f, 0x01, 0xf9 }, 0x80000001, 0, 3, 27, true },
	{ "rdrand", 3, { 0x0f, 0xc7, 0xf0 }, 1, 0, 2, 30, false },
	{ "rdseed", 3, { 0x0f, 0xc7, 0xf8 }, 7, 0, 1, 18, false },
	{ "popcnt", 4, { 0xf3, 0x0f, 0xb8, 0xc0 }, 1, 0, 2, 23, false },
	{ "crc32", 5, { 0xf2, 0x0f, 0x38, 0xf0, 0xc0 }, 1, 0, 2, 20, false },
	{ "clflush", 4, { 0x0f, 0xae, 0x3c, 0x24 }, 1, 0, 3, 19, false },
	{ "movntdqa", 5, { 0x66, 0x0f, 0x38, 0x2a, 0x03 }, 1, 0, 2, 19, false },
	{ "monitor", 3, { 0x0f, 0x01, 0xc8 }, 1, 0, 2, 3, true },
	{ "mwait", 3, { 0x0f, 0x01, 0xc9 }, 1, 0, 2, 3, true },
	{ "xgetbv with CR4.OSXSAVE off", 3, { 0x0f, 0x01, 0xd0 }, 0, 0, 0, 0, true },
	{ "xsetbv with CR4.OSXSAVE off", 3, { 0x0f, 0x01, 0xd1 }, 0, 0, 0, 0, true },
	{ "wrfsbase with CR4.FSGSBASE off", 5, { 0xf3, 0x48, 0x0f, 0xae, 0xd0 }, 0, 0, 0, 0, true },
	{ "vmrun", 3, { 0x0f, 0x01, 0xd8 }, 0, 0, 0, 0, true },
	{ "vmload", 3, { 0x0f, 0x01, 0xda }, 0, 0, 0, 0, true },
	{ "vmsave", 3, { 0x0f, 0x01, 0xdb }, 0, 0, 0, 0, true },
	{ "stgi", 3, { 0x0f, 0x01, 0xdc }, 0, 0, 0, 0, true },
	{ "clgi", 3, { 0x0f, 0x01, 0xdd }, 0, 0, 0, 0, true },
	{ "skinit", 3, { 0x0f, 0x01, 0xde }, 0, 0, 0, 0, true },
	{ "invlpga", 3, { 0x0f, 0x01, 0xdf }, 0, 0, 0, 0, true },
	{ "vmlaunch", 3, { 0x0f, 0x01, 0xc2 }, 0, 0, 0, 0, true },
	{ "vmresume", 3, { 0x0f, 0x01, 0xc3 }, 0, 0, 0, 0, true },
	{ "vmxoff", 3, { 0x0f, 0x01, 0xc4 }, 0, 0, 0, 0, true },
	{ "vmxon", 5, { 0xf3, 0x0f, 0xc7, 0x34, 0x24 }, 0, 0, 0, 0, true },
	{ "vmptrld", 4, { 0x0f, 0xc7, 0x34, 0x24 }, 0, 0, 0, 0, true },
	{ "vmclear", 5, { 0x66, 0x0f, 0xc7, 0x34, 0x24 }, 0, 0, 0, 0, true },
	{ "vmread", 3, { 0x0f, 0x78, 0xc0 }, 0, 0, 0, 0, true },
	{ "vmwrite", 3, { 0x0f, 0x79, 0xc0 }, 0, 0, 0, 0, true },
	{ "invept", 5, { 0x66, 0x0f, 0x38, 0x80, 0x03 }, 0, 0, 0, 0, true },
	{ "invvpid", 5, { 0x66, 0x0f, 0x38, 0x81, 0x03 }, 0, 0, 0, 0, true },
	{ "getsec", 2, { 0x0f, 0x37 }, 0, 0, 0, 0, true },
	{ "rsm", 2, { 0x0f, 0xaa }, 0, 0, 0, 0, true },
};

static bool exposed(const struct baton_cpuid_entry *entries, uint32_t count,
		    const struct instruction *in)
{
	uint32_t i;

	for (i = 0; in->leaf && i < count; i++)
		if (entries[i].leaf == in->leaf && entries[i].subleaf == in->subleaf)
			return (&entries[i].eax)[in->reg] >> in->bit & 1;
	return false;
}

/* The port at which it ends: that of a vector, or 0x100 if it has been executed. */
static unsigned int execute(const struct instruction *in)
{
	static const unsigned char end[] = { 0x66, 0xba, 0x00, 0x01, 0xee };
	unsigned char code[16];
	struct abi_guest g;
	struct baton_regs regs;
	unsigned int port;

	memcpy(code, in->bytes, in->size);
	memcpy(code + in->size, end, sizeof(end));
	g = abi_long_guest(code, in->size + sizeof(end));
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.gpr[BATON_RBX] = ABI_LONG_DATA;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	ABI_RUN(g, BATON_EXIT_PIO);
	port = g.run->pio.port;
	abi_guest_end(&g);
	return port;
}

static void test_instructions(void)
{
	static struct baton_cpuid_entry entries[BATON_MAX_CPUID];
	struct baton_cpuid list = { .count = BATON_MAX_CPUID, .entries = (uintptr_t)entries };
	unsigned int port, used = 0, refused = 0;
	size_t i;
	int sys = abi_open();

	EXPECT(!ioctl(sys, BATON_GET_CPUID, &list));
	close(sys);
	for (i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
		const struct instruction *in = &instructions[i];
		bool may = exposed(entries, list.count, in);

		port = execute(in);
		used += may;
		refused += !may && in->enforced;
		if (may ? port == 0x100 : !in->enforced || port == UD)
			continue;
		printf("  %s, which is %s, ends at 0x%x\n", in->name, may ? "offered" : "hidden",
		       port);
		abi_failures++;
	}
	EXPECT(used > 4 && refused > 10);
}

/* What CPUID says in the guest is what SET_CPUID has said, in each leaf. */
ABI_CODE(cpuid,
	 "	mov %edi, %eax\n"
	 "	mov %esi, %ecx\n"
	 "	cpuid\n"
	 "	mov %eax, (%r8)\n"
	 "	mov %ebx, 4(%r8)\n"
	 "	mov %ecx, 8(%r8)\n"
	 "	mov %edx, 12(%r8)\n"
	 "	mov $0x100, %edx\n"
	 "	out %al, %dx\n");

/* Bits that follow the guest's state: OSXSAVE, APIC, OSPKE, XSAVE sizes, the APIC id. */
static void mask_state(const struct baton_cpuid_entry *e, uint32_t *reg)
{
	switch (e->leaf) {
	case 1:
		reg[1] &= 0x00ffffff;
		reg[2] &= ~(1u << 27);
		reg[3] &= ~(1u << 9);
		break;
	case 7:
		reg[2] &= ~(1u << 4);
		break;
	case 0xd:
		reg[1] = 0;
		break;
	case 0x80000001:
		reg[3] &= ~(1u << 9);
		break;
	}
}

static void check_leaf(struct abi_guest *g, const struct baton_cpuid_entry *e)
{
	struct baton_regs regs = { .rip = ABI_LONG_CODE, .rflags = 2 };
	uint32_t *got = (uint32_t *)(g->memory + ABI_LONG_DATA);
	uint32_t want[4] = { e->eax, e->ebx, e->ecx, e->edx };

	regs.gpr[BATON_RDI] = e->leaf;
	regs.gpr[BATON_RSI] = e->subleaf;
	regs.gpr[BATON_R8] = ABI_LONG_DATA;
	EXPECT(!ioctl(g->vcpu, BATON_SET_REGS, &regs));
	ABI_RUN(*g, BATON_EXIT_PIO);
	mask_state(e, got);
	mask_state(e, want);
	if (!memcmp(got, want, 16))
		return;
	printf("  leaf %x.%x: %08x %08x %08x %08x, not %08x %08x %08x %08x\n", e->leaf, e->subleaf,
	       got[0], got[1], got[2], got[3], want[0], want[1], want[2], want[3]);
	abi_failures++;
}

static void test_leaves(void)
{
	static struct baton_cpuid_entry entries[BATON_MAX_CPUID];
	struct baton_cpuid list = { .count = BATON_MAX_CPUID, .entries = (uintptr_t)entries };
	struct abi_guest g = ABI_LONG_GUEST(cpuid);
	uint32_t i;

	EXPECT(!ioctl(g.sys, BATON_GET_CPUID, &list));
	for (i = 0; i < list.count; i++)
		check_leaf(&g, &entries[i]);
	abi_guest_end(&g);
}

const struct abi_test abi_host_tests[] = {
	{ "A5: all MSRs from the guest", test_all_msrs },
	{ "A6: instructions that CPUID offers or hides", test_instructions },
	{ "A6: CPUID's leaves in the guest", test_leaves },
	{ NULL, NULL },
};
