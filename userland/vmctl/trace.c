// SPDX-License-Identifier: GPL-2.0-or-later
/* See trace.h. */
#include "trace.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "printable.h"

static bool enabled;

void trace_enable(void)
{
	enabled = true;
}

/* What stands between the quotes of a member becomes stars. */
static void hide(char *text, const char *member)
{
	char *at = text;

	while ((at = strstr(at, member))) {
		for (at += strlen(member); *at && *at != '"'; at++) {
			if (*at == '\\' && at[1])
				*at++ = '*';
			*at = '*';
		}
	}
}

void trace_message(char direction, const char *text, size_t length)
{
	char *line = enabled ? malloc(length + 1) : NULL;

	if (!line)
		return;
	memcpy(line, text, length);
	line[length] = '\0';
	line[strcspn(line, "\n")] = '\0';
	hide(line, "\"password\":\"");
	hide(line, "\"user_data\":\""); /* which may have passwords and keys in it */
	make_printable(line);
	fprintf(stderr, "vmctl: %c %s\n", direction, line);
	free(line);
}
