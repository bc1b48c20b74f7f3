// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl wait.
 */
#include "interrupt.h"
#include "jobs.h"
#include "node.h"
#include "ready.h"
#include "targets.h"
#include "verb.h"

int wait_run(const struct args *args, struct btn_error *e)
{
	const char *text = args_get(args, "for");
	struct ready want;
	struct targets t;
	struct daemon d;
	int timeout_ms;
	bool ok;

	if (!ready_parse(text ? text : "running", &want, e) ||
	    !job_timeout(args, -1, &timeout_ms, e) || !daemon_open(&d, e))
		return BTN_EXIT_FAILED;
	interrupt_catch(); /* a forward that was made for it has to go again */
	ok = daemon_subscribe(&d, e) &&
	     targets_find_one(&d, &target_vms, args->positional[0], &t, e);
	if (ok) {
		ok = ready_wait(&d, node_string(t.node[0], "name"), node_string(t.node[0], "uuid"),
				&want, timeout_ms, e);
		targets_free(&t);
	}
	daemon_close(&d);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
