// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: kexec-now [--crash] KERNEL INITRD COMMAND-LINE
 *
 * Goes over to another kernel at once: no service is ended, no process, no VM. With
 * --crash by way of a panic, as kdump does; the host was started with crashkernel=.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	bool crash = argc > 1 && !strcmp(argv[1], "--crash");
	int kernel, initrd, trigger;

	argc -= crash;
	argv += crash;
	if (argc != 4)
		return 2;
	kernel = open(argv[1], O_RDONLY);
	initrd = open(argv[2], O_RDONLY);
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[3]) + 1, argv[3],
		    crash ? KEXEC_FILE_ON_CRASH : 0)) {
		perror("kexec_file_load");
		return 1;
	}
	if (crash) {
		trigger = open("/proc/sysrq-trigger", O_WRONLY);
		if (write(trigger, "c", 1) != 1)
			perror("sysrq");
		return 1;
	}
	reboot(LINUX_REBOOT_CMD_KEXEC);
	perror("reboot");
	return 1;
}
