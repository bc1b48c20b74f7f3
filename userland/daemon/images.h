/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store of base images: what new VMs' disks start as. An image is a folder of
 * its name in the store, with the disk and image.conf, which says what it is. It
 * appears and goes in one step, and is not changed in between.
 *
 * All functions work synchronously, some for minutes: the daemon calls them on
 * worker threads. A struct images is not changed once it is open, so any number
 * of threads may use it, and other programs may use the same folder.
 */
#ifndef BATON_DAEMON_IMAGES_H
#define BATON_DAEMON_IMAGES_H

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"

#define IMAGES_NAME_MAX 64u
#define IMAGES_TEXT_MAX 1024u	/* of source and os, in bytes */

struct images;

/* path NULL: baton/images in the user's data folder. The folders are made. NULL: *e. */
struct images *images_open(const char *path, struct btn_error *e);
void images_close(struct images *images);

struct base_image {
	char *name;
	char *path;		/* of the disk, absolute */
	char *problem;		/* NULL; else why it cannot be used, and nothing below is set */
	bool raw;		/* else qcow2 */
	uint64_t size;		/* of the file */
	uint64_t virtual_size;	/* as a VM sees it */
	char sha256[65];	/* of the file */
	char *added;		/* RFC 3339, UTC */
	char *source, *os, *user; /* where it is from; what is in it; its own user. May be NULL */
};
void base_image_free(struct base_image *image);

/* Letters, digits, '.', '_' and '-', the first a letter or digit; 64 at most. */
bool images_check_name(const char *name, struct btn_error *e);

/* Of struct base_image by name, those with a problem too; g_ptr_array_unref(). NULL: *e. */
GPtrArray *images_list(struct images *images, struct btn_error *e);

/* NULL: there is none (BTN_NO_SUCH_IMAGE), or it cannot be used. */
struct base_image *images_find(struct images *images, const char *name, struct btn_error *e);

/* ---- what takes long ---- */

struct images_job {
	GCancellable *cancel;	/* may be NULL */
	/* On the thread that works. step: "copy", "check", "convert"; done <= total. */
	void (*progress)(void *data, const char *step, uint64_t done, uint64_t total);
	void *data;
};

/*
 * A job that ends because of `cancel` is an error like others (BTN_HOST_CALL_FAILED);
 * the caller knows it by its GCancellable. Nothing is left of what was begun.
 */

struct images_add {
	const char *name;
	const char *path;	/* of the file, which is only read */
	const char *source;	/* what to write down as its source; NULL: path */
	const char *sha256;	/* what the file is to have, 64 digits; NULL: anything */
	const char *os, *user;	/* NULL: not known */
};

/* A copy of a raw or qcow2 file that stands for itself. job may be NULL, here and below. */
struct base_image *images_add(struct images *images, const struct images_add *what,
			      const struct images_job *job, struct btn_error *e);

/*
 * The same, and formats of other programs (VMDK, VDI, VHDX, VHD), of which
 * qemu-img makes a qcow2.
 */
struct base_image *images_import(struct images *images, const struct images_add *what,
				 const struct images_job *job, struct btn_error *e);

/* Reads it all and compares. False: not what was added (BTN_IMAGE_CHANGED), or not to be read. */
bool images_verify(struct images *images, const char *name, const struct images_job *job,
		   struct btn_error *e);

/* in_use(data, path of the disk): somebody's disk is based on it; what it returns is named. */
typedef const char *(*images_in_use)(void *data, const char *path);
bool images_remove(struct images *images, const char *name, images_in_use in_use, void *data,
		   struct btn_error *e);

/* What programs that ended in the middle have left; those at work are let be. The count. */
unsigned int images_clean(struct images *images);

#endif
