// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-net: one virtual network. Options, sockets, and the loop: one thread
 * that sleeps in poll() on an epoll descriptor (ports, clients, listeners) and
 * on libslirp's sockets, which change too often for an epoll set.
 *
 * Two ways to live: with --port-fd and --control-fd it serves one VM and ends
 * when both are closed; with --listen DIR/NAME it serves DIR/NAME.sock (ports)
 * and DIR/NAME.ctl (control), once per name, and ends --linger seconds after
 * the last connection is gone.
 */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "baton_version.h"
#include "control.h"
#include "lib/errors.h"
#include "lib/unix_socket.h"
#include "switch.h"

#define EVENTS_MAX 64
#define ROUNDS 16		/* of frames between two looks at the uplink */
#define LINGER_DEFAULT 10
#define DESCRIPTORS_MAX 8192

enum kind { KIND_PORT, KIND_CLIENT, KIND_LISTEN_PORT, KIND_LISTEN_CLIENT, KIND_SIGNAL };

struct options {
	const char *subnet, *domain, *listen, *leases, *name;
	int port_fd, control_fd, ready_fd;
	unsigned int linger;
};

struct daemon {
	struct options options;
	struct net *net;
	struct control control;
	int epoll_fd, signal_fd, lock_fd;
	int spare_fd;			/* to be given up when there are no others */
	int listen_port, listen_client;	/* -1: none */
	uint64_t alone_since;		/* seconds; 0: not alone */
	uint64_t save_at;		/* no earlier: the last time it did not work */
	bool end;
};

static int watch(struct daemon *d, int fd, enum kind kind, unsigned int index)
{
	struct epoll_event event = { .events = EPOLLIN,
				     .data.u64 = (uint64_t)kind << 32 | index };

	return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static void add_port(struct daemon *d, int fd)
{
	int index = switch_add_port(d->net, fd);

	if (index < 0)
		close(fd);
	else if (watch(d, fd, KIND_PORT, (unsigned int)index))
		d->net->port[index].dead = true;
}

static void add_client(struct daemon *d, int fd)
{
	int index = control_add_client(&d->control, fd);

	if (index < 0)
		close(fd);
	else if (watch(d, fd, KIND_CLIENT, (unsigned int)index))
		control_drop_client(&d->control, (unsigned int)index);
}

/* ---- the loop ---- */

static void open_spare(struct daemon *d)
{
	if (d->spare_fd < 0)
		d->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* What waits to be accepted, and cannot be, would wake the loop for ever. */
static void turn_away(struct daemon *d, int listener)
{
	int fd;

	close(d->spare_fd);
	d->spare_fd = -1;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	open_spare(d);
}

static void accept_one(struct daemon *d, int listener, bool port)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		if ((errno == EMFILE || errno == ENFILE) && d->spare_fd >= 0)
			turn_away(d, listener);
		return;
	}
	if (port)
		add_port(d, fd);
	else
		add_client(d, fd);
}

static void handle(struct daemon *d, const struct epoll_event *event)
{
	unsigned int index = (uint32_t)event->data.u64;

	switch ((enum kind)(event->data.u64 >> 32)) {
	case KIND_PORT:
		if (event->events & EPOLLOUT)
			switch_port_writable(d->net, index);
		if (event->events & ~(uint32_t)EPOLLOUT)
			switch_port_readable(d->net, index);
		break;
	case KIND_CLIENT:
		control_readable(&d->control, index);
		break;
	case KIND_LISTEN_PORT:
		accept_one(d, d->listen_port, true);
		break;
	case KIND_LISTEN_CLIENT:
		accept_one(d, d->listen_client, false);
		break;
	case KIND_SIGNAL:
		d->end = true;
	}
}

/* Ports whose socket is full want to know when it is not. */
static void watch_writers(struct daemon *d)
{
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		struct port *port = &d->net->port[i];
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };

		if (port->fd < 0 || port->waiting == port->armed)
			continue;
		if (port->waiting)
			event.events |= EPOLLOUT;
		epoll_ctl(d->epoll_fd, EPOLL_CTL_MOD, port->fd, &event);
		port->armed = port->waiting;
	}
}

static uint64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec + 1;
}

/* Several batches, so that libslirp's list is not made anew for each. */
static void serve_sockets(struct daemon *d)
{
	struct epoll_event event[EVENTS_MAX];

	for (unsigned int round = 0; round < ROUNDS; round++) {
		int count = epoll_wait(d->epoll_fd, event, EVENTS_MAX, 0);

		if (count <= 0)
			return;
		for (int i = 0; i < count; i++)
			handle(d, &event[i]);
		watch_writers(d);
	}
}

static bool is_alone(struct daemon *d)
{
	bool ports = switch_reap(d->net);

	return !ports && !control_has_clients(&d->control) &&
	       !control_has_kept_forwards(&d->control);
}

/* Once a turn: what time brings. */
static void housekeeping(struct daemon *d)
{
	d->net->now = seconds();
	open_spare(d);
	if (d->net->leases.dirty && d->options.leases && d->net->now >= d->save_at &&
	    leases_save(&d->net->leases, d->options.leases))
		d->save_at = d->net->now + 2; /* more than one second from now */
	if (!is_alone(d)) {
		d->alone_since = 0;
		return;
	}
	if (!d->alone_since)
		d->alone_since = d->net->now;
	if (d->listen_port < 0 || d->net->now - d->alone_since >= d->options.linger)
		d->end = true;
}

static void run(struct daemon *d)
{
	const struct pollfd first = { .fd = d->epoll_fd, .events = POLLIN };

	while (!d->end && !d->control.quit) {
		uint32_t timeout = d->alone_since ? 1000 : 10000;
		struct pollfd *fds;
		unsigned int count = uplink_prepare(d->net->uplink, &first, 1, &fds, &timeout);
		int got = poll(fds, count, (int)timeout);

		d->net->now = seconds();
		if (got > 0 && fds[0].revents)
			serve_sockets(d);
		uplink_dispatch(d->net->uplink, got < 0);
		switch_flush(d->net);
		watch_writers(d);
		housekeeping(d);
	}
}

/* ---- start ---- */

static int fail(enum btn_code code, const char *what, int error)
{
	struct btn_error e;

	btn_set(&e, code, "%s", what);
	if (error)
		btn_set_cause(&e, "The host says: %s.", strerror(-error));
	btn_print(stderr, "baton-net", NULL, &e);
	return btn_exit_status(&e);
}

static int listen_at(const char *base, const char *suffix, int type)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", base, suffix) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return unix_listen(path, type, 16);
}

/* -EBUSY: the network has its process already. */
static int take_lock(struct daemon *d)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s.lock", d->options.listen) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock_fd < 0)
		return -errno;
	return flock(d->lock_fd, LOCK_EX | LOCK_NB) ? -EBUSY : 0;
}

static int open_listeners(struct daemon *d)
{
	int error;

	d->listen_client = listen_at(d->options.listen, ".ctl", SOCK_STREAM);
	if (d->listen_client < 0)
		return d->listen_client;
	d->listen_port = listen_at(d->options.listen, ".sock", SOCK_SEQPACKET);
	if (d->listen_port < 0)
		return d->listen_port;
	error = watch(d, d->listen_client, KIND_LISTEN_CLIENT, 0);
	return error ? error : watch(d, d->listen_port, KIND_LISTEN_PORT, 0);
}

static void remove_sockets(struct daemon *d)
{
	static const char *const suffix[] = { ".ctl", ".sock" };
	char path[PATH_MAX];

	for (unsigned int i = 0; i < 2 && d->listen_port >= 0; i++)
		if (snprintf(path, sizeof(path), "%s%s", d->options.listen, suffix[i]) <
		    (int)sizeof(path))
			unlink(path);
}

static int watch_signals(struct daemon *d)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signal_fd < 0 ? -errno : watch(d, d->signal_fd, KIND_SIGNAL, 0);
}

/*
 * libslirp keeps the socket of a connection that has ended for ten seconds more. But each
 * datagram from another port of a guest takes one of the host's UDP ports for four
 * minutes, and the host has 28,000 to give away.
 */
static void bound_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_all(struct daemon *d, const struct subnet *subnet)
{
	int error;

	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (d->epoll_fd < 0)
		return -errno;
	error = switch_create(subnet, &d->net);
	if (error)
		return error;
	d->net->now = seconds();
	control_init(&d->control, d->net, d->options.name);
	if (d->options.leases)
		leases_load(&d->net->leases, d->options.leases);
	error = watch_signals(d);
	if (!error && d->options.listen)
		error = open_listeners(d);
	if (error)
		return error;
	if (d->options.port_fd >= 0)
		add_port(d, d->options.port_fd);
	if (d->options.control_fd >= 0)
		add_client(d, d->options.control_fd);
	return 0;
}

static void tell_ready(const struct options *options)
{
	if (options->ready_fd < 0)
		return;
	(void)!write(options->ready_fd, "\n", 1);
	close(options->ready_fd);
}

/* ---- options ---- */

static const struct option long_options[] = {
	{ "subnet", required_argument, NULL, 's' }, { "domain", required_argument, NULL, 'd' },
	{ "name", required_argument, NULL, 'n' }, { "listen", required_argument, NULL, 'l' },
	{ "leases", required_argument, NULL, 'f' }, { "linger", required_argument, NULL, 'g' },
	{ "port-fd", required_argument, NULL, 'p' }, { "control-fd", required_argument, NULL, 'c' },
	{ "ready-fd", required_argument, NULL, 'r' }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 },
};

static const char help_text[] =
	"usage: baton-net [OPTION]...\n"
	"Be one virtual network: switch, DHCP, DNS, and NAT to the host's network.\n\n"
	"  --subnet A.B.C.0/24   its addresses, prefix 16 to 27 (10.0.2.0/24)\n"
	"  --domain NAME         its DNS domain (baton.internal)\n"
	"  --name NAME           what it is called (user)\n"
	"  --listen DIR/NAME     serve DIR/NAME.sock (ports) and DIR/NAME.ctl (control)\n"
	"  --linger SECONDS      with --listen: end so long after the last connection (10)\n"
	"  --leases FILE         keep addresses there\n"
	"  --port-fd N           a port that is connected already\n"
	"  --control-fd N        a control connection that is there already\n"
	"  --ready-fd N          write a byte there when everything is set up\n";

/* A descriptor or a number of seconds. */
static bool take_number(const char *text, int *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || end == text || value < 0 || value > 1 << 20)
		return false;
	*ret = (int)value;
	return true;
}

static bool take_fd(const char *text, int *ret)
{
	return take_number(text, ret) && fcntl(*ret, F_SETFD, FD_CLOEXEC) >= 0;
}

static bool take_option(struct options *o, int letter, char *value)
{
	int number;

	switch (letter) {
	case 's': o->subnet = value; return true;
	case 'd': o->domain = value; return true;
	case 'n': o->name = value; return true;
	case 'l': o->listen = value; return true;
	case 'f': o->leases = value; return true;
	case 'p': return take_fd(value, &o->port_fd);
	case 'c': return take_fd(value, &o->control_fd);
	case 'r': return take_fd(value, &o->ready_fd);
	case 'g':
		if (!take_number(value, &number))
			return false;
		o->linger = (unsigned int)number;
		return true;
	default: return false;
	}
}

/* Labels of host names with dots between. */
static bool domain_valid(const char *domain)
{
	char copy[NET_PORT_NAME_MAX + 1], *save = NULL;

	if (!domain[0] || strlen(domain) >= sizeof(copy) || strstr(domain, "..") ||
	    domain[0] == '.' || domain[strlen(domain) - 1] == '.')
		return false;
	strcpy(copy, domain);
	for (char *label = strtok_r(copy, ".", &save); label; label = strtok_r(NULL, ".", &save))
		if (!host_name_valid(label))
			return false;
	return true;
}

static int parse_options(struct options *o, int argc, char **argv, struct subnet *ret_subnet)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (letter == 'h' || letter == 'v') {
			fputs(letter == 'h' ? help_text : "baton-net " BATON_VERSION "\n", stdout);
			exit(BTN_EXIT_DONE);
		}
		if (letter == '?')
			return BTN_EXIT_USAGE; /* getopt_long() has said why */
		if (!take_option(o, letter, optarg))
			return fail(BTN_BAD_VALUE, "the value of an option is no number or "
				    "no open descriptor", 0);
	}
	if (optind < argc)
		return fail(BTN_EXTRA_ARGUMENT, "there is an argument too many", 0);
	if (subnet_parse(o->subnet, ret_subnet))
		return fail(BTN_BAD_VALUE, "--subnet takes an IPv4 network like 10.0.2.0/24", 0);
	if (!domain_valid(o->domain))
		return fail(BTN_BAD_VALUE, "--domain takes a DNS domain", 0);
	if (!o->listen && o->port_fd < 0 && o->control_fd < 0)
		return fail(BTN_MISSING_ARGUMENT, "--listen, --port-fd or --control-fd is needed",
			    0);
	strcpy(ret_subnet->domain, o->domain); /* domain_valid() has looked at the length */
	return 0;
}

int main(int argc, char **argv)
{
	static struct daemon d = {
		.options = {
			.subnet = "10.0.2.0/24", .domain = "baton.internal", .name = "user",
			.port_fd = -1, .control_fd = -1, .ready_fd = -1, .linger = LINGER_DEFAULT,
		},
		.epoll_fd = -1, .signal_fd = -1, .lock_fd = -1, .spare_fd = -1,
		.listen_port = -1, .listen_client = -1,
	};
	struct subnet subnet = { 0 };
	int status = parse_options(&d.options, argc, argv, &subnet), error;

	if (status)
		return status;
	/* Guests talk to this process: nothing it could gain, nothing of it to be read. */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	umask(077);
	bound_descriptors();
	error = d.options.listen ? take_lock(&d) : 0;
	if (error == -EBUSY) {
		tell_ready(&d.options); /* the other one is, or will be in a moment */
		return BTN_EXIT_DONE;
	}
	if (!error)
		error = open_all(&d, &subnet);
	if (error)
		return fail(BTN_NET_FAILED, "the network cannot be set up", error);
	tell_ready(&d.options);
	run(&d);
	remove_sockets(&d);
	if (d.net->leases.dirty && d.options.leases)
		leases_save(&d.net->leases, d.options.leases);
	control_fini(&d.control);
	switch_destroy(d.net);
	return BTN_EXIT_DONE;
}
