// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-both-engines [ROUNDS]: a guest of KVM's and one of Baton's at once, on the same
 * processor: in two threads; turn by turn in one thread; and KVM's coming and going while
 * Baton's lives on. Both have the same code: each round it checks and rewrites its memory,
 * compares registers that the other guest has other values in, and waits for one timer
 * interrupt, of which none may be missing or too many. Exit status 0 if all of it went well.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "both_engines.h"
#include "expect.h"
#include "hv.h"

struct twin {
	struct hv *engine;
	struct hv_vm *vm;
	struct hv_vcpu *vcpu;
	unsigned char *memory;
	const char *name;
	uint64_t mark;
	unsigned int rounds;	/* done */
	bool over;
};

/* Rounds that came after one of the other guest's. */
static _Atomic(const struct twin *) last;
static atomic_uint turns;

/* ---- the guest ---- */

struct gate {
	uint16_t low, selector, flags, middle;
	uint32_t high, zero;
};

static void set_gate(struct twin *t, unsigned int vector, uint32_t to)
{
	((struct gate *)(t->memory + IDT))[vector] = (struct gate){
		.low = (uint16_t)to, .selector = 8, .flags = 0x8e00, .middle = (uint16_t)(to >> 16),
	};
}

/* Long mode, 4 MiB one to one; a vector that is not expected ends the guest. */
static void write_memory(struct twin *t)
{
	uint64_t *gdt = (uint64_t *)(t->memory + GDT), *level = (uint64_t *)(t->memory + TABLES);
	uint64_t at;

	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	level[0] = TABLES + 0x1007;
	level[512] = TABLES + 0x2007;
	level[1024] = 0x87;
	level[1025] = 0x200087;
	memcpy(t->memory + CODE, both_guest, (size_t)(both_guest_end - both_guest));
	for (unsigned int i = 0; i < 256; i++)
		set_gate(t, i, CODE + (uint32_t)(both_guest_bad - both_guest));
	set_gate(t, VECTOR, CODE + (uint32_t)(both_guest_timer - both_guest));
	for (at = AREA; at < AREA_END; at += STRIDE)
		*(uint64_t *)(t->memory + at) = at ^ t->mark;
}

static void set_state(struct twin *t)
{
	struct baton_regs regs = { .rip = CODE, .rflags = 2 };
	struct baton_sregs s;

	EXPECT(!hv_vcpu_get_sregs(t->vcpu, &s));
	for (unsigned int i = BATON_ES; i <= BATON_GS; i++)
		s.seg[i] = (struct baton_segment){ 0, ~0u, 16, 0xc093 };
	s.seg[BATON_CS] = (struct baton_segment){ 0, ~0u, 8, 0xa09b };
	s.seg[BATON_TR] = (struct baton_segment){ TSS, 0x67, 32, 0x8b };
	s.gdt = (struct baton_dtable){ .base = GDT, .limit = 8 * 8 - 1 };
	s.idt = (struct baton_dtable){ .base = IDT, .limit = 4095 };
	s.cr0 = 0x80010033;
	s.cr3 = TABLES;
	s.cr4 = 0x620;		  /* PAE, OSFXSR, OSXMMEXCPT */
	s.efer = 0x501;		  /* SCE, LME, LMA */
	s.apic_base = 0xfee00d00; /* x2APIC */
	EXPECT(!hv_vcpu_set_sregs(t->vcpu, &s));
	regs.gpr[BATON_RSP] = STACK;
	regs.gpr[BATON_R14] = DATA;
	regs.gpr[BATON_R15] = t->mark;
	EXPECT(!hv_vcpu_set_regs(t->vcpu, &regs));
}

static bool twin_start(struct twin *t, enum hv_engine which, uint64_t mark)
{
	static struct baton_cpuid_entry cpuid[BATON_MAX_CPUID];
	uint32_t count = BATON_MAX_CPUID;
	struct hv_slot slot = { .size = MEMORY };
	struct hv_failure why[2];

	*t = (struct twin){ .mark = mark };
	if (hv_open(which, &t->engine, why)) {
		printf("no engine: step %s, error %d\n", why[which == HV_ENGINE_KVM].step,
		       why[which == HV_ENGINE_KVM].error);
		failures++;
		return false;
	}
	t->name = hv_get_info(t->engine)->name;
	t->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	slot.hva = t->memory;
	write_memory(t);
	EXPECT(!hv_vm_create(t->engine, &t->vm));
	EXPECT(!hv_vm_set_slot(t->vm, &slot));
	EXPECT(!hv_vcpu_create(t->vm, 0, &t->vcpu));
	EXPECT(!hv_supported_cpuid(t->engine, cpuid, &count));
	EXPECT(!hv_vcpu_set_cpuid(t->vcpu, cpuid, count));
	set_state(t);
	return true;
}

/* What the guest wrote in its last round is what the host sees, and each timer came once. */
static void twin_end(struct twin *t)
{
	struct both_data *data = (struct both_data *)(t->memory + DATA);
	uint64_t at;

	EXPECT(data->ticks == data->armed && data->ticks == t->rounds);
	for (at = AREA; at < AREA_END; at += STRIDE)
		if (*(uint64_t *)(t->memory + at) != (at ^ t->mark ^ t->rounds))
			break;
	EXPECT(at == AREA_END);
	printf("  %s: %u rounds, %u timer interrupts of %u\n", t->name, t->rounds, data->ticks,
	       data->armed);
	hv_vcpu_destroy(t->vcpu);
	hv_vm_destroy(t->vm);
	hv_close(t->engine);
	munmap(t->memory, MEMORY);
}

/* ---- running ---- */

static void count_turn(const struct twin *t)
{
	if (atomic_exchange(&last, t) != t)
		turns++;
}

/* False: it cannot go on. */
static bool answer(struct twin *t, const struct hv_exit *exit)
{
	struct both_data *data = (struct both_data *)(t->memory + DATA);

	if (exit->kind == HV_EXIT_NONE)
		return true;
	if (exit->kind == HV_EXIT_PIO && exit->pio.port == PORT_QUESTION && exit->pio.in) {
		*exit->pio.data = ~(uint32_t)data->round;
		return true;
	}
	if (exit->kind == HV_EXIT_PIO && exit->pio.port == PORT_ROUND) {
		t->rounds++;
		count_turn(t);
		return true;
	}
	printf("  %s: exit %d, port %#x in round %u: reason %u, found %#llx, not %#llx\n", t->name,
	       (int)exit->kind, exit->kind == HV_EXIT_PIO ? exit->pio.port : 0u, t->rounds,
	       data->reason, (unsigned long long)data->found, (unsigned long long)data->wanted);
	failures++;
	t->over = true;
	return false;
}

/* Until it has done so many rounds. */
static void run_to(struct twin *t, unsigned int rounds)
{
	struct hv_exit exit;

	while (!t->over && t->rounds < rounds) {
		if (hv_vcpu_run(t->vcpu, &exit)) {
			printf("  %s: does not run\n", t->name);
			failures++;
			t->over = true;
		} else {
			answer(t, &exit);
		}
	}
}

struct thread {
	struct twin *twin;
	unsigned int rounds;
	atomic_bool stop;
	pthread_t id;
};

static void *run_in_thread(void *ctx)
{
	struct thread *thread = ctx;

	run_to(thread->twin, thread->rounds);
	return NULL;
}

static void *run_until_stopped(void *ctx)
{
	struct thread *thread = ctx;

	while (!thread->stop && !thread->twin->over)
		run_to(thread->twin, thread->twin->rounds + 1);
	return NULL;
}

/* ---- the three ways ---- */

static void test_two_threads(unsigned int rounds)
{
	struct twin twins[2];
	struct thread threads[2];

	if (!twin_start(&twins[0], HV_ENGINE_KVM, 0x1111222233334444) ||
	    !twin_start(&twins[1], HV_ENGINE_BATON, 0x5555666677778888))
		return;
	for (unsigned int i = 0; i < 2; i++) {
		threads[i] = (struct thread){ .twin = &twins[i], .rounds = rounds };
		pthread_create(&threads[i].id, NULL, run_in_thread, &threads[i]);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i].id, NULL);
	for (unsigned int i = 0; i < 2; i++)
		twin_end(&twins[i]);
}

/* No other thread between them: KVM's VMCS stays the processor's current one. */
static void test_turn_by_turn(unsigned int rounds)
{
	struct twin twins[2];

	if (!twin_start(&twins[0], HV_ENGINE_BATON, 0x123456789abcdef0) ||
	    !twin_start(&twins[1], HV_ENGINE_KVM, 0x0fedcba987654321))
		return;
	for (unsigned int i = 1; i <= rounds; i++)
		for (unsigned int j = 0; j < 2; j++)
			run_to(&twins[j], i);
	for (unsigned int i = 0; i < 2; i++)
		twin_end(&twins[i]);
}

/* Before 6.12, KVM has VMX operation on while it has VMs, and off between them. */
static void test_comes_and_goes(unsigned int rounds)
{
	struct twin ours, theirs;
	struct thread thread = { .twin = &ours };

	if (!twin_start(&ours, HV_ENGINE_BATON, 0xaaaabbbbccccdddd))
		return;
	pthread_create(&thread.id, NULL, run_until_stopped, &thread);
	for (unsigned int i = 0; i < 10; i++) {
		if (!twin_start(&theirs, HV_ENGINE_KVM, 0x9999000011112222 + i))
			break;
		run_to(&theirs, rounds / 10);
		twin_end(&theirs);
	}
	thread.stop = true;
	pthread_join(thread.id, NULL);
	twin_end(&ours);
}

static const struct {
	const char *name;
	void (*run)(unsigned int rounds);
} tests[] = {
	{ "two threads", test_two_threads },
	{ "turn by turn", test_turn_by_turn },
	{ "KVM comes and goes", test_comes_and_goes },
};

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 300;
	cpu_set_t cpu;

	setvbuf(stdout, NULL, _IOLBF, 0);
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	/* A guest that waits for a timer that does not come waits for ever. */
	alarm(300);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		int before = failures;

		last = NULL;
		turns = 0;
		tests[i].run(rounds);
		printf("  %u turns\n", turns);
		EXPECT(turns >= rounds / 4);
		printf("%s both engines: %s\n", failures == before ? "pass" : "FAIL",
		       tests[i].name);
	}
	return failures ? 1 : 0;
}
