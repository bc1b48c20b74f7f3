// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The console of a foreground VM. See console.h.
 *
 * One thread, one poll(). Nothing here may wait for one side only: "~." has to
 * work while the guest does not read and while the terminal does not take
 * output. So all writes are non-blocking, and what is typed beyond the buffer
 * of a guest that does not read is dropped, as on a serial line.
 *
 * The way down has three steps: the monitor is asked to end (SIGTERM), has
 * GRACE_MS to close its disks, is killed. A second request skips the wait, unless
 * it comes at once: one intent often sends two signals (timeout(1), systemd).
 */
#include "console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "escape.h"
#include "tty.h"

#define GRACE_MS 5000
#define REPEAT_MS 1000	/* requests closer together than this are one */
#define FLUSH_MS 1000	/* for the rest of the output, after a request to end */
#define LINE_SIZE 1024u
#define MONITOR_PREFIX "baton-vm: "

enum stage { RUNNING, ASKED, KILLED };

struct console {
	struct child *child;
	const char *name;
	struct console_result *result;
	int signals;
	bool terminal;		/* standard input is one: raw mode, escapes */
	bool gone;		/* the monitor was waited for */
	enum stage stage;
	int64_t asked_at, deadline; /* ms, when stage is not RUNNING */
	struct escape escape;
	struct channel in, out, err;
	size_t line_length;	/* of the monitor's messages */
	char line[LINE_SIZE];
};

static const int watched[] = {
	SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT,
};

int console_signals(struct btn_error *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		sigaddset(&set, watched[i]);
	/* Write errors tell it better. */
	signal(SIGPIPE, SIG_IGN);
	/* Ignored in the parent means ignored here: we would never be told. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0) {
		btn_set(e, BTN_HOST_CALL_FAILED, "signals cannot be received");
		btn_set_cause(e, "The host says: %s.", strerror(errno));
	}
	return fd;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------------ */
/* The end                                                                  */

/* Each call is one step further down; see the top. */
static void ask_to_end(struct console *c)
{
	int64_t now = now_ms();

	if (c->gone && c->stage == RUNNING) {
		/* Only output is left, and whoever asks does not want to wait for it. */
		c->stage = ASKED;
		c->deadline = now;
	} else if (c->stage == RUNNING) {
		kill(c->child->pid, SIGTERM);
		kill(c->child->pid, SIGCONT);
		c->stage = ASKED;
		c->asked_at = now;
		c->deadline = now + GRACE_MS;
	} else if (c->stage == ASKED && !c->gone && now - c->asked_at >= REPEAT_MS) {
		kill(c->child->pid, SIGKILL);
		c->stage = KILLED;
		c->deadline = now + GRACE_MS;
	}
}

static void console_lost(struct console *c)
{
	if (c->result->lost)
		return;
	c->result->lost = true;
	if (c->stage == RUNNING)
		ask_to_end(c);
}

static void wait_for_monitor(struct console *c)
{
	if (c->gone || waitpid(c->child->pid, &c->result->wait_status, WNOHANG) != c->child->pid)
		return;
	c->gone = true;
	c->in.to = -1;
	if (c->stage != RUNNING)
		c->deadline = now_ms() + FLUSH_MS;
}

static bool is_done(const struct console *c)
{
	bool late = c->stage != RUNNING && now_ms() >= c->deadline;

	/* A killed process that does not go hangs in the host's kernel. */
	if (late && (c->gone || c->stage == KILLED))
		return true;
	return c->gone && c->out.from < 0 && channel_is_empty(&c->out) &&
	       c->err.from < 0 && channel_is_empty(&c->err);
}

/* ------------------------------------------------------------------------ */
/* Messages on standard error                                               */

/* Text of ours or of the monitor: a raw terminal needs carriage returns. */
static void say(struct console *c, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n' && tty_is_raw())
			channel_add(&c->err, "\r", 1);
		channel_add(&c->err, text + i, 1);
	}
}

static void say_text(struct console *c, const char *text)
{
	say(c, text, strlen(text));
}

static void finish_line(struct console *c)
{
	size_t prefix = strlen(MONITOR_PREFIX), skip = 0;

	if (!c->line_length)
		return;
	/* The guest's output usually ends in a prompt: do not write behind it. */
	if (c->terminal && c->out.last && c->out.last != '\n') {
		say_text(c, "\n");
		c->out.last = '\n';
	}
	if (c->line_length >= prefix && !memcmp(c->line, MONITOR_PREFIX, prefix)) {
		say_text(c, c->name);
		say_text(c, ": ");
		skip = prefix;
	}
	say(c, c->line + skip, c->line_length - skip);
	c->line_length = 0;
}

static void read_messages(struct console *c)
{
	char chunk[512];
	ssize_t count = read(c->child->err, chunk, sizeof(chunk));

	for (ssize_t i = 0; i < count; i++) {
		c->line[c->line_length++] = chunk[i];
		if (chunk[i] == '\n' || c->line_length == LINE_SIZE)
			finish_line(c);
	}
	if (count > 0 || (count < 0 && errno == EINTR))
		return;
	if (count == 0 || errno != EAGAIN || c->gone) {
		c->err.from = -1;
		finish_line(c);
	}
}

/* ------------------------------------------------------------------------ */
/* Input                                                                    */

/* Stands still, the VM too, until SIGCONT. See resume(). */
static void suspend(struct console *c)
{
	tty_leave_raw();
	kill(c->child->pid, SIGSTOP);
	raise(SIGSTOP);
}

static void resume(struct console *c)
{
	if (c->gone)
		return;
	if (c->terminal)
		tty_enter_raw(STDIN_FILENO);
	kill(c->child->pid, SIGCONT);
}

static void type_byte(struct console *c, uint8_t byte)
{
	uint8_t out[2];
	size_t count;
	enum escape_action action = escape_feed(&c->escape, byte, out, &count);

	if (!c->gone)
		channel_add(&c->in, out, count);
	switch (action) {
	case ESCAPE_LEAVE:
		c->result->left = true;
		ask_to_end(c);
		break;
	case ESCAPE_SUSPEND:
		if (!c->gone)
			suspend(c);
		break;
	case ESCAPE_HELP:
		say_text(c, "\n");
		say_text(c, escape_help);
		break;
	case ESCAPE_NONE:
		break;
	}
}

static void read_terminal(struct console *c)
{
	uint8_t typed[256];
	ssize_t count = read(STDIN_FILENO, typed, sizeof(typed));

	for (ssize_t i = 0; i < count; i++)
		type_byte(c, typed[i]);
	if (count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN)))
		return;
	/* A raw terminal has no end of input: it was hung up. */
	c->in.from = -1;
	console_lost(c);
}

/* ------------------------------------------------------------------------ */
/* The loop                                                                 */

static void take_signals(struct console *c)
{
	struct signalfd_siginfo info;

	while (read(c->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			wait_for_monitor(c);
			break;
		case SIGTSTP:
			if (!c->gone)
				suspend(c);
			break;
		case SIGCONT:
			resume(c);
			break;
		default:
			if (!c->result->signal)
				c->result->signal = info.ssi_signo;
			ask_to_end(c);
			break;
		}
	}
}

static bool wants_input(const struct console *c)
{
	/* A terminal is read always, for the sake of "~.". */
	return c->in.from >= 0 && (c->terminal || (channel_room(&c->in) && !c->gone));
}

/* Messages may grow on their way: prefix, carriage returns. */
static bool wants_messages(const struct console *c)
{
	return c->err.from >= 0 && channel_room(&c->err) > 4 * LINE_SIZE;
}

/* The monitor's pipes are read to their end, once there is room. */
static bool rest_to_read(const struct console *c)
{
	return c->gone &&
	       ((c->out.from >= 0 && channel_room(&c->out)) || wants_messages(c));
}

static int poll_timeout(const struct console *c)
{
	int64_t left;

	if (rest_to_read(c))
		return 0;
	if (c->stage == RUNNING)
		return -1;
	left = c->deadline - now_ms();
	return left < 0 ? 0 : left;
}

static void move_bytes(struct console *c, const struct pollfd *ready)
{
	if (ready[1].revents && c->terminal)
		read_terminal(c);
	else if (ready[1].revents)
		channel_fill(&c->in);
	if (ready[2].revents)
		channel_drain(&c->in);
	/* What the monitor left in the pipes when it ended: up to the last byte. */
	if (c->out.from >= 0 && channel_room(&c->out) && (ready[3].revents || c->gone)) {
		if (!channel_fill(&c->out) && c->gone)
			c->out.from = -1;
	}
	if (ready[4].revents)
		channel_drain(&c->out);
	if (wants_messages(c) && (ready[5].revents || c->gone))
		read_messages(c);
	if (ready[6].revents)
		channel_drain(&c->err);

	/* Nobody left at the other end: keep reading, so that nobody blocks. */
	if (c->out.lost)
		c->out.start = c->out.end;
	if (c->err.lost)
		c->err.start = c->err.end;
	if (c->in.lost)
		c->in.start = c->in.end;
}

static void relay_once(struct console *c)
{
	struct pollfd fds[] = {
		{ .fd = c->signals, .events = POLLIN },
		{ .fd = wants_input(c) ? c->in.from : -1, .events = POLLIN },
		{ .fd = channel_is_empty(&c->in) ? -1 : c->in.to, .events = POLLOUT },
		{ .fd = channel_room(&c->out) ? c->out.from : -1, .events = POLLIN },
		{ .fd = channel_is_empty(&c->out) ? -1 : c->out.to, .events = POLLOUT },
		{ .fd = wants_messages(c) ? c->err.from : -1, .events = POLLIN },
		{ .fd = channel_is_empty(&c->err) ? -1 : c->err.to, .events = POLLOUT },
	};

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), poll_timeout(c)) < 0)
		return;
	if (c->stage == ASKED && !c->gone && now_ms() >= c->deadline)
		ask_to_end(c);
	if (fds[0].revents)
		take_signals(c);
	move_bytes(c, fds);
	if (c->out.lost)
		console_lost(c);
}

/* The shell's prompt is to start on a line of its own. */
static void end_line(const struct console *c)
{
	if (!c->terminal || !c->out.last || c->out.last == '\n' || !isatty(STDOUT_FILENO))
		return;
	/* A terminal that takes no more gets no line end: nothing to be done. */
	if (write(c->out.to, "\n", 1) < 0)
		return;
}

void console_run(struct child *child, int signals, const char *name,
		 struct console_result *ret_result)
{
	static struct console c; /* too large for comfort on a stack */

	*ret_result = (struct console_result){ 0 };
	memset(&c, 0, sizeof(c));
	c.child = child;
	c.name = name;
	c.result = ret_result;
	c.signals = signals;
	c.in.from = STDIN_FILENO;
	c.in.to = child->in;
	c.out.from = child->out;
	c.out.to = channel_open_writer(STDOUT_FILENO);
	c.err.from = child->err;
	c.err.to = channel_open_writer(STDERR_FILENO);
	c.terminal = isatty(STDIN_FILENO) && tty_enter_raw(STDIN_FILENO);
	if (c.terminal && isatty(STDERR_FILENO)) {
		say_text(&c, name);
		say_text(&c, ": Enter and then ~. ends the VM, ~? lists more\n");
	}

	while (!is_done(&c))
		relay_once(&c);

	tty_leave_raw();
	end_line(&c);
	channel_close_writer(c.out.to, STDOUT_FILENO);
	channel_close_writer(c.err.to, STDERR_FILENO);
}
