// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The journal: a key-file for each intent, named by time so that names sort as they came.
 * Folders are written relative to the data folder, and read only if they are a VM's or
 * the trash's: nothing that a damaged intent says can reach anything else.
 */
#include "journal.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "paths.h"

#define GROUP "intent"
#define SUFFIX ".intent"
#define SIZE_MAX_BYTES (4u << 20)	/* a definition with every byte escaped fits */

/* "vms/web1" of /home/me/.local/share/baton/vms/web1. */
static const char *relative(const char *folder)
{
	size_t length = strlen(paths.data);

	return !strncmp(folder, paths.data, length) && folder[length] == '/' ?
	       folder + length + 1 : folder;
}

static char *intent_path(const char *id)
{
	return g_build_filename(paths.journal, id, NULL);
}

static char *new_id(void)
{
	static gint count; /* worker threads */

	return g_strdup_printf("%020" G_GINT64_FORMAT "-%06u" SUFFIX, g_get_real_time(),
			       (unsigned int)g_atomic_int_add(&count, 1) % 1000000u);
}

static char *intent_text(const struct intent *intent)
{
	GKeyFile *file = g_key_file_new();
	char *text;

	g_key_file_set_string(file, GROUP, "kind", intent->kind);
	if (intent->from)
		g_key_file_set_string(file, GROUP, "from", relative(intent->from));
	if (intent->to)
		g_key_file_set_string(file, GROUP, "to", relative(intent->to));
	if (intent->text)
		g_key_file_set_string(file, GROUP, "text", intent->text);
	text = g_key_file_to_data(file, NULL, NULL);
	g_key_file_unref(file);
	return text;
}

void journal_leave(struct intent *intent)
{
	if (!intent)
		return;
	g_free(intent->id);
	g_free(intent->kind);
	g_free(intent->from);
	g_free(intent->to);
	g_free(intent->text);
	g_free(intent);
}

struct intent *journal_begin(const char *kind, const char *from, const char *to,
			     const char *text, struct btn_error *e)
{
	struct intent *intent = g_new0(struct intent, 1);
	char *path, *content;
	bool ok;

	*intent = (struct intent){
		.id = new_id(), .kind = g_strdup(kind), .from = g_strdup(from),
		.to = g_strdup(to), .text = g_strdup(text),
	};
	path = intent_path(intent->id);
	content = intent_text(intent);
	ok = files_write(path, content, strlen(content), e);
	if (!ok) {
		unlink(path);
		journal_leave(intent);
		intent = NULL;
	}
	g_free(content);
	g_free(path);
	return intent;
}

static void remove_file(const char *id)
{
	struct btn_error ignored; /* once more at the next start does no harm */
	char *path = intent_path(id);

	unlink(path);
	files_sync_folder(paths.journal, &ignored);
	g_free(path);
}

void journal_end(struct intent *intent)
{
	if (intent)
		remove_file(intent->id);
	journal_leave(intent);
}

/* ---- recovery ---- */

/* "vms/NAME" or "trash/NAME" as a path; NULL: neither. */
static char *absolute(const char *folder)
{
	const char *name = g_str_has_prefix(folder, "vms/") ? folder + 4 :
			   g_str_has_prefix(folder, "trash/") ? folder + 6 : "";

	if (!name[0] || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return NULL;
	return g_build_filename(paths.data, folder, NULL);
}

/* False: it is there and no folder of ours. */
static bool take_folder(GKeyFile *file, const char *key, char **ret)
{
	char *text = g_key_file_get_string(file, GROUP, key, NULL);
	bool there = text != NULL;

	*ret = there ? absolute(text) : NULL;
	g_free(text);
	return !there || *ret;
}

/* NULL: damaged. */
static struct intent *read_intent(const char *id)
{
	struct intent *intent = g_new0(struct intent, 1);
	GKeyFile *file = g_key_file_new();
	struct btn_error ignored;
	char *path = intent_path(id), *text;
	size_t length;
	bool ok;

	text = files_read("intent", path, SIZE_MAX_BYTES, &length, &ignored);
	ok = text && length &&
	     g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, NULL);
	intent->id = g_strdup(id);
	if (ok)
		intent->kind = g_key_file_get_string(file, GROUP, "kind", NULL);
	ok = ok && intent->kind && take_folder(file, "from", &intent->from) &&
	     take_folder(file, "to", &intent->to);
	if (ok)
		intent->text = g_key_file_get_string(file, GROUP, "text", NULL);
	g_key_file_unref(file);
	g_free(path);
	g_free(text);
	if (ok)
		return intent;
	journal_leave(intent);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in the journal's folder, sorted. */
static GPtrArray *list_names(void)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GDir *dir = g_dir_open(paths.journal, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_strdup(name));
	if (dir)
		g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	return names;
}

void journal_recover(void (*fn)(struct intent *intent))
{
	GPtrArray *names = list_names();

	for (unsigned int i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		struct intent *intent = NULL;

		/* Else half written: its job had not begun. */
		if (g_str_has_suffix(name, SUFFIX))
			intent = read_intent(name);
		if (intent)
			fn(intent);
		else
			remove_file(name);
	}
	g_ptr_array_unref(names);
}
