// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See ps2_mouse.h. IBM PS/2 Technical Reference, "Mouse"; Microsoft's extensions for wheel
 * and five buttons as every driver knows them.
 *
 * A byte from the host ends the answer to the last one and what was left of a packet; the
 * motion of that packet is lost, as on a real mouse, but its buttons are sent again.
 */
#include "dev/ps2_mouse.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ACK		0xfau
#define BAT_OK		0xaau
#define RESEND		0xfeu
#define ERROR		0xfcu

#define SCALING_1	0xe6u
#define SCALING_2	0xe7u
#define SET_RESOLUTION	0xe8u
#define STATUS		0xe9u
#define STREAM		0xeau
#define READ_DATA	0xebu
#define RESET_WRAP	0xecu
#define SET_WRAP	0xeeu
#define REMOTE		0xf0u
#define IDENTIFY	0xf2u
#define SET_RATE	0xf3u
#define ENABLE		0xf4u
#define DISABLE		0xf5u
#define SET_DEFAULTS	0xf6u
#define RESET		0xffu

#define ID_WHEEL	3u
#define ID_FIVE_BUTTONS	4u

#define PACKET_ALWAYS	0x08u
#define PACKET_X_SIGN	0x10u
#define PACKET_Y_SIGN	0x20u

#define MOTION_MAX	65535
#define BUTTONS		0x1fu
#define UNKNOWN		0xffu	/* what the host knows of buttons */

const struct state_field ps2_mouse_fields[] = {
	STATE_ARRAY(struct ps2_mouse, x), STATE_ARRAY(struct ps2_mouse, y),
	STATE_ARRAY(struct ps2_mouse, wheel), STATE_ARRAY(struct ps2_mouse, buttons),
	STATE_FIELD(struct ps2_mouse, first), STATE_FIELD(struct ps2_mouse, steps),
	STATE_FIELD(struct ps2_mouse, pressed), STATE_FIELD(struct ps2_mouse, reported),
	STATE_ARRAY(struct ps2_mouse, reply), STATE_FIELD(struct ps2_mouse, replies),
	STATE_FIELD(struct ps2_mouse, reply_at), STATE_ARRAY(struct ps2_mouse, packet),
	STATE_FIELD(struct ps2_mouse, packet_size), STATE_FIELD(struct ps2_mouse, packet_at),
	STATE_ARRAY(struct ps2_mouse, resend), STATE_FIELD(struct ps2_mouse, resend_size),
	STATE_FIELD(struct ps2_mouse, command), STATE_FIELD(struct ps2_mouse, enabled),
	STATE_FIELD(struct ps2_mouse, remote), STATE_FIELD(struct ps2_mouse, wrap),
	STATE_FIELD(struct ps2_mouse, scaling), STATE_FIELD(struct ps2_mouse, resolution),
	STATE_FIELD(struct ps2_mouse, rate), STATE_FIELD(struct ps2_mouse, id),
	STATE_ARRAY(struct ps2_mouse, knock), STATE_FIELD(struct ps2_mouse, refused),
};
const size_t ps2_mouse_field_count = COUNT(ps2_mouse_fields);

static int32_t limit(int64_t value, int32_t most)
{
	return value > most ? most : value < -most ? -most : (int32_t)value;
}

/* ---- motion ---- */

static void add_motion(int32_t *sum, int32_t step)
{
	*sum = limit((int64_t)*sum + step, MOTION_MAX);
}

void ps2_mouse_move(struct ps2_mouse *m, int32_t x, int32_t y, int32_t wheel, uint8_t buttons)
{
	unsigned int at = (m->first + m->steps - 1u) % PS2_MOUSE_STEPS;
	uint8_t before = m->steps ? m->buttons[at] : m->reported;

	m->pressed = buttons & BUTTONS;
	if ((!m->enabled && !m->remote) || (!x && !y && !wheel && m->pressed == before))
		return;
	if (!m->steps || (m->pressed != before && m->steps < PS2_MOUSE_STEPS)) {
		at = (m->first + m->steps++) % PS2_MOUSE_STEPS;
		m->x[at] = m->y[at] = m->wheel[at] = 0;
	}
	add_motion(&m->x[at], x);
	add_motion(&m->y[at], y);
	add_motion(&m->wheel[at], wheel);
	m->buttons[at] = m->pressed;
}

/* ---- packets ---- */

/* What 2:1 scaling makes of a step in stream mode. */
static int32_t scale(int32_t step)
{
	static const uint8_t small[] = { 0, 1, 1, 3, 6, 9 };
	int32_t size = step < 0 ? -step : step;

	size = size < (int32_t)COUNT(small) ? small[size] : 2 * size;
	return step < 0 ? -size : size;
}

/* In so many packets a distance goes, all of them in the same direction. */
static int32_t packets_for(const struct ps2_mouse *m, unsigned int at, int32_t most)
{
	int32_t x = m->x[at] < 0 ? -m->x[at] : m->x[at];
	int32_t y = m->y[at] < 0 ? -m->y[at] : m->y[at];
	int32_t farther = x > y ? x : y;

	return farther ? (farther + most - 1) / most : 1;
}

static void fill_packet(struct ps2_mouse *m, int32_t x, int32_t y, int32_t wheel, uint8_t buttons)
{
	m->packet[0] = (uint8_t)(PACKET_ALWAYS | (buttons & 7u) | (x < 0 ? PACKET_X_SIGN : 0) |
				 (y < 0 ? PACKET_Y_SIGN : 0));
	m->packet[1] = (uint8_t)x;
	m->packet[2] = (uint8_t)y;
	m->packet[3] = (uint8_t)wheel;
	if (m->id == ID_FIVE_BUTTONS)
		m->packet[3] = (uint8_t)((wheel & 0x0f) | (buttons & 0x18u) << 1);
	m->packet_size = m->id ? 4 : 3;
	m->packet_at = 0;
	m->reported = buttons;
	memcpy(m->resend, m->packet, sizeof(m->packet));
	m->resend_size = m->packet_size;
}

/* Takes its part off the first step, and off the ring what has been used up. */
static void make_packet(struct ps2_mouse *m, bool scaled)
{
	unsigned int at = m->first;
	int32_t count, x, y, wheel;

	if (!m->steps) {
		fill_packet(m, 0, 0, 0, m->pressed);
		return;
	}
	count = packets_for(m, at, scaled ? 127 : 255);
	x = m->x[at] / count;
	y = m->y[at] / count;
	if (!m->id)
		m->wheel[at] = 0;
	wheel = limit(m->wheel[at], m->id == ID_FIVE_BUTTONS ? 7 : 127);
	m->x[at] -= x;
	m->y[at] -= y;
	m->wheel[at] -= wheel;
	fill_packet(m, scaled ? scale(x) : x, scaled ? -scale(y) : -y, wheel, m->buttons[at]);
	if (m->x[at] || m->y[at] || m->wheel[at])
		return;
	m->first = (uint8_t)((at + 1) % PS2_MOUSE_STEPS);
	m->steps--;
}

static bool packet_due(const struct ps2_mouse *m)
{
	return m->enabled && !m->remote && !m->wrap && !m->command && m->steps;
}

bool ps2_mouse_read(struct ps2_mouse *m, uint8_t *ret_byte)
{
	if (m->reply_at < m->replies) {
		*ret_byte = m->reply[m->reply_at++];
		return true;
	}
	if (m->packet_at == m->packet_size) {
		if (!packet_due(m))
			return false;
		make_packet(m, m->scaling);
	}
	*ret_byte = m->packet[m->packet_at++];
	return true;
}

/* The host wants something else: buttons go into a packet of their own, motion is lost. */
static void abort_packet(struct ps2_mouse *m)
{
	if (m->packet_at == m->packet_size)
		return;
	m->packet_at = m->packet_size;
	if (m->steps < PS2_MOUSE_STEPS) {
		m->first = (uint8_t)((m->first + PS2_MOUSE_STEPS - 1) % PS2_MOUSE_STEPS);
		m->steps++;
		m->x[m->first] = m->y[m->first] = m->wheel[m->first] = 0;
		m->buttons[m->first] = m->reported;
	}
	m->reported = UNKNOWN;
}

/* ---- from the host ---- */

static void reply(struct ps2_mouse *m, uint8_t byte)
{
	if (m->replies < sizeof(m->reply))
		m->reply[m->replies++] = byte;
}

static void refuse(struct ps2_mouse *m)
{
	reply(m, m->refused ? ERROR : RESEND);
	m->refused = !m->refused;
}

static void set_defaults(struct ps2_mouse *m)
{
	m->steps = 0;
	m->enabled = m->remote = m->wrap = m->scaling = 0;
	m->resolution = 2;
	m->rate = 100;
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
	memset(m, 0, sizeof(*m));
	set_defaults(m);
}

/* Status byte: the right button is bit 0 there, and the left one bit 2. */
static void reply_status(struct ps2_mouse *m)
{
	uint8_t status = (m->pressed & PS2_MOUSE_RIGHT ? 1 : 0) |
			 (m->pressed & PS2_MOUSE_MIDDLE ? 2 : 0) |
			 (m->pressed & PS2_MOUSE_LEFT ? 4 : 0);

	status |= (m->scaling ? 0x10 : 0) | (m->enabled ? 0x20 : 0) | (m->remote ? 0x40 : 0);
	reply(m, status);
	reply(m, m->resolution);
	reply(m, m->rate);
}

static void reply_data(struct ps2_mouse *m)
{
	make_packet(m, false);
	for (unsigned int i = 0; i < m->packet_size; i++)
		reply(m, m->packet[i]);
	m->packet_at = m->packet_size;
}

static void set_rate(struct ps2_mouse *m, uint8_t rate)
{
	if (rate == 80 && m->knock[0] == 200 && m->knock[1] == 100)
		m->id = ID_WHEEL;
	else if (rate == 80 && m->knock[0] == 200 && m->knock[1] == 200)
		m->id = ID_FIVE_BUTTONS;
	m->knock[0] = m->knock[1];
	m->knock[1] = rate;
	m->rate = rate;
}

static void argument(struct ps2_mouse *m, uint8_t value)
{
	static const uint8_t rates[] = { 10, 20, 40, 60, 80, 100, 200 };
	uint8_t command = m->command;

	m->command = 0;
	if (command == SET_RESOLUTION ? value > 3 : !memchr(rates, value, sizeof(rates))) {
		refuse(m);
		return;
	}
	m->refused = 0;
	reply(m, ACK);
	if (command == SET_RESOLUTION)
		m->resolution = value;
	else
		set_rate(m, value);
}

static void set_mode(struct ps2_mouse *m, uint8_t *field, bool value)
{
	*field = value;
	m->steps = 0;
}

static void reset(struct ps2_mouse *m)
{
	set_defaults(m);
	m->id = m->reported = 0;
	reply(m, BAT_OK);
	reply(m, m->id);
}

static bool command(struct ps2_mouse *m, uint8_t value)
{
	reply(m, ACK);
	switch (value) {
	case SCALING_1:
	case SCALING_2:
		m->scaling = value == SCALING_2;
		break;
	case SET_RESOLUTION:
	case SET_RATE:
		m->command = value;
		break;
	case STATUS:
		reply_status(m);
		break;
	case STREAM:
	case REMOTE:
		set_mode(m, &m->remote, value == REMOTE);
		break;
	case READ_DATA:
		reply_data(m);
		break;
	case SET_WRAP:
	case RESET_WRAP:
		set_mode(m, &m->wrap, value == SET_WRAP);
		break;
	case IDENTIFY:
		reply(m, m->id);
		break;
	case ENABLE:
	case DISABLE:
		set_mode(m, &m->enabled, value == ENABLE);
		break;
	case SET_DEFAULTS:
		set_defaults(m);
		break;
	case RESET:
		reset(m);
		break;
	default:
		return false;
	}
	return true;
}

static void answer(struct ps2_mouse *m, uint8_t value)
{
	if (m->command) {
		argument(m, value);
	} else if (m->wrap && value != RESET_WRAP && value != RESET) {
		reply(m, value);
	} else if (command(m, value)) {
		m->refused = 0;
	} else {
		m->replies = 0;
		refuse(m);
	}
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t value)
{
	m->replies = m->reply_at = 0;
	abort_packet(m);
	if (value == RESEND && !m->command && !m->wrap) {
		m->replies = m->resend_size;
		memcpy(m->reply, m->resend, sizeof(m->reply));
		return;
	}
	answer(m, value);
	m->resend_size = m->replies;
	memcpy(m->resend, m->reply, sizeof(m->resend));
}
