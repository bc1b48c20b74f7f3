// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl stats: what VMs do just now. Two answers of the daemon's vm-stats and the
 * difference between them, by the monitors' own clocks; nobody counts or asks meanwhile.
 * What an engine does not count stays empty.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batond.h"
#include "json.h"
#include "node.h"
#include "output.h"
#include "report.h"
#include "targets.h"
#include "verb.h"

#define EXIT_PREFIX "exit_"
#define REASONS_MAX 32
#define TOP_REASONS 3

/* Percents: of the time of all its CPUs. */
static const struct output_column stats_columns[] = {
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "state", NULL, "STATE", OUT_STATE },
	{ "cpu_percent", NULL, "CPU%", OUT_TEXT },
	{ "guest_percent", NULL, "GUEST%", OUT_TEXT },
	{ "ready_percent", NULL, "READY%", OUT_TEXT },
	{ "halted_percent", NULL, "HALTED%", OUT_TEXT },
	{ "exits_per_s", NULL, "EXITS/s", OUT_TEXT },
	{ "top_exits", NULL, "MOST OF THEM", OUT_TEXT },
	{ "memory_guest", NULL, "GUEST USES", OUT_BYTES },
	{ "memory_host", NULL, "HOST HOLDS", OUT_BYTES },
	{ "given_back", NULL, "GIVEN BACK", OUT_BYTES },
	{ "disk_read_per_s", NULL, "READ/s", OUT_BYTES },
	{ "disk_written_per_s", NULL, "WRITTEN/s", OUT_BYTES },
	{ "net_received_per_s", NULL, "RECEIVED/s", OUT_BYTES },
	{ "net_sent_per_s", NULL, "SENT/s", OUT_BYTES },
	{ "uuid", NULL, NULL, OUT_TEXT },
	{ "cpus", NULL, NULL, OUT_TEXT },
	{ "seconds", NULL, NULL, OUT_TEXT },
	{ "memory_max", NULL, NULL, OUT_BYTES },
	{ "interrupts_per_s", NULL, NULL, OUT_TEXT },
	{ "faults_per_s", NULL, NULL, OUT_TEXT },
	{ "to_monitor_per_s", NULL, NULL, OUT_TEXT },
	{ "disk_requests_per_s", NULL, NULL, OUT_TEXT },
	{ "net_frames_per_s", NULL, NULL, OUT_TEXT },
	{ "exits", NULL, NULL, OUT_TEXT },
	{ "pages_4k", "vm.pages_4k", NULL, OUT_TEXT },
	{ "pages_2m", "vm.pages_2m", NULL, OUT_TEXT },
	{ "vm", NULL, NULL, OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

/* One VM in both answers. */
struct pair {
	const struct json_node *old, *new;	/* the answers to "stats" */
	double seconds;
	int64_t cpus;
};

/* ---- differences ---- */

/* The sum of a member over a list; -1: it is not in all of them. */
static int64_t sum_of(const struct json_node *stats, const char *list, const char *name)
{
	const struct json_node *items = json_member(stats, list), *item = NULL;
	int64_t value, sum = 0;

	if (!items || items->type != JSON_ARRAY)
		return -1;
	while ((item = json_next(items, item))) {
		if (!json_get_int(item, name, 0, INT64_MAX, &value) || value > INT64_MAX - sum)
			return -1;
		sum += value;
	}
	return sum;
}

/* How much it grew; -1: not known, or begun anew. */
static double growth(const struct pair *p, const char *list, const char *name)
{
	int64_t old = sum_of(p->old, list, name), new = sum_of(p->new, list, name);

	return old < 0 || new < old ? -1 : (double)(new - old);
}

static void put_rate(struct json *j, const struct pair *p, const char *key, const char *list,
		     const char *name, const char *other)
{
	double more = growth(p, list, name), and = other ? growth(p, list, other) : 0;

	if (more >= 0 && and >= 0)
		json_number(j, key, (uint64_t)((more + and) / p->seconds + 0.5));
	else
		json_string(j, key, NULL);
}

static void put_percent(struct json *j, const struct pair *p, const char *key, const char *name)
{
	double ns = growth(p, "cpus", name);

	if (ns >= 0 && p->cpus)
		json_decimal(j, key, ns / 1e7 / p->seconds / (double)p->cpus);
	else
		json_string(j, key, NULL);
}

/* ---- exits by reason ---- */

struct reason {
	const char *name;
	double per_s;
};

static int by_rate(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return (x->per_s < y->per_s) - (x->per_s > y->per_s);
}

/* All that the engine counts, most first. */
static size_t find_reasons(const struct pair *p, struct reason reasons[REASONS_MAX])
{
	const struct json_node *cpu = node_at(p->new, "cpus.0"), *member = NULL;
	size_t count = 0;

	while (cpu && (member = json_next(cpu, member)) && count < REASONS_MAX) {
		double more;

		if (!member->name || strncmp(member->name, EXIT_PREFIX, strlen(EXIT_PREFIX)))
			continue;
		more = growth(p, "cpus", member->name);
		if (more >= 0)
			reasons[count++] = (struct reason){ member->name + strlen(EXIT_PREFIX),
							    more / p->seconds };
	}
	qsort(reasons, count, sizeof(*reasons), by_rate);
	return count;
}

static void put_reasons(struct json *j, const struct pair *p)
{
	struct reason reasons[REASONS_MAX];
	size_t count = find_reasons(p, reasons), used = 0;
	char top[256] = "";

	for (size_t i = 0; i < count && i < TOP_REASONS && reasons[i].per_s >= 0.5; i++)
		used += (size_t)snprintf(top + used, sizeof(top) - used, "%s%.32s %.0f",
					 i ? ", " : "", reasons[i].name, reasons[i].per_s);
	json_string(j, "top_exits", used ? top : NULL);
	json_open(j, "exits", '{');
	for (size_t i = 0; i < count; i++)
		json_number(j, reasons[i].name, (uint64_t)(reasons[i].per_s + 0.5));
	json_close(j, '}');
}

/* ---- a row ---- */

static void put_memory(struct json *j, const struct json_node *memory)
{
	int64_t total, available, held, own;

	if (!memory || memory->type != JSON_OBJECT)
		return;
	if (json_get_int(json_member(memory, "guest"), "total", 0, INT64_MAX, &total) &&
	    json_get_int(json_member(memory, "guest"), "available", 0, total, &available))
		json_number(j, "memory_guest", (uint64_t)(total - available));
	if (json_get_int(memory, "held", 0, INT64_MAX / 2, &held)) {
		own = json_get_int(memory, "own", 0, INT64_MAX / 2, &own) ? own : 0;
		json_number(j, "memory_host", (uint64_t)(held + own));
	}
	json_node(j, "given_back", json_member(memory, "given_back"));
	json_node(j, "memory_max", json_member(memory, "max"));
}

static void put_rates(struct json *j, const struct pair *p)
{
	json_number(j, "cpus", (uint64_t)p->cpus);
	json_decimal(j, "seconds", p->seconds);
	put_percent(j, p, "cpu_percent", "time_ns");
	put_percent(j, p, "guest_percent", "guest_ns");
	put_percent(j, p, "ready_percent", "ready_ns");
	put_percent(j, p, "halted_percent", "halted_ns");
	put_rate(j, p, "exits_per_s", "cpus", "exits", NULL);
	put_rate(j, p, "interrupts_per_s", "cpus", "interrupts", NULL);
	put_rate(j, p, "faults_per_s", "cpus", "faults", NULL);
	put_rate(j, p, "to_monitor_per_s", "cpus", "to_monitor", NULL);
	put_reasons(j, p);
	put_rate(j, p, "disk_read_per_s", "disks", "read_bytes", NULL);
	put_rate(j, p, "disk_written_per_s", "disks", "written_bytes", NULL);
	put_rate(j, p, "disk_requests_per_s", "disks", "reads", "writes");
	put_rate(j, p, "net_received_per_s", "networks", "rx_bytes", NULL);
	put_rate(j, p, "net_sent_per_s", "networks", "tx_bytes", NULL);
	put_rate(j, p, "net_frames_per_s", "networks", "rx_frames", "tx_frames");
	json_node(j, "vm", json_member(p->new, "vm"));
}

static const struct json_node *sample_of(const struct reply *reply, const char *uuid)
{
	const struct json_node *list = json_member(reply->node, "vms"), *vm = NULL;

	while (list && list->type == JSON_ARRAY && (vm = json_next(list, vm)))
		if (node_is(vm, "uuid", uuid))
			return vm;
	return NULL;
}

/* False: one of them has none, or the VM was started anew. */
static bool make_pair(const struct json_node *old, const struct json_node *new, struct pair *ret)
{
	const struct json_node *cpus;
	int64_t from, to;

	*ret = (struct pair){ json_member(old, "stats"), json_member(new, "stats"), 0, 0 };
	if (!json_get_int(ret->old, "at_ns", 0, INT64_MAX, &from) ||
	    !json_get_int(ret->new, "at_ns", 0, INT64_MAX, &to) || to <= from)
		return false;
	ret->seconds = (double)(to - from) / 1e9;
	cpus = json_member(ret->new, "cpus");
	ret->cpus = cpus && cpus->type == JSON_ARRAY ? cpus->count : 0;
	return true;
}

static void put_row(struct json *j, const struct json_node *vm, const struct reply *old,
		    const struct reply *new)
{
	const char *uuid = node_string(vm, "uuid");
	const struct json_node *before = sample_of(old, uuid), *now = sample_of(new, uuid);
	struct pair pair;

	json_open(j, NULL, '{');
	json_string(j, "name", node_string(vm, "name"));
	json_string(j, "uuid", uuid);
	json_node(j, "state", json_member(now ? now : vm, "state"));
	if (before && now && make_pair(before, now, &pair))
		put_rates(j, &pair);
	if (now)
		put_memory(j, json_member(now, "memory"));
	json_close(j, '}');
}

/* ---- a round ---- */

struct rows {
	char *text;
	struct json_node *node;
};

/* An object with the list "vms": what output.h prints is nodes. */
static bool make_rows(const struct targets *t, const struct reply *old, const struct reply *new,
		      struct rows *ret, struct btn_error *e)
{
	size_t size, nodes;
	FILE *memory;
	struct json j;

	*ret = (struct rows){ NULL, NULL };
	memory = open_memstream(&ret->text, &size);
	if (memory) {
		json_init(&j, memory);
		j.compact = true;
		json_open(&j, NULL, '{');
		json_open(&j, "vms", '[');
		for (size_t i = 0; i < t->count; i++)
			put_row(&j, t->node[i], old, new);
		json_close(&j, ']');
		json_close(&j, '}');
		fclose(memory);
		nodes = new->node->size + 8 + t->count * 96;
		ret->node = ret->text ? calloc(nodes, sizeof(*ret->node)) : NULL;
		if (ret->node && !json_read(ret->text, strlen(ret->text), ret->node, nodes, NULL))
			return true;
	}
	btn_set_default(e, BTN_NO_MEMORY);
	return false;
}

static bool print_round(struct output *o, const struct targets *t, const struct reply *old,
			const struct reply *new, struct btn_error *e)
{
	struct rows rows;
	bool ok = make_rows(t, old, new, &rows, e) && output_add_list(o, rows.node, "vms", e);

	if (ok) {
		output_end(o);
		fflush(stdout);
	}
	/* All rounds are one file for programs. */
	if (o->format == FORMAT_CSV)
		o->headers = false;
	free(rows.node);
	free(rows.text);
	return ok;
}

/* Of one VM alone the others are not asked. */
static bool take_sample(struct daemon *d, const struct targets *t, struct reply *ret,
			struct btn_error *e)
{
	const char *uuid = t->count == 1 ? node_string(t->node[0], "uuid") : NULL;

	return uuid ? daemon_get_of(d, "vm-stats", "name", uuid, ret, e) :
		      daemon_get(d, "vm-stats", ret, e);
}

static int print_rounds(struct daemon *d, struct output *o, const struct targets *t,
			long interval, long count, struct btn_error *e)
{
	struct reply old, new;
	int status = BTN_EXIT_FAILED;

	if (!take_sample(d, t, &old, e))
		return status;
	for (long i = 0; count < 0 || i < count; i++) {
		poll(NULL, 0, (int)(interval * 1000));
		if (!take_sample(d, t, &new, e))
			break;
		if (i && !args_has(o->args, "format"))
			putchar('\n');
		if (print_round(o, t, &old, &new, e) && i + 1 == count)
			status = BTN_EXIT_DONE;
		reply_free(&old);
		old = new;
		if (e->code != BTN_OK || ferror(stdout))
			break;
	}
	reply_free(&old);
	return status;
}

/* Without arguments: those that are on. */
static void keep_those_that_run(struct targets *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++)
		if (node_int(t->node[i], "id"))
			t->node[kept++] = t->node[i];
	t->count = kept;
}

static bool take_options(const struct args *args, long *ret_interval, long *ret_count,
			 struct btn_error *e)
{
	const char *count = args_get(args, "count");
	char *end;

	*ret_interval = 1;
	*ret_count = args_has(args, "interval") ? -1 : 1;
	if (!args_seconds(args, "interval", ret_interval, e))
		return false;
	if (*ret_interval < 1 || *ret_interval > 86400) {
		btn_set(e, BTN_BAD_VALUE, "--interval is from one second to a day");
		return false;
	}
	if (!count)
		return true;
	*ret_count = strtol(count, &end, 10);
	if (*count && !*end && *ret_count > 0)
		return true;
	btn_set(e, BTN_BAD_VALUE, "--count: \"%.64s\" is no number from 1 on", count);
	return false;
}

int stats_run(const struct args *args, struct btn_error *e)
{
	int status = BTN_EXIT_FAILED;
	long interval, count;
	struct targets t;
	struct output o;
	struct daemon d;

	/* Options that are wrong are told at once, not in a second. */
	if (!take_options(args, &interval, &count, e) ||
	    !output_start(&o, args, stats_columns, "vms", e) || !daemon_open(&d, e))
		return status;
	if (targets_list(&d, &target_vms, args, &t, e)) {
		if (!args->positional_count)
			keep_those_that_run(&t);
		if (t.count || args->positional_count || o.format != FORMAT_TABLE) {
			status = print_rounds(&d, &o, &t, interval, t.count ? count : 1, e);
		} else {
			report_note(args, "no VM is running");
			status = BTN_EXIT_DONE;
		}
		targets_free(&t);
	}
	daemon_close(&d);
	return status;
}
