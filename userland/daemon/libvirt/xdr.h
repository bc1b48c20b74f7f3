/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The encoding of libvirt's remote protocol (XDR, RFC 4506), driven by one signature
 * text per procedure: what it takes, what it returns. What is read is checked against
 * the signature to the last byte; what is written is checked before it leaves.
 *
 * A signature is a list of items separated by commas, empty for none:
 *   i u       4 bytes (also booleans, enums)      I U       8 bytes
 *   d         double                              s         string: UTF-8 without NUL
 *   bytes     counted bytes                       uuid      16 bytes
 *   chars     counted, 4 bytes each               char32    32 characters of 4 bytes
 *   tparam    name, type, value of that type      X?        X or nothing
 *   [X]       counted list                        {X,Y}     one after the other
 *   dom net pool vol snap iface nodedev secret nwfilter     libvirt's references
 */
#ifndef BATON_DAEMON_LIBVIRT_XDR_H
#define BATON_DAEMON_LIBVIRT_XDR_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XDR_STRING_MAX 4194304u
#define XDR_NODES_MAX 131072u	/* of one message */

enum xdr_tparam_type {
	XDR_TPARAM_INT = 1, XDR_TPARAM_UINT, XDR_TPARAM_LLONG, XDR_TPARAM_ULLONG,
	XDR_TPARAM_DOUBLE, XDR_TPARAM_BOOLEAN, XDR_TPARAM_STRING,
};

struct xdr_value {
	/* 'i' 'u' 'I' 'U' 'd' 's', 'b' bytes, 'x' uuid, '[' list, '{' fields */
	char kind;
	bool present;		/* false: an X? that is not there; all else is 0 */
	uint32_t count;		/* of bytes or items */
	union {
		int32_t i;
		uint32_t u;
		int64_t l;
		uint64_t ul;
		double d;
		const char *s;		/* ends with NUL; NULL: not there */
		const uint8_t *bytes;	/* 'b', 'x' */
		struct xdr_value *item;
	};
};

struct xdr_args {
	struct xdr_value *value;
	uint32_t count;
	struct xdr_block *blocks;	/* what the values are in */
};

/*
 * Takes data[0 .. length) apart, all of it, in place: strings stay there. False if it is
 * not what the signature says; then there is nothing to free.
 */
bool xdr_decode(const char *signature, uint8_t *data, size_t length, struct xdr_args *ret);
void xdr_args_free(struct xdr_args *args);
/* How many items a signature has. */
uint32_t xdr_count(const char *signature);
/* Only looks. */
bool xdr_check(const char *signature, const uint8_t *data, size_t length);

/* ---- writing: to the end of a byte array ---- */

void xdr_put_uint(GByteArray *to, uint32_t value);
void xdr_put_int(GByteArray *to, int32_t value);
void xdr_put_ulong(GByteArray *to, uint64_t value);
void xdr_put_long(GByteArray *to, int64_t value);
void xdr_put_double(GByteArray *to, double value);
/* No text is as the empty one. What is no UTF-8 in it becomes U+FFFD. */
void xdr_put_string(GByteArray *to, const char *text);
void xdr_put_optional(GByteArray *to, const char *text);	/* s?; NULL: absent */
void xdr_put_bytes(GByteArray *to, const void *bytes, uint32_t count);
void xdr_put_uuid(GByteArray *to, const uint8_t uuid[16]);
void xdr_put_char32(GByteArray *to, const char *text);
/* A number that is not known yet, such as that of a list: where it stands, and its value. */
guint xdr_put_later(GByteArray *to);
void xdr_set_later(GByteArray *to, guint at, uint32_t value);

/* UUIDs between text (36 characters) and bytes. */
bool xdr_uuid_parse(const char *text, uint8_t uuid[16]);
void xdr_uuid_text(const uint8_t uuid[16], char text[37]);

#endif
