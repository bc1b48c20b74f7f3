// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Definitions of VMs: vm.conf read and written, what a person added kept, keys set and
 * unset, every wrong value refused with its key named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"

#define UUID "11111111-2222-4333-8444-555555555555"
#define MAC_OF_WEB1 "52:54:93:c3:ef:e0"
#define HEAD "[vm]\nname=web1\nuuid=" UUID "\n"

static struct btn_error error;

static struct config *parse(const char *text)
{
	struct config *config = config_parse(text, strlen(text), &error);

	if (!config)
		print_message("%s | %s | %s\n", error.message, error.cause, error.fix);
	assert_non_null(config);
	return config;
}

static void set(struct config *config, const char *key, const char *value)
{
	if (!config_set(config, key, value, &error))
		fail_msg("%s=%s: %s | %s", key, value, error.message, error.cause);
}

static void assert_get(const struct config *config, const char *key, const char *value)
{
	char *text = config_get(config, key);

	assert_non_null(text);
	assert_string_equal(text, value);
	g_free(text);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" lacks \"%s\"", text, part);
}

/* ---- reading and writing ---- */

static const char whole[] =
	"# my notes\n"
	"[vm]\n"
	"schema = 1\n"
	"name = dev\n"
	"uuid = " UUID "\n"
	"cpus = 4\n"
	"cpu-model = v3\n"
	"# plenty\n"
	"memory = 2048M..6G\n"
	"engine = kvm\n"
	"\n"
	"[disk.0]\n"
	"file = disk0.qcow2\n"
	"discard = on\n"
	"\n"
	"[disk.1]\n"
	"file = /srv/data.img\n"
	"format = raw\n"
	"readonly = yes\n"
	"\n"
	"[net.0]\n"
	"network = nat\n"
	"mac = 52:54:00:12:34:5A\n"
	"forward = 127.0.0.1:2222:22; 0.0.0.0:53:53/udp\n";

static void test_read(void **state)
{
	struct config *config = parse(whole);

	(void)state;
	assert_string_equal(config->name, "dev");
	assert_string_equal(config->uuid, UUID);
	assert_string_equal(config->title, "");
	assert_int_equal(config->cpus, 4);
	assert_int_equal(config->memory_min, 2ull << 30);
	assert_int_equal(config->memory, 6ull << 30);
	assert_int_equal(config->engine, CONFIG_KVM);
	assert_int_equal(config->board, CONFIG_PC);
	assert_int_equal(config->disk_count, 2);
	assert_string_equal(config->disk[0].file, "disk0.qcow2");
	assert_int_equal(config->disk[0].format, CONFIG_FORMAT_AUTO);
	assert_false(config->disk[0].readonly);
	assert_int_equal(config->disk[1].format, CONFIG_FORMAT_RAW);
	assert_true(config->disk[1].readonly);
	assert_int_equal(config->net_count, 1);
	assert_string_equal(config->net[0].mac, "52:54:00:12:34:5a");
	assert_int_equal(config->net[0].forward_count, 2);
	assert_int_equal(config->net[0].forward[0].guest_port, 22);
	assert_string_equal(config->net[0].forward[1].host_address, "0.0.0.0");
	assert_true(config->net[0].forward[1].udp);
	config_free(config);
}

/* What nobody changed is written as it was, to the byte, but for a missing line. */
static void test_kept(void **state)
{
	struct config *config = parse(whole);
	char *text = config_to_text(config), *again;

	(void)state;
	assert_has(text, "# my notes\n");
	assert_has(text, "cpu-model=v3\n");
	assert_has(text, "# plenty\nmemory=2048M..6G\n");
	assert_has(text, "discard=on\n");
	assert_has(text, "mac=52:54:00:12:34:5A\n");
	assert_has(text, "readonly=yes\n");
	assert_has(text, "board=pc\n");
	set(config, "memory", "1G");
	set(config, "disk.1.readonly", "");
	again = config_to_text(config);
	assert_has(again, "# plenty\nmemory=1G\n");
	assert_null(strstr(again, "readonly"));
	assert_has(again, "cpu-model=v3\n");
	g_free(text);
	g_free(again);
	config_free(config);
}

static void count_unknown(const char *key, const char *meant, void *ctx)
{
	GString *all = ctx;

	g_string_append_printf(all, "%s:%s ", key, meant ? meant : "");
}

static void test_unknown(void **state)
{
	struct config *config = parse(HEAD "memroy=1G\n[disk.0]\nfile=a\nreadonyl=on\n[x]\ny=1\n");
	GString *all = g_string_new(NULL);

	(void)state;
	config_each_unknown(config, count_unknown, all);
	assert_has(all->str, "memroy:memory ");
	assert_has(all->str, "disk.0.readonyl:disk.0.readonly ");
	assert_has(all->str, "x.y:");
	g_string_free(all, TRUE);
	config_free(config);
}

/* A device in the middle goes: those behind it keep what nobody knows about them. */
static void test_remove_device(void **state)
{
	struct config *config = parse(HEAD "[disk.0]\nfile=a\n[disk.1]\nfile=b\n"
				      "# of c\n[disk.2]\n# why c\nfile=c\nx=\\\\y\n");
	char *text;

	(void)state;
	set(config, "disk.1", "");
	assert_int_equal(config->disk_count, 2);
	assert_get(config, "disk.1.file", "c");
	assert_null(config_get(config, "disk.2.file"));
	text = config_to_text(config);
	assert_has(text, "[disk.1]\n# why c\nfile=c\nx=\\\\y\n");
	assert_null(strstr(text, "disk.2"));
	assert_null(strstr(text, "file=b"));
	g_free(text);
	set(config, "disk.0", "");
	set(config, "disk.0", "");
	assert_int_equal(config->disk_count, 0);
	assert_false(config_set(config, "disk.0", "", &error));
	text = config_to_text(config);
	assert_null(strstr(text, "disk."));
	g_free(text);
	config_free(config);
}

static void compare(const char *key, const char *value, void *ctx)
{
	assert_get(ctx, key, value);
}

/* All of one comes back from its text, and from a copy of it. */
static void check_round(const struct config *config)
{
	char *text = config_to_text(config);
	struct config *back = parse(text), *copy = config_copy(config);
	char *again = config_to_text(back), *copied = config_to_text(copy);

	config_each(config, compare, back);
	config_each(back, compare, (void *)config);
	config_each(config, compare, copy);
	assert_string_equal(text, again);
	assert_string_equal(text, copied);
	g_free(text);
	g_free(again);
	g_free(copied);
	config_free(back);
	config_free(copy);
}

static const struct {
	const char *key, *value, *get;
} settings[] = {
	{ "title", "  Web \xc3\xa9 #1; ", NULL },
	{ "description", "line\n\tof = [two]\n", NULL },
	{ "cpus", " 4 ", "4" },
	{ "cpus", "64", NULL },
	{ "memory", "512M..2G", NULL },
	{ "memory", "1536 MiB", "1536M" },
	{ "memory", "2048M", "2G" },
	{ "ksm", "true", "on" },
	{ "ksm", "OFF", "off" },
	{ "autostart", "1", "on" },
	{ "engine", "baton", NULL },
	{ "user", "debian", NULL },
	{ "disk.0.file", "disk0.qcow2", NULL },
	{ "disk.1.file", "/x/y z.qcow2", NULL },
	{ "disk.1.readonly", "true", "on" },
	{ "disk.1.format", "qcow2", NULL },
	{ "disk.1.file", "sub/..x/y.img", NULL },
	{ "cdrom.0.file", "/iso/a.iso", NULL },
	{ "cdrom.1.file", "b,readonly", NULL },
	{ "net.0.network", "default", NULL },
	{ "net.0.forward", "2222:22;8080:80/tcp", "2222:22;8080:80" },
	{ "net.0.forward", "10.0.0.1:1:65535/udp, 2:2,", "10.0.0.1:1:65535/udp;2:2" },
	{ "net.1.network", "lab-2_x.y", NULL },
	{ "net.1.mac", "02:AB:00:00:00:01", "02:ab:00:00:00:01" },
	{ "display.vnc", "unix:/run/x y.sock", NULL },
	{ "display.vnc-password", "vnc.pw", NULL },
	{ "display.vnc", "127.0.0.1:5901", NULL },
};

static void test_set(void **state)
{
	struct config *config = config_new("web1");

	(void)state;
	check_round(config);
	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
		set(config, settings[i].key, settings[i].value);
		assert_get(config, settings[i].key,
			   settings[i].get ? settings[i].get : settings[i].value);
		check_round(config);
	}
	config_free(config);
}

static void test_micro(void **state)
{
	struct config *config = config_new("m");

	(void)state;
	set(config, "board", "micro");
	assert_false(config_check(config, &error));
	set(config, "kernel.file", "/boot/vmlinuz");
	set(config, "kernel.initrd", "initrd");
	set(config, "kernel.append", "a=b \"c d\"");
	assert_true(config_check(config, &error));
	check_round(config);
	/* An empty one differs from none: then there is no root=. */
	g_free(config->append);
	config->append = g_strdup("");
	check_round(config);
	set(config, "kernel.append", "");
	assert_null(config->append);
	check_round(config);
	config_free(config);
}

/* ---- wrong ones ---- */

static const struct {
	const char *key, *value;
	enum btn_code code;
	const char *part;	/* of message, cause or fix */
} refused[] = {
	{ "memroy", "1G", BTN_UNKNOWN_OPTION, "\"memory\"" },
	{ "disk.0.fiel", "a", BTN_UNKNOWN_OPTION, "\"disk.0.file\"" },
	{ "disk.01.file", "a", BTN_UNKNOWN_OPTION, "" },
	{ "disk..file", "a", BTN_UNKNOWN_OPTION, "" },
	{ "disk.N.file", "a", BTN_UNKNOWN_OPTION, "" },
	{ "", "", BTN_UNKNOWN_OPTION, "" },
	{ "\x1b[31m\xff", "", BTN_UNKNOWN_OPTION, "?[31m?" },
	{ "name", "other", BTN_BAD_VALUE, "vmctl rename web1" },
	{ "uuid", UUID, BTN_BAD_VALUE, "uuid" },
	{ "cpus", "0", BTN_BAD_VALUE, "1 to 64" },
	{ "cpus", "65", BTN_BAD_VALUE, "cpus" },
	{ "cpus", "-1", BTN_BAD_VALUE, "cpus" },
	{ "cpus", "4x", BTN_BAD_VALUE, "cpus" },
	{ "cpus", "18446744073709551617", BTN_BAD_VALUE, "cpus" },
	{ "memory", "512", BTN_BAD_VALUE, "memory=512M" },
	{ "memory", "8M", BTN_BAD_VALUE, "16M" },
	{ "memory", "17T", BTN_BAD_VALUE, "16T" },
	{ "memory", "99999999999999999999G", BTN_BAD_VALUE, "memory" },
	{ "memory", "33554433", BTN_BAD_VALUE, "pages" },
	{ "memory", "2G..1G", BTN_BAD_VALUE, "larger" },
	{ "memory", "..", BTN_BAD_VALUE, "memory" },
	{ "memory", "1G..", BTN_BAD_VALUE, "memory" },
	{ "memory", "1G..2G..3G", BTN_BAD_VALUE, "memory" },
	{ "board", "mirco", BTN_BAD_VALUE, "\"micro\"" },
	{ "engine", "qemu", BTN_BAD_VALUE, "auto, baton, kvm" },
	{ "ksm", "maybe", BTN_BAD_VALUE, "ksm" },
	{ "title", "a\nb", BTN_BAD_VALUE, "title" },
	{ "title", "a\x7f", BTN_BAD_VALUE, "title" },
	{ "title", "\xc2\x9b" "31m", BTN_BAD_VALUE, "title" },
	{ "title", "\xff", BTN_BAD_VALUE, "title" },
	{ "description", "a\rb", BTN_BAD_VALUE, "description" },
	{ "user", "a/b", BTN_BAD_VALUE, "user" },
	{ "disk.1.file", "a", BTN_BAD_VALUE, "disk.0.file" },
	{ "disk.0.readonly", "on", BTN_BAD_VALUE, "disk.0.file" },
	{ "disk.16.file", "a", BTN_TOO_MANY_DEVICES, "disk.15" },
	{ "disk.99999999999.file", "a", BTN_UNKNOWN_OPTION, "" },
	{ "disk.0.file", "../x", BTN_BAD_VALUE, "disk.0.file" },
	{ "disk.0.file", "a/../../x", BTN_BAD_VALUE, ".." },
	{ "disk.0.file", "a/..", BTN_BAD_VALUE, ".." },
	{ "disk.0.file", "a/", BTN_BAD_VALUE, "folder" },
	{ "disk.0.file", "a\nb", BTN_BAD_VALUE, "a?b" },
	{ "disk.0.file", "a,readonly", BTN_BAD_VALUE, ",readonly" },
	{ "disk.0.file", "a,format=raw", BTN_BAD_VALUE, ",format=raw" },
	{ "disk.0.file", "", BTN_BAD_VALUE, "disk.0=" },
	{ "cdrom.2.file", "a", BTN_TOO_MANY_DEVICES, "cdrom.1" },
	{ "cdrom.0.file", "", BTN_BAD_VALUE, "cdrom.0.file" },
	{ "net.4.network", "a", BTN_TOO_MANY_DEVICES, "net.3" },
	{ "net.0.network", "../x", BTN_BAD_VALUE, "net.0.network" },
	{ "net.0.network", "-x", BTN_BAD_VALUE, "net.0.network" },
	{ "net.1.mac", "52:54:00:12:34:56", BTN_BAD_VALUE, "net.1" },
	{ "display.vnc", "0.0.0.0:5900", BTN_BAD_VALUE, "display.vnc" },
	{ "display.vnc", "127.0.0.1:0", BTN_BAD_VALUE, "display.vnc" },
	{ "display.vnc", "127.0.0.1:", BTN_BAD_VALUE, "display.vnc" },
	{ "display.vnc", "unix:relative", BTN_BAD_VALUE, "display.vnc" },
};

static void check_refused(struct config *config, const char *key, const char *value,
			  enum btn_code code, const char *part)
{
	char *before = config_to_text(config), *after;

	memset(&error, 0, sizeof(error));
	if (config_set(config, key, value, &error))
		fail_msg("%s=%s was taken", key, value);
	assert_int_equal(error.code, code);
	if (!strstr(error.message, part) && !strstr(error.cause, part) &&
	    !strstr(error.fix, part))
		fail_msg("%s=%s: \"%s\" is not in: %s | %s | %s", key, value, part,
			 error.message, error.cause, error.fix);
	after = config_to_text(config);
	assert_string_equal(before, after);
	g_free(before);
	g_free(after);
}

static void test_refused(void **state)
{
	struct config *config = config_new("web1");

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
		check_refused(config, refused[i].key, refused[i].value, refused[i].code,
			      refused[i].part);
	config_free(config);
}

static const char *const bad_cards[][2] = {
	{ "net.0.mac", "01:00:00:00:00:01" }, { "net.0.mac", "00:00:00:00:00:00" },
	{ "net.0.mac", "52:54:00:12:34" }, { "net.0.mac", "52-54-00-12-34-56" },
	{ "net.0.forward", "22" }, { "net.0.forward", "0:22" }, { "net.0.forward", "22:65536" },
	{ "net.0.forward", "1:2:3:4" }, { "net.0.forward", "1:2/sctp" },
	{ "net.0.forward", "localhost:1:2" }, { "net.0.forward", "1:2;x" },
	{ "net.0.forward", ":1:2" }, { "net.0.forward", "1:" }, { "net.0.forward", "/udp" },
	{ "net.0.forward", "111.111.111.111.1:1:2" },
	{ "net.0.forward", "1:1;2:2;3:3;4:4;5:5;6:6;7:7;8:8;9:9;10:10;11:11;12:12;13:13;14:14;"
			   "15:15;16:16;17:17" },
};

static void test_refused_cards(void **state)
{
	struct config *config = config_new("web1");

	(void)state;
	set(config, "net.0.network", "default");
	for (size_t i = 0; i < G_N_ELEMENTS(bad_cards); i++)
		check_refused(config, bad_cards[i][0], bad_cards[i][1],
			      i + 1 < G_N_ELEMENTS(bad_cards) ? BTN_BAD_VALUE : BTN_NET_FULL,
			      bad_cards[i][0]);
	config_free(config);
}

/* The parts are in the message, cause or fix. */
static const struct {
	const char *text, *part;
} bad_files[] = {
	{ "", "empty" },
	{ "name=x\n", "key-file" },
	{ "[vm\n", "key-file" },
	{ "[vm]\nname\n", "key-file" },
	{ "[other]\na=b\n", "[vm]" },
	{ "[vm]\nuuid=" UUID "\n", "name" },
	{ "[vm]\nname=web1\n", "uuid = " },
	{ "[vm]\nname=web1\nuuid=1234\n", "uuid" },
	{ "[vm]\nname=../x\nuuid=" UUID "\n", "../x" },
	{ HEAD "schema=2\n", "newer" },
	{ HEAD "schema=x\n", "schema" },
	{ HEAD "schema=0\n", "schema" },
	{ HEAD "title=\xff\n", "UTF-8" },
	{ HEAD "title=\\q\n", "title" },
	{ HEAD "cpus=many\n", "cpus" },
	{ HEAD "cpus=1\ncpus=2\n", "cpus" },
	{ HEAD "[disk.0]\nreadonly=on\n", "disk.0.file" },
	{ HEAD "[disk.0]\nfile=a\n[disk.2]\nfile=b\n", "disk.1" },
	{ HEAD "[disk.00]\nfile=a\n", "disk.0" },
	{ HEAD "[disk.16]\nfile=a\n", "16" },
	{ HEAD "[disk.0]\nfile=a\n[disk.1]\nfile=./a\n", "same file" },
	{ HEAD "board=micro\n", "kernel.file" },
	{ HEAD "board=micro\n[kernel]\nfile=k\n[cdrom.0]\nfile=c\n", "CD" },
	{ HEAD "board=micro\n[kernel]\nfile=k\n[display]\nvnc=unix:/x\n", "screen" },
	{ HEAD "[kernel]\nfile=k\n", "board pc" },
	{ HEAD "[display]\nvnc=127.0.0.1:5900\n", "password" },
	{ HEAD "[net.0]\nnetwork=a\nforward=80:1;80:2\n", "port 80" },
	{ HEAD "[net.0]\nnetwork=a\nforward=80:1\n[net.1]\nnetwork=b\nforward=0.0.0.0:80:1\n",
	  "port 80" },
	{ HEAD "[net.0]\nnetwork=a\nmac=02:00:00:00:00:01\n[net.1]\nnetwork=b\n"
	  "mac=02:00:00:00:00:01\n", "same MAC" },
};

static void test_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(bad_files); i++) {
		const char *part = bad_files[i].part;

		if (config_parse(bad_files[i].text, strlen(bad_files[i].text), &error))
			fail_msg("taken: %s", bad_files[i].text);
		assert_int_equal(error.code, BTN_VM_CONFIG);
		assert_has(error.message, "vm.conf");
		if (!strstr(error.message, part) && !strstr(error.cause, part) &&
		    !strstr(error.fix, part))
			fail_msg("%s: \"%s\" is not in: %s | %s | %s", bad_files[i].text, part,
				 error.message, error.cause, error.fix);
	}
}

static void test_size(void **state)
{
	size_t size = CONFIG_FILE_MAX + 1;
	char *text = g_malloc(size);
	struct config *config;

	(void)state;
	memset(text, '\n', size);
	memcpy(text, HEAD, strlen(HEAD));
	assert_null(config_parse(text, size, &error));
	assert_has(error.cause, "1 MiB");
	config = config_parse(text, size - 1, &error);
	assert_non_null(config);
	config_free(config);
	text[40] = '\0';
	assert_null(config_parse(text, size - 1, &error));
	g_free(text);
}

static void count_calls(const char *key, const char *meant, void *ctx)
{
	(void)key, (void)meant;
	++*(unsigned int *)ctx;
}

/* What is as long as it may be is read, written and looked through in no time. */
static void check_long(const char *head, const char *line, unsigned int unknown)
{
	GString *text = g_string_new(head);
	clock_t start = clock(); /* of this process, however busy the host is */
	struct config *config;
	unsigned int calls = 0;
	char *again;

	for (unsigned int i = 0; text->len + strlen(line) + 16 < CONFIG_FILE_MAX; i++)
		g_string_append_printf(text, line, i);
	config = parse(text->str);
	config_each_unknown(config, count_calls, &calls);
	assert_int_equal(calls, unknown);
	again = config_to_text(config);
	assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
	g_free(again);
	config_free(config);
	g_string_free(text, TRUE);
}

static void test_long(void **state)
{
	(void)state;
	check_long(HEAD, "k%u=1\n", CONFIG_UNKNOWN_MAX);
	check_long(HEAD, "[g%u]\nk=\n", CONFIG_UNKNOWN_MAX);
	check_long(HEAD, "[x%.0u]\n", 0);
	check_long(HEAD, "#%u\n", 0);
}

/* What would not be read again is not written. */
static void test_too_long(void **state)
{
	char *text = g_malloc0(CONFIG_FILE_MAX + 1), folder[] = "/tmp/test_daemon_config.XXXXXX";
	struct config *config;

	(void)state;
	assert_non_null(mkdtemp(folder));
	memset(text, '#', CONFIG_FILE_MAX);
	memcpy(text, HEAD, strlen(HEAD));
	text[CONFIG_FILE_MAX - 1] = '\n';
	config = parse(text);
	assert_false(config_save(config, folder, &error));
	assert_int_equal(error.code, BTN_VM_CONFIG);
	assert_int_equal(rmdir(folder), 0);
	config_free(config);
	g_free(text);
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const char *const good[] = { "a", "web1", "Web-1", "1", "a--b" };
	static const char *const bad[] = { "", "-a", "a-", "a.b", "a b", "a/b", "..", "\xc3\xa9" };
	char name[CONFIG_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		assert_true(config_check_name(good[i], &error));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		assert_false(config_check_name(bad[i], &error));
		assert_int_equal(error.code, BTN_VM_NAME);
	}
	memset(name, 'a', sizeof(name));
	name[CONFIG_NAME_MAX] = '\0';
	assert_true(config_check_name(name, &error));
	name[CONFIG_NAME_MAX] = 'a';
	name[CONFIG_NAME_MAX + 1] = '\0';
	assert_false(config_check_name(name, &error));
}

/* The first is what vmctl boot --name web1 --net user --dry-run prints. */
static void test_macs(void **state)
{
	char mac[18], other[18];
	struct config *config = config_new("web1");

	(void)state;
	config_default_mac("web1", 0, mac);
	assert_string_equal(mac, MAC_OF_WEB1);
	config_default_mac("WEB1", 0, other);
	assert_string_equal(mac, other);
	set(config, "net.0.network", "a");
	set(config, "net.1.network", "a");
	assert_get(config, "net.0.mac", MAC_OF_WEB1);
	config_default_mac("web1", 1, other);
	assert_get(config, "net.1.mac", other);
	assert_string_not_equal(mac, other);
	set(config, "net.0.mac", "02:00:00:00:00:01");
	set(config, "net.0.mac", "");
	assert_get(config, "net.0.mac", MAC_OF_WEB1);
	config_free(config);
}

static void test_paths(void **state)
{
	char *path = config_file_path("/f", "a/b");

	(void)state;
	assert_string_equal(path, "/f/a/b");
	g_free(path);
	path = config_file_path("/f", "/a/b");
	assert_string_equal(path, "/a/b");
	g_free(path);
}

/* ---- on disk ---- */

static void test_disk(void **state)
{
	char folder[] = "/tmp/test_daemon_config.XXXXXX", *path;
	struct config *config = config_new("web1"), *back;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_null(config_load(folder, &error));
	assert_int_equal(error.code, BTN_FILE_MISSING);
	assert_true(config_save(config, folder, &error));
	set(config, "cpus", "3");
	assert_true(config_save(config, folder, &error));
	back = config_load(folder, &error);
	assert_non_null(back);
	assert_int_equal(back->cpus, 3);
	assert_string_equal(back->uuid, config->uuid);
	path = g_build_filename(folder, "vm.conf", NULL);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(path), 0);
	/* Nothing else is left, and what is no file does not hold anybody up. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(config_load(folder, &error));
	assert_int_equal(error.code, BTN_FILE_NOT_REGULAR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_false(config_save(config, folder, &error));
	g_free(path);
	config_free(back);
	config_free(config);
}

/* Each key of the table can be set, and says what it is. */
static void test_table(void **state)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	(void)state;
	assert_true(count > 20);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(keys[i].value);
		assert_true(strlen(keys[i].help) > 10);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i].key, keys[j].key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read), cmocka_unit_test(test_kept),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_remove_device),
		cmocka_unit_test(test_set), cmocka_unit_test(test_micro),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_refused_cards),
		cmocka_unit_test(test_bad_files), cmocka_unit_test(test_size),
		cmocka_unit_test(test_names), cmocka_unit_test(test_macs),
		cmocka_unit_test(test_paths), cmocka_unit_test(test_disk),
		cmocka_unit_test(test_table), cmocka_unit_test(test_long),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests_name("daemon_config", tests, NULL, NULL);
}
