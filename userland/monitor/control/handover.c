// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations that connect somebody with the VM: a socket comes with the request or goes
 * with the answer, and what is said on it is none of the control socket's.
 */
#include <errno.h>

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
