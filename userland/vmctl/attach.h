/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial console of a VM of the daemon's, on this terminal; and its kept logs.
 */
#ifndef BATON_VMCTL_ATTACH_H
#define BATON_VMCTL_ATTACH_H

#include <stdbool.h>

#include "errors.h"

enum attach_end {
	ATTACH_LEFT,		/* by ~., or the terminal was hung up */
	ATTACH_ENDED,		/* the other side has closed it */
	ATTACH_LOST,		/* nobody takes the output: errno says why */
	ATTACH_INTERRUPTED,	/* by a signal */
};

/* A stream with the VM's serial console; -1: *e. */
int attach_open(const char *name, bool history, bool exclusive, bool force, struct btn_error *e);
/* Returns with the terminal as it was. */
enum attach_end attach_stream(const char *name, int stream);
/* The exit status for ATTACH_LOST, and *e unless whoever read the output has just gone. */
int attach_set_lost(int error, struct btn_error *e);

/* Copies the VM's log ("monitor", "serial") to standard output; follow: for ever. */
bool log_print(const char *name, const char *log, bool follow, struct btn_error *e);

#endif
