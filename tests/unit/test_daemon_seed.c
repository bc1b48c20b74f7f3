// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seeds: what is refused, and that what is not arrives unchanged. The disk is judged
 * by fsck.fat, blkid and mtools; the texts by a strict reader of our own, by the
 * reader that our test disks have, and by PyYAML, which is cloud-init's.
 */
#include "daemon_tool.h"

#include "fat12.h"
#include "seed.h"
#include "yaml_quote.h"
#include "yaml_strict.h"

#define SBIN "PATH=$PATH:/sbin:/usr/sbin "
#define PARSE "scripts/lib/debian-root/usr/local/sbin/nocloud-seed parse"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMKBAqnpdi0vblRTiGzCvFo3w4/Lok94Ea89q0n1meF6"
#define ECDSA "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPBd4ugy" \
	"ZObUXQQwoV5TEY0/Z/4rte5IVU6ewwCC7C5b9bD+wakivkaWLBvfLChlYQEavokCFsfJFtSN7tQZeG0="
#define RSA "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC1Agp4UT6xnJlvYiHyO3o1rx3j2ax0JrHOL/vh6BupcK7" \
	"BbRVBbII0rXACHKhHohwf61geZgFBvU3m8oHE3r0lhnp5N86aKDobm/utpwoaJ/Djx08wUhYtikIc33WY8lFXGU" \
	"J8DoIxsRPA0bRRvzdmopEW/iPtlFtkaa909uraMw=="

/* ---- quoting ---- */

static const char *const values[] = {
	"", "plain", "- dash", "-", "# hash", "a # b", "a: b", ":", "'", "\"", "it's \"so\"", "\\",
	"\\n", "line\nbreak", "\n", "tab\there", " blank around ", "{a: b}", "[a, b]", "*a", "&a",
	"!t", "%TAG", "@a",
	"`a`", "|", ">", "?", "~", "null", "true", "no", "0x10", "1e3", "---", "...",
	"\x01\x1f\x7f", "\r\n", "\xc2\x85", "\xc2\xa0", "\xe2\x80\xa8", "\xef\xbb\xbf" "bom",
	"\xef\xbf\xbe", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "<<", "a\\\"b", "x #\"y",
	"$HOME `id`",
};

static char *quoted(const char *text)
{
	GString *to = g_string_new(NULL);

	assert_true(yaml_quote(to, text));
	return g_string_free(to, FALSE);
}

static void test_quote(void **state)
{
	GString *to = g_string_new("x");

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		g_autofree char *text = quoted(values[i]);
		const char *at = text;
		g_autofree char *back = yaml_strict_value(&at);

		if (!back || strcmp(back, values[i]) || *at)
			fail_msg("row %zu: %s", i, text);
	}
	assert_false(yaml_quote(to, "\xff"));
	assert_false(yaml_quote(to, "a\xed\xa0\x80"));
	assert_string_equal(to->str, "x");
	g_string_free(to, TRUE);
}

/* A map of all values, and what each of the two readers makes of it. */
static void test_quote_readers(void **state)
{
	GString *yaml = g_string_new("#cloud-config\n"), *hex = g_string_new(NULL);
	g_autofree char *found = NULL;
	int status;

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		g_autofree char *text = quoted(values[i]);

		g_string_append_printf(yaml, "k%02zu: %s\nl%02zu:\n  - %s\n", i, text, i, text);
		for (int twice = 0; twice < 2; twice++) {
			for (const char *at = values[i]; *at; at++)
				g_string_append_printf(hex, "%02x", (unsigned char)*at);
			g_string_append_c(hex, '\n');
		}
	}
	put_file(in_folder("all.yaml"), yaml->str, yaml->len);

	assert_int_equal(run_shell("perl -Iscripts/lib/debian-root/usr/local/lib/nocloud-seed "
		"-MYaml -e 'open F, \"<:raw\", $ARGV[0]; $y = Yaml::read(q(x), join q(), <F>);"
		"for (sort grep /^k/, keys %%$y) { print unpack(q(H*), $y->{$_}), qq(\\n);"
		"s/k/l/; print unpack(q(H*), $y->{$_}[0]), qq(\\n) }' %s",
		in_folder("all.yaml")), 0);
	found = shell_output();
	assert_string_equal(found, hex->str);

	status = run_shell("python3 -c 'import yaml' || exit 77; python3 -c 'import sys, yaml\n"
		"y = yaml.safe_load(open(sys.argv[1], \"rb\"))\n"
		"for k in sorted(k for k in y if k[0] == \"k\"):\n"
		"  for v in (y[k], y[\"l\" + k[1:]][0]): print(v.encode().hex())' %s",
		in_folder("all.yaml"));
	if (status == 77) {
		print_message("# PyYAML is not here: python3-yaml\n");
	} else {
		g_autofree char *python = shell_output();

		assert_int_equal(status, 0);
		assert_string_equal(python, hex->str);
	}
	g_string_free(yaml, TRUE);
	g_string_free(hex, TRUE);
}

/* ---- names ---- */

static const struct {
	const char *name;
	bool good;
} hostnames[] = {
	{ "web1", true }, { "1", true }, { "a-b.example.org", true }, { "A", true },
	{ "", false }, { "-a", false }, { "a-", false }, { "a.", false }, { ".a", false },
	{ "a..b", false }, { "a-.b", false }, { "a.-b", false }, { "a_b", false }, { "a b", false },
	{ "a\n", false }, { "\xc3\xa9", false }, { "a/b", false },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
}, users[] = {
	{ "ada", true }, { "_a", true }, { "a-b_1", true },
	{ "abcdefghijklmnopqrstuvwxyz012345", true },
	{ "abcdefghijklmnopqrstuvwxyz0123456", false },
	{ "", false }, { "1a", false }, { "-a", false }, { "Ada", false }, { "a b", false },
	{ "a:b", false }, { "a\n", false }, { "a.b", false }, { "\xc3\xa9", false },
};

static void test_names(void **state)
{
	g_autofree char *longest = NULL;
	struct btn_error e;

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(hostnames); i++)
		if (seed_check_hostname(hostnames[i].name, &e) != hostnames[i].good)
			fail_msg("host name \"%s\"", hostnames[i].name);
	for (size_t i = 0; i < G_N_ELEMENTS(users); i++)
		if (seed_check_user(users[i].name, &e) != users[i].good)
			fail_msg("user \"%s\"", users[i].name);
	longest = g_strnfill(254, 'a');
	for (size_t i = 60; i < 254; i += 61)
		longest[i] = '.';
	assert_false(seed_check_hostname(longest, &e));
	assert_error(&e, BTN_SEED, "host name");
	longest[253] = 0;
	assert_true(seed_check_hostname(longest, &e));
}

/* ---- keys ---- */

static const struct {
	const char *text, *says;	/* says NULL: it is one */
} keys[] = {
	{ ED25519, NULL }, { ECDSA, NULL }, { RSA, NULL },
	{ ED25519 " ada@home", NULL }, { "  " ED25519 "\ta # \"b\"  \r\n", NULL },
	{ "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "private key" },
	{ "-----BEGIN RSA PRIVATE KEY-----", "private key" },
	{ "PuTTY-User-Key-File-3: ssh-ed25519", "private key" },
	{ "---- BEGIN SSH2 PUBLIC KEY ----", "ssh-keygen -i" },
	{ "", "type of a key" }, { "ssh-dss AAAA", "type of a key" },
	{ "ssh-ed25519", "not the key" }, { "ssh-ed25519 ", "not the key" },
	{ "ssh-ed25519 AAAA", "not the key" }, { "ssh-ed25519 !!!!", "not the key" },
	{ "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIMKBAqnpdi0vblRTiGzCvFo3w4/Lok94Ea89q0n1meF6",
	  "not the key" },
	/* four characters less, and four more */
	{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMKBAqnpdi0vblRTiGzCvFo3w4/Lok94Ea89q0n1",
	  "not the key" },
	{ ED25519 "AAAA", "not the key" },
	{ ED25519 "\n" ED25519, "one line" }, { ED25519 " a\x01", "one line" },
	{ ED25519 " \xff", "one line" }, { "from=\"x\" " ED25519, "type of a key" },
};

static void test_keys(void **state)
{
	g_autofree char *large = g_strnfill(SEED_KEY_MAX + 1, 'a');
	struct btn_error e;

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *key = NULL;
		bool good = seed_check_key(keys[i].text, &key, &e);

		if (good != !keys[i].says)
			fail_msg("row %zu: %s", i, keys[i].text);
		if (!good)
			assert_error(&e, BTN_SEED, keys[i].says);
		else
			assert_true(strstr(keys[i].text, key) && !g_ascii_isspace(key[0]) &&
				    !g_ascii_isspace(key[strlen(key) - 1]));
	}
	assert_false(seed_check_key(large, NULL, &e));
	assert_error(&e, BTN_SEED, "16 KiB");
	/* Nobody finds his private key in a log. */
	assert_false(seed_check_key("-----BEGIN PRIVATE KEY-----\nhush\n", NULL, &e));
	assert_null(strstr(e.message, "hush"));
	assert_null(strstr(e.cause, "hush"));
}

static void test_default_keys(void **state)
{
	g_auto(GStrv) none = seed_default_keys(in_folder("nowhere")), found = NULL, own = NULL;
	const char *ssh = in_folder(".ssh");

	(void)state;
	assert_null(none[0]);
	assert_int_equal(g_mkdir(ssh, 0700), 0);
	put_file(in_folder(".ssh/id_rsa.pub"), RSA " b\n", strlen(RSA " b\n"));
	put_file(in_folder(".ssh/id_ed25519.pub"), ED25519 " a\n", strlen(ED25519 " a\n"));
	put_file(in_folder(".ssh/id_ed25519"), "-----BEGIN PRIVATE KEY-----", 27);
	put_file(in_folder(".ssh/wrong.pub"), "hello\n", 6);
	put_file(in_folder(".ssh/empty.pub"), "", 0);
	put_file(in_folder(".ssh/known_hosts"), ED25519, strlen(ED25519));
	assert_int_equal(mkfifo(in_folder(".ssh/fifo.pub"), 0600), 0);
	assert_int_equal(g_mkdir(in_folder(".ssh/dir.pub"), 0700), 0);
	found = seed_default_keys(ssh);
	assert_int_equal(g_strv_length(found), 2);
	assert_string_equal(found[0], ED25519 " a");
	assert_string_equal(found[1], RSA " b");
	/* Without a folder: that of HOME, which GLib reads once. */
	own = seed_default_keys(NULL);
	assert_int_equal(g_strv_length(own), 2);
}

/* ---- a whole seed ---- */

static const char *const two_keys[] = { ED25519 " ada@\"home\" # it's", " " ECDSA "\n" };

static void test_refused(void **state)
{
	const char *key[] = { "-----BEGIN PRIVATE KEY-----" };
	g_autofree char *large = g_strnfill(SEED_USER_DATA_MAX + 1, '#');
	g_autofree char *wide = g_strnfill(SEED_NETWORK_CONFIG_MAX + 1, '#');
	const char *many[SEED_KEYS_MAX + 1];
	const struct {
		struct seed seed;
		const char *says;
	} rows[] = {
		{ { .hostname = "" }, "host name" }, { { .user = "a" }, "host name" },
		{ { .hostname = "a", .user = "A" }, "name for a user" },
		{ { .hostname = "a", .instance_id = "" }, "instance id" },
		{ { .hostname = "a", .instance_id = "../a" }, "instance id" },
		{ { .hostname = "a", .ssh_keys = key, .ssh_key_count = 1 }, "private key" },
		{ { .hostname = "a", .ssh_keys = many, .ssh_key_count = SEED_KEYS_MAX + 1 },
		  "too many" },
		{ { .hostname = "a", .password = "" }, "password" },
		{ { .hostname = "a", .password = "a\nroot:b" }, "password" },
		{ { .hostname = "a", .password = "\xff" }, "password" },
		{ { .hostname = "a", .password = "RANDOM" }, "would not arrive" },
		{ { .hostname = "a", .password = "$6$a$b" }, "would not arrive" },
		{ { .hostname = "a", .password_hash = "$6$a$b" }, "has no user" },
		{ { .hostname = "a", .user = "a", .password_hash = "secret" }, "hash is none" },
		{ { .hostname = "a", .user = "a", .password_hash = "$6$a:b$c" }, "hash is none" },
		{ { .hostname = "a", .user = "a", .password_hash = "$6" }, "hash is none" },
		{ { .hostname = "a", .user = "a", .password = "a", .password_hash = "$6$a$b" },
		  "two" },
		{ { .hostname = "a", .user_data = "" }, "understood" },
		{ { .hostname = "a", .user_data = "hostname: b" }, "#cloud-config" },
		{ { .hostname = "a", .user_data = "#!/bin/sh", .user = "a" }, "stands for all" },
		{ { .hostname = "a", .user_data = large }, "1048577" },
		{ { .hostname = "a", .network_config = "" }, "network-config" },
		{ { .hostname = "a", .network_config = wide }, "network-config" },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(many); i++)
		many[i] = ED25519;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct btn_error e = { 0 };

		if (seed_write(in_folder("refused"), &rows[i].seed, &e))
			fail_msg("row %zu (%s) was written", i, rows[i].says);
		assert_error(&e, BTN_SEED, rows[i].says);
		assert_int_not_equal(access(in_folder("refused"), F_OK), 0);
	}
}

/* What the disk holds under that name, by mtools. */
static char *read_back(const char *disk, const char *name)
{
	if (run_shell("mtype -i %s ::%s", disk, name))
		fail_msg("no %s on the disk", name);
	return shell_output();
}

static void check_disk(const char *disk)
{
	g_autofree char *label = NULL, *type = NULL;
	struct stat st;

	if (run_shell(SBIN "fsck.fat -n -V %s", disk)) {
		g_autofree char *says = shell_output();

		fail_msg("fsck.fat: %s", says);
	}
	assert_int_equal(run_shell(SBIN "blkid -p -o value -s LABEL %s", disk), 0);
	label = shell_output();
	assert_string_equal(label, "CIDATA\n");
	assert_int_equal(run_shell(SBIN "blkid -p -o value -s TYPE %s", disk), 0);
	type = shell_output();
	assert_string_equal(type, "vfat\n");
	assert_int_equal(stat(disk, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size % 512, 0);
}

static void has_lines(const char *text, const char *const *lines)
{
	for (; *lines; lines++) {
		g_autofree char *line = g_strdup_printf("\n%s\n", *lines);

		if (!strstr(text, line))
			fail_msg("\"%s\" is not in:\n%s", *lines, text);
	}
}

static char *parsed(const char *text)
{
	put_file(in_folder("text"), text, strlen(text));
	assert_int_equal(run_shell(PARSE " %s", in_folder("text")), 0);
	return shell_output();
}

static void test_disk(void **state)
{
	static const char *const user_lines[] = {
		"hostname: \"web1.example.org\"", "    name: \"ada\"", "    lock_passwd: \"false\"",
		"    plain_text_passwd: \"a: 'b' # \\\"c\\\" - \\\\n\"",
		"      - \"" ED25519 " ada@\\\"home\\\" # it's\"", "      - \"" ECDSA "\"", NULL,
	};
	static const char *const meta_lines[] = { "local-hostname: \"web1.example.org\"", NULL };
	struct seed seed = {
		.hostname = "web1.example.org", .user = "ada", .ssh_keys = two_keys,
		.ssh_key_count = 2, .password = "a: 'b' # \"c\" - \\n",
		.network_config = "version: 2\nethernets: {}\n",
	};
	const char *disk = in_folder("seed.img");
	struct btn_error e;

	(void)state;
	assert_done(seed_write(disk, &seed, &e), &e);
	check_disk(disk);
	{
		g_autofree char *user = read_back(disk, "user-data"), *meta = NULL, *network = NULL;
		g_autofree char *user_parsed = NULL, *meta_parsed = NULL, *made = NULL;

		made = seed_user_data(&seed);
		assert_string_equal(user, made);
		assert_true(g_str_has_prefix(user, "#cloud-config\n"));
		user_parsed = parsed(user);
		has_lines(user_parsed, user_lines);
		meta = read_back(disk, "meta-data");
		meta_parsed = parsed(meta);
		has_lines(meta_parsed, meta_lines);
		assert_non_null(strstr(meta_parsed, "instance-id: \"baton-"));
		network = read_back(disk, "network-config");
		assert_string_equal(network, seed.network_config);
	}
	/* Nothing is left beside it, and what is there is replaced. */
	assert_int_not_equal(access(in_folder("seed.img.new"), F_OK), 0);
	seed.instance_id = "again-1";
	put_file(in_folder("seed.img.new"), "left by a crash", 15);
	assert_done(seed_write(disk, &seed, &e), &e);
	check_disk(disk);
	{
		g_autofree char *meta = read_back(disk, "meta-data");

		assert_non_null(strstr(meta, "instance-id: \"again-1\"\n"));
	}
}

/* Without a user: the image's own gets them. */
static void test_own_user(void **state)
{
	static const char *const lines[] = {
		"password: \"secret\"", "  expire: \"false\"", "  - \"" ECDSA "\"", NULL,
	};
	struct seed seed = { .hostname = "a", .password = "secret", .ssh_keys = two_keys,
			     .ssh_key_count = 2 };
	struct seed hashed = { .hostname = "a", .user = "b", .password_hash = "$6$salt$abc/." };
	g_autofree char *text = seed_user_data(&seed), *found = parsed(text), *hash = NULL;
	struct btn_error e;

	(void)state;
	assert_done(seed_check(&seed, &e), &e);
	has_lines(found, lines);
	assert_null(strstr(text, "users"));
	assert_done(seed_check(&hashed, &e), &e);
	hash = seed_user_data(&hashed);
	assert_non_null(strstr(hash, "    hashed_passwd: \"$6$salt$abc/.\"\n"));
	assert_null(strstr(hash, "plain_text"));
}

/* Equal seeds have equal ids, others have others. */
static void test_instance_id(void **state)
{
	struct seed seed = { .hostname = "a" };
	g_autofree char *first = seed_meta_data(&seed), *again = seed_meta_data(&seed);
	g_autofree char *other = NULL, *network = NULL, *data = NULL;

	(void)state;
	assert_string_equal(first, again);
	seed.network_config = "version: 2\n";
	network = seed_meta_data(&seed);
	seed.network_config = NULL;
	seed.user = "b";
	other = seed_meta_data(&seed);
	seed.user = NULL;
	seed.user_data = "#!/bin/sh\n";
	data = seed_meta_data(&seed);
	assert_string_not_equal(first, network);
	assert_string_not_equal(first, other);
	assert_string_not_equal(first, data);
	assert_string_not_equal(other, network);
}

/* The largest of all, of bytes that are no text, with a NUL inside. */
static void test_large(void **state)
{
	g_autofree char *data = g_malloc(SEED_USER_DATA_MAX), *network = NULL, *back = NULL;
	struct seed seed = { .hostname = "a", .user_data = data,
			     .user_data_size = SEED_USER_DATA_MAX };
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	struct btn_error e;
	gsize size;

	(void)state;
	for (size_t i = 0; i < SEED_USER_DATA_MAX; i++)
		data[i] = (char)g_rand_int(random);
	memcpy(data, "\x1f\x8b\0", 3);
	network = g_strnfill(SEED_NETWORK_CONFIG_MAX, '#');
	seed.network_config = network;
	assert_done(seed_write(in_folder("large.img"), &seed, &e), &e);
	check_disk(in_folder("large.img"));
	assert_int_equal(run_shell("mcopy -i %s ::user-data %s", in_folder("large.img"),
				   in_folder("large")), 0);
	assert_true(g_file_get_contents(in_folder("large"), &back, &size, NULL));
	assert_int_equal(size, SEED_USER_DATA_MAX);
	assert_memory_equal(back, data, size);
}

/* Files from empty to one too many bytes: at each edge of a cluster. */
static void test_fat12(void **state)
{
	static const size_t sizes[] = { 0, 1, 2047, 2048, 2049, 4096, 100000 };
	g_autofree char *data = g_malloc0(FAT12_SIZE);
	struct fat12_file file = { "a-long.name_that-takes.several_entries", data, FAT12_SIZE };

	(void)state;
	assert_null(fat12_create("A", 1, &file, 1));
	file.size = 1;
	file.name = "a/b";
	assert_null(fat12_create("A", 1, &file, 1));
	file.name = "";
	assert_null(fat12_create("A", 1, &file, 1));
	assert_null(fat12_create("A", 1, &file, FAT12_FILES_MAX + 1));
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		struct fat12_file files[] = {
			{ "a-long.name_that-takes.several_entries", data, sizes[i] },
			{ "thirteen-char", data, 3 }, { "x", data, sizes[i] },
		};
		g_autofree uint8_t *disk = NULL;
		gsize size;

		memset(data, 'a' + (int)i, sizes[i]);
		disk = fat12_create("LABEL", 7, files, 3);
		assert_non_null(disk);
		put_file(in_folder("fat"), disk, FAT12_SIZE);
		if (run_shell(SBIN "fsck.fat -n -V %s", in_folder("fat")))
			fail_msg("fsck.fat, files of %zu bytes", sizes[i]);
		for (size_t j = 0; j < 3; j++) {
			g_autofree char *got = NULL;

			assert_int_equal(run_shell("rm -f %s; mcopy -i %s ::%s %s", in_folder("f"),
						   in_folder("fat"), files[j].name,
						   in_folder("f")), 0);
			assert_true(g_file_get_contents(in_folder("f"), &got, &size, NULL));
			assert_int_equal(size, files[j].size);
			assert_memory_equal(got, data, size);
		}
	}
}

/* A folder that is not there; the old seed stays when the new one cannot be written. */
static void test_no_folder(void **state)
{
	struct seed seed = { .hostname = "a" };
	struct btn_error e;

	(void)state;
	assert_false(seed_write(in_folder("nowhere/seed.img"), &seed, &e));
	assert_error(&e, BTN_HOST_CALL_FAILED, "No such file");
	/* A folder in the temporary name's place cannot be replaced. */
	put_file(in_folder("old.img"), "old", 3);
	assert_int_equal(g_mkdir(in_folder("old.img.new"), 0700), 0);
	assert_false(seed_write(in_folder("old.img"), &seed, &e));
	{
		g_autofree char *old = contents(in_folder("old.img"));

		assert_string_equal(old, "old");
	}
}

static int up(void **state)
{
	if (folder_make(state))
		return -1;
	return g_setenv("HOME", folder, TRUE) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_quote_readers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_default_keys),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_own_user),
		cmocka_unit_test(test_instance_id),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_fat12),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests_name("seeds", tests, up, folder_remove);
}
