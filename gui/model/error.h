/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors as people get to see them: a GError whose message is the sentence, with cause
 * and fix beside it, and as its code the number of userland/lib/errors.h (0: none).
 * Whatever comes from a library is put into this form before anybody shows it.
 */
#ifndef BATON_GUI_ERROR_H
#define BATON_GUI_ERROR_H

#include <glib.h>

#include "lib/errors.h"
#include "lib/json_read.h"

#define BATON_ERROR (baton_error_quark())
GQuark baton_error_quark(void);

/* cause and fix NULL: the code's own. */
GError *baton_error_new(enum btn_code code, const char *sentence, const char *cause,
			const char *fix);
/* Of an answer's or an object's members code, message, cause, fix. */
GError *baton_error_from_node(const struct json_node *object);
/*
 * Takes an error of any library; the same one if it has the right form already, else
 * its text becomes the cause of `sentence`.
 */
GError *baton_error_explain(GError *error, const char *sentence, const char *fix);

const char *baton_error_cause(const GError *error);	/* never NULL */
const char *baton_error_fix(const GError *error);	/* never NULL; may be "" */
char *baton_error_code_text(const GError *error);	/* "BTN-6101"; g_free() */
/* All of it, for a clipboard; g_free(). */
char *baton_error_report(const GError *error);

#endif
