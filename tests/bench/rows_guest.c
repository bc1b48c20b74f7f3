// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows that a running guest measures: batches of turns, the best batch counts.
 *
 *	cost of a turn = (best batch - best batch of no turns) / turns
 *			 - the guest's own instructions
 *
 * Batches are short against the host's tick (4 ms), so that most have none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "hv.h"
#include "payload.h"

#define BATCHES_MAX 64u
#define REGION_SLOT 100u
#define MSI_ADDRESS 0xfee00000u

/* What a row's batches are like. */
struct plan {
	unsigned int payload;
	unsigned int amd_payload;	/* instead, on AMD; 0: the same */
	unsigned int turns, batches;
	unsigned int own;		/* instructions of a turn, see payload.S */
	unsigned int spin_own;		/* of a turn of its waiting loop */
	unsigned int peer_payload;	/* for a second vCPU */
	unsigned int delta_us;		/* for timers */
	bool needs_deadline, needs_x2apic;
	bool interrupts;		/* each turn must bring one */
	bool anonymous;			/* memory to touch: private, not a memfd's */
	bool log;			/* memory to touch: with a log of what is written */
	int64_t answer;			/* that the last turn must leave in RAX; 0: any */
	int (*set_up)(struct guest *guest, const struct plan *plan);
	int (*before)(struct guest *guest, const struct plan *plan); /* each batch */
	void (*take_down)(struct guest *guest, const struct plan *plan);
};

/* ---- one row ---- */

static int check_batch(struct guest *guest, const struct plan *plan, uint32_t turns)
{
	uint64_t interrupts = *guest_shared(guest, SHARED_INTERRUPTS);

	if (plan->interrupts && interrupts != turns) {
		guest->what = "interrupts were lost or came late";
		return -EPROTO;
	}
	if (turns && plan->answer && (int64_t)*guest_shared(guest, SHARED_ANSWER) != plan->answer) {
		guest->what = "the guest got a wrong answer";
		return -EPROTO;
	}
	return 0;
}

/* Host instructions of one batch. */
static int one_batch(struct guest *guest, const struct plan *plan, uint32_t turns,
		     uint64_t *ret_cost)
{
	int error = plan->before ? plan->before(guest, plan) : 0;
	uint64_t elapsed;

	if (error) {
		guest->what = "preparing a batch";
		return error;
	}
	if (turns)
		profile_begin();
	error = guest_batch(guest, turns, &elapsed);
	if (turns) {
		profile_end();
		profile_tell(turns);
	}
	if (error)
		return error;
	*ret_cost = elapsed - plan->spin_own * *guest_shared(guest, SHARED_SPINS);
	return check_batch(guest, plan, turns);
}

static int best_batch(struct guest *guest, const struct plan *plan, uint32_t turns,
		      uint64_t *ret_best)
{
	uint64_t cost;

	*ret_best = UINT64_MAX;
	for (unsigned int i = 0; i < plan->batches; i++) {
		int error = one_batch(guest, plan, turns, &cost);

		if (error)
			return error;
		if (cost < *ret_best)
			*ret_best = cost;
	}
	return 0;
}

static int measure_batches(struct guest *guest, const struct plan *plan, struct result *result)
{
	uint64_t empty, full;
	int error = best_batch(guest, plan, 0, &empty);

	if (!error)
		error = best_batch(guest, plan, plan->turns, &full);
	if (!error)
		result->value = ((double)full - (double)empty) / plan->turns - plan->own;
	return error;
}

/* Median of how late a timer was, as the guest saw it. */
static int measure_lateness(struct guest *guest, const struct plan *plan, struct result *result)
{
	uint64_t samples[SAMPLES_MAX], cost;
	int error = one_batch(guest, plan, plan->turns, &cost);

	if (error)
		return error;
	memcpy(samples, guest_shared(guest, SHARED_SAMPLES), plan->turns * sizeof(samples[0]));
	qsort(samples, plan->turns, sizeof(samples[0]), compare_u64);
	result->value = (double)samples[plan->turns / 2];
	return 0;
}

static bool is_available(const struct bench *bench, const struct plan *plan,
			 struct result *result)
{
	if (plan->needs_x2apic && !bench_has_feature(bench, FEATURE_X2APIC))
		result_fail(result, "no x2APIC here");
	if (plan->needs_deadline && !bench_has_feature(bench, FEATURE_TSC_DEADLINE))
		result_fail(result, "no TSC deadline timer here");
	if (plan->log && !hv_get_info(bench->hv)->dirty_log)
		result_fail(result, "no dirty log here");
	return !result->why[0];
}

static void measure(struct bench *bench, const struct plan *plan, struct result *result,
		    int (*how)(struct guest *, const struct plan *, struct result *))
{
	bool amd = bench->amd && plan->amd_payload;
	struct guest guest;
	int error;

	if (!is_available(bench, plan, result))
		return;
	error = guest_create(bench, amd ? plan->amd_payload : plan->payload, &guest);
	if (!error) {
		*guest_shared(&guest, SHARED_DELTA) = plan->delta_us * ticks_per_ms() / 1000;
		guest.what = "setting up";
		error = plan->set_up ? plan->set_up(&guest, plan) : 0;
	}
	if (!error)
		error = how(&guest, plan, result);
	if (error)
		result_fail(result, "%s: %s", guest.what, strerror(-error));
	if (plan->take_down)
		plan->take_down(&guest, plan);
	guest_destroy(&guest);
}

static void measure_cost(struct bench *bench, const struct row *row, struct result *result)
{
	measure(bench, row->plan, result, measure_batches);
}

static void measure_late(struct bench *bench, const struct row *row, struct result *result)
{
	measure(bench, row->plan, result, measure_lateness);
}

/* ---- eventfds ---- */

static int make_event(struct guest *guest)
{
	guest->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return guest->event < 0 ? -errno : 0;
}

static int set_up_ioeventfd(struct guest *guest, const struct plan *plan)
{
	int error = make_event(guest);

	(void)plan;
	if (error)
		return error;
	return hv_vm_ioeventfd(guest->vm, guest->event, PORT_IOEVENTFD, 2, true);
}

static int set_up_irqfd(struct guest *guest, const struct plan *plan)
{
	int error = make_event(guest);

	(void)plan;
	if (error)
		return error;
	return hv_vm_irqfd(guest->vm, guest->event, MSI_ADDRESS, VECTOR_EOI, true);
}

/* ---- a second vCPU ---- */

static int set_up_peer(struct guest *guest, const struct plan *plan)
{
	return peer_start(guest, plan->peer_payload);
}

static void take_down_peer(struct guest *guest, const struct plan *plan)
{
	(void)plan;
	peer_end(guest);
}

/* ---- a region whose pages the guest touches first ---- */

static struct hv_slot region_slot(struct guest *guest, const struct plan *plan, bool on)
{
	return (struct hv_slot){
		.id = REGION_SLOT, .gpa = GUEST_REGION, .size = on ? plan->turns * 4096ull : 0,
		.hva = guest->region, .log_dirty = plan->log,
	};
}

/* A monitor's RAM is a memfd; its pages cost the host more than private ones. */
static void *map_memory(size_t size, bool anonymous)
{
	void *memory = MAP_FAILED;
	int fd;

	if (anonymous)
		return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = memfd_create("bench-region", MFD_CLOEXEC);
	if (fd < 0)
		return MAP_FAILED;
	if (!ftruncate(fd, (off_t)size))
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory;
}

static int make_region(struct guest *guest, const struct plan *plan)
{
	size_t size = plan->turns * 4096ul;
	void *region = map_memory(size, plan->anonymous);
	struct hv_slot slot;

	if (region == MAP_FAILED)
		return -errno;
	madvise(region, size, MADV_NOHUGEPAGE);
	guest->region = region;
	slot = region_slot(guest, plan, true);
	return hv_vm_set_slot(guest->vm, &slot);
}

static void drop_region(struct guest *guest, const struct plan *plan)
{
	if (guest->region)
		munmap(guest->region, plan->turns * 4096ul);
}

/* A slot that is new has no page that the guest could reach without a fault. */
static int renew_slot(struct guest *guest, const struct plan *plan)
{
	struct hv_slot off = region_slot(guest, plan, false);
	struct hv_slot on = region_slot(guest, plan, true);
	int error = hv_vm_set_slot(guest->vm, &off);

	return error ? error : hv_vm_set_slot(guest->vm, &on);
}

static int before_fresh(struct guest *guest, const struct plan *plan)
{
	/* MADV_REMOVE takes the pages out of the file, too. */
	if (madvise(guest->region, plan->turns * 4096ul,
		    plan->anonymous ? MADV_DONTNEED : MADV_REMOVE))
		return -errno;
	return renew_slot(guest, plan);
}

static int before_present(struct guest *guest, const struct plan *plan)
{
	for (size_t i = 0; i < plan->turns; i++)
		guest->region[i * 4096] = 2;
	return renew_slot(guest, plan);
}

/* ---- a region with a log ---- */

#define LOG_PAGES 262144u	/* 1 GiB */
#define LOG_ROUNDS 2

static uint64_t dirty[LOG_PAGES / 64];

/* What a monitor that migrates does again and again, short of copying. */
static int get_and_clear(struct guest *guest, const struct plan *plan)
{
	int error = hv_vm_get_dirty(guest->vm, REGION_SLOT, 0, plan->turns, dirty);

	guest->what = "dirty log";
	return error ? error : hv_vm_clear_dirty(guest->vm, REGION_SLOT, 0, plan->turns, dirty);
}

static unsigned int count_dirty(const struct plan *plan)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < plan->turns / 64; i++)
		n += (unsigned int)__builtin_popcountll(dirty[i]);
	return n;
}

/* All pages there: what is measured is the log, not the host's memory. */
static int make_logged_region(struct guest *guest, const struct plan *plan)
{
	int error = make_region(guest, plan);

	if (error)
		return error;
	if (madvise(guest->region, plan->turns * 4096ul, MADV_POPULATE_WRITE))
		return -errno;
	return 0;
}

/* The guest writes to all pages, the monitor asks which. */
static int measure_log_rounds(struct guest *guest, const struct plan *plan,
			      struct result *result)
{
	struct stopwatch watch;
	uint64_t cost;
	double busy;

	result->value = 1e18;
	for (int i = 0; i < LOG_ROUNDS; i++) {
		int error = one_batch(guest, plan, plan->turns, &cost);

		if (error)
			return error;
		stopwatch_start(&watch);
		error = get_and_clear(guest, plan);
		busy = stopwatch_stop(&watch).busy;
		if (error)
			return error;
		if (count_dirty(plan) != plan->turns)
			result_fail(result, "the log missed pages");
		if (busy < result->value)
			result->value = busy;
	}
	return 0;
}

static void measure_log(struct bench *bench, const struct row *row, struct result *result)
{
	measure(bench, row->plan, result, measure_log_rounds);
}

/* ---- the table ---- */

#define COST(name, ...)								\
	{ name, measure_cost, &(const struct plan){ __VA_ARGS__ } }

#define TOUCH(name, how, ...)							\
	COST(name, .payload = PAYLOAD_TOUCH, .turns = 512, .batches = 8, .own = 4, \
	     .set_up = make_region, .before = how, .take_down = drop_region, __VA_ARGS__)

const struct row guest_rows[] = {
	COST("pio-write", .payload = PAYLOAD_PIO_WRITE, .turns = 128, .batches = 24, .own = 3),
	COST("pio-read", .payload = PAYLOAD_PIO_READ, .turns = 128, .batches = 24, .own = 3),
	COST("mmio-write", .payload = PAYLOAD_MMIO_WRITE, .turns = 128, .batches = 24, .own = 3),
	COST("mmio-read", .payload = PAYLOAD_MMIO_READ, .turns = 128, .batches = 24, .own = 3,
	     .answer = 0x5a),
	COST("cpuid", .payload = PAYLOAD_CPUID, .turns = 128, .batches = 24, .own = 4),
	COST("hypercall", .payload = PAYLOAD_VMCALL, .amd_payload = PAYLOAD_VMMCALL, .turns = 128,
	     .batches = 24, .own = 4, .answer = -1000),
	COST("rdmsr-apic-base", .payload = PAYLOAD_RDMSR, .turns = 128, .batches = 24, .own = 3),
	COST("wrmsr-deadline", .payload = PAYLOAD_WRMSR_DEADLINE, .turns = 128, .batches = 24,
	     .own = 9, .delta_us = 500000, .needs_x2apic = true, .needs_deadline = true),
	COST("self-ipi", .payload = PAYLOAD_SELF_IPI, .turns = 64, .batches = 24, .own = 12,
	     .needs_x2apic = true, .interrupts = true),
	COST("timer", .payload = PAYLOAD_TIMER, .turns = 8, .batches = 24, .own = 17, .spin_own = 3,
	     .delta_us = 100, .needs_x2apic = true, .needs_deadline = true, .interrupts = true),
	{ "timer-lateness", measure_late, &(const struct plan){
		.payload = PAYLOAD_LATENESS, .turns = 64, .delta_us = 1500,
		.needs_x2apic = true, .needs_deadline = true, .interrupts = true } },
	COST("ioeventfd", .payload = PAYLOAD_IOEVENTFD, .turns = 128, .batches = 24, .own = 3,
	     .set_up = set_up_ioeventfd),
	COST("irqfd", .payload = PAYLOAD_IRQFD, .turns = 64, .batches = 24, .own = 10,
	     .needs_x2apic = true, .interrupts = true, .set_up = set_up_irqfd),
	TOUCH("touch-fresh", before_fresh, .anonymous = true),
	TOUCH("touch-present", before_present, .anonymous = true),
	TOUCH("touch-fresh-memfd", before_fresh, .anonymous = false),
	TOUCH("touch-present-memfd", before_present, .anonymous = false),
	COST("write-clean", .payload = PAYLOAD_TOUCH, .turns = 512, .batches = 8, .own = 4,
	     .anonymous = true, .log = true, .set_up = make_logged_region,
	     .before = get_and_clear, .take_down = drop_region),
	{ "dirty-log", measure_log, &(const struct plan){
		.payload = PAYLOAD_TOUCH, .turns = LOG_PAGES, .anonymous = true, .log = true,
		.set_up = make_logged_region, .take_down = drop_region } },
	{ NULL, NULL, NULL },
};

#define PAIR(name, ...)								\
	COST(name, .turns = 32, .batches = 24, .spin_own = 4, .needs_x2apic = true, \
	     .interrupts = true, .set_up = set_up_peer, .take_down = take_down_peer, __VA_ARGS__)

const struct row pair_rows[] = {
	PAIR("ipi-running", .payload = PAYLOAD_IPI_TO_SPINNER, .peer_payload = PAYLOAD_SPINNER,
	     .own = 14),
	PAIR("ipi-halted", .payload = PAYLOAD_IPI_TO_SLEEPER, .peer_payload = PAYLOAD_SLEEPER,
	     .own = 17 + 3 * SETTLE),
	{ NULL, NULL, NULL },
};
