/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * baton-bench: the cost of a hypervisor's operations, under engine baton and
 * engine kvm by the same code. README.md tells the method.
 */
#ifndef BATON_BENCH_H
#define BATON_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "baton_feat.h"
#include "baton_vcpu_state.h"

struct bus;
struct emul;
struct guest_memory;
struct hv;
struct hv_vcpu;
struct hv_vm;
struct peer;
struct row;

/* The engine under test, opened anew for each row. */
struct bench {
	struct hv *hv;
	bool amd;			/* the host's processor */
	uint32_t cpuid_count;
	struct baton_cpuid_entry cpuid[BATON_MAX_CPUID];
};

#define RESULT_TEXT 128
struct result {
	double value;
	char why[RESULT_TEXT];		/* no value: the reason; else empty */
};

/* A line of the table. `measure` fills in the result. */
struct row {
	const char *id;			/* as in rows.tsv */
	void (*measure)(struct bench *bench, const struct row *row, struct result *result);
	const void *plan;		/* what `measure` knows */
};
/* Each ends with id NULL. Pair_rows are for a host with two processors. */
extern const struct row guest_rows[], pair_rows[], life_rows[];

/* Notes why there is no value; the first reason stays. */
__attribute__((format(printf, 2, 3)))
void result_fail(struct result *result, const char *format, ...);

/* Does the engine offer the bit of CPUID leaf 1, ECX? */
bool bench_has_feature(const struct bench *bench, unsigned int bit);
#define FEATURE_X2APIC		21u
#define FEATURE_TSC_DEADLINE	24u

/* ---- a guest of one vCPU in 64-bit mode (guest.c, guest_state.c) ---- */

struct guest {
	struct bench *bench;
	struct hv_vm *vm;
	struct hv_vcpu *vcpu;
	struct guest_memory *memory;
	struct bus *pio, *mmio;
	struct emul *emul;
	int event;			/* eventfd of the row, or -1 */
	unsigned char *region;		/* memory of the row, or NULL */
	struct peer *peer;		/* its second vCPU, or NULL */
	const char *what;		/* of the last failure */
};

/* 0 or a negative errno, with guest->what; destroy it in both cases. */
int guest_create(struct bench *bench, unsigned int payload, struct guest *guest);
void guest_destroy(struct guest *guest);
/* One batch; its elapsed ticks, less those in which the second vCPU did nothing but wait. */
int guest_batch(struct guest *guest, uint32_t turns, uint64_t *ret_ticks);
/* A word of the page that guest and monitor share. */
uint64_t *guest_shared(struct guest *guest, uint64_t gpa);
/* Code, tables and registers; part of guest_create(). */
int guest_load(struct guest *guest, unsigned int payload);
int guest_load_vcpu(struct hv_vcpu *vcpu, unsigned int payload, uint64_t stack_top);

/*
 * A second vCPU (peer.c), in a thread of its own on the second processor, and the caller on
 * the first. Start: 0 once its guest has begun, or a negative errno. End it in both cases.
 */
int peer_start(struct guest *guest, unsigned int payload);
void peer_end(struct guest *guest);

/* ---- clocks (ticks.c) ---- */

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile ("rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Ticks of the TSC in a millisecond, measured once. */
uint64_t ticks_per_ms(void);
/* Time that the host's processors were idle since boot, in ns. */
uint64_t idle_ns(void);
/* For qsort(). */
int compare_u64(const void *a, const void *b);

/* What an operation took: ticks without idle time, and elapsed µs with it. */
struct stopwatch {
	uint64_t ticks, idle, ns;
};
struct lap {
	double busy, elapsed_us;
};
void stopwatch_start(struct stopwatch *watch);
struct lap stopwatch_stop(const struct stopwatch *watch);

/* ---- a whole monitor ---- */

/* A child process and its guest's serial port (monitor.c). End it also if it did not start. */
struct monitor {
	pid_t pid;
	int in, out;
	size_t length;			/* read, and not yet looked for */
	char text[1 << 14];
};
bool monitor_start(struct monitor *m, char *const *argv);
void monitor_end(struct monitor *m);
/* Waits until its guest has said that since the last time; false: it has ended. */
bool monitor_says(struct monitor *m, const char *what);
bool monitor_tell(struct monitor *m, const char *line);
/* Proportional set size of all mappings but the guest's RAM, in KiB; -1: it cannot be read. */
double monitor_kib(const struct monitor *m);
/* A row of the output. Print_failure: one without a value, and why; returns 1. */
void print_row(const char *engine, const char *id, double value);

/* profile.c: marks around a row's work; divisor: how many units it is made of. */
void profile_row(const char *engine, const char *row);
void profile_begin(void);
void profile_end(void);
void profile_row_end(void);
void profile_tell(unsigned int divisor);
int print_failure(const char *engine, const char *id, const char *why);
/* The row of monitor_kib(); returns 1 if it has no value. */
int print_kib(const char *engine, const char *id, const struct monitor *m);

/* Starts baton-vm, waits for the guest's /init, prints the rows of the boot (boot.c). */
int boot_measure(const char *engine, const char *kernel, const char *initrd);

/* machine.c: each starts argv, prints rows, and returns 0, or 1 if a value is missing. */
/* Instructions and memory of a monitor from its start until the guest says that. */
int machine_start(const char *engine, const char *id, const char *until, char *const *argv);
int machine_memory(const char *engine, const char *id, const char *until, char *const *argv);
/* Reads of /dev/vda, TCP through that port of the host: by the guest of load/. */
int machine_disk(const char *engine, char *const *argv);
int machine_tcp(const char *engine, const char *port, char *const *argv);
/* Memory and exits at the login; the shell command prints the exits so far. */
int machine_idle(const char *engine, const char *counter, char *const *argv);

#endif
