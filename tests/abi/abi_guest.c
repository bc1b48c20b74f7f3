// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest of the tests that run one: a few bytes of real-mode code, in a VM
 * and on a vCPU of its own.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

struct abi_guest abi_guest_start(const void *code, size_t size)
{
	struct abi_guest g = { .sys = abi_open() };
	struct baton_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct baton_sregs sregs;

	g.vm = abi_vm(g.sys);
	g.memory = abi_memory(g.vm, 0, 0, ABI_GUEST_MEMORY);
	if (size)
		memcpy(g.memory + 0x1000, code, size);
	g.vcpu = abi_vcpu_cpuid(g.sys, g.vm, 0);
	g.run = abi_map_run(g.vcpu);
	regs.gpr[BATON_RSP] = 0x8000;
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	sregs.seg[BATON_CS].selector = 0;
	sregs.seg[BATON_CS].base = 0;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	return g;
}

void abi_guest_end(struct abi_guest *g)
{
	munmap(g->run, 4096);
	munmap(g->memory, ABI_GUEST_MEMORY);
	close(g->vcpu);
	close(g->vm);
	close(g->sys);
}

int abi_run_on(int vcpu, const struct baton_run *run)
{
	int r;

	do
		r = ioctl(vcpu, BATON_RUN, 0);
	while (!r && run->exit_reason == BATON_EXIT_NONE && !run->immediate_exit);
	return r;
}
