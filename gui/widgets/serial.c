// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The serial console of a VM. See serial.h.
 *
 * Input waits in `out` while an earlier part of it is being written: a stream takes one
 * write at a time.
 */
#include <vte/vte.h>

#include "model/error.h"
#include "model/serial_line.h"
#include "text.h"
#include "widgets/banner.h"
#include "widgets/serial.h"

#define READ_BYTES 4096
#define OUT_MAX_BYTES (1u << 20)
#define SCROLLBACK_LINES 10000
#define LOST_MS 700	/* for the VM's state to say why */

struct _BatonSerial {
	GtkBox parent;
	BatonVm *vm;
	VteTerminal *terminal;
	BatonBanner *banner;
	GtkWidget *off;
	GIOStream *stream;
	GCancellable *cancellable;	/* of all that is under way */
	GByteArray *out, *writing;
	guchar in[READ_BYTES];
	gboolean opening;
	guint lost_source;
};

G_DEFINE_TYPE(BatonSerial, baton_serial, GTK_TYPE_BOX)

static void drop(BatonSerial *serial)
{
	g_cancellable_cancel(serial->cancellable);
	g_clear_object(&serial->cancellable);
	if (serial->stream)
		g_io_stream_close_async(serial->stream, G_PRIORITY_DEFAULT, NULL, NULL, NULL);
	g_clear_object(&serial->stream);
	if (serial->out)
		g_byte_array_set_size(serial->out, 0);
	serial->writing = NULL; /* its end will find that it is another's turn */
	serial->opening = FALSE;
	g_clear_handle_id(&serial->lost_source, g_source_remove);
}

static gboolean is_on(BatonSerial *serial)
{
	return serial->vm->state == VM_RUNNING || serial->vm->state == VM_PAUSED ||
	       serial->vm->state == VM_STOPPING;
}

/* A moment after its end: the VM is on, so it was not its own. */
static gboolean on_lost(gpointer data)
{
	BatonSerial *serial = data;
	g_autoptr(GError) error = baton_error_new(BTN_NO_CONSOLE,
		_("The connection to the serial console was cut"),
		_("Somebody else has taken it over, or this side read too slowly."),
		_("Open the window again to connect anew."));

	serial->lost_source = 0;
	if (is_on(serial) && !serial->stream && !serial->opening)
		baton_banner_show(serial->banner, error, NULL, NULL, TRUE);
	return G_SOURCE_REMOVE;
}

/* ---- out ---- */

static void write_some(BatonSerial *serial);

struct write {
	BatonSerial *serial;
	GByteArray *bytes;
};

static void on_written(GObject *source, GAsyncResult *result, gpointer data)
{
	struct write *write = data;
	BatonSerial *serial = write->serial;
	g_autoptr(GError) error = NULL;
	gssize count = g_output_stream_write_finish(G_OUTPUT_STREAM(source), result, &error);

	if (error)
		g_debug("serial console: %s", error->message);
	if (serial->writing == write->bytes)
		serial->writing = NULL;
	if (count > 0 && serial->stream && serial->out) {
		/* What was left over goes first. */
		g_byte_array_prepend(serial->out, write->bytes->data + count,
				     write->bytes->len - (guint)count);
		write_some(serial);
	}
	g_byte_array_unref(write->bytes);
	g_free(write);
	g_object_unref(serial);
}

static void write_some(BatonSerial *serial)
{
	struct write *write;

	if (serial->writing || !serial->stream || !serial->out->len)
		return;
	write = g_new0(struct write, 1);
	write->serial = g_object_ref(serial);
	write->bytes = serial->writing = serial->out;
	serial->out = g_byte_array_new();
	g_output_stream_write_async(g_io_stream_get_output_stream(serial->stream),
				    write->bytes->data, write->bytes->len, G_PRIORITY_DEFAULT,
				    serial->cancellable, on_written, write);
}

static void on_commit(VteTerminal *terminal, const char *text, guint size, gpointer data)
{
	BatonSerial *serial = data;

	(void)terminal;
	if (!serial->stream || serial->out->len + size > OUT_MAX_BYTES)
		return;
	g_byte_array_append(serial->out, (const guint8 *)text, size);
	write_some(serial);
}

/* ---- in ---- */

static void read_some(BatonSerial *serial);

static void on_read(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonSerial) serial = data;
	g_autoptr(GError) error = NULL;
	gssize count = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &error);

	if (!serial->stream || source != (GObject *)g_io_stream_get_input_stream(serial->stream))
		return;
	if (count > 0) {
		vte_terminal_feed(serial->terminal, (const char *)serial->in, count);
		read_some(serial);
		return;
	}
	drop(serial);
	serial->lost_source = g_timeout_add(LOST_MS, on_lost, serial);
}

static void read_some(BatonSerial *serial)
{
	g_input_stream_read_async(g_io_stream_get_input_stream(serial->stream), serial->in,
				  sizeof(serial->in), G_PRIORITY_DEFAULT, serial->cancellable,
				  on_read, g_object_ref(serial));
}

/* ---- connecting ---- */

static void on_opened(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonSerial) serial = data;
	g_autoptr(GCancellable) cancellable = g_object_ref(g_task_get_cancellable(G_TASK(result)));
	GError *error = NULL;
	GIOStream *stream = serial_line_open_finish(BATON_VM(source), result, &error);

	if (cancellable != serial->cancellable) {
		g_clear_object(&stream);
		g_clear_error(&error);
		return;
	}
	serial->opening = FALSE;
	serial->stream = stream;
	if (stream) {
		vte_terminal_reset(serial->terminal, TRUE, TRUE);
		read_some(serial);
		return;
	}
	error = baton_error_explain(error, _("The serial console cannot be opened"), NULL);
	baton_banner_show(serial->banner, error, NULL, NULL, TRUE);
	g_error_free(error);
}

void baton_serial_update(BatonSerial *serial)
{
	gboolean on = is_on(serial);

	gtk_widget_set_visible(serial->off, !on && !serial->stream);
	if (!on || serial->stream || serial->opening ||
	    !gtk_widget_get_mapped(GTK_WIDGET(serial->terminal)))
		return;
	baton_banner_show(serial->banner, NULL, NULL, NULL, TRUE);
	drop(serial);
	serial->cancellable = g_cancellable_new();
	serial->opening = TRUE;
	serial_line_open(serial->vm, serial->cancellable, on_opened, g_object_ref(serial));
}

static void on_map(GtkWidget *widget, gpointer data)
{
	(void)widget;
	baton_serial_update(data);
}

gboolean baton_serial_has_keyboard(BatonSerial *serial)
{
	return serial->stream && gtk_widget_has_focus(GTK_WIDGET(serial->terminal));
}

void baton_serial_focus(BatonSerial *serial)
{
	gtk_widget_grab_focus(GTK_WIDGET(serial->terminal));
}

/* ---- life ---- */

static void make_terminal(BatonSerial *serial)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
	GtkWidget *bar;

	serial->terminal = VTE_TERMINAL(vte_terminal_new());
	vte_terminal_set_scrollback_lines(serial->terminal, SCROLLBACK_LINES);
	vte_terminal_set_mouse_autohide(serial->terminal, TRUE);
	/* The guest's speed is the guest's; a cursor that blinks wakes us for nothing. */
	vte_terminal_set_cursor_blink_mode(serial->terminal, VTE_CURSOR_BLINK_OFF);
	g_signal_connect(serial->terminal, "commit", G_CALLBACK(on_commit), serial);
	g_signal_connect(serial->terminal, "map", G_CALLBACK(on_map), serial);
	bar = gtk_scrollbar_new(GTK_ORIENTATION_VERTICAL,
				gtk_scrollable_get_vadjustment(GTK_SCROLLABLE(serial->terminal)));
	gtk_box_pack_start(GTK_BOX(box), GTK_WIDGET(serial->terminal), TRUE, TRUE, 0);
	gtk_box_pack_start(GTK_BOX(box), bar, FALSE, FALSE, 0);
	gtk_widget_show_all(box);
	gtk_box_pack_start(GTK_BOX(serial), box, TRUE, TRUE, 0);
}

GtkWidget *baton_serial_new(BatonVm *vm)
{
	BatonSerial *serial = g_object_new(BATON_TYPE_SERIAL, "orientation",
					   GTK_ORIENTATION_VERTICAL, "visible", TRUE, NULL);
	g_autofree char *name = g_strdup_printf(_("Serial console of %s"), vm->name);

	serial->vm = g_object_ref(vm);
	atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(serial->terminal)), name);
	return GTK_WIDGET(serial);
}

static void baton_serial_init(BatonSerial *serial)
{
	serial->out = g_byte_array_new();
	serial->banner = BATON_BANNER(baton_banner_new());
	gtk_container_add(GTK_CONTAINER(serial), GTK_WIDGET(serial->banner));
	serial->off = gtk_label_new(_("It is off. What it writes shows here when it runs."));
	g_object_set(serial->off, "margin", 6, NULL);
	gtk_style_context_add_class(gtk_widget_get_style_context(serial->off), "dim-label");
	gtk_container_add(GTK_CONTAINER(serial), serial->off);
	make_terminal(serial);
}

static void baton_serial_dispose(GObject *object)
{
	BatonSerial *serial = BATON_SERIAL(object);

	drop(serial);
	g_clear_object(&serial->vm);
	g_clear_pointer(&serial->out, g_byte_array_unref);
	G_OBJECT_CLASS(baton_serial_parent_class)->dispose(object);
}

static void baton_serial_class_init(BatonSerialClass *class)
{
	G_OBJECT_CLASS(class)->dispose = baton_serial_dispose;
}
