/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the bytes of the guest's current instruction: for processors that do
 * not tell an exiting instruction's length (no NRIP save), and for the MOVs to
 * the local APIC page. gwalk.c is the guest page-table walk (pure), fetch.c
 * the memory side with its one-page cache.
 */
#ifndef BATON_FETCH_H
#define BATON_FETCH_H

#include <linux/types.h>

struct baton_vcpu;

#define BATON_INSN_MAX 15u

struct baton_walk {
	u64 cr0, cr3, cr4, efer;
};

/* Reads a page-table entry of guest memory: 0, or -EAGAIN/-EFAULT. */
typedef int (*baton_walk_read)(void *ctx, u64 gpa, void *to, unsigned int size);
/*
 * Guest-linear to guest-physical: 0, -EFAULT (not mapped), read's error. Sets no
 * accessed bits and checks no rights: it stands for a fetch that the processor has done.
 */
int baton_gwalk(const struct baton_walk *walk, u64 gva, baton_walk_read read, void *ctx,
		u64 *ret_gpa, bool *ret_user);

/* What a backend knows about where the guest executes. */
struct baton_code {
	struct baton_walk walk;
	u64 linear;		/* CS base + RIP */
	bool long64;		/* CS.L with EFER.LMA */
	bool big;		/* CS.D */
};

/*
 * Copies up to `want` (1-15) bytes at code->linear. In a window or out of it.
 * Returns the number of bytes, less than `want` if the guest does not map the
 * page that follows, or only for its kernel; 0: page is not there now, BATON_REQ_TOUCH is set
 * and the guest must run the instruction again (return BATON_LEAVE); -EFAULT:
 * not mapped by the guest: let it take the fault by running again.
 */
int baton_fetch_insn(struct baton_vcpu *vcpu, const struct baton_code *code, u8 *buf,
		     unsigned int want);

/*
 * In a window: guest memory at hva is not resident. Has it faulted in before the
 * guest goes on; the instruction must then be run again (BATON_LEAVE). -EAGAIN.
 */
int baton_touch_later(struct baton_vcpu *vcpu, unsigned long hva, u64 gpa);

/* The next fetch walks the guest's page tables again. */
void baton_fetch_forget(struct baton_vcpu *vcpu);

/*
 * Length of the instruction in buf if it is `opcode` (0x0f01d1-style, most
 * significant byte first, up to 3 bytes, with any prefixes; ModRM not counted):
 * 1-15, or 0 if it is another one or does not end within buf.
 */
unsigned int baton_insn_length(const u8 *buf, unsigned int len, u32 opcode, bool long64);

/* Also REX, in 64-bit code. */
static inline bool baton_is_prefix(u8 byte, bool long64)
{
	switch (byte) {
	case 0xf0: case 0xf2: case 0xf3:		/* lock, repne, rep */
	case 0x26: case 0x2e: case 0x36: case 0x3e:	/* es, cs, ss, ds */
	case 0x64: case 0x65: case 0x66: case 0x67:	/* fs, gs, operand, address size */
		return true;
	default:
		return long64 && (byte & 0xf0) == 0x40;	/* REX */
	}
}

#endif
