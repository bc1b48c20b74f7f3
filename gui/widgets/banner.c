// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An error as an info bar. See banner.h.
 */
#include "model/error.h"
#include "text.h"
#include "widgets/banner.h"

struct _BatonBanner {
	GtkInfoBar parent;
	GtkWidget *sentence, *cause, *fix, *more, *report, *fix_button, *copy_command, *details,
		  *copy_report;
	char *command;
};

enum { SIGNAL_DISMISSED, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonBanner, baton_banner, GTK_TYPE_INFO_BAR)

static void copy(GtkWidget *widget, const char *text)
{
	gtk_clipboard_set_text(gtk_widget_get_clipboard(widget, GDK_SELECTION_CLIPBOARD), text, -1);
}

static void on_copy_command(GtkWidget *button, gpointer data)
{
	BatonBanner *banner = data;

	copy(button, banner->command ? banner->command : "");
	gtk_button_set_label(GTK_BUTTON(button), _("Copied"));
}

static void on_copy_report(GtkWidget *button, gpointer data)
{
	BatonBanner *banner = data;

	copy(button, gtk_label_get_text(GTK_LABEL(banner->report)));
}

static void on_details(GtkToggleButton *button, gpointer data)
{
	BatonBanner *banner = data;
	gboolean shown = gtk_toggle_button_get_active(button);

	gtk_revealer_set_reveal_child(GTK_REVEALER(banner->more), shown);
	gtk_widget_set_visible(banner->copy_report, shown);
}

static void on_response(GtkInfoBar *bar, int response, gpointer data)
{
	(void)data;
	if (response != GTK_RESPONSE_CLOSE)
		return;
	gtk_widget_hide(GTK_WIDGET(bar));
	g_signal_emit(bar, signals[SIGNAL_DISMISSED], 0);
}

static void set_text(GtkWidget *label, const char *text)
{
	gtk_label_set_text(GTK_LABEL(label), text);
	gtk_widget_set_visible(label, *text != 0);
}

/* Sentences of the registry begin small: "the host's port is taken". */
static char *capitalized(const char *sentence)
{
	gunichar first = g_unichar_toupper(g_utf8_get_char(sentence));
	char start[7] = "";

	if (!*sentence)
		return g_strdup("");
	start[g_unichar_to_utf8(first, start)] = 0;
	return g_strconcat(start, g_utf8_next_char(sentence), NULL);
}

void baton_banner_show(BatonBanner *banner, const GError *error, const char *action,
		       const char *label, gboolean closable)
{
	g_autofree char *report = error ? baton_error_report(error) : NULL;
	g_autofree char *sentence = error ? capitalized(error->message) : NULL;

	g_clear_pointer(&banner->command, g_free);
	if (!error) {
		gtk_widget_hide(GTK_WIDGET(banner));
		return;
	}
	set_text(banner->sentence, sentence);
	set_text(banner->cause, baton_error_cause(error));
	set_text(banner->fix, baton_error_fix(error));
	gtk_label_set_text(GTK_LABEL(banner->report), g_strchomp(report));
	gtk_widget_set_visible(banner->fix_button, action != NULL);
	gtk_actionable_set_detailed_action_name(GTK_ACTIONABLE(banner->fix_button), action);
	if (action)
		gtk_button_set_label(GTK_BUTTON(banner->fix_button), label);
	banner->command = text_command_of_fix(baton_error_fix(error));
	gtk_widget_set_visible(banner->copy_command, banner->command != NULL);
	gtk_button_set_label(GTK_BUTTON(banner->copy_command), _("Copy Command"));
	gtk_info_bar_set_show_close_button(GTK_INFO_BAR(banner), closable);
	atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(banner)), sentence);
	gtk_widget_show(GTK_WIDGET(banner));
}

/* GtkInfoBar's own button for closing has no name. */
static void name_close_button(GtkWidget *widget, gpointer data)
{
	BatonBanner *banner = data;

	if (widget == gtk_info_bar_get_content_area(GTK_INFO_BAR(banner)))
		return;
	if (GTK_IS_BUTTON(widget))
		atk_object_set_name(gtk_widget_get_accessible(widget), _("Close the message"));
	else if (GTK_IS_CONTAINER(widget))
		gtk_container_forall(GTK_CONTAINER(widget), name_close_button, banner);
}

GtkWidget *baton_banner_new(void)
{
	return g_object_new(BATON_TYPE_BANNER, NULL);
}

static void baton_banner_init(BatonBanner *banner)
{
	gtk_widget_init_template(GTK_WIDGET(banner));
	g_signal_connect(banner, "response", G_CALLBACK(on_response), NULL);
	gtk_container_forall(GTK_CONTAINER(banner), name_close_button, banner);
	gtk_widget_set_no_show_all(GTK_WIDGET(banner), TRUE);
}

static void baton_banner_finalize(GObject *object)
{
	g_free(BATON_BANNER(object)->command);
	G_OBJECT_CLASS(baton_banner_parent_class)->finalize(object);
}

static void baton_banner_class_init(BatonBannerClass *class)
{
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);

	G_OBJECT_CLASS(class)->finalize = baton_banner_finalize;
	gtk_widget_class_set_template_from_resource(widget, "/org/baton/ui/banner.ui");
	gtk_widget_class_bind_template_child(widget, BatonBanner, sentence);
	gtk_widget_class_bind_template_child(widget, BatonBanner, cause);
	gtk_widget_class_bind_template_child(widget, BatonBanner, fix);
	gtk_widget_class_bind_template_child(widget, BatonBanner, more);
	gtk_widget_class_bind_template_child(widget, BatonBanner, report);
	gtk_widget_class_bind_template_child(widget, BatonBanner, fix_button);
	gtk_widget_class_bind_template_child(widget, BatonBanner, copy_command);
	gtk_widget_class_bind_template_child(widget, BatonBanner, details);
	gtk_widget_class_bind_template_child(widget, BatonBanner, copy_report);
	gtk_widget_class_bind_template_callback(widget, on_copy_command);
	gtk_widget_class_bind_template_callback(widget, on_copy_report);
	gtk_widget_class_bind_template_callback(widget, on_details);
	signals[SIGNAL_DISMISSED] = g_signal_new("dismissed", BATON_TYPE_BANNER,
						 G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
						 G_TYPE_NONE, 0);
}
