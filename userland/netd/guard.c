// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a VM must not send. See guard.h.
 */
#include "guard.h"

#include <netinet/in.h>
#include <string.h>

#include "packet.h"

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

	if (p->ipv6 || p->protocol != IPPROTO_UDP || !(place & IP_FRAGMENT) || place & IP_OFFSET)
		return false;
	if (p->end - p->l4 < 8)
		return true;
	port = get16(frame + p->l4 + 2);
	return port == DHCP_SERVER_PORT || port == DHCP_CLIENT_PORT;
}

bool guard_allows(const uint8_t *frame, uint32_t length)
{
	struct packet p;

	/* What is in a VLAN is between the guests. */
	if (!packet_parse_ip(frame, length, &p) || p.l3 != ETH_HEADER)
		return true;
	return !is_dhcp_fragment(frame, &p);
}
