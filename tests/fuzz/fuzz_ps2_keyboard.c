// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keyboard and a host that reads when it likes and asks something now and then: of what
 * it sees, no key is left down once all were let go, codes come whole, and answers are not
 * mixed with keys.
 */
#include "fuzz.h"

#include "dev/ps2_keyboard.h"

#define BYTES_MAX (256 * 6)

/* What the host knows of set 2; print screen's shift is the only one without a key. */
struct host {
	bool down[512];		/* by code, extended ones behind */
	bool released;
	uint16_t extended, skip;
	unsigned int bytes;
};

static void take(struct host *host, uint8_t byte)
{
	host->bytes++;
	if (host->skip) {
		host->skip--;	/* of pause */
	} else if (byte == 0xe1) {
		host->skip = 7;
	} else if (byte == 0xe0) {
		FUZZ_CHECK(!host->extended && !host->released);
		host->extended = 256;
	} else if (byte == 0xf0) {
		FUZZ_CHECK(!host->released);
		host->released = true;
	} else {
		FUZZ_CHECK(byte && byte < 0x85);
		host->down[host->extended + byte] = !host->released;
		host->extended = 0;
		host->released = false;
	}
}

/* True: there was one. The host may not have taken it. */
static bool read_one(struct ps2_keyboard *k, struct host *host, bool unread)
{
	uint8_t byte;
	enum ps2_byte kind = ps2_keyboard_read(k, &byte);

	FUZZ_CHECK(kind == PS2_NONE || kind == PS2_KEY);
	if (kind == PS2_NONE)
		return false;
	if (unread)
		ps2_keyboard_unread(k, 1);
	else
		take(host, byte);
	return true;
}

/* Commands that leave keys alone, with the whole answer. */
static void ask(struct ps2_keyboard *k, uint8_t which)
{
	static const uint8_t question[][2] = {
		{ 0xee, 0 }, { 0xf2, 0 }, { 0xf4, 0 }, { 0xed, 7 }, { 0xf3, 1 }, { 0x12, 0 },
	};
	const uint8_t *q = question[which % 6];
	uint8_t byte;

	for (unsigned int i = 0; i < 1u + !!q[1]; i++) {
		ps2_keyboard_write(k, q[i]);
		FUZZ_CHECK(ps2_keyboard_read(k, &byte) == PS2_REPLY);
		FUZZ_CHECK(byte == (q[i] == 0xee ? 0xee : q[i] == 0x12 ? 0xfe : 0xfa));
		if (q[i] != 0xf2)
			continue;
		FUZZ_CHECK(ps2_keyboard_read(k, &byte) == PS2_REPLY && byte == 0xab);
		FUZZ_CHECK(ps2_keyboard_read(k, &byte) == PS2_REPLY && byte == 0x83);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct ps2_keyboard k;
	struct host host = {};

	ps2_keyboard_reset(&k);
	while (f.left) {
		uint8_t what = fuzz_u8(&f), arg = fuzz_u8(&f);

		if (what & 2)
			ps2_keyboard_key(&k, arg, what & 1);
		else if (what & 4)
			ask(&k, arg);
		else
			read_one(&k, &host, what & 8);
		FUZZ_CHECK(k.used <= PS2_KEYBOARD_BUFFER);
	}
	for (uint16_t key = 0; key < 512; key++)
		ps2_keyboard_key(&k, key, false);
	host.bytes = 0;
	while (read_one(&k, &host, false))
		FUZZ_CHECK(host.bytes < BYTES_MAX);
	FUZZ_CHECK(!host.skip && !host.extended && !host.released);
	for (unsigned int code = 0; code < 512; code++)
		FUZZ_CHECK(!host.down[code]);
	return 0;
}
