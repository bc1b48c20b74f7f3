// SPDX-License-Identifier: GPL-2.0-or-later
/* Arguments of the fuzzer's calls: right ones, and what is wrong with them. */
#include <string.h>

#include "fuzz.h"

uint64_t fuzz_value(struct rng *rng)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 7, 8, 63, 64, 0xff, 0x100, 0xfff, 0x1000, 0xffff, 0x10000, 0x1b,
		0x6e0, 0x80b, 0x830, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0xc0000080,
		0xc0000103, 0xfee00000, 0xfee00900, 0x7fffffffe000, 0x7fffffffffff, 0x800000000000,
		0xffff800000000000, 0xffffffff80000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffff000, ~0ull,
	};

	switch (below(rng, 4)) {
	case 0:
		return rnd(rng);
	case 1:
		return rnd(rng) & ((1ull << below(rng, 64)) - 1);
	default:
		return odd[below(rng, sizeof(odd) / sizeof(odd[0]))] +
		       (one_in(rng, 8) ? rnd(rng) % 3 : 0);
	}
}

void fuzz_mutate(struct rng *rng, void *bytes, size_t size)
{
	unsigned char *p = bytes;
	unsigned int times = 1 + below(rng, 3);
	uint64_t value;
	size_t at;

	while (times--) {
		at = below(rng, size);
		if (one_in(rng, 2)) {
			p[at] ^= 1 << below(rng, 8);
			continue;
		}
		value = fuzz_value(rng);
		at &= ~7ull;
		memcpy(p + at, &value, at + 8 <= size ? 8 : size - at);
	}
}

/* An address for the kernel to write to or read from, mostly `good`. */
static void *address(struct actor *a, void *good)
{
	struct world *w = a->world;

	if (!one_in(&a->rng, 12))
		return good;
	switch (below(&a->rng, 7)) {
	case 0:
		return NULL;
	case 1:
		return (void *)0xffff888000000000ull;
	case 2:
		return w->edge + 4096 - below(&a->rng, 256);
	case 3:
		return w->readonly;
	case 4:
		return (char *)good + below(&a->rng, 16);
	case 5:
		return w->memory + below(&a->rng, FUZZ_MEMORY);
	default:
		return (void *)fuzz_value(&a->rng);
	}
}

static int some_fd(struct actor *a)
{
	struct world *w = a->world;

	if (!one_in(&a->rng, 16))
		return w->event[below(&a->rng, FUZZ_EVENTS)];
	switch (below(&a->rng, 4)) {
	case 0:
		return w->vm[below(&a->rng, FUZZ_VMS)].fd;
	case 1:
		return w->null;
	case 2:
		return w->sys;
	default:
		return fuzz_value(&a->rng);
	}
}

static void fill_create_vcpu(struct actor *a, void *arg)
{
	*(struct baton_create_vcpu *)arg = (struct baton_create_vcpu) {
		.id = one_in(&a->rng, 8) ? fuzz_value(&a->rng) : below(&a->rng, FUZZ_VCPUS + 1),
	};
}

static void fill_slot(struct actor *a, void *arg)
{
	struct rng *rng = &a->rng;
	struct baton_slot *slot = arg;
	uint64_t page = below(rng, FUZZ_MEMORY / 4096);

	*slot = (struct baton_slot) {
		.id = below(rng, 6), .flags = below(rng, 4), .gpa = page * 4096,
		.size = (1 + below(rng, FUZZ_MEMORY / 4096 - page)) * 4096ull,
		.hva = (uintptr_t)a->world->memory + page * 4096,
	};
	/* The whole memory, removal, memory elsewhere. */
	switch (below(rng, 8)) {
	case 0: case 1: case 2:
		slot->id = slot->gpa = 0;
		slot->flags = one_in(rng, 3) ? 0 : BATON_SLOT_LOG_DIRTY;
		slot->size = FUZZ_MEMORY;
		slot->hva = (uintptr_t)a->world->memory;
		break;
	case 3:
		slot->size = 0;
		break;
	case 4:
		slot->hva = (uintptr_t)a->world->readonly;
		slot->size = 4096;
		break;
	case 5:
		slot->gpa = fuzz_value(rng) & ~4095ull;
		break;
	}
}

static void fill_msi(struct actor *a, void *arg)
{
	*(struct baton_msi *)arg = (struct baton_msi) {
		.address = 0xfee00000 | (rnd(&a->rng) & (one_in(&a->rng, 2) ? 0x300c : 0xfffff)),
		.data = one_in(&a->rng, 2) ? 0x20 + below(&a->rng, 224) : rnd(&a->rng) & 0xcfff,
	};
}

static void fill_irqfd(struct actor *a, void *arg)
{
	struct baton_irqfd *irqfd = arg;

	*irqfd = (struct baton_irqfd) { .fd = some_fd(a), .flags = below(&a->rng, 2) };
	fill_msi(a, &irqfd->msi);
}

static void fill_resamplefd(struct actor *a, void *arg)
{
	*(struct baton_resamplefd *)arg = (struct baton_resamplefd) {
		.fd = some_fd(a), .resample_fd = some_fd(a), .flags = one_in(&a->rng, 3),
	};
}

static void fill_ioeventfd(struct actor *a, void *arg)
{
	static const unsigned char sizes[] = { 0, 1, 2, 4 };
	struct rng *rng = &a->rng;

	*(struct baton_ioeventfd *)arg = (struct baton_ioeventfd) {
		.address = below(rng, 256), .fd = some_fd(a), .size = sizes[below(rng, 4)],
		.flags = BATON_IOEVENTFD_PIO | (one_in(rng, 3) ? BATON_EVENTFD_OFF : 0),
	};
	if (one_in(rng, 4)) {
		((struct baton_ioeventfd *)arg)->flags |= BATON_IOEVENTFD_MATCH;
		((struct baton_ioeventfd *)arg)->match = below(rng, 256);
	}
	if (one_in(rng, 3)) {
		((struct baton_ioeventfd *)arg)->flags &= ~BATON_IOEVENTFD_PIO;
		((struct baton_ioeventfd *)arg)->address = below(rng, 2 * FUZZ_MEMORY);
	}
}

static void fill_clock(struct actor *a, void *arg)
{
	*(struct baton_clock *)arg = (struct baton_clock) {
		.guest_ns = one_in(&a->rng, 2) ? fuzz_value(&a->rng) : 0,
		.flags = one_in(&a->rng, 2),
	};
}

static void fill_dirty_log(struct actor *a, void *arg)
{
	*(struct baton_dirty_log *)arg = (struct baton_dirty_log) {
		.slot = one_in(&a->rng, 2) ? 0 : below(&a->rng, 6),
		.first = 64ull * below(&a->rng, 16),
		.count = one_in(&a->rng, 2) ? 64 : FUZZ_MEMORY / 4096,
		.bitmap = (uintptr_t)address(a, a->bitmap),
	};
	if (one_in(&a->rng, 2))
		((struct baton_dirty_log *)arg)->first = 0;
	a->bitmap[below(&a->rng, 64)] = rnd(&a->rng);
}

static void fill_get_list(struct actor *a, void *arg)
{
	/* count and address are at the same place in both lists */
	*(struct baton_cpuid *)arg = (struct baton_cpuid) {
		.count = one_in(&a->rng, 4) ? fuzz_value(&a->rng) : BATON_MAX_CPUID,
	};
}

static void fill_get_cpuid(struct actor *a, void *arg)
{
	fill_get_list(a, arg);
	((struct baton_cpuid *)arg)->entries = (uintptr_t)address(a, a->cpuid);
}

static void fill_get_msr_list(struct actor *a, void *arg)
{
	fill_get_list(a, arg);
	((struct baton_msrs *)arg)->entries = (uintptr_t)address(a, a->msrs);
}

void fuzz_leave_lm(const struct world *world, struct baton_cpuid_entry *entries, uint32_t count)
{
	uint32_t i;

	for (i = 0; world->qemu && i < count; i++)
		if (entries[i].leaf == 0x80000001)
			entries[i].edx &= ~(1u << 29);
}

static void fill_set_cpuid(struct actor *a, void *arg)
{
	if (one_in(&a->rng, 4) && a->cpuid_count)
		fuzz_mutate(&a->rng, &a->cpuid[below(&a->rng, a->cpuid_count)],
			    sizeof(a->cpuid[0]));
	fuzz_leave_lm(a->world, a->cpuid, BATON_MAX_CPUID);
	*(struct baton_cpuid *)arg = (struct baton_cpuid) {
		.count = one_in(&a->rng, 8) ? fuzz_value(&a->rng) : a->cpuid_count,
		.entries = (uintptr_t)address(a, a->cpuid),
	};
}

static void fill_msrs(struct actor *a, void *arg)
{
	static const uint32_t bases[] = { 0, 0x800, 0xc0000080, 0xc0000100, 0xc0010000, 0x4b564d00,
					  0x170, 0x200, 0x270, 0x40000000 };
	struct rng *rng = &a->rng;
	struct baton_msr *msr;
	unsigned int times = below(rng, 4);

	while (times--) {
		msr = &a->msrs[below(rng, a->msr_count ?: 1)];
		if (one_in(rng, 2))
			msr->index = bases[below(rng, 10)] + below(rng, 64);
		if (one_in(rng, 2))
			msr->data = fuzz_value(rng);
		msr->reserved = one_in(rng, 64);
	}
	*(struct baton_msrs *)arg = (struct baton_msrs) {
		.count = one_in(rng, 8) ? fuzz_value(rng) : below(rng, (a->msr_count ?: 1) + 1),
		.entries = (uintptr_t)address(a, a->msrs),
	};
}

static void fill_events(struct actor *a, void *arg)
{
	struct baton_events *events = arg;

	*events = (struct baton_events) {
		.flags = below(&a->rng, BATON_EV_MASK + 1), .mp_state = below(&a->rng, 3),
		.exception = below(&a->rng, 32), .interrupt = rnd(&a->rng),
		.sipi_vector = rnd(&a->rng), .error_code = fuzz_value(&a->rng),
	};
}

static void fill_guest_debug(struct actor *a, void *arg)
{
	struct baton_guest_debug *debug = arg;
	unsigned int i;

	*debug = (struct baton_guest_debug) {
		.flags = below(&a->rng, 16), .dr7 = fuzz_value(&a->rng) & 0xffff07ff,
	};
	for (i = 0; i < 4; i++)
		debug->dr[i] = one_in(&a->rng, 2) ? 0x1000 + below(&a->rng, 64) :
						    fuzz_value(&a->rng);
}

static void fill_intr(struct actor *a, void *arg)
{
	*(struct baton_intr *)arg = (struct baton_intr) { .level = below(&a->rng, 2) };
}

static void fill_apic_access(struct actor *a, void *arg)
{
	*(struct baton_apic_access *)arg = (struct baton_apic_access) {
		.offset = 16 * below(&a->rng, 64), .flags = below(&a->rng, 2),
	};
	if (((struct baton_apic_access *)arg)->flags)
		((struct baton_apic_access *)arg)->value = fuzz_value(&a->rng);
}

/* Of a class: starts from what its GET said last, whose number is one less. */
static void fill_state(struct actor *a, void *arg)
{
	memcpy(arg, a->last[_IOC_NR(a->call->cmd) - 1], _IOC_SIZE(a->call->cmd));
}

#define CALL(cmd, kind, weight, fill) { cmd, kind, weight, fill, #cmd }
const struct fuzz_call fuzz_calls[] = {
	CALL(BATON_GET_INFO, 's', 2, NULL),
	CALL(BATON_GET_CPUID, 's', 2, fill_get_cpuid),
	CALL(BATON_GET_MSR_LIST, 's', 2, fill_get_msr_list),
	CALL(BATON_CREATE_VCPU, 'v', 1, fill_create_vcpu),
	CALL(BATON_SET_SLOT, 'v', 16, fill_slot),
	CALL(BATON_SET_IRQFD, 'v', 8, fill_irqfd),
	CALL(BATON_SET_IOEVENTFD, 'v', 8, fill_ioeventfd),
	CALL(BATON_GET_CLOCK, 'v', 2, NULL),
	CALL(BATON_SET_CLOCK, 'v', 4, fill_clock),
	CALL(BATON_GET_DIRTY_LOG, 'v', 8, fill_dirty_log),
	CALL(BATON_CLEAR_DIRTY_LOG, 'v', 8, fill_dirty_log),
	CALL(BATON_GET_ACCESSED, 'v', 4, fill_dirty_log),
	CALL(BATON_SET_RESAMPLEFD, 'v', 6, fill_resamplefd),
	CALL(BATON_SEND_MSI, 'v', 10, fill_msi), CALL(BATON_GET_VM_STATS, 'v', 2, NULL),
	CALL(BATON_GET_REGS, 'c', 3, NULL), CALL(BATON_SET_REGS, 'c', 6, fill_state),
	CALL(BATON_GET_SREGS, 'c', 3, NULL), CALL(BATON_SET_SREGS, 'c', 8, fill_state),
	CALL(BATON_GET_DEBUGREGS, 'c', 3, NULL), CALL(BATON_SET_DEBUGREGS, 'c', 6, fill_state),
	CALL(BATON_GET_EVENTS, 'c', 3, NULL), CALL(BATON_SET_EVENTS, 'c', 8, fill_events),
	CALL(BATON_GET_XSAVE, 'c', 3, NULL), CALL(BATON_SET_XSAVE, 'c', 6, fill_state),
	CALL(BATON_GET_LAPIC, 'c', 3, NULL), CALL(BATON_SET_LAPIC, 'c', 6, fill_state),
	CALL(BATON_GET_MSRS, 'c', 6, fill_msrs), CALL(BATON_SET_MSRS, 'c', 10, fill_msrs),
	CALL(BATON_SET_CPUID, 'c', 6, fill_set_cpuid),
	CALL(BATON_SET_GUEST_DEBUG, 'c', 6, fill_guest_debug),
	CALL(BATON_APIC_ACCESS, 'c', 8, fill_apic_access),
	CALL(BATON_KICK, 'c', 4, NULL), CALL(BATON_NMI, 'c', 4, NULL),
	CALL(BATON_GET_STATS, 'c', 2, NULL), CALL(BATON_SET_INTR, 'c', 4, fill_intr),
};
const unsigned int fuzz_call_count = sizeof(fuzz_calls) / sizeof(fuzz_calls[0]);

void *fuzz_argument(struct actor *a, const struct fuzz_call *call)
{
	size_t size = _IOC_SIZE(call->cmd);

	memset(a->argument, 0, size);
	a->call = call;
	if (call->fill)
		call->fill(a, a->argument);
	if (size && one_in(&a->rng, call->fill == fill_state ? 2 : 12))
		fuzz_mutate(&a->rng, a->argument, size);
	return address(a, a->argument);
}

/* A GET went well: its SET starts from that. */
void fuzz_learn(struct actor *a, const struct fuzz_call *call)
{
	if (call->cmd == BATON_GET_CPUID)
		a->cpuid_count = ((struct baton_cpuid *)a->argument)->count % (BATON_MAX_CPUID + 1);
	else if (call->cmd == BATON_GET_MSR_LIST)
		a->msr_count = ((struct baton_msrs *)a->argument)->count % (BATON_MAX_MSRS + 1);
	else if (_IOC_DIR(call->cmd) == _IOC_READ)
		memcpy(a->last[_IOC_NR(call->cmd)], a->argument, _IOC_SIZE(call->cmd));
}
