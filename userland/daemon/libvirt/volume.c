// SPDX-License-Identifier: GPL-2.0-or-later
/* Volumes of storage pools: lists, lookups, what they are. */
#include "libvirt/volume.h"

#include <sys/stat.h>

#include "libvirt/handlers.h"
#include "libvirt/xml_tree.h"

bool pool_is_usable(struct call *call, const struct pool *pool)
{
	if (pool->active)
		return true;
	call_fail(call, LV_ERR_INVALID_STATE, "Requested operation is not valid: storage pool "
		  "'%s' is not active", pool->name);
	return false;
}

/* Those of call->pool. NULL: answered. */
static GPtrArray *volumes_of(struct call *call)
{
	GPtrArray *volumes;
	struct btn_error e;

	if (!pool_is_usable(call, call->pool))
		return NULL;
	volumes = pool_volumes(call->pool, &e);
	if (!volumes)
		call_fail_btn(call, &e);
	return volumes;
}

void put_volume(GByteArray *to, const char *pool, const char *name, const char *path)
{
	xdr_put_string(to, pool);
	xdr_put_string(to, name);
	xdr_put_string(to, path);	/* the key */
}

void do_pool_num_of_volumes(struct call *call)
{
	GPtrArray *volumes = volumes_of(call);

	if (!volumes)
		return;
	xdr_put_int(call->out, (int32_t)volumes->len);
	g_ptr_array_unref(volumes);
	call_return(call);
}

void do_pool_list_volumes(struct call *call)
{
	GPtrArray *volumes = volumes_of(call);
	uint32_t i, count;

	if (!volumes)
		return;
	count = MIN(volumes->len, (uint32_t)MAX(call->arg[1].i, 0));
	xdr_put_uint(call->out, count);
	for (i = 0; i < count; i++)
		xdr_put_string(call->out, ((struct volume *)volumes->pdata[i])->name);
	g_ptr_array_unref(volumes);
	call_return(call);
}

void do_pool_list_all_volumes(struct call *call)
{
	GPtrArray *volumes = volumes_of(call);
	uint32_t i, count;

	if (!volumes)
		return;
	count = call->arg[1].i ? volumes->len : 0;
	xdr_put_uint(call->out, count);
	for (i = 0; i < count; i++) {
		const struct volume *volume = volumes->pdata[i];

		put_volume(call->out, call->pool->name, volume->name, volume->path);
	}
	xdr_put_uint(call->out, volumes->len);
	g_ptr_array_unref(volumes);
	call_return(call);
}

static void no_volume(struct call *call, const char *what)
{
	call_fail(call, LV_ERR_NO_VOL, "Storage volume not found: no storage vol with matching "
		  "name or path '%s'", what);
}

void do_volume_by_name(struct call *call)
{
	struct volume *volume = pool_volume(call->pool, call->arg[1].s);

	if (!volume) {
		no_volume(call, call->arg[1].s);
		return;
	}
	put_volume(call->out, call->pool->name, volume->name, volume->path);
	volume_free(volume);
	call_return(call);
}

void do_volume_by_key(struct call *call)
{
	const struct pool *pool;
	struct volume *volume = pool_volume_by_path(call->arg[0].s, &pool);

	if (!volume) {
		no_volume(call, call->arg[0].s);
		return;
	}
	put_volume(call->out, pool->name, volume->name, volume->path);
	volume_free(volume);
	call_return(call);
}

struct volume *volume_in(struct call *call, const struct xdr_value *vol)
{
	const struct pool *pool = pool_find(vol->item[0].s);
	struct volume *volume = pool ? pool_volume(pool, vol->item[1].s) : NULL;

	if (!volume)
		no_volume(call, vol->item[1].s);
	return volume;
}

struct volume *volume_of(struct call *call)
{
	return volume_in(call, &call->arg[0]);
}

bool pool_may_change(struct call *call, const struct pool *pool)
{
	if (!pool_is_usable(call, pool))
		return false;
	if (!pool->images)
		return true;
	call_fail(call, LV_ERR_UNSUPPORTED, "Operation not supported: the pool '%s' is Baton's "
		  "store of images, which \"vmctl image\" changes; disks are made in the pool "
		  "'" POOL_DISKS "'", pool->name);
	return false;
}

struct volume *volume_to_change(struct call *call)
{
	const struct pool *pool = pool_find(call->arg[0].item[0].s);

	return pool && !pool_may_change(call, pool) ? NULL : volume_of(call);
}

static void volume_info(struct call *call, bool physical)
{
	struct volume *volume = volume_of(call);
	struct stat st;

	if (!volume)
		return;
	xdr_put_int(call->out, 0);	/* a file */
	xdr_put_ulong(call->out, volume->size);
	xdr_put_ulong(call->out, physical && !stat(volume->path, &st) ? (uint64_t)st.st_size :
		      volume->allocated);
	volume_free(volume);
	call_return(call);
}

void do_volume_info(struct call *call)
{
	volume_info(call, false);
}

/* With flag 1, how long the file is, instead of the space that it takes. */
void do_volume_info_flags(struct call *call)
{
	volume_info(call, call->flags & 1);
}

void do_volume_xml(struct call *call)
{
	struct volume *volume = volume_of(call);
	GString *to;

	if (!volume)
		return;
	to = g_string_new("<volume type='file'>\n");
	xml_put(to, "  <name>%s</name>\n  <key>%s</key>\n"
		"  <capacity unit='bytes'>%" G_GUINT64_FORMAT "</capacity>\n"
		"  <allocation unit='bytes'>%" G_GUINT64_FORMAT "</allocation>\n"
		"  <target>\n    <path>%s</path>\n    <format type='%s'/>\n  </target>\n",
		volume->name, volume->path, volume->size, volume->allocated, volume->path,
		volume->raw ? "raw" : "qcow2");
	if (volume->backing) {
		xml_put(to, "  <backingStore>\n    <path>%s</path>\n", volume->backing);
		if (volume->backing_format[0])
			xml_put(to, "    <format type='%s'/>\n", volume->backing_format);
		g_string_append(to, "  </backingStore>\n");
	}
	g_string_append(to, "</volume>\n");
	xdr_put_string(call->out, to->str);
	g_string_free(to, TRUE);
	volume_free(volume);
	call_return(call);
}

void do_volume_path(struct call *call)
{
	struct volume *volume = volume_of(call);

	if (!volume)
		return;
	xdr_put_string(call->out, volume->path);
	volume_free(volume);
	call_return(call);
}
