/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a machine ends, and stands still. The thread that turns `end` away from
 * RUNNING owns `error` until the loop has quit; nobody reads it before. machine.lock
 * is a leaf.
 */
#include "machine.h"

#include <unistd.h>

#include "lib/errors.h"

/* In between: somebody has won and is writing the error. */
#define CLAIMED (-1)

void machine_end_with(struct machine *machine, enum machine_end how,
		      const struct btn_error *error)
{
	int running = MACHINE_RUNNING;

	if (how == MACHINE_KILLED)
		__atomic_store_n(&machine->killed, true, __ATOMIC_SEQ_CST);
	if (!__atomic_compare_exchange_n(&machine->end, &running, CLAIMED, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (error && machine->error)
		*machine->error = *error;
	pthread_mutex_lock(&machine->lock);
	__atomic_store_n(&machine->end, (int)how, __ATOMIC_SEQ_CST);
	__atomic_store_n(&machine->attention, true, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&machine->changed);
	pthread_mutex_unlock(&machine->lock);
	loop_quit(machine->loop, how);
}

void machine_end(struct machine *machine, enum machine_end how)
{
	machine_end_with(machine, how, NULL);
}

void machine_end_status(struct machine *machine, uint8_t status)
{
	__atomic_store_n(&machine->status, status, __ATOMIC_SEQ_CST);
	machine_end(machine, MACHINE_POWEROFF);
}

void machine_init(struct machine *machine, struct hv *hv, struct loop *loop,
		  struct btn_error *error)
{
	machine->hv = hv;
	machine->loop = loop;
	machine->error = error;
	machine->debug_fd = -1;
	pthread_mutex_init(&machine->lock, NULL);
	pthread_cond_init(&machine->changed, NULL);
}

void machine_fini(struct machine *machine)
{
	pthread_cond_destroy(&machine->changed);
	pthread_mutex_destroy(&machine->lock);
}

enum machine_end machine_how_ended(struct machine *machine)
{
	int end = __atomic_load_n(&machine->end, __ATOMIC_SEQ_CST);

	/* What would begin anew. */
	if ((end == MACHINE_RESET || end == MACHINE_TRIPLE_FAULT) &&
	    __atomic_load_n(&machine->killed, __ATOMIC_SEQ_CST))
		return MACHINE_KILLED;
	return end == CLAIMED ? MACHINE_RUNNING : (enum machine_end)end;
}

/* ---- standing still ---- */

static bool has_ended(struct machine *machine)
{
	return machine_how_ended(machine) != MACHINE_RUNNING;
}

static void set_waiting(struct machine *machine, bool paused, uint64_t held)
{
	machine->paused = paused;
	__atomic_store_n(&machine->held, held, __ATOMIC_RELAXED);
	__atomic_store_n(&machine->attention, paused || held || has_ended(machine),
			 __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&machine->changed);
}

static void set_paused(struct machine *machine, bool paused)
{
	pthread_mutex_lock(&machine->lock);
	set_waiting(machine, paused, machine->held);
	pthread_mutex_unlock(&machine->lock);
}

void machine_hold(struct machine *machine, uint64_t vcpus)
{
	pthread_mutex_lock(&machine->lock);
	set_waiting(machine, machine->paused, vcpus);
	pthread_mutex_unlock(&machine->lock);
}

uint64_t machine_held(const struct machine *machine)
{
	return __atomic_load_n(&machine->held, __ATOMIC_RELAXED);
}

void machine_break(struct machine *machine, unsigned int vcpu)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&machine->lock);
	set_waiting(machine, machine->paused, machine->held | 1ull << vcpu);
	pthread_mutex_unlock(&machine->lock);
	/* Never full: the debugger reads it. */
	if (machine->debug_fd >= 0 && write(machine->debug_fd, &one, sizeof(one)) < 0)
		return;
}

void machine_pause(struct machine *machine)
{
	set_paused(machine, true);
}

void machine_resume(struct machine *machine)
{
	set_paused(machine, false);
}

bool machine_is_paused(const struct machine *machine)
{
	return machine->paused; /* the main thread is who changes it */
}

/* A vCPU that has not got to machine_enter_vcpu() yet will stop before its first run. */
void machine_wait_paused(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	while (machine->waiting < machine->vcpus && !has_ended(machine))
		pthread_cond_wait(&machine->changed, &machine->lock);
	pthread_mutex_unlock(&machine->lock);
}

static void count_vcpu(struct machine *machine, int change)
{
	pthread_mutex_lock(&machine->lock);
	machine->vcpus += (unsigned int)change;
	pthread_cond_broadcast(&machine->changed);
	pthread_mutex_unlock(&machine->lock);
}

void machine_enter_vcpu(struct machine *machine)
{
	count_vcpu(machine, 1);
}

void machine_leave_vcpu(struct machine *machine)
{
	count_vcpu(machine, -1);
}

bool machine_stop_here(struct machine *machine, unsigned int vcpu)
{
	pthread_mutex_lock(&machine->lock);
	machine->waiting++;
	pthread_cond_broadcast(&machine->changed);
	while ((machine->paused || machine->held >> vcpu & 1) && !has_ended(machine))
		pthread_cond_wait(&machine->changed, &machine->lock);
	machine->waiting--;
	pthread_mutex_unlock(&machine->lock);
	return !has_ended(machine);
}
