// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor's control socket: any lines, from two clients in turn, on a machine
 * without CPUs. Each answer is a JSON object with "ok", or comes later.
 */
#include "fuzz.h"

#include <unistd.h>

#include "control_rig.h"

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
	size = rpc_answer(&control_service, r->control, client, text, length, reply,
			  sizeof(reply), &fd);
	c->waiting = !size;
	if (size)
		check_answer(reply, size);
	FUZZ_CHECK(!size == (c->typing || c->watching));
	if (fd >= 0)
		close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct rig *r;
	size_t at = 0;

	if (!text)
		abort();
	memcpy(text, data, size);
	r = rig_create("/tmp/baton-fuzz-control");
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
	free(text);
	return 0;
}
