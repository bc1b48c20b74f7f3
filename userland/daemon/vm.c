// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VM from its start to its end, as its monitor tells it. See vm.h. The registry is in
 * registry.c, what people ask for in lifecycle*.c.
 *
 * That a monitor is there at all is told by the lock on the VM's folder, which the
 * monitor holds as long as it lives: when a connection ends, the run is over as soon as
 * the lock can be had, and if it cannot for a while, the monitor lives and is connected
 * to again.
 */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle.h"
#include "events.h"
#include "network.h"
#include "paths.h"

#define ENDING_MS 20
#define ENDING_TRIES 250	/* then the monitor is taken to live on */
#define ATTACH_AGAIN_MS 10000
#define LOG_READ_MAX 65536

const char *vm_state_word(enum vm_state state)
{
	static const char *const words[] = {
		[VM_STOPPED] = "stopped", [VM_STARTING] = "starting", [VM_RUNNING] = "running",
		[VM_PAUSED] = "paused", [VM_STOPPING] = "stopping", [VM_BROKEN] = "broken",
	};

	return words[state];
}

const char *vm_reason_word(enum vm_reason reason)
{
	static const char *const words[] = {
		[VM_REASON_BOOTED] = "booted", [VM_REASON_RESUMED] = "resumed",
		[VM_REASON_PAUSED] = "paused", [VM_REASON_ATTACHED] = "attached",
		[VM_REASON_POWER_OFF] = "power-off", [VM_REASON_KILLED] = "killed",
		[VM_REASON_CRASHED] = "crashed", [VM_REASON_FAILED] = "failed",
	};

	return words[reason];
}

char *vm_control_path(const struct vm *vm)
{
	return g_strdup_printf("%s/%s.ctl", paths.vm_sockets, vm_uuid(vm));
}

char *vm_file(const struct vm *vm, const char *name)
{
	return g_build_filename(vm->folder, name, NULL);
}

/* ---- who wants to know ---- */

struct watcher {
	vm_watch_fn fn;
	void *ctx;
};

void vm_watch(struct vm *vm, vm_watch_fn fn, void *ctx)
{
	struct watcher *watcher = g_new(struct watcher, 1);

	*watcher = (struct watcher){ .fn = fn, .ctx = ctx };
	vm->watchers = g_slist_append(vm->watchers, watcher);
}

static GSList *find_watcher(struct vm *vm, vm_watch_fn fn, const void *ctx)
{
	for (GSList *at = vm->watchers; at; at = at->next) {
		struct watcher *watcher = at->data;

		if (watcher->fn == fn && watcher->ctx == ctx)
			return at;
	}
	return NULL;
}

void vm_unwatch(struct vm *vm, vm_watch_fn fn, void *ctx)
{
	GSList *at = find_watcher(vm, fn, ctx);

	if (!at)
		return;
	g_free(at->data);
	vm->watchers = g_slist_delete_link(vm->watchers, at);
}

/* Each of those that are there now, unless an earlier one has taken it off. */
static void call_watchers(struct vm *vm)
{
	GArray *now = g_array_new(FALSE, FALSE, sizeof(struct watcher));

	for (GSList *at = vm->watchers; at; at = at->next)
		g_array_append_vals(now, at->data, 1);
	vm_ref(vm);
	for (unsigned int i = 0; i < now->len; i++) {
		struct watcher *watcher = &g_array_index(now, struct watcher, i);

		if (find_watcher(vm, watcher->fn, watcher->ctx))
			watcher->fn(vm, watcher->ctx);
	}
	vm_unref(vm);
	g_array_unref(now);
}

void vm_set_state(struct vm *vm, enum vm_state state, enum vm_reason reason)
{
	struct event event = { .type = EVENT_VM_STATE, .state = state, .reason = reason,
			       .old_state = vm->state, .asked = vm->button_pressed };

	if (vm->state == state && vm->reason == reason)
		return;
	vm->state = state;
	vm->reason = reason;
	vm->since_us = g_get_real_time();
	event.id = vm->id;
	g_strlcpy(event.name, vm_name(vm), sizeof(event.name));
	g_strlcpy(event.uuid, vm_uuid(vm), sizeof(event.uuid));
	events_post(&event);
	call_watchers(vm);
}

/* ---- a run ---- */

void vm_begin_run(struct vm *vm)
{
	static int last_id;

	vm->id = ++last_id;
	config_free(vm->live);
	vm->live = config_copy(vm->config);
	vm->problem.code = BTN_OK;
	vm->end_event[0] = vm->engine[0] = '\0';
	vm->pid = 0;
	vm->attached = vm->stop_asked = vm->kill_asked = vm->button_pressed = false;
	memset(vm->address, 0, sizeof(vm->address));
	vm_set_state(vm, VM_STARTING, VM_REASON_NONE);
}

static void drop_monitor(struct vm *vm)
{
	struct monitor *monitor = vm->monitor;

	vm->monitor = NULL;
	if (monitor)
		monitor_free(monitor);
	if (vm->ending_source)
		g_source_remove(vm->ending_source);
	vm->ending_source = 0;
}

void vm_end_run(struct vm *vm, enum vm_reason reason, const struct btn_error *e)
{
	char *live = vm_file(vm, "live.conf"), *socket = vm_control_path(vm);

	drop_monitor(vm);
	unlink(live);
	unlink(socket); /* a monitor that was killed has left it */
	g_free(live);
	g_free(socket);
	config_free(vm->live);
	vm->live = NULL;
	vm->id = -1;
	vm->pid = 0;
	vm->engine[0] = '\0';
	memset(vm->address, 0, sizeof(vm->address));
	vm->problem.code = BTN_OK;
	if (e)
		vm->problem = *e;
	vm_set_state(vm, VM_STOPPED, reason);
}

/* ---- the monitor's log ---- */

/* Of "baton-vm: sentence (BTN-1234)" and the lines "cause: " and "fix: " behind it. */
static bool parse_problem(const char *line, struct btn_error *ret)
{
	const char *code = strstr(line, "(BTN-"), *end = strchr(line, '\n');
	const char *from = line + strlen("baton-vm: ");

	if (!code || !end || code > end || code < from)
		return false;
	btn_set(ret, (enum btn_code)atoi(code + 5), "%.*s", (int)(code - from - 1), from);
	for (line = end + 1; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break;
		if (!strncmp(line, "cause: ", 7))
			btn_set_cause(ret, "%.*s", (int)(end - line - 7), line + 7);
		else if (!strncmp(line, "fix: ", 5))
			btn_set_fix(ret, "%.*s", (int)(end - line - 5), line + 5);
		else
			break;
	}
	return btn_lookup(ret->code);
}

bool vm_read_problem(const struct vm *vm, struct btn_error *ret)
{
	char *path = vm_file(vm, "monitor.log"), *text = g_malloc(LOG_READ_MAX + 1), *last = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got = -1;
	bool found;

	if (fd >= 0) {
		off_t end = lseek(fd, 0, SEEK_END);
		off_t from = MAX(vm->log_start, end - LOG_READ_MAX);

		got = pread(fd, text, LOG_READ_MAX, from);
		close(fd);
	}
	text[got < 0 ? 0 : got] = '\0';
	for (char *at = text; (at = strstr(at, "baton-vm: ")); at++)
		if (at == text || at[-1] == '\n')
			last = at;
	found = last && parse_problem(last, ret);
	g_free(text);
	g_free(path);
	return found;
}

/* ---- its end ---- */

/* From what the monitor said last; one that said nothing was killed or crashed. */
static void conclude(struct vm *vm)
{
	struct btn_error e = { .code = BTN_OK };

	if (!strcmp(vm->end_event, "power-off")) {
		vm_end_run(vm, VM_REASON_POWER_OFF, NULL);
	} else if (!strcmp(vm->end_event, "killed") || vm->kill_asked) {
		vm_end_run(vm, VM_REASON_KILLED, NULL);
	} else if (vm_read_problem(vm, &e)) {
		vm_end_run(vm, !strcmp(vm->end_event, "crashed") ? VM_REASON_CRASHED :
								   VM_REASON_FAILED, &e);
	} else {
		btn_set(&e, BTN_MONITOR_DIED, "the process of the VM \"%s\" ended unexpectedly",
			vm_name(vm));
		vm_end_run(vm, VM_REASON_FAILED, &e);
	}
}

/* Once connected, the end of the connection tells, which comes after the last event. */
void vm_process_ended(struct vm *vm, int id, int wait_status)
{
	/* A process may outlive its run by a moment, and see the next one begin. */
	if (vm->id != id || vm->attached || vm->end_event[0])
		return;
	if (WIFEXITED(wait_status) && !WEXITSTATUS(wait_status))
		g_strlcpy(vm->end_event, "power-off", sizeof(vm->end_event));
	conclude(vm);
}

static gboolean try_ending(gpointer data)
{
	struct vm *vm = data;
	struct btn_error e;
	int fd = bundle_lock(vm->folder, &e);

	if (fd < 0 && e.code == BTN_VM_ON && ++vm->ending_tries < ENDING_TRIES)
		return G_SOURCE_CONTINUE;
	vm->ending_source = 0;
	if (fd < 0 && e.code == BTN_VM_ON) {
		vm_attach(vm, ATTACH_AGAIN_MS);
		return G_SOURCE_REMOVE;
	}
	if (fd >= 0)
		close(fd);
	conclude(vm);
	return G_SOURCE_REMOVE;
}

static void on_gone(const struct btn_error *e, void *ctx)
{
	struct vm *vm = ctx;
	struct monitor *monitor = vm->monitor;

	(void)e;
	vm->monitor = NULL;
	monitor_free(monitor);
	vm->ending_tries = 0;
	if (!vm->ending_source)
		vm->ending_source = g_timeout_add(ENDING_MS, try_ending, vm);
}

/* ---- what the monitor says ---- */

static void take_address(const struct json_node *answer, const struct btn_error *e, void *ctx)
{
	char **where = ctx; /* the VM's UUID, the number of the card */
	struct vm *vm = registry_find_uuid(where[0]);
	unsigned int index = (unsigned int)atoi(where[1]);
	const char *address;

	(void)e;
	if (vm && vm_is_on(vm) && answer && json_get_string(answer, "address", &address))
		g_strlcpy(vm->address[index], address, sizeof(vm->address[index]));
	g_strfreev(where);
}

/* Of a VM that was running before this daemon: its cards keep their addresses. */
static void ask_addresses(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->live->net_count; i++) {
		const struct config_net *net = &vm->live->net[i];
		const struct network *network = network_find(net->network, NULL);
		char *members, **where;

		if (!network || vm->address[i][0])
			continue;
		where = g_new0(char *, 3);
		where[0] = g_strdup(vm_uuid(vm));
		where[1] = g_strdup_printf("%u", i);
		members = g_strdup_printf("\"mac\":\"%s\"", net->mac);
		network_ask(network, "reserve", members, take_address, where);
		g_free(members);
	}
}

static void on_attached(const struct json_node *status, void *ctx)
{
	struct vm *vm = ctx;
	const char *state = "", *engine = "";
	enum vm_reason reason = vm->job ? VM_REASON_BOOTED : VM_REASON_ATTACHED;

	json_get_string(status, "state", &state);
	json_get_string(status, "engine", &engine);
	g_strlcpy(vm->engine, engine, sizeof(vm->engine));
	vm->attached = true;
	/* Not what it says it is: vm_kill() would believe it. */
	if (!vm->pid)
		vm->pid = monitor_pid(vm->monitor);
	ask_addresses(vm);
	vm_set_state(vm, !strcmp(state, "paused") ? VM_PAUSED :
		     vm->stop_asked || vm->kill_asked ? VM_STOPPING : VM_RUNNING, reason);
}

static void on_event(const char *name, const struct json_node *event, void *ctx)
{
	struct vm *vm = ctx;

	(void)event;
	if (!strcmp(name, "paused")) {
		vm_set_state(vm, VM_PAUSED, VM_REASON_PAUSED);
	} else if (!strcmp(name, "resumed")) {
		vm_set_state(vm, vm->stop_asked ? VM_STOPPING : VM_RUNNING, VM_REASON_RESUMED);
	} else if (!strcmp(name, "reset")) {
		events_post_vm(EVENT_VM_RESET, vm);
	} else if (!strcmp(name, "power-off") || !strcmp(name, "crashed") ||
		   !strcmp(name, "failed") || !strcmp(name, "killed")) {
		g_strlcpy(vm->end_event, name, sizeof(vm->end_event));
		vm_set_state(vm, VM_STOPPING, vm->reason);
	}
}

void vm_attach(struct vm *vm, unsigned int timeout_ms)
{
	static const struct monitor_hooks hooks = {
		.attached = on_attached, .event = on_event, .gone = on_gone,
	};
	char *path = vm_control_path(vm);

	vm->monitor = monitor_attach(path, timeout_ms, &hooks, vm);
	g_free(path);
}

/* ---- the object ---- */

struct vm *vm_ref(struct vm *vm)
{
	vm->refs++;
	return vm;
}

void vm_unref(struct vm *vm)
{
	if (!vm || --vm->refs)
		return;
	drop_monitor(vm);
	g_slist_free_full(vm->watchers, g_free);
	config_free(vm->config);
	config_free(vm->live);
	g_free(vm->folder);
	g_free(vm);
}
