/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why no engine could be opened, as a sentence with cause and fix. The monitor
 * and `vmctl doctor` say the same.
 */
#ifndef BATON_LIB_ENGINE_ERROR_H
#define BATON_LIB_ENGINE_ERROR_H

#include "errors.h"
#include "hv.h"

/* One engine's failure (step not NULL). */
void btn_set_engine(struct btn_error *e, const struct hv_failure *why);
/*
 * What hv_open(wanted, ...) left in why[2]. With AUTO and both tried: "no engine
 * works", both causes, and the fix of Baton's own.
 */
void btn_set_no_engine(struct btn_error *e, enum hv_engine wanted, const struct hv_failure why[2]);

#endif
