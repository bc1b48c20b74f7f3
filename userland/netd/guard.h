/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM must not send, whoever it is for. Pure functions; everything in a frame is
 * hostile.
 */
#ifndef BATON_NETD_GUARD_H
#define BATON_NETD_GUARD_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

struct leases;

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68

/*
 * Tags with a priority and no VLAN are left behind, as receivers do; frame and length
 * become those of what remains. The header is not checked yet.
 */
void guard_untag(struct virtio_net_hdr_v1 *header, uint8_t **frame, uint32_t *length);

/*
 * False: it is to be dropped. The frame comes from `port`, whose MAC the caller has looked
 * at, and is untagged by guard_untag().
 */
bool guard_allows(struct leases *leases, int port, const uint8_t *frame, uint32_t length);

#endif
