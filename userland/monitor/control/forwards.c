// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Port forwards of the VM's network, which baton-net holds: requests are handed on over
 * the connection to it that the monitor was given, and last as long as that. It is asked
 * on the main thread and has a second to answer; it does nothing that takes long. If it
 * does not answer all the same (somebody has stopped it), it is asked nothing more until it
 * has: answers have no number, so a late one would pass for the next request's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/control_private.h"
#include "lib/rpc_client.h"

#define ANSWER_MS 1000

/* The first network whose baton-net can be asked. */
static const struct options_net *find_net(struct rpc_request *r)
{
	const struct options *options = control_of(r)->config.options;

	for (unsigned int i = 0; i < options->net_count; i++)
		if (options->net[i].control >= 0)
			return &options->net[i];
	btn_set(r->e, BTN_NO_FORWARDS, "the VM has no network with forwards");
	return NULL;
}

static void put_mac(struct json_out *out, const char *name, const uint8_t m[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
		 m[4], m[5]);
	json_put_string(out, name, text);
}

/* The members that both sides have in common, as they came. */
static void copy_members(struct json_out *out, const struct json_node *from)
{
	static const char *const ints[] = { "host_port", "guest_port" };
	static const char *const texts[] = { "proto", "host_address" };
	const char *text;
	int64_t number;

	for (unsigned int i = 0; i < 2; i++) {
		if (json_get_int(from, ints[i], 1, 65535, &number))
			json_put_int(out, ints[i], number);
		if (json_get_string(from, texts[i], &text))
			json_put_string(out, texts[i], text);
	}
}

/* Throws away what comes too late. False: it has not come yet. */
static bool is_free(struct control *control, int fd)
{
	char text[512];
	ssize_t got;

	while (control->net_late && (got = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
		control->net_late = !memchr(text, '\n', (size_t)got);
	return !control->net_late;
}

static bool ask(struct rpc_request *r, const struct options_net *net, struct json_out *request,
		struct rpc_answer *answer)
{
	struct control *control = control_of(r);
	const char *failed = "the network did not answer";
	bool ok;

	json_put_close(request, '}');
	if (!is_free(control, net->control)) {
		btn_set(r->e, BTN_NET_FAILED, "%s", failed);
		return false;
	}
	ok = rpc_ask(net->control, request, ANSWER_MS, answer, BTN_NET_FAILED, failed, r->e);
	control->net_late = answer->late;
	if (!ok)
		return false;
	if (answer->fd >= 0)
		close(answer->fd);
	return true;
}

/* One request to baton-net whose answer matters only by its success. */
static bool hand_on(struct rpc_request *r, const char *op, bool with_guest)
{
	const struct options_net *net = find_net(r);
	struct rpc_answer *answer = net ? malloc(sizeof(*answer)) : NULL;
	char text[512];
	struct json_out request;
	bool ok = false;

	if (answer) {
		json_put_start(&request, text, sizeof(text));
		json_put_open(&request, NULL, '{');
		json_put_string(&request, "op", op);
		copy_members(&request, r->object);
		if (with_guest)
			put_mac(&request, "guest", net->mac);
		ok = ask(r, net, &request, answer);
	} else if (net) {
		btn_set_default(r->e, BTN_NO_MEMORY);
	}
	free(answer);
	return ok;
}

bool control_do_forward_add(struct rpc_request *r)
{
	return hand_on(r, "forward-add", true);
}

bool control_do_forward_remove(struct rpc_request *r)
{
	return hand_on(r, "forward-remove", false);
}

static void put_forwards(struct json_out *out, const struct json_node *answer)
{
	const struct json_node *list = json_member(answer, "forwards"), *forward = NULL;
	const char *text;

	json_put_open(out, "forwards", '[');
	while (list && (forward = json_next(list, forward))) {
		json_put_open(out, NULL, '{');
		copy_members(out, forward);
		if (json_get_string(forward, "guest_address", &text))
			json_put_string(out, "guest_address", text);
		json_put_close(out, '}');
	}
	json_put_close(out, ']');
}

bool control_do_forward_list(struct rpc_request *r)
{
	const struct options_net *net = find_net(r);
	struct rpc_answer *answer = net ? malloc(sizeof(*answer)) : NULL;
	char text[64];
	struct json_out request;
	bool ok = false;

	if (answer) {
		json_put_start(&request, text, sizeof(text));
		json_put_open(&request, NULL, '{');
		json_put_string(&request, "op", "forward-list");
		ok = ask(r, net, &request, answer);
		if (ok)
			put_forwards(r->out, answer->node);
	} else if (net) {
		btn_set_default(r->e, BTN_NO_MEMORY);
	}
	free(answer);
	return ok;
}
