/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command line, taken apart by a verb's table.
 */
#ifndef BATON_VMCTL_OPTIONS_H
#define BATON_VMCTL_OPTIONS_H

#include <stdint.h>

#include "verb.h"

#define ARGS_MAX 1024	/* names behind a verb */
#define OPTIONS_MAX 64

struct args {
	const struct verb *verb;
	const char *positional[ARGS_MAX];
	size_t positional_count;
	struct {
		const struct option_row *row;
		const char *value;	/* "" for an option without value */
	} options[OPTIONS_MAX];
	size_t option_count;
	int64_t timeout_from;	/* ms; job_share_timeout(). 0: of each wait by itself */
	bool help;	/* --help or -h */
	bool verbose;	/* --verbose: trace.h */
};

/*
 * Takes apart what follows the verb. "--name VALUE" and "--name=VALUE" are the
 * same; "--" ends the options. The strings of argv are used, not copied.
 * False: *e says why, and *ret_args has what could be understood.
 */
bool args_parse(const struct verb *verb, int argc, char *const *argv, struct args *ret_args,
		struct btn_error *e);

/* The last value given for the option, or NULL if it was not given. */
const char *args_get(const struct args *args, const char *name);
bool args_has(const struct args *args, const char *name);
/* Values of a repeated option in order: start with *pos = 0; NULL at the end. */
const char *args_next(const struct args *args, const char *name, size_t *pos);

/* --name SECONDS, also 90s, 2m, 1h. *ret_s stays if it is not given. */
bool args_seconds(const struct args *args, const char *name, long *ret_s, struct btn_error *e);

/* --format table (default) or json. */
bool args_format(const struct args *args, bool *ret_json, struct btn_error *e);

#endif
