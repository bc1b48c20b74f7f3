// SPDX-License-Identifier: GPL-2.0-or-later
/* Safety test A2: memory slots. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#define MIB (1024u * 1024u)

static int set(int vm, uint32_t id, uint32_t flags, uint64_t gpa, uint64_t size, uint64_t hva)
{
	struct baton_slot slot = { .id = id, .flags = flags, .gpa = gpa, .size = size, .hva = hva };

	return ioctl(vm, BATON_SET_SLOT, &slot);
}

static void test_refused(void)
{
	int sys = abi_open(), vm = abi_vm(sys);
	void *memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	uint64_t hva = (uintptr_t)memory;

	FAILS(set(vm, 0, 0, 0, 4095, hva), EINVAL);
	FAILS(set(vm, 0, 0, 1, 4096, hva), EINVAL);
	FAILS(set(vm, 0, 0, 0, 4096, hva + 8), EINVAL);
	FAILS(set(vm, 0, 4, 0, 4096, hva), EINVAL);
	FAILS(set(vm, BATON_MAX_SLOTS, 0, 0, 4096, hva), EINVAL);
	FAILS(set(vm, UINT32_MAX, 0, 0, 4096, hva), EINVAL);
	FAILS(set(vm, 0, 0, UINT64_MAX - 4095, 8192, hva), EINVAL);
	FAILS(set(vm, 0, 0, 0, UINT64_MAX - 4095, hva), EINVAL);
	FAILS(set(vm, 0, 0, 1ull << 52, 4096, hva), EINVAL);
	FAILS(set(vm, 0, 0, 0, 4096, 0xffff800000000000ull), EINVAL);
	FAILS(set(vm, 0, 0, 0, 8192, 0x7ffffffff000ull), EINVAL);
	FAILS(set(vm, 0, 0, 0, 0, 0), ENOENT);
	munmap(memory, 4 * MIB);
	close(vm);
	close(sys);
}

static void test_overlap(void)
{
	int sys = abi_open(), vm = abi_vm(sys);
	void *memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	uint64_t hva = (uintptr_t)memory;

	EXPECT(!set(vm, 1, 0, MIB, MIB, hva));
	FAILS(set(vm, 1, 0, MIB, MIB, hva + MIB), EEXIST);
	FAILS(set(vm, 2, 0, MIB, MIB, hva), EEXIST);
	FAILS(set(vm, 2, 0, 2 * MIB - 4096, 8192, hva), EEXIST);
	FAILS(set(vm, 2, 0, MIB - 4096, 8192, hva), EEXIST);
	FAILS(set(vm, 2, 0, 0, 4 * MIB, hva), EEXIST);
	EXPECT(!set(vm, 2, 0, 2 * MIB, MIB, hva));
	EXPECT(!set(vm, 3, BATON_SLOT_READONLY, 0, MIB, hva));
	EXPECT(!set(vm, 1, 0, 0, 0, 0));
	FAILS(set(vm, 1, 0, 0, 0, 0), ENOENT);
	EXPECT(!set(vm, 1, 0, MIB, MIB, hva + MIB));
	close(vm);
	munmap(memory, 4 * MIB);
	close(sys);
}

/* What a move refuses; then past its neighbours, and onto itself. */
static void test_move(void)
{
	int sys = abi_open(), vm = abi_vm(sys);
	void *memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	uint64_t hva = (uintptr_t)memory;

	EXPECT(!set(vm, 1, 0, MIB, MIB, hva));
	EXPECT(!set(vm, 2, 0, 4 * MIB, MIB, hva));
	FAILS(set(vm, 1, 0, MIB + 1, MIB, hva), EINVAL);
	FAILS(set(vm, 1, 0, 1ull << 52, MIB, hva), EINVAL);
	FAILS(set(vm, 1, 0, -(uint64_t)MIB, MIB, hva), EINVAL);
	FAILS(set(vm, 1, 0, 8 * MIB, 2 * MIB, hva), EEXIST);
	FAILS(set(vm, 1, 0, 8 * MIB, MIB, hva + MIB), EEXIST);
	FAILS(set(vm, 1, BATON_SLOT_READONLY, 8 * MIB, MIB, hva), EEXIST);
	FAILS(set(vm, 1, BATON_SLOT_LOG_DIRTY, 8 * MIB, MIB, hva), EEXIST);
	FAILS(set(vm, 1, 0, 4 * MIB, MIB, hva), EEXIST);
	FAILS(set(vm, 1, 0, 4 * MIB - 4096, MIB, hva), EEXIST);
	EXPECT(!set(vm, 1, 0, 5 * MIB, MIB, hva));
	EXPECT(!set(vm, 3, 0, MIB, MIB, hva));
	EXPECT(!set(vm, 1, 0, 5 * MIB + 4096, MIB, hva));
	FAILS(set(vm, 4, 0, 5 * MIB, 8192, hva), EEXIST);
	EXPECT(!set(vm, 4, 0, 5 * MIB, 4096, hva));
	EXPECT(!set(vm, 1, 0, 0, MIB, hva));
	munmap(memory, 4 * MIB);
	close(vm);
	close(sys);
}

static void test_all_slots(void)
{
	int sys = abi_open(), vm = abi_vm(sys);
	void *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t id;

	for (id = 0; id < BATON_MAX_SLOTS; id++)
		EXPECT(!set(vm, id, 0, (uint64_t)id * 2 * MIB, MIB, (uintptr_t)memory));
	for (id = 0; id < BATON_MAX_SLOTS; id++)
		EXPECT(!set(vm, id, 0, 0, 0, 0));
	munmap(memory, MIB);
	close(vm);
	close(sys);
}

const struct abi_test abi_slot_tests[] = {
	{ "A2: slots refused", test_refused },
	{ "A2: slots overlapping", test_overlap },
	{ "A2: slots moved", test_move },
	{ "A2: all slots", test_all_slots },
	{ NULL, NULL },
};
