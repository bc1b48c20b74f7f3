/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small questions. None waits: the answer comes by a call.
 */
#ifndef BATON_GUI_DIALOGS_H
#define BATON_GUI_DIALOGS_H

#include <gtk/gtk.h>

/* Before what cannot be undone. verb and keep are the buttons; `yes` is called for verb. */
void dialog_confirm(GtkWindow *parent, const char *question, const char *consequence,
		    const char *verb, const char *keep, void (*yes)(gpointer data), gpointer data,
		    GDestroyNotify gone);
/* A text; fault says what is wrong with it while it is typed (g_free()). */
void dialog_ask_text(GtkWindow *parent, const char *title, const char *label, const char *text,
		     const char *verb, char *(*fault)(const char *text),
		     void (*yes)(const char *text, gpointer data), gpointer data,
		     GDestroyNotify gone);
/* The same for what nobody should read over a shoulder. */
void dialog_ask_password(GtkWindow *parent, const char *title, const char *label,
			 const char *verb, void (*yes)(const char *text, gpointer data),
			 gpointer data, GDestroyNotify gone);

#endif
