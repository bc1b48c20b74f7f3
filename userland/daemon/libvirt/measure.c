// SPDX-License-Identifier: GPL-2.0-or-later
#include "libvirt/measure.h"

#include "monitor.h"

struct gather {
	struct call *call;	/* NULL: it has been answered without the rest */
	measure_fn then;
	struct measure *m;
	unsigned int count, open;	/* open: requests without their answer, and ourselves */
	unsigned int timer;
};

struct request {
	struct gather *gather;
	unsigned int index;
};

uint64_t measure_cpu_ns(const struct measure *m)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < m->cpu_count; i++)
		sum += m->cpu[i].time_ns;
	return sum;
}

static void finish(struct gather *gather)
{
	struct call *call = gather->call;

	gather->call = NULL;
	if (gather->timer)
		g_source_remove(gather->timer);
	gather->timer = 0;
	if (call)
		gather->then(call, gather->m, gather->count);
}

static void release(struct gather *gather)
{
	unsigned int i;

	if (--gather->open)
		return;
	finish(gather);
	for (i = 0; i < gather->count; i++)
		vm_unref(gather->m[i].vm);
	g_free(gather->m);
	g_free(gather);
}

static gboolean on_timeout(gpointer data)
{
	struct gather *gather = data;

	gather->timer = 0;
	finish(gather);
	return G_SOURCE_REMOVE;
}

/* ---- answers ---- */

static uint64_t number(const struct json_node *object, const char *name)
{
	int64_t value;

	return json_get_int(object, name, 0, INT64_MAX, &value) ? (uint64_t)value : 0;
}

static int64_t number_or(const struct json_node *object, const char *name)
{
	int64_t value;

	return object && json_get_int(object, name, 0, INT64_MAX, &value) ? value : -1;
}

static void take_disks(struct measure *m, const struct json_node *list)
{
	const struct json_node *at = NULL;

	while (list && (at = json_next(list, at)) && m->disk_count < CONFIG_DISKS_MAX)
		m->disk[m->disk_count++] = (struct measure_disk){
			.reads = number(at, "reads"), .read_bytes = number(at, "read_bytes"),
			.writes = number(at, "writes"),
			.written_bytes = number(at, "written_bytes"),
			.flushes = number(at, "flushes"), .errors = number(at, "errors") };
}

static void take_nets(struct measure *m, const struct json_node *list)
{
	const struct json_node *at = NULL;

	while (list && (at = json_next(list, at)) && m->net_count < CONFIG_NETS_MAX)
		m->net[m->net_count++] = (struct measure_net){
			.rx_frames = number(at, "rx_frames"), .rx_bytes = number(at, "rx_bytes"),
			.rx_dropped = number(at, "rx_dropped"),
			.tx_frames = number(at, "tx_frames"), .tx_bytes = number(at, "tx_bytes"),
			.tx_dropped = number(at, "tx_dropped") };
}

static void on_stats(const struct json_node *answer, int fd,
		     G_GNUC_UNUSED const struct btn_error *e, void *ctx)
{
	struct request *request = ctx;
	struct gather *gather = request->gather;
	struct measure *m = &gather->m[request->index];
	const struct json_node *cpus = answer ? json_member(answer, "cpus") : NULL, *at = NULL;

	monitor_no_fd(fd);
	m->stats = answer && gather->call;
	if (m->stats) {
		while (cpus && (at = json_next(cpus, at)) && m->cpu_count < MEASURE_CPUS_MAX)
			m->cpu[m->cpu_count++] = (struct measure_cpu){
				.time_ns = number(at, "time_ns"),
				.ready_ns = number_or(at, "ready_ns"),
				.halted = number_or(at, "halted") };
		take_disks(m, json_member(answer, "disks"));
		take_nets(m, json_member(answer, "networks"));
	}
	g_free(request);
	release(gather);
}

static void on_memory(const struct json_node *answer, int fd,
		      G_GNUC_UNUSED const struct btn_error *e, void *ctx)
{
	struct request *request = ctx;
	struct gather *gather = request->gather;
	struct measure *m = &gather->m[request->index];
	const struct json_node *guest = answer ? json_member(answer, "guest") : NULL;

	monitor_no_fd(fd);
	m->memory = answer && gather->call;
	if (m->memory)
		m->mem = (struct measure_memory){
			.max = number(answer, "max"), .actual = number(answer, "actual"),
			.held = number(answer, "held"), .own = number(answer, "own"),
			.age_ms = number_or(guest, "age_ms"),
			.swap_in = number_or(guest, "swapped_in"),
			.swap_out = number_or(guest, "swapped_out"),
			.major_faults = number_or(guest, "major_faults"),
			.minor_faults = number_or(guest, "minor_faults"),
			.free = number_or(guest, "free"), .total = number_or(guest, "total"),
			.available = number_or(guest, "available"),
			.disk_caches = number_or(guest, "caches") };
	g_free(request);
	release(gather);
}

/* ---- requests ---- */

static void ask(struct gather *gather, unsigned int index, const char *op, monitor_answer_fn fn)
{
	struct request *request = g_new(struct request, 1);

	*request = (struct request){ gather, index };
	gather->open++;
	monitor_ask(gather->m[index].vm->monitor, op, NULL, fn, request);
}

void measure_vms(struct call *call, GPtrArray *vms, unsigned int what, measure_fn then)
{
	struct gather *gather = g_new0(struct gather, 1);
	unsigned int i;

	*gather = (struct gather){ .call = call, .then = then, .count = vms->len, .open = 1 };
	gather->m = g_new0(struct measure, vms->len);
	for (i = 0; i < vms->len; i++)
		gather->m[i].vm = vm_ref(vms->pdata[i]);
	g_ptr_array_unref(vms);
	gather->timer = g_timeout_add(MEASURE_MS, on_timeout, gather);
	for (i = 0; i < gather->count; i++) {
		struct vm *vm = gather->m[i].vm;

		if (!vm->monitor || (vm->state != VM_RUNNING && vm->state != VM_PAUSED &&
				     vm->state != VM_STOPPING))
			continue;
		if (what & MEASURE_STATS)
			ask(gather, i, "stats", on_stats);
		if (what & MEASURE_MEMORY)
			ask(gather, i, "memory", on_memory);
	}
	release(gather);
}

void measure_vm(struct call *call, unsigned int what, measure_fn then)
{
	GPtrArray *vms = g_ptr_array_new();

	g_ptr_array_add(vms, call->vm);
	measure_vms(call, vms, what, then);
}
