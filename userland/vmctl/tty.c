// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The terminal's mode. See tty.h.
 *
 * `raw` is written before the mode changes and cleared after it was restored:
 * a signal in between restores once too often, which is harmless. `again` is the
 * other way round: set when it is raw, cleared before it is restored.
 */
#include "tty.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct {
	int fd;
	volatile sig_atomic_t raw, again;
	bool handlers;
	struct termios saved, own;
} tty;

static const int crash_signals[] = {
	SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGQUIT,
};

/* In a background job the terminal belongs to somebody else, who set it up. */
static bool in_background(int fd)
{
	pid_t foreground = tcgetpgrp(fd);

	return foreground > 0 && foreground != getpgrp();
}

void tty_leave_raw(void)
{
	int saved_errno = errno;

	if (!tty.raw)
		return;
	tty.again = 0;
	/* Not TCSADRAIN: it waits for a terminal that may never read again. */
	if (!in_background(tty.fd))
		tcsetattr(tty.fd, TCSANOW, &tty.saved);
	tty.raw = 0;
	errno = saved_errno;
}

/* The handler is one-shot: the signal raised again ends the process as usual. */
static void crashed(int signal_number)
{
	tty_leave_raw();
	raise(signal_number);
}

/* Somebody had stopped us, and the shell has taken the terminal for itself meanwhile. */
static void continued(int signal_number)
{
	int saved_errno = errno;

	(void)signal_number;
	if (tty.again && !in_background(tty.fd))
		tcsetattr(tty.fd, TCSANOW, &tty.own);
	errno = saved_errno;
}

static void install_handlers(void)
{
	struct sigaction action = { .sa_handler = crashed, .sa_flags = SA_RESETHAND | SA_NODEFER };
	struct sigaction again = { .sa_handler = continued, .sa_flags = SA_RESTART };

	if (tty.handlers)
		return;
	tty.handlers = true;
	atexit(tty_leave_raw);
	for (size_t i = 0; i < sizeof(crash_signals) / sizeof(crash_signals[0]); i++)
		sigaction(crash_signals[i], &action, NULL);
	sigaction(SIGCONT, &again, NULL);
}

bool tty_enter_raw(int fd)
{
	struct termios now;

	/*
	 * The first call in a background job stops here until "fg": the answer
	 * of tcgetattr() would be the shell's own settings otherwise.
	 */
	if (in_background(fd))
		kill(0, SIGTTIN);
	if (tcgetattr(fd, &now))
		return false;
	install_handlers();
	if (!tty.raw)
		tty.saved = now;
	cfmakeraw(&now);
	tty.own = now;
	tty.fd = fd;
	tty.raw = 1;
	/* Output that is on its way still gets the old treatment. */
	if (tcsetattr(fd, TCSANOW, &now)) {
		tty.raw = 0;
		return false;
	}
	tty.again = 1;
	return true;
}

bool tty_is_raw(void)
{
	return tty.raw;
}
