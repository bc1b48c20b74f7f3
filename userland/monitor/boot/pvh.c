/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF kernels with a PVH entry point (Xen's docs/misc/pvh.pandoc): the address
 * is in a note, the kernel is entered in 32-bit protected mode without paging
 * with RBX at the start info. A vmlinux with CONFIG_PVH is one. No unpacking
 * in the guest: the fastest way to boot.
 */
#include "elf.h"

#include <elf.h>
#include <string.h>

#include "layout.h"
#include "lib/errors.h"

#define NOTE_PHYS32_ENTRY 18
#define MAX_NOTES_SIZE	4096u

#define START_MAGIC	0x336ec578u
#define START_VERSION	1

/* Xen's public/arch-x86/hvm/start_info.h */
struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, memory_map;
	uint32_t memory_map_count, reserved;
};
struct start_module {
	uint64_t address, size, cmdline, reserved;
};
struct start_memory {
	uint64_t address, size;
	uint32_t type, reserved;
};
struct start_page {
	struct start_info info;
	struct start_module module;
	struct start_memory memory[BOOT_RANGES_MAX];
};
static_assert(sizeof(struct start_info) == 56, "hvm_start_info");
static_assert(sizeof(struct start_page) <= BATON_PAGE_SIZE, "PVH boot data");

struct pvh_image {
	struct elf_image elf;
	uint64_t entry;		/* PVH entry */
	bool has_entry;
};

/* ---- notes ---- */

static uint32_t align4(uint32_t size)
{
	return (size + 3) & ~3u;
}

static void take_note(struct pvh_image *image, const Elf32_Nhdr *note, const uint8_t *body,
		      const uint8_t *name)
{
	uint64_t entry = 0;

	if (note->n_type != NOTE_PHYS32_ENTRY || note->n_namesz != 4 ||
	    memcmp(name, "Xen", 4) || (note->n_descsz != 4 && note->n_descsz != 8))
		return;
	memcpy(&entry, body, note->n_descsz);
	image->entry = entry;
	image->has_entry = true;
}

static void scan_notes(struct pvh_image *image, const uint8_t *notes, size_t size)
{
	Elf32_Nhdr note;
	size_t at = 0;

	while (size - at >= sizeof(note)) {
		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		if (note.n_namesz > MAX_NOTES_SIZE || note.n_descsz > MAX_NOTES_SIZE ||
		    align4(note.n_namesz) + align4(note.n_descsz) > size - at)
			return;
		take_note(image, &note, notes + at + align4(note.n_namesz), notes + at);
		at += align4(note.n_namesz) + align4(note.n_descsz);
	}
}

static bool read_notes(struct pvh_image *image, const struct elf_segment *segment,
		       struct btn_error *e)
{
	uint8_t notes[MAX_NOTES_SIZE];

	if (segment->file_size > sizeof(notes))
		return true; /* not the note we look for */
	if (!boot_file_read(&image->elf.plan->kernel, segment->offset, notes,
			    segment->file_size, e))
		return false;
	scan_notes(image, notes, segment->file_size);
	return true;
}

/* ---- segments ---- */

static bool take_segment(struct pvh_image *image, const struct elf_segment *segment,
			 struct btn_error *e)
{
	if (segment->type == PT_LOAD)
		return elf_load_segment(&image->elf, segment, e);
	if (segment->type == PT_NOTE)
		return read_notes(image, segment, e);
	return true;
}

static bool load_segments(struct pvh_image *image, struct btn_error *e)
{
	const struct boot_plan *plan = image->elf.plan;
	struct elf_segment segment;

	for (unsigned int i = 0; i < image->elf.count; i++)
		if (!elf_read_segment(&image->elf, i, &segment, e) ||
		    !take_segment(image, &segment, e))
			return false;
	if (!image->has_entry)
		return boot_no_kernel(plan, "It is an ELF file with neither a PVH entry point nor "
				      "a multiboot header: a program, or a kernel built "
				      "without CONFIG_PVH.", e);
	if (image->entry < BOOT_KERNEL_MIN || image->entry >= image->elf.end)
		return boot_damaged(plan, "Its entry point lies outside of its segments.", e);
	return true;
}

/* ---- start info ---- */

static void fill_start_page(struct start_page *page, const struct boot_plan *plan,
			    uint64_t initrd)
{
	struct boot_range ranges[BOOT_RANGES_MAX];
	unsigned int count = boot_memory_map(plan, ranges);

	memset(page, 0, sizeof(*page));
	page->info.magic = START_MAGIC;
	page->info.version = START_VERSION;
	page->info.cmdline = BOOT_CMDLINE;
	page->info.rsdp = plan->rsdp;
	if (initrd) {
		page->info.module_count = 1;
		page->info.modules = BOOT_PVH_INFO + offsetof(struct start_page, module);
		page->module.address = initrd;
		page->module.size = plan->initrd.size;
	}
	page->info.memory_map = BOOT_PVH_INFO + offsetof(struct start_page, memory);
	page->info.memory_map_count = count;
	for (unsigned int i = 0; i < count; i++)
		page->memory[i] = (struct start_memory){
			ranges[i].base, ranges[i].size, ranges[i].type, 0,
		};
}

bool pvh_is(const struct boot_plan *plan, const uint8_t *head)
{
	struct pvh_image image = {};
	struct elf_segment segment;
	struct btn_error ignored;

	if (!elf_parse(plan, head, &image.elf, &ignored))
		return false;
	for (unsigned int i = 0; i < image.elf.count; i++)
		if (!elf_read_segment(&image.elf, i, &segment, &ignored) ||
		    (segment.type == PT_NOTE && !read_notes(&image, &segment, &ignored)))
			return false;
	return image.has_entry;
}

bool pvh_load(const struct boot_plan *plan, const uint8_t *head,
	      struct boot_entry *ret_entry, struct btn_error *e)
{
	struct pvh_image image = {};
	struct start_page *page = guest_memory_at(plan->memory, BOOT_PVH_INFO, sizeof(*page));
	uint64_t initrd;

	if (!elf_parse(plan, head, &image.elf, e) || !load_segments(&image, e) ||
	    !boot_write_cmdline(plan, BOOT_CMDLINE_MAX - 1, e) ||
	    !boot_load_initrd(plan, image.elf.end, 1ull << 32, &initrd, e))
		return false;
	fill_start_page(page, plan, initrd);
	*ret_entry = (struct boot_entry){
		.mode = BOOT_PROTECTED32, .rip = image.entry, .rbx = BOOT_PVH_INFO,
	};
	return true;
}
