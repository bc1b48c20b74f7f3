// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See console_hub.h. The port has one end of a socket pair, the hub the other.
 *
 * Output: one ring keeps the last CONSOLE_HUB_KEPT bytes, and each client has its place
 * in the stream, so the ring is everybody's queue. A client whose place is overwritten is
 * dropped rather than shown a text with holes: it sees the end of its stream, knows that it
 * was too slow, and can attach again with what is kept.
 *
 * Input: a piece from one client is on its way at a time. While the port does not take all
 * of it, no client is read: their sockets fill, and they wait. Who closes its end meanwhile
 * has still typed what is in its socket; that is read later, unless another needs the place.
 */
#include "console_hub.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console_log.h"

#define PIECE 4096u

struct hub_client {
	struct console_hub *hub;
	int fd;			/* -1: free */
	bool gone;		/* its end is closed; only its input still counts */
	bool ended;		/* it sends no more */
	bool watched;		/* is in the loop, with the events below */
	uint32_t events;
	uint64_t sent;		/* its place in the stream */
};

struct console_hub {
	struct loop *loop;
	struct console_log *log;	/* NULL: none */
	int fd, uart_fd;
	uint32_t input_at, input_count;
	uint64_t total;			/* bytes of output since the start */
	struct hub_client client[CONSOLE_HUB_CLIENTS_MAX];
	uint8_t input[PIECE];
	uint8_t kept[CONSOLE_HUB_KEPT];	/* by place modulo its size */
};

static void on_client(void *ctx, int fd, uint32_t events);

/* ---- clients in the loop ---- */

static void unwatch(struct hub_client *c)
{
	if (c->watched)
		loop_remove_fd(c->hub->loop, c->fd);
	c->watched = false;
}

static void drop(struct hub_client *c)
{
	if (c->fd < 0)
		return;
	unwatch(c);
	close(c->fd);
	c->fd = -1;
}

/* Room to send is waited for only by who has not got all, input only if it can be taken. */
static void watch(struct hub_client *c)
{
	struct console_hub *hub = c->hub;
	uint32_t events = 0;

	if (c->fd < 0 || (c->gone && c->ended)) {
		drop(c);
		return;
	}
	if (!hub->input_count && !c->ended)
		events |= EPOLLIN;
	if (!c->gone && c->sent < hub->total)
		events |= EPOLLOUT;
	if (c->gone && !events) { /* the hang-up would be told all the time */
		unwatch(c);
	} else if (!c->watched) {
		if (loop_add_fd(hub->loop, c->fd, events, on_client, c))
			drop(c);
		else
			c->watched = true;
	} else if (events != c->events) {
		loop_modify_fd(hub->loop, c->fd, events);
	}
	c->events = events;
}

static void watch_all(struct console_hub *hub)
{
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		watch(&hub->client[i]);
}

/* ---- output ---- */

static void send_kept(struct hub_client *c)
{
	struct console_hub *hub = c->hub;

	while (c->sent < hub->total) {
		uint32_t at = (uint32_t)(c->sent % CONSOLE_HUB_KEPT);
		uint64_t size = hub->total - c->sent;
		ssize_t sent;

		if (size > CONSOLE_HUB_KEPT - at)
			size = CONSOLE_HUB_KEPT - at;
		sent = send(c->fd, hub->kept + at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN) /* the hang-up comes as an event, too */
			c->gone = true;
		if (sent < 0)
			break;
		c->sent += (uint64_t)sent;
	}
	watch(c);
}

static void keep(struct console_hub *hub, const uint8_t *bytes, uint32_t size)
{
	uint32_t at = (uint32_t)(hub->total % CONSOLE_HUB_KEPT);
	uint32_t first = size < CONSOLE_HUB_KEPT - at ? size : CONSOLE_HUB_KEPT - at;

	memcpy(hub->kept + at, bytes, first);
	memcpy(hub->kept, bytes + first, size - first);
	hub->total += size;
}

/* size is at most PIECE. */
static void take_output(struct console_hub *hub, const uint8_t *bytes, uint32_t size)
{
	if (hub->log)
		console_log_write(hub->log, bytes, size);
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++) {
		struct hub_client *c = &hub->client[i];

		if (!c->gone && hub->total + size - c->sent > CONSOLE_HUB_KEPT)
			drop(c);
	}
	keep(hub, bytes, size);
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		if (hub->client[i].fd >= 0 && !hub->client[i].gone)
			send_kept(&hub->client[i]);
}

/* False: there is no more for now. */
static bool read_output(struct console_hub *hub)
{
	uint8_t bytes[PIECE];
	ssize_t got = recv(hub->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got > 0)
		take_output(hub, bytes, (uint32_t)got);
	return got > 0;
}

/* ---- input ---- */

static void flush_input(struct console_hub *hub)
{
	while (hub->input_count) {
		ssize_t sent = send(hub->fd, hub->input + hub->input_at, hub->input_count,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			break;
		hub->input_at += (uint32_t)sent;
		hub->input_count -= (uint32_t)sent;
	}
	loop_modify_fd(hub->loop, hub->fd, EPOLLIN | (hub->input_count ? EPOLLOUT : 0));
	watch_all(hub);
}

static void read_client(struct hub_client *c)
{
	struct console_hub *hub = c->hub;
	ssize_t got = recv(c->fd, hub->input, sizeof(hub->input), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		hub->input_at = 0;
		hub->input_count = (uint32_t)got;
		flush_input(hub);
	} else { /* no more comes; a hang-up may follow or has been told */
		c->gone |= got < 0;
		c->ended = true;
		watch(c);
	}
}

static void on_client(void *ctx, int fd, uint32_t events)
{
	struct hub_client *c = ctx;

	(void)fd;
	if (events & (EPOLLHUP | EPOLLERR))
		c->gone = true;
	if (events & EPOLLIN && !c->hub->input_count && !c->ended)
		read_client(c);
	if (c->fd >= 0 && events & EPOLLOUT && !c->gone)
		send_kept(c);
	else
		watch(c);
}

static void on_uart(void *ctx, int fd, uint32_t events)
{
	struct console_hub *hub = ctx;

	(void)fd;
	if (events & EPOLLOUT)
		flush_input(hub);
	if (events & EPOLLIN)
		read_output(hub);
}

/* ---- attaching ---- */

static bool is_there(const struct hub_client *c)
{
	struct pollfd end = { .fd = c->fd };

	return c->fd >= 0 && !c->gone && !poll(&end, 1, 0);
}

unsigned int console_hub_clients(const struct console_hub *hub)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		count += is_there(&hub->client[i]);
	return count;
}

static void detach_all(struct console_hub *hub)
{
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		drop(&hub->client[i]);
}

/* A free one, or else one whose client has gone and left only input. */
static struct hub_client *find_place(struct console_hub *hub)
{
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		if (hub->client[i].fd < 0)
			return &hub->client[i];
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		if (!is_there(&hub->client[i]))
			return &hub->client[i];
	return NULL;
}

static int add_client(struct console_hub *hub, struct hub_client *c, int fd, bool history)
{
	int error = loop_add_fd(hub->loop, fd, 0, on_client, c);
	uint64_t kept = hub->total < CONSOLE_HUB_KEPT ? hub->total : CONSOLE_HUB_KEPT;

	if (error)
		return error;
	drop(c);
	*c = (struct hub_client){
		.hub = hub, .fd = fd, .watched = true, .sent = hub->total - (history ? kept : 0),
	};
	send_kept(c);
	return 0;
}

int console_hub_attach(struct console_hub *hub, const struct console_hub_attach *how)
{
	struct hub_client *place = how->force ? &hub->client[0] : find_place(hub);
	int pair[2], error;

	if (how->exclusive && !how->force && console_hub_clients(hub))
		return -EBUSY;
	if (!place)
		return -EUSERS;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	error = add_client(hub, place, pair[0], how->history);
	if (error) {
		close(pair[0]);
		close(pair[1]);
		return error;
	}
	for (unsigned int i = 0; how->force && i < CONSOLE_HUB_CLIENTS_MAX; i++)
		if (&hub->client[i] != place)
			drop(&hub->client[i]);
	return pair[1];
}

/* ---- the whole ---- */

static int open_pair(struct console_hub *hub)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	hub->fd = pair[0];
	hub->uart_fd = pair[1];
	return loop_add_fd(hub->loop, hub->fd, EPOLLIN, on_uart, hub);
}

int console_hub_create(const struct console_hub_config *config, struct console_hub **ret_hub,
		       bool *ret_log_failed)
{
	struct console_hub *hub = calloc(1, sizeof(*hub));
	int error;

	*ret_log_failed = false;
	if (!hub)
		return -ENOMEM;
	hub->loop = config->loop;
	hub->fd = hub->uart_fd = -1;
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		hub->client[i].fd = -1;
	error = open_pair(hub);
	if (!error && config->log) {
		error = console_log_open(config->log, &hub->log);
		*ret_log_failed = error;
	}
	if (error) {
		console_hub_destroy(hub);
		return error;
	}
	*ret_hub = hub;
	return 0;
}

void console_hub_destroy(struct console_hub *hub)
{
	if (!hub)
		return;
	if (hub->fd >= 0) {
		while (read_output(hub))
			;
		loop_remove_fd(hub->loop, hub->fd);
		close(hub->fd);
		close(hub->uart_fd);
	}
	detach_all(hub);
	console_log_close(hub->log);
	free(hub);
}

int console_hub_uart_fd(const struct console_hub *hub)
{
	return hub->uart_fd;
}
