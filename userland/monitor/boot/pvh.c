/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF kernels with a PVH entry point (Xen's docs/misc/pvh.pandoc): the address
 * is in a note, the kernel is entered in 32-bit protected mode without paging
 * with RBX at the start info. A vmlinux with CONFIG_PVH is one. No unpacking
 * in the guest: the fastest way to boot.
 */
#include "boot.h"

#include <elf.h>
#include <string.h>

#include "layout.h"
#include "lib/errors.h"

#define NOTE_PHYS32_ENTRY 18
#define MAX_SEGMENTS	64
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

/* Program header of either class. */
struct segment {
	uint32_t type;
	uint64_t offset, gpa, file_size, memory_size;
};

struct pvh_image {
	const struct boot_plan *plan;
	bool is64;
	uint64_t table;		/* program headers in the file */
	unsigned int count;
	uint64_t entry, end;	/* PVH entry; end of the highest segment */
	bool has_entry;
};

bool pvh_is_elf(const uint8_t *head)
{
	return !memcmp(head, ELFMAG, SELFMAG);
}

static bool damaged(const struct boot_plan *plan, const char *cause, struct btn_error *e)
{
	btn_set(e, BTN_KERNEL_DAMAGED, "the kernel \"%s\" is damaged", plan->kernel.path);
	btn_set_cause(e, "%s", cause);
	return false;
}

static bool no_kernel(const struct boot_plan *plan, const char *cause, struct btn_error *e)
{
	btn_set(e, BTN_KERNEL_FORMAT, "\"%s\" is no kernel that can be booted",
		plan->kernel.path);
	btn_set_cause(e, "%s", cause);
	return false;
}

/* ---- headers ---- */

static bool parse_header(struct pvh_image *image, const uint8_t *head, struct btn_error *e)
{
	Elf64_Ehdr big;
	Elf32_Ehdr small;
	uint16_t machine, entry_size;

	memcpy(&big, head, sizeof(big));
	memcpy(&small, head, sizeof(small));
	image->is64 = head[EI_CLASS] == ELFCLASS64;
	machine = big.e_machine; /* at the same place in both classes */
	if (head[EI_DATA] != ELFDATA2LSB || (machine != EM_X86_64 && machine != EM_386))
		return no_kernel(image->plan, "It is an ELF file for another processor.", e);
	image->table = image->is64 ? big.e_phoff : small.e_phoff;
	image->count = image->is64 ? big.e_phnum : small.e_phnum;
	entry_size = image->is64 ? big.e_phentsize : small.e_phentsize;
	if (entry_size != (image->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) ||
	    !image->count || image->count > MAX_SEGMENTS)
		return damaged(image->plan, "Its table of segments cannot be.", e);
	return true;
}

static bool read_segment(const struct pvh_image *image, unsigned int index,
			 struct segment *segment, struct btn_error *e)
{
	Elf64_Phdr big;
	Elf32_Phdr small;
	uint64_t size = image->is64 ? sizeof(big) : sizeof(small);
	void *to = image->is64 ? (void *)&big : (void *)&small;

	if (image->table > image->plan->kernel.size)
		return damaged(image->plan, "Its table of segments lies outside.", e);
	if (!boot_file_read(&image->plan->kernel, image->table + index * size, to, size, e))
		return false;
	if (image->is64)
		*segment = (struct segment){ big.p_type, big.p_offset, big.p_paddr,
					     big.p_filesz, big.p_memsz };
	else
		*segment = (struct segment){ small.p_type, small.p_offset, small.p_paddr,
					     small.p_filesz, small.p_memsz };
	return true;
}

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

static bool read_notes(struct pvh_image *image, const struct segment *segment,
		       struct btn_error *e)
{
	uint8_t notes[MAX_NOTES_SIZE];

	if (segment->file_size > sizeof(notes))
		return true; /* not the note we look for */
	if (!boot_file_read(&image->plan->kernel, segment->offset, notes, segment->file_size, e))
		return false;
	scan_notes(image, notes, segment->file_size);
	return true;
}

/* ---- segments ---- */

/* Guest memory is fresh, so what a segment has beyond the file is zero. */
static bool load_segment(struct pvh_image *image, const struct segment *segment,
			 struct btn_error *e)
{
	uint64_t low = guest_memory_low(image->plan->memory);

	if (!segment->memory_size)
		return true;
	if (segment->file_size > segment->memory_size)
		return damaged(image->plan, "A segment is larger than its memory.", e);
	if (segment->gpa < BOOT_KERNEL_MIN)
		return no_kernel(image->plan, "A segment lies below 1 MiB.", e);
	if (segment->gpa >= low || segment->memory_size > low - segment->gpa) {
		btn_set_default(e, BTN_KERNEL_TOO_BIG);
		return false;
	}
	if (image->end < segment->gpa + segment->memory_size)
		image->end = segment->gpa + segment->memory_size;
	return boot_file_load(&image->plan->kernel, segment->offset, segment->file_size,
			      image->plan->memory, segment->gpa, e);
}

static bool take_segment(struct pvh_image *image, const struct segment *segment,
			 struct btn_error *e)
{
	if (segment->type == PT_LOAD)
		return load_segment(image, segment, e);
	if (segment->type == PT_NOTE)
		return read_notes(image, segment, e);
	return true;
}

static bool load_segments(struct pvh_image *image, struct btn_error *e)
{
	struct segment segment;

	for (unsigned int i = 0; i < image->count; i++)
		if (!read_segment(image, i, &segment, e) || !take_segment(image, &segment, e))
			return false;
	if (!image->has_entry)
		return no_kernel(image->plan, "It is an ELF file without a PVH entry point: a "
				 "program, or a kernel built without CONFIG_PVH.", e);
	if (image->entry < BOOT_KERNEL_MIN || image->entry >= image->end)
		return damaged(image->plan, "Its entry point lies outside of its segments.", e);
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

bool pvh_load(const struct boot_plan *plan, const uint8_t *head,
	      struct boot_entry *ret_entry, struct btn_error *e)
{
	struct pvh_image image = { .plan = plan };
	struct start_page *page = guest_memory_at(plan->memory, BOOT_PVH_INFO, sizeof(*page));
	uint64_t initrd;

	if (!parse_header(&image, head, e) || !load_segments(&image, e) ||
	    !boot_write_cmdline(plan, BOOT_CMDLINE_MAX - 1, e) ||
	    !boot_load_initrd(plan, image.end, 1ull << 32, &initrd, e))
		return false;
	fill_start_page(page, plan, initrd);
	*ret_entry = (struct boot_entry){
		.mode = BOOT_PROTECTED32, .rip = image.entry, .rbx = BOOT_PVH_INFO,
	};
	return true;
}
