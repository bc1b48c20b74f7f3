// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a VM must not send. See guard.h.
 */
#include "guard.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "lease.h"
#include "packet.h"

#define ARP_SIZE 28u
#define TAG_SIZE 4u
#define TAG_VLAN 0x0fffu
#define IP_FRAGMENT 0x3fffu	/* more follow, or it is at an offset */
#define IP_OFFSET 0x1fffu

static uint16_t less_tag(uint16_t offset)
{
	return offset < TAG_SIZE ? 0 : (uint16_t)(offset - TAG_SIZE);
}

void guard_untag(struct virtio_net_hdr_v1 *header, uint8_t **frame, uint32_t *length)
{
	while (*length >= ETH_HEADER + TAG_SIZE && packet_is_tag(get16(*frame + 12)) &&
	       !(get16(*frame + 14) & TAG_VLAN)) {
		memmove(*frame + TAG_SIZE, *frame, 12);
		*frame += TAG_SIZE;
		*length -= TAG_SIZE;
		header->csum_start = less_tag(header->csum_start);
		header->hdr_len = less_tag(header->hdr_len);
	}
}

/*
 * DHCP in fragments, which the switch cannot serve, and which receivers put together. The
 * first one has the ports, or is shorter than any that has an honest purpose.
 */
static bool is_dhcp_fragment(const uint8_t *frame, const struct packet *p)
{
	uint16_t place = get16(frame + p->l3 + 6), port;

	if (p->protocol != IPPROTO_UDP || !(place & IP_FRAGMENT) || place & IP_OFFSET)
		return false;
	if (p->end - p->l4 < 8)
		return true;
	port = get16(frame + p->l4 + 2);
	return port == DHCP_SERVER_PORT || port == DHCP_CLIENT_PORT;
}

/*
 * May the port call this address its own? Not the router's side, nor what is leased to
 * somebody else. Of its own addresses a VM does with each what it likes.
 */
static bool may_have(struct leases *leases, int port, const uint8_t *mac, uint32_t address)
{
	const struct lease *lease;

	if (address == leases->subnet.router || address == leases->subnet.dns)
		return false;
	lease = lease_of_address(leases, address);
	return !lease || lease->port == port || !memcmp(lease->mac, mac, 6);
}

/* RFC 826: who says that it has which address. */
static bool allows_arp(struct leases *leases, int port, const uint8_t *frame)
{
	const uint8_t *sender = frame + ETH_HEADER + 8;

	return !memcmp(sender, frame + 6, 6) &&
	       may_have(leases, port, frame + 6, get32(sender + 6));
}

/* These go no further than our server, which tells whose address is another's by now. */
static bool is_dhcp_request(const uint8_t *frame, uint32_t length)
{
	struct packet p;

	return packet_parse(frame, length, &p) && p.protocol == IPPROTO_UDP &&
	       p.target_port == DHCP_SERVER_PORT;
}

bool guard_allows(struct leases *leases, int port, const uint8_t *frame, uint32_t length)
{
	struct packet p;

	if (length >= ETH_HEADER + ARP_SIZE && get16(frame + 12) == ETHERTYPE_ARP)
		return allows_arp(leases, port, frame);
	/* What is in a VLAN is between the guests. */
	if (!packet_parse_ip(frame, length, &p) || p.l3 != ETH_HEADER || p.ipv6)
		return true;
	return !is_dhcp_fragment(frame, &p) && (is_dhcp_request(frame, length) ||
						may_have(leases, port, frame + 6, p.source));
}
