/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened, told to all who listen: the API's clients, the libvirt face. Delivered
 * from the main loop, never from within the call that caused it, in the order in which
 * it happened.
 */
#ifndef BATON_DAEMON_EVENTS_H
#define BATON_DAEMON_EVENTS_H

#include <stdint.h>

#include "job.h"
#include "vm.h"

enum event_type {
	EVENT_VM_ADDED, EVENT_VM_REMOVED, EVENT_VM_CHANGED, EVENT_VM_RENAMED,
	EVENT_VM_STATE, EVENT_VM_RESET,
	EVENT_JOB_STARTED, EVENT_JOB_PROGRESS, EVENT_JOB_ENDED,
	EVENT_IMAGE_ADDED, EVENT_IMAGE_REMOVED,
	EVENT_NETWORK_ADDED, EVENT_NETWORK_REMOVED, EVENT_NETWORK_STATE,
};

struct event {
	enum event_type type;
	int64_t time_us;	/* g_get_real_time() */
	char name[64];		/* of the VM, image or network (of a rename: the new one) */
	char old_name[64];	/* EVENT_VM_RENAMED */
	char uuid[37];		/* of the VM; "" */
	int id;			/* the VM's; -1: it is off */
	enum vm_state state, old_state;	/* EVENT_VM_STATE */
	enum vm_reason reason;		/* EVENT_VM_STATE */
	bool asked;		/* EVENT_VM_STATE: the power button was pressed in this run */
	struct job *job;	/* EVENT_JOB_*, held while the event lives; else NULL */
};

typedef void (*event_fn)(const struct event *event, void *ctx);

void events_subscribe(event_fn fn, void *ctx);
void events_unsubscribe(event_fn fn, void *ctx);

/* For those who cause them. */
void events_post(const struct event *event);		/* copied */
void events_post_vm(enum event_type type, const struct vm *vm);
void events_post_name(enum event_type type, const char *name);
const char *event_word(enum event_type type);		/* "vm-state" */

#endif
