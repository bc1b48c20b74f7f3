/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves between XMM registers and memory: what C libraries and drivers copy
 * with. The registers are in the engine; they come and go as an XSAVE image
 * (Intel SDM 1, "Managing State Using the XSAVE Feature Set").
 */
#include <errno.h>
#include <string.h>

#include "exec.h"

#define CR0_EM		(1ull << 2)
#define CR0_TS		(1ull << 3)
#define CR4_OSFXSR	(1ull << 9)

#define XSAVE_FSW	2
#define XSAVE_FTW	4
#define XSAVE_MXCSR	24	/* what is before it is x87's alone */
#define XSAVE_ST0	32
#define XSAVE_XMM0	160
#define XSAVE_XSTATE_BV	512
#define XSTATE_X87	(1ull << 0)
#define XSTATE_SSE	(1ull << 1)

#define FCW_INIT	0x37fu
#define FSW_ES		0x80u
#define FSW_TOP		11	/* bits 11 to 13 */

static uint64_t *xstate_bv(struct baton_xsave *image)
{
	return (uint64_t *)(void *)(image->image + XSAVE_XSTATE_BV);
}

static void get_xmm(struct baton_xsave *image, unsigned int reg, uint64_t value[2])
{
	if (*xstate_bv(image) & XSTATE_SSE)
		memcpy(value, image->image + XSAVE_XMM0 + 16 * reg, 16);
	else
		value[0] = value[1] = 0;
}

/* Registers in their initial state are not in the image: they are zero. */
static void put_xmm(struct baton_xsave *image, unsigned int reg, const uint64_t value[2])
{
	if (!(*xstate_bv(image) & XSTATE_SSE))
		memset(image->image + XSAVE_XMM0, 0, 16 * 16);
	*xstate_bv(image) |= XSTATE_SSE;
	memcpy(image->image + XSAVE_XMM0 + 16 * reg, value, 16);
}

static int check_usable(struct emul_cpu *cpu)
{
	if (cpu->sregs->cr0 & CR0_EM || !(cpu->sregs->cr4 & CR4_OSFXSR))
		return access_fault(cpu, VECTOR_UD);
	return cpu->sregs->cr0 & CR0_TS ? access_fault(cpu, VECTOR_NM) : 0;
}

static void load(struct emul_cpu *cpu, const struct emul_op *op, const struct emul_place *place,
		 uint64_t value[2])
{
	struct emul_place half[2];

	if (!(op->sub & EMUL_VECTOR_KEEP))
		value[0] = value[1] = 0;
	if (place->size < 16) {
		value[!!(op->sub & EMUL_VECTOR_HIGH)] = access_read(cpu, place);
		return;
	}
	for (unsigned int i = 0; i < 2; i++) {
		half[i] = access_part(place, 8 * i);
		value[i] = access_read(cpu, &half[i]);
	}
}

static void store(struct emul_cpu *cpu, const struct emul_op *op, const struct emul_place *place,
		  const uint64_t value[2])
{
	struct emul_place half[2];

	if (place->size < 16) {
		access_write(cpu, place, value[!!(op->sub & EMUL_VECTOR_HIGH)]);
		return;
	}
	for (unsigned int i = 0; i < 2; i++) {
		half[i] = access_part(place, 8 * i);
		access_write(cpu, &half[i], value[i]);
	}
}

/* ---- MMX ---- */

/*
 * As each of its instructions does (SDM 1, "Effect of MMX Instructions on the x87 FPU
 * State"): the stack begins at register 0, and all are in use. The image has them in the
 * order of the stack.
 */
static void enter_mmx(struct baton_xsave *image)
{
	uint8_t old[8 * 16], *regs = image->image + XSAVE_ST0;
	uint16_t fcw = FCW_INIT, fsw;

	if (!(*xstate_bv(image) & XSTATE_X87)) {
		memset(image->image, 0, XSAVE_MXCSR);
		memcpy(image->image, &fcw, sizeof(fcw));
		memset(regs, 0, sizeof(old));
		*xstate_bv(image) |= XSTATE_X87;
	}
	memcpy(&fsw, image->image + XSAVE_FSW, sizeof(fsw));
	memcpy(old, regs, sizeof(old));
	for (unsigned int i = 0; i < 8; i++)
		memcpy(regs + 16 * i, old + 16 * ((i - (fsw >> FSW_TOP)) & 7), 16);
	fsw &= (uint16_t)~(7u << FSW_TOP);
	memcpy(image->image + XSAVE_FSW, &fsw, sizeof(fsw));
	image->image[XSAVE_FTW] = 0xff;
}

static int check_mmx(struct emul_cpu *cpu, const struct baton_xsave *image)
{
	if (!(image->image[XSAVE_FSW] & FSW_ES) || !(image->image[XSAVE_XSTATE_BV] & XSTATE_X87))
		return 0;
	cpu->fault = (struct emul_fault){ .vector = VECTOR_MF };
	return -EFAULT;
}

static int exec_mmx(struct emul_cpu *cpu, const struct emul_op *op)
{
	const struct emul_config *config = cpu->config;
	bool is_load = op->dst.kind == EMUL_MMX;
	const struct emul_operand *memory = is_load ? &op->src : &op->dst;
	uint8_t *reg;
	struct baton_xsave image;
	struct emul_place place;
	uint64_t value;
	int error = 0;

	if (cpu->sregs->cr0 & (CR0_EM | CR0_TS))
		return access_fault(cpu, cpu->sregs->cr0 & CR0_EM ? VECTOR_UD : VECTOR_NM);
	if (config->get_xsave(config->vcpu, &image))
		return -ENOTSUP;
	error = check_mmx(cpu, &image);
	if (!error)
		error = operand_resolve(cpu, op, memory, is_load ? WALK_READ : WALK_WRITE, &place);
	if (error)
		return error;
	enter_mmx(&image);
	reg = image.image + XSAVE_ST0 + 16 * (is_load ? op->dst.reg : op->src.reg);
	if (is_load) {
		value = access_read(cpu, &place);
		memcpy(reg, &value, sizeof(value));
		memset(reg + 8, 0xff, 2);
	}
	if (config->set_xsave(config->vcpu, &image))
		return -ENOTSUP;
	memcpy(&value, reg, sizeof(value));
	if (!is_load)
		access_write(cpu, &place, value);
	return 0;
}

/* ---- XMM ---- */

int exec_vector(struct emul_cpu *cpu, const struct emul_op *op)
{
	const struct emul_config *config = cpu->config;
	bool is_load = op->dst.kind == EMUL_XMM;
	const struct emul_operand *memory = is_load ? &op->src : &op->dst;
	const struct emul_operand *reg = is_load ? &op->dst : &op->src;
	struct baton_xsave image;
	struct emul_place place;
	uint64_t value[2];
	int error = config->get_xsave ? 0 : -ENOTSUP;

	if (!error && (op->dst.kind == EMUL_MMX || op->src.kind == EMUL_MMX))
		return exec_mmx(cpu, op);
	if (!error)
		error = check_usable(cpu);
	if (!error)
		error = operand_resolve(cpu, op, memory, is_load ? WALK_READ : WALK_WRITE, &place);
	if (!error && op->sub & EMUL_VECTOR_ALIGNED && place.gpa[0] & 15)
		error = access_fault(cpu, VECTOR_GP);
	if (!error && config->get_xsave(config->vcpu, &image))
		error = -ENOTSUP;
	if (error)
		return error;
	get_xmm(&image, reg->reg, value);
	if (!is_load) {
		store(cpu, op, &place, value);
		return 0;
	}
	load(cpu, op, &place, value);
	put_xmm(&image, reg->reg, value);
	return config->set_xsave(config->vcpu, &image) ? -ENOTSUP : 0;
}
