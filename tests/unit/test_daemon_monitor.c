// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon's connections to a monitor, against servers that are slow, cut their answers into
 * bytes, send what they must not, or die.
 */
#define _GNU_SOURCE /* memfd_create, pipe2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon_server.h"
#include "json_client.h"
#include "monitor.h"

#define STATUS "{\"ok\":true,\"state\":\"running\",\"pid\":1}\n"

/* What the hooks and answers have been called with. */
static struct seen {
	unsigned int attached, events, gone, answers, failures, fds;
	char log[8192];		/* all calls, in order */
	struct btn_error error;
	int fd;
	struct monitor *free_me;	/* freed by whoever is called next */
	struct monitor *monitor;
} seen;

static struct server server;
static sem_t reached, go_on;	/* between a server's thread and the test */
static unsigned int open_before;

static void note(const char *what)
{
	struct monitor *monitor = g_steal_pointer(&seen.free_me);

	if (strlen(seen.log) + strlen(what) + 2 < sizeof(seen.log)) {
		strcat(seen.log, what);
		strcat(seen.log, " ");
	}
	monitor_free(monitor);
}

static void on_attached(const struct json_node *status, void *ctx)
{
	const char *state;

	assert_ptr_equal(ctx, &seen);
	assert_true(json_get_string(status, "state", &state));
	seen.attached++;
	note(state);
}

static void on_event(const char *name, const struct json_node *event, void *ctx)
{
	assert_ptr_equal(ctx, &seen);
	assert_non_null(json_member(event, "event"));
	seen.events++;
	note(name);
}

static void on_gone(const struct btn_error *e, void *ctx)
{
	assert_ptr_equal(ctx, &seen);
	assert_int_equal(e->code, BTN_NOT_RUNNING);
	seen.gone++;
	seen.error = *e;
	note("gone");
}

static const struct monitor_hooks hooks = { on_attached, on_event, on_gone };

/* ctx: a word for the log. */
static void on_answer(const struct json_node *answer, int fd, const struct btn_error *e,
		      void *ctx)
{
	const char *text;
	char word[64];

	assert_true(!answer == !!e);
	if (e) {
		assert_int_equal(fd, -1);
		assert_int_not_equal(e->code, BTN_OK);
		assert_true(e->message[0] && e->cause[0] && e->fix[0]);
		seen.failures++;
		seen.error = *e;
		snprintf(word, sizeof(word), "%s-failed", (const char *)ctx);
	} else {
		if (!json_get_string(answer, "n", &text))
			text = "";
		snprintf(word, sizeof(word), "%s%s", (const char *)ctx, text);
	}
	seen.answers++;
	if (fd >= 0) {
		seen.fds++;
		seen.fd = fd;
		strcat(word, "+fd");
	}
	note(word);
}

static int up(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	seen.fd = -1;
	snprintf(server.path, sizeof(server.path), "/tmp/baton-test-monitor-%d.ctl", getpid());
	sem_init(&reached, 0, 0);
	sem_init(&go_on, 0, 0);
	g_main_context_iteration(NULL, FALSE); /* opens what it keeps */
	open_before = count_open();
	return 0;
}

static void attach(server_fn serve)
{
	server_start(&server, serve);
	seen.monitor = monitor_attach(server.path, 10000, &hooks, &seen);
}

static void attach_and_wait(server_fn serve)
{
	attach(serve);
	run_until(&seen.attached, 1);
}

static void finish(void)
{
	monitor_free(seen.monitor);
	server_stop(&server);
	while (g_main_context_iteration(NULL, FALSE))
		;
	if (seen.fd >= 0)
		close(seen.fd);
	assert_int_equal(count_open(), open_before);
}

/* ---- servers ---- */

/* A connection that is asked for events; the first line of any other is left in `line`. */
static bool serve_events(int fd, char *line, size_t size)
{
	if (!server_read(fd, line, size, NULL))
		return true;
	if (strcmp(line, "{\"op\":\"events\"}"))
		return false;
	server_send(fd, "{\"ok\":true}\n");
	SERVER_MUST(server_read(fd, line, size, NULL));
	SERVER_MUST(!strcmp(line, "{\"op\":\"status\"}"));
	server_send(fd, STATUS);
	while (server_read(fd, line, size, NULL))
		;
	return true;
}

/* Answers each with its number. */
static void serve_well(struct server *s, unsigned int index, int fd)
{
	char line[4096], text[64];
	unsigned int count = 0;

	(void)s;
	(void)index;
	if (serve_events(fd, line, sizeof(line)))
		return;
	do {
		snprintf(text, sizeof(text), "{\"ok\":true,\"n\":\"%u\"}\n", ++count);
		server_send(fd, text);
	} while (server_read(fd, line, sizeof(line), NULL));
}

static void send_bytes(int fd, const char *text)
{
	for (; *text; text++)
		server_send_fds(fd, text, 1, NULL, 0);
}

static void serve_bytes(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	if (!server_read(fd, line, sizeof(line), NULL))
		return;
	if (!strcmp(line, "{\"op\":\"events\"}")) {
		SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
		send_bytes(fd, "{\"ok\":true}\n{\"event\":\"early\"}\n" STATUS
			   "{\"event\":\"paused\"}\n{\"event\":\"resumed\"}\n");
	} else {
		SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
		SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
		send_bytes(fd, "{\"ok\":true,\"n\":\"1\"}\n"
			   "{\"ok\":false,\"code\":\"BTN-1303\"}\n"
			   "{\"ok\":true,\"n\":\"3\"}\n");
	}
	server_read(fd, line, sizeof(line), NULL);
}

/* ---- attaching ---- */

static void test_attach(void **state)
{
	(void)state;
	attach_and_wait(serve_well);
	assert_int_equal(monitor_pid(seen.monitor), getpid()); /* not what it says itself */
	monitor_ask(seen.monitor, "pause", NULL, on_answer, "a");
	monitor_ask(seen.monitor, "resume", "\"x\":1", on_answer, "b");
	monitor_ask(seen.monitor, "resume", NULL, NULL, NULL);
	monitor_ask(seen.monitor, "stats", NULL, on_answer, "c");
	assert_int_equal(seen.answers, 0);
	run_until(&seen.answers, 3);
	assert_string_equal(seen.log, "running a1 b2 c4 ");
	finish();
	assert_int_equal(seen.gone, 0);
}

static gboolean start_late(gpointer data)
{
	assert_int_equal(seen.attached + seen.gone, 0);
	server_start(data, serve_well);
	return G_SOURCE_REMOVE;
}

static void test_attach_late(void **state)
{
	(void)state;
	seen.monitor = monitor_attach(server.path, 10000, &hooks, &seen);
	monitor_ask(seen.monitor, "pause", NULL, on_answer, "a");
	assert_int_equal(monitor_pid(seen.monitor), 0);
	g_timeout_add(60, start_late, &server);
	run_until(&seen.attached, 1);
	run_until(&seen.answers, 1);
	assert_int_equal(seen.failures, 0);
	finish();
}

static void test_attach_never(void **state)
{
	struct btn_error e;

	(void)state;
	seen.monitor = monitor_attach(server.path, 50, &hooks, &seen);
	monitor_ask(seen.monitor, "pause", NULL, on_answer, "a");
	assert_int_equal(monitor_connect(seen.monitor, &e), -1);
	assert_int_equal(e.code, BTN_NOT_RUNNING);
	run_until(&seen.gone, 1);
	assert_string_equal(seen.log, "a-failed gone ");
	assert_non_null(strstr(seen.error.cause, "Nobody listens"));
	monitor_free(seen.monitor);
	assert_int_equal(count_open(), open_before);
}

static void serve_silence(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	while (server_read(fd, line, sizeof(line), NULL))
		;
}

static void test_attach_silent(void **state)
{
	(void)state;
	server_start(&server, serve_silence);
	seen.monitor = monitor_attach(server.path, 50, &hooks, &seen);
	run_until(&seen.gone, 1);
	assert_non_null(strstr(seen.error.cause, "too long"));
	finish();
}

static void serve_refusal(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	if (server_read(fd, line, sizeof(line), NULL))
		server_send(fd, "{\"ok\":true}\n");
	if (server_read(fd, line, sizeof(line), NULL))
		server_send(fd, "{\"ok\":false,\"code\":\"BTN-1306\",\"cause\":\"No.\"}\n");
	server_read(fd, line, sizeof(line), NULL);
}

static void test_attach_refused(void **state)
{
	(void)state;
	attach(serve_refusal);
	run_until(&seen.gone, 1);
	assert_int_equal(seen.attached, 0);
	assert_string_equal(seen.error.cause, "No.");
	finish();
}

/* A guest that powers off before anybody has asked: told all the same. */
static void serve_short_life(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	if (server_read(fd, line, sizeof(line), NULL))
		server_send(fd, "{\"ok\":true}\n{\"event\":\"paused\"}\n"
			    "{\"event\":\"power-off\"}\n");
}

static void test_short_life(void **state)
{
	(void)state;
	attach(serve_short_life);
	run_until(&seen.gone, 1);
	assert_string_equal(seen.log, "power-off gone ");
	finish();
}

/* ---- answers ---- */

static void test_bytes(void **state)
{
	(void)state;
	attach_and_wait(serve_bytes);
	monitor_ask(seen.monitor, "a", NULL, on_answer, "a");
	monitor_ask(seen.monitor, "b", NULL, on_answer, "b");
	monitor_ask(seen.monitor, "c", NULL, on_answer, "c");
	run_until(&seen.answers, 3);
	run_until(&seen.events, 2);
	/* An event before the status is in the status. */
	assert_null(strstr(seen.log, "early"));
	assert_non_null(strstr(seen.log, "paused "));
	assert_true(strstr(seen.log, "paused ") < strstr(seen.log, "resumed "));
	assert_true(strstr(seen.log, "a1 ") < strstr(seen.log, "b-failed "));
	assert_true(strstr(seen.log, "b-failed ") < strstr(seen.log, "c3 "));
	assert_int_equal(seen.error.code, BTN_NO_SCREEN);
	finish();
}

static ino_t passed_inode;

static int make_fd(void)
{
	int fd = memfd_create("passed", MFD_CLOEXEC);
	struct stat st;

	SERVER_MUST(fd >= 0 && !fstat(fd, &st));
	passed_inode = st.st_ino;
	return fd;
}

/* Two answers in one read, the second has the descriptor; then by bytes; then three. */
static void serve_fds(struct server *s, unsigned int index, int fd)
{
	static const char with[] = "{\"ok\":true,\"n\":\"2\"}\n";
	char line[4096];
	int fds[3];

	(void)s;
	(void)index;
	if (serve_events(fd, line, sizeof(line)))
		return;
	SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
	server_send(fd, "{\"ok\":true,\"n\":\"1\"}\n");
	fds[0] = make_fd();
	server_send_fds(fd, with, strlen(with), fds, 1);
	sem_post(&reached);
	SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
	server_send_fds(fd, with, 1, fds, 1);
	send_bytes(fd, with + 1);
	SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
	fds[1] = fds[2] = fds[0];
	server_send_fds(fd, with, strlen(with), fds, 3);
	/* With an event nobody takes it. */
	server_send_fds(fd, "{\"event\":\"x\"}\n", 14, fds, 1);
	server_send_fds(fd, "{\"ok\":false}\n{\"ok\":true}\n", 25, fds, 1);
	close(fds[0]);
	server_read(fd, line, sizeof(line), NULL);
}

static void check_fd(unsigned int count)
{
	struct stat st;

	assert_int_equal(seen.fds, count);
	assert_int_equal(fstat(seen.fd, &st), 0);
	assert_true(st.st_ino == passed_inode);
	assert_true(fcntl(seen.fd, F_GETFD) & FD_CLOEXEC);
	close(seen.fd);
	seen.fd = -1;
}

static void test_fds(void **state)
{
	(void)state;
	attach_and_wait(serve_fds);
	monitor_ask(seen.monitor, "a", NULL, on_answer, "a");
	while (g_main_context_iteration(NULL, FALSE)) /* connects and sends */
		;
	monitor_ask(seen.monitor, "b", NULL, on_answer, "b");
	sem_wait(&reached); /* both are in the socket before they are read */
	run_until(&seen.answers, 2);
	assert_string_equal(seen.log, "running a1 b2+fd ");
	check_fd(1);
	monitor_ask(seen.monitor, "c", NULL, on_answer, "c");
	run_until(&seen.answers, 3);
	check_fd(2);
	monitor_ask(seen.monitor, "d", NULL, on_answer, "d");
	monitor_ask(seen.monitor, "e", NULL, on_answer, "e");
	monitor_ask(seen.monitor, "f", NULL, NULL, NULL);
	run_until(&seen.answers, 5);
	/* Of three at once none or one is taken, and none is left open: finish() looks. */
	assert_true(seen.fds == 2 || seen.fds == 3);
	assert_int_equal(seen.failures, 1);
	finish();
}

static void serve_alone(struct server *s, unsigned int index, int fd)
{
	char line[4096], text[128];
	struct stat st = { 0 };
	int got;

	(void)s;
	(void)index;
	if (!server_read(fd, line, sizeof(line), &got))
		return;
	if (!strcmp(line, "{\"op\":\"events\"}")) {
		server_send(fd, "{\"ok\":true}\n");
		server_read(fd, line, sizeof(line), NULL);
		server_send(fd, STATUS);
		server_read(fd, line, sizeof(line), NULL);
		return;
	}
	if (!strcmp(line, "{\"op\":\"long\"}")) { /* not answered before the others */
		sem_wait(&go_on);
	} else {
		SERVER_MUST(got >= 0 && !fstat(got, &st) && st.st_ino == passed_inode);
		close(got);
	}
	snprintf(text, sizeof(text), "{\"ok\":true,\"n\":\"%s\"}\n", st.st_ino ? "fd" : "");
	server_send(fd, text);
	server_read(fd, line, sizeof(line), NULL);
}

/* A request that takes long holds nobody up but those on its connection. */
static void test_alone(void **state)
{
	(void)state;
	attach_and_wait(serve_alone);
	monitor_ask(seen.monitor, "long", NULL, on_answer, "main");
	monitor_ask_alone(seen.monitor, "long", NULL, -1, on_answer, "alone");
	monitor_ask_alone(seen.monitor, "put", "\"a\":true", make_fd(), on_answer, "put");
	run_until(&seen.answers, 1);
	assert_string_equal(seen.log, "running putfd ");
	sem_post(&go_on);
	sem_post(&go_on);
	run_until(&seen.answers, 3);
	assert_int_equal(seen.failures, 0);
	finish();
}

static void serve_error(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	if (serve_events(fd, line, sizeof(line)))
		return;
	server_send(fd, "{\"ok\":false,\"code\":\"BTN-5101\",\"message\":\"m\",\"cause\":\"c\","
		    "\"fix\":\"f\"}\n");
	server_read(fd, line, sizeof(line), NULL);
	server_send(fd, "{\"ok\":false,\"code\":\"BTN-0007\",\"message\":7}\n");
	server_read(fd, line, sizeof(line), NULL);
}

static void test_errors(void **state)
{
	(void)state;
	attach_and_wait(serve_error);
	monitor_ask(seen.monitor, "a", NULL, on_answer, "a");
	run_until(&seen.answers, 1);
	assert_int_equal(seen.error.code, BTN_FORWARD_BUSY);
	assert_string_equal(seen.error.message, "m");
	assert_string_equal(seen.error.cause, "c");
	assert_string_equal(seen.error.fix, "f");
	monitor_ask(seen.monitor, "a", NULL, on_answer, "a");
	run_until(&seen.answers, 2);
	assert_int_equal(seen.error.code, BTN_NOT_RUNNING); /* not a code of the registry */
	finish();
}

/* ---- servers that break the rules ---- */

static const char *bad_text;
static size_t bad_length;

static void send_bad(int fd)
{
	for (size_t at = 0; at < bad_length;) {
		ssize_t sent = send(fd, bad_text + at, bad_length - at, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += (size_t)sent;
	}
}

static void serve_bad(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	if (serve_events(fd, line, sizeof(line)))
		return;
	send_bad(fd);
	while (server_read(fd, line, sizeof(line), NULL))
		;
}

static void serve_bad_events(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	if (!server_read(fd, line, sizeof(line), NULL))
		return;
	SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
	server_send(fd, "{\"ok\":true}\n" STATUS);
	send_bad(fd);
	while (server_read(fd, line, sizeof(line), NULL))
		;
}

/* On a connection for requests: that one fails, the VM stays. On that of events: gone. */
static void check_bad(const char *text, size_t length)
{
	up(NULL);
	bad_text = text;
	bad_length = length;
	attach_and_wait(serve_bad);
	monitor_ask(seen.monitor, "a", NULL, on_answer, "a");
	run_until(&seen.failures, 1);
	assert_int_equal(seen.gone, 0);
	assert_int_equal(seen.answers, 1);
	finish();
	up(NULL);
	attach_and_wait(serve_bad_events);
	run_until(&seen.gone, 1);
	assert_int_equal(seen.events, 0);
	finish();
}

static void test_garbage(void **state)
{
	static const char *const bad[] = {
		"\n", "nonsense\n", "[1]\n", "true\n", "{\"ok\":1}\n", "{\"x\":1}\n", "{}\n",
		"{\"event\":1}\n", "{\"ok\":true\n", "{\"ok\":true}}\n", "\xff\n",
		"{\"ok\":true,\"ok\":true}\n",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		check_bad(bad[i], strlen(bad[i]));
	check_bad("{\"ok\"\0:true}\n", 13);
}

static void test_oversize(void **state)
{
	size_t size = JSON_CLIENT_LINE_MAX + 70000;
	char *text = malloc(size);

	(void)state;
	memset(text, ' ', size); /* a line without end */
	check_bad(text, size);
	/* too many nodes */
	strcpy(text, "{\"ok\":true,\"a\":[");
	memset(text + strlen(text), '1', 1);
	for (size_t i = 16; i < 16 + 2 * JSON_CLIENT_NODES_MAX; i += 2)
		memcpy(text + i, "1,", 2);
	memcpy(text + 16 + 2 * JSON_CLIENT_NODES_MAX, "1]}\n", 4);
	check_bad(text, 20 + 2 * JSON_CLIENT_NODES_MAX);
	free(text);
}

/* The longest line that is allowed. */
static void test_long_line(void **state)
{
	size_t size = JSON_CLIENT_LINE_MAX;
	char *text = malloc(size);

	(void)state;
	memset(text, ' ', size);
	memcpy(text, "{\"ok\":true,\"n\":\"long\"", 21);
	memcpy(text + size - 2, "}\n", 2);
	bad_text = text;
	bad_length = size;
	attach_and_wait(serve_bad);
	monitor_ask(seen.monitor, "a", NULL, on_answer, "a");
	run_until(&seen.answers, 1);
	assert_int_equal(seen.failures, 0);
	assert_string_equal(seen.log, "running along ");
	finish();
	free(text);
}

static void test_unasked(void **state)
{
	(void)state;
	bad_text = "{\"ok\":true}\n{\"ok\":true}\n";
	bad_length = strlen(bad_text);
	attach_and_wait(serve_bad_events);
	run_until(&seen.gone, 1);
	assert_non_null(strstr(seen.error.cause, "not asked"));
	finish();
}

/* ---- the end ---- */

/* Many reads long. */
static void send_padding(int fd)
{
	char spaces[1001];

	memset(spaces, ' ', sizeof(spaces) - 1);
	spaces[sizeof(spaces) - 1] = 0;
	for (unsigned int i = 0; i < 60; i++)
		server_send(fd, spaces);
}

/*
 * Answers the first request, half of the second, and dies as a process does: at once. The
 * main loop does not run before both connections have ended.
 */
static void serve_death(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)index;
	if (!server_read(fd, line, sizeof(line), NULL))
		return;
	if (!strcmp(line, "{\"op\":\"events\"}")) {
		SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
		server_send(fd, "{\"ok\":true}\n" STATUS);
		server_read(fd, line, sizeof(line), NULL);
		return;
	}
	SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
	SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
	server_send(s->fd[0], "{\"event\":\"killed\"}\n");
	shutdown(s->fd[0], SHUT_RDWR);
	send_padding(fd);
	server_send(fd, "{\"ok\":true,\"n\":\"1\"}\n{\"ok\":tr");
	shutdown(fd, SHUT_RDWR);
	sem_post(&reached);
}

static gboolean wait_for_death(gpointer data)
{
	(void)data;
	sem_wait(&reached);
	return G_SOURCE_REMOVE;
}

static void test_death(void **state)
{
	(void)state;
	attach_and_wait(serve_death);
	monitor_ask(seen.monitor, "a", NULL, on_answer, "a");
	while (g_main_context_iteration(NULL, FALSE)) /* connects and sends */
		;
	monitor_ask(seen.monitor, "b", NULL, on_answer, "b");
	monitor_ask(seen.monitor, "c", NULL, on_answer, "c");
	g_idle_add_full(G_PRIORITY_HIGH, wait_for_death, NULL, NULL);
	run_until(&seen.gone, 1);
	/* What was answered counts as answered, whichever connection is looked at first. */
	assert_non_null(strstr(seen.log, "a1 "));
	assert_non_null(strstr(seen.log, "b-failed c-failed "));
	assert_non_null(strstr(seen.log, "killed "));
	assert_string_equal(seen.log + strlen(seen.log) - 5, "gone ");
	/* Afterwards: still exactly one answer, and not from within the call. */
	monitor_ask(seen.monitor, "d", NULL, on_answer, "d");
	monitor_ask_alone(seen.monitor, "e", NULL, -1, on_answer, "e");
	assert_int_equal(seen.answers, 3);
	server_stop(&server);
	run_until(&seen.answers, 5);
	assert_int_equal(seen.gone, 1);
	monitor_free(seen.monitor);
	assert_int_equal(count_open(), open_before);
}

/* Reads nothing at all. */
static void serve_deaf(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	if (!index && serve_events(fd, line, sizeof(line)))
		return;
	sem_wait(&go_on);
}

static void test_deaf(void **state)
{
	unsigned int asked = JSON_CLIENT_REQUESTS_MAX + 5;
	char members[4096];

	(void)state;
	memset(members, 'x', sizeof(members));
	memcpy(members, "\"text\":\"", 8);
	strcpy(members + sizeof(members) - 2, "\"");
	attach_and_wait(serve_deaf);
	for (unsigned int i = 0; i < asked; i++)
		monitor_ask(seen.monitor, "type", members, on_answer, "");
	assert_int_equal(seen.answers, 0);
	run_until(&seen.answers, 1);
	/* Those above the limit are refused, the others wait on. */
	while (g_main_context_iteration(NULL, FALSE))
		;
	assert_in_range(seen.failures, 5, asked / 4);
	assert_int_equal(seen.gone, 0);
	monitor_free(seen.monitor);
	assert_int_equal(seen.failures, asked);
	seen.monitor = NULL;
	sem_post(&go_on);
	finish();
}

static void serve_all(struct server *s, unsigned int index, int fd)
{
	char line[4096];

	(void)s;
	(void)index;
	if (!server_read(fd, line, sizeof(line), NULL))
		return;
	if (strcmp(line, "{\"op\":\"events\"}")) {
		server_send(fd, "{\"ok\":true}\n{\"event\":\"x\"}\n{\"ok\":true}\n");
		server_read(fd, line, sizeof(line), NULL);
		return;
	}
	SERVER_MUST(server_read(fd, line, sizeof(line), NULL));
	server_send(fd, "{\"ok\":true}\n" STATUS "{\"event\":\"paused\"}\n");
	sem_wait(&go_on);
}

/* From within any call; nothing comes after it but open requests' failures. */
static void test_free_inside(void **state)
{
	(void)state;
	attach(serve_all);
	seen.free_me = seen.monitor; /* in attached() */
	run_until(&seen.attached, 1);
	assert_string_equal(seen.log, "running ");
	seen.monitor = NULL;
	sem_post(&go_on);
	finish();

	up(NULL);
	attach_and_wait(serve_all);
	run_until(&seen.events, 1);
	monitor_ask(seen.monitor, "a", NULL, on_answer, "a");
	monitor_ask(seen.monitor, "b", NULL, on_answer, "b");
	monitor_ask_alone(seen.monitor, "c", NULL, -1, on_answer, "c");
	seen.free_me = g_steal_pointer(&seen.monitor); /* in the first answer */
	run_until(&seen.answers, 3);
	sem_post(&go_on);
	finish();
	assert_int_equal(seen.answers, 3);
	assert_int_equal(seen.gone, 0);

	up(NULL);
	attach_and_wait(serve_all);
	run_until(&seen.events, 1);
	monitor_ask_alone(seen.monitor, "c", NULL, -1, on_answer, "c");
	run_until(&seen.answers, 1);
	sem_post(&go_on);
	seen.free_me = g_steal_pointer(&seen.monitor); /* in gone() */
	run_until(&seen.gone, 1);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_attach, up),
		cmocka_unit_test_setup(test_attach_late, up),
		cmocka_unit_test_setup(test_attach_never, up),
		cmocka_unit_test_setup(test_attach_silent, up),
		cmocka_unit_test_setup(test_attach_refused, up),
		cmocka_unit_test_setup(test_short_life, up),
		cmocka_unit_test_setup(test_bytes, up),
		cmocka_unit_test_setup(test_fds, up),
		cmocka_unit_test_setup(test_alone, up),
		cmocka_unit_test_setup(test_errors, up),
		cmocka_unit_test_setup(test_garbage, up),
		cmocka_unit_test_setup(test_oversize, up),
		cmocka_unit_test_setup(test_long_line, up),
		cmocka_unit_test_setup(test_unasked, up),
		cmocka_unit_test_setup(test_death, up),
		cmocka_unit_test_setup(test_deaf, up),
		cmocka_unit_test_setup(test_free_inside, up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
