// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of actions. See actions.h.
 */
#include <string.h>

#include "actions.h"
#include "text.h"

#define GENERAL N_("General")
#define LIST N_("List of virtual machines")
#define WINDOW N_("Window of a virtual machine")

/* The VM window's keys leave Ctrl and a letter to the guest. */
static const struct action_row rows[] = {
	{ "app.new-vm", N_("New virtual machine"), GENERAL, { "<Primary>n" }, 0, 0 },
	{ "app.connections", N_("Connections"), NULL, { NULL }, 0, 0 },
	{ "app.trash", N_("Trash"), NULL, { NULL }, 0, 0 },
	{ "app.reconnect", N_("Connect again"), NULL, { NULL }, 0, 0 },
	{ "app.about", N_("About Baton"), NULL, { NULL }, 0, 0 },
	{ "app.quit", N_("Quit"), GENERAL, { "<Primary>q", "<Primary><Shift>q" }, 0, 0 },
	{ "win.shortcuts", N_("Keyboard shortcuts"), GENERAL, { "<Primary>question" },
	  0, 0 },
	{ "win.menu", N_("Menu"), GENERAL, { "F10" }, 0, 0 },
	{ "win.close", N_("Close the window"), GENERAL, { "<Primary>w" }, 0, 0 },

	{ "win.search", N_("Search"), LIST, { "<Primary>f" }, 0, 0 },
	{ "win.open", N_("Open its window"), LIST, { NULL }, WHEN_ANY, 0 },
	{ "win.rename", N_("Rename"), LIST, { "F2" }, WHEN_ONE_OP, OP_RENAME },
	{ "win.delete", N_("Delete"), LIST, { "Delete" }, WHEN_OP, OP_DELETE },
	{ "win.start", N_("Start or resume"), LIST, { "<Primary>r" }, WHEN_OP, OP_START },
	{ "win.pause", N_("Pause"), LIST, { "<Primary>p" }, WHEN_OP, OP_PAUSE },
	{ "win.shut-down", N_("Shut down"), NULL, { NULL }, WHEN_OP, OP_SHUT_DOWN },
	{ "win.power-off", N_("Power off"), NULL, { NULL }, WHEN_OP, OP_POWER_OFF },
	{ "win.restart", N_("Restart"), NULL, { NULL }, WHEN_OP, OP_RESTART },
	{ "win.reset", N_("Reset"), NULL, { NULL }, WHEN_OP, OP_RESET },
	{ "win.select-all", N_("Select all"), LIST, { "<Primary>a" }, 0, 0 },
	{ "win.open-folder", N_("Open its folder"), NULL, { NULL }, WHEN_FOLDER, 0 },

	{ "vm.start", N_("Start or resume"), WINDOW, { "<Primary><Shift>r" }, WHEN_OP, OP_START },
	{ "vm.pause", N_("Pause"), WINDOW, { "<Primary><Shift>p" }, WHEN_OP, OP_PAUSE },
	{ "vm.shut-down", N_("Shut down"), NULL, { NULL }, WHEN_OP, OP_SHUT_DOWN },
	{ "vm.power-off", N_("Power off"), NULL, { NULL }, WHEN_OP, OP_POWER_OFF },
	{ "vm.restart", N_("Restart"), NULL, { NULL }, WHEN_OP, OP_RESTART },
	{ "vm.reset", N_("Reset"), NULL, { NULL }, WHEN_OP, OP_RESET },
	{ "vm.send-keys", N_("Send keys"), NULL, { NULL }, WHEN_ON, 0 },
	{ "vm.screenshot", N_("Save a picture of the screen"), NULL, { NULL }, WHEN_ON, 0 },
	{ "vm.fullscreen", N_("Full screen"), WINDOW, { "F11", "<Primary><Alt>f" }, 0, 0 },
	{ "vm.scale", N_("Scale the screen to the window"), NULL, { NULL }, 0, 0 },
	{ "vm.tab::display", N_("Display"), WINDOW, { "<Primary><Alt>1" }, 0, 0 },
	{ "vm.tab::serial", N_("Serial console"), WINDOW, { "<Primary><Alt>2" }, 0, 0 },
	{ "vm.tab::overview", N_("Overview"), WINDOW, { "<Primary><Alt>3" }, 0, 0 },
	{ "vm.close", N_("Close the window"), WINDOW, { "<Primary><Shift>w" }, 0, 0 },
};

const struct action_row *actions_rows(gsize *ret_count)
{
	*ret_count = G_N_ELEMENTS(rows);
	return rows;
}

const struct action_row *actions_find(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

void actions_set_accels(GtkApplication *app)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].accels[0])
			gtk_application_set_accels_for_action(app, rows[i].name,
							      rows[i].accels);
}

/* ---- when ---- */

static gboolean any_allowed(GPtrArray *vms, enum vm_op op)
{
	for (guint i = 0; i < vms->len; i++)
		if (vm_op_allowed(op, vms->pdata[i]))
			return TRUE;
	return FALSE;
}

static gboolean any_on(GPtrArray *vms)
{
	for (guint i = 0; i < vms->len; i++)
		if (baton_vm_is_on(vms->pdata[i]))
			return TRUE;
	return FALSE;
}

static gboolean is_enabled(const struct action_row *row, GPtrArray *vms)
{
	switch (row->when) {
	case WHEN_ALWAYS:
		return TRUE;
	case WHEN_ANY:
		return vms->len > 0;
	case WHEN_FOLDER:
		return vms->len == 1 && BATON_VM(vms->pdata[0])->folder;
	case WHEN_OP:
		return any_allowed(vms, row->op);
	case WHEN_ONE_OP:
		return vms->len == 1 && any_allowed(vms, row->op);
	case WHEN_ON:
		return any_on(vms);
	}
	return FALSE;
}

void actions_update(GActionMap *map, const char *group, GPtrArray *vms)
{
	gsize length = strlen(group);

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		GAction *action;

		if (strncmp(rows[i].name, group, length) || rows[i].name[length] != '.' ||
		    rows[i].when == WHEN_ALWAYS)
			continue;
		action = g_action_map_lookup_action(map, rows[i].name + length + 1);
		if (action)
			g_simple_action_set_enabled(G_SIMPLE_ACTION(action),
						    is_enabled(&rows[i], vms));
	}
}

/* ---- the shortcuts window ---- */

static void add_shortcut(GtkWidget *group, const char *accel, const char *label)
{
	GtkWidget *shortcut = g_object_new(GTK_TYPE_SHORTCUTS_SHORTCUT, "visible", TRUE,
					   "accelerator", accel, "title", label, NULL);

	gtk_container_add(GTK_CONTAINER(group), shortcut);
}

static void add_chapter(GtkWidget *section, const char *chapter)
{
	GtkWidget *group = g_object_new(GTK_TYPE_SHORTCUTS_GROUP, "visible", TRUE, "title",
					_(chapter), NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *accel = NULL;

		if (!rows[i].accels[0] || g_strcmp0(rows[i].chapter, chapter))
			continue;
		accel = g_strjoinv(" ", (char **)rows[i].accels);
		add_shortcut(group, accel, _(rows[i].label));
	}
	if (!strcmp(chapter, LIST)) {
		add_shortcut(group, "Return", _("Open its window"));
		add_shortcut(group, "<Shift>F10 Menu", _("Menu of what is selected"));
	}
	if (!strcmp(chapter, WINDOW))
		add_shortcut(group, "Control_L&Alt_L", _("Take the keyboard from the guest"));
	gtk_container_add(GTK_CONTAINER(section), group);
}

GtkWidget *actions_shortcuts_new(void)
{
	GtkWidget *window = g_object_new(GTK_TYPE_SHORTCUTS_WINDOW, "modal", TRUE, NULL);
	GtkWidget *section = g_object_new(GTK_TYPE_SHORTCUTS_SECTION, "visible", TRUE,
					  "section-name", "shortcuts", "max-height", 10, NULL);

	add_chapter(section, GENERAL);
	add_chapter(section, LIST);
	add_chapter(section, WINDOW);
	gtk_container_add(GTK_CONTAINER(window), section);
	return window;
}
