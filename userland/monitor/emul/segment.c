/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors: from a selector to what is in its table. Intel SDM 3, "Protected-Mode Memory
 * Management". What may be loaded where is said by system.c and task.c.
 */
#include <errno.h>

#include "segment.h"

int segment_fault(struct emul_cpu *cpu, uint8_t vector, uint16_t selector)
{
	access_fault(cpu, vector);
	cpu->fault.has_error_code = true;
	cpu->fault.error_code = selector & ~RPL;
	return -EFAULT;
}

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

int segment_read(struct emul_cpu *cpu, uint16_t selector, uint64_t *high, struct descriptor *d)
{
	const struct baton_segment *ldt = &cpu->sregs->seg[BATON_LDTR];
	uint64_t base = selector & TABLE_LOCAL ? ldt->base : cpu->sregs->gdt.base;
	uint32_t limit = selector & TABLE_LOCAL ? ldt->limit : cpu->sregs->gdt.limit;
	uint32_t offset = selector & 0xfff8u, size = high ? 16 : 8;
	struct emul_place place, second;
	int error;

	if ((selector & TABLE_LOCAL && ldt->attr & BATON_SEG_UNUSABLE) || offset + size - 1 > limit)
		return segment_fault(cpu, VECTOR_GP, selector);
	d->linear = base + offset;
	error = access_resolve_system(cpu, d->linear, 8, WALK_READ, &place);
	if (!error && high)
		error = access_resolve_system(cpu, d->linear + 8, 8, WALK_READ, &second);
	if (error)
		return error;
	d->selector = selector;
	d->raw = access_read(cpu, &place);
	if (high)
		*high = access_read(cpu, &second);
	unpack(d->raw, selector, &d->seg);
	return 0;
}

int segment_mark(struct emul_cpu *cpu, struct descriptor *d, uint16_t bit)
{
	struct emul_place place;
	int error;

	if (d->seg.attr & bit)
		return 0;
	d->seg.attr |= bit;
	error = access_resolve_system(cpu, d->linear, 8, WALK_WRITE, &place);
	if (error)
		return error;
	return access_exchange(cpu, &place, d->raw, d->raw | (uint64_t)bit << 40) ? 0 : -EAGAIN;
}

int segment_take(struct emul_cpu *cpu, enum baton_seg number, struct descriptor *d, uint16_t bit)
{
	int error = segment_mark(cpu, d, bit);

	if (error)
		return error;
	cpu->sregs->seg[number] = d->seg;
	cpu->sregs_changed = true;
	return 0;
}

bool segment_fits_data(const struct descriptor *d, unsigned int cpl)
{
	const struct baton_segment *seg = &d->seg;
	unsigned int rpl = d->selector & RPL;

	if (!(seg->attr & BATON_SEG_S) || (seg->attr & (TYPE_CODE | TYPE_RW)) == TYPE_CODE)
		return false;
	return (seg->attr & (TYPE_CODE | TYPE_CONFORMING)) == (TYPE_CODE | TYPE_CONFORMING) ||
	       (rpl <= segment_dpl(seg) && cpl <= segment_dpl(seg));
}

bool segment_fits_stack(const struct descriptor *d, unsigned int cpl)
{
	return d->seg.attr & BATON_SEG_S && (d->seg.attr & (TYPE_CODE | TYPE_RW)) == TYPE_RW &&
	       (d->selector & RPL) == cpl && segment_dpl(&d->seg) == cpl;
}

void segment_set_null(struct emul_cpu *cpu, enum baton_seg number, uint16_t selector)
{
	cpu->sregs->seg[number] = (struct baton_segment){
		.selector = selector, .attr = BATON_SEG_UNUSABLE,
	};
	cpu->sregs_changed = true;
}
