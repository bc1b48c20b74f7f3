// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor's control socket: any lines, from two clients in turn, on a machine
 * without CPUs. Each answer is a JSON object with "ok", or comes later. A descriptor comes
 * with each request, a connection or something else, and none is left over.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_rig.h"

static int open_descriptors(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/* Without the library's threads: what they do with it is its own. */
static int take_viewer(void *ctx, int fd, bool skip_auth)
{
	(void)ctx;
	FUZZ_CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	return skip_auth ? -EBUSY : 0;
}

/* What a request may bring along. */
static int any_descriptor(size_t length)
{
	int pair[2];

	if (length % 3 == 0)
		return eventfd(0, EFD_CLOEXEC);
	if (socketpair(AF_UNIX, length % 3 == 1 ? SOCK_STREAM : SOCK_SEQPACKET, 0, pair))
		abort();
	close(pair[1]);
	return pair[0];
}

static void check_answer(char *reply, size_t size)
{
	static struct json_node node[1024];
	bool ok;

	FUZZ_CHECK(size && reply[size - 1] == '\n');
	FUZZ_CHECK(!json_read(reply, size, node, 1024, NULL));
	FUZZ_CHECK(json_get_bool(node, "ok", &ok));
}

static void run_line(struct rig *r, int client, char *text, size_t length)
{
	static char reply[CONTROL_REPLY_MAX];
	struct control_client *c = &r->control->client[client];
	int fd;
	size_t size;

	if (c->waiting)
		return;
	c->passed = any_descriptor(length);
	size = rpc_answer(&control_service, r->control, client, text, length, reply,
			  sizeof(reply), &fd);
	c->waiting = !size;
	if (size)
		check_answer(reply, size);
	FUZZ_CHECK(!size == (c->typing || c->watching));
	if (fd >= 0)
		close(fd);
	if (c->passed >= 0)
		close(c->passed);
	c->passed = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	int descriptors = open_descriptors();
	struct rig *r;
	size_t at = 0;

	if (!text)
		abort();
	memcpy(text, data, size);
	r = rig_create("/tmp/baton-fuzz-control");
	r->control->config.serve_viewer = take_viewer;
	for (int i = 0; i < 2; i++) {
		r->control->client[i].control = r->control;
		r->control->client[i].user.input = r->input;
	}
	for (int client = 0; at < size; client ^= 1) {
		char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;

		run_line(r, client, text + at, length);
		at += length + 1;
	}
	for (int i = 0; i < 2; i++)
		control_leave_screen(&r->control->client[i]);
	FUZZ_CHECK(!atomic_load(&r->pressed));
	rig_destroy(r);
	FUZZ_CHECK(open_descriptors() == descriptors);
	free(text);
	return 0;
}
