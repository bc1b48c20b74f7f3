/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a machine ends. The thread that turns `end` away from RUNNING owns
 * `error` until the loop has quit; nobody reads it before.
 */
#include "machine.h"

#include "lib/errors.h"

/* In between: somebody has won and is writing the error. */
#define CLAIMED (-1)

void machine_end_with(struct machine *machine, enum machine_end how,
		      const struct btn_error *error)
{
	int running = MACHINE_RUNNING;

	if (!__atomic_compare_exchange_n(&machine->end, &running, CLAIMED, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (error && machine->error)
		*machine->error = *error;
	__atomic_store_n(&machine->end, (int)how, __ATOMIC_SEQ_CST);
	loop_quit(machine->loop, how);
}

void machine_end(struct machine *machine, enum machine_end how)
{
	machine_end_with(machine, how, NULL);
}

enum machine_end machine_how_ended(struct machine *machine)
{
	int end = __atomic_load_n(&machine->end, __ATOMIC_SEQ_CST);

	return end == CLAIMED ? MACHINE_RUNNING : (enum machine_end)end;
}
