// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-abi-test: every call of /dev/baton with every wrong argument that ABI.md
 * names, round trips of state, and the life of descriptors. Exit status 0 if all
 * is as documented. Runs in an emulated host (or on real hardware). With an
 * argument: the tests whose names contain it. A line "need ..." is a test that this host
 * cannot run.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

int abi_failures;
static const char *needed;

void abi_needs(const char *what)
{
	needed = what;
}

int abi_open(void)
{
	int fd = open(BATON_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		perror(BATON_DEVICE);
		exit(1);
	}
	return fd;
}

int abi_vm(int sys)
{
	struct baton_create_vm arg = { 0 };
	int fd = ioctl(sys, BATON_CREATE_VM, &arg);

	EXPECT(fd >= 0);
	return fd;
}

int abi_vcpu(int vm, unsigned int id)
{
	struct baton_create_vcpu arg = { .id = id };
	int fd = ioctl(vm, BATON_CREATE_VCPU, &arg);

	EXPECT(fd >= 0);
	return fd;
}

int abi_vcpu_cpuid(int sys, int vm, unsigned int id)
{
	static struct baton_cpuid_entry entries[BATON_MAX_CPUID];
	struct baton_cpuid list = { .count = BATON_MAX_CPUID, .entries = (uintptr_t)entries };
	int fd = abi_vcpu(vm, id);

	EXPECT(!ioctl(sys, BATON_GET_CPUID, &list));
	EXPECT(list.count > 5);
	EXPECT(!ioctl(fd, BATON_SET_CPUID, &list));
	return fd;
}

struct baton_run *abi_map_run(int vcpu)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	EXPECT(page != MAP_FAILED);
	return page;
}

unsigned char *abi_memory(int vm, unsigned int id, uint64_t gpa, uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct baton_slot slot = {
		.id = id, .gpa = gpa, .size = size, .hva = (uintptr_t)memory,
	};

	EXPECT(memory != MAP_FAILED);
	EXPECT(!ioctl(vm, BATON_SET_SLOT, &slot));
	return memory;
}

static void run_table(const struct abi_test *test, const char *wanted)
{
	int before;

	for (; test->run; test++) {
		if (!strstr(test->name, wanted))
			continue;
		before = abi_failures;
		needed = NULL;
		test->run();
		if (needed && abi_failures == before)
			printf("skip %s: needs %s\n", test->name, needed);
		else
			printf("%s %s\n", abi_failures == before ? "pass" : "FAIL", test->name);
	}
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : "";

	if (argc == 4 && !strcmp(wanted, "--stranger"))
		return abi_stranger(atoi(argv[2]), atoi(argv[3]));
	setvbuf(stdout, NULL, _IOLBF, 0);
	run_table(abi_call_tests, wanted);
	run_table(abi_slot_tests, wanted);
	run_table(abi_state_tests, wanted);
	run_table(abi_life_tests, wanted);
	run_table(abi_intr_tests, wanted);
	run_table(abi_rom_tests, wanted);
	run_table(abi_tables_tests, wanted);
	run_table(abi_dirty_tests, wanted);
	run_table(abi_eventfd_tests, wanted);
	run_table(abi_memory_tests, wanted);
	run_table(abi_uffd_tests, wanted);
	run_table(abi_stats_tests, wanted);
	run_table(abi_debug_tests, wanted);
	run_table(abi_tsc_tests, wanted);
	run_table(abi_event_tests, wanted);
	run_table(abi_task_tests, wanted);
	run_table(abi_host_tests, wanted);
	run_table(abi_canary_tests, wanted);
	return abi_failures ? 1 : 0;
}
