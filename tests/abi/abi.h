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

struct abi_test {
	const char *name;
	void (*run)(void);
};
extern const struct abi_test abi_call_tests[], abi_slot_tests[], abi_state_tests[],
	abi_life_tests[], abi_intr_tests[], abi_rom_tests[], abi_dirty_tests[],
	abi_eventfd_tests[], abi_memory_tests[], abi_stats_tests[], abi_debug_tests[],
	abi_tsc_tests[];

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

#endif
