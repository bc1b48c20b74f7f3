// SPDX-License-Identifier: GPL-2.0-or-later
/* What is in a volume's file, over a stream, both ways. It has the image's lock meanwhile. */
#include "libvirt/handlers.h"
#include "libvirt/registration.h"
#include "libvirt/stream.h"
#include "libvirt/volume.h"
#include "monitor/block/file.h"

/* The file of the volume, not in front of its end; -1: answered. */
static int open_volume(struct call *call, const struct volume *volume, bool readonly)
{
	uint64_t size, offset = call->arg[1].ul;
	struct btn_error e;
	int fd;

	if (!stream_has_room(call))
		return -1;
	if (!image_file_open(volume->path, -1, readonly, &fd, &size, &e)) {
		call_fail_btn(call, &e);
		return -1;
	}
	if (offset <= size)
		return fd;
	image_file_close(fd);
	call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: the volume '%s' ends before byte "
		  "%" G_GUINT64_FORMAT, volume->name, offset);
	return -1;
}

static void on_stored(void *pool)
{
	tell_pool_refreshed(pool);
}

void do_volume_upload(struct call *call)
{
	struct volume *volume = volume_to_change(call);
	int fd;

	if (!volume)
		return;
	fd = open_volume(call, volume, false);
	if (fd >= 0) {
		call->stream = stream_new_upload(call, fd, call->arg[1].ul, call->arg[2].ul,
						 on_stored, g_strdup(call->arg[0].item[0].s));
		call_return(call);
	}
	volume_free(volume);
}

void do_volume_download(struct call *call)
{
	struct volume *volume = volume_of(call);
	int fd;

	if (!volume)
		return;
	fd = open_volume(call, volume, true);
	if (fd >= 0) {
		call->stream = stream_new_file(call, fd, call->arg[1].ul, call->arg[2].ul);
		call_return(call);
	}
	volume_free(volume);
}
