/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's memory as gdb sees it: see gdb_private.h. */
#include <errno.h>
#include <string.h>

#include "core/memory.h"
#include "emul/walk.h"
#include "gdb/gdb_private.h"

#define PAGE 4096u

int gdb_translate(struct gdb *gdb, unsigned int cpu, uint64_t gva, uint64_t *ret_gpa)
{
	struct baton_sregs sregs;
	struct walk walk;
	int error = hv_vcpu_get_sregs(gdb_vcpu(gdb, cpu), &sregs);

	if (error)
		return error;
	walk_init(&walk, gdb->target->memory, &sregs, 0);
	return walk_peek(&walk, gva, ret_gpa);
}

/* The byte of it that soft is; NULL: it is elsewhere. */
static uint8_t *byte_of(const struct gdb_soft *soft, uint64_t gpa, uint8_t *bytes, uint64_t count)
{
	return soft->used && soft->gpa - gpa < count ? bytes + (soft->gpa - gpa) : NULL;
}

/* In what was read, what the guest has there. */
static void hide_breaks(struct gdb *gdb, uint64_t gpa, uint8_t *bytes, uint64_t count)
{
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++) {
		uint8_t *byte = byte_of(&gdb->soft[i], gpa, bytes, count);

		if (byte)
			*byte = gdb->soft[i].was;
	}
}

/* What is written goes behind the INT3, of which there may be two at one place. */
static void keep_breaks(struct gdb *gdb, uint64_t gpa, uint8_t *bytes, uint64_t count)
{
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++) {
		const uint8_t *byte = byte_of(&gdb->soft[i], gpa, bytes, count);

		if (byte)
			gdb->soft[i].was = *byte;
	}
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++) {
		uint8_t *byte = byte_of(&gdb->soft[i], gpa, bytes, count);

		if (byte)
			*byte = 0xcc;
	}
}

/* Within a page. */
static int access_page(struct gdb *gdb, uint64_t gpa, uint8_t *bytes, uint64_t count, bool write)
{
	int error;

	if (write) {
		keep_breaks(gdb, gpa, bytes, count);
		return guest_memory_write(gdb->target->memory, gpa, bytes, count);
	}
	error = guest_memory_read(gdb->target->memory, gpa, bytes, count);
	if (!error)
		hide_breaks(gdb, gpa, bytes, count);
	return error;
}

int gdb_memory(struct gdb *gdb, unsigned int cpu, uint64_t gva, void *bytes, size_t count,
	       bool write)
{
	uint8_t *at = bytes;

	while (count) {
		uint64_t part = PAGE - (gva & (PAGE - 1)), gpa = gva;
		int error = gdb->physical ? 0 : gdb_translate(gdb, cpu, gva, &gpa);

		if (part > count)
			part = count;
		if (!error)
			error = access_page(gdb, gpa, at, part, write);
		if (error)
			return error;
		gva += part;
		at += part;
		count -= part;
	}
	return 0;
}
