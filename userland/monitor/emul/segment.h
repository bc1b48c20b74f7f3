/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors of segments, for the files that load them.
 */
#ifndef BATON_EMUL_SEGMENT_H
#define BATON_EMUL_SEGMENT_H

#include "exec.h"

#define EFER_LMA	(1ull << 10)

#define RPL		3u
#define TABLE_LOCAL	4u	/* selector: LDT */

/* A descriptor's attributes, as struct baton_segment has them. */
#define TYPE_ACCESSED	1u
#define TYPE_RW		2u
#define TYPE_CONFORMING	4u
#define TYPE_CODE	8u
#define TYPE_LDT	2u
#define TYPE_BUSY	2u
#define TYPE_TSS16	1u
#define TYPE_TSS	9u
#define TYPE_SYSTEM	0x1fu	/* with BATON_SEG_S */

#define VECTOR_TS	10
#define VECTOR_NP	11

/* What a selector leads to. */
struct descriptor {
	uint16_t selector;
	uint64_t linear;
	uint64_t raw;
	struct baton_segment seg;
};

static inline bool in_long_mode(const struct emul_cpu *cpu)
{
	return cpu->sregs->efer & EFER_LMA;
}

static inline unsigned int segment_dpl(const struct baton_segment *seg)
{
	return (seg->attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT;
}

static inline unsigned int segment_cpl(const struct emul_cpu *cpu)
{
	return segment_dpl(&cpu->sregs->seg[BATON_SS]);
}

/* Makes `vector` with the selector the fault. Returns -EFAULT. */
int segment_fault(struct emul_cpu *cpu, uint8_t vector, uint16_t selector);
/*
 * Of a selector that is not null. `high`: the second half of a long one; may be NULL. 0,
 * -EFAULT: beyond its table (#GP), or a page fault.
 */
int segment_read(struct emul_cpu *cpu, uint16_t selector, uint64_t *high, struct descriptor *d);
/*
 * Sets a bit of the attributes, in the table too, which is read-only where systems have set
 * it before. 0, -EFAULT, -EAGAIN: the descriptor is another one by now.
 */
int segment_mark(struct emul_cpu *cpu, struct descriptor *d, uint16_t bit);
/* The same, then it is that register's. */
int segment_take(struct emul_cpu *cpu, enum baton_seg number, struct descriptor *d, uint16_t bit);
/* May it be loaded to a data segment register at this CPL; to SS at that? */
bool segment_fits_data(const struct descriptor *d, unsigned int cpl);
bool segment_fits_stack(const struct descriptor *d, unsigned int cpl);
void segment_set_null(struct emul_cpu *cpu, enum baton_seg number, uint16_t selector);

#endif
