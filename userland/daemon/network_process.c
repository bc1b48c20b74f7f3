// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See network_process.h. That a process is there is learnt from a connection to its control
 * socket, that it has ended from a descriptor of the process: also of one that an
 * earlier daemon or vmctl has started. A file that appears among the sockets
 * is the reason to try a connection.
 */
#define _GNU_SOURCE /* pipe2 */
#include "network_process.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "events.h"
#include "json_client.h"
#include "monitor.h"
#include "paths.h"

#define PROBE_MS 1000u		/* between the file's appearance and listening */
#define LOG_MAX 300u		/* bytes of it for people */

char *network_socket_path(const char *name, const char *suffix)
{
	return g_strdup_printf("%s/%s.%s", paths.net_sockets, name, suffix);
}

/* ---- which are there ---- */

struct process {
	char *name;
	int pid, fd;
	guint source;
};

static GHashTable *processes;	/* by name */

static void process_free(gpointer data)
{
	struct process *p = data;

	if (p->source)
		g_source_remove(p->source);
	close(p->fd);
	g_free(p->name);
	g_free(p);
}

static gboolean on_process_end(gint fd, GIOCondition condition, gpointer data)
{
	struct process *p = data;

	(void)fd;
	(void)condition;
	p->source = 0;
	events_post_name(EVENT_NETWORK_STATE, p->name);
	g_hash_table_remove(processes, p->name);
	return G_SOURCE_REMOVE;
}

void network_process_seen(const char *name, int pid)
{
	struct process *p;
	int fd;

	if (!processes)
		processes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, process_free);
	p = g_hash_table_lookup(processes, name);
	if (p && p->pid == pid)
		return;
	fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (fd < 0)
		return;
	p = g_new(struct process, 1);
	*p = (struct process) { g_strdup(name), pid, fd, 0 };
	p->source = g_unix_fd_add(fd, G_IO_IN, on_process_end, p);
	g_hash_table_replace(processes, p->name, p);
	events_post_name(EVENT_NETWORK_STATE, name);
}

bool network_process_runs(const char *name)
{
	return processes && g_hash_table_contains(processes, name);
}

struct probe {
	char *name;
	struct json_client *client;
};

static void probe_end(struct probe *probe)
{
	json_client_free(probe->client);
	g_free(probe->name);
	g_free(probe);
}

static void on_probe_connected(void *ctx)
{
	struct probe *probe = ctx;

	network_process_seen(probe->name, json_client_peer(probe->client));
	probe_end(probe);
}

static void on_probe_gone(const struct btn_error *e, void *ctx)
{
	(void)e;
	probe_end(ctx);
}

static void probe_network(const char *name, unsigned int wait_ms)
{
	static const struct json_client_hooks hooks = {
		.connected = on_probe_connected, .gone = on_probe_gone,
	};
	struct probe *probe = g_new(struct probe, 1);
	char *path = network_socket_path(name, "ctl");

	probe->name = g_strdup(name);
	probe->client = json_client_open(path, wait_ms, BTN_NET_FAILED, "the network", &hooks,
					 probe);
	g_free(path);
}

static void on_folder(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
		      gpointer data)
{
	char *name = g_file_get_basename(file);

	(void)monitor;
	(void)other;
	(void)data;
	if (event == G_FILE_MONITOR_EVENT_CREATED && g_str_has_suffix(name, ".ctl")) {
		name[strlen(name) - 4] = 0;
		if (network_find(name, NULL))
			probe_network(name, PROBE_MS);
	}
	g_free(name);
}

static void probe_each(const struct network *network, void *ctx)
{
	(void)ctx;
	probe_network(network->name, 0);
}

void network_process_watch(void)
{
	static GFileMonitor *monitor;
	GFile *folder;

	network_each(probe_each, NULL);
	if (monitor)
		return;
	folder = g_file_new_for_path(paths.net_sockets);
	/* Without it only what the daemon itself starts is noticed. */
	monitor = g_file_monitor_directory(folder, G_FILE_MONITOR_NONE, NULL, NULL);
	if (monitor)
		g_signal_connect(monitor, "changed", G_CALLBACK(on_folder), NULL);
	g_object_unref(folder);
}

/* ---- ending one ---- */

struct retire {
	struct json_client *client;
};

static void on_retired(const struct btn_error *e, void *ctx)
{
	struct retire *retire = ctx;

	(void)e;
	json_client_free(retire->client);
	g_free(retire);
}

static void on_retire_status(const struct json_node *answer, int fd, const struct btn_error *e,
			     void *ctx)
{
	struct retire *retire = ctx;
	struct btn_error done;
	int64_t ports;

	(void)e;
	if (fd >= 0)
		close(fd);
	if (answer && json_get_int(answer, "ports", 0, 0, &ports)) {
		json_client_ask(retire->client, "quit", NULL, -1, NULL, NULL);
		return; /* it hangs up */
	}
	btn_set_default(&done, BTN_NET_FAILED);
	json_client_hang_up(retire->client, &done);
}

void network_process_retire(const char *name)
{
	static const struct json_client_hooks hooks = { .gone = on_retired };
	struct retire *retire = g_new(struct retire, 1);
	char *path = network_socket_path(name, "ctl");

	retire->client = json_client_open(path, 0, BTN_NET_FAILED, "the network", &hooks, retire);
	json_client_ask(retire->client, "status", NULL, -1, on_retire_status, retire);
	json_client_set_timeout(retire->client, NETWORK_ANSWER_MS);
	g_free(path);
}

/* ---- starting one ---- */

struct network_start {
	char *name;
	network_started_fn fn;
	void *ctx;
	int ready_fd;
	guint source, timer;
};

void network_start_cancel(struct network_start *start)
{
	if (!start)
		return;
	if (start->source)
		g_source_remove(start->source);
	if (start->timer)
		g_source_remove(start->timer);
	close(start->ready_fd);
	g_free(start->name);
	g_free(start);
}

/* What it has written before it ended: "baton-net: SENTENCE (CODE)", "cause: ...". */
static void add_log(const char *name, struct btn_error *e)
{
	char *path = network_socket_path(name, "log"), text[LOG_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got = fd >= 0 ? read(fd, text, LOG_MAX) : 0;

	if (got > 0) {
		text[got] = 0;
		for (char *at = text; *at; at++)
			if (g_ascii_iscntrl(*at))
				*at = ' ';
		btn_set_cause(e, "It says: %s", g_strchomp(text));
	}
	if (fd >= 0)
		close(fd);
	g_free(path);
}

static void tell(struct network_start *start, const struct btn_error *e)
{
	network_started_fn fn = start->fn;
	void *ctx = start->ctx;

	network_start_cancel(start);
	fn(e, ctx);
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data)
{
	struct network_start *start = data;
	struct btn_error e;
	char byte;
	ssize_t got = read(fd, &byte, 1);

	(void)condition;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	start->source = 0;
	if (got == 1) {
		tell(start, NULL);
		return G_SOURCE_REMOVE;
	}
	btn_set(&e, BTN_NET_FAILED, "the process of the network \"%.32s\" did not start",
		start->name);
	add_log(start->name, &e);
	tell(start, &e);
	return G_SOURCE_REMOVE;
}

static gboolean on_late(gpointer data)
{
	struct network_start *start = data;
	struct btn_error e;

	start->timer = 0;
	btn_set(&e, BTN_NET_FAILED, "the process of the network \"%.32s\" did not start",
		start->name);
	btn_set_cause(&e, "It took too long.");
	tell(start, &e);
	return G_SOURCE_REMOVE;
}

static char **make_argv(const struct network *network, char *program, int ready_fd)
{
	GPtrArray *argv = g_ptr_array_new();

	g_ptr_array_add(argv, program);
	g_ptr_array_add(argv, g_strdup("--name"));
	g_ptr_array_add(argv, g_strdup(network->name));
	g_ptr_array_add(argv, g_strdup("--listen"));
	g_ptr_array_add(argv, g_build_filename(paths.net_sockets, network->name, NULL));
	g_ptr_array_add(argv, g_strdup("--leases"));
	g_ptr_array_add(argv, network_leases_path(network));
	g_ptr_array_add(argv, g_strdup("--ready-fd"));
	g_ptr_array_add(argv, g_strdup_printf("%d", ready_fd));
	if (network->subnet) {
		g_ptr_array_add(argv, g_strdup("--subnet"));
		g_ptr_array_add(argv, g_strdup(network->subnet));
	}
	if (network->domain) {
		g_ptr_array_add(argv, g_strdup("--domain"));
		g_ptr_array_add(argv, g_strdup(network->domain));
	}
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

static bool spawn(const struct network *network, int ready_fd, struct btn_error *e)
{
	char *program = paths_program("baton-net", e), *log, **argv;
	int log_fd, pid;

	if (!program)
		return false;
	argv = make_argv(network, program, ready_fd);
	log = network_socket_path(network->name, "log");
	log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	pid = monitor_spawn(argv, log_fd, &ready_fd, 1, NULL, NULL, e);
	if (log_fd >= 0)
		close(log_fd);
	g_free(log);
	g_strfreev(argv);
	return pid > 0;
}

struct network_start *network_start(const struct network *network, network_started_fn fn,
				    void *ctx, struct btn_error *e)
{
	struct network_start *start;
	int ends[2];
	bool ok;

	if (pipe2(ends, O_CLOEXEC)) {
		btn_set(e, BTN_NET_FAILED, "the process of the network \"%.32s\" did not start",
			network->name);
		btn_set_cause(e, "The host says: %s.", g_strerror(errno));
		return NULL;
	}
	ok = spawn(network, ends[1], e);
	close(ends[1]);
	if (!ok) {
		close(ends[0]);
		return NULL;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	start = g_new(struct network_start, 1);
	*start = (struct network_start) {
		.name = g_strdup(network->name), .fn = fn, .ctx = ctx, .ready_fd = ends[0],
	};
	start->source = g_unix_fd_add(ends[0], G_IO_IN | G_IO_HUP, on_ready, start);
	start->timer = g_timeout_add(NETWORK_ANSWER_MS, on_late, start);
	return start;
}
