/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server (server.c) and its operations, for each other alone. Main thread. */
#ifndef BATON_CONTROL_PRIVATE_H
#define BATON_CONTROL_PRIVATE_H

#include "control/control.h"
#include "display/input.h"
#include "options.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_LINE_MAX 32768u		/* a text to type, each byte written as \u0000 */
#define CONTROL_REPLY_MAX 131072u

struct control_client {
	struct control *control;
	int fd;				/* -1: free */
	int passed;			/* descriptor that came with what is in line; -1: none */
	bool closed_writing;		/* it sends no more, but may still read */
	bool wants_events;
	bool waiting;			/* an answer is to come; its next request waits */
	bool typing, watching;		/* what the answer waits for */
	struct display_viewer *viewer;	/* NULL: has not attached */
	uint64_t generation;		/* of the surface that it has */
	struct input_user user;
	uint32_t length;
	char line[CONTROL_LINE_MAX];	/* untouched pages cost nothing */
};

struct control {
	struct control_config config;
	int listener;
	struct board *board;		/* NULL: between two of them */
	uint64_t start_ns;
	unsigned int resets;
	bool net_late;			/* baton-net has not answered the last request yet */
	struct loop_timer *frame;	/* while somebody waits for damage, or keys for room */
	struct loop_timer *retry;	/* until there may be a descriptor for who waits */
	struct control_client client[CONTROL_CLIENTS_MAX];
};

static inline struct control *control_of(struct rpc_request *r)
{
	return r->ctx;
}

static inline struct control_client *client_of(struct rpc_request *r)
{
	return &control_of(r)->client[r->client];
}

/* Sends the answer that was put off: out is as an operation leaves it, or NULL: no members. */
void control_start_answer(struct json_out *out, char *text, size_t size);
void control_finish_answer(struct control_client *client, struct json_out *out, int fd);
/* {"event":name} to all who asked for events. */
void control_event(struct control *control, const char *name);

/* A request could not be done for this negative errno. Returns false. */
bool control_host_failed(struct rpc_request *r, const char *what, int error);
/* For operations that need a screen; false: *r->e says that there is none. */
bool control_need_screen(struct rpc_request *r);
/* The client is leaving: forget what it waits for. */
void control_leave_screen(struct control_client *client);
void control_on_frame(void *ctx);	/* of control.frame */

/* machine.c */
bool control_do_status(struct rpc_request *r);
bool control_do_stats(struct rpc_request *r);
bool control_do_pause(struct rpc_request *r);
bool control_do_resume(struct rpc_request *r);
bool control_do_reset(struct rpc_request *r);
bool control_do_power_button(struct rpc_request *r);
bool control_do_quit(struct rpc_request *r);
bool control_do_events(struct rpc_request *r);
bool control_do_memory(struct rpc_request *r);
bool control_do_memory_target(struct rpc_request *r);
/* handover.c */
bool control_do_attach_serial(struct rpc_request *r);
bool control_do_vnc_client(struct rpc_request *r);
bool control_do_attach_vnc(struct rpc_request *r);
/* screen.c */
bool control_do_screenshot(struct rpc_request *r);
bool control_do_attach_display(struct rpc_request *r);
bool control_do_wait_display(struct rpc_request *r);
bool control_do_send_key(struct rpc_request *r);
bool control_do_type(struct rpc_request *r);
bool control_do_key(struct rpc_request *r);
bool control_do_pointer(struct rpc_request *r);
/* forwards.c */
bool control_do_forward_add(struct rpc_request *r);
bool control_do_forward_remove(struct rpc_request *r);
bool control_do_forward_list(struct rpc_request *r);

#endif
