/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BATON_VMCTL_LISTS_H
#define BATON_VMCTL_LISTS_H

#include "batond.h"
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

/* Names that are unique in a list of the daemon's. */
struct named_list {
	const char *noun, *op, *list;
	int (*compare)(const char *, const char *);
	enum btn_code exists, missing;
};
extern const struct named_list named_vms, named_images, named_networks;

/* For --dry-run: whether the name is there, or, if it must not be, is free. False: *e. */
bool lists_check(struct daemon *d, const struct named_list *of, const char *name, bool there,
		 struct btn_error *e);

#endif
