/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CD drives of a board: an AHCI controller, if there is a drive at all, and a drive
 * with its disc at each port.
 */
#include <errno.h>
#include <stdio.h>

#include "board_private.h"
#include "dev/ahci.h"
#include "dev/cd_drive.h"

/* The disc is opened once, and stays in the drive over resets. */
static bool add_cdrom(struct board *board, unsigned int i, struct btn_error *e)
{
	const char *path = board->options->cdrom[i];
	struct block **disc = &board->config.kept->cdrom[i];

	if (!*disc && !cd_drive_open(path, disc, e))
		return false;
	return cd_drive_create(board->ahci, *disc, path, &board->cdrom[i], e);
}

bool board_add_cdroms(struct board *board, struct btn_error *e)
{
	const struct options *options = board->options;
	int error;

	if (!options->cdrom_count)
		return true;
	board->ahci = ahci_create(board->machine.memory);
	if (!board->ahci)
		return board_failed(e, "CD drive", -ENOMEM);
	for (unsigned int i = 0; i < options->cdrom_count; i++)
		if (!add_cdrom(board, i, e))
			return false;
	error = ahci_plug(board->ahci, board->machine.pci);
	return !error || board_failed(e, "CD drive", error);
}

void board_remove_cdroms(struct board *board)
{
	for (unsigned int i = 0; i < OPTIONS_CDROMS_MAX; i++)
		cd_drive_destroy(board->cdrom[i]);
	ahci_destroy(board->ahci);
}

size_t board_cdrom_boot_order(const struct board *board, char *text, size_t size)
{
	size_t used = 0;

	for (unsigned int i = 0; i < board->options->cdrom_count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used,
					 "/pci@i0cf8/pci8086,2922@%x,%x/drive@%x/disk@0\n",
					 AHCI_SLOT, AHCI_FUNCTION, i);
	return used;
}
