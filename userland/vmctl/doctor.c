// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl doctor: collects facts, runs the checks, prints the findings.
 */
#include "doctor.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "baton_version.h"
#include "engine_error.h"
#include "json.h"
#include "options.h"
#include "probe.h"

const struct option_row doctor_options[] = {
	{ "format", "FORMAT", "\"table\" for people (the default) or \"json\" for programs." },
	{ NULL, NULL, NULL },
};

const struct example doctor_examples[] = {
	{ "Look at this host:", "vmctl doctor" },
	{ "See more, like the firmware's lock on AMD hosts:", "sudo vmctl doctor" },
	{ "Ask in a script whether VMs can run here:", "vmctl doctor >/dev/null && echo yes" },
	{ NULL, NULL },
};

const char doctor_description[] =
	"Says what this host can do: the CPU and the firmware's lock, Baton's kernel module, who "
	"owns VT-x or AMD-V, access to the devices, the engines that work, and the daemon with "
	"what it needs: its programs, room for VMs. Each finding that needs something done comes "
	"with a line to paste into a shell. Changes nothing.\n"
	"The exit status is 0 if VMs can run under at least one engine, else 6.";

/* ------------------------------------------------------------------------ */
/* Facts                                                                    */

static void join(char *buf, size_t size, const struct doctor *d, const char *path)
{
	snprintf(buf, size, "%s%s", d->root, path);
}

bool doctor_read(const struct doctor *d, const char *path, char *buf, size_t size)
{
	char full[512];
	size_t length = 0;
	ssize_t count;
	int fd;

	join(full, sizeof(full), d, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (length < size - 1 && (count = read(fd, buf + length, size - 1 - length)) > 0)
		length += count;
	close(fd);
	buf[length] = '\0';
	return true;
}

bool doctor_exists(const struct doctor *d, const char *path)
{
	char full[512];

	join(full, sizeof(full), d, path);
	return !access(full, F_OK);
}

int doctor_access(const struct doctor *d, const char *path)
{
	char full[512];

	join(full, sizeof(full), d, path);
	return access(full, R_OK | W_OK) ? errno : 0;
}

bool doctor_group(const struct doctor *d, const char *path, char *ret_name, size_t size)
{
	struct group *group;
	char full[512];
	struct stat st;

	join(full, sizeof(full), d, path);
	if (stat(full, &st) || !(st.st_mode & S_IWGRP) || !st.st_gid)
		return false;
	group = getgrgid(st.st_gid);
	if (!group)
		return false;
	snprintf(ret_name, size, "%s", group->gr_name);
	return true;
}

static void trim(char *text)
{
	size_t length = strlen(text), start = strspn(text, " ");

	while (length > start && text[length - 1] == ' ')
		length--;
	memmove(text, text + start, length - start);
	text[length - start] = '\0';
}

static void cpu_model(struct cpu_facts *facts)
{
	unsigned int regs[12];

	if ((unsigned int)__get_cpuid_max(0x80000000, NULL) < 0x80000004)
		return;
	for (unsigned int i = 0; i < 3; i++)
		__cpuid(0x80000002 + i, regs[4 * i], regs[4 * i + 1], regs[4 * i + 2],
			regs[4 * i + 3]);
	memcpy(facts->model, regs, sizeof(regs));
	facts->model[sizeof(regs)] = '\0';
	trim(facts->model);
}

void doctor_cpu_facts(struct cpu_facts *ret_facts)
{
	struct cpu_facts facts = { .vendor = BATON_VENDOR_NONE };
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	if (ebx == signature_INTEL_ebx)
		facts.vendor = BATON_VENDOR_INTEL;
	else if (ebx == signature_AMD_ebx || ebx == 0x6f677948) /* Hygon: AMD's design */
		facts.vendor = BATON_VENDOR_AMD;
	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
		facts.vmx = ecx & (1u << 5);
		facts.in_vm = ecx & (1u << 31);
	}
	if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx))
		facts.svm = ecx & (1u << 2);
	if (facts.in_vm) {
		__cpuid(0x40000000, eax, ebx, ecx, edx);
		memcpy(facts.hypervisor, &ebx, 4);
		memcpy(facts.hypervisor + 4, &ecx, 4);
		memcpy(facts.hypervisor + 8, &edx, 4);
		trim(facts.hypervisor);
	}
	cpu_model(&facts);
	*ret_facts = facts;
}

static void set_probe_error(struct btn_error *e, enum hv_engine engine, int error)
{
	btn_set_default(e, engine == HV_ENGINE_KVM ? BTN_KVM_FAILED : BTN_MODULE_FAILED);
	btn_set_cause(e, "A guest of three instructions did not run: %s.",
		      error == -ETIME ? "it did not get to its end" : strerror(-error));
}

static bool try_engine(struct doctor *d, enum hv_engine engine, struct btn_error *e)
{
	struct hv_failure why[2];
	struct hv *hv;
	int error;

	if (hv_open(engine, &hv, why)) {
		btn_set_no_engine(e, engine, why);
		if (engine == HV_ENGINE_BATON)
			d->refusal = why[0].refusal;
		return false;
	}
	if (!d->max_cpus)
		d->max_cpus = hv_get_info(hv)->max_vcpus;
	error = probe_engine(hv);
	hv_close(hv);
	if (error)
		set_probe_error(e, engine, error);
	return !error;
}

static void collect(struct doctor *d)
{
	struct utsname name;

	memset(d, 0, sizeof(*d));
	d->root = "";
	doctor_cpu_facts(&d->cpu);
	if (!uname(&name))
		snprintf(d->release, sizeof(d->release), "%s", name.release);
	d->baton_works = try_engine(d, HV_ENGINE_BATON, &d->baton_error);
	d->kvm_works = try_engine(d, HV_ENGINE_KVM, &d->kvm_error);
	doctor_daemon_facts(&d->daemon);
}

/* ------------------------------------------------------------------------ */
/* Output                                                                   */

static const char *const severity_names[] = { "ok", "note", "warning", "problem" };

static const char *verdict(const struct doctor *d)
{
	if (d->baton_works)
		return d->kvm_works ? "This host can run VMs, under engine baton and under kvm." :
				      "This host can run VMs, under engine baton.";
	return d->kvm_works ? "This host can run VMs, under engine kvm." :
			      "This host cannot run VMs yet: see the problems above.";
}

static void print_table(const struct doctor *d)
{
	for (const struct check *check = checks; check->id; check++) {
		struct finding f = { .severity = SEVERITY_OK };

		check->run(d, &f);
		printf("%-9s%-13s%s", severity_names[f.severity], check->id, f.text);
		if (f.code != BTN_OK)
			printf(" (BTN-%04d)", (int)f.code);
		putchar('\n');
		if (f.fix[0])
			printf("%22sfix: %s\n", "", f.fix);
	}
	printf("\n%s\n", verdict(d));
}

static void print_json_finding(struct json *j, const struct check *check, const struct finding *f)
{
	char code[16];

	snprintf(code, sizeof(code), "BTN-%04d", (int)f->code);
	json_open(j, NULL, '{');
	json_string(j, "id", check->id);
	json_string(j, "severity", severity_names[f->severity]);
	json_string(j, "code", f->code == BTN_OK ? NULL : code);
	json_string(j, "text", f->text);
	json_string(j, "fix", f->fix[0] ? f->fix : NULL);
	json_close(j, '}');
}

static void print_json(const struct doctor *d)
{
	struct json j;

	json_init(&j, stdout);
	json_open(&j, NULL, '{');
	json_number(&j, "schema", 1);
	json_string(&j, "version", BATON_VERSION);
	json_bool(&j, "usable", doctor_usable(d));
	json_open(&j, "engines", '[');
	if (d->baton_works)
		json_string(&j, NULL, "baton");
	if (d->kvm_works)
		json_string(&j, NULL, "kvm");
	json_close(&j, ']');
	json_open(&j, "checks", '[');
	for (const struct check *check = checks; check->id; check++) {
		struct finding f = { .severity = SEVERITY_OK };

		check->run(d, &f);
		print_json_finding(&j, check, &f);
	}
	json_close(&j, ']');
	json_close(&j, '}');
}

int doctor_run(const struct args *args, struct btn_error *e)
{
	struct doctor doctor;
	bool as_json;

	if (!args_format(args, &as_json, e))
		return BTN_EXIT_USAGE;
	collect(&doctor);
	if (as_json)
		print_json(&doctor);
	else
		print_table(&doctor);
	return doctor_usable(&doctor) ? BTN_EXIT_DONE : BTN_EXIT_HOST_CANNOT;
}
