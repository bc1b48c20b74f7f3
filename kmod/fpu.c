// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU, XCR0 and debug registers across the world switch (see fpu.h).
 *
 * Guest state is kept in a non-compacted XSAVE image of our own, loaded and saved
 * with all components that a guest can have, under the host's XCR0: a guest that
 * clears a bit of its XCR0 keeps that component, as on hardware.
 *
 * What the host has in the registers is there again when the window closes, so the
 * kernel need not know, and what it knows of whose they are stays true: this thread's,
 * or another's that may come back to this CPU. Meanwhile it would take a guest's for
 * those of the thread: so nothing that is called in a window may use the FPU. Interrupts
 * are off, NMIs must not, waiters of eventfds and tracers do not. Other components than a
 * guest's stay where they are, it cannot get at them. kernel_fpu_begin() and the way back
 * to user space would cost 140 instructions more, around the same XSAVE and XRSTOR.
 */
#include <linux/slab.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>

#include "compat.h"
#include "debug.h"

#define XFEATURES_OFFERED (XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | \
			   XFEATURE_MASK_AVX512)
#define LEGACY_SIZE 512
#define FCW_DEFAULT 0x37fu
#define MXCSR_MASK_DEFAULT 0xffbfu	/* where FXSAVE says 0 */

/* Layout of the image: SDM vol. 1, "XSAVE Area". */
#define MXCSR_OFFSET 24
#define MXCSR_MASK_OFFSET 28
struct xsave_header {
	u64 xstate_bv, xcomp_bv, reserved[6];
};
#define header_of(area)	((struct xsave_header *)((void *)(area) + LEGACY_SIZE))

/* SDM vol. 1, "Guidelines for Writing to the MXCSR Register". Whoever's registers they are. */
static u32 mxcsr_mask(void)
{
	u8 image[LEGACY_SIZE] __aligned(16) = {};
	u32 mask;

	asm volatile("fxsave64 %0" : "+m" (image));
	mask = *(u32 *)(image + MXCSR_MASK_OFFSET);
	return mask ? mask : MXCSR_MASK_DEFAULT;
}

u64 baton_xcr0_supported(void)
{
	u64 host;

	if (!boot_cpu_has(X86_FEATURE_OSXSAVE))
		return XFEATURE_MASK_FP;
	host = xgetbv(XCR_XFEATURE_ENABLED_MASK) & XFEATURES_OFFERED;
	return baton_xcr0_valid(host) ? host : host & XFEATURE_MASK_FPSSE;
}

bool baton_xcr0_valid(u64 xcr0)
{
	u64 avx512 = xcr0 & XFEATURE_MASK_AVX512;

	if (!(xcr0 & XFEATURE_MASK_FP) || xcr0 & ~(u64)XFEATURES_OFFERED)
		return false;
	if (xcr0 & XFEATURE_MASK_YMM && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	return !avx512 || (avx512 == XFEATURE_MASK_AVX512 && xcr0 & XFEATURE_MASK_YMM);
}

u32 baton_xsave_size(u64 xcr0)
{
	u32 size = LEGACY_SIZE + sizeof(struct xsave_header);
	u32 eax, ebx, ecx, edx;
	int i;

	for (i = 2; i < 8; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		size = max(size, eax + ebx);
	}
	return size;
}

static u32 area_size(void)
{
	return baton_xsave_size(baton_xcr0_supported());
}

int baton_fpu_init(struct baton_vcpu *vcpu)
{
	u32 size = roundup_pow_of_two(area_size());

	if (size > BATON_XSAVE_SIZE)
		return -EINVAL;
	/* A power of two from kmalloc is aligned to itself: 64 bytes are needed. */
	vcpu->fpu.area = kzalloc(2 * size, GFP_KERNEL_ACCOUNT);
	vcpu->fpu.host_area = vcpu->fpu.area + size;
	return vcpu->fpu.area ? 0 : -ENOMEM;
}

void baton_fpu_reset(struct baton_vcpu *vcpu)
{
	void *area = vcpu->fpu.area;

	memset(area, 0, area_size());
	*(u16 *)area = FCW_DEFAULT;
	*(u32 *)(area + MXCSR_OFFSET) = MXCSR_DEFAULT;
}

static __always_inline bool has_xsave(void)
{
	return static_cpu_has(X86_FEATURE_OSXSAVE);
}

static __always_inline void restore(void *area)
{
	static const u32 any;
	u32 mask = XFEATURES_OFFERED;

	/* These processors leave the host's last x87 instruction where it was. */
	if (static_cpu_has_bug(X86_BUG_FXSAVE_LEAK))
		asm volatile("fnclex; emms; fildl %0" : : "m" (any));
	if (has_xsave())
		asm volatile("xrstor64 %0" : : "m" (*(u8 (*)[BATON_XSAVE_SIZE])area),
			     "a" (mask), "d" (0) : "memory");
	else
		asm volatile("fxrstor64 %0" : : "m" (*(u8 (*)[LEGACY_SIZE])area) : "memory");
}

static __always_inline void save(void *area)
{
	u32 mask = XFEATURES_OFFERED;

	if (has_xsave())
		asm volatile("xsave64 %0" : "+m" (*(u8 (*)[BATON_XSAVE_SIZE])area)
			     : "a" (mask), "d" (0) : "memory");
	else
		asm volatile("fxsave64 %0" : "+m" (*(u8 (*)[LEGACY_SIZE])area) : : "memory");
}

void baton_fpu_enter(struct baton_vcpu *vcpu)
{
	struct baton_fpu *fpu = &vcpu->fpu;

	save(fpu->host_area);
	restore(fpu->area);
	if (!has_xsave())
		return;
	fpu->host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (fpu->host_xcr0 != vcpu->sregs.xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->sregs.xcr0);
}

/*
 * XSETBV exits, so the register holds what we know. Not in every emulator: QEMU's
 * AMD-V executes it. What decides over the host's value is what is really there.
 */
static __always_inline void note_xcr0(struct baton_vcpu *vcpu)
{
	if (has_xsave())
		vcpu->sregs.xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
}

void baton_fpu_note_xcr0(struct baton_vcpu *vcpu)
{
	note_xcr0(vcpu);
}

void baton_fpu_leave(struct baton_vcpu *vcpu)
{
	note_xcr0(vcpu);
	if (has_xsave() && vcpu->fpu.host_xcr0 != vcpu->sregs.xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->fpu.host_xcr0);
	save(vcpu->fpu.area);
	restore(vcpu->fpu.host_area);
}

void baton_debug_switch(struct baton_vcpu *vcpu, bool guest_armed)
{
	const u64 *dr = vcpu->debug.flags & BATON_DEBUG_HW_BREAK ? vcpu->debug.dr : vcpu->dbg.dr;
	struct baton_host_debug *host = &vcpu->host_debug;
	int i;

	host->dr7 = native_get_debugreg(7);
	/* Nothing may trigger while addresses change. */
	native_set_debugreg(7, 0);
	host->dr6 = native_get_debugreg(6);
	for (i = 0; i < 4; i++)
		host->dr[i] = native_get_debugreg(i);
	if (!guest_armed)
		return;
	for (i = 0; i < 4; i++)
		native_set_debugreg(i, dr[i]);
}

void baton_debug_restore(struct baton_host_debug *host)
{
	int i;

	native_set_debugreg(7, 0);
	for (i = 0; i < 4; i++)
		native_set_debugreg(i, host->dr[i]);
	native_set_debugreg(6, host->dr6);
	native_set_debugreg(7, host->dr7);
}

static u64 read_dr(const struct baton_debugregs *dbg, unsigned int dr)
{
	if (dr <= 3)
		return dbg->dr[dr & 3];
	return dr == 6 ? dbg->dr6 : dbg->dr7;
}

/* False: #GP, bits above 31 in DR6 or DR7. */
static bool write_dr(struct baton_vcpu *vcpu, unsigned int dr, u64 value)
{
	struct baton_debugregs *dbg = &vcpu->dbg;
	bool was_armed = dbg->dr7 & DR7_ARMED;

	if (dr > 3 && value >> 32)
		return false;
	if (dr <= 3)
		dbg->dr[dr & 3] = value;
	else if (dr == 6)
		dbg->dr6 = (value & DR6_WRITABLE) | DR6_RESERVED;
	else
		dbg->dr7 = (value & DR7_WRITABLE) | DR7_FIXED;
	vcpu->dirty |= BATON_ST_DEBUG;
	/* Hardware's DR0-3 follow if breakpoints were or are armed. */
	if (was_armed || dbg->dr7 & DR7_ARMED) {
		baton_debug_leave(vcpu);
		baton_debug_enter(vcpu);
	}
	return true;
}

bool baton_exit_dr(struct baton_vcpu *vcpu, struct baton_dr_access *access)
{
	unsigned int dr = access->dr;
	bool alias = dr >> 1 == 2;

	if (access->cpl) {
		baton_inject_gp(vcpu);
		return false;
	}
	if (dr > 7 || (alias && access->cr4 & X86_CR4_DE)) {
		baton_exit_ud(vcpu);
		return false;
	}
	if (vcpu->dbg.dr7 & DR_GENERAL_DETECT) {
		baton_exit_db(vcpu, DR_BD);
		return false;
	}
	/* Without CR4.DE, DR4 and DR5 are other names of DR6 and DR7. */
	if (alias)
		dr += 2;
	if (!access->write) {
		access->value = read_dr(&vcpu->dbg, dr);
		return true;
	}
	if (write_dr(vcpu, dr, access->value))
		return true;
	baton_inject_gp(vcpu);
	return false;
}

void baton_exit_db(struct baton_vcpu *vcpu, u64 causes)
{
	struct baton_debugregs *dbg = &vcpu->dbg;

	dbg->dr6 = (dbg->dr6 & ~(u64)DR_TRAP_BITS) | causes;
	dbg->dr7 &= ~(u64)DR_GENERAL_DETECT;
	vcpu->dirty |= BATON_ST_DEBUG;
	baton_queue_exception(vcpu, X86_TRAP_DB, false, 0);
}

enum baton_next baton_exit_trap(struct baton_vcpu *vcpu, u64 causes, bool step)
{
	u64 dr7 = baton_dr7(vcpu), on = ~(u64)DR_TRAP_BITS, mine = 0;
	int i;

	/* An address that matches may be named while its breakpoint is off: the host's, too. */
	for (i = 0; i < 4; i++)
		if (dr7 >> 2 * i & 3)
			on |= BIT(i);
	causes &= on;
	if (vcpu->debug.flags & BATON_DEBUG_HW_BREAK) {
		mine = causes & DR_TRAP_BITS;
		causes &= ~mine;
	}
	/* Without a cause: INT1 of the guest. */
	if (causes || !(mine || step))
		baton_exit_db(vcpu, causes);
	if (baton_steps(vcpu) && step)
		mine |= DR_STEP;
	return mine ? baton_exit_debug(vcpu, X86_TRAP_DB, mine) : BATON_ENTER;
}

enum baton_next baton_exit_debug(struct baton_vcpu *vcpu, u8 vector, u64 dr6)
{
	vcpu->step_rip = vcpu->regs.rip;
	vcpu->run->exit_reason = BATON_EXIT_DEBUG;
	vcpu->run->debug = (struct baton_exit_debug) {
		.exception = vector, .rip = vcpu->regs.rip, .dr6 = dr6, .dr7 = baton_dr7(vcpu),
	};
	return BATON_TO_USER;
}

int baton_set_guest_debug(struct baton_vcpu *vcpu, const struct baton_guest_debug *in)
{
	if (in->flags & ~BATON_DEBUG_FLAGS || in->reserved || in->reserved1 ||
	    (in->flags && !(in->flags & BATON_DEBUG_ENABLE)) ||
	    in->dr7 & ~((DR7_WRITABLE & ~DR_GENERAL_DETECT) | DR7_FIXED))
		return -EINVAL;
	vcpu->debug = *in;
	vcpu->debug.dr7 |= DR7_FIXED;
	vcpu->step_rip = vcpu->regs.rip;
	vcpu->dirty |= BATON_ST_DEBUG;
	return 0;
}

int baton_get_xsave(struct baton_vcpu *vcpu, struct baton_xsave *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->image, vcpu->fpu.area, area_size());
	/* FXSAVE writes no header: without one these would be as after a reset. */
	if (!has_xsave())
		header_of(out->image)->xstate_bv = XFEATURE_MASK_FPSSE;
	/* The mask field describes the host, and FXSAVE writes it. */
	memset(out->image + MXCSR_MASK_OFFSET, 0, 4);
	return 0;
}

int baton_set_xsave(struct baton_vcpu *vcpu, const struct baton_xsave *in)
{
	const struct xsave_header *header = header_of(in->image);
	u32 mxcsr = *(const u32 *)(in->image + MXCSR_OFFSET);

	/* What XRSTOR would answer with #GP. */
	if (header->xstate_bv & ~(baton_xcr0_supported() | XFEATURE_MASK_SSE) || header->xcomp_bv ||
	    memchr_inv(header->reserved, 0, sizeof(header->reserved)) || mxcsr & ~mxcsr_mask())
		return -EINVAL;
	memcpy(vcpu->fpu.area, in->image, area_size());
	return 0;
}
