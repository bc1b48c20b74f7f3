// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host that the module's pure parts see in userland: memory that can run
 * out, a clock that a test moves, two made-up processors.
 */
#include "kshim.h"

long kshim_fail_alloc = -1;
int kshim_locks_held, kshim_rcu_depth;
ktime_t kshim_now;
unsigned int tsc_khz = 2000000;
u64 kshim_cpu_features = ~0ull;
u64 kshim_wrmsr_count;
u64 kshim_xcr0 = 7;
bool (*kshim_host_rdmsr)(u32 index, u64 *value);
bool (*kshim_user_fault)(unsigned long address, size_t size);
struct cpuinfo_x86 boot_cpu_data = {
	.x86 = 6, .x86_phys_bits = 40, .x86_virt_bits = 48,
	.x86_capability = { [0 ... KSHIM_CPUID_WORDS - 1] = ~0u },
};
struct thread_info kshim_thread_info;
static struct mm_struct task_mm;
static struct task_struct task = { .mm = &task_mm };
struct task_struct *current = &task;
static struct hrtimer *timers;

void *kshim_alloc(size_t size, size_t align)
{
	void *p;

	if (kshim_fail_alloc >= 0 && kshim_fail_alloc-- == 0)
		return NULL;
	if (!size)
		size = 1;
	/* A small object keeps its exact size, so that ASan sees every overrun. */
	if (align <= 64)
		return calloc(1, size);
	p = aligned_alloc(align, ALIGN(size, align));
	return p ? memset(p, 0, size) : NULL;
}

unsigned int kshim_ipi_cpus;

void kshim_each_cpu_cond(bool (*cond)(int cpu, void *arg), void (*fn)(void *arg), void *arg)
{
	int cpu;

	for (cpu = 0; cpu < 8; cpu++) {
		if (!cond(cpu, arg))
			continue;
		kshim_ipi_cpus |= 1u << cpu;
		fn(arg);
	}
}

u64 rdtsc(void)
{
	return (u64)((u128)kshim_now * tsc_khz / 1000000);
}

void hrtimer_init(struct hrtimer *timer, int clock, enum hrtimer_mode mode)
{
	(void)clock, (void)mode;
	memset(timer, 0, sizeof(*timer));
	timer->next = timers;
	timers = timer;
}

void hrtimer_start(struct hrtimer *timer, ktime_t when, enum hrtimer_mode mode)
{
	(void)mode;
	timer->expires = when;
	timer->active = true;
}

int hrtimer_cancel(struct hrtimer *timer)
{
	bool was = timer->active;

	timer->active = false;
	return was;
}

static struct hrtimer *first_due(ktime_t until)
{
	struct hrtimer *t, *first = NULL;

	for (t = timers; t; t = t->next)
		if (t->active && t->expires <= until && (!first || t->expires < first->expires))
			first = t;
	return first;
}

void kshim_advance(u64 ns)
{
	ktime_t until = kshim_now + (s64)ns;
	struct hrtimer *t;

	while ((t = first_due(until))) {
		if (t->expires > kshim_now)
			kshim_now = t->expires;
		t->active = false;
		if (t->function(t) == HRTIMER_RESTART)
			t->active = true;
	}
	kshim_now = until;
}

unsigned long kshim_totalram = 1 << 20;
unsigned int kshim_lock_breaks;
bool kshim_irqs_off;

void kshim_reset(void)
{
	kshim_totalram = 1 << 20;
	timers = NULL;
	kshim_now = 1000000000;
	kshim_fail_alloc = -1;
	kshim_locks_held = kshim_rcu_depth = 0;
	kshim_irqs_off = false;
}

/* Everything set where the table is about masks; real numbers where they matter. */
const struct kshim_cpuid kshim_intel_cpuid[] = {
	{ 0x0, 0, 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69 },
	{ 0x1, 0, 0x000306c3, 0x00100800, 0xffffffff, 0xffffffff },
	{ 0x2, 0, 0x76036301, 0x00f0b5ff, 0, 0x00c10000 },
	{ 0x4, 0, 0x1c004121, 0x01c0003f, 0x3f, 0 },
	{ 0x4, 1, 0x1c004122, 0x01c0003f, 0x3f, 0 },
	{ 0x5, 0, 0x40, 0x40, 3, 0x2120 },
	{ 0x6, 0, 0x77, 2, 9, 0 },
	{ 0x7, 0, 2, 0xffffffff, 0xffffffff, 0xffffffff },
	{ 0x7, 1, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
	{ 0x7, 2, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
	{ 0xa, 0, 0x07300403, 0, 0, 0x603 },
	{ 0xb, 0, 1, 2, 0x100, 0 },
	{ 0xb, 1, 4, 8, 0x201, 0 },
	{ 0xd, 0, 0x2e7, 0xa88, 0xa88, 0 },
	{ 0xd, 1, 0x1f, 0x988, 0x100, 0 },
	{ 0xd, 2, 0x100, 0x240, 0, 0 },
	{ 0xd, 5, 0x40, 0x440, 0, 0 },
	{ 0xd, 6, 0x200, 0x480, 0, 0 },
	{ 0xd, 7, 0x400, 0x680, 0, 0 },
	{ 0x14, 0, 1, 0xf, 7, 0 },
	{ 0x16, 0, 2000, 3000, 100, 0 },
	{ 0x80000000, 0, 0x80000008, 0, 0, 0 },
	{ 0x80000001, 0, 0, 0, 0x121, 0x2c100800 },
	{ 0x80000002, 0, 0x68736b4d, 0x20306d69, 0x55504320, 0 },
	{ 0x80000006, 0, 0, 0, 0x01006040, 0 },
	{ 0x80000007, 0, 0, 0, 0, 0x100 },
	{ 0x80000008, 0, 0x3027, 0, 0, 0 },
	{ ~0u, 0, 0, 0, 0, 0 },
};

const struct kshim_cpuid kshim_amd_cpuid[] = {
	{ 0x0, 0, 0x10, 0x68747541, 0x444d4163, 0x69746e65 },
	{ 0x1, 0, 0x00830f10, 0x00100800, 0xffffffff, 0xffffffff },
	{ 0x5, 0, 0x40, 0x40, 3, 0x11 },
	{ 0x6, 0, 4, 0, 1, 0 },
	{ 0x7, 0, 0, 0xffffffff, 0xffffffff, 0xffffffff },
	{ 0xd, 0, 0x207, 0x340, 0x380, 0 },
	{ 0xd, 1, 0xf, 0x340, 0, 0 },
	{ 0xd, 2, 0x100, 0x240, 0, 0 },
	{ 0x80000000, 0, 0x80000021, 0x68747541, 0x444d4163, 0x69746e65 },
	{ 0x80000001, 0, 0x00830f10, 0, 0xffffffff, 0xffffffff },
	{ 0x80000005, 0, 0xff40ff40, 0xff40ff40, 0x20080140, 0x20080140 },
	{ 0x80000006, 0, 0x48006400, 0x68006400, 0x02006140, 0x01009140 },
	{ 0x80000007, 0, 0, 0xffffffff, 0, 0x7fff },
	{ 0x80000008, 0, 0x3030, 0xffffffff, 0x700f, 0 },
	{ 0x8000000a, 0, 1, 0x8000, 0, 0xffffffff },
	{ 0x8000001d, 0, 0x121, 0x01c0003f, 0x3f, 0 },
	{ 0x8000001e, 0, 0, 0x100, 0, 0 },
	{ 0x8000001f, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0 },
	{ 0x80000021, 0, 0xffffffff, 0, 0, 0 },
	{ ~0u, 0, 0, 0, 0, 0 },
};

const struct kshim_cpuid *kshim_host_cpuid = kshim_intel_cpuid;

void cpuid_count(u32 leaf, u32 subleaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	const struct kshim_cpuid *c;

	*eax = *ebx = *ecx = *edx = 0;
	for (c = kshim_host_cpuid; c->leaf != ~0u; c++) {
		if (c->leaf != leaf || c->subleaf != subleaf)
			continue;
		*eax = c->eax;
		*ebx = c->ebx;
		*ecx = c->ecx;
		*edx = c->edx;
	}
}
