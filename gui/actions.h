/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All actions of the app in one table: name, words, keys, and when they can be used. Menus,
 * buttons, shortcuts window and tests take them from here; what they do is in
 * app_actions.c, window_actions.c, vm_window_actions.c.
 */
#ifndef BATON_GUI_ACTIONS_H
#define BATON_GUI_ACTIONS_H

#include <gtk/gtk.h>

#include "model/vm_ops.h"

/* When an action can be used; of the VMs that are selected, or whose window it is. */
enum action_when {
	WHEN_ALWAYS,
	WHEN_ANY,	/* there is one */
	WHEN_FOLDER,	/* there is exactly one, with a folder here */
	WHEN_OP,	/* `op` is allowed for one of them at least */
	WHEN_ONE_OP,	/* there is exactly one, and it is allowed for that */
	WHEN_ON,	/* one of them is on */
};

struct action_row {
	const char *name;	/* with its group: "win.start" */
	const char *label;
	const char *chapter;	/* of the shortcuts window; NULL: not in it */
	const char *accels[3];
	enum action_when when;
	enum vm_op op;
};

const struct action_row *actions_rows(gsize *ret_count);
const struct action_row *actions_find(const char *name);
/* Keys of all of them. */
void actions_set_accels(GtkApplication *app);
/* Which of `group` ("win", "vm") can be used with these VMs. */
void actions_update(GActionMap *map, const char *group, GPtrArray *vms);
/* The shortcuts window; gtk_widget_show() it. */
GtkWidget *actions_shortcuts_new(void);

#endif
