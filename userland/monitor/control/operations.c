// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations of the control socket. README.md describes what they answer; what they
 * take is here, and `baton-vm --control-schema` prints it.
 */
#include "control/control_private.h"
#include "display/display.h"
#include "display/typist.h"

#define LENGTH_OF_KEYS 64
#define END { .name = NULL }

static const struct rpc_param no_params[] = { END };

static const struct rpc_param target_params[] = {
	{ "bytes", RPC_INT, true, 0, INT64_MAX, "what the guest shall make do with" }, END
};
static const struct rpc_param send_key_params[] = {
	{ "keys", RPC_STRING, true, 1, LENGTH_OF_KEYS, "like \"enter\" or \"ctrl-alt-delete\"" },
	{ "hold_ms", RPC_INT, false, 0, TYPIST_DELAY_MAX_MS, "how long they are held down" },
	END
};
static const struct rpc_param type_params[] = {
	{ "text", RPC_STRING, true, 0, TYPIST_TEXT_MAX, "UTF-8, of what a US keyboard has" },
	{ "delay_ms", RPC_INT, false, 0, TYPIST_DELAY_MAX_MS, "for each character" }, END
};
static const struct rpc_param key_params[] = {
	{ "key", RPC_STRING, true, 1, LENGTH_OF_KEYS, "as for send-key" },
	{ "down", RPC_BOOL, true, 0, 0, "pressed, or let go" }, END
};
static const struct rpc_param pointer_params[] = {
	{ "x", RPC_INT, true, 0, DISPLAY_MAX_WIDTH, "pixels from the left" },
	{ "y", RPC_INT, true, 0, DISPLAY_MAX_HEIGHT, "pixels from the top" },
	{ "buttons", RPC_INT, false, 0, 255, "1 left, 2 middle, 4 right, 8 and 16 the wheel" },
	END
};

static const struct rpc_param attach_serial_params[] = {
	{ "history", RPC_BOOL, false, 0, 0, "the kept output comes first; true if left out" },
	{ "exclusive", RPC_BOOL, false, 0, 0, "not if somebody is attached" },
	{ "force", RPC_BOOL, false, 0, 0, "all others are detached" }, END
};
static const struct rpc_param vnc_params[] = {
	{ "skip_auth", RPC_BOOL, false, 0, 0, "this viewer is asked no password" }, END
};

#define LISTEN_PARAMS									\
	{ "host_port", RPC_INT, true, 1, 65535, "port of the host" },			\
	{ "proto", RPC_STRING, false, 3, 3, "\"tcp\" (default) or \"udp\"" },		\
	{ "host_address", RPC_STRING, false, 1, 15, "IPv4; 127.0.0.1 if left out" }
static const struct rpc_param forward_add_params[] = {
	LISTEN_PARAMS, { "guest_port", RPC_INT, true, 1, 65535, "port of the guest" }, END
};
static const struct rpc_param forward_remove_params[] = { LISTEN_PARAMS, END };

static const struct rpc_operation operations[] = {
	{ "status", control_do_status, no_params, "What the VM is and does." },
	{ "stats", control_do_stats, no_params, "Counters of CPUs, disks and networks." },
	{ "pause", control_do_pause, no_params, "Stops the guest's CPUs." },
	{ "resume", control_do_resume, no_params, "Lets them go on." },
	{ "reset", control_do_reset, no_params, "Presses the reset button." },
	{ "power-button", control_do_power_button, no_params, "Presses the power button." },
	{ "quit", control_do_quit, no_params, "Ends the VM as if its power was cut." },
	{ "events", control_do_events, no_params, "Tells this connection of events." },
	{ "memory", control_do_memory, no_params, "What the guest's memory is and costs." },
	{ "memory-target", control_do_memory_target, target_params, "Sets the balloon." },
	{ "screenshot", control_do_screenshot, no_params, "The picture as it is now." },
	{ "attach-display", control_do_attach_display, no_params, "The picture to be watched." },
	{ "wait-display", control_do_wait_display, no_params, "What has changed of it." },
	{ "vnc-client", control_do_vnc_client, vnc_params,
	  "Speaks RFB on the stream socket whose descriptor comes with the request." },
	{ "attach-vnc", control_do_attach_vnc, vnc_params,
	  "Hands out a stream socket on which RFB is spoken." },
	{ "attach-serial", control_do_attach_serial, attach_serial_params,
	  "Hands out a stream socket that is the serial console." },
	{ "send-key", control_do_send_key, send_key_params, "Presses keys together." },
	{ "type", control_do_type, type_params, "Types a text." },
	{ "key", control_do_key, key_params, "Presses a key or lets it go." },
	{ "pointer", control_do_pointer, pointer_params, "Moves the pointer." },
	{ "forward-add", control_do_forward_add, forward_add_params, "Forwards a port." },
	{ "forward-remove", control_do_forward_remove, forward_remove_params,
	  "Ends a forward." },
	{ "forward-list", control_do_forward_list, no_params, "The network's forwards." },
};

const struct rpc_service control_service = {
	.operation = operations, .count = sizeof(operations) / sizeof(operations[0]),
	.document = "userland/monitor/control/README.md",
};
