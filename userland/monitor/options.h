/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What baton-vm is told on its command line. */
#ifndef BATON_MONITOR_OPTIONS_H
#define BATON_MONITOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "block/block.h"
#include "hv.h"
#include "lib/errors.h"

#define OPTIONS_DISKS_MAX 16
#define OPTIONS_CDROMS_MAX 2

enum options_board { BOARD_MICRO, BOARD_PC };

struct options_disk {
	const char *path;
	enum block_format format;
	bool readonly;
};

#define OPTIONS_NETS_MAX 4

struct options_net {
	const char *path;	/* NULL: fd */
	int fd;
	uint8_t mac[6];		/* all zero: the network gives one */
	const char *name;	/* NULL: none */
	int control;		/* connected to baton-net's control socket; -1: not */
};

struct options {
	const char *name;			/* NULL: none */
	const char *uuid;			/* as it was given; NULL: none */
	uint8_t uuid_bytes[16];			/* in the order of the text */
	int lock_fd;				/* stays open as long as the VM lives; -1: none */
	enum options_board board;
	const char *firmware;			/* board pc; NULL: SeaBIOS */
	const char *vnc;			/* board pc: where (display/vnc.h); NULL: none */
	const char *vnc_password;		/* file whose first line it is; NULL: none */
	const char *gdb;			/* where gdb can come to; NULL: nowhere */
	const char *control;			/* path of the control socket; NULL: none */
	const char *kernel, *initrd, *append;	/* NULL: none; append: "" */
	unsigned int cpus;
	uint64_t memory, memory_min;		/* bytes; the same: no range */
	bool no_halt_poll;			/* a CPU that halts sleeps at once */
	bool ksm;				/* let the host merge equal pages */
	enum hv_engine engine;
	struct options_disk disk[OPTIONS_DISKS_MAX];
	unsigned int disk_count;
	const char *cdrom[OPTIONS_CDROMS_MAX];	/* board pc */
	unsigned int cdrom_count;
	struct options_net net[OPTIONS_NETS_MAX];
	unsigned int net_count;
	int console_in, console_out;		/* serial port; -1: none */
	bool paused;				/* until somebody lets it go on */
	bool console_hub;			/* instead of these (dev/console_hub.h) */
	const char *serial_log;			/* the hub's log; NULL: none */
	bool test_devices;			/* dev/test_devices.h */
	int hvc_in, hvc_out;			/* virtio console; both -1: not there */
	bool help, version, schema;
};

/* false: *e filled. Strings stay argv's, which may be changed. */
bool options_parse(struct options *options, int argc, char **argv, struct btn_error *e);
void options_print_help(void);

#endif
