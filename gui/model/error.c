// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Errors as people get to see them. See error.h.
 */
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#include "model/error.h"
#include "text.h"

typedef struct {
	char *cause, *fix;
} BatonErrorPrivate;

static void baton_error_private_init(BatonErrorPrivate *private)
{
	private->cause = private->fix = NULL;
}

static void baton_error_private_copy(const BatonErrorPrivate *from, BatonErrorPrivate *to)
{
	to->cause = g_strdup(from->cause);
	to->fix = g_strdup(from->fix);
}

static void baton_error_private_clear(BatonErrorPrivate *private)
{
	g_free(private->cause);
	g_free(private->fix);
}

G_DEFINE_EXTENDED_ERROR(BatonError, baton_error)

GError *baton_error_new(enum btn_code code, const char *sentence, const char *cause,
			const char *fix)
{
	const struct btn_row *row = btn_lookup(code);
	const char *title = row ? row->title : _("something went wrong");
	g_autofree char *message = g_utf8_make_valid(sentence ? sentence : title, -1);
	GError *error = g_error_new_literal(BATON_ERROR, code, message);
	BatonErrorPrivate *private = baton_error_get_private(error);

	/* A libvirt's text is what the other side has sent. */
	private->cause = g_utf8_make_valid(cause ? cause : row ? row->cause : "", -1);
	private->fix = g_utf8_make_valid(fix ? fix : row ? row->fix : "", -1);
	return error;
}

GError *baton_error_from_node(const struct json_node *object)
{
	const char *code = NULL, *message = NULL, *cause = NULL, *fix = NULL;
	int number = 0;

	json_get_string(object, "message", &message);
	json_get_string(object, "cause", &cause);
	json_get_string(object, "fix", &fix);
	if (json_get_string(object, "code", &code) && g_str_has_prefix(code, "BTN-"))
		number = atoi(code + strlen("BTN-"));
	return baton_error_new((enum btn_code)number, message, cause ? cause : "", fix ? fix : "");
}

GError *baton_error_explain(GError *error, const char *sentence, const char *fix)
{
	GError *ours;

	if (error->domain == BATON_ERROR)
		return error;
	ours = error->domain == G_IO_ERROR && error->code == G_IO_ERROR_CANCELLED ?
	       baton_error_new(BTN_JOB_CANCELLED, sentence, NULL, "") :
	       baton_error_new(BTN_OK, sentence, error->message, fix ? fix : "");
	g_error_free(error);
	return ours;
}

const char *baton_error_cause(const GError *error)
{
	BatonErrorPrivate *private = error->domain == BATON_ERROR ?
				     baton_error_get_private(error) : NULL;

	return private && private->cause ? private->cause : "";
}

const char *baton_error_fix(const GError *error)
{
	BatonErrorPrivate *private = error->domain == BATON_ERROR ?
				     baton_error_get_private(error) : NULL;

	return private && private->fix ? private->fix : "";
}

char *baton_error_code_text(const GError *error)
{
	if (error->domain == BATON_ERROR && error->code)
		return g_strdup_printf("BTN-%04d", error->code);
	return g_strdup(_("no code"));
}

char *baton_error_report(const GError *error)
{
	g_autofree char *code = baton_error_code_text(error);
	GString *text = g_string_new(error->message);

	g_string_append_printf(text, " (%s)\n", code);
	if (*baton_error_cause(error))
		g_string_append_printf(text, "cause: %s\n", baton_error_cause(error));
	if (*baton_error_fix(error))
		g_string_append_printf(text, "fix: %s\n", baton_error_fix(error));
	return g_string_free(text, FALSE);
}
