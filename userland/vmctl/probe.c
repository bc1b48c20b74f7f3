// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device node that can be opened is not yet an engine that runs guests: some
 * hosts, VMs among them, have /dev/kvm and nothing behind it. See probe.h.
 */
#include "probe.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "hv.h"

#define MEMORY_SIZE 0x10000u
#define CODE 0x1000u
#define PORT 0x80u
#define ANSWER 0x5au
#define LIMIT_S 2

/* mov $ANSWER, %al; out %al, $PORT; hlt: in real mode, as a reset leaves it */
static const uint8_t code[] = { 0xb0, ANSWER, 0xe6, PORT, 0xf4 };

struct probe {
	struct hv_vm *vm;
	struct hv_vcpu *vcpu;
	void *memory;
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool is_over;		/* lock */
};

/* Gets the vCPU out when the time is up, again and again: until it is out. */
static void *watch(void *ctx)
{
	struct probe *probe = ctx;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	pthread_mutex_lock(&probe->lock);
	while (!probe->is_over) {
		until.tv_sec += LIMIT_S;
		if (pthread_cond_timedwait(&probe->over, &probe->lock, &until) == ETIMEDOUT)
			hv_vcpu_kick(probe->vcpu);
	}
	pthread_mutex_unlock(&probe->lock);
	return NULL;
}

static int create(struct probe *probe, struct hv *hv)
{
	struct hv_slot slot = { .size = MEMORY_SIZE };
	int error = hv_vm_create(hv, &probe->vm);

	if (error)
		return error;
	probe->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (probe->memory == MAP_FAILED)
		return -errno;
	memcpy((uint8_t *)probe->memory + CODE, code, sizeof(code));
	slot.hva = probe->memory;
	error = hv_vm_set_slot(probe->vm, &slot);
	return error ? error : hv_vcpu_create(probe->vm, 0, &probe->vcpu);
}

static int set_registers(struct probe *probe)
{
	struct baton_regs regs = { .rip = CODE, .rflags = 2 };
	struct baton_sregs sregs;
	int error = hv_vcpu_get_sregs(probe->vcpu, &sregs);

	if (error)
		return error;
	sregs.seg[BATON_CS].selector = 0;
	sregs.seg[BATON_CS].base = 0;
	error = hv_vcpu_set_sregs(probe->vcpu, &sregs);
	return error ? error : hv_vcpu_set_regs(probe->vcpu, &regs);
}

static int run(struct probe *probe)
{
	struct timespec start, now;
	struct hv_exit exit;
	int error;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		error = hv_vcpu_run(probe->vcpu, &exit);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!error && exit.kind == HV_EXIT_NONE && now.tv_sec - start.tv_sec < LIMIT_S);
	if (error)
		return error;
	if (exit.kind == HV_EXIT_NONE)
		return -ETIME;
	return exit.kind == HV_EXIT_PIO && exit.pio.port == PORT && !exit.pio.in &&
	       *exit.pio.data == ANSWER ? 0 : -EIO;
}

static int run_watched(struct probe *probe)
{
	pthread_t watcher;
	int error = -pthread_create(&watcher, NULL, watch, probe);

	if (error)
		return error;
	error = run(probe);
	pthread_mutex_lock(&probe->lock);
	probe->is_over = true;
	pthread_cond_signal(&probe->over);
	pthread_mutex_unlock(&probe->lock);
	pthread_join(watcher, NULL);
	return error;
}

int probe_engine(struct hv *hv)
{
	struct probe probe = {
		.memory = MAP_FAILED,
		.lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER,
	};
	int error = create(&probe, hv);

	if (!error)
		error = set_registers(&probe);
	if (!error)
		error = run_watched(&probe);
	hv_vcpu_destroy(probe.vcpu);
	hv_vm_destroy(probe.vm);
	if (probe.memory != MAP_FAILED)
		munmap(probe.memory, MEMORY_SIZE);
	return error;
}
