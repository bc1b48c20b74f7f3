/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel formats have in common: files, initrd, command line, map.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf.h"
#include "hv.h"
#include "layout.h"
#include "lib/errors.h"

/* ---- files ---- */

bool boot_file_open(struct boot_file *file, const char *what, const char *path,
		    struct btn_error *e)
{
	struct stat st;

	*file = (struct boot_file){ .what = what, .path = path };
	/* O_NONBLOCK: a FIFO in the file's place must not hang us */
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || fstat(file->fd, &st)) {
		btn_set_file(e, what, path, errno);
		boot_file_close(file);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		boot_file_close(file);
		btn_set(e, BTN_FILE_NOT_REGULAR, "the %s \"%s\" is not a file", what, path);
		return false;
	}
	file->size = (uint64_t)st.st_size;
	return true;
}

void boot_file_close(struct boot_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static bool read_failed(const struct boot_file *file, ssize_t count, struct btn_error *e)
{
	if (count < 0)
		btn_set_file(e, file->what, file->path, errno);
	else
		btn_set(e, BTN_KERNEL_DAMAGED, "the %s \"%s\" ends too early", file->what,
			file->path);
	return false;
}

bool boot_file_read(const struct boot_file *file, uint64_t offset, void *to, uint64_t size,
		    struct btn_error *e)
{
	uint8_t *at = to;

	if (offset > file->size || size > file->size - offset)
		return read_failed(file, 0, e);
	while (size) {
		ssize_t count = pread(file->fd, at, size, (off_t)offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return read_failed(file, count, e);
		at += count;
		offset += (uint64_t)count;
		size -= (uint64_t)count;
	}
	return true;
}

bool boot_file_load(const struct boot_file *file, uint64_t offset, uint64_t size,
		    struct guest_memory *memory, uint64_t gpa, struct btn_error *e)
{
	void *to = guest_memory_at(memory, gpa, size);

	if (!to) {
		btn_set(e, BTN_KERNEL_TOO_BIG, "the %s does not fit into the VM's memory",
			file->what);
		return false;
	}
	return boot_file_read(file, offset, to, size, e);
}

/* ---- parts ---- */

bool boot_damaged(const struct boot_plan *plan, const char *cause, struct btn_error *e)
{
	btn_set(e, BTN_KERNEL_DAMAGED, "the kernel \"%s\" is damaged", plan->kernel.path);
	btn_set_cause(e, "%s", cause);
	return false;
}

bool boot_no_kernel(const struct boot_plan *plan, const char *cause, struct btn_error *e)
{
	btn_set(e, BTN_KERNEL_FORMAT, "\"%s\" is no kernel that can be booted",
		plan->kernel.path);
	btn_set_cause(e, "%s", cause);
	return false;
}

bool boot_load_initrd(const struct boot_plan *plan, uint64_t floor, uint64_t limit,
		      uint64_t *ret_gpa, struct btn_error *e)
{
	uint64_t low = guest_memory_low(plan->memory), size = plan->initrd.size;
	uint64_t top = limit < low ? limit : low, gpa;

	*ret_gpa = 0;
	if (plan->initrd.fd < 0 || !size)
		return true;
	gpa = size <= top ? (top - size) & ~(uint64_t)(BATON_PAGE_SIZE - 1) : 0;
	if (!gpa || gpa < floor) {
		btn_set_default(e, BTN_INITRD_TOO_BIG);
		return false;
	}
	if (!boot_file_load(&plan->initrd, 0, size, plan->memory, gpa, e))
		return false;
	*ret_gpa = gpa;
	return true;
}

bool boot_write_cmdline(const struct boot_plan *plan, uint64_t max, struct btn_error *e)
{
	size_t length = strlen(plan->cmdline);

	if (max > BOOT_CMDLINE_MAX - 1)
		max = BOOT_CMDLINE_MAX - 1;
	if (length > max) {
		btn_set(e, BTN_CMDLINE_TOO_LONG,
			"the kernel command line has %zu characters, this kernel takes %u",
			length, (unsigned int)max);
		return false;
	}
	if (guest_memory_write(plan->memory, BOOT_CMDLINE, plan->cmdline, length + 1)) {
		btn_set_default(e, BTN_KERNEL_TOO_BIG);
		return false;
	}
	return true;
}

static void add_range(struct boot_range *ranges, unsigned int *count, uint64_t base,
		      uint64_t size, uint32_t type)
{
	if (size)
		ranges[(*count)++] = (struct boot_range){ base, size, type };
}

unsigned int boot_memory_map(const struct boot_plan *plan,
			     struct boot_range ranges[BOOT_RANGES_MAX])
{
	uint64_t low = guest_memory_low(plan->memory);
	unsigned int count = 0;

	add_range(ranges, &count, 0, BOOT_LOW_END, BOOT_RAM);
	add_range(ranges, &count, BOOT_LOW_END, BOOT_KERNEL_MIN - BOOT_LOW_END, BOOT_RESERVED);
	add_range(ranges, &count, BOOT_KERNEL_MIN, low - BOOT_KERNEL_MIN, BOOT_RAM);
	add_range(ranges, &count, plan->ecam_base, plan->ecam_size, BOOT_RESERVED);
	add_range(ranges, &count, MEMORY_HOLE_END, guest_memory_high(plan->memory), BOOT_RAM);
	return count;
}

/* ---- all ---- */

static bool read_head(const struct boot_file *kernel, uint8_t *head, struct btn_error *e)
{
	uint64_t size = kernel->size < BOOT_HEAD_SIZE ? kernel->size : BOOT_HEAD_SIZE;

	memset(head, 0, BOOT_HEAD_SIZE);
	return boot_file_read(kernel, 0, head, size, e);
}

bool boot_load(const struct boot_plan *plan, struct boot_entry *ret_entry,
	       struct btn_error *e)
{
	uint8_t head[BOOT_HEAD_SIZE];

	if (guest_memory_low(plan->memory) <= BOOT_KERNEL_MIN) {
		btn_set_default(e, BTN_KERNEL_TOO_BIG);
		return false;
	}
	if (!read_head(&plan->kernel, head, e))
		return false;
	if (linux_is_bzimage(head))
		return linux_load(plan, head, ret_entry, e);
	/* An ELF file that has both is started the newer way. */
	if (multiboot_is(head) && !(elf_is(head) && pvh_is(plan, head)))
		return multiboot_load(plan, head, ret_entry, e);
	if (elf_is(head))
		return pvh_load(plan, head, ret_entry, e);
	btn_set(e, BTN_KERNEL_FORMAT, "\"%s\" is no kernel that can be booted",
		plan->kernel.path);
	return false;
}
