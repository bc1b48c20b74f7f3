// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the guest finds when it starts: code, page tables, descriptors, and the
 * registers of a processor that has been in 64-bit mode for long.
 */
#include <errno.h>
#include <string.h>

#include "bench.h"
#include "hv.h"
#include "memory.h"
#include "payload.h"

extern const unsigned char payload_begin[], payload_end[];

#define PTE_P_W		0x3u
#define PTE_LARGE	0x80u
#define GATE_INTERRUPT	0x8e00ull

#define ATTR_CODE	(11 | BATON_SEG_S | BATON_SEG_P | BATON_SEG_L | BATON_SEG_G)
#define ATTR_DATA	(3 | BATON_SEG_S | BATON_SEG_P | BATON_SEG_DB | BATON_SEG_G)
#define ATTR_TSS	(11 | BATON_SEG_P)

#define CR0_PE_ET_NE_PG	0x80000031u
#define CR4_PAE		0x20u
#define EFER_LME_LMA	0x500u

static uint64_t payload_address(unsigned int index)
{
	uint64_t address;

	memcpy(&address, payload_begin + index * sizeof(address), sizeof(address));
	return address;
}

/* Two GiB, each address where it is. */
static void write_page_tables(struct guest_memory *memory)
{
	uint64_t *table = guest_memory_at(memory, GUEST_PML4, 3 * 4096);
	uint64_t *second = guest_memory_at(memory, GUEST_PD2, 4096);

	table[0] = (GUEST_PML4 + 4096) | PTE_P_W;
	table[512] = (GUEST_PML4 + 2 * 4096) | PTE_P_W;
	table[513] = GUEST_PD2 | PTE_P_W;
	for (uint64_t i = 0; i < 512; i++) {
		table[1024 + i] = i << 21 | PTE_LARGE | PTE_P_W;
		second[i] = (512 + i) << 21 | PTE_LARGE | PTE_P_W;
	}
}

static uint64_t flat_descriptor(uint16_t attr)
{
	return 0xf00000000ffffull | (uint64_t)attr << 40;
}

static void write_gdt(struct guest_memory *memory)
{
	const uint64_t gdt[] = {
		0, flat_descriptor(ATTR_CODE), flat_descriptor(ATTR_DATA),
		(uint64_t)ATTR_TSS << 40 | 0x67, 0,
	};

	guest_memory_write(memory, GUEST_GDT, gdt, sizeof(gdt));
}

static void write_gate(struct guest_memory *memory, unsigned int vector, unsigned int handler)
{
	uint64_t to = payload_address(handler);
	const uint64_t gate[] = {
		(to & 0xffff) | SELECTOR_CODE << 16 | GATE_INTERRUPT << 32 |
			(to >> 16 & 0xffff) << 48,
		to >> 32,
	};

	guest_memory_write(memory, GUEST_IDT + 16 * vector, gate, sizeof(gate));
}

static void write_idt(struct guest_memory *memory)
{
	for (unsigned int vector = 0; vector < 32; vector++)
		write_gate(memory, vector, HANDLER_PANIC);
	write_gate(memory, VECTOR_EOI, HANDLER_EOI);
	write_gate(memory, VECTOR_LATENESS, HANDLER_LATENESS);
	write_gate(memory, VECTOR_ACK, HANDLER_ACK);
}

static struct baton_segment segment(uint16_t selector, uint16_t attr)
{
	return (struct baton_segment){
		.limit = attr == ATTR_TSS ? 0x67 : 0xffffffff, .selector = selector, .attr = attr,
	};
}

static int set_sregs(struct hv_vcpu *vcpu)
{
	struct baton_sregs sregs;
	int error = hv_vcpu_get_sregs(vcpu, &sregs);

	if (error)
		return error;
	for (int i = BATON_ES; i <= BATON_GS; i++)
		sregs.seg[i] = segment(SELECTOR_DATA, ATTR_DATA);
	sregs.seg[BATON_CS] = segment(SELECTOR_CODE, ATTR_CODE);
	sregs.seg[BATON_TR] = segment(SELECTOR_TSS, ATTR_TSS);
	sregs.seg[BATON_LDTR] = (struct baton_segment){ .attr = BATON_SEG_UNUSABLE };
	sregs.gdt = (struct baton_dtable){ .base = GUEST_GDT, .limit = 5 * 8 - 1 };
	sregs.idt = (struct baton_dtable){ .base = GUEST_IDT, .limit = 0xfff };
	sregs.cr0 = CR0_PE_ET_NE_PG;
	sregs.cr3 = GUEST_PML4;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME_LMA;
	return hv_vcpu_set_sregs(vcpu, &sregs);
}

int guest_load_vcpu(struct hv_vcpu *vcpu, unsigned int payload, uint64_t stack_top)
{
	struct baton_regs regs = { .rip = payload_address(payload), .rflags = 2 };
	int error = set_sregs(vcpu);

	regs.gpr[BATON_RSP] = stack_top;
	return error ? error : hv_vcpu_set_regs(vcpu, &regs);
}

int guest_load(struct guest *guest, unsigned int payload)
{
	int error = guest_memory_write(guest->memory, GUEST_CODE, payload_begin,
				       (uint64_t)(payload_end - payload_begin));

	if (error)
		return error;
	write_page_tables(guest->memory);
	write_gdt(guest->memory);
	write_idt(guest->memory);
	return guest_load_vcpu(guest->vcpu, payload, GUEST_STACK_TOP);
}
