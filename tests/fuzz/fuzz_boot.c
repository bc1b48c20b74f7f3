// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel images of all formats (bzImage, ELF with a PVH note, multiboot), with and
 * without an initrd. The first three bytes choose; the rest is the file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>
#include <unistd.h>

#include "boot/boot.h"
#include "boot/layout.h"
#include "fuzz.h"
#include "lib/errors.h"

#define RAM (4u << 20)

static struct guest_memory *memory;

static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	return fd;
}

static bool all_zero(uint64_t gpa, uint64_t size)
{
	const uint8_t *at = guest_memory_at(memory, gpa, size);

	return !at[0] && !memcmp(at, at + 1, size - 1);
}

/* Loaders write where layout.h says and where kernels may be, nowhere else. */
static void check_places(bool multiboot)
{
	FUZZ_CHECK(all_zero(0, BOOT_MULTIBOOT_MIN));
	if (!multiboot) {
		FUZZ_CHECK(all_zero(BOOT_MULTIBOOT_MIN, BOOT_PVH_INFO - BOOT_MULTIBOOT_MIN));
		FUZZ_CHECK(all_zero(BOOT_GDT, BOOT_CMDLINE - BOOT_GDT));
	}
	FUZZ_CHECK(all_zero(BOOT_CMDLINE + BOOT_CMDLINE_MAX,
			    BOOT_KERNEL_MIN - BOOT_CMDLINE - BOOT_CMDLINE_MAX));
}

/* Documentation/arch/x86/zero-page.rst: what lies behind the header is ours. */
static void check_linux(const struct boot_entry *entry, const uint8_t *file, size_t size)
{
	const uint8_t *zero = guest_memory_at(memory, BOOT_ZERO_PAGE, 4096);
	size_t sectors = file[0x1f1] ? file[0x1f1] : 4;

	FUZZ_CHECK(zero[0x1e8] >= 3 && zero[0x1e8] <= BOOT_RANGES_MAX);
	FUZZ_CHECK(all_zero(BOOT_ZERO_PAGE, 0x70) && all_zero(BOOT_ZERO_PAGE + 0x290, 0x40));
	/* There is an instruction at the entry point. */
	FUZZ_CHECK(size > (sectors + 1) * 512 + (entry->mode == BOOT_LONG64 ? 0x200 : 0));
}

static bool is_multiboot(const uint8_t *file, size_t size)
{
	uint8_t head[BOOT_HEAD_SIZE] = {};

	memcpy(head, file, size < sizeof(head) ? size : sizeof(head));
	return multiboot_is(head);
}

static void check_entry(const struct boot_entry *entry, const uint8_t *file, size_t size)
{
	FUZZ_CHECK(entry->rip >= BOOT_KERNEL_MIN ||
		   (entry->rax && entry->rip >= BOOT_MULTIBOOT_MIN &&
		    entry->rip < BOOT_MULTIBOOT_INFO));
	FUZZ_CHECK(!entry->rax || (entry->rbx == BOOT_MULTIBOOT_INFO &&
				   entry->mode == BOOT_BARE32 && is_multiboot(file, size)));
	FUZZ_CHECK(entry->rip < RAM);
	if (entry->rsi)
		check_linux(entry, file, size);
	FUZZ_CHECK(entry->rsi == BOOT_ZERO_PAGE || entry->rbx == BOOT_PVH_INFO || entry->rax);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char cmdline[] = "console=ttyS0 root=/dev/vda rw";
	struct fuzz f = { data, size };
	uint8_t options = fuzz_u8(&f);
	struct boot_plan plan = { .cmdline = cmdline + (options & 7), .rsdp = 0xe0000 };
	struct boot_entry entry;
	struct btn_error e = {};

	if (!memory && guest_memory_create(NULL, RAM, &memory))
		abort();
	memset(guest_memory_at(memory, 0, BOOT_KERNEL_MIN), 0, BOOT_KERNEL_MIN);
	plan.memory = memory;
	plan.initrd = (struct boot_file){ .what = "initrd", .path = "initrd", .fd = -1 };
	if (options & 8) {
		plan.initrd.size = fuzz_u16(&f) % 5000;
		plan.initrd.fd = file_of(guest_memory_at(memory, BOOT_KERNEL_MIN, 5000),
					 plan.initrd.size);
	}
	if (options & 16) {
		plan.ecam_base = 0xe0000000;
		plan.ecam_size = 1 << 20;
	}
	plan.kernel = (struct boot_file){
		.what = "kernel", .path = "kernel", .fd = file_of(f.at, f.left), .size = f.left,
	};
	if (boot_load(&plan, &entry, &e))
		check_entry(&entry, f.at, f.left);
	else
		FUZZ_CHECK(e.code != BTN_OK && e.message[0]);
	check_places(is_multiboot(f.at, f.left));
	boot_file_close(&plan.kernel);
	boot_file_close(&plan.initrd);
	return 0;
}
