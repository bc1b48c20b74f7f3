/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * baton-vm: one virtual machine. Exit status: 0 the guest powered off, or what
 * dev/test_devices.h says if they are there; that of
 * the error's code (lib/errors.h) otherwise; 128 + 15 if told to end.
 */
#include <signal.h>
#include <stdio.h>

#include "baton_version.h"
#include "control/control.h"
#include "hv.h"
#include "lib/engine_error.h"
#include "lib/errors.h"
#include "options.h"
#include "session.h"

static int report(const struct btn_error *e)
{
	btn_print(stderr, "baton-vm", NULL, e);
	return btn_exit_status(e);
}

/* Those that end us are read from a descriptor by the session; SIGPIPE is EPIPE. */
static void prepare_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int run(struct hv *hv, const struct options *options)
{
	struct session *session;
	enum machine_end how;
	struct btn_error e;
	int status;

	if (!session_create(hv, options, &e, &session))
		return report(&e);
	how = session_run(session, &e);
	status = session_status(session);
	session_destroy(session);
	switch (how) {
	case MACHINE_POWEROFF:
		return status;
	case MACHINE_KILLED:
		return BTN_EXIT_SIGNAL + SIGTERM;
	default:
		return report(&e);
	}
}

static bool check_cpus_of_engine(struct hv *hv, const struct options *options,
				 struct btn_error *e)
{
	const struct hv_info *info = hv_get_info(hv);

	if (options->cpus <= info->max_vcpus)
		return true;
	btn_set(e, BTN_TOO_MANY_CPUS, "engine %s can give a VM %u CPUs, not %u", info->name,
		info->max_vcpus, options->cpus);
	return false;
}

static int tell(const struct options *options)
{
	static char schema[32768];

	if (options->help)
		options_print_help();
	else if (options->version)
		puts("baton-vm " BATON_VERSION);
	else if (rpc_write_schema(&control_service, schema, sizeof(schema)) > 0)
		fputs(schema, stdout);
	return BTN_EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct hv_failure why[2];
	struct options options;
	struct btn_error e;
	struct hv *hv;
	int status;

	if (!options_parse(&options, argc, argv, &e))
		return report(&e);
	if (options.help || options.version || options.schema)
		return tell(&options);
	prepare_signals();
	if (hv_open(options.engine, &hv, why)) {
		btn_set_no_engine(&e, options.engine, why);
		return report(&e);
	}
	status = check_cpus_of_engine(hv, &options, &e) ? run(hv, &options) : report(&e);
	hv_close(hv);
	return status;
}
