/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Direct boot: a kernel image, an initrd and a command line become guest
 * memory and the registers of the first vCPU. Images are read straight from
 * the file into guest memory; all that is in them is taken to be hostile.
 */
#ifndef BATON_BOOT_H
#define BATON_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"

struct btn_error;
struct hv_vcpu;

/* A file that a part of the guest comes from. */
struct boot_file {
	const char *what;	/* "kernel", "initrd": for messages */
	const char *path;
	int fd;
	uint64_t size;
};

struct boot_plan {
	struct guest_memory *memory;
	struct boot_file kernel;
	struct boot_file initrd;	/* fd -1: none */
	const char *cmdline;
	uint64_t rsdp;			/* guest-physical; 0: no ACPI */
	uint64_t ecam_base, ecam_size;	/* reserved in the memory map; size 0: none */
};

/* BARE32: the same as PROTECTED32, without a descriptor table in memory. */
enum boot_mode { BOOT_LONG64, BOOT_PROTECTED32, BOOT_BARE32 };

/* What the first vCPU starts with. */
struct boot_entry {
	enum boot_mode mode;
	uint64_t rip;
	uint64_t rsi;	/* Linux: boot_params */
	uint64_t rbx;	/* PVH: hvm_start_info; multiboot: its information */
	uint64_t rax;	/* multiboot: its magic */
};

bool boot_file_open(struct boot_file *file, const char *what, const char *path,
		    struct btn_error *e);
void boot_file_close(struct boot_file *file);
/* All `size` bytes at offset; false: I/O error or beyond the end, *e filled. */
bool boot_file_read(const struct boot_file *file, uint64_t offset, void *to, uint64_t size,
		    struct btn_error *e);
/* The same into guest memory, which must be RAM. */
bool boot_file_load(const struct boot_file *file, uint64_t offset, uint64_t size,
		    struct guest_memory *memory, uint64_t gpa, struct btn_error *e);

/* Recognizes the kernel's format and loads everything. false: *e filled. */
bool boot_load(const struct boot_plan *plan, struct boot_entry *ret_entry,
	       struct btn_error *e);

/* The formats. `head` is the start of the file, zero-filled beyond its end. */
#define BOOT_HEAD_SIZE 8192u
bool linux_is_bzimage(const uint8_t *head);
bool linux_load(const struct boot_plan *plan, const uint8_t *head,
		struct boot_entry *ret_entry, struct btn_error *e);
bool pvh_load(const struct boot_plan *plan, const uint8_t *head,
	      struct boot_entry *ret_entry, struct btn_error *e);
/* Whether an ELF file has a PVH note that is fit to be read. */
bool pvh_is(const struct boot_plan *plan, const uint8_t *head);
bool multiboot_is(const uint8_t *head);
bool multiboot_load(const struct boot_plan *plan, const uint8_t *head,
		    struct boot_entry *ret_entry, struct btn_error *e);

/* The kernel's fault, with a sentence why. Return false. */
bool boot_damaged(const struct boot_plan *plan, const char *cause, struct btn_error *e);
bool boot_no_kernel(const struct boot_plan *plan, const char *cause, struct btn_error *e);

/*
 * Loads the initrd as high as it goes: below `limit` (exclusive) and the end of
 * low RAM, not below `floor`. *ret_gpa is 0 without an initrd.
 */
bool boot_load_initrd(const struct boot_plan *plan, uint64_t floor, uint64_t limit,
		      uint64_t *ret_gpa, struct btn_error *e);
/* Writes the command line; `max` bytes without the final zero. */
bool boot_write_cmdline(const struct boot_plan *plan, uint64_t max, struct btn_error *e);

/* The guest's memory map, in the terms that E820 and PVH share. */
struct boot_range {
	uint64_t base, size;
	uint32_t type;
};
enum { BOOT_RAM = 1, BOOT_RESERVED = 2 };
#define BOOT_RANGES_MAX 8
unsigned int boot_memory_map(const struct boot_plan *plan,
			     struct boot_range ranges[BOOT_RANGES_MAX]);

/*
 * The board has no firmware, but a jump to the real-mode reset vector has to be a
 * reset all the same: it is how Linux restarts a machine whose ACPI is hardware-
 * reduced. Puts code there that writes `value` to the reset register's `port`.
 */
int boot_reset_vector(struct guest_memory *memory, uint16_t port, uint8_t value);

/* Page tables and descriptors in guest memory, and the vCPU's registers. */
int boot_enter(struct guest_memory *memory, struct hv_vcpu *vcpu,
	       const struct boot_entry *entry);

#endif
