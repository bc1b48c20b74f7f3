// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a seed says, and its disk. See seed.h.
 *
 * Both readers find the disk by its label and take a FAT file system as well as
 * ISO 9660, which would need an extension for names like "user-data". Of the keys,
 * only those are used that cloud-init and nocloud-seed understand the same way:
 * a named user's password and SSH keys stand in its own entry of "users", because
 * cloud-init gives those at the top level to the image's default user alone.
 */
#define _GNU_SOURCE /* memmem */
#include "seed.h"

#include <glib.h>
#include <errno.h>
#include <string.h>

#include "fat12.h"
#include "save.h"
#include "yaml_quote.h"

#define HOSTNAME_MAX 253u
#define LABEL_MAX 63u
#define INSTANCE_ID_MAX 128u

static bool bad(struct btn_error *e, const char *cause, const char *fix)
{
	btn_set_cause(e, "%s", cause);
	btn_set_fix(e, "%s", fix);
	return false;
}

/* ---- checks ---- */

static bool is_hostname(const char *name)
{
	size_t label = 0;
	const char *start = name;

	for (; *name; name++) {
		bool dot = *name == '.';

		if (!g_ascii_isalnum(*name) && *name != '-' && !dot)
			return false;
		/* '-' neither begins nor ends a label, and none is empty. */
		if ((dot || *name == '-') && !label)
			return false;
		if (dot && name[-1] == '-')
			return false;
		label = dot ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label && name[-1] != '-' && (size_t)(name - start) <= HOSTNAME_MAX;
}

bool seed_check_hostname(const char *name, struct btn_error *e)
{
	if (is_hostname(name))
		return true;
	btn_set(e, BTN_SEED, "\"%.64s\" is no host name", name);
	return bad(e, "A host name is made of letters, digits and \"-\", which neither begins nor "
		   "ends it; at most 63 between two dots.", "Give one like web1.");
}

bool seed_check_user(const char *name, struct btn_error *e)
{
	size_t length = strlen(name);
	bool good = length && length <= SEED_USER_MAX &&
		    (g_ascii_islower(name[0]) || name[0] == '_');

	for (size_t i = 0; good && i < length; i++)
		good = g_ascii_islower(name[i]) || g_ascii_isdigit(name[i]) || name[i] == '_' ||
		       name[i] == '-';
	if (good)
		return true;
	btn_set(e, BTN_SEED, "\"%.64s\" is no name for a user", name);
	return bad(e, "It begins with a small letter or \"_\" and goes on with small letters, "
		   "digits, \"_\" and \"-\", 32 in all at most.", "Give one like ada.");
}

/* Text of one line without anything that a terminal would not show. */
static bool is_line(const char *text)
{
	if (!g_utf8_validate(text, -1, NULL))
		return false;
	for (; *text; text = g_utf8_next_char(text))
		if (g_unichar_iscntrl(g_utf8_get_char(text)))
			return false;
	return true;
}

/* "$6$salt$hash": what crypt(5) makes, in its own alphabet. */
static bool is_hash(const char *text)
{
	const char *last = strrchr(text, '$');

	return text[0] == '$' && last > text + 1 && last[1] &&
	       strspn(text, "$./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		      "=,-_") == strlen(text);
}

static bool check_password(const struct seed *seed, struct btn_error *e)
{
	const char *plain = seed->password, *hash = seed->password_hash;

	if (plain && hash) {
		btn_set(e, BTN_SEED, "there are two passwords");
		return bad(e, "One is as it is typed, one is a hash.", "Leave one of them out.");
	}
	if (hash && !seed->user) {
		btn_set(e, BTN_SEED, "the password's hash has no user");
		return bad(e, "A hash is set for a user by name.",
			   "Name the user, or give the password itself.");
	}
	if (hash && (!is_hash(hash) || strlen(hash) > SEED_PASSWORD_MAX)) {
		btn_set(e, BTN_SEED, "the password's hash is none");
		return bad(e, "It is to be as in /etc/shadow, such as $6$salt$hash.",
			   "Make one: openssl passwd -6");
	}
	if (plain && (!*plain || !is_line(plain) || strlen(plain) > SEED_PASSWORD_MAX)) {
		btn_set(e, BTN_SEED, "the password cannot be used");
		return bad(e, "It is one line of 1 to 255 bytes of UTF-8.", "Choose another one.");
	}
	/* cloud-init: a hash would count as one, and these ask for a random password. */
	if (plain && !seed->user &&
	    (plain[0] == '$' || !strcmp(plain, "R") || !strcmp(plain, "RANDOM"))) {
		btn_set(e, BTN_SEED, "the password would not arrive as it is");
		return bad(e, "For an image's own user, cloud-init takes \"R\", \"RANDOM\" and "
			   "what begins with \"$\" for something else.",
			   "Choose another one, or name the user.");
	}
	return true;
}

static bool check_instance_id(const char *id, struct btn_error *e)
{
	size_t length = strlen(id);

	if (length && length <= INSTANCE_ID_MAX && g_ascii_isalnum(id[0]) &&
	    strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-") ==
	    length)
		return true;
	btn_set(e, BTN_SEED, "\"%.64s\" is no instance id", id);
	return bad(e, "It begins with a letter or digit and goes on with those, \".\", \"_\" and "
		   "\"-\", 128 in all at most.", "Leave it out, or give one like web1-2.");
}

static size_t user_data_size(const struct seed *seed)
{
	return seed->user_data_size ? seed->user_data_size : strlen(seed->user_data);
}

/* What cloud-init does not know by its beginning it passes over, with a line in its log. */
static bool is_user_data(const char *text, size_t size)
{
	g_autofree char *head = g_ascii_strdown(text, (gssize)MIN(size, 4096));

	return size && (text[0] == '#' || (size > 1 && !memcmp(text, "\x1f\x8b", 2)) ||
			strstr(head, "mime-version:"));
}

static bool check_user_data(const struct seed *seed, struct btn_error *e)
{
	size_t size = user_data_size(seed);

	if (seed->user || seed->password || seed->password_hash || seed->ssh_key_count) {
		btn_set(e, BTN_SEED, "there is a user-data and a user, password or SSH key");
		return bad(e, "A user-data stands for all that the VM is told.",
			   "Write the user, password and keys into it, or leave it out.");
	}
	if (size > SEED_USER_DATA_MAX) {
		btn_set(e, BTN_SEED, "the user-data is too large");
		btn_set_cause(e, "It has %zu bytes; the most is %u.", size, SEED_USER_DATA_MAX);
		btn_set_fix(e, "Let the VM fetch what is large.");
		return false;
	}
	if (is_user_data(seed->user_data, size))
		return true;
	btn_set(e, BTN_SEED, "the user-data would not be understood");
	return bad(e, "It begins with a line that says what it is: \"#cloud-config\", or \"#!\" "
		   "and a shell.", "Write #cloud-config into its first line.");
}

static bool check_network_config(const char *text, struct btn_error *e)
{
	size_t size = strlen(text);

	if (size && size <= SEED_NETWORK_CONFIG_MAX && g_utf8_validate(text, -1, NULL))
		return true;
	btn_set(e, BTN_SEED, "the network-config cannot be used");
	return bad(e, "It is YAML in UTF-8, 64 KiB at most, and not empty.",
		   "Leave it out: without it, the VM asks for its addresses by DHCP.");
}

static bool check_keys(const struct seed *seed, struct btn_error *e)
{
	if (seed->ssh_key_count > SEED_KEYS_MAX) {
		btn_set(e, BTN_SEED, "there are too many SSH keys");
		btn_set_cause(e, "There are %zu; the most is %u.", seed->ssh_key_count,
			      SEED_KEYS_MAX);
		btn_set_fix(e, "Leave some out; the VM can be given more when it runs.");
		return false;
	}
	for (size_t i = 0; i < seed->ssh_key_count; i++)
		if (!seed_check_key(seed->ssh_keys[i], NULL, e))
			return false;
	return true;
}

bool seed_check(const struct seed *seed, struct btn_error *e)
{
	return seed_check_hostname(seed->hostname ? seed->hostname : "", e) &&
	       (!seed->instance_id || check_instance_id(seed->instance_id, e)) &&
	       (!seed->user || seed_check_user(seed->user, e)) && check_password(seed, e) &&
	       check_keys(seed, e) && (!seed->user_data || check_user_data(seed, e)) &&
	       (!seed->network_config || check_network_config(seed->network_config, e));
}

/* ---- texts ---- */

/* "key: value"; what has passed the checks is UTF-8. */
static void add(GString *to, const char *key, const char *value)
{
	g_string_append(to, key);
	yaml_quote(to, value);
	g_string_append_c(to, '\n');
}

static void add_keys(GString *to, const struct seed *seed, const char *indent)
{
	if (!seed->ssh_key_count)
		return;
	g_string_append_printf(to, "%sssh_authorized_keys:\n", indent);
	for (size_t i = 0; i < seed->ssh_key_count; i++) {
		g_autofree char *key = NULL;
		struct btn_error e;

		if (!seed_check_key(seed->ssh_keys[i], &key, &e))
			continue;
		g_string_append(to, indent);
		add(to, "  - ", key);
	}
}

char *seed_user_data(const struct seed *seed)
{
	GString *to = g_string_new("#cloud-config\n");

	add(to, "hostname: ", seed->hostname);
	if (seed->user) {
		add(to, "users:\n  - name: ", seed->user);
		g_string_append(to, "    shell: /bin/bash\n    sudo: \"ALL=(ALL) NOPASSWD:ALL\"\n");
		if (seed->password || seed->password_hash)
			g_string_append(to, "    lock_passwd: false\n");
		if (seed->password)
			add(to, "    plain_text_passwd: ", seed->password);
		if (seed->password_hash)
			add(to, "    hashed_passwd: ", seed->password_hash);
		add_keys(to, seed, "    ");
		return g_string_free(to, FALSE);
	}
	if (seed->password) {
		add(to, "password: ", seed->password);
		g_string_append(to, "chpasswd: {expire: false}\n");
	}
	add_keys(to, seed, "");
	return g_string_free(to, FALSE);
}

/* Another content is another instance: its VM applies it anew. */
static char *instance_id(const struct seed *seed, const char *user_data, size_t size)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	if (seed->instance_id)
		return g_strdup(seed->instance_id);
	g_checksum_update(sum, (const guchar *)seed->hostname, (gssize)strlen(seed->hostname) + 1);
	g_checksum_update(sum, (const guchar *)user_data, (gssize)size);
	if (seed->network_config)
		g_checksum_update(sum, (const guchar *)seed->network_config, -1);
	return g_strdup_printf("baton-%.16s", g_checksum_get_string(sum));
}

static char *meta_data(const struct seed *seed, const char *user_data, size_t size)
{
	g_autofree char *id = instance_id(seed, user_data, size);
	GString *to = g_string_new(NULL);

	add(to, "instance-id: ", id);
	add(to, "local-hostname: ", seed->hostname);
	return g_string_free(to, FALSE);
}

char *seed_meta_data(const struct seed *seed)
{
	g_autofree char *text = NULL;

	if (seed->user_data)
		return meta_data(seed, seed->user_data, user_data_size(seed));
	text = seed_user_data(seed);
	return meta_data(seed, text, strlen(text));
}

/* ---- the disk ---- */

static uint8_t *make_disk(const struct seed *seed)
{
	g_autofree char *own = seed->user_data ? NULL : seed_user_data(seed);
	const char *user = own ? own : seed->user_data;
	size_t size = own ? strlen(own) : user_data_size(seed);
	g_autofree char *meta = meta_data(seed, user, size);
	struct fat12_file files[3] = {
		{ "user-data", user, size },
		{ "meta-data", meta, strlen(meta) },
	};
	size_t count = 2;

	if (seed->network_config)
		files[count++] = (struct fat12_file){ "network-config", seed->network_config,
						      strlen(seed->network_config) };
	return fat12_create("CIDATA", g_str_hash(meta), files, count);
}

bool seed_write(const char *path, const struct seed *seed, struct btn_error *e)
{
	g_autofree uint8_t *disk = NULL;
	int error;

	if (!seed_check(seed, e))
		return false;
	disk = make_disk(seed);
	if (!disk) {
		/* The limits of all parts are below the disk's. */
		btn_set(e, BTN_INTERNAL, "the seed does not fit on its disk");
		return false;
	}
	error = save_file(path, disk, FAT12_SIZE, 0600);
	if (!error)
		return true;
	if (error == -ENOSPC || error == -EDQUOT)
		btn_set(e, BTN_DISK_NO_SPACE, "there is no room for the seed \"%s\"", path);
	else
		btn_set(e, BTN_HOST_CALL_FAILED, "the seed \"%s\" cannot be written", path);
	btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}
