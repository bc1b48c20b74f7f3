/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decoding of the instructions that access control and debug registers.
 */
#ifndef BATON_SVM_INSN_H
#define BATON_SVM_INSN_H

#include <linux/types.h>

struct svm_vcpu;

enum svm_insn_kind {
	SVM_INSN_OTHER,		/* operand in memory, or none of these */
	SVM_INSN_MOV,
	SVM_INSN_CLTS,
	SVM_INSN_LMSW,
	SVM_INSN_SMSW,
};

struct svm_insn {
	enum svm_insn_kind kind;
	u8 gpr;			/* MOV, LMSW, SMSW */
	bool word;		/* SMSW: 16-bit operand */
};

/* > 0: its length; else as svm_insn_length(). */
int svm_insn_decode(struct svm_vcpu *svm, struct svm_insn *insn);

/* The pure half, in bytes[length]. 0: does not end within them. */
int svm_insn_parse(const u8 *bytes, int length, bool long64, bool big, struct svm_insn *insn);

#endif
