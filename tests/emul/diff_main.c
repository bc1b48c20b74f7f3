// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: baton-emul-test baton|kvm [ROUNDS]
 *
 * Each form of instruction in each mode, ROUNDS times with other registers and
 * memory, from a fixed seed. Exit status 0 if processor and emulator agree.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
/* needs the places from above */
#include "emul_generate.h"

#define ROUNDS 12

static struct diff_vm vm;
static unsigned int left_out;
static struct diff_state start, native, emulated;

static const struct { const char *name; unsigned int bits; } modes[] = {
	[DIFF_REAL16] = { "real mode", 16 }, [DIFF_PROTECTED16] = { "16-bit code", 16 },
	[DIFF_PROTECTED32] = { "32-bit code", 32 }, [DIFF_LONG64] = { "64-bit code", 64 },
};

static void explain(const struct insn *in, enum diff_mode mode, const char *what)
{
	printf("%s, %s: %s\ncode", in->form->name, modes[mode].name, what);
	for (unsigned int i = 0; i < in->length; i++)
		printf(" %02x", in->code[i]);
	printf("\ntarget %#llx, flags before %#llx processor %#llx emulator %#llx of %#x\n",
	       (unsigned long long)in->target, (unsigned long long)in->flags,
	       (unsigned long long)native.regs.rflags, (unsigned long long)emulated.regs.rflags,
	       in->compare);
	for (unsigned int i = 0; i < BATON_GPR_COUNT; i++)
		printf("gpr %u before %#llx processor %#llx emulator %#llx\n", i,
		       (unsigned long long)in->gpr[i], (unsigned long long)native.regs.gpr[i],
		       (unsigned long long)emulated.regs.gpr[i]);
	for (unsigned int i = 0; i < SIZE; i++)
		if (native.buffer[i] != emulated.buffer[i])
			printf("memory %#x before %02x processor %02x emulator %02x\n",
			       BUFFER + i, start.buffer[i], native.buffer[i],
			       emulated.buffer[i]);
}

/* Outside 64-bit mode nobody says what upper halves hold. */
static bool same(const struct insn *in)
{
	uint64_t mask = in->bits == 64 ? ~0ull : 0xffffffff;

	for (unsigned int i = 0; i < (in->bits == 64 ? 16 : 8); i++)
		if ((native.regs.gpr[i] ^ emulated.regs.gpr[i]) & mask)
			return false;
	return !((native.regs.rflags ^ emulated.regs.rflags) & in->compare) &&
	       native.regs.rip == CODE + in->length && emulated.regs.rip == native.regs.rip &&
	       (!start.has_xmm || !memcmp(native.xmm, emulated.xmm, sizeof(native.xmm))) &&
	       !memcmp(native.buffer, emulated.buffer, SIZE);
}

static bool check(const struct form *form, enum diff_mode mode)
{
	struct insn in;
	int error;

	generate(&in, form, modes[mode].bits);
	choose_memory(start.buffer, &in);
	memcpy(start.regs.gpr, in.gpr, sizeof(in.gpr));
	memcpy(start.xmm, in.xmm, sizeof(in.xmm));
	start.has_xmm = form->flags & VECTOR;
	start.regs.rip = CODE;
	start.regs.rflags = in.flags & ~0x200ull;
	native = emulated = start;
	error = diff_run_native(&vm, mode, in.code, in.length, &native);
	if (error == -ENOTSUP) {
		left_out++;
		return true;
	}
	if (error ||
	    diff_run_emulated(&vm, mode, in.code, in.length, &emulated)) {
		explain(&in, mode, vm.what);
		return false;
	}
	if (!same(&in))
		explain(&in, mode, "differs");
	return same(&in);
}

static bool is_there(const struct form *form, enum diff_mode mode)
{
	/*
	 * QEMU's processor takes MOVBE's operand size from the prefix 0x66 alone, without the
	 * mode and REX.W. Those are compared with a real processor by test_emul_native.
	 */
	bool movbe = vm.has_movbe && modes[mode].bits == 32;

	return (movbe || strncmp(form->name, "movbe", 5)) &&
	       !(form->flags & ONLY64 && modes[mode].bits != 64);
}

static bool check_mode(enum diff_mode mode, unsigned int rounds, unsigned int *count)
{
	random_state = 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		for (unsigned int j = 0; j < rounds && is_there(&forms[i], mode); j++, ++*count)
			if (!check(&forms[i], mode))
				return false;
	return true;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 2 ? (unsigned int)atoi(argv[2]) : ROUNDS, count = 0;
	bool kvm = argc > 1 && !strcmp(argv[1], "kvm"), good;
	int error;

	setvbuf(stdout, NULL, _IOLBF, 0);
	error = diff_vm_create(kvm ? HV_ENGINE_KVM : HV_ENGINE_BATON, &vm);

	if (error)
		fprintf(stderr, "%s: %s\n", vm.what, strerror(-error));
	good = !error;
	for (unsigned int mode = 0; good && mode < DIFF_MODES; mode++)
		good = check_mode(mode, rounds, &count);
	if (!error)
		diff_vm_destroy(&vm);
	printf("%u instructions, %u that KVM cannot run\n", count, left_out);
	return good ? 0 : 1;
}
