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
#include "virtio/virtio.h"

struct board;
struct hv_stats;
struct display;
struct input;
struct memory_control;
struct vcpu;

/*
 * What is kept over a reset, when one board makes way for another: as new when zeroed.
 * Images stay open, and locked against others.
 */
struct board_kept {
	bool valid;		/* of rtc; board_destroy() writes both */
	struct rtc_kept rtc;
	uint64_t memory_target;	/* bytes; 0: none */
	struct block *disk[OPTIONS_DISKS_MAX], *cdrom[OPTIONS_CDROMS_MAX];
	struct virtio_net_kept net[OPTIONS_NETS_MAX];
};

/* What the board is put into, and what outlives it (session.h). */
struct board_config {
	struct hv *hv;
	const struct options *options;
	struct loop *loop;
	int console_in, console_out;	/* the serial port's descriptors; -1: none */
	struct display *display;	/* where board pc draws; with input */
	struct input *input;		/* where its keyboard and pointer listen */
	struct board_kept *kept;
};

/* Closes the images, and tells of a disk whose last changes were not written. No board is left. */
void board_kept_close(struct board_kept *kept, const struct options *options);

/* Builds the machine up to the first instruction; false: *e filled. */
bool board_create(const struct board_config *config, struct btn_error *e,
		  struct board **ret_board);
void board_destroy(struct board *board);	/* vCPUs have stopped; NULL is fine */
struct machine *board_machine(struct board *board);
/* Runs until the machine ends; *e is filled for TRIPLE_FAULT and FAILED. */
enum machine_end board_run(struct board *board);

/* ---- while it runs; main thread ---- */

/* Before board_run(): it starts paused. */
void board_hold(struct board *board);
/* Returns once no vCPU executes the guest. Devices finish what they have begun. */
void board_pause(struct board *board);
void board_resume(struct board *board);
bool board_is_paused(const struct board *board);
/*
 * A debugger's, apart from pausing: holds all vCPUs and waits for them, or lets just
 * these run. board_vcpu() is for while all are held.
 */
void board_debug_hold(struct board *board);
void board_debug_run(struct board *board, uint64_t vcpus);
bool board_is_held(const struct board *board);
struct vcpu *board_vcpu(struct board *board, unsigned int i);
/*
 * Presses the power button. *ret_heard: the guest has asked to be told. False: the board
 * has none.
 */
bool board_power_button(struct board *board, bool *ret_heard);
/* The VM's memory; lives as long as the board. */
struct memory_control *board_memory_control(struct board *board);
/* The devices of options.disk[i] and options.net[i]. */
struct virtio_device *board_disk(struct board *board, unsigned int i);
struct virtio_device *board_net(struct board *board, unsigned int i);
/* Processor time of vCPU i's thread, guest included, in ns. */
uint64_t board_vcpu_time(struct board *board, unsigned int i);
/* What the engine counts, of vCPU i and of the VM: as hv_vcpu_get_stats() has it. */
int board_vcpu_stats(struct board *board, unsigned int i, struct hv_stats *ret_stats);
int board_vm_stats(struct board *board, struct hv_stats *ret_stats);

#endif
