// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The screen of a local VM. See display.h.
 *
 * All places are reckoned in pixels of the device (the widget's size times its scale
 * factor), so that a guest's pixel can be one of the screen's.
 */
#include <linux/input-event-codes.h>
#include <math.h>

#include "model/keys.h"
#include "model/place.h"
#include "model/wheel.h"
#include "text.h"
#include "widgets/display.h"

#define KEYS_MAX 256
#define WHEEL_UP 8	/* as buttons */
#define WHEEL_DOWN 16

struct _BatonDisplay {
	GtkDrawingArea parent;
	BatonScreen *screen;
	cairo_surface_t *surface;	/* of the shared picture: no copy */
	gboolean scale, grabbed;
	guint buttons;
	double pointer_x, pointer_y;	/* where it was seen last */
	double wheel_rest;		/* of a touchpad's way: less than a click */
	gboolean down[KEYS_MAX];	/* by Linux key code */
	gboolean both_down;		/* Left Ctrl and Left Alt, nothing else since */
};

enum { SIGNAL_GRAB, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonDisplay, baton_display, GTK_TYPE_DRAWING_AREA)

/* ---- where it is drawn ---- */

static void place(BatonDisplay *display, double *ret_factor, int *ret_x, int *ret_y)
{
	GtkWidget *widget = GTK_WIDGET(display);
	const struct screen_picture *picture = baton_screen_picture(display->screen);
	int device = gtk_widget_get_scale_factor(widget);

	display_place(gtk_widget_get_allocated_width(widget) * device,
		      gtk_widget_get_allocated_height(widget) * device, (int)picture->width,
		      (int)picture->height, display->scale, ret_factor, ret_x, ret_y);
}

static gboolean baton_display_draw(GtkWidget *widget, cairo_t *cairo)
{
	BatonDisplay *display = BATON_DISPLAY(widget);
	double device = gtk_widget_get_scale_factor(widget), factor;
	int x, y;

	cairo_set_source_rgb(cairo, 0, 0, 0);
	cairo_paint(cairo);
	if (!display->surface)
		return TRUE;
	place(display, &factor, &x, &y);
	cairo_scale(cairo, 1 / device, 1 / device);
	cairo_translate(cairo, x, y);
	cairo_scale(cairo, factor, factor);
	cairo_set_source_surface(cairo, display->surface, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(cairo), fabs(factor - 1) < 1e-6 ?
				 CAIRO_FILTER_NEAREST : CAIRO_FILTER_BILINEAR);
	cairo_paint(cairo);
	return TRUE;
}

/* ---- the screen ---- */

static void drop_surface(BatonDisplay *display)
{
	if (display->surface)
		cairo_surface_finish(display->surface);
	g_clear_pointer(&display->surface, cairo_surface_destroy);
}

static void on_resized(BatonScreen *screen, gpointer data)
{
	BatonDisplay *display = data;
	const struct screen_picture *picture = baton_screen_picture(screen);

	drop_surface(display);
	if (picture->pixels)
		display->surface = cairo_image_surface_create_for_data(
			(guchar *)picture->pixels, CAIRO_FORMAT_RGB24, (int)picture->width,
			(int)picture->height, (int)picture->stride);
	gtk_widget_queue_draw(GTK_WIDGET(display));
}

static void on_damaged(BatonScreen *screen, guint left, guint top, guint width, guint height,
		       gpointer data)
{
	BatonDisplay *display = data;
	double device = gtk_widget_get_scale_factor(GTK_WIDGET(display)), factor;
	int x, y;

	(void)screen;
	if (!display->surface)
		return;
	cairo_surface_mark_dirty_rectangle(display->surface, (int)left, (int)top, (int)width,
					   (int)height);
	place(display, &factor, &x, &y);
	/* Scaling smears a pixel over its neighbours: one more on each side. */
	gtk_widget_queue_draw_area(GTK_WIDGET(display),
		(int)floor((x + left * factor) / device) - 1,
		(int)floor((y + top * factor) / device) - 1,
		(int)ceil(width * factor / device) + 3, (int)ceil(height * factor / device) + 3);
}

void baton_display_set_screen(BatonDisplay *display, BatonScreen *screen)
{
	baton_display_release(display);
	display->buttons = 0;
	display->wheel_rest = 0;
	drop_surface(display);
	if (display->screen)
		g_signal_handlers_disconnect_by_data(display->screen, display);
	g_set_object(&display->screen, screen);
	if (screen) {
		g_signal_connect(screen, "resized", G_CALLBACK(on_resized), display);
		g_signal_connect(screen, "damaged", G_CALLBACK(on_damaged), display);
		baton_screen_watch(screen, gtk_widget_get_mapped(GTK_WIDGET(display)));
		on_resized(screen, display);
	}
	gtk_widget_queue_draw(GTK_WIDGET(display));
}

void baton_display_set_scale(BatonDisplay *display, gboolean scale)
{
	display->scale = scale;
	gtk_widget_queue_draw(GTK_WIDGET(display));
}

GdkPixbuf *baton_display_picture(BatonDisplay *display)
{
	if (!display->surface)
		return NULL;
	return gdk_pixbuf_get_from_surface(display->surface, 0, 0,
		cairo_image_surface_get_width(display->surface),
		cairo_image_surface_get_height(display->surface));
}

/* ---- the keyboard ---- */

gboolean baton_display_has_keyboard(BatonDisplay *display)
{
	return display->grabbed && display->screen;
}

void baton_display_release(BatonDisplay *display)
{
	GdkDisplay *gdk = gtk_widget_get_display(GTK_WIDGET(display));

	for (guint code = 0; code < KEYS_MAX; code++) {
		if (display->down[code] && display->screen)
			baton_screen_key(display->screen, code, FALSE);
		display->down[code] = FALSE;
	}
	display->both_down = FALSE;
	if (!display->grabbed)
		return;
	display->grabbed = FALSE;
	gdk_seat_ungrab(gdk_display_get_default_seat(gdk));
	g_signal_emit(display, signals[SIGNAL_GRAB], 0);
}

/* The seat's keyboard, so that the desktop's own keys reach the guest. It may refuse. */
static void grab(BatonDisplay *display)
{
	GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(display));
	GdkSeat *seat = gdk_display_get_default_seat(gtk_widget_get_display(GTK_WIDGET(display)));

	if (display->grabbed || !display->screen || !window)
		return;
	gdk_seat_grab(seat, window, GDK_SEAT_CAPABILITY_KEYBOARD, FALSE, NULL, NULL, NULL, NULL);
	display->grabbed = TRUE;
	g_signal_emit(display, signals[SIGNAL_GRAB], 0);
}

/* Left Ctrl and Left Alt, pressed and let go with no other key between: our own signal. */
static gboolean is_release(BatonDisplay *display, guint code, gboolean down)
{
	gboolean ours = code == KEY_LEFTCTRL || code == KEY_LEFTALT;

	if (down)
		display->both_down = ours && display->down[KEY_LEFTCTRL] &&
				     display->down[KEY_LEFTALT];
	return !down && ours && display->both_down;
}

void baton_display_used_otherwise(BatonDisplay *display)
{
	display->both_down = FALSE;
}

static gboolean on_key(GtkWidget *widget, GdkEventKey *event, gpointer data)
{
	BatonDisplay *display = BATON_DISPLAY(widget);
	gboolean down = event->type == GDK_KEY_PRESS;
	guint code = event->hardware_keycode - KEYS_X_OFFSET;

	(void)data;
	if (!baton_display_has_keyboard(display) || code >= KEYS_MAX)
		return GDK_EVENT_PROPAGATE;
	if (!down && !display->down[code])
		return GDK_EVENT_PROPAGATE;
	display->down[code] = down;
	if (is_release(display, code, down)) {
		display->down[code] = TRUE; /* is let go with the rest */
		baton_display_release(display);
		return GDK_EVENT_STOP;
	}
	baton_screen_key(display->screen, code, down);
	return GDK_EVENT_STOP;
}

static gboolean on_focus_in(GtkWidget *widget, GdkEventFocus *event, gpointer data)
{
	(void)event;
	(void)data;
	grab(BATON_DISPLAY(widget));
	return GDK_EVENT_PROPAGATE;
}

static gboolean on_focus_out(GtkWidget *widget, GdkEventFocus *event, gpointer data)
{
	(void)event;
	(void)data;
	baton_display_release(BATON_DISPLAY(widget));
	return GDK_EVENT_PROPAGATE;
}

/* ---- the pointer: absolute, so nothing is confined ---- */

static void send_pointer(BatonDisplay *display, double wx, double wy, guint wheel)
{
	const struct screen_picture *picture;
	double device = gtk_widget_get_scale_factor(GTK_WIDGET(display)), factor;
	int left, top;

	display->pointer_x = wx;
	display->pointer_y = wy;
	if (!display->screen || !display->surface)
		return;
	picture = baton_screen_picture(display->screen);
	place(display, &factor, &left, &top);
	baton_screen_pointer(display->screen,
		(guint)CLAMP((wx * device - left) / factor, 0, (double)picture->width - 1),
		(guint)CLAMP((wy * device - top) / factor, 0, (double)picture->height - 1),
		display->buttons | wheel);
}

/* Nobody will tell that they are let go: the guest would have them down for good. */
static void release_buttons(BatonDisplay *display)
{
	if (!display->buttons)
		return;
	display->buttons = 0;
	send_pointer(display, display->pointer_x, display->pointer_y, 0);
}

static void on_grab_notify(GtkWidget *widget, gboolean is_free, gpointer data)
{
	(void)data;
	if (!is_free) /* a dialog has all events now */
		release_buttons(BATON_DISPLAY(widget));
}

static gboolean on_grab_broken(GtkWidget *widget, GdkEventGrabBroken *event, gpointer data)
{
	(void)data;
	if (!event->keyboard)
		release_buttons(BATON_DISPLAY(widget));
	return GDK_EVENT_PROPAGATE;
}

static gboolean on_motion(GtkWidget *widget, GdkEventMotion *event, gpointer data)
{
	(void)data;
	send_pointer(BATON_DISPLAY(widget), event->x, event->y, 0);
	return GDK_EVENT_STOP;
}

static gboolean on_button(GtkWidget *widget, GdkEventButton *event, gpointer data)
{
	BatonDisplay *display = BATON_DISPLAY(widget);
	guint bit = event->button >= 1 && event->button <= 3 ? 1u << (event->button - 1) : 0;

	(void)data;
	baton_display_used_otherwise(display);
	if (event->type == GDK_BUTTON_PRESS) {
		if (gtk_widget_has_focus(widget))
			grab(display);
		else
			gtk_widget_grab_focus(widget);
		display->buttons |= bit;
	} else if (event->type == GDK_BUTTON_RELEASE) {
		display->buttons &= ~bit;
	} else {
		return GDK_EVENT_STOP; /* double clicks are the guest's to find */
	}
	send_pointer(display, event->x, event->y, 0);
	return GDK_EVENT_STOP;
}

/* A wheel's clicks, or as many as a touchpad's way is worth. */
static gboolean on_scroll(GtkWidget *widget, GdkEventScroll *event, gpointer data)
{
	BatonDisplay *display = BATON_DISPLAY(widget);
	double delta = event->direction == GDK_SCROLL_UP ? -1 :
		       event->direction == GDK_SCROLL_DOWN ? 1 :
		       event->direction == GDK_SCROLL_SMOOTH ? event->delta_y : 0;
	int clicks;

	(void)data;
	baton_display_used_otherwise(display);
	/* The same said once more, for those who do not take the exact form. */
	if (gdk_event_get_pointer_emulated((GdkEvent *)event))
		return GDK_EVENT_STOP;
	clicks = wheel_clicks(&display->wheel_rest, delta);
	for (int i = 0; i < ABS(clicks); i++) {
		send_pointer(display, event->x, event->y, clicks < 0 ? WHEEL_UP : WHEEL_DOWN);
		send_pointer(display, event->x, event->y, 0);
	}
	if (event->direction == GDK_SCROLL_SMOOTH && event->is_stop)
		display->wheel_rest = 0;
	return GDK_EVENT_STOP;
}

/* ---- life ---- */

static void on_map(GtkWidget *widget, gpointer data)
{
	(void)data;
	if (BATON_DISPLAY(widget)->screen)
		baton_screen_watch(BATON_DISPLAY(widget)->screen, TRUE);
}

/* Nobody sees it: nobody asks what has changed. */
static void on_unmap(GtkWidget *widget, gpointer data)
{
	(void)data;
	release_buttons(BATON_DISPLAY(widget));
	if (BATON_DISPLAY(widget)->screen)
		baton_screen_watch(BATON_DISPLAY(widget)->screen, FALSE);
}

GtkWidget *baton_display_new(void)
{
	return g_object_new(BATON_TYPE_DISPLAY, NULL);
}

static void baton_display_init(BatonDisplay *display)
{
	static const struct {
		const char *signal;
		GCallback callback;
	} handlers[] = {
		{ "key-press-event", G_CALLBACK(on_key) },
		{ "key-release-event", G_CALLBACK(on_key) },
		{ "focus-in-event", G_CALLBACK(on_focus_in) },
		{ "focus-out-event", G_CALLBACK(on_focus_out) },
		{ "motion-notify-event", G_CALLBACK(on_motion) },
		{ "button-press-event", G_CALLBACK(on_button) },
		{ "button-release-event", G_CALLBACK(on_button) },
		{ "scroll-event", G_CALLBACK(on_scroll) },
		{ "grab-notify", G_CALLBACK(on_grab_notify) },
		{ "grab-broken-event", G_CALLBACK(on_grab_broken) },
		{ "map", G_CALLBACK(on_map) },
		{ "unmap", G_CALLBACK(on_unmap) },
	};
	GtkWidget *widget = GTK_WIDGET(display);

	display->scale = TRUE;
	gtk_widget_set_can_focus(widget, TRUE);
	gtk_widget_add_events(widget, GDK_KEY_PRESS_MASK | GDK_KEY_RELEASE_MASK |
			      GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK |
			      GDK_POINTER_MOTION_MASK | GDK_SCROLL_MASK |
			      GDK_SMOOTH_SCROLL_MASK | GDK_FOCUS_CHANGE_MASK);
	for (size_t i = 0; i < G_N_ELEMENTS(handlers); i++)
		g_signal_connect(display, handlers[i].signal, handlers[i].callback, NULL);
}

static void baton_display_dispose(GObject *object)
{
	BatonDisplay *display = BATON_DISPLAY(object);

	if (display->screen)
		g_signal_handlers_disconnect_by_data(display->screen, display);
	g_clear_object(&display->screen);
	drop_surface(display);
	G_OBJECT_CLASS(baton_display_parent_class)->dispose(object);
}

static void baton_display_class_init(BatonDisplayClass *class)
{
	G_OBJECT_CLASS(class)->dispose = baton_display_dispose;
	GTK_WIDGET_CLASS(class)->draw = baton_display_draw;
	gtk_widget_class_set_accessible_role(GTK_WIDGET_CLASS(class), ATK_ROLE_CANVAS);
	signals[SIGNAL_GRAB] = g_signal_new("grab-changed", BATON_TYPE_DISPLAY, G_SIGNAL_RUN_LAST,
					    0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
