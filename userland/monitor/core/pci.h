/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI host and functions, modern and small: ECAM (board micro) or 0xcf8
 * (board pc) in front, MSI-X behind. A function is configuration space made of
 * plain bytes with a write mask, BARs with bus_ops, and an MSI-X table kept
 * here. The host moves BARs on the buses when the guest programs them. There
 * is bus 0 only.
 * PCI Local Bus 3.0, PCI Express base specification (ECAM, MSI-X).
 *
 * Locks: host (configuration space, BAR mapping) before the device's own
 * before MSI, MSI-X and INTx (leaves). A device may hold its own lock in calls
 * marked "any thread", in no others.
 */
#ifndef BATON_CORE_PCI_H
#define BATON_CORE_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "irq.h"

#define PCI_MAX_DEVICES 32	/* bus 0 only */
#define PCI_BARS 6
#define PCI_SLOT_ANY 0		/* slot 0 is the host bridge's */

struct pci_host;
struct pci_function;

struct pci_bar {
	uint64_t size;		/* power of two; 0: not there */
	bool io;		/* port BAR */
	bool is64;		/* takes the next BAR too */
	bool prefetchable;	/* memory BAR: reads have no effects */
	const struct bus_ops *ops;
};

struct pci_function_config {
	const char *name;
	uint8_t slot;		/* PCI_SLOT_ANY: the next free one; else it must be free */
	uint8_t function;	/* of the slot, 0 to 7; another than 0 needs 0 to be there first */
	bool intx;		/* has the pin INTA#, on hosts with wires: pci_intx_set() */
	uint16_t vendor_id, device_id;
	uint16_t subsystem_vendor_id, subsystem_id;
	uint32_t class_code;	/* 24 bits: class, subclass, interface */
	uint8_t revision;
	bool msi;		/* one message: pci_msi_send() */
	uint16_t msix_vectors;	/* 0: none. Table and PBA are in a BAR of their own */
	uint8_t msix_bar;	/* leave bar[msix_bar] empty */
	struct pci_bar bar[PCI_BARS];

	/* Hooks; each may be NULL. All but irqfd run with the host's lock held. */

	/* The BAR now answers at `address`; or, mapped = false, no longer does. */
	void (*bar_mapped)(void *dev, unsigned int bar, uint64_t address, bool mapped);
	/* Bus mastering was granted; or is being taken away: no DMA after return. */
	void (*bus_master)(void *dev, bool on);
	/* A byte of pci_config_allow() changed: read it with pci_config_get(). */
	void (*config_changed)(void *dev);
	/* pci_host_reset(): back to the state after power-on. */
	void (*reset)(void *dev);
	/*
	 * Makes the engine send the message at each signal of fd, as
	 * hv_vm_irqfd(). With it, pci_msix_send() is one write to an eventfd
	 * while the vector is unmasked. An error is fine: MSIs then go to the
	 * host's sink. Runs with the MSI-X lock held.
	 */
	int (*irqfd)(void *dev, int fd, uint64_t address, uint32_t data, bool on);
};

struct pci_host_config {
	struct bus *pio, *mmio;
	struct msi_sink msi;
	uint64_t ecam_base;	/* 1 MiB for bus 0, besides the ports 0xcf8-0xcff; 0: none yet */
	uint64_t mmio32_base, mmio32_size;	/* windows for BARs */
	uint64_t mmio64_base, mmio64_size;
	uint16_t pio_base, pio_size;
	/* The bridge at 00:00.0 and its hooks' `dev`; NULL: one without a chipset's features. */
	const struct pci_function_config *bridge;
	void *bridge_dev;
	/* Port 0xcf9, which lies among PCI's but belongs to the chipset; NULL: nobody. */
	const struct bus_ops *reset_control;
	void *reset_control_dev;
	/* INTA# of the slot (of all its functions) changed. A leaf lock is held. NULL: no INTx. */
	void (*intx)(void *ctx, unsigned int slot, bool level);
	void *intx_ctx;
};

/*
 * -EEXIST: something else answers at the ECAM or the ports. The host bridge is
 * 00:00.0 and there from the start. Main thread.
 */
int pci_host_create(const struct pci_host_config *config, struct pci_host **ret_host);
/* Removes the functions that are still there, then the host. NULL is fine. */
void pci_host_destroy(struct pci_host *host);
/*
 * Power-on state: nothing decoded, BARs at the addresses of pci_add(), MSI-X
 * off, each function's reset hook called. Any thread that holds no device lock.
 */
void pci_host_reset(struct pci_host *host);

/*
 * Plugs a function into the next free slot and assigns its BARs. -ENOSPC: no
 * slot or no room in a window; -EINVAL: BARs that cannot be. Main thread.
 */
int pci_add(struct pci_host *host, const struct pci_function_config *config, void *dev,
	    struct pci_function **ret_function);
/* Unplugs and frees it. No vCPU may be running. NULL is fine. */
void pci_remove(struct pci_function *fn);
/*
 * Appends a capability of `size` bytes; body is what comes after the two bytes
 * id and next, size counts these two too. Read-only for the guest. Returns its
 * offset in configuration space or -ENOSPC. Before vCPUs run.
 */
int pci_add_capability(struct pci_function *fn, uint8_t id, const void *body, uint8_t size);
/*
 * Device-specific registers: sets `size` bytes at offset (from 0x40 on) to the values
 * after power-on, and which of their bits the guest can write. Before vCPUs run.
 */
void pci_config_allow(struct pci_function *fn, uint8_t offset, const void *values,
		      const void *masks, uint8_t size);
/* size 1, 2 or 4. From the function's hooks, or before vCPUs run. */
uint32_t pci_config_get(const struct pci_function *fn, uint8_t offset, uint8_t size);
/* The host bridge of a host; for pci_config_allow(). */
struct pci_function *pci_host_bridge(struct pci_host *host);
/*
 * Has bus 0 of the ECAM answer at `base`, or (0) nowhere. From the bridge's hooks, or
 * before vCPUs run. Where something else answers already it stays unmapped.
 */
void pci_host_move_ecam(struct pci_host *host, uint64_t base);

/*
 * Hands accesses that lie within [offset, offset + size) of configuration
 * space to the device, with no PCI lock held. One per function. Before vCPUs run.
 */
void pci_set_config_window(struct pci_function *fn, uint8_t offset, uint8_t size,
			   const struct bus_ops *ops);

/*
 * Sends the vector's message, or leaves it pending while masked. Drops it while
 * MSI-X is off and if there is no such vector. Any thread.
 */
void pci_msix_send(struct pci_function *fn, unsigned int vector);
/* Whether the guest has switched MSI-X on. Any thread. */
bool pci_msix_enabled(struct pci_function *fn);
/*
 * Sends the function's one message; nothing happens while the guest has not switched MSI
 * on (then there is INTx, which is off while MSI is on). Any thread.
 */
void pci_msi_send(struct pci_function *fn);
/*
 * The level of INTA#, which reaches the host's intx callback unless the guest has
 * switched it off (command register). Any thread.
 */
void pci_intx_set(struct pci_function *fn, bool level);
/* Whether the function may do DMA. Any thread. */
bool pci_bus_master(struct pci_function *fn);
/* What the guest programmed, mapped or not. Not from hooks, nor with a device lock held. */
uint64_t pci_bar_address(struct pci_function *fn, unsigned int bar);
/* 00:<slot>.<function> */
unsigned int pci_slot(const struct pci_function *fn);

#endif
