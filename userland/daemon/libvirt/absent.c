// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lookups of what Baton has none of: the lists are empty, and each of these says that there
 * is no such thing, with the code that clients know for it.
 */
#include "libvirt/handlers.h"

/* Lookups by UUID have no text to show. */
static const struct absent {
	uint32_t number;
	enum lv_code code;
	const char *what, *one;
} absent[] = {
	{ 113, LV_ERR_NO_NODEDEV, "Node device", "node device" },
	{ 128, LV_ERR_NO_INTERFACE, "Interface", "interface" },
	{ 129, LV_ERR_NO_INTERFACE, "Interface", "interface" },
	{ 141, LV_ERR_NO_SECRET, "Secret", "secret" },
	{ 147, LV_ERR_NO_SECRET, "Secret", "secret" },
	{ 175, LV_ERR_NO_NWFILTER, "Network filter", "network filter" },
	{ 176, LV_ERR_NO_NWFILTER, "Network filter", "network filter" },
	{ 397, LV_ERR_NO_BINDING, "Network filter binding", "network filter binding" },
	{ 405, LV_ERR_NO_PORT, "Network port", "network port" },
	{ 415, LV_ERR_NO_CHECKPOINT, "Domain checkpoint", "domain checkpoint" },
};

/* What the caller looks for: the argument that tells it. g_free(). */
static char *wanted(const struct call *call)
{
	const struct xdr_value *arg = call->arg;
	char uuid[37];

	while (arg->kind != 's' && arg->kind != 'x' && arg < call->arg + call->args.count - 1)
		arg++;
	if (arg->kind == 's')
		return g_strdup(arg->s);
	xdr_uuid_text(arg->bytes, uuid);
	return g_strdup(uuid);
}

void do_absent(struct call *call)
{
	const struct absent *a = absent;
	char *name = wanted(call);

	while (a->number != call->proc->number)
		a++;
	call_fail(call, a->code, "%s not found: no %s matches '%s': Baton has none", a->what,
		  a->one, name);
	g_free(name);
}
