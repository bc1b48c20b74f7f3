/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CD drive with an image of a disc in it, and the thread that serves the drive and
 * reads the image through an io_uring.
 */
#ifndef BATON_DEV_CD_DRIVE_H
#define BATON_DEV_CD_DRIVE_H

#include <stdbool.h>

#include "ahci.h"
#include "lib/errors.h"

struct block;
struct cd_drive;

/* Opens an image of a disc for reading: raw, whatever is in it. False: *e says why. */
bool cd_drive_open(const char *path, struct block **ret, struct btn_error *e);
/*
 * Has the drive at the controller's next port, before the controller is plugged in. The
 * image and its path, for the log, stay the caller's and outlive the drive. False: *e
 * says why.
 */
bool cd_drive_create(struct ahci *hba, struct block *disc, const char *path,
		     struct cd_drive **ret, struct btn_error *e);
/* Ends the thread. No CPU runs. Before ahci_destroy(); NULL is fine. */
void cd_drive_destroy(struct cd_drive *drive);

#endif
