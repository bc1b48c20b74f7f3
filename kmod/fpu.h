/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x87/SSE/AVX state, XCR0 and debug registers of guest and host: the parts of
 * the world switch that are the same for both vendors. All calls are made
 * inside one window, in the order of safety.md section 2.
 */
#ifndef BATON_FPU_H
#define BATON_FPU_H

#include <linux/types.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>

struct baton_vcpu;

struct baton_fpu {
	void *area;		/* of the guest: an XSAVE image, 64-byte aligned; kmalloc's */
	void *host_area;	/* the same, of what the host had in the registers; in a window */
	u64 host_xcr0;		/* read at window start */
};

int baton_fpu_init(struct baton_vcpu *vcpu);
void baton_fpu_reset(struct baton_vcpu *vcpu);
/* Host registers away, guest's in, XCR0 switched (if OSXSAVE). */
void baton_fpu_enter(struct baton_vcpu *vcpu);
/* In the window: vcpu->sregs.xcr0 as the register has it. */
void baton_fpu_note_xcr0(struct baton_vcpu *vcpu);
/* The reverse of enter; host may use its FPU again. */
void baton_fpu_leave(struct baton_vcpu *vcpu);

/* SDM vol. 3 "Debug Registers": what asm/debugreg.h has no name for. */
#define DR_BD			(1ull << 13)	/* DR6: access to a debug register */
#define DR_GENERAL_DETECT	(1ull << 13)	/* DR7: report such accesses */
#define DR6_WRITABLE (DR_TRAP0 | DR_TRAP1 | DR_TRAP2 | DR_TRAP3 | DR_BD | DR_STEP | DR_SWITCH)
#define DR7_WRITABLE		0xffff23ffull
#define DR7_FIXED		0x400ull
#define DR7_ARMED		0xffull		/* some breakpoint is */

struct baton_host_debug {
	u64 dr[4], dr6, dr7;
	bool saved;
};
/*
 * Guest DR0-3 and DR6 in (DR7 is the control block's) if the guest has
 * breakpoints armed; host's saved before, if it uses any.
 */
void baton_debug_switch(struct baton_vcpu *vcpu, bool guest_armed);
void baton_debug_restore(struct baton_host_debug *host);

/* XCR0 bits that a guest may have on this host. */
u64 baton_xcr0_supported(void);
/* Do these bits go together (SDM "XCR0": x87 always, AVX needs SSE, AVX-512 as one)? */
bool baton_xcr0_valid(u64 xcr0);
/* Bytes of a non-compacted XSAVE image for these bits. */
u32 baton_xsave_size(u64 xcr0);

int baton_get_xsave(struct baton_vcpu *vcpu, struct baton_xsave *out);
/* 0 or -EINVAL: header bits outside XCR0, reserved MXCSR bits. */
int baton_set_xsave(struct baton_vcpu *vcpu, const struct baton_xsave *in);

#endif
