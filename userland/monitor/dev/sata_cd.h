/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CD drive at a SATA port: ATA's commands for packet devices, with atapi.h behind
 * PACKET. The medium is read by whoever owns the drive, one piece at a time, on the
 * drive's thread; guest memory is only touched when the data is there.
 * ATA8-ACS, the PACKET feature set.
 */
#ifndef BATON_DEV_SATA_CD_H
#define BATON_DEV_SATA_CD_H

#include <stddef.h>

#include "ahci.h"
#include "atapi.h"

#define SATA_CD_BLOCKS 64u	/* of a piece: 128 KiB */

struct sata_cd;

struct sata_cd_config {
	uint32_t blocks;		/* of the disc, at most ATAPI_BLOCKS_MAX */
	/* There is something to do: have the drive's thread call sata_cd_serve(). */
	void (*wake)(void *ctx);
	/*
	 * Read `count` blocks (1 to SATA_CD_BLOCKS), then sata_cd_read_done(). The drive's
	 * thread, without a lock. `buffer` is the drive's, for these blocks alone.
	 */
	void (*read)(void *ctx, uint32_t lba, uint32_t count, void *buffer);
	void *ctx;
};

/* At the next port of the controller, before that is plugged in. NULL: no port, no memory. */
struct sata_cd *sata_cd_create(struct ahci *hba, const struct sata_cd_config *config);
/* Nothing is being read, and the controller is gone or serves no CPU. NULL is fine. */
void sata_cd_destroy(struct sata_cd *cd);
/* Does what there is to do. True: there is more, call again. The drive's thread. */
bool sata_cd_serve(struct sata_cd *cd);
/* The read asked for is done, with 0 or a negative errno. The drive's thread. */
void sata_cd_read_done(struct sata_cd *cd, int error);

extern const struct state_field sata_cd_fields[];
extern const size_t sata_cd_field_count;

#endif
