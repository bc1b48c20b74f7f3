/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of the daemon's files share: cmocka in the right order, a folder of
 * their own, other programs as independent judges.
 */
#ifndef BATON_TESTS_DAEMON_TOOL_H
#define BATON_TESTS_DAEMON_TOOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/errors.h"

static char *folder;	/* of this test program */

static inline int folder_make(void **state)
{
	(void)state;
	folder = g_dir_make_tmp("baton-daemon-XXXXXX", NULL);
	return folder ? 0 : -1;
}

/* "FOLDER/name"; lives as long as the program. */
static inline const char *in_folder(const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	return g_intern_string(path);
}

/* Exit status of a command line; its output goes to FOLDER/out. */
static inline int run_shell(const char *format, ...) G_GNUC_PRINTF(1, 2);
static inline int run_shell(const char *format, ...)
{
	g_autofree char *command = NULL, *line = NULL;
	va_list args;
	int status;

	va_start(args, format);
	command = g_strdup_vprintf(format, args);
	va_end(args);
	line = g_strdup_printf("{ %s; } >%s/out 2>&1", command, folder);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int folder_remove(void **state)
{
	(void)state;
	return run_shell("cd / && rm -rf %s", folder) ? -1 : 0;
}

static inline char *contents(const char *path)
{
	char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		fail_msg("cannot read %s", path);
	return text;
}

/* Of the last run_shell(). */
static inline char *shell_output(void)
{
	return contents(in_folder("out"));
}

static inline void put_file(const char *path, const void *data, size_t size)
{
	assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

/* An error that a person can do something with. */
static inline void assert_error(const struct btn_error *e, enum btn_code code, const char *says)
{
	if (e->code != code || (!strstr(e->message, says) && !strstr(e->cause, says) &&
				!strstr(e->fix, says)))
		fail_msg("BTN-%d \"%s\", \"%s\", \"%s\"; expected BTN-%d and \"%s\"", e->code,
			 e->message, e->cause, e->fix, code, says);
	assert_true(e->cause[0] && e->fix[0]);
}

#define assert_done(call, e) do { if (!(call)) \
	fail_msg("%s: BTN-%d %s: %s", #call, (e)->code, (e)->message, (e)->cause); } while (0)

#endif
