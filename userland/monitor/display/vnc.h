/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VNC (RFB 3.8) for a display, by LibVNCServer: on a UNIX socket, or on
 * 127.0.0.1 with a password, or on sockets that are handed in. No HTTP, no file
 * transfer, no reverse connections.
 */
#ifndef BATON_DISPLAY_VNC_H
#define BATON_DISPLAY_VNC_H

#include <stdbool.h>
#include <stdint.h>

struct display;
struct input;
struct vnc;

#define VNC_MAX_VIEWERS 8u

struct vnc_config {
	struct display *display;
	struct input *input;	/* where keys and pointer go */
	const char *listen;	/* "unix:PATH" or "127.0.0.1:PORT"; NULL: only vnc_serve() */
	const char *name;	/* what viewers show as title; NULL: the product's */
	const char *password;	/* at most 8 bytes count; NULL: none, UNIX sockets only */
};

/*
 * -EINVAL: not such an address, or a password is lacking; -ENOPKG: LibVNCServer is not
 * installed; else -errno.
 */
int vnc_create(const struct vnc_config *config, struct vnc **ret_vnc);
/* Ends all viewers. NULL is fine. */
void vnc_destroy(struct vnc *vnc);
/*
 * Serves a socket that is connected already and non-blocking, and owns it from then on.
 * skip_auth: whoever hands it in answers for the viewer, who is asked no password. -EBUSY:
 * too many.
 */
int vnc_serve(struct vnc *vnc, int fd, bool skip_auth);

#endif
