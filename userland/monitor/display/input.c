// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See input.h.
 */
#include "display/input.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_MS 2000u	/* without any room: then they go to the keyboard in any case */

struct input {
	pthread_mutex_t lock;
	struct input_sink sink;		/* lock; all NULL: none */
};

struct input *input_create(void)
{
	struct input *input = calloc(1, sizeof(*input));

	if (input)
		pthread_mutex_init(&input->lock, NULL);
	return input;
}

void input_destroy(struct input *input)
{
	if (!input)
		return;
	pthread_mutex_destroy(&input->lock);
	free(input);
}

void input_set_sink(struct input *input, const struct input_sink *sink)
{
	pthread_mutex_lock(&input->lock);
	input->sink = sink ? *sink : (struct input_sink){ 0 };
	pthread_mutex_unlock(&input->lock);
}

void input_key(struct input *input, uint16_t evdev, bool down)
{
	pthread_mutex_lock(&input->lock);
	if (input->sink.key)
		input->sink.key(input->sink.ctx, evdev, down);
	pthread_mutex_unlock(&input->lock);
}

void input_pointer(struct input *input, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
		   uint8_t buttons)
{
	pthread_mutex_lock(&input->lock);
	if (input->sink.pointer)
		input->sink.pointer(input->sink.ctx, x, y, w, h, buttons);
	pthread_mutex_unlock(&input->lock);
}

unsigned int input_room(struct input *input)
{
	unsigned int room = UINT_MAX;

	pthread_mutex_lock(&input->lock);
	if (input->sink.room)
		room = input->sink.room(input->sink.ctx);
	pthread_mutex_unlock(&input->lock);
	return room;
}

/* ---- one who gives input ---- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void send_first(struct input_user *user)
{
	uint16_t key = user->waiting[user->first].key;
	bool down = user->waiting[user->first].down;
	uint64_t bit = 1ull << (key % 64), *held = &user->held[key / 64];

	*held = down ? *held | bit : *held & ~bit;
	user->first = (user->first + 1) % INPUT_WAITING_MAX;
	user->count--;
	user->moved_ms = now_ms();
	input_key(user->input, key, down);
}

bool input_user_send(struct input_user *user)
{
	bool stuck = now_ms() - user->moved_ms >= WAIT_MS;

	while (user->count && (stuck || input_room(user->input)))
		send_first(user);
	return user->count;
}

void input_user_key(struct input_user *user, uint16_t evdev, bool down)
{
	unsigned int at;

	if (evdev >= INPUT_KEYS)
		return;
	if (!user->count)
		user->moved_ms = now_ms();
	if (user->count == INPUT_WAITING_MAX)
		send_first(user);
	at = (user->first + user->count++) % INPUT_WAITING_MAX;
	user->waiting[at].key = evdev;
	user->waiting[at].down = down;
	input_user_send(user);
}

void input_user_pointer(struct input_user *user, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
			uint8_t buttons)
{
	user->x = x < w ? x : w - 1;
	user->y = y < h ? y : h - 1;
	user->w = w;
	user->h = h;
	user->buttons = buttons;
	input_pointer(user->input, user->x, user->y, w, h, buttons);
}

void input_user_leave(struct input_user *user)
{
	while (user->count)
		send_first(user);
	for (unsigned int key = 0; key < INPUT_KEYS; key++)
		if (user->held[key / 64] >> (key % 64) & 1)
			input_key(user->input, (uint16_t)key, false);
	memset(user->held, 0, sizeof(user->held));
	if (user->buttons)
		input_user_pointer(user, user->x, user->y, user->w, user->h, 0);
}
