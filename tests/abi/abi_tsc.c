// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety test A15: the guest's TSC. The same for all vCPUs of a VM, never backwards,
 * wherever their threads run; set, moved, scaled.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#define MSR_TSC		0x10u
#define MSR_TSC_ADJUST	0x3bu
#define ROUNDS		2000

/* again: rdtsc; out 0x10,al; jmp again */
static const unsigned char reads_tsc[] = { 0x0f, 0x31, 0xe6, 0x10, 0xeb, 0xfa };

static uint64_t host_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* What the guest reads next, on this vCPU. */
static uint64_t next_tsc(int vcpu, const struct baton_run *run)
{
	struct baton_regs regs = { 0 };

	EXPECT(!abi_run_on(vcpu, run));
	EXPECT(run->exit_reason == BATON_EXIT_PIO && run->pio.port == 0x10);
	EXPECT(!ioctl(vcpu, BATON_GET_REGS, &regs));
	return regs.gpr[BATON_RDX] << 32 | (uint32_t)regs.gpr[BATON_RAX];
}

static uint64_t get_msr(int vcpu, uint32_t index)
{
	struct baton_msr msr = { .index = index };
	struct baton_msrs io = { .count = 1, .entries = (uintptr_t)&msr };

	EXPECT(!ioctl(vcpu, BATON_GET_MSRS, &io) && io.done == 1);
	return msr.data;
}

static void set_msr(int vcpu, uint32_t index, uint64_t data)
{
	struct baton_msr msr = { .index = index, .data = data };
	struct baton_msrs io = { .count = 1, .entries = (uintptr_t)&msr };

	EXPECT(!ioctl(vcpu, BATON_SET_MSRS, &io) && io.done == 1);
}

/* A second vCPU in the same code and the same state. */
static int second_vcpu(const struct abi_guest *g)
{
	int vcpu = abi_vcpu_cpuid(g->sys, g->vm, 1);
	struct baton_regs regs;
	struct baton_sregs sregs;
	struct baton_events events = { .mp_state = BATON_MP_RUNNABLE };
	uint64_t apic_base;

	EXPECT(!ioctl(vcpu, BATON_GET_SREGS, &sregs));
	apic_base = sregs.apic_base;
	EXPECT(!ioctl(g->vcpu, BATON_GET_REGS, &regs) && !ioctl(g->vcpu, BATON_GET_SREGS, &sregs));
	sregs.apic_base = apic_base;
	EXPECT(!ioctl(vcpu, BATON_SET_REGS, &regs) && !ioctl(vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!ioctl(vcpu, BATON_SET_EVENTS, &events));
	return vcpu;
}

/* To the next CPU of those the process had at first. */
static void move(const cpu_set_t *cpus, int *cpu)
{
	cpu_set_t one;

	do
		*cpu = (*cpu + 1) % CPU_SETSIZE;
	while (!CPU_ISSET(*cpu, cpus));
	CPU_ZERO(&one);
	CPU_SET(*cpu, &one);
	EXPECT(!sched_setaffinity(0, sizeof(one), &one));
}

/*
 * There is one offset that explains what all vCPUs read, between what the host read
 * before and after; and no reading is below an earlier one.
 */
static void test_monotonic(void)
{
	struct abi_guest g = abi_guest_start(reads_tsc, sizeof(reads_tsc));
	int vcpus[2] = { g.vcpu, second_vcpu(&g) };
	struct baton_run *runs[2] = { g.run, abi_map_run(vcpus[1]) };
	int64_t least = INT64_MIN, most = INT64_MAX;
	uint64_t last = 0, backwards = 0;
	cpu_set_t cpus;
	int cpu = -1;

	EXPECT(!sched_getaffinity(0, sizeof(cpus), &cpus));
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t before, tsc, after;

		if (i % 3 == 0)
			move(&cpus, &cpu);
		before = host_tsc();
		tsc = next_tsc(vcpus[i & 1], runs[i & 1]);
		after = host_tsc();
		backwards += tsc < last;
		last = tsc;
		if ((int64_t)(tsc - after) > least)
			least = tsc - after;
		if ((int64_t)(tsc - before) < most)
			most = tsc - before;
	}
	EXPECT(!backwards);
	EXPECT(least <= most);
	EXPECT(!sched_setaffinity(0, sizeof(cpus), &cpus));
	munmap(runs[1], 4096);
	close(vcpus[1]);
	abi_guest_end(&g);
}

/* The monitor sets the one, and the other stays; what the guest sets moves both. */
static void test_set(void)
{
	/* xor edx,edx; mov eax,0x1000; mov ecx,0x10; wrmsr; then as above */
	static const unsigned char code[] = {
		0x66, 0x31, 0xd2, 0x66, 0xb8, 0x00, 0x10, 0x00, 0x00, 0x66, 0xb9, 0x10, 0x00,
		0x00, 0x00, 0x0f, 0x30, 0x0f, 0x31, 0xe6, 0x10, 0xeb, 0xfa,
	};
	const uint64_t ahead = 1ull << 50;
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	uint64_t tsc, adjust, begin = host_tsc(), took;

	set_msr(g.vcpu, MSR_TSC, ahead);
	EXPECT(!get_msr(g.vcpu, MSR_TSC_ADJUST));
	tsc = get_msr(g.vcpu, MSR_TSC);
	took = host_tsc() - begin;
	EXPECT(tsc >= ahead && tsc <= ahead + took);
	tsc = next_tsc(g.vcpu, g.run);
	took = host_tsc() - begin;
	EXPECT(tsc >= 0x1000 && tsc <= 0x1000 + took);
	/* By how much the guest has moved it, from somewhere after `ahead`. */
	adjust = get_msr(g.vcpu, MSR_TSC_ADJUST);
	EXPECT(adjust <= 0x1000 - ahead && adjust >= 0x1000 - ahead - took);
	/* Restored, it moves nothing. */
	set_msr(g.vcpu, MSR_TSC_ADJUST, 0);
	took = host_tsc() - begin;
	EXPECT(next_tsc(g.vcpu, g.run) < 0x1000 + 2 * took);
	abi_guest_end(&g);
}

static int set_khz(int vm, uint32_t khz)
{
	struct baton_tsc_khz arg = { .khz = khz };

	return ioctl(vm, BATON_SET_TSC_KHZ, &arg);
}

static void test_bad_frequency(void)
{
	int sys = abi_open(), vm = abi_vm(sys), vcpu;
	struct baton_tsc_khz bad = { .reserved = 1 };
	struct baton_info info;

	EXPECT(!ioctl(sys, BATON_GET_INFO, &info));
	bad.khz = info.tsc_khz;
	FAILS(ioctl(vm, BATON_SET_TSC_KHZ, &bad), EINVAL);
	FAILS(ioctl(vm, BATON_SET_TSC_KHZ, NULL), EFAULT);
	FAILS(set_khz(vm, 0), EINVAL);
	FAILS(set_khz(vm, info.tsc_khz / 17), EINVAL);
	FAILS(set_khz(vm, UINT32_MAX), EINVAL);
	/* The host's own is everyone's. */
	EXPECT(!set_khz(vm, info.tsc_khz));
	EXPECT(!set_khz(vm, info.tsc_khz + info.tsc_khz / 5000));
	if (!(info.features & BATON_FEAT_TSC_SCALING)) {
		FAILS(set_khz(vm, info.tsc_khz / 2), EOPNOTSUPP);
		FAILS(set_khz(vm, info.tsc_khz * 2), EOPNOTSUPP);
	}
	vcpu = abi_vcpu(vm, 5);
	FAILS(set_khz(vm, info.tsc_khz), EBUSY);
	FAILS(ioctl(vcpu, BATON_SET_TSC_KHZ, &bad), ENOTTY);
	close(vcpu);
	close(vm);
	close(sys);
}

/* Of another frequency, if the processor can; else of its own, by the same call. */
static void test_frequency(void)
{
	int sys = abi_open(), vm = abi_vm(sys), vcpu;
	struct baton_clock clock, later;
	struct baton_info info;
	uint64_t begin, first, host, guest;
	uint32_t khz;

	EXPECT(!ioctl(sys, BATON_GET_INFO, &info));
	khz = info.features & BATON_FEAT_TSC_SCALING ? info.tsc_khz / 3 : info.tsc_khz;
	EXPECT(!set_khz(vm, khz));
	vcpu = abi_vcpu(vm, 0);
	begin = host_tsc();
	first = get_msr(vcpu, MSR_TSC);
	EXPECT(!ioctl(vm, BATON_GET_CLOCK, &clock));
	usleep(50000);
	guest = get_msr(vcpu, MSR_TSC) - first;
	EXPECT(!ioctl(vm, BATON_GET_CLOCK, &later));
	host = host_tsc() - begin;
	/* Less than the host has seen, and not by much; the clock goes as time does. */
	EXPECT(guest * info.tsc_khz / khz <= host && guest * info.tsc_khz / khz >= host / 2);
	EXPECT(later.guest_ns - clock.guest_ns >= 49000000);
	EXPECT((later.guest_ns - clock.guest_ns) / 1000 <= host * 1000 / info.tsc_khz + 1);
	close(vcpu);
	close(vm);
	close(sys);
}

const struct abi_test abi_tsc_tests[] = {
	{ "A15: TSC of two vCPUs that change CPUs", test_monotonic },
	{ "A15: TSC and TSC_ADJUST set", test_set },
	{ "A1: TSC frequency, wrong arguments", test_bad_frequency },
	{ "A15: TSC frequency", test_frequency },
	{ NULL, NULL },
};
