// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: attach-client SOCKET OPERATION [MEMBER]...
 *
 * Asks the VM whose control socket SOCKET is for a socket by attach-serial or attach-vnc,
 * with members of the request that shall be true; sends standard input, writes what comes
 * to standard output until the VM ends that.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/rpc_client.h"

static int attach(const char *path, const char *op, char **members)
{
	static struct rpc_answer answer;
	struct btn_error e;
	struct json_out out;
	char request[512];
	int fd = rpc_connect(path);

	if (fd < 0) {
		fprintf(stderr, "attach-client: nobody listens at %s\n", path);
		return -1;
	}
	json_put_start(&out, request, sizeof(request));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", op);
	for (; *members; members++)
		json_put_bool(&out, *members, true);
	json_put_close(&out, '}');
	if (rpc_ask(fd, &out, 20000, &answer, BTN_NOT_RUNNING, "the VM did not answer", &e))
		return answer.fd;
	btn_print(stderr, "attach-client", NULL, &e);
	return -1;
}

/* False: there is no more. */
static bool copy(int from, int to)
{
	char text[4096];
	ssize_t got = read(from, text, sizeof(text));

	for (ssize_t at = 0, put; at < got; at += put) {
		put = write(to, text + at, (size_t)(got - at));
		if (put <= 0)
			return false;
	}
	return got > 0;
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };

	if (argc < 3)
		return 2;
	fds[0].fd = attach(argv[1], argv[2], argv + 3);
	if (fds[0].fd < 0)
		return 1;
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			return 1;
		if (fds[0].revents && !copy(fds[0].fd, STDOUT_FILENO))
			return 0;
		if (fds[1].revents && !copy(STDIN_FILENO, fds[0].fd))
			fds[1].fd = -1;
	}
}
