// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * batond: one process per user that keeps the VMs. Options, sockets, the main loop. VMs
 * and networks are processes of their own and live on when it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "baton_version.h"
#include "bundle.h"
#include "daemon.h"
#include "libvirt/libvirt.h"
#include "lifecycle.h"
#include "network.h"
#include "paths.h"
#include "sockets.h"

#define IDLE_CHECK_S 1


static GMainLoop *loop;

struct options {
	int timeout_s;		/* 0: never ends by itself */
	int ready_fd;
	gboolean version, schema, reference;
};

/* ---- the end ---- */

static gboolean on_signal(gpointer data)
{
	(void)data;
	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

static void find_busy(struct vm *vm, void *ctx)
{
	*(bool *)ctx |= vm_is_on(vm) || vm->job;
}

static void find_running(struct job *job, void *ctx)
{
	*(bool *)ctx |= job->state == JOB_RUNNING;
}

/* Counts seconds without clients, VMs and jobs: only if asked for by --timeout. */
static gboolean on_second(gpointer data)
{
	static int idle;
	int timeout = GPOINTER_TO_INT(data);
	bool busy = api_client_count() || libvirt_face_connections();

	registry_each(find_busy, &busy);
	job_each(find_running, &busy);
	idle = busy ? 0 : idle + IDLE_CHECK_S;
	if (idle >= timeout)
		g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

/* ---- the start ---- */

/*
 * A child of a daemon that was killed holds its lock until it executes what it was made
 * for: a moment of waiting tells the two cases apart.
 */
#define LOCK_TRIES 50
#define LOCK_RETRY_US 20000

static bool take_lock(int fd)
{
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return true;
		g_usleep(LOCK_RETRY_US);
	}
	return false;
}

static bool lock_file(const char *path, struct btn_error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		btn_set(e, BTN_DAEMON_FAILED, "the file \"%.200s\" cannot be made", path);
		btn_set_cause(e, "The host says: %s.", strerror(errno));
		return false;
	}
	if (take_lock(fd))
		return true;
	btn_set_default(e, BTN_DAEMON_RUNNING);
	close(fd);
	return false;
}

/*
 * Held for the daemon's life: two of them would both write definitions. The sockets' folder
 * may be another one in another session of the user, the definitions' is not.
 */
static bool lock_user(struct btn_error *e)
{
	char *data = g_build_filename(paths.data, ".lock", NULL);
	bool ok = lock_file(paths.lock, e) && lock_file(data, e);

	g_free(data);
	return ok;
}

static bool open_sockets(struct btn_error *e)
{
	int libvirt_fds[G_N_ELEMENTS(paths.libvirt_sockets)];
	int fd = sockets_listen(paths.api_socket, e);
	unsigned int count = 0;

	if (fd < 0)
		return false;
	api_start(fd);
	for (unsigned int i = 0; i < G_N_ELEMENTS(paths.libvirt_sockets); i++) {
		fd = sockets_passed(paths.libvirt_sockets[i]);
		if (fd >= 0)
			libvirt_fds[count++] = fd;
	}
	return libvirt_face_start(libvirt_fds, count, e);
}

static void start_if_wanted(struct vm *vm, void *ctx)
{
	struct btn_error e;
	struct job *job;

	(void)ctx;
	if (!vm->config->autostart || vm_is_on(vm) || vm->state == VM_BROKEN)
		return;
	job = vm_start(vm, false, &e);
	if (job)
		job_unref(job);
	else
		btn_print(stderr, "batond", "autostart", &e);
}

/*
 * Once until the host starts anew or the user logs out, which empties the sockets' folder:
 * a daemon that comes back later does not start what somebody has stopped.
 */
static void start_wanted(void)
{
	char *mark = g_build_filename(paths.runtime, "autostarted", NULL);
	int fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		registry_each(start_if_wanted, NULL);
	if (fd >= 0)
		close(fd);
	g_free(mark);
}

/*
 * VMs that lived on are "starting" until their monitors have said how they are. Requests wait
 * for that, so that nobody is told what is not so; a monitor that is stuck has this long.
 */
#define ATTACHING_MS 1000

static void find_attaching(struct vm *vm, void *ctx)
{
	*(bool *)ctx |= vm->state == VM_STARTING;
}

static gboolean on_late(gpointer late)
{
	*(bool *)late = true;
	return G_SOURCE_REMOVE;
}

static void wait_for_monitors(void)
{
	bool late = false, attaching = false;
	guint timer = g_timeout_add(ATTACHING_MS, on_late, &late);

	registry_each(find_attaching, &attaching);
	while (attaching && !late) {
		g_main_context_iteration(NULL, TRUE);
		attaching = false;
		registry_each(find_attaching, &attaching);
	}
	if (!late)
		g_source_remove(timer);
}

static bool set_up(struct btn_error *e)
{
	if (!paths_init(e) || !lock_user(e))
		return false;
	image_store = images_open(paths.images, e);
	if (!image_store)
		return false;
	images_clean(image_store);
	bundle_recover();
	if (!networks_load(e) || !registry_load(e))
		return false;
	wait_for_monitors();
	if (!open_sockets(e))
		return false;
	start_wanted();
	return true;
}

static void tear_down(void)
{
	bool busy = false;

	job_each(find_running, &busy);
	libvirt_face_stop();
	api_stop();
	registry_free();
	if (!busy) /* else a worker may be using it, until the process ends */
		images_close(image_store);
}

/* Each client and each VM costs some. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool parse(int *argc, char ***argv, struct options *options)
{
	GOptionEntry entries[] = {
		{ "timeout", 0, 0, G_OPTION_ARG_INT, &options->timeout_s,
		  "End after SECONDS without clients, running VMs and jobs", "SECONDS" },
		{ "ready-fd", 0, 0, G_OPTION_ARG_INT, &options->ready_fd,
		  "Write a byte there when requests are taken", "N" },
		{ "api-schema", 0, 0, G_OPTION_ARG_NONE, &options->schema,
		  "Print the API's requests as a JSON schema", NULL },
		{ "api-reference", 0, 0, G_OPTION_ARG_NONE, &options->reference,
		  "Print what each operation of the API takes and answers", NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version",
		  NULL },
		{ NULL },
	};
	GOptionContext *context = g_option_context_new("- keeps the VMs of a user");
	GError *error = NULL;
	bool ok;

	g_option_context_add_main_entries(context, entries, NULL);
	ok = g_option_context_parse(context, argc, argv, &error) && *argc == 1;
	if (error)
		fprintf(stderr, "batond: %s (BTN-%04d)\n"
			"fix: Run \"batond --help\" for the options.\n",
			error->message, BTN_UNKNOWN_OPTION);
	else if (!ok)
		fprintf(stderr, "batond: there is an argument too many (BTN-%04d)\n"
			"fix: Run \"batond --help\" for the options.\n", BTN_EXTRA_ARGUMENT);
	g_clear_error(&error);
	g_option_context_free(context);
	return ok;
}

static int serve(const struct options *options)
{
	struct btn_error e;

	signal(SIGPIPE, SIG_IGN);
	umask(077);
	raise_limits();
	daemon_started_us = g_get_monotonic_time();
	loop = g_main_loop_new(NULL, FALSE);
	if (!set_up(&e)) {
		btn_print(stderr, "batond", NULL, &e);
		return btn_exit_status(&e);
	}
	g_unix_signal_add(SIGTERM, on_signal, NULL);
	g_unix_signal_add(SIGINT, on_signal, NULL);
	g_unix_signal_add(SIGHUP, on_signal, NULL);
	if (options->timeout_s > 0)
		g_timeout_add_seconds(IDLE_CHECK_S, on_second,
				      GINT_TO_POINTER(options->timeout_s));
	if (options->ready_fd >= 0) {
		if (write(options->ready_fd, "", 1) < 0)
			return BTN_EXIT_FAILED;
		close(options->ready_fd);
	}
	g_main_loop_run(loop);
	tear_down();
	return BTN_EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct options options = { .ready_fd = -1 };

	if (!parse(&argc, &argv, &options))
		return BTN_EXIT_USAGE;
	if (options.version)
		printf("batond %s\n", BATON_VERSION);
	else if (options.schema)
		return api_print_schema() ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
	else if (options.reference)
		api_print_reference();
	else
		return serve(&options);
	return BTN_EXIT_DONE;
}
