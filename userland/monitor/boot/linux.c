/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux bzImage (Documentation/arch/x86/boot.rst): the protected-mode part goes
 * to its preferred address, so that it unpacks without being moved first, and
 * is entered at its 64-bit entry point, or the 32-bit one if it has no other.
 */
#include "boot.h"

#include <string.h>

#include "layout.h"
#include "lib/errors.h"

/* Offsets in the file and, from SETUP_HEADER on, in the zero page. */
#define ZERO_E820_ENTRIES 0x1e8
#define ZERO_ACPI_RSDP	0x070
#define SETUP_HEADER	0x1f1
#define SETUP_SECTS	0x1f1
#define BOOT_FLAG	0x1fe
#define SYSSIZE		0x1f4	/* 32 bits since protocol 2.04 */
#define JUMP_LENGTH	0x201	/* the header ends this far after 0x202 */
#define MAGIC		0x202
#define VERSION		0x206
#define TYPE_OF_LOADER	0x210
#define LOAD_FLAGS	0x211
#define CODE32_START	0x214
#define RAMDISK_IMAGE	0x218
#define RAMDISK_SIZE	0x21c
#define CMD_LINE_PTR	0x228
#define INITRD_ADDR_MAX 0x22c
#define RELOCATABLE	0x234
#define XLOADFLAGS	0x236
#define CMDLINE_SIZE	0x238
#define PREF_ADDRESS	0x258
#define INIT_SIZE	0x260
#define ZERO_E820_TABLE 0x2d0
#define SETUP_HEADER_MAX 0x290	/* the E820 table's neighbour begins here */

#define LOADER_UNREGISTERED 0xff
#define LOADED_HIGH	0x01
#define XLF_KERNEL_64	0x01
#define ENTRY64_OFFSET	0x200
#define VERSION_CMDLINE_SIZE 0x206
#define VERSION_INIT_SIZE 0x20a
#define VERSION_XLOADFLAGS 0x20c
#define SECTOR		512u
#define PARAGRAPH	16u
#define IDENTITY_MAP_END (1ull << 30)

static uint16_t get16(const uint8_t *at) { uint16_t v; memcpy(&v, at, 2); return v; }
static uint32_t get32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return v; }
static uint64_t get64(const uint8_t *at) { uint64_t v; memcpy(&v, at, 8); return v; }
static void put32(uint8_t *at, uint32_t v) { memcpy(at, &v, 4); }
static void put64(uint8_t *at, uint64_t v) { memcpy(at, &v, 8); }

/* The header's claims, checked. */
struct linux_image {
	uint64_t offset, size;	/* protected-mode part in the file */
	uint64_t load, end;	/* where it goes; end of what it needs there */
	uint64_t initrd_limit;	/* exclusive */
	uint32_t cmdline_max;
	bool has_entry64;
};

bool linux_is_bzimage(const uint8_t *head)
{
	return get16(head + BOOT_FLAG) == 0xaa55 && !memcmp(head + MAGIC, "HdrS", 4);
}

static bool damaged(const struct boot_plan *plan, const char *cause, struct btn_error *e)
{
	btn_set(e, BTN_KERNEL_DAMAGED, "the kernel \"%s\" is damaged", plan->kernel.path);
	btn_set_cause(e, "%s", cause);
	return false;
}

static bool too_old(const struct boot_plan *plan, unsigned int version, struct btn_error *e)
{
	btn_set(e, BTN_KERNEL_FORMAT, "\"%s\" is no kernel that can be booted",
		plan->kernel.path);
	btn_set_cause(e, "It is a Linux kernel from before 2.6.22 (boot protocol %u.%u), or "
		      "a zImage.", version >> 8, version & 0xff);
	return false;
}

static void parse_sizes(const uint8_t *head, const struct boot_plan *plan,
			struct linux_image *image)
{
	unsigned int sectors = head[SETUP_SECTS] ? head[SETUP_SECTS] : 4;

	image->offset = (sectors + 1) * SECTOR;
	image->size = plan->kernel.size > image->offset ? plan->kernel.size - image->offset : 0;
	image->cmdline_max = get32(head + CMDLINE_SIZE);
	image->initrd_limit = (uint64_t)get32(head + INITRD_ADDR_MAX) + 1;
}

/* Not the end of the file alone: the kernel unpacks itself behind `load`. */
static bool place(const uint8_t *head, const struct boot_plan *plan,
		  struct linux_image *image, struct btn_error *e)
{
	uint64_t low = guest_memory_low(plan->memory), need = image->size, preferred;

	image->load = BOOT_KERNEL_MIN;
	if (get16(head + VERSION) >= VERSION_INIT_SIZE) {
		preferred = get64(head + PREF_ADDRESS);
		if (need < get32(head + INIT_SIZE))
			need = get32(head + INIT_SIZE);
		if (preferred >= BOOT_KERNEL_MIN && preferred < low && need <= low - preferred)
			image->load = preferred;
		else if (preferred > BOOT_KERNEL_MIN && !head[RELOCATABLE])
			need = low; /* it would move itself to where nothing is */
	}
	if (need > low - image->load) {
		btn_set_default(e, BTN_KERNEL_TOO_BIG);
		return false;
	}
	image->end = image->load + need;
	return true;
}

static bool parse(const uint8_t *head, const struct boot_plan *plan,
		  struct linux_image *image, struct btn_error *e)
{
	unsigned int version = get16(head + VERSION);

	if (version < VERSION_CMDLINE_SIZE || !(head[LOAD_FLAGS] & LOADED_HIGH))
		return too_old(plan, version, e);
	if (MAGIC + head[JUMP_LENGTH] < INITRD_ADDR_MAX + 4 ||
	    MAGIC + head[JUMP_LENGTH] > SETUP_HEADER_MAX)
		return damaged(plan, "The length of its setup header cannot be.", e);
	parse_sizes(head, plan, image);
	if (!image->size)
		return damaged(plan, "It ends before its protected-mode part.", e);
	/* In paragraphs, rounded up. */
	if (image->size + PARAGRAPH - 1 < (uint64_t)get32(head + SYSSIZE) * PARAGRAPH)
		return damaged(plan, "It is shorter than its header says: the file was cut off.",
			       e);
	if (!place(head, plan, image, e))
		return false;
	image->has_entry64 = version >= VERSION_XLOADFLAGS &&
			     get16(head + XLOADFLAGS) & XLF_KERNEL_64 &&
			     image->end <= IDENTITY_MAP_END;
	if (image->has_entry64 && image->size <= ENTRY64_OFFSET)
		return damaged(plan, "It ends before its 64-bit entry point.", e);
	return true;
}

/* ---- the zero page ---- */

static void fill_memory_map(uint8_t *zero, const struct boot_plan *plan)
{
	struct boot_range ranges[BOOT_RANGES_MAX];
	unsigned int count = boot_memory_map(plan, ranges);

	zero[ZERO_E820_ENTRIES] = (uint8_t)count;
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *entry = zero + ZERO_E820_TABLE + 20 * i;

		put64(entry, ranges[i].base);
		put64(entry + 8, ranges[i].size);
		put32(entry + 16, ranges[i].type);
	}
}

static void fill_zero_page(uint8_t *zero, const uint8_t *head, const struct boot_plan *plan,
			   const struct linux_image *image, uint64_t initrd)
{
	size_t header_end = MAGIC + head[JUMP_LENGTH];

	memset(zero, 0, BATON_PAGE_SIZE);
	memcpy(zero + SETUP_HEADER, head + SETUP_HEADER, header_end - SETUP_HEADER);
	zero[TYPE_OF_LOADER] = LOADER_UNREGISTERED;
	put32(zero + CODE32_START, (uint32_t)image->load);
	put32(zero + CMD_LINE_PTR, BOOT_CMDLINE);
	if (initrd) {
		put32(zero + RAMDISK_IMAGE, (uint32_t)initrd);
		put32(zero + RAMDISK_SIZE, (uint32_t)plan->initrd.size);
	}
	put64(zero + ZERO_ACPI_RSDP, plan->rsdp);
	fill_memory_map(zero, plan);
}

bool linux_load(const struct boot_plan *plan, const uint8_t *head,
		struct boot_entry *ret_entry, struct btn_error *e)
{
	uint8_t *zero = guest_memory_at(plan->memory, BOOT_ZERO_PAGE, BATON_PAGE_SIZE);
	struct linux_image image;
	uint64_t initrd;

	if (!parse(head, plan, &image, e))
		return false;
	if (!boot_write_cmdline(plan, image.cmdline_max, e) ||
	    !boot_file_load(&plan->kernel, image.offset, image.size, plan->memory,
			    image.load, e) ||
	    !boot_load_initrd(plan, image.end, image.initrd_limit, &initrd, e))
		return false;
	fill_zero_page(zero, head, plan, &image, initrd);
	*ret_entry = (struct boot_entry){
		.mode = image.has_entry64 ? BOOT_LONG64 : BOOT_PROTECTED32,
		.rip = image.load + (image.has_entry64 ? ENTRY64_OFFSET : 0),
		.rsi = BOOT_ZERO_PAGE,
	};
	return true;
}
