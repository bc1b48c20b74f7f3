// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Console, screen and keys: the monitor hands out descriptors and pixels, over a
 * connection of its own for each request.
 */
#include <string.h>
#include <unistd.h>

#include "lib/key_names.h"
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
	if (!stream_has_room(call))
		return;
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

/* One row of it as a pixmap has it. False: the file ends before. */
static bool take_row(const struct picture *p, int fd, int64_t y, uint8_t *row, uint8_t *to)
{
	size_t size = (size_t)p->width * 4;
	int64_t x;

	/* Not mapped: whoever made the file could cut it off meanwhile. */
	if (pread(fd, row, size, (off_t)(y * p->stride)) != (ssize_t)size)
		return false;
	for (x = 0; x < p->width; x++, to += 3) {
		to[0] = row[4 * x + 2];		/* xrgb8888, little-endian */
		to[1] = row[4 * x + 1];
		to[2] = row[4 * x];
	}
	return true;
}

/* A portable pixmap of it; NULL if the descriptor holds less than that. */
static GBytes *to_pixmap(const struct picture *p, int fd)
{
	g_autofree char *head = g_strdup_printf("P6\n%d %d\n255\n", (int)p->width,
						(int)p->height);
	g_autofree uint8_t *row = g_malloc((size_t)p->width * 4);
	size_t start = strlen(head), line = (size_t)p->width * 3;
	size_t total = start + line * (size_t)p->height;
	uint8_t *data = g_malloc(total);
	int64_t y;

	memcpy(data, head, start);
	for (y = 0; y < p->height; y++) {
		if (!take_row(p, fd, y, row, data + start + line * (size_t)y)) {
			g_free(data);
			return NULL;
		}
	}
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
	else if (!call->conn || stream_has_room(call)) {
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

static void on_keys(const struct json_node *answer, int fd,
		    const struct btn_error *e, void *ctx)
{
	monitor_no_fd(fd);
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
		const char *name = i < KEYS_MAX ? key_name(codes->item[i].u) : NULL;

		if (!name)
			break;
		/* The one name that JSON wants written otherwise. */
		g_string_append_printf(members, "%s%s", i ? "-" : "",
				       strcmp(name, "\\") ? name : "\\\\");
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
