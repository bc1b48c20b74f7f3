/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding Baton's other programs, starting the daemon, and asking `vmctl doctor`.
 */
#ifndef BATON_GUI_DAEMON_START_H
#define BATON_GUI_DAEMON_START_H

#include <gio/gio.h>

/* Path of "batond", "vmctl": beside this program, else where PATH has it; NULL: nowhere. */
char *program_find(const char *name);
/* Starts the daemon, which outlives us. Ends when the daemon ends, or could not start. */
void daemon_start(GAsyncReadyCallback callback, gpointer data);
gboolean daemon_start_finish(GAsyncResult *result, GError **error);

/* What stands between this host and a VM; NULL without *error: nothing does. */
void doctor_ask(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
GError *doctor_ask_finish(GAsyncResult *result);
/* The same of what `vmctl doctor --format json` has written. Takes the text. */
GError *doctor_judge(char *text);

#endif
