// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libslirp behind a small interface. See uplink.h. One thread; callbacks come
 * from within uplink_send() and uplink_dispatch().
 */
#include "uplink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lease.h"
#include "loopback.h"
#include "packet.h"
#include "reassembly.h"

#define TIMERS_MAX 8
#define IP_RESERVED 0x8000u
#define IP_DONT_FRAGMENT 0x4000u

struct timer {
	bool used, armed;
	int64_t expires_ms;
	SlirpTimerCb run;
	void *ctx;
};

struct uplink {
	Slirp *slirp;
	uplink_receive receive;
	void *ctx;
	struct timer timer[TIMERS_MAX];
	struct loopback loopback;
	struct reassembly reassembly;
	uint8_t copy[NET_PORT_FRAME_MAX];	/* of a frame that has to be changed */
	struct pollfd *fds;
	unsigned int fd_count, fd_max;
};

/*
 * libslirp counts milliseconds in 32 bits, and adds to them: the minutes before they wrap
 * are left out, for a socket that is to live for four would be gone at once.
 */
static int64_t now_ns(void *opaque)
{
	const int64_t skipped = 300000000000, wrap = (1ll << 32) * 1000000 - skipped;
	struct timespec t;
	int64_t ns;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &t);
	ns = t.tv_sec * 1000000000ll + t.tv_nsec;
	return ns + ns / wrap * skipped;
}

static uint64_t now_s(void)
{
	return (uint64_t)now_ns(NULL) / 1000000000 + 1;
}

/* ---- callbacks ---- */

static ssize_t send_packet(const void *frame, size_t length, void *opaque)
{
	struct uplink *u = opaque;

	if (length < ETH_HEADER || length > NET_PORT_FRAME_MAX)
		return (ssize_t)length;
	if (loopback_is_source(&u->loopback, frame, (uint32_t)length)) {
		frame = memcpy(u->copy, frame, length);
		loopback_in(&u->loopback, u->copy, (uint32_t)length, now_s());
	}
	u->receive(u->ctx, frame, (uint32_t)length);
	return (ssize_t)length;
}

/* Guests can cause these without end. */
static void guest_error(const char *message, void *opaque)
{
	(void)message, (void)opaque;
}

static void *timer_new(SlirpTimerCb run, void *cb_opaque, void *opaque)
{
	struct uplink *u = opaque;

	for (unsigned int i = 0; i < TIMERS_MAX; i++)
		if (!u->timer[i].used) {
			u->timer[i] = (struct timer){ .used = true, .run = run, .ctx = cb_opaque };
			return &u->timer[i];
		}
	return NULL;
}

static void timer_free(void *timer, void *opaque)
{
	(void)opaque;
	if (timer)
		((struct timer *)timer)->used = false;
}

static void timer_mod(void *timer, int64_t expires_ms, void *opaque)
{
	struct timer *t = timer;

	(void)opaque;
	if (!t)
		return;
	t->armed = true;
	t->expires_ms = expires_ms;
}

static void poll_fd(int fd, void *opaque)
{
	(void)fd, (void)opaque; /* all are asked for before each poll() */
}

static void notify(void *opaque)
{
	(void)opaque; /* one thread: the loop comes around */
}

static const SlirpCb callbacks = {
	.send_packet = send_packet, .guest_error = guest_error, .clock_get_ns = now_ns,
	.timer_new = timer_new, .timer_free = timer_free, .timer_mod = timer_mod,
	.register_poll_fd = poll_fd, .unregister_poll_fd = poll_fd, .notify = notify,
};

/* ---- life ---- */

int uplink_create(const struct subnet *subnet, uplink_receive receive, void *ctx,
		  struct uplink **ret)
{
	struct uplink *u = calloc(1, sizeof(*u));
	SlirpConfig config = {
		.version = 4,
		.in_enabled = true,
		.vnetwork = { htonl(subnet->network) },
		.vnetmask = { htonl(subnet->mask) },
		.vhost = { htonl(subnet->router) },
		.vdhcp_start = { htonl(subnet->first) },
		.vnameserver = { htonl(subnet->dns) },
		.if_mtu = UPLINK_LARGE,
		.if_mru = UPLINK_LARGE,
		.disable_dhcp = true,
		.disable_host_loopback = true,
	};

	if (!u)
		return -ENOMEM;
	u->receive = receive;
	u->ctx = ctx;
	u->loopback.router = subnet->router;
	u->slirp = slirp_new(&config, &callbacks, u);
	if (!u->slirp) {
		free(u);
		return -EINVAL;
	}
	*ret = u;
	return 0;
}

void uplink_destroy(struct uplink *u)
{
	if (!u)
		return;
	slirp_cleanup(u->slirp);
	free(u->fds);
	free(u);
}

/*
 * 127.0.0.0/8 and 0.0.0.0/8, which Linux connects to 127.0.0.1: what the host
 * serves to itself there is not for guests. libslirp connects to any address.
 */
static bool is_for_loopback(const uint8_t *frame, uint32_t length)
{
	uint8_t first = length >= ETH_HEADER + 20 ? frame[ETH_HEADER + 16] : 0;

	return get16(frame + 12) == ETHERTYPE_IP && (first == 127 || first == 0);
}

/*
 * What libslirp 4.7 cannot be trusted with. It sends as many bytes as an urgent pointer
 * says, whether it has them or not (sosendoob()): nothing is urgent here. And it dies of
 * a packet's last fragment that comes without the others (ip_reass(), as Debian builds
 * it): it gets whole packets. TCP whose header is not to be seen goes nowhere.
 */
static void send_ip(struct uplink *u, uint8_t *frame, uint32_t length)
{
	struct packet p;
	uint16_t place;

	if (!packet_parse_ip(frame, length, &p))
		return;
	place = get16(frame + p.l3 + 6);
	if (p.protocol == IPPROTO_TCP) {
		if (!packet_parse(frame, length, &p) || place & IP_RESERVED)
			return;
		packet_clear_urgent(frame, &p);
	} else if (place & ~IP_DONT_FRAGMENT) {
		if (place & IP_RESERVED)
			return;
		frame = reassembly_add(&u->reassembly, frame, &p, now_s(), &length);
		if (!frame)
			return;
	}
	loopback_out(&u->loopback, frame, length, now_s());
	slirp_input(u->slirp, frame, (int)length);
}

/* ARP and IPv4, neither in a VLAN. */
void uplink_send(struct uplink *u, uint8_t *frame, uint32_t length)
{
	uint16_t type = length >= ETH_HEADER ? get16(frame + 12) : 0;

	if (length > NET_PORT_FRAME_MAX)
		return;
	if (type == ETHERTYPE_ARP)
		slirp_input(u->slirp, frame, (int)length);
	else if (type == ETHERTYPE_IP && !is_for_loopback(frame, length))
		send_ip(u, frame, length);
}

/* ---- forwards ---- */

/*
 * libslirp lets one connection wait to be accepted: of several that come at once
 * most would be late or lost. It does not tell which socket it listens on, but
 * names it as one to be polled.
 */
static int widen_listener(int fd, int events, void *opaque)
{
	socklen_t size = sizeof(int);
	int listens = 0;

	(void)events, (void)opaque;
	if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) && listens)
		listen(fd, SOMAXCONN);
	return -1; /* not polled: what has happened to it the next turn shows */
}

int uplink_add_forward(struct uplink *u, const struct uplink_forward *f)
{
	struct in_addr host = { htonl(f->host_address) }, guest = { htonl(f->guest_address) };
	uint32_t timeout = 0;

	errno = 0;
	if (slirp_add_hostfwd(u->slirp, f->udp, host, f->host_port, guest, f->guest_port))
		return errno ? -errno : -EADDRINUSE;
	slirp_pollfds_fill(u->slirp, &timeout, widen_listener, NULL);
	return 0;
}

void uplink_remove_forward(struct uplink *u, const struct uplink_forward *f)
{
	struct in_addr host = { htonl(f->host_address) };

	slirp_remove_hostfwd(u->slirp, f->udp, host, f->host_port);
	if (f->udp) /* nothing leads to these ports any more */
		memset(u->loopback.flow, 0, sizeof(u->loopback.flow));
}

/* ---- polling ---- */

static bool append(struct uplink *u, struct pollfd fd)
{
	if (u->fd_count == u->fd_max) {
		unsigned int max = u->fd_max ? 2 * u->fd_max : 64;
		struct pollfd *fds = realloc(u->fds, max * sizeof(*fds));

		if (!fds)
			return false;
		u->fds = fds;
		u->fd_max = max;
	}
	u->fds[u->fd_count++] = fd;
	return true;
}

static int add_poll(int fd, int events, void *opaque)
{
	struct uplink *u = opaque;
	struct pollfd p = { .fd = fd };

	if (events & SLIRP_POLL_IN)
		p.events |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		p.events |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		p.events |= POLLPRI;
	return append(u, p) ? (int)u->fd_count - 1 : -1;
}

static int get_revents(int index, void *opaque)
{
	struct uplink *u = opaque;
	short happened = index >= 0 && (unsigned int)index < u->fd_count ? u->fds[index].revents :
									    0;

	return (happened & POLLIN ? SLIRP_POLL_IN : 0) | (happened & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (happened & POLLPRI ? SLIRP_POLL_PRI : 0) |
	       (happened & (POLLERR | POLLNVAL) ? SLIRP_POLL_ERR : 0) |
	       (happened & POLLHUP ? SLIRP_POLL_HUP : 0);
}

unsigned int uplink_prepare(struct uplink *u, const struct pollfd *first, unsigned int count,
			    struct pollfd **ret_fds, uint32_t *timeout)
{
	int64_t now = now_ns(NULL) / 1000000;

	u->fd_count = 0;
	for (unsigned int i = 0; i < count; i++)
		append(u, first[i]);
	slirp_pollfds_fill(u->slirp, timeout, add_poll, u);
	for (unsigned int i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &u->timer[i];

		if (t->used && t->armed && t->expires_ms < now + (int64_t)*timeout)
			*timeout = t->expires_ms > now ? (uint32_t)(t->expires_ms - now) : 0;
	}
	*ret_fds = u->fds;
	return u->fd_count;
}

static void run_timers(struct uplink *u)
{
	int64_t now = now_ns(NULL) / 1000000;

	for (unsigned int i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &u->timer[i];

		if (!t->used || !t->armed || t->expires_ms > now)
			continue;
		t->armed = false;
		t->run(t->ctx);
	}
}

void uplink_dispatch(struct uplink *u, bool poll_failed)
{
	slirp_pollfds_poll(u->slirp, poll_failed, get_revents, u);
	run_timers(u);
}
