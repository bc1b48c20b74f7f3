// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the exiting instruction ends. Processors with NRIP save say so in the
 * VMCB; on others its bytes are read from guest memory. The bytes may be gone,
 * or be other ones by now (another vCPU wrote them): then the guest simply runs
 * on from RIP, and whatever is there happens.
 */
#include <asm/processor-flags.h>

#include "svm.h"

#define INSN_MAX 15

/* ---- whose code ----------------------------------------------------- */

bool svm_long64(const struct svm_vcpu *svm)
{
	const struct svm_vmcb *vmcb = svm->vmcb;

	/* Attribute bit 9 is CS.L; it means something in long mode only. */
	return vmcb->efer & EFER_LMA && vmcb->seg[BATON_CS].attr & BIT(9);
}

static void describe_code(const struct svm_vcpu *svm, struct baton_code *code)
{
	const struct svm_vmcb *vmcb = svm->vmcb;
	u64 rip = svm->vcpu.regs.rip;

	*code = (struct baton_code) {
		.walk = {
			.cr0 = vmcb->cr0, .cr3 = vmcb->cr3, .cr4 = vmcb->cr4,
			.efer = vmcb->efer & ~EFER_SVME,
		},
		.long64 = svm_long64(svm),
		.big = vmcb->seg[BATON_CS].attr & BIT(10),
	};
	code->linear = code->long64 ? rip : (u32)(vmcb->seg[BATON_CS].base + rip);
}

static unsigned int fetch(struct svm_vcpu *svm, u8 *bytes)
{
	struct baton_code code;

	describe_code(svm, &code);
	return max(baton_fetch_insn(&svm->vcpu, &code, bytes, INSN_MAX), 0);
}

/* By hardware: 0 if it does not know, or 16-bit IP wrapped around. */
static unsigned int nrip_length(const struct svm_vcpu *svm)
{
	u64 length = svm->vmcb->next_rip - svm->vmcb->rip;

	return svm_caps.nrips && length <= INSN_MAX ? length : 0;
}

/* ---- length --------------------------------------------------------- */

unsigned int svm_insn_length(struct svm_vcpu *svm, u32 opcode)
{
	u8 bytes[INSN_MAX];
	unsigned int length = nrip_length(svm);

	if (likely(length))
		return length;
	length = baton_insn_length(bytes, fetch(svm, bytes), opcode, svm_long64(svm));
	/* Another instruction: the guest may have mapped another page there. */
	if (!length)
		baton_fetch_forget(&svm->vcpu);
	return length;
}

/* ---- operands ------------------------------------------------------- */

static enum svm_insn_kind kind_of(u8 opcode, u8 modrm)
{
	if (opcode == 0x06)
		return SVM_INSN_CLTS;
	/* MOV to and from CR and DR, whatever mod says */
	if (opcode >= 0x20 && opcode <= 0x23)
		return SVM_INSN_MOV;
	/* 0F 01: LMSW is /6, SMSW is /4; only with a register (mod 3) */
	if (opcode != 0x01 || (modrm & 0xe8) != 0xe0)
		return SVM_INSN_OTHER;
	return modrm & 0x10 ? SVM_INSN_LMSW : SVM_INSN_SMSW;
}

/* In bytes[length]. 0: does not end within them. */
static unsigned int parse(const u8 *bytes, unsigned int length, bool long64, bool big,
			  struct svm_insn *insn)
{
	bool op_size = false;
	unsigned int at = 0;
	u8 rex = 0;

	/* REX counts if nothing but the opcode follows. */
	for (; at < length && baton_is_prefix(bytes[at], long64); at++) {
		op_size |= bytes[at] == 0x66;
		rex = (bytes[at] & 0xf0) == 0x40 ? bytes[at] : 0;
	}
	/* 0F, opcode, and ModRM if it is not CLTS */
	if (at + 2 > length || bytes[at] != 0x0f)
		return 0;
	if (bytes[at + 1] != 0x06 && at + 3 > length)
		return 0;
	*insn = (struct svm_insn) { .kind = kind_of(bytes[at + 1], bytes[at + 2]) };
	if (insn->kind == SVM_INSN_CLTS)
		return at + 2;
	insn->gpr = (bytes[at + 2] & 7) | (rex & 1) << 3;
	insn->word = !(rex & 8) && (long64 || big) == op_size;
	return at + 3;
}

/* MOVs by EXITINFO1, if the processor has decode assists. */
static unsigned int decode_assisted(struct svm_vcpu *svm, struct svm_insn *insn)
{
	u32 code = svm->vmcb->exit_code;
	u64 info = svm->vmcb->exit_info1;
	bool is_cr = code < SVM_EXIT_READ_DR0 || code == SVM_EXIT_CR0_SEL_WRITE;

	if (!svm_caps.decode || (is_cr && !(info & SVM_MOV_IS_MOV)))
		return 0;
	*insn = (struct svm_insn) { .kind = SVM_INSN_MOV, .gpr = info & SVM_MOV_GPR };
	return nrip_length(svm);
}

unsigned int svm_insn_decode(struct svm_vcpu *svm, struct svm_insn *insn)
{
	u8 bytes[INSN_MAX + 1] = {}; /* parse() looks at a ModRM behind 15 bytes, too */
	unsigned int length = decode_assisted(svm, insn);

	if (length)
		return length;
	/* The bytes matter here, not only their number: no page from before. */
	baton_fetch_forget(&svm->vcpu);
	return parse(bytes, fetch(svm, bytes), svm_long64(svm),
		     svm->vmcb->seg[BATON_CS].attr & BIT(10), insn);
}

/* ---- past it -------------------------------------------------------- */

/* Completing an instruction ends shadows and RF, and is a step if TF is set. */
void svm_skip_to(struct svm_vcpu *svm, u64 rip)
{
	struct baton_regs *regs = &svm->vcpu.regs;

	regs->rip = svm_long64(svm) ? rip : (u32)rip;
	svm->vmcb->int_state = 0;
	if (likely(!(regs->rflags & (X86_EFLAGS_RF | X86_EFLAGS_TF))))
		return;
	regs->rflags &= ~X86_EFLAGS_RF;
	if (regs->rflags & X86_EFLAGS_TF)
		baton_exit_db(&svm->vcpu, DR_STEP);
}

void svm_skip(struct svm_vcpu *svm, unsigned int length)
{
	svm_skip_to(svm, svm->vcpu.regs.rip + length);
}
