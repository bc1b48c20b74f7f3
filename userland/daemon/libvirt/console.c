// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Console, screen and keys: the monitor hands out descriptors and pixels, over a
 * connection of its own for each request.
 */
#include <linux/input-event-codes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libvirt/handlers.h"
#include "libvirt/stream.h"
#include "monitor.h"

#define SCREEN_SIDE_MAX 8192

/* Connected to, or the call has been answered. */
static bool has_monitor(struct call *call)
{
	if (call->vm->monitor && call->vm->state != VM_STARTING)
		return true;
	call_fail(call, LV_ERR_INVALID_STATE,
		  "Requested operation is not valid: domain is not running");
	return false;
}

/* ---- console ---- */

enum { CONSOLE_FORCE = 1, CONSOLE_SAFE = 2 };

static void on_serial(const struct json_node *answer, int fd, const struct btn_error *e, void *ctx)
{
	struct call *call = ctx;

	if (!answer && e->code == BTN_SERIAL_BUSY)
		call_fail(call, LV_ERR_FAILED, "operation failed: Active console session exists "
			"for this domain");
	else if (!answer)
		call_fail_btn(call, e);
	else if (fd < 0)
		call_fail(call, LV_ERR_INTERNAL, "the monitor handed out no console");
	else if (!call->conn) {
		close(fd);
		call_return(call);
	} else {
		call->stream = stream_new_console(call, fd);
		call_return(call);
	}
}

void do_open_console(struct call *call)
{
	const char *name = call->arg[1].s;

	if (!has_monitor(call))
		return;
	if (name && strcmp(name, "serial0") && strcmp(name, "console0")) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: cannot find device %s",
			name);
		return;
	}
	if (g_slist_length(call->conn->streams) >= CONNECTION_STREAMS_MAX) {
		call_fail(call, LV_ERR_FAILED, "operation failed: this connection has too many "
			  "streams");
		return;
	}
	monitor_ask_alone(call->vm->monitor, "attach-serial", call->flags & CONSOLE_FORCE ?
			  "\"history\":true,\"exclusive\":true,\"force\":true" :
			  "\"history\":true,\"exclusive\":true", -1, on_serial, call);
}

/* ---- screenshot ---- */

struct picture { int64_t width, height, stride; };

static bool take_picture(const struct json_node *answer, struct picture *ret)
{
	return json_get_int(answer, "width", 1, SCREEN_SIDE_MAX, &ret->width) &&
	       json_get_int(answer, "height", 1, SCREEN_SIDE_MAX, &ret->height) &&
	       json_get_int(answer, "stride", ret->width * 4, SCREEN_SIDE_MAX * 4, &ret->stride);
}

/* A portable pixmap of it; NULL if the descriptor holds less than that. */
static GBytes *to_pixmap(const struct picture *p, int fd)
{
	size_t size = (size_t)(p->stride * p->height);
	char *head = g_strdup_printf("P6\n%d %d\n255\n", (int)p->width, (int)p->height);
	size_t at = strlen(head), total = at + (size_t)(p->width * p->height) * 3;
	const uint8_t *pixels = MAP_FAILED;
	uint8_t *data;
	int64_t x, y;

	if (lseek(fd, 0, SEEK_END) >= (off_t)size)
		pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (pixels == MAP_FAILED) {
		g_free(head);
		return NULL;
	}
	data = g_malloc(total);
	memcpy(data, head, at);
	for (y = 0; y < p->height; y++) {
		const uint8_t *row = pixels + y * p->stride;

		for (x = 0; x < p->width; x++, at += 3) {
			data[at] = row[4 * x + 2];	/* xrgb8888, little-endian */
			data[at + 1] = row[4 * x + 1];
			data[at + 2] = row[4 * x];
		}
	}
	munmap((void *)pixels, size);
	g_free(head);
	return g_bytes_new_take(data, total);
}

static void on_screenshot(const struct json_node *answer, int fd, const struct btn_error *e,
			  void *ctx)
{
	struct call *call = ctx;
	struct picture picture;
	GBytes *bytes = NULL;

	if (answer && fd >= 0 && take_picture(answer, &picture))
		bytes = to_pixmap(&picture, fd);
	if (fd >= 0)
		close(fd);
	if (!answer)
		call_fail_btn(call, e);
	else if (!bytes)
		call_fail(call, LV_ERR_INTERNAL, "the monitor handed out no picture");
	else {
		if (call->conn)
			call->stream = stream_new_download(call, bytes);
		xdr_put_optional(call->out, "image/x-portable-pixmap");
		call_return(call);
	}
	if (bytes)
		g_bytes_unref(bytes);
}

void do_screenshot(struct call *call)
{
	if (!has_monitor(call))
		return;
	if (call->arg[1].u)
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: there is one screen, 0");
	else
		monitor_ask_alone(call->vm->monitor, "screenshot", NULL, -1, on_screenshot, call);
}

/* ---- keys ---- */

#define KEYS_MAX 8u

/* The monitor's names of keys, by their code in Linux; NULL: none. */
static const char *const key_names[KEY_COMPOSE + 1] = {
	[KEY_ESC] = "esc", [KEY_1] = "1", [KEY_2] = "2", [KEY_3] = "3", [KEY_4] = "4",
	[KEY_5] = "5", [KEY_6] = "6", [KEY_7] = "7", [KEY_8] = "8", [KEY_9] = "9", [KEY_0] = "0",
	[KEY_MINUS] = "minus", [KEY_EQUAL] = "=", [KEY_BACKSPACE] = "backspace",
	[KEY_TAB] = "tab", [KEY_Q] = "q", [KEY_W] = "w", [KEY_E] = "e", [KEY_R] = "r",
	[KEY_T] = "t", [KEY_Y] = "y", [KEY_U] = "u", [KEY_I] = "i", [KEY_O] = "o", [KEY_P] = "p",
	[KEY_LEFTBRACE] = "[", [KEY_RIGHTBRACE] = "]", [KEY_ENTER] = "enter",
	[KEY_LEFTCTRL] = "ctrl", [KEY_A] = "a", [KEY_S] = "s", [KEY_D] = "d", [KEY_F] = "f",
	[KEY_G] = "g", [KEY_H] = "h", [KEY_J] = "j", [KEY_K] = "k", [KEY_L] = "l",
	[KEY_SEMICOLON] = ";", [KEY_APOSTROPHE] = "'", [KEY_GRAVE] = "`",
	[KEY_LEFTSHIFT] = "shift", [KEY_BACKSLASH] = "\\\\", [KEY_Z] = "z", [KEY_X] = "x",
	[KEY_C] = "c", [KEY_V] = "v", [KEY_B] = "b", [KEY_N] = "n", [KEY_M] = "m",
	[KEY_COMMA] = ",", [KEY_DOT] = ".", [KEY_SLASH] = "/", [KEY_RIGHTSHIFT] = "rightshift",
	[KEY_KPASTERISK] = "kpmultiply", [KEY_LEFTALT] = "alt", [KEY_SPACE] = "space",
	[KEY_CAPSLOCK] = "capslock", [KEY_F1] = "f1", [KEY_F2] = "f2", [KEY_F3] = "f3",
	[KEY_F4] = "f4", [KEY_F5] = "f5", [KEY_F6] = "f6", [KEY_F7] = "f7", [KEY_F8] = "f8",
	[KEY_F9] = "f9", [KEY_F10] = "f10", [KEY_NUMLOCK] = "numlock",
	[KEY_SCROLLLOCK] = "scrolllock", [KEY_KP7] = "kp7", [KEY_KP8] = "kp8", [KEY_KP9] = "kp9",
	[KEY_KPMINUS] = "kpminus", [KEY_KP4] = "kp4", [KEY_KP5] = "kp5", [KEY_KP6] = "kp6",
	[KEY_KPPLUS] = "kpplus", [KEY_KP1] = "kp1", [KEY_KP2] = "kp2", [KEY_KP3] = "kp3",
	[KEY_KP0] = "kp0", [KEY_KPDOT] = "kpdot", [KEY_F11] = "f11", [KEY_F12] = "f12",
	[KEY_KPENTER] = "kpenter", [KEY_RIGHTCTRL] = "rightctrl", [KEY_KPSLASH] = "kpdivide",
	[KEY_SYSRQ] = "sysrq", [KEY_RIGHTALT] = "rightalt", [KEY_HOME] = "home", [KEY_UP] = "up",
	[KEY_PAGEUP] = "pageup", [KEY_LEFT] = "left", [KEY_RIGHT] = "right", [KEY_END] = "end",
	[KEY_DOWN] = "down", [KEY_PAGEDOWN] = "pagedown", [KEY_INSERT] = "insert",
	[KEY_DELETE] = "delete", [KEY_PAUSE] = "pause", [KEY_LEFTMETA] = "meta",
	[KEY_RIGHTMETA] = "rightmeta", [KEY_COMPOSE] = "menu",
};

static void on_keys(const struct json_node *answer, G_GNUC_UNUSED int fd,
		    const struct btn_error *e, void *ctx)
{
	if (answer)
		call_return(ctx);
	else
		call_fail_btn(ctx, e);
}

void do_send_key(struct call *call)
{
	const struct xdr_value *codes = &call->arg[3];
	GString *members;
	uint32_t i;

	if (!has_monitor(call))
		return;
	if (call->arg[1].u) {
		call_fail(call, LV_ERR_ARGUMENT, "argument unsupported: keys are given by their "
			"codes in Linux (--codeset linux)");
		return;
	}
	members = g_string_new("\"keys\":\"");
	for (i = 0; i < codes->count && i <= KEYS_MAX; i++) {
		uint32_t code = codes->item[i].u;

		if (i == KEYS_MAX || code >= G_N_ELEMENTS(key_names) || !key_names[code])
			break;
		g_string_append_printf(members, "%s%s", i ? "-" : "", key_names[code]);
	}
	if (!i || i < codes->count)
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: a key %u is not known, or "
			  "there are not 1 to %u keys", i < codes->count ? codes->item[i].u : 0,
			  KEYS_MAX);
	else {
		g_string_append_printf(members, "\",\"hold_ms\":%u", MIN(call->arg[2].u, 10000u));
		monitor_ask_alone(call->vm->monitor, "send-key", members->str, -1, on_keys, call);
	}
	g_string_free(members, TRUE);
}

/* ---- graphics ---- */

enum { GRAPHICS_SKIP_AUTH = 1 };

static const char *skip_auth(const struct call *call)
{
	return call->flags & GRAPHICS_SKIP_AUTH ? "\"skip_auth\":true" : NULL;
}

static bool has_screen(struct call *call)
{
	const struct config *config = call->vm->live ? call->vm->live : call->vm->config;

	if (!has_monitor(call))
		return false;
	if (!call->arg[1].u && config->board == CONFIG_PC)
		return true;
	call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: no graphics backend with index %u",
		  call->arg[1].u);
	return false;
}

static void on_vnc_fd(const struct json_node *answer, int fd, const struct btn_error *e, void *ctx)
{
	struct call *call = ctx;

	if (!answer)
		call_fail_btn(call, e);
	else if (fd < 0)
		call_fail(call, LV_ERR_INTERNAL, "the monitor handed out no connection");
	else {
		call->out_fd = fd;
		call_return(call);
	}
}

void do_open_graphics_fd(struct call *call)
{
	if (has_screen(call))
		monitor_ask_alone(call->vm->monitor, "attach-vnc", skip_auth(call), -1, on_vnc_fd,
				  call);
}

void do_open_graphics(struct call *call)
{
	int fd = call->fd;

	if (!has_screen(call))
		return;
	if (fd < 0) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: no descriptor came with it");
		return;
	}
	call->fd = -1;
	monitor_ask_alone(call->vm->monitor, "vnc-client", skip_auth(call), fd, on_keys, call);
}
