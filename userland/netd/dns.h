/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the VMs on the network as a DNS server (RFC 1035). What is not the
 * network's own goes to the uplink.
 */
#ifndef BATON_NETD_DNS_H
#define BATON_NETD_DNS_H

#include <stdint.h>

struct leases;

#define DNS_REPLY_MAX 512u

/*
 * Answers a query (the UDP payload) into reply[DNS_REPLY_MAX]. Length of the
 * answer; 0: not ours, to be passed on; -EINVAL: to be dropped.
 */
int dns_answer(struct leases *leases, const uint8_t *query, uint32_t length, uint8_t *reply);

#endif
