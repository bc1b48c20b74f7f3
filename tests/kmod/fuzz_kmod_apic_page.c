// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The decoder of MOVs to the local APIC's page and to eventfds on any bytes of code,
 * in any mode, with pages that are not there. What it takes moves RIP by the length
 * of an instruction and changes one register at most.
 */
#include "lapic_guest.h"
#include "apic_page.h"
#include "fetch.h"
#include "fuzz.h"

#define RAM 0x4000u
#define CODE 0x3000u

static unsigned long missing;

static bool page_faults(unsigned long address, size_t size)
{
	return missing && (address >> 12 == missing >> 12 ||
			   (address + size - 1) >> 12 == missing >> 12);
}

static void set_mode(struct baton_vcpu *v, u8 bits)
{
	struct baton_sregs *s = &v->sregs;

	s->cr0 = (bits & 1 ? X86_CR0_PE : 0) | (bits & 2 ? X86_CR0_PG : 0);
	s->cr4 = (bits & 4 ? X86_CR4_PAE : 0) | (bits & 8 ? X86_CR4_PSE : 0);
	s->efer = (bits & 16 ? EFER_LMA | EFER_LME : 0);
	s->seg[BATON_CS].attr = (bits & 32 ? BATON_SEG_L : 0) | (bits & 64 ? BATON_SEG_DB : 0);
	s->seg[BATON_CS].base = bits & 128 ? CODE : 0;
	s->cr3 = 0;
}

static void check_taken(const struct baton_regs *before, const struct baton_regs *after,
			bool long64)
{
	unsigned int i, changed = 0;
	u64 length = after->rip - before->rip;

	if (!long64)
		length = (u32)length;
	FUZZ_CHECK(length <= BATON_INSN_MAX);
	FUZZ_CHECK(after->rflags == before->rflags);
	for (i = 0; i < BATON_GPR_COUNT; i++)
		changed += before->gpr[i] != after->gpr[i];
	FUZZ_CHECK(changed <= (length ? 1 : 0));
}

static void step(struct baton_vcpu *v, struct fuzz *f)
{
	struct baton_regs before;
	enum baton_next next;
	u8 *memory = (u8 *)v->vm->slots->slot[0].hva;
	u8 where = fuzz_u8(f);

	/* The page tables and the code are the same memory. */
	fuzz_bytes(f, memory + (where & 0x80 ? 0 : CODE), fuzz_u8(f) & 0x3f);
	set_mode(v, fuzz_u8(f));
	v->regs.rip = CODE + (where & 0x40 ? 0xff8 + (where & 7) : where & 0x3f);
	missing = where & 0x20 ? (unsigned long)memory + (fuzz_u8(f) & 3) * PAGE_SIZE : 0;
	before = v->regs;
	kmod_ioeventfd = 0xd0000000 | (fuzz_u16(f) & 0xfff);
	v->fault.access = where & 0x10 ? BATON_ACCESS_WRITE : fuzz_u8(f) & 0x1f;
	if (where & 0x10)
		next = baton_ioeventfd_page(v, kmod_ioeventfd);
	else
		next = baton_apic_page(v, APIC_DEFAULT_PHYS_BASE | (kmod_ioeventfd & 0xfff));
	if (next == BATON_ENTER)
		check_taken(&before, &v->regs, v->sregs.efer & EFER_LMA);
	else
		FUZZ_CHECK(!memcmp(&before, &v->regs, sizeof(before)));
	FUZZ_CHECK(next != BATON_LEAVE || kmod_take_request(v, BATON_REQ_TOUCH));
	FUZZ_CHECK(next == BATON_ENTER || next == BATON_LEAVE || next == BATON_TO_USER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baton_vm *vm = kmod_vm_create(1);
	struct fuzz f = { data, size };
	unsigned int i;

	kmod_ram_add(vm, 0, 0, RAM);
	kshim_user_fault = page_faults;
	for (i = 0; i < BATON_GPR_COUNT; i++)
		vm->vcpus[0]->regs.gpr[i] = 0x1111111111111111ull * i;
	while (f.left)
		step(vm->vcpus[0], &f);
	kshim_user_fault = NULL;
	kmod_vm_destroy(vm);
	return 0;
}
