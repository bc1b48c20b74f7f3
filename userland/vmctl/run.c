// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl run: a VM for one command or one console, gone at the end, whatever the end is.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "interrupt.h"
#include "jobs.h"
#include "launch.h"
#include "node.h"
#include "ready.h"
#include "report.h"
#include "ssh.h"
#include "verb.h"

#define OWN_FAILURE 125
#define READY_S 300
#define LOGIN_TRIES 60
#define LOGIN_AGAIN_MS 1000
/* Where ports of disposable VMs begin, apart from those that people learn by heart. */
#define PORT_FROM 20000
#define PORT_SPREAD 10000

struct run {
	const struct args *args;
	const char *const *word;	/* CMD; word_count 0: the console */
	size_t word_count;
	struct creation c;
	struct ssh ssh;
	char user[64], uuid[64];
};

static bool prepare_key(struct run *r, struct btn_error *e)
{
	char text[1024];

	if (!r->word_count)
		return true;
	if (!r->c.network || args_has(r->args, "no-seed") || r->c.user_data) {
		btn_set(e, BTN_BAD_VALUE, "a command cannot be run in this VM");
		btn_set_cause(e, "It takes a network and a user: --net none, --no-seed and "
			      "--user-data do not go with CMD.");
		btn_set_fix(e, "Leave CMD out for its console, or these options.");
		return false;
	}
	return ssh_begin(&r->ssh, text, sizeof(text), e) &&
	       creation_add_key(&r->c, text, e);
}

static bool choose(struct daemon *d, struct run *r, struct btn_error *e)
{
	struct reply reply;
	const struct json_node *vms;
	char stem[32];

	if (!daemon_get(d, "vm-list", &reply, e))
		return false;
	vms = json_member(reply.node, "vms");
	snprintf(stem, sizeof(stem), "run-%d", (int)getpid());
	launch_choose_name(&r->c, stem, vms);
	if (r->word_count)
		creation_choose_ssh_port(&r->c, vms,
					 (uint16_t)(PORT_FROM + getpid() % PORT_SPREAD));
	reply_free(&reply);
	return true;
}

static bool start(struct daemon *d, struct run *r, struct btn_error *e)
{
	r->c.start = true;
	creation_begin(&r->c, d);
	return job_run(d, r->args, r->c.name, e);
}

/* Who it is that may log in, and which VM it is that has to go. */
static bool look(struct daemon *d, struct run *r, struct btn_error *e)
{
	struct reply reply;
	const struct json_node *vm;

	if (!daemon_get_of(d, "vm-show", "name", r->c.name, &reply, e))
		return false;
	vm = json_member(reply.node, "vm");
	snprintf(r->user, sizeof(r->user), "%s", vm ? node_string(vm, "user") : "");
	snprintf(r->uuid, sizeof(r->uuid), "%s", vm ? node_string(vm, "uuid") : "");
	r->ssh.user = r->user;
	r->ssh.address = r->c.ssh_address;
	r->ssh.port = r->c.ssh_port;
	reply_free(&reply);
	return true;
}

/* ssh answers before the guest has let the key in. */
static bool log_in(struct daemon *d, const struct run *r, struct btn_error *e)
{
	static const char *const nothing[] = { "true" };

	for (int i = 0; i < LOGIN_TRIES && !interrupt_signal(); i++) {
		struct reply event;

		if (!ssh_run(&r->ssh, nothing, 1, true))
			return true;
		if (daemon_next_event(d, LOGIN_AGAIN_MS, &event, e) == DAEMON_GONE)
			return false;
		reply_free(&event);
	}
	btn_set(e, BTN_WAIT_TIMEOUT, "nobody could log in to the VM");
	btn_set_cause(e, "Its ssh answers, and does not take the key that was made for it. It may "
		      "have no cloud-init.");
	btn_set_fix(e, "Look at it: vmctl launch %.64s, and then vmctl console", r->c.image);
	return false;
}

static bool run_command(struct daemon *d, struct run *r, int *ret_status, struct btn_error *e)
{
	struct ready want = { .kind = READY_SSH, .guest_port = 22, .text = "ssh" };
	int timeout_ms;

	if (!job_timeout(r->args, READY_S, &timeout_ms, e) ||
	    !ready_wait(d, r->c.name, r->uuid, &want, timeout_ms, e) || !log_in(d, r, e))
		return false;
	*ret_status = ssh_run(&r->ssh, r->word, r->word_count, false);
	if (*ret_status != SSH_FAILED)
		return true;
	/* A CMD that ends with this looks the same. */
	*ret_status = interrupt_signal() ? BTN_EXIT_SIGNAL + interrupt_signal() : OWN_FAILURE;
	if (!interrupt_signal())
		report_note(r->args, "ssh failed, or the command ended with 255");
	return true;
}

static bool run_console(struct run *r, int *ret_status, struct btn_error *e)
{
	int stream = attach_open(r->c.name, true, false, false, e);
	enum attach_end end;
	int error;

	if (stream < 0)
		return false;
	end = attach_stream(r->c.name, stream);
	error = errno;
	close(stream);
	if (end == ATTACH_LOST) {
		*ret_status = attach_set_lost(error, e);
		return e->code == BTN_OK;
	}
	*ret_status = end == ATTACH_INTERRUPTED ? BTN_EXIT_SIGNAL + interrupt_signal() : 0;
	return true;
}

static bool run(struct daemon *d, struct run *r, int *ret_status, struct btn_error *e)
{
	if (!daemon_subscribe(d, e) || !launch_find_image(d, &r->c, r->args->positional[0], e) ||
	    !choose(d, r, e) || !start(d, r, e) || !look(d, r, e))
		return false;
	return r->word_count ? run_command(d, r, ret_status, e) : run_console(r, ret_status, e);
}

/* ---- away with it ---- */

static bool purge(struct daemon *d, const struct args *args, const char *uuid, struct btn_error *e)
{
	const struct json_node *items, *item = NULL;
	struct reply reply;
	bool ok = true;

	if (!daemon_get(d, "trash-list", &reply, e))
		return false;
	items = json_member(reply.node, "items");
	while (items && items->type == JSON_ARRAY && (item = json_next(items, item))) {
		if (!node_is(item, "uuid", uuid))
			continue;
		daemon_begin(d, "trash-purge");
		json_put_string(&d->out, "item", node_string(item, "id"));
		ok = job_run(d, args, "run", e);
		break;
	}
	reply_free(&reply);
	return ok;
}

/* On a connection of its own: the first one may have ended in the middle of something. */
static bool clean_up(struct run *r, struct btn_error *e)
{
	struct args plain = { .verb = r->args->verb };
	struct btn_error missing;
	struct daemon d;
	bool ok;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	interrupt_rearm();
	if (!daemon_open(&d, e))
		return false;
	if (!r->uuid[0] && !look(&d, r, &missing)) {
		daemon_close(&d);
		return true; /* it did not get as far */
	}
	ok = daemon_subscribe(&d, e);
	if (ok) {
		daemon_begin(&d, "vm-delete");
		json_put_string(&d.out, "name", r->uuid);
		json_put_bool(&d.out, "force", true);
		ok = job_run(&d, &plain, r->c.name, e) && purge(&d, &plain, r->uuid, e);
	}
	daemon_close(&d);
	return ok;
}

/* Returns what is to be said: 125 for a failure of ours. */
static int end(struct run *r, int status, const struct btn_error *e)
{
	struct btn_error left = { .code = BTN_OK };

	if (e->code != BTN_OK) {
		report_error(r->args, *r->c.name ? r->c.name : NULL, e);
		status = interrupt_signal() ? BTN_EXIT_SIGNAL + interrupt_signal() : OWN_FAILURE;
	}
	if (!*r->c.name)
		return status;
	if (status && args_has(r->args, "keep-on-fail") && !interrupt_signal()) {
		report_note(r->args, "%s is kept; delete it with: vmctl delete %s --force",
			    r->c.name, r->c.name);
		return status;
	}
	if (clean_up(r, &left))
		return status;
	report_error(r->args, r->c.name, &left);
	return status ? status : OWN_FAILURE;
}

int disposable_run(const struct args *args, struct btn_error *e)
{
	struct args whole = *args;
	struct run r = {
		.args = &whole, .word = args->positional + 1,
		.word_count = args->positional_count - 1,
	};
	struct btn_error error = { .code = BTN_OK };
	int status = OWN_FAILURE;
	struct daemon d;

	interrupt_catch();
	job_share_timeout(&whole);
	if (creation_take(&r.c, &whole, &error) && prepare_key(&r, &error) &&
	    daemon_open(&d, &error)) {
		run(&d, &r, &status, &error);
		daemon_close(&d);
	}
	status = end(&r, status, &error);
	ssh_end(&r.ssh);
	creation_free(&r.c);
	(void)e; /* said already: main would take its own exit status from it */
	return status;
}
