/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pci.c (host and configuration space), pci_bar.c (decoding), pci_msi.c, pci_msix.c
 * and pci_intx.c (interrupts) know about each other. For nobody else.
 */
#ifndef BATON_CORE_PCI_PRIVATE_H
#define BATON_CORE_PCI_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "pci.h"

#define PCI_CONFIG_SIZE 256u
#define PCI_SLOT_FUNCTIONS 8u
#define PCI_MAX_FUNCTIONS (PCI_MAX_DEVICES * PCI_SLOT_FUNCTIONS)

/*
 * Letters: C constant after creation, H host->lock, M msix->lock, S msi.lock,
 * I host->intx_lock, a atomic.
 */
struct pci_bar_state {
	uint64_t assigned;	/* C: address after reset */
	uint64_t address;	/* H: where it is mapped, if it is */
	bool mapped;		/* H */
};

struct pci_msix_vector {
	uint32_t entry[4];	/* M: of the table: address low, high, data, control */
	bool pending;		/* M */
	int fd;			/* C: eventfd of the irqfd, -1 without */
	uint64_t bound_address;	/* M: the message that fd is bound to, if bound */
	uint32_t bound_data;	/* M */
	atomic_bool bound;	/* a: written under M; see pci_msix_send() */
};

struct pci_msix {
	pthread_mutex_t lock;
	unsigned int count;	/* C */
	uint8_t capability;	/* C: offset in configuration space */
	bool masked;		/* M: all vectors */
	atomic_bool enabled;	/* a: written under M */
	struct pci_msix_vector vector[];
};

struct pci_msi {
	pthread_mutex_t lock;
	uint8_t capability;	/* C: offset in configuration space, 0: has none */
	bool enabled;		/* S */
	uint64_t address;	/* S */
	uint16_t data;		/* S */
};

struct pci_function {
	struct pci_host *host;			/* C */
	unsigned int slot;			/* C */
	struct pci_function_config config;	/* C */
	void *dev;				/* C */
	struct pci_msi msi;
	struct pci_msix *msix;			/* C: NULL without */
	uint8_t last_capability;		/* C: offset, 0: none yet */
	unsigned int capabilities_end;		/* C: first free byte */
	uint8_t window_offset, window_size;	/* C */
	const struct bus_ops *window;		/* C */
	uint8_t space[PCI_CONFIG_SIZE];		/* H */
	uint8_t writable[PCI_CONFIG_SIZE];	/* C: bits that the guest can change */
	struct pci_bar_state bar[PCI_BARS];	/* H */
	bool own[PCI_CONFIG_SIZE];		/* C: bytes of pci_config_allow() … */
	uint8_t initial[PCI_CONFIG_SIZE];	/* C: … and what they are after power-on */
	bool intx_level, intx_off, intx_sent;	/* I: the device's, the guest's, the outcome */
	atomic_bool bus_master;			/* a: written under H */
};

struct pci_host {
	pthread_mutex_t lock;
	struct pci_host_config config;		/* C */
	uint32_t config_address;		/* H: port 0xcf8 */
	uint64_t ecam;				/* H: where it answers; 0: nowhere */
	pthread_mutex_t intx_lock;
	struct pci_function *function[PCI_MAX_FUNCTIONS]; /* H: eight to a slot */
};

static inline uint16_t pci_get16(const struct pci_function *fn, unsigned int offset)
{
	return (uint16_t)(fn->space[offset] | fn->space[offset + 1] << 8);
}

static inline void pci_put16(struct pci_function *fn, unsigned int offset, uint16_t value)
{
	fn->space[offset] = (uint8_t)value;
	fn->space[offset + 1] = (uint8_t)(value >> 8);
}

/*
 * An MSI is a write to the local APICs' window; other addresses are plain DMA. The upper
 * half is the engine's to judge (bits of the destination's id).
 */
static inline bool pci_is_msi_address(uint64_t address)
{
	return (address & 0xfff00000u) == 0xfee00000u;
}

/* pci_bar.c; all with host->lock held, or before vCPUs run */

/* Gives each BAR its place in the host's windows and its registers their masks. */
int pci_bars_init(struct pci_function *fn);
/* Puts the addresses of pci_bars_init() back into the registers. */
void pci_bars_restore(struct pci_function *fn);
/* Brings the buses in line with every function's BARs and command register. */
void pci_bars_remap(struct pci_host *host);

/* pci_intx.c */

/* Takes up the command register's INTx disable bit, and MSI; host->lock held. */
void pci_intx_update(struct pci_function *fn);
/* For the status register. */
bool pci_intx_pending(struct pci_function *fn);

/* pci_msi.c */

/* The capability, if fn->config asks for it; before pci_msix_init(). */
int pci_msi_init(struct pci_function *fn);
void pci_msi_fini(struct pci_function *fn);
void pci_msi_reset(struct pci_function *fn);
/* Takes up a change of the capability or of bus mastering; host->lock held. */
void pci_msi_update(struct pci_function *fn);
bool pci_msi_enabled(struct pci_function *fn);

/* pci_msix.c */

/* Table, PBA, BAR and capability, as fn->config asks; before pci_bars_init(). */
int pci_msix_init(struct pci_function *fn);
void pci_msix_fini(struct pci_function *fn);
void pci_msix_reset(struct pci_function *fn);
/* Takes up a change of message control or of bus mastering; host->lock held. */
void pci_msix_update(struct pci_function *fn);

#endif
