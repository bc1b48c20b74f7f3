// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for a VM. See ready.h.
 *
 * A forward takes connections whether the guest listens or not, so that one was taken
 * says nothing. What says something: the guest sends bytes, as ssh does; the connection
 * is closed at once: the guest is there and nobody listens; it stays open while the guest
 * is known to be there: somebody listens. Whether it is there tells a port on which
 * nobody listens (GUEST_UNUSED_PORT): an answer of any kind, through a forward for a moment.
 */
#include "ready.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interrupt.h"
#include "node.h"
#include "suggest.h"

#define PROBE_MS 1000
#define SSH_PROBE_MS 5000	/* a guest that is busy booting takes its time to greet */
#define AGAIN_MS 250
#define GUEST_UNUSED_PORT 1
#define HELPER_PORT_FROM 42000

struct watch {
	struct daemon *d;
	const char *name, *uuid;
	const struct ready *want;
	int64_t end;			/* ms; negative: none */
	char state[16], reason[16];
	bool guest_there, gone;
	struct forward forward;
	bool has_forward, has_network;
	uint16_t helper_port;		/* of the host, to GUEST_UNUSED_PORT; 0: none yet */
	struct btn_error problem;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool ready_parse(const char *text, struct ready *ret, struct btn_error *e)
{
	static const char *const words[] = {
		[READY_RUNNING] = "running", [READY_STOPPED] = "stopped",
		[READY_PAUSED] = "paused", [READY_PORT] = "port:N", [READY_SSH] = "ssh",
		[READY_BOOT] = "boot", "off",
	};
	static const int count = sizeof(words) / sizeof(words[0]);
	const char *meant;
	char *end;
	long port;

	*ret = (struct ready){ .text = text, .guest_port = 22 };
	for (int kind = 0; kind < count; kind++) {
		ret->kind = kind > READY_BOOT ? READY_STOPPED : (enum ready_kind)kind;
		if (!strcmp(text, words[kind]) && kind != READY_PORT)
			return true;
	}
	if (!strncmp(text, "port:", 5)) {
		port = strtol(text + 5, &end, 10);
		ret->kind = READY_PORT;
		ret->guest_port = (uint16_t)port;
		if (end != text + 5 && !*end && port >= 1 && port <= 65535)
			return true;
	}
	meant = suggest(text, words, (size_t)count);
	btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is nothing that can be waited for", text);
	btn_set_cause(e, "It is one of: running, stopped (or off), paused, boot, ssh, port:N (of "
		      "the guest).");
	if (meant)
		btn_set_fix(e, "Did you mean \"%s\"?", meant);
	return false;
}

/* ---- what is known ---- */

static void take_vm(struct watch *w, const struct json_node *vm)
{
	const struct json_node *problem = json_member(vm, "problem");
	const struct json_node *networks = json_member(vm, "networks");

	snprintf(w->state, sizeof(w->state), "%s", node_string(vm, "state"));
	snprintf(w->reason, sizeof(w->reason), "%s", node_string(vm, "reason"));
	w->has_forward = forward_find(vm, w->want->guest_port, &w->forward);
	w->has_network = networks && networks->type == JSON_ARRAY && networks->count;
	w->problem.code = BTN_OK;
	if (problem && problem->type == JSON_OBJECT)
		daemon_take_error(problem, &w->problem);
}

static bool look(struct watch *w, struct btn_error *e)
{
	struct reply reply;
	const struct json_node *vm;

	if (!daemon_get_of(w->d, "vm-show", "name", w->uuid, &reply, e))
		return false;
	vm = json_member(reply.node, "vm");
	if (vm)
		take_vm(w, vm);
	reply_free(&reply);
	return true;
}

static void take_event(struct watch *w, const struct json_node *event)
{
	const struct json_node *vm = json_member(event, "vm");

	if (strcmp(node_string(event, "uuid"), w->uuid))
		return;
	if (node_is(event, "event", "vm-removed"))
		w->gone = true;
	if (vm)
		take_vm(w, vm);
}

/* ---- services ---- */

static bool probe_unused_port(struct watch *w, uint16_t host_port)
{
	struct forward f = { .host_address = "127.0.0.1", .host_port = host_port };
	char text[8];

	return forward_probe(&f, PROBE_MS, text, sizeof(text)) != PROBE_SILENT && !w->gone;
}

static bool change_forward(struct watch *w, const char *op, uint16_t host_port, bool add)
{
	struct btn_error ignored;
	struct reply reply;

	daemon_begin(w->d, op);
	json_put_string(&w->d->out, "name", w->uuid);
	json_put_int(&w->d->out, "host_port", host_port);
	if (add)
		json_put_int(&w->d->out, "guest_port", GUEST_UNUSED_PORT);
	if (!daemon_ask(w->d, &reply, &ignored))
		return false;
	reply_free(&reply);
	return true;
}

/* The forward stays until the waiting ends; it is of this run, and no part of the definition. */
static bool guest_is_there(struct watch *w)
{
	if (w->guest_there)
		return true;
	if (!w->helper_port) {
		w->helper_port = forward_free_port(NULL, HELPER_PORT_FROM);
		if (!w->helper_port)
			return false;
		if (!change_forward(w, "vm-forward-add", w->helper_port, true)) {
			w->helper_port = 0;
			return false;
		}
	}
	w->guest_there = probe_unused_port(w, w->helper_port);
	return w->guest_there;
}

static void remove_helper(struct watch *w)
{
	if (w->helper_port && !w->gone)
		change_forward(w, "vm-forward-remove", w->helper_port, false);
	w->helper_port = 0;
}

static bool answers(struct watch *w)
{
	bool ssh = w->want->kind == READY_SSH;
	int64_t left = w->end < 0 ? SSH_PROBE_MS : w->end - now_ms();
	int time_ms = ssh ? SSH_PROBE_MS : PROBE_MS;
	char text[16];

	if (left < time_ms)
		time_ms = left > 0 ? (int)left : 1;
	switch (forward_probe(&w->forward, time_ms, text, sizeof(text))) {
	case PROBE_SPOKE:
		return !ssh || !strncmp(text, "SSH-", 4);
	case PROBE_REFUSED:
		w->guest_there = true;
		return false;
	case PROBE_SILENT:
		break;
	}
	/* Cut short, it has not stayed open long enough to say anything. */
	return !ssh && time_ms == PROBE_MS && guest_is_there(w);
}

static bool is_service(const struct watch *w)
{
	return w->want->kind == READY_PORT || w->want->kind == READY_SSH;
}

static bool is_reached(struct watch *w)
{
	static const char *const states[] = { "running", "stopped", "paused" };

	if (is_service(w))
		return !strcmp(w->state, "running") && w->has_forward && answers(w);
	if (w->want->kind == READY_BOOT)
		return !strcmp(w->state, "running") && w->has_network && guest_is_there(w);
	return !strcmp(w->state, states[w->want->kind]);
}

/* ---- what cannot be any more ---- */

static bool set_never(const struct watch *w, struct btn_error *e)
{
	btn_set(e, BTN_WAIT_NEVER, "%.64s cannot become \"%.32s\" any more", w->name,
		w->want->text);
	if (w->gone) {
		btn_set_cause(e, "It was deleted.");
		btn_set_fix(e, "\"vmctl list --trash\" shows what can be restored.");
	} else if (w->problem.code != BTN_OK) {
		btn_set_cause(e, "%.200s: %.250s", w->problem.message, w->problem.cause);
		btn_set_fix(e, "%s", w->problem.fix);
	} else {
		btn_set_cause(e, "It is %s%s%s%s.", w->state, w->reason[0] ? " (" : "", w->reason,
			      w->reason[0] ? ")" : "");
		btn_set_fix(e, "See what it wrote: vmctl log %.64s --serial", w->name);
	}
	return true;
}

static bool is_off(const struct watch *w)
{
	return !strcmp(w->state, "stopped") || !strcmp(w->state, "broken");
}

/* `began`: it was on when we began, or has been since. */
static bool is_never(const struct watch *w, bool began, struct btn_error *e)
{
	if (w->gone || !strcmp(w->state, "broken"))
		return w->want->kind != READY_STOPPED || w->gone ? set_never(w, e) : false;
	if (w->want->kind != READY_STOPPED && began && is_off(w))
		return set_never(w, e);
	if (w->want->kind == READY_BOOT && !w->has_network) {
		btn_set(e, BTN_WAIT_NEVER, "nothing tells when the guest of %.64s is up", w->name);
		btn_set_cause(e, "It has no network card, over which the guest could answer.");
		btn_set_fix(e, "Look at it: vmctl console %.64s", w->name);
		return true;
	}
	if (!is_service(w) || w->has_forward || strcmp(w->state, "running"))
		return false;
	btn_set(e, BTN_WAIT_NEVER, "port %u of %.64s cannot be reached from here",
		w->want->guest_port, w->name);
	btn_set_cause(e, "No port of the host is forwarded to it.");
	btn_set_fix(e, "Add one: vmctl net forward add %.64s %u:%u", w->name,
		    w->want->guest_port < 1024 ? w->want->guest_port + 2200u :
		    w->want->guest_port, w->want->guest_port);
	return true;
}

static bool next(struct watch *w, struct btn_error *e)
{
	int64_t left = w->end < 0 ? -1 : w->end - now_ms();
	struct reply event;

	if (w->end >= 0 && left <= 0) {
		btn_set(e, BTN_WAIT_TIMEOUT, "%.64s did not become \"%.32s\" in time", w->name,
			w->want->text);
		if (is_off(w) && w->want->kind != READY_STOPPED) {
			btn_set_cause(e, "It is %s, and nobody has started it.", w->state);
			btn_set_fix(e, "Start it: vmctl start %.64s", w->name);
		}
		return false;
	}
	if ((is_service(w) || w->want->kind == READY_BOOT) && (left < 0 || left > AGAIN_MS))
		left = AGAIN_MS;
	switch (daemon_next_event(w->d, (int)left, &event, e)) {
	case DAEMON_EVENT:
		take_event(w, event.node);
		reply_free(&event);
		return true;
	case DAEMON_TIMEOUT:
		return true;
	case DAEMON_INTERRUPTED:
		btn_set(e, BTN_JOB_CANCELLED, "waiting was interrupted");
		btn_set_cause(e, "Signal %d has come.", interrupt_signal());
		btn_set_fix(e, "The VM goes on: vmctl list");
		return false;
	case DAEMON_GONE:
		break;
	}
	return false;
}

bool ready_wait(struct daemon *d, const char *name, const char *uuid, const struct ready *want,
		int timeout_ms, struct btn_error *e)
{
	struct watch w = {
		.d = d, .name = name, .uuid = uuid, .want = want,
		.end = timeout_ms < 0 ? -1 : now_ms() + timeout_ms,
	};
	bool began = false, ok = false;

	if (!look(&w, e))
		return false;
	do {
		began |= !is_off(&w);
		ok = is_reached(&w);
	} while (!ok && !is_never(&w, began, e) && next(&w, e));
	remove_helper(&w);
	return ok;
}

bool ready_wait_named(struct daemon *d, const char *name, const struct ready *want,
		      int timeout_ms, struct btn_error *e)
{
	struct reply reply;
	const struct json_node *vm;
	char uuid[64];

	if (!daemon_get_of(d, "vm-show", "name", name, &reply, e))
		return false;
	vm = json_member(reply.node, "vm");
	snprintf(uuid, sizeof(uuid), "%s", vm ? node_string(vm, "uuid") : "");
	reply_free(&reply);
	return ready_wait(d, name, uuid, want, timeout_ms, e);
}
