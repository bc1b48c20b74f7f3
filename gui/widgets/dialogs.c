// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small questions. See dialogs.h.
 */
#include "text.h"
#include "widgets/dialogs.h"

struct question {
	void (*yes)(gpointer data);
	void (*yes_text)(const char *text, gpointer data);
	char *(*fault)(const char *text);
	gpointer data;
	GDestroyNotify gone;
	GtkWidget *entry, *label;
};

static void question_free(gpointer data, GClosure *closure)
{
	struct question *question = data;

	(void)closure;
	if (question->gone)
		question->gone(question->data);
	g_free(question);
}

static void on_response(GtkDialog *dialog, int response, gpointer data)
{
	struct question *question = data;

	if (response == GTK_RESPONSE_ACCEPT && question->yes)
		question->yes(question->data);
	if (response == GTK_RESPONSE_ACCEPT && question->yes_text)
		question->yes_text(gtk_entry_get_text(GTK_ENTRY(question->entry)),
				   question->data);
	gtk_widget_destroy(GTK_WIDGET(dialog));
}

void dialog_confirm(GtkWindow *parent, const char *text, const char *consequence,
		    const char *verb, const char *keep, void (*yes)(gpointer data), gpointer data,
		    GDestroyNotify gone)
{
	struct question *question = g_new0(struct question, 1);
	GtkWidget *dialog = gtk_message_dialog_new(parent, GTK_DIALOG_MODAL |
		GTK_DIALOG_DESTROY_WITH_PARENT, GTK_MESSAGE_WARNING, GTK_BUTTONS_NONE, "%s", text);
	GtkWidget *button;

	question->yes = yes;
	question->data = data;
	question->gone = gone;
	gtk_message_dialog_format_secondary_text(GTK_MESSAGE_DIALOG(dialog), "%s", consequence);
	gtk_dialog_add_button(GTK_DIALOG(dialog), keep, GTK_RESPONSE_CANCEL);
	button = gtk_dialog_add_button(GTK_DIALOG(dialog), verb, GTK_RESPONSE_ACCEPT);
	gtk_style_context_add_class(gtk_widget_get_style_context(button), "destructive-action");
	gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_CANCEL);
	g_signal_connect_data(dialog, "response", G_CALLBACK(on_response), question, question_free,
			      0);
	gtk_widget_show(dialog);
}

static void on_text_changed(GtkEditable *entry, gpointer data)
{
	struct question *question = data;
	GtkWidget *dialog = gtk_widget_get_toplevel(GTK_WIDGET(entry));
	g_autofree char *fault = question->fault ?
		question->fault(gtk_entry_get_text(GTK_ENTRY(entry))) : NULL;

	gtk_label_set_text(GTK_LABEL(question->label), fault ? fault : "");
	if (GTK_IS_DIALOG(dialog))
		gtk_dialog_set_response_sensitive(GTK_DIALOG(dialog), GTK_RESPONSE_ACCEPT, !fault);
}

static void fill_text_dialog(GtkWidget *dialog, struct question *question, const char *label)
{
	GtkWidget *box = gtk_dialog_get_content_area(GTK_DIALOG(dialog));
	GtkWidget *name = gtk_label_new_with_mnemonic(label);

	gtk_box_set_spacing(GTK_BOX(box), 6);
	g_object_set(box, "margin", 18, NULL);
	gtk_label_set_xalign(GTK_LABEL(name), 0);
	gtk_label_set_mnemonic_widget(GTK_LABEL(name), question->entry);
	question->label = gtk_label_new("");
	gtk_label_set_xalign(GTK_LABEL(question->label), 0);
	gtk_label_set_line_wrap(GTK_LABEL(question->label), TRUE);
	gtk_label_set_max_width_chars(GTK_LABEL(question->label), 40);
	gtk_entry_set_width_chars(GTK_ENTRY(question->entry), 32);
	gtk_entry_set_activates_default(GTK_ENTRY(question->entry), TRUE);
	gtk_container_add(GTK_CONTAINER(box), name);
	gtk_container_add(GTK_CONTAINER(box), question->entry);
	gtk_container_add(GTK_CONTAINER(box), question->label);
	gtk_widget_show_all(box);
}

static struct question *ask(GtkWindow *parent, const char *title, const char *label,
			    const char *text, const char *verb, char *(*fault)(const char *text),
			    void (*yes)(const char *text, gpointer data), gpointer data,
			    GDestroyNotify gone)
{
	struct question *question = g_new0(struct question, 1);
	GtkWidget *dialog = gtk_dialog_new_with_buttons(title, parent, GTK_DIALOG_MODAL |
		GTK_DIALOG_DESTROY_WITH_PARENT | GTK_DIALOG_USE_HEADER_BAR, _("_Cancel"),
		GTK_RESPONSE_CANCEL, verb, GTK_RESPONSE_ACCEPT, NULL);

	question->yes_text = yes;
	question->fault = fault;
	question->data = data;
	question->gone = gone;
	question->entry = gtk_entry_new();
	fill_text_dialog(dialog, question, label);
	gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_ACCEPT);
	g_signal_connect(question->entry, "changed", G_CALLBACK(on_text_changed), question);
	gtk_entry_set_text(GTK_ENTRY(question->entry), text);
	g_signal_connect_data(dialog, "response", G_CALLBACK(on_response), question, question_free,
			      0);
	gtk_widget_show(dialog);
	return question;
}

void dialog_ask_text(GtkWindow *parent, const char *title, const char *label, const char *text,
		     const char *verb, char *(*fault)(const char *text),
		     void (*yes)(const char *text, gpointer data), gpointer data,
		     GDestroyNotify gone)
{
	ask(parent, title, label, text, verb, fault, yes, data, gone);
}

void dialog_ask_password(GtkWindow *parent, const char *title, const char *label,
			 const char *verb, void (*yes)(const char *text, gpointer data),
			 gpointer data, GDestroyNotify gone)
{
	struct question *question = ask(parent, title, label, "", verb, NULL, yes, data, gone);

	gtk_entry_set_visibility(GTK_ENTRY(question->entry), FALSE);
	gtk_entry_set_input_purpose(GTK_ENTRY(question->entry), GTK_INPUT_PURPOSE_PASSWORD);
}
