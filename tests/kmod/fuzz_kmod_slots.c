// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory slots: BATON_SET_SLOT with any arguments and lookups of any address.
 * After each call the slots are in order, apart, and within the address width.
 */
#include "kmod_env.h"
#include "fuzz.h"

/* Values that meet, overlap and wrap more often than random ones. */
static u64 number(struct fuzz *f)
{
	u8 kind = fuzz_u8(f);

	switch (kind & 3) {
	case 0:
		return fuzz_u64(f);
	case 1:
		return (u64)fuzz_u8(f) << 12;
	case 2:
		return 0 - ((u64)fuzz_u8(f) << 12);
	default:
		return 1ull << (fuzz_u8(f) & 63);
	}
}

static void check_slots(const struct baton_vm *vm)
{
	const struct baton_slots *slots = vm->slots;
	u64 end = 0;
	u32 i;

	FUZZ_CHECK(slots->count <= BATON_MAX_SLOTS);
	for (i = 0; i < slots->count; i++) {
		const struct baton_memslot *slot = &slots->slot[i];

		FUZZ_CHECK(slot->size && !((slot->gpa | slot->size | slot->hva) & ~PAGE_MASK));
		FUZZ_CHECK(slot->gpa >= end);
		end = slot->gpa + slot->size;
		FUZZ_CHECK(end > slot->gpa && end <= 1ull << baton_phys_bits());
		FUZZ_CHECK(slot->hva && slot->hva + slot->size <= TASK_SIZE_MAX);
		FUZZ_CHECK(baton_slot_find(slots, slot->gpa) == slot);
		FUZZ_CHECK(baton_slot_find(slots, end - 1) == slot);
	}
}

static void look(struct baton_vm *vm, struct fuzz *f)
{
	u64 gpa = number(f), size = number(f);
	const struct baton_memslot *slot = baton_slot_find(vm->slots, gpa);
	bool write = fuzz_bool(f);
	unsigned long hva = baton_gpa_to_hva(vm, gpa, size, write);

	if (slot)
		FUZZ_CHECK(gpa >= slot->gpa && gpa - slot->gpa < slot->size);
	if (!hva)
		return;
	FUZZ_CHECK(slot && size <= slot->size && gpa - slot->gpa <= slot->size - size);
	FUZZ_CHECK(hva - slot->hva == gpa - slot->gpa);
	FUZZ_CHECK(!write || !(slot->flags & BATON_SLOT_READONLY));
}

static void change(struct baton_vm *vm, struct fuzz *f)
{
	struct baton_slots *before = vm->slots;
	u32 count = before->count;
	struct baton_slot slot = {
		.id = fuzz_u8(f) & 15, .flags = fuzz_u8(f) >> 6, .gpa = number(f),
		.size = fuzz_bool(f) ? number(f) : 0, .hva = number(f),
	};
	int r;

	kshim_fail_alloc = fuzz_u8(f) == 0xff ? 0 : -1;
	r = baton_slot_set(vm, &slot);
	kshim_fail_alloc = -1;
	if (r)
		FUZZ_CHECK(vm->slots == before);
	else
		FUZZ_CHECK(vm->slots->count == (slot.size ? count + 1 : count - 1));
	check_slots(vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baton_vm *vm = kmod_vm_create(0);
	struct fuzz f = { data, size };

	while (f.left) {
		if (fuzz_bool(&f))
			look(vm, &f);
		else
			change(vm, &f);
	}
	kmod_vm_destroy(vm);
	return 0;
}
