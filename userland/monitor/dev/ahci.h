/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AHCI controller of an ICH9 (8086:2922) at 00:1f.2, for any devices that know sata.h.
 * One command at a time and port: no native command queueing, no port multipliers, no
 * hot plug; 32 command slots, 64-bit addresses, INTA# and MSI.
 * Serial ATA AHCI 1.3.1; Intel ICH9 data sheet, "SATA Controller Registers (D31:F2)".
 */
#ifndef BATON_DEV_AHCI_H
#define BATON_DEV_AHCI_H

#include <stddef.h>

#include "core/machine.h"
#include "core/pci.h"
#include "sata.h"

#define AHCI_SLOT 31u
#define AHCI_FUNCTION 2u
#define AHCI_PORTS 6u

struct ahci;

struct ahci *ahci_create(struct guest_memory *memory);
/*
 * A device at the next port, which the device uses for sata.h's calls. Before
 * ahci_plug(). NULL: all ports are taken.
 */
struct ahci_port *ahci_attach(struct ahci *hba, const struct sata_device_ops *ops, void *dev);
unsigned int ahci_port_number(const struct ahci_port *port);
/* Plugs it in, beside the LPC bridge. Before vCPUs run. 0 or a negative errno. */
int ahci_plug(struct ahci *hba, struct pci_host *host);
/* Unplugs it. The devices' threads have ended. NULL is fine. */
void ahci_destroy(struct ahci *hba);

/* Of the controller, and of each port. */
extern const struct state_field ahci_fields[], ahci_port_fields[];
extern const size_t ahci_field_count, ahci_port_field_count;

#endif
