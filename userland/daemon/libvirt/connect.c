// SPDX-License-Identifier: GPL-2.0-or-later
/* The connection itself: opening, features, callbacks. */
#include <string.h>
#include <unistd.h>

#include "baton_version.h"
#include "libvirt/handlers.h"
#include "libvirt/registration.h"
#include "libvirt/stream.h"

void do_auth_list(struct call *call)
{
	/* One element, 0: none. Who may connect has been decided by then. */
	xdr_put_uint(call->out, 1);
	xdr_put_int(call->out, 0);
	call_return(call);
}

void do_supports_feature(struct call *call)
{
	/* Descriptors, texts as parameters, keepalive, callbacks with numbers, close
	 * callback, the right order of arguments of NetworkUpdate. */
	static const int32_t features[] = { 8, 9, 10, 14, 15, 16 };
	int32_t supported = 0;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(features); i++)
		supported |= features[i] == call->arg[0].i;
	xdr_put_int(call->out, supported);
	call_return(call);
}

/* "baton:///session?foo=bar": the driver is ours, and no host is named. */
static bool is_ours(const char *uri)
{
	const char *rest = strchr(uri, ':');
	char *scheme = g_strndup(uri, strcspn(uri, "+:"));
	bool ok = !uri[0] || (rest && !strcmp(scheme, "baton"));

	g_free(scheme);
	return ok;
}

void do_open(struct call *call)
{
	const char *uri = call->arg[0].s ? call->arg[0].s : "";

	if (call->conn->opened) {
		call_fail(call, LV_ERR_RPC, "the connection is open already");
		return;
	}
	if (!is_ours(uri)) {
		call_fail(call, LV_ERR_NO_CONNECT, "no connection driver available for %s", uri);
		return;
	}
	call->conn->opened = true;
	call->conn->uri = g_strdup(uri[0] ? uri : "baton:///session");
	/* The other bits are the client's own notes. */
	if (call->arg[1].u & 1)
		call->conn->readonly = true;
	call_return(call);
}

void do_close(struct call *call)
{
	struct connection *conn = call->conn;

	registrations_release(conn);
	streams_release(conn);
	autodestroy(conn);
	conn->opened = false;
	conn->close_callback = false;
	g_clear_pointer(&conn->uri, g_free);
	call_return(call);
}

void do_close_callback_add(struct call *call)
{
	if (call->conn->close_callback) {
		call_fail(call, LV_ERR_FAILED, "a close callback is registered already");
		return;
	}
	call->conn->close_callback = true;
	call_return(call);
}

void do_close_callback_remove(struct call *call)
{
	if (!call->conn->close_callback) {
		call_fail(call, LV_ERR_FAILED, "no close callback is registered");
		return;
	}
	call->conn->close_callback = false;
	call_return(call);
}

/* ---- what we are ---- */

void do_get_type(struct call *call)
{
	xdr_put_string(call->out, "Baton");
	call_return(call);
}

void do_get_version(struct call *call)
{
	unsigned int part[3] = { 0, 0, 0 };
	char **parts = g_strsplit(BATON_VERSION, ".", 3);
	unsigned int i;

	for (i = 0; i < 3 && parts[i]; i++)
		part[i] = (unsigned int)g_ascii_strtoull(parts[i], NULL, 10);
	g_strfreev(parts);
	xdr_put_ulong(call->out, part[0] * 1000000ull + part[1] * 1000 + part[2]);
	call_return(call);
}

void do_get_lib_version(struct call *call)
{
	xdr_put_ulong(call->out, LIBVIRT_LEVEL);
	call_return(call);
}

void do_get_hostname(struct call *call)
{
	xdr_put_string(call->out, g_get_host_name());
	call_return(call);
}

void do_get_uri(struct call *call)
{
	xdr_put_string(call->out, call->conn->uri);
	call_return(call);
}

void do_is_secure(struct call *call)
{
	xdr_put_int(call->out, 1);
	call_return(call);
}

/* ---- callbacks ---- */

static void add(struct call *call, enum registration_kind kind, const uint8_t *uuid)
{
	int callback = registration_add(call->conn, kind, call->arg[0].i, uuid);

	if (callback < 0) {
		call_fail(call, LV_ERR_NO_SUPPORT, "this function is not supported by the "
			  "connection driver: event %d of vir%s", call->arg[0].i,
			  call->proc->name);
		return;
	}
	xdr_put_int(call->out, callback);
	call_return(call);
}

/* The UUID of an object that may be absent, at this place in it. */
static const uint8_t *uuid_of(const struct xdr_value *object, unsigned int at)
{
	return object->present ? object->item[at].bytes : NULL;
}

void do_domain_event_add(struct call *call)
{
	add(call, ON_DOMAIN, uuid_of(&call->arg[1], 1));
}

void do_network_event_add(struct call *call)
{
	add(call, ON_NETWORK, uuid_of(&call->arg[1], 1));
}

void do_pool_event_add(struct call *call)
{
	add(call, ON_POOL, uuid_of(&call->arg[1], 1));
}

void do_nodedev_event_add(struct call *call)
{
	add(call, ON_NODEDEV, NULL);
}

void do_secret_event_add(struct call *call)
{
	add(call, ON_SECRET, uuid_of(&call->arg[1], 0));
}

static void remove_callback(struct call *call, enum registration_kind kind)
{
	if (registration_remove(call->conn, kind, call->arg[0].i))
		call_return(call);
	else
		call_fail(call, LV_ERR_INVALID_ARG, "there is no callback %d", call->arg[0].i);
}

void do_domain_event_remove(struct call *call)
{
	remove_callback(call, ON_DOMAIN);
}

void do_network_event_remove(struct call *call)
{
	remove_callback(call, ON_NETWORK);
}

void do_pool_event_remove(struct call *call)
{
	remove_callback(call, ON_POOL);
}

void do_nodedev_event_remove(struct call *call)
{
	remove_callback(call, ON_NODEDEV);
}

void do_secret_event_remove(struct call *call)
{
	remove_callback(call, ON_SECRET);
}
