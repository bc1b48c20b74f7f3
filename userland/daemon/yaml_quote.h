/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text as a YAML value that every reader takes back as it was.
 */
#ifndef BATON_DAEMON_YAML_QUOTE_H
#define BATON_DAEMON_YAML_QUOTE_H

#include <glib.h>
#include <stdbool.h>

/*
 * Appends text in double quotes, on one line whatever is in it. False, with
 * nothing appended, if it is not UTF-8: YAML has no other text.
 */
bool yaml_quote(GString *to, const char *text);

#endif
