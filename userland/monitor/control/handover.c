// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations that connect somebody with the VM: a socket comes with the request or goes
 * with the answer, and what is said on it is none of the control socket's.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/control_private.h"
#include "dev/console_hub.h"

/* ---- the serial port ---- */

static bool serial_busy(struct rpc_request *r, int error)
{
	btn_set_default(r->e, BTN_SERIAL_BUSY);
	if (error == -EUSERS)
		btn_set_cause(r->e, "%u are attached to it already, and no more can be.",
			      CONSOLE_HUB_CLIENTS_MAX);
	return false;
}

bool control_do_attach_serial(struct rpc_request *r)
{
	struct console_hub *hub = control_of(r)->config.hub;
	struct console_hub_attach how = { .history = true };
	int fd;

	if (!hub) {
		btn_set_default(r->e, BTN_NO_CONSOLE_HUB);
		return false;
	}
	json_get_bool(r->object, "history", &how.history);
	json_get_bool(r->object, "exclusive", &how.exclusive);
	json_get_bool(r->object, "force", &how.force);
	fd = console_hub_attach(hub, &how);
	if (fd == -EBUSY || fd == -EUSERS)
		return serial_busy(r, fd);
	if (fd < 0)
		return control_host_failed(r, "nobody could be attached to the serial port", fd);
	r->fd = fd;
	return true;
}

/* ---- viewers ---- */

static bool viewer_failed(struct rpc_request *r, int error)
{
	if (error != -ENOPKG && error != -EBUSY)
		return control_host_failed(r, "the viewer cannot be served", error);
	btn_set(r->e, BTN_DISPLAY, "the viewer cannot be served");
	if (error == -ENOPKG) {
		btn_set_cause(r->e, "LibVNCServer is not installed.");
		btn_set_fix(r->e, "apt install libvncserver1");
	} else {
		btn_set_cause(r->e, "As many viewers as there can be watch the screen already.");
		btn_set_fix(r->e, "Close one of them.");
	}
	return false;
}

/* The descriptor is taken in any case. */
static bool serve(struct rpc_request *r, int fd)
{
	const struct control_config *config = &control_of(r)->config;
	int error, flags = fcntl(fd, F_GETFL);
	bool skip_auth = false;

	json_get_bool(r->object, "skip_auth", &skip_auth);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK)) {
		error = -errno;
		close(fd);
	} else {
		error = config->serve_viewer(config->serve_viewer_ctx, fd, skip_auth);
	}
	return !error || viewer_failed(r, error);
}

static int get_option(int fd, int name)
{
	socklen_t size = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) ? -1 : value;
}

/* A stream socket with somebody at its other end. */
static bool is_connection(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	int domain = get_option(fd, SO_DOMAIN);

	return (domain == AF_UNIX || domain == AF_INET || domain == AF_INET6) &&
	       get_option(fd, SO_TYPE) == SOCK_STREAM &&
	       !getpeername(fd, (struct sockaddr *)&peer, &size);
}

static bool no_connection(struct rpc_request *r)
{
	btn_set(r->e, BTN_BAD_VALUE, "no viewer came with the request");
	btn_set_cause(r->e, "One descriptor has to come with it by SCM_RIGHTS: a stream socket "
		      "that is connected with the viewer.");
	btn_set_fix(r->e, "Send it with the request's first byte, or use \"attach-vnc\", which "
		    "hands one out.");
	return false;
}

bool control_do_vnc_client(struct rpc_request *r)
{
	struct control_client *client = client_of(r);
	int fd = client->passed;

	if (!control_need_screen(r))
		return false;
	if (!is_connection(fd))
		return no_connection(r);
	client->passed = -1;
	return serve(r, fd);
}

bool control_do_attach_vnc(struct rpc_request *r)
{
	int pair[2];

	if (!control_need_screen(r))
		return false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return control_host_failed(r, "the viewer cannot be served", -errno);
	if (!serve(r, pair[0])) {
		close(pair[1]);
		return false;
	}
	r->fd = pair[1];
	return true;
}
