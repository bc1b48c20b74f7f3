/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory. RAM is mapped once, shown to the engine as slots below
 * and above the PCI hole. Devices reach it through guest-physical addresses only;
 * every access is bounds-checked here and nowhere else.
 *
 * On a PC two things differ. From 640 KiB to 1 MiB there is no plain RAM: the VGA
 * window first, then 256 KiB of RAM that the chipset shows, hides or protects piece
 * by piece (dev/pam.c). And there is memory that is not RAM: firmware, video memory.
 * Both come as windows. So there are two views: a device's (all RAM, nothing else),
 * and the processor's (plain RAM and windows).
 */
#ifndef BATON_CORE_MEMORY_H
#define BATON_CORE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct hv_vm;
struct guest_memory;

#define MEMORY_HOLE_START 0xc0000000ull /* RAM ends here at the latest … */
#define MEMORY_HOLE_END	 0x100000000ull	/* … and goes on from here */

/* On a PC, low RAM ends at the second address if there is more than that much (Q35). */
#define MEMORY_PC_LOW_ALL 0xb0000000ull
#define MEMORY_PC_LOW_PART 0x80000000ull
#define MEMORY_PC_VGA	0xa0000ull
#define MEMORY_PC_SHADOW 0xc0000ull	/* RAM behind windows, to … */
#define MEMORY_PC_PLAIN	0x100000ull	/* … here */

enum guest_memory_kind {
	/* A memfd, mapped shared: can be handed to another process. */
	GUEST_MEMORY_SHARED,
	/*
	 * Anonymous and private: the host's kernel may merge pages that are the
	 * same (KSM), which it does for no other kind. No other process can ever
	 * map it: none that serves a device, none that is forked from this VM.
	 */
	GUEST_MEMORY_MERGEABLE,
};

/* size in bytes, page-aligned. vm may be NULL (tests): no slots are set then. */
int guest_memory_create(struct hv_vm *vm, uint64_t size, struct guest_memory **ret_mem);
/* -EOPNOTSUPP: MERGEABLE, and the host's kernel is built without KSM. */
int guest_memory_create_kind(struct hv_vm *vm, uint64_t size, enum guest_memory_kind kind,
			     struct guest_memory **ret_mem);
/* The same with the layout of a PC. size: more than 1 MiB. */
int guest_memory_create_pc(struct hv_vm *vm, uint64_t size, enum guest_memory_kind kind,
			   struct guest_memory **ret_mem);
void guest_memory_destroy(struct guest_memory *mem);
uint64_t guest_memory_size(const struct guest_memory *mem);
/* Bytes of RAM below the hole, and above 4 GiB. */
uint64_t guest_memory_low(const struct guest_memory *mem);
uint64_t guest_memory_high(const struct guest_memory *mem);
/* A device's view: pointer to [gpa, gpa + size) if all of it is RAM and contiguous, else NULL. */
void *guest_memory_at(const struct guest_memory *mem, uint64_t gpa, uint64_t size);
/* The same of RAM that no window can cover, which processor and devices see alike. */
void *guest_memory_plain(const struct guest_memory *mem, uint64_t gpa, uint64_t size);
/*
 * The processor's view: RAM but for what windows cover, and windows. For instruction
 * fetch, page-table walks and operands. -EFAULT if part of the range is neither, or for
 * a write if it is read-only; nothing is copied then.
 */
int guest_memory_read(struct guest_memory *mem, uint64_t gpa, void *to, uint64_t size);
int guest_memory_write(struct guest_memory *mem, uint64_t gpa, const void *from, uint64_t size);

/*
 * Gives the host back the whole pages in [at, at + size), where `at` is from
 * guest_memory_at() or an iovec of a virtqueue; they read as zero from now on.
 * May be called while the guest runs, from any thread. -EFAULT: not all of it
 * is guest RAM, nothing is done; else what the host's kernel says.
 */
int guest_memory_give_back(const struct guest_memory *mem, void *at, uint64_t size);
/*
 * For tests: takes the page at gpa out of page tables, so that its next use has to find
 * it again; what is in it stays. -EOPNOTSUPP: not with MERGEABLE. -EFAULT: no RAM.
 */
int guest_memory_flush_page(const struct guest_memory *mem, uint64_t gpa);
/*
 * Bytes of guest RAM for which the host holds memory now. SHARED: what is in the
 * host's swap counts, and it costs next to nothing to ask. MERGEABLE: swap does
 * not count, merged pages do, and the kernel looks at each page.
 */
uint64_t guest_memory_held(const struct guest_memory *mem);
enum guest_memory_kind guest_memory_kind(const struct guest_memory *mem);

/*
 * Windows: page-aligned memory of the monitor's at guest-physical addresses where no
 * plain RAM is. Owned by the caller, to be unmapped before it goes. A window has a
 * number of the caller's choice, fixed for the board below. Any thread; -EEXIST: number
 * in use; -EINVAL; or the engine's error.
 */
enum {
	WINDOW_PAM = 0,		/* 13 of them, dev/pam.c */
	WINDOW_FIRMWARE = 13,
	WINDOW_VRAM = 14,
	WINDOW_COUNT = 16,
};
int guest_memory_map(struct guest_memory *mem, unsigned int window, uint64_t gpa, uint64_t size,
		     void *hva, bool readonly);
/* Nothing happens if it is not mapped. */
void guest_memory_unmap(struct guest_memory *mem, unsigned int window);

/*
 * A window's dirty log, on or off, also for when it is mapped later. Guests run slower
 * while it is on. -EOPNOTSUPP: the engine has none; or its error. Any thread.
 */
int guest_memory_log(struct guest_memory *mem, unsigned int window, bool on);
/*
 * ORs a bit into bitmap for each of the window's pages, of which it has `pages`, that
 * the guest has written since the last call; what was written before is in memory when
 * this returns. False: any page may have been written (the log was switched on since, the
 * window was mapped anew, an instruction for it was emulated, or there is no log).
 */
bool guest_memory_take_dirty(struct guest_memory *mem, unsigned int window, uint64_t *bitmap,
			     uint64_t pages);

#endif
