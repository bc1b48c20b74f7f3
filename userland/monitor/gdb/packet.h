/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Framing of gdb's remote protocol (gdb manual, "Overview" of "Remote Protocol"):
 * $data#sum, acknowledged by + and -, and the lone byte 3 that interrupts. Also the
 * numbers in it. The peer is not trusted: all is bounded. No state but the decoder's.
 */
#ifndef BATON_GDB_PACKET_H
#define BATON_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_MAX 4096u		/* of data, as it is between $ and # */
#define GDB_FRAME_MAX (2 * GDB_PACKET_MAX + 8)

enum gdb_event {
	GDB_NOTHING,
	GDB_PACKET,		/* data and length */
	GDB_BAD_SUM,		/* to be sent again */
	GDB_TOO_LONG,
	GDB_INTERRUPT,
	GDB_ACK, GDB_NAK,
};

struct gdb_decoder {
	enum { GDB_IDLE, GDB_DATA, GDB_ESCAPED, GDB_SUM1, GDB_SUM2 } state;
	uint8_t sum, expected;
	bool bad, too_long;
	size_t length;
	char data[GDB_PACKET_MAX + 1];	/* of a GDB_PACKET: followed by a 0 */
};

/* As new when zeroed. */
enum gdb_event gdb_decode(struct gdb_decoder *decoder, uint8_t byte);

/* The frame around data, escaped where it has to be; length of `to`, GDB_FRAME_MAX big. */
size_t gdb_frame(char *to, const char *data, size_t length);

/* The hexadecimal number at *text, which moves on. False: there is none, or beyond 64 bits. */
bool gdb_take_hex(const char **text, uint64_t *ret_value);
/* The same, and `next` behind it. */
bool gdb_take_hex_to(const char **text, char next, uint64_t *ret_value);
/* Bytes as pairs of digits. False: not that many. */
bool gdb_take_bytes(const char **text, void *bytes, size_t count);
/* 2 * count digits, and a 0 behind them. Returns its end. */
char *gdb_put_bytes(char *to, const void *bytes, size_t count);

#endif
