/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: JSON lines (lib/rpc.h) for whoever manages the VM. README.md here
 * describes the operations. Outlives a reset of the guest. All on the main thread,
 * within its event loop.
 */
#ifndef BATON_CONTROL_CONTROL_H
#define BATON_CONTROL_CONTROL_H

#include "core/machine.h"
#include "lib/rpc.h"

struct board;
struct console_hub;
struct control;
struct display;
struct input;
struct options;
struct typist;

struct control_config {
	struct loop *loop;
	const char *engine;		/* its name */
	const struct options *options;	/* control: the socket's path */
	struct display *display;	/* NULL, as the next two: there is no screen */
	struct input *input;
	struct typist *typist;
	struct console_hub *hub;	/* NULL: the serial port is somebody else's */
	/* Shows the screen on a connected socket, which is taken in any case. -errno */
	int (*serve_viewer)(void *ctx, int fd, bool skip_auth);
	void *serve_viewer_ctx;
};

/* Listens. -errno as unix_listen(). */
int control_create(const struct control_config *config, struct control **ret_control);
void control_destroy(struct control *control);	/* NULL is fine */

/* The machine that runs from now on. */
void control_set_board(struct control *control, struct board *board);
/* It has ended and is about to be destroyed, or there was none: it could not be built. */
void control_machine_ended(struct control *control, enum machine_end how);

extern const struct rpc_service control_service;

#endif
