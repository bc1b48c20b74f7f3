// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pane beside the list. See details.h.
 */
#include "text.h"
#include "widgets/banner.h"
#include "widgets/details.h"
#include "widgets/facts_grid.h"

struct _BatonDetails {
	GtkBin parent;
	GtkStack *stack;
	GtkLabel *name, *description, *nothing;
	GtkGrid *facts;
	GtkBox *problems;
	GtkProgressBar *progress;
	GtkMenuButton *more;
	BatonBanner *banner;
	BatonVm *vm;
};

G_DEFINE_TYPE(BatonDetails, baton_details, GTK_TYPE_BIN)

static void on_dismissed(BatonBanner *banner, gpointer data)
{
	BatonDetails *details = data;

	(void)banner;
	if (details->vm)
		baton_vm_set_problem(details->vm, NULL);
}

static void show_progress(BatonDetails *details, const BatonVm *vm)
{
	gtk_widget_set_visible(GTK_WIDGET(details->progress), vm->job != 0);
	if (!vm->job)
		return;
	gtk_progress_bar_set_fraction(details->progress, vm->job_percent / 100.0);
	gtk_progress_bar_set_text(details->progress, vm->job_step);
}

static void show_vm(BatonDetails *details, BatonVm *vm)
{
	const char *about = vm->description && *vm->description ? vm->description : vm->title;

	gtk_label_set_text(details->name, vm->name);
	gtk_label_set_text(details->description, about);
	gtk_widget_set_visible(GTK_WIDGET(details->description), about && *about);
	show_progress(details, vm);
	baton_banner_show(details->banner, vm->problem, NULL, NULL, TRUE);
	facts_grid_show(details->facts, vm);
}

/*
 * A menu whose button goes while it is fading out keeps its grab: nothing in the window could
 * be clicked any more. "Delete" in it makes just that happen.
 */
static void close_menu(BatonDetails *details)
{
	GtkPopover *menu = gtk_menu_button_get_popover(details->more);

	if (menu && gtk_widget_get_visible(GTK_WIDGET(menu)))
		gtk_widget_hide(GTK_WIDGET(menu));
}

void baton_details_show(BatonDetails *details, GPtrArray *vms)
{
	g_autofree char *text = NULL;

	g_clear_object(&details->vm);
	if (vms->len == 1) {
		details->vm = g_object_ref(vms->pdata[0]);
		show_vm(details, details->vm);
		gtk_stack_set_visible_child_name(details->stack, "vm");
		return;
	}
	close_menu(details);
	if (vms->len)
		text = g_strdup_printf(ngettext("%u virtual machine selected",
						"%u virtual machines selected", vms->len),
				       vms->len);
	gtk_label_set_text(details->nothing, text ? text :
			   _("Select a virtual machine to see what it is."));
	gtk_stack_set_visible_child_name(details->stack, "nothing");
}

GtkWidget *baton_details_new(void)
{
	return g_object_new(BATON_TYPE_DETAILS, NULL);
}

static void baton_details_init(BatonDetails *details)
{
	gtk_widget_init_template(GTK_WIDGET(details));
	details->banner = BATON_BANNER(baton_banner_new());
	g_signal_connect(details->banner, "dismissed", G_CALLBACK(on_dismissed), details);
	gtk_container_add(GTK_CONTAINER(details->problems), GTK_WIDGET(details->banner));
}

static void baton_details_dispose(GObject *object)
{
	g_clear_object(&BATON_DETAILS(object)->vm);
	G_OBJECT_CLASS(baton_details_parent_class)->dispose(object);
}

static void baton_details_class_init(BatonDetailsClass *class)
{
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);

	G_OBJECT_CLASS(class)->dispose = baton_details_dispose;
	gtk_widget_class_set_template_from_resource(widget, "/org/baton/ui/details.ui");
	gtk_widget_class_bind_template_child(widget, BatonDetails, stack);
	gtk_widget_class_bind_template_child(widget, BatonDetails, name);
	gtk_widget_class_bind_template_child(widget, BatonDetails, description);
	gtk_widget_class_bind_template_child(widget, BatonDetails, nothing);
	gtk_widget_class_bind_template_child(widget, BatonDetails, facts);
	gtk_widget_class_bind_template_child(widget, BatonDetails, problems);
	gtk_widget_class_bind_template_child(widget, BatonDetails, progress);
	gtk_widget_class_bind_template_child(widget, BatonDetails, more);
}
