/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiboot 1 (GNU, "The Multiboot Specification version 0.6.96"): small kernels, and what
 * tests hypervisors. A header in the image's first 8 KiB says how to load it: by addresses
 * in the header, or as ELF. Entered in 32-bit protected mode without paging, RBX at what
 * the boot loader knows. The initrd is the one module.
 */
#include "elf.h"

#include <elf.h>
#include <string.h>

#include "layout.h"
#include "lib/errors.h"

#define HEADER_MAGIC	0x1badb002u
#define LOADER_MAGIC	0x2badb002u	/* in EAX */

/* The header's flags. Of bits 0 to 15 a loader has to know those that are set. */
#define HEADER_ALIGN	0x1u		/* modules at page boundaries, as they are anyway */
#define HEADER_MEMORY	0x2u		/* tell about memory, as we do anyway */
#define HEADER_MUST	0xffffu
#define HEADER_ADDRESSES 0x10000u

#define INFO_MEMORY	0x1u
#define INFO_CMDLINE	0x4u
#define INFO_MODULES	0x8u
#define INFO_MAP	0x40u
#define INFO_LOADER	0x200u

struct mb_header {
	uint32_t magic, flags, checksum;
	/* with HEADER_ADDRESSES: */
	uint32_t header, load, load_end, bss_end, entry;
};
struct mb_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, module_count, modules;
	uint32_t symbols[4], map_size, map, drives_size, drives, config, loader;
};
struct mb_module {
	uint32_t start, end, text, reserved;
};
struct mb_range {
	uint32_t size;		/* of the rest */
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));
struct mb_page {
	struct mb_info info;
	struct mb_module module;
	struct mb_range map[BOOT_RANGES_MAX];
	char loader[8], module_text[8];
};
static_assert(sizeof(struct mb_info) == 68 && sizeof(struct mb_range) == 24, "multiboot");
static_assert(sizeof(struct mb_page) <= BATON_PAGE_SIZE, "multiboot's boot data");

/* Where in the image the header is, -1: nowhere. */
static int find_header(const uint8_t *head, struct mb_header *header)
{
	for (unsigned int at = 0; at + sizeof(*header) <= BOOT_HEAD_SIZE; at += 4) {
		memcpy(header, head + at, sizeof(*header));
		if (header->magic == HEADER_MAGIC &&
		    !(uint32_t)(header->magic + header->flags + header->checksum))
			return (int)at;
	}
	return -1;
}

bool multiboot_is(const uint8_t *head)
{
	struct mb_header header;

	return find_header(head, &header) >= 0;
}

/* ---- the image ---- */

/* By the header's addresses. *ret_end: of the kernel in memory. */
static bool load_plain(const struct boot_plan *plan, const struct mb_header *header,
		       uint32_t at, uint64_t *ret_end, struct btn_error *e)
{
	uint64_t before = header->header - header->load, offset = at - before, size, end;

	if (header->load < BOOT_KERNEL_MIN)
		return boot_no_kernel(plan, "It is to be loaded below 1 MiB.", e);
	if (header->header < header->load || before > at)
		return boot_damaged(plan, "Its multiboot header's addresses cannot be.", e);
	size = header->load_end ? (uint64_t)header->load_end - header->load :
	       plan->kernel.size - offset;
	end = header->load + size;
	if (header->load_end && header->load_end < header->load)
		return boot_damaged(plan, "Its multiboot header's addresses cannot be.", e);
	if (header->bss_end > end)
		end = header->bss_end;
	if (end > guest_memory_low(plan->memory)) {
		btn_set_default(e, BTN_KERNEL_TOO_BIG);
		return false;
	}
	*ret_end = end;
	return boot_file_load(&plan->kernel, offset, size, plan->memory, header->load, e);
}

/* The entry point is a virtual address, which may be in a segment that is elsewhere. */
static void find_entry(const struct elf_segment *segment, uint64_t gva, uint64_t *entry)
{
	if (gva >= segment->gva && gva - segment->gva < segment->memory_size)
		*entry = gva - segment->gva + segment->gpa;
}

static bool load_elf(const struct boot_plan *plan, const uint8_t *head, uint64_t *ret_entry,
		     uint64_t *ret_end, struct btn_error *e)
{
	struct elf_segment segment;
	struct elf_image image;

	if (!elf_is(head))
		return boot_no_kernel(plan, "Its multiboot header leaves open where it is to be "
				      "loaded, and it is no ELF file.", e);
	if (!elf_parse(plan, head, &image, e))
		return false;
	image.low_too = true;
	*ret_entry = image.entry;
	for (unsigned int i = 0; i < image.count; i++) {
		if (!elf_read_segment(&image, i, &segment, e))
			return false;
		if (segment.type != PT_LOAD)
			continue;
		if (!elf_load_segment(&image, &segment, e))
			return false;
		find_entry(&segment, image.entry, ret_entry);
	}
	*ret_end = image.end;
	return true;
}

/* ---- what the kernel is told ---- */

static void add_module(struct mb_page *page, const struct boot_plan *plan, uint64_t initrd)
{
	page->info.flags |= INFO_MODULES;
	page->info.module_count = 1;
	page->info.modules = BOOT_MULTIBOOT_INFO + offsetof(struct mb_page, module);
	page->module = (struct mb_module){
		.start = (uint32_t)initrd, .end = (uint32_t)(initrd + plan->initrd.size),
		.text = BOOT_MULTIBOOT_INFO + offsetof(struct mb_page, module_text),
	};
}

static void fill_page(struct mb_page *page, const struct boot_plan *plan, uint64_t initrd)
{
	struct boot_range ranges[BOOT_RANGES_MAX];
	unsigned int count = boot_memory_map(plan, ranges);

	memset(page, 0, sizeof(*page));
	page->info = (struct mb_info){
		.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MAP | INFO_LOADER,
		.mem_lower = BOOT_LOW_END / 1024,
		.mem_upper = (uint32_t)((guest_memory_low(plan->memory) - BOOT_KERNEL_MIN) / 1024),
		.cmdline = BOOT_CMDLINE,
		.map = BOOT_MULTIBOOT_INFO + offsetof(struct mb_page, map),
		.map_size = count * sizeof(page->map[0]),
		.loader = BOOT_MULTIBOOT_INFO + offsetof(struct mb_page, loader),
	};
	memcpy(page->loader, "baton", sizeof("baton"));
	memcpy(page->module_text, "initrd", sizeof("initrd"));
	for (unsigned int i = 0; i < count; i++)
		page->map[i] = (struct mb_range){
			sizeof(page->map[i]) - sizeof(page->map[i].size),
			ranges[i].base, ranges[i].size, ranges[i].type,
		};
	if (initrd)
		add_module(page, plan, initrd);
}

bool multiboot_load(const struct boot_plan *plan, const uint8_t *head,
		    struct boot_entry *ret_entry, struct btn_error *e)
{
	struct mb_page *page = guest_memory_at(plan->memory, BOOT_MULTIBOOT_INFO, sizeof(*page));
	uint64_t entry, end = 0, initrd, floor;
	struct mb_header header;
	int at = find_header(head, &header);

	if (at < 0 || header.flags & HEADER_MUST & ~(HEADER_ALIGN | HEADER_MEMORY))
		return boot_no_kernel(plan, "Its multiboot header asks for what there is not, "
				      "like a video mode.", e);
	entry = header.entry;
	if (header.flags & HEADER_ADDRESSES ?
	    !load_plain(plan, &header, (uint32_t)at, &end, e) :
	    !load_elf(plan, head, &entry, &end, e))
		return false;
	if (entry < BOOT_MULTIBOOT_MIN || entry >= end ||
	    (entry >= BOOT_MULTIBOOT_INFO && entry < BOOT_KERNEL_MIN))
		return boot_damaged(plan, "Its entry point lies outside of it.", e);
	floor = end > BOOT_KERNEL_MIN ? end : BOOT_KERNEL_MIN;
	if (!boot_write_cmdline(plan, BOOT_CMDLINE_MAX - 1, e) ||
	    !boot_load_initrd(plan, floor, 1ull << 32, &initrd, e))
		return false;
	fill_page(page, plan, initrd);
	*ret_entry = (struct boot_entry){
		.mode = BOOT_BARE32, .rip = entry, .rax = LOADER_MAGIC,
		.rbx = BOOT_MULTIBOOT_INFO,
	};
	return true;
}
