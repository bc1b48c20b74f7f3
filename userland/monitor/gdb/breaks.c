/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breakpoints. Those in software are an INT3 in guest memory at the place where the page
 * tables led when they were set; those in hardware and watchpoints are DR0-3, which all
 * vCPUs get instead of the guest's while there is one.
 */
#include <errno.h>

#include "core/memory.h"
#include "gdb/gdb_private.h"

enum { SOFT, HARD, WATCH_WRITE, WATCH_READ, WATCH_ACCESS };

#define INT3 0xcc

/* ---- in software ---- */

static struct gdb_soft *find_soft(struct gdb *gdb, uint64_t gva)
{
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++)
		if (gdb->soft[i].used && gdb->soft[i].gva == gva)
			return &gdb->soft[i];
	return NULL;
}

static struct gdb_soft *free_soft(struct gdb *gdb)
{
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++)
		if (!gdb->soft[i].used)
			return &gdb->soft[i];
	return NULL;
}

/*
 * The page tables of a program may lack its kernel (KPTI), whose addresses are the same in
 * all: if this thread has been stopped in a program, another one may be in the kernel.
 */
static int translate(struct gdb *gdb, uint64_t gva, uint64_t *ret_gpa)
{
	int error = gdb_translate(gdb, gdb->current, gva, ret_gpa);

	for (unsigned int i = 0; error && gva >> 63 && i < gdb->target->cpus; i++)
		error = gdb_translate(gdb, i, gva, ret_gpa);
	return error;
}

static int add_soft(struct gdb *gdb, uint64_t gva)
{
	const uint8_t int3 = INT3;
	struct gdb_soft *soft = free_soft(gdb);
	uint64_t gpa = gva;
	uint8_t was;
	int error;

	if (find_soft(gdb, gva))
		return 0;
	if (!soft)
		return -ENOSPC;
	error = gdb->physical ? 0 : translate(gdb, gva, &gpa);
	if (!error)
		error = guest_memory_read(gdb->target->memory, gpa, &was, 1);
	/* Two addresses of one byte: the second INT3 would keep the first. */
	for (unsigned int i = 0; !error && i < GDB_SOFT_MAX; i++)
		if (gdb->soft[i].used && gdb->soft[i].gpa == gpa)
			was = gdb->soft[i].was;
	if (!error)
		error = guest_memory_write(gdb->target->memory, gpa, &int3, 1);
	if (!error)
		*soft = (struct gdb_soft){ .used = true, .gva = gva, .gpa = gpa, .was = was };
	return error;
}

/* The guest may have put something else there since. */
static void remove_soft(struct gdb *gdb, struct gdb_soft *soft)
{
	uint8_t now;

	soft->used = false;
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++)
		if (gdb->soft[i].used && gdb->soft[i].gpa == soft->gpa)
			return;
	if (gdb->target && !guest_memory_read(gdb->target->memory, soft->gpa, &now, 1) &&
	    now == INT3)
		guest_memory_write(gdb->target->memory, soft->gpa, &soft->was, 1);
}

bool gdb_break_soft_at(struct gdb *gdb, unsigned int cpu, uint64_t gva)
{
	uint64_t gpa;

	if (find_soft(gdb, gva))
		return true;
	if (gdb_translate(gdb, cpu, gva, &gpa))
		return false;
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++)
		if (gdb->soft[i].used && gdb->soft[i].gpa == gpa)
			return true;
	return false;
}

/* ---- in hardware ---- */

/* There are no breakpoints for reads alone: gdb finds out itself. */
static uint8_t kind_of(unsigned int type)
{
	return type == HARD ? 0 : type == WATCH_WRITE ? 1 : 3;
}

static bool is_same(const struct gdb_hard *hard, unsigned int type, uint64_t gva, uint64_t length)
{
	return hard->used && hard->kind == kind_of(type) && hard->read == (type == WATCH_READ) &&
	       hard->gva == gva && hard->length == length;
}

static struct gdb_hard *find_hard(struct gdb *gdb, unsigned int type, uint64_t gva,
				  uint64_t length)
{
	for (unsigned int i = 0; i < GDB_HARD_MAX; i++)
		if (is_same(&gdb->hard[i], type, gva, length))
			return &gdb->hard[i];
	return NULL;
}

static int add_hard(struct gdb *gdb, unsigned int type, uint64_t gva, uint64_t length)
{
	if (find_hard(gdb, type, gva, length))
		return 0;
	for (unsigned int i = 0; i < GDB_HARD_MAX; i++) {
		if (gdb->hard[i].used)
			continue;
		gdb->hard[i] = (struct gdb_hard){
			.used = true, .read = type == WATCH_READ, .kind = kind_of(type),
			.length = (uint8_t)length, .gva = gva,
		};
		return 0;
	}
	return -ENOSPC;
}

void gdb_break_fill(const struct gdb *gdb, struct hv_debug *debug)
{
	/* LEN of DR7 by length */
	static const uint8_t length_bits[9] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++)
		debug->sw_break |= gdb->soft[i].used;
	for (unsigned int i = 0; i < GDB_HARD_MAX; i++) {
		const struct gdb_hard *hard = &gdb->hard[i];

		if (!hard->used)
			continue;
		debug->hw_break = true;
		debug->dr[i] = hard->gva;
		debug->dr7 |= 2ull << 2 * i | (uint64_t)hard->kind << (16 + 4 * i) |
			      (uint64_t)length_bits[hard->length] << (18 + 4 * i);
	}
	if (debug->hw_break)
		debug->dr7 |= 0x400;
}

/* ---- both ---- */

/* An instruction is watched by its first byte. */
static bool fits(unsigned int type, uint64_t gva, uint64_t *length)
{
	if (type == SOFT || type == HARD) {
		*length = 1;
		return true;
	}
	return type <= WATCH_ACCESS && *length && *length <= 8 && !(*length & (*length - 1)) &&
	       !(gva & (*length - 1));
}

int gdb_break_add(struct gdb *gdb, unsigned int type, uint64_t gva, uint64_t length)
{
	if (!fits(type, gva, &length))
		return -EINVAL;
	return type == SOFT ? add_soft(gdb, gva) : add_hard(gdb, type, gva, length);
}

int gdb_break_remove(struct gdb *gdb, unsigned int type, uint64_t gva, uint64_t length)
{
	struct gdb_soft *soft = find_soft(gdb, gva);
	struct gdb_hard *hard;

	if (!fits(type, gva, &length))
		return -EINVAL;
	if (type == SOFT) {
		if (soft)
			remove_soft(gdb, soft);
		return 0;
	}
	hard = find_hard(gdb, type, gva, length);
	if (hard)
		hard->used = false;
	return 0;
}

void gdb_break_remove_all(struct gdb *gdb)
{
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++)
		if (gdb->soft[i].used)
			remove_soft(gdb, &gdb->soft[i]);
	for (unsigned int i = 0; i < GDB_HARD_MAX; i++)
		gdb->hard[i].used = false;
}
