// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registers of an AHCI port and its link: "Port Registers (one set per port)" and
 * "Reset" of AHCI 1.3.1.
 */
#include "ahci_private.h"

#define PX_CLB 0x00
#define PX_CLBU 0x04
#define PX_FB 0x08
#define PX_FBU 0x0c
#define PX_IS 0x10
#define PX_IE 0x14
#define PX_CMD 0x18
#define PX_TFD 0x20
#define PX_SIG 0x24
#define PX_SSTS 0x28
#define PX_SCTL 0x2c
#define PX_SERR 0x30
#define PX_CI 0x38

#define IE_BITS 0xfdc000ffu
#define CMD_BITS (CMD_START | CMD_FIS_RX | 3u << 24) /* the latter: ATAPI and its LED */
#define CMD_SLOT_SHIFT 8
#define SCTL_BITS 0xfffu
#define DET_MASK 0xfu
#define DET_RESET 1u
#define DET_OFFLINE 4u
#define SSTS_OFFLINE 4u
#define TFD_RESET 0x7fu
#define SIG_NONE 0xffffffffu

const struct state_field ahci_port_fields[] = {
	STATE_FIELD(struct ahci_port, clb), STATE_FIELD(struct ahci_port, clbu),
	STATE_FIELD(struct ahci_port, fb), STATE_FIELD(struct ahci_port, fbu),
	STATE_FIELD(struct ahci_port, is), STATE_FIELD(struct ahci_port, ie),
	STATE_FIELD(struct ahci_port, cmd), STATE_FIELD(struct ahci_port, tfd),
	STATE_FIELD(struct ahci_port, sig), STATE_FIELD(struct ahci_port, ssts),
	STATE_FIELD(struct ahci_port, sctl), STATE_FIELD(struct ahci_port, serr),
	STATE_FIELD(struct ahci_port, ci), STATE_FIELD(struct ahci_port, slot),
	STATE_FIELD(struct ahci_port, last_slot), STATE_FIELD(struct ahci_port, halted),
	STATE_FIELD(struct ahci_port, soft_reset),
	STATE_FIELD(struct ahci_port, signature_waits),
	STATE_FIELD(struct ahci_port, signature.status),
	STATE_FIELD(struct ahci_port, signature.error),
	STATE_ARRAY(struct ahci_port, signature.lba),
	STATE_FIELD(struct ahci_port, signature.device),
	STATE_FIELD(struct ahci_port, signature.count),
	STATE_FIELD(struct ahci_port, command.header),
	STATE_FIELD(struct ahci_port, command.buffers),
	STATE_FIELD(struct ahci_port, command.buffer_count),
	STATE_FIELD(struct ahci_port, command.next),
	STATE_FIELD(struct ahci_port, command.used),
	STATE_FIELD(struct ahci_port, command.bytes),
};
const size_t ahci_port_field_count = sizeof(ahci_port_fields) / sizeof(ahci_port_fields[0]);

uint32_t ahci_port_status(const struct ahci_port *port)
{
	return port->is | (port->serr & SERR_EXCHANGED ? IS_CONNECT : 0) |
	       (port->serr & SERR_PHYRDY ? IS_PHYRDY : 0);
}

void ahci_port_wake(struct ahci_port *port)
{
	if (ahci_can_start(port))
		port->ops->wake(port->dev);
}

/* ---- the link ---- */

static void link_down(struct ahci_port *port, uint32_t ssts)
{
	ahci_abort(port);
	port->ssts = ssts;
	port->tfd = TFD_RESET;
	port->sig = SIG_NONE;
	port->signature_waits = false;
	port->soft_reset = false;
}

/* The device was reset by it and sends its signature, which waits for CMD_FIS_RX. */
static void link_up(struct ahci_port *port)
{
	port->ssts = SSTS_UP;
	port->serr |= SERR_EXCHANGED | SERR_PHYRDY;
	port->tfd = TFD_RESET | SATA_BSY;
	port->ops->reset(port->dev, &port->signature);
	ahci_post_signature(port);
}

static void write_sctl(struct ahci_port *port, uint32_t value, uint32_t mask)
{
	uint32_t before = port->sctl & DET_MASK, now;

	ahci_set(&port->sctl, value, mask, SCTL_BITS);
	now = port->sctl & DET_MASK;
	if (now == before)
		return;
	if (now == DET_RESET || now == DET_OFFLINE)
		link_down(port, now == DET_OFFLINE ? SSTS_OFFLINE : 0);
	else if (!now && (before == DET_RESET || before == DET_OFFLINE))
		link_up(port);
}

void ahci_port_reset(struct ahci_port *port, bool all)
{
	port->is = port->ie = port->serr = port->sctl = port->ci = 0;
	port->cmd = CMD_SPIN_UP | CMD_POWER_ON;
	port->halted = port->last_slot = 0;
	if (all)
		port->clb = port->clbu = port->fb = port->fbu = 0;
	link_down(port, 0);
	link_up(port);
}

/* ---- registers ---- */

static void write_cmd(struct ahci_port *port, uint32_t value, uint32_t mask)
{
	uint32_t before = port->cmd, changed;

	ahci_set(&port->cmd, value, mask, CMD_BITS);
	changed = port->cmd ^ before;
	if (changed & CMD_START) { /* either way: with no command, and free of errors */
		ahci_abort(port);
		port->ci = 0;
		port->halted = port->last_slot = 0;
	}
	if (value & CMD_OVERRIDE)
		port->tfd &= ~(SATA_BSY | SATA_DRQ);
	if (changed & port->cmd & CMD_FIS_RX && port->signature_waits)
		ahci_post_signature(port);
}

static uint32_t read_cmd(const struct ahci_port *port)
{
	uint32_t value = port->cmd;

	if (value & CMD_START)
		value |= CMD_RUNNING | (uint32_t)port->last_slot << CMD_SLOT_SHIFT;
	if (value & CMD_FIS_RX)
		value |= CMD_FIS_RUNNING;
	return value;
}

uint32_t ahci_port_read(const struct ahci_port *port, unsigned int offset)
{
	switch (offset) {
	case PX_CLB: return port->clb;
	case PX_CLBU: return port->clbu;
	case PX_FB: return port->fb;
	case PX_FBU: return port->fbu;
	case PX_IS: return ahci_port_status(port);
	case PX_IE: return port->ie;
	case PX_CMD: return read_cmd(port);
	case PX_TFD: return port->tfd;
	case PX_SIG: return port->sig;
	case PX_SSTS: return port->ssts;
	case PX_SCTL: return port->sctl;
	case PX_SERR: return port->serr;
	case PX_CI: return port->ci;
	default: return 0;
	}
}

void ahci_port_write(struct ahci_port *port, unsigned int offset, uint32_t value, uint32_t mask)
{
	switch (offset) {
	case PX_CLB: ahci_set(&port->clb, value, mask, ~0x3ffu); break;
	case PX_CLBU: ahci_set(&port->clbu, value, mask, UINT32_MAX); break;
	case PX_FB: ahci_set(&port->fb, value, mask, ~0xffu); break;
	case PX_FBU: ahci_set(&port->fbu, value, mask, UINT32_MAX); break;
	case PX_IS: port->is &= ~value; break;
	case PX_IE: ahci_set(&port->ie, value, mask, IE_BITS); break;
	case PX_CMD: write_cmd(port, value, mask); break;
	case PX_SCTL: write_sctl(port, value, mask); break;
	case PX_SERR: port->serr &= ~value; break;
	case PX_CI: port->ci |= port->cmd & CMD_START ? value : 0; break;
	default: return;
	}
	ahci_port_wake(port);
	ahci_update_irq(port->hba);
}
