// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See typist.h. A job is a list of chords; each turn of the timer presses one or lets
 * it go, or waits until the keyboard has taken them.
 */
#include "display/typist.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/loop.h"
#include "display/input.h"

#define NS_PER_MS 1000000ull

struct typist {
	struct input_user user;
	struct loop_timer *timer;
	struct key_chord *chord;	/* of the job; NULL: there is none */
	unsigned int count, next;	/* chords; the one to come or pressed now */
	bool pressed;
	unsigned int hold_ms, gap_ms;
	typist_done_fn done;
	void *ctx;
};

/* ---- a job's turns ---- */

static void press(struct typist *t)
{
	const struct key_chord *chord = &t->chord[t->next];

	for (unsigned int i = 0; i < chord->count; i++)
		input_user_key(&t->user, chord->key[i], true);
	t->pressed = true;
}

static void let_go(struct typist *t)
{
	const struct key_chord *chord = &t->chord[t->next++];

	for (unsigned int i = chord->count; i-- > 0;)
		input_user_key(&t->user, chord->key[i], false);
	t->pressed = false;
}

static void end_job(struct typist *t)
{
	free(t->chord);
	t->chord = NULL;
}

static void on_timer(void *ctx)
{
	struct typist *t = ctx;

	if (!t->chord) /* cancelled */
		return;
	if (input_user_send(&t->user)) {
		loop_timer_arm(t->timer, INPUT_TICK_MS * NS_PER_MS);
	} else if (t->next == t->count) {
		end_job(t);
		t->done(t->ctx);
	} else if (!t->pressed) {
		press(t);
		loop_timer_arm(t->timer, t->hold_ms * NS_PER_MS);
	} else {
		let_go(t);
		loop_timer_arm(t->timer, t->next < t->count ? t->gap_ms * NS_PER_MS : 0);
	}
}

static int start(struct typist *t, struct key_chord *chord, unsigned int count)
{
	t->chord = chord;
	t->count = count;
	t->next = 0;
	t->pressed = false;
	loop_timer_arm(t->timer, 0);
	return 0;
}

int typist_chord(struct typist *t, const struct key_chord *chord, unsigned int hold_ms,
		 typist_done_fn done, void *ctx)
{
	struct key_chord *copy;

	if (t->chord)
		return -EBUSY;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *chord;
	t->hold_ms = hold_ms;
	t->gap_ms = 0;
	t->done = done;
	t->ctx = ctx;
	return start(t, copy, 1);
}

/* ---- text ---- */

/* RFC 3629. The bytes of the character at s; 0: it is none. */
static unsigned int decode(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int length = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 :
			      *s >> 3 == 30 ? 4 : 0;

	if (!length)
		return 0;
	*ret = length == 1 ? *s : *s & (0x7fu >> length);
	for (unsigned int i = 1; i < length; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		*ret = *ret << 6 | (s[i] & 0x3f);
	}
	return *ret < least[length] || *ret > 0x10ffff ? 0 : length;
}

static int to_chords(const char *text, struct key_chord *chord, unsigned int *ret_count,
		     size_t *ret_at)
{
	unsigned int count = 0;

	for (size_t at = 0; text[at];) {
		uint32_t character;
		unsigned int bytes = decode((const unsigned char *)text + at, &character);

		*ret_at = at;
		if (!bytes)
			return -EILSEQ;
		if (keymap_character(character, &chord[count++]))
			return -ENOENT;
		at += bytes;
	}
	*ret_count = count;
	return 0;
}

int typist_text(struct typist *t, const char *text, unsigned int delay_ms,
		typist_done_fn done, void *ctx, size_t *ret_at)
{
	size_t length = strlen(text);
	struct key_chord *chord;
	unsigned int count;
	int error;

	*ret_at = 0;
	if (t->chord)
		return -EBUSY;
	if (length > TYPIST_TEXT_MAX)
		return -E2BIG;
	chord = calloc(length + 1, sizeof(*chord)); /* an empty text: one chord of no keys */
	if (!chord)
		return -ENOMEM;
	error = to_chords(text, chord, &count, ret_at);
	if (error) {
		free(chord);
		return error;
	}
	t->hold_ms = delay_ms / 2;
	t->gap_ms = delay_ms - t->hold_ms;
	t->done = done;
	t->ctx = ctx;
	return start(t, chord, count ? count : 1);
}

void typist_cancel(struct typist *t)
{
	if (!t->chord)
		return;
	input_user_leave(&t->user);
	end_job(t);
}

struct typist *typist_create(struct loop *loop, struct input *input)
{
	struct typist *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->user.input = input;
	t->timer = loop_timer_create(loop, on_timer, t);
	if (!t->timer) {
		free(t);
		return NULL;
	}
	return t;
}

void typist_destroy(struct typist *t)
{
	if (!t)
		return;
	typist_cancel(t);
	loop_timer_destroy(t->timer);
	free(t);
}
