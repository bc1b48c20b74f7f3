// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * XDR by signature: a recursive walk over the text of the signature and the bytes
 * together. Depth is that of the signature, memory is bounded by the number of nodes.
 */
#include "libvirt/xdr.h"

#include <string.h>

/* Values are made a list or structure at a time, in a block that never moves. */
struct xdr_block {
	struct xdr_block *next;
	struct xdr_value value[];
};

struct reader {
	uint8_t *at;
	size_t left;
	bool look;		/* makes no values, changes nothing */
	uint32_t nodes;
	struct xdr_block *blocks;
};

static const struct { const char *name, *fields; } named[] = {
	{ "dom", "s,uuid,i" }, { "net", "s,uuid" }, { "pool", "s,uuid" }, { "vol", "s,s,s" },
	{ "snap", "s,dom" }, { "iface", "s,s" }, { "nodedev", "s" }, { "secret", "uuid,i,s" },
	{ "nwfilter", "s,uuid" },
};

/* ---- signatures ---- */

/* Behind one item: at its '?' , ',', ']', '}' or the end. */
static const char *item_end(const char *at)
{
	unsigned int depth = 0;

	for (; *at; at++) {
		if (*at == '[' || *at == '{')
			depth++;
		else if (*at == ']' || *at == '}') {
			if (!depth)
				break;
			depth--;
		} else if (!depth && (*at == ',' || *at == '?'))
			break;
	}
	return at;
}

static uint32_t item_count(const char *at)
{
	uint32_t count = 0;

	if (!*at || *at == '}')
		return 0;
	for (;;) {
		count++;
		at = item_end(at);
		if (*at == '?')
			at++;
		if (*at != ',')
			return count;
		at++;
	}
}

static bool item_is(const char *at, const char *word)
{
	size_t length = (size_t)(item_end(at) - at);

	return strlen(word) == length && !strncmp(at, word, length);
}

/* ---- reading ---- */

static bool take_uint(struct reader *r, uint32_t *ret)
{
	if (r->left < 4)
		return false;
	*ret = (uint32_t)r->at[0] << 24 | (uint32_t)r->at[1] << 16 | (uint32_t)r->at[2] << 8 |
	       r->at[3];
	r->at += 4;
	r->left -= 4;
	return true;
}

static bool take_ulong(struct reader *r, uint64_t *ret)
{
	uint32_t high, low;

	if (!take_uint(r, &high) || !take_uint(r, &low))
		return false;
	*ret = (uint64_t)high << 32 | low;
	return true;
}

/* Counted bytes and their padding, which has to be zero. */
static bool take_bytes(struct reader *r, uint32_t *ret_count, uint8_t **ret)
{
	uint32_t count, padded, i;

	if (!take_uint(r, &count) || count > XDR_STRING_MAX)
		return false;
	padded = (count + 3) & ~3u;
	if (padded > r->left)
		return false;
	for (i = count; i < padded; i++)
		if (r->at[i])
			return false;
	*ret = r->at;
	*ret_count = count;
	r->at += padded;
	r->left -= padded;
	return true;
}

/* The count in front of a string has had its use: the text moves there, to end with NUL. */
static bool take_string(struct reader *r, struct xdr_value *v)
{
	uint8_t *text;
	uint32_t count;

	if (!take_bytes(r, &count, &text) || memchr(text, 0, count) ||
	    !g_utf8_validate_len((const char *)text, count, NULL))
		return false;
	if (r->look)
		return true;
	memmove(text - 4, text, count);
	text -= 4;
	text[count] = 0;
	v->s = (const char *)text;
	v->count = count;
	return true;
}

static struct xdr_value *new_values(struct reader *r, uint32_t count)
{
	struct xdr_block *block;

	/* Each takes four bytes at least: a list that cannot fit is not made. */
	if (count > XDR_NODES_MAX - r->nodes)
		return NULL;
	r->nodes += count;
	block = g_malloc0(sizeof(*block) + (count ? count : 1) * sizeof(block->value[0]));
	block->next = r->blocks;
	r->blocks = block;
	return block->value;
}

static bool read_item(struct reader *r, const char *signature, struct xdr_value *v);

static bool read_fields(struct reader *r, const char *signature, struct xdr_value *values)
{
	uint32_t i, count = item_count(signature);

	for (i = 0; i < count; i++) {
		if (!read_item(r, signature, values ? &values[i] : NULL))
			return false;
		signature = item_end(signature);
		signature += (*signature == '?');
		signature += (*signature == ',');
	}
	return true;
}

static bool read_struct(struct reader *r, const char *signature, struct xdr_value *v)
{
	uint32_t count = item_count(signature);

	if (!r->look) {
		v->kind = '{';
		v->count = count;
		v->item = new_values(r, count);
		if (!v->item)
			return false;
	}
	return read_fields(r, signature, r->look ? NULL : v->item);
}

static bool read_items(struct reader *r, const char *signature, uint32_t count,
		       struct xdr_value *v)
{
	uint32_t i;

	if (count > r->left / 4)
		return false;
	if (!r->look) {
		v->kind = '[';
		v->count = count;
		v->item = new_values(r, count);
		if (!v->item)
			return false;
	}
	for (i = 0; i < count; i++)
		if (!read_item(r, signature, r->look ? NULL : &v->item[i]))
			return false;
	return true;
}

static bool read_tparam(struct reader *r, struct xdr_value *v)
{
	static const char kinds[][2] = { "", "i", "u", "I", "U", "d", "i", "s" };
	uint8_t *name;
	uint32_t type, count;
	struct reader ahead = *r;
	char signature[8];

	if (!take_bytes(&ahead, &count, &name) || !take_uint(&ahead, &type) || !type ||
	    type >= G_N_ELEMENTS(kinds))
		return false;
	g_snprintf(signature, sizeof(signature), "s,u,%s", kinds[type]);
	return read_struct(r, signature, v);
}

static bool read_scalar(struct reader *r, char kind, struct xdr_value *v)
{
	uint32_t word;
	uint64_t both;

	switch (kind) {
	case 'i':
	case 'u':
		if (!take_uint(r, &word))
			return false;
		v->u = word;
		return true;
	case 'I':
	case 'U':
	case 'd':
		if (!take_ulong(r, &both))
			return false;
		v->ul = both;	/* of a double, its bits */
		return true;
	default:
		return take_string(r, v);
	}
}

static bool read_raw(struct reader *r, const char *signature, struct xdr_value *v)
{
	uint8_t *bytes;

	if (item_is(signature, "uuid")) {
		if (r->left < 16)
			return false;
		v->kind = 'x';
		v->bytes = r->at;
		v->count = 16;
		r->at += 16;
		r->left -= 16;
		return true;
	}
	if (!take_bytes(r, &v->count, &bytes))
		return false;
	v->kind = 'b';
	v->bytes = bytes;
	return true;
}

static bool read_list(struct reader *r, const char *signature, struct xdr_value *v)
{
	uint32_t count;

	return take_uint(r, &count) && read_items(r, signature, count, v);
}

static bool read_item(struct reader *r, const char *signature, struct xdr_value *v)
{
	struct xdr_value looked = { .kind = 0 };
	const char *end = item_end(signature);
	uint32_t present = 1;
	unsigned int i;

	if (!v)
		v = &looked;
	/* Any word but 0 says that it is there. */
	if (*end == '?' && !take_uint(r, &present))
		return false;
	v->present = present;
	if (end - signature == 1)
		v->kind = *signature;
	if (!present)
		return true;
	if (end - signature == 1)
		return read_scalar(r, *signature, v);
	if (*signature == '[')
		return read_list(r, signature + 1, v);
	if (*signature == '{')
		return read_struct(r, signature + 1, v);
	if (item_is(signature, "uuid") || item_is(signature, "bytes"))
		return read_raw(r, signature, v);
	if (item_is(signature, "tparam"))
		return read_tparam(r, v);
	if (item_is(signature, "chars"))
		return read_list(r, "i", v);
	if (item_is(signature, "char32"))
		return read_items(r, "i", 32, v);
	for (i = 0; i < G_N_ELEMENTS(named); i++)
		if (item_is(signature, named[i].name))
			return read_struct(r, named[i].fields, v);
	return false;
}

uint32_t xdr_count(const char *signature)
{
	return item_count(signature);
}

bool xdr_decode(const char *signature, uint8_t *data, size_t length, struct xdr_args *ret)
{
	struct reader r = { .at = data, .left = length };
	uint32_t count = item_count(signature);
	struct xdr_args args = { .value = new_values(&r, count), .count = count };
	bool ok = args.value && read_fields(&r, signature, args.value) && !r.left;

	args.blocks = r.blocks;
	if (ok)
		*ret = args;
	else
		xdr_args_free(&args);
	return ok;
}

void xdr_args_free(struct xdr_args *args)
{
	struct xdr_block *block, *next;

	for (block = args->blocks; block; block = next) {
		next = block->next;
		g_free(block);
	}
	memset(args, 0, sizeof(*args));
}

bool xdr_check(const char *signature, const uint8_t *data, size_t length)
{
	struct reader r = { .at = (uint8_t *)data, .left = length, .look = true };

	return read_fields(&r, signature, NULL) && !r.left;
}

/* ---- writing ---- */

void xdr_put_uint(GByteArray *to, uint32_t value)
{
	uint32_t word = GUINT32_TO_BE(value);

	g_byte_array_append(to, (const guint8 *)&word, sizeof(word));
}

void xdr_put_int(GByteArray *to, int32_t value)
{
	xdr_put_uint(to, (uint32_t)value);
}

void xdr_put_ulong(GByteArray *to, uint64_t value)
{
	uint64_t words = GUINT64_TO_BE(value);

	g_byte_array_append(to, (const guint8 *)&words, sizeof(words));
}

void xdr_put_long(GByteArray *to, int64_t value)
{
	xdr_put_ulong(to, (uint64_t)value);
}

void xdr_put_double(GByteArray *to, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	xdr_put_ulong(to, bits);
}

void xdr_put_bytes(GByteArray *to, const void *bytes, uint32_t count)
{
	static const guint8 zero[4];

	xdr_put_uint(to, count);
	if (count)
		g_byte_array_append(to, bytes, count);
	g_byte_array_append(to, zero, -count & 3);
}

void xdr_put_string(GByteArray *to, const char *text)
{
	char *valid;

	if (!text)
		text = "";
	if (g_utf8_validate(text, -1, NULL)) {
		xdr_put_bytes(to, text, (uint32_t)strlen(text));
		return;
	}
	valid = g_utf8_make_valid(text, -1);
	xdr_put_bytes(to, valid, (uint32_t)strlen(valid));
	g_free(valid);
}

void xdr_put_optional(GByteArray *to, const char *text)
{
	xdr_put_uint(to, text != NULL);
	if (text)
		xdr_put_string(to, text);
}

void xdr_put_uuid(GByteArray *to, const uint8_t uuid[16])
{
	g_byte_array_append(to, uuid, 16);
}

void xdr_put_char32(GByteArray *to, const char *text)
{
	size_t i, length = strlen(text);

	for (i = 0; i < 32; i++)
		xdr_put_int(to, i < length && i < 31 ? text[i] : 0);
}

guint xdr_put_later(GByteArray *to)
{
	xdr_put_uint(to, 0);
	return to->len - 4;
}

void xdr_set_later(GByteArray *to, guint at, uint32_t value)
{
	uint32_t word = GUINT32_TO_BE(value);

	memcpy(to->data + at, &word, sizeof(word));
}

/* ---- UUIDs ---- */

bool xdr_uuid_parse(const char *text, uint8_t uuid[16])
{
	uint8_t bytes[16];
	unsigned int i;

	/* Hyphens are optional between bytes, as libvirt takes them. */
	for (i = 0; i < 16; i++) {
		int high, low;

		while (*text == '-')
			text++;
		high = g_ascii_xdigit_value(text[0]);
		low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);
		if (low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text)
		return false;
	memcpy(uuid, bytes, sizeof(bytes));
	return true;
}

void xdr_uuid_text(const uint8_t uuid[16], char text[37])
{
	unsigned int i, at = 0;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[at++] = '-';
		at += (unsigned int)g_snprintf(text + at, 37 - at, "%02x", uuid[i]);
	}
}
