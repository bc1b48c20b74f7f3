// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See events.h. One queue, one idle source. Who listens may leave from within a call;
 * its place is cleared then and removed after the round.
 */
#include "events.h"

#include <string.h>

struct listener {
	event_fn fn;	/* NULL: has left */
	void *ctx;
};

static GQueue queue = G_QUEUE_INIT;	/* of struct event */
static GSList *listeners;
static unsigned int source;
static bool delivering;

const char *event_word(enum event_type type)
{
	static const char *const words[] = {
		[EVENT_VM_ADDED] = "vm-added", [EVENT_VM_REMOVED] = "vm-removed",
		[EVENT_VM_CHANGED] = "vm-changed", [EVENT_VM_RENAMED] = "vm-renamed",
		[EVENT_VM_STATE] = "vm-state", [EVENT_VM_RESET] = "vm-reset",
		[EVENT_JOB_STARTED] = "job-started", [EVENT_JOB_PROGRESS] = "job-progress",
		[EVENT_JOB_ENDED] = "job-ended",
		[EVENT_IMAGE_ADDED] = "image-added", [EVENT_IMAGE_REMOVED] = "image-removed",
		[EVENT_NETWORK_ADDED] = "network-added",
		[EVENT_NETWORK_REMOVED] = "network-removed",
		[EVENT_NETWORK_STATE] = "network-state",
	};

	return words[type];
}

void events_subscribe(event_fn fn, void *ctx)
{
	struct listener *listener = g_new(struct listener, 1);

	*listener = (struct listener){ .fn = fn, .ctx = ctx };
	listeners = g_slist_append(listeners, listener);
}

static void sweep(void)
{
	GSList *at = listeners;

	while (at) {
		GSList *next = at->next;
		struct listener *listener = at->data;

		if (!listener->fn) {
			listeners = g_slist_delete_link(listeners, at);
			g_free(listener);
		}
		at = next;
	}
}

void events_unsubscribe(event_fn fn, void *ctx)
{
	for (GSList *at = listeners; at; at = at->next) {
		struct listener *listener = at->data;

		if (listener->fn == fn && listener->ctx == ctx)
			listener->fn = NULL;
	}
	if (!delivering)
		sweep();
}

static void deliver(struct event *event)
{
	for (GSList *at = listeners; at; at = at->next) {
		struct listener *listener = at->data;

		if (listener->fn)
			listener->fn(event, listener->ctx);
	}
	job_unref(event->job);
	g_free(event);
}

static gboolean deliver_all(gpointer data)
{
	struct event *event;

	(void)data;
	delivering = true;
	while ((event = g_queue_pop_head(&queue)))
		deliver(event);
	delivering = false;
	sweep();
	source = 0;
	return G_SOURCE_REMOVE;
}

void events_post(const struct event *event)
{
	struct event *copy = g_new(struct event, 1);

	*copy = *event;
	if (!copy->time_us)
		copy->time_us = g_get_real_time();
	if (copy->job)
		job_ref(copy->job);
	g_queue_push_tail(&queue, copy);
	if (!source)
		source = g_idle_add_full(G_PRIORITY_DEFAULT, deliver_all, NULL, NULL);
}

void events_post_vm(enum event_type type, const struct vm *vm)
{
	struct event event = { .type = type, .id = vm->id, .state = vm->state,
			       .old_state = vm->state, .reason = vm->reason };

	g_strlcpy(event.name, vm_name(vm), sizeof(event.name));
	g_strlcpy(event.uuid, vm_uuid(vm), sizeof(event.uuid));
	events_post(&event);
}

void events_post_name(enum event_type type, const char *name)
{
	struct event event = { .type = type, .id = -1 };

	g_strlcpy(event.name, name, sizeof(event.name));
	events_post(&event);
}
