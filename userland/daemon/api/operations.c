// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations of the daemon's API: the one place that says what each takes and
 * answers. Requests are checked against it (lib/rpc.h), `batond --api-schema` prints it for
 * programs, `batond --api-reference` for people (API.md), and tests/unit/test_daemon_api.c
 * makes wrong requests out of it.
 */
#include "api/api_private.h"

#define END { .name = NULL }
#define TEXT_MAX 4096
#define PATH_LENGTH_MAX 4095
#define NAME { "name", RPC_STRING, true, 1, 64, "name or UUID of the VM" }
#define NETWORK { "network", RPC_STRING, true, 1, 32, "name of the network" }
#define IMAGE { "image", RPC_STRING, true, 1, 64, "name of the image" }
#define JOB { "job", RPC_INT, true, 1, INT64_MAX, "number of the job" }
#define TIMEOUT(text) { "timeout_s", RPC_INT, false, 0, 86400, text }

static const struct rpc_param no_params[] = { END };
static const struct rpc_param name_params[] = { NAME, END };
static const struct rpc_param network_params[] = { NETWORK, END };
static const struct rpc_param image_params[] = { IMAGE, END };
static const struct rpc_param job_params[] = { JOB, END };

static const struct rpc_param create_params[] = {
	{ "name", RPC_STRING, true, 1, 63, "of the new VM: a host name of one label" },
	{ "image", RPC_STRING, false, 1, 64, "its first disk is made on top of this image" },
	{ "disk_size", RPC_INT, false, 1 << 20, 1ll << 46,
	  "bytes of the first disk; without an image an empty one is made" },
	{ "settings", RPC_STRINGS, false, 64, TEXT_MAX, "each KEY=VALUE, as for vm-set" },
	{ "seed", RPC_BOOL, false, 0, 0,
	  "give it a seed disk (NoCloud), which sets host name, user and keys at the first boot; "
	  "default: if there is an image" },
	{ "user", RPC_STRING, false, 1, 32, "a user to make, who may sudo" },
	{ "ssh_keys", RPC_STRINGS, false, 64, 16384, "public keys that may log in" },
	{ "password", RPC_STRING, false, 1, 256, "the user's password for the console" },
	{ "user_data", RPC_STRING, false, 1, 1 << 20,
	  "the seed's user-data, instead of the above" },
	{ "start", RPC_BOOL, false, 0, 0, "start it, too" },
	END
};
static const struct rpc_param set_params[] = {
	NAME,
	{ "settings", RPC_STRINGS, true, 64, TEXT_MAX,
	  "each KEY=VALUE; an empty value unsets; all or none are taken" },
	{ "check", RPC_BOOL, false, 0, 0, "only check" },
	END
};
static const struct rpc_param start_params[] = {
	NAME, { "paused", RPC_BOOL, false, 0, 0, "do not let its CPUs run yet" }, END
};
static const struct rpc_param stop_params[] = {
	NAME, TIMEOUT("seconds to wait for the guest (120); 0: only press the power button"),
	{ "force", RPC_BOOL, false, 0, 0, "cut its power if it is not off in time" }, END
};
static const struct rpc_param restart_params[] = {
	NAME, TIMEOUT("seconds to wait for the guest (120, also for 0 without force)"),
	{ "force", RPC_BOOL, false, 0, 0, "cut its power if it is not off in time" }, END
};
static const struct rpc_param delete_params[] = {
	NAME, { "force", RPC_BOOL, false, 0, 0, "cut its power first if it is on" }, END
};
static const struct rpc_param rename_params[] = {
	NAME, { "new_name", RPC_STRING, true, 1, 63, "its name from now on" }, END
};
static const struct rpc_param restore_params[] = {
	{ "item", RPC_STRING, true, 1, 128, "name or id of a VM in the trash" },
	{ "new_name", RPC_STRING, false, 1, 63, "its name from now on" }, END
};
static const struct rpc_param purge_params[] = {
	{ "item", RPC_STRING, true, 1, 128, "name or id of a VM in the trash" }, END
};
static const struct rpc_param log_params[] = {
	NAME,
	{ "log", RPC_STRING, false, 1, 16, "\"monitor\" (default), \"serial\"" }, END
};
static const struct rpc_param stats_params[] = {
	{ "name", RPC_STRING, false, 1, 64, "name or UUID of the VM; left out: all that are on" },
	END
};
static const struct rpc_param image_add_params[] = {
	{ "image", RPC_STRING, true, 1, 64, "its name in the store" },
	{ "path", RPC_STRING, true, 1, PATH_LENGTH_MAX, "absolute path of the file" },
	{ "sha256", RPC_STRING, false, 64, 64, "what the file's hash has to be" },
	{ "user", RPC_STRING, false, 1, 32, "user that seeds make unless told otherwise" }, END
};
static const struct rpc_param net_create_params[] = {
	NETWORK,
	{ "subnet", RPC_STRING, false, 1, 64, "A.B.C.0/24; default: one that is free" }, END
};
#define LISTEN_PARAMS									\
	{ "host_port", RPC_INT, true, 1, 65535, "port of the host" },			\
	{ "proto", RPC_STRING, false, 3, 3, "\"tcp\" (default) or \"udp\"" },		\
	{ "host_address", RPC_STRING, false, 1, 15, "IPv4; 127.0.0.1 if left out" }
static const struct rpc_param forward_add_params[] = {
	NAME, LISTEN_PARAMS, { "guest_port", RPC_INT, true, 1, 65535, "port of the guest" },
	{ "keep", RPC_BOOL, false, 0, 0, "also write it into the VM's definition" }, END
};
static const struct rpc_param forward_remove_params[] = {
	NAME, LISTEN_PARAMS,
	{ "keep", RPC_BOOL, false, 0, 0, "also take it out of the VM's definition" }, END
};

static const struct rpc_operation operations[] = {
	{ "status", api_do_status, no_params, "What this daemon is.\n"
	  "version, pid, uptime_ms, vms, running, data (its folder), memory_total, "
	  "memory_available, disk_free, cpus (of the host)" },
	{ "events", api_do_events, no_params, "Tells this connection of events from now on." },

	{ "vm-list", api_do_vm_list, no_params, "All VMs, by name.\n"
	  "vms: list of VM objects" },
	{ "vm-show", api_do_vm_show, name_params, "One VM.\n"
	  "vm: a VM object, and settings: object of KEY: text, "
	  "disks: list of objects with file, readonly, on_disk (bytes, or null)" },
	{ "vm-create", api_do_vm_create, create_params, "Makes a VM.\njob" },
	{ "vm-set", api_do_vm_set, set_params, "Changes a VM's definition.\n"
	  "now: list of keys that act already, next_start: list of those that do not yet" },
	{ "vm-start", api_do_vm_start, start_params, "Starts it.\njob" },
	{ "vm-stop", api_do_vm_stop, stop_params, "Asks its guest to shut down.\njob" },
	{ "vm-kill", api_do_vm_kill, name_params, "Cuts its power.\njob" },
	{ "vm-restart", api_do_vm_restart, restart_params, "Stops and starts it.\njob" },
	{ "vm-reset", api_do_vm_reset, name_params, "Presses its reset button.\njob" },
	{ "vm-pause", api_do_vm_pause, name_params, "Stops its CPUs.\njob" },
	{ "vm-resume", api_do_vm_resume, name_params, "Lets them go on.\njob" },
	{ "vm-delete", api_do_vm_delete, delete_params, "Moves it to the trash.\njob" },
	{ "vm-rename", api_do_vm_rename, rename_params, "Gives it another name.\njob" },
	{ "vm-monitor", api_do_vm_monitor, name_params,
	  "A connection to its monitor, for screen, keys, serial console and counters "
	  "(userland/monitor/control/README.md).\nthe descriptor of a socket" },
	{ "vm-stats", api_do_vm_stats, stats_params, "What it has done so far, and its memory.\n"
	  "vms: list of objects with name, uuid, state, and stats and memory: the answers of "
	  "its monitor to these operations (userland/monitor/control/README.md), or null if it "
	  "does not answer. Rates are the difference of two answers, by their at_ns" },
	{ "vm-log", api_do_vm_log, log_params, "What it has written.\n"
	  "path, and the descriptor of the file, for reading" },
	{ "vm-forward-add", api_do_forward_add, forward_add_params,
	  "Forwards a port of the host to it." },
	{ "vm-forward-remove", api_do_forward_remove, forward_remove_params, "Ends that." },

	{ "settings", api_do_settings, no_params, "The keys of vm-set.\n"
	  "settings: list of objects with key, value (its form), help, live" },

	{ "trash-list", api_do_trash_list, no_params, "Deleted VMs, newest first.\n"
	  "items: list of objects with id, name, uuid, deleted (RFC 3339), bytes" },
	{ "trash-restore", api_do_trash_restore, restore_params, "Undoes vm-delete.\njob" },
	{ "trash-purge", api_do_trash_purge, purge_params, "Deletes for good.\njob" },

	{ "image-list", api_do_image_list, no_params, "The images, by name.\n"
	  "images: list of objects with name, format, size (bytes that a disk has), "
	  "on_disk, sha256, source, added (RFC 3339), user, users (VMs on top of it)" },
	{ "image-add", api_do_image_add, image_add_params,
	  "Copies a raw or qcow2 file into the store.\njob" },
	{ "image-import", api_do_image_import, image_add_params,
	  "The same of any format that qemu-img reads, converted to qcow2.\njob" },
	{ "image-verify", api_do_image_verify, image_params, "Compares its hash.\njob" },
	{ "image-remove", api_do_image_remove, image_params, "Removes it.\njob" },

	{ "net-list", api_do_net_list, no_params, "The networks, by name.\n"
	  "networks: list of objects with name, uuid, subnet, active, vms (names)" },
	{ "net-create", api_do_net_create, net_create_params, "Makes a network." },
	{ "net-delete", api_do_net_delete, network_params, "Removes it." },
	{ "net-leases", api_do_net_leases, network_params, "Addresses of its guests.\n"
	  "leases: list of objects with mac, address, name, connected" },
	{ "net-forwards", api_do_net_forwards, network_params, "Its forwards.\n"
	  "forwards: list of objects with proto, host_address, host_port, guest_address, "
	  "guest_port" },

	{ "job-list", api_do_job_list, no_params, "Jobs that run or ended lately.\n"
	  "jobs: list of job objects" },
	{ "job-show", api_do_job_show, job_params, "One job.\njob: a job object" },
	{ "job-wait", api_do_job_wait, job_params, "Answers when it has ended.\n"
	  "job: a job object; its error, if it has one, is the answer instead" },
	{ "job-cancel", api_do_job_cancel, job_params, "Asks it to end early." },
};

const struct rpc_service api_service = {
	.operation = operations, .count = sizeof(operations) / sizeof(operations[0]),
	.document = "userland/daemon/api/API.md",
};
