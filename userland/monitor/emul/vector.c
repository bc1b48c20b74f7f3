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

#define XSAVE_XMM0	160
#define XSAVE_XSTATE_BV	512
#define XSTATE_SSE	(1ull << 1)

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

int exec_vector(struct emul_cpu *cpu, const struct emul_op *op)
{
	const struct emul_config *config = cpu->config;
	bool is_load = op->dst.kind == EMUL_XMM;
	const struct emul_operand *memory = is_load ? &op->src : &op->dst;
	const struct emul_operand *reg = is_load ? &op->dst : &op->src;
	struct baton_xsave image;
	struct emul_place place;
	uint64_t value[2];
	int error = config->get_xsave ? check_usable(cpu) : -ENOTSUP;

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
