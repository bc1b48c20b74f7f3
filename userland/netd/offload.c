// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checksums and segmentation in software: virtio 1.2, 5.1.6.2 "Packet
 * Transmission" for the header, RFC 9293 and 768 for what segments look like, RFC 791
 * for fragments.
 */
#include "offload.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "packet.h"

#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4, younger than some headers */
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u
#define TCP_CHECKSUM 16u
#define UDP_CHECKSUM 6u
#define IP_DONT_FRAGMENT 0x4000u
#define IP_MORE_FRAGMENTS 0x2000u
#define IP_OFFSET 0x1fffu /* of a fragment, in units of 8 bytes */

/* Is it what its gso_type says, with the checksum where it belongs? */
static bool gso_fits(const struct virtio_net_hdr_v1 *header, const uint8_t *frame,
		     uint32_t length)
{
	struct packet p;
	bool tcp;

	if (!packet_parse(frame, length, &p))
		return false;
	tcp = p.protocol == IPPROTO_TCP;
	switch (header->gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		if (!tcp || p.ipv6)
			return false;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		if (!tcp || !p.ipv6)
			return false;
		break;
	case GSO_UDP_L4:
		if (tcp)
			return false;
		break;
	default:
		return false;
	}
	return p.end - p.payload <= OFFLOAD_SEGMENTS_MAX * header->gso_size &&
	       header->csum_start == p.l4 &&
	       header->csum_offset == (tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
}

int offload_check(struct virtio_net_hdr_v1 *header, const uint8_t *frame, uint32_t length)
{
	bool partial = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	if (length < ETH_HEADER || length > NET_PORT_FRAME_MAX)
		return -EINVAL;
	header->flags = partial ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0;
	header->num_buffers = 0;
	if (partial && (header->csum_start < ETH_HEADER ||
			(uint32_t)header->csum_start + header->csum_offset + 2 > length))
		return -EINVAL;
	if (!partial)
		header->csum_start = header->csum_offset = 0;
	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		header->gso_size = header->hdr_len = 0;
		return 0;
	}
	if (!partial || !header->gso_size || !gso_fits(header, frame, length))
		return -EINVAL;
	return 0;
}

uint32_t offload_needs(const struct virtio_net_hdr_v1 *header)
{
	uint32_t needs = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM ? NET_PORT_CSUM : 0;

	switch (header->gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4: return needs | NET_PORT_TSO4;
	case VIRTIO_NET_HDR_GSO_TCPV6: return needs | NET_PORT_TSO6;
	case GSO_UDP_L4: return needs | NET_PORT_USO;
	default: return needs;
	}
}

void offload_checksum(struct virtio_net_hdr_v1 *header, uint8_t *frame, uint32_t length)
{
	uint8_t *field = frame + header->csum_start + header->csum_offset;
	struct packet p;
	uint16_t sum;

	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	if (packet_parse(frame, length, &p) && p.l4 == header->csum_start)
		length = p.end; /* padding does not count */
	/* The field has the pseudo header's sum already. */
	sum = (uint16_t)~packet_fold(packet_sum(frame + header->csum_start,
						length - header->csum_start, 0));
	put16(field, !sum && header->csum_offset == UDP_CHECKSUM ? 0xffff : sum);
	header->flags = 0;
	header->csum_start = header->csum_offset = 0;
}

bool offload_enlarge(struct virtio_net_hdr_v1 *header, uint8_t *frame, uint32_t length,
		     uint16_t size)
{
	struct packet p;

	if (!packet_parse(frame, length, &p) || p.ipv6 || p.protocol != IPPROTO_TCP)
		return false;
	*header = (struct virtio_net_hdr_v1){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = (uint16_t)p.payload, .gso_size = size,
		.csum_start = (uint16_t)p.l4, .csum_offset = TCP_CHECKSUM,
	};
	put16(frame + p.l4 + TCP_CHECKSUM,
	      packet_fold(packet_pseudo_sum(frame, &p, p.end - p.l4)));
	return true;
}

/* IP lengths, identification and header checksum of segment number `index`. */
static void patch_ip(uint8_t *frame, const struct packet *p, uint32_t index, uint32_t end)
{
	uint8_t *ip = frame + p->l3;

	if (p->ipv6) {
		put16(ip + 4, end - p->l4);
		return;
	}
	put16(ip + 2, end - p->l3);
	put16(ip + 4, get16(ip + 4) + index);
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~packet_fold(packet_sum(ip, p->l4 - p->l3, 0)));
}

static void patch_l4(uint8_t *frame, const struct packet *p, uint32_t offset, uint32_t end,
		     bool last)
{
	bool tcp = p->protocol == IPPROTO_TCP;
	uint8_t *l4 = frame + p->l4, *field = l4 + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
	uint16_t sum;

	if (tcp) {
		put32(l4 + 4, get32(l4 + 4) + offset);
		if (!last)
			l4[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
		if (offset)
			l4[13] &= (uint8_t)~TCP_CWR;
	} else {
		put16(l4 + 4, end - p->l4);
	}
	put16(field, 0);
	sum = (uint16_t)~packet_fold(packet_sum(l4, end - p->l4,
						packet_pseudo_sum(frame, p, end - p->l4)));
	put16(field, !tcp && !sum ? 0xffff : sum);
}

void offload_segment(const struct virtio_net_hdr_v1 *header, const uint8_t *frame,
		     uint32_t length, uint8_t *scratch, offload_emit emit, void *ctx)
{
	uint32_t offset = 0, total, index = 0;
	struct packet p;

	if (!packet_parse(frame, length, &p))
		return; /* not checked: nothing that could be split */
	total = p.end - p.payload;
	do {
		uint32_t part = total - offset < header->gso_size ? total - offset :
								    header->gso_size;
		uint32_t end = p.payload + part;

		memcpy(scratch, frame, p.payload);
		memcpy(scratch + p.payload, frame + p.payload + offset, part);
		patch_ip(scratch, &p, index++, end);
		patch_l4(scratch, &p, offset, end, offset + part == total);
		emit(ctx, scratch, end);
		offset += part;
	} while (offset < total);
}

/* RFC 791, 3.2, "An Example Fragmentation Procedure". */
void offload_fragment(const uint8_t *frame, uint32_t length, uint32_t mtu, uint8_t *scratch,
		      offload_emit emit, void *ctx)
{
	const uint8_t *ip = frame + ETH_HEADER;
	uint8_t *out = scratch + ETH_HEADER;
	uint32_t header, total, room, part;
	uint16_t flags;

	if (length < ETH_HEADER + 20 || get16(frame + 12) != ETHERTYPE_IP)
		return;
	header = (ip[0] & 15) * 4u;
	total = get16(ip + 2);
	flags = get16(ip + 6);
	if (header < 20 || total < header || total > length - ETH_HEADER ||
	    flags & IP_DONT_FRAGMENT)
		return;
	room = (mtu - header) & ~7u;
	for (uint32_t at = 0; at < total - header; at += part) {
		uint32_t left = total - header - at, more = left > room ? IP_MORE_FRAGMENTS : 0;

		part = more ? room : left;
		memcpy(scratch, frame, ETH_HEADER + header);
		memcpy(out + header, ip + header + at, part);
		put16(out + 2, header + part);
		put16(out + 6, (flags & IP_MORE_FRAGMENTS) | more |
			       ((flags + at / 8) & IP_OFFSET));
		put16(out + 10, 0);
		put16(out + 10, (uint16_t)~packet_fold(packet_sum(out, header, 0)));
		emit(ctx, scratch, ETH_HEADER + header + part);
	}
}
