// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of VMs. See vm_list.h.
 */
#include <string.h>

#include "text.h"
#include "widgets/vm_list.h"

enum { COL_VM, COL_ICON, COL_STATUS, COL_NAME, COL_CPUS, COL_MEMORY, COL_MEMORY_TEXT,
       COL_ADDRESS, COL_HOST, COL_COUNT };

struct _BatonVmList {
	GtkScrolledWindow parent;
	GtkListStore *store;
	GtkTreeModel *filter, *sort;
	GtkTreeView *view;
	GtkTreeViewColumn *host;
	GHashTable *rows;	/* BatonVm -> GtkTreeIter of store */
	BatonConnections *connections;
	char *search;
};

enum { SIGNAL_SELECTION, SIGNAL_OPEN, SIGNAL_MENU, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonVmList, baton_vm_list, GTK_TYPE_SCROLLED_WINDOW)

/* ---- rows ---- */

static void fill_row(BatonVmList *list, GtkTreeIter *row, BatonVm *vm)
{
	g_autofree char *status = baton_vm_status(vm);
	g_autofree char *memory = vm->memory ? text_size(vm->memory) : NULL;
	g_autofree char *host = vm->connection ? baton_connection_title(vm->connection) : NULL;
	const char *icon = vm_state_icon(baton_vm_shown_state(vm));

	gtk_list_store_set(list->store, row, COL_ICON, icon, COL_STATUS, status, COL_NAME,
			   vm->name, COL_CPUS, vm->cpus, COL_MEMORY, vm->memory, COL_MEMORY_TEXT,
			   memory, COL_ADDRESS, baton_vm_is_on(vm) ? vm->address : NULL,
			   COL_HOST, host, -1);
}

static void on_vm_changed(BatonVm *vm, gpointer data)
{
	BatonVmList *list = data;
	GtkTreeIter *row = g_hash_table_lookup(list->rows, vm);

	if (row)
		fill_row(list, row, vm);
	/* What can be done with it may have changed, too. */
	g_signal_emit(list, signals[SIGNAL_SELECTION], 0);
}

static void add_vm(BatonVmList *list, BatonVm *vm)
{
	GtkTreeIter row;

	if (g_hash_table_contains(list->rows, vm))
		return;
	gtk_list_store_insert_with_values(list->store, &row, -1, COL_VM, vm, -1);
	g_hash_table_insert(list->rows, vm, gtk_tree_iter_copy(&row));
	g_signal_connect(vm, "changed", G_CALLBACK(on_vm_changed), list);
	fill_row(list, &row, vm);
}

static void remove_vm(BatonVmList *list, BatonVm *vm)
{
	GtkTreeIter row = *(GtkTreeIter *)g_hash_table_lookup(list->rows, vm);

	g_signal_handlers_disconnect_by_data(vm, list);
	g_hash_table_remove(list->rows, vm);
	gtk_list_store_remove(list->store, &row);
}

/* All VMs of all connections, as a set. */
static GHashTable *known_vms(BatonVmList *list)
{
	GListModel *all = baton_connections_list(list->connections);
	GHashTable *known = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < g_list_model_get_n_items(all); i++) {
		g_autoptr(BatonConnection) one = g_list_model_get_item(all, i);
		GListModel *vms = baton_connection_vms(one);

		for (guint j = 0; j < g_list_model_get_n_items(vms); j++) {
			g_autoptr(BatonVm) vm = g_list_model_get_item(vms, j);

			g_hash_table_add(known, vm);
		}
	}
	return known;
}

/* With one set for all rows: a connection that is lost drops each of its VMs so. */
static void drop_unknown(BatonVmList *list)
{
	g_autoptr(GHashTable) known = known_vms(list);
	g_autoptr(GList) all = g_hash_table_get_keys(list->rows);

	for (GList *one = all; one; one = one->next)
		if (!g_hash_table_contains(known, one->data))
			remove_vm(list, one->data);
}

static void on_vms_changed(GListModel *vms, guint at, guint removed, guint added, gpointer data)
{
	BatonVmList *list = data;

	if (removed)
		drop_unknown(list);
	for (guint i = 0; i < added; i++) {
		g_autoptr(BatonVm) vm = g_list_model_get_item(vms, at + i);

		add_vm(list, vm);
	}
	g_signal_emit(list, signals[SIGNAL_SELECTION], 0);
}

static void on_connections_changed(GListModel *connections, guint at, guint removed, guint added,
				   gpointer data)
{
	BatonVmList *list = data;

	if (removed)
		drop_unknown(list);
	for (guint i = 0; i < added; i++) {
		g_autoptr(BatonConnection) one = g_list_model_get_item(connections, at + i);
		GListModel *vms = baton_connection_vms(one);

		g_signal_connect_object(vms, "items-changed", G_CALLBACK(on_vms_changed), list, 0);
		on_vms_changed(vms, 0, 0, g_list_model_get_n_items(vms), list);
	}
	gtk_tree_view_column_set_visible(list->host, g_list_model_get_n_items(connections) > 1);
}

void baton_vm_list_set_connections(BatonVmList *list, BatonConnections *connections)
{
	GListModel *all = baton_connections_list(connections);

	list->connections = g_object_ref(connections);
	g_signal_connect_object(all, "items-changed", G_CALLBACK(on_connections_changed), list, 0);
	on_connections_changed(all, 0, 0, g_list_model_get_n_items(all), list);
}

/* ---- search and order ---- */

static gboolean is_visible(GtkTreeModel *model, GtkTreeIter *row, gpointer data)
{
	BatonVmList *list = data;
	g_autoptr(BatonVm) vm = NULL;

	gtk_tree_model_get(model, row, COL_VM, &vm, -1);
	return !list->search || !vm || baton_vm_matches(vm, list->search);
}

static int compare_names(GtkTreeModel *model, GtkTreeIter *a, GtkTreeIter *b, gpointer data)
{
	g_autoptr(BatonVm) vm_a = NULL;
	g_autoptr(BatonVm) vm_b = NULL;

	(void)data;
	gtk_tree_model_get(model, a, COL_VM, &vm_a, -1);
	gtk_tree_model_get(model, b, COL_VM, &vm_b, -1);
	return vm_a && vm_b ? baton_vm_compare_names(vm_a, vm_b) : 0;
}

/* Those that are on come first, then by name. */
static int compare_states(GtkTreeModel *model, GtkTreeIter *a, GtkTreeIter *b, gpointer data)
{
	g_autoptr(BatonVm) vm_a = NULL;
	g_autoptr(BatonVm) vm_b = NULL;
	int difference;

	(void)data;
	gtk_tree_model_get(model, a, COL_VM, &vm_a, -1);
	gtk_tree_model_get(model, b, COL_VM, &vm_b, -1);
	if (!vm_a || !vm_b)
		return 0;
	difference = baton_vm_is_on(vm_b) - baton_vm_is_on(vm_a);
	if (!difference)
		difference = (int)vm_a->state - (int)vm_b->state;
	return difference ? difference : baton_vm_compare_names(vm_a, vm_b);
}

void baton_vm_list_search(BatonVmList *list, const char *text)
{
	g_free(list->search);
	list->search = text && *text ? g_utf8_strdown(text, -1) : NULL;
	gtk_tree_model_filter_refilter(GTK_TREE_MODEL_FILTER(list->filter));
}

/* ---- selection ---- */

GPtrArray *baton_vm_list_selected(BatonVmList *list)
{
	GPtrArray *vms = g_ptr_array_new_with_free_func(g_object_unref);
	GList *paths = gtk_tree_selection_get_selected_rows(
		gtk_tree_view_get_selection(list->view), NULL);

	for (GList *path = paths; path; path = path->next) {
		GtkTreeIter row;
		BatonVm *vm = NULL;

		if (gtk_tree_model_get_iter(list->sort, &row, path->data))
			gtk_tree_model_get(list->sort, &row, COL_VM, &vm, -1);
		if (vm)
			g_ptr_array_add(vms, vm);
	}
	g_list_free_full(paths, (GDestroyNotify)gtk_tree_path_free);
	return vms;
}

void baton_vm_list_select(BatonVmList *list, BatonVm *vm)
{
	GtkTreeIter *row = g_hash_table_lookup(list->rows, vm);
	GtkTreeIter filtered, sorted;
	GtkTreePath *path;

	if (!row || !gtk_tree_model_filter_convert_child_iter_to_iter(
		    GTK_TREE_MODEL_FILTER(list->filter), &filtered, row) ||
	    !gtk_tree_model_sort_convert_child_iter_to_iter(GTK_TREE_MODEL_SORT(list->sort),
							    &sorted, &filtered))
		return;
	path = gtk_tree_model_get_path(list->sort, &sorted);
	gtk_tree_view_set_cursor(list->view, path, NULL, FALSE);
	gtk_tree_path_free(path);
}

void baton_vm_list_select_all(BatonVmList *list)
{
	gtk_tree_selection_select_all(gtk_tree_view_get_selection(list->view));
}

guint baton_vm_list_count(BatonVmList *list)
{
	return g_hash_table_size(list->rows);
}

guint baton_vm_list_shown(BatonVmList *list)
{
	return (guint)gtk_tree_model_iter_n_children(list->sort, NULL);
}

gboolean baton_vm_list_has_name(BatonVmList *list, const char *name)
{
	GHashTableIter iter;
	gpointer vm;

	g_hash_table_iter_init(&iter, list->rows);
	while (g_hash_table_iter_next(&iter, &vm, NULL))
		if (BATON_VM(vm)->native && BATON_VM(vm)->name &&
		    !g_ascii_strcasecmp(BATON_VM(vm)->name, name))
			return TRUE;
	return FALSE;
}

static gboolean forwards_port(const BatonVm *vm, guint port)
{
	for (char **forward = vm->forwards; *forward; forward++) {
		g_auto(GStrv) part = g_strsplit(*forward, ":", -1);
		guint count = g_strv_length(part);

		if (count >= 2 && g_ascii_strtoull(part[count - 2], NULL, 10) == port)
			return TRUE;
	}
	return FALSE;
}

gboolean baton_vm_list_has_port(BatonVmList *list, guint port)
{
	GHashTableIter iter;
	gpointer vm;

	g_hash_table_iter_init(&iter, list->rows);
	while (g_hash_table_iter_next(&iter, &vm, NULL))
		if (forwards_port(vm, port))
			return TRUE;
	return FALSE;
}

void baton_vm_list_focus(BatonVmList *list)
{
	gtk_widget_grab_focus(GTK_WIDGET(list->view));
}

/* ---- events ---- */

static void on_selection_changed(GtkTreeSelection *selection, gpointer data)
{
	(void)selection;
	g_signal_emit(data, signals[SIGNAL_SELECTION], 0);
}

static void on_activated(GtkTreeView *view, GtkTreePath *path, GtkTreeViewColumn *column,
			 gpointer data)
{
	BatonVmList *list = data;
	g_autoptr(BatonVm) vm = NULL;
	GtkTreeIter row;

	(void)view;
	(void)column;
	if (gtk_tree_model_get_iter(list->sort, &row, path))
		gtk_tree_model_get(list->sort, &row, COL_VM, &vm, -1);
	if (vm)
		g_signal_emit(list, signals[SIGNAL_OPEN], 0, vm);
}

/* The other mouse button: what is under it becomes the selection, unless it is in it. */
static gboolean on_button(GtkWidget *widget, GdkEventButton *event, gpointer data)
{
	BatonVmList *list = data;
	GtkTreeSelection *selection = gtk_tree_view_get_selection(list->view);
	GtkTreePath *path;

	(void)widget;
	if (!gdk_event_triggers_context_menu((GdkEvent *)event) ||
	    !gtk_tree_view_get_path_at_pos(list->view, (int)event->x, (int)event->y, &path, NULL,
					   NULL, NULL))
		return GDK_EVENT_PROPAGATE;
	if (!gtk_tree_selection_path_is_selected(selection, path))
		gtk_tree_view_set_cursor(list->view, path, NULL, FALSE);
	gtk_tree_path_free(path);
	g_signal_emit(list, signals[SIGNAL_MENU], 0, event);
	return GDK_EVENT_STOP;
}

static gboolean on_popup_menu(GtkWidget *widget, gpointer data)
{
	(void)widget;
	g_signal_emit(data, signals[SIGNAL_MENU], 0, NULL);
	return TRUE;
}

/* ---- columns ---- */

static GtkTreeViewColumn *add_text(BatonVmList *list, const char *title, int column, int order,
				   int width)
{
	GtkCellRenderer *cell = gtk_cell_renderer_text_new();
	GtkTreeViewColumn *one = gtk_tree_view_column_new_with_attributes(title, cell, "text",
									  column, NULL);

	g_object_set(cell, "ellipsize", PANGO_ELLIPSIZE_END, "ypad", 6, NULL);
	gtk_tree_view_column_set_sort_column_id(one, order);
	gtk_tree_view_column_set_resizable(one, TRUE);
	gtk_tree_view_column_set_sizing(one, GTK_TREE_VIEW_COLUMN_FIXED);
	gtk_tree_view_column_set_fixed_width(one, width);
	gtk_tree_view_append_column(list->view, one);
	return one;
}

static void align_right(GtkTreeViewColumn *column)
{
	g_autoptr(GList) cells = gtk_cell_layout_get_cells(GTK_CELL_LAYOUT(column));

	g_object_set(cells->data, "xalign", 1.0, "xpad", 12, NULL);
	gtk_tree_view_column_set_alignment(column, 1.0);
}

static void add_state(BatonVmList *list)
{
	GtkTreeViewColumn *state = add_text(list, _("State"), COL_STATUS, COL_STATUS, 132);
	GtkCellRenderer *icon = gtk_cell_renderer_pixbuf_new();
	g_autoptr(GList) cells = gtk_cell_layout_get_cells(GTK_CELL_LAYOUT(state));

	g_object_set(icon, "xpad", 6, NULL);
	g_object_ref(cells->data);
	gtk_tree_view_column_clear(state);
	gtk_tree_view_column_pack_start(state, icon, FALSE);
	gtk_tree_view_column_pack_start(state, cells->data, TRUE);
	gtk_tree_view_column_add_attribute(state, icon, "icon-name", COL_ICON);
	gtk_tree_view_column_add_attribute(state, cells->data, "text", COL_STATUS);
	g_object_unref(cells->data);
}

static void add_columns(BatonVmList *list)
{
	GtkTreeViewColumn *name = add_text(list, _("Name"), COL_NAME, COL_NAME, 86);

	gtk_tree_view_column_set_expand(name, TRUE);
	add_state(list);
	align_right(add_text(list, _("CPUs"), COL_CPUS, COL_CPUS, 66));
	align_right(add_text(list, _("Memory"), COL_MEMORY_TEXT, COL_MEMORY, 88));
	add_text(list, _("Address"), COL_ADDRESS, COL_ADDRESS, 94);
	list->host = add_text(list, _("Host"), COL_HOST, COL_HOST, 120);
	gtk_tree_view_column_set_visible(list->host, FALSE);
}

/* ---- life ---- */

GtkWidget *baton_vm_list_new(void)
{
	return g_object_new(BATON_TYPE_VM_LIST, NULL);
}

static void make_models(BatonVmList *list)
{
	list->store = gtk_list_store_new(COL_COUNT, BATON_TYPE_VM, G_TYPE_STRING, G_TYPE_STRING,
					 G_TYPE_STRING, G_TYPE_UINT, G_TYPE_UINT64, G_TYPE_STRING,
					 G_TYPE_STRING, G_TYPE_STRING);
	list->filter = gtk_tree_model_filter_new(GTK_TREE_MODEL(list->store), NULL);
	gtk_tree_model_filter_set_visible_func(GTK_TREE_MODEL_FILTER(list->filter), is_visible,
					       list, NULL);
	list->sort = gtk_tree_model_sort_new_with_model(list->filter);
	gtk_tree_sortable_set_sort_func(GTK_TREE_SORTABLE(list->sort), COL_NAME, compare_names,
					NULL, NULL);
	gtk_tree_sortable_set_sort_func(GTK_TREE_SORTABLE(list->sort), COL_STATUS, compare_states,
					NULL, NULL);
	gtk_tree_sortable_set_sort_column_id(GTK_TREE_SORTABLE(list->sort), COL_NAME,
					     GTK_SORT_ASCENDING);
}

static void baton_vm_list_init(BatonVmList *list)
{
	GtkTreeSelection *selection;

	list->rows = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)gtk_tree_iter_free);
	make_models(list);
	list->view = GTK_TREE_VIEW(gtk_tree_view_new_with_model(list->sort));
	gtk_tree_view_set_enable_search(list->view, FALSE);
	gtk_tree_view_set_rubber_banding(list->view, TRUE);
	add_columns(list);
	atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(list->view)),
			    _("Virtual machines"));
	selection = gtk_tree_view_get_selection(list->view);
	gtk_tree_selection_set_mode(selection, GTK_SELECTION_MULTIPLE);
	g_signal_connect(selection, "changed", G_CALLBACK(on_selection_changed), list);
	g_signal_connect(list->view, "row-activated", G_CALLBACK(on_activated), list);
	g_signal_connect(list->view, "button-press-event", G_CALLBACK(on_button), list);
	g_signal_connect(list->view, "popup-menu", G_CALLBACK(on_popup_menu), list);
	gtk_container_add(GTK_CONTAINER(list), GTK_WIDGET(list->view));
	gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(list), GTK_POLICY_AUTOMATIC,
				       GTK_POLICY_AUTOMATIC);
	gtk_widget_show_all(GTK_WIDGET(list->view));
}

static void baton_vm_list_dispose(GObject *object)
{
	BatonVmList *list = BATON_VM_LIST(object);
	GHashTableIter iter;
	gpointer vm;

	if (list->rows) {
		g_hash_table_iter_init(&iter, list->rows);
		while (g_hash_table_iter_next(&iter, &vm, NULL))
			g_signal_handlers_disconnect_by_data(vm, list);
	}
	if (list->view)
		g_signal_handlers_disconnect_by_data(gtk_tree_view_get_selection(list->view), list);
	list->view = NULL;
	g_clear_pointer(&list->rows, g_hash_table_unref);
	g_clear_object(&list->sort);
	g_clear_object(&list->filter);
	g_clear_object(&list->store);
	g_clear_object(&list->connections);
	g_clear_pointer(&list->search, g_free);
	G_OBJECT_CLASS(baton_vm_list_parent_class)->dispose(object);
}

static void baton_vm_list_class_init(BatonVmListClass *class)
{
	G_OBJECT_CLASS(class)->dispose = baton_vm_list_dispose;
	signals[SIGNAL_SELECTION] = g_signal_new("selection-changed", BATON_TYPE_VM_LIST,
						 G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
						 G_TYPE_NONE, 0);
	signals[SIGNAL_OPEN] = g_signal_new("open", BATON_TYPE_VM_LIST, G_SIGNAL_RUN_LAST, 0, NULL,
					    NULL, NULL, G_TYPE_NONE, 1, BATON_TYPE_VM);
	signals[SIGNAL_MENU] = g_signal_new("menu", BATON_TYPE_VM_LIST, G_SIGNAL_RUN_LAST, 0, NULL,
					    NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}
