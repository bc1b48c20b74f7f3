/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VNC (RFB 3.8) for a display, by LibVNCServer: on a UNIX socket, or on
 * 127.0.0.1 with a password. No HTTP, no file transfer, no reverse connections.
 */
#ifndef BATON_DISPLAY_VNC_H
#define BATON_DISPLAY_VNC_H

#include <stdbool.h>
#include <stdint.h>

struct display;
struct vnc;

#define VNC_MAX_VIEWERS 8u

/* Where input goes. Called on a viewer's thread, with no lock held. */
struct input_sink {
	void (*key)(void *ctx, uint16_t evdev, bool down);
	/* So many keys are taken now; a viewer's wait for a while. NULL: they never wait. */
	unsigned int (*key_room)(void *ctx);
	/* Absolute, within a screen of w x h; buttons of RFB (i8042.h) */
	void (*pointer)(void *ctx, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
			uint8_t buttons);
	void *ctx;
};

struct vnc_config {
	struct display *display;
	struct input_sink input;
	const char *listen;	/* "unix:PATH" or "127.0.0.1:PORT" */
	const char *password;	/* at most 8 bytes count; NULL: none, UNIX sockets only */
};

/*
 * -EINVAL: not such an address, or a password is lacking; -ENOPKG: LibVNCServer is not
 * installed; else -errno.
 */
int vnc_create(const struct vnc_config *config, struct vnc **ret_vnc);
/* Ends all viewers. NULL is fine. */
void vnc_destroy(struct vnc *vnc);
/* Serves a socket that is connected already, and owns it from then on. -EBUSY: too many. */
int vnc_serve(struct vnc *vnc, int fd);

#endif
