/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steps that the guest would see. Engines that step by RFLAGS.TF show it in what PUSHF
 * saves, cannot tell it from what POPF and IRET load, and lose it where the processor
 * clears TF on the way to a handler without a trap (INT n, SYSCALL). So: what PUSHF saved
 * is put right; TF becomes what POPF loaded; and to a handler the guest runs, up to a
 * breakpoint at its beginning. Where engines step without TF this changes nothing. Nor is
 * there anything to put right when such an instruction faults: the step ends elsewhere.
 */
#include <string.h>

#include "gdb/gdb_private.h"

#define MSR_LSTAR	0xc0000082u
#define TF		(1u << 8)
#define OF		(1u << 11)
#define CR0_PE		(1u << 0)
#define EFER_LMA	(1u << 10)

#define GATE_DPL	13	/* bits of its third word */
#define GATE_P		15

#define OP_PUSHF	0x9c
#define OP_POPF		0x9d
#define OP_INT3		0xcc
#define OP_INT		0xcd
#define OP_INTO		0xce
#define OP_IRET		0xcf

struct place {
	struct hv_vcpu *vcpu;
	struct baton_regs regs;
	struct baton_sregs sregs;
	uint8_t code[15];
	unsigned int at;	/* of the opcode, behind prefixes */
	bool long64, op_size, rex_w;
};

/* Bytes past the end of memory read as 0, which is none of ours. */
static bool read_place(struct gdb *gdb, unsigned int cpu, struct place *p)
{
	uint64_t rip;

	*p = (struct place){ .vcpu = gdb_vcpu(gdb, cpu) };
	if (hv_vcpu_get_regs(p->vcpu, &p->regs) || hv_vcpu_get_sregs(p->vcpu, &p->sregs))
		return false;
	p->long64 = p->sregs.efer & EFER_LMA && p->sregs.seg[BATON_CS].attr & BATON_SEG_L;
	rip = p->sregs.seg[BATON_CS].base + p->regs.rip;
	for (unsigned int i = 0; i < sizeof(p->code); i++)
		if (gdb_memory(gdb, cpu, rip + i, &p->code[i], 1, false))
			break;
	return true;
}

static void skip_prefixes(struct place *p)
{
	static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
					    0xf0, 0xf2, 0xf3 };

	/* Behind a REX there is room for an opcode of two bytes. */
	for (; p->at < 12 && memchr(prefixes, p->code[p->at], sizeof(prefixes)); p->at++)
		p->op_size |= p->code[p->at] == 0x66;
	if (p->long64 && (p->code[p->at] & 0xf0) == 0x40)
		p->rex_w = p->code[p->at++] & 8;
}

/* Bytes that a PUSHF, POPF or each part of an IRET moves. */
static unsigned int operand(const struct place *p, bool iret)
{
	bool big = p->sregs.seg[BATON_CS].attr & BATON_SEG_DB;

	if (p->long64)
		return p->op_size && !p->rex_w ? 2 : iret && !p->rex_w ? 4 : 8;
	return big != p->op_size ? 4 : 2;
}

static uint64_t stack(const struct place *p, uint64_t sp)
{
	if (p->long64)
		return sp;
	if (!(p->sregs.seg[BATON_SS].attr & BATON_SEG_DB))
		sp &= 0xffff;
	return (uint32_t)(p->sregs.seg[BATON_SS].base + sp);
}

/* A part of what POPF and IRET load; 0 if it is not there. */
static uint64_t popped(struct gdb *gdb, unsigned int cpu, const struct place *p,
		       unsigned int size, unsigned int i)
{
	uint64_t value = 0;

	gdb_memory(gdb, cpu, stack(p, p->regs.gpr[BATON_RSP] + i * size), &value, size, false);
	return value;
}

/* May an instruction of this place pass the gate? Else it is a fault. */
static bool is_open(const struct place *p, const uint16_t *gate)
{
	unsigned int cpl = (p->sregs.seg[BATON_SS].attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT;

	return gate[2] >> GATE_P & 1 && (gate[2] >> GATE_DPL & 3u) >= cpl;
}

/* Where an interrupt's handler begins, linear; 0: it faults, or cannot be found out. */
static uint64_t handler(struct gdb *gdb, unsigned int cpu, const struct place *p, uint8_t vector)
{
	const struct baton_dtable *idt = &p->sregs.idt;
	bool real = !(p->sregs.cr0 & CR0_PE), wide = p->sregs.efer & EFER_LMA;
	unsigned int size = real ? 4 : wide ? 16 : 8;
	uint16_t gate[8] = { 0 };

	if (size * (vector + 1u) > idt->limit + 1ull ||
	    gdb_memory(gdb, cpu, idt->base + size * vector, gate, size, false))
		return 0;
	if (real)
		return ((uint32_t)gate[1] << 4) + gate[0];
	/* The code segment of a handler is flat wherever this is of use. */
	return !is_open(p, gate) ? 0 :
	       gate[0] | (uint32_t)gate[3] << 16 | (uint64_t)gate[4] << 32 |
	       (uint64_t)gate[5] << 48;
}

static uint64_t syscall_entry(const struct place *p)
{
	struct baton_msr msr = { .index = MSR_LSTAR };

	return p->long64 && hv_vcpu_get_msrs(p->vcpu, &msr, 1) == 1 ? msr.data : 0;
}

static void find_out(struct gdb *gdb, unsigned int cpu, const struct place *p,
		     struct gdb_step *step)
{
	const uint8_t *code = p->code + p->at;
	unsigned int size = operand(p, code[0] == OP_IRET);

	step->next = p->regs.rip + p->at + 1;
	switch (code[0]) {
	case OP_PUSHF:
		step->how = GDB_STEP_PUSHF;
		step->trap_flag = p->regs.rflags & TF;
		step->address = stack(p, p->regs.gpr[BATON_RSP] - size);
		break;
	case OP_POPF:
		step->how = GDB_STEP_POPF;
		step->trap_flag = popped(gdb, cpu, p, size, 0) & TF;
		break;
	case OP_IRET:
		step->how = GDB_STEP_POPF;
		step->next = popped(gdb, cpu, p, size, 0);
		step->trap_flag = popped(gdb, cpu, p, size, 2) & TF;
		break;
	case OP_INT3:
	case OP_INT:
		step->how = GDB_STEP_TO;
		step->address = handler(gdb, cpu, p, code[0] == OP_INT ? code[1] : 3);
		break;
	case OP_INTO:
		if (p->long64 || !(p->regs.rflags & OF))
			break;
		step->how = GDB_STEP_TO;
		step->address = handler(gdb, cpu, p, 4);
		break;
	case 0x0f:
		if (code[1] != 0x05)
			break;
		step->how = GDB_STEP_TO;
		step->address = syscall_entry(p);
		break;
	}
}

/* With all four in use, or no address, it is a step like others. */
static bool break_at_end(const struct gdb_step *step, struct hv_debug *debug)
{
	for (unsigned int i = 0; step->address && i < GDB_HARD_MAX; i++) {
		if (debug->dr7 >> 2 * i & 3)
			continue;
		debug->hw_break = true;
		debug->dr[i] = step->address;
		debug->dr7 |= 0x400 | 2ull << 2 * i;
		return true;
	}
	return false;
}

void gdb_step_before(struct gdb *gdb, unsigned int cpu, struct hv_debug *debug)
{
	struct gdb_step *step = &gdb->step[cpu];
	bool physical = gdb->physical;
	struct place p;

	*step = (struct gdb_step){ .on = true };
	gdb->physical = false;
	if (read_place(gdb, cpu, &p)) {
		skip_prefixes(&p);
		find_out(gdb, cpu, &p, step);
	}
	gdb->physical = physical;
	if (step->how == GDB_STEP_TO && break_at_end(step, debug))
		return;
	if (step->how == GDB_STEP_TO)
		step->how = GDB_STEP_PLAIN;
	debug->step = true;
}

static void set_saved_flag(struct gdb *gdb, unsigned int cpu, const struct gdb_step *step)
{
	bool physical = gdb->physical;
	uint16_t flags;

	gdb->physical = false;
	if (!gdb_memory(gdb, cpu, step->address, &flags, sizeof(flags), false)) {
		flags = (uint16_t)((flags & ~TF) | (step->trap_flag ? TF : 0));
		gdb_memory(gdb, cpu, step->address, &flags, sizeof(flags), true);
	}
	gdb->physical = physical;
}

void gdb_step_after(struct gdb *gdb, unsigned int cpu)
{
	const struct gdb_step *step = &gdb->step[cpu];
	const struct hv_debug none = { .step = false };
	struct hv_vcpu *vcpu = gdb_vcpu(gdb, cpu);
	struct baton_regs regs;

	if (hv_vcpu_get_regs(vcpu, &regs) || regs.rip != step->next)
		return;
	if (step->how == GDB_STEP_PUSHF)
		set_saved_flag(gdb, cpu, step);
	if (step->how != GDB_STEP_POPF || !(regs.rflags & TF) == !step->trap_flag)
		return;
	regs.rflags = (regs.rflags & ~(uint64_t)TF) | (step->trap_flag ? TF : 0);
	hv_vcpu_set_debug(vcpu, &none); /* as long as KVM steps, TF is its own to clear */
	hv_vcpu_set_regs(vcpu, &regs);
}
