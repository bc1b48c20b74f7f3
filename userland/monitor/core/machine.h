/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device may ask of the machine it is plugged into. The board puts its
 * devices together (board_micro.c); nothing registers itself. A device is one
 * file; its state is described by a field table so that save, migration and
 * debugging need no code of its own.
 */
#ifndef BATON_CORE_MACHINE_H
#define BATON_CORE_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus.h"
#include "irq.h"
#include "loop.h"
#include "memory.h"

struct btn_error;
struct hv;
struct hv_vm;
struct pci_host;

/* How the VM ended; also how baton-vm tells vmctl (exit status). */
enum machine_end {
	MACHINE_RUNNING = 0,
	MACHINE_POWEROFF,	/* guest asked for it: exit status 0 */
	MACHINE_RESET,		/* guest asked for it: baton-vm starts over */
	MACHINE_TRIPLE_FAULT,
	MACHINE_FAILED,		/* engine or host error, already reported */
	MACHINE_KILLED,		/* signal or ~. */
};

struct machine {
	struct hv *hv;
	struct hv_vm *vm;
	struct guest_memory *memory;
	struct bus *pio, *mmio;
	struct loop *loop;
	struct pci_host *pci;
	struct msi_sink msi;
	int end;		/* enum machine_end; atomic, see machine.c */
	uint8_t status;		/* atomic: what baton-vm exits with after POWEROFF */
	bool killed;		/* atomic: machine_end() was told so, sooner or later */
	struct btn_error *error;	/* of the call that set FAILED or TRIPLE_FAULT */

	/* Atomic: vCPUs have to look at the rest, which lock protects. */
	bool attention;
	bool paused;
	uint64_t held;		/* vCPUs that a debugger keeps from running, a bit each */
	int debug_fd;		/* eventfd: a vCPU has met a breakpoint; -1: nobody listens */
	unsigned int vcpus, waiting;	/* threads in their loop; of them, those that wait */
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

void machine_init(struct machine *machine, struct hv *hv, struct loop *loop,
		  struct btn_error *error);
void machine_fini(struct machine *machine);

/*
 * Ends the VM from any thread; the first call wins. But KILLED counts in any case against
 * RESET, whose machine is followed by another one: whoever ends a VM has ended it.
 */
void machine_end(struct machine *machine, enum machine_end how);
/*
 * The same with an error for people, which main prints once all threads have
 * ended. Any thread; the first call wins, and only its error is kept.
 */
void machine_end_with(struct machine *machine, enum machine_end how,
		      const struct btn_error *error);
/* POWEROFF with an exit status of baton-vm that is not 0. */
void machine_end_status(struct machine *machine, uint8_t status);
enum machine_end machine_how_ended(struct machine *machine);

/*
 * Pausing. Main thread: machine_pause(), then a kick for each vCPU, then
 * machine_wait_paused(), after which none executes the guest. The end of the machine
 * ends a pause, too.
 */
void machine_pause(struct machine *machine);
void machine_wait_paused(struct machine *machine);
void machine_resume(struct machine *machine);
bool machine_is_paused(const struct machine *machine);

/*
 * The same for a debugger, apart from pausing: a vCPU runs if neither forbids it. From
 * now on these are held and no others. Main thread, and before vCPUs run.
 */
void machine_hold(struct machine *machine, uint64_t vcpus);
uint64_t machine_held(const struct machine *machine);
/* A vCPU that met a breakpoint: holds itself and tells the debugger. */
void machine_break(struct machine *machine, unsigned int vcpu);

/* For the vCPUs' loops, around all of it: */
void machine_enter_vcpu(struct machine *machine);
void machine_leave_vcpu(struct machine *machine);
/* ... and before each run: is there a reason to wait, or to end? */
static inline bool machine_wants(struct machine *machine)
{
	return __atomic_load_n(&machine->attention, __ATOMIC_RELAXED);
}
/* Waits as long as it is to. False: the machine has ended. */
bool machine_stop_here(struct machine *machine, unsigned int vcpu);

/* A field of a device's state: where, how wide, what it is called. */
struct state_field {
	const char *name;
	uint16_t offset;	/* in the device's struct */
	uint16_t width;		/* bytes of one element: 1, 2, 4, 8 */
	uint16_t count;		/* elements */
};
#define STATE_FIELD(type, member)						\
	{ #member, offsetof(type, member), sizeof(((type *)0)->member), 1 }
#define STATE_ARRAY(type, member)						\
	{ #member, offsetof(type, member), sizeof(((type *)0)->member[0]),	\
	  sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]) }

#endif
