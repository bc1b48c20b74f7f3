// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm-stats: what monitors count, of one VM or of all at once. They are asked when somebody
 * asks, and answered for when all have answered or STATS_MS are over: one that is stuck
 * holds nobody up.
 */
#include "api/api_private.h"
#include "monitor.h"

#define STATS_MS 2000u
#define PART_MAX (1u << 20)
#define ANSWER_MAX (8u << 20)

struct sample {
	struct vm *vm;
	char *stats, *memory;	/* JSON; NULL: not answered */
};

struct gather {
	int client;
	bool sent;
	unsigned int open;	/* requests without their answer, and ourselves */
	unsigned int timer;
	GArray *samples;
};

struct request {
	struct gather *gather;
	char **to;
};

static void free_sample(void *data)
{
	struct sample *sample = data;

	vm_unref(sample->vm);
	g_free(sample->stats);
	g_free(sample->memory);
}

static struct sample *sample_at(const struct gather *gather, unsigned int i)
{
	return &g_array_index(gather->samples, struct sample, i);
}

/* ---- the answer ---- */

static void put_sample(struct json_out *out, const struct sample *sample)
{
	json_put_open(out, NULL, '{');
	json_put_string(out, "name", vm_name(sample->vm));
	json_put_string(out, "uuid", vm_uuid(sample->vm));
	json_put_string(out, "state", vm_state_word(sample->vm->state));
	json_put_raw(out, "stats", sample->stats ? sample->stats : "null");
	json_put_raw(out, "memory", sample->memory ? sample->memory : "null");
	json_put_close(out, '}');
}

static void finish(struct gather *gather)
{
	struct json_out out;
	char *text;

	if (gather->timer)
		g_source_remove(gather->timer);
	gather->timer = 0;
	if (gather->sent)
		return;
	gather->sent = true;
	text = g_malloc(ANSWER_MAX);
	json_put_start(&out, text, ANSWER_MAX);
	json_put_open(&out, NULL, '{');
	json_put_bool(&out, "ok", true);
	json_put_open(&out, "vms", '[');
	for (unsigned int i = 0; i < gather->samples->len; i++)
		put_sample(&out, sample_at(gather, i));
	json_put_close(&out, ']');
	json_put_close(&out, '}');
	api_send_later(gather->client, &out);
	g_free(text);
}

static void release(struct gather *gather)
{
	if (--gather->open)
		return;
	finish(gather);
	g_array_unref(gather->samples);
	g_free(gather);
}

static gboolean on_timeout(gpointer data)
{
	struct gather *gather = data;

	gather->timer = 0;
	finish(gather);
	return G_SOURCE_REMOVE;
}

/* ---- the requests ---- */

/* The answer as it is, without the "ok" in front. */
static char *take_members(const struct json_node *answer)
{
	char *buffer = g_malloc(PART_MAX), *part = NULL;
	const struct json_node *member = NULL;
	struct json_out out;

	json_put_start(&out, buffer, PART_MAX);
	json_put_open(&out, NULL, '{');
	while ((member = json_next(answer, member)))
		if (g_strcmp0(member->name, "ok"))
			json_put_node(&out, member->name, member);
	json_put_close(&out, '}');
	if (!out.full)
		part = g_strndup(buffer, out.length);
	g_free(buffer);
	return part;
}

static void on_answer(const struct json_node *answer, int fd,
		      G_GNUC_UNUSED const struct btn_error *e, void *ctx)
{
	struct request *request = ctx;

	monitor_no_fd(fd);
	if (answer)
		*request->to = take_members(answer);
	release(request->gather);
	g_free(request);
}

static void ask(struct gather *gather, const struct sample *sample, const char *op, char **to)
{
	struct request *request = g_new(struct request, 1);

	*request = (struct request){ gather, to };
	gather->open++;
	monitor_ask(sample->vm->monitor, op, NULL, on_answer, request);
}

static bool can_tell(const struct vm *vm)
{
	return vm->monitor && vm->state != VM_STARTING && vm_is_on(vm);
}

static void add(struct vm *vm, void *ctx)
{
	struct sample sample = { .vm = vm };

	if (!can_tell(vm))
		return;
	vm_ref(vm);
	g_array_append_val(ctx, sample);
}

static bool choose(struct rpc_request *r, GArray *samples)
{
	struct vm *vm;

	if (!api_text(r, "name")) {
		registry_each(add, samples);
		return true;
	}
	vm = api_vm(r);
	if (!vm)
		return false;
	add(vm, samples);
	if (samples->len)
		return true;
	btn_set(r->e, BTN_VM_OFF, "the VM \"%s\" is not running", vm_name(vm));
	btn_set_fix(r->e, "Start it: vmctl start %s", vm_name(vm));
	return false;
}

bool api_do_vm_stats(struct rpc_request *r)
{
	GArray *samples = g_array_new(FALSE, FALSE, sizeof(struct sample));
	struct gather *gather;

	g_array_set_clear_func(samples, free_sample);
	if (!choose(r, samples)) {
		g_array_unref(samples);
		return false;
	}
	gather = g_new(struct gather, 1);
	*gather = (struct gather){ .client = r->client, .open = 1, .samples = samples };
	r->later = true;
	api_hold(r->client);
	gather->timer = g_timeout_add(STATS_MS, on_timeout, gather);
	for (unsigned int i = 0; i < samples->len; i++) {
		struct sample *sample = sample_at(gather, i);

		ask(gather, sample, "stats", &sample->stats);
		ask(gather, sample, "memory", &sample->memory);
	}
	release(gather);
	return true;
}
