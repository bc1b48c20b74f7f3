/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket: one gdb at a time. Nothing is read while an answer is on its way, so a
 * peer that does not read costs one answer's memory and no time. A gdb that comes stops
 * the guest; one that goes, whichever way, takes its breakpoints along and lets it run.
 */
#define _GNU_SOURCE /* accept4 */
#include "gdb/gdb_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/loop.h"
#include "lib/unix_socket.h"

#define SIGNAL_INT 2
#define SIGNAL_TRAP 5

/* ---- where ---- */

struct place {
	char path[128];		/* "": port */
	uint16_t port;
	bool wait;
};

static bool parse_where(const char *where, struct place *p)
{
	static const char wait[] = ",wait", unix_socket[] = "unix:";
	size_t length = strlen(where);
	char text[sizeof(p->path) + sizeof(unix_socket) - 1], *end;
	unsigned long port;

	*p = (struct place){ .wait = false };
	if (length > sizeof(wait) - 1 && !strcmp(where + length - (sizeof(wait) - 1), wait)) {
		length -= sizeof(wait) - 1;
		p->wait = true;
	}
	if (length >= sizeof(text))
		return false;
	memcpy(text, where, length);
	text[length] = 0;
	if (!strncmp(text, unix_socket, sizeof(unix_socket) - 1)) {
		memcpy(p->path, text + sizeof(unix_socket) - 1, length + 2 - sizeof(unix_socket));
		return *p->path;
	}
	port = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || !port || port > 65535)
		return false;
	p->port = (uint16_t)port;
	return true;
}

/* ---- sending ---- */

static void heed(struct gdb *gdb)
{
	if (gdb->client >= 0)
		loop_modify_fd(gdb->config.loop, gdb->client,
			       gdb->out_at < gdb->out_end ? EPOLLOUT : EPOLLIN);
}

static void flush(struct gdb *gdb)
{
	ssize_t sent;

	if (gdb->client < 0 || gdb->out_at == gdb->out_end)
		return;
	sent = send(gdb->client, gdb->out + gdb->out_at, gdb->out_end - gdb->out_at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0)
		gdb->out_at += (size_t)sent;
	else if (errno != EAGAIN && errno != EINTR)
		gdb_drop_client(gdb);
}

void gdb_send(struct gdb *gdb, const char *data, size_t length)
{
	gdb->out_at = 0;
	gdb->out_end = gdb_frame(gdb->out, data, length);
	flush(gdb);
	heed(gdb);
}

void gdb_send_text(struct gdb *gdb, const char *text)
{
	gdb_send(gdb, text, strlen(text));
}

void gdb_send_error(struct gdb *gdb, int error)
{
	char text[8];

	snprintf(text, sizeof(text), "E%02x", (unsigned int)-error & 0xff);
	gdb_send_text(gdb, text);
}

/* A byte, when nothing else is on its way. If it gets lost, the peer asks again. */
static void acknowledge(struct gdb *gdb, char how)
{
	if (!gdb->no_ack && gdb->client >= 0 &&
	    send(gdb->client, &how, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		gdb_drop_client(gdb);
}

/* ---- receiving ---- */

static void on_packet(struct gdb *gdb)
{
	acknowledge(gdb, '+');
	/* While the guest runs, and between two of them, nothing but an interrupt counts. */
	if (gdb->client >= 0 && gdb->target && gdb->held)
		gdb_command(gdb, gdb->in.data, gdb->in.length);
}

static void on_byte(struct gdb *gdb, uint8_t byte)
{
	switch (gdb_decode(&gdb->in, byte)) {
	case GDB_PACKET:
		on_packet(gdb);
		break;
	case GDB_BAD_SUM:
		acknowledge(gdb, '-');
		break;
	case GDB_TOO_LONG:
		acknowledge(gdb, '+');
		if (gdb->client >= 0 && gdb->held)
			gdb_send_error(gdb, -E2BIG);
		break;
	case GDB_INTERRUPT:
		if (gdb->target && !gdb->held)
			gdb_stop(gdb, SIGNAL_INT);
		break;
	case GDB_NAK:
		gdb->out_at = 0;
		flush(gdb);
		break;
	case GDB_ACK:
	case GDB_NOTHING:
		break;
	}
}

void gdb_decode_unread(struct gdb *gdb)
{
	while (gdb->client >= 0 && gdb->out_at == gdb->out_end &&
	       gdb->unread_at < gdb->unread_end)
		on_byte(gdb, gdb->unread[gdb->unread_at++]);
	heed(gdb);
}

static void on_client(void *ctx, int fd, uint32_t events)
{
	struct gdb *gdb = ctx;
	ssize_t got;

	if (events & EPOLLOUT) {
		flush(gdb);
		gdb_decode_unread(gdb);
		return;
	}
	if (gdb->unread_at == gdb->unread_end) {
		got = recv(fd, gdb->unread, sizeof(gdb->unread), MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			gdb_drop_client(gdb);
			return;
		}
		gdb->unread_at = 0;
		gdb->unread_end = (size_t)got;
	}
	gdb_decode_unread(gdb);
}

/* ---- coming and going ---- */

static void close_client(struct gdb *gdb)
{
	if (gdb->client < 0)
		return;
	loop_remove_fd(gdb->config.loop, gdb->client);
	close(gdb->client);
	gdb->client = -1;
}

void gdb_drop_client(struct gdb *gdb)
{
	if (gdb->client < 0)
		return;
	close_client(gdb);
	gdb_let_go(gdb);
	gdb->held = false;
}

/* Its first question is why the guest has stopped. */
static void begin(struct gdb *gdb, int fd)
{
	gdb->client = fd;
	gdb->no_ack = gdb->swbreak = gdb->hwbreak = gdb->physical = false;
	gdb->arch = GDB_X86_64;
	gdb->current = gdb->go = 0;
	gdb->in.state = GDB_IDLE;
	gdb->unread_at = gdb->unread_end = gdb->out_at = gdb->out_end = 0;
	gdb->wait = false;
	if (gdb->target)
		gdb->target->hold(gdb->target->ctx);
	gdb->held = true;
}

static void on_listener(void *ctx, int listener, uint32_t events)
{
	struct gdb *gdb = ctx;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (gdb->client >= 0 || loop_add_fd(gdb->config.loop, fd, EPOLLIN, on_client, gdb))
		close(fd);
	else
		begin(gdb, fd);
}

static void on_event(void *ctx, int fd, uint32_t events)
{
	struct gdb *gdb = ctx;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) == sizeof(count) && gdb->target && !gdb->held)
		gdb_on_break(gdb);
}

/* ---- machines ---- */

/* A client that has gone by then lets the guest run: so it is held before. */
static void tell_stopped(struct gdb *gdb)
{
	bool knew = gdb->held;

	gdb->held = true;
	if (gdb->client >= 0 && !knew)
		gdb_send_stop(gdb, SIGNAL_TRAP, "");
}

/* Whoever debugs a guest over a reset sees it at its first instruction. */
void gdb_set_target(struct gdb *gdb, const struct gdb_target *target)
{
	gdb->target = target;
	gdb->current = gdb->go = 0;
	if (gdb->client < 0 && !gdb->wait)
		return;
	target->hold(target->ctx);
	tell_stopped(gdb);
}

void gdb_target_ended(struct gdb *gdb, bool for_good)
{
	/* Memory of the next one has nothing of these. */
	for (unsigned int i = 0; i < GDB_SOFT_MAX; i++)
		gdb->soft[i].used = false;
	memset(gdb->untold, 0, sizeof(gdb->untold));
	gdb->target = NULL;
	if (!for_good)
		return;
	if (gdb->client >= 0)
		gdb_send_text(gdb, "W00");
	close_client(gdb);
}

/* ---- the whole ---- */

static int listen_on_port(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1, error, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (const struct sockaddr *)&address, sizeof(address)) && !listen(fd, 1))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int start(struct gdb *gdb)
{
	struct loop *loop = gdb->config.loop;
	struct place p;
	int error;

	if (!parse_where(gdb->config.where, &p))
		return -EINVAL;
	gdb->wait = p.wait;
	gdb->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (gdb->event_fd < 0)
		return -errno;
	gdb->listener = *p.path ? unix_listen(p.path, SOCK_STREAM, 1) : listen_on_port(p.port);
	if (gdb->listener < 0)
		return gdb->listener;
	gdb->path = *p.path ? strdup(p.path) : NULL;
	if (*p.path && !gdb->path)
		return -ENOMEM;
	error = loop_add_fd(loop, gdb->event_fd, EPOLLIN, on_event, gdb);
	return error ? error : loop_add_fd(loop, gdb->listener, EPOLLIN, on_listener, gdb);
}

int gdb_create(const struct gdb_config *config, struct gdb **ret_gdb)
{
	struct gdb *gdb = calloc(1, sizeof(*gdb));
	int error;

	if (!gdb)
		return -ENOMEM;
	gdb->config = *config;
	gdb->listener = gdb->client = gdb->event_fd = -1;
	error = start(gdb);
	if (error) {
		gdb_destroy(gdb);
		return error;
	}
	*ret_gdb = gdb;
	return 0;
}

static void close_watched(struct gdb *gdb, int fd)
{
	if (fd < 0)
		return;
	loop_remove_fd(gdb->config.loop, fd);
	close(fd);
}

void gdb_destroy(struct gdb *gdb)
{
	if (!gdb)
		return;
	close_client(gdb);
	if (gdb->path)
		unlink(gdb->path);
	free((char *)(uintptr_t)gdb->path);
	close_watched(gdb, gdb->listener);
	close_watched(gdb, gdb->event_fd);
	free(gdb);
}

int gdb_event_fd(const struct gdb *gdb)
{
	return gdb->event_fd;
}
