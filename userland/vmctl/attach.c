// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl console: this terminal and the serial console of a VM that goes on without it.
 *
 * As in console.c nothing may wait for one side only: "~." has to work while the guest
 * does not read and while the terminal does not take output.
 */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "batond.h"
#include "escape.h"
#include "interrupt.h"
#include "node.h"
#include "remote.h"
#include "targets.h"
#include "tty.h"
#include "verb.h"

#define ANSWER_MS 10000

static const char help[] =
	"\r\nEscapes, at the start of a line (press Enter first):\r\n"
	"  ~.   leave: the VM goes on\r\n"
	"  ~^Z  suspend this command\r\n"
	"  ~~   send one ~\r\n"
	"  ~?   this help\r\n";

struct attach {
	int stream;
	bool terminal, left;
	struct escape escape;
	struct channel in, out;
};

static void suspend(struct attach *a)
{
	tty_leave_raw();
	raise(SIGSTOP);
	a->terminal = tty_enter_raw(STDIN_FILENO);
}

static void type_byte(struct attach *a, uint8_t byte)
{
	uint8_t out[2];
	size_t count;
	enum escape_action action = escape_feed(&a->escape, byte, out, &count);

	channel_add(&a->in, out, count);
	if (action == ESCAPE_LEAVE)
		a->left = true;
	else if (action == ESCAPE_SUSPEND)
		suspend(a);
	else if (action == ESCAPE_HELP)
		channel_add(&a->out, help, strlen(help));
}

static void read_terminal(struct attach *a)
{
	uint8_t typed[256];
	ssize_t count = read(STDIN_FILENO, typed, sizeof(typed));

	for (ssize_t i = 0; i < count && !a->left; i++)
		type_byte(a, typed[i]);
	if (count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN)))
		return;
	a->left = true; /* a raw terminal has no end of input: it was hung up */
}

static void move_bytes(struct attach *a, const struct pollfd *ready)
{
	if (ready[0].revents && a->terminal)
		read_terminal(a);
	else if (ready[0].revents)
		channel_fill(&a->in);
	if (ready[1].revents)
		channel_drain(&a->in);
	if (ready[2].revents && channel_room(&a->out))
		channel_fill(&a->out);
	if (ready[3].revents)
		channel_drain(&a->out);
	if (a->in.lost)
		a->in.start = a->in.end;
}

/* Until ~., a signal, the end of the stream, or nobody takes the output. */
static void relay(struct attach *a)
{
	while (!a->left && !a->out.lost && !interrupt_signal() &&
	       (a->out.from >= 0 || !channel_is_empty(&a->out))) {
		bool read_in = a->in.from >= 0 && (a->terminal || channel_room(&a->in));
		struct pollfd fds[] = {
			{ .fd = read_in ? a->in.from : -1, .events = POLLIN },
			{ .fd = channel_is_empty(&a->in) ? -1 : a->in.to, .events = POLLOUT },
			{ .fd = channel_room(&a->out) ? a->out.from : -1, .events = POLLIN },
			{ .fd = channel_is_empty(&a->out) ? -1 : a->out.to, .events = POLLOUT },
			{ .fd = interrupt_fd(), .events = POLLIN },
		};

		if (poll(fds, 5, -1) > 0)
			move_bytes(a, fds);
	}
}

static void end_line(const struct attach *a)
{
	if (!a->terminal || !a->out.last || a->out.last == '\n' || !isatty(STDOUT_FILENO))
		return;
	/* A terminal that takes no more gets no line end: nothing to be done. */
	if (write(a->out.to, "\n", 1) < 0)
		return;
}

enum attach_end attach_stream(const char *name, int stream)
{
	static struct attach a; /* too large for comfort on a stack */

	memset(&a, 0, sizeof(a));
	a.stream = stream;
	a.in.from = STDIN_FILENO;
	a.in.to = a.out.from = stream;
	a.out.to = channel_open_writer(STDOUT_FILENO);
	fcntl(stream, F_SETFL, O_NONBLOCK);
	signal(SIGPIPE, SIG_IGN);
	interrupt_catch(); /* before the mode changes: a signal restores it */
	a.terminal = isatty(STDIN_FILENO) && tty_enter_raw(STDIN_FILENO);
	if (a.terminal && isatty(STDERR_FILENO))
		fprintf(stderr, "vmctl: console: connected with %s; Enter and then ~. leaves, "
			"~? lists more\r\n", name);
	relay(&a);
	tty_leave_raw();
	end_line(&a);
	channel_close_writer(a.out.to, STDOUT_FILENO);
	errno = a.out.error;
	return a.left ? ATTACH_LEFT : interrupt_signal() ? ATTACH_INTERRUPTED :
	       a.out.lost ? ATTACH_LOST : ATTACH_ENDED;
}

int attach_set_lost(int error, struct btn_error *e)
{
	if (error == EPIPE)
		return BTN_EXIT_SIGNAL + SIGPIPE; /* as of verbs that it has ended */
	btn_set(e, BTN_HOST_CALL_FAILED, "the output cannot be written");
	btn_set_cause(e, "Standard output takes no more: %s.", strerror(error));
	btn_set_fix(e, "See if the disk it goes to is full: df -h");
	return BTN_EXIT_FAILED;
}

int attach_open(const char *name, bool history, bool exclusive, bool force, struct btn_error *e)
{
	static struct remote remote;
	int fd = -1;

	remote.fd = remote_open_named(name, e);
	if (remote.fd < 0)
		return -1;
	remote_begin(&remote, "attach-serial");
	if (!history)
		json_put_bool(&remote.out, "history", false);
	if (exclusive)
		json_put_bool(&remote.out, "exclusive", true);
	if (force)
		json_put_bool(&remote.out, "force", true);
	if (remote_end(&remote, ANSWER_MS, e)) {
		fd = remote.answer.fd;
		if (fd < 0)
			btn_set(e, BTN_NO_CONSOLE, "the VM's answer has no console");
	}
	remote_close(&remote);
	return fd;
}

/* The stream has ended: why, says the VM's state. */
static bool explain_end(const char *name, struct btn_error *e)
{
	struct daemon d;
	struct targets t;
	bool on = false;

	if (!daemon_open(&d, e))
		return false;
	if (targets_find_one(&d, &target_vms, name, &t, e)) {
		on = node_is(t.node[0], "state", "running") ||
		     node_is(t.node[0], "state", "paused");
		targets_free(&t);
	} else if (e->code == BTN_NO_SUCH_VM) {
		e->code = BTN_OK; /* deleted meanwhile */
	}
	daemon_close(&d);
	if (e->code != BTN_OK)
		return false;
	if (!on) {
		fprintf(stderr, "vmctl: console: %s has ended\n", name);
		return true;
	}
	btn_set(e, BTN_NO_CONSOLE, "the connection with the console of %.64s was cut", name);
	btn_set_cause(e, "Somebody else took it over, or this side read too slowly.");
	btn_set_fix(e, "Connect again: vmctl console %.64s", name);
	return false;
}

int attach_run(const struct args *args, struct btn_error *e)
{
	const char *name = args->positional[0];
	enum attach_end end;
	int stream, error;

	if (args_has(args, "log"))
		return log_print(name, "serial", false, e) ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
	stream = attach_open(name, !args_has(args, "no-history"), args_has(args, "exclusive"),
			     args_has(args, "force"), e);
	if (stream < 0)
		return BTN_EXIT_FAILED;
	end = attach_stream(name, stream);
	error = errno;
	close(stream);
	if (end == ATTACH_LOST)
		return attach_set_lost(error, e);
	if (end == ATTACH_INTERRUPTED)
		return BTN_EXIT_SIGNAL + interrupt_signal();
	return end != ATTACH_ENDED || explain_end(name, e) ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
