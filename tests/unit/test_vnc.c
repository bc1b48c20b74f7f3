// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys by name, and the VNC server by a client that speaks RFB itself, over a
 * UNIX socket: picture, input, keys that are let go when a viewer leaves.
 */
#include <errno.h>
#include <linux/input-event-codes.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "display/display.h"
#include "display/input.h"
#include "display/keymap.h"
#include "display/vnc.h"

static void test_keymap(void **state)
{
	static const struct {
		const char *text;
		unsigned int count;
		uint16_t key[3];
	} cases[] = {
		{ "a", 1, { KEY_A } }, { "A", 1, { KEY_A } }, { "Enter", 1, { KEY_ENTER } },
		{ "ctrl-alt-f1", 3, { KEY_LEFTCTRL, KEY_LEFTALT, KEY_F1 } },
		{ "ctrl--", 2, { KEY_LEFTCTRL, KEY_MINUS } }, { "-", 1, { KEY_MINUS } },
		{ "102nd", 1, { KEY_102ND } }, { "shift-Yen", 2, { KEY_LEFTSHIFT, KEY_YEN } },
		{ "!", 2, { KEY_LEFTSHIFT, KEY_1 } }, { "shift-!", 2, { KEY_LEFTSHIFT, KEY_1 } },
		{ "", 0, { 0 } }, { "ctrl-", 0, { 0 } }, { "nokey", 0, { 0 } }, { "--a", 2,
		{ KEY_MINUS, KEY_A } }, { "1-2-3-4-5-6-7-8-9", 0, { 0 } }, { "\xff", 0, { 0 } },
	};
	struct key_chord chord;
	uint16_t key;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int error = keymap_parse(cases[i].text, &chord);

		assert_int_equal(error, cases[i].count ? 0 : -EINVAL);
		if (error)
			continue;
		assert_int_equal(chord.count, cases[i].count);
		assert_memory_equal(chord.key, cases[i].key, 2 * chord.count);
	}
	for (uint32_t c = 0x20; c < 0x7f; c++) {
		assert_int_equal(keymap_character(c, &chord), 0);
		assert_int_equal(keymap_keysym(c, &key), 0);
		assert_int_equal(key, chord.key[chord.count - 1]);
	}
	assert_int_equal(keymap_character('\n', &chord), 0);
	assert_int_equal(keymap_character(0xe4, &chord), -ENOENT);
	assert_int_equal(keymap_keysym(0xffc9, &key), 0);
	assert_int_equal(key, KEY_F12);
	assert_int_equal(keymap_keysym(0, &key), -ENOENT);
}

static int last_key, key_downs, key_ups, pointer_x, pointer_buttons, key_room = 1;

static void take_key(void *ctx, uint16_t key, bool down)
{
	(void)ctx;
	__atomic_store_n(&last_key, key, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(down ? &key_downs : &key_ups, 1, __ATOMIC_SEQ_CST);
}

static unsigned int room(void *ctx)
{
	(void)ctx;
	return (unsigned int)__atomic_load_n(&key_room, __ATOMIC_SEQ_CST);
}

static void take_pointer(void *ctx, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
			 uint8_t buttons)
{
	(void)ctx;
	assert_true(x < w && y < h);
	__atomic_store_n(&pointer_x, (int)x, __ATOMIC_SEQ_CST);
	__atomic_store_n(&pointer_buttons, buttons, __ATOMIC_SEQ_CST);
}

static void wait_for(int *value, int wanted)
{
	for (int i = 0; i < 500 && __atomic_load_n(value, __ATOMIC_SEQ_CST) != wanted; i++)
		usleep(10000);
	assert_int_equal(__atomic_load_n(value, __ATOMIC_SEQ_CST), wanted);
}

static void get(int fd, void *to, size_t size)
{
	assert_int_equal(recv(fd, to, size, MSG_WAITALL), size);
}

static void put(int fd, const void *from, size_t size)
{
	assert_int_equal(send(fd, from, size, MSG_NOSIGNAL), size);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { 20, 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	uint8_t b[12];

	strcpy(address.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (void *)&address, sizeof(address)), 0);
	get(fd, b, 12);
	assert_memory_equal(b, "RFB 003.008\n", 12);
	return fd;
}

/* After the client's version. */
static void shake_hands(int fd)
{
	uint8_t b[64];

	get(fd, b, 1);
	get(fd, b + 1, b[0]);
	assert_int_equal(b[1], 1); /* security type none */
	put(fd, "\1", 1);
	get(fd, b, 4);
	assert_int_equal(b[3], 0);
	put(fd, "\1", 1);
	get(fd, b, 24);
	assert_int_equal(b[0] << 8 | b[1], 320);
	assert_int_equal(b[2] << 8 | b[3], 200);
	get(fd, b, 5); /* "Baton" */
}

static int dial(const char *path)
{
	int fd = connect_to(path);

	put(fd, "RFB 003.008\n", 12);
	shake_hands(fd);
	return fd;
}

static bool all_read(int fd)
{
	int left = 1;

	return !ioctl(fd, SIOCOUTQ, &left) && !left;
}

/*
 * One who stops in the middle of a message keeps nobody waiting, and is not dropped. As
 * long as the server leaves the part where it is, it does not wait for the rest.
 */
static void check_slow_client(const char *path)
{
	int slow = connect_to(path);

	put(slow, "RFB ", 4);
	for (int i = 0; i < 20; i++) {
		usleep(10000);
		assert_false(all_read(slow));
	}
	close(dial(path));
	put(slow, "003.008\n", 8);
	shake_hands(slow);
	close(slow);
}

static void draw(void *ctx, struct display *display)
{
	uint32_t row[320];
	bool fresh;

	(void)ctx;
	display_resize(display, 320, 200, &fresh);
	for (uint32_t y = 0; y < 200; y++) {
		for (uint32_t x = 0; x < 320; x++)
			row[x] = x << 8 | y;
		display_put_row(display, y, row);
	}
}

static void check_picture(int fd)
{
	static const uint8_t request[10] = { 3, 0, 0, 0, 0, 0, 320 >> 8, 320 & 0xff, 0, 200 };
	static uint32_t pixels[320 * 200];
	size_t seen = 0;

	put(fd, request, sizeof(request));
	while (seen < 320 * 200) {
		uint8_t head[16];

		get(fd, head, 4);
		for (int n = head[2] << 8 | head[3]; n > 0; n--) {
			uint8_t r[12];
			unsigned int w, h;

			get(fd, r, 12);
			w = r[4] << 8 | r[5];
			h = r[6] << 8 | r[7];
			assert_int_equal(r[11], 0); /* raw */
			get(fd, pixels, 4ul * w * h);
			for (unsigned int i = 0; i < w * h; i++)
				assert_int_equal(pixels[i] & 0xffffff,
						 ((r[0] << 8 | r[1]) + i % w) << 8 |
						 ((r[2] << 8 | r[3]) + i / w));
			seen += (size_t)w * h;
		}
	}
}

static void put_key(int fd, char key, bool down)
{
	put(fd, (char[]){ 4, (char)down, 0, 0, 0, 0, 0, key }, 8);
}

/* Without room keys wait, and go on in their order; what comes after them overtakes them. */
static void check_keys_wait(int fd)
{
	__atomic_store_n(&key_room, 0, __ATOMIC_SEQ_CST);
	put_key(fd, 'r', true);
	put_key(fd, 'r', false);
	put(fd, "\5\1\0\x65\0\x32", 6);
	wait_for(&pointer_x, 101);
	assert_int_equal(__atomic_load_n(&key_downs, __ATOMIC_SEQ_CST), 1);
	__atomic_store_n(&key_room, 1, __ATOMIC_SEQ_CST);
	wait_for(&key_ups, 1);
	assert_int_equal(key_downs, 2);
	assert_int_equal(last_key, KEY_R);
	/* nobody reads the keyboard: a key does not wait for ever */
	__atomic_store_n(&key_room, 0, __ATOMIC_SEQ_CST);
	put_key(fd, 'o', true);
	put_key(fd, 'o', false);
	put(fd, "\5\1\0\x64\0\x32", 6);
	wait_for(&pointer_x, 100);
	assert_int_equal(__atomic_load_n(&key_downs, __ATOMIC_SEQ_CST), 2);
	wait_for(&key_ups, 2);
	assert_int_equal(last_key, KEY_O);
	/* nor do more than it keeps */
	for (unsigned int i = 0; i < 1100; i++)
		put_key(fd, 'x', true);
	wait_for(&key_downs, 3 + 1100 - 1024);
	__atomic_store_n(&key_room, 1, __ATOMIC_SEQ_CST);
	wait_for(&key_downs, 3 + 1100);
}

static void test_vnc(void **state)
{
	char listen[64], *path = listen + 5;
	struct vnc_config config = { .input = input_create(), .listen = listen };
	struct vnc *vnc;
	int fd, silent;

	(void)state;
	snprintf(listen, sizeof(listen), "unix:/tmp/baton-vnc-%d", getpid());
	assert_non_null(config.input);
	input_set_sink(config.input,
		       &(struct input_sink){ .key = take_key, .room = room,
					     .pointer = take_pointer });
	assert_int_equal(display_create(&config.display), 0);
	display_set_source(config.display, &(struct display_source){ .render = draw });
	assert_int_equal(vnc_create(&config, &vnc), 0);
	check_slow_client(path);
	silent = dial(path); /* asks for nothing and stays */
	fd = dial(path);
	check_picture(fd);
	put(fd, "\4\1\0\0\0\0\xff\xe3", 8);
	put(fd, "\5\1\0\x64\0\x32", 6);
	wait_for(&key_downs, 1);
	assert_int_equal(last_key, KEY_LEFTCTRL);
	wait_for(&pointer_x, 100);
	assert_int_equal(pointer_buttons, 1);
	check_keys_wait(fd);
	close(fd);
	wait_for(&key_ups, 4); /* control and x */
	wait_for(&pointer_buttons, 0);
	assert_int_equal(pointer_x, 100); /* where it was */
	vnc_destroy(vnc);
	close(silent);
	assert_int_equal(access(path, F_OK), -1);
	display_destroy(config.display);
	input_destroy(config.input);
}

static int reading, bytes_read;

/* 50,000 bytes a second. */
static void *read_slowly(void *fd)
{
	char bytes[50];
	ssize_t got = 1;

	while (got > 0 && __atomic_load_n(&reading, __ATOMIC_SEQ_CST)) {
		got = recv(*(int *)fd, bytes, sizeof(bytes), 0);
		__atomic_fetch_add(&bytes_read, (int)got, __ATOMIC_SEQ_CST);
		usleep(1000);
	}
	return NULL;
}

/* 12 MiB, so that it takes such a reader four minutes. */
static void draw_large(void *ctx, struct display *display)
{
	static uint32_t row[2048];
	bool fresh;

	(void)ctx;
	display_resize(display, 2048, 1536, &fresh);
	for (uint32_t y = 0; y < 1536; y++)
		display_put_row(display, y, row);
}

/* The end does not wait for a picture that is under way to a slow reader. */
static void test_vnc_ends(void **state)
{
	char listen[64];
	struct vnc_config config = { .input = input_create(), .listen = listen };
	struct vnc *vnc;
	pthread_t thread;
	uint8_t b[24];
	int fd;

	(void)state;
	snprintf(listen, sizeof(listen), "unix:/tmp/baton-vnc-%d", getpid());
	assert_int_equal(display_create(&config.display), 0);
	display_set_source(config.display, &(struct display_source){ .render = draw_large });
	assert_int_equal(vnc_create(&config, &vnc), 0);
	fd = connect_to(listen + 5);
	put(fd, "RFB 003.008\n\1\1", 14);
	get(fd, b, 2 + 4 + 18); /* security, its result, size and format */
	put(fd, "\3\0\0\0\0\0\x8\0\x6\0", 10);
	reading = 1;
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &fd), 0);
	for (int i = 0; i < 500 && __atomic_load_n(&bytes_read, __ATOMIC_SEQ_CST) < 1000; i++)
		usleep(10000);
	assert_true(__atomic_load_n(&bytes_read, __ATOMIC_SEQ_CST) >= 1000);
	vnc_destroy(vnc);
	__atomic_store_n(&reading, 0, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	close(fd);
	display_destroy(config.display);
	input_destroy(config.input);
}

static void test_vnc_refuses(void **state)
{
	static const char *const bad[] = { "127.0.0.1:5900", "0.0.0.0:5900", "unix:", "", "x" };
	struct vnc_config config = { 0 };
	struct vnc *vnc;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config.listen = bad[i];
		assert_int_equal(vnc_create(&config, &vnc), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keymap), cmocka_unit_test(test_vnc),
		cmocka_unit_test(test_vnc_ends), cmocka_unit_test(test_vnc_refuses),
	};

	signal(SIGPIPE, SIG_IGN); /* as the monitor has it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
