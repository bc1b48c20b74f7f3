// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on the daemon itself and on jobs; what all operations share.
 */
#include <stdlib.h>
#include <unistd.h>

#include "admission.h"
#include "api/api_private.h"
#include "baton_version.h"
#include "daemon.h"
#include "paths.h"

/* ---- what all share ---- */

const char *api_text(const struct rpc_request *r, const char *name)
{
	const char *text = NULL;

	return json_get_string(r->object, name, &text) ? text : NULL;
}

bool api_flag(const struct rpc_request *r, const char *name)
{
	bool flag = false;

	return json_get_bool(r->object, name, &flag) && flag;
}

int64_t api_number(const struct rpc_request *r, const char *name, int64_t if_missing)
{
	int64_t number;

	return json_get_int(r->object, name, INT64_MIN, INT64_MAX, &number) ? number : if_missing;
}

struct vm *api_vm(struct rpc_request *r)
{
	struct vm *vm = registry_find(api_text(r, "name"), r->e);

	if (vm)
		vm_refresh(vm);
	return vm;
}

bool api_put_started(struct rpc_request *r, struct job *job)
{
	if (!job)
		return false;
	json_put_int(r->out, "job", (int64_t)job->id);
	job_unref(job);
	return true;
}

/* ---- the daemon ---- */

static void count_running(struct vm *vm, void *ctx)
{
	*(int64_t *)ctx += vm_is_on(vm);
}

bool api_do_status(struct rpc_request *r)
{
	struct admission_host host;
	int64_t running = 0;

	if (!admission_read_host(&host, r->e))
		return false;
	registry_each(count_running, &running);
	json_put_string(r->out, "version", BATON_VERSION);
	json_put_int(r->out, "pid", getpid());
	json_put_int(r->out, "uptime_ms", (g_get_monotonic_time() - daemon_started_us) / 1000);
	json_put_int(r->out, "vms", registry_count());
	json_put_int(r->out, "running", running);
	json_put_string(r->out, "data", paths.data);
	json_put_int(r->out, "memory_total", (int64_t)host.memory_total);
	json_put_int(r->out, "memory_available", (int64_t)host.memory_available);
	json_put_int(r->out, "disk_free", (int64_t)host.disk_free);
	json_put_int(r->out, "cpus", host.cpus);
	return true;
}

bool api_do_events(struct rpc_request *r)
{
	api_want_events(r->client);
	return true;
}

bool api_do_settings(struct rpc_request *r)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	json_put_open(r->out, "settings", '[');
	for (size_t i = 0; i < count; i++) {
		json_put_open(r->out, NULL, '{');
		json_put_string(r->out, "key", keys[i].key);
		json_put_string(r->out, "value", keys[i].value);
		json_put_string(r->out, "help", keys[i].help);
		json_put_bool(r->out, "live", keys[i].live);
		json_put_close(r->out, '}');
	}
	json_put_close(r->out, ']');
	return true;
}

/* ---- jobs ---- */

static void put_job(struct job *job, void *ctx)
{
	api_put_job(ctx, NULL, job);
}

bool api_do_job_list(struct rpc_request *r)
{
	json_put_open(r->out, "jobs", '[');
	job_each(put_job, r->out);
	json_put_close(r->out, ']');
	return true;
}

static struct job *asked_job(struct rpc_request *r)
{
	int64_t id = api_number(r, "job", 0);
	struct job *job = job_find((uint64_t)id);

	if (!job)
		btn_set(r->e, BTN_NO_SUCH_JOB, "there is no job %lld", (long long)id);
	return job;
}

bool api_do_job_show(struct rpc_request *r)
{
	struct job *job = asked_job(r);

	if (job)
		api_put_job(r->out, "job", job);
	return job;
}

static void on_job_done(struct job *job, void *ctx)
{
	int client = GPOINTER_TO_INT(ctx);
	char text[16384];
	struct json_out out;

	if (job->error.code != BTN_OK) {
		api_send_error(client, &job->error);
		api_resume(client);
	} else {
		json_put_start(&out, text, sizeof(text));
		json_put_open(&out, NULL, '{');
		json_put_bool(&out, "ok", true);
		api_put_job(&out, "job", job);
		json_put_close(&out, '}');
		api_send_later(client, &out);
	}
}

bool api_do_job_wait(struct rpc_request *r)
{
	struct job *job = asked_job(r);

	if (!job)
		return false;
	r->later = true;
	api_hold(r->client);
	job_when_done(job, on_job_done, GINT_TO_POINTER(r->client));
	return true;
}

bool api_do_job_cancel(struct rpc_request *r)
{
	struct job *job = asked_job(r);

	if (job)
		job_cancel(job);
	return job;
}

/* ---- what it prints of itself ---- */

void api_print_reference(void)
{
	puts("# Operations of the daemon's API\n\n"
	     "Made by `batond --api-reference`; what all have in common is in README.md.");
	rpc_print_reference(&api_service, stdout);
}

bool api_print_schema(void)
{
	size_t size = 1 << 18;
	char *text = g_malloc(size);
	int64_t length = rpc_write_schema(&api_service, text, size);

	if (length > 0)
		fwrite(text, 1, (size_t)length, stdout);
	g_free(text);
	return length > 0;
}
