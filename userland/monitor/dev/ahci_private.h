/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ahci.c (controller, PCI), ahci_port.c (registers of a port, the link) and
 * ahci_command.c (command list, data, frames received) share. For nobody else.
 *
 * Letters: C constant after ahci_plug(), L hba->lock.
 */
#ifndef BATON_DEV_AHCI_PRIVATE_H
#define BATON_DEV_AHCI_PRIVATE_H

#include <pthread.h>

#include "ahci.h"

#define AHCI_SLOTS 32u

/* PxIS and PxIE: AHCI, "Port x Interrupt Status". */
#define IS_DHR		(1u << 0)	/* device to host register frame */
#define IS_PIO		(1u << 1)	/* PIO setup frame */
#define IS_PRD		(1u << 5)	/* a buffer marked for it was used up */
#define IS_CONNECT	(1u << 6)	/* PxSERR has SERR_EXCHANGED */
#define IS_PHYRDY	(1u << 22)	/* PxSERR has SERR_PHYRDY */
#define IS_OVERFLOW	(1u << 24)	/* more data than buffers */
#define IS_INTERFACE	(1u << 27)	/* fatal: a frame that cannot be sent */
#define IS_HOST_BUS	(1u << 29)	/* fatal: memory that is not there */
#define IS_TASK_FILE	(1u << 30)	/* the device says error */

#define CMD_START	(1u << 0)
#define CMD_SPIN_UP	(1u << 1)
#define CMD_POWER_ON	(1u << 2)
#define CMD_OVERRIDE	(1u << 3)	/* clears BSY and DRQ, reads 0 */
#define CMD_FIS_RX	(1u << 4)
#define CMD_FIS_RUNNING	(1u << 14)
#define CMD_RUNNING	(1u << 15)

#define SERR_PROTOCOL	(1u << 10)
#define SERR_PHYRDY	(1u << 16)
#define SERR_EXCHANGED	(1u << 26)

#define SSTS_UP 0x123u		/* present and talking, second generation, active */

#define NO_SLOT 0xffu

/* The command that the port is at. */
struct ahci_command {
	uint64_t header;	/* its address in the command list */
	uint64_t buffers;	/* of the list of buffers (PRDT) */
	uint32_t buffer_count;
	uint32_t next, used;	/* buffer, and how much of it was used */
	uint32_t bytes;		/* moved */
};

struct ahci_port {
	struct ahci *hba;			/* C */
	const struct sata_device_ops *ops;	/* C */
	void *dev;				/* C */

	/* L: all below. Registers, by their names in the specification. */
	uint32_t clb, clbu, fb, fbu, is, ie, cmd, tfd, sig, ssts, sctl, serr, ci;
	uint32_t ticket;		/* see sata_ticket() */
	uint8_t slot;			/* whose command runs; NO_SLOT: none */
	uint8_t last_slot;		/* which was started last */
	uint8_t halted;			/* an error: nothing starts until CMD_START is set anew */
	uint8_t soft_reset;		/* the host holds SRST */
	uint8_t signature_waits;	/* for CMD_FIS_RX */
	struct sata_registers signature;	/* of the last reset */
	struct ahci_command command;
};

struct ahci {
	pthread_mutex_t lock;
	struct guest_memory *memory;	/* C */
	struct pci_function *fn;	/* C */
	unsigned int port_count;	/* C */
	/* L: */
	uint32_t ghc, is;
	uint8_t level;			/* of the interrupt */
	uint8_t bus_master;
	struct ahci_port port[AHCI_PORTS];
};

/* Sets the bits of `bits` that are in `mask` (what the access reaches) in a register. */
static inline void ahci_set(uint32_t *reg, uint32_t value, uint32_t mask, uint32_t bits)
{
	mask &= bits;
	*reg = (*reg & ~mask) | (value & mask);
}

/* ahci.c; the lock is held */

/* After any change of an interrupt register, or of what they show. */
void ahci_update_irq(struct ahci *hba);

/* ahci_port.c; the lock is held */

uint32_t ahci_port_read(const struct ahci_port *port, unsigned int offset);
/* mask: the bits that the access reaches; value has none besides. */
void ahci_port_write(struct ahci_port *port, unsigned int offset, uint32_t value,
		     uint32_t mask);
/* Of the whole controller; all: also the addresses, which only a reset of the bus clears. */
void ahci_port_reset(struct ahci_port *port, bool all);
/* PxIS with the bits that PxSERR shows there. */
uint32_t ahci_port_status(const struct ahci_port *port);
/* Has the device's thread look, if there is something for it. */
void ahci_port_wake(struct ahci_port *port);

/* ahci_command.c; the lock is held */

bool ahci_can_start(const struct ahci_port *port);
/* Forgets the command that runs; its slot stays as it is. */
void ahci_abort(struct ahci_port *port);
/* The frame with the signature: now, or once frames are received. */
void ahci_post_signature(struct ahci_port *port);

#endif
