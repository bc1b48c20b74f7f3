/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first vCPU's registers for direct boot: flat segments as both boot
 * protocols ask for, and for 64-bit entry an identity map of the first GiB.
 */
#include "boot.h"

#include <errno.h>
#include <string.h>

#include "hv.h"
#include "layout.h"

#define CR0_PE	0x1u
#define CR0_ET	0x10u
#define CR0_PG	0x80000000u
#define CR4_PAE 0x20u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u
#define PTE_P_W 0x3u
#define PTE_LARGE 0x80u
#define RFLAGS_FIXED 0x2u

/* Linux wants 0x10 and 0x18; PVH and multiboot leave the selectors open. */
#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_TSS 0x20

#define ATTR_DATA (3 | BATON_SEG_S | BATON_SEG_P | BATON_SEG_DB | BATON_SEG_G)
#define ATTR_CODE32 (11 | BATON_SEG_S | BATON_SEG_P | BATON_SEG_DB | BATON_SEG_G)
#define ATTR_CODE64 (11 | BATON_SEG_S | BATON_SEG_P | BATON_SEG_L | BATON_SEG_G)
#define ATTR_TSS (11 | BATON_SEG_P)

/* A descriptor of base 0 and limit 4 GiB with these attributes. */
static uint64_t flat_descriptor(uint16_t attr)
{
	return 0xf00000000ffffull | (uint64_t)attr << 40;
}

static int write_gdt(struct guest_memory *memory, bool is64)
{
	uint64_t gdt[] = {
		0, 0,
		flat_descriptor(is64 ? ATTR_CODE64 : ATTR_CODE32),
		flat_descriptor(ATTR_DATA),
		(uint64_t)ATTR_TSS << 40 | 0x67, 0,
	};

	return guest_memory_write(memory, BOOT_GDT, gdt, sizeof(gdt));
}

static int write_page_tables(struct guest_memory *memory)
{
	uint64_t *table = guest_memory_at(memory, BOOT_PML4, 3 * BATON_PAGE_SIZE);

	if (!table)
		return -EFAULT;
	memset(table, 0, 2 * BATON_PAGE_SIZE);
	table[0] = (BOOT_PML4 + BATON_PAGE_SIZE) | PTE_P_W;
	table[512] = (BOOT_PML4 + 2 * BATON_PAGE_SIZE) | PTE_P_W;
	for (uint64_t i = 0; i < 512; i++)
		table[1024 + i] = i << 21 | PTE_LARGE | PTE_P_W;
	return 0;
}

static struct baton_segment flat_segment(uint16_t selector, uint16_t attr)
{
	return (struct baton_segment){
		.limit = 0xffffffff, .selector = selector, .attr = attr,
	};
}

static void set_segments(struct baton_sregs *sregs, bool is64)
{
	struct baton_segment data = flat_segment(SELECTOR_DATA, ATTR_DATA);

	for (int i = BATON_ES; i <= BATON_GS; i++)
		sregs->seg[i] = data;
	sregs->seg[BATON_CS] = flat_segment(SELECTOR_CODE, is64 ? ATTR_CODE64 : ATTR_CODE32);
	sregs->seg[BATON_TR] = (struct baton_segment){
		.limit = 0x67, .selector = SELECTOR_TSS, .attr = ATTR_TSS,
	};
	sregs->seg[BATON_LDTR] = (struct baton_segment){ .attr = BATON_SEG_UNUSABLE };
	sregs->gdt = (struct baton_dtable){ .base = BOOT_GDT, .limit = 6 * 8 - 1 };
	sregs->idt = (struct baton_dtable){ 0 };
}

static void set_control(struct baton_sregs *sregs, bool is64)
{
	sregs->cr0 = CR0_PE | CR0_ET | (is64 ? CR0_PG : 0);
	sregs->cr3 = is64 ? BOOT_PML4 : 0;
	sregs->cr4 = is64 ? CR4_PAE : 0;
	sregs->efer = is64 ? EFER_LME | EFER_LMA : 0;
}

int boot_enter(struct guest_memory *memory, struct hv_vcpu *vcpu,
	       const struct boot_entry *entry)
{
	struct baton_regs regs = { .rip = entry->rip, .rflags = RFLAGS_FIXED };
	bool is64 = entry->mode == BOOT_LONG64;
	struct baton_sregs sregs;
	int error;

	if ((entry->mode != BOOT_BARE32 && write_gdt(memory, is64)) ||
	    (is64 && write_page_tables(memory)))
		return -EFAULT;
	error = hv_vcpu_get_sregs(vcpu, &sregs);
	if (error)
		return error;
	set_segments(&sregs, is64);
	if (entry->mode == BOOT_BARE32)
		sregs.gdt = (struct baton_dtable){ 0 };
	set_control(&sregs, is64);
	error = hv_vcpu_set_sregs(vcpu, &sregs);
	if (error)
		return error;
	regs.gpr[BATON_RSP] = BOOT_STACK_TOP;
	regs.gpr[BATON_RSI] = entry->rsi;
	regs.gpr[BATON_RBX] = entry->rbx;
	regs.gpr[BATON_RAX] = entry->rax;
	return hv_vcpu_set_regs(vcpu, &regs);
}

int boot_reset_vector(struct guest_memory *memory, uint16_t port, uint8_t value)
{
	const uint8_t code[] = {
		0xba, (uint8_t)port, (uint8_t)(port >> 8), /* mov $port, %dx */
		0xb0, value,				   /* mov $value, %al */
		0xee,					   /* out %al, %dx */
		0xf4,					   /* hlt */
		0xeb, 0xfd,				   /* jmp to the hlt */
	};

	return guest_memory_write(memory, BOOT_RESET_VECTOR, code, sizeof(code));
}
