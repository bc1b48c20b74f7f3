/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frame of baton-abi-test: each test is a function in a table; EXPECT notes a
 * failure and goes on.
 */
#ifndef BATON_TESTS_ABI_H
#define BATON_TESTS_ABI_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "baton_ioctl.h"

extern int abi_failures;

#define EXPECT(condition)							\
	do {									\
		if (!(condition)) {						\
			printf("  %s:%d: not so: %s (errno %d %s)\n", __func__,	\
			       __LINE__, #condition, errno, strerror(errno));	\
			abi_failures++;						\
		}								\
	} while (0)

/* The call must fail with this errno. */
#define FAILS(call, error)							\
	do {									\
		long abi_r = (call);						\
		if (abi_r >= 0 || errno != (error)) {				\
			printf("  %s:%d: %s: %ld, errno %d (%s), not %s\n", __func__, \
			       __LINE__, #call, abi_r, errno, strerror(errno), #error); \
			abi_failures++;						\
		}								\
	} while (0)

/* The host has to have something for this test, or it has shown nothing. */
#define NEEDS(condition, what)							\
	do {									\
		if (!(condition)) {						\
			abi_needs(what);					\
			return;							\
		}								\
	} while (0)

struct abi_test {
	const char *name;
	void (*run)(void);
};
extern const struct abi_test abi_call_tests[], abi_slot_tests[], abi_state_tests[],
	abi_life_tests[], abi_intr_tests[], abi_rom_tests[], abi_tables_tests[], abi_dirty_tests[],
	abi_eventfd_tests[], abi_memory_tests[], abi_uffd_tests[], abi_stats_tests[],
	abi_debug_tests[], abi_tsc_tests[], abi_host_tests[], abi_canary_tests[],
	abi_event_tests[], abi_task_tests[];

/* The test that runs is not run: this host lacks something for it. */
void abi_needs(const char *what);

int abi_open(void);		/* /dev/baton; ends the program if it cannot */
int abi_vm(int sys);
int abi_vcpu(int vm, unsigned int id);
/* A vCPU with the host's whole CPUID. */
int abi_vcpu_cpuid(int sys, int vm, unsigned int id);
struct baton_run *abi_map_run(int vcpu);
/* `size` bytes of memory at gpa in slot id; the address. */
unsigned char *abi_memory(int vm, unsigned int id, uint64_t gpa, uint64_t size);

/* abi_guest.c: a vCPU in real mode at 0x1000 with one MiB of memory at 0. */
struct abi_guest {
	int sys, vm, vcpu;
	struct baton_run *run;
	unsigned char *memory;
};

#define ABI_GUEST_MEMORY (1u << 20)

struct abi_guest abi_guest_start(const void *code, size_t size);
void abi_guest_end(struct abi_guest *g);
/* Over returns with nothing: the kernel may have work for the thread at any time. */
int abi_run_on(int vcpu, const struct baton_run *run);

#define ABI_RUN(g, reason)							\
	do {									\
		EXPECT(!abi_run_on((g).vcpu, (g).run));				\
		EXPECT((g).run->exit_reason == (reason));			\
	} while (0)

/* abi_life.c: in a program that the VM's process has become. */
int abi_stranger(int vm, int vcpu);

/* abi_long.c: the same in long mode. An exception or interrupt is an OUT to its number. */
#define ABI_LONG_CODE 0x10000
#define ABI_LONG_DATA 0x20000

struct abi_guest abi_long_guest(const void *code, size_t size);
/* Vector's handler at `to`; or none: not present. */
void abi_set_gate(struct abi_guest *g, unsigned int vector, uint32_t to);
void abi_clear_gate(struct abi_guest *g, unsigned int vector);
int abi_set_msr(struct abi_guest *g, uint32_t index, uint64_t data);

/* abi_host.c: all MSRs of this processor that a program can read and that stand still. */
#define ABI_MSR_RANGES 4
struct abi_host_msrs {
	uint64_t value[ABI_MSR_RANGES][8192];
	bool there[ABI_MSR_RANGES][8192];
};
extern const uint32_t abi_msr_range[ABI_MSR_RANGES];

bool abi_read_host_msrs(struct abi_host_msrs *m);	/* false: the host has no way to */
void abi_compare_host_msrs(const struct abi_host_msrs *before, const struct abi_host_msrs *after);
/* Processors of the host that the program may use are counted from 0, whatever their number. */
unsigned int abi_cpus(void);
unsigned int abi_cpu(unsigned int place);	/* its number; place < abi_cpus() */
void abi_pin(unsigned int place);				/* this thread, to it */

/* Guest code in assembler: abi_code_NAME to abi_code_NAME_end. */
#define ABI_CODE(name, text)							\
	asm(".pushsection .rodata\n.code64\nabi_code_" #name ":\n" text		\
	    "\nabi_code_" #name "_end:\n.popsection\n");			\
	extern const unsigned char abi_code_##name[], abi_code_##name##_end[]

#define ABI_LONG_GUEST(name) \
	abi_long_guest(abi_code_##name, abi_code_##name##_end - abi_code_##name)

#endif
