/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jumps through memory, calls and returns, segment registers from memory, and what else only
 * systems do: no driver does that to a device, but a test of a hypervisor does. Intel SDM 3,
 * "Protection"; AMD APM 2, "Segmented Virtual Memory". A gate or a task in place of a code
 * segment is a #GP here.
 */
#include <errno.h>

#include "segment.h"

#define CR4_UMIP	(1ull << 11)
#define CR4_LA57	(1ull << 12)
#define TYPE_HIGH	0x1f00u	/* where the upper half of a descriptor has its type */

/* ---- data segments ---- */

/* SS keeps a privilege level even then. */
static int take_null(struct emul_cpu *cpu, enum baton_seg number, uint16_t selector)
{
	unsigned int level = segment_cpl(cpu);

	if (number == BATON_SS &&
	    (cpu->mode != EMUL_LONG64 || level == 3 || (selector & RPL) != level))
		return access_fault(cpu, VECTOR_GP);
	segment_set_null(cpu, number, selector);
	if (number == BATON_SS)
		cpu->sregs->seg[number].attr |= (uint16_t)(level << BATON_SEG_DPL_SHIFT);
	return 0;
}

static int load_data(struct emul_cpu *cpu, enum baton_seg number, uint16_t selector)
{
	bool stack = number == BATON_SS;
	struct descriptor d;
	int error;

	if (!(selector & ~RPL))
		return take_null(cpu, number, selector);
	error = segment_read(cpu, selector, NULL, &d);
	if (error)
		return error;
	if (!(stack ? segment_fits_stack : segment_fits_data)(&d, segment_cpl(cpu)))
		return segment_fault(cpu, VECTOR_GP, selector);
	if (!(d.seg.attr & BATON_SEG_P))
		return segment_fault(cpu, stack ? VECTOR_SS : VECTOR_NP, selector);
	return segment_take(cpu, number, &d, TYPE_ACCESSED);
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

/* Of 48 bits, or 57 with five levels of tables. */
static bool is_canonical(const struct emul_cpu *cpu, uint64_t address)
{
	unsigned int unused = cpu->sregs->cr4 & CR4_LA57 ? 7 : 16;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

int exec_ltr(struct emul_cpu *cpu, const struct emul_op *op)
{
	bool wide = in_long_mode(cpu);
	struct descriptor d;
	uint64_t value, high = 0;
	unsigned int type;
	int error;

	if (!cpu->protected_mode)
		return access_fault(cpu, VECTOR_UD);
	error = segment_cpl(cpu) ? access_fault(cpu, VECTOR_GP) : emul_need_sregs(cpu);
	if (!error)
		error = operand_read(cpu, op, &op->dst, &value);
	if (error)
		return error;
	if (!(value & ~(uint64_t)RPL & 0xffff) || value & TABLE_LOCAL)
		return segment_fault(cpu, VECTOR_GP, (uint16_t)value);
	error = segment_read(cpu, (uint16_t)value, wide ? &high : NULL, &d);
	if (error)
		return error;
	type = d.seg.attr & TYPE_SYSTEM;
	if (type != TYPE_TSS && (wide || type != TYPE_TSS16))
		return segment_fault(cpu, VECTOR_GP, d.selector);
	if (!(d.seg.attr & BATON_SEG_P))
		return segment_fault(cpu, VECTOR_NP, d.selector);
	d.seg.base |= high << 32;
	/* The upper half has a type, too, which is 0; committing checks the base no more. */
	if (high >> 32 & TYPE_HIGH || (wide && !is_canonical(cpu, d.seg.base)))
		return segment_fault(cpu, VECTOR_GP, d.selector);
	return segment_take(cpu, BATON_TR, &d, TYPE_BUSY);
}

int exec_smsw(struct emul_cpu *cpu, const struct emul_op *op)
{
	int error = emul_need_sregs(cpu);

	if (error)
		return error;
	if (cpu->sregs->cr4 & CR4_UMIP && segment_cpl(cpu) == 3)
		return access_fault(cpu, VECTOR_GP);
	return operand_write(cpu, op, &op->dst, cpu->sregs->cr0);
}

/* ---- jumps ---- */

static bool can_go_to(const struct emul_cpu *cpu, const struct baton_segment *cs, uint64_t rip)
{
	if (in_long_mode(cpu) && cs->attr & BATON_SEG_L)
		return is_canonical(cpu, rip);
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
		return segment_dpl(seg) <= segment_cpl(cpu);
	return (d->selector & RPL) <= segment_cpl(cpu) && segment_dpl(seg) == segment_cpl(cpu);
}

static int jump_far(struct emul_cpu *cpu, const struct emul_op *op, uint16_t selector, uint64_t rip)
{
	struct descriptor d;
	int error;

	if (!(selector & ~RPL))
		return access_fault(cpu, VECTOR_GP);
	error = segment_read(cpu, selector, NULL, &d);
	if (error)
		return error;
	if (!(d.seg.attr & BATON_SEG_S) || !(d.seg.attr & TYPE_CODE) || !code_fits(cpu, &d))
		return segment_fault(cpu, VECTOR_GP, selector);
	if (!(d.seg.attr & BATON_SEG_P))
		return segment_fault(cpu, VECTOR_NP, selector);
	if (!can_go_to(cpu, &d.seg, rip))
		return access_fault(cpu, VECTOR_GP);
	d.seg.selector = (uint16_t)((selector & ~RPL) | segment_cpl(cpu));
	error = segment_take(cpu, BATON_CS, &d, TYPE_ACCESSED);
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
