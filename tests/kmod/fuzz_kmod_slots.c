// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory slots: BATON_SET_SLOT with any arguments and lookups of any address.
 * After each call the slots are in order, apart, and within the address width. Their
 * dirty logs, asked for and cleared with any range.
 */
#include "kmod_env.h"
#include "npt_formats.h"
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
		FUZZ_CHECK(!slot->dirty == !(slot->flags & BATON_SLOT_LOG_DIRTY));
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
	u8 id = fuzz_u8(f) & 15, flags = fuzz_u8(f);
	struct baton_slot slot = {
		.id = id, .flags = flags >> 6, .gpa = number(f),
		.size = fuzz_bool(f) ? number(f) : 0, .hva = number(f),
	};
	int r;

	const struct baton_memslot *there = baton_slot_by_id(before, slot.id);

	/* Its log on or off, or a move. */
	if (there && flags & 1) {
		if (!(flags & 4))
			slot.gpa = there->gpa;
		slot.size = there->size;
		slot.hva = there->hva;
		slot.flags = (there->flags & BATON_SLOT_READONLY) | (slot.flags & 2);
	}
	if (there && slot.size)
		count--; /* that can only be the same one */
	kshim_fail_alloc = fuzz_u8(f) >= 0xfe ? fuzz_u8(f) & 1 : -1;
	r = baton_slot_set(vm, &slot);
	kshim_fail_alloc = -1;
	if (r)
		FUZZ_CHECK(vm->slots == before);
	else
		FUZZ_CHECK(vm->slots->count == (slot.size ? count + 1 : count - 1));
	check_slots(vm);
}

/*
 * Room for a log's bits: it has four times as many as a small host's pages at most, and
 * three more, for the module rounds down. The last word is nobody's.
 */
#define HOST_PAGES 0x4000u
static u64 bits[(4 * HOST_PAGES + 3) / 64 + 2];

static void log_dirty(struct baton_vm *vm, struct fuzz *f)
{
	struct baton_dirty_log log = {
		.slot = fuzz_u8(f) & 15, .reserved = fuzz_u8(f) == 0xff,
		.first = fuzz_bool(f) ? number(f) : fuzz_u8(f) * 64u,
		.count = fuzz_bool(f) ? number(f) : fuzz_u8(f) * 64u,
		.bitmap = (uintptr_t)bits + (fuzz_u8(f) == 0xff),
	};
	const struct baton_memslot *slot = baton_slot_by_id(vm->slots, log.slot);
	u64 i, old;
	int r;

	spin_lock(&vm->mmu_lock);
	baton_write_end(vm, number(f), fuzz_u8(f));
	if (slot && slot->dirty && fuzz_bool(f))
		log.count = slot->size / PAGE_SIZE - min(log.first, slot->size / PAGE_SIZE);
	memset(bits, 0x5a, sizeof(bits));
	r = baton_dirty_get(vm, &log);
	if (r)
		FUZZ_CHECK(r == -EINVAL || r == -ENOENT);
	if (!r)
		for (i = 0; i < log.count; i++)
			FUZZ_CHECK((bits[i / 64] ^ slot->dirty[(log.first + i) / 64]) >> i % 64 &
				   1 ? 0 : 1);
	bits[0] &= number(f);
	old = r ? 0 : slot->dirty[log.first / 64];
	FUZZ_CHECK(baton_dirty_clear(vm, &log) == r);
	if (!r)
		FUZZ_CHECK(slot->dirty[log.first / 64] == (old & ~bits[0]));
	/* Slots without a log may be larger than `bits`. */
	r = log.count > 4 * HOST_PAGES ? 0 : baton_accessed_get(vm, &log);
	FUZZ_CHECK(!r || r == -EINVAL || r == -ENOENT);
	FUZZ_CHECK(bits[ARRAY_SIZE(bits) - 1] == 0x5a5a5a5a5a5a5a5aull);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baton_vm *vm = kmod_vm_create(0);
	struct fuzz f = { data, size };

	kshim_totalram = HOST_PAGES;
	if (baton_npt_init(&vm->npt, &baton_npt_format, false))
		abort();
	while (f.left) {
		u8 what = fuzz_u8(&f);

		if (what & 1)
			look(vm, &f);
		else if (what & 2)
			log_dirty(vm, &f);
		else
			change(vm, &f);
	}
	baton_npt_fini(&vm->npt);
	kmod_vm_destroy(vm);
	return 0;
}
