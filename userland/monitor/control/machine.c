// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on the machine: what it is, how it goes on, what it has done, its memory.
 */
#include <inttypes.h>
#include <linux/virtio_balloon.h>
#include <time.h>
#include <unistd.h>

#include "baton_stats.h"
#include "baton_version.h"
#include "board.h"
#include "control/control_private.h"
#include "dev/console_hub.h"
#include "display/display.h"
#include "hv.h"
#include "memory/memory_control.h"

/* ---- what it is ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t uptime_ms(const struct control *control)
{
	return (now_ns() - control->start_ns) / 1000000u;
}

static void put_screen(struct json_out *out, struct display *display)
{
	struct display_info info;

	if (!display)
		return;
	display_get_info(display, &info);
	json_put_open(out, "screen", '{');
	json_put_int(out, "width", info.width);
	json_put_int(out, "height", info.height);
	json_put_close(out, '}');
}

bool control_do_status(struct rpc_request *r)
{
	struct control *control = control_of(r);
	const struct options *options = control->config.options;

	json_put_string(r->out, "version", BATON_VERSION);
	if (options->name)
		json_put_string(r->out, "name", options->name);
	if (options->uuid)
		json_put_string(r->out, "uuid", options->uuid);
	json_put_string(r->out, "state", board_is_paused(control->board) ||
		       board_is_held(control->board) ? "paused" : "running");
	json_put_string(r->out, "board", options->board == BOARD_PC ? "pc" : "micro");
	json_put_string(r->out, "engine", control->config.engine);
	json_put_int(r->out, "pid", getpid());
	json_put_int(r->out, "uptime_ms", (int64_t)uptime_ms(control));
	json_put_int(r->out, "resets", control->resets);
	json_put_int(r->out, "cpus", options->cpus);
	json_put_int(r->out, "memory", (int64_t)options->memory);
	json_put_int(r->out, "memory_min", (int64_t)options->memory_min);
	json_put_int(r->out, "disks", options->disk_count);
	json_put_int(r->out, "networks", options->net_count);
	put_screen(r->out, control->config.display);
	if (control->config.hub)
		json_put_int(r->out, "serial_clients",
			     console_hub_clients(control->config.hub));
	return true;
}

/* ---- what it has done ---- */

static void put_disk(struct json_out *out, const char *path, struct virtio_device *dev)
{
	struct virtio_blk_stats stats;

	virtio_blk_get_stats(dev, &stats);
	json_put_open(out, NULL, '{');
	json_put_string(out, "path", path);
	json_put_int(out, "reads", (int64_t)stats.reads);
	json_put_int(out, "read_bytes", (int64_t)stats.read_bytes);
	json_put_int(out, "writes", (int64_t)stats.writes);
	json_put_int(out, "written_bytes", (int64_t)stats.written_bytes);
	json_put_int(out, "flushes", (int64_t)stats.flushes);
	json_put_int(out, "discards", (int64_t)stats.discards);
	json_put_int(out, "errors", (int64_t)stats.errors);
	json_put_close(out, '}');
}

static void put_net(struct json_out *out, const char *name, struct virtio_device *dev)
{
	struct virtio_net_stats stats;

	virtio_net_get_stats(dev, &stats);
	json_put_open(out, NULL, '{');
	json_put_string(out, "name", name);
	json_put_int(out, "rx_frames", (int64_t)stats.rx_frames);
	json_put_int(out, "rx_bytes", (int64_t)stats.rx_bytes);
	json_put_int(out, "rx_dropped", (int64_t)stats.rx_dropped);
	json_put_int(out, "tx_frames", (int64_t)stats.tx_frames);
	json_put_int(out, "tx_bytes", (int64_t)stats.tx_bytes);
	json_put_int(out, "tx_dropped", (int64_t)stats.tx_dropped);
	json_put_close(out, '}');
}

/* What the engine does not count is left out. */
static void put_counters(struct json_out *out, const struct hv_stats *stats,
			 const char *const *names, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (stats->known >> i & 1)
			json_put_int(out, names[i], (int64_t)(stats->value[i] & INT64_MAX));
}

static void put_cpu(struct json_out *out, struct board *board, unsigned int i)
{
	struct hv_stats stats;

	json_put_open(out, NULL, '{');
	json_put_int(out, "time_ns", (int64_t)board_vcpu_time(board, i));
	if (!board_vcpu_stats(board, i, &stats))
		put_counters(out, &stats, baton_stat_names, BATON_STAT_COUNT);
	json_put_close(out, '}');
}

static void put_vm(struct json_out *out, struct board *board)
{
	struct hv_stats stats;

	json_put_open(out, "vm", '{');
	if (!board_vm_stats(board, &stats))
		put_counters(out, &stats, baton_vm_stat_names, BATON_VM_STAT_COUNT);
	json_put_close(out, '}');
}

bool control_do_stats(struct rpc_request *r)
{
	struct control *control = control_of(r);
	const struct options *options = control->config.options;

	json_put_int(r->out, "at_ns", (int64_t)now_ns());
	json_put_open(r->out, "cpus", '[');
	for (unsigned int i = 0; i < options->cpus; i++)
		put_cpu(r->out, control->board, i);
	json_put_close(r->out, ']');
	put_vm(r->out, control->board);
	json_put_open(r->out, "disks", '[');
	for (unsigned int i = 0; i < options->disk_count; i++)
		put_disk(r->out, options->disk[i].path, board_disk(control->board, i));
	json_put_close(r->out, ']');
	json_put_open(r->out, "networks", '[');
	for (unsigned int i = 0; i < options->net_count; i++)
		put_net(r->out, options->net[i].name, board_net(control->board, i));
	json_put_close(r->out, ']');
	return true;
}

/* ---- how it goes on ---- */

bool control_do_pause(struct rpc_request *r)
{
	struct control *control = control_of(r);

	if (board_is_paused(control->board))
		return true;
	board_pause(control->board);
	control_event(control, "paused");
	return true;
}

bool control_do_resume(struct rpc_request *r)
{
	struct control *control = control_of(r);

	if (!board_is_paused(control->board))
		return true;
	board_resume(control->board);
	control_event(control, "resumed");
	return true;
}

bool control_do_reset(struct rpc_request *r)
{
	machine_end(board_machine(control_of(r)->board), MACHINE_RESET);
	return true;
}

bool control_do_quit(struct rpc_request *r)
{
	machine_end(board_machine(control_of(r)->board), MACHINE_KILLED);
	return true;
}

bool control_do_power_button(struct rpc_request *r)
{
	bool heard;

	if (!board_power_button(control_of(r)->board, &heard)) {
		btn_set_default(r->e, BTN_NO_POWER_BUTTON);
		return false;
	}
	json_put_bool(r->out, "heard", heard);
	return true;
}

bool control_do_events(struct rpc_request *r)
{
	client_of(r)->wants_events = true;
	return true;
}

/* ---- its memory ---- */

/* What the guest says of its memory; what it does not say is left out. */
static void put_guest(struct json_out *out, const struct virtio_balloon_stats *stats)
{
	static const struct {
		unsigned int tag;
		const char *name;
	} rows[] = {
		{ VIRTIO_BALLOON_S_SWAP_IN, "swapped_in" },
		{ VIRTIO_BALLOON_S_SWAP_OUT, "swapped_out" },
		{ VIRTIO_BALLOON_S_MAJFLT, "major_faults" },
		{ VIRTIO_BALLOON_S_MINFLT, "minor_faults" },
		{ VIRTIO_BALLOON_S_MEMFREE, "free" }, { VIRTIO_BALLOON_S_MEMTOT, "total" },
		{ VIRTIO_BALLOON_S_AVAIL, "available" }, { VIRTIO_BALLOON_S_CACHES, "caches" },
	};

	if (!stats->known)
		return;
	json_put_open(out, "guest", '{');
	json_put_int(out, "age_ms", (int64_t)(stats->age_ns / 1000000u));
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (stats->known >> rows[i].tag & 1)
			json_put_int(out, rows[i].name, (int64_t)stats->value[rows[i].tag]);
	json_put_close(out, '}');
}

bool control_do_memory(struct rpc_request *r)
{
	struct memory_status status;

	memory_control_status(board_memory_control(control_of(r)->board), &status);
	json_put_int(r->out, "max", (int64_t)status.max);
	json_put_int(r->out, "min", (int64_t)status.min);
	json_put_int(r->out, "target", (int64_t)status.target);
	json_put_int(r->out, "actual", (int64_t)status.actual);
	json_put_bool(r->out, "driver", status.driver);
	json_put_int(r->out, "reported_free", (int64_t)status.reported);
	json_put_int(r->out, "held", (int64_t)status.host.held);
	json_put_int(r->out, "given_back", (int64_t)status.host.given_back);
	if (status.host.merged_known)
		json_put_int(r->out, "shared", (int64_t)status.host.merged);
	if (status.host.own_known)
		json_put_int(r->out, "own", (int64_t)status.host.own);
	put_guest(r->out, &status.guest);
	return true;
}

bool control_do_memory_target(struct rpc_request *r)
{
	int64_t bytes;

	return json_get_int(r->object, "bytes", 0, INT64_MAX, &bytes) &&
	       memory_control_set_target(board_memory_control(control_of(r)->board),
					 (uint64_t)bytes, r->e);
}
