// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The New VM assistant. See new_vm.h; what it decides is in model/new_vm_plan.c, what the
 * host offers is asked for in model/host_offer.c.
 */
#include <string.h>

#include "model/error.h"
#include "model/host_offer.h"
#include "model/new_vm_plan.h"
#include "text.h"
#include "widgets/banner.h"
#include "widgets/new_vm.h"
#include "widgets/size_row.h"
#include "widgets/window.h"

#define MIB (1024ull * 1024)
#define GIB (1024 * MIB)

struct _BatonNewVm {
	GtkWindow parent;
	GtkStack *pages, *source_stack;
	GtkButton *back, *next;
	GtkRadioButton *from_image, *from_file, *from_iso, *from_disk, *from_nothing;
	GtkListBox *images;
	GtkWidget *no_images;
	GtkFileChooserButton *file_chooser;
	GtkLabel *file_help, *source_fault, *settings_fault;
	GtkEntry *name, *user;
	GtkComboBoxText *ssh_key, *network;
	GtkAdjustment *cpus;
	GtkScale *cpus_scale;
	GtkWidget *cpus_spin;
	GtkBox *memory_box, *disk_box;
	GtkLabel *memory_label, *disk_label, *user_label, *ssh_key_label;
	GtkToggleButton *start;
	GtkGrid *summary;
	GtkTextView *commands;
	BatonSizeRow *memory, *disk;
	BatonBanner *banner;
	BatonWindow *main;
	BatonApi *api;
	struct host_offer *offer;
	struct plan *plan;
	gboolean name_is_ours, disk_is_ours;	/* suggested, not typed */
	gboolean closed;
	char *suggested_user;
};

G_DEFINE_TYPE(BatonNewVm, baton_new_vm, GTK_TYPE_WINDOW)

static const char *page_of(BatonNewVm *self)
{
	return gtk_stack_get_visible_child_name(self->pages);
}

static const struct offered_image *selected_image(BatonNewVm *self)
{
	GtkListBoxRow *row = gtk_list_box_get_selected_row(self->images);
	int index = row ? gtk_list_box_row_get_index(row) : -1;

	return index >= 0 && self->offer && (guint)index < self->offer->images->len ?
	       self->offer->images->pdata[index] : NULL;
}

/* ---- the plan of what the controls say ---- */

static enum plan_source source_of(BatonNewVm *self)
{
	GtkRadioButton *const buttons[] = {
		[PLAN_IMAGE] = self->from_image, [PLAN_IMAGE_FILE] = self->from_file,
		[PLAN_ISO] = self->from_iso, [PLAN_DISK] = self->from_disk,
		[PLAN_EMPTY] = self->from_nothing,
	};

	for (guint i = 0; i < G_N_ELEMENTS(buttons); i++)
		if (gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(buttons[i])))
			return (enum plan_source)i;
	return PLAN_EMPTY;
}

static void set_text(char **field, const char *text)
{
	g_free(*field);
	*field = text && *text ? g_strdup(text) : NULL;
}

static void read_key(BatonNewVm *self)
{
	int index = gtk_combo_box_get_active(GTK_COMBO_BOX(self->ssh_key));
	const struct offered_key *key = self->offer && index >= 0 &&
		(guint)index < self->offer->keys->len ? self->offer->keys->pdata[index] : NULL;

	set_text(&self->plan->ssh_key, key ? key->line : NULL);
	set_text(&self->plan->ssh_key_file, key ? key->path : NULL);
}

static void read_plan(BatonNewVm *self)
{
	struct plan *plan = self->plan;
	const struct offered_image *image = selected_image(self);
	g_autofree char *file = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(self->file_chooser));
	const char *network = gtk_combo_box_get_active_id(GTK_COMBO_BOX(self->network));

	plan->source = source_of(self);
	set_text(&plan->image, image ? image->name : NULL);
	set_text(&plan->file, file);
	set_text(&plan->name, gtk_entry_get_text(self->name));
	set_text(&plan->user, gtk_entry_get_text(self->user));
	set_text(&plan->network, network);
	read_key(self);
	plan->cpus = (guint)gtk_adjustment_get_value(self->cpus);
	plan->memory = baton_size_row_get(self->memory);
	plan->disk_size = plan_makes_disk(plan) ? baton_size_row_get(self->disk) : 0;
	plan->start = gtk_toggle_button_get_active(self->start);
}

/* NULL: all is well; g_free(). */
static char *settings_fault(BatonNewVm *self)
{
	const struct plan *plan = self->plan;
	const struct offered_image *image = selected_image(self);
	char *fault = plan_name_fault(plan->name);

	if (!fault && baton_vm_list_has_name(baton_window_list(self->main), plan->name))
		fault = g_strdup_printf(_("There is a machine called “%s” already."), plan->name);
	if (!fault && plan_has_seed(plan))
		fault = plan_user_fault(plan->user);
	if (!fault && !plan->memory)
		fault = g_strdup(_("The memory is no size, or too small. Write “2 GiB”."));
	if (!fault && self->offer && self->offer->memory_total &&
	    plan->memory > self->offer->memory_total)
		fault = g_strdup(_("This computer does not have so much memory."));
	if (!fault && plan_makes_disk(plan) && !plan->disk_size)
		fault = g_strdup(_("The disk is no size, or too small. Write “20 GiB”."));
	if (!fault && plan->source == PLAN_IMAGE && image && plan->disk_size < image->size)
		fault = g_strdup(_("The disk has to be at least as large as the image."));
	return fault;
}

/* ---- the summary ---- */

static void add_line(BatonNewVm *self, int *at, const char *name, const char *value)
{
	GtkWidget *left = gtk_label_new(name), *right = gtk_label_new(value);

	gtk_label_set_xalign(GTK_LABEL(left), 1);
	gtk_label_set_xalign(GTK_LABEL(right), 0);
	gtk_label_set_ellipsize(GTK_LABEL(right), PANGO_ELLIPSIZE_MIDDLE);
	gtk_widget_set_hexpand(right, TRUE);
	gtk_style_context_add_class(gtk_widget_get_style_context(left), "dim-label");
	gtk_grid_attach(self->summary, left, 0, *at, 1, 1);
	gtk_grid_attach(self->summary, right, 1, *at, 1, 1);
	(*at)++;
}

static char *source_text(const struct plan *plan)
{
	g_autofree char *file = plan->file ? g_path_get_basename(plan->file) : g_strdup("");

	switch (plan->source) {
	case PLAN_IMAGE:
		return g_strdup_printf(_("the image “%s”"), plan->image);
	case PLAN_IMAGE_FILE:
		return g_strdup_printf(_("the image file “%s”, which is added to the images"),
				       file);
	case PLAN_ISO:
		return g_strdup_printf(_("the installation CD “%s”"), file);
	case PLAN_DISK:
		return g_strdup_printf(_("the disk “%s”, which is used where it is"), file);
	default:
		return g_strdup(_("nothing: an empty disk"));
	}
}

static void show_summary(BatonNewVm *self)
{
	const struct plan *plan = self->plan;
	g_autofree char *source = source_text(plan);
	g_autofree char *memory = text_size(plan->memory);
	g_autofree char *disk = text_size(plan->disk_size);
	g_autofree char *cpus = g_strdup_printf("%u", plan->cpus);
	g_autofree char *commands = plan_commands(plan);
	int at = 0;

	gtk_container_foreach(GTK_CONTAINER(self->summary),
			      (GtkCallback)(void *)gtk_widget_destroy, NULL);
	add_line(self, &at, _("Name"), plan->name);
	add_line(self, &at, _("Made of"), source);
	if (plan_has_seed(plan) && plan->user)
		add_line(self, &at, _("User"), plan->user);
	if (plan_has_seed(plan))
		add_line(self, &at, _("SSH key"), plan->ssh_key_file ? plan->ssh_key_file :
			 _("none: log in by the console only"));
	add_line(self, &at, _("Processors"), cpus);
	add_line(self, &at, _("Memory"), memory);
	if (plan_makes_disk(plan))
		add_line(self, &at, _("Disk"), disk);
	add_line(self, &at, _("Network"), plan->network ? plan->network : _("none"));
	gtk_widget_show_all(GTK_WIDGET(self->summary));
	gtk_text_buffer_set_text(gtk_text_view_get_buffer(self->commands), commands, -1);
}

/* ---- what can be seen and pressed ---- */

static void show_fault(GtkLabel *label, const char *fault)
{
	gtk_label_set_text(label, fault ? fault : "");
	gtk_widget_set_visible(GTK_WIDGET(label), fault != NULL);
}

static void show_seed(BatonNewVm *self)
{
	GtkWidget *const widgets[] = {
		GTK_WIDGET(self->user), GTK_WIDGET(self->user_label), GTK_WIDGET(self->ssh_key),
		GTK_WIDGET(self->ssh_key_label),
	};
	gboolean disk = plan_makes_disk(self->plan);

	for (size_t i = 0; i < G_N_ELEMENTS(widgets); i++)
		gtk_widget_set_visible(widgets[i], plan_has_seed(self->plan));
	gtk_widget_set_visible(GTK_WIDGET(self->disk_box), disk);
	gtk_widget_set_visible(GTK_WIDGET(self->disk_label), disk);
}

static void update(BatonNewVm *self)
{
	g_autofree char *source = NULL;
	g_autofree char *settings = NULL;
	const char *page = page_of(self);
	gboolean last = !strcmp(page, "summary");

	read_plan(self);
	source = plan_source_fault(self->plan);
	settings = settings_fault(self);
	show_seed(self);
	/* An untouched page is not scolded. */
	show_fault(self->source_fault, self->plan->file ? source : NULL);
	show_fault(self->settings_fault, settings);
	gtk_widget_set_visible(GTK_WIDGET(self->back), strcmp(page, "source") != 0);
	gtk_button_set_label(self->next, last ? _("C_reate") : _("_Next"));
	gtk_widget_set_sensitive(GTK_WIDGET(self->next), !(source || (settings &&
				 strcmp(page, "source"))));
	if (last)
		show_summary(self);
}

static void on_changed(GtkWidget *widget, gpointer data)
{
	(void)widget;
	update(data);
}

static gboolean is_taken(const char *name, gpointer data)
{
	return baton_vm_list_has_name(baton_window_list(BATON_NEW_VM(data)->main), name);
}

static gboolean is_port_taken(guint port, gpointer data)
{
	return baton_vm_list_has_port(baton_window_list(BATON_NEW_VM(data)->main), port);
}

static void suggest(BatonNewVm *self)
{
	const struct offered_image *image = selected_image(self);
	g_autofree char *of_file = self->plan->file ? plan_image_name(self->plan->file) : NULL;
	const char *base = self->plan->source == PLAN_IMAGE && image ? image->name :
			   self->plan->source == PLAN_EMPTY ? "vm" : of_file;
	g_autofree char *name = plan_suggest_name(base ? base : "vm", is_taken, self);

	if (self->name_is_ours) {
		gtk_entry_set_text(self->name, name);
		self->name_is_ours = TRUE; /* on_name() has taken it for typing */
	}
	/* That of an image that was chosen before goes with it; what was typed stays. */
	if (self->plan->source == PLAN_IMAGE && image &&
	    (!*gtk_entry_get_text(self->user) ||
	     !g_strcmp0(gtk_entry_get_text(self->user), self->suggested_user))) {
		g_free(self->suggested_user);
		self->suggested_user = g_strdup(image->user ? image->user : "");
		gtk_entry_set_text(self->user, self->suggested_user);
	}
	self->plan->ssh_port = plan_free_port(is_port_taken, self);
	if (self->disk_is_ours && self->plan->source == PLAN_IMAGE && image)
		baton_size_row_set(self->disk, MAX(image->size, 10 * GIB));
}

static void on_source(GtkToggleButton *button, gpointer data)
{
	static const char *const help[] = {
		[PLAN_IMAGE] = "",
		[PLAN_IMAGE_FILE] = N_("A cloud image in one of the formats qcow2, raw, VMDK, VDI "
				       "or VHD. It is copied to your images, and the machine is "
				       "made on top of it."),
		[PLAN_ISO] = N_("The file of an installation CD or DVD. The machine boots from it, "
				"with an empty disk to install on."),
		[PLAN_DISK] = N_("A disk, qcow2 or raw, that has a system on it already. It is "
				 "used where it is, and written to."),
		[PLAN_EMPTY] = "",
	};
	BatonNewVm *self = data;
	enum plan_source source;

	if (button && !gtk_toggle_button_get_active(button))
		return;
	source = source_of(self);
	gtk_stack_set_visible_child_name(self->source_stack, source == PLAN_IMAGE ? "image" :
					 source == PLAN_EMPTY ? "nothing" : "file");
	gtk_label_set_text(self->file_help, *help[source] ? _(help[source]) : "");
	gtk_file_chooser_unselect_all(GTK_FILE_CHOOSER(self->file_chooser));
	update(self);
}

static void on_name(GtkEditable *entry, gpointer data)
{
	BatonNewVm *self = data;

	(void)entry;
	self->name_is_ours = FALSE;
	update(self);
}

static void on_disk(BatonSizeRow *row, gpointer data)
{
	BatonNewVm *self = data;

	(void)row;
	self->disk_is_ours = FALSE;
	update(self);
}

/* ---- what the host offers ---- */

static void show_images(BatonNewVm *self)
{
	for (guint i = 0; i < self->offer->images->len; i++) {
		const struct offered_image *image = self->offer->images->pdata[i];
		g_autofree char *size = text_size(image->size);
		g_autofree char *text = g_strdup_printf("%s  (%s)", image->name, size);
		GtkWidget *label = gtk_label_new(text);

		gtk_label_set_xalign(GTK_LABEL(label), 0);
		g_object_set(label, "margin", 8, "visible", TRUE, NULL);
		gtk_list_box_insert(self->images, label, -1);
	}
	if (self->offer->images->len)
		gtk_list_box_select_row(self->images, gtk_list_box_get_row_at_index(self->images,
										    0));
	else
		gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(self->from_file), TRUE);
	gtk_widget_set_visible(self->no_images, !self->offer->images->len);
}

static void show_limits(BatonNewVm *self)
{
	const struct host_offer *offer = self->offer;
	g_autofree char *memory = text_size(offer->memory_spare);
	g_autofree char *disk = text_size(offer->disk_free);
	g_autofree char *memory_mark = g_strdup_printf(_("%s can be spared"), memory);
	g_autofree char *disk_mark = g_strdup_printf(_("%s free"), disk);
	guint64 total = offer->memory_total ? offer->memory_total : 16 * GIB;

	baton_size_row_set_limits(self->memory, 128 * MIB, total, offer->memory_spare,
				  memory_mark);
	baton_size_row_set_limits(self->disk, GIB, MAX(2 * offer->disk_free, 64 * GIB),
				  offer->disk_free, disk_mark);
	gtk_adjustment_set_upper(self->cpus, MAX(2 * offer->cpus, 4));
	gtk_scale_clear_marks(self->cpus_scale);
	if (offer->cpus) {
		g_autofree char *mark = g_strdup_printf(ngettext("the computer has %u",
			"the computer has %u", offer->cpus), offer->cpus);

		gtk_scale_add_mark(self->cpus_scale, offer->cpus, GTK_POS_BOTTOM, mark);
	}
}

static void show_lists(BatonNewVm *self)
{
	for (guint i = 0; i < self->offer->keys->len; i++) {
		const struct offered_key *key = self->offer->keys->pdata[i];

		gtk_combo_box_text_append(self->ssh_key, NULL, key->label);
	}
	gtk_combo_box_text_append(self->ssh_key, "none", _("None"));
	gtk_combo_box_set_active(GTK_COMBO_BOX(self->ssh_key), 0);
	for (char **network = self->offer->networks; *network; network++)
		gtk_combo_box_text_append(self->network, *network, *network);
	gtk_combo_box_text_append(self->network, NULL, _("None"));
	gtk_combo_box_set_active(GTK_COMBO_BOX(self->network), 0);
}

static void on_offer(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonNewVm) self = data;
	GError *error = NULL;

	(void)source;
	self->offer = host_offer_ask_finish(result, &error);
	if (self->closed) {
		g_clear_error(&error);
		return;
	}
	if (!self->offer) {
		error = baton_error_explain(error, _("The daemon does not say what there is"),
					    NULL);
		baton_banner_show(self->banner, error, NULL, NULL, FALSE);
		g_error_free(error);
		return;
	}
	show_limits(self);
	show_images(self);
	show_lists(self);
	update(self);
}

/* ---- steps ---- */

/* Nothing of what was typed is lost: it can be mended, and tried again. */
static void try_again(BatonNewVm *self, GError *error)
{
	update(self);
	baton_banner_show(self->banner, error, NULL, NULL, TRUE);
	g_error_free(error);
	gtk_window_present(GTK_WINDOW(self));
}

static void on_created(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonNewVm) self = data;
	GError *error = NULL;
	gboolean ok = plan_carry_out_finish(result, &error);

	(void)source;
	if (!ok)
		error = baton_error_explain(error, _("The virtual machine could not be made"),
					    NULL);
	/* If there is one of that name now, it was made and only does not start. */
	if (!ok && !self->closed && !is_taken(self->plan->name, self)) {
		try_again(self, error);
		return;
	}
	if (!ok)
		baton_window_report(self->main, error);
	if (!self->closed)
		gtk_widget_destroy(GTK_WIDGET(self));
}

static void create(BatonNewVm *self)
{
	g_autofree char *text = g_strdup_printf(_("Making “%s”…"), self->plan->name);

	baton_banner_show(self->banner, NULL, NULL, NULL, TRUE);
	baton_undo_bar_say(baton_window_undo_bar(self->main), text, NULL, NULL, NULL);
	gtk_widget_hide(GTK_WIDGET(self));
	plan_carry_out(self->plan, self->api, on_created, g_object_ref(self));
}

static void on_next(GtkButton *button, gpointer data)
{
	BatonNewVm *self = data;
	const char *page = page_of(self);

	(void)button;
	if (!strcmp(page, "summary")) {
		create(self);
		return;
	}
	if (!strcmp(page, "source")) {
		suggest(self);
		gtk_stack_set_visible_child_name(self->pages, "settings");
		gtk_widget_grab_focus(GTK_WIDGET(self->name));
	} else {
		gtk_stack_set_visible_child_name(self->pages, "summary");
	}
	update(self);
}

static void on_back(GtkButton *button, gpointer data)
{
	BatonNewVm *self = data;

	(void)button;
	gtk_stack_set_visible_child_name(self->pages, !strcmp(page_of(self), "summary") ?
					 "settings" : "source");
	update(self);
}

static void on_cancel(GtkButton *button, gpointer data)
{
	(void)button;
	gtk_widget_destroy(data);
}

static void on_copy(GtkButton *button, gpointer data)
{
	g_autofree char *commands = plan_commands(BATON_NEW_VM(data)->plan);

	gtk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(button),
							GDK_SELECTION_CLIPBOARD), commands, -1);
	gtk_button_set_label(button, _("Copied"));
}

static gboolean on_key(GtkWidget *widget, GdkEventKey *event, gpointer data)
{
	(void)data;
	if (event->keyval != GDK_KEY_Escape)
		return GDK_EVENT_PROPAGATE;
	gtk_widget_destroy(widget);
	return GDK_EVENT_STOP;
}

/* ---- life ---- */

GtkWidget *baton_new_vm_new(GtkWindow *parent, BatonApi *api)
{
	BatonNewVm *self = g_object_new(BATON_TYPE_NEW_VM, "transient-for", parent, "modal", TRUE,
					"destroy-with-parent", TRUE, NULL);

	self->main = g_object_ref(BATON_WINDOW(parent));
	self->api = g_object_ref(api);
	on_source(NULL, self);
	host_offer_ask(api, on_offer, g_object_ref(self));
	return GTK_WIDGET(self);
}

static void make_rows(BatonNewVm *self)
{
	g_autoptr(GtkSizeGroup) amounts = gtk_size_group_new(GTK_SIZE_GROUP_HORIZONTAL);

	self->memory = BATON_SIZE_ROW(baton_size_row_new(_("Memory")));
	self->disk = BATON_SIZE_ROW(baton_size_row_new(_("Disk size")));
	gtk_box_pack_start(self->memory_box, GTK_WIDGET(self->memory), TRUE, TRUE, 0);
	gtk_box_pack_start(self->disk_box, GTK_WIDGET(self->disk), TRUE, TRUE, 0);
	gtk_label_set_mnemonic_widget(self->memory_label, baton_size_row_entry(self->memory));
	gtk_label_set_mnemonic_widget(self->disk_label, baton_size_row_entry(self->disk));
	gtk_size_group_add_widget(amounts, self->cpus_spin);
	gtk_size_group_add_widget(amounts, baton_size_row_entry(self->memory));
	gtk_size_group_add_widget(amounts, baton_size_row_entry(self->disk));
	baton_size_row_set_limits(self->memory, 128 * MIB, 16 * GIB, 0, NULL);
	baton_size_row_set_limits(self->disk, GIB, 64 * GIB, 0, NULL);
	baton_size_row_set(self->memory, GIB);
	baton_size_row_set(self->disk, 10 * GIB);
	g_signal_connect(self->memory, "changed", G_CALLBACK(on_changed), self);
	g_signal_connect(self->disk, "changed", G_CALLBACK(on_disk), self);
}

static void baton_new_vm_init(BatonNewVm *self)
{
	gtk_widget_init_template(GTK_WIDGET(self));
	self->plan = plan_new();
	self->name_is_ours = self->disk_is_ours = TRUE;
	self->banner = BATON_BANNER(baton_banner_new());
	gtk_box_pack_start(GTK_BOX(gtk_bin_get_child(GTK_BIN(self))), GTK_WIDGET(self->banner),
			   FALSE, FALSE, 0);
	gtk_box_reorder_child(GTK_BOX(gtk_bin_get_child(GTK_BIN(self))), GTK_WIDGET(self->banner),
			      0);
	make_rows(self);
	gtk_widget_grab_default(GTK_WIDGET(self->next));
	g_signal_connect(self, "key-press-event", G_CALLBACK(on_key), NULL);
}

static void baton_new_vm_dispose(GObject *object)
{
	BatonNewVm *self = BATON_NEW_VM(object);

	self->closed = TRUE;
	g_clear_object(&self->api);
	G_OBJECT_CLASS(baton_new_vm_parent_class)->dispose(object);
}

static void baton_new_vm_finalize(GObject *object)
{
	g_free(BATON_NEW_VM(object)->suggested_user);
	plan_free(BATON_NEW_VM(object)->plan);
	host_offer_free(BATON_NEW_VM(object)->offer);
	g_clear_object(&BATON_NEW_VM(object)->main);
	G_OBJECT_CLASS(baton_new_vm_parent_class)->finalize(object);
}

#define BIND(name) gtk_widget_class_bind_template_child(widget, BatonNewVm, name)

static void bind_children(GtkWidgetClass *widget)
{
	BIND(pages);
	BIND(source_stack);
	BIND(back);
	BIND(next);
	BIND(from_image);
	BIND(from_file);
	BIND(from_iso);
	BIND(from_disk);
	BIND(from_nothing);
	BIND(images);
	BIND(no_images);
	BIND(file_chooser);
	BIND(file_help);
	BIND(source_fault);
	BIND(settings_fault);
	BIND(name);
	BIND(user);
	BIND(ssh_key);
	BIND(network);
	BIND(cpus);
	BIND(cpus_scale);
	BIND(cpus_spin);
	BIND(memory_box);
	BIND(disk_box);
	BIND(memory_label);
	BIND(disk_label);
	BIND(user_label);
	BIND(ssh_key_label);
	BIND(start);
	BIND(summary);
	BIND(commands);
}

static void baton_new_vm_class_init(BatonNewVmClass *class)
{
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);

	G_OBJECT_CLASS(class)->dispose = baton_new_vm_dispose;
	G_OBJECT_CLASS(class)->finalize = baton_new_vm_finalize;
	gtk_widget_class_set_template_from_resource(widget, "/org/baton/ui/new_vm.ui");
	bind_children(widget);
	gtk_widget_class_bind_template_callback(widget, on_source);
	gtk_widget_class_bind_template_callback(widget, on_changed);
	gtk_widget_class_bind_template_callback(widget, on_name);
	gtk_widget_class_bind_template_callback(widget, on_next);
	gtk_widget_class_bind_template_callback(widget, on_back);
	gtk_widget_class_bind_template_callback(widget, on_cancel);
	gtk_widget_class_bind_template_callback(widget, on_copy);
}
