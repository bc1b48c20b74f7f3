// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checks of doctor on made-up hosts, and the JSON writer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "baton_version.h"
#include "doctor.h"
#include "json.h"

static char root[64];

/* A file below root, with the folders above it. */
static void put(const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct finding check(const struct doctor *d, const char *id)
{
	struct finding f = { .severity = SEVERITY_OK };

	for (const struct check *c = checks; c->id; c++) {
		if (!strcmp(c->id, id)) {
			c->run(d, &f);
			assert_true(f.text[0]);
			return f;
		}
	}
	fail_msg("no check \"%s\"", id);
	return f;
}

static struct doctor intel_host(void)
{
	struct doctor d = {
		.root = root,
		.cpu = { .vendor = BATON_VENDOR_INTEL, .vmx = true, .model = "Some CPU" },
		.release = "6.1.0-44-amd64",
	};

	btn_set_default(&d.baton_error, BTN_NO_MODULE);
	btn_set_default(&d.kvm_error, BTN_NO_KVM);
	return d;
}

static void expect(const struct finding *f, enum severity severity, enum btn_code code,
		   const char *text, const char *fix)
{
	if (f->severity != severity || f->code != code || !strstr(f->text, text) ||
	    !strstr(f->fix, fix) || (!fix[0] && f->fix[0]))
		fail_msg("severity %d, BTN-%04d, %s; fix: %s", f->severity, f->code, f->text,
			 f->fix);
}

static void test_cpu(void **state)
{
	struct doctor d = intel_host();
	struct finding f = check(&d, "cpu");

	(void)state;
	expect(&f, SEVERITY_OK, BTN_OK, "Some CPU, with VT-x", "");
	d.cpu.vmx = false;
	f = check(&d, "cpu");
	expect(&f, SEVERITY_PROBLEM, BTN_NO_VIRT, "neither", "make run");
	d.cpu.in_vm = true;
	strcpy(d.cpu.hypervisor, "KVMKVMKVM");
	f = check(&d, "cpu");
	expect(&f, SEVERITY_PROBLEM, BTN_NO_VIRT, "neither", "kvm_intel nested=1");
	f = check(&d, "nested");
	expect(&f, SEVERITY_NOTE, BTN_OK, "(KVMKVMKVM)", "");
}

static void test_firmware(void **state)
{
	struct doctor d = intel_host();
	struct finding f = check(&d, "firmware");

	(void)state;
	expect(&f, SEVERITY_NOTE, BTN_OK, "cannot be seen", "modprobe msr");
	/* The kernel took the flag back although CPUID has it. */
	put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme\n");
	f = check(&d, "firmware");
	expect(&f, SEVERITY_PROBLEM, BTN_FIRMWARE_LOCK, "VT-x off", "--firmware-setup");
	put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx vme\n");
	f = check(&d, "firmware");
	expect(&f, SEVERITY_OK, BTN_OK, "leaves VT-x on", "");
	/* The module's word counts more. */
	d.refusal = BATON_REFUSED_FIRMWARE;
	f = check(&d, "firmware");
	expect(&f, SEVERITY_PROBLEM, BTN_FIRMWARE_LOCK, "off", "Intel Virtualization");
	d.cpu = (struct cpu_facts){ .vendor = BATON_VENDOR_AMD, .svm = true };
	f = check(&d, "firmware");
	expect(&f, SEVERITY_PROBLEM, BTN_FIRMWARE_LOCK, "AMD-V off", "SVM Mode");
}

static void test_firmware_msr(void **state)
{
	struct doctor d = intel_host();
	uint8_t msrs[0x3a + 8] = { [0x3a] = 1 };
	char path[512];
	struct finding f;
	FILE *file;

	(void)state;
	put("/dev/cpu/0/msr", "");
	snprintf(path, sizeof(path), "%s/dev/cpu/0/msr", root);
	for (int locked = 1; locked >= 0; locked--) {
		msrs[0x3a] = locked ? 1 : 5;
		file = fopen(path, "w");
		assert_int_equal(fwrite(msrs, 1, sizeof(msrs), file), sizeof(msrs));
		fclose(file);
		f = check(&d, "firmware");
		assert_int_equal(f.code, locked ? BTN_FIRMWARE_LOCK : BTN_OK);
	}
}

static void test_paging(void **state)
{
	struct doctor d = intel_host();
	struct finding f;

	(void)state;
	put("/proc/cpuinfo", "flags\t\t: vmx\nvmx flags\t: vnmi ept unrestricted_guest\n");
	f = check(&d, "paging");
	expect(&f, SEVERITY_OK, BTN_OK, "EPT with unrestricted guest", "");
	put("/proc/cpuinfo", "flags\t\t: vmx\nvmx flags\t: vnmi ept\n");
	f = check(&d, "paging");
	expect(&f, SEVERITY_NOTE, BTN_OK, "no unrestricted guest", "");
	put("/proc/cpuinfo", "flags\t\t: vmx ept_ad\n");
	f = check(&d, "paging");
	expect(&f, SEVERITY_NOTE, BTN_OK, "no EPT", "");
	d.refusal = BATON_REFUSED_NO_UNRESTRICTED;
	btn_set_default(&d.baton_error, BTN_NO_UNRESTRICTED);
	d.kvm_works = true;
	f = check(&d, "paging");
	expect(&f, SEVERITY_WARNING, BTN_NO_UNRESTRICTED, "real mode", "");
}

static void test_kernel(void **state)
{
	struct doctor d = intel_host();
	struct finding f = check(&d, "kernel");

	(void)state;
	expect(&f, SEVERITY_OK, BTN_OK, "Linux 6.1.0-44-amd64", "");
	strcpy(d.release, "5.10.0-30-amd64");
	f = check(&d, "kernel");
	expect(&f, SEVERITY_PROBLEM, BTN_OK, "older than 6.1", "");
	strcpy(d.release, "7.0.1");
	f = check(&d, "kernel");
	expect(&f, SEVERITY_OK, BTN_OK, "", "");
}

static void test_module(void **state)
{
	struct doctor d = intel_host();
	struct finding f = check(&d, "module");

	(void)state;
	expect(&f, SEVERITY_PROBLEM, BTN_NO_MODULE, "not loaded", "modprobe baton");
	d.kvm_works = true;
	f = check(&d, "module");
	assert_int_equal(f.severity, SEVERITY_WARNING);
	put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	f = check(&d, "module");
	expect(&f, SEVERITY_WARNING, BTN_NO_MODULE, "not loaded", "kmodsign");
	put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	f = check(&d, "module");
	expect(&f, SEVERITY_WARNING, BTN_NO_MODULE, "not loaded",
	       "baton-dkms_*.deb linux-headers-6.1.0-44-amd64 && sudo modprobe baton");
	put("/lib/modules/6.1.0-44-amd64/updates/dkms/baton.ko.xz", "");
	f = check(&d, "module");
	assert_string_equal(f.fix, "sudo modprobe baton");
	put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	f = check(&d, "module");
	expect(&f, SEVERITY_WARNING, BTN_NO_MODULE, "not loaded", "kmodsign");
	put("/var/lib/dkms/mok.pub", "");
	f = check(&d, "module");
	expect(&f, SEVERITY_WARNING, BTN_NO_MODULE, "not loaded", "mokutil --import");
	put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");

	put("/sys/module/baton/version", "0.0.9\n");
	btn_set_default(&d.baton_error, BTN_ABI_MISMATCH);
	f = check(&d, "module");
	expect(&f, SEVERITY_WARNING, BTN_ABI_MISMATCH, "0.0.9", "modprobe -r baton");
	d.baton_works = true;
	d.baton_error.code = BTN_OK;
	f = check(&d, "module");
	expect(&f, SEVERITY_OK, BTN_OK, "version 0.0.9, ABI fits", "");
}

static void test_devices(void **state)
{
	struct doctor d = intel_host();
	struct finding f = check(&d, "dev-baton");
	char path[512];

	(void)state;
	expect(&f, SEVERITY_NOTE, BTN_OK, "comes with the module", "");
	put("/sys/module/baton/version", "1\n");
	f = check(&d, "dev-baton");
	expect(&f, SEVERITY_PROBLEM, BTN_NO_MODULE, "is not there", "mknod");
	f = check(&d, "dev-kvm");
	expect(&f, SEVERITY_PROBLEM, BTN_NO_KVM, "not there", "modprobe kvm_intel");
	d.baton_works = true;
	f = check(&d, "dev-kvm");
	expect(&f, SEVERITY_NOTE, BTN_NO_KVM, "not there", "modprobe kvm_intel");
	d.baton_works = false;

	put("/dev/baton", "");
	f = check(&d, "dev-baton");
	expect(&f, SEVERITY_OK, BTN_OK, "may use it", "");
	if (!geteuid())
		skip(); /* root may use everything */
	snprintf(path, sizeof(path), "%s/dev/baton", root);
	chmod(path, 0);
	f = check(&d, "dev-baton");
	expect(&f, SEVERITY_PROBLEM, BTN_MODULE_NO_ACCESS, "may not use", "setfacl");
	if (!getegid())
		return;
	chmod(path, 0060);
	f = check(&d, "dev-baton");
	expect(&f, SEVERITY_PROBLEM, BTN_MODULE_NO_ACCESS, "may not use", "usermod -aG");
}

static void test_owner(void **state)
{
	struct doctor d = intel_host();
	struct finding f = check(&d, "owner");

	(void)state;
	expect(&f, SEVERITY_OK, BTN_OK, "no other", "");
	put("/proc/modules", "ext4 1 1 - Live 0x0\nkvm_intel 380928 2 - Live 0x0\n"
	    "kvm 1134592 1 kvm_intel, Live 0x0\n");
	f = check(&d, "owner");
	expect(&f, SEVERITY_OK, BTN_OK, "kvm_intel is loaded, use count 2; Baton's VMs run", "");

	d.cpu = (struct cpu_facts){ .vendor = BATON_VENDOR_AMD, .svm = true };
	put("/proc/modules", "kvm_amd 155648 0 - Live 0x0\n");
	put("/sys/module/kvm/parameters/enable_virt_at_load", "Y\n");
	f = check(&d, "owner");
	expect(&f, SEVERITY_NOTE, BTN_OK, "keeps AMD-V", "enable_virt_at_load=0");
	d.refusal = BATON_REFUSED_OWNER;
	f = check(&d, "owner");
	expect(&f, SEVERITY_PROBLEM, BTN_VIRT_OWNED, ": kvm_amd", "modprobe -r kvm_amd &&");
	d.kvm_works = true;
	f = check(&d, "owner");
	assert_int_equal(f.severity, SEVERITY_WARNING);
	put("/proc/modules", "kvm_amd 155648 3 - Live 0x0\n");
	f = check(&d, "owner");
	expect(&f, SEVERITY_WARNING, BTN_VIRT_OWNED, "kvm_amd", "fuser -v /dev/kvm");
	put("/proc/modules", "vboxdrv 655648 0 - Live 0x0\n");
	f = check(&d, "owner");
	expect(&f, SEVERITY_WARNING, BTN_VIRT_OWNED, "vboxdrv", "modprobe -r vboxdrv");
	/* Names that only begin alike. */
	put("/proc/modules", "kvm_amd_extra 1 0 - Live 0x0\n");
	f = check(&d, "owner");
	expect(&f, SEVERITY_WARNING, BTN_VIRT_OWNED, "another hypervisor", "grep");
}

static void test_huge_pages(void **state)
{
	static const char setting[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
	struct doctor d = intel_host();
	struct finding f = check(&d, "huge-pages");

	(void)state;
	expect(&f, SEVERITY_NOTE, BTN_OK, "no huge pages", "");
	put(setting, "always within_size advise [never] deny force\n");
	f = check(&d, "huge-pages");
	expect(&f, SEVERITY_NOTE, BTN_OK, "4 KiB", "shmem_enabled - - - - advise' | sudo tee");
	put(setting, "always within_size advise never [deny] force\n");
	f = check(&d, "huge-pages");
	expect(&f, SEVERITY_NOTE, BTN_OK, "4 KiB", "tmpfiles --create baton.conf");
	put(setting, "always within_size [advise] never deny force\n");
	f = check(&d, "huge-pages");
	expect(&f, SEVERITY_OK, BTN_OK, "2 MiB", "");
}

static void test_memory_and_engines(void **state)
{
	struct doctor d = intel_host();
	struct finding f = check(&d, "memory");

	(void)state;
	assert_int_equal(f.severity, SEVERITY_NOTE);
	put("/proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 4194304 kB\n");
	f = check(&d, "memory");
	expect(&f, SEVERITY_OK, BTN_OK, "8 GiB, 4 GiB available", "");
	put("/proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 1024 kB\n");
	f = check(&d, "memory");
	expect(&f, SEVERITY_WARNING, BTN_OK, "1 MiB available", "ps ");

	f = check(&d, "engine-baton");
	expect(&f, SEVERITY_PROBLEM, BTN_NO_MODULE, "not loaded", "");
	btn_set_default(&d.baton_error, BTN_FRED);
	f = check(&d, "engine-baton");
	expect(&f, SEVERITY_PROBLEM, BTN_FRED, "FRED", "fred=off");
	d.baton_works = true;
	f = check(&d, "engine-baton");
	expect(&f, SEVERITY_OK, BTN_OK, "works", "");
	f = check(&d, "engine-kvm");
	expect(&f, SEVERITY_NOTE, BTN_NO_KVM, "KVM is not there", "");
}

static void test_json(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	struct json j;

	(void)state;
	json_init(&j, to);
	json_open(&j, NULL, '{');
	json_string(&j, "text", "a\"b\\c\n\t\x01\xc3\xa4");
	json_string(&j, "none", NULL);
	json_open(&j, "list", '[');
	json_number(&j, NULL, UINT64_MAX);
	json_bool(&j, NULL, true);
	json_close(&j, ']');
	json_open(&j, "empty", '[');
	json_close(&j, ']');
	json_close(&j, '}');
	fclose(to);
	assert_string_equal(text, "{\n  \"text\": \"a\\\"b\\\\c\\n\\u0009\\u0001\xc3\xa4\",\n"
			    "  \"none\": null,\n  \"list\": [\n    18446744073709551615,\n"
			    "    true\n  ],\n  \"empty\": []\n}\n");
	free(text);
}

static int new_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/unit_doctor.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, new_root, remove_root)

/* ------------------------------------------------------------------------ */
/* The daemon                                                               */

static void test_daemon(void **state)
{
	struct doctor d = intel_host();
	struct finding f;

	(void)state;
	d.daemon = (struct daemon_facts){
		.batond = true, .monitor = true, .netd = true, .qemu_img = true,
		.disk_free = 50ll << 30, .socket = "/run/x.sock", .data = "/data", .user = "me",
	};
	f = check(&d, "daemon");
	expect(&f, SEVERITY_OK, BTN_OK, "the next command starts it (at /run/x.sock)", "");
	f = check(&d, "programs");
	expect(&f, SEVERITY_OK, BTN_OK, "are there", "");
	f = check(&d, "images");
	expect(&f, SEVERITY_OK, BTN_OK, "50 GiB free for VMs and images at /data", "");
	f = check(&d, "import");
	expect(&f, SEVERITY_OK, BTN_OK, "qemu-img is there", "");
	f = check(&d, "linger");
	expect(&f, SEVERITY_OK, BTN_OK, "no systemd", "");

	put("/run/systemd/system/x", "");
	f = check(&d, "linger");
	expect(&f, SEVERITY_NOTE, BTN_OK, "VMs end when me logs out", "loginctl enable-linger");
	put("/var/lib/systemd/linger/me", "");
	f = check(&d, "linger");
	expect(&f, SEVERITY_OK, BTN_OK, "VMs run on when me logs out", "");

	d.daemon.runs = true;
	d.daemon.vms = 3;
	strcpy(d.daemon.version, BATON_VERSION);
	f = check(&d, "daemon");
	expect(&f, SEVERITY_OK, BTN_OK, "batond runs, 3 VMs, 0 of them on", "");
	strcpy(d.daemon.old_login, "baton");
	f = check(&d, "daemon");
	expect(&f, SEVERITY_WARNING, BTN_MODULE_NO_ACCESS, "before me was in the group baton",
	       "loginctl terminate-user");
	strcpy(d.daemon.version, "0.0-old");
	f = check(&d, "daemon");
	expect(&f, SEVERITY_WARNING, BTN_OK, "batond 0.0-old runs", "systemctl --user restart");
}

static void test_daemon_missing(void **state)
{
	struct doctor d = intel_host();
	struct finding f;

	(void)state;
	d.daemon = (struct daemon_facts){ .disk_free = 1 << 20, .data = "/data", .user = "me" };
	f = check(&d, "daemon");
	expect(&f, SEVERITY_WARNING, BTN_NO_DAEMON, "not installed", "make userland");
	f = check(&d, "programs");
	expect(&f, SEVERITY_PROBLEM, BTN_NO_MONITOR, "baton-vm and baton-net are not", "make");
	d.daemon.monitor = true;
	f = check(&d, "programs");
	expect(&f, SEVERITY_WARNING, BTN_NO_MONITOR, "baton-net is not", "make");
	f = check(&d, "images");
	expect(&f, SEVERITY_WARNING, BTN_NOT_ENOUGH_DISK, "only 1 MiB free", "vmctl purge --all");
	d.daemon.disk_free = -1;
	f = check(&d, "images");
	expect(&f, SEVERITY_NOTE, BTN_OK, "cannot be seen", "");
	f = check(&d, "import");
	expect(&f, SEVERITY_NOTE, BTN_OK, "only raw and qcow2", "qemu-utils");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_cpu),
		HOST_TEST(test_firmware),
		HOST_TEST(test_firmware_msr),
		HOST_TEST(test_paging),
		HOST_TEST(test_kernel),
		HOST_TEST(test_module),
		HOST_TEST(test_devices),
		HOST_TEST(test_owner),
		HOST_TEST(test_huge_pages),
		HOST_TEST(test_memory_and_engines),
		HOST_TEST(test_daemon),
		HOST_TEST(test_daemon_missing),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("vmctl doctor", tests, NULL, NULL);
}
