// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checks of vmctl doctor, one function each, in the order of a diagnosis
 * from the hardware up. Facts come in through struct doctor and the files
 * below its root; nothing here changes anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "baton_version.h"
#include "doctor.h"
#include "size.h"

/* Firmware's words on virtualization: Intel SDM, AMD APM "VM_CR MSR". */
#define MSR_FEAT_CTL		0x3a
#define FEAT_CTL_LOCKED		(1u << 0)
#define FEAT_CTL_VMX		(1u << 2)
#define MSR_VM_CR		0xc0010114
#define VM_CR_SVMDIS		(1u << 4)

#define KERNEL_MAJOR_MIN 6
#define KERNEL_MINOR_MIN 1

#define FIX_FIRMWARE "systemctl reboot --firmware-setup  # then turn on "

/* A problem of one engine is only a warning while the other one works. */
static enum severity unless_usable(const struct doctor *d)
{
	return doctor_usable(d) ? SEVERITY_WARNING : SEVERITY_PROBLEM;
}

/* ------------------------------------------------------------------------ */
/* Processor and firmware                                                   */

static const char *technology(const struct doctor *d)
{
	return d->cpu.vendor == BATON_VENDOR_AMD ? "AMD-V" : "VT-x";
}

static void check_cpu(const struct doctor *d, struct finding *f)
{
	const char *model = d->cpu.model[0] ? d->cpu.model : "a CPU without a name";

	if (d->cpu.vmx || d->cpu.svm) {
		say(f, SEVERITY_OK, "%s, with %s", model, d->cpu.vmx ? "VT-x" : "AMD-V");
		return;
	}
	f->code = BTN_NO_VIRT;
	say(f, unless_usable(d), "%s, with neither VT-x nor AMD-V", model);
	if (!strcmp(d->cpu.hypervisor, "KVMKVMKVM"))
		say_fix(f, "echo options kvm_%s nested=1 | sudo tee /etc/modprobe.d/nested.conf"
			"  # on the host of this VM; then give the VM the CPU type \"host\"",
			d->cpu.vendor == BATON_VENDOR_AMD ? "amd" : "intel");
	else
		say_fix(f, "make run  # boots an emulated host that has it, and a VM in there");
}

static void check_nested(const struct doctor *d, struct finding *f)
{
	if (!d->cpu.in_vm) {
		say(f, SEVERITY_OK, "this host is no VM itself");
		return;
	}
	say(f, SEVERITY_NOTE, "this host is itself a VM%s%s%s: VMs in it are slower",
	    d->cpu.hypervisor[0] ? " (" : "", d->cpu.hypervisor,
	    d->cpu.hypervisor[0] ? ")" : "");
}

/* Word of a line "key : ... word ..." in the first part of /proc/cpuinfo. */
static bool cpuinfo_has(const struct doctor *d, const char *key, const char *word)
{
	static char info[16384];
	size_t length = strlen(word);
	char *line, *end;

	if (!doctor_read(d, "/proc/cpuinfo", info, sizeof(info)))
		return false;
	for (line = info; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			return false;
		*end = '\0';
		if (strncmp(line, key, strlen(key)) || !strchr("\t :", line[strlen(key)]))
			continue;
		for (char *p = line; (p = strstr(p, word)); p += length) {
			if (p[-1] == ' ' && (p[length] == ' ' || p[length] == '\0'))
				return true;
		}
	}
	return false;
}

static bool read_msr(const struct doctor *d, uint32_t index, uint64_t *ret_value)
{
	char path[512];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "%s/dev/cpu/0/msr", d->root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = pread(fd, ret_value, sizeof(*ret_value), index) == sizeof(*ret_value);
	close(fd);
	return done;
}

/* 1: locked off, 0: free, -1: cannot be seen. The best witness is asked first. */
static int firmware_lock(const struct doctor *d)
{
	uint64_t value;

	if (d->refusal == BATON_REFUSED_FIRMWARE)
		return 1;
	if (doctor_usable(d))
		return 0;
	if (d->cpu.vmx && read_msr(d, MSR_FEAT_CTL, &value))
		return (value & FEAT_CTL_LOCKED) && !(value & FEAT_CTL_VMX);
	if (d->cpu.svm && read_msr(d, MSR_VM_CR, &value))
		return !!(value & VM_CR_SVMDIS);
	/* The kernel takes the flag back if the firmware locked the feature off. */
	if (d->cpu.vmx && doctor_exists(d, "/proc/cpuinfo"))
		return !cpuinfo_has(d, "flags", "vmx");
	return -1;
}

static void check_firmware(const struct doctor *d, struct finding *f)
{
	if (!d->cpu.vmx && !d->cpu.svm) {
		say(f, SEVERITY_OK, "nothing to lock");
		return;
	}
	switch (firmware_lock(d)) {
	case 0:
		say(f, SEVERITY_OK, "the firmware leaves %s on", technology(d));
		break;
	case 1:
		f->code = BTN_FIRMWARE_LOCK;
		say(f, SEVERITY_PROBLEM, "the firmware has turned %s off", technology(d));
		say_fix(f, FIX_FIRMWARE "%s", d->cpu.vmx ?
			"\"Intel Virtualization Technology\"" : "\"SVM Mode\"");
		break;
	default:
		say(f, SEVERITY_NOTE, "whether the firmware leaves %s on cannot be seen from here",
		    technology(d));
		say_fix(f, "sudo modprobe msr && sudo vmctl doctor");
		break;
	}
}

static void check_paging(const struct doctor *d, struct finding *f)
{
	bool intel = d->cpu.vendor == BATON_VENDOR_INTEL;
	bool there = intel ? cpuinfo_has(d, "vmx flags", "ept") : cpuinfo_has(d, "flags", "npt");

	if (d->refusal == BATON_REFUSED_NO_NESTED_PAGING ||
	    d->refusal == BATON_REFUSED_NO_UNRESTRICTED) {
		f->code = d->baton_error.code;
		say(f, unless_usable(d), "%s", d->baton_error.message);
	} else if (!d->cpu.vmx && !d->cpu.svm) {
		say(f, SEVERITY_OK, "nothing to nest");
	} else if (!there && !d->baton_works) {
		say(f, SEVERITY_NOTE, "the host's kernel reports no %s",
		    intel ? "EPT" : "nested paging");
	} else if (intel && !d->baton_works &&
		   !cpuinfo_has(d, "vmx flags", "unrestricted_guest")) {
		say(f, SEVERITY_NOTE, "EPT, but the host's kernel reports no unrestricted guest");
	} else {
		say(f, SEVERITY_OK, "%s", intel ? "EPT with unrestricted guest" : "nested paging");
	}
}

/* ------------------------------------------------------------------------ */
/* Kernel and modules                                                       */

static void check_kernel(const struct doctor *d, struct finding *f)
{
	unsigned int major = 0, minor = 0;

	if (sscanf(d->release, "%u.%u", &major, &minor) == 2 &&
	    (major < KERNEL_MAJOR_MIN || (major == KERNEL_MAJOR_MIN && minor < KERNEL_MINOR_MIN))) {
		say(f, unless_usable(d), "Linux %s is older than %u.%u, the oldest that the "
		    "module supports", d->release, KERNEL_MAJOR_MIN, KERNEL_MINOR_MIN);
		return;
	}
	say(f, SEVERITY_OK, "Linux %s", d->release);
}

/* Secure Boot's lockdown forbids modules without a signature the kernel knows. */
static bool is_locked_down(const struct doctor *d)
{
	char text[128];

	return doctor_read(d, "/sys/kernel/security/lockdown", text, sizeof(text)) &&
	       !strstr(text, "[none]");
}

/* Does modprobe find a module for the running kernel, where DKMS puts it? */
static bool is_built(const struct doctor *d)
{
	static const char *const endings[] = { "", ".xz", ".zst", ".gz" };
	char path[256];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(path, sizeof(path), "/lib/modules/%s/updates/dkms/baton.ko%s", d->release,
			 endings[i]);
		if (doctor_exists(d, path))
			return true;
	}
	return false;
}

static void fix_module(const struct doctor *d, struct finding *f)
{
	bool built = is_built(d);

	if (is_locked_down(d) && built && doctor_exists(d, "/var/lib/dkms/mok.pub"))
		say_fix(f, "sudo mokutil --import /var/lib/dkms/mok.pub  # Secure Boot is on: "
			"restart, enrol the key, then: sudo modprobe baton; or use --engine kvm");
	else if (is_locked_down(d))
		say_fix(f, "sudo kmodsign sha512 MOK.priv MOK.der baton.ko && sudo insmod "
			"baton.ko  # Secure Boot is on: sign it with a key that mokutil "
			"has enrolled, or use --engine kvm");
	else if (built)
		say_fix(f, "sudo modprobe baton");
	else
		say_fix(f, "sudo apt install ./baton-dkms_*.deb linux-headers-%s && sudo modprobe "
			"baton  # from the source tree: make kmod KERNEL=host && sudo insmod "
			"build/kmod/%s/baton.ko", d->release, d->release);
}

static void check_module(const struct doctor *d, struct finding *f)
{
	char version[64];

	if (!doctor_exists(d, "/sys/module/baton")) {
		f->code = BTN_NO_MODULE;
		say(f, unless_usable(d), "Baton's kernel module is not loaded");
		fix_module(d, f);
		return;
	}
	if (!doctor_read(d, "/sys/module/baton/version", version, sizeof(version)))
		strcpy(version, "unknown");
	version[strcspn(version, "\n")] = '\0';
	if (d->baton_error.code == BTN_ABI_MISMATCH) {
		f->code = BTN_ABI_MISMATCH;
		say(f, unless_usable(d), "the module's version is %s, this program's is %s, and "
		    "they do not fit", version, BATON_VERSION);
		say_fix(f, "sudo modprobe -r baton && sudo modprobe baton");
		return;
	}
	say(f, SEVERITY_OK, "loaded, version %s%s", version,
	    d->baton_works ? ", ABI fits this program" : "");
}

/* A group opens the device to its members; else only this boot can be helped. */
static void fix_access(const struct doctor *d, const char *path, struct finding *f)
{
	char group[64];

	if (doctor_group(d, path, group, sizeof(group)))
		say_fix(f, "sudo usermod -aG %s \"$USER\"  # then log out everywhere, and in again",
			group);
	else
		say_fix(f, "sudo setfacl -m \"u:$USER:rw\" %s  # until its module is loaded again",
			path);
}

static void check_baton_device(const struct doctor *d, struct finding *f)
{
	int error = doctor_access(d, "/dev/baton");

	if (!error) {
		say(f, SEVERITY_OK, "/dev/baton is there, and this user may use it");
	} else if (error == ENOENT && doctor_exists(d, "/sys/module/baton")) {
		f->code = BTN_NO_MODULE;
		say(f, unless_usable(d), "the module is loaded, but /dev/baton is not there");
		say_fix(f, "sudo mknod -m 660 /dev/baton c 10 "
			"$(awk '$2 == \"baton\" {print $1}' /proc/misc)");
	} else if (error == ENOENT) {
		say(f, SEVERITY_NOTE, "/dev/baton comes with the module");
	} else {
		f->code = BTN_MODULE_NO_ACCESS;
		say(f, unless_usable(d), "this user may not use /dev/baton");
		fix_access(d, "/dev/baton", f);
	}
}

/* Use count of a module by /proc/modules; -1: not loaded. */
static int module_users(const struct doctor *d, const char *name)
{
	static char modules[65536];
	size_t length = strlen(name);
	char *line = modules;
	int users;

	if (!doctor_read(d, "/proc/modules", modules, sizeof(modules)))
		return -1;
	while (line) {
		if (!strncmp(line, name, length) && line[length] == ' ')
			return sscanf(line + length, " %*s %d", &users) == 1 ? users : 0;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return -1;
}

static bool kvm_takes_at_load(const struct doctor *d)
{
	char text[16];

	return doctor_read(d, "/sys/module/kvm/parameters/enable_virt_at_load", text,
			   sizeof(text)) && (text[0] == 'Y' || text[0] == '1');
}

static const char *other_hypervisor(const struct doctor *d, int *ret_users)
{
	static const char *const names[] = { "kvm_amd", "kvm_intel", "vboxdrv", "vmmon" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*ret_users = module_users(d, names[i]);
		if (*ret_users >= 0)
			return names[i];
	}
	return NULL;
}

static void fix_owner(const struct doctor *d, const char *name, int users, struct finding *f)
{
	bool kvm = !strncmp(name, "kvm", 3);

	if (users)
		say_fix(f, "sudo fuser -v %s  # stop the VMs of these programs, then: "
			"sudo modprobe -r %s", kvm ? "/dev/kvm" : "/dev/vboxdrv", name);
	else if (kvm && kvm_takes_at_load(d))
		say_fix(f, "sudo modprobe -r %s && echo options kvm enable_virt_at_load=0 | "
			"sudo tee /etc/modprobe.d/baton.conf", name);
	else
		say_fix(f, "sudo modprobe -r %s", name);
}

static void check_owner(const struct doctor *d, struct finding *f)
{
	int users = 0;
	const char *name = other_hypervisor(d, &users);

	if (d->refusal == BATON_REFUSED_OWNER) {
		f->code = BTN_VIRT_OWNED;
		say(f, unless_usable(d), "%s belongs to another hypervisor now%s%s",
		    technology(d), name ? ": " : "", name ? name : "");
		if (name)
			fix_owner(d, name, users, f);
		else
			say_fix(f, "grep -E 'kvm|vbox|vmmon|xen' /proc/modules");
	} else if (!name) {
		say(f, SEVERITY_OK, "no other hypervisor is loaded");
	} else if (d->cpu.vendor == BATON_VENDOR_AMD && kvm_takes_at_load(d) && !d->baton_works) {
		say(f, SEVERITY_NOTE, "%s is loaded and keeps AMD-V for itself", name);
		fix_owner(d, name, users, f);
	} else {
		say(f, SEVERITY_OK, "%s is loaded, use count %d; %s", name, users,
		    d->cpu.vendor == BATON_VENDOR_AMD ?
		    "only one of it and Baton can run VMs at a time" :
		    "Baton's VMs run beside its");
	}
}

static void check_kvm_device(const struct doctor *d, struct finding *f)
{
	int error = doctor_access(d, "/dev/kvm");
	/* Without the second engine nothing is missing. */
	enum severity severity = d->baton_works ? SEVERITY_NOTE : unless_usable(d);

	if (!error) {
		say(f, SEVERITY_OK, "/dev/kvm is there, and this user may use it");
	} else if (error == ENOENT) {
		f->code = BTN_NO_KVM;
		say(f, severity, "/dev/kvm is not there");
		if (d->cpu.vmx || d->cpu.svm)
			say_fix(f, "sudo modprobe %s", d->cpu.svm ? "kvm_amd" : "kvm_intel");
	} else {
		f->code = BTN_KVM_NO_ACCESS;
		say(f, severity, "this user may not use /dev/kvm");
		fix_access(d, "/dev/kvm", f);
	}
}

/* ------------------------------------------------------------------------ */
/* Resources and the result                                                 */

static void check_memory(const struct doctor *d, struct finding *f)
{
	char text[2048], total_text[SIZE_FORMAT_MAX], free_text[SIZE_FORMAT_MAX];
	unsigned long long total = 0, available = 0;
	char *found;

	if (!doctor_read(d, "/proc/meminfo", text, sizeof(text))) {
		say(f, SEVERITY_NOTE, "/proc/meminfo cannot be read");
		return;
	}
	found = strstr(text, "MemTotal:");
	if (found)
		total = strtoull(found + strlen("MemTotal:"), NULL, 10) << 10;
	found = strstr(text, "MemAvailable:");
	if (found)
		available = strtoull(found + strlen("MemAvailable:"), NULL, 10) << 10;
	say(f, available < (256ull << 20) ? SEVERITY_WARNING : SEVERITY_OK, "%s, %s available",
	    size_format(total, total_text, sizeof(total_text)),
	    size_format(available, free_text, sizeof(free_text)));
	if (f->severity != SEVERITY_OK)
		say_fix(f, "ps -eo rss,comm --sort=-rss | head  # the largest processes");
}

/* Guest RAM is shared memory (userland/monitor/core/memory.c), which asks for huge pages. */
static void check_huge_pages(const struct doctor *d, struct finding *f)
{
	static const char setting[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
	char text[128];

	if (!doctor_read(d, setting, text, sizeof(text))) {
		say(f, SEVERITY_NOTE, "the host's kernel has no huge pages for shared memory: "
		    "guests run in pages of 4 KiB, and slower");
	} else if (strstr(text, "[never]") || strstr(text, "[deny]")) {
		say(f, SEVERITY_NOTE, "the host puts guests into pages of 4 KiB, in which they "
		    "run slower");
		say_fix(f, "echo 'w %s - - - - advise' | sudo tee /etc/tmpfiles.d/baton.conf && "
			"sudo systemd-tmpfiles --create baton.conf", setting);
	} else {
		say(f, SEVERITY_OK, "the host puts guests into pages of 2 MiB where it has them");
	}
}

static void say_engine(bool works, const struct btn_error *e, const struct doctor *d,
		       struct finding *f)
{
	if (works) {
		say(f, SEVERITY_OK, "works");
		return;
	}
	f->code = e->code;
	say(f, unless_usable(d), "%s", e->message);
}

static void check_engine_baton(const struct doctor *d, struct finding *f)
{
	say_engine(d->baton_works, &d->baton_error, d, f);
	switch (f->code) {
	case BTN_OK:
		break;
	case BTN_FRED:
		say_fix(f, "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&fred=off /' /etc/default/grub "
			"&& sudo update-grub  # then restart");
		break;
	case BTN_INTEL_PT:
		say_fix(f, "sudo fuser -v /sys/bus/event_source/devices/intel_pt; pgrep -a perf"
			"  # end the trace");
		break;
	case BTN_CPU_FEATURE:
	case BTN_MODULE_FAILED:
	case BTN_REFUSED_OTHER:
		say_fix(f, "sudo dmesg | grep baton");
		break;
	default:
		break; /* a check above has the fix */
	}
}

static void check_engine_kvm(const struct doctor *d, struct finding *f)
{
	say_engine(d->kvm_works, &d->kvm_error, d, f);
	if (!d->kvm_works && d->baton_works)
		f->severity = SEVERITY_NOTE;
	if (f->code == BTN_KVM_FAILED || f->code == BTN_KVM_TOO_OLD)
		say_fix(f, "sudo dmesg | grep kvm");
}

const struct check checks[] = {
	{ "cpu", check_cpu },
	{ "nested", check_nested },
	{ "firmware", check_firmware },
	{ "paging", check_paging },
	{ "memory", check_memory },
	{ "huge-pages", check_huge_pages },
	{ "kernel", check_kernel },
	{ "module", check_module },
	{ "dev-baton", check_baton_device },
	{ "owner", check_owner },
	{ "dev-kvm", check_kvm_device },
	{ "engine-baton", check_engine_baton },
	{ "engine-kvm", check_engine_kvm },
	{ "daemon", check_daemon },
	{ "programs", check_programs },
	{ "images", check_images },
	{ "import", check_import },
	{ "linger", check_linger },
	{ NULL, NULL },
};
