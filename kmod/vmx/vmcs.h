/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMX instructions and the VMCS. Each instruction has an exception-table
 * entry: another hypervisor or a bug may have taken VMX operation away, and
 * then it faults. Nothing here ends the host: VMREAD and VMWRITE note the
 * failure in the window (vmx_cpu.failed), the rest returns it.
 *
 * Fields and their bits have the kernel's names (<asm/vmx.h>). Accessors take fields of one
 * width only: the compiler checks the width bits of each constant.
 */
#ifndef BATON_VMCS_H
#define BATON_VMCS_H

#include <linux/compiler.h>
#include <asm/asm.h>
#include <asm/vmx.h>

#include "vmx_defs.h"

/* vmx_window.c. Remembers a failure for the window's end. */
void vmx_insn_failed(const char *insn, unsigned long operand);

enum vmcs_width { VMCS_WIDTH_16, VMCS_WIDTH_64, VMCS_WIDTH_32, VMCS_WIDTH_NATURAL };

#define vmcs_check(field, width)							\
	BUILD_BUG_ON_MSG(__builtin_constant_p(field) && (((field) >> 13) & 3) != (width), \
			 "VMCS field of another width")

static __always_inline unsigned long vmcs_read_raw(unsigned long field)
{
	unsigned long value;

	asm_goto_output("1: vmread %[field], %[value]\n\t"
			"jbe %l[failed]\n\t"
			_ASM_EXTABLE(1b, %l[failed])
			: [value] "=r" (value) : [field] "r" (field) : "cc" : failed);
	return value;
failed:
	vmx_insn_failed("VMREAD", field);
	return 0;
}

static __always_inline void vmcs_write_raw(unsigned long field, unsigned long value)
{
	asm goto("1: vmwrite %[value], %[field]\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [field] "r" (field), [value] "rm" (value) : "cc" : failed);
	return;
failed:
	vmx_insn_failed("VMWRITE", field);
}

#define VMCS_ACCESSORS(suffix, width, type)					\
static __always_inline type vmcs_read##suffix(unsigned long field)		\
{										\
	vmcs_check(field, VMCS_WIDTH_##width);					\
	return vmcs_read_raw(field);						\
}										\
										\
static __always_inline void vmcs_write##suffix(unsigned long field, type value)	\
{										\
	vmcs_check(field, VMCS_WIDTH_##width);					\
	vmcs_write_raw(field, value);						\
}										\
										\
/* What costs a VMWRITE only where it changed: *held is what the field holds. */	\
static __always_inline void vmcs_update##suffix(unsigned long field, type *held, type value) \
{										\
	if (likely(*held == value))						\
		return;								\
	*held = value;								\
	vmcs_write##suffix(field, value);					\
}

VMCS_ACCESSORS(16, 16, u16)
VMCS_ACCESSORS(32, 32, u32)
VMCS_ACCESSORS(64, 64, u64)
VMCS_ACCESSORS(, NATURAL, unsigned long)

/*
 * The rest: true is success. The operand is the variable itself: with a copy on the stack
 * each window would pay for its protection.
 */
#define VMX_INSN(name, params, insn, ...)					\
static __always_inline bool name params						\
{										\
	asm goto("1: " insn "\n\t"						\
		 "jbe %l[failed]\n\t"						\
		 _ASM_EXTABLE(1b, %l[failed])					\
		 : : __VA_ARGS__ : "cc", "memory" : failed);			\
	return true;								\
failed:										\
	return false;								\
}

VMX_INSN(vmx_vmxon, (const u64 *pa), "vmxon %[pa]", [pa] "m" (*pa))
VMX_INSN(vmx_vmxoff, (void), "vmxoff")
VMX_INSN(vmx_vmclear, (const u64 *pa), "vmclear %[pa]", [pa] "m" (*pa))
VMX_INSN(vmx_vmptrld, (const u64 *pa), "vmptrld %[pa]", [pa] "m" (*pa))
/* All ones: VMX operation is on and no VMCS is current. Never fails but by a fault. */
VMX_INSN(vmx_vmptrst, (u64 *pa), "vmptrst %[pa]", [pa] "m" (*pa))
VMX_INSN(vmx_invept, (unsigned long type, u64 context), "invept %[desc], %[type]",
	 [desc] "m" ((const struct vmx_inv_desc){ .context = context }), [type] "r" (type))
VMX_INSN(vmx_invvpid, (unsigned long type, u64 context), "invvpid %[desc], %[type]",
	 [desc] "m" ((const struct vmx_inv_desc){ .context = context }), [type] "r" (type))

#endif
