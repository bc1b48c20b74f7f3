// SPDX-License-Identifier: GPL-2.0-or-later
#include "libvirt/registration.h"

#include <string.h>

#include "events.h"
#include "libvirt/definition.h"
#include "libvirt/pool.h"
#include "libvirt/xdr.h"
#include "network.h"

enum domain_event { DE_LIFECYCLE = 0, DE_REBOOT = 1, DE_METADATA = 23, DE_COUNT = 27 };

/* How many events there are of each kind, and the message of the first. */
static const int event_count[] = {
	[ON_DOMAIN] = DE_COUNT, [ON_NETWORK] = 1, [ON_POOL] = 2, [ON_NODEDEV] = 2,
	[ON_SECRET] = 2,
};

enum { MSG_LIFECYCLE = 318, MSG_REBOOT = 319, MSG_METADATA = 379, MSG_NETWORK = 315,
       MSG_POOL = 370, MSG_POOL_REFRESH = 373 };
enum { PE_LIFECYCLE = 0, PE_REFRESH = 1 };

struct registration {
	int callback;
	enum registration_kind kind;
	int event;
	bool all;
	uint8_t uuid[16];
};

int registration_add(struct connection *conn, enum registration_kind kind, int event,
		     const uint8_t *uuid)
{
	struct registration *r;

	if (event < 0 || event >= event_count[kind] ||
	    g_slist_length(conn->registrations) >= CONNECTION_REGISTRATIONS_MAX)
		return -1;
	r = g_new0(struct registration, 1);
	r->callback = conn->next_callback++;
	r->kind = kind;
	r->event = event;
	r->all = !uuid;
	if (uuid)
		memcpy(r->uuid, uuid, sizeof(r->uuid));
	conn->registrations = g_slist_append(conn->registrations, r);
	return r->callback;
}

bool registration_remove(struct connection *conn, enum registration_kind kind, int callback)
{
	GSList *at;

	for (at = conn->registrations; at; at = at->next) {
		struct registration *r = at->data;

		if (r->callback != callback || r->kind != kind)
			continue;
		conn->registrations = g_slist_delete_link(conn->registrations, at);
		g_free(r);
		return true;
	}
	return false;
}

void registrations_release(struct connection *conn)
{
	g_slist_free_full(conn->registrations, g_free);
	conn->registrations = NULL;
}

/* ---- telling ---- */

/* A message behind its callback id, for all who asked for it. */
struct told {
	enum registration_kind kind;
	int event;
	uint32_t procedure;
	uint8_t uuid[16];
	GByteArray *body;
};

static void tell_one(struct connection *conn, void *ctx)
{
	const struct told *told = ctx;
	GSList *at;

	for (at = conn->registrations; at; at = at->next) {
		const struct registration *r = at->data;
		GByteArray *message;

		if (r->kind != told->kind || r->event != told->event ||
		    (!r->all && memcmp(r->uuid, told->uuid, sizeof(r->uuid))))
			continue;
		message = message_new(LV_REMOTE, told->procedure, LV_MESSAGE, 0, LV_OK);
		xdr_put_int(message, r->callback);
		g_byte_array_append(message, told->body->data, told->body->len);
		connection_send(conn, message, -1);
	}
}

static void told_start(struct told *told, enum registration_kind kind, int event,
		       uint32_t procedure, const char *name, const char *uuid)
{
	*told = (struct told){ .kind = kind, .event = event, .procedure = procedure,
			       .body = g_byte_array_new() };
	xdr_uuid_parse(uuid, told->uuid);
	xdr_put_string(told->body, name);
	xdr_put_uuid(told->body, told->uuid);
}

static void tell(struct told *told)
{
	connections_each(tell_one, told);
	g_byte_array_unref(told->body);
}

static void lifecycle(const char *name, const char *uuid, int id, enum lifecycle_event event,
		      int detail)
{
	struct told told;

	told_start(&told, ON_DOMAIN, DE_LIFECYCLE, MSG_LIFECYCLE, name, uuid);
	xdr_put_int(told.body, event == LC_STOPPED || id < 1 ? -1 : id);
	xdr_put_int(told.body, event);
	xdr_put_int(told.body, detail);
	tell(&told);
}

void tell_lifecycle(const struct vm *vm, enum lifecycle_event event, int detail)
{
	lifecycle(vm_name(vm), vm_uuid(vm), vm->id, event, detail);
}

void tell_metadata(const struct vm *vm, int type, const char *uri)
{
	struct told told;

	told_start(&told, ON_DOMAIN, DE_METADATA, MSG_METADATA, vm_name(vm), vm_uuid(vm));
	xdr_put_int(told.body, vm_is_on(vm) ? vm->id : -1);
	xdr_put_int(told.body, type);
	xdr_put_optional(told.body, uri);
	tell(&told);
}

static void tell_reboot(const struct event *event)
{
	struct told told;

	told_start(&told, ON_DOMAIN, DE_REBOOT, MSG_REBOOT, event->name, event->uuid);
	xdr_put_int(told.body, event->id);
	tell(&told);
}

void tell_network_state(const struct network *network, bool active)
{
	struct told told;

	told_start(&told, ON_NETWORK, 0, MSG_NETWORK, network->name, network->uuid);
	xdr_put_int(told.body, active ? 2 : 3);
	xdr_put_int(told.body, 0);
	tell(&told);
}

static void tell_network(const struct event *event, int what)
{
	const struct network *network = network_find(event->name, NULL);
	struct told told;

	/* One that has gone is told of by its name alone. */
	told_start(&told, ON_NETWORK, 0, MSG_NETWORK, event->name,
		   network ? network->uuid : event->uuid);
	xdr_put_int(told.body, what);
	xdr_put_int(told.body, 0);
	tell(&told);
}

void tell_pool(const struct pool *pool, enum pool_event event)
{
	struct told told;
	char uuid[37];

	xdr_uuid_text(pool->uuid, uuid);
	told_start(&told, ON_POOL, PE_LIFECYCLE, MSG_POOL, pool->name, uuid);
	xdr_put_int(told.body, event);
	xdr_put_int(told.body, 0);
	tell(&told);
}

void tell_pool_refreshed(const char *name)
{
	const struct pool *pool = pool_find(name);
	struct told told;
	char uuid[37];

	if (!pool)
		return;
	xdr_uuid_text(pool->uuid, uuid);
	told_start(&told, ON_POOL, PE_REFRESH, MSG_POOL_REFRESH, pool->name, uuid);
	tell(&told);
}

/* ---- the daemon's events ---- */

static void stopped(const struct event *event)
{
	static const struct { enum vm_reason reason; int detail; } details[] = {
		{ VM_REASON_POWER_OFF, 0 }, { VM_REASON_KILLED, 1 }, { VM_REASON_CRASHED, 2 },
	};
	int detail = 5;		/* failed */
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(details); i++)
		if (details[i].reason == event->reason)
			detail = details[i].detail;
	/* It has shut down: by itself, or because it was asked to. */
	if (event->reason == VM_REASON_POWER_OFF)
		lifecycle(event->name, event->uuid, event->id, LC_SHUTDOWN,
			  event->asked ? 2 : 1);
	lifecycle(event->name, event->uuid, -1, LC_STOPPED, detail);
}

static void state_changed(const struct event *event)
{
	bool was_off = event->old_state == VM_STOPPED || event->old_state == VM_STARTING;

	switch (event->state) {
	case VM_RUNNING:
		if (was_off)
			lifecycle(event->name, event->uuid, event->id, LC_STARTED, 0);
		else if (event->old_state == VM_PAUSED)
			lifecycle(event->name, event->uuid, event->id, LC_RESUMED, 0);
		break;
	case VM_PAUSED:
		if (was_off)
			lifecycle(event->name, event->uuid, event->id, LC_STARTED, 0);
		lifecycle(event->name, event->uuid, event->id, LC_SUSPENDED, 0);
		break;
	case VM_STOPPED:
		stopped(event);
		break;
	default:
		break;
	}
}

static void on_event(const struct event *event, G_GNUC_UNUSED void *ctx)
{
	bool defined = !definition_is_transient(event->uuid);

	switch (event->type) {
	case EVENT_VM_ADDED:
		if (defined)
			lifecycle(event->name, event->uuid, event->id, LC_DEFINED, 0);
		break;
	case EVENT_VM_REMOVED:
		if (defined)
			lifecycle(event->name, event->uuid, event->id, LC_UNDEFINED, 0);
		break;
	case EVENT_VM_CHANGED:
		lifecycle(event->name, event->uuid, event->id, LC_DEFINED, 1);
		break;
	case EVENT_VM_RENAMED:
		lifecycle(event->old_name, event->uuid, event->id, LC_UNDEFINED, 1);
		lifecycle(event->name, event->uuid, event->id, LC_DEFINED, 2);
		break;
	case EVENT_VM_STATE:
		state_changed(event);
		break;
	case EVENT_VM_RESET:
		tell_reboot(event);
		break;
	case EVENT_NETWORK_ADDED:
		tell_network(event, 0);
		break;
	case EVENT_NETWORK_REMOVED:
		tell_network(event, 1);
		break;
	default:
		break;
	}
	definition_event(event);
	network_state_event(event);
}

void registrations_start(void)
{
	events_subscribe(on_event, NULL);
}

void registrations_stop(void)
{
	events_unsubscribe(on_event, NULL);
	network_state_stop();
}
