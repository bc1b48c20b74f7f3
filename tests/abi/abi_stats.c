// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counters and tracepoints: that they say what the guest did, also while it runs.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "abi.h"
#include "baton_stats.h"

#define TRACING "/sys/kernel/tracing/"

static struct baton_stats stats_of(const struct abi_guest *g)
{
	struct baton_stats stats;

	memset(&stats, 0xff, sizeof(stats));
	EXPECT(!ioctl(g->vcpu, BATON_GET_STATS, &stats));
	for (int i = BATON_STAT_COUNT; i < 32; i++)
		EXPECT(!stats.value[i]);
	return stats;
}

static struct baton_vm_stats vm_stats_of(const struct abi_guest *g)
{
	struct baton_vm_stats stats;

	memset(&stats, 0xff, sizeof(stats));
	EXPECT(!ioctl(g->vm, BATON_GET_VM_STATS, &stats));
	for (int i = BATON_STAT_COUNT; i < 32; i++)
		EXPECT(!stats.sum[i]);
	for (int i = BATON_VM_STAT_COUNT; i < 32; i++)
		EXPECT(!stats.value[i]);
	return stats;
}

/* Each exit has one reason. */
static uint64_t exits_by_reason(const struct baton_stats *stats)
{
	uint64_t sum = 0;

	for (int i = 0; i < BATON_STAT_COUNT; i++)
		if (!strncmp(baton_stat_names[i], "exit_", 5))
			sum += stats->value[i];
	return sum;
}

static void test_names(void)
{
	for (int i = 0; i < BATON_STAT_COUNT; i++) {
		EXPECT(baton_stat_names[i] && baton_stat_names[i][0]);
		for (int other = 0; other < i; other++)
			EXPECT(strcmp(baton_stat_names[i], baton_stat_names[other]));
	}
	for (int i = 0; i < BATON_VM_STAT_COUNT; i++)
		EXPECT(baton_vm_stat_names[i] && baton_vm_stat_names[i][0]);
}

static void test_counts(void)
{
	/* out 0x10,al; in al,0x11; cpuid; mov [0x2000],al; mov ax,0xffff; mov ds,ax;
	 * mov [0x123],al: no slot there; then the monitor skips it; out 0x12,al */
	static const unsigned char code[] = {
		0xe6, 0x10, 0xe4, 0x11, 0x0f, 0xa2, 0xa2, 0x00, 0x20, 0xb8, 0xff, 0xff,
		0x8e, 0xd8, 0xa2, 0x23, 0x01, 0xe6, 0x12,
	};
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_stats first = stats_of(&g), stats;
	struct baton_info info;

	EXPECT(!ioctl(g.sys, BATON_GET_INFO, &info) && info.features & BATON_FEAT_VM_STATS);
	for (int i = 0; i < BATON_STAT_COUNT; i++)
		EXPECT(!first.value[i]);
	ABI_RUN(g, BATON_EXIT_PIO);
	ABI_RUN(g, BATON_EXIT_PIO);
	ABI_RUN(g, BATON_EXIT_EMULATE);
	g.run->regs.rip += 3;
	g.run->commit = BATON_CLASS_REGS;
	ABI_RUN(g, BATON_EXIT_PIO);
	stats = stats_of(&g);
	EXPECT(stats.value[BATON_STAT_EXIT_PIO] == 3);
	EXPECT(stats.value[BATON_STAT_EXIT_CPUID] == 1);
	EXPECT(stats.value[BATON_STAT_EMULATE] == 1);
	EXPECT(stats.value[BATON_STAT_FAULTS] >= 1);
	EXPECT(stats.value[BATON_STAT_EXIT_FAULT] == stats.value[BATON_STAT_FAULTS] + 1);
	EXPECT(stats.value[BATON_STAT_EXITS] == exits_by_reason(&stats));
	EXPECT(stats.value[BATON_STAT_TO_MONITOR] >= 4);
	EXPECT(stats.value[BATON_STAT_GUEST_NS] > 0);
	EXPECT(stats.value[BATON_STAT_GUEST_NS] < 60000000000u);
	EXPECT(!stats.value[BATON_STAT_HALTED] && !stats.value[BATON_STAT_HALTED_NS]);
	EXPECT(!stats.value[BATON_STAT_IOEVENTFD] && !stats.value[BATON_STAT_INTA]);
	abi_guest_end(&g);
}

static void *run_thread(void *arg)
{
	struct abi_guest *g = arg;

	abi_run_on(g->vcpu, g->run);
	return NULL;
}

/* Read from another thread, while it runs or sleeps. */
static void test_running(void)
{
	/* cli; hlt; out 0x12,al */
	static const unsigned char code[] = { 0xfa, 0xf4, 0xe6, 0x12 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_stats stats, later;
	pthread_t thread;
	int i;

	/* The NMI's handler: iret */
	memcpy(g.memory + 8, "\x00\x30\x00\x00", 4);
	g.memory[0x3000] = 0xcf;
	pthread_create(&thread, NULL, run_thread, &g);
	for (i = 0; i < 10000 && !stats_of(&g).value[BATON_STAT_HALTED]; i++)
		usleep(1000);
	stats = stats_of(&g);
	EXPECT(stats.value[BATON_STAT_HALTED] == 1);
	EXPECT(stats.value[BATON_STAT_HALTED_NS] < 60000000000u);
	usleep(20000);
	later = stats_of(&g);
	EXPECT(later.value[BATON_STAT_HALTED_NS] >= stats.value[BATON_STAT_HALTED_NS] + 20000000);
	EXPECT(later.value[BATON_STAT_EXIT_HLT] == 1);
	EXPECT(vm_stats_of(&g).sum[BATON_STAT_HALTED] == 1);
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	pthread_join(thread, NULL);
	EXPECT(g.run->exit_reason == BATON_EXIT_PIO);
	stats = stats_of(&g);
	EXPECT(!stats.value[BATON_STAT_HALTED]);
	EXPECT(stats.value[BATON_STAT_HALTED_NS] >= later.value[BATON_STAT_HALTED_NS]);
	EXPECT(stats.value[BATON_STAT_EXITS] == exits_by_reason(&stats));
	abi_guest_end(&g);
}

static void test_vm(void)
{
	static const unsigned char code[] = { 0xe6, 0x10 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	struct baton_msi msi = { .address = 0xfee3f000, .data = 0x30 }, bad = { .address = 1 };
	struct baton_slot gone = { .id = 0 };
	struct baton_vm_stats stats = vm_stats_of(&g);
	struct baton_stats one;
	uint64_t before;
	int other;

	EXPECT(!stats.value[BATON_VM_STAT_PAGES_4K] && !stats.value[BATON_VM_STAT_PAGES_2M]);
	EXPECT(stats.value[BATON_VM_STAT_TABLES] == 1);
	before = stats.value[BATON_VM_STAT_INVALIDATIONS];
	other = abi_vcpu(g.vm, 1);
	ABI_RUN(g, BATON_EXIT_PIO);
	stats = vm_stats_of(&g);
	one = stats_of(&g);
	for (int i = 0; i < BATON_STAT_COUNT; i++)
		EXPECT(stats.sum[i] == one.value[i]);
	EXPECT(stats.value[BATON_VM_STAT_PAGES_4K] >= 1);
	EXPECT(stats.value[BATON_VM_STAT_TABLES] == 4);
	/* The host takes them away: the page goes, the tables stay. */
	EXPECT(!madvise(g.memory, ABI_GUEST_MEMORY, MADV_DONTNEED));
	stats = vm_stats_of(&g);
	EXPECT(!stats.value[BATON_VM_STAT_PAGES_4K]);
	EXPECT(stats.value[BATON_VM_STAT_TABLES] == 4);
	EXPECT(stats.value[BATON_VM_STAT_INVALIDATIONS] > before);
	EXPECT(stats.value[BATON_VM_STAT_FLUSHES] > 0);
	memcpy(g.memory + 0x1002, code, sizeof(code));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(vm_stats_of(&g).value[BATON_VM_STAT_PAGES_4K] >= 1);
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &gone));
	stats = vm_stats_of(&g);
	EXPECT(!stats.value[BATON_VM_STAT_PAGES_4K]);
	/* It covered no table whole. */
	EXPECT(stats.value[BATON_VM_STAT_TABLES] == 4);
	EXPECT(!stats.value[BATON_VM_STAT_MSIS]);
	EXPECT(!ioctl(g.vm, BATON_SEND_MSI, &msi));
	FAILS(ioctl(g.vm, BATON_SEND_MSI, &bad), EINVAL);
	EXPECT(vm_stats_of(&g).value[BATON_VM_STAT_MSIS] == 1);
	close(other);
	abi_guest_end(&g);
}

/* ---- tracepoints ---- */

static bool write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fputs(text, f) >= 0;

	return f && !fclose(f) && ok;
}

/* What follows "NAME: vcpu 0 " in the lines of the trace that have it. */
static const char *next_event(const char *text, const char *name)
{
	char head[64];
	const char *at;

	snprintf(head, sizeof(head), "%s: vcpu 0 ", name);
	at = text ? strstr(text, head) : NULL;
	return at ? at + strlen(head) : NULL;
}

static bool has_exit(const char *trace)
{
	unsigned long long rip, info1, info2;
	unsigned int reason;

	while ((trace = next_event(trace, "baton_exit")))
		/* Both vendors' words for IN and OUT: the port is on top. */
		if (sscanf(trace, "reason 0x%x rip 0x%llx info 0x%llx 0x%llx", &reason, &rip,
			   &info1, &info2) == 4 && (reason == 0x7b || reason == 30) &&
		    rip == 0x1000 && info1 >> 16 == 0x10)
			return true;
	return false;
}

static bool has_entry(const char *trace)
{
	unsigned long long rip;

	while ((trace = next_event(trace, "baton_entry")))
		if (sscanf(trace, "rip 0x%llx", &rip) == 1 && rip == 0x1000)
			return true;
	return false;
}

static bool has_fault(const char *trace)
{
	unsigned long long gpa;
	unsigned int access;
	int result;

	while ((trace = next_event(trace, "baton_fault")))
		if (sscanf(trace, "gpa 0x%llx access 0x%x result %d", &gpa, &access,
			   &result) == 3 && gpa >> 12 == 1 && !result)
			return true;
	return false;
}

static bool has_nmi(const char *trace)
{
	unsigned int type, vector, error;

	while ((trace = next_event(trace, "baton_inject")))
		if (sscanf(trace, "type %u vector 0x%x error 0x%x", &type, &vector, &error) == 3 &&
		    type == 2)
			return true;
	return false;
}

static bool has_kick(const char *trace)
{
	unsigned int mode, requests;

	while ((trace = next_event(trace, "baton_kick")))
		if (sscanf(trace, "mode %u requests 0x%x", &mode, &requests) == 2 && !mode &&
		    requests & 1)
			return true;
	return false;
}

static void test_tracepoints(void)
{
	/* out 0x10,al; out 0x12,al; the NMI's handler is an iret. */
	static const unsigned char code[] = { 0xe6, 0x10, 0xe6, 0x12 };
	static char trace[1 << 18];
	struct abi_guest g;
	size_t got;
	FILE *f;

	if (geteuid()) {
		abi_needs("root, who may read tracepoints");
		return;
	}
	if (system("grep -qw tracefs /proc/filesystems")) {
		abi_needs("a kernel with tracing");
		return;
	}
	mount("tracefs", TRACING, "tracefs", 0, NULL);
	EXPECT(write_file(TRACING "trace", ""));
	EXPECT(write_file(TRACING "events/baton/enable", "1"));
	g = abi_guest_start(code, sizeof(code));
	memcpy(g.memory + 8, "\x00\x30\x00\x00", 4);
	g.memory[0x3000] = 0xcf;
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(!ioctl(g.vcpu, BATON_KICK));
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(write_file(TRACING "events/baton/enable", "0"));
	f = fopen(TRACING "trace", "r");
	EXPECT(f);
	got = f ? fread(trace, 1, sizeof(trace) - 1, f) : 0;
	trace[got] = 0;
	EXPECT(has_entry(trace));
	EXPECT(has_exit(trace));
	EXPECT(has_fault(trace));
	EXPECT(has_nmi(trace));
	EXPECT(has_kick(trace));
	if (f)
		fclose(f);
	/* Off again: the same leaves nothing. */
	EXPECT(write_file(TRACING "trace", ""));
	EXPECT(!ioctl(g.vcpu, BATON_KICK));
	f = fopen(TRACING "trace", "r");
	got = f ? fread(trace, 1, sizeof(trace) - 1, f) : 0;
	trace[got] = 0;
	EXPECT(f && !has_kick(trace));
	if (f)
		fclose(f);
	abi_guest_end(&g);
}

const struct abi_test abi_stats_tests[] = {
	{ "stats: names", test_names },
	{ "stats: what a guest does is counted", test_counts },
	{ "stats: read while the vCPU runs", test_running },
	{ "stats: of the VM", test_vm },
	{ "stats: tracepoints", test_tracepoints },
	{ NULL, NULL },
};
