/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's own page tables, walked in software (Intel SDM 3, "Paging"):
 * none, 32-bit, PAE, 4 and 5 levels, with the permission checks that the
 * processor would make.
 */
#ifndef BATON_EMUL_WALK_H
#define BATON_EMUL_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "baton_vcpu_state.h"
#include "core/memory.h"

/* What is to be done at the address; also bits of a page-fault error code. */
#define WALK_READ	0u
#define WALK_WRITE	(1u << 1)
#define WALK_FETCH	(1u << 4)

enum walk_mode { WALK_OFF, WALK_32, WALK_PAE, WALK_4_LEVELS, WALK_5_LEVELS };

/*
 * The entries that a walk of 4 or 5 levels went by, as it left them. As long as
 * they are the same, the same walk ends at the same place.
 */
struct walk_trail {
	unsigned int count;
	const uint64_t *host[5];
	uint64_t entry[5];
};

struct walk {
	struct guest_memory *memory;
	struct walk_trail *trail;	/* to be written, or NULL */
	enum walk_mode mode;
	uint64_t cr3;
	uint64_t pdpte[4];	/* PAE: as the processor loaded them; all 0: it keeps none */
	uint64_t reserved;	/* bits that make an entry invalid */
	bool write_protect, nx, pse, smep, smap;
	bool user;		/* CPL 3 */
	bool peek;		/* the tables stay as they are */
};

static inline bool walk_trail_holds(const struct walk_trail *trail)
{
	for (unsigned int i = 0; i < trail->count; i++)
		if (__atomic_load_n(trail->host[i], __ATOMIC_RELAXED) != trail->entry[i])
			return false;
	return trail->count;
}

void walk_init(struct walk *walk, struct guest_memory *memory,
	       const struct baton_sregs *sregs, uint64_t rflags);

/*
 * Finds the guest-physical address of `gva` and sets accessed and dirty bits.
 * 0; -EFAULT: page fault with *ret_error_code; -EINVAL: not canonical (#GP).
 */
int walk_address(const struct walk *walk, uint64_t gva, uint32_t access, uint64_t *ret_gpa,
		 uint32_t *ret_error_code);

/* For a debugger: where is that, whoever may get at it? Leaves no mark. 0 or -EFAULT. */
int walk_peek(const struct walk *walk, uint64_t gva, uint64_t *ret_gpa);

#endif
