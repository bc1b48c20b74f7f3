// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl start, stop, kill, restart, pause, resume, delete, restore, purge: what is asked of
 * the daemon for each of the VMs.
 */
#include <string.h>

#include "batch.h"
#include "node.h"
#include "verb.h"

static bool is_on(const struct json_node *vm)
{
	return node_is(vm, "state", "running") || node_is(vm, "state", "starting");
}

static bool is_off(const struct json_node *vm)
{
	return node_is(vm, "state", "stopped");
}

static bool is_running(const struct json_node *vm)
{
	return node_is(vm, "state", "running");
}

static bool is_paused(const struct json_node *vm)
{
	return node_is(vm, "state", "paused");
}

/* ---- what the daemon would refuse ---- */

static bool refuse(enum btn_code code, const struct json_node *vm, struct btn_error *e)
{
	btn_set(e, code, "the VM \"%.64s\" is %.16s", node_string(vm, "name"),
		node_string(vm, "state"));
	return false;
}

static bool has_no_monitor(const struct json_node *vm)
{
	return is_off(vm) || node_is(vm, "state", "broken");
}

static bool can_start(const struct args *args, const struct json_node *vm, struct btn_error *e)
{
	if (node_is(vm, "state", "broken"))
		return refuse(BTN_VM_CONFIG, vm, e);
	return !is_paused(vm) || args_has(args, "paused") || refuse(BTN_VM_STATE, vm, e);
}

static bool can_stop(const struct args *args, const struct json_node *vm, struct btn_error *e)
{
	return !is_paused(vm) || args_has(args, "force") || refuse(BTN_VM_STATE, vm, e);
}

static bool can_answer(const struct args *args, const struct json_node *vm, struct btn_error *e)
{
	(void)args;
	return !has_no_monitor(vm) || refuse(BTN_VM_OFF, vm, e);
}

static bool can_delete(const struct args *args, const struct json_node *vm, struct btn_error *e)
{
	return has_no_monitor(vm) || args_has(args, "force") || refuse(BTN_VM_ON, vm, e);
}

/* ---- options ---- */

static bool put_paused(const struct args *args, struct json_out *out, struct btn_error *e)
{
	(void)e;
	if (args_has(args, "paused"))
		json_put_bool(out, "paused", true);
	return true;
}

static bool put_stop(const struct args *args, struct json_out *out, struct btn_error *e)
{
	long seconds = -1;

	if (!args_seconds(args, "timeout", &seconds, e))
		return false;
	if (seconds >= 0)
		json_put_int(out, "timeout_s", seconds);
	if (args_has(args, "force"))
		json_put_bool(out, "force", true);
	return true;
}

/* With 0 the daemon only presses the power button: nobody would see what comes of it. */
static bool check_timeout(const struct args *args, struct btn_error *e)
{
	long seconds = -1;

	if (!args_seconds(args, "timeout", &seconds, e))
		return false;
	if (seconds || args_has(args, "force"))
		return true;
	btn_set(e, BTN_BAD_VALUE, "--timeout 0 gives the guest no time to shut down");
	btn_set_cause(e, "It is asked by its power button, and may take a while.");
	btn_set_fix(e, "To cut its power at once: --timeout 0 --force. To ask it and not wait: "
		    "--no-wait");
	return false;
}

static bool put_force(const struct args *args, struct json_out *out, struct btn_error *e)
{
	(void)e;
	if (args_has(args, "force"))
		json_put_bool(out, "force", true);
	return true;
}

static bool put_new_name(const struct args *args, struct json_out *out, struct btn_error *e)
{
	(void)e;
	if (args_has(args, "name"))
		json_put_string(out, "new_name", args_get(args, "name"));
	return true;
}

/* ---- the verbs ---- */

int start_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_vms, .op = "vm-start", .member = "name",
		.doing = "start", .done = "started", .already = "is running already",
		.is_so = is_on, .can = can_start, .put = put_paused,
	};

	return batch_run(args, &batch, e);
}

int stop_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_vms, .op = "vm-stop", .member = "name",
		.doing = "shut down", .done = "shut down", .already = "is off already",
		.already_code = BTN_VM_OFF, .is_so = is_off, .can = can_stop,
		.put = put_stop,
		.guest_timeout = true,
	};

	return check_timeout(args, e) ? batch_run(args, &batch, e) : BTN_EXIT_USAGE;
}

int kill_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_vms, .op = "vm-kill", .member = "name",
		.doing = "cut its power", .done = "its power was cut",
		.already = "is off already", .already_code = BTN_VM_OFF, .is_so = is_off,
	};

	return batch_run(args, &batch, e);
}

int restart_run(const struct args *args, struct btn_error *e)
{
	static const struct batch restart = {
		.kind = &target_vms, .op = "vm-restart", .member = "name",
		.doing = "restart", .done = "restarted", .put = put_stop,
		.guest_timeout = true,
	};
	static const struct batch reset = {
		.kind = &target_vms, .op = "vm-reset", .member = "name",
		.doing = "reset", .done = "reset", .can = can_answer,
	};

	if (args_has(args, "reset"))
		return batch_run(args, &reset, e);
	return check_timeout(args, e) ? batch_run(args, &restart, e) : BTN_EXIT_USAGE;
}

int pause_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_vms, .op = "vm-pause", .member = "name",
		.doing = "pause", .done = "paused", .already = "is paused already",
		.is_so = is_paused, .can = can_answer,
	};

	return batch_run(args, &batch, e);
}

int resume_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_vms, .op = "vm-resume", .member = "name",
		.doing = "resume", .done = "runs again", .already = "is running already",
		.is_so = is_running, .can = can_answer,
	};

	return batch_run(args, &batch, e);
}

int delete_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_vms, .op = "vm-delete", .member = "name",
		.doing = "move it to the trash",
		.done = "moved to the trash; \"vmctl restore\" takes it back", .can = can_delete,
		.put = put_force,
	};

	return batch_run(args, &batch, e);
}

int restore_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_trash, .op = "trash-restore", .member = "item",
		.doing = "restore", .done = "restored", .put = put_new_name,
	};

	if (args_has(args, "name") && (args->positional_count > 1 || args_has(args, "all"))) {
		btn_set(e, BTN_BAD_VALUE, "--name is for one VM alone");
		btn_set_fix(e, "Restore them one by one.");
		return BTN_EXIT_USAGE;
	}
	return batch_run(args, &batch, e);
}

int purge_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_trash, .op = "trash-purge", .member = "item",
		.doing = "delete it for good", .done = "deleted for good",
		.question = "Delete %s for good, with all disks?",
	};

	return batch_run(args, &batch, e);
}
