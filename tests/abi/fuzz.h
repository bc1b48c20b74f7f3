/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * baton-abi-fuzz, a fuzzer of the whole ABI: actors (threads) make calls on
 * descriptors that they share, with arguments that are right, nearly right or
 * nonsense, while a pest spoils run pages and memory under them.
 */
#ifndef BATON_TESTS_FUZZ_H
#define BATON_TESTS_FUZZ_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "baton_ioctl.h"

struct rng {
	uint64_t state;
};

static inline uint64_t rnd(struct rng *r)
{
	/* xorshift64*: the same on every machine */
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dull;
}

static inline uint32_t below(struct rng *r, uint32_t bound)
{
	return (rnd(r) >> 32) * bound >> 32;
}

static inline bool one_in(struct rng *r, uint32_t n)
{
	return !below(r, n);
}

#define FUZZ_VMS 2
#define FUZZ_VCPUS 3
#define FUZZ_EVENTS 4
#define FUZZ_ACTORS 2
#define FUZZ_MEMORY (4u << 20)
#define FUZZ_ROOM (1u << 20)

struct fuzz_vcpu {
	_Atomic int fd;
	/* Stays mapped until the round ends: others write to it at any time. */
	struct baton_run *_Atomic run;
};

struct fuzz_vm {
	_Atomic int fd;
	struct fuzz_vcpu vcpu[FUZZ_VCPUS];
};

/* One round's: a process, its descriptors and memory. */
struct world {
	int sys, null;
	bool qemu;		/* AMD-V as QEMU emulates it: see fuzz_leave_lm(), leave_cr8() */
	struct fuzz_vm vm[FUZZ_VMS];
	_Atomic int event[FUZZ_EVENTS];
	unsigned char *memory;	/* what slots show; may be unmapped, protected, ... */
	unsigned char *alias;	/* the first half of it, always there */
	unsigned char *edge;	/* a page that ends at an unmapped one */
	unsigned char *readonly;
	atomic_bool over;
};

struct fuzz_call;

struct actor {
	struct world *world;
	struct rng rng;
	pthread_t thread;
	unsigned int number;	/* from 1; 0 is the pest */
	uint64_t left;		/* calls to make */
	const struct fuzz_call *call;	/* the one that is made */
	/* What the last GET of a call's number said: what its SET starts from. */
	unsigned char last[256][BATON_XSAVE_SIZE] __attribute__((aligned(64)));
	unsigned char argument[2 * BATON_XSAVE_SIZE] __attribute__((aligned(64)));
	/* FUZZ_ROOM bytes each: for addresses that are off, and long logs; then nothing. */
	struct baton_cpuid_entry *cpuid;
	struct baton_msr *msrs;
	uint64_t *bitmap;
	uint32_t cpuid_count, msr_count;
};

/* fuzz_args.c: an argument for the call in a->argument; its address, or a bad one. */
struct fuzz_call {
	unsigned int cmd;
	char kind;		/* 's'ystem, 'v'm, 'c'pu */
	unsigned int weight;
	void (*fill)(struct actor *a, void *arg);
	const char *name;
};
extern const struct fuzz_call fuzz_calls[];
extern const unsigned int fuzz_call_count;

void fuzz_mutate(struct rng *rng, void *bytes, size_t size);
uint64_t fuzz_value(struct rng *rng);
void *fuzz_argument(struct actor *a, const struct fuzz_call *call);
void fuzz_learn(struct actor *a, const struct fuzz_call *call);

/*
 * QEMU 7.2 does not bring CR0 back at an exit if the guest has EFER.LME and neither CR0.PG
 * nor CR4.PAE (do_vmexit(), cpu_x86_update_cr0()): the host runs on without paging. So
 * guests have no long mode there; takes it out of CPUID entries.
 */
void fuzz_leave_lm(const struct world *world, struct baton_cpuid_entry *entries, uint32_t count);

/* fuzz_guest.c: what the vCPU will run, by way of memory and the run page. */
void fuzz_guest_memory(struct actor *a);
void fuzz_guest_state(struct actor *a, struct baton_run *run);

#endif
