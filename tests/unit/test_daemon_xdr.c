// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The encoding of libvirt's protocol: messages as libvirt itself writes them, word for
 * word; every signature of the table read and written again; each of them cut short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon_xdr.h"
#include "libvirt/dispatch.h"

/* ---- messages of libvirt's own ---- */

/* Hexadecimal words, as the notes on the protocol have them. */
static GByteArray *from_hex(const char *text)
{
	GByteArray *bytes = g_byte_array_new();

	for (; *text; text++) {
		guint8 byte;

		if (*text == ' ')
			continue;
		byte = (guint8)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
		g_byte_array_append(bytes, &byte, 1);
		text++;
	}
	return bytes;
}

/* What follows from message_new() and the puts, with the length that sending fills in. */
static void expect(GByteArray *message, const char *hex)
{
	GByteArray *wanted = from_hex(hex);

	xdr_set_later(message, 0, message->len);
	assert_int_equal(message->len, wanted->len);
	assert_memory_equal(message->data, wanted->data, wanted->len);
	g_byte_array_unref(message);
	g_byte_array_unref(wanted);
}

static GByteArray *remote(uint32_t procedure, enum lv_type type, uint32_t serial,
			  enum lv_status status)
{
	return message_new(LV_REMOTE, procedure, type, serial, status);
}

static void put_alpha(GByteArray *to)
{
	uint8_t uuid[16];

	memset(uuid, 0x11, sizeof(uuid));
	xdr_put_string(to, "alpha");
	xdr_put_uuid(to, uuid);
	xdr_put_int(to, 1);
}

static void test_messages_out(void **state)
{
	GByteArray *m = remote(66, LV_REPLY, 0, LV_OK);

	(void)state;
	xdr_put_uint(m, 1);
	xdr_put_int(m, 0);
	expect(m, "00000024 20008086 00000001 00000042 00000001 00000000 00000000 00000001 "
		"00000000");
	m = remote(60, LV_REPLY, 1, LV_OK);
	xdr_put_int(m, 1);
	expect(m, "00000020 20008086 00000001 0000003c 00000001 00000001 00000000 00000001");
	expect(remote(1, LV_REPLY, 2, LV_OK),
	       "0000001c 20008086 00000001 00000001 00000001 00000002 00000000");
	m = remote(212, LV_REPLY, 7, LV_OK);
	xdr_put_int(m, 1);
	xdr_put_int(m, 1);
	expect(m, "00000024 20008086 00000001 000000d4 00000001 00000007 00000000 00000001 "
		"00000001");
	m = remote(23, LV_REPLY, 8, LV_ERROR);
	put_error(m, LV_ERR_NO_DOMAIN, "x");
	expect(m, "00000058 20008086 00000001 00000017 00000001 00000008 00000001 0000002a "
	       "00000014 00000001 00000001 78000000 00000002 00000000 00000001 00000001 "
	       "78000000 00000000 00000000 ffffffff ffffffff 00000000");
	m = remote(318, LV_MESSAGE, 0, LV_OK);
	xdr_put_int(m, 1);
	put_alpha(m);
	xdr_put_int(m, 2);
	xdr_put_int(m, 0);
	expect(m, "00000048 20008086 00000001 0000013e 00000002 00000000 00000000 00000001 "
	       "00000005 616c7068 61000000 11111111 11111111 11111111 11111111 00000001 "
	       "00000002 00000000");
	expect(message_new(LV_KEEPALIVE, LV_PONG, LV_MESSAGE, 0, LV_OK),
	       "0000001c 6b656570 00000001 00000002 00000002 00000000 00000000");
}

/* A call's arguments, through the table. */
static GByteArray *take_call(const char *hex, uint32_t procedure, struct xdr_args *args)
{
	GByteArray *m = from_hex(hex);
	struct lv_header header;

	assert_true(header_parse(m->data, &header));
	assert_int_equal(header.length, m->len);
	assert_int_equal(header.program, LV_REMOTE);
	assert_int_equal(header.procedure, procedure);
	assert_int_equal(header.type, LV_CALL);
	assert_true(xdr_decode(procedure_find(procedure)->in, m->data + LV_HEADER,
			       m->len - LV_HEADER, args));
	return m;
}

static void test_messages_in(void **state)
{
	struct xdr_args args;
	uint8_t uuid[16];
	GByteArray *m;

	(void)state;
	m = take_call("0000001c 20008086 00000001 00000042 00000000 00000000 00000000", 66, &args);
	assert_int_equal(args.count, 0);
	xdr_args_free(&args);
	g_byte_array_unref(m);
	m = take_call("00000020 20008086 00000001 0000003c 00000000 00000001 00000000 0000000a", 60,
		      &args);
	assert_int_equal(args.value[0].i, 10);
	xdr_args_free(&args);
	g_byte_array_unref(m);
	m = take_call("00000038 20008086 00000001 00000001 00000000 00000002 00000000 00000001 "
		      "00000010 6261746f 6e3a2f2f 2f736573 73696f6e 00000006", 1, &args);
	assert_string_equal(args.value[0].s, "baton:///session");
	assert_int_equal(args.value[1].u, 6);
	xdr_args_free(&args);
	g_byte_array_unref(m);
	m = take_call("00000040 20008086 00000001 000000d4 00000000 00000007 00000000 00000005 "
		      "616c7068 61000000 11111111 11111111 11111111 11111111 00000001 00000000",
		      212,
		      &args);
	memset(uuid, 0x11, sizeof(uuid));
	assert_string_equal(args.value[0].item[0].s, "alpha");
	assert_memory_equal(args.value[0].item[1].bytes, uuid, sizeof(uuid));
	assert_int_equal(args.value[0].item[2].i, 1);
	assert_int_equal(args.value[1].u, 0);
	xdr_args_free(&args);
	g_byte_array_unref(m);
}

static void test_header(void **state)
{
	static const struct { uint32_t length; bool good; } lengths[] = {
		{ 0, false }, { 27, false }, { 28, true }, { LV_MESSAGE_MAX, true },
		{ LV_MESSAGE_MAX + 1, false }, { UINT32_MAX, false },
	};
	struct lv_header header;
	uint32_t words[7] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(lengths); i++) {
		words[0] = GUINT32_TO_BE(lengths[i].length);
		assert_int_equal(header_parse((const uint8_t *)words, &header), lengths[i].good);
	}
}

/* ---- every signature ---- */

static uint64_t seed = 1;

static uint32_t chance(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static void make_items(GByteArray *to, const char *signature);

static void make_named(GByteArray *to, const char *signature)
{
	static const char *const named[][2] = {
		{ "dom", "s,uuid,i" }, { "net", "s,uuid" }, { "pool", "s,uuid" },
		{ "vol", "s,s,s" }, { "snap", "s,dom" }, { "iface", "s,s" }, { "nodedev", "s" },
		{ "secret", "uuid,i,s" }, { "nwfilter", "s,uuid" },
	};
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(named); i++)
		if (xdr_item_is(signature, named[i][0])) {
			make_items(to, named[i][1]);
			return;
		}
	fail_msg("no such item: %s", signature);
}

static void make_text(GByteArray *to)
{
	static const char *const texts[] = { "", "a", "abc", "abcd", "<x y='\xc3\xa4'/>", "longer "
		"one" };

	xdr_put_string(to, texts[chance(G_N_ELEMENTS(texts))]);
}

static void make_tparam(GByteArray *to)
{
	uint32_t type = 1 + chance(7);

	make_text(to);
	xdr_put_uint(to, type);
	if (type == XDR_TPARAM_STRING)
		make_text(to);
	else if (type >= XDR_TPARAM_LLONG && type <= XDR_TPARAM_DOUBLE)
		xdr_put_ulong(to, chance(UINT32_MAX));
	else
		xdr_put_uint(to, chance(UINT32_MAX));
}

static void make_item(GByteArray *to, const char *signature)
{
	uint32_t i, count = chance(4);

	if (*xdr_item_end(signature) == '?') {
		xdr_put_uint(to, count ? 1 : 0);
		if (!count)
			return;
	}
	if (*signature == '[' || xdr_item_is(signature, "chars")) {
		xdr_put_uint(to, count);
		for (i = 0; i < count; i++)
			make_item(to, *signature == '[' ? signature + 1 : "i");
	} else if (*signature == '{') {
		make_items(to, signature + 1);
	} else if (xdr_item_is(signature, "char32")) {
		xdr_put_char32(to, "x86_64");
	} else if (xdr_item_is(signature, "uuid")) {
		xdr_put_uuid(to, (const uint8_t *)"0123456789abcdef");
	} else if (xdr_item_is(signature, "bytes")) {
		xdr_put_bytes(to, "\0\1\2\3\4", count);
	} else if (xdr_item_is(signature, "tparam")) {
		make_tparam(to);
	} else if (xdr_item_is(signature, "s")) {
		make_text(to);
	} else if (xdr_item_is(signature, "i") || xdr_item_is(signature, "u")) {
		xdr_put_uint(to, chance(UINT32_MAX));
	} else if (xdr_item_is(signature, "I") || xdr_item_is(signature, "U") ||
		   xdr_item_is(signature, "d")) {
		xdr_put_ulong(to, (uint64_t)chance(UINT32_MAX) << 20);
	} else {
		make_named(to, signature);
	}
}

static void make_items(GByteArray *to, const char *signature)
{
	while (*signature && *signature != '}' && *signature != ']') {
		make_item(to, signature);
		signature = xdr_item_end(signature);
		signature += *signature == '?';
		signature += *signature == ',';
	}
}

/* What was made up is read, written again, and is the same. */
static void check_round(const char *signature, const GByteArray *made)
{
	uint8_t *copy = g_memdup2(made->data, made->len);
	GByteArray *again = g_byte_array_new();
	struct xdr_args args;

	assert_true(xdr_check(signature, made->data, made->len));
	assert_true(xdr_decode(signature, copy, made->len, &args));
	xdr_write_values(again, signature, args.value, args.count);
	assert_int_equal(again->len, made->len);
	if (made->len)
		assert_memory_equal(again->data, made->data, made->len);
	xdr_args_free(&args);
	g_byte_array_unref(again);
	g_free(copy);
}

/* Exactly so long, in memory of its own: a sanitizer sees each byte too far. */
static bool takes(const char *signature, const uint8_t *data, size_t length)
{
	uint8_t *copy = g_malloc(length ? length : 1);
	struct xdr_args args;
	bool ok;

	if (length)
		memcpy(copy, data, length);
	ok = xdr_decode(signature, copy, length, &args);
	if (ok)
		xdr_args_free(&args);
	assert_int_equal(ok, xdr_check(signature, data, length));
	g_free(copy);
	return ok;
}

static void check_signature(const char *signature)
{
	unsigned int i;
	guint length;

	for (i = 0; i < 30; i++) {
		GByteArray *made = g_byte_array_new();

		make_items(made, signature);
		check_round(signature, made);
		for (length = 0; length < made->len; length++)
			assert_false(takes(signature, made->data, length));
		xdr_put_uint(made, 0);
		assert_false(takes(signature, made->data, made->len));
		g_byte_array_unref(made);
	}
}

static void test_signatures(void **state)
{
	size_t count, i;
	const struct procedure *p = procedures_all(&count);

	(void)state;
	for (i = 0; i < count; i++) {
		check_signature(p[i].in);
		check_signature(p[i].out);
	}
	check_signature("d,[tparam],bytes,chars");
}

/* Sorted, or it is not found; flags are a number at the end. */
static void test_table(void **state)
{
	size_t count, i;
	const struct procedure *p = procedures_all(&count);

	(void)state;
	for (i = 0; i < count; i++) {
		assert_true(!i || p[i].number > p[i - 1].number);
		assert_ptr_equal(procedure_find(p[i].number), &p[i]);
		if (p[i].flags != NO_FLAGS)
			assert_true(g_str_has_suffix(p[i].in, ",u") || !strcmp(p[i].in, "u"));
		if (p[i].needs & NEEDS_VM)
			assert_true(g_str_has_prefix(p[i].in, "dom") ||
				    g_str_has_prefix(p[i].in, "snap"));
		if (p[i].needs & NEEDS_NET)
			assert_true(g_str_has_prefix(p[i].in, "net"));
		if (p[i].needs & NEEDS_POOL)
			assert_true(g_str_has_prefix(p[i].in, "pool"));
		if (p[i].needs & EMPTY)
			assert_null(p[i].run);
	}
	assert_null(procedure_find(0));
	assert_null(procedure_find(UINT32_MAX));
}

/* ---- wrong ones ---- */

static void test_wrong(void **state)
{
	static const struct { const char *signature, *hex; bool good; } cases[] = {
		{ "s", "00000001 61000000", true },
		{ "s", "00000001 61000001", false },		/* padding that is not zero */
		{ "s", "00000001 00000000", false },		/* NUL inside */
		{ "s", "00000002 c3280000", false },		/* no UTF-8 */
		{ "s", "ffffffff", false },
		{ "s", "00400001 61000000", false },		/* longer than allowed */
		{ "s?", "00000000", true },
		{ "s?", "01000000 00000000", true },		/* present, as others say it */
		{ "s?", "00000000 00000000", false },
		{ "[i]", "00000000", true },
		{ "[i]", "00000002 00000000", false },
		{ "[i]", "40000000 00000000", false },
		{ "[dom]", "ffffffff", false },
		{ "tparam", "00000001 61000000 00000001 00000005", true },
		{ "tparam", "00000001 61000000 00000000 00000005", false },
		{ "tparam", "00000001 61000000 00000008 00000005", false },
		{ "", "", true },
		{ "", "00000000", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(cases); i++) {
		GByteArray *bytes = from_hex(cases[i].hex);

		assert_int_equal(takes(cases[i].signature, bytes->data, bytes->len), cases[i].good);
		g_byte_array_unref(bytes);
	}
}

/* A list of nothings says little and would take much: it is bounded. */
static void test_bounds(void **state)
{
	GByteArray *bytes = g_byte_array_new();
	guint size = (XDR_NODES_MAX + 16) * 4;

	(void)state;
	g_byte_array_set_size(bytes, 4 + size);
	memset(bytes->data, 0, bytes->len);
	xdr_set_later(bytes, 0, size / 4);
	assert_true(xdr_check("[i]", bytes->data, bytes->len));
	assert_false(xdr_decode("[i]", bytes->data, bytes->len, &(struct xdr_args){ NULL }));
	g_byte_array_unref(bytes);
}

static void test_uuid(void **state)
{
	static const char text[] = "216365f0-aee0-4bc7-bb97-f5cc260fa858";
	uint8_t uuid[16];
	char again[37];

	(void)state;
	assert_true(xdr_uuid_parse(text, uuid));
	xdr_uuid_text(uuid, again);
	assert_string_equal(again, text);
	assert_true(xdr_uuid_parse("216365F0aee04bc7bb97f5cc260fa858", uuid));
	assert_false(xdr_uuid_parse("216365f0-aee0-4bc7-bb97-f5cc260fa8", uuid));
	assert_false(xdr_uuid_parse("216365f0-aee0-4bc7-bb97-f5cc260fa8588", uuid));
	assert_false(xdr_uuid_parse("", uuid));
	assert_false(xdr_uuid_parse("x16365f0-aee0-4bc7-bb97-f5cc260fa858", uuid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_out), cmocka_unit_test(test_messages_in),
		cmocka_unit_test(test_header), cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_table), cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
