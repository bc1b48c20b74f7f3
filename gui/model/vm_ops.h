/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be done with a VM, one table: by the API for Baton's own, by libvirt for
 * others. Each call is asynchronous, shows at once in the VM's `pending`, and leaves
 * an error in its `problem`.
 */
#ifndef BATON_GUI_VM_OPS_H
#define BATON_GUI_VM_OPS_H

#include "model/vm.h"

enum vm_op {
	OP_START,	/* or goes on, if it is paused */
	OP_SHUT_DOWN, OP_POWER_OFF, OP_RESTART, OP_RESET, OP_PAUSE, OP_RESUME,
	OP_DELETE,	/* into the trash, or, of libvirt's, its definition for good */
	OP_RENAME,	/* argument: the new name */
	OP_COUNT,
};

/* Whether it makes sense now. */
gboolean vm_op_allowed(enum vm_op op, const BatonVm *vm);
/* It can be taken back afterwards. */
gboolean vm_op_has_undo(enum vm_op op, const BatonVm *vm);
/* "vmctl stop web1"; NULL: not Baton's. g_free(). */
char *vm_op_command(enum vm_op op, const BatonVm *vm, const char *argument);

void vm_op_run(enum vm_op op, BatonVm *vm, const char *argument, GCancellable *cancellable,
	       GAsyncReadyCallback callback, gpointer data);
gboolean vm_op_run_finish(BatonVm *vm, GAsyncResult *result, GError **error);

#endif
