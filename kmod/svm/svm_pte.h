/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nested page-table format, declared apart from svm.h so that npt_pte.c
 * builds without the kernel.
 */
#ifndef BATON_SVM_PTE_H
#define BATON_SVM_PTE_H

#include "pte_format.h"

extern const struct baton_pte_format baton_npt_format;

#endif
