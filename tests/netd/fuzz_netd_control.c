// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of a hostile client: each answer is one line of JSON. Without a way
 * out, so forwards are only looked at.
 */
#define _GNU_SOURCE /* memmem */
#include "fuzz.h"

#include "control.h"
#include "lib/json_read.h"
#include "switch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[CONTROL_LINE_MAX], reply[CONTROL_REPLY_MAX];
	static struct json_node node[4096];
	static struct control control;
	struct subnet subnet = { 0 };
	struct net *net;
	bool ok;

	subnet_parse("10.0.2.0/24", &subnet);
	if (size >= sizeof(line) || switch_create(&subnet, &net))
		return 0;
	control_init(&control, net, "fuzz");
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;
		uint32_t got;

		memcpy(line, data, length);
		/* A port of the host is not a thing for a fuzzer to listen on. */
		if (!memmem(line, length, "guest_port", 10)) {
			got = control_request(&control, 0, line, (uint32_t)length, reply);
			FUZZ_CHECK(got && reply[got - 1] == '\n');
			FUZZ_CHECK(!memchr(reply, '\n', got - 1));
			FUZZ_CHECK(!json_read(reply, got, node, 4096, NULL));
			FUZZ_CHECK(json_get_bool(node, "ok", &ok));
		}
		data += length + (end != NULL);
		size -= length + (end != NULL);
	}
	control_fini(&control);
	switch_destroy(net);
	return 0;
}
