/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extended page-table format, declared apart from vmx.h so that ept.c
 * builds without the kernel.
 */
#ifndef BATON_EPT_H
#define BATON_EPT_H

#include "pte_format.h"

extern const struct baton_pte_format baton_ept_format;

#endif
