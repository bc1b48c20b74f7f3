// SPDX-License-Identifier: GPL-2.0-or-later
/* Which VMs there are: lists and lookups. */
#include <string.h>

#include "libvirt/definition.h"
#include "libvirt/handlers.h"

/* Bits of a list's filter come in groups: one of each group that is asked for has to fit. */
enum {
	LIST_ACTIVE = 1, LIST_INACTIVE = 2, LIST_PERSISTENT = 4, LIST_TRANSIENT = 8,
	LIST_RUNNING = 0x10, LIST_PAUSED = 0x20, LIST_SHUTOFF = 0x40, LIST_OTHER = 0x80,
	LIST_SAVED = 0x100, LIST_NOT_SAVED = 0x200, LIST_AUTOSTART = 0x400,
	LIST_NO_AUTOSTART = 0x800, LIST_SNAPSHOT = 0x1000, LIST_NO_SNAPSHOT = 0x2000,
	LIST_CHECKPOINT = 0x4000, LIST_NO_CHECKPOINT = 0x8000,
};

static uint32_t bits_of(const struct vm *vm)
{
	uint32_t bits = LIST_NOT_SAVED | LIST_NO_SNAPSHOT | LIST_NO_CHECKPOINT;
	int32_t state, reason;

	state_of(vm, &state, &reason);
	bits |= vm_is_on(vm) ? LIST_ACTIVE : LIST_INACTIVE;
	bits |= definition_is_transient(vm_uuid(vm)) ? LIST_TRANSIENT : LIST_PERSISTENT;
	bits |= vm->config->autostart ? LIST_AUTOSTART : LIST_NO_AUTOSTART;
	bits |= state == 1 ? LIST_RUNNING : state == 3 ? LIST_PAUSED :
		state == 5 ? LIST_SHUTOFF : LIST_OTHER;
	return bits;
}

static bool fits(uint32_t bits, uint32_t asked)
{
	static const uint32_t groups[] = { 0x3, 0xc, 0xf0, 0x300, 0xc00, 0x3000, 0xc000 };
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(groups); i++)
		if (asked & groups[i] && !(asked & groups[i] & bits))
			return false;
	return true;
}

/* A list that is being put: its VMs and their number. */
struct listing {
	GByteArray *out;
	uint32_t asked, count, most;
	enum { PUT_NOTHING, PUT_DOM, PUT_ID, PUT_NAME } what;
};

static void list_one(struct vm *vm, void *ctx)
{
	struct listing *l = ctx;

	if (!fits(bits_of(vm), l->asked) || l->count >= l->most)
		return;
	l->count++;
	if (l->what == PUT_DOM)
		put_dom(l->out, vm);
	else if (l->what == PUT_ID)
		xdr_put_int(l->out, vm->id);
	else if (l->what == PUT_NAME)
		xdr_put_string(l->out, vm_name(vm));
}

void do_list_all_domains(struct call *call)
{
	struct listing l = { .out = call->out, .asked = call->flags, .most = LV_LIST_MAX,
			     .what = call->arg[0].i ? PUT_DOM : PUT_NOTHING };
	guint at = xdr_put_later(call->out);

	registry_each(list_one, &l);
	if (call->arg[0].i)
		xdr_set_later(call->out, at, l.count);
	xdr_put_uint(call->out, l.count);
	call_return(call);
}

static void number(struct call *call, uint32_t asked)
{
	struct listing l = { .asked = asked, .most = LV_LIST_MAX };

	registry_each(list_one, &l);
	xdr_put_int(call->out, (int32_t)l.count);
	call_return(call);
}

static void list(struct call *call, uint32_t asked, int what)
{
	int32_t most = CLAMP(call->arg[0].i, 0, (int32_t)LV_LIST_MAX);
	struct listing l = { .out = call->out, .asked = asked, .most = (uint32_t)most };
	guint at = xdr_put_later(call->out);

	l.what = what;
	registry_each(list_one, &l);
	xdr_set_later(call->out, at, l.count);
	call_return(call);
}

void do_num_of_domains(struct call *call)
{
	number(call, LIST_ACTIVE);
}

void do_num_of_defined(struct call *call)
{
	number(call, LIST_INACTIVE);
}

void do_list_domains(struct call *call)
{
	list(call, LIST_ACTIVE, PUT_ID);
}

void do_list_defined(struct call *call)
{
	list(call, LIST_INACTIVE, PUT_NAME);
}

/* ---- lookups ---- */

static void found(struct call *call, const struct vm *vm, const char *kind, const char *what)
{
	if (!vm) {
		call_fail(call, LV_ERR_NO_DOMAIN, "Domain not found: no domain with matching %s "
			  "'%s'", kind, what);
		return;
	}
	put_dom(call->out, vm);
	call_return(call);
}

void do_lookup_by_name(struct call *call)
{
	const char *name = call->arg[0].s;
	struct vm *vm = registry_find(name, NULL);

	/* The registry also finds by UUID, and whatever the case. */
	found(call, vm && !strcmp(vm_name(vm), name) ? vm : NULL, "name", name);
}

void do_lookup_by_uuid(struct call *call)
{
	char uuid[37];

	xdr_uuid_text(call->arg[0].bytes, uuid);
	found(call, registry_find_uuid(uuid), "uuid", uuid);
}

void do_lookup_by_id(struct call *call)
{
	char id[16];

	g_snprintf(id, sizeof(id), "%d", call->arg[0].i);
	found(call, call->arg[0].i > 0 ? registry_find_id(call->arg[0].i) : NULL, "id", id);
}
