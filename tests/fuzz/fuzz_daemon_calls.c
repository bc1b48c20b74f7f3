// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls of libvirt's protocol to a daemon with two VMs: any procedure of the table, with
 * arguments that fit its signature, made of the input and of words that mean something
 * here. Each is answered exactly once: by a result of its signature, or by an error with a
 * sentence. Everything goes through the socket of a client, as it does with real ones.
 */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>

#include "daemon_home.h"
#include "daemon_xdr.h"
#include "libvirt/connection.h"
#include "libvirt/dispatch.h"
#include "libvirt/handlers.h"
#include "libvirt/libvirt.h"
#include "libvirt/pool.h"

#define CALLS_MAX 12
#define POOL_DEFINE 77u
#define POOL_XML "<pool type='dir'><name>p</name><target><path>%s/p</path></target></pool>"
#define DOMAIN_XML "<domain type='kvm'><name>%s</name><memory>65536</memory><os><type>hvm</type>" \
	"</os><devices><disk type='file' device='disk'><source file='/nonexistent/d'/>%s</disk>" \
	"</devices></domain>"

static const char *const words[] = {
	"a", "b", "c", "", "default", "images", "p", "vda", "sda", "disk.raw", "52:54:00:00:00:01",
	"kvm", "baton", "x86_64", "baton-q35", "baton:///session", "urn:a", "k", "x", "net0-0",
	"<a/>", "<x:a xmlns:x='urn:a'/>", "title", "lab", "v.img", "v.qcow2", "serial0",
	"<disk type='file' device='disk'><source file='/d'/><target dev='vdb'/></disk>",
	"<disk type='file' device='cdrom'><target dev='sda'/></disk>",
	"<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lab'/>"
	"</interface>",
	"<network><name>lab</name><forward mode='nat'/><ip address='10.7.0.1' prefix='24'/>"
	"</network>",
	"<volume><name>v.img</name><capacity>65536</capacity><allocation>0</allocation></volume>",
	"<volume><name>v.qcow2</name><capacity>1048576</capacity><target><format type='qcow2'/>"
	"</target><backingStore><path>v.img</path><format type='raw'/></backingStore></volume>",
};

static struct fuzz *input;
static char *pool_xml;

/* ---- arguments ---- */

/* A text of the input, or a definition with one in it. */
static char *made_text(uint8_t choice)
{
	char text[64] = "", *safe, *ret;

	fuzz_bytes(input, text, choice % sizeof(text));
	text[sizeof(text) - 1] = 0;
	safe = g_utf8_make_valid(text, -1);
	if (choice & 0x40)
		ret = g_strdup_printf(DOMAIN_XML, choice & 0x20 ? "a" : "c", safe);
	else
		ret = g_strdup(safe);
	g_free(safe);
	return ret;
}

static void put_text(GByteArray *to, uint32_t procedure)
{
	uint8_t choice = fuzz_u8(input);
	char *text;

	/* Folders that are pools are changed: none but ours. */
	if (procedure == POOL_DEFINE) {
		xdr_put_string(to, choice & 1 ? pool_xml : "<pool type='dir'/>");
		return;
	}
	if (choice < 0x80) {
		xdr_put_string(to, words[choice % G_N_ELEMENTS(words)]);
		return;
	}
	text = made_text(choice & 0x7f);
	xdr_put_string(to, text);
	g_free(text);
}

static void put_uuid(GByteArray *to)
{
	static const char *const known[] = { HOME_UUID_A, HOME_UUID_B };
	uint8_t choice = fuzz_u8(input), uuid[16];
	const struct pool *pool = pool_next(NULL);
	struct btn_error e;

	if (choice < 0x60)
		xdr_uuid_parse(known[choice & 1], uuid);
	else if (choice < 0x80)
		xdr_uuid_parse(network_find("default", &e)->uuid, uuid);
	else if (choice < 0xc0)
		memcpy(uuid, (choice & 1 ? pool : pool_next(pool))->uuid, sizeof(uuid));
	else
		fuzz_bytes(input, uuid, sizeof(uuid));
	xdr_put_uuid(to, uuid);
}

/* Small ones are flags, counts and sizes that may do something. */
static uint64_t number(void)
{
	uint8_t choice = fuzz_u8(input);

	if (choice < 0x80)
		return choice & 0x1f;
	if (choice < 0xa0)
		return 1ull << (choice & 0x1f);
	if (choice < 0xc0)
		return (uint64_t)-1 - (choice & 0x1f);
	return fuzz_u64(input);
}

static const char *put_item(GByteArray *to, const char *at, uint32_t procedure);

static void put_items(GByteArray *to, const char *at, uint32_t procedure)
{
	while (*at && *at != '}' && *at != ']') {
		at = put_item(to, at, procedure);
		at += *at == ',';
	}
}

static void put_tparam(GByteArray *to, uint32_t procedure)
{
	uint8_t type = fuzz_u8(input) % 7 + 1;

	put_text(to, procedure);
	xdr_put_uint(to, type);
	if (type == XDR_TPARAM_STRING)
		put_text(to, procedure);
	else if (type >= XDR_TPARAM_LLONG && type <= XDR_TPARAM_DOUBLE)
		xdr_put_ulong(to, number());
	else
		xdr_put_uint(to, (uint32_t)number());
}

static void put_list(GByteArray *to, const char *inside, uint32_t procedure)
{
	uint8_t i, count = fuzz_u8(input) & 3;

	xdr_put_uint(to, count);
	for (i = 0; i < count; i++)
		put_item(to, inside, procedure);
}

/* libvirt's references, as in xdr.c. */
static const char *fields_of(const char *at)
{
	static const char *const named[][2] = {
		{ "dom", "s,uuid,i" }, { "net", "s,uuid" }, { "pool", "s,uuid" },
		{ "vol", "s,s,s" }, { "snap", "s,dom" }, { "iface", "s,s" }, { "nodedev", "s" },
		{ "secret", "uuid,i,s" }, { "nwfilter", "s,uuid" },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(named); i++)
		if (xdr_item_is(at, named[i][0]))
			return named[i][1];
	return NULL;
}

/* One item; returns what is behind it. */
static const char *put_item(GByteArray *to, const char *at, uint32_t procedure)
{
	const char *end = xdr_item_end(at), *fields = fields_of(at);

	if (*end == '?') {
		bool present = fuzz_bool(input);

		xdr_put_uint(to, present);
		if (!present)
			return end + 1;
	}
	if (fields)
		put_items(to, fields, procedure);
	else if (*at == '[')
		put_list(to, at + 1, procedure);
	else if (*at == '{')
		put_items(to, at + 1, procedure);
	else if (xdr_item_is(at, "s"))
		put_text(to, procedure);
	else if (xdr_item_is(at, "uuid"))
		put_uuid(to);
	else if (xdr_item_is(at, "tparam"))
		put_tparam(to, procedure);
	else if (xdr_item_is(at, "bytes") || xdr_item_is(at, "chars"))
		xdr_put_uint(to, 0);
	else if (*at == 'I' || *at == 'U' || *at == 'd')
		xdr_put_ulong(to, number());
	else
		xdr_put_uint(to, (uint32_t)number());
	return end + (*end == '?');
}

/* ---- a client ---- */

struct client {
	int fd;
	GByteArray *in;
	uint32_t sent, answered;
	const struct procedure *of[CALLS_MAX];	/* by serial */
	bool done[CALLS_MAX];
};

static void send_message(struct client *c, GByteArray *message)
{
	uint32_t length = GUINT32_TO_BE(message->len);
	size_t sent = 0;

	memcpy(message->data, &length, sizeof(length));
	while (sent < message->len) {
		ssize_t n = send(c->fd, message->data + sent, message->len - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		g_main_context_iteration(NULL, FALSE);
	}
	g_byte_array_unref(message);
}

/* An error: its code, where it is from, and its sentence. */
static void check_error(const uint8_t *payload, size_t size)
{
	static const char *const signature = "i,i,s?,i,dom?,s?,s?,s?,i,i,net?";
	uint8_t *copy = g_memdup2(payload, size);
	struct xdr_args args;

	FUZZ_CHECK(xdr_decode(signature, copy, size, &args));
	FUZZ_CHECK(args.value[0].i && args.value[2].present && args.value[2].s[0]);
	if (g_str_has_prefix(args.value[2].s, "internal error: the result of"))
		fprintf(stderr, "%s\n", args.value[2].s);
	FUZZ_CHECK(!g_str_has_prefix(args.value[2].s, "internal error: the result of"));
	xdr_args_free(&args);
	g_free(copy);
}

static void take_reply(struct client *c, const struct lv_header *h, const uint8_t *payload,
		       size_t size)
{
	FUZZ_CHECK(h->serial < c->sent && !c->done[h->serial]);
	FUZZ_CHECK(h->procedure == c->of[h->serial]->number);
	c->done[h->serial] = true;
	c->answered++;
	if (h->status == LV_ERROR)
		check_error(payload, size);
	else if (h->type == LV_REPLY)
		FUZZ_CHECK(xdr_check(c->of[h->serial]->out, payload, size));
}

/* Messages that are whole; events and streams pass by. Descriptors are not asked for. */
static void take_messages(struct client *c)
{
	struct lv_header h;

	while (c->in->len >= LV_HEADER) {
		FUZZ_CHECK(header_parse(c->in->data, &h));
		if (h.length > c->in->len)
			return;
		if (h.type == LV_REPLY)
			take_reply(c, &h, c->in->data + LV_HEADER, h.length - LV_HEADER);
		g_byte_array_remove_range(c->in, 0, h.length);
	}
}

static bool all_answered(void *ctx)
{
	struct client *c = ctx;
	uint8_t chunk[16384];
	ssize_t n;

	while ((n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		g_byte_array_append(c->in, chunk, (guint)n);
	take_messages(c);
	/* It may also have hung up: a call of ours has no end that it likes. */
	return !n || c->answered == c->sent;
}

static void send_call(struct client *c, const struct procedure *proc)
{
	GByteArray *message = message_new(LV_REMOTE, proc->number, LV_CALL, c->sent, LV_OK);

	c->of[c->sent++] = proc;
	if (proc->number == 1) {
		xdr_put_optional(message, "baton:///session");
		xdr_put_uint(message, 0);
	} else {
		put_items(message, proc->in, proc->number);
	}
	send_message(c, message);
}

/* A piece, the end or a failure of the stream that the last call may have opened. */
static void send_stream(struct client *c)
{
	uint8_t choice = fuzz_u8(input), data[64];
	const struct procedure *proc = c->of[c->sent - 1];
	GByteArray *message = message_new(LV_REMOTE, proc->number, LV_STREAM, c->sent - 1,
					  choice & 3 ? LV_CONTINUE : choice & 4 ? LV_OK : LV_ERROR);

	if (choice & 3) {
		fuzz_bytes(input, data, choice % sizeof(data));
		g_byte_array_append(message, data, choice % sizeof(data));
	}
	send_message(c, message);
}

/* Descriptors come with these, for which this client has no ear. */
static bool is_left_out(const struct procedure *proc)
{
	return proc->number == 343;
}

static void run_calls(struct client *c)
{
	const struct procedure *all;
	size_t count;

	all = procedures_all(&count);
	while (input->left && c->sent < CALLS_MAX) {
		const struct procedure *proc = &all[fuzz_u16(input) % count];

		if (is_left_out(proc))
			continue;
		send_call(c, proc);
		if (fuzz_u8(input) & 1)
			home_run_until(all_answered, c);
		if (!(fuzz_u8(input) & 7))
			send_stream(c);
	}
	home_run_until(all_answered, c);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct btn_error e;

	(void)argc, (void)argv;
	home_open();
	FUZZ_CHECK(libvirt_face_start(NULL, 0, &e));
	pool_xml = g_strdup_printf(POOL_XML, home_folder);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct client c = { .in = g_byte_array_new() };
	int fds[2];

	home_vms();
	input = &f;
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	c.fd = fds[0];
	connection_new(fds[1], fuzz_u8(&f) == 0xff);
	send_call(&c, procedure_find(1));
	run_calls(&c);
	close(c.fd);
	g_byte_array_unref(c.in);
	while (connections_count())
		g_main_context_iteration(NULL, TRUE);
	home_settle();
	return 0;
}
