// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INTx: the interrupt pin of a function, a level. What the device wants and what the
 * guest allows (command register) make what the chipset sees; it is told of changes.
 * One lock for all functions, a leaf but for the chipset's own, because devices call
 * with their locks held.
 * PCI Local Bus 3.0, sections 2.2.6 "Interrupt Pins" and 6.2.2 "Device Control".
 */
#include <linux/pci_regs.h>

#include "pci_private.h"

static void update_locked(struct pci_function *fn)
{
	const struct pci_host_config *c = &fn->host->config;
	bool level = fn->intx_level && !fn->intx_off;

	if (level == fn->intx_sent || !c->intx)
		return;
	fn->intx_sent = level;
	c->intx(c->intx_ctx, fn->slot, level);
}

void pci_intx_set(struct pci_function *fn, bool level)
{
	pthread_mutex_lock(&fn->host->intx_lock);
	fn->intx_level = level && fn->config.intx;
	update_locked(fn);
	pthread_mutex_unlock(&fn->host->intx_lock);
}

void pci_intx_update(struct pci_function *fn)
{
	pthread_mutex_lock(&fn->host->intx_lock);
	fn->intx_off = pci_get16(fn, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE;
	update_locked(fn);
	pthread_mutex_unlock(&fn->host->intx_lock);
}

bool pci_intx_pending(struct pci_function *fn)
{
	bool level;

	pthread_mutex_lock(&fn->host->intx_lock);
	level = fn->intx_level;
	pthread_mutex_unlock(&fn->host->intx_lock);
	return level;
}
