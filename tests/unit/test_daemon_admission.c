// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Admission: what this host and made-up ones let start, and what a refusal says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <arpa/inet.h>
#include <cmocka.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/admission.h"
#include "daemon/files.h"
#include "daemon/paths.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static struct btn_error error;
static char *folder;

static const struct admission_host roomy = {
	.memory_total = 16 * GIB, .memory_available = 8 * GIB, .disk_free = 50 * GIB, .cpus = 4,
};

static void put_file(const char *name, size_t size, mode_t mode)
{
	char *path = g_build_filename(folder, name, NULL), *text = g_strnfill(size, 'x');

	assert_true(g_file_set_contents(path, text, (gssize)size, NULL));
	assert_int_equal(chmod(path, mode), 0);
	g_free(text);
	g_free(path);
}

/* A VM with a disk that is there. */
static struct config *make_config(void)
{
	struct config *config = config_new("web1");

	assert_true(config_set(config, "disk.0.file", "disk0.img", &error));
	return config;
}

static void set(struct config *config, const char *key, const char *value)
{
	if (!config_set(config, key, value, &error))
		fail_msg("%s: %s", key, error.message);
}

static void assert_admitted(const struct config *config, const struct admission_host *host)
{
	if (!admission_check(config, folder, host, &error))
		fail_msg("%s | %s | %s", error.message, error.cause, error.fix);
}

/* Refused with this code, and these words in the sentence and the fix. */
static void assert_refused(const struct config *config, const struct admission_host *host,
			   enum btn_code code, const char *message, const char *fix)
{
	memset(&error, 0, sizeof(error));
	assert_false(admission_check(config, folder, host, &error));
	assert_int_equal(error.code, code);
	if (!strstr(error.message, message) || !strstr(error.fix, fix) || !error.cause[0])
		fail_msg("\"%s\", \"%s\" are not in: %s | %s | %s", message, fix, error.message,
			 error.cause, error.fix);
}

static void test_host(void **state)
{
	struct admission_host host = { 0 };

	(void)state;
	assert_true(admission_read_host(&host, &error));
	assert_true(host.memory_total > 64 * MIB);
	assert_true(host.memory_available && host.memory_available <= host.memory_total);
	assert_true(host.cpus >= 1);
	assert_true(host.disk_free);
}

static void test_memory(void **state)
{
	struct config *config = make_config();
	struct admission_host host = roomy;

	(void)state;
	set(config, "memory", "2G");
	host.memory_available = 2 * GIB + 64 * MIB + ADMISSION_MEMORY_RESERVE;
	assert_admitted(config, &host);
	host.memory_available--;
	assert_refused(config, &host, BTN_NOT_ENOUGH_MEMORY, "needs 2 GiB",
		       "vmctl set web1 memory=1984M");
	/* It is what it cannot do without that counts. */
	set(config, "memory", "512M..8G");
	assert_admitted(config, &host);
	host.memory_available = 512 * MIB;
	assert_refused(config, &host, BTN_NOT_ENOUGH_MEMORY, "the host can give 192 MiB",
		       "vmctl set web1 memory=192M..8G");
	host.memory_available = 100 * MIB;
	assert_refused(config, &host, BTN_NOT_ENOUGH_MEMORY, "the host can give 0 bytes",
		       "Stop another VM");
	assert_null(strstr(error.fix, "vmctl set"));
	host = roomy;
	set(config, "memory", "512M..17G");
	assert_refused(config, &host, BTN_MEMORY_ABOVE_HOST, "17 GiB", "memory=8192M");
	config_free(config);
}

static void test_cpus_and_disk(void **state)
{
	struct config *config = make_config();
	struct admission_host host = roomy;

	(void)state;
	set(config, "cpus", "16");
	assert_admitted(config, &host);
	set(config, "cpus", "17");
	assert_refused(config, &host, BTN_TOO_MANY_CPUS, "17 CPUs", "vmctl set web1 cpus=16");
	set(config, "cpus", "64");
	host.cpus = 128;
	assert_admitted(config, &host);
	host.disk_free = ADMISSION_DISK_RESERVE;
	assert_admitted(config, &host);
	host.disk_free--;
	assert_refused(config, &host, BTN_NOT_ENOUGH_DISK, "web1", "purge");
	/* What does not write does not grow. */
	set(config, "disk.0.readonly", "on");
	assert_admitted(config, &host);
	config_free(config);
}

static void test_files(void **state)
{
	struct config *config = make_config();
	char *sub = g_build_filename(folder, "sub", NULL);

	(void)state;
	assert_int_equal(mkdir(sub, 0700), 0);
	set(config, "disk.1.file", "missing.img");
	assert_refused(config, &roomy, BTN_FILE_MISSING, "missing.img",
		       "vmctl set web1 disk.1.file=FILE");
	set(config, "disk.1.file", "sub");
	assert_refused(config, &roomy, BTN_FILE_NOT_REGULAR, "sub", "");
	if (geteuid()) {
		put_file("locked.img", 512, 0400);
		set(config, "disk.1.file", "locked.img");
		assert_refused(config, &roomy, BTN_DISK_READONLY, "locked.img",
			       "disk.1.readonly=on");
		set(config, "disk.1.readonly", "on");
		assert_admitted(config, &roomy);
	}
	set(config, "disk.1", "");
	set(config, "cdrom.0.file", "cut.iso");
	put_file("cut.iso", 2047, 0600);
	assert_refused(config, &roomy, BTN_CDROM_SIZE, "cut.iso", "");
	put_file("cut.iso", 2048, 0600);
	assert_admitted(config, &roomy);
	set(config, "disk.0", "");
	assert_admitted(config, &roomy);
	set(config, "cdrom.0", "");
	assert_refused(config, &roomy, BTN_MISSING_ARGUMENT, "nothing to boot", "disk.0.file");
	set(config, "board", "micro");
	set(config, "kernel.file", "vmlinuz");
	assert_refused(config, &roomy, BTN_FILE_MISSING, "kernel", "");
	put_file("vmlinuz", 10, 0600);
	assert_admitted(config, &roomy);
	set(config, "kernel.initrd", "/nowhere/initrd");
	assert_refused(config, &roomy, BTN_FILE_MISSING, "initrd", "");
	set(config, "kernel.file", "");
	assert_refused(config, &roomy, BTN_BAD_VALUE, "micro", "kernel.file");
	assert_int_equal(rmdir(sub), 0);
	g_free(sub);
	config_free(config);
}

/* A socket on a port of the kernel's choice; listening if it is TCP. */
static int take_port(int type, const char *address, uint16_t *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t length = sizeof(in);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	inet_pton(AF_INET, address, &in.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &length), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	*ret = ntohs(in.sin_port);
	return fd;
}

static void check_port(int type, const char *address, const char *suffix)
{
	struct config *config = make_config();
	char text[64], word[32];
	uint16_t port;
	int fd = take_port(type, address, &port);

	snprintf(text, sizeof(text), "%u:22%s", port, suffix);
	snprintf(word, sizeof(word), "port %u", port);
	set(config, "net.0.network", "default");
	set(config, "net.1.network", "default");
	set(config, "net.1.forward", text);
	assert_refused(config, &roomy, BTN_FORWARD_BUSY, word,
		       "vmctl set web1 net.1.forward=HOSTPORT:22");
	close(fd);
	assert_admitted(config, &roomy);
	config_free(config);
}

static void test_ports(void **state)
{
	struct config *config = make_config();
	char text[64];
	uint16_t port;
	int fd;

	(void)state;
	check_port(SOCK_STREAM, "127.0.0.1", "");
	check_port(SOCK_STREAM, "0.0.0.0", "/tcp");
	check_port(SOCK_DGRAM, "127.0.0.1", "/udp");
	/* Another protocol, another address: no matter. */
	fd = take_port(SOCK_DGRAM, "127.0.0.1", &port);
	snprintf(text, sizeof(text), "%u:22;127.0.0.2:%u:22/udp", port, port);
	set(config, "net.0.network", "default");
	set(config, "net.0.forward", text);
	assert_admitted(config, &roomy);
	close(fd);
	set(config, "net.0.forward", "192.0.2.1:8080:80");
	assert_refused(config, &roomy, BTN_FORWARD_FAILED, "8080", "net.0.forward");
	config_free(config);
}

static void test_screen(void **state)
{
	struct config *config = make_config();
	char text[64];
	uint16_t port;
	int fd = take_port(SOCK_STREAM, "127.0.0.1", &port);

	(void)state;
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	set(config, "display.vnc", text);
	set(config, "display.vnc-password", "pw");
	assert_refused(config, &roomy, BTN_FILE_MISSING, "password", "");
	put_file("pw", 9, 0600);
	assert_refused(config, &roomy, BTN_BAD_VALUE, "password", "");
	put_file("pw", 8, 0600);
	assert_refused(config, &roomy, BTN_DISPLAY, text, "vmctl set web1 display.vnc");
	close(fd);
	assert_admitted(config, &roomy);
	config_free(config);
}

static int set_up(void **state)
{
	(void)state;
	folder = g_strdup("/tmp/test_daemon_admission.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	put_file("disk0.img", 512, 0600);
	paths.data = folder;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	files_remove_tree(folder, &error);
	g_free(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cpus_and_disk), cmocka_unit_test(test_files),
		cmocka_unit_test(test_ports), cmocka_unit_test(test_screen),
	};

	return cmocka_run_group_tests_name("daemon_admission", tests, set_up, tear_down);
}
