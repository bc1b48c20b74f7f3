/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of one of the board types: board_micro.c, board_pc.c.
 */
#ifndef BATON_BOARD_H
#define BATON_BOARD_H

#include <stdbool.h>

#include "core/machine.h"
#include "dev/rtc.h"
#include "options.h"

struct board;
struct memory_control;
struct memory_control;

/* What outlives a reset of the guest: as new when zeroed; board_destroy() writes it. */
struct board_kept {
	bool valid;
	struct rtc_kept rtc;
};

/* Builds the machine up to the first instruction; false: *e filled. */
bool board_create(struct hv *hv, const struct options *options, struct board_kept *kept,
		  struct btn_error *e, struct board **ret_board);
void board_destroy(struct board *board);	/* vCPUs have stopped; NULL is fine */
struct machine *board_machine(struct board *board);
/* The VM's memory while it runs; lives as long as the board. */
struct memory_control *board_memory_control(struct board *board);
/* The VM's memory while it runs; lives as long as the board. */
struct memory_control *board_memory_control(struct board *board);
/* Runs until the machine ends; *e is filled for TRIPLE_FAULT and FAILED. */
enum machine_end board_run(struct board *board);

#endif
