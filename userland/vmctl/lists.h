/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BATON_VMCTL_LISTS_H
#define BATON_VMCTL_LISTS_H

#include "options.h"
#include "output.h"

/*
 * Asks the daemon and prints the one list of its answer. network: the request's member
 * of that name; NULL: it has none. when_empty: said instead of an empty table; NULL:
 * the table is printed. The exit status.
 */
int lists_print(const struct args *args, const char *op, const char *list,
		const struct output_column *columns, const char *network,
		const char *when_empty, struct btn_error *e);

#endif
