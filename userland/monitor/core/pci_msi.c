// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSI of a function: one message, which the guest puts into the capability. It goes to
 * the host's sink; devices that send often have MSI-X and eventfds instead.
 * PCI Local Bus 3.0, section 6.8.1 "MSI Capability Structure": 64-bit address, no masking.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "pci_private.h"

#define BODY_SIZE 12u /* behind id and next: control, address, data, padding */

static uint32_t get32(const struct pci_function *fn, unsigned int offset)
{
	return pci_get16(fn, offset) | (uint32_t)pci_get16(fn, offset + 2) << 16;
}

int pci_msi_init(struct pci_function *fn)
{
	const uint8_t body[BODY_SIZE] = { PCI_MSI_FLAGS_64BIT };
	uint8_t *writable;
	int offset;

	pthread_mutex_init(&fn->msi.lock, NULL);
	if (!fn->config.msi)
		return 0;
	offset = pci_add_capability(fn, PCI_CAP_ID_MSI, body, BODY_SIZE + 2);
	if (offset < 0)
		return offset;
	fn->msi.capability = (uint8_t)offset;
	writable = &fn->writable[offset];
	writable[PCI_MSI_FLAGS] = PCI_MSI_FLAGS_ENABLE;
	memset(&writable[PCI_MSI_ADDRESS_LO], 0xff, 8);
	writable[PCI_MSI_ADDRESS_LO] = 0xfc;
	memset(&writable[PCI_MSI_DATA_64], 0xff, 2);
	return 0;
}

void pci_msi_fini(struct pci_function *fn)
{
	pthread_mutex_destroy(&fn->msi.lock);
}

void pci_msi_reset(struct pci_function *fn)
{
	if (!fn->msi.capability)
		return;
	fn->space[fn->msi.capability + PCI_MSI_FLAGS] &= (uint8_t)~PCI_MSI_FLAGS_ENABLE;
	memset(&fn->space[fn->msi.capability + PCI_MSI_ADDRESS_LO], 0, BODY_SIZE - 2);
	pci_msi_update(fn);
	pci_intx_update(fn);
}

void pci_msi_update(struct pci_function *fn)
{
	struct pci_msi *msi = &fn->msi;
	unsigned int at = msi->capability;

	if (!at)
		return;
	pthread_mutex_lock(&msi->lock);
	msi->enabled = fn->space[at + PCI_MSI_FLAGS] & PCI_MSI_FLAGS_ENABLE;
	msi->address = get32(fn, at + PCI_MSI_ADDRESS_LO) |
		       (uint64_t)get32(fn, at + PCI_MSI_ADDRESS_HI) << 32;
	msi->data = pci_get16(fn, at + PCI_MSI_DATA_64);
	pthread_mutex_unlock(&msi->lock);
}

bool pci_msi_enabled(struct pci_function *fn)
{
	bool enabled;

	pthread_mutex_lock(&fn->msi.lock);
	enabled = fn->msi.enabled;
	pthread_mutex_unlock(&fn->msi.lock);
	return enabled;
}

void pci_msi_send(struct pci_function *fn)
{
	const struct msi_sink *sink = &fn->host->config.msi;
	struct pci_msi *msi = &fn->msi;

	pthread_mutex_lock(&msi->lock);
	if (msi->enabled && atomic_load(&fn->bus_master) && pci_is_msi_address(msi->address) &&
	    sink->send)
		sink->send(sink->ctx, msi->address, msi->data);
	pthread_mutex_unlock(&msi->lock);
}
