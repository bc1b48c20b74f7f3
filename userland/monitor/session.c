// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See session.h.
 */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control/control.h"
#include "core/clock.h"
#include "dev/console_hub.h"
#include "display/display.h"
#include "display/input.h"
#include "display/typist.h"
#include "display/vnc.h"
#include "gdb/gdb.h"
#include "hv.h"
#include "lib/check.h"
#include "lib/errors.h"
#include "vcpu.h"

/* A guest that faults again this soon will not come up. */
#define FAULT_AGAIN_NS (30 * CLOCK_NS_PER_S)

struct session {
	const struct options *options;
	struct loop *loop;
	int signal_fd;
	struct display *display;	/* NULL: the board has no screen, as the next two */
	struct input *input;
	struct typist *typist;
	struct vnc *vnc;		/* NULL: nobody has asked for it yet */
	struct console_hub *hub;	/* NULL: the serial port is not in here */
	struct control *control;	/* NULL: nobody asked for it */
	struct gdb *gdb;		/* NULL: nobody asked for it */
	struct gdb_target target;	/* the board, as it knows it */
	char vnc_password[CHECK_VNC_PASSWORD_MAX + 1];	/* "": none */
	struct board_kept kept;
	struct hv *hv;
	struct board *board;		/* NULL: between two of them */
	int status;			/* of the machine that ended */
	bool paused;			/* of the board, also when it makes way for the next */
	uint64_t last_fault;		/* monotonic: when a triple fault was a reset; 0: never */
};

static bool failed(struct btn_error *e, const char *step, int error)
{
	btn_set(e, error == -ENOMEM ? BTN_NO_MEMORY : error == -EMFILE ? BTN_NO_FDS :
		   BTN_HOST_CALL_FAILED, "the VM could not be created: %s", step);
	if (error != -ENOMEM && error != -EMFILE)
		btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}

/* ---- the loop and signals ---- */

static void on_signal(void *ctx, int fd, uint32_t events)
{
	struct session *s = ctx;
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof(info)) == sizeof(info) && s->board)
		machine_end(board_machine(s->board), MACHINE_KILLED);
}

static bool add_loop(struct session *s, struct btn_error *e)
{
	sigset_t set;
	int error;

	s->loop = loop_create();
	if (!s->loop)
		return failed(e, "event loop", -errno);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return failed(e, "signals", -errno);
	error = loop_add_fd(s->loop, s->signal_fd, EPOLLIN, on_signal, s);
	return !error || failed(e, "signals", error);
}

/* ---- the screen ---- */

static bool vnc_failed(struct btn_error *e, const char *listen, int error)
{
	btn_set(e, BTN_DISPLAY, "the screen cannot be shown at \"%s\"", listen);
	if (error == -ENOPKG) {
		btn_set_cause(e, "LibVNCServer is not installed.");
		btn_set_fix(e, "apt install libvncserver1");
	} else {
		btn_set_cause(e, "The host says: %s.", strerror(-error));
	}
	return false;
}

static int start_vnc(struct session *s)
{
	struct vnc_config config = {
		.display = s->display, .input = s->input, .listen = s->options->vnc,
		.name = s->options->name,
		.password = *s->vnc_password ? s->vnc_password : NULL,
	};

	return vnc_create(&config, &s->vnc);
}

/* Without an address it starts with the first viewer that is handed in. */
static bool add_vnc(struct session *s, struct btn_error *e)
{
	const char *listen = s->options->vnc;
	int error;

	if (s->options->vnc_password &&
	    !check_read_password(s->options->vnc_password, s->vnc_password, e))
		return false;
	error = listen ? start_vnc(s) : 0;
	return !error || vnc_failed(e, listen, error);
}

/* For the control socket: of vnc_serve(), and -ENOPKG. The descriptor is ours in any case. */
static int serve_viewer(void *ctx, int fd, bool skip_auth)
{
	struct session *s = ctx;
	int error = s->vnc ? 0 : start_vnc(s);

	if (!error)
		return vnc_serve(s->vnc, fd, skip_auth);
	close(fd);
	return error;
}

static bool add_screen(struct session *s, struct btn_error *e)
{
	int error;

	if (s->options->board != BOARD_PC)
		return true;
	error = display_create(&s->display);
	if (error)
		return failed(e, "screen", error);
	s->input = input_create();
	s->typist = s->input ? typist_create(s->loop, s->input) : NULL;
	if (!s->typist)
		return failed(e, "keyboard", -ENOMEM);
	return add_vnc(s, e);
}

/* ---- the serial port ---- */

static bool add_console(struct session *s, struct btn_error *e)
{
	struct console_hub_config config = { .loop = s->loop, .log = s->options->serial_log };
	bool log_failed;
	int error;

	if (!s->options->console_hub)
		return true;
	error = console_hub_create(&config, &s->hub, &log_failed);
	if (!error)
		return true;
	if (!log_failed)
		return failed(e, "serial port", error);
	btn_set(e, error == -EINVAL || error == -EISDIR ? BTN_FILE_NOT_REGULAR :
		   BTN_HOST_CALL_FAILED, "the serial port cannot be logged to \"%.128s\"",
		config.log);
	if (e->code == BTN_HOST_CALL_FAILED)
		btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}

/* ---- requests ---- */

static bool add_control(struct session *s, struct btn_error *e)
{
	struct control_config config = {
		.loop = s->loop, .engine = hv_get_info(s->hv)->name, .options = s->options,
		.display = s->display, .input = s->input, .typist = s->typist,
		.hub = s->hub, .serve_viewer = serve_viewer, .serve_viewer_ctx = s,
	};
	int error;

	if (!s->options->control)
		return true;
	error = control_create(&config, &s->control);
	if (!error)
		return true;
	btn_set(e, BTN_CONTROL, "the control socket \"%.128s\" cannot be made",
		s->options->control);
	btn_set_cause(e, "The host says: %s.", strerror(-error));
	if (error == -EADDRINUSE)
		btn_set_cause(e, "A running VM listens there, or it is a file.");
	return false;
}

/* ---- gdb ---- */

static struct hv_vcpu *target_vcpu(void *ctx, unsigned int i)
{
	struct session *s = ctx;

	return vcpu_hv(board_vcpu(s->board, i));
}

static bool target_take_break(void *ctx, unsigned int i, struct hv_exit_debug *ret_met)
{
	struct session *s = ctx;

	return vcpu_take_break(board_vcpu(s->board, i), ret_met);
}

static void target_hold(void *ctx)
{
	struct session *s = ctx;

	board_debug_hold(s->board);
}

static void target_run(void *ctx, uint64_t vcpus)
{
	struct session *s = ctx;

	board_debug_run(s->board, vcpus);
}

static void target_end(void *ctx, bool reset)
{
	struct session *s = ctx;

	machine_end(board_machine(s->board), reset ? MACHINE_RESET : MACHINE_KILLED);
}

static bool add_gdb(struct session *s, struct btn_error *e)
{
	const struct gdb_config config = { .loop = s->loop, .where = s->options->gdb };
	int error = 0;

	if (!config.where)
		return true;
	if (!hv_get_info(s->hv)->guest_debug)
		error = -EOPNOTSUPP;
	if (!error)
		error = gdb_create(&config, &s->gdb);
	if (!error)
		return true;
	btn_set(e, BTN_HOST_CALL_FAILED, "gdb cannot be waited for at \"%.128s\"", config.where);
	btn_set_cause(e, "The host says: %s.", strerror(-error));
	btn_set_fix(e, "Choose another port, or unix:PATH in a folder that is there.");
	if (error == -EADDRINUSE)
		btn_set_cause(e, "Somebody listens there already, or it is a file.");
	if (error == -EOPNOTSUPP) {
		btn_set_cause(e, "Engine %s of this host cannot debug guests.",
			      hv_get_info(s->hv)->name);
		btn_set_fix(e, "Use the other engine, or a newer module.");
	}
	return false;
}

static void gdb_meets_board(struct session *s)
{
	struct machine *machine = board_machine(s->board);

	s->target = (struct gdb_target){
		.ctx = s, .cpus = s->options->cpus, .memory = machine->memory,
		.vcpu = target_vcpu, .take_break = target_take_break, .hold = target_hold,
		.run = target_run, .end = target_end,
	};
	machine->debug_fd = gdb_event_fd(s->gdb);
	gdb_set_target(s->gdb, &s->target);
}

/* ---- the whole ---- */

bool session_create(struct hv *hv, const struct options *options, struct btn_error *e,
		    struct session **ret_session)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return failed(e, "session", -ENOMEM);
	s->options = options;
	s->paused = options->paused;
	s->hv = hv;
	s->signal_fd = -1;
	if (!add_loop(s, e) || !add_screen(s, e) || !add_console(s, e) || !add_control(s, e) ||
	    !add_gdb(s, e)) {
		session_destroy(s);
		return false;
	}
	*ret_session = s;
	return true;
}

void session_destroy(struct session *s)
{
	if (!s)
		return;
	board_kept_close(&s->kept, s->options);
	gdb_destroy(s->gdb);
	control_destroy(s->control);
	console_hub_destroy(s->hub);
	vnc_destroy(s->vnc);
	explicit_bzero(s->vnc_password, sizeof(s->vnc_password));
	typist_destroy(s->typist);
	input_destroy(s->input);
	display_destroy(s->display);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	loop_destroy(s->loop);
	free(s);
}

/* A PC's chipset resets it when the processor shuts down, and some systems reboot that way. */
static enum machine_end fault_resets(struct session *s)
{
	uint64_t now = clock_now(&clock_monotonic), last = s->last_fault;

	if (last && now - last < FAULT_AGAIN_NS)
		return MACHINE_TRIPLE_FAULT;
	s->last_fault = now;
	fprintf(stderr, "baton-vm: the guest crashed with a triple fault, and is reset\n");
	return MACHINE_RESET;
}

static enum machine_end run_once(struct session *s, struct btn_error *e)
{
	struct board_config config = {
		.hv = s->hv, .options = s->options, .loop = s->loop, .display = s->display,
		.input = s->input, .kept = &s->kept,
		.console_in = s->options->console_in, .console_out = s->options->console_out,
	};
	enum machine_end how;

	if (s->hub)
		config.console_in = config.console_out = console_hub_uart_fd(s->hub);
	loop_rearm(s->loop);
	if (!board_create(&config, e, &s->board)) {
		if (s->control)
			control_machine_ended(s->control, MACHINE_FAILED);
		return MACHINE_FAILED;
	}
	btn_set_default(e, BTN_INTERNAL);
	if (s->paused)
		board_hold(s->board);
	if (s->control)
		control_set_board(s->control, s->board);
	if (s->gdb)
		gdb_meets_board(s);
	how = board_run(s->board);
	s->paused = board_is_paused(s->board);
	if (how == MACHINE_TRIPLE_FAULT && !s->gdb) /* who debugs wants to see the crash */
		how = fault_resets(s);
	if (s->gdb)
		gdb_target_ended(s->gdb, how != MACHINE_RESET);
	if (s->control)
		control_machine_ended(s->control, how);
	s->status = board_machine(s->board)->status;
	board_destroy(s->board);
	s->board = NULL;
	return how;
}

int session_status(const struct session *s)
{
	return s->status;
}

enum machine_end session_run(struct session *s, struct btn_error *e)
{
	enum machine_end how;

	do {
		how = run_once(s, e);
	} while (how == MACHINE_RESET);
	return how;
}
