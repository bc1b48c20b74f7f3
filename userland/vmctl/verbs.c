// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All commands of vmctl: the families in order, and finding one by name.
 */
#include "verb.h"

#include <stdio.h>
#include <string.h>

#include "options.h"
#include "suggest.h"

#define WORDS_MAX 3

const struct verb_family verb_families[] = {
	{ "From image to VM", vm_verbs },
	{ "On, off and away", life_verbs },
	{ "Console, screen and keys", screen_verbs },
	{ "Watching", watch_verbs },
	{ "Images", store_verbs },
	{ "Networks", net_verbs },
	{ "Without the daemon", direct_verbs },
	{ "About", about_verbs },
	{ NULL, NULL },
};

const struct verb *verb_next(const struct verb *verb)
{
	const struct verb_family *family = verb_families;

	if (verb && verb[1].name)
		return verb + 1;
	while (verb && family->title) {
		const struct verb *last = family->verbs;

		while (last[1].name)
			last++;
		family++;
		if (last == verb)
			break;
	}
	return family->title ? family->verbs : NULL;
}

static const struct verb *find_exactly(const char *name)
{
	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb)) {
		if (!strcmp(verb->name, name) || (verb->alias && !strcmp(verb->alias, name)))
			return verb;
	}
	return NULL;
}

/* "image": there are only longer ones. */
static bool is_start(const char *name, char *ret_words, size_t size)
{
	size_t length = strlen(name), used = 0;

	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb)) {
		if (strncmp(verb->name, name, length) || verb->name[length] != ' ' ||
		    used >= size)
			continue;
		used += (size_t)snprintf(ret_words + used, size - used, "%s%s",
					 used ? ", " : "", verb->name + length + 1);
	}
	return used;
}

static void set_unknown(const char *name, struct btn_error *e)
{
	const char *names[ARGS_MAX], *meant;
	char rest[256];
	size_t count = 0;

	if (is_start(name, rest, sizeof(rest))) {
		btn_set(e, BTN_MISSING_ARGUMENT, "\"%s\" needs one word more", name);
		btn_set_cause(e, "It is followed by one of: %s.", rest);
		btn_set_fix(e, "Run \"vmctl help\" for the list of commands.");
		return;
	}
	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb))
		if (count < ARGS_MAX)
			names[count++] = verb->name;
	meant = suggest(name, names, count);
	btn_set(e, BTN_UNKNOWN_VERB, "there is no command \"%s\"", name);
	if (meant)
		btn_set_fix(e, "Did you mean \"vmctl %s\"?", meant);
}

const struct verb *verb_find(const char *name, struct btn_error *e)
{
	const struct verb *verb = find_exactly(name);

	if (!verb)
		set_unknown(name, e);
	return verb;
}

const struct verb *verb_find_words(char *const *words, size_t count, size_t *ret_used,
				   struct btn_error *e)
{
	char name[128], rest[8];
	size_t used = 0;

	name[0] = '\0';
	for (*ret_used = 1; *ret_used <= count && *ret_used <= WORDS_MAX; (*ret_used)++) {
		const struct verb *verb;

		/* "net --help": "net" is what lacks a word. */
		if (used && words[*ret_used - 1][0] == '-')
			break;
		used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%s",
					 used ? " " : "", words[*ret_used - 1]);
		if (used >= sizeof(name))
			break;
		verb = find_exactly(name);
		if (verb)
			return verb;
		/* Go on only where a longer name can come. */
		if (!is_start(name, rest, sizeof(rest)))
			break;
	}
	set_unknown(name, e);
	return NULL;
}
