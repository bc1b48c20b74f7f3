/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Board "micro": direct kernel boot, virtio over PCI (ECAM, MSI-X), one serial
 * port, an IOAPIC, hardware-reduced ACPI. Nothing else.
 */
#ifndef BATON_BOARD_MICRO_H
#define BATON_BOARD_MICRO_H

#include <stdbool.h>

#include "core/machine.h"
#include "options.h"

struct board;

/* Builds the machine up to the first instruction; false: *e filled. */
bool board_create(struct hv *hv, const struct options *options, struct btn_error *e,
		  struct board **ret_board);
void board_destroy(struct board *board);	/* vCPUs have stopped; NULL is fine */
struct machine *board_machine(struct board *board);
/* Runs until the machine ends; *e is filled for TRIPLE_FAULT and FAILED. */
enum machine_end board_run(struct board *board);

#endif
