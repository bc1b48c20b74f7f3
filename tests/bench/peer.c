// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest's second vCPU: it waits in its guest for interrupts of the first one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "hv.h"
#include "payload.h"

struct peer {
	struct guest *guest;
	unsigned int payload;
	struct hv_vcpu *vcpu;
	pthread_t thread;
	atomic_bool stop;
	atomic_int error;		/* why the thread has ended by itself */
};

static int stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* Only the first vCPU runs from its creation on. */
static int make_runnable(struct hv_vcpu *vcpu)
{
	struct baton_events events;
	int error = hv_vcpu_get_events(vcpu, &events);

	if (error)
		return error;
	events.mp_state = BATON_MP_RUNNABLE;
	return hv_vcpu_set_events(vcpu, &events);
}

static int load(struct peer *peer)
{
	struct bench *bench = peer->guest->bench;
	int error = hv_vcpu_set_cpuid(peer->vcpu, bench->cpuid, bench->cpuid_count);

	if (!error)
		error = guest_load_vcpu(peer->vcpu, peer->payload, GUEST_PEER_STACK_TOP);
	return error ? error : make_runnable(peer->vcpu);
}

/* It has nothing to ask of a monitor: each exit but a kick is a mistake. */
static void *run(void *data)
{
	struct peer *peer = data;
	struct hv_exit exit;
	int error = stay_on(1);

	if (!error)
		error = load(peer);
	while (!error && !atomic_load(&peer->stop)) {
		error = hv_vcpu_run(peer->vcpu, &exit);
		if (!error && exit.kind != HV_EXIT_NONE)
			error = -EPROTO;
	}
	atomic_store(&peer->error, error);
	return NULL;
}

static int wait_until_it_runs(struct peer *peer)
{
	uint64_t *ready = guest_shared(peer->guest, SHARED_PEER_READY);

	while (!__atomic_load_n(ready, __ATOMIC_ACQUIRE)) {
		if (atomic_load(&peer->error))
			return atomic_load(&peer->error);
		usleep(1000);
	}
	return 0;
}

int peer_start(struct guest *guest, unsigned int payload)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	int error = peer ? stay_on(0) : -ENOMEM;

	if (!error)
		error = hv_vcpu_create(guest->vm, 1, &peer->vcpu);
	if (error) {
		free(peer);
		return error;
	}
	peer->guest = guest;
	peer->payload = payload;
	error = -pthread_create(&peer->thread, NULL, run, peer);
	if (error) {
		hv_vcpu_destroy(peer->vcpu);
		free(peer);
		return error;
	}
	guest->peer = peer;
	return wait_until_it_runs(peer);
}

void peer_end(struct guest *guest)
{
	struct peer *peer = guest->peer;

	if (!peer)
		return;
	atomic_store(&peer->stop, true);
	hv_vcpu_kick(peer->vcpu);
	pthread_join(peer->thread, NULL);
	hv_vcpu_destroy(peer->vcpu);
	free(peer);
}
