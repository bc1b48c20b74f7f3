/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May this VM start now? Looked at before anything is started: memory that the host can
 * spare, space for its disks to grow, its files, ports of its forwards. A refusal says
 * what to do.
 */
#ifndef BATON_DAEMON_ADMISSION_H
#define BATON_DAEMON_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "lib/errors.h"

/* What is kept free for the host's own programs. */
#define ADMISSION_MEMORY_RESERVE (256ull << 20)
#define ADMISSION_DISK_RESERVE (256ull << 20)

struct admission_host {
	uint64_t memory_total, memory_available;	/* bytes */
	uint64_t disk_free;				/* of the data folder */
	unsigned int cpus;
};

bool admission_read_host(struct admission_host *ret, struct btn_error *e);
/* The same of one that does not exist yet, as far as that can be told; fixes say so. */
bool admission_check_new(const struct config *config, const struct admission_host *host,
			 struct btn_error *e);
bool admission_check(const struct config *config, const char *folder,
		     const struct admission_host *host, struct btn_error *e);

#endif
