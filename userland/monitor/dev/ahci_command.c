// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an AHCI port does with the guest's memory: takes commands off the list, moves data
 * by the list of buffers, stores the frames that come from the device. "System Memory
 * Structures" and "Command List" of AHCI 1.3.1.
 *
 * Nothing in these structures is trusted. Each is copied before it is looked at, every
 * address goes through guest_memory_at(), and what cannot be is one of the port's fatal
 * errors, with which it stops until the guest starts it anew.
 */
#include "ahci_private.h"

#include <string.h>

/* The list: 32 headers. */
#define HEADER_SIZE 32u
#define HEADER_FRAME 0x1fu	/* length of the frame in words of 32 bits */
#define HEADER_BIST (1u << 9)
#define HEADER_BUFFERS_SHIFT 16

struct header {
	uint32_t flags, bytes;
	uint64_t table;
	uint32_t reserved[4];
};
_Static_assert(sizeof(struct header) == HEADER_SIZE, "AHCI's command header");

/* A table: the frame, a packet, the buffers. */
#define TABLE_BUFFERS 0x80u

struct table {
	uint8_t frame[64], packet[SATA_PACKET], reserved[48];
};
_Static_assert(sizeof(struct table) == TABLE_BUFFERS, "AHCI's command table");

struct buffer {
	uint64_t address;
	uint32_t reserved, flags;
};
#define BUFFER_SIZE_MASK 0x3fffffu	/* one less than it has */
#define BUFFER_INTERRUPT (1u << 31)

/* Frames. */
#define FIS_HOST_TO_DEVICE 0x27u
#define FIS_DEVICE_TO_HOST 0x34u
#define FIS_PIO_SETUP 0x5fu
#define FIS_COMMAND 0x80u	/* the command register was written */
#define FIS_PORT_MASK 0x0fu	/* of a port multiplier */
#define FIS_INTERRUPT 0x40u
#define FIS_IN 0x20u
#define FIS_WORDS 5u
#define FIS_SIZE (4 * FIS_WORDS)
#define CONTROL_SRST 0x04u
#define RX_PIO 0x20u		/* where they are stored */
#define RX_REGISTERS 0x40u

#define START_AT_ONCE AHCI_SLOTS /* before sata_serve() comes up for air */

/* ---- memory ---- */

static void *guest(const struct ahci_port *port, uint64_t address, uint64_t size)
{
	return port->hba->bus_master ? guest_memory_at(port->hba->memory, address, size) : NULL;
}

static void fatal(struct ahci_port *port, uint32_t why)
{
	port->is |= why;
	port->halted = true;
	ahci_abort(port);
	ahci_update_irq(port->hba);
}

void ahci_abort(struct ahci_port *port)
{
	port->slot = NO_SLOT;
	port->ticket++;
}

uint32_t sata_ticket(const struct ahci_port *port)
{
	return port->ticket;
}

void sata_lock(struct ahci_port *port)
{
	pthread_mutex_lock(&port->hba->lock);
}

void sata_unlock(struct ahci_port *port)
{
	pthread_mutex_unlock(&port->hba->lock);
}

/* ---- frames from the device ---- */

/* Bytes 2 to 13 of both kinds; the rest is zero. */
static void put_registers(uint8_t frame[FIS_SIZE], const struct sata_registers *out)
{
	memset(frame, 0, FIS_SIZE);
	frame[2] = out->status;
	frame[3] = out->error;
	memcpy(frame + 4, out->lba, 3);
	frame[7] = out->device;
	memcpy(frame + 8, out->lba + 3, 3);
	frame[12] = out->count;
	frame[13] = out->count_expanded;
}

static void post(struct ahci_port *port, const uint8_t frame[FIS_SIZE], uint32_t where)
{
	void *to;

	if (!(port->cmd & CMD_FIS_RX))
		return;
	to = guest(port, (port->fb | (uint64_t)port->fbu << 32) + where, FIS_SIZE);
	if (to) {
		memcpy(to, frame, FIS_SIZE);
	} else {
		port->is |= IS_HOST_BUS;
		port->halted = true;
	}
}

static void post_registers(struct ahci_port *port, const struct sata_registers *out,
			   bool interrupt)
{
	uint8_t frame[FIS_SIZE];

	put_registers(frame, out);
	frame[0] = FIS_DEVICE_TO_HOST;
	frame[1] = interrupt ? FIS_INTERRUPT : 0;
	post(port, frame, RX_REGISTERS);
	port->tfd = (uint32_t)out->error << 8 | out->status;
	if (interrupt)
		port->is |= IS_DHR;
}

/* PxSIG: LBA and count of the first frame after a reset. */
static uint32_t signature_of(const struct sata_registers *out)
{
	return out->count | (uint32_t)out->lba[0] << 8 | (uint32_t)out->lba[1] << 16 |
	       (uint32_t)out->lba[2] << 24;
}

void ahci_post_signature(struct ahci_port *port)
{
	port->signature_waits = !(port->cmd & CMD_FIS_RX);
	if (port->signature_waits)
		return;
	port->sig = signature_of(&port->signature);
	post_registers(port, &port->signature, false);
}

void sata_pio(struct ahci_port *port, const struct sata_registers *out, uint16_t size, bool in,
	      bool last)
{
	uint8_t frame[FIS_SIZE];

	put_registers(frame, out);
	frame[0] = FIS_PIO_SETUP;
	frame[1] = (in ? FIS_IN | FIS_INTERRUPT : 0);
	frame[2] |= SATA_DRQ;
	frame[15] = out->status;
	frame[16] = (uint8_t)size;
	frame[17] = (uint8_t)(size >> 8);
	post(port, frame, RX_PIO);
	if (in)
		port->is |= IS_PIO;
	port->tfd = (uint32_t)out->error << 8 | out->status;
	if (last) {
		port->ci &= ~(1u << port->slot);
		ahci_abort(port);
	}
	ahci_update_irq(port->hba);
}

void sata_finish(struct ahci_port *port, const struct sata_registers *out)
{
	post_registers(port, out, true);
	if (out->status & SATA_ERR) {
		fatal(port, IS_TASK_FILE);
		return;
	}
	port->ci &= ~(1u << port->slot);
	ahci_abort(port);
	ahci_update_irq(port->hba);
}

/* ---- data ---- */

/*
 * What is left of the buffer that is next, at most `size` bytes (*ret_size of them). NULL:
 * *ret says why.
 */
static void *next_piece(struct ahci_port *port, uint32_t size, uint32_t *ret_size,
			enum sata_moved *ret)
{
	struct ahci_command *c = &port->command;
	struct buffer buffer;
	const void *from;
	uint32_t left;
	void *at;

	*ret = SATA_NO_ROOM;
	if (c->next == c->buffer_count)
		return NULL;
	*ret = SATA_LOST;
	from = guest(port, c->buffers + (uint64_t)c->next * sizeof(buffer), sizeof(buffer));
	if (!from)
		return NULL;
	memcpy(&buffer, from, sizeof(buffer));
	left = (buffer.flags & BUFFER_SIZE_MASK) + 1;
	if (left <= c->used) /* the guest has changed it meanwhile */
		return NULL;
	left -= c->used;
	*ret_size = left < size ? left : size;
	at = guest(port, (buffer.address & ~1ull) + c->used, *ret_size);
	if (!at)
		return NULL;
	c->used += *ret_size;
	if (*ret_size == left) {
		c->next++;
		c->used = 0;
		port->is |= buffer.flags & BUFFER_INTERRUPT ? IS_PRD : 0;
	}
	return at;
}

/* The header's count of bytes is what the guest goes by. */
static void put_bytes(struct ahci_port *port)
{
	void *at = guest(port, port->command.header + offsetof(struct header, bytes), 4);

	if (at)
		memcpy(at, &port->command.bytes, 4);
}

static enum sata_moved move(struct ahci_port *port, uint8_t *data, uint32_t size, bool in)
{
	enum sata_moved result = SATA_MOVED;
	uint32_t part;

	while (size) {
		void *at = next_piece(port, size, &part, &result);

		if (!at)
			break;
		if (in)
			memcpy(at, data, part);
		else
			memcpy(data, at, part);
		result = SATA_MOVED;
		data += part;
		size -= part;
		port->command.bytes += part;
	}
	put_bytes(port);
	if (result == SATA_NO_ROOM)
		port->is |= IS_OVERFLOW;
	if (result == SATA_LOST)
		fatal(port, IS_HOST_BUS);
	return result;
}

enum sata_moved sata_send(struct ahci_port *port, const uint8_t *data, uint32_t size)
{
	return move(port, (uint8_t *)(uintptr_t)data, size, true);
}

enum sata_moved sata_receive(struct ahci_port *port, uint8_t *data, uint32_t size)
{
	return move(port, data, size, false);
}

/* ---- commands ---- */

bool ahci_can_start(const struct ahci_port *port)
{
	return port->ci && port->cmd & CMD_START && !port->halted && port->slot == NO_SLOT &&
	       port->hba->bus_master && port->ssts == SSTS_UP &&
	       !(port->tfd & (SATA_BSY | SATA_DRQ));
}

/* In turn, from the one behind the last. */
static unsigned int next_slot(const struct ahci_port *port)
{
	unsigned int slot = port->last_slot;

	do {
		slot = (slot + 1) % AHCI_SLOTS;
	} while (!(port->ci & 1u << slot));
	return slot;
}

/* The control register alone was written: SRST up, or down again, which resets. */
static void control(struct ahci_port *port, const uint8_t *frame)
{
	bool was = port->soft_reset;

	port->soft_reset = frame[15] & CONTROL_SRST;
	port->ci &= ~(1u << port->slot);
	ahci_abort(port);
	if (was && !port->soft_reset) {
		port->ops->reset(port->dev, &port->signature);
		ahci_post_signature(port);
	}
}

static void get_registers(struct sata_registers *in, const uint8_t *frame)
{
	in->command = frame[2];
	in->feature = frame[3];
	memcpy(in->lba, frame + 4, 3);
	in->device = frame[7];
	memcpy(in->lba + 3, frame + 8, 3);
	in->count = frame[12];
	in->count_expanded = frame[13];
}

/* A frame for the device. Others do not get an answer from it: the link gives up. */
static void send_frame(struct ahci_port *port, const struct header *header,
		       const struct table *table)
{
	const uint8_t *frame = table->frame;
	struct sata_registers in;

	if ((header->flags & HEADER_FRAME) < FIS_WORDS || header->flags & HEADER_BIST ||
	    frame[0] != FIS_HOST_TO_DEVICE || frame[1] & FIS_PORT_MASK) {
		port->serr |= SERR_PROTOCOL;
		fatal(port, IS_INTERFACE);
	} else if (!(frame[1] & FIS_COMMAND)) {
		control(port, frame);
	} else {
		get_registers(&in, frame);
		port->tfd |= SATA_BSY;
		port->ops->command(port->dev, &in, table->packet);
	}
}

static void start_next(struct ahci_port *port)
{
	struct ahci_command *c = &port->command;
	struct header header;
	struct table table;
	const void *at;

	ahci_abort(port);
	port->slot = port->last_slot = (uint8_t)next_slot(port);
	*c = (struct ahci_command){
		.header = (port->clb | (uint64_t)port->clbu << 32) + port->slot * HEADER_SIZE,
	};
	at = guest(port, c->header, sizeof(header));
	if (at)
		memcpy(&header, at, sizeof(header));
	if (at)
		at = guest(port, header.table & ~0x7full, sizeof(table));
	if (!at) {
		fatal(port, IS_HOST_BUS);
		return;
	}
	memcpy(&table, at, sizeof(table));
	c->buffers = (header.table & ~0x7full) + TABLE_BUFFERS;
	c->buffer_count = header.flags >> HEADER_BUFFERS_SHIFT;
	put_bytes(port);
	send_frame(port, &header, &table);
}

bool sata_serve(struct ahci_port *port)
{
	bool more;

	sata_lock(port);
	for (unsigned int i = 0; i < START_AT_ONCE && ahci_can_start(port); i++)
		start_next(port);
	more = ahci_can_start(port);
	sata_unlock(port);
	return more;
}
