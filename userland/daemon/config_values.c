// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kinds of values in a definition: text to field and back. Texts come from vm.conf and
 * from people, so each is checked in full; errors name the key.
 */
#include "config_private.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "lib/size.h"
#include "lib/suggest.h"

#define SHOWN_MAX 60	/* bytes of a wrong value in an error */

void config_refuse(struct btn_error *e, const char *key, const char *value, const char *fmt, ...)
{
	char cause[sizeof(e->cause)];
	GString *shown = g_string_new(NULL);
	va_list args;

	for (const char *at = value; *at && shown->len < SHOWN_MAX;) {
		gunichar c = g_utf8_get_char_validated(at, -1);
		bool valid = c != (gunichar)-1 && c != (gunichar)-2;

		g_string_append_unichar(shown, valid && g_unichar_isprint(c) ? c : '?');
		at = valid ? g_utf8_next_char(at) : at + 1;
	}
	va_start(args, fmt);
	vsnprintf(cause, sizeof(cause), fmt, args);
	va_end(args);
	btn_set(e, BTN_BAD_VALUE, "%s cannot be \"%s\"", key, shown->str);
	btn_set_cause(e, "%s", cause);
	btn_set_fix(e, "\"vmctl settings\" lists the keys and their values.");
	g_string_free(shown, TRUE);
}

static void replace(void *field, const char *text)
{
	char **string = field;
	char *copy = g_strdup(text);

	g_free(*string);
	*string = copy;
}

static char *format_string(const void *field)
{
	return g_strdup(*(char *const *)field);
}

static void clear_string(void *field)
{
	g_clear_pointer((char **)field, g_free);
}

static bool is_text(const char *text, size_t max, const char *controls)
{
	if (strlen(text) > max || !g_utf8_validate(text, -1, NULL))
		return false;
	for (; *text; text = g_utf8_next_char(text)) {
		gunichar c = g_utf8_get_char(text);

		if (g_unichar_iscntrl(c) && (c >= 0x80 || !strchr(controls, (int)c)))
			return false;
	}
	return true;
}

/* ---- words and texts ---- */

static bool parse_name(void *field, const char *key, const char *text, struct btn_error *e)
{
	(void)key;
	if (!config_check_name(text, e))
		return false;
	replace(field, text);
	return true;
}
const struct config_kind config_kind_name = { parse_name, format_string, NULL, false };

static bool parse_uuid(void *field, const char *key, const char *text, struct btn_error *e)
{
	char *low;

	if (!g_uuid_string_is_valid(text)) {
		config_refuse(e, key, text, "It is no UUID.");
		return false;
	}
	low = g_ascii_strdown(text, -1);
	g_strlcpy(field, low, sizeof(((struct config *)0)->uuid));
	g_free(low);
	return true;
}

static char *format_inline(const void *field)
{
	return *(const char *)field ? g_strdup(field) : NULL;
}
const struct config_kind config_kind_uuid = { parse_uuid, format_inline, NULL, false };

static bool take_text(void *field, const char *key, const char *text, size_t max,
		      const char *controls, struct btn_error *e)
{
	if (!is_text(text, max, controls)) {
		config_refuse(e, key, text,
			      "It is a text of at most %zu bytes without control characters.",
			      max);
		return false;
	}
	replace(field, text);
	return true;
}

static bool parse_title(void *field, const char *key, const char *text, struct btn_error *e)
{
	return take_text(field, key, text, 256, "", e);
}
const struct config_kind config_kind_title = { parse_title, format_string, NULL, true };

static bool parse_description(void *field, const char *key, const char *text,
			      struct btn_error *e)
{
	return take_text(field, key, text, 8192, "\n\t", e);
}
const struct config_kind config_kind_description = {
	parse_description, format_string, NULL, true
};

/* What vmctl boot takes, too. */
static bool parse_append(void *field, const char *key, const char *text, struct btn_error *e)
{
	return take_text(field, key, text, 2000, "", e);
}
const struct config_kind config_kind_append = { parse_append, format_string, clear_string, true };

static bool is_word(const char *text, size_t max, const char *extra)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isalnum(text[i]) && !strchr(extra, text[i]))
			return false;
	return length && length <= max && !strchr(extra, text[0]) &&
	       !strchr(extra, text[length - 1]);
}

static bool parse_network(void *field, const char *key, const char *text, struct btn_error *e)
{
	if (!is_word(text, 32, "-_.")) {
		config_refuse(e, key, text, "The name of a network has at most 32 letters, digits "
			      "and inner hyphens.");
		return false;
	}
	replace(field, text);
	return true;
}
const struct config_kind config_kind_network = { parse_network, format_string, NULL, false };

/* Names of images and of users in guests. */
static bool parse_word(void *field, const char *key, const char *text, struct btn_error *e)
{
	if (!text[0] || strlen(text) > 128 || text[0] == '.' || strchr(text, '/') ||
	    !is_text(text, 128, "")) {
		config_refuse(e, key, text, "It is a name of at most 128 bytes, without slashes.");
		return false;
	}
	replace(field, text);
	return true;
}
const struct config_kind config_kind_word = { parse_word, format_string, clear_string, false };

/* One of a list of words, in the order of their enum, which starts with 0. */
static bool take_choice(void *field, const char *key, const char *text,
			const char *const *words, size_t count, struct btn_error *e)
{
	char *all, *stripped = g_strstrip(g_strdup(text));
	const char *meant;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(stripped, words[i]))
			continue;
		*(unsigned int *)field = (unsigned int)i;
		g_free(stripped);
		return true;
	}
	all = g_strjoinv(", ", (char **)words);
	config_refuse(e, key, text, "It is one of %s.", all);
	meant = suggest(stripped, words, count);
	if (meant)
		btn_set_fix(e, "Did you mean \"%s\"?", meant);
	g_free(all);
	g_free(stripped);
	return false;
}

static const char *const boards[] = { "pc", "micro", NULL };
static const char *const engines[] = { "auto", "baton", "kvm", NULL };
static const char *const formats[] = { "auto", "raw", "qcow2", NULL };

G_STATIC_ASSERT(sizeof(enum config_board) == sizeof(unsigned int));

const char *config_board_word(enum config_board board)
{
	return boards[board];
}

const char *config_engine_word(enum config_engine engine)
{
	return engines[engine];
}

static bool parse_board(void *field, const char *key, const char *text, struct btn_error *e)
{
	return take_choice(field, key, text, boards, 2, e);
}

static char *format_board(const void *field)
{
	return g_strdup(boards[*(const enum config_board *)field]);
}
const struct config_kind config_kind_board = { parse_board, format_board, NULL, false };

static bool parse_engine(void *field, const char *key, const char *text, struct btn_error *e)
{
	return take_choice(field, key, text, engines, 3, e);
}

static char *format_engine(const void *field)
{
	return g_strdup(engines[*(const enum config_engine *)field]);
}
const struct config_kind config_kind_engine = { parse_engine, format_engine, NULL, false };

static bool parse_format(void *field, const char *key, const char *text, struct btn_error *e)
{
	return take_choice(field, key, text, formats, 3, e);
}

static char *format_format(const void *field)
{
	return g_strdup(formats[*(const enum config_format *)field]);
}
const struct config_kind config_kind_format = { parse_format, format_format, NULL, false };

static bool parse_switch(void *field, const char *key, const char *text, struct btn_error *e)
{
	static const char *const words[] = {
		"off", "on", "false", "true", "no", "yes", "0", "1",
	};
	char *low = g_strstrip(g_ascii_strdown(text, -1));
	bool found = false;

	for (size_t i = 0; i < G_N_ELEMENTS(words) && !found; i++) {
		found = !strcmp(low, words[i]);
		if (found)
			*(bool *)field = i & 1;
	}
	g_free(low);
	if (!found)
		config_refuse(e, key, text, "It is either on or off.");
	return found;
}

static char *format_switch(const void *field)
{
	return g_strdup(*(const bool *)field ? "on" : "off");
}
const struct config_kind config_kind_switch = { parse_switch, format_switch, NULL, false };

/* ---- amounts ---- */

static bool parse_cpus(void *field, const char *key, const char *text, struct btn_error *e)
{
	char *stripped = g_strstrip(g_strdup(text));
	size_t length = strlen(stripped);
	unsigned long value = strtoul(stripped, NULL, 10);
	bool ok = length && length <= 3 && strspn(stripped, "0123456789") == length &&
		  value >= 1 && value <= BATON_MAX_VCPUS;

	g_free(stripped);
	if (ok)
		*(unsigned int *)field = (unsigned int)value;
	else
		config_refuse(e, key, text, "It is a whole number from 1 to %u.",
			      BATON_MAX_VCPUS);
	return ok;
}

static char *format_cpus(const void *field)
{
	return g_strdup_printf("%u", *(const unsigned int *)field);
}
const struct config_kind config_kind_cpus = { parse_cpus, format_cpus, NULL, false };

/* Up to 16 TiB: what the module takes, and no sum of a few of them overflows. */
#define MEMORY_MAX (16ull << 40)

static bool take_size(const char *text, uint64_t *ret)
{
	char *stripped = g_strstrip(g_strdup(text));
	bool ok = !size_parse(stripped, ret) && *ret >= CHECK_MEMORY_MIN &&
		  *ret <= MEMORY_MAX && *ret % 4096 == 0;

	g_free(stripped);
	return ok;
}

static bool parse_memory(void *field, const char *key, const char *text, struct btn_error *e)
{
	const char *dots = strstr(text, "..");
	char *low = dots ? g_strndup(text, (size_t)(dots - text)) : g_strdup(text);
	uint64_t min = 0, max = 0, *range = field;
	bool ok = take_size(low, &min) && take_size(dots ? dots + 2 : text, &max);

	g_free(low);
	if (ok && min <= max) {
		range[0] = min;
		range[1] = max;
		return true;
	}
	config_refuse(e, key, text, ok ? "The first of the two sizes is larger than the second." :
		      "It is a size from 16M to 16T, in whole pages of 4K.");
	if (text[0] && strspn(text, "0123456789") == strlen(text) && strlen(text) < 9)
		btn_set_fix(e, "A number without a unit means bytes: did you mean %s=%sM?", key,
			    text);
	else
		btn_set_fix(e, "Write it like %s=512M, %s=1.5G or %s=512M..2G.", key, key, key);
	return false;
}

static char *size_text(uint64_t bytes)
{
	static const char units[] = "TGMK";

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int shift = 40 - 10 * i;

		if (!(bytes & ((1ull << shift) - 1)))
			return g_strdup_printf("%" PRIu64 "%c", bytes >> shift, units[i]);
	}
	return g_strdup_printf("%" PRIu64, bytes);
}

G_STATIC_ASSERT(offsetof(struct config, memory) ==
		offsetof(struct config, memory_min) + sizeof(uint64_t));

static char *format_memory(const void *field)
{
	const uint64_t *range = field;
	char *max = size_text(range[1]), *min, *both;

	if (range[0] == range[1])
		return max;
	min = size_text(range[0]);
	both = g_strdup_printf("%s..%s", min, max);
	g_free(min);
	g_free(max);
	return both;
}
const struct config_kind config_kind_memory = { parse_memory, format_memory, NULL, false };

/* ---- files ---- */

/* Within the VM's folder, or absolute: no way out of it by "..". */
static bool leaves_folder(const char *path)
{
	char **parts = g_strsplit(path, "/", -1);
	bool leaves = path[0] != '/' && g_strv_contains((const char *const *)parts, "..");

	g_strfreev(parts);
	return leaves;
}

static bool parse_file(void *field, const char *key, const char *text, struct btn_error *e)
{
	size_t length = strlen(text);

	if (!length || length >= PATH_MAX || !is_text(text, PATH_MAX, ""))
		config_refuse(e, key, text, "It is the path of a file: UTF-8 without control "
			      "characters.");
	else if (text[length - 1] == '/' || !strcmp(text, "."))
		config_refuse(e, key, text, "It is a folder.");
	else if (leaves_folder(text))
		config_refuse(e, key, text, "A relative path starts in the VM's folder and may "
			      "not leave it by \"..\".");
	else {
		replace(field, text);
		return true;
	}
	if (leaves_folder(text))
		btn_set_fix(e, "Use the absolute path of the file.");
	return false;
}
const struct config_kind config_kind_file = { parse_file, format_string, clear_string, false };

/* Of a drive, which is not there without it. */
const struct config_kind config_kind_cdrom_file = { parse_file, format_string, NULL, false };

/* What ends like one of baton-vm's words for disks would be taken for it. */
static bool parse_disk_file(void *field, const char *key, const char *text,
			    struct btn_error *e)
{
	static const char *const words[] = { ",readonly", ",format=raw", ",format=qcow2" };

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		if (!g_str_has_suffix(text, words[i]))
			continue;
		config_refuse(e, key, text, "The name of a disk's file may not end in \"%s\".",
			      words[i]);
		btn_set_fix(e, "Options of disks are keys of their own: disk.N.readonly=on, "
			       "disk.N.format=raw");
		return false;
	}
	return parse_file(field, key, text, e);
}
const struct config_kind config_kind_disk_file = { parse_disk_file, format_string, NULL, false };

static bool is_port(const char *text, size_t length, uint16_t *ret)
{
	unsigned long value = 0;

	if (!length || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!g_ascii_isdigit(text[i]))
			return false;
		value = value * 10 + (unsigned long)(text[i] - '0');
	}
	*ret = (uint16_t)value;
	return value >= 1 && value <= 65535;
}

static bool parse_vnc(void *field, const char *key, const char *text, struct btn_error *e)
{
	static const char loopback[] = "127.0.0.1:";
	const char *path = text + 5, *port = text + strlen(loopback);
	uint16_t ignored;

	if ((g_str_has_prefix(text, "unix:/") && strlen(path) <= 107 && is_text(path, 107, "")) ||
	    (g_str_has_prefix(text, loopback) && is_port(port, strlen(port), &ignored))) {
		replace(field, text);
		return true;
	}
	config_refuse(e, key, text, "It is unix:PATH (an absolute path of at most 107 bytes) or "
		      "127.0.0.1:PORT.");
	return false;
}
const struct config_kind config_kind_vnc = { parse_vnc, format_string, clear_string, false };

/* ---- networks ---- */

static bool is_mac(const char *text)
{
	static const char zero[] = "00:00:00:00:00:00";

	if (strlen(text) != 17 || !strcmp(text, zero))
		return false;
	for (unsigned int i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' : !g_ascii_isxdigit(text[i]))
			return false;
	return !(g_ascii_xdigit_value(text[1]) & 1); /* of one card, not of a group */
}

static bool parse_mac(void *field, const char *key, const char *text, struct btn_error *e)
{
	char *low = g_strstrip(g_ascii_strdown(text, -1));
	bool ok = is_mac(low);

	if (ok)
		g_strlcpy(field, low, sizeof(((struct config_net *)0)->mac));
	else
		config_refuse(e, key, text, "It is the address of a card, like "
			      "52:54:00:12:34:56.");
	g_free(low);
	return ok;
}

static void clear_mac(void *field)
{
	*(char *)field = '\0';
}
const struct config_kind config_kind_mac = { parse_mac, format_inline, clear_mac, false };

bool config_parse_forward(const char *text, struct config_forward *ret, struct btn_error *e)
{
	const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text);
	const char *last = g_strrstr_len(text, end - text, ":");
	const char *first = last ? g_strrstr_len(text, last - text, ":") : NULL;
	const char *host = first ? first + 1 : text;
	struct config_forward f = { .host_address = "127.0.0.1" };
	struct in_addr in;
	bool ok = last && (!first || (size_t)(first - text) < sizeof(f.host_address));

	if (ok && first)
		g_strlcpy(f.host_address, text, (size_t)(first - text) + 1);
	f.udp = slash && !strcmp(slash, "/udp");
	if (ok && (!slash || f.udp || !strcmp(slash, "/tcp")) &&
	    inet_pton(AF_INET, f.host_address, &in) == 1 &&
	    is_port(host, (size_t)(last - host), &f.host_port) &&
	    is_port(last + 1, (size_t)(end - last - 1), &f.guest_port)) {
		*ret = f;
		return true;
	}
	config_refuse(e, "a forward", text, "A forward is [ADDRESS:]HOSTPORT:GUESTPORT[/tcp|/udp], "
		      "ports from 1 to 65535.");
	btn_set_fix(e, "For example: 2222:22");
	return false;
}

char *config_forward_text(const struct config_forward *f)
{
	bool local = !strcmp(f->host_address, "127.0.0.1");

	return g_strdup_printf("%s%s%u:%u%s", local ? "" : f->host_address, local ? "" : ":",
			       f->host_port, f->guest_port, f->udp ? "/udp" : "");
}

/* The field is the card: its list and their number. */
static bool parse_forwards(void *field, const char *key, const char *text, struct btn_error *e)
{
	struct config_forward list[CONFIG_FORWARDS_MAX];
	char **words = g_strsplit_set(text, ";,", -1);
	struct config_net *net = field;
	unsigned int count = 0;
	bool ok = true;

	for (char **word = words; ok && *word; word++) {
		if (!*g_strstrip(*word))
			continue;
		if (count == CONFIG_FORWARDS_MAX) {
			btn_set(e, BTN_NET_FULL, "%s: a card has at most %d forwards", key,
				CONFIG_FORWARDS_MAX);
			ok = false;
		} else if (!config_parse_forward(*word, &list[count++], e)) {
			config_refuse(e, key, *word, "A forward is [ADDRESS:]HOSTPORT:GUESTPORT"
				      "[/tcp|/udp], ports from 1 to 65535.");
			btn_set_fix(e, "For example: %s=2222:22;8080:80", key);
			ok = false;
		}
	}
	g_strfreev(words);
	if (!ok)
		return false;
	if (count)
		memcpy(net->forward, list, count * sizeof(list[0]));
	net->forward_count = count;
	return true;
}

static char *format_forwards(const void *field)
{
	const struct config_net *net = field;
	GString *all = g_string_new(NULL);

	for (unsigned int i = 0; i < net->forward_count; i++) {
		char *text = config_forward_text(&net->forward[i]);

		g_string_append_printf(all, "%s%s", i ? ";" : "", text);
		g_free(text);
	}
	return g_string_free(all, FALSE);
}
const struct config_kind config_kind_forward = { parse_forwards, format_forwards, NULL, true };
