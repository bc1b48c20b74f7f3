/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of guest RAM are in the balloon, and what going in and out means
 * for the host. One bit per page: a page counts once, whatever the driver says
 * how often. No lock: the balloon device's holds for all but the count.
 */
#ifndef BATON_VIRTIO_BALLOON_PAGES_H
#define BATON_VIRTIO_BALLOON_PAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct guest_memory;

struct balloon_pages {
	const struct guest_memory *memory;
	uint64_t *bits;			/* by place in RAM, the PCI hole left out */
	_Atomic(uint64_t) count;	/* of bits set; read by any thread */
	uint64_t failures;		/* ranges that the host did not take back */
	bool told;			/* no page leaves unseen: set by the device */
};

int balloon_pages_init(struct balloon_pages *pages, const struct guest_memory *memory);
void balloon_pages_fini(struct balloon_pages *pages);
/* The balloon is empty: the guest has forgotten it. */
void balloon_pages_clear(struct balloon_pages *pages);

/*
 * Page frame numbers as the driver listed them, at most 4 GiB / 4 KiB of them;
 * the array is used up. Those that are not RAM are passed over. What was put in
 * is given back to the host before return.
 */
void balloon_pages_put_in(struct balloon_pages *pages, uint32_t *pfn, uint32_t count);
void balloon_pages_take_out(struct balloon_pages *pages, uint32_t *pfn, uint32_t count);

#endif
