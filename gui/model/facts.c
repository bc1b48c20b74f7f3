// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What there is to say of a VM. See facts.h.
 */
#include <string.h>

#include "model/connection.h"
#include "model/facts.h"
#include "text.h"

static void fact_free(gpointer data)
{
	struct fact *fact = data;

	g_free(fact->value);
	g_free(fact);
}

/* Takes value; NULL or "": there is nothing to say. */
static void add(GPtrArray *facts, const char *label, char *value, gboolean is_code)
{
	struct fact *fact;

	if (!value || !*value) {
		g_free(value);
		return;
	}
	fact = g_new0(struct fact, 1);
	fact->label = label;
	fact->value = value;
	fact->is_code = is_code;
	g_ptr_array_add(facts, fact);
}

/* "[ADDRESS:]HOSTPORT:GUESTPORT[/udp]" in three parts; NULL: something else. */
static char **split_forward(const char *forward)
{
	g_autofree char *whole = NULL;
	char **part = g_strsplit(forward, ":", -1);

	if (g_strv_length(part) == 2) {
		g_strfreev(part);
		whole = g_strconcat("127.0.0.1:", forward, NULL);
		part = g_strsplit(whole, ":", -1);
	}
	if (g_strv_length(part) == 3)
		return part;
	g_strfreev(part);
	return NULL;
}

char *facts_ssh_command(const BatonVm *vm)
{
	const char *user = vm->user && *vm->user ? vm->user : NULL;

	if (vm->state != VM_RUNNING)
		return NULL;
	for (char **forward = vm->forwards; *forward; forward++) {
		g_auto(GStrv) part = split_forward(*forward);

		if (part && (!strcmp(part[2], "22") || !strcmp(part[2], "22/tcp")))
			return g_strdup_printf("ssh -p %s %s%s%s", part[1], user ? user : "",
					       user ? "@" : "", part[0]);
	}
	return NULL;
}

/* The point in time: how long ago it is would be wrong a minute later. */
char *facts_since(GDateTime *since, GDateTime *now)
{
	g_autoptr(GDateTime) local = g_date_time_to_timezone(since, g_date_time_get_timezone(now));
	gboolean today = g_date_time_get_year(local) == g_date_time_get_year(now) &&
			 g_date_time_get_day_of_year(local) == g_date_time_get_day_of_year(now);

	return g_date_time_format(local, today ? "%H:%M" : "%Y-%m-%d %H:%M");
}

static char *state_text(const BatonVm *vm)
{
	g_autofree char *status = baton_vm_status(vm);
	g_autoptr(GDateTime) since = vm->since ? g_date_time_new_from_iso8601(vm->since, NULL) :
						 NULL;
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *when = NULL;
	const char *reason = baton_vm_reason(vm);

	if (since && !vm->pending && !vm->job)
		when = facts_since(since, now);
	if (when && *reason)
		return g_strdup_printf(_("%s since %s (%s)"), status, when, reason);
	if (when)
		return g_strdup_printf(_("%s since %s"), status, when);
	return *reason ? g_strdup_printf("%s (%s)", status, reason) : g_strdup(status);
}

static char *memory_text(const BatonVm *vm)
{
	g_autofree char *most = text_size(vm->memory);
	g_autofree char *least = text_size(vm->memory_min);

	if (!vm->memory)
		return NULL;
	if (vm->memory_min && vm->memory_min < vm->memory)
		return g_strdup_printf(_("%s to %s"), least, most);
	return g_steal_pointer(&most);
}

static char *forwards_text(const BatonVm *vm)
{
	GString *text = g_string_new(NULL);

	for (char **forward = vm->forwards; *forward; forward++) {
		g_auto(GStrv) part = split_forward(*forward);

		if (text->len)
			g_string_append_c(text, '\n');
		if (part)
			g_string_append_printf(text, "%s:%s → %s", part[0], part[1], part[2]);
		else
			g_string_append(text, *forward);
	}
	return g_string_free(text, FALSE);
}

static char *engine_text(const BatonVm *vm)
{
	if (!g_strcmp0(vm->engine, "baton"))
		return g_strdup(_("Baton's own module"));
	if (!g_strcmp0(vm->engine, "kvm"))
		return g_strdup(_("KVM"));
	return g_strdup(vm->engine);
}

GPtrArray *facts_of(const BatonVm *vm)
{
	GPtrArray *facts = g_ptr_array_new_with_free_func(fact_free);

	add(facts, _("State"), state_text(vm), FALSE);
	if (vm->cpus)
		add(facts, _("Processors"), g_strdup_printf("%u", vm->cpus), FALSE);
	add(facts, _("Memory"), memory_text(vm), FALSE);
	add(facts, _("Address"), baton_vm_is_on(vm) ? g_strdup(vm->address) : NULL, TRUE);
	add(facts, _("Log in"), facts_ssh_command(vm), TRUE);
	add(facts, _("Network"), g_strdup(vm->networks), FALSE);
	add(facts, _("Forwarded ports"), forwards_text(vm), FALSE);
	add(facts, _("Image"), g_strdup(vm->image), FALSE);
	add(facts, _("User"), g_strdup(vm->user), FALSE);
	add(facts, _("Engine"), engine_text(vm), FALSE);
	add(facts, _("Starts by itself"), vm->autostart ? g_strdup(_("yes")) : NULL, FALSE);
	add(facts, _("Folder"), g_strdup(vm->folder), TRUE);
	if (vm->connection && !vm->native)
		add(facts, _("Connection"), baton_connection_title(vm->connection), FALSE);
	add(facts, _("UUID"), g_strdup(vm->uuid), TRUE);
	return facts;
}
