// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plugging a card into its network: network_plug(), and single requests: network_ask().
 *
 * Connect to the control socket; if nobody is there, start baton-net and connect again.
 * Then connect the card, and ask for the address and the forwards, all at once: the
 * answers come in order, and the first failure ends it all, since forwards go with
 * the connection that asked for them. A process may end between any two of these steps
 * (it does some seconds after its last VM), so a lost connection begins anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json_client.h"
#include "lib/json_write.h"
#include "lib/unix_socket.h"
#include "network.h"
#include "network_conf.h"
#include "network_process.h"

#define PLUG_MS 15000u		/* for all of it */
#define CARD_RETRY_MS 5u	/* its socket appears behind the control socket */
#define AGAIN_MS 50u		/* until one that is ending has ended */
#define LOST_MAX 3u		/* connections that end in between */

struct plug {
	struct network network;		/* strings of its own */
	char *guest_name;
	struct config_net card;		/* without its network */
	network_ready_fn fn;
	void *ctx;
	GSource *cancel;
	guint deadline, timer;
	struct network_start *start;
	struct json_client *control;
	int card_fd;
	unsigned int open;		/* answers that are still to come */
	unsigned int lost, starts;
	char address[16];
};

static void set_failed(struct btn_error *e, const struct plug *p, const char *cause)
{
	btn_set(e, BTN_NET_FAILED, "the network \"%.32s\" does not answer", p->network.name);
	btn_set_cause(e, "%s", cause);
}

static void plug_free(struct plug *p)
{
	if (p->cancel) {
		g_source_destroy(p->cancel);
		g_source_unref(p->cancel);
	}
	if (p->deadline)
		g_source_remove(p->deadline);
	if (p->timer)
		g_source_remove(p->timer);
	network_start_cancel(p->start);
	json_client_free(p->control);
	if (p->card_fd >= 0)
		close(p->card_fd);
	g_free(p->network.name);
	g_free(p->network.subnet);
	g_free(p->network.domain);
	g_free(p->guest_name);
	g_free(p);
}

static void fail(struct plug *p, const struct btn_error *error)
{
	struct btn_error e = *error;
	network_ready_fn fn = p->fn;
	void *ctx = p->ctx;

	p->fn = NULL; /* what plug_free() hangs up on is not told */
	plug_free(p);
	fn(NULL, NULL, &e, ctx);
}

static void succeed(struct plug *p)
{
	int fds[2] = { p->card_fd, json_client_take_fd(p->control) };
	network_ready_fn fn = p->fn;
	void *ctx = p->ctx;
	char address[16];
	struct btn_error e;

	if (fds[1] < 0) { /* it has hung up right behind its last answer */
		set_failed(&e, p, "It has ended the connection.");
		fail(p, &e);
		return;
	}
	memcpy(address, p->address, sizeof(address));
	p->card_fd = -1;
	p->fn = NULL;
	plug_free(p);
	fn(fds, address, NULL, ctx);
}

static gboolean on_deadline(gpointer data)
{
	struct plug *p = data;
	struct btn_error e;

	p->deadline = 0;
	set_failed(&e, p, "It took too long.");
	fail(p, &e);
	return G_SOURCE_REMOVE;
}

static gboolean on_cancelled(GCancellable *cancellable, gpointer data)
{
	struct btn_error e;

	(void)cancellable;
	btn_set_default(&e, BTN_JOB_CANCELLED);
	fail(data, &e);
	return G_SOURCE_REMOVE;
}

/* ---- requests ---- */

static void on_answer(const struct json_node *answer, int fd, const struct btn_error *e,
		      void *ctx)
{
	struct plug *p = ctx;
	const char *address;

	if (fd >= 0)
		close(fd);
	if (!p->fn) /* being freed */
		return;
	if (!answer) {
		if (!json_client_ended(p->control))
			fail(p, e);
		return; /* else on_lost() is next */
	}
	if (!p->address[0]) {
		struct btn_error odd;

		if (!json_get_string(answer, "address", &address) ||
		    strlen(address) >= sizeof(p->address) || !g_hostname_is_ip_address(address)) {
			set_failed(&odd, p, "It has not said which address the VM has.");
			fail(p, &odd);
			return;
		}
		strcpy(p->address, address);
	}
	if (!--p->open)
		succeed(p);
}

static void ask(struct plug *p, const char *op, struct json_out *members)
{
	char *text = g_strndup(members->text, members->full ? 0 : members->length);

	p->open++;
	json_client_ask(p->control, op, text, -1, on_answer, p);
	g_free(text);
}

static void ask_all(struct plug *p)
{
	char text[512];
	struct json_out out;

	json_client_set_timeout(p->control, NETWORK_ANSWER_MS);
	json_put_start(&out, text, sizeof(text));
	json_put_string(&out, "mac", p->card.mac);
	if (p->guest_name)
		json_put_string(&out, "name", p->guest_name);
	ask(p, "reserve", &out);
	for (unsigned int i = 0; i < p->card.forward_count; i++) {
		const struct config_forward *f = &p->card.forward[i];

		json_put_start(&out, text, sizeof(text));
		json_put_string(&out, "proto", f->udp ? "udp" : "tcp");
		json_put_string(&out, "host_address", f->host_address);
		json_put_int(&out, "host_port", f->host_port);
		json_put_string(&out, "guest", p->card.mac);
		json_put_int(&out, "guest_port", f->guest_port);
		ask(p, "forward-add", &out);
	}
}

/* ---- connections ---- */

static void begin(struct plug *p);

static gboolean on_again(gpointer data)
{
	struct plug *p = data;

	p->timer = 0;
	begin(p);
	return G_SOURCE_REMOVE;
}

static void begin_later(struct plug *p, unsigned int ms)
{
	p->timer = g_timeout_add(ms, on_again, p);
}

static void forget_connections(struct plug *p)
{
	json_client_free(g_steal_pointer(&p->control));
	if (p->timer)
		g_source_remove(p->timer);
	p->timer = 0;
	if (p->card_fd >= 0)
		close(p->card_fd);
	p->card_fd = -1;
	p->open = 0;
	p->address[0] = 0;
}

static gboolean connect_card(gpointer data)
{
	struct plug *p = data;
	char *path = network_socket_path(p->network.name, "sock");
	int fd = unix_connect(path, SOCK_SEQPACKET | SOCK_NONBLOCK);

	g_free(path);
	p->timer = 0;
	if (fd == -ENOENT || fd == -ECONNREFUSED || fd == -EAGAIN) {
		p->timer = g_timeout_add(CARD_RETRY_MS, connect_card, p);
	} else if (fd < 0) {
		struct btn_error e;

		set_failed(&e, p, g_strerror(-fd));
		fail(p, &e);
	} else {
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		p->card_fd = fd;
		ask_all(p);
	}
	return G_SOURCE_REMOVE;
}

static void on_started(const struct btn_error *e, void *ctx)
{
	struct plug *p = ctx;

	p->start = NULL;
	if (e)
		fail(p, e);
	else
		begin(p);
}

/* Nobody listens. One that is about to end keeps the next from starting, for a moment. */
static void start_process(struct plug *p)
{
	struct btn_error e;

	p->start = network_start(&p->network, on_started, p, &e);
	p->starts++;
	if (!p->start)
		fail(p, &e);
}

static gboolean on_start_again(gpointer data)
{
	struct plug *p = data;

	p->timer = 0;
	start_process(p);
	return G_SOURCE_REMOVE;
}

static void on_connected(void *ctx)
{
	struct plug *p = ctx;

	network_process_seen(p->network.name, json_client_peer(p->control));
	connect_card(p);
}

static void on_lost(const struct btn_error *e, void *ctx)
{
	struct plug *p = ctx;
	bool was_connected = json_client_was_connected(p->control);

	if (!p->fn)
		return;
	forget_connections(p);
	if (was_connected && ++p->lost >= LOST_MAX)
		fail(p, e);
	else if (was_connected)
		begin_later(p, AGAIN_MS);
	else if (!p->starts)
		start_process(p);
	else
		p->timer = g_timeout_add(AGAIN_MS, on_start_again, p);
}

static void begin(struct plug *p)
{
	static const struct json_client_hooks hooks = {
		.connected = on_connected, .gone = on_lost,
	};
	char *path = network_socket_path(p->network.name, "ctl");
	char *what = g_strdup_printf("the network \"%s\"", p->network.name);

	p->control = json_client_open(path, 0, BTN_NET_FAILED, what, &hooks, p);
	g_free(what);
	g_free(path);
}

void network_plug(const struct network *network, const char *guest_name,
		  const struct config_net *card, GCancellable *cancellable,
		  network_ready_fn fn, void *ctx)
{
	struct plug *p = g_new0(struct plug, 1);

	p->network = *network;
	p->network.name = g_strdup(network->name);
	p->network.subnet = g_strdup(network->subnet);
	p->network.domain = g_strdup(network->domain);
	p->guest_name = g_strdup(guest_name);
	p->card = *card;
	p->card.network = NULL;
	p->fn = fn;
	p->ctx = ctx;
	p->card_fd = -1;
	p->deadline = g_timeout_add(PLUG_MS, on_deadline, p);
	if (cancellable) {
		p->cancel = g_cancellable_source_new(cancellable);
		g_source_set_callback(p->cancel, G_SOURCE_FUNC(on_cancelled), p, NULL);
		g_source_attach(p->cancel, NULL);
	}
	begin(p);
}

/* ---- one request ---- */

struct question {
	struct json_client *client;
	char *name;
	network_answer_fn fn;
	void *ctx;
};

static void on_question(const struct json_node *answer, int fd, const struct btn_error *e,
			void *ctx)
{
	struct question *q = ctx;
	struct btn_error off;

	if (fd >= 0)
		close(fd);
	if (e && json_client_ended(q->client) && !json_client_was_connected(q->client)) {
		btn_set(&off, BTN_NET_FAILED, "the network \"%.32s\" is not active", q->name);
		btn_set_cause(&off, "No VM is on it, so that it has no process.");
		btn_set_fix(&off, "Start a VM that is on it.");
		e = &off;
	}
	json_client_free(q->client);
	if (q->fn)
		q->fn(answer, e, q->ctx);
	g_free(q->name);
	g_free(q);
}

void network_ask(const struct network *network, const char *op, const char *members,
		 network_answer_fn fn, void *ctx)
{
	struct question *q = g_new(struct question, 1);
	char *path = network_socket_path(network->name, "ctl");
	char *what = g_strdup_printf("the network \"%s\"", network->name);

	*q = (struct question) { .name = g_strdup(network->name), .fn = fn, .ctx = ctx };
	q->client = json_client_open(path, 0, BTN_NET_FAILED, what, NULL, NULL);
	json_client_ask(q->client, op, members, -1, on_question, q);
	json_client_set_timeout(q->client, NETWORK_ANSWER_MS);
	g_free(what);
	g_free(path);
}
