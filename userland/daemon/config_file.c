// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm.conf: key-file to definition and back. The text is hostile. What is written starts
 * from what was read: only values that have changed are replaced, so comments, unknown
 * keys and people's own ways to write a value stay.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_private.h"
#include "files.h"

#define NAME "vm.conf"
#define MAIN_GROUP "vm"
#define FLAGS (G_KEY_FILE_KEEP_COMMENTS | G_KEY_FILE_KEEP_TRANSLATIONS)

/* Any error of a value, as one of vm.conf. */
static void blame_file(struct btn_error *e)
{
	struct btn_error inner = *e;

	btn_set(e, BTN_VM_CONFIG, NAME ": %s", inner.message);
	btn_set_cause(e, "%s", inner.cause);
	btn_set_fix(e, "%s", inner.fix);
}

static bool file_error(struct btn_error *e, const char *message, const char *cause)
{
	btn_set(e, BTN_VM_CONFIG, NAME ": %s", message);
	if (cause)
		btn_set_cause(e, "%s", cause);
	return false;
}

/* ---- groups ---- */

/* "disk.1.file": group "disk.1", key "file"; "cpus": group "vm". */
static void split(const char *name, char group[CONFIG_KEY_MAX], const char **ret_key)
{
	const char *dot = strrchr(name, '.');

	if (dot)
		g_strlcpy(group, name, MIN((size_t)(dot - name) + 1, CONFIG_KEY_MAX));
	else
		g_strlcpy(group, MAIN_GROUP, CONFIG_KEY_MAX);
	*ret_key = dot ? dot + 1 : name;
}

GKeyFile *config_file_copy(GKeyFile *file)
{
	GKeyFile *copy = g_key_file_new();
	size_t length = 0;
	char *text = file ? g_key_file_to_data(file, &length, NULL) : NULL;

	if (length)
		g_key_file_load_from_data(copy, text, length, FLAGS, NULL);
	g_free(text);
	return copy;
}

static void move_comment(GKeyFile *file, const char *from, const char *to, const char *key)
{
	char *comment = g_key_file_get_comment(file, from, key, NULL);

	if (comment && comment[0])
		g_key_file_set_comment(file, to, key, comment, NULL);
	g_free(comment);
}

static void move_group(GKeyFile *file, const char *from, const char *to)
{
	char **names = g_key_file_get_keys(file, from, NULL, NULL);

	for (char **name = names; name && *name; name++) {
		char *value = g_key_file_get_value(file, from, *name, NULL);

		if (value)
			g_key_file_set_value(file, to, *name, value);
		move_comment(file, from, to, *name);
		g_free(value);
	}
	if (names && *names)
		move_comment(file, from, to, NULL);
	g_strfreev(names);
	g_key_file_remove_group(file, from, NULL);
}

void config_file_remove(GKeyFile *file, const char *word, unsigned int n, unsigned int count)
{
	char from[CONFIG_KEY_MAX], to[CONFIG_KEY_MAX];

	snprintf(to, sizeof(to), "%s.%u", word, n);
	g_key_file_remove_group(file, to, NULL);
	for (; ++n < count; memcpy(to, from, sizeof(to))) {
		snprintf(from, sizeof(from), "%s.%u", word, n);
		move_group(file, from, to);
	}
}

/* ---- reading ---- */

static bool take_key(struct config *config, GKeyFile *file, const struct config_key *key,
		     unsigned int n, struct btn_error *e)
{
	char name[CONFIG_KEY_MAX], group[CONFIG_KEY_MAX], *text;
	GError *error = NULL;
	const char *word;
	bool ok;

	config_key_name(key, n, name, sizeof(name));
	split(name, group, &word);
	text = g_key_file_get_string(file, group, word, &error);
	/* With a wrong value there is an error, and a text all the same. */
	if (error && !g_error_matches(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND) &&
	    !g_error_matches(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND)) {
		btn_set(e, BTN_VM_CONFIG, "%s cannot be read", name);
		btn_set_cause(e, "It has a \"\\\" that is not followed by s, n, t, r or \"\\\".");
		g_error_free(error);
		g_free(text);
		return false;
	}
	g_clear_error(&error);
	ok = config_take(config, key, n, text && (text[0] || key->kind->empty) ? text : NULL, e);
	g_free(text);
	return ok;
}

static bool has_device(GKeyFile *file, unsigned int family, unsigned int n)
{
	char group[CONFIG_KEY_MAX];

	snprintf(group, sizeof(group), "%s.%u", config_families[family].word, n);
	return g_key_file_has_group(file, group);
}

/* The keys of each device that the file has, its first key before the others. */
static bool take_family(struct config *config, GKeyFile *file, unsigned int family,
			struct btn_error *e)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (unsigned int n = 0; n < config_families[family].max; n++) {
		if (!has_device(file, family, n))
			return true;
		for (size_t i = 0; i < count; i++)
			if (keys[i].family == family && !take_key(config, file, &keys[i], n, e))
				return false;
	}
	return true;
}

static bool take_all(struct config *config, GKeyFile *file, struct btn_error *e)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		if (!keys[i].family && !take_key(config, file, &keys[i], 0, e))
			return false;
	for (unsigned int family = 1; family < CONFIG_FAMILIES; family++)
		if (!take_family(config, file, family, e))
			return false;
	config_mac_fill(config);
	return true;
}

/* The family of a group such as "disk.7", whatever its number; CONFIG_SINGLE: of none. */
static unsigned int group_family(const char *group)
{
	for (unsigned int family = 1; family < CONFIG_FAMILIES; family++) {
		size_t length = strlen(config_families[family].word);

		if (!strncmp(group, config_families[family].word, length) &&
		    group[length] == '.' && group[length + 1] &&
		    !group[length + 1 + strspn(group + length + 1, "0123456789")])
			return family;
	}
	return CONFIG_SINGLE;
}

/* Is the group one of a device that was read? */
static bool device_was_read(const struct config *config, unsigned int family, const char *group)
{
	char name[CONFIG_KEY_MAX];

	for (unsigned int n = 0; n < *config_count(config, family); n++) {
		snprintf(name, sizeof(name), "%s.%u", config_families[family].word, n);
		if (!strcmp(name, group))
			return true;
	}
	return false;
}

/* Devices behind a gap would be lost without a word. */
static bool check_gaps(const struct config *config, GKeyFile *file, struct btn_error *e)
{
	char **groups = g_key_file_get_groups(file, NULL);
	bool ok = true;

	for (char **group = groups; ok && *group; group++) {
		unsigned int family = group_family(*group);

		if (!family || device_was_read(config, family, *group))
			continue;
		ok = false;
		config_refuse(e, "a group", *group, "Devices are counted from 0 without a gap; "
			      "a VM has at most %u of this kind, and this one has %u before it.",
			      config_families[family].max, *config_count(config, family));
		btn_set_fix(e, "Give the group the next number: [%s.%u]",
			    config_families[family].word, *config_count(config, family));
	}
	g_strfreev(groups);
	return ok;
}

/* A key that is there twice would have one value here and perhaps another elsewhere. */
static bool check_group_once(GKeyFile *file, const char *group, struct btn_error *e)
{
	char **names = g_key_file_get_keys(file, group, NULL, NULL);
	GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal);
	bool ok = true;

	for (char **name = names; ok && name && *name; name++) {
		ok = g_hash_table_add(seen, *name);
		if (ok)
			continue;
		config_refuse(e, "a key", *name, "It is there twice in group [%s].", group);
		btn_set_fix(e, "Remove one of the two lines.");
	}
	g_hash_table_destroy(seen);
	g_strfreev(names);
	return ok;
}

static bool check_once(GKeyFile *file, struct btn_error *e)
{
	char **groups = g_key_file_get_groups(file, NULL);
	bool ok = true;

	for (char **group = groups; ok && *group; group++)
		ok = check_group_once(file, *group, e);
	g_strfreev(groups);
	return ok;
}

static bool check_schema(GKeyFile *file, struct btn_error *e)
{
	char *text = g_key_file_get_value(file, MAIN_GROUP, "schema", NULL);
	bool ok = true;

	g_strstrip(text ? text : (text = g_strdup("1")));
	if (!text[0] || strlen(text) > 6 || text[strspn(text, "0123456789")] || !atoi(text)) {
		config_refuse(e, "schema", text, "It is the version of this file's form: %d.",
			      CONFIG_SCHEMA);
		ok = false;
	} else if (atoi(text) > CONFIG_SCHEMA) {
		btn_set(e, BTN_VM_CONFIG, "schema %s is newer than this version of Baton", text);
		btn_set_cause(e, "This version knows the form up to schema %d.", CONFIG_SCHEMA);
		btn_set_fix(e, "Update Baton.");
		ok = false;
	}
	g_free(text);
	return ok;
}

/* A hand-written file may lack what nobody makes up. */
static void offer_uuid(struct btn_error *e)
{
	char *uuid = g_uuid_string_random();

	btn_set_fix(e, "Add this line below [vm]: uuid = %s", uuid);
	g_free(uuid);
}

static bool take_file(struct config *config, GKeyFile *file, struct btn_error *e)
{
	if (!g_key_file_has_group(file, MAIN_GROUP)) {
		btn_set(e, BTN_VM_CONFIG, "there is no group [vm]");
		btn_set_cause(e, "It has the VM's name, UUID, CPUs and memory.");
		return false;
	}
	if (!check_once(file, e) || !check_schema(file, e))
		return false;
	if (!take_all(config, file, e)) {
		if (config->name && !config->uuid[0] &&
		    !g_key_file_has_key(file, MAIN_GROUP, "uuid", NULL))
			offer_uuid(e);
		return false;
	}
	return check_gaps(config, file, e) && config_check(config, e);
}

/* NULL: *e. */
static GKeyFile *read_text(const char *text, size_t length, struct btn_error *e)
{
	GKeyFile *file;
	GError *error = NULL;

	if (length > CONFIG_FILE_MAX) {
		file_error(e, "the file is too large", "It has more than 1 MiB.");
		return NULL;
	}
	if (!length || !g_utf8_validate(text, (gssize)length, NULL)) {
		file_error(e, length ? "the file is no text" : "the file is empty",
			   length ? "It has bytes that are not UTF-8." : NULL);
		return NULL;
	}
	file = g_key_file_new();
	if (g_key_file_load_from_data(file, text, length, FLAGS, &error))
		return file;
	file_error(e, "the file is no key-file",
		   "It consists of groups such as [vm], of lines such as cpus = 4, and of "
		   "comments behind #.");
	g_error_free(error);
	g_key_file_unref(file);
	return NULL;
}

struct config *config_parse(const char *text, size_t length, struct btn_error *e)
{
	GKeyFile *file = read_text(text, length, e);
	struct config *config;

	if (!file)
		return NULL;
	config = config_blank();
	if (take_file(config, file, e)) {
		config->file = file;
		return config;
	}
	blame_file(e);
	config_free(config);
	g_key_file_unref(file);
	return NULL;
}

struct config *config_load(const char *folder, struct btn_error *e)
{
	char *path = g_build_filename(folder, NAME, NULL), *text;
	struct config *config = NULL;
	size_t length;

	text = files_read("definition", path, CONFIG_FILE_MAX, &length, e);
	if (text)
		config = config_parse(text, length, e);
	g_free(text);
	g_free(path);
	return config;
}

/* ---- writing ---- */

/* Replaces a value that is another one than the file's. */
static void put_key(const struct config *config, const struct config *old, GKeyFile *file,
		    const struct config_key *key, unsigned int n)
{
	char name[CONFIG_KEY_MAX], group[CONFIG_KEY_MAX];
	char *text = config_written(config, key, n), *before = NULL;
	const char *word;

	config_key_name(key, n, name, sizeof(name));
	split(name, group, &word);
	if (old && n < config_instances(old, key))
		before = config_written(old, key, n);
	if (!text && before)
		g_key_file_remove_key(file, group, word, NULL);
	else if (text && (g_strcmp0(text, before) ||
			  !g_key_file_has_key(file, group, word, NULL)))
		g_key_file_set_string(file, group, word, text);
	g_free(text);
	g_free(before);
}

/* Groups of devices that the definition does not have (any more). */
static void remove_devices(const struct config *config, GKeyFile *file)
{
	char **groups = g_key_file_get_groups(file, NULL);

	for (char **group = groups; *group; group++) {
		unsigned int family = group_family(*group);

		if (family && !device_was_read(config, family, *group))
			g_key_file_remove_group(file, *group, NULL);
	}
	g_strfreev(groups);
}

static void put_all(const struct config *config, const struct config *old, GKeyFile *file)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		for (unsigned int n = 0; n < config_instances(config, &keys[i]); n++)
			put_key(config, old, file, &keys[i], n);
}

char *config_to_text(const struct config *config)
{
	GKeyFile *file = config_file_copy(config->file);
	struct config *old = config_blank();
	struct btn_error ignored;
	char *schema, *text;
	bool same;

	same = take_all(old, file, &ignored);
	schema = g_key_file_get_value(file, MAIN_GROUP, "schema", NULL);
	if (!schema || atoi(schema) != CONFIG_SCHEMA)
		g_key_file_set_integer(file, MAIN_GROUP, "schema", CONFIG_SCHEMA);
	put_all(config, same ? old : NULL, file);
	remove_devices(config, file);
	text = g_key_file_to_data(file, NULL, NULL);
	config_free(old);
	g_free(schema);
	g_key_file_unref(file);
	return text;
}

bool config_prepare(const struct config *config, const char *folder, struct btn_error *e)
{
	char *path = g_build_filename(folder, NAME, NULL), *text = config_to_text(config);
	bool ok = strlen(text) <= CONFIG_FILE_MAX ?
		  files_prepare(path, text, strlen(text), e) :
		  file_error(e, "the file would be too large", "It would have more than 1 MiB.");

	g_free(text);
	g_free(path);
	return ok;
}

bool config_save(const struct config *config, const char *folder, struct btn_error *e)
{
	char *path = g_build_filename(folder, NAME, NULL);
	bool ok = config_prepare(config, folder, e) && files_commit(path, e);

	g_free(path);
	return ok;
}

/* ---- what nobody knows ---- */

static bool is_known(const char *name)
{
	unsigned int n;

	return !strcmp(name, "schema") || config_find_key(name, &n);
}

struct unknown {
	void (*fn)(const char *key, const char *meant, void *ctx);
	void *ctx;
	unsigned int count;
};

static void tell_unknown(struct unknown *u, const char *group, const char *word)
{
	char *name = strcmp(group, MAIN_GROUP) ? g_strdup_printf("%s.%s", group, word) :
		     g_strdup(word);

	/* Guessing takes time, and a file may have very many of them. */
	if (!is_known(name) && u->count++ < CONFIG_UNKNOWN_MAX) {
		char *meant = config_meant(name);

		u->fn(name, meant, u->ctx);
		g_free(meant);
	}
	g_free(name);
}

void config_each_unknown(const struct config *config,
			 void (*fn)(const char *key, const char *meant, void *ctx), void *ctx)
{
	char **groups = config->file ? g_key_file_get_groups(config->file, NULL) : NULL;
	struct unknown u = { fn, ctx, 0 };

	for (char **group = groups; group && *group && u.count < CONFIG_UNKNOWN_MAX; group++) {
		char **words = g_key_file_get_keys(config->file, *group, NULL, NULL);

		for (char **word = words; word && *word && u.count < CONFIG_UNKNOWN_MAX; word++)
			tell_unknown(&u, *group, *word);
		g_strfreev(words);
	}
	g_strfreev(groups);
}
