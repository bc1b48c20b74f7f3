/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What doctor knows about a host, and its checks. Facts are collected first
 * (doctor.c), then each check turns them into one finding (checks.c). Tests fill
 * in the facts and point `root` at a made-up /proc and /sys.
 */
#ifndef BATON_VMCTL_DOCTOR_H
#define BATON_VMCTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"
#include "hv.h"

enum severity {
	SEVERITY_OK,
	SEVERITY_NOTE,		/* good to know */
	SEVERITY_WARNING,	/* something does not work, VMs do */
	SEVERITY_PROBLEM,	/* stands between the user and a VM */
};

struct finding {
	enum severity severity;
	enum btn_code code;	/* BTN_OK: none */
	char text[512];
	char fix[512];		/* for pasting into a shell; "": nothing to do */
};

struct cpu_facts {
	enum baton_vendor vendor;
	char model[64];
	bool vmx, svm;		/* by CPUID, whatever the firmware did */
	bool in_vm;
	char hypervisor[13];	/* CPUID's signature of the hypervisor under us */
};

struct daemon_facts {
	bool runs;		/* it answers at `socket` */
	bool batond, monitor, netd, qemu_img; /* is installed */
	char version[64];	/* of the one that runs */
	char socket[256];
	char data[256];		/* folder of VMs and images */
	int64_t disk_free;	/* bytes there; negative: not known */
	int64_t vms, running;
	char old_login[64];	/* a group that opens /dev/baton to us, and not to the daemon */
	char user[64];
	bool root;
};

struct doctor {
	const char *root;	/* "" or the place of a made-up host */
	struct cpu_facts cpu;
	char release[65];	/* of the kernel */
	bool baton_works, kvm_works;
	uint32_t max_cpus;	/* of a VM under the engine that auto takes */
	struct btn_error baton_error, kvm_error; /* when not */
	enum baton_refusal refusal;
	struct daemon_facts daemon;
};

struct check {
	const char *id;		/* stable, for programs */
	void (*run)(const struct doctor *d, struct finding *f);
};

extern const struct check checks[]; /* ends with a NULL id */

/* For checks: fill in the finding. */
void say(struct finding *f, enum severity severity, const char *fmt, ...) BTN_PRINTF(3, 4);
void say_fix(struct finding *f, const char *fmt, ...) BTN_PRINTF(2, 3);

/* Those of checks_daemon.c. */
void check_daemon(const struct doctor *d, struct finding *f);
void check_programs(const struct doctor *d, struct finding *f);
void check_images(const struct doctor *d, struct finding *f);
void check_import(const struct doctor *d, struct finding *f);
void check_linger(const struct doctor *d, struct finding *f);
void doctor_daemon_facts(struct daemon_facts *ret_facts);

/* Small files of /proc and /sys below d->root; size counts the final NUL. */
bool doctor_read(const struct doctor *d, const char *path, char *buf, size_t size);
bool doctor_exists(const struct doctor *d, const char *path);
/* 0, or the errno of opening the path for reading and writing. */
int doctor_access(const struct doctor *d, const char *path);
/* The group, other than root's, that may write to the path. False: none. */
bool doctor_group(const struct doctor *d, const char *path, char *ret_name, size_t size);

void doctor_cpu_facts(struct cpu_facts *ret_facts);

static inline bool doctor_usable(const struct doctor *d)
{
	return d->baton_works || d->kvm_works;
}

#endif
