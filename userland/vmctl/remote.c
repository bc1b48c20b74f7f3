// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See remote.h, and the command that sends any request.
 */
#include "remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node.h"
#include "targets.h"
#include "verb.h"

const struct option_row control_options[] = {
	{ "control", "PATH", "The VM's control socket, instead of the first argument." },
	{ NULL, NULL, NULL },
};

const struct example control_examples[] = {
	{ "What a VM is and does:", "vmctl control web-1 status" },
	{ "Press its power button:", "vmctl control web-1 power-button" },
	{ "Let it make do with 512 MiB:",
	  "vmctl control ./vm.sock memory-target bytes=536870912" },
	{ "Forward port 8080 of the host to port 80 of the guest:",
	  "vmctl control ./vm.sock forward-add host_port=8080 guest_port=80" },
	{ NULL, NULL },
};

const char control_description[] =
	"Sends a request to the VM's monitor and prints the answer, a line of JSON. VM is the name "
	"of a VM, or the path, with a / or . in it, of a control socket: vmctl boot --control "
	"PATH.\n"
	"Operations: status, stats, pause, resume, reset, power-button, quit, events, memory, "
	"memory-target, screenshot, attach-display, wait-display, vnc-client, attach-vnc, "
	"attach-serial, send-key, type, key, pointer, forward-add, forward-remove, forward-list. "
	"\"baton-vm --control-schema\" prints what each of them takes.\n"
	"VALUE is a number or true or false if it looks like one, else a text; put it between "
	"double quotes to make it a text. With the operation events, a line is printed for each "
	"event until the VM ends.";

int remote_open_named(const char *name, struct btn_error *e)
{
	struct targets t;
	struct daemon d;
	struct reply reply;
	int fd = -1;

	if (!daemon_open(&d, e))
		return -1;
	if (targets_find_one(&d, &target_vms, name, &t, e)) {
		if (daemon_get_of(&d, "vm-monitor", "name", node_string(t.node[0], "uuid"),
				  &reply, e)) {
			fd = reply.fd;
			reply.fd = -1;
			reply_free(&reply);
			if (fd < 0)
				btn_set(e, BTN_NO_DAEMON, "the daemon's answer has no socket");
		}
		targets_free(&t);
	}
	daemon_close(&d);
	return fd;
}

static bool connect_path(const char *path, struct remote *remote, struct btn_error *e)
{
	remote->fd = rpc_connect(path);
	if (remote->fd >= 0)
		return true;
	btn_set(e, BTN_NOT_RUNNING, "no VM answers at \"%.128s\"", path);
	if (remote->fd != -ENOENT && remote->fd != -ECONNREFUSED)
		btn_set_cause(e, "The host says: %s.", strerror(-remote->fd));
	return false;
}

bool remote_open(const struct args *args, struct remote *remote, struct btn_error *e)
{
	const char *path = args_get(args, "control"), *word = path;

	remote->rest = args->positional;
	remote->rest_count = args->positional_count;
	if (!word && remote->rest_count) {
		word = *remote->rest++;
		remote->rest_count--;
	}
	if (!word) {
		btn_set(e, BTN_MISSING_ARGUMENT, "the VM's name, or the path of its control "
			"socket, is missing");
		return false;
	}
	/* No VM's name has a dot. */
	if (path || strpbrk(word, "/."))
		return connect_path(word, remote, e);
	remote->fd = remote_open_named(word, e);
	return remote->fd >= 0;
}

void remote_close(struct remote *remote)
{
	close(remote->fd);
}

void remote_begin(struct remote *remote, const char *op)
{
	json_put_start(&remote->out, remote->request, sizeof(remote->request));
	json_put_open(&remote->out, NULL, '{');
	json_put_string(&remote->out, "op", op);
}

bool remote_end(struct remote *remote, int timeout_ms, struct btn_error *e)
{
	json_put_close(&remote->out, '}');
	return rpc_ask(remote->fd, &remote->out, timeout_ms, &remote->answer, BTN_NOT_RUNNING,
		       "the VM did not answer", e);
}

/* ---- any request ---- */

/* NAME=VALUE. False: it is not that. */
static bool put_member(struct json_out *out, const char *word, struct btn_error *e)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? strlen(equals + 1) : 0;
	char name[64], *end, *text;
	long long number;

	if (!equals || equals == word || equals - word >= (int)sizeof(name)) {
		btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is not of the form NAME=VALUE", word);
		return false;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(equals - word), word);
	errno = 0;
	number = strtoll(equals + 1, &end, 10);
	if (length && !*end && !errno) {
		json_put_int(out, name, number);
	} else if (!strcmp(equals + 1, "true") || !strcmp(equals + 1, "false")) {
		json_put_bool(out, name, equals[1] == 't');
	} else {
		bool quoted = length >= 2 && equals[1] == '"' && equals[length] == '"';

		text = strndup(equals + 1 + quoted, length - 2 * quoted);
		json_put_string(out, name, text);
		free(text);
	}
	return true;
}

/* Until the VM ends, or whoever reads this does. Some may have come with the answer. */
static void copy_events(int fd, const struct rpc_answer *answer)
{
	char text[4096];
	ssize_t got;

	fwrite(answer->rest, 1, answer->rest_length, stdout);
	if (fflush(stdout))
		return;
	while ((got = read(fd, text, sizeof(text))) > 0) {
		fwrite(text, 1, (size_t)got, stdout);
		if (fflush(stdout))
			return;
	}
}

static bool send_request(struct remote *remote, struct btn_error *e)
{
	if (!remote->rest_count) {
		btn_set(e, BTN_MISSING_ARGUMENT, "the operation is missing");
		return false;
	}
	remote_begin(remote, remote->rest[0]);
	for (size_t i = 1; i < remote->rest_count; i++)
		if (!put_member(&remote->out, remote->rest[i], e))
			return false;
	if (!remote_end(remote, -1, e))
		return false;
	puts(remote->answer.raw);
	fflush(stdout);
	if (remote->answer.fd >= 0)
		close(remote->answer.fd);
	return true;
}

int control_run(const struct args *args, struct btn_error *e)
{
	static struct remote remote;
	bool ok;

	if (!remote_open(args, &remote, e))
		return BTN_EXIT_FAILED;
	ok = send_request(&remote, e);
	if (ok && !strcmp(remote.rest[0], "events"))
		copy_events(remote.fd, &remote.answer);
	remote_close(&remote);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
