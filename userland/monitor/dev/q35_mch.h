/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host bridge of a Q35 (MCH, 8086:29c0) at 00:00.0: as much of it as decides what
 * is where: PCIEXBAR (the ECAM) and PAM.
 * Intel 3 Series chipset data sheet, "DRAM Controller Registers (D0:F0)".
 */
#ifndef BATON_DEV_Q35_MCH_H
#define BATON_DEV_Q35_MCH_H

#include "core/pci.h"
#include "pam.h"

struct q35_mch {
	struct pci_host *host;
	struct pam *pam;
};

/* For pci_host_config.bridge; its `bridge_dev` is the struct. */
extern const struct pci_function_config q35_mch_function;
/* Registers after power-on. Before vCPUs run; host and pam are filled in. */
void q35_mch_init(struct q35_mch *mch);

#endif
