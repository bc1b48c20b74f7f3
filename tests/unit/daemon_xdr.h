/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of a signature: made up, and written again. Shared by the unit test of the
 * codec, which reads what it has made up, and its fuzz target, which writes what was read.
 */
#ifndef BATON_TESTS_DAEMON_XDR_H
#define BATON_TESTS_DAEMON_XDR_H

#include <string.h>

#include "libvirt/xdr.h"

/* How `signature` has an item's value is told by the value, but for these words. */
static inline const char *xdr_item_end(const char *at)
{
	unsigned int depth = 0;

	for (; *at; at++) {
		if (*at == '[' || *at == '{')
			depth++;
		if ((*at == ']' || *at == '}') && !depth--)
			break;
		if (!depth && (*at == ',' || *at == '?'))
			break;
	}
	return at;
}

static inline bool xdr_item_is(const char *at, const char *word)
{
	return (size_t)(xdr_item_end(at) - at) == strlen(word) && !strncmp(at, word, strlen(word));
}

static void xdr_write_values(GByteArray *to, const char *signature, const struct xdr_value *v,
			     uint32_t count);

/* One value, whatever its signature (NULL: told by the value alone). */
static void xdr_write_value(GByteArray *to, const char *signature, const struct xdr_value *v)
{
	uint32_t i;

	if (*xdr_item_end(signature) == '?')
		xdr_put_uint(to, v->present);
	if (!v->present)
		return;
	switch (v->kind) {
	case 'i':
	case 'u':
		xdr_put_uint(to, v->u);
		break;
	case 'I':
	case 'U':
	case 'd':
		xdr_put_ulong(to, v->ul);
		break;
	case 's':
	case 'b':
		xdr_put_bytes(to, v->bytes, v->count);
		break;
	case 'x':
		xdr_put_uuid(to, v->bytes);
		break;
	case '[':
		if (!xdr_item_is(signature, "char32"))
			xdr_put_uint(to, v->count);
		for (i = 0; i < v->count; i++)
			xdr_write_value(to, *signature == '[' ? signature + 1 : "i", &v->item[i]);
		break;
	default:
		if (*signature == '{')
			xdr_write_values(to, signature + 1, v->item, v->count);
		else /* a name: none of those has absent parts */
			for (i = 0; i < v->count; i++)
				xdr_write_value(to, "", &v->item[i]);
	}
}

static void xdr_write_values(GByteArray *to, const char *signature, const struct xdr_value *v,
			     uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		xdr_write_value(to, signature, &v[i]);
		signature = xdr_item_end(signature);
		signature += *signature == '?';
		signature += *signature == ',';
	}
}

#endif
