/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See packet.h. */
#include "gdb/packet.h"

#define INTERRUPT 0x03
#define ESCAPE_XOR 0x20

static const char digits[] = "0123456789abcdef";

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ---- frames ---- */

static enum gdb_event between(struct gdb_decoder *decoder, uint8_t byte)
{
	switch (byte) {
	case '$':
		decoder->state = GDB_DATA;
		decoder->sum = 0;
		decoder->length = 0;
		decoder->bad = decoder->too_long = false;
		return GDB_NOTHING;
	case '+':
		return GDB_ACK;
	case '-':
		return GDB_NAK;
	case INTERRUPT:
		return GDB_INTERRUPT;
	}
	return GDB_NOTHING;
}

static void take_data(struct gdb_decoder *decoder, uint8_t byte)
{
	if (decoder->length == GDB_PACKET_MAX)
		decoder->too_long = true;
	else
		decoder->data[decoder->length++] = (char)byte;
}

static void within(struct gdb_decoder *decoder, uint8_t byte)
{
	if (byte == '#') {
		decoder->state = GDB_SUM1;
		return;
	}
	decoder->sum = (uint8_t)(decoder->sum + byte);
	if (decoder->state == GDB_ESCAPED) {
		take_data(decoder, byte ^ ESCAPE_XOR);
		decoder->state = GDB_DATA;
	} else if (byte == '}') {
		decoder->state = GDB_ESCAPED;
	} else {
		take_data(decoder, byte);
	}
}

static enum gdb_event at_sum(struct gdb_decoder *decoder, uint8_t byte)
{
	int digit = digit_of((char)byte);

	decoder->bad |= digit < 0;
	decoder->expected = (uint8_t)(decoder->expected << 4 | (digit & 0xf));
	if (decoder->state == GDB_SUM1) {
		decoder->state = GDB_SUM2;
		return GDB_NOTHING;
	}
	decoder->state = GDB_IDLE;
	decoder->data[decoder->length] = 0;
	if (decoder->bad || decoder->expected != decoder->sum)
		return GDB_BAD_SUM;
	return decoder->too_long ? GDB_TOO_LONG : GDB_PACKET;
}

enum gdb_event gdb_decode(struct gdb_decoder *decoder, uint8_t byte)
{
	switch (decoder->state) {
	case GDB_IDLE:
		return between(decoder, byte);
	case GDB_DATA:
	case GDB_ESCAPED:
		within(decoder, byte);
		return GDB_NOTHING;
	default:
		return at_sum(decoder, byte);
	}
}

size_t gdb_frame(char *to, const char *data, size_t length)
{
	uint8_t sum = 0;
	char *p = to;

	*p++ = '$';
	for (size_t i = 0; i < length && i < GDB_PACKET_MAX; i++) {
		char c = data[i];

		if (c == '$' || c == '#' || c == '}' || c == '*') {
			*p++ = '}';
			sum = (uint8_t)(sum + '}');
			c ^= ESCAPE_XOR;
		}
		*p++ = c;
		sum = (uint8_t)(sum + (uint8_t)c);
	}
	*p++ = '#';
	p = gdb_put_bytes(p, &sum, 1);
	return (size_t)(p - to);
}

/* ---- numbers ---- */

bool gdb_take_hex(const char **text, uint64_t *ret_value)
{
	const char *p = *text;
	uint64_t value = 0;
	int digit;

	for (; (digit = digit_of(*p)) >= 0; p++) {
		if (value >> 60)
			return false;
		value = value << 4 | (uint64_t)digit;
	}
	if (p == *text)
		return false;
	*text = p;
	*ret_value = value;
	return true;
}

bool gdb_take_hex_to(const char **text, char next, uint64_t *ret_value)
{
	if (!gdb_take_hex(text, ret_value) || **text != next)
		return false;
	++*text;
	return true;
}

bool gdb_take_bytes(const char **text, void *bytes, size_t count)
{
	const char *p = *text;
	uint8_t *to = bytes;

	for (size_t i = 0; i < count; i++, p += 2) {
		int high = digit_of(p[0]), low = high < 0 ? -1 : digit_of(p[1]);

		if (low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	*text = p;
	return true;
}

char *gdb_put_bytes(char *to, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < count; i++) {
		*to++ = digits[from[i] >> 4];
		*to++ = digits[from[i] & 0xf];
	}
	*to = 0;
	return to;
}
