// SPDX-License-Identifier: GPL-2.0-or-later
/* Volumes are made, made larger and removed: by a worker thread, with names of its own. */
#include <string.h>

#include "disk.h"
#include "libvirt/handlers.h"
#include "libvirt/registration.h"
#include "libvirt/volume.h"
#include "libvirt/xml_tree.h"

struct change {
	struct call *call;
	char *pool, *name, *path, *source;
	bool raw, allocate;
	uint64_t size, allocation;
	char *backing, *backing_format;	/* NULL: none */
	bool (*work)(struct change *change, struct btn_error *e);
	bool ok;
	struct btn_error e;
};

static struct change *change_new(struct call *call, const char *pool, const char *name,
				 const char *path)
{
	struct change *change = g_new0(struct change, 1);

	change->call = call;
	change->pool = g_strdup(pool);
	change->name = g_strdup(name);
	change->path = g_strdup(path);
	return change;
}

static void change_free(struct change *change)
{
	g_free(change->pool);
	g_free(change->name);
	g_free(change->path);
	g_free(change->source);
	g_free(change->backing);
	g_free(change->backing_format);
	g_free(change);
}

static void work(GTask *task, G_GNUC_UNUSED gpointer source, gpointer data,
		 G_GNUC_UNUSED GCancellable *cancellable)
{
	struct change *change = data;

	change->ok = change->work(change, &change->e);
	g_task_return_boolean(task, TRUE);
}

static bool create(struct change *change, struct btn_error *e)
{
	const struct image_create what = {
		.path = change->path, .raw = change->raw, .size = change->size,
		.backing = change->backing, .backing_format = change->backing_format,
	};

	return disk_create(&what, change->allocation, e);
}

/* As large as the other one, or larger. */
static bool copy(struct change *change, struct btn_error *e)
{
	struct btn_error ignored;

	if (!disk_copy(change->source, change->path, e))
		return false;
	if (!change->size || disk_grow(change->path, change->raw, change->size, false, e))
		return true;
	disk_remove(change->path, &ignored);
	return false;
}

static bool grow(struct change *change, struct btn_error *e)
{
	return disk_grow(change->path, change->raw, change->size, change->allocate, e);
}

static bool removal(struct change *change, struct btn_error *e)
{
	return disk_remove(change->path, e);
}

static void on_worked(G_GNUC_UNUSED GObject *source, G_GNUC_UNUSED GAsyncResult *result,
		      gpointer data)
{
	struct change *change = data;
	struct call *call = change->call;

	if (change->ok) {
		tell_pool_refreshed(change->pool);
		if (change->work == create || change->work == copy)
			put_volume(call->out, change->pool, change->name, change->path);
		call_return(call);
	} else if (change->e.code == BTN_DISK_EXISTS) {
		call_fail(call, LV_ERR_VOL_EXISTS, "storage volume '%s' exists already",
			  change->name);
	} else {
		call_fail_btn(call, &change->e);
	}
	change_free(change);
}

static void run(struct change *change, bool (*how)(struct change *change, struct btn_error *e))
{
	GTask *task = g_task_new(NULL, NULL, on_worked, change);

	change->work = how;
	g_task_set_task_data(task, change, NULL);
	g_task_run_in_thread(task, work);
	g_object_unref(task);
}

/* ---- what the XML of a new one asks for ---- */

/* "raw" or "qcow2"; NULL: *e. */
static const char *format_of(const struct xml_node *parent, const char *otherwise,
			     struct xml_error *e)
{
	const char *type = xml_attribute(xml_child(parent, "format"), "type");

	if (!type)
		type = otherwise;
	if (type && (!strcmp(type, "raw") || !strcmp(type, "qcow2")))
		return type;
	xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <format> in <%s>: it is 'raw' or "
		 "'qcow2'", parent->name);
	return NULL;
}

static bool read_amount(const struct xml_node *root, const char *name, uint64_t otherwise,
			uint64_t *ret, struct xml_error *e)
{
	const struct xml_node *node = xml_child(root, name);

	*ret = otherwise;
	return !node || xml_amount(node, "bytes", ret) ||
		xml_fail(e, LV_ERR_XML, "XML error: <%s> is no amount of bytes", name);
}

static bool read_backing(const struct xml_node *node, struct change *change, struct xml_error *e)
{
	const struct xml_node *path = xml_child(node, "path");
	const char *format;

	if (!path)
		return true;
	/* What a guest has written does not decide what its disk is. */
	format = format_of(node, NULL, e);
	if (!format)
		return false;
	if (change->raw)
		return xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <backingStore>: only "
				"a qcow2 can start as another file");
	change->backing = xml_text(path);
	change->backing_format = g_strdup(format);
	return g_path_is_absolute(change->backing) ||
		xml_fail(e, LV_ERR_XML, "XML error: the <path> in <backingStore> is absolute");
}

static bool read_sizes(const struct xml_node *root, struct change *change, struct xml_error *e)
{
	if (!xml_child(root, "capacity") && !change->backing)
		return xml_fail(e, LV_ERR_XML, "XML error: there is no <capacity>");
	if (!read_amount(root, "capacity", 0, &change->size, e))
		return false;
	/* Disks have sectors. */
	change->size = (change->size + 511) & ~511ull;
	return read_amount(root, "allocation", change->size, &change->allocation, e);
}

static bool read_volume(const struct xml_node *root, struct change *change, struct xml_error *e)
{
	static const struct xml_node none = { .name = (char *)"target" };
	const struct xml_node *target = xml_child(root, "target");
	const char *format = format_of(target ? target : &none, "raw", e);

	if (!format)
		return false;
	if (xml_child(root, "encryption") || xml_child(target, "encryption"))
		return xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <encryption>: Baton "
				"does not have this");
	change->raw = !strcmp(format, "raw");
	return read_backing(xml_child(root, "backingStore"), change, e) &&
		read_sizes(root, change, e);
}

/* Its name and its path, with nothing else known yet; NULL: *e. */
static struct change *name_volume(struct call *call, const struct xml_node *root,
				  struct xml_error *e)
{
	const struct xml_node *node = xml_child(root, "name");
	struct change *change = NULL;
	char *name, *path;
	const char *fault;

	if (!xml_is(root, "volume") || !node) {
		xml_fail(e, LV_ERR_XML, "XML error: expecting <volume> with a <name>");
		return NULL;
	}
	name = xml_text(node);
	fault = pool_volume_name_fault(name);
	if (fault) {
		xml_fail(e, LV_ERR_INVALID_ARG, "invalid argument: the name of the volume: %s",
			 fault);
	} else {
		path = g_build_filename(call->pool->path, name, NULL);
		change = change_new(call, call->pool->name, name, path);
		g_free(path);
	}
	g_free(name);
	return change;
}

/* What the XML asks for; NULL: answered. */
static struct change *new_volume(struct call *call)
{
	struct change *change = NULL;
	struct xml_node *root;
	struct xml_error e;

	if (!pool_may_change(call, call->pool))
		return NULL;
	root = xml_parse(call->arg[1].s, call->arg[1].count, &e);
	if (root)
		change = name_volume(call, root, &e);
	if (change && !read_volume(root, change, &e))
		g_clear_pointer(&change, change_free);
	if (!change)
		call_fail(call, e.code, "%s", e.text);
	xml_free(root);
	return change;
}

void do_volume_create(struct call *call)
{
	struct change *change = new_volume(call);

	if (change)
		run(change, create);
}

/* What is to be copied. False: answered. */
static bool copy_of(struct call *call, struct change *change)
{
	struct volume *volume = volume_in(call, &call->arg[2]);
	bool is_same_format;

	if (!volume)
		return false;
	is_same_format = volume->raw == change->raw;
	change->source = g_strdup(volume->path);
	/* What it starts as comes with it, and so does its size. */
	if (change->size <= volume->size)
		change->size = 0;
	volume_free(volume);
	if (!is_same_format)
		call_fail(call, LV_ERR_CONFIG, "unsupported configuration: <format>: a copy has "
			  "that of the volume it is made of");
	return is_same_format;
}

void do_volume_copy(struct call *call)
{
	struct change *change = new_volume(call);

	if (change && copy_of(call, change))
		run(g_steal_pointer(&change), copy);
	g_clear_pointer(&change, change_free);
}

/* ---- those that are there ---- */

void do_volume_delete(struct call *call)
{
	struct volume *volume = volume_to_change(call);

	if (!volume)
		return;
	run(change_new(call, call->arg[0].item[0].s, volume->name, volume->path), removal);
	volume_free(volume);
}

enum { RESIZE_ALLOCATE = 1, RESIZE_DELTA = 2, RESIZE_SHRINK = 4 };

/* The size that a resize asks for. False: answered. */
static bool new_size(struct call *call, uint64_t old, uint64_t *ret)
{
	uint64_t size = call->arg[1].ul, base = call->flags & RESIZE_DELTA ? old : 0;

	if (call->flags & RESIZE_SHRINK)
		call_fail(call, LV_ERR_UNSUPPORTED, "Operation not supported: a disk cannot be "
			  "made smaller");
	else if (size > G_MAXINT64 - 511 || base > G_MAXINT64 - 511 - size)
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: a disk cannot be that "
			  "large");
	else {
		*ret = (base + size + 511) & ~511ull;
		return true;
	}
	return false;
}

void do_volume_resize(struct call *call)
{
	struct volume *volume = volume_to_change(call);
	struct change *change;
	uint64_t size;

	if (!volume)
		return;
	if (new_size(call, volume->size, &size)) {
		change = change_new(call, call->arg[0].item[0].s, volume->name, volume->path);
		change->raw = volume->raw;
		change->size = size;
		change->allocate = call->flags & RESIZE_ALLOCATE;
		run(change, grow);
	}
	volume_free(volume);
}
