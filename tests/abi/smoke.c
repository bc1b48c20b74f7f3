// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-smoke: the smallest program that runs a guest on /dev/baton. One VM, one
 * vCPU, a few bytes of real-mode code; each step is checked. Prints one line;
 * exit status 0 if all went well. Read this first to see how the ABI is used.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "baton_ioctl.h"

#define MEMORY 0x10000u
#define CODE 0x1000u
#define DATA 0x2000u

/* Two ports, CPUID, a value in memory, HLT. */
static const unsigned char code[] = {
	0xb0, 0x42,			/* mov $0x42, %al */
	0xe6, 0x10,			/* out %al, $0x10 */
	0xe4, 0x11,			/* in $0x11, %al */
	0xa2, DATA & 0xff, DATA >> 8,	/* mov %al, DATA */
	0x66, 0x31, 0xc0,		/* xor %eax, %eax */
	0x0f, 0xa2,			/* cpuid */
	0x66, 0x89, 0xd8,		/* mov %ebx, %eax */
	0x66, 0xe7, 0x12,		/* out %eax, $0x12 */
	0xf4,				/* hlt */
};

struct smoke {
	int sys, vm, vcpu;
	struct baton_info info;
	struct baton_cpuid_entry cpuid[BATON_MAX_CPUID];
	uint32_t cpuid_count;
	unsigned char *memory;
	struct baton_run *run;
	const char *step;		/* for the message */
};

/* Notes the step; true if it went well. */
static bool step(struct smoke *s, const char *name, bool good)
{
	if (!good)
		s->step = name;
	return good;
}

static bool open_device(struct smoke *s)
{
	struct baton_cpuid list = {
		.count = BATON_MAX_CPUID, .entries = (uintptr_t)s->cpuid,
	};

	s->sys = open(BATON_DEVICE, O_RDWR | O_CLOEXEC);
	if (!step(s, "open " BATON_DEVICE, s->sys >= 0) ||
	    !step(s, "BATON_GET_INFO", !ioctl(s->sys, BATON_GET_INFO, &s->info)) ||
	    !step(s, "ABI version", s->info.abi_major == BATON_ABI_MAJOR) ||
	    !step(s, "refusal", !s->info.refusal) ||
	    !step(s, "BATON_GET_CPUID", !ioctl(s->sys, BATON_GET_CPUID, &list)))
		return false;
	s->cpuid_count = list.count;
	return true;
}

static bool create_vm(struct smoke *s)
{
	struct baton_create_vm vm = { 0 };
	struct baton_slot slot = { .size = MEMORY };

	s->vm = ioctl(s->sys, BATON_CREATE_VM, &vm);
	s->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	slot.hva = (uintptr_t)s->memory;
	if (!step(s, "BATON_CREATE_VM", s->vm >= 0) ||
	    !step(s, "mmap of memory", s->memory != MAP_FAILED) ||
	    !step(s, "BATON_SET_SLOT", !ioctl(s->vm, BATON_SET_SLOT, &slot)))
		return false;
	memcpy(s->memory + CODE, code, sizeof(code));
	return true;
}

static bool create_vcpu(struct smoke *s)
{
	struct baton_create_vcpu vcpu = { .id = 0 };
	struct baton_cpuid list = { .count = s->cpuid_count, .entries = (uintptr_t)s->cpuid };
	void *run;

	s->vcpu = ioctl(s->vm, BATON_CREATE_VCPU, &vcpu);
	if (!step(s, "BATON_CREATE_VCPU", s->vcpu >= 0))
		return false;
	run = mmap(NULL, s->info.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, s->vcpu, 0);
	s->run = run;
	return step(s, "mmap of the run page", run != MAP_FAILED) &&
	       step(s, "BATON_SET_CPUID", !ioctl(s->vcpu, BATON_SET_CPUID, &list));
}

/* From the processor's reset state to the code: 0000:1000. */
static bool set_registers(struct smoke *s)
{
	struct baton_regs regs = { .rip = CODE, .rflags = 2 };
	struct baton_sregs sregs;

	if (!step(s, "BATON_GET_SREGS", !ioctl(s->vcpu, BATON_GET_SREGS, &sregs)))
		return false;
	sregs.seg[BATON_CS].selector = 0;
	sregs.seg[BATON_CS].base = 0;
	return step(s, "BATON_SET_SREGS", !ioctl(s->vcpu, BATON_SET_SREGS, &sregs)) &&
	       step(s, "BATON_SET_REGS", !ioctl(s->vcpu, BATON_SET_REGS, &regs));
}

static bool run_to_port(struct smoke *s, unsigned int port, unsigned int size, bool in)
{
	const struct baton_exit_pio *pio = &s->run->pio;

	return !ioctl(s->vcpu, BATON_RUN, 0) && s->run->exit_reason == BATON_EXIT_PIO &&
	       pio->port == port && pio->size == size && pio->flags == (in ? BATON_PIO_IN : 0);
}

static uint32_t vendor_ebx(const struct smoke *s)
{
	for (uint32_t i = 0; i < s->cpuid_count; i++)
		if (s->cpuid[i].leaf == 0)
			return s->cpuid[i].ebx;
	return 0;
}

static void *kick(void *argument)
{
	struct smoke *s = argument;

	usleep(20000);
	ioctl(s->vcpu, BATON_KICK, 0);
	return NULL;
}

/* Nothing wakes the guest from its HLT but the kick. */
static bool run_to_halt(struct smoke *s)
{
	struct baton_events events;
	pthread_t thread;
	int error;

	if (pthread_create(&thread, NULL, kick, s))
		return step(s, "thread", false);
	error = ioctl(s->vcpu, BATON_RUN, 0);
	pthread_join(thread, NULL);
	return step(s, "HLT and BATON_KICK", !error && s->run->exit_reason == BATON_EXIT_NONE) &&
	       step(s, "BATON_GET_EVENTS", !ioctl(s->vcpu, BATON_GET_EVENTS, &events)) &&
	       step(s, "mp_state", events.mp_state == BATON_MP_HALTED);
}

static bool run_guest(struct smoke *s)
{
	if (!step(s, "OUT", run_to_port(s, 0x10, 1, false) && s->run->pio.data == 0x42) ||
	    !step(s, "IN", run_to_port(s, 0x11, 1, true)))
		return false;
	s->run->pio.data = 0x17;
	return step(s, "CPUID", run_to_port(s, 0x12, 4, false) &&
				s->run->pio.data == vendor_ebx(s)) &&
	       step(s, "answer to IN in memory", s->memory[DATA] == 0x17) && run_to_halt(s);
}

int main(void)
{
	static struct smoke s;

	if (open_device(&s) && create_vm(&s) && create_vcpu(&s) && set_registers(&s) &&
	    run_guest(&s)) {
		puts("baton-smoke: the guest ran");
		return 0;
	}
	printf("baton-smoke: failed: %s (errno %d, %s; refusal %u; exit reason %u)\n", s.step,
	       errno, strerror(errno), s.info.refusal,
	       s.run && s.run != MAP_FAILED ? s.run->exit_reason : 0);
	return 1;
}
