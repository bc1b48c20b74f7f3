// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TEST CODE. Stands where baton-vm belongs, on machines that cannot run VMs: it takes the
 * same options, answers on the same control socket, and there is no guest. What the
 * daemon does around a monitor can be tested with it, and timed.
 *
 * Its "guest" says "NAME login: " on the serial port, echoes what is typed there, and
 * powers off 50 ms after the power button. Names make it behave worse: deaf-* does not
 * hear the button, nobutton-* refuses it, curt-* is gone before it has answered it, crash-*
 * ends with a triple fault after 200 ms, fail-* ends at once with an error, slow-* takes two
 * seconds until it answers, stuck-* stops itself before that (SIGSTOP), liar-* tells a wrong
 * process id, linger-* takes a second to start and lives on for 600 ms when its VM has ended,
 * gift-* sends a descriptor with each answer, brief-* powers off by itself after 800 ms.
 */
#define _GNU_SOURCE /* memfd_create, accept4 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/rpc.h"
#include "lib/unix_socket.h"
#include "stub_screen.h"

#define CLIENTS_MAX 32
#define CONSOLES_MAX 8

static struct {
	const char *name, *uuid, *control, *serial_log, *board, *engine;
	long long memory, memory_min;
	int cpus, disks, nets;
	bool paused;
} vm = { .name = "stub", .uuid = "", .board = "pc", .engine = "auto", .cpus = 1,
	 .memory = 256 << 20, .memory_min = 256 << 20 };

static struct client {
	int fd;			/* 0: free */
	bool events;
	int passed;		/* a descriptor that came; 0: none */
	size_t length;
	char in[65536];
} clients[CLIENTS_MAX];

static int consoles[CONSOLES_MAX];	/* our ends; 0: free */
static long long off_at;		/* ms; 0: stays on */
static int64_t target;

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* ---- out ---- */

static void send_line(int to, const char *text, size_t length, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = (void *)text, .iov_len = length };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	sendmsg(to, &msg, MSG_NOSIGNAL);
}

void stub_send(int client, const char *text, size_t length)
{
	send_line(clients[client].fd, text, length, -1);
}

static void tell(const char *event)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "{\"event\":\"%s\"}\n", event);

	for (int i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].fd && clients[i].events)
			send_line(clients[i].fd, text, (size_t)length, -1);
}

static bool is_called(const char *prefix)
{
	return !strncmp(vm.name, prefix, strlen(prefix));
}

static _Noreturn void end(const char *event, int status)
{
	tell(event);
	unlink(vm.control);
	if (is_called("linger")) {
		for (int fd = 3; fd < 256; fd++)
			close(fd);
		usleep(600000);
		status = 1;
	}
	exit(status);
}

static void print_serial(const char *text, size_t length)
{
	int log = vm.serial_log ? open(vm.serial_log, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

	for (int i = 0; i < CONSOLES_MAX; i++)
		if (consoles[i])
			send(consoles[i], text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (log >= 0) {
		if (write(log, text, length) < 0)
			perror("stub: serial log");
		close(log);
	}
}

/* ---- operations ---- */

static bool do_status(struct rpc_request *r)
{
	int attached = 0;

	for (int i = 0; i < CONSOLES_MAX; i++)
		attached += consoles[i] != 0;
	json_put_string(r->out, "version", "stub");
	json_put_string(r->out, "state", vm.paused ? "paused" : "running");
	json_put_string(r->out, "board", vm.board);
	json_put_string(r->out, "engine", "baton");
	json_put_string(r->out, "name", vm.name);
	json_put_string(r->out, "uuid", vm.uuid);
	json_put_int(r->out, "pid", is_called("liar") ? getppid() : getpid());
	json_put_int(r->out, "uptime_ms", now_ms());
	json_put_int(r->out, "cpus", vm.cpus);
	json_put_int(r->out, "memory", vm.memory);
	json_put_int(r->out, "memory_min", vm.memory_min);
	json_put_int(r->out, "serial_clients", attached);
	json_put_open(r->out, "screen", '{');
	json_put_int(r->out, "width", STUB_SCREEN_WIDTH);
	json_put_int(r->out, "height", STUB_SCREEN_HEIGHT);
	json_put_close(r->out, '}');
	return true;
}

static bool do_stats(struct rpc_request *r)
{
	json_put_int(r->out, "at_ns", now_ms() * 1000000);
	json_put_open(r->out, "cpus", '[');
	for (int i = 0; i < vm.cpus; i++) {
		json_put_open(r->out, NULL, '{');
		json_put_int(r->out, "time_ns", now_ms() * 1000);
		json_put_int(r->out, "exits", now_ms());
		json_put_int(r->out, "exit_pio", now_ms() / 4);
		json_put_int(r->out, "exit_hlt", now_ms() / 2);
		json_put_int(r->out, "ready_ns", now_ms() * 100);
		json_put_int(r->out, "halted", i == 0);
		json_put_close(r->out, '}');
	}
	json_put_close(r->out, ']');
	json_put_open(r->out, "vm", '{');
	json_put_int(r->out, "pages_4k", 4711);
	json_put_close(r->out, '}');
	json_put_open(r->out, "disks", '[');
	for (int i = 0; i < vm.disks; i++) {
		json_put_open(r->out, NULL, '{');
		json_put_int(r->out, "reads", 10 * i + 1);
		json_put_int(r->out, "read_bytes", 512 * (10 * i + 1));
		json_put_int(r->out, "writes", 10 * i + 2);
		json_put_int(r->out, "written_bytes", 512 * (10 * i + 2));
		json_put_int(r->out, "flushes", 10 * i + 3);
		json_put_int(r->out, "errors", 0);
		json_put_close(r->out, '}');
	}
	json_put_close(r->out, ']');
	json_put_open(r->out, "networks", '[');
	for (int i = 0; i < vm.nets; i++) {
		json_put_open(r->out, NULL, '{');
		json_put_int(r->out, "rx_frames", 10 * i + 4);
		json_put_int(r->out, "rx_bytes", 60 * (10 * i + 4));
		json_put_int(r->out, "tx_frames", 10 * i + 5);
		json_put_int(r->out, "tx_bytes", 60 * (10 * i + 5));
		json_put_close(r->out, '}');
	}
	json_put_close(r->out, ']');
	return true;
}

static bool do_memory(struct rpc_request *r)
{
	json_put_int(r->out, "max", vm.memory);
	json_put_int(r->out, "min", vm.memory_min);
	json_put_int(r->out, "target", target);
	json_put_int(r->out, "actual", target);
	json_put_bool(r->out, "driver", true);
	json_put_int(r->out, "reported_free", 0);
	json_put_int(r->out, "held", 64 << 20);
	json_put_int(r->out, "given_back", vm.memory - (64 << 20));
	json_put_int(r->out, "own", 4 << 20);
	return true;
}

static bool do_memory_target(struct rpc_request *r)
{
	return json_get_int(r->object, "bytes", 0, INT64_MAX, &target);
}

static bool do_pause(struct rpc_request *r)
{
	(void)r;
	if (!vm.paused)
		tell("paused");
	vm.paused = true;
	return true;
}

static bool do_resume(struct rpc_request *r)
{
	(void)r;
	if (vm.paused)
		tell("resumed");
	vm.paused = false;
	return true;
}

static bool do_reset(struct rpc_request *r)
{
	(void)r;
	tell("reset");
	return true;
}

static bool do_power_button(struct rpc_request *r)
{
	bool heard = !is_called("deaf");

	if (is_called("curt"))
		end("power-off", 0);
	if (is_called("nobutton")) {
		btn_set_default(r->e, BTN_BAD_VALUE);
		return false;
	}
	if (heard && !off_at)
		off_at = now_ms() + 50;
	json_put_bool(r->out, "heard", heard);
	return true;
}

static bool do_quit(struct rpc_request *r)
{
	(void)r;
	end("killed", 143);
}

static bool do_events(struct rpc_request *r)
{
	clients[r->client].events = true;
	return true;
}

static bool do_nothing(struct rpc_request *r)
{
	(void)r;
	return true;
}

static bool do_attach_serial(struct rpc_request *r)
{
	bool force = false, exclusive = false;
	int pair[2], i, taken = 0;
	char text[128];

	json_get_bool(r->object, "force", &force);
	json_get_bool(r->object, "exclusive", &exclusive);
	for (i = 0; i < CONSOLES_MAX; i++) {
		if (consoles[i] && force) {
			close(consoles[i]);
			consoles[i] = 0;
		}
		taken += consoles[i] != 0;
	}
	if (taken && exclusive) {
		btn_set_default(r->e, BTN_SERIAL_BUSY);
		return false;
	}
	if (taken == CONSOLES_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		btn_set_default(r->e, BTN_NO_CONSOLE);
		return false;
	}
	for (i = 0; consoles[i]; i++)
		;
	consoles[i] = pair[0];
	snprintf(text, sizeof(text), "%s login: ", vm.name);
	send(pair[0], text, strlen(text), MSG_NOSIGNAL);
	r->fd = pair[1];
	return true;
}

/* What a VNC server says first, and no more than that. */
static void greet(int fd)
{
	send(fd, "RFB 003.008\n", 12, MSG_NOSIGNAL);
	close(fd);
}

static bool do_attach_vnc(struct rpc_request *r)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return false;
	greet(pair[0]);
	r->fd = pair[1];
	return true;
}

static bool do_vnc_client(struct rpc_request *r)
{
	if (!clients[r->client].passed) {
		btn_set_default(r->e, BTN_BAD_VALUE);
		return false;
	}
	greet(clients[r->client].passed);
	clients[r->client].passed = 0;
	return true;
}

#define END { .name = NULL }
static const struct rpc_param none[] = { END };
static const struct rpc_operation operations[] = {
	{ "status", do_status, none, "" }, { "stats", do_stats, none, "" },
	{ "memory", do_memory, none, "" }, { "memory-target", do_memory_target, NULL, "" },
	{ "pause", do_pause, none, "" }, { "resume", do_resume, none, "" },
	{ "reset", do_reset, none, "" }, { "power-button", do_power_button, none, "" },
	{ "quit", do_quit, none, "" }, { "events", do_events, none, "" },
	{ "screenshot", stub_screen_attach, none, "" },
	{ "attach-display", stub_screen_attach, none, "" },
	{ "wait-display", stub_screen_wait, none, "" }, { "send-key", stub_screen_key, NULL, "" },
	{ "type", do_nothing, NULL, "" }, { "key", stub_screen_key, NULL, "" },
	{ "pointer", stub_screen_pointer, NULL, "" },
	{ "attach-serial", do_attach_serial, NULL, "" },
	{ "attach-vnc", do_attach_vnc, NULL, "" }, { "vnc-client", do_vnc_client, NULL, "" },
	{ "forward-add", do_nothing, NULL, "" }, { "forward-remove", do_nothing, NULL, "" },
};
static const struct rpc_service service = {
	.operation = operations, .count = sizeof(operations) / sizeof(operations[0]),
	.document = "tests/daemon/stub_monitor.c",
};

/* ---- in ---- */

static void drop(struct client *client)
{
	close(client->fd);
	if (client->passed)
		close(client->passed);
	client->fd = client->passed = 0;
	stub_screen_forget((int)(client - clients));
	client->events = false;
	client->length = 0;
}

static void take_lines(struct client *client)
{
	static char reply[65536];
	char *end;

	while ((end = memchr(client->in, '\n', client->length))) {
		size_t length = (size_t)(end - client->in), size;
		int fd;

		size = rpc_answer(&service, NULL, (int)(client - clients), client->in, length,
				  reply, sizeof(reply), &fd);
		if (size && fd < 0 && is_called("gift"))
			fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (size)
			send_line(client->fd, reply, size, fd);
		if (fd >= 0)
			close(fd);
		client->length -= length + 1;
		memmove(client->in, end + 1, client->length);
	}
}

static void read_client(struct client *client)
{
	struct iovec iov = { client->in + client->length, sizeof(client->in) - client->length };
	union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);

	if (got > 0 && message.msg_controllen && control.header.cmsg_type == SCM_RIGHTS)
		memcpy(&client->passed, CMSG_DATA(&control.header), sizeof(int));
	if (got <= 0) {
		drop(client);
		return;
	}
	client->length += (size_t)got;
	take_lines(client);
}

static void read_console(int *console)
{
	char text[256];
	ssize_t got = read(*console, text, sizeof(text));

	if (got > 0) {
		print_serial(text, (size_t)got);
		return;
	}
	close(*console);
	*console = 0;
}

static void add_client(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; fd >= 0 && i < CLIENTS_MAX; i++)
		if (!clients[i].fd) {
			clients[i].fd = fd;
			return;
		}
	if (fd >= 0)
		close(fd);
}

static int timeout(void)
{
	long long left = off_at - now_ms();

	return !off_at ? -1 : left > 0 ? (int)left : 0;
}

static void end_if_due(void)
{
	if (!off_at || now_ms() < off_at)
		return;
	if (strncmp(vm.name, "crash", 5))
		end("power-off", 0);
	fprintf(stderr, "baton-vm: the guest crashed with a triple fault (BTN-4001)\n"
		"cause: It was told to by its name.\nfix: Give it another name.\n");
	end("crashed", 1);
}

static _Noreturn void serve(int listener)
{
	for (;;) {
		struct pollfd p[1 + CLIENTS_MAX + CONSOLES_MAX] = {
			{ .fd = listener, .events = POLLIN } };

		for (int i = 0; i < CLIENTS_MAX; i++)
			p[1 + i] = (struct pollfd){ .fd = clients[i].fd ? clients[i].fd : -1,
						    .events = POLLIN };
		for (int i = 0; i < CONSOLES_MAX; i++)
			p[1 + CLIENTS_MAX + i] = (struct pollfd){
				.fd = consoles[i] ? consoles[i] : -1, .events = POLLIN };
		poll(p, sizeof(p) / sizeof(p[0]), timeout());
		end_if_due();
		if (p[0].revents)
			add_client(listener);
		for (int i = 0; i < CLIENTS_MAX; i++)
			if (p[1 + i].revents && clients[i].fd == p[1 + i].fd)
				read_client(&clients[i]);
		for (int i = 0; i < CONSOLES_MAX; i++)
			if (p[1 + CLIENTS_MAX + i].revents &&
			    consoles[i] == p[1 + CLIENTS_MAX + i].fd)
				read_console(&consoles[i]);
	}
}

/* ---- options ---- */

static void take(const char *option, const char *value)
{
	if (!strcmp(option, "--name"))
		vm.name = value;
	else if (!strcmp(option, "--uuid"))
		vm.uuid = value;
	else if (!strcmp(option, "--control"))
		vm.control = value;
	else if (!strcmp(option, "--serial-log"))
		vm.serial_log = value;
	else if (!strcmp(option, "--board"))
		vm.board = value;
	else if (!strcmp(option, "--disk"))
		vm.disks++;
	else if (!strcmp(option, "--net"))
		vm.nets++;
	else if (!strcmp(option, "--cpus"))
		vm.cpus = atoi(value);
	else if (!strcmp(option, "--memory"))
		sscanf(value, "%lld..%lld", &vm.memory_min, &vm.memory);
}

static void on_term(int signal)
{
	(void)signal;
	_exit(143);
}

int main(int argc, char **argv)
{
	int listener;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--paused"))
			vm.paused = true;
		else if (strcmp(argv[i], "--console-hub") && i + 1 < argc)
			take(argv[i], argv[i + 1]), i++;
	}
	if (!vm.control || !strncmp(vm.name, "fail", 4)) {
		fprintf(stderr, "baton-vm: the host did not provide the VM's memory (BTN-2002)\n"
			"cause: It was told to by its name.\nfix: Give it another name.\n");
		return 8;
	}
	if (is_called("slow"))
		sleep(2);
	if (is_called("linger"))
		sleep(1);
	if (is_called("stuck"))
		raise(SIGSTOP);
	if (!strncmp(vm.name, "crash", 5))
		off_at = now_ms() + 200;
	if (is_called("brief"))
		off_at = now_ms() + 800;
	target = vm.memory;
	signal(SIGTERM, on_term);
	listener = unix_listen(vm.control, SOCK_STREAM, 16);
	if (listener < 0) {
		fprintf(stderr, "baton-vm: the control socket cannot be made (BTN-1302)\n");
		return 1;
	}
	print_serial("stub\r\n", 6);
	serve(listener);
}
