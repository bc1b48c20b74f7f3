/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The face's side of a VM: what of its XML is kept (file libvirt.xml in its folder; of a
 * run whose definition has been changed meanwhile, libvirt-live.xml, too), the
 * VNC password (vnc.password), and whether libvirt's clients see it as transient (file
 * libvirt.transient): such a VM goes to the trash when it stops.
 */
#ifndef BATON_DAEMON_LIBVIRT_DEFINITION_H
#define BATON_DAEMON_LIBVIRT_DEFINITION_H

#include <stdbool.h>

#include "events.h"
#include "libvirt/domain_xml.h"
#include "vm.h"

struct call;

/* What a VM's folder says. After registry_load(). */
void definition_start(void);
void definition_stop(void);
/* The daemon's events: transient VMs that have stopped, guests that may not reset. */
void definition_event(const struct event *event);
/* network_state.c: networks that start with a VM. */
void network_state_event(const struct event *event);
void network_state_stop(void);

bool definition_is_transient(const char *uuid);
bool definition_set_transient(struct vm *vm, bool transient, struct btn_error *e);

/* What is kept of the VM, empty if nothing is; kept_free(). live: of its run. */
struct kept *definition_load_kept(const struct vm *vm, bool live);
/* A run keeps what it has begun with. */
bool definition_save_kept(const struct vm *vm, const struct kept *kept, struct btn_error *e);
/* Both, for the definition and the run. */
bool definition_set_metadata(const struct vm *vm, const char *text, const char *key,
			     const char *uri, struct xml_error *xml, struct btn_error *e);

/*
 * The VM's XML; g_free(). live: of its run, if it has one, else of its next start.
 * memory_now 0: not known. secure: with passwords.
 */
char *definition_xml(const struct vm *vm, bool live, uint64_t memory_now, bool secure);
/* Reads XML for a VM (NULL: a new one), false: *e. domain_read_free(). */
bool definition_read(struct domain_read *d, const struct vm *vm, const char *xml,
		     struct xml_error *e);
/* Takes it over for a VM that is there. Steals d->config. */
bool definition_apply(struct vm *vm, struct domain_read *d, struct btn_error *e);

/* Before a start: another port for a screen that takes any, if somebody else has its own. */
bool definition_refresh_port(struct vm *vm, struct btn_error *e);

/* Answers the calls that define or create; they end them. */
void definition_define(struct call *call, const char *xml);
void definition_create(struct call *call, const char *xml, bool paused, bool autodestroy);

#endif
