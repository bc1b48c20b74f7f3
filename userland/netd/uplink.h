/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network's way out: libslirp, whose sockets are this process's own. Frames
 * with complete checksums in both directions. Guests have UPLINK_MTU; libslirp, to
 * which a packet costs the same whatever its size, has more (switch.c). But the
 * window to a guest has 64 KiB at most, and libslirp waits until half of it is free or a
 * whole segment fits (RFC 9293, 3.8.6.2.1); a segment as large as the window could make
 * it wait for long. So a quarter, which is a whole number of a guest's segments.
 */
#ifndef BATON_NETD_UPLINK_H
#define BATON_NETD_UPLINK_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct subnet;
struct uplink;

#define UPLINK_MTU 1500u
#define UPLINK_MSS(mtu) ((mtu) - 40u) /* RFC 9293, 3.7.1: headers without options */
#define UPLINK_LARGE (11 * UPLINK_MSS(UPLINK_MTU) + 40)

/* Takes a frame from outside; it is good until the call returns. */
typedef void (*uplink_receive)(void *ctx, const uint8_t *frame, uint32_t length);

int uplink_create(const struct subnet *subnet, uplink_receive receive, void *ctx,
		  struct uplink **ret);
void uplink_destroy(struct uplink *u);
/* The frame has all its checksums, and may be changed. */
void uplink_send(struct uplink *u, uint8_t *frame, uint32_t length);

struct uplink_forward {
	bool udp;
	uint32_t host_address, guest_address; /* host order */
	uint16_t host_port, guest_port;
};
/* Listens. -EADDRINUSE, -EACCES or another errno of the host. */
int uplink_add_forward(struct uplink *u, const struct uplink_forward *f);
void uplink_remove_forward(struct uplink *u, const struct uplink_forward *f);

/*
 * Before poll(): appends its descriptors to what the caller put into
 * (*ret_fds)[0 .. first); the array stays the uplink's. Lowers *timeout (ms).
 */
unsigned int uplink_prepare(struct uplink *u, const struct pollfd *first, unsigned int count,
			    struct pollfd **ret_fds, uint32_t *timeout);
/* After poll() on that array. */
void uplink_dispatch(struct uplink *u, bool poll_failed);

#endif
