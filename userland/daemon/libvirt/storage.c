// SPDX-License-Identifier: GPL-2.0-or-later
/* Storage pools; and snapshots, of which there are none. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "libvirt/handlers.h"
#include "libvirt/registration.h"
#include "libvirt/volume.h"
#include "libvirt/xml_tree.h"

enum { POOLS_INACTIVE = 1, POOLS_ACTIVE = 2, POOLS_PERSISTENT = 4, POOLS_TRANSIENT = 8,
       POOLS_AUTOSTART = 16, POOLS_NO_AUTOSTART = 32, POOLS_DIR = 64, POOLS_KINDS = 0xfffc0 };

static void put_pool(GByteArray *to, const struct pool *pool)
{
	xdr_put_string(to, pool->name);
	xdr_put_uuid(to, pool->uuid);
}

/* ---- lists and lookups ---- */

static bool fits(const struct pool *pool, uint32_t asked)
{
	static const uint32_t groups[] = { POOLS_INACTIVE | POOLS_ACTIVE,
					   POOLS_PERSISTENT | POOLS_TRANSIENT,
					   POOLS_AUTOSTART | POOLS_NO_AUTOSTART, POOLS_KINDS };
	uint32_t bits = POOLS_PERSISTENT | POOLS_DIR |
		(pool->active ? POOLS_ACTIVE : POOLS_INACTIVE) |
		(pool->autostart ? POOLS_AUTOSTART : POOLS_NO_AUTOSTART);
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(groups); i++)
		if (asked & groups[i] && !(asked & groups[i] & bits))
			return false;
	return true;
}

void do_list_all_pools(struct call *call)
{
	const struct pool *pool = NULL;
	guint at = xdr_put_later(call->out);
	uint32_t count = 0;

	while ((pool = pool_next(pool))) {
		if (!fits(pool, call->flags))
			continue;
		count++;
		if (call->arg[0].i)
			put_pool(call->out, pool);
	}
	if (call->arg[0].i)
		xdr_set_later(call->out, at, count);
	xdr_put_uint(call->out, count);
	call_return(call);
}

static void number_of(struct call *call, bool active)
{
	const struct pool *pool = NULL;
	int32_t count = 0;

	while ((pool = pool_next(pool)))
		count += pool->active == active;
	xdr_put_int(call->out, count);
	call_return(call);
}

static void names_of(struct call *call, bool active)
{
	const struct pool *pool = NULL;
	guint at = xdr_put_later(call->out);
	uint32_t count = 0, most = (uint32_t)MAX(call->arg[0].i, 0);

	while ((pool = pool_next(pool)) && count < most) {
		if (pool->active != active)
			continue;
		count++;
		xdr_put_string(call->out, pool->name);
	}
	xdr_set_later(call->out, at, count);
	call_return(call);
}

void do_num_of_pools(struct call *call)
{
	number_of(call, true);
}

void do_num_of_defined_pools(struct call *call)
{
	number_of(call, false);
}

void do_list_pools(struct call *call)
{
	names_of(call, true);
}

void do_list_defined_pools(struct call *call)
{
	names_of(call, false);
}

static void found(struct call *call, const struct pool *pool, const char *kind,
		  const char *what)
{
	if (!pool) {
		call_fail(call, LV_ERR_NO_POOL, "Storage pool not found: no storage pool with "
			  "matching %s '%s'", kind, what);
		return;
	}
	put_pool(call->out, pool);
	call_return(call);
}

void do_pool_by_name(struct call *call)
{
	found(call, pool_find(call->arg[0].s), "name", call->arg[0].s);
}

void do_pool_by_uuid(struct call *call)
{
	char uuid[37];

	xdr_uuid_text(call->arg[0].bytes, uuid);
	found(call, pool_find_uuid(call->arg[0].bytes), "uuid", uuid);
}

void do_pool_by_volume(struct call *call)
{
	found(call, pool_find(call->arg[0].item[0].s), "name", call->arg[0].item[0].s);
}

void do_pool_by_path(struct call *call)
{
	found(call, pool_find_path(call->arg[0].s), "target path", call->arg[0].s);
}

/* ---- one of them: call->pool ---- */

struct pool_space { uint64_t capacity, allocation, available; };

static void pool_space(const struct pool *pool, struct pool_space *ret)
{
	struct statvfs fs;

	memset(ret, 0, sizeof(*ret));
	if (!pool->active || statvfs(pool->path, &fs))
		return;
	ret->capacity = (uint64_t)fs.f_blocks * fs.f_frsize;
	ret->available = (uint64_t)fs.f_bavail * fs.f_frsize;
	ret->allocation = ret->capacity - (uint64_t)fs.f_bfree * fs.f_frsize;
}

void do_pool_info(struct call *call)
{
	struct pool_space space;

	pool_space(call->pool, &space);
	xdr_put_uint(call->out, call->pool->active ? 2 : 0);
	xdr_put_ulong(call->out, space.capacity);
	xdr_put_ulong(call->out, space.allocation);
	xdr_put_ulong(call->out, space.available);
	call_return(call);
}

void do_pool_xml(struct call *call)
{
	GString *to = g_string_new("<pool type='dir'>\n");
	struct pool_space space;
	char uuid[37];

	xdr_uuid_text(call->pool->uuid, uuid);
	pool_space(call->pool, &space);
	xml_put(to, "  <name>%s</name>\n  <uuid>%s</uuid>\n"
		"  <capacity unit='bytes'>%" G_GUINT64_FORMAT "</capacity>\n"
		"  <allocation unit='bytes'>%" G_GUINT64_FORMAT "</allocation>\n"
		"  <available unit='bytes'>%" G_GUINT64_FORMAT "</available>\n"
		"  <source/>\n  <target>\n    <path>%s</path>\n  </target>\n</pool>\n",
		call->pool->name, uuid, space.capacity, space.allocation, space.available,
		call->pool->path);
	xdr_put_string(call->out, to->str);
	g_string_free(to, TRUE);
	call_return(call);
}

void do_pool_is_active(struct call *call)
{
	xdr_put_int(call->out, call->pool->active);
	call_return(call);
}

void do_pool_is_persistent(struct call *call)
{
	xdr_put_int(call->out, 1);
	call_return(call);
}

void do_pool_get_autostart(struct call *call)
{
	xdr_put_int(call->out, call->pool->autostart);
	call_return(call);
}

/* Each look at it is at the folder itself. */
void do_pool_refresh(struct call *call)
{
	if (!pool_is_usable(call, call->pool))
		return;
	tell_pool_refreshed(call->pool->name);
	call_return(call);
}

/* False: answered. */
static bool may_change(struct call *call)
{
	if (!call->pool->fixed)
		return true;
	call_fail(call, LV_ERR_UNSUPPORTED, "Operation not supported: the pool '%s' is always "
		  "there", call->pool->name);
	return false;
}

static bool is_inactive(struct call *call, const char *problem)
{
	if (!call->pool->active)
		return true;
	call_fail(call, LV_ERR_INVALID_STATE, "Requested operation is not valid: storage pool '%s' "
		  "is %s active", call->pool->name, problem);
	return false;
}

void do_pool_build(struct call *call)
{
	struct btn_error e;

	if (!is_inactive(call, "already"))
		return;
	if (pool_build(call->pool, &e))
		call_return(call);
	else
		call_fail_btn(call, &e);
}

void do_pool_set_autostart(struct call *call)
{
	struct btn_error e;

	if (!call->arg[1].i && !may_change(call))
		return;
	if (pool_set_autostart(call->pool, call->arg[1].i, &e))
		call_return(call);
	else
		call_fail_btn(call, &e);
}

void do_pool_create(struct call *call)
{
	struct stat st;
	int error;

	if (!is_inactive(call, "already"))
		return;
	error = stat(call->pool->path, &st) ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
	if (error) {
		call_fail(call, LV_ERR_SYSTEM, "cannot open directory '%s': %s", call->pool->path,
			  g_strerror(error));
		return;
	}
	pool_set_active(call->pool, true);
	tell_pool(call->pool, POOL_STARTED);
	call_return(call);
}

void do_pool_destroy(struct call *call)
{
	if (!may_change(call) || !pool_is_usable(call, call->pool))
		return;
	pool_set_active(call->pool, false);
	tell_pool(call->pool, POOL_STOPPED);
	call_return(call);
}

/* The folder, which has to be empty: volumes are not deleted with it. */
void do_pool_delete(struct call *call)
{
	if (!may_change(call) || !is_inactive(call, "still"))
		return;
	if (rmdir(call->pool->path)) {
		call_fail(call, LV_ERR_SYSTEM, "failed to remove pool '%s': %s", call->pool->path,
			  g_strerror(errno));
		return;
	}
	tell_pool(call->pool, POOL_DELETED);
	call_return(call);
}

void do_pool_undefine(struct call *call)
{
	struct pool gone = *call->pool;
	struct btn_error e;

	if (!may_change(call) || !is_inactive(call, "still"))
		return;
	gone.name = g_strdup(gone.name);
	if (pool_undefine(call->pool, &e)) {
		tell_pool(&gone, POOL_UNDEFINED);
		call_return(call);
	} else {
		call_fail_btn(call, &e);
	}
	g_free(gone.name);
}

/* The UUID that it shall have. False: answered. */
static bool read_uuid(struct call *call, const struct xml_node *root, uint8_t uuid[16],
		      bool *ret_given)
{
	const struct xml_node *node = xml_child(root, "uuid");
	char *text = node ? xml_text(node) : NULL;
	bool ok = !node || xdr_uuid_parse(text, uuid);

	*ret_given = node != NULL;
	g_free(text);
	if (!ok)
		call_fail(call, LV_ERR_XML, "XML error: malformed uuid element");
	return ok;
}

static void define(struct call *call, const struct xml_node *root)
{
	const struct xml_node *path_node = xml_child(xml_child(root, "target"), "path");
	const struct xml_node *name_node = xml_child(root, "name");
	const struct pool *pool;
	struct btn_error e;
	uint8_t uuid[16];
	char *name, *path;
	bool has_uuid;

	if (xml_is(root, "pool") && !xml_attribute_is(root, "type", "dir")) {
		call_fail(call, LV_ERR_CONFIG, "unsupported configuration: <pool>: its type is "
			  "'dir', a folder");
		return;
	}
	if (!xml_is(root, "pool") || !name_node || !path_node) {
		call_fail(call, LV_ERR_XML, "XML error: expecting <pool> with <name> and "
			  "<target><path>");
		return;
	}
	if (!read_uuid(call, root, uuid, &has_uuid))
		return;
	name = xml_text(name_node);
	path = xml_text(path_node);
	pool = pool_define(name, path, has_uuid ? uuid : NULL, &e);
	if (pool) {
		tell_pool(pool, POOL_DEFINED);
		found(call, pool, "name", name);
	} else {
		call_fail_btn(call, &e);
	}
	g_free(name);
	g_free(path);
}

void do_pool_define(struct call *call)
{
	struct xml_error e;
	struct xml_node *root = xml_parse(call->arg[0].s, call->arg[0].count, &e);

	if (!root) {
		call_fail(call, e.code, "%s", e.text);
		return;
	}
	define(call, root);
	xml_free(root);
}

/* ---- snapshots ---- */

void do_snapshot_lookup(struct call *call)
{
	call_fail(call, LV_ERR_NO_SNAPSHOT, "Domain snapshot not found: no domain snapshot with "
		  "matching name '%s'", call->arg[1].s);
}

/* What asks for the current one, or about one that a client has from elsewhere. */
void do_snapshot_of(struct call *call)
{
	call_fail(call, LV_ERR_NO_SNAPSHOT, "Domain snapshot not found: the domain does not have a "
		  "current snapshot");
}
