// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SSH public keys: what is one, and which the user of this host has. See seed.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ssh_key.h"
#include "monitor/block/file.h"
#include "seed.h"

#define FILES_MAX 256u	/* that are looked at in a folder */

static bool no_key(struct btn_error *e, const char *cause, const char *fix)
{
	btn_set(e, BTN_SEED, "the SSH key cannot be used");
	btn_set_cause(e, "%s", cause);
	btn_set_fix(e, "%s", fix);
	return false;
}

/*
 * RFC 4253, 6.6: fields, each a length in four bytes and that many bytes; the first
 * is the type once more, and the last ends where the key does.
 */
static bool fields_agree(const guchar *blob, size_t size, const char *type, size_t type_length)
{
	size_t fields = 0, at = 0;

	while (at + 4 <= size) {
		size_t length = (size_t)blob[at] << 24 | (size_t)blob[at + 1] << 16 |
				(size_t)blob[at + 2] << 8 | blob[at + 3];

		at += 4;
		if (length > size - at)
			return false;
		if (!fields++ && (length != type_length || memcmp(blob + at, type, length)))
			return false;
		at += length;
	}
	return fields >= 2 && at == size;
}

static bool blob_agrees(const char *base64, size_t length, const char *type, size_t type_length)
{
	g_autofree char *text = g_strndup(base64, length);
	size_t padding = length < 2 || text[length - 1] != '=' ? 0 :
			 text[length - 2] != '=' ? 1 : 2;
	g_autofree guchar *blob = NULL;
	gsize size;

	if (!length || length % 4 ||
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") !=
	    length - padding)
		return false;
	blob = g_base64_decode(text, &size);
	return fields_agree(blob, size, type, type_length);
}

static bool is_private(const char *text)
{
	return strstr(text, "PRIVATE KEY") || g_str_has_prefix(text, "PuTTY-User-Key-File");
}

/* One line that shows all it has. */
static bool is_line(const char *text)
{
	if (!g_utf8_validate(text, -1, NULL))
		return false;
	for (; *text; text = g_utf8_next_char(text))
		if (g_unichar_iscntrl(g_utf8_get_char(text)) && *text != '\t')
			return false;
	return true;
}

static bool check_line(const char *line, struct btn_error *e)
{
	size_t type = strcspn(line, " \t"), blob;
	const char *base64 = line + type;

	if (!ssh_key_has_type(line))
		return no_key(e, "It does not begin with the type of a key, such as ssh-ed25519; "
			      "what authorized_keys may have in front of it does not count here.",
			      "Give the line of a file like ~/.ssh/id_ed25519.pub. Make one: "
			      "ssh-keygen -t ed25519");
	base64 += strspn(base64, " \t");
	blob = strcspn(base64, " \t");
	if (!blob_agrees(base64, blob, line, type))
		return no_key(e, "What stands behind its type is not the key of that type: perhaps "
			      "it is cut off or a line break got in.",
			      "Copy it again: cat ~/.ssh/id_ed25519.pub");
	return true;
}

bool seed_check_key(const char *text, char **ret_key, struct btn_error *e)
{
	g_autofree char *line = NULL;

	if (is_private(text))
		return no_key(e, "It is a private key. That one stays on this host and is shown to "
			      "nobody.", "Give the public one, from the file of the same name with "
			      "\".pub\" at its end.");
	if (g_str_has_prefix(text, "---- BEGIN SSH2"))
		return no_key(e, "It is in the form of RFC 4716.",
			      "Convert it: ssh-keygen -i -f FILE");
	if (strlen(text) > SEED_KEY_MAX)
		return no_key(e, "It is larger than 16 KiB.", "Give one public key.");
	line = g_strstrip(g_strdup(text));
	if (!is_line(line))
		return no_key(e, "A public key is one line of text.",
			      "Give each key by itself.");
	if (!check_line(line, e))
		return false;
	if (ret_key)
		*ret_key = g_steal_pointer(&line);
	return true;
}

/* ---- this user's own ---- */

/* NULL: it is no file of one key. */
static char *read_key(const char *path)
{
	/* O_NONBLOCK: not to hang on a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	g_autofree char *text = NULL;
	struct btn_error e;
	char *key = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= (off_t)SEED_KEY_MAX) {
		text = g_malloc0((size_t)st.st_size + 1);
		if (!file_read(fd, text, (size_t)st.st_size, 0))
			seed_check_key(text, &key, &e);
	}
	close(fd);
	return key;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *names_in(const char *folder)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && names->len < FILES_MAX && (name = g_dir_read_name(dir)))
		if (g_str_has_suffix(name, ".pub"))
			g_ptr_array_add(names, g_strdup(name));
	if (dir)
		g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	return names;
}

char **seed_default_keys(const char *folder)
{
	g_autofree char *own = folder ? NULL : g_build_filename(g_get_home_dir(), ".ssh", NULL);
	g_autoptr(GPtrArray) names = names_in(folder ? folder : own);
	GPtrArray *keys = g_ptr_array_new();

	for (guint i = 0; i < names->len && keys->len < SEED_KEYS_MAX; i++) {
		g_autofree char *path = g_build_filename(folder ? folder : own,
							 g_ptr_array_index(names, i), NULL);
		char *key = read_key(path);

		if (key)
			g_ptr_array_add(keys, key);
	}
	g_ptr_array_add(keys, NULL);
	return (char **)g_ptr_array_free(keys, FALSE);
}
