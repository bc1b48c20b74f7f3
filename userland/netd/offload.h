/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a network card would do in hardware, for those who cannot: complete
 * checksums, and split large TCP and UDP segments. Pure functions.
 */
#ifndef BATON_NETD_OFFLOAD_H
#define BATON_NETD_OFFLOAD_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/net_port.h"

/* One frame becomes no more: more have to be made by the sender's own stack. */
#define OFFLOAD_SEGMENTS_MAX 512u

/*
 * Checks a header against its frame and drops bits that mean nothing here.
 * -EINVAL: the two contradict each other.
 */
int offload_check(struct virtio_net_hdr_v1 *header, const uint8_t *frame, uint32_t length);

/* The features that a receiver needs to take the frame as it is. */
uint32_t offload_needs(const struct virtio_net_hdr_v1 *header);

/* Completes the checksum in the frame, and says so in the header. Checked, no GSO. */
void offload_checksum(struct virtio_net_hdr_v1 *header, uint8_t *frame, uint32_t length);

/*
 * A TCP frame of IPv4 with complete checksums, larger than a receiver's MTU, becomes a
 * checked GSO frame of segments with `size` bytes each. False: it is another.
 */
bool offload_enlarge(struct virtio_net_hdr_v1 *header, uint8_t *frame, uint32_t length,
		     uint16_t size);

/* Takes a segment; frame is good until it returns and may be changed. */
typedef void (*offload_emit)(void *ctx, uint8_t *frame, uint32_t length);
/*
 * Splits a checked GSO frame into ones with all checksums, put together in
 * scratch, which has room for NET_PORT_FRAME_MAX.
 */
void offload_segment(const struct virtio_net_hdr_v1 *header, const uint8_t *frame,
		     uint32_t length, uint8_t *scratch, offload_emit emit, void *ctx);
/* The same for a packet of IPv4 that is to be sent as fragments, unless it forbids them. */
void offload_fragment(const uint8_t *frame, uint32_t length, uint32_t mtu, uint8_t *scratch,
		      offload_emit emit, void *ctx);

#endif
