// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Networks of vmctl boot. See net.h. `user` is a baton-net of the VM's own, on
 * socket pairs, that ends with vmctl; any other network is one process per user
 * of the host, reached by sockets in $XDG_RUNTIME_DIR/baton/net, which the
 * first VM starts and which ends a while after the last.
 */
#define _GNU_SOURCE /* pipe2, close_range */
#include "net.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc_client.h"

#define ANSWER_MS 5000

/* ---- checks ---- */

static bool word_ok(const char *text, size_t max, const char *extra)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(extra, text[i]))
			return false;
	return length && length <= max && isalnum((unsigned char)text[0]) &&
	       isalnum((unsigned char)text[length - 1]);
}

static bool take_forwards(const struct args *args, struct net_plan *plan, struct btn_error *e)
{
	const char *text;
	size_t pos = 0;

	while ((text = args_next(args, "forward", &pos))) {
		if (!plan->network) {
			btn_set(e, BTN_BAD_VALUE, "--forward needs a network");
			btn_set_fix(e, "Add --net user.");
			return false;
		}
		if (plan->forward_count == NET_FORWARDS_MAX) {
			btn_set(e, BTN_NET_FULL, "a VM has at most %d forwards", NET_FORWARDS_MAX);
			return false;
		}
		if (!forward_parse(text, &plan->forward[plan->forward_count++], e))
			return false;
	}
	return true;
}

/* The same name, the same MAC, the same address; without a name by chance. */
static void choose_mac(struct net_plan *plan)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	if (plan->name) {
		for (const char *at = plan->name; *at; at++)
			hash = (hash ^ (unsigned char)tolower((unsigned char)*at)) * 16777619u;
	} else if (!strcmp(plan->network, "user") ||
		   getrandom(&hash, sizeof(hash), 0) != sizeof(hash)) {
		hash = 0x00123456;
	}
	plan->mac[0] = 0x52;
	plan->mac[1] = 0x54;
	for (unsigned int i = 0; i < 4; i++)
		plan->mac[2 + i] = (uint8_t)(hash >> (24 - 8 * i));
}

static bool find_base(struct net_plan *plan, struct btn_error *e)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (run && run[0] == '/' &&
	    snprintf(plan->base, sizeof(plan->base), "%s/baton/net/%s", run, plan->network) <
	    (int)sizeof(plan->base))
		return true;
	btn_set(e, BTN_NET_FAILED, "the network \"%s\" has no place", plan->network);
	btn_set_cause(e, "XDG_RUNTIME_DIR is not set, or too long a path.");
	btn_set_fix(e, "Log in again, or: export XDG_RUNTIME_DIR=/run/user/$(id -u)");
	return false;
}

static void describe_card(struct net_plan *plan)
{
	const uint8_t *m = plan->mac;
	char place[96], control[32] = "";

	if (plan->base[0])
		snprintf(place, sizeof(place), "unix:%s.sock", plan->base);
	else if (plan->port >= 0)
		snprintf(place, sizeof(place), "fd=%d", plan->port);
	else
		strcpy(place, "fd=N"); /* for --dry-run: known at the start only */
	if (plan->control >= 0)
		snprintf(control, sizeof(control), ",control-fd=%d", plan->control);
	snprintf(plan->card, sizeof(plan->card), "%s,mac=%02x:%02x:%02x:%02x:%02x:%02x%s%s%s",
		 place, m[0], m[1], m[2], m[3], m[4], m[5], plan->name ? ",name=" : "",
		 plan->name ? plan->name : "", control);
}

bool net_make_plan(const struct args *args, struct net_plan *plan, struct btn_error *e)
{
	*plan = (struct net_plan){ .control = -1, .port = -1 };
	plan->network = args_get(args, "net");
	plan->name = args_get(args, "name");
	if (plan->name && !word_ok(plan->name, 63, "-")) {
		btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is no host name", plan->name);
		btn_set_cause(e, "It has to be of letters, digits and inner hyphens.");
		return false;
	}
	if (plan->network && !word_ok(plan->network, 32, "-_.")) {
		btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is no name of a network", plan->network);
		btn_set_cause(e, "It has at most 32 letters, digits and inner hyphens.");
		return false;
	}
	if (!take_forwards(args, plan, e))
		return false;
	if (!plan->network)
		return true;
	choose_mac(plan);
	if (strcmp(plan->network, "user") && !find_base(plan, e))
		return false;
	describe_card(plan);
	return true;
}

/* ---- starting baton-net ---- */

static bool failed(struct btn_error *e, const char *what, int error)
{
	btn_set(e, BTN_NET_FAILED, "%s", what);
	if (error)
		btn_set_cause(e, "The host says: %s.", strerror(error));
	return false;
}

static bool find_program(char *ret_path, size_t size, struct btn_error *e)
{
	static const char *const places[] = { "baton-net", "../libexec/baton/baton-net" };
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	if (length < 0)
		return failed(e, "baton-net was not found", errno);
	self[length] = '\0';
	dir = dirname(self);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(ret_path, size, "%s/%s", dir, places[i]) < (int)size &&
		    !access(ret_path, X_OK))
			return true;
	return failed(e, "baton-net was not found", 0);
}

static bool is_kept(int fd, const int *keep, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

/*
 * Runs it as nobody's child, so that nobody has to wait for it; keep[] stay open in it, and
 * nothing else: it may outlive those who wait for the end of what they share with us.
 */
static bool spawn(char *const argv[], const int *keep, unsigned int count, int null,
		  struct btn_error *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return failed(e, "baton-net cannot be started", errno);
	if (pid) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return true;
	}
	if (fork())
		_exit(0);
	setsid();
	for (int fd = 0; fd < 3; fd++)
		if (!is_kept(fd, keep, count))
			dup2(null, fd);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	for (unsigned int i = 0; i < count; i++)
		fcntl(keep[i], F_SETFD, 0);
	execv(argv[0], argv);
	_exit(BTN_EXIT_FAILED);
}

static bool wait_ready(int fd, struct btn_error *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&p, 1, ANSWER_MS) == 1 && read(fd, &byte, 1) == 1)
		return true;
	return failed(e, "baton-net did not start", 0);
}

/* argv's last word before its end is the number of the ready descriptor: put here. */
static bool start_process(char **argv, const int *keep, unsigned int count, char *ready_word,
			  struct btn_error *e)
{
	int kept[4], ready[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok;

	if (null < 0)
		return failed(e, "baton-net cannot be started", errno);
	if (pipe2(ready, O_CLOEXEC)) {
		close(null);
		return failed(e, "baton-net cannot be started", errno);
	}
	sprintf(ready_word, "%d", ready[1]);
	if (count)
		memcpy(kept, keep, count * sizeof(int));
	kept[count] = ready[1];
	ok = spawn(argv, kept, count + 1, null, e);
	close(ready[1]);
	ok = ok && wait_ready(ready[0], e);
	close(ready[0]);
	close(null);
	return ok;
}

static bool start_user(struct net_plan *plan, struct btn_error *e)
{
	char path[PATH_MAX], port_word[16], control_word[16], ready_word[16];
	char *argv[] = { path, "--port-fd", port_word, "--control-fd", control_word,
			 "--ready-fd", ready_word, NULL };
	int port[2], control[2], keep[3];
	bool ok;

	if (!find_program(path, sizeof(path), e))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, port))
		return failed(e, "the network cannot be set up", errno);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control)) {
		close(port[0]);
		close(port[1]);
		return failed(e, "the network cannot be set up", errno);
	}
	keep[0] = port[1];
	keep[1] = control[1];
	keep[2] = STDERR_FILENO; /* it ends with us */
	sprintf(port_word, "%d", keep[0]);
	sprintf(control_word, "%d", keep[1]);
	ok = start_process(argv, keep, 3, ready_word, e);
	close(port[1]);
	close(control[1]);
	plan->port = port[0];
	plan->control = control[0];
	fcntl(plan->port, F_SETFD, 0); /* baton-vm inherits it */
	return ok;
}

/* ---- named networks ---- */

static bool make_folders(const char *base, struct btn_error *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", base);
	for (char *at = strstr(path, "/baton/net/"); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (strlen(path) && mkdir(path, 0700) && errno != EEXIST)
			return failed(e, "the network's folder cannot be made", errno);
		*at = '/';
	}
	return true;
}

/* Where addresses are kept; false: nowhere, they last as long as the process. */
static bool find_leases(const char *network, char *ret_path, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct btn_error ignored;
	int length = state && state[0] == '/' ?
		     snprintf(ret_path, size, "%s/baton/net/%s.leases", state, network) :
		     home && home[0] == '/' ?
		     snprintf(ret_path, size, "%s/.local/state/baton/net/%s.leases", home,
			      network) : 0;

	if (length <= 0 || length >= (int)size)
		return false;
	for (char *at = ret_path; (at = strchr(at + 1, '/'));) {
		*at = '\0';
		mkdir(ret_path, 0700); /* baton-net goes without if this fails */
		*at = '/';
	}
	return make_folders(ret_path, &ignored);
}

/* Negative: nobody is there. */
static int connect_control(const char *base)
{
	char path[sizeof(((struct net_plan *)0)->base) + 8];

	snprintf(path, sizeof(path), "%s.ctl", base);
	return rpc_connect(path);
}

static bool start_named(struct net_plan *plan, struct btn_error *e)
{
	char path[PATH_MAX], leases[PATH_MAX], ready_word[16];
	char *argv[] = { path, "--name", (char *)plan->network, "--listen", plan->base,
			 "--ready-fd", ready_word, "--leases", leases, NULL };

	plan->control = connect_control(plan->base);
	if (plan->control >= 0)
		return true;
	if (!find_program(path, sizeof(path), e) || !make_folders(plan->base, e))
		return false;
	if (!find_leases(plan->network, leases, sizeof(leases)))
		argv[7] = NULL;
	/* Another vmctl may be quicker, or the network just ending: try for a while. */
	for (unsigned int i = 0; i < 50; i++) {
		if (!start_process(argv, NULL, 0, ready_word, e)) {
			btn_set_fix(e, "See what it says: %.200s --name %s --listen %.200s", path,
				    plan->network, plan->base);
			return false;
		}
		plan->control = connect_control(plan->base);
		if (plan->control >= 0)
			return true;
		usleep(50000);
	}
	return failed(e, "the network does not answer", 0);
}

/* ---- requests ---- */

static bool ask(const struct net_plan *plan, struct json_out *out, struct rpc_answer *answer,
		struct btn_error *e)
{
	return rpc_ask(plan->control, out, ANSWER_MS, answer, BTN_NET_FAILED,
		       "the network did not answer", e);
}

static bool reserve(struct net_plan *plan, char *ret_address, size_t size, struct btn_error *e)
{
	static struct rpc_answer answer;
	char request[512], mac[18];
	const uint8_t *m = plan->mac;
	const char *address;
	struct json_out out;

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		 m[5]);
	json_put_start(&out, request, sizeof(request));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", "reserve");
	json_put_string(&out, "mac", mac);
	if (plan->name)
		json_put_string(&out, "name", plan->name);
	json_put_close(&out, '}');
	if (!ask(plan, &out, &answer, e))
		return false;
	if (!json_get_string(answer.node, "address", &address))
		return failed(e, "the network did not answer", 0);
	snprintf(ret_address, size, "%s", address);
	return true;
}

static bool add_forward(struct net_plan *plan, const struct forward *f, const char *guest,
			struct btn_error *e)
{
	static struct rpc_answer answer;
	char request[512];
	struct json_out out;

	json_put_start(&out, request, sizeof(request));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", "forward-add");
	json_put_string(&out, "proto", f->udp ? "udp" : "tcp");
	json_put_string(&out, "host_address", f->host_address);
	json_put_int(&out, "host_port", f->host_port);
	json_put_string(&out, "guest", guest);
	json_put_int(&out, "guest_port", f->guest_port);
	json_put_close(&out, '}');
	return ask(plan, &out, &answer, e);
}

bool net_start(struct net_plan *plan, struct btn_error *e)
{
	char address[INET_ADDRSTRLEN];
	bool ok;

	if (!plan->network)
		return true;
	ok = (plan->base[0] ? start_named(plan, e) : start_user(plan, e)) &&
	     reserve(plan, address, sizeof(address), e);
	for (unsigned int i = 0; ok && i < plan->forward_count; i++)
		ok = add_forward(plan, &plan->forward[i], address, e);
	if (ok) {
		fcntl(plan->control, F_SETFD, 0); /* baton-vm has it, too: live forwards */
		describe_card(plan);
	} else {
		net_stop(plan);
	}
	return ok;
}

void net_stop(struct net_plan *plan)
{
	if (plan->port >= 0)
		close(plan->port);
	if (plan->control >= 0)
		close(plan->control);
	plan->port = plan->control = -1;
}
