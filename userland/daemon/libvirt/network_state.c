// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether a network is active. It starts with its first VM and ends behind its last, by
 * itself, so it is, unless a client has ended it: that is remembered until somebody starts
 * it, or a VM on it, for clients that end, change and start networks.
 */
#include "events.h"
#include "libvirt/handlers.h"
#include "libvirt/registration.h"
#include "network.h"

static GHashTable *ended;	/* UUIDs; NULL: none yet */

bool network_shows_active(const struct network *network)
{
	return !ended || !g_hash_table_contains(ended, network->uuid);
}

void network_state_new(const struct network *network)
{
	if (ended)
		g_hash_table_remove(ended, network->uuid);
}

static void show_active(const struct network *network)
{
	if (!network_shows_active(network)) {
		g_hash_table_remove(ended, network->uuid);
		tell_network_state(network, true);
	}
}

static void show_ended(const struct network *network)
{
	if (!ended)
		ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_hash_table_add(ended, g_strdup(network->uuid));
	tell_network_state(network, false);
}

static void start_networks(const struct config *live)
{
	const struct network *network;
	unsigned int i;

	for (i = 0; live && i < live->net_count; i++) {
		network = network_find(live->net[i].network, NULL);
		if (network)
			show_active(network);
	}
}

void network_state_event(const struct event *event)
{
	const struct vm *vm;

	if (event->type == EVENT_VM_STATE && event->state == VM_STARTING) {
		vm = registry_find_uuid(event->uuid);
		if (vm)
			start_networks(vm->live);
	}
}

void network_state_stop(void)
{
	g_clear_pointer(&ended, g_hash_table_unref);
}

/* ---- calls ---- */

void do_network_is_active(struct call *call)
{
	xdr_put_int(call->out, network_shows_active(call->network));
	call_return(call);
}

void do_network_create(struct call *call)
{
	show_active(call->network);
	call_return(call);
}

struct use {
	const char *network;
	const struct vm *vm;
};

static void find_user(struct vm *vm, void *ctx)
{
	struct use *use = ctx;
	unsigned int i;

	for (i = 0; vm->live && i < vm->live->net_count; i++)
		if (!g_strcmp0(vm->live->net[i].network, use->network))
			use->vm = vm;
}

void do_network_destroy(struct call *call)
{
	struct use use = { .network = call->network->name };

	registry_each(find_user, &use);
	if (!network_shows_active(call->network)) {
		call_fail(call, LV_ERR_INVALID_STATE, "Requested operation is not valid: network "
			  "'%s' is not active", call->network->name);
	} else if (use.vm) {
		call_fail(call, LV_ERR_INVALID_STATE, "Requested operation is not valid: network "
			  "'%s' is in use by domain '%s'", call->network->name, vm_name(use.vm));
	} else {
		show_ended(call->network);
		call_return(call);
	}
}
