/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM as the app knows it: what libvirt says of a domain, and, of Baton's own, what the
 * daemon's API says beyond that. Widgets read its fields and wait for the signal "changed";
 * only connection.c and vm_ops.c write them.
 */
#ifndef BATON_GUI_VM_H
#define BATON_GUI_VM_H

#include <libvirt-gobject/libvirt-gobject.h>

#include "model/reply.h"

enum vm_state {
	VM_UNKNOWN, VM_STOPPED, VM_STARTING, VM_RUNNING, VM_PAUSED, VM_STOPPING, VM_BROKEN,
	VM_CRASHED,
	VM_FAILED,	/* only of baton_vm_shown_state(): off, and not by anybody's wish */
};

#define BATON_TYPE_VM (baton_vm_get_type())
G_DECLARE_FINAL_TYPE(BatonVm, baton_vm, BATON, VM, GObject)

struct _BatonVm {
	GObject parent;
	gpointer connection;	/* BatonConnection, which holds this; NULL: gone */
	GVirDomain *domain;	/* NULL: libvirt has not told of it */
	gboolean native;	/* the API has told of it: what follows comes from there */
	char *uuid, *name, *title, *description;
	enum vm_state state;
	char *reason;		/* word of the API; NULL */
	guint cpus;
	guint64 memory, memory_min;	/* bytes; 0: not known */
	char *address;		/* of its first card that has one; NULL */
	char *networks;		/* names, for people; NULL: none, or not known */
	char **forwards;	/* "127.0.0.1:2222:22"; never NULL */
	char *folder, *image, *user, *engine, *board;
	char *since;		/* RFC 3339 */
	gint64 pid;
	gboolean autostart;
	GError *problem;	/* the last one; NULL: none */
	gint64 job;		/* 0: none */
	guint job_percent;
	char *job_step;
	const char *pending;	/* what was asked for a moment ago: "Starting…"; NULL */
	char *search;		/* lower case: all that a search looks at */
};

BatonVm *baton_vm_new(gpointer connection, const char *uuid);
/* Of a VM object of the API. Emits "changed". */
void baton_vm_take_node(BatonVm *vm, const struct json_node *node);
/* Of libvirt; only what the API does not say better. Emits "changed". */
void baton_vm_take_domain(BatonVm *vm, GVirDomain *domain);
void baton_vm_take_info(BatonVm *vm, const GVirDomainInfo *info);
/* Of a job of the API's that changes it. Emits "changed". */
void baton_vm_take_job(BatonVm *vm, const struct json_node *job);
/* Nobody can tell at the moment. Emits "changed". */
void baton_vm_set_unknown(BatonVm *vm);
void baton_vm_set_pending(BatonVm *vm, const char *pending);
/* Takes the error; NULL: it is over. */
void baton_vm_set_problem(BatonVm *vm, GError *problem);
void baton_vm_changed(BatonVm *vm);

static inline gboolean baton_vm_is_on(const BatonVm *vm)
{
	return vm->state == VM_RUNNING || vm->state == VM_PAUSED || vm->state == VM_STARTING ||
	       vm->state == VM_STOPPING;
}

const char *vm_state_word(enum vm_state state);		/* "Running" */
const char *vm_state_icon(enum vm_state state);
/* Whose icon and word are shown. */
enum vm_state baton_vm_shown_state(const BatonVm *vm);
/* What the list shows as state: the pending action, the job's step, or the state. g_free(). */
char *baton_vm_status(const BatonVm *vm);
/* Why it is in its state, for people; "" if there is nothing to say. */
const char *baton_vm_reason(const BatonVm *vm);
/* All words of `text`, which is lower case, are found in it. */
gboolean baton_vm_matches(const BatonVm *vm, const char *text);
/* As strcmp(): by name, numbers in it by value. */
int baton_vm_compare_names(const BatonVm *a, const BatonVm *b);

#endif
