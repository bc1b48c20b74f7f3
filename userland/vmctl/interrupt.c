// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See interrupt.h. The handler writes into a pipe, which poll() sees whenever the
 * signal came.
 */
#define _GNU_SOURCE /* pipe2 */
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int ends[2] = { -1, -1 };
static volatile sig_atomic_t first;

static void caught(int number)
{
	int saved = errno;

	if (!first)
		first = number;
	if (write(ends[1], "", 1) < 0)
		errno = saved; /* full: it is readable already */
	errno = saved;
}

bool interrupt_catch(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = caught };

	if (ends[0] >= 0)
		return true;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	return true;
}

int interrupt_fd(void)
{
	return ends[0];
}

int interrupt_signal(void)
{
	return first;
}

void interrupt_rearm(void)
{
	char bytes[64];

	while (ends[0] >= 0 && read(ends[0], bytes, sizeof(bytes)) > 0)
		continue;
}
