// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon's connections to one baton-vm. See monitor.h. The first is for events, and
 * the question for the status goes over it as well: so what an event tells happened
 * either before that answer, and is in it, or after. Another is opened with the first
 * request, and again if that ends: the monitor is gone when the first has ended.
 */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json_client.h"
#include "lib/unix_socket.h"

#define WHAT "the VM's monitor"

struct monitor {
	unsigned int refs;
	bool freed;
	char *path;
	unsigned int timeout_ms;
	struct monitor_hooks hooks;
	void *ctx;
	struct json_client *events;
	struct json_client *main;	/* NULL: not open */
	GList *alone;			/* struct alone */
	bool attached;
	int pid;
};

/* A request with a connection of its own. */
struct alone {
	struct monitor *monitor;
	struct json_client *client;
	monitor_answer_fn fn;
	void *ctx;
};

/* ---- the connection for events ---- */

/* What ends a VM is never in a status: the connection ends behind it. */
static bool is_last(const char *event)
{
	static const char *const last[] = { "power-off", "crashed", "failed", "killed" };

	for (size_t i = 0; i < G_N_ELEMENTS(last); i++)
		if (!strcmp(event, last[i]))
			return true;
	return false;
}

static void on_connected(void *ctx)
{
	struct monitor *m = ctx;

	m->pid = json_client_peer(m->events);
}

static void on_event(const char *name, const struct json_node *event, void *ctx)
{
	struct monitor *m = ctx;

	if ((m->attached || is_last(name)) && m->hooks.event)
		m->hooks.event(name, event, m->ctx);
}

static void on_status(const struct json_node *answer, int fd, const struct btn_error *e,
		      void *ctx)
{
	struct monitor *m = ctx;

	if (fd >= 0)
		close(fd);
	if (!answer) { /* if it has not ended anyway */
		json_client_hang_up(m->events, e);
		return;
	}
	json_client_set_timeout(m->events, 0);
	m->attached = true;
	if (m->hooks.attached)
		m->hooks.attached(answer, m->ctx);
}

static void close_requests(struct monitor *m)
{
	/* An answer may lead to another request. */
	while (m->alone || m->main) {
		struct alone *alone = m->alone ? m->alone->data : NULL;

		/* on_alone() takes it off the list */
		json_client_free(alone ? alone->client : g_steal_pointer(&m->main));
	}
}

/* The process ended as a whole: what it has answered before is still there to be read. */
static void drain_requests(struct monitor *m)
{
	GList *all = g_list_copy(m->alone);

	for (GList *at = all; at; at = at->next)
		if (g_list_find(m->alone, at->data))
			json_client_drain(((struct alone *)at->data)->client);
	g_list_free(all);
	if (m->main)
		json_client_drain(m->main);
}

static void unref(struct monitor *m)
{
	if (--m->refs)
		return;
	g_free(m->path);
	g_free(m);
}

static void on_gone(const struct btn_error *e, void *ctx)
{
	struct monitor *m = ctx;

	m->refs++;
	drain_requests(m);
	close_requests(m);
	if (!m->freed && m->hooks.gone)
		m->hooks.gone(e, m->ctx);
	unref(m);
}

static void on_subscribed(const struct json_node *answer, int fd, const struct btn_error *e,
			  void *ctx)
{
	struct monitor *m = ctx;

	if (fd >= 0)
		close(fd);
	if (!answer)
		json_client_hang_up(m->events, e);
}

struct monitor *monitor_attach(const char *path, unsigned int timeout_ms,
			       const struct monitor_hooks *hooks, void *ctx)
{
	static const struct json_client_hooks own = { on_connected, on_event, on_gone };
	struct monitor *m = g_new0(struct monitor, 1);

	m->refs = 1;
	m->path = g_strdup(path);
	m->timeout_ms = timeout_ms;
	m->hooks = *hooks;
	m->ctx = ctx;
	m->events = json_client_open(path, timeout_ms, BTN_NOT_RUNNING, WHAT, &own, m);
	json_client_ask(m->events, "events", NULL, -1, on_subscribed, m);
	json_client_ask(m->events, "status", NULL, -1, on_status, m);
	json_client_set_timeout(m->events, timeout_ms);
	return m;
}

void monitor_free(struct monitor *monitor)
{
	if (!monitor || monitor->freed)
		return;
	monitor->freed = true;
	memset(&monitor->hooks, 0, sizeof(monitor->hooks));
	close_requests(monitor);
	json_client_free(monitor->events);
	unref(monitor);
}

int monitor_pid(const struct monitor *monitor)
{
	return monitor->pid;
}

/* ---- requests ---- */

void monitor_no_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Only this connection has ended; the monitor itself goes with that of the events. */
static void on_main_gone(const struct btn_error *e, void *ctx)
{
	struct monitor *m = ctx;

	(void)e;
	json_client_free(g_steal_pointer(&m->main));
}

/* Before it is attached the socket may not be there yet. */
static unsigned int wait_ms(const struct monitor *m)
{
	return m->attached ? 0 : m->timeout_ms;
}

void monitor_ask(struct monitor *monitor, const char *op, const char *members,
		 monitor_answer_fn fn, void *ctx)
{
	static const struct json_client_hooks hooks = { .gone = on_main_gone };

	if (!monitor->main) {
		monitor->main = json_client_open(monitor->path, wait_ms(monitor),
						 BTN_NOT_RUNNING, WHAT, &hooks, monitor);
		json_client_set_timeout(monitor->main, wait_ms(monitor) + MONITOR_ANSWER_MS);
	}
	json_client_ask(monitor->main, op, members, -1, fn, ctx);
}

static void on_alone(const struct json_node *answer, int fd, const struct btn_error *e,
		     void *ctx)
{
	struct alone *alone = ctx;

	alone->monitor->alone = g_list_remove(alone->monitor->alone, alone);
	json_client_free(alone->client);
	if (alone->fn)
		alone->fn(answer, fd, e, alone->ctx);
	else if (fd >= 0)
		close(fd);
	g_free(alone);
}

void monitor_ask_alone(struct monitor *monitor, const char *op, const char *members, int fd,
		       monitor_answer_fn fn, void *ctx)
{
	struct alone *alone = g_new(struct alone, 1);

	*alone = (struct alone) { .monitor = monitor, .fn = fn, .ctx = ctx };
	alone->client = json_client_open(monitor->path, wait_ms(monitor), BTN_NOT_RUNNING, WHAT,
					 NULL, NULL);
	monitor->alone = g_list_prepend(monitor->alone, alone);
	json_client_ask(alone->client, op, members, fd, on_alone, alone);
	json_client_set_timeout(alone->client, wait_ms(monitor) + MONITOR_ALONE_MS);
}

int monitor_connect(struct monitor *monitor, struct btn_error *e)
{
	int fd = unix_connect(monitor->path, SOCK_STREAM | SOCK_NONBLOCK);

	if (fd < 0) {
		btn_set(e, BTN_NOT_RUNNING, "%s does not answer", WHAT);
		btn_set_cause(e, "The host says: %s.", g_strerror(-fd));
		return -1;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}
