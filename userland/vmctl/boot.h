/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `vmctl boot` is going to run: checked options as baton-vm's arguments.
 */
#ifndef BATON_VMCTL_BOOT_H
#define BATON_VMCTL_BOOT_H

#include "net.h"
#include "options.h"

/* As much as Linux on x86 takes (COMMAND_LINE_SIZE), with the final NUL. */
#define BOOT_CMDLINE_MAX 2048

struct boot_plan {
	const char *argv[2 * ARGS_MAX + 32]; /* NULL at the end */
	size_t argc;
	char cmdline[BOOT_CMDLINE_MAX];
	char cpus[16], memory[48];
	struct net_plan net;
};

/* The plan points into *args. False: *e says what cannot be. */
bool boot_make_plan(const struct args *args, struct boot_plan *plan, struct btn_error *e);

#endif
