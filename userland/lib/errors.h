/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry of errors that people see: one stable number per kind of
 * failure, the same in vmctl, baton-vm, the API and the desktop app. A number
 * is never used again for something else.
 *
 * An error is a sentence (what did not work, with names), a cause (why) and a
 * fix (what to do now; a command that can be pasted where there is one). The
 * table in errors.c has a default cause and fix for each code; set your own
 * where you know more.
 *
 * Plain C without allocation: also for processes that are short of memory.
 */
#ifndef BATON_LIB_ERRORS_H
#define BATON_LIB_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "baton_feat.h"

enum btn_code {
	BTN_OK = 0,

	/* 1xxx: what was asked for */
	BTN_UNKNOWN_VERB = 1001,
	BTN_UNKNOWN_OPTION = 1002,
	BTN_BAD_VALUE = 1003,
	BTN_MISSING_ARGUMENT = 1004,
	BTN_EXTRA_ARGUMENT = 1005,
	BTN_UNKNOWN_BOARD = 1006,
	BTN_UNKNOWN_ENGINE = 1007,
	BTN_TOO_MANY_CPUS = 1008,	/* more than the engine or board can */
	BTN_FILE_MISSING = 1101,
	BTN_FILE_UNREADABLE = 1102,	/* permissions */
	BTN_FILE_NOT_REGULAR = 1103,	/* a directory, a FIFO, ... */
	BTN_FILE_READ_FAILED = 1104,	/* I/O error while reading it */
	BTN_KERNEL_FORMAT = 1201,	/* neither bzImage nor an ELF with a PVH note */
	BTN_KERNEL_DAMAGED = 1202,	/* right format, contradictory contents */
	BTN_KERNEL_TOO_BIG = 1203,	/* does not fit into the guest's memory */
	BTN_INITRD_TOO_BIG = 1204,
	BTN_CMDLINE_TOO_LONG = 1205,
	BTN_FIRMWARE = 1206,		/* not an image that a board could start with */
	BTN_DISPLAY = 1301,		/* where the screen was to be shown */
	BTN_CONTROL = 1302,		/* where requests were to be taken */
	BTN_NO_SCREEN = 1303,		/* of the board */
	BTN_NO_POWER_BUTTON = 1304,	/* of the board */
	BTN_KEYBOARD_BUSY = 1305,	/* something else is being typed */
	BTN_NOT_RUNNING = 1306,		/* nobody answers at a control socket */
	BTN_SERIAL_BUSY = 1307,		/* somebody is attached to the serial port */
	BTN_NO_CONSOLE_HUB = 1308,	/* nobody can be attached to it */

	/* 2xxx: resources of the host */
	BTN_MEMORY_ABOVE_HOST = 2001,	/* more than the host has at all */
	BTN_NO_MEMORY = 2002,		/* could not be had at the start */
	BTN_GUEST_MEMORY_LOST = 2003,	/* could not be had while running */
	BTN_NO_FDS = 2004,
	BTN_NO_THREADS = 2005,
	BTN_HOST_CALL_FAILED = 2006,	/* any other system call */
	BTN_NO_MONITOR = 2007,		/* baton-vm was not found or did not start */
	BTN_MEMORY_TARGET = 2101,	/* outside the VM's range */
	BTN_NO_KSM = 2102,		/* the host's kernel cannot merge pages */

	/* 3xxx: engines and the kernel module */
	BTN_NO_ENGINE = 3001,		/* neither engine works */
	BTN_NO_MODULE = 3002,		/* /dev/baton is not there */
	BTN_MODULE_NO_ACCESS = 3003,	/* EACCES on /dev/baton */
	BTN_ABI_MISMATCH = 3004,
	BTN_MODULE_FAILED = 3005,	/* any other failure to open the module */
	BTN_NO_KVM = 3006,		/* /dev/kvm is not there */
	BTN_KVM_NO_ACCESS = 3007,
	BTN_KVM_TOO_OLD = 3008,		/* a capability is missing */
	BTN_KVM_BUSY = 3009,		/* VT-x or AMD-V belongs to someone else */
	BTN_KVM_FAILED = 3010,
	BTN_TOO_MANY_VMS = 3011,	/* per user limit of the module */
	/* 3100 + enum baton_refusal: the module is there and declines */
	BTN_NO_VIRT = 3101,
	BTN_FIRMWARE_LOCK = 3102,
	BTN_NO_NESTED_PAGING = 3103,
	BTN_NO_UNRESTRICTED = 3104,
	BTN_CPU_FEATURE = 3105,
	BTN_VIRT_OWNED = 3106,
	BTN_FRED = 3107,
	BTN_INTEL_PT = 3108,
	BTN_HOST_SUSPENDED = 3109,
	BTN_REFUSED_OTHER = 3199,	/* a reason this program does not know */

	/* 4xxx: the guest's own end */
	BTN_TRIPLE_FAULT = 4001,
	BTN_GUEST_FETCH = 4002,		/* executes where no memory is */
	BTN_GUEST_INSTRUCTION = 4003,	/* device access by an instruction we lack */
	BTN_ENTRY_FAILED = 4004,	/* the processor refused the guest's state */
	BTN_ENGINE_INTERNAL = 4005,	/* an exit nobody expected */
	BTN_VCPU_RUN_FAILED = 4006,	/* RUN itself returned an error */
	BTN_CONSOLE_LOST = 4007,
	BTN_MONITOR_DIED = 4008,	/* baton-vm was killed or crashed */
	BTN_GUEST_EVENT = 4009,		/* IDT, stack in no memory when one came */

	/* 5xxx: devices and disks */
	BTN_DISK_BUSY = 5001,		/* locked by another VM */
	BTN_DISK_FAILED = 5002,		/* open, size or start of I/O failed */
	BTN_DISK_READONLY = 5003,	/* not writable, and readonly not asked for */
	BTN_DISK_SIZE = 5004,		/* empty or no multiple of 512 bytes */
	BTN_TOO_MANY_DEVICES = 5005,
	BTN_CDROM_SIZE = 5006,		/* not a disc's: empty, or no whole blocks */
	BTN_DISK_FORMAT = 5020,		/* a feature of the image that we lack */
	BTN_DISK_DAMAGED = 5021,	/* the image contradicts itself */
	BTN_DISK_BACKING = 5022,	/* what it is based on is missing */
	BTN_DISK_NO_SPACE = 5023,	/* the host's file system is full */
	BTN_DISK_EXISTS = 5024,		/* create: there is such a file */
	BTN_DISK_SHRINK = 5025,		/* resize: would lose data */
	BTN_DISK_UNCLEAN = 5026,	/* check: something was found and not repaired */

	/* 51xx: networks */
	BTN_FORWARD_BUSY = 5101,	/* the host's port is taken */
	BTN_FORWARD_FAILED = 5102,	/* it cannot be listened on, or is not there */
	BTN_NET_FAILED = 5103,		/* baton-net does not start or answer */
	BTN_NET_NO_GUEST = 5104,	/* no VM of that name or address */
	BTN_NET_FULL = 5105,		/* ports, leases or forwards */
	BTN_NO_FORWARDS = 5106,		/* no network card whose forwards can be changed */

	/* 6xxx: the daemon and what it keeps */
	BTN_NO_DAEMON = 6001,		/* batond does not answer */
	BTN_DAEMON_FAILED = 6002,	/* it cannot start */
	BTN_DAEMON_RUNNING = 6003,	/* another one serves this user */
	BTN_NO_SUCH_VM = 6101,
	BTN_VM_EXISTS = 6102,		/* the name is taken */
	BTN_VM_NAME = 6103,		/* not a name that a VM can have */
	BTN_VM_OFF = 6104,		/* it has to run for this */
	BTN_VM_ON = 6105,		/* it has to be off for this */
	BTN_VM_BUSY = 6106,		/* another job changes it */
	BTN_VM_CONFIG = 6107,		/* vm.conf cannot be used */
	BTN_VM_NOT_STOPPED = 6108,	/* the guest did not shut down in time */
	BTN_VM_STATE = 6109,		/* any other state that does not fit */
	BTN_NO_SUCH_TRASH = 6110,
	BTN_NO_SUCH_IMAGE = 6201,
	BTN_IMAGE_EXISTS = 6202,
	BTN_IMAGE_CHANGED = 6203,	/* its hash is another */
	BTN_IMAGE_IN_USE = 6204,
	BTN_IMAGE_CONVERT = 6205,	/* qemu-img could not */
	BTN_NO_SUCH_NETWORK = 6301,
	BTN_NETWORK_EXISTS = 6302,
	BTN_NETWORK_IN_USE = 6303,
	BTN_NOT_ENOUGH_MEMORY = 6401,	/* admission: the host cannot spare it */
	BTN_NOT_ENOUGH_DISK = 6402,
	BTN_NO_SUCH_JOB = 6501,
	BTN_JOB_CANCELLED = 6502,
	BTN_WAIT_TIMEOUT = 6503,
	BTN_WAIT_NEVER = 6504,		/* what is waited for cannot come any more */
	BTN_SOME_FAILED = 6505,		/* of several VMs */
	BTN_SEED = 6601,		/* user, key or host name for the first boot */
	BTN_NOT_CONFIRMED = 6602,	/* destructive, and nobody said yes */
	BTN_NO_CONSOLE = 6603,		/* the VM has none that could be attached */

	/* 9xxx: our own mistakes */
	BTN_INTERNAL = 9001,
};

struct btn_error {
	enum btn_code code;
	char message[256];
	char cause[512];
	char fix[512];
};

#define BTN_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Sets code and sentence; cause and fix become the code's defaults. */
void btn_set(struct btn_error *e, enum btn_code code, const char *fmt, ...) BTN_PRINTF(3, 4);
/* The same with the code's own title as sentence. */
void btn_set_default(struct btn_error *e, enum btn_code code);
void btn_set_cause(struct btn_error *e, const char *fmt, ...) BTN_PRINTF(2, 3);
void btn_set_fix(struct btn_error *e, const char *fmt, ...) BTN_PRINTF(2, 3);
/* Code for a file that cannot be used, chosen by a positive or negative errno. */
void btn_set_file(struct btn_error *e, const char *what, const char *path, int error);

/*
 * Prints "program: verb: sentence (BTN-nnnn)", "cause: ..." and "fix: ..." in
 * one write. verb may be NULL. vmctl replaces a leading "baton-vm: " with its
 * own name and verb, so the monitor passes "baton-vm" and NULL.
 */
void btn_print(FILE *to, const char *program, const char *verb, const struct btn_error *e);

/* Exit status of a program that ends because of this error; 0 for BTN_OK. */
int btn_exit_status(const struct btn_error *e);
int btn_code_exit_status(enum btn_code code);

/* The code for a reason why the module declines; BTN_OK for REFUSED_NOT. */
enum btn_code btn_code_of_refusal(enum baton_refusal refusal);

/* Looking the registry up, for documentation and doctor. NULL: no such code. */
struct btn_row {
	enum btn_code code;
	const char *symbol;	/* "BTN_NO_MODULE" */
	int exit_status;
	const char *title;	/* the sentence without names */
	const char *cause;
	const char *fix;
};
const struct btn_row *btn_lookup(enum btn_code code);
const struct btn_row *btn_rows(size_t *ret_count);

/* Exit statuses of all Baton programs (`vmctl help VERB` lists them). */
enum btn_exit {
	BTN_EXIT_DONE = 0,
	BTN_EXIT_FAILED = 1,
	BTN_EXIT_USAGE = 2,
	BTN_EXIT_NOT_FOUND = 3,
	BTN_EXIT_CONFLICT = 4,
	BTN_EXIT_NOT_PERMITTED = 5,
	BTN_EXIT_HOST_CANNOT = 6,
	BTN_EXIT_TIMEOUT = 7,
	BTN_EXIT_NO_RESOURCES = 8,
	BTN_EXIT_SOME_FAILED = 9,
	BTN_EXIT_NO_DAEMON = 10,
	BTN_EXIT_SIGNAL = 128,	/* + number of the signal */
};

#endif
