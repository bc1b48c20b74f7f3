// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The Overview tab. See overview.h.
 */
#include <gio/gunixinputstream.h>
#include <unistd.h>

#include "model/connection.h"
#include "model/error.h"
#include "text.h"
#include "widgets/banner.h"
#include "widgets/facts_grid.h"
#include "widgets/overview.h"

#define LOG_BYTES (64 << 10)

struct _BatonOverview {
	GtkBox parent;
	BatonVm *vm;
	BatonBanner *banner;
	GtkGrid *facts;
	GtkWidget *log_box;
	GtkTextView *log;
};

G_DEFINE_TYPE(BatonOverview, baton_overview, GTK_TYPE_BOX)

/* ---- the log ---- */

static void show_log(BatonOverview *overview, const char *bytes, gsize size)
{
	g_autofree char *text = g_utf8_make_valid(bytes, (gssize)size);
	g_autofree char *shown = NULL;
	GtkTextBuffer *buffer;
	GtkTextIter start, end;

	if (!overview->log || !overview->vm)
		return; /* closed meanwhile */
	buffer = gtk_text_view_get_buffer(overview->log);
	gtk_text_buffer_get_bounds(buffer, &start, &end);
	shown = gtk_text_buffer_get_text(buffer, &start, &end, TRUE);
	/* It is read at each step of a job: what is looked at or selected in it stays. */
	if (*text && !g_strcmp0(text, shown))
		return;
	gtk_text_buffer_set_text(buffer, *text ? text : _("Nothing yet."), -1);
	gtk_text_buffer_get_end_iter(buffer, &end);
	gtk_text_buffer_place_cursor(buffer, &end);
	gtk_text_view_scroll_mark_onscreen(overview->log, gtk_text_buffer_get_insert(buffer));
}

static void on_log_read(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonOverview) overview = data;
	g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result,
								   NULL);
	gsize size = 0;
	const char *text = bytes ? g_bytes_get_data(bytes, &size) : NULL;

	show_log(overview, text ? text : "", size);
}

/* Its end is what says what happened last. */
static void on_log(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonOverview) overview = data;
	g_autoptr(GInputStream) stream = NULL;
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, NULL);
	off_t size;
	int fd = reply ? reply_steal_fd(reply) : -1;

	if (fd < 0) {
		show_log(overview, "", 0);
		return;
	}
	size = lseek(fd, 0, SEEK_END);
	lseek(fd, size > LOG_BYTES ? size - LOG_BYTES : 0, SEEK_SET);
	stream = g_unix_input_stream_new(fd, TRUE);
	g_input_stream_read_bytes_async(stream, LOG_BYTES, G_PRIORITY_DEFAULT, NULL, on_log_read,
					g_object_ref(overview));
}

static void ask_log(BatonOverview *overview)
{
	BatonApi *api = overview->vm->connection ?
			baton_connection_api(overview->vm->connection) : NULL;
	gboolean has_log = api && overview->vm->native;

	gtk_widget_set_visible(overview->log_box, has_log);
	if (has_log)
		baton_api_call(api, request_text("vm-log", "name", overview->vm->uuid, NULL), NULL,
			       on_log, g_object_ref(overview));
}

static void on_refresh(GtkButton *button, gpointer data)
{
	(void)button;
	ask_log(data);
}

static void on_map(GtkWidget *widget, gpointer data)
{
	(void)data;
	baton_overview_update(BATON_OVERVIEW(widget));
}

void baton_overview_update(BatonOverview *overview)
{
	baton_banner_show(overview->banner, overview->vm->problem, NULL, NULL, FALSE);
	facts_grid_show(overview->facts, overview->vm);
	if (gtk_widget_get_mapped(GTK_WIDGET(overview)))
		ask_log(overview);
}

/* ---- life ---- */

GtkWidget *baton_overview_new(BatonVm *vm)
{
	BatonOverview *overview = g_object_new(BATON_TYPE_OVERVIEW, NULL);

	overview->vm = g_object_ref(vm);
	baton_overview_update(overview);
	return GTK_WIDGET(overview);
}

static void baton_overview_init(BatonOverview *overview)
{
	gtk_widget_init_template(GTK_WIDGET(overview));
	overview->banner = BATON_BANNER(baton_banner_new());
	gtk_box_pack_start(GTK_BOX(overview), GTK_WIDGET(overview->banner), FALSE, FALSE, 0);
	gtk_box_reorder_child(GTK_BOX(overview), GTK_WIDGET(overview->banner), 0);
	g_signal_connect(overview, "map", G_CALLBACK(on_map), NULL);
}

static void baton_overview_dispose(GObject *object)
{
	g_clear_object(&BATON_OVERVIEW(object)->vm);
	G_OBJECT_CLASS(baton_overview_parent_class)->dispose(object);
}

static void baton_overview_class_init(BatonOverviewClass *class)
{
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);

	G_OBJECT_CLASS(class)->dispose = baton_overview_dispose;
	gtk_widget_class_set_template_from_resource(widget, "/org/baton/ui/overview.ui");
	gtk_widget_class_bind_template_child(widget, BatonOverview, facts);
	gtk_widget_class_bind_template_child(widget, BatonOverview, log_box);
	gtk_widget_class_bind_template_child(widget, BatonOverview, log);
	gtk_widget_class_bind_template_callback(widget, on_refresh);
}
