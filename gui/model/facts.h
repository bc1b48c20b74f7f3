/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is to say of a VM, as pairs of words: for the details pane and the overview.
 */
#ifndef BATON_GUI_FACTS_H
#define BATON_GUI_FACTS_H

#include "model/vm.h"

struct fact {
	const char *label;
	char *value;
	gboolean is_code;	/* to be copied: a command, a path */
};

/* A GPtrArray of struct fact, which frees them. */
GPtrArray *facts_of(const BatonVm *vm);
/* "14:05", in the zone of `now`, with the date if that is another day's; g_free(). */
char *facts_since(GDateTime *since, GDateTime *now);
/* How to log in by ssh: over a forward of port 22, or its address; NULL: no way. g_free(). */
char *facts_ssh_command(const BatonVm *vm);

#endif
