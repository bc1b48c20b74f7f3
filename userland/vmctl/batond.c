// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection to batond. See batond.h. What it sends is bounded and parsed as a
 * stranger's.
 */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include "batond.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "autostart.h"
#include "interrupt.h"
#include "lib/rpc_client.h"
#include "trace.h"

#define REQUEST_MAX (2u << 20)
#define ANSWER_MS 60000	/* long operations are jobs: their answer comes at once */
#define GRACE_MS 1000		/* for it, after a signal */
#define IN_START 65536u
#define STARTED_MS 5000
#define STARTED_AGAIN_MS 20

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- open and close ---- */

void daemon_socket_path(char *ret_path, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char dir[64];

	if (!runtime || !*runtime) {
		snprintf(dir, sizeof(dir), "/run/user/%u", (unsigned int)getuid());
		runtime = access(dir, F_OK) && !getuid() ? "/run" : dir;
	}
	snprintf(ret_path, size, "%s/baton/batond.sock", runtime);
}

static bool take_connection(struct daemon *d, int fd)
{
	*d = (struct daemon){ .fd = fd, .in_fd = -1, .in_size = IN_START };
	d->events_end = &d->events;
	d->request = malloc(REQUEST_MAX);
	d->in = malloc(d->in_size);
	if (d->request && d->in)
		return true;
	daemon_close(d);
	return false;
}

static void set_no_daemon(const char *path, int error, struct btn_error *e)
{
	btn_set(e, BTN_NO_DAEMON, "Baton's daemon does not answer at %.160s", path);
	if (error != ENOENT && error != ECONNREFUSED)
		btn_set_cause(e, "The host says: %s.", strerror(error));
}

bool daemon_open_running(struct daemon *d)
{
	char path[256];
	int fd;

	daemon_socket_path(path, sizeof(path));
	fd = rpc_connect(path);
	return fd >= 0 && take_connection(d, fd);
}

/* One that another command has started takes a moment longer, and tells that one alone. */
static int connect_started(const char *path)
{
	int64_t end = now_ms() + STARTED_MS;
	int fd;

	while ((fd = rpc_connect(path)) == -ENOENT || fd == -ECONNREFUSED) {
		if (now_ms() >= end)
			break;
		poll(NULL, 0, STARTED_AGAIN_MS);
	}
	return fd;
}

bool daemon_open(struct daemon *d, struct btn_error *e)
{
	char path[256];
	int fd;

	d->fd = -1;
	daemon_socket_path(path, sizeof(path));
	fd = rpc_connect(path);
	if (fd == -ENOENT || fd == -ECONNREFUSED) {
		if (!autostart_daemon(e))
			return false;
		fd = connect_started(path);
	}
	if (fd < 0) {
		set_no_daemon(path, -fd, e);
		return false;
	}
	if (take_connection(d, fd))
		return true;
	btn_set_default(e, BTN_NO_MEMORY);
	return false;
}

void daemon_close(struct daemon *d)
{
	struct daemon_line *line;

	if (d->fd < 0)
		return;
	while ((line = d->events)) {
		d->events = line->next;
		free(line);
	}
	if (d->in_fd >= 0)
		close(d->in_fd);
	close(d->fd);
	free(d->request);
	free(d->in);
	d->fd = -1;
}

/* ---- lines ---- */

static void keep_fd(struct daemon *d, struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (d->in_fd >= 0)
		close(d->in_fd);
	d->in_fd = fd;
}

static bool make_room(struct daemon *d)
{
	char *larger;

	if (d->in_length < d->in_size)
		return true;
	if (d->in_size >= DAEMON_ANSWER_MAX)
		return false;
	larger = realloc(d->in, 2 * d->in_size);
	if (!larger)
		return false;
	d->in = larger;
	d->in_size *= 2;
	return true;
}

/* One read. False: the daemon is gone, or sends without end. */
static bool receive(struct daemon *d)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)), /* the padding would hold a second */
	};
	ssize_t got;

	if (!make_room(d))
		return false;
	iov = (struct iovec){ d->in + d->in_length, d->in_size - d->in_length };
	got = recvmsg(d->fd, &message, MSG_CMSG_CLOEXEC);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (got <= 0)
		return false;
	keep_fd(d, &message);
	d->in_length += (size_t)got;
	return true;
}

/* The first line that is there, as a copy without its end; NULL: none yet, or no memory. */
static struct daemon_line *take_line(struct daemon *d)
{
	char *end = memchr(d->in + d->in_searched, '\n', d->in_length - d->in_searched);
	struct daemon_line *line;
	size_t length;

	d->in_searched = d->in_length;
	if (!end)
		return NULL;
	length = (size_t)(end - d->in);
	line = malloc(sizeof(*line) + length + 1);
	if (!line)
		return NULL;
	line->next = NULL;
	line->length = length;
	memcpy(line->text, d->in, length);
	line->text[length] = '\0';
	d->in_length -= length + 1;
	d->in_searched = 0;
	memmove(d->in, end + 1, d->in_length);
	return line;
}

/* deaf: signals do not end it. */
static enum daemon_wait next_line(struct daemon *d, int timeout_ms, bool deaf,
				  struct daemon_line **ret)
{
	int64_t end = now_ms() + timeout_ms, left;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = d->fd, .events = POLLIN },
			{ .fd = interrupt_fd(), .events = POLLIN },
		};

		*ret = take_line(d);
		if (*ret) {
			trace_message('<', (*ret)->text, (*ret)->length);
			return DAEMON_EVENT;
		}
		left = timeout_ms < 0 ? -1 : end - now_ms();
		if (timeout_ms >= 0 && left < 0)
			return DAEMON_TIMEOUT;
		if (poll(fds, deaf ? 1 : 2, (int)left) <= 0)
			continue;
		if (fds[1].revents)
			return DAEMON_INTERRUPTED;
		if (!receive(d))
			return DAEMON_GONE;
	}
}

/* No more values than this: each stands behind one of these characters. */
static size_t count_nodes(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == ',' || *text == '[' || *text == '{';
	return count;
}

/* Takes the line. */
static bool parse_line(struct daemon_line *line, struct reply *ret)
{
	size_t count = count_nodes(line->text);

	*ret = (struct reply)REPLY_NONE;
	ret->text = malloc(line->length + 1);
	ret->node = calloc(count, sizeof(*ret->node));
	if (ret->text && ret->node) {
		memcpy(ret->text, line->text, line->length + 1);
		if (!json_read(ret->text, line->length, ret->node, count, NULL)) {
			free(line);
			return true;
		}
	}
	free(line);
	reply_free(ret);
	return false;
}

void reply_free(struct reply *reply)
{
	if (reply->fd >= 0)
		close(reply->fd);
	free(reply->text);
	free(reply->node);
	*reply = (struct reply)REPLY_NONE;
}

/* ---- requests ---- */

void daemon_begin(struct daemon *d, const char *op)
{
	json_put_start(&d->out, d->request, REQUEST_MAX);
	json_put_open(&d->out, NULL, '{');
	json_put_string(&d->out, "op", op);
}

static void set_unanswered(enum daemon_wait why, struct btn_error *e)
{
	btn_set(e, BTN_NO_DAEMON, "Baton's daemon did not answer");
	if (why == DAEMON_INTERRUPTED)
		btn_set_cause(e, "The command was interrupted.");
	else if (why == DAEMON_TIMEOUT)
		btn_set_cause(e, "It has had %d seconds for it.", ANSWER_MS / 1000);
	else
		btn_set_cause(e, "It ended, or closed the connection.");
	btn_set_fix(e, "Run the command again: it starts the daemon if need be. VMs run on "
		    "meanwhile.");
}

static bool send_request(struct daemon *d, struct btn_error *e)
{
	int64_t size;
	size_t sent = 0;

	json_put_close(&d->out, '}');
	size = json_put_end(&d->out);
	if (size < 0) {
		btn_set(e, BTN_BAD_VALUE, "the request is longer than %u MiB", REQUEST_MAX >> 20);
		return false;
	}
	trace_message('>', d->request, (size_t)size);
	while (sent < (size_t)size) {
		ssize_t n = send(d->fd, d->request + sent, (size_t)size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		/* Whoever closes has perhaps said why: that is read next. */
		if (n < 0 && errno == EPIPE)
			break;
		if (n <= 0) {
			set_unanswered(DAEMON_GONE, e);
			return false;
		}
		sent += (size_t)n;
	}
	return true;
}

static void keep_event(struct daemon *d, struct daemon_line *line)
{
	/* Whoever gets events reads them; what nobody reads is not kept without end. */
	if (d->events_size + line->length > DAEMON_ANSWER_MAX) {
		free(line);
		return;
	}
	d->events_size += line->length;
	*d->events_end = line;
	d->events_end = &line->next;
}

static bool is_event(const struct daemon_line *line)
{
	return !strncmp(line->text, "{\"event\":", strlen("{\"event\":"));
}

/* Like lib/rpc_client.c: an unknown code becomes a known one, the texts stay. */
void daemon_take_error(const struct json_node *answer, struct btn_error *e)
{
	const char *code, *text;
	int number = 0;

	if (json_get_string(answer, "code", &code) && !strncmp(code, "BTN-", 4))
		number = atoi(code + 4);
	btn_set_default(e, btn_lookup((enum btn_code)number) ? (enum btn_code)number :
			BTN_INTERNAL);
	if (json_get_string(answer, "message", &text))
		btn_set(e, e->code, "%s", text);
	if (json_get_string(answer, "cause", &text))
		btn_set_cause(e, "%s", text);
	if (json_get_string(answer, "fix", &text))
		btn_set_fix(e, "%s", text);
}

/*
 * What a request has begun can be cancelled when its answer has said which job it is: so a
 * signal, which stays for who waits for the job, ends this only after a moment.
 */
static enum daemon_wait wait_for_answer(struct daemon *d, struct daemon_line **ret)
{
	int timeout_ms = ANSWER_MS;
	bool deaf = false;

	for (;;) {
		enum daemon_wait got = next_line(d, timeout_ms, deaf, ret);

		if (got == DAEMON_EVENT && is_event(*ret)) {
			keep_event(d, *ret);
		} else if (got == DAEMON_INTERRUPTED) {
			deaf = true;
			timeout_ms = GRACE_MS;
		} else {
			return deaf && got == DAEMON_TIMEOUT ? DAEMON_INTERRUPTED : got;
		}
	}
}

bool daemon_ask(struct daemon *d, struct reply *ret, struct btn_error *e)
{
	struct daemon_line *line;
	enum daemon_wait got;
	bool ok;

	*ret = (struct reply)REPLY_NONE;
	if (!send_request(d, e))
		return false;
	got = wait_for_answer(d, &line);
	if (got != DAEMON_EVENT) {
		set_unanswered(got, e);
		return false;
	}
	if (!parse_line(line, ret) || !json_get_bool(ret->node, "ok", &ok)) {
		reply_free(ret);
		btn_set(e, BTN_NO_DAEMON, "the daemon's answer cannot be understood");
		btn_set_fix(e, "See that vmctl and batond are of one version: vmctl doctor");
		return false;
	}
	ret->fd = d->in_fd;
	d->in_fd = -1;
	if (ok)
		return true;
	daemon_take_error(ret->node, e);
	reply_free(ret);
	return false;
}

bool daemon_get(struct daemon *d, const char *op, struct reply *ret, struct btn_error *e)
{
	daemon_begin(d, op);
	return daemon_ask(d, ret, e);
}

bool daemon_get_of(struct daemon *d, const char *op, const char *member, const char *value,
		   struct reply *ret, struct btn_error *e)
{
	daemon_begin(d, op);
	json_put_string(&d->out, member, value);
	return daemon_ask(d, ret, e);
}

/* ---- events ---- */

bool daemon_subscribe(struct daemon *d, struct btn_error *e)
{
	struct reply reply;

	if (!daemon_get(d, "events", &reply, e))
		return false;
	reply_free(&reply);
	return true;
}

static struct daemon_line *first_event(struct daemon *d)
{
	struct daemon_line *line = d->events;

	if (!line)
		return NULL;
	d->events = line->next;
	if (!d->events)
		d->events_end = &d->events;
	d->events_size -= line->length;
	line->next = NULL;
	return line;
}

enum daemon_wait daemon_next_event(struct daemon *d, int timeout_ms, struct reply *ret,
				   struct btn_error *e)
{
	struct daemon_line *line = first_event(d);
	enum daemon_wait got = line ? DAEMON_EVENT : next_line(d, timeout_ms, false, &line);

	*ret = (struct reply)REPLY_NONE;
	if (got == DAEMON_GONE) {
		set_unanswered(got, e);
		return got;
	}
	if (got != DAEMON_EVENT)
		return got;
	if (parse_line(line, ret))
		return DAEMON_EVENT;
	btn_set(e, BTN_NO_DAEMON, "the daemon's event cannot be understood");
	return DAEMON_GONE;
}
