// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INTx: the interrupt pin of a function, a level. What the device wants and what the
 * guest allows (command register; not with MSI or MSI-X) make what the chipset sees; it is told of
 * changes. All functions of a slot share INTA#, a wired OR.
 * One lock for all functions, a leaf but for the chipset's own, because devices call
 * with their locks held.
 * PCI Local Bus 3.0, sections 2.2.6 "Interrupt Pins" and 6.2.2 "Device Control".
 */
#include <linux/pci_regs.h>

#include "pci_private.h"

/* Slots take functions before vCPUs run only, so the table stands. */
static bool others_pull(const struct pci_function *fn)
{
	struct pci_function *const *of_slot =
		&fn->host->function[fn->slot * PCI_SLOT_FUNCTIONS];

	for (unsigned int i = 0; i < PCI_SLOT_FUNCTIONS; i++)
		if (of_slot[i] && of_slot[i] != fn && of_slot[i]->intx_sent)
			return true;
	return false;
}

static void update_locked(struct pci_function *fn)
{
	const struct pci_host_config *c = &fn->host->config;
	bool level = fn->intx_level && !fn->intx_off;

	if (level == fn->intx_sent || !c->intx)
		return;
	fn->intx_sent = level;
	if (!others_pull(fn))
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
	bool msi = pci_msi_enabled(fn) || pci_msix_enabled(fn);

	pthread_mutex_lock(&fn->host->intx_lock);
	fn->intx_off = msi || pci_get16(fn, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE;
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
