/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device on a SATA link and the port of its controller (ahci.h) say to each other:
 * registers both ways, a packet, data, reset. The port asks, the device answers from a
 * thread of its own, whenever it is ready; one command at a time.
 *
 * Lock: the controller's. The port holds it in calls of sata_device_ops; a device takes it
 * by sata_lock() for calls of its own, and does nothing slow meanwhile.
 * Serial ATA 3.0, "Transport layer"; ATA8-ACS.
 */
#ifndef BATON_DEV_SATA_H
#define BATON_DEV_SATA_H

#include <stdbool.h>
#include <stdint.h>

struct ahci_port;

#define SATA_PACKET 16u	/* bytes there are for a command packet */

/* The status register. */
#define SATA_BSY 0x80u
#define SATA_RDY 0x40u
#define SATA_DSC 0x10u		/* no meaning any more; drives set it */
#define SATA_DRQ 0x08u
#define SATA_ERR 0x01u
/* The error register. */
#define SATA_ABORTED 0x04u

/* As in the frames both ways; `command` and `status`, `feature` and `error` are the same. */
struct sata_registers {
	union {
		uint8_t command, status;
	};
	union {
		uint8_t feature, error;
	};
	uint8_t lba[6];		/* low, mid, high; the same again, expanded */
	uint8_t device, count, count_expanded;
};

struct sata_device_ops {
	/* A command, to end in sata_finish(): now or later. packet: only read for PACKET. */
	void (*command)(void *dev, const struct sata_registers *in, const uint8_t *packet);
	/* Of the link or by software: forget the command, fill in *out with the signature. */
	void (*reset)(void *dev, struct sata_registers *out);
	/* There is something to do: have the device's thread call sata_serve(). */
	void (*wake)(void *dev);
};

/* Starts commands; the device's thread. True if there is more to start: call again. */
bool sata_serve(struct ahci_port *port);

void sata_lock(struct ahci_port *port);
void sata_unlock(struct ahci_port *port);

/* All below with the lock held. */

/*
 * Changes with each command and each reset. A device that comes back to a command later
 * compares, and drops what it has if the number is another: the host gave up on it.
 */
uint32_t sata_ticket(const struct ahci_port *port);

/* What came of moving data. */
enum sata_moved {
	SATA_MOVED,
	SATA_NO_ROOM,	/* the host's buffers have ended: no use to go on, sata_finish() */
	SATA_LOST,	/* not the guest's memory: the command is over, nothing is to be done */
};
/* The next `size` bytes of the command's data, to the host or from it. */
enum sata_moved sata_send(struct ahci_port *port, const uint8_t *data, uint32_t size);
enum sata_moved sata_receive(struct ahci_port *port, uint8_t *data, uint32_t size);
/*
 * Announces data by PIO, as commands without DMA do; `in`: to the host. With `last` the
 * command ends with it, else sata_finish() follows.
 */
void sata_pio(struct ahci_port *port, const struct sata_registers *out, uint16_t size, bool in,
	      bool last);
/* The command has ended; with SATA_ERR the port stops until the host restarts it. */
void sata_finish(struct ahci_port *port, const struct sata_registers *out);

#endif
