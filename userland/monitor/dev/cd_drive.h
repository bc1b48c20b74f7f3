/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CD drive with an image of a disc in it: the image, opened for reading alone, and the
 * thread that serves the drive and reads the image through an io_uring.
 */
#ifndef BATON_DEV_CD_DRIVE_H
#define BATON_DEV_CD_DRIVE_H

#include <stdbool.h>

#include "ahci.h"
#include "lib/errors.h"

struct cd_drive;

/*
 * Opens the image (raw, whatever is in it) and has its drive at the controller's next
 * port. Before the controller is plugged in. False: *e says why.
 */
bool cd_drive_create(struct ahci *hba, const char *path, struct cd_drive **ret,
		     struct btn_error *e);
/* Ends the thread and closes the image. No CPU runs. Before ahci_destroy(); NULL is fine. */
void cd_drive_destroy(struct cd_drive *drive);

#endif
