// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A local VM's screen. See screen.h and userland/monitor/control/README.md.
 *
 * Two connections to the monitor: one waits for damage, and so cannot be used for anything
 * else; the other has keys and pointer, which the monitor lets go when it ends.
 */
#define _GNU_SOURCE 1 /* F_GET_SEALS */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/json_write.h"
#include "lib/key_names.h"
#include "model/connection.h"
#include "model/error.h"
#include "model/keys.h"
#include "model/screen.h"
#include "text.h"

#define SIDE_MAX 16384
#define RECTS_MAX 256

struct _BatonScreen {
	GObject parent;
	BatonLink *picture_link, *input_link;
	struct screen_picture picture;
	void *map;
	gsize map_bytes;
	gint64 generation;
	gboolean watched, waiting, is_lost;
};

enum { SIGNAL_RESIZED, SIGNAL_DAMAGED, SIGNAL_LOST, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonScreen, baton_screen, G_TYPE_OBJECT)

static void lose(BatonScreen *screen, const GError *error)
{
	if (screen->is_lost)
		return;
	screen->is_lost = TRUE;
	g_signal_emit(screen, signals[SIGNAL_LOST], 0, error);
}

/* ---- the picture ---- */

gboolean screen_size_is_sane(gint64 width, gint64 height, gint64 stride, gint64 bytes)
{
	return width > 0 && height > 0 && width <= SIDE_MAX && height <= SIDE_MAX &&
	       stride >= width * 4 && stride <= SIDE_MAX * 8 && !(stride % 4) &&
	       bytes >= stride * height;
}

static void unmap(BatonScreen *screen)
{
	if (screen->map)
		munmap(screen->map, screen->map_bytes);
	screen->map = NULL;
	screen->picture = (struct screen_picture){ 0 };
}

/* A file that can become smaller while it is mapped would end us: it has to be sealed. */
static gboolean map_surface(BatonScreen *screen, const struct json_node *node, int fd)
{
	gint64 width = node_number(node, "width", 0), height = node_number(node, "height", 0);
	gint64 stride = node_number(node, "stride", 0);
	int seals = fcntl(fd, F_GET_SEALS); /* negative: no file that has any */
	struct stat file;
	void *map;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &file) ||
	    !screen_size_is_sane(width, height, stride, file.st_size))
		return FALSE;
	map = mmap(NULL, (gsize)(stride * height), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return FALSE;
	unmap(screen);
	screen->map = map;
	screen->map_bytes = (gsize)(stride * height);
	screen->picture = (struct screen_picture){ (guint)width, (guint)height, (guint)stride,
						   map };
	screen->generation = node_number(node, "generation", 0);
	return TRUE;
}

static gboolean take_surface(BatonScreen *screen, struct reply *reply)
{
	int fd = reply_steal_fd(reply);
	gboolean ok;

	if (fd < 0)
		return node_number(reply->node, "generation", 0) == screen->generation;
	ok = map_surface(screen, reply->node, fd);
	close(fd);
	if (ok)
		g_signal_emit(screen, signals[SIGNAL_RESIZED], 0);
	return ok;
}

static void take_rects(BatonScreen *screen, const struct json_node *rects)
{
	const struct json_node *rect = NULL;
	guint count = 0;

	while (rects && count++ < RECTS_MAX && (rect = json_next(rects, rect))) {
		const struct json_node *number = NULL;
		guint part[4] = { 0 };

		for (int i = 0; i < 4 && (number = json_next(rect, number)); i++)
			if (number->type == JSON_INT && number->integer >= 0 &&
			    number->integer <= SIDE_MAX)
				part[i] = (guint)number->integer;
		g_signal_emit(screen, signals[SIGNAL_DAMAGED], 0, part[0], part[1], part[2],
			      part[3]);
	}
}

static void wait_display(BatonScreen *screen);

static void on_display(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonScreen) screen = data;
	g_autoptr(GError) error = NULL;
	AUTO_REPLY reply = baton_link_call_finish(BATON_LINK(source), result, &error);

	screen->waiting = FALSE;
	if (!reply || !take_surface(screen, reply)) {
		lose(screen, error);
		return;
	}
	take_rects(screen, json_member(reply->node, "rects"));
	if (screen->watched)
		wait_display(screen);
}

static void wait_display(BatonScreen *screen)
{
	if (screen->waiting || !screen->picture_link || !screen->map)
		return;
	screen->waiting = TRUE;
	baton_link_call(screen->picture_link, request_text("wait-display", NULL), NULL, on_display,
			g_object_ref(screen));
}

void baton_screen_watch(BatonScreen *screen, gboolean watch)
{
	screen->watched = watch;
	if (watch)
		wait_display(screen);
}

const struct screen_picture *baton_screen_picture(BatonScreen *screen)
{
	return &screen->picture;
}

/* ---- keys and pointer ---- */

void baton_screen_key(BatonScreen *screen, guint linux_code, gboolean down)
{
	const char *name = key_name(linux_code);
	struct json_out out;
	char text[128];

	if (!name || !screen->input_link)
		return;
	json_put_start(&out, text, sizeof(text));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", "key");
	json_put_string(&out, "key", name);
	json_put_bool(&out, "down", down);
	json_put_close(&out, '}');
	if (json_put_end(&out) > 0)
		baton_link_tell(screen->input_link, g_strndup(text, out.length));
}

void baton_screen_send_keys(BatonScreen *screen, const char *keys)
{
	if (screen->input_link)
		baton_link_tell(screen->input_link, request_text("send-key", "keys", keys, NULL));
}

void baton_screen_pointer(BatonScreen *screen, guint x, guint y, guint buttons)
{
	struct json_out out;
	char text[128];

	if (!screen->input_link)
		return;
	json_put_start(&out, text, sizeof(text));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", "pointer");
	json_put_int(&out, "x", x);
	json_put_int(&out, "y", y);
	json_put_int(&out, "buttons", buttons);
	json_put_close(&out, '}');
	if (json_put_end(&out) > 0)
		baton_link_tell(screen->input_link, g_strndup(text, out.length));
}

/* ---- connecting ---- */

static void on_closed(BatonLink *link, gpointer data)
{
	(void)link;
	lose(data, NULL);
}

static BatonLink *link_of(BatonScreen *screen, GObject *source, GAsyncResult *result)
{
	g_autoptr(GError) error = NULL;
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, &error);
	BatonLink *link;

	if (screen->is_lost)
		return NULL;
	if (!reply || reply->fd < 0) {
		lose(screen, error);
		return NULL;
	}
	link = baton_link_new(reply_steal_fd(reply));
	g_signal_connect_object(link, "closed", G_CALLBACK(on_closed), screen, 0);
	return link;
}

static void on_picture_link(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonScreen) screen = data;

	screen->picture_link = link_of(screen, source, result);
	if (!screen->picture_link)
		return;
	screen->waiting = TRUE;
	baton_link_call(screen->picture_link, request_text("attach-display", NULL), NULL,
			on_display, g_object_ref(screen));
}

static void on_input_link(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonScreen) screen = data;

	screen->input_link = link_of(screen, source, result);
}

BatonScreen *baton_screen_new(BatonVm *vm)
{
	BatonScreen *screen = g_object_new(BATON_TYPE_SCREEN, NULL);
	BatonApi *api = baton_connection_api(vm->connection);

	baton_api_call(api, request_text("vm-monitor", "name", vm->uuid, NULL), NULL,
		       on_picture_link, g_object_ref(screen));
	baton_api_call(api, request_text("vm-monitor", "name", vm->uuid, NULL), NULL,
		       on_input_link, g_object_ref(screen));
	return screen;
}

/* ---- life ---- */

static void baton_screen_init(BatonScreen *screen)
{
	(void)screen;
}

/* Calls that wait hold a reference: closing the links ends them. */
static void baton_screen_dispose(GObject *object)
{
	BatonScreen *screen = BATON_SCREEN(object);

	screen->is_lost = TRUE;
	g_clear_object(&screen->picture_link);
	g_clear_object(&screen->input_link);
	unmap(screen);
	G_OBJECT_CLASS(baton_screen_parent_class)->dispose(object);
}

void baton_screen_close(BatonScreen *screen)
{
	screen->is_lost = TRUE;
	screen->watched = FALSE;
	if (screen->picture_link)
		baton_link_close(screen->picture_link);
	if (screen->input_link)
		baton_link_close(screen->input_link);
}

static void baton_screen_class_init(BatonScreenClass *class)
{
	G_OBJECT_CLASS(class)->dispose = baton_screen_dispose;
	signals[SIGNAL_RESIZED] = g_signal_new("resized", BATON_TYPE_SCREEN, G_SIGNAL_RUN_LAST, 0,
					       NULL, NULL, NULL, G_TYPE_NONE, 0);
	signals[SIGNAL_DAMAGED] = g_signal_new("damaged", BATON_TYPE_SCREEN, G_SIGNAL_RUN_LAST, 0,
					       NULL, NULL, NULL, G_TYPE_NONE, 4, G_TYPE_UINT,
					       G_TYPE_UINT, G_TYPE_UINT, G_TYPE_UINT);
	signals[SIGNAL_LOST] = g_signal_new("lost", BATON_TYPE_SCREEN, G_SIGNAL_RUN_LAST, 0, NULL,
					    NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}
