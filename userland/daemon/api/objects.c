// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VMs, jobs, errors and events as JSON. README.md says what is in them.
 */
#include "api/api_private.h"

void api_put_time(struct json_out *out, const char *name, int64_t us)
{
	GDateTime *time = us ? g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC) : NULL;
	char *text = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S") : NULL;
	char full[64];

	if (text) {
		g_snprintf(full, sizeof(full), "%s.%06dZ", text, (int)(us % G_USEC_PER_SEC));
		g_date_time_unref(time);
	}
	json_put_string(out, name, text ? full : NULL);
	g_free(text);
}

void api_put_error(struct json_out *out, const char *name, const struct btn_error *e)
{
	char code[16];

	if (e->code == BTN_OK) {
		json_put_string(out, name, NULL);
		return;
	}
	g_snprintf(code, sizeof(code), "BTN-%04d", (int)e->code);
	json_put_open(out, name, '{');
	json_put_string(out, "code", code);
	json_put_string(out, "message", e->message);
	json_put_string(out, "cause", e->cause);
	json_put_string(out, "fix", e->fix);
	json_put_close(out, '}');
}

static void put_number_or_null(struct json_out *out, const char *name, int64_t number)
{
	if (number > 0)
		json_put_int(out, name, number);
	else
		json_put_string(out, name, NULL);
}

/* What it has now: a definition that was changed since acts at the next start. */
static const struct config *current(const struct vm *vm)
{
	return vm->live ? vm->live : vm->config;
}

static void put_networks(struct json_out *out, const struct vm *vm)
{
	const struct config *config = current(vm);

	json_put_open(out, "networks", '[');
	for (unsigned int i = 0; i < config->net_count; i++) {
		json_put_open(out, NULL, '{');
		json_put_string(out, "network", config->net[i].network);
		json_put_string(out, "mac", config->net[i].mac);
		json_put_string(out, "address", vm->address[i][0] ? vm->address[i] : NULL);
		json_put_close(out, '}');
	}
	json_put_close(out, ']');
}

static void put_forwards(struct json_out *out, const struct vm *vm)
{
	const struct config *config = current(vm);

	json_put_open(out, "forwards", '[');
	for (unsigned int i = 0; i < config->net_count; i++)
		for (unsigned int k = 0; k < config->net[i].forward_count; k++) {
			char *text = config_forward_text(&config->net[i].forward[k]);

			json_put_string(out, NULL, text);
			g_free(text);
		}
	json_put_close(out, ']');
}

static void put_state(struct json_out *out, const struct vm *vm)
{
	put_number_or_null(out, "id", vm->id);
	json_put_string(out, "state", vm_state_word(vm->state));
	json_put_string(out, "reason", vm_reason_word(vm->reason));
	api_put_time(out, "since", vm->since_us);
	put_number_or_null(out, "pid", vm->pid);
	json_put_string(out, "engine", vm->engine[0] ? vm->engine : NULL);
}

void api_put_vm(struct json_out *out, const char *name, const struct vm *vm)
{
	const struct config *config = current(vm);

	json_put_open(out, name, '{');
	json_put_string(out, "name", vm_name(vm));
	json_put_string(out, "uuid", vm_uuid(vm));
	put_state(out, vm);
	json_put_string(out, "board", config_board_word(config->board));
	json_put_int(out, "cpus", config->cpus);
	json_put_int(out, "memory", (int64_t)config->memory);
	json_put_int(out, "memory_min", (int64_t)config->memory_min);
	json_put_string(out, "title", vm->config->title);
	json_put_string(out, "description", vm->config->description);
	json_put_bool(out, "autostart", vm->config->autostart);
	json_put_string(out, "image", vm->config->image);
	json_put_string(out, "user", vm->config->user);
	put_networks(out, vm);
	put_forwards(out, vm);
	json_put_string(out, "folder", vm->folder);
	put_number_or_null(out, "job", vm->job ? (int64_t)vm->job->id : 0);
	api_put_error(out, "problem", &vm->problem);
	json_put_close(out, '}');
}

void api_put_job(struct json_out *out, const char *name, const struct job *job)
{
	json_put_open(out, name, '{');
	json_put_int(out, "id", (int64_t)job->id);
	json_put_string(out, "kind", job->kind);
	json_put_string(out, "subject", job->subject);
	json_put_string(out, "uuid", job->uuid[0] ? job->uuid : NULL);
	json_put_string(out, "state", job_state_word(job->state));
	json_put_int(out, "percent", job->percent);
	json_put_string(out, "step", job->step);
	json_put_string(out, "note", job->note);
	api_put_time(out, "started", job->started_us);
	api_put_time(out, "ended", job->ended_us);
	api_put_error(out, "error", &job->error);
	json_put_close(out, '}');
}

static void put_vm_event(struct json_out *out, const struct event *event)
{
	struct vm *vm = registry_find_uuid(event->uuid);

	json_put_string(out, "name", event->name);
	json_put_string(out, "uuid", event->uuid);
	if (event->type == EVENT_VM_RENAMED)
		json_put_string(out, "old_name", event->old_name);
	if (event->type == EVENT_VM_STATE) {
		json_put_string(out, "state", vm_state_word(event->state));
		json_put_string(out, "old_state", vm_state_word(event->old_state));
		json_put_string(out, "reason", vm_reason_word(event->reason));
	}
	if (vm && event->type != EVENT_VM_REMOVED)
		api_put_vm(out, "vm", vm);
}

void api_put_event(struct json_out *out, const struct event *event)
{
	json_put_open(out, NULL, '{');
	json_put_string(out, "event", event_word(event->type));
	api_put_time(out, "time", event->time_us);
	if (event->job)
		api_put_job(out, "job", event->job);
	else if (event->uuid[0])
		put_vm_event(out, event);
	else
		json_put_string(out, "name", event->name);
	json_put_close(out, '}');
}
