// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon's networks: definitions, and cards plugged into the real baton-net of this build,
 * over UNIX sockets and the host's loopback; and what a broken one leads to.
 */
#define _GNU_SOURCE /* pipe2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>

#include "daemon_server.h"
#include "events.h"
#include "lib/net_port.h"
#include "network_conf.h"
#include "network_process.h"
#include "paths.h"
#include "vm.h"

#define MAC_A "52:54:00:00:00:0a"
#define MAC_B "52:54:00:00:00:0b"

/* What the daemon has elsewhere; only one VM, and no main loop of its own. */
__attribute__((weak)) struct paths paths;
static char *program;
static struct vm the_vm;
static unsigned int added, removed, changed;

__attribute__((weak)) char *paths_program(const char *name, struct btn_error *e)
{
	(void)e;
	assert_string_equal(name, "baton-net");
	return g_strdup(program);
}

__attribute__((weak)) void registry_each(void (*fn)(struct vm *vm, void *ctx), void *ctx)
{
	if (the_vm.config)
		fn(&the_vm, ctx);
}

__attribute__((weak)) void events_post_name(enum event_type type, const char *name)
{
	assert_true(name[0]);
	added += type == EVENT_NETWORK_ADDED;
	removed += type == EVENT_NETWORK_REMOVED;
	changed += type == EVENT_NETWORK_STATE;
}

/* ---- the place ---- */

static char *folder;

static int make_place(void **state)
{
	(void)state;
	folder = g_strdup("/tmp/baton-test-net-XXXXXX");
	assert_non_null(g_mkdtemp(folder));
	paths.networks = g_build_filename(folder, "networks", NULL);
	paths.net_sockets = g_build_filename(folder, "net", NULL);
	return g_mkdir(paths.networks, 0700) || g_mkdir(paths.net_sockets, 0700);
}

static void remove_files(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		char *file = g_build_filename(path, name, NULL);

		assert_int_equal(g_remove(file), 0);
		g_free(file);
	}
	g_dir_close(dir);
}

static int remove_place(void **state)
{
	(void)state;
	return g_rmdir(paths.networks) || g_rmdir(paths.net_sockets) || g_rmdir(folder);
}

static int up(void **state)
{
	char *self = g_file_read_link("/proc/self/exe", NULL), *place = g_path_get_dirname(self);
	struct btn_error e;

	(void)state;
	/* BUILD/test/daemon/NAME, BUILD/bin/baton-net */
	g_free(program);
	program = g_build_filename(place, "..", "..", "bin", "baton-net", NULL);
	added = removed = changed = 0;
	assert_true(networks_load(&e));
	g_free(place);
	g_free(self);
	return 0;
}

static int down(void **state)
{
	(void)state;
	while (g_main_context_iteration(NULL, FALSE))
		;
	remove_files(paths.networks);
	remove_files(paths.net_sockets);
	return 0;
}

static void put_file(const char *name, const char *text)
{
	char *path = g_build_filename(paths.networks, name, NULL);

	assert_true(g_file_set_contents(path, text, -1, NULL));
	g_free(path);
}

static bool has_file(const char *name)
{
	char *path = g_build_filename(paths.networks, name, NULL);
	bool has = g_file_test(path, G_FILE_TEST_EXISTS);

	g_free(path);
	return has;
}

/* ---- definitions ---- */

static void test_parse(void **state)
{
	static const char *const bad[] = {
		"", "[network]\n", "[network]\nname=b\n", "name=a\n", "[network]\nname=a\nuuid=1\n",
		"[network]\nname=a\nsubnet=\n", "[network]\nname=a\nsubnet=10.0.2.0\n",
		"[network]\nname=a\nsubnet=10.0.2.1/24\n", "[network]\nname=a\nsubnet=10.0.0.0/8\n",
		"[network]\nname=a\nsubnet=10.0.2.0/28\n",
		"[network]\nname=a\nsubnet=127.0.0.0/16\n",
		"[network]\nname=a\nsubnet=224.0.0.0/16\n",
		"[network]\nname=a\nsubnet=0.0.0.0/16\n",
		"[network]\nname=a\nsubnet=10.0.2.0/24x\n", "[network]\nname=a\ndomain=\n",
		"[network]\nname=a\ndomain=a..b\n", "[network]\nname=a\ndomain=-a\n",
		"[network]\nname=a\ndomain=a b\n", "[network]\nname=a\ndomain=\xff\n",
		"[network\nname=a\n", "[network]\nname=a\nsubnet=--help\n",
	};
	const char *good = "# mine\n[network]\nname=a\nuuid=6BA7B810-9dad-11d1-80b4-00c04fd430c8\n"
			   "subnet=10.9.8.0/24\ndomain=lab.example\nother=1\n";
	struct network *network, *again;
	struct btn_error e;
	char *text;

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		e.code = BTN_OK;
		assert_null(network_conf_parse("a", bad[i], strlen(bad[i]), &e));
		assert_int_equal(e.code, BTN_BAD_VALUE);
		assert_true(e.message[0] && e.cause[0] && e.fix[0]);
	}
	network = network_conf_parse("a", good, strlen(good), &e);
	assert_non_null(network);
	assert_string_equal(network->uuid, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	assert_string_equal(network->subnet, "10.9.8.0/24");
	assert_string_equal(network->domain, "lab.example");
	text = network_conf_text(network);
	again = network_conf_parse("a", text, strlen(text), &e);
	assert_non_null(again);
	assert_string_equal(again->uuid, network->uuid);
	assert_string_equal(again->domain, network->domain);
	assert_null(network_conf_parse("../a", good, strlen(good), &e));
	g_free(text);
	network_conf_free(network);
	network_conf_free(again);
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "lab-1", "A_b.c", "0",
					    "abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const bad[] = { "", "-a", "a-", ".", "..", "a/b", "a b", "\xc3\xa4",
					   "a\n",
					   "abcdefghijklmnopqrstuvwxyz0123456", ".a", "_" };
	struct btn_error e;

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		assert_true(network_check_name(good[i], &e));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(network_check_name(bad[i], &e));
}

static void test_subnets(void **state)
{
	struct network_subnet a, b, taken[] = { { 0x0a000000, 0xff000000 },
						{ 0xc0a80000, 0xfffffe00 } };
	struct network_subnet most[] = { { 0x0a000000, 0xff000000 }, { 0xc0a80000, 0xffff0000 },
					 { 0xac100000, 0xfff00000 } };
	char *text;

	(void)state;
	assert_true(network_parse_subnet("10.1.0.0/16", &a));
	assert_true(network_parse_subnet("10.1.7.0/24", &b));
	assert_true(network_subnets_overlap(&a, &b) && network_subnets_overlap(&b, &a));
	assert_true(network_parse_subnet("10.2.7.0/24", &b));
	assert_false(network_subnets_overlap(&a, &b));
	text = network_choose_subnet(taken, 2);
	assert_true(network_parse_subnet(text, &a));
	assert_false(network_subnets_overlap(&a, &taken[0]));
	assert_false(network_subnets_overlap(&a, &taken[1]));
	g_free(text);
	assert_null(network_choose_subnet(most, 3));
}

static void count(const struct network *network, void *ctx)
{
	assert_non_null(network->name);
	++*(unsigned int *)ctx;
}

static void test_load(void **state)
{
	char *uuid = g_strdup(network_find(NETWORK_DEFAULT, NULL)->uuid);
	struct btn_error e;
	unsigned int n = 0;

	(void)state;
	assert_false(has_file("default.conf"));
	put_file("one.conf", "[network]\nname=one\n");
	put_file("two.conf", "[network]\nname=other\n");
	put_file("notes.txt", "[network]\nname=notes\n");
	put_file("-x.conf", "[network]\nname=-x\n");
	assert_true(networks_load(&e));
	network_each(count, &n);
	assert_int_equal(n, 2);
	assert_non_null(network_find("one", &e));
	assert_ptr_equal(network_find_uuid(uuid), network_find(NETWORK_DEFAULT, NULL));
	assert_null(network_find("two", &e));
	assert_int_equal(e.code, BTN_NO_SUCH_NETWORK);
	/* The file of a name that cannot be used is nobody's to overwrite. */
	assert_false(network_create("two", NULL, NULL, NULL, &e));
	assert_int_equal(e.code, BTN_NETWORK_EXISTS);
	g_free(uuid);
}

static void test_create(void **state)
{
	struct config *config = g_new0(struct config, 1);
	const struct network *network;
	struct network_subnet a, b;
	struct btn_error e;
	char uuid[37];

	(void)state;
	assert_true(network_create("lab", NULL, NULL, NULL, &e));
	assert_true(network_create("lab2", NULL, NULL, NULL, &e));
	assert_true(network_create("mine", "10.0.2.0/24", NULL, NULL, &e));
	assert_int_equal(added, 3);
	network = network_find("lab", &e);
	assert_true(network_parse_subnet(network->subnet, &a));
	assert_true(network_parse_subnet(network_find("lab2", &e)->subnet, &b));
	assert_false(network_subnets_overlap(&a, &b));
	strcpy(uuid, network->uuid);
	assert_false(network_create("lab", NULL, NULL, NULL, &e));
	assert_int_equal(e.code, BTN_NETWORK_EXISTS);
	assert_false(network_create("x", "10.0.2.7/24", NULL, NULL, &e));
	assert_false(network_create("../x", NULL, NULL, NULL, &e));
	assert_int_equal(added, 3);
	/* The same after a new start. */
	assert_true(networks_load(&e));
	network = network_find("lab", &e);
	assert_string_equal(network->uuid, uuid);
	assert_true(network_parse_subnet(network->subnet, &b) && a.address == b.address);

	config->name = "web";
	config->net[0].network = "lab";
	config->net_count = 1;
	the_vm.config = config;
	assert_false(network_delete("lab", &e));
	assert_int_equal(e.code, BTN_NETWORK_IN_USE);
	assert_non_null(strstr(e.message, "web"));
	the_vm.config = NULL;
	assert_true(network_delete("lab", &e));
	assert_int_equal(removed, 1);
	assert_false(has_file("lab.conf"));
	assert_null(network_find("lab", NULL));
	assert_false(network_delete("lab", &e));
	assert_int_equal(e.code, BTN_NO_SUCH_NETWORK);
	assert_false(network_delete(NETWORK_DEFAULT, &e));
	assert_int_equal(e.code, BTN_NETWORK_IN_USE);
	g_free(config);
}

/* ---- plugging ---- */

struct plugged {
	unsigned int done;
	int fds[2];
	char address[16];
	struct btn_error error;
};

static void on_plugged(const int *fds, const char *address, const struct btn_error *e,
		       void *ctx)
{
	struct plugged *p = ctx;

	assert_true(!fds == !!e);
	p->done++;
	p->fds[0] = p->fds[1] = -1;
	p->error.code = BTN_OK;
	if (e) {
		p->error = *e;
		return;
	}
	memcpy(p->fds, fds, sizeof(p->fds));
	g_strlcpy(p->address, address, sizeof(p->address));
}

static struct config_net card_of(const char *mac, uint16_t port)
{
	struct config_net card = { 0 };

	strcpy(card.mac, mac);
	card.forward_count = port != 0;
	card.forward[0] = (struct config_forward) { "127.0.0.1", port, 22, false };
	return card;
}

static void plug(const char *mac, const char *name, uint16_t port, struct plugged *ret)
{
	struct config_net card = card_of(mac, port);

	ret->done = 0;
	network_plug(network_find(NETWORK_DEFAULT, NULL), name, &card, NULL, on_plugged, ret);
	assert_int_equal(ret->done, 0);
	run_until(&ret->done, 1);
}

static void unplug(struct plugged *p)
{
	close(p->fds[0]);
	close(p->fds[1]);
}

/* A port of the loopback that nobody listens on now. */
static uint16_t free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(in);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	close(fd);
	return ntohs(in.sin_port);
}

static bool listens(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = !connect(fd, (struct sockaddr *)&in, sizeof(in));

	close(fd);
	return ok;
}

/* The switch answers the card's hello. */
static void say_hello(int fd, const char *name)
{
	struct net_port_hello hello = { .marker = NET_PORT_MARKER, .version = NET_PORT_VERSION,
					.mac = { 0x52, 0x54, 0, 0, 0, 0x0a } };

	g_strlcpy(hello.name, name, sizeof(hello.name));
	assert_int_equal(send(fd, &hello, sizeof(hello), 0), sizeof(hello));
	assert_int_equal(recv(fd, &hello, sizeof(hello), 0), sizeof(hello));
	assert_int_equal(hello.marker, NET_PORT_MARKER);
	assert_int_equal(hello.error, 0);
}

struct asked {
	unsigned int done;
	bool ok;
	char text[128];
	int64_t ports;
	struct btn_error error;
};

static void on_asked(const struct json_node *answer, const struct btn_error *e, void *ctx)
{
	struct asked *a = ctx;
	const char *text = "";

	a->done++;
	a->ok = answer;
	if (e) {
		a->error = *e;
		return;
	}
	json_get_int(answer, "ports", 0, 1000, &a->ports);
	json_get_string(answer, "subnet", &text);
	g_strlcpy(a->text, text, sizeof(a->text));
}

static struct asked ask(const char *op)
{
	struct asked asked = { 0 };

	network_ask(network_find(NETWORK_DEFAULT, NULL), op, NULL, on_asked, &asked);
	run_until(&asked.done, 1);
	return asked;
}

static int process_pid(void)
{
	char *path = network_socket_path(NETWORK_DEFAULT, "ctl");
	int fd = unix_connect(path, SOCK_STREAM);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	assert_true(fd >= 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
	close(fd);
	g_free(path);
	return peer.pid;
}

static bool is_active(void)
{
	return network_is_active(network_find(NETWORK_DEFAULT, NULL));
}

static gboolean on_tick(gpointer data)
{
	(void)data;
	return G_SOURCE_CONTINUE;
}

/* Runs the main loop until the network is (not) active. */
static void wait_active(bool active)
{
	guint guard = g_timeout_add_seconds(SERVER_WAIT_S, server_too_late, NULL);
	guint tick = g_timeout_add(5, on_tick, NULL);

	while (is_active() != active)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(tick);
	g_source_remove(guard);
}

static void quit(void)
{
	assert_true(ask("quit").ok);
	wait_active(false);
}

static void test_plug(void **state)
{
	struct plugged a, b, c;
	uint16_t port = free_port();
	struct asked asked;

	(void)state;
	asked = ask("status");
	assert_false(asked.ok);
	assert_int_equal(asked.error.code, BTN_NET_FAILED);
	assert_false(is_active());
	plug(MAC_A, "web", port, &a);
	assert_int_equal(a.error.code, BTN_OK);
	assert_true(is_active());
	assert_int_equal(changed, 1);
	assert_true(listens(port));
	say_hello(a.fds[0], "web");
	assert_int_equal(fcntl(a.fds[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(a.fds[1], F_GETFL) & O_NONBLOCK, 0);
	assert_true(fcntl(a.fds[0], F_GETFD) & fcntl(a.fds[1], F_GETFD) & FD_CLOEXEC);
	plug(MAC_B, "db", 0, &b);
	assert_int_equal(b.error.code, BTN_OK);
	assert_string_not_equal(a.address, b.address);
	asked = ask("status");
	assert_int_equal(asked.ports, 1); /* b has not said hello */
	assert_string_equal(asked.text, "10.0.2.0");

	/* The port is taken, as baton-net says it. */
	plug("52:54:00:00:00:0c", "third", port, &c);
	assert_int_equal(c.error.code, BTN_FORWARD_BUSY);
	assert_non_null(strstr(c.error.message, "is taken"));
	/* A name is taken. */
	plug("52:54:00:00:00:0d", "web", 0, &c);
	assert_int_equal(c.error.code, BTN_BAD_VALUE);
	/* A forward ends with the connection that was handed over. */
	unplug(&a);
	asked = ask("status"); /* behind the hang-up */
	assert_false(listens(port));
	plug(MAC_A, "web", port, &a);
	assert_int_equal(a.error.code, BTN_OK);
	unplug(&a);
	unplug(&b);
	quit();
	assert_int_equal(changed, 2);
}

static void test_plug_together(void **state)
{
	struct config_net first = card_of(MAC_A, 0), second = card_of(MAC_B, 0);
	struct plugged a = { 0 }, b = { 0 };

	(void)state;
	/* Both find nobody, both start one, one stays. */
	network_plug(network_find(NETWORK_DEFAULT, NULL), "a", &first, NULL, on_plugged, &a);
	network_plug(network_find(NETWORK_DEFAULT, NULL), "b", &second, NULL, on_plugged, &b);
	run_until(&a.done, 1);
	run_until(&b.done, 1);
	assert_int_equal(a.error.code, BTN_OK);
	assert_int_equal(b.error.code, BTN_OK);
	assert_string_not_equal(a.address, b.address);
	unplug(&a);
	unplug(&b);
	quit();
}

static void wait_for_lease(const char *mac)
{
	char *path = network_leases_path(network_find(NETWORK_DEFAULT, NULL)), *text;
	bool found = false;

	for (unsigned int i = 0; i < 2000 && !found; i++) {
		text = NULL;
		found = g_file_get_contents(path, &text, NULL, NULL) && strstr(text, mac);
		g_free(text);
		if (!found)
			g_usleep(5000);
	}
	assert_true(found);
	g_free(path);
}

/* A killed process: noticed, and the next one has the same addresses. */
static void test_kill(void **state)
{
	struct plugged a, b, again;

	(void)state;
	plug(MAC_A, "a", 0, &a);
	plug(MAC_B, "b", 0, &b);
	wait_for_lease(MAC_B);
	kill(process_pid(), SIGKILL);
	wait_active(false);
	unplug(&a);
	unplug(&b);
	plug(MAC_B, "b", 0, &again);
	assert_int_equal(again.error.code, BTN_OK);
	assert_string_equal(again.address, b.address);
	unplug(&again);
	quit();
}

/* Found by a daemon that has not started it. */
static void test_found(void **state)
{
	char *path = g_build_filename(paths.net_sockets, NETWORK_DEFAULT, NULL);
	char *argv[] = { program, "--listen", path, NULL };

	(void)state;
	assert_true(g_spawn_async(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL));
	wait_active(true);
	quit();
	g_free(path);
}

static void test_delete_active(void **state)
{
	struct config_net card = card_of(MAC_A, 0);
	struct plugged a = { 0 };
	struct btn_error e;
	char *path;

	(void)state;
	assert_true(network_create("lab", "10.77.0.0/24", NULL, NULL, &e));
	network_plug(network_find("lab", NULL), "a", &card, NULL, on_plugged, &a);
	run_until(&a.done, 1);
	assert_int_equal(strncmp(a.address, "10.77.0.", 8), 0);
	unplug(&a);
	path = network_socket_path("lab", "ctl");
	assert_true(network_delete("lab", &e));
	/* Its process ends at once, not some seconds later: nobody is on it. */
	while (network_process_runs("lab"))
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(unix_connect(path, SOCK_STREAM), -ENOENT);
	g_free(path);
}

static void test_cancel(void **state)
{
	struct config_net card = card_of(MAC_A, 0);
	GCancellable *cancellable = g_cancellable_new();
	struct plugged a = { 0 };

	(void)state;
	network_plug(network_find(NETWORK_DEFAULT, NULL), "a", &card, cancellable, on_plugged, &a);
	g_cancellable_cancel(cancellable);
	assert_int_equal(a.done, 0);
	run_until(&a.done, 1);
	assert_int_equal(a.error.code, BTN_JOB_CANCELLED);
	g_object_unref(cancellable);
}

/* ---- a baton-net that does not do what it should ---- */

static void test_no_start(void **state)
{
	char *script = g_build_filename(folder, "script", NULL);
	struct plugged a;

	(void)state;
	assert_true(g_file_set_contents(script, "#!/bin/sh\necho no luck >&2\nexit 1\n", -1, NULL));
	assert_int_equal(g_chmod(script, 0700), 0);
	g_free(program);
	program = g_strdup(script);
	plug(MAC_A, "a", 0, &a);
	assert_int_equal(a.error.code, BTN_NET_FAILED);
	assert_string_equal(a.error.cause, "It says: no luck");
	g_free(program);
	program = g_strdup("/nonexistent/baton-net");
	plug(MAC_A, "a", 0, &a);
	assert_int_equal(a.error.code, BTN_NO_MONITOR);
	assert_int_equal(g_remove(script), 0);
	g_free(script);
}

static unsigned int served;

static void serve_hang_up(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	/* The daemon also looks who has come, and asks nothing. */
	if (server_read(fd, line, sizeof(line), NULL))
		g_atomic_int_inc(&served);
}

static void serve_odd_address(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	if (!server_read(fd, line, sizeof(line), NULL))
		return;
	g_atomic_int_inc(&served);
	server_send(fd, "{\"ok\":true,\"address\":\"$(reboot)\"}\n");
	server_read(fd, line, sizeof(line), NULL);
}

static void check_broken(server_fn serve, unsigned int asked)
{
	static struct server server;
	char *control = network_socket_path(NETWORK_DEFAULT, "ctl");
	char *card = network_socket_path(NETWORK_DEFAULT, "sock");
	int listener = unix_listen(card, SOCK_SEQPACKET, 16);
	struct plugged a;

	assert_true(listener >= 0);
	served = 0;
	g_strlcpy(server.path, control, sizeof(server.path));
	server_start(&server, serve);
	plug(MAC_A, "a", 0, &a);
	assert_int_equal(a.error.code, BTN_NET_FAILED);
	server_stop(&server);
	assert_int_equal(served, asked);
	close(listener);
	assert_int_equal(g_remove(card), 0);
	g_free(control);
	g_free(card);
}

static void test_broken(void **state)
{
	(void)state;
	program = (g_free(program), g_strdup("/nonexistent/baton-net"));
	check_broken(serve_odd_address, 1);
	check_broken(serve_hang_up, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parse, up, down),
		cmocka_unit_test_setup_teardown(test_names, up, down),
		cmocka_unit_test_setup_teardown(test_subnets, up, down),
		cmocka_unit_test_setup_teardown(test_load, up, down),
		cmocka_unit_test_setup_teardown(test_create, up, down),
		cmocka_unit_test_setup_teardown(test_plug, up, down),
		cmocka_unit_test_setup_teardown(test_plug_together, up, down),
		cmocka_unit_test_setup_teardown(test_kill, up, down),
		cmocka_unit_test_setup_teardown(test_delete_active, up, down),
		cmocka_unit_test_setup_teardown(test_cancel, up, down),
		cmocka_unit_test_setup_teardown(test_no_start, up, down),
		cmocka_unit_test_setup_teardown(test_found, up, down),
		/* Last: this process passes for that of the network. */
		cmocka_unit_test_setup_teardown(test_broken, up, down),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
