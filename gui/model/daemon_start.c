// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Baton's other programs. See daemon_start.h.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "model/daemon_start.h"
#include "model/error.h"
#include "model/reply.h"
#include "text.h"

#define SAID_MAX 512

char *program_find(const char *name)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
	g_autofree char *beside = folder ? g_build_filename(folder, name, NULL) : NULL;

	if (beside && g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE))
		return g_steal_pointer(&beside);
	return g_find_program_in_path(name);
}

/* ---- the daemon ---- */

/* Of its own session: Ctrl+C on the terminal of the app is not for it. */
static void own_session(gpointer data)
{
	(void)data;
	setsid();
}

/* Into a file, and no pipe: the daemon is to live on when we end. */
static char *stderr_path(void)
{
	g_autofree char *folder = g_build_filename(g_get_user_runtime_dir(), "baton", NULL);

	g_mkdir_with_parents(folder, 0700);
	return g_build_filename(folder, "batond.stderr", NULL);
}

static void on_said(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	g_autofree char *said = NULL;
	gsize length = 0;

	g_file_load_contents_finish(G_FILE(source), result, &said, &length, NULL, NULL);
	if (said && length > SAID_MAX)
		said[SAID_MAX] = 0;
	if (said)
		g_strstrip(said);
	g_task_return_error(task, baton_error_new(BTN_DAEMON_FAILED, NULL,
						  said && *said ? said : NULL, NULL));
}

static void on_daemon_ended(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	g_autofree char *path = NULL;
	g_autoptr(GFile) file = NULL;

	if (g_subprocess_wait_check_finish(G_SUBPROCESS(source), result, NULL)) {
		g_task_return_boolean(task, TRUE);
		return;
	}
	path = stderr_path();
	file = g_file_new_for_path(path);
	g_file_load_contents_async(file, NULL, on_said, g_steal_pointer(&task));
}

static GError *cannot_start(const char *program)
{
	if (!g_strcmp0(g_getenv("BATON_AUTOSTART"), "0"))
		return baton_error_new(BTN_NO_DAEMON, _("Baton's daemon is not running"),
			_("BATON_AUTOSTART=0 keeps it from being started."),
			_("Start it: \"batond\"."));
	if (!program)
		return baton_error_new(BTN_NO_DAEMON, _("Baton's daemon is not installed"),
			_("The program batond is neither beside this one nor in a folder of PATH."),
			_("Install the package that has it: \"apt install baton\"."));
	return NULL;
}

void daemon_start(GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(NULL, NULL, callback, data);
	g_autofree char *program = program_find("batond");
	g_autofree char *path = stderr_path();
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
	g_autoptr(GSubprocess) process = NULL;
	GError *error = cannot_start(program);

	if (!error) {
		g_unlink(path); /* it is written over, not emptied: an old end would stay */
		g_subprocess_launcher_set_child_setup(launcher, own_session, NULL, NULL);
		g_subprocess_launcher_set_stderr_file_path(launcher, path);
		process = g_subprocess_launcher_spawn(launcher, &error, program, NULL);
	}
	if (process) {
		g_subprocess_wait_check_async(process, NULL, on_daemon_ended, task);
		return;
	}
	g_task_return_error(task, baton_error_explain(error,
		_("Baton's daemon cannot be started"), NULL));
	g_object_unref(task);
}

gboolean daemon_start_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_boolean(G_TASK(result), error);
}

/* ---- the doctor ---- */

static const struct json_node *first_problem(const struct json_node *findings)
{
	const struct json_node *finding = NULL;

	while (findings && (finding = json_next(findings, finding)))
		if (!g_strcmp0(node_text(finding, "severity"), "problem"))
			return finding;
	return NULL;
}

GError *doctor_judge(char *text)
{
	AUTO_REPLY reply = reply_new(text, strlen(text), -1);
	const struct json_node *finding;
	const char *code, *fix, *said;
	g_autofree char *quoted = NULL;

	if (!reply || node_flag(reply->node, "usable"))
		return NULL;
	finding = first_problem(json_member(reply->node, "checks"));
	if (!finding)
		return baton_error_new(BTN_NO_ENGINE, NULL, NULL, NULL);
	code = node_text(finding, "code");
	said = node_text(finding, "text");
	fix = node_text(finding, "fix");
	if (fix)
		quoted = g_strdup_printf(_("Run this command: “%s”"), fix);
	return baton_error_new(code && g_str_has_prefix(code, "BTN-") ?
			       (enum btn_code)g_ascii_strtoll(code + 4, NULL, 10) : BTN_NO_ENGINE,
			       _("This computer cannot run virtual machines yet"), said, quoted);
}

static void on_doctor_ended(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	char *said = NULL;

	if (g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &said, NULL, NULL) &&
	    said)
		g_task_return_pointer(task, doctor_judge(said), (GDestroyNotify)g_error_free);
	else
		g_task_return_pointer(task, NULL, NULL);
}

void doctor_ask(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(NULL, cancellable, callback, data);
	g_autofree char *program = program_find("vmctl");
	g_autoptr(GSubprocess) process = program ?
		g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
				 NULL, program, "doctor", "--format", "json", NULL) : NULL;

	if (process) {
		g_subprocess_communicate_utf8_async(process, NULL, cancellable, on_doctor_ended,
						    task);
		return;
	}
	g_task_return_pointer(task, NULL, NULL);
	g_object_unref(task);
}

GError *doctor_ask_finish(GAsyncResult *result)
{
	return g_task_propagate_pointer(G_TASK(result), NULL);
}
