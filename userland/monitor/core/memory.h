/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM: one memfd, mapped once, shown to the engine as slots below and
 * above the PCI hole. Devices reach it through guest-physical addresses only;
 * every access is bounds-checked here and nowhere else.
 */
#ifndef BATON_CORE_MEMORY_H
#define BATON_CORE_MEMORY_H

#include <stdint.h>

struct hv_vm;
struct guest_memory;

#define MEMORY_HOLE_START 0xc0000000ull /* RAM ends here at the latest … */
#define MEMORY_HOLE_END	 0x100000000ull	/* … and goes on from here */

/* size in bytes, page-aligned. vm may be NULL (tests): no slots are set then. */
int guest_memory_create(struct hv_vm *vm, uint64_t size, struct guest_memory **ret_mem);
void guest_memory_destroy(struct guest_memory *mem);
uint64_t guest_memory_size(const struct guest_memory *mem);
/* Bytes of RAM below the hole, and above 4 GiB. */
uint64_t guest_memory_low(const struct guest_memory *mem);
uint64_t guest_memory_high(const struct guest_memory *mem);
/* Pointer to [gpa, gpa + size) if all of it is RAM and contiguous, else NULL. */
void *guest_memory_at(const struct guest_memory *mem, uint64_t gpa, uint64_t size);
/* -EFAULT if part of the range is not RAM; nothing is copied then. */
int guest_memory_read(const struct guest_memory *mem, uint64_t gpa, void *to, uint64_t size);
int guest_memory_write(struct guest_memory *mem, uint64_t gpa, const void *from, uint64_t size);

#endif
