// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The escape character of the console. See escape.h.
 */
#include "escape.h"

#define CONTROL_Z 0x1a

const char escape_help[] =
	"Escapes, at the start of a line (press Enter first):\n"
	"  ~.   leave: the VM is ended\n"
	"  ~^Z  suspend: the VM stands still until \"fg\"\n"
	"  ~~   send one ~\n"
	"  ~?   this help\n";

static enum escape_state state_after(uint8_t byte)
{
	return byte == '\r' || byte == '\n' ? ESCAPE_LINE_START : ESCAPE_IN_LINE;
}

static enum escape_action action_of(uint8_t byte)
{
	switch (byte) {
	case '.':
		return ESCAPE_LEAVE;
	case CONTROL_Z:
		return ESCAPE_SUSPEND;
	case '?':
		return ESCAPE_HELP;
	default:
		return ESCAPE_NONE;
	}
}

enum escape_action escape_feed(struct escape *escape, uint8_t byte, uint8_t out[2],
			       size_t *ret_count)
{
	enum escape_state state = escape->state;
	enum escape_action action;

	*ret_count = 0;
	if (state == ESCAPE_LINE_START && byte == '~') {
		escape->state = ESCAPE_TILDE;
		return ESCAPE_NONE;
	}
	if (state == ESCAPE_TILDE) {
		action = action_of(byte);
		if (action != ESCAPE_NONE) {
			escape->state = ESCAPE_LINE_START;
			return action;
		}
		out[(*ret_count)++] = '~';
		if (byte == '~') {
			escape->state = ESCAPE_IN_LINE;
			return ESCAPE_NONE;
		}
	}
	out[(*ret_count)++] = byte;
	escape->state = state_after(byte);
	return ESCAPE_NONE;
}
