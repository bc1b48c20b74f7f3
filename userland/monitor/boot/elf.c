/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See elf.h. */
#include "elf.h"

#include <elf.h>
#include <string.h>

#include "layout.h"
#include "lib/errors.h"

#define MAX_SEGMENTS	64

bool elf_is(const uint8_t *head)
{
	return !memcmp(head, ELFMAG, SELFMAG);
}

bool elf_parse(const struct boot_plan *plan, const uint8_t *head, struct elf_image *image,
	       struct btn_error *e)
{
	Elf64_Ehdr big;
	Elf32_Ehdr small;
	uint16_t machine, entry_size;

	*image = (struct elf_image){ .plan = plan };
	memcpy(&big, head, sizeof(big));
	memcpy(&small, head, sizeof(small));
	image->is64 = head[EI_CLASS] == ELFCLASS64;
	machine = big.e_machine; /* at the same place in both classes */
	if (head[EI_DATA] != ELFDATA2LSB || (machine != EM_X86_64 && machine != EM_386))
		return boot_no_kernel(plan, "It is an ELF file for another processor.", e);
	image->table = image->is64 ? big.e_phoff : small.e_phoff;
	image->count = image->is64 ? big.e_phnum : small.e_phnum;
	image->entry = image->is64 ? big.e_entry : small.e_entry;
	entry_size = image->is64 ? big.e_phentsize : small.e_phentsize;
	if (entry_size != (image->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) ||
	    !image->count || image->count > MAX_SEGMENTS)
		return boot_damaged(plan, "Its table of segments cannot be.", e);
	return true;
}

bool elf_read_segment(const struct elf_image *image, unsigned int index,
		      struct elf_segment *segment, struct btn_error *e)
{
	Elf64_Phdr big;
	Elf32_Phdr small;
	uint64_t size = image->is64 ? sizeof(big) : sizeof(small);
	void *to = image->is64 ? (void *)&big : (void *)&small;

	if (image->table > image->plan->kernel.size)
		return boot_damaged(image->plan, "Its table of segments lies outside.", e);
	if (!boot_file_read(&image->plan->kernel, image->table + index * size, to, size, e))
		return false;
	if (image->is64)
		*segment = (struct elf_segment){ big.p_type, big.p_offset, big.p_vaddr,
						 big.p_paddr, big.p_filesz, big.p_memsz };
	else
		*segment = (struct elf_segment){ small.p_type, small.p_offset, small.p_vaddr,
						 small.p_paddr, small.p_filesz, small.p_memsz };
	return true;
}

static bool has_place(const struct elf_image *image, const struct elf_segment *segment)
{
	return segment->gpa >= BOOT_KERNEL_MIN ||
	       (image->low_too && segment->gpa >= BOOT_MULTIBOOT_MIN &&
		segment->gpa < BOOT_MULTIBOOT_INFO &&
		segment->memory_size <= BOOT_MULTIBOOT_INFO - segment->gpa);
}

/* Guest memory is fresh, so what a segment has beyond the file is zero. */
bool elf_load_segment(struct elf_image *image, const struct elf_segment *segment,
		      struct btn_error *e)
{
	uint64_t low = guest_memory_low(image->plan->memory);

	if (!segment->memory_size)
		return true;
	if (segment->file_size > segment->memory_size)
		return boot_damaged(image->plan, "A segment is larger than its memory.", e);
	if (!has_place(image, segment))
		return boot_no_kernel(image->plan, "A segment lies below 1 MiB.", e);
	if (segment->gpa >= low || segment->memory_size > low - segment->gpa) {
		btn_set_default(e, BTN_KERNEL_TOO_BIG);
		return false;
	}
	if (image->end < segment->gpa + segment->memory_size)
		image->end = segment->gpa + segment->memory_size;
	return boot_file_load(&image->plan->kernel, segment->offset, segment->file_size,
			      image->plan->memory, segment->gpa, e);
}
