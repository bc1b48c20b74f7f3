/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jumps through memory, calls and returns, segment registers from memory, and what else only
 * systems do: no driver does that to a device, but a test of a hypervisor does. Intel SDM 3,
 * "Protection"; AMD APM 2, "Segmented Virtual Memory". A gate or a task in place of a code
 * segment is a #GP here.
 */
#include <errno.h>

#include "exec.h"

#define CR4_UMIP	(1ull << 11)
#define EFER_LMA	(1ull << 10)

#define RPL		3u
#define TABLE_LOCAL	4u	/* selector: LDT */

/* A descriptor's attributes, as struct baton_segment has them. */
#define TYPE_ACCESSED	1u
#define TYPE_RW		2u
#define TYPE_CONFORMING	4u
#define TYPE_CODE	8u
#define TYPE_BUSY	2u
#define TYPE_TSS16	1u
#define TYPE_TSS	9u

#define VECTOR_NP	11

/* What a selector leads to. */
struct descriptor {
	uint16_t selector;
	uint64_t linear;
	uint64_t raw;
	struct baton_segment seg;
};

static bool in_long_mode(const struct emul_cpu *cpu)
{
	return cpu->sregs->efer & EFER_LMA;
}

static unsigned int cpl(const struct emul_cpu *cpu)
{
	return (cpu->sregs->seg[BATON_SS].attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT;
}

static unsigned int dpl(const struct baton_segment *seg)
{
	return (seg->attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT;
}

static int selector_fault(struct emul_cpu *cpu, uint8_t vector, uint16_t selector)
{
	access_fault(cpu, vector);
	cpu->fault.has_error_code = true;
	cpu->fault.error_code = selector & ~RPL;
	return -EFAULT;
}

/* ---- descriptors ---- */

static void unpack(uint64_t raw, uint16_t selector, struct baton_segment *seg)
{
	uint32_t limit = (uint32_t)((raw & 0xffff) | (raw >> 32 & 0xf0000));
	uint16_t attr = (uint16_t)(raw >> 40 & 0xf0ff);

	*seg = (struct baton_segment){
		.base = (raw >> 16 & 0xffffff) | (raw >> 32 & 0xff000000),
		.limit = attr & BATON_SEG_G ? limit << 12 | 0xfff : limit,
		.selector = selector, .attr = attr,
	};
}

/* Of a selector that is not null. `high`: the second half of a long one; may be NULL. */
static int read_descriptor(struct emul_cpu *cpu, uint16_t selector, uint64_t *high,
			   struct descriptor *d)
{
	const struct baton_segment *ldt = &cpu->sregs->seg[BATON_LDTR];
	uint64_t base = selector & TABLE_LOCAL ? ldt->base : cpu->sregs->gdt.base;
	uint32_t limit = selector & TABLE_LOCAL ? ldt->limit : cpu->sregs->gdt.limit;
	uint32_t offset = selector & 0xfff8u, size = high ? 16 : 8;
	struct emul_place place, second;
	int error;

	if ((selector & TABLE_LOCAL && ldt->attr & BATON_SEG_UNUSABLE) || offset + size - 1 > limit)
		return selector_fault(cpu, VECTOR_GP, selector);
	d->linear = base + offset;
	error = access_resolve_system(cpu, d->linear, WALK_READ, &place);
	if (!error && high)
		error = access_resolve_system(cpu, d->linear + 8, WALK_READ, &second);
	if (error)
		return error;
	d->selector = selector;
	d->raw = access_read(cpu, &place);
	if (high)
		*high = access_read(cpu, &second);
	unpack(d->raw, selector, &d->seg);
	return 0;
}

/* In its table, too, which is read-only where systems have set the bit before. */
static int mark(struct emul_cpu *cpu, struct descriptor *d, uint16_t bit)
{
	struct emul_place place;
	int error;

	if (d->seg.attr & bit)
		return 0;
	d->seg.attr |= bit;
	error = access_resolve_system(cpu, d->linear, WALK_WRITE, &place);
	if (error)
		return error;
	return access_exchange(cpu, &place, d->raw, d->raw | (uint64_t)bit << 40) ? 0 : -EAGAIN;
}

static int take(struct emul_cpu *cpu, enum baton_seg number, struct descriptor *d, uint16_t bit)
{
	int error = mark(cpu, d, bit);

	if (error)
		return error;
	cpu->sregs->seg[number] = d->seg;
	cpu->sregs_changed = true;
	return 0;
}

/* ---- data segments ---- */

static bool data_fits(const struct emul_cpu *cpu, const struct descriptor *d)
{
	const struct baton_segment *seg = &d->seg;
	unsigned int rpl = d->selector & RPL;

	if (!(seg->attr & BATON_SEG_S) || (seg->attr & (TYPE_CODE | TYPE_RW)) == TYPE_CODE)
		return false;
	return (seg->attr & (TYPE_CODE | TYPE_CONFORMING)) == (TYPE_CODE | TYPE_CONFORMING) ||
	       (rpl <= dpl(seg) && cpl(cpu) <= dpl(seg));
}

static bool stack_fits(const struct emul_cpu *cpu, const struct descriptor *d)
{
	return d->seg.attr & BATON_SEG_S && (d->seg.attr & (TYPE_CODE | TYPE_RW)) == TYPE_RW &&
	       (d->selector & RPL) == cpl(cpu) && dpl(&d->seg) == cpl(cpu);
}

/* SS keeps a privilege level even then. */
static int take_null(struct emul_cpu *cpu, enum baton_seg number, uint16_t selector)
{
	unsigned int level = cpl(cpu);

	if (number == BATON_SS &&
	    (cpu->mode != EMUL_LONG64 || level == 3 || (selector & RPL) != level))
		return access_fault(cpu, VECTOR_GP);
	cpu->sregs->seg[number] = (struct baton_segment){
		.selector = selector,
		.attr = (uint16_t)(BATON_SEG_UNUSABLE |
				   (number == BATON_SS ? level << BATON_SEG_DPL_SHIFT : 0)),
	};
	cpu->sregs_changed = true;
	return 0;
}

static int load_data(struct emul_cpu *cpu, enum baton_seg number, uint16_t selector)
{
	bool stack = number == BATON_SS;
	struct descriptor d;
	int error;

	if (!(selector & ~RPL))
		return take_null(cpu, number, selector);
	error = read_descriptor(cpu, selector, NULL, &d);
	if (error)
		return error;
	if (!(stack ? stack_fits(cpu, &d) : data_fits(cpu, &d)))
		return selector_fault(cpu, VECTOR_GP, selector);
	if (!(d.seg.attr & BATON_SEG_P))
		return selector_fault(cpu, stack ? VECTOR_SS : VECTOR_NP, selector);
	return take(cpu, number, &d, TYPE_ACCESSED);
}

/* Real and virtual-8086 mode: only the base follows. */
static int load_plain(struct emul_cpu *cpu, enum baton_seg number, uint16_t selector)
{
	cpu->sregs->seg[number].selector = selector;
	cpu->sregs->seg[number].base = (uint64_t)selector << 4;
	cpu->sregs_changed = true;
	return 0;
}

/* Not CS: decoded as nothing. */
int exec_mov_to_sreg(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t selector;
	int error = emul_need_sregs(cpu);

	if (!error)
		error = operand_read(cpu, op, &op->src, &selector);
	if (error)
		return error;
	return (cpu->protected_mode ? load_data : load_plain)(cpu, op->dst.reg, (uint16_t)selector);
}

/* ---- LTR, SMSW ---- */

int exec_ltr(struct emul_cpu *cpu, const struct emul_op *op)
{
	bool wide = in_long_mode(cpu);
	struct descriptor d;
	uint64_t value, high = 0;
	unsigned int type;
	int error;

	if (!cpu->protected_mode)
		return access_fault(cpu, VECTOR_UD);
	error = cpl(cpu) ? access_fault(cpu, VECTOR_GP) : emul_need_sregs(cpu);
	if (!error)
		error = operand_read(cpu, op, &op->dst, &value);
	if (error)
		return error;
	if (!(value & ~(uint64_t)RPL & 0xffff) || value & TABLE_LOCAL)
		return selector_fault(cpu, VECTOR_GP, (uint16_t)value);
	error = read_descriptor(cpu, (uint16_t)value, wide ? &high : NULL, &d);
	if (error)
		return error;
	type = d.seg.attr & 0x1f; /* with BATON_SEG_S */
	if (type != TYPE_TSS && (wide || type != TYPE_TSS16))
		return selector_fault(cpu, VECTOR_GP, d.selector);
	if (!(d.seg.attr & BATON_SEG_P))
		return selector_fault(cpu, VECTOR_NP, d.selector);
	d.seg.base |= high << 32;
	return take(cpu, BATON_TR, &d, TYPE_BUSY);
}

int exec_smsw(struct emul_cpu *cpu, const struct emul_op *op)
{
	int error = emul_need_sregs(cpu);

	if (error)
		return error;
	if (cpu->sregs->cr4 & CR4_UMIP && cpl(cpu) == 3)
		return access_fault(cpu, VECTOR_GP);
	return operand_write(cpu, op, &op->dst, cpu->sregs->cr0);
}

/* ---- jumps ---- */

static bool can_go_to(const struct emul_cpu *cpu, const struct baton_segment *cs, uint64_t rip)
{
	if (in_long_mode(cpu) && cs->attr & BATON_SEG_L)
		return (uint64_t)((int64_t)(rip << 16) >> 16) == rip;
	return rip <= cs->limit;
}

/* RIP moves on by the instruction's length after this. */
static void go_to(struct emul_cpu *cpu, const struct emul_op *op, uint64_t rip)
{
	cpu->regs->rip = rip - op->length;
}

int exec_jmp(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t rip;
	int error = operand_read(cpu, op, &op->dst, &rip);

	if (!error && !can_go_to(cpu, &cpu->sregs->seg[BATON_CS], rip))
		error = access_fault(cpu, VECTOR_GP);
	if (!error)
		go_to(cpu, op, rip);
	return error;
}

/* With the stack in a device, too; `on`: what is there. */
static int resolve_stack(struct emul_cpu *cpu, const struct emul_op *op, uint64_t offset,
			 uint32_t access, struct emul_place *on)
{
	return access_resolve(cpu, BATON_SS, offset & size_mask(stack_width(cpu)), op->size,
			      access, on);
}

int exec_call(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t next = cpu->regs->rip + op->length, rsp = cpu->regs->gpr[BATON_RSP], rip;
	struct emul_place on;
	int error = resolve_stack(cpu, op, rsp - op->size, WALK_WRITE, &on);

	if (!error)
		error = operand_read(cpu, op, &op->dst, &rip);
	if (error)
		return error;
	if (op->dst.kind == EMUL_IMM)
		rip = (next + rip) & size_mask(op->size);
	if (!can_go_to(cpu, &cpu->sregs->seg[BATON_CS], rip))
		return access_fault(cpu, VECTOR_GP);
	access_write(cpu, &on, next);
	gpr_write(cpu, BATON_RSP, stack_width(cpu), rsp - op->size);
	go_to(cpu, op, rip);
	return 0;
}

int exec_ret(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t rsp = cpu->regs->gpr[BATON_RSP], rip;
	struct emul_place on;
	int error = resolve_stack(cpu, op, rsp, WALK_READ, &on);

	if (error)
		return error;
	rip = access_read(cpu, &on);
	if (!can_go_to(cpu, &cpu->sregs->seg[BATON_CS], rip))
		return access_fault(cpu, VECTOR_GP);
	gpr_write(cpu, BATON_RSP, stack_width(cpu),
		  rsp + op->size + (op->dst.kind == EMUL_IMM ? op->dst.value & 0xffff : 0));
	go_to(cpu, op, rip);
	return 0;
}

/* The processor also sees to it that the stack's new end can be written. */
int exec_enter(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t frame = cpu->regs->gpr[BATON_RSP] - op->size, room = op->dst.value & 0xffff;
	struct emul_place on, end;
	int error = resolve_stack(cpu, op, frame, WALK_WRITE, &on);

	if (!error)
		error = resolve_stack(cpu, op, frame - room, WALK_WRITE, &end);
	if (error)
		return error;
	access_write(cpu, &on, gpr_read(cpu, BATON_RBP, op->size));
	gpr_write(cpu, BATON_RBP, op->size, frame);
	gpr_write(cpu, BATON_RSP, stack_width(cpu), frame - room);
	return 0;
}

int exec_leave(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t rbp = cpu->regs->gpr[BATON_RBP];
	struct emul_place on;
	int error = resolve_stack(cpu, op, rbp, WALK_READ, &on);

	if (error)
		return error;
	gpr_write(cpu, BATON_RSP, stack_width(cpu), rbp + op->size);
	gpr_write(cpu, BATON_RBP, op->size, access_read(cpu, &on));
	return 0;
}

/* Within the same privilege level. */
static bool code_fits(const struct emul_cpu *cpu, const struct descriptor *d)
{
	const struct baton_segment *seg = &d->seg;

	if (in_long_mode(cpu) && seg->attr & BATON_SEG_L && seg->attr & BATON_SEG_DB)
		return false;
	if (seg->attr & TYPE_CONFORMING)
		return dpl(seg) <= cpl(cpu);
	return (d->selector & RPL) <= cpl(cpu) && dpl(seg) == cpl(cpu);
}

static int jump_far(struct emul_cpu *cpu, const struct emul_op *op, uint16_t selector, uint64_t rip)
{
	struct descriptor d;
	int error;

	if (!(selector & ~RPL))
		return access_fault(cpu, VECTOR_GP);
	error = read_descriptor(cpu, selector, NULL, &d);
	if (error)
		return error;
	if (!(d.seg.attr & BATON_SEG_S) || !(d.seg.attr & TYPE_CODE) || !code_fits(cpu, &d))
		return selector_fault(cpu, VECTOR_GP, selector);
	if (!(d.seg.attr & BATON_SEG_P))
		return selector_fault(cpu, VECTOR_NP, selector);
	if (!can_go_to(cpu, &d.seg, rip))
		return access_fault(cpu, VECTOR_GP);
	d.seg.selector = (uint16_t)((selector & ~RPL) | cpl(cpu));
	error = take(cpu, BATON_CS, &d, TYPE_ACCESSED);
	if (!error)
		go_to(cpu, op, rip);
	return error;
}

/* Offset, then selector. */
int exec_jmp_far(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_operand part = op->dst;
	uint64_t rip, selector;
	int error;

	part.size = op->size;
	error = emul_need_sregs(cpu);
	if (!error)
		error = operand_read(cpu, op, &part, &rip);
	part.value += op->size;
	part.size = 2;
	if (!error)
		error = operand_read(cpu, op, &part, &selector);
	if (error)
		return error;
	if (cpu->protected_mode)
		return jump_far(cpu, op, (uint16_t)selector, rip);
	if (!can_go_to(cpu, &cpu->sregs->seg[BATON_CS], rip))
		return access_fault(cpu, VECTOR_GP);
	go_to(cpu, op, rip);
	return load_plain(cpu, BATON_CS, (uint16_t)selector);
}
