// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads and writes image.conf. See images_conf.h.
 *
 * A key file with one group. Keys that are not known are left alone: a later
 * version may have more of them.
 */
#include "images_conf.h"

#include <string.h>

#include "seed.h"

#define GROUP "image"
#define SIZE_MAX_BYTES (1ull << 62)

bool images_is_sha256(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

bool images_is_text(const char *text)
{
	if (!*text || strlen(text) > IMAGES_TEXT_MAX || !g_utf8_validate(text, -1, NULL))
		return false;
	for (; *text; text = g_utf8_next_char(text))
		if (g_unichar_iscntrl(g_utf8_get_char(text)))
			return false;
	return true;
}

static bool read_size(GKeyFile *file, const char *key, uint64_t *ret)
{
	g_autofree char *text = g_key_file_get_string(file, GROUP, key, NULL);
	guint64 value;

	if (!text || !g_ascii_string_to_unsigned(text, 10, 1, SIZE_MAX_BYTES, &value, NULL))
		return false;
	*ret = value;
	return true;
}

static bool read_format(GKeyFile *file, bool *ret_raw)
{
	g_autofree char *text = g_key_file_get_string(file, GROUP, "format", NULL);

	if (!text || (strcmp(text, "raw") && strcmp(text, "qcow2")))
		return false;
	*ret_raw = !strcmp(text, "raw");
	return true;
}

static bool read_added(GKeyFile *file, char **ret)
{
	g_autofree char *text = g_key_file_get_string(file, GROUP, "added", NULL);
	g_autoptr(GDateTime) time = NULL;

	if (!text || strlen(text) > 40)
		return false;
	time = g_date_time_new_from_iso8601(text, NULL);
	if (!time)
		return false;
	*ret = g_steal_pointer(&text);
	return true;
}

/* One that may be missing: *ret stays NULL. */
static bool read_text(GKeyFile *file, const char *key, char **ret)
{
	if (!g_key_file_has_key(file, GROUP, key, NULL))
		return true;
	*ret = g_key_file_get_string(file, GROUP, key, NULL);
	return *ret && images_is_text(*ret);
}

/* Why it is wrong, or NULL. */
static const char *read_all(GKeyFile *file, struct base_image *to)
{
	g_autofree char *sum = g_key_file_get_string(file, GROUP, "sha256", NULL);
	struct btn_error e;

	if (!read_format(file, &to->raw))
		return "its format is neither raw nor qcow2";
	if (!read_size(file, "size", &to->size))
		return "its size is missing or none";
	if (!read_size(file, "virtual-size", &to->virtual_size))
		return "its virtual-size is missing or none";
	if (!sum || !images_is_sha256(sum))
		return "its sha256 is missing or none";
	g_strlcpy(to->sha256, sum, sizeof(to->sha256));
	if (!read_added(file, &to->added))
		return "its added is missing or no time";
	if (!read_text(file, "source", &to->source))
		return "its source is no line of text";
	if (!read_text(file, "os", &to->os))
		return "its os is no line of text";
	if (!read_text(file, "user", &to->user) || (to->user && !seed_check_user(to->user, &e)))
		return "its user is no user's name";
	return NULL;
}

bool images_conf_read(const char *text, size_t size, struct base_image *ret,
		      const char **ret_why)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	struct base_image image = { 0 };

	if (!size || size > IMAGES_CONF_MAX || memchr(text, 0, size) ||
	    !g_key_file_load_from_data(file, text, size, G_KEY_FILE_NONE, NULL)) {
		*ret_why = "it is no key file";
		return false;
	}
	*ret_why = read_all(file, &image);
	if (*ret_why) {
		g_free(image.added);
		g_free(image.source);
		g_free(image.os);
		g_free(image.user);
		return false;
	}
	image.name = ret->name;
	image.path = ret->path;
	image.problem = ret->problem;
	*ret = image;
	return true;
}

static void set(GKeyFile *file, const char *key, const char *value)
{
	if (value)
		g_key_file_set_string(file, GROUP, key, value);
}

static void set_size(GKeyFile *file, const char *key, uint64_t value)
{
	g_key_file_set_uint64(file, GROUP, key, value);
}

char *images_conf_write(const struct base_image *image)
{
	g_autoptr(GKeyFile) file = g_key_file_new();

	set(file, "format", image->raw ? "raw" : "qcow2");
	set_size(file, "size", image->size);
	set_size(file, "virtual-size", image->virtual_size);
	set(file, "sha256", image->sha256);
	set(file, "added", image->added);
	set(file, "source", image->source);
	set(file, "os", image->os);
	set(file, "user", image->user);
	return g_key_file_to_data(file, NULL, NULL);
}
