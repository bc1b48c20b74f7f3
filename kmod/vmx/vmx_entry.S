/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch: bool vmx_enter(struct baton_regs *regs, struct vmx_switch *sw)
 *
 *	RDI  regs: GPRs are gpr[number by ModRM encoding]. All but RSP are
 *	     switched here; RSP, RIP and RFLAGS are in the VMCS.
 *	RSI  sw: what HOST_RSP of the VMCS holds, guest and host SPEC_CTRL, flags.
 *
 * Called with interrupts off and the VMCS current. Returns true after an exit;
 * false, with the guest untouched, if the entry failed: VMfail, or a fault
 * because someone ended VMX operation behind our back.
 *
 * An exit comes to vmx_exited with RSP as it was, and all other registers the
 * guest's. It is no call and no branch that objtool could follow, hence the
 * unwind hints.
 *
 * No RIP-relative operand may stand in an ALTERNATIVE (6.1 does not relocate it
 * there), hence the selector for VERW on the stack and the jumps over.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <linux/stringify.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/ibt.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#include "entry.h"
#include "vmx_defs.h"

/* What kernels call the wish for vmx_clear_bhb; a name they lack is never set. */
#if defined(X86_FEATURE_CLEAR_BHB_VMEXIT)
#define FEATURE_CLEAR_BHB	X86_FEATURE_CLEAR_BHB_VMEXIT
#elif defined(X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT)
#define FEATURE_CLEAR_BHB	X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT
#endif

	.section .noinstr.text, "ax"

#ifdef FEATURE_CLEAR_BHB
/*
 * BHI: 25 taken branches of ours in the place of the guest's branch history, as
 * Intel's "Branch History Injection" paper has it. Clobbers RAX and RCX. The
 * RETs are kept in the upper halves of their cache lines (ITS).
 */
SYM_FUNC_START_LOCAL(vmx_clear_bhb)
	push	%rbp
	mov	%rsp, %rbp
	mov	$5, %ecx
	ANNOTATE_INTRA_FUNCTION_CALL
	call	1f
	jmp	5f
	.align	64, 0xcc
	.skip	32 - (.Lret1 - 1f), 0xcc
	ANNOTATE_INTRA_FUNCTION_CALL
1:	call	2f
.Lret1:	RET
	.align	64, 0xcc
	.skip	32 - 18, 0xcc
2:	mov	$5, %eax
3:	jmp	4f
	nop
4:	sub	$1, %eax
	jnz	3b
	sub	$1, %ecx
	jnz	1b
	RET
5:	lfence
	pop	%rbp
	RET
SYM_FUNC_END(vmx_clear_bhb)
STACK_FRAME_NON_STANDARD(vmx_clear_bhb)
#endif

SYM_FUNC_START(vmx_enter)
	ENTRY_PUSH

	/* A vCPU's thread nearly always comes here with the same stack. */
	cmp	%rsp, VMX_SW_HOST_RSP(%rsi)
	je	.Lhost_rsp_done
	mov	$VMCS_HOST_RSP, %eax
.Lhost_rsp:
	vmwrite	%rsp, %rax
	jbe	.Lvmfail
	mov	%rsp, VMX_SW_HOST_RSP(%rsi)
.Lhost_rsp_done:

	/* Guest's SPEC_CTRL, unless it is the host's already. */
	testl	$(1 << VMX_SW_SPEC_CTRL_BIT), VMX_SW_FLAGS(%rsi)
	jz	.Lguest_spec_done
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	VMX_SW_GUEST_SPEC_CTRL(%rsi), %eax
	mov	VMX_SW_GUEST_SPEC_CTRL + 4(%rsi), %edx
.Lguest_spec:
	wrmsr
.Lguest_spec_done:

	/* CF: VMRESUME. Neither MOV nor VERW touches it. */
	btl	$VMX_SW_RESUME_BIT, VMX_SW_FLAGS(%rsi)

	mov	GPR_RAX(%rdi), %rax
	GUEST_GPRS_LOAD

	UNWIND_HINT_SAVE

	ALTERNATIVE_2 "", \
		__stringify(verw FRAME_VERW_SELECTOR(%rsp)), X86_FEATURE_CLEAR_CPU_BUF, \
		__stringify(verw FRAME_VERW_SELECTOR(%rsp)), FEATURE_VERW_VM
	jnc	.Lvmlaunch
.Lvmresume:
	vmresume
	jmp	.Lvmfail
.Lvmlaunch:
	vmlaunch
	jmp	.Lvmfail

SYM_INNER_LABEL(vmx_exited, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%rax
	mov	8 + FRAME_REGS(%rsp), %rax
	pop	GPR_RAX(%rax)
	GUEST_GPRS_STORE
	mov	$1, %ebx

.Lclear:
	xor	%eax, %eax
	GUEST_GPRS_CLEAR

	/* Spectre-RSB, PBRSB: the guest's return addresses out, before any RET. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
		X86_FEATURE_RSB_VMEXIT_LITE

	/*
	 * Host's SPEC_CTRL. The guest cannot have changed it: the MSR is
	 * intercepted. LFENCE, so that no misprediction passes by the write.
	 */
	ALTERNATIVE "jmp .Lhost_spec_done", "", X86_FEATURE_MSR_SPEC_CTRL
	mov	FRAME_SWITCH(%rsp), %rsi
	testl	$(1 << VMX_SW_SPEC_CTRL_BIT), VMX_SW_FLAGS(%rsi)
	jz	.Lhost_spec_same
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	VMX_SW_HOST_SPEC_CTRL(%rsi), %eax
	mov	VMX_SW_HOST_SPEC_CTRL + 4(%rsi), %edx
.Lhost_spec:
	wrmsr
.Lhost_spec_same:
	lfence
.Lhost_spec_done:

#ifdef FEATURE_CLEAR_BHB
	ALTERNATIVE "jmp .Lbhb_done", "", FEATURE_CLEAR_BHB
	call	vmx_clear_bhb
.Lbhb_done:
#endif

	mov	%ebx, %eax
	ENTRY_POP_RET

.Lvmfail:
	xor	%ebx, %ebx
	jmp	.Lclear

	_ASM_EXTABLE(.Lhost_rsp, .Lvmfail)
	/* A bit that this processor lacks: goes without. */
	_ASM_EXTABLE(.Lguest_spec, .Lguest_spec_done)
	_ASM_EXTABLE(.Lhost_spec, .Lhost_spec_same)
	_ASM_EXTABLE(.Lvmresume, .Lvmfail)
	_ASM_EXTABLE(.Lvmlaunch, .Lvmfail)
SYM_FUNC_END(vmx_enter)
