/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMX instructions and the VMCS. Each instruction has an exception-table
 * entry: another hypervisor or a bug may have taken VMX operation away, and
 * then it faults. Nothing here ends the host: VMREAD and VMWRITE note the
 * failure in the window (vmx_cpu.failed), the rest returns it.
 *
 * Accessors take fields of one width only. Widths are enumerations of their
 * own, so that sparse and readers see a mix-up, and the compiler checks the
 * width bits of each constant.
 */
#ifndef BATON_VMCS_H
#define BATON_VMCS_H

#include <linux/compiler.h>
#include <linux/gfp.h>
#include <asm/asm.h>

#include "vmcs_fields.h"
#include "vmx_defs.h"

/* A zeroed region that begins with the processor's revision id; may sleep. */
struct vmx_region *vmx_region_alloc(int node, gfp_t gfp);
void vmx_region_free(struct vmx_region *region);

/* Remembers a failure for the window's end. */
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

static __always_inline u16 vmcs_read16(enum vmcs_field16 field)
{
	vmcs_check(field, VMCS_WIDTH_16);
	return vmcs_read_raw(field);
}

static __always_inline u32 vmcs_read32(enum vmcs_field32 field)
{
	vmcs_check(field, VMCS_WIDTH_32);
	return vmcs_read_raw(field);
}

static __always_inline u64 vmcs_read64(enum vmcs_field64 field)
{
	vmcs_check(field, VMCS_WIDTH_64);
	return vmcs_read_raw(field);
}

static __always_inline unsigned long vmcs_read(enum vmcs_field_natural field)
{
	vmcs_check(field, VMCS_WIDTH_NATURAL);
	return vmcs_read_raw(field);
}

static __always_inline void vmcs_write16(enum vmcs_field16 field, u16 value)
{
	vmcs_check(field, VMCS_WIDTH_16);
	vmcs_write_raw(field, value);
}

static __always_inline void vmcs_write32(enum vmcs_field32 field, u32 value)
{
	vmcs_check(field, VMCS_WIDTH_32);
	vmcs_write_raw(field, value);
}

static __always_inline void vmcs_write64(enum vmcs_field64 field, u64 value)
{
	vmcs_check(field, VMCS_WIDTH_64);
	vmcs_write_raw(field, value);
}

static __always_inline void vmcs_write(enum vmcs_field_natural field, unsigned long value)
{
	vmcs_check(field, VMCS_WIDTH_NATURAL);
	vmcs_write_raw(field, value);
}

/*
 * The rest: true is success. The operand is the variable itself: with a copy on the stack
 * each window would pay for its protection.
 */
#define VMX_INSN_ON_ADDRESS(name, insn)					\
static __always_inline bool name(const u64 *pa)				\
{									\
	asm goto("1: " insn " %[pa]\n\t"				\
		 "jbe %l[failed]\n\t"					\
		 _ASM_EXTABLE(1b, %l[failed])				\
		 : : [pa] "m" (*pa) : "cc", "memory" : failed);		\
	return true;							\
failed:									\
	return false;							\
}

VMX_INSN_ON_ADDRESS(vmx_vmxon, "vmxon")
VMX_INSN_ON_ADDRESS(vmx_vmclear, "vmclear")
VMX_INSN_ON_ADDRESS(vmx_vmptrld, "vmptrld")

static __always_inline bool vmx_vmxoff(void)
{
	asm goto("1: vmxoff\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : : "cc", "memory" : failed);
	return true;
failed:
	return false;
}

/* All ones: VMX operation is on and no VMCS is current. */
static __always_inline bool vmx_vmptrst(u64 *pa)
{
	asm goto("1: vmptrst %[pa]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [pa] "m" (*pa) : "cc", "memory" : failed);
	return true;
failed:
	return false;
}

#define VMX_INSN_INVALIDATE(name, insn)					\
static __always_inline bool name(unsigned long type, u64 context)	\
{									\
	const struct vmx_inv_desc desc = { .context = context };	\
									\
	asm goto("1: " insn " %[desc], %[type]\n\t"			\
		 "jbe %l[failed]\n\t"					\
		 _ASM_EXTABLE(1b, %l[failed])				\
		 : : [desc] "m" (desc), [type] "r" (type)		\
		 : "cc", "memory" : failed);				\
	return true;							\
failed:									\
	return false;							\
}

VMX_INSN_INVALIDATE(vmx_invept, "invept")
VMX_INSN_INVALIDATE(vmx_invvpid, "invvpid")

#endif
