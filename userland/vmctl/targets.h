/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which VMs (or deleted ones, or images) the arguments mean: names, patterns, the start
 * of a UUID, or --all.
 */
#ifndef BATON_VMCTL_TARGETS_H
#define BATON_VMCTL_TARGETS_H

#include "batond.h"
#include "options.h"

struct target_kind {
	const char *noun;	/* "VM" */
	const char *nouns;	/* "VMs" */
	const char *op, *list;	/* what answers all of them, and the list in that */
	const char *id;		/* member that is another name of it, or NULL */
	enum btn_code missing;
};
extern const struct target_kind target_vms, target_trash, target_images;

struct targets {
	struct reply all;
	const struct json_node **node;	/* the objects, each once, in the daemon's order */
	size_t count;
};

/*
 * From the arguments behind the first `skip`, and --all. A word that fits nothing is an
 * error with a "did you mean", and nothing is found. targets_free() after success.
 */
bool targets_find(struct daemon *d, const struct target_kind *kind, const struct args *args,
		  size_t skip, struct targets *ret, struct btn_error *e);
/* The same, but no arguments mean all. */
bool targets_list(struct daemon *d, const struct target_kind *kind, const struct args *args,
		  struct targets *ret, struct btn_error *e);
/* One, by one word. */
bool targets_find_one(struct daemon *d, const struct target_kind *kind, const char *word,
		      struct targets *ret, struct btn_error *e);
void targets_free(struct targets *t);

#define ALL_OPTION { "all", NULL, "All VMs. Short: -a." }

#endif
