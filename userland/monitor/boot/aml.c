/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See aml.h. Lengths are always written in three bytes, so that a block's
 * length can be filled in when it ends without moving what it holds.
 */
#include "aml.h"

#include <string.h>

#define OP_ZERO		0x00
#define OP_ONE		0x01
#define OP_NAME		0x08
#define OP_BYTE		0x0a
#define OP_WORD		0x0b
#define OP_DWORD	0x0c
#define OP_QWORD	0x0e
#define OP_SCOPE	0x10
#define OP_BUFFER	0x11
#define OP_PACKAGE	0x12
#define OP_METHOD	0x14
#define OP_EXTENDED	0x5b
#define OP_ARG0		0x68
#define OP_STORE	0x70
#define OP_IF		0xa0
#define OP_RETURN	0xa4
#define OP_DEVICE	0x82

#define LENGTH_BYTES	3u

void aml_bytes(struct aml *aml, const void *bytes, size_t size)
{
	if (size > aml->room - aml->size) {
		aml->overflow = true;
		return;
	}
	memcpy(aml->data + aml->size, bytes, size);
	aml->size += size;
}

void aml_byte(struct aml *aml, uint8_t byte)
{
	aml_bytes(aml, &byte, 1);
}

static void word(struct aml *aml, uint16_t value)
{
	aml_bytes(aml, &value, sizeof(value));
}

static void dword(struct aml *aml, uint32_t value)
{
	aml_bytes(aml, &value, sizeof(value));
}

static void qword(struct aml *aml, uint64_t value)
{
	aml_bytes(aml, &value, sizeof(value));
}

void aml_integer(struct aml *aml, uint64_t value)
{
	if (value <= 1) {
		aml_byte(aml, value ? OP_ONE : OP_ZERO);
	} else if (value <= 0xff) {
		aml_byte(aml, OP_BYTE);
		aml_byte(aml, (uint8_t)value);
	} else if (value <= 0xffff) {
		aml_byte(aml, OP_WORD);
		word(aml, (uint16_t)value);
	} else if (value <= 0xffffffff) {
		aml_byte(aml, OP_DWORD);
		dword(aml, (uint32_t)value);
	} else {
		aml_byte(aml, OP_QWORD);
		qword(aml, value);
	}
}

/* ---- blocks ---- */

static size_t begin_length(struct aml *aml)
{
	static const uint8_t room[LENGTH_BYTES];
	size_t mark = aml->size;

	aml_bytes(aml, room, sizeof(room));
	return mark;
}

/* The length counts its own bytes: 4 bits in the first, 16 in the others. */
void aml_end(struct aml *aml, size_t mark)
{
	size_t length = aml->size - mark;

	if (aml->overflow)
		return;
	aml->data[mark] = (uint8_t)(0x80 | (length & 0xf));
	aml->data[mark + 1] = (uint8_t)(length >> 4);
	aml->data[mark + 2] = (uint8_t)(length >> 12);
}

static void name_string(struct aml *aml, const char *name)
{
	aml_bytes(aml, name, strlen(name));
}

size_t aml_begin_scope(struct aml *aml, const char *path)
{
	size_t mark;

	aml_byte(aml, OP_SCOPE);
	mark = begin_length(aml);
	name_string(aml, path);
	return mark;
}

size_t aml_begin_device(struct aml *aml, const char *name)
{
	size_t mark;

	aml_byte(aml, OP_EXTENDED);
	aml_byte(aml, OP_DEVICE);
	mark = begin_length(aml);
	name_string(aml, name);
	return mark;
}

size_t aml_begin_package(struct aml *aml, uint8_t count)
{
	size_t mark;

	aml_byte(aml, OP_PACKAGE);
	mark = begin_length(aml);
	aml_byte(aml, count);
	return mark;
}

size_t aml_begin_method(struct aml *aml, const char *name, uint8_t arguments)
{
	size_t mark;

	aml_byte(aml, OP_METHOD);
	mark = begin_length(aml);
	name_string(aml, name);
	aml_byte(aml, arguments); /* not serialized */
	return mark;
}

size_t aml_begin_if(struct aml *aml, const char *name)
{
	size_t mark;

	aml_byte(aml, OP_IF);
	mark = begin_length(aml);
	name_string(aml, name);
	return mark;
}

void aml_return(struct aml *aml, const char *name)
{
	aml_byte(aml, OP_RETURN);
	name_string(aml, name);
}

void aml_store_argument(struct aml *aml, const char *name)
{
	aml_byte(aml, OP_STORE);
	aml_byte(aml, OP_ARG0);
	name_string(aml, name);
}

/* ---- names ---- */

void aml_name(struct aml *aml, const char *name)
{
	aml_byte(aml, OP_NAME);
	name_string(aml, name);
}

void aml_name_integer(struct aml *aml, const char *name, uint64_t value)
{
	aml_name(aml, name);
	aml_integer(aml, value);
}

static unsigned int hex_digit(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Three letters of 5 bits and four hex digits, most significant byte first. */
void aml_name_eisa(struct aml *aml, const char *name, const char *id)
{
	uint32_t value = 0;

	for (int i = 0; i < 3; i++)
		value = value << 5 | (uint32_t)(id[i] - '@');
	for (int i = 3; i < 7; i++)
		value = value << 4 | hex_digit(id[i]);
	aml_name(aml, name);
	aml_byte(aml, OP_DWORD);
	dword(aml, __builtin_bswap32(value));
}

/* ---- resources (ACPI specification, "Resource Data Types for ACPI") ---- */

struct aml_resources aml_begin_resources(struct aml *aml)
{
	struct aml_resources resources;

	aml_name(aml, "_CRS");
	aml_byte(aml, OP_BUFFER);
	resources.mark = begin_length(aml);
	aml_byte(aml, OP_WORD);
	word(aml, 0);
	resources.start = aml->size;
	return resources;
}

void aml_end_resources(struct aml *aml, struct aml_resources resources)
{
	uint16_t size;

	word(aml, 0x0079); /* end tag, no checksum */
	if (aml->overflow)
		return;
	size = (uint16_t)(aml->size - resources.start);
	memcpy(aml->data + resources.start - 2, &size, sizeof(size));
	aml_end(aml, resources.mark);
}

#define WINDOW_MEMORY	0
#define WINDOW_IO	1
#define WINDOW_BUS	2
#define WINDOW_FIXED	0x0c	/* both ends are fixed; positive decoding */

static void window_head(struct aml *aml, uint8_t tag, uint16_t length, uint8_t type,
			uint8_t type_flags)
{
	aml_byte(aml, tag);
	word(aml, length);
	aml_byte(aml, type);
	aml_byte(aml, WINDOW_FIXED);
	aml_byte(aml, type_flags);
}

static void word_window(struct aml *aml, uint8_t type, uint8_t flags, uint16_t first,
			uint16_t last)
{
	window_head(aml, 0x88, 13, type, flags);
	word(aml, 0);		/* granularity */
	word(aml, first);
	word(aml, last);
	word(aml, 0);		/* translation */
	word(aml, (uint16_t)(last - first + 1));
}

void aml_bus_range(struct aml *aml, uint16_t first, uint16_t last)
{
	word_window(aml, WINDOW_BUS, 0, first, last);
}

void aml_io_window(struct aml *aml, uint16_t base, uint16_t size)
{
	word_window(aml, WINDOW_IO, 3, base, (uint16_t)(base + size - 1));
}

void aml_memory_window(struct aml *aml, uint64_t base, uint64_t size)
{
	window_head(aml, 0x8a, 43, WINDOW_MEMORY, 1 /* read/write, not cacheable */);
	qword(aml, 0);
	qword(aml, base);
	qword(aml, base + size - 1);
	qword(aml, 0);
	qword(aml, size);
}

void aml_fixed_memory(struct aml *aml, uint32_t base, uint32_t size)
{
	aml_byte(aml, 0x86);
	word(aml, 9);
	aml_byte(aml, 1);	/* read/write */
	dword(aml, base);
	dword(aml, size);
}

void aml_io_ports(struct aml *aml, uint16_t base, uint8_t count)
{
	aml_byte(aml, 0x47);
	aml_byte(aml, 1);	/* 16-bit decoding */
	word(aml, base);
	word(aml, base);
	aml_byte(aml, 1);	/* alignment */
	aml_byte(aml, count);
}

void aml_interrupt(struct aml *aml, uint32_t gsi)
{
	aml_byte(aml, 0x89);
	word(aml, 6);
	aml_byte(aml, 0x03);	/* consumer, edge, active high, exclusive */
	aml_byte(aml, 1);
	dword(aml, gsi);
}
