/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM. The memfd holds all of it without a gap: what lies below the PCI
 * hole first, then what lies above 4 GiB.
 */
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hv.h"

enum { SLOT_LOW = 0, SLOT_HIGH = 1 };

struct guest_memory {
	struct hv_vm *vm;
	uint8_t *base;
	uint64_t size, low, high;	/* size = low + high */
	int fd;
};

static int map_memory(struct guest_memory *mem)
{
	void *base;

	mem->fd = memfd_create("baton-guest-ram", MFD_CLOEXEC);
	if (mem->fd < 0 || ftruncate(mem->fd, (off_t)mem->size))
		return -errno;
	base = mmap(NULL, mem->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		    mem->fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	mem->base = base;
	/* hints: a host that does not know them works, too */
	madvise(base, mem->size, MADV_HUGEPAGE);
	madvise(base, mem->size, MADV_DONTDUMP);
	return 0;
}

static int set_slot(struct guest_memory *mem, uint32_t id, uint64_t gpa, uint64_t size,
		    uint64_t offset)
{
	struct hv_slot slot = {
		.id = id, .gpa = gpa, .size = size, .hva = mem->base + offset,
	};

	return size ? hv_vm_set_slot(mem->vm, &slot) : 0;
}

static int set_slots(struct guest_memory *mem)
{
	int error;

	if (!mem->vm)
		return 0;
	error = set_slot(mem, SLOT_LOW, 0, mem->low, 0);
	if (error)
		return error;
	return set_slot(mem, SLOT_HIGH, MEMORY_HOLE_END, mem->high, mem->low);
}

int guest_memory_create(struct hv_vm *vm, uint64_t size, struct guest_memory **ret_mem)
{
	struct guest_memory *mem;
	int error;

	if (!size || size % BATON_PAGE_SIZE)
		return -EINVAL;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return -ENOMEM;
	mem->vm = vm;
	mem->size = size;
	mem->low = size < MEMORY_HOLE_START ? size : MEMORY_HOLE_START;
	mem->high = size - mem->low;
	error = map_memory(mem);
	if (!error)
		error = set_slots(mem);
	if (error) {
		guest_memory_destroy(mem);
		return error;
	}
	*ret_mem = mem;
	return 0;
}

/* Slots go with the VM, which may be destroyed before or after. */
void guest_memory_destroy(struct guest_memory *mem)
{
	if (!mem)
		return;
	if (mem->base)
		munmap(mem->base, mem->size);
	if (mem->fd >= 0)
		close(mem->fd);
	free(mem);
}

uint64_t guest_memory_size(const struct guest_memory *mem)
{
	return mem->size;
}

uint64_t guest_memory_low(const struct guest_memory *mem)
{
	return mem->low;
}

uint64_t guest_memory_high(const struct guest_memory *mem)
{
	return mem->high;
}

void *guest_memory_at(const struct guest_memory *mem, uint64_t gpa, uint64_t size)
{
	if (gpa < mem->low)
		return size <= mem->low - gpa ? mem->base + gpa : NULL;
	if (gpa < MEMORY_HOLE_END || gpa - MEMORY_HOLE_END >= mem->high)
		return NULL;
	gpa -= MEMORY_HOLE_END;
	return size <= mem->high - gpa ? mem->base + mem->low + gpa : NULL;
}

int guest_memory_read(const struct guest_memory *mem, uint64_t gpa, void *to, uint64_t size)
{
	const void *from = guest_memory_at(mem, gpa, size);

	if (!from)
		return -EFAULT;
	memcpy(to, from, size);
	return 0;
}

int guest_memory_write(struct guest_memory *mem, uint64_t gpa, const void *from, uint64_t size)
{
	void *to = guest_memory_at(mem, gpa, size);

	if (!to)
		return -EFAULT;
	memcpy(to, from, size);
	return 0;
}
