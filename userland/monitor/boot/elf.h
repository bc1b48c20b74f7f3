/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF kernels of either class: header and segments (System V ABI, "Object Files").
 * Segments go to their physical addresses, at 1 MiB or above
 * unless low_too.
 */
#ifndef BATON_BOOT_ELF_H
#define BATON_BOOT_ELF_H

#include "boot.h"

struct elf_image {
	const struct boot_plan *plan;
	bool is64;
	uint64_t table;		/* program headers in the file */
	unsigned int count;
	uint64_t entry;		/* virtual */
	bool low_too;		/* segments may lie where layout.h has multiboot's */
	uint64_t end;		/* of the highest segment that was loaded */
};

/* Program header of either class. */
struct elf_segment {
	uint32_t type;
	uint64_t offset, gva, gpa, file_size, memory_size;
};

bool elf_is(const uint8_t *head);
/* False: *e filled. */
bool elf_parse(const struct boot_plan *plan, const uint8_t *head, struct elf_image *image,
	       struct btn_error *e);
bool elf_read_segment(const struct elf_image *image, unsigned int index,
		      struct elf_segment *segment, struct btn_error *e);
bool elf_load_segment(struct elf_image *image, const struct elf_segment *segment,
		      struct btn_error *e);

#endif
