// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which VMs the arguments mean. See targets.h.
 */
#include "targets.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "node.h"
#include "suggest.h"

#define SUGGEST_MAX 1024
/* Shorter starts of a UUID are more likely a slip. */
#define ID_START_MIN 4

const struct target_kind target_vms = {
	"VM", "VMs", "vm-list", "vms", "uuid", BTN_NO_SUCH_VM,
};
const struct target_kind target_trash = {
	"VM", "VMs in the trash", "trash-list", "items", "id", BTN_NO_SUCH_TRASH,
};
const struct target_kind target_images = {
	"image", "images", "image-list", "images", NULL, BTN_NO_SUCH_IMAGE,
};

static bool is_pattern(const char *word)
{
	return word[strcspn(word, "*?[")];
}

static void mark_pattern(const struct json_node *list, const char *word, bool *chosen)
{
	const struct json_node *child = NULL;

	for (size_t i = 0; (child = json_next(list, child)); i++)
		if (!fnmatch(word, node_string(child, "name"), 0))
			chosen[i] = true;
}

/* Index of the one that `word` starts the id of; -1: none or several. */
static long find_id(const struct json_node *list, const char *id, const char *word)
{
	const struct json_node *child = NULL;
	long found = -1;

	if (!id || strlen(word) < ID_START_MIN)
		return -1;
	for (long i = 0; (child = json_next(list, child)); i++) {
		if (strncasecmp(node_string(child, id), word, strlen(word)))
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

/* Index of the first one called so: the trash may hold several of a name, newest first. */
static long find_name(const struct json_node *list, const char *word,
		      int (*compare)(const char *, const char *))
{
	const struct json_node *child = NULL;

	for (long i = 0; (child = json_next(list, child)); i++)
		if (!compare(node_string(child, "name"), word))
			return i;
	return -1;
}

/* Names of images may differ in their case alone: who writes one exactly means that. */
static bool mark_name(const struct target_kind *kind, const struct json_node *list,
		      const char *word, bool *chosen)
{
	long index = find_name(list, word, strcmp);

	if (index < 0)
		index = find_name(list, word, strcasecmp);
	if (index < 0)
		index = find_id(list, kind->id, word);
	if (index < 0)
		return false;
	chosen[index] = true;
	return true;
}

static void set_missing(const struct target_kind *kind, const struct json_node *list,
			const char *word, struct btn_error *e)
{
	const char *names[SUGGEST_MAX], *meant;
	const struct json_node *child = NULL;
	size_t count = 0;

	while ((child = json_next(list, child)) && count < SUGGEST_MAX)
		names[count++] = node_string(child, "name");
	meant = suggest(word, names, count);
	if (is_pattern(word))
		btn_set(e, kind->missing, "no %s is called like \"%.128s\"", kind->noun, word);
	else
		btn_set(e, kind->missing, kind == &target_trash ? "the trash has no %s \"%.128s\"" :
			"there is no %s \"%.128s\"", kind->noun, word);
	if (meant && !is_pattern(word))
		btn_set_fix(e, "Did you mean \"%.100s\"?", meant);
}

static bool mark_word(const struct target_kind *kind, const struct json_node *list,
		      const char *word, bool *chosen, struct btn_error *e)
{
	bool found = false;

	if (is_pattern(word)) {
		bool *own = calloc(list->count + 1, sizeof(*own));

		if (own)
			mark_pattern(list, word, own);
		for (size_t i = 0; own && i < list->count; i++) {
			chosen[i] |= own[i];
			found |= own[i];
		}
		free(own);
	} else {
		found = mark_name(kind, list, word, chosen);
	}
	if (!found)
		set_missing(kind, list, word, e);
	return found;
}

/* From marks to a list. */
static bool collect(const struct json_node *list, const bool *chosen, struct targets *ret)
{
	const struct json_node *child = NULL;

	ret->node = calloc(list->count + 1, sizeof(const struct json_node *));
	if (!ret->node)
		return false;
	for (size_t i = 0; (child = json_next(list, child)); i++)
		if (chosen[i])
			ret->node[ret->count++] = child;
	return true;
}

static bool find_words(struct daemon *d, const struct target_kind *kind,
		       const char *const *words, size_t count, bool all, struct targets *ret,
		       struct btn_error *e)
{
	const struct json_node *list;
	bool *chosen, ok = true;

	*ret = (struct targets){ .all = REPLY_NONE };
	if (!daemon_get(d, kind->op, &ret->all, e))
		return false;
	list = json_member(ret->all.node, kind->list);
	chosen = list && list->type == JSON_ARRAY ? calloc(list->count + 1, 1) : NULL;
	if (!chosen) {
		btn_set(e, BTN_NO_DAEMON, "the daemon's answer has no list \"%s\"", kind->list);
		ok = false;
	}
	for (size_t i = 0; ok && all && i < list->count; i++)
		chosen[i] = true;
	for (size_t i = 0; ok && i < count; i++)
		ok = mark_word(kind, list, words[i], chosen, e);
	if (ok && !collect(list, chosen, ret)) {
		btn_set_default(e, BTN_NO_MEMORY);
		ok = false;
	}
	free(chosen);
	if (!ok)
		targets_free(ret);
	return ok;
}

bool targets_find(struct daemon *d, const struct target_kind *kind, const struct args *args,
		  size_t skip, struct targets *ret, struct btn_error *e)
{
	size_t count = args->positional_count - skip;
	bool all = args_has(args, "all");

	if (!count && !all) {
		btn_set(e, BTN_MISSING_ARGUMENT, "this does not say which %s is meant", kind->noun);
		btn_set_cause(e, "The command is used as: vmctl %s %s", args->verb->name,
			      args->verb->arguments);
		btn_set_fix(e, "Name one or several; patterns like 'web-*'%s work, too.",
			    kind == &target_images ? "" : " and --all");
		return false;
	}
	return find_words(d, kind, args->positional + skip, count, all, ret, e);
}

bool targets_list(struct daemon *d, const struct target_kind *kind, const struct args *args,
		  struct targets *ret, struct btn_error *e)
{
	size_t count = args->positional_count;

	return find_words(d, kind, args->positional, count, !count, ret, e);
}

bool targets_find_one(struct daemon *d, const struct target_kind *kind, const char *word,
		      struct targets *ret, struct btn_error *e)
{
	if (!find_words(d, kind, &word, 1, false, ret, e))
		return false;
	if (ret->count == 1)
		return true;
	btn_set(e, BTN_BAD_VALUE, "\"%.128s\" means %zu %s, and this takes one", word, ret->count,
		kind->nouns);
	btn_set_fix(e, "Give the full name.");
	targets_free(ret);
	return false;
}

void targets_free(struct targets *t)
{
	reply_free(&t->all);
	free(t->node);
	t->node = NULL;
	t->count = 0;
}
