// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of the daemon's API to a daemon with two VMs: any operation, with members of the
 * types that it takes, of others, and some that it does not have; and any bytes. Each is
 * answered by one line of JSON; what is refused has a code, a sentence, a cause and a fix.
 */
#include "fuzz.h"

#include "api/api.h"
#include "daemon_home.h"
#include "lib/json_read.h"
#include "lib/json_write.h"

#define LINE_MAX_OUT 65536
#define REPLY_SIZE (1u << 20)
#define NODES 16384u

static const char *const words[] = {
	"a", "b", "c", "default", "lab", "10.0.9.0/24", "cpus=2", "memory=64M..128M",
	"disk.1.file=d", "disk.0=", "net.0.forward=127.0.0.1:2222:22",
	"display.vnc=127.0.0.1:5901", "title=t", "kernel.file=/k", "board=micro", "monitor",
	"serial", "tcp", "udp", "127.0.0.1", "user",
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA u@h",
	HOME_UUID_A, "/nonexistent", "", "x=y",
};

static char line[LINE_MAX_OUT], reply[REPLY_SIZE];
static struct fuzz *input;

static const char *some_text(char made[64])
{
	uint8_t choice = fuzz_u8(input);
	char *safe;

	if (choice < 0xc0)
		return words[choice % G_N_ELEMENTS(words)];
	memset(made, 0, 64);
	fuzz_bytes(input, made, choice & 0x1f);
	safe = g_utf8_make_valid(made, -1);
	g_strlcpy(made, safe, 64);
	g_free(safe);
	return made;
}

static void put_value(struct json_out *out, const char *name, enum rpc_type type)
{
	char made[64];
	uint8_t i, count;

	switch (type) {
	case RPC_STRING:
		json_put_string(out, name, some_text(made));
		break;
	case RPC_INT:
		json_put_int(out, name, fuzz_u8(input) & 1 ? fuzz_u8(input) :
			     (int64_t)fuzz_u64(input));
		break;
	case RPC_BOOL:
		json_put_bool(out, name, fuzz_bool(input));
		break;
	case RPC_STRINGS:
		count = fuzz_u8(input) & 7;
		json_put_open(out, name, '[');
		for (i = 0; i < count; i++)
			json_put_string(out, NULL, some_text(made));
		json_put_close(out, ']');
		break;
	}
}

static size_t make_request(const struct rpc_operation *o)
{
	struct json_out out;
	int64_t length;

	json_put_start(&out, line, sizeof(line));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", o->op);
	for (const struct rpc_param *p = o->params; p && p->name; p++) {
		uint8_t how = fuzz_u8(input);

		if (!p->required && how < 0x60)
			continue;
		put_value(&out, p->name, how < 0xf0 ? p->type : (enum rpc_type)(how & 3));
	}
	if (fuzz_u8(input) > 0xf8)
		put_value(&out, "extra", RPC_STRING);
	json_put_close(&out, '}');
	length = json_put_end(&out);
	return length > 1 ? (size_t)length - 1 : 0;
}

static void check_reply(size_t length)
{
	static struct json_node node[NODES];
	const char *text;
	bool ok;

	FUZZ_CHECK(length && reply[length - 1] == '\n' && !memchr(reply, '\n', length - 1));
	FUZZ_CHECK(!json_read(reply, length - 1, node, NODES, NULL));
	FUZZ_CHECK(json_get_bool(node, "ok", &ok));
	if (ok)
		return;
	FUZZ_CHECK(json_get_string(node, "code", &text) && !strncmp(text, "BTN-", 4));
	FUZZ_CHECK(json_get_string(node, "message", &text) && text[0]);
	FUZZ_CHECK(json_get_string(node, "cause", &text) && text[0]);
	FUZZ_CHECK(json_get_string(node, "fix", &text) && text[0]);
}

/* Copies of whatever file of this machine are not needed here; nor is its program. */
static bool is_left_out(const struct rpc_operation *o)
{
	return !strcmp(o->op, "image-import") || !strcmp(o->op, "image-add");
}

static void request(void)
{
	const struct rpc_operation *o = &api_service.operation[fuzz_u8(input) % api_service.count];
	size_t size;
	int fd = -1;

	if (is_left_out(o))
		return;
	size = make_request(o);
	size = rpc_answer(&api_service, NULL, 1, line, size, reply, sizeof(reply), &fd);
	if (size)	/* else it comes later, to a client that there is not */
		check_reply(size);
	if (fd >= 0)
		close(fd);
	if (fuzz_bool(input))
		home_run_until(home_is_quiet, NULL);
}

static void any_bytes(void)
{
	size_t size = input->left < sizeof(line) ? input->left : sizeof(line);
	int fd = -1;

	fuzz_bytes(input, line, size);
	size = rpc_answer(&api_service, NULL, 1, line, size, reply, sizeof(reply), &fd);
	if (size)
		check_reply(size);
	if (fd >= 0)
		close(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	home_open();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	unsigned int i;

	home_vms();
	input = &f;
	if (fuzz_u8(&f) > 0xe0)
		any_bytes();
	for (i = 0; f.left && i < 16; i++)
		request();
	home_settle();
	return 0;
}
