/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What launch and run share: an image from a name or a file, and a name that is free.
 */
#ifndef BATON_VMCTL_LAUNCH_H
#define BATON_VMCTL_LAUNCH_H

#include "create.h"

/* d is subscribed. Fills c->image; a file is added to the store first, and that said. */
bool launch_find_image(struct daemon *d, struct creation *c, const char *word,
		       struct btn_error *e);
/* c->name: the image's name, or `stem`, and the first number that is free. */
void launch_choose_name(struct creation *c, const char *stem, const struct json_node *vms);

#endif
