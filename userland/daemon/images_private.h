/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the image store share.
 */
#ifndef BATON_DAEMON_IMAGES_PRIVATE_H
#define BATON_DAEMON_IMAGES_PRIVATE_H

#include "images.h"

#define IMAGES_CONF "image.conf"

struct images {
	int fd;			/* of the store's folder */
	char *path;		/* the same, absolute */
};

/* "disk.raw" or "disk.qcow2" */
const char *images_disk_name(bool raw);

/* Always false, with the host's error about the store or an image in it. */
bool images_failed(const char *what, const char *name, int error, struct btn_error *e);

/* ---- a new image while it is made: a folder that only its maker touches ---- */

struct staging {
	struct images *images;
	int fd;			/* of the folder; locked */
	char name[24];		/* "": it is published */
};
bool images_stage(struct images *images, struct staging *ret, struct btn_error *e);
/* Writes image.conf and makes the folder an image of image->name. */
bool images_publish(struct staging *staging, const struct base_image *image,
		    struct btn_error *e);
/* Takes away what was not published; closes. */
void images_unstage(struct staging *staging);

/* ---- names of folders that are no images ---- */

#define IMAGES_NEW ".new-"	/* while it is made */
#define IMAGES_GONE ".gone-"	/* while it is taken away */
void images_random_name(const char *prefix, char ret[24]);
/* Removes a folder of the store with the files in it; false: something is left. */
bool images_remove_folder(struct images *images, const char *name);

/* There is no such image yet. */
bool images_check_free(struct images *images, const char *name, struct btn_error *e);
/* The names and texts in what was asked for. */
bool images_check_add(struct images *images, const struct images_add *what,
		      struct btn_error *e);

/* ---- contents ---- */

/*
 * Reads `from` to its end, copies it to `to` unless that is -1, and gives the hash of
 * what is then in `to`. `name` is for errors.
 */
bool images_copy(int from, int to, uint64_t size, const char *step, const char *name,
		 const struct images_job *job, char sha256[65], struct btn_error *e);

bool images_cancelled(const struct images_job *job, const char *name, struct btn_error *e);
void images_progress(const struct images_job *job, const char *step, uint64_t done,
		     uint64_t total);
/* The expected hash, if any. */
bool images_check_sum(const struct images_add *what, const char *found, struct btn_error *e);
/* The disk in the folder is whole and finished: completes and publishes *image. */
struct base_image *images_finish(struct staging *staging, int disk, struct base_image *image,
				 const struct images_add *what, struct btn_error *e);

#endif
