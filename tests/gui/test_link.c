// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets that speak JSON lines, the API and a shared screen, against a made-up other side
 * in this process.
 */
#define _GNU_SOURCE /* memfd_create */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "model/api.h"
#include "model/connection.h"
#include "model/error.h"
#include "model/new_vm_plan.h"
#include "model/screen.h"

/* What calls came to, in order. */
static GPtrArray *results;
static int last_fd = -1;

static void turn(void)
{
	for (int i = 0; i < 50; i++)
		while (g_main_context_iteration(NULL, FALSE))
			;
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void put_fd(int to, const char *text, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .space = { 0 } };
	struct iovec part = { (void *)text, strlen(text) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
				  .msg_control = control.space,
				  .msg_controllen = sizeof(control.space) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	assert_int_equal(sendmsg(to, &message, 0), strlen(text));
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	AUTO_REPLY reply = baton_link_call_finish(BATON_LINK(source), result, &error);

	(void)data;
	if (reply && reply->fd >= 0)
		last_fd = reply_steal_fd(reply);
	g_ptr_array_add(results, reply ? g_strdup_printf("%" G_GINT64_FORMAT "%s",
			node_number(reply->node, "n", -1), last_fd >= 0 ? "+fd" : "") :
			g_strdup_printf("error %d", error->code));
}

static void ask(BatonLink *link)
{
	baton_link_call(link, request_text("x", NULL), NULL, on_answer, NULL);
}

static const char *result(guint at)
{
	assert_true(at < results->len);
	return results->pdata[at];
}

static int setup(void **state)
{
	(void)state;
	results = g_ptr_array_new_with_free_func(g_free);
	last_fd = -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	g_ptr_array_unref(results);
	if (last_fd >= 0)
		close(last_fd);
	return 0;
}

static BatonLink *link_pair(int *ret_other)
{
	int pair[2];

	assert_false(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	*ret_other = pair[1];
	return baton_link_new(pair[0]);
}

static void test_answers_in_order(void **state)
{
	int other;
	BatonLink *link = link_pair(&other);

	(void)state;
	ask(link);
	ask(link);
	ask(link);
	put(other, "{\"ok\":true,\"n\":1}\n{\"ok\":fal");
	turn();
	assert_int_equal(results->len, 1);
	put(other, "se,\"code\":\"BTN-6101\",\"message\":\"m\"}\n{\"ok\":true,\"n\":3}\n");
	turn();
	assert_string_equal(result(0), "1");
	assert_string_equal(result(1), "error 6101");
	assert_string_equal(result(2), "3");
	g_object_unref(link);
	close(other);
}

/* Behind another answer in one read, and with its line cut in two. */
static void test_descriptor_comes_with_its_answer(void **state)
{
	int other, file = memfd_create("x", 0);
	BatonLink *link = link_pair(&other);

	(void)state;
	ask(link);
	ask(link);
	put(other, "{\"ok\":true,\"n\":1}\n");
	put_fd(other, "{\"ok\":true,", file);
	put(other, "\"n\":2}\n");
	turn();
	assert_string_equal(result(0), "1");
	assert_string_equal(result(1), "2+fd");
	assert_true(last_fd >= 0);
	g_object_unref(link);
	close(other);
	close(file);
}

static void test_descriptor_that_nobody_wants(void **state)
{
	int other, file = memfd_create("x", 0), before = dup(file), after;
	BatonLink *link = link_pair(&other);

	(void)state;
	close(before);
	put_fd(other, "{\"ok\":true}\n", file);
	put_fd(other, "{\"event\":\"x\"}\n", file);
	turn();
	after = dup(file);
	assert_int_equal(before, after); /* none is left open */
	close(after);
	g_object_unref(link);
	close(other);
	close(file);
}

static void test_end_fails_who_waits(void **state)
{
	int other;
	BatonLink *link = link_pair(&other);

	(void)state;
	ask(link);
	close(other);
	turn();
	assert_string_equal(result(0), "error 6001");
	assert_false(baton_link_is_open(link));
	ask(link);
	turn();
	assert_string_equal(result(1), "error 6001");
	g_object_unref(link);
}

static void test_nonsense_ends_it(void **state)
{
	static const char *const lines[] = { "nonsense\n", "[1]\n", "\n", "{\"ok\":true,}\n" };

	(void)state;
	g_log_set_always_fatal(0);
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		int other;
		BatonLink *link = link_pair(&other);

		ask(link);
		put(other, lines[i]);
		turn();
		assert_string_equal(result((guint)i), "error 6001");
		assert_false(baton_link_is_open(link));
		g_object_unref(link);
		close(other);
	}
}

static void test_line_without_end(void **state)
{
	int other;
	BatonLink *link = link_pair(&other);
	g_autofree char *part = g_strnfill(65536, 'x');
	guint sent = 0;

	(void)state;
	fcntl(other, F_SETFL, O_NONBLOCK);
	while (baton_link_is_open(link) && sent < 32u << 20) {
		ssize_t count = send(other, part, 65536, MSG_NOSIGNAL);

		sent += count > 0 ? (guint)count : 0;
		turn();
	}
	assert_false(baton_link_is_open(link));
	assert_in_range(sent, 8u << 20, 10u << 20);
	g_object_unref(link);
	close(other);
}

/* ---- the API ---- */

static struct {
	char *folder, *path;
	int listener, requests, events;
	BatonApi *api;
} server;

static int api_setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	server.folder = g_dir_make_tmp("baton-test-XXXXXX", NULL);
	server.path = g_build_filename(server.folder, "s", NULL);
	g_strlcpy(address.sun_path, server.path, sizeof(address.sun_path));
	server.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_false(bind(server.listener, (struct sockaddr *)&address, sizeof(address)));
	assert_false(listen(server.listener, 4));
	server.api = baton_api_new(server.path);
	baton_api_connect(server.api, FALSE);
	assert_int_equal(baton_api_state(server.api), API_UP);
	server.requests = accept(server.listener, NULL, NULL);
	server.events = accept(server.listener, NULL, NULL);
	return setup(state);
}

static int api_teardown(void **state)
{
	g_object_unref(server.api);
	close(server.listener);
	close(server.requests);
	close(server.events);
	unlink(server.path);
	rmdir(server.folder);
	g_free(server.path);
	g_free(server.folder);
	return teardown(state);
}

static void on_run(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	char *note = baton_api_run_finish(BATON_API(source), result, &error);

	(void)data;
	g_ptr_array_add(results, note ? note : g_strdup_printf("error %d", error->code));
}

static void test_job_ends_by_its_event(void **state)
{
	(void)state;
	baton_api_run(server.api, request_text("vm-start", "name", "a", NULL), NULL, on_run, NULL);
	put(server.requests, "{\"ok\":true,\"job\":7}\n");
	turn();
	put(server.requests, "{\"ok\":true,\"job\":{\"id\":7,\"state\":\"running\"}}\n");
	turn();
	assert_int_equal(results->len, 0);
	put(server.events, "{\"event\":\"job-ended\",\"job\":{\"id\":8,\"state\":\"done\"}}\n");
	turn();
	assert_int_equal(results->len, 0);
	put(server.events, "{\"ok\":true}\n{\"event\":\"job-ended\",\"job\":{\"id\":7,"
	    "\"state\":\"done\",\"note\":\"was running\"}}\n");
	turn();
	assert_string_equal(result(0), "was running");
}

/* Its event has gone by before its number was known. */
static void test_job_that_was_quicker(void **state)
{
	(void)state;
	baton_api_run(server.api, request_text("vm-start", "name", "a", NULL), NULL, on_run, NULL);
	put(server.events, "{\"event\":\"job-ended\",\"job\":{\"id\":7,\"state\":\"failed\","
	    "\"error\":{\"code\":\"BTN-6401\"}}}\n");
	turn();
	put(server.requests, "{\"ok\":true,\"job\":7}\n{\"ok\":true,\"job\":{\"id\":7,"
	    "\"state\":\"failed\",\"error\":{\"code\":\"BTN-6401\"}}}\n");
	turn();
	assert_int_equal(results->len, 1);
	assert_string_equal(result(0), "error 6401");
}

static void test_refused_and_lost(void **state)
{
	(void)state;
	baton_api_run(server.api, request_text("vm-start", "name", "a", NULL), NULL, on_run, NULL);
	put(server.requests, "{\"ok\":false,\"code\":\"BTN-6101\",\"message\":\"m\"}\n");
	turn();
	baton_api_run(server.api, request_text("vm-start", "name", "a", NULL), NULL, on_run, NULL);
	put(server.requests, "{\"ok\":true,\"job\":9}\n");
	turn();
	shutdown(server.requests, SHUT_RDWR);
	turn();
	assert_string_equal(result(0), "error 6101");
	assert_string_equal(result(1), "error 6001");
	assert_int_equal(baton_api_state(server.api), API_DOWN);
	assert_non_null(baton_api_error(server.api));
}

static void on_made(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;

	(void)source;
	(void)data;
	g_ptr_array_add(results, plan_carry_out_finish(result, &error) ? g_strdup("made") :
			g_strdup_printf("error %d", error->code));
}

static void carry_out(const char *stored_source)
{
	struct plan *plan = plan_new();
	g_autofree char *images = g_strdup_printf("{\"ok\":true,\"images\":[{\"name\":\"other\"},"
		"{\"name\":\"disk\",\"source\":\"%s\"}]}\n", stored_source);

	plan->source = PLAN_IMAGE_FILE;
	plan->name = g_strdup("web-1");
	plan->file = g_strdup("/b/disk.qcow2");
	plan_carry_out(plan, server.api, on_made, NULL);
	put(server.requests, "{\"ok\":false,\"code\":\"BTN-6202\",\"message\":\"m\"}\n");
	turn();
	put(server.requests, images);
	turn();
	plan_free(plan);
}

/* Nothing is made of an image that only has the name of the file's. */
static void test_image_of_another_file(void **state)
{
	char said[2048] = "";

	(void)state;
	carry_out("/a/disk.qcow2");
	assert_string_equal(result(0), "error 6202");
	carry_out("/b/disk.qcow2");
	assert_true(read(server.requests, said, sizeof(said) - 1) > 0);
	assert_non_null(strstr(said, "vm-create"));
	put(server.requests, "{\"ok\":true}\n");
	turn();
	assert_string_equal(result(1), "made");
}

/* ---- a shared screen ---- */

static guint damages, resizes, losses;

static void on_damaged(BatonScreen *screen, guint x, guint y, guint width, guint height,
		       gpointer data)
{
	(void)screen;
	(void)data;
	damages += x == 1 && y == 2 && width == 3 && height == 4;
}

static void on_resized(BatonScreen *screen, gpointer data)
{
	(void)screen;
	(void)data;
	resizes++;
}

static void on_lost(BatonScreen *screen, const GError *error, gpointer data)
{
	(void)screen;
	(void)error;
	(void)data;
	losses++;
}

static int surface(int seals)
{
	int fd = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_false(ftruncate(fd, 64 * 32 * 4));
	assert_false(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

/* Its two connections to a monitor; the answer to attach-display has `fd`. */
static BatonScreen *attach(int fd, int monitor[2])
{
	BatonConnection *connection = baton_connection_new("baton:///session", server.api);
	BatonVm *vm = baton_vm_new(connection, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	BatonScreen *screen = baton_screen_new(vm);

	damages = resizes = losses = 0;
	g_signal_connect(screen, "damaged", G_CALLBACK(on_damaged), NULL);
	g_signal_connect(screen, "resized", G_CALLBACK(on_resized), NULL);
	g_signal_connect(screen, "lost", G_CALLBACK(on_lost), NULL);
	for (int i = 0; i < 2; i++) {
		int pair[2];

		assert_false(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		put_fd(server.requests, "{\"ok\":true}\n", pair[0]);
		close(pair[0]);
		monitor[i] = pair[1];
	}
	turn();
	put_fd(monitor[0], "{\"ok\":true,\"width\":64,\"height\":32,\"stride\":256,"
	       "\"generation\":1,\"format\":\"xrgb8888\"}\n", fd);
	turn();
	g_object_unref(vm);
	g_object_unref(connection);
	return screen;
}

static void end(BatonScreen *screen, int monitor[2], int fd)
{
	baton_screen_close(screen);
	turn();
	g_object_unref(screen);
	close(monitor[0]);
	close(monitor[1]);
	close(fd);
}

static void test_screen_follows_damage(void **state)
{
	int monitor[2], fd = surface(F_SEAL_SHRINK);
	BatonScreen *screen = attach(fd, monitor);
	char said[512] = "";

	(void)state;
	assert_int_equal(resizes, 1);
	assert_int_equal(baton_screen_picture(screen)->width, 64);
	baton_screen_watch(screen, TRUE);
	put(monitor[0], "{\"ok\":true,\"generation\":1,\"rects\":[[1,2,3,4],[1,2,-3,4],[],7]}\n");
	turn();
	assert_int_equal(damages, 1);
	assert_int_equal(losses, 0);
	baton_screen_key(screen, 30, TRUE);
	baton_screen_key(screen, 0, TRUE);
	baton_screen_pointer(screen, 5, 6, 1);
	turn();
	assert_true(read(monitor[1], said, sizeof(said) - 1) > 0);
	assert_string_equal(said, "{\"op\":\"key\",\"key\":\"a\",\"down\":true}\n"
			    "{\"op\":\"pointer\",\"x\":5,\"y\":6,\"buttons\":1}\n");
	end(screen, monitor, fd);
}

/* A file that could become smaller under the mapping. */
static void test_screen_that_is_not_sealed(void **state)
{
	int monitor[2], fd = surface(0);
	BatonScreen *screen = attach(fd, monitor);

	(void)state;
	assert_int_equal(resizes, 0);
	assert_int_equal(losses, 1);
	assert_null(baton_screen_picture(screen)->pixels);
	end(screen, monitor, fd);
}

/* One that cannot be sealed at all: no memfd. */
static void test_screen_in_a_plain_file(void **state)
{
	g_autofree char *path = g_build_filename(server.folder, "picture", NULL);
	int monitor[2], fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	BatonScreen *screen;

	(void)state;
	assert_false(ftruncate(fd, 64 * 32 * 4));
	screen = attach(fd, monitor);
	assert_int_equal(resizes, 0);
	assert_int_equal(losses, 1);
	end(screen, monitor, fd);
	unlink(path);
}

static void test_screen_whose_monitor_ends(void **state)
{
	int monitor[2], fd = surface(F_SEAL_SHRINK);
	BatonScreen *screen = attach(fd, monitor);

	(void)state;
	shutdown(monitor[0], SHUT_RDWR);
	turn();
	assert_int_equal(losses, 1);
	end(screen, monitor, fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define API_TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers_in_order),
		TEST(test_descriptor_comes_with_its_answer),
		TEST(test_descriptor_that_nobody_wants),
		TEST(test_end_fails_who_waits),
		TEST(test_nonsense_ends_it),
		TEST(test_line_without_end),
		API_TEST(test_job_ends_by_its_event),
		API_TEST(test_job_that_was_quicker),
		API_TEST(test_refused_and_lost),
		API_TEST(test_image_of_another_file),
		API_TEST(test_screen_follows_damage),
		API_TEST(test_screen_that_is_not_sealed),
		API_TEST(test_screen_in_a_plain_file),
		API_TEST(test_screen_whose_monitor_ends),
	};

	return cmocka_run_group_tests_name("gui links", tests, NULL, NULL);
}
