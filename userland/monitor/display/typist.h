/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types into the machine at a speed that guests can follow: a BIOS keeps 15 keys, a
 * keyboard as many bytes. One job at a time. All on the event loop's thread.
 */
#ifndef BATON_DISPLAY_TYPIST_H
#define BATON_DISPLAY_TYPIST_H

#include <stddef.h>
#include <stdint.h>

#include "display/keymap.h"

struct input;
struct loop;
struct typist;

#define TYPIST_TEXT_MAX 4096u		/* bytes */
#define TYPIST_DELAY_MAX_MS 10000u

/* The last key has been let go: called once for each job that is not cancelled. */
typedef void (*typist_done_fn)(void *ctx);

struct typist *typist_create(struct loop *loop, struct input *input);	/* NULL: no memory */
void typist_destroy(struct typist *typist);	/* NULL is fine */

/* Presses all keys of the chord, waits, lets them go. -EBUSY: a job is not done yet. */
int typist_chord(struct typist *typist, const struct key_chord *chord, unsigned int hold_ms,
		 typist_done_fn done, void *ctx);
/*
 * Types UTF-8 text, a character each delay_ms. -EBUSY as above; -EILSEQ: no UTF-8;
 * -E2BIG: longer than TYPIST_TEXT_MAX; -ENOENT: the US layout does not have the
 * character at text + *ret_at. Nothing is typed then.
 */
int typist_text(struct typist *typist, const char *text, unsigned int delay_ms,
		typist_done_fn done, void *ctx, size_t *ret_at);
/* Lets go what is pressed and forgets the rest of the job. */
void typist_cancel(struct typist *typist);

#endif
