/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC (Intel 82093AA data sheet, plus the EOI register of later ones).
 *
 * An edge is sent when it comes, and lost on a pin that is masked then; a level pin is
 * sent when its line is up and remote IRR is clear, which the EOI of its vector brings
 * about.
 * One lock; messages are sent under it, the sink takes no lock of ours.
 */
#include "ioapic.h"

#include <pthread.h>
#include <stdlib.h>

#define REG_SELECT	0x00
#define REG_WINDOW	0x10
#define REG_EOI		0x40

#define INDEX_ID	0x00
#define INDEX_VERSION	0x01
#define INDEX_ARB	0x02
#define INDEX_TABLE	0x10

#define VERSION_WITH_EOI 0x20u

#define RTE_VECTOR	0xffull
#define RTE_DELIVERY	(7ull << 8)
#define RTE_LOGICAL	(1ull << 11)
#define RTE_REMOTE_IRR	(1ull << 14)
#define RTE_LEVEL	(1ull << 15)
#define RTE_MASKED	(1ull << 16)
#define RTE_DEST_SHIFT	56
#define RTE_WRITABLE	(0xff00000000000000ull | 0x1afffull)

#define DELIVERY_EXTINT	7

#define MSI_ADDRESS	0xfee00000ull
#define MSI_ASSERT	(1u << 14)

struct ioapic {
	pthread_mutex_t lock;		/* all below but config */
	struct ioapic_config config;	/* constant */
	uint32_t id, select;
	uint32_t level;			/* lines as they are, a bit per pin */
	uint64_t entry[IOAPIC_PINS];
};

const struct state_field ioapic_fields[] = {
	STATE_FIELD(struct ioapic, id),
	STATE_FIELD(struct ioapic, select),
	STATE_FIELD(struct ioapic, level),
	STATE_ARRAY(struct ioapic, entry),
};
const size_t ioapic_field_count = sizeof(ioapic_fields) / sizeof(ioapic_fields[0]);

struct ioapic *ioapic_create(const struct ioapic_config *config)
{
	struct ioapic *ioapic = calloc(1, sizeof(*ioapic));

	if (!ioapic)
		return NULL;
	pthread_mutex_init(&ioapic->lock, NULL);
	ioapic->config = *config;
	ioapic->id = IOAPIC_ID;
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic->entry[pin] = RTE_MASKED;
	return ioapic;
}

void ioapic_destroy(struct ioapic *ioapic)
{
	if (!ioapic)
		return;
	pthread_mutex_destroy(&ioapic->lock);
	free(ioapic);
}

/* ---- delivery ---- */

static uint64_t message_address(uint64_t entry)
{
	return MSI_ADDRESS | (entry >> RTE_DEST_SHIFT) << 12 | (entry & RTE_LOGICAL ? 4 : 0);
}

/* Vector, delivery mode and trigger mode sit where an MSI has them. */
static uint32_t message_data(uint64_t entry)
{
	return (uint32_t)(entry & (RTE_VECTOR | RTE_DELIVERY | RTE_LEVEL)) |
	       (entry & RTE_LEVEL ? MSI_ASSERT : 0);
}

static bool can_send(uint64_t entry)
{
	return !(entry & RTE_MASKED) && (entry & RTE_DELIVERY) >> 8 != DELIVERY_EXTINT;
}

static void send_locked(struct ioapic *ioapic, uint64_t entry)
{
	ioapic->config.msi.send(ioapic->config.msi.ctx, message_address(entry),
				message_data(entry));
}

/* Sends the level that the pin has to send, if any. */
static void service_locked(struct ioapic *ioapic, unsigned int pin)
{
	uint64_t *entry = &ioapic->entry[pin];

	if (!can_send(*entry) || !(*entry & RTE_LEVEL) || *entry & RTE_REMOTE_IRR ||
	    !(ioapic->level & 1u << pin))
		return;
	*entry |= RTE_REMOTE_IRR;
	send_locked(ioapic, *entry);
}

void ioapic_set(void *opaque, unsigned int pin, bool level)
{
	struct ioapic *ioapic = opaque;
	uint32_t bit = 1u << pin;
	bool rises;

	if (pin >= IOAPIC_PINS)
		return;
	pthread_mutex_lock(&ioapic->lock);
	rises = level && !(ioapic->level & bit);
	if (level)
		ioapic->level |= bit;
	else
		ioapic->level &= ~bit;
	if (rises && !(ioapic->entry[pin] & RTE_LEVEL) && can_send(ioapic->entry[pin]))
		send_locked(ioapic, ioapic->entry[pin]);
	service_locked(ioapic, pin);
	pthread_mutex_unlock(&ioapic->lock);
}

static void eoi_locked(struct ioapic *ioapic, uint32_t vector)
{
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *entry = &ioapic->entry[pin];

		if (!(*entry & RTE_LEVEL) || (*entry & RTE_VECTOR) != vector)
			continue;
		*entry &= ~RTE_REMOTE_IRR;
		service_locked(ioapic, pin);
	}
}

void ioapic_eoi(struct ioapic *ioapic, uint32_t vector)
{
	pthread_mutex_lock(&ioapic->lock);
	eoi_locked(ioapic, vector);
	pthread_mutex_unlock(&ioapic->lock);
}

/* ---- registers ---- */

/* Who waits for an EOI has a route, masked or not. */
static void tell_route_locked(struct ioapic *ioapic, unsigned int pin)
{
	uint64_t entry = ioapic->entry[pin];
	bool waits = can_send(entry) || entry & RTE_REMOTE_IRR;

	if (ioapic->config.route)
		ioapic->config.route(ioapic->config.ctx, pin, message_address(entry),
				     message_data(entry), waits && entry & RTE_LEVEL);
}

/* A change to edge drops remote IRR: guests use that to clear a stuck pin. */
static void write_entry_locked(struct ioapic *ioapic, unsigned int pin, uint64_t value)
{
	uint64_t old = ioapic->entry[pin];
	uint64_t entry = (value & RTE_WRITABLE) | (old & RTE_REMOTE_IRR);

	if (!(entry & RTE_LEVEL))
		entry &= ~RTE_REMOTE_IRR;
	ioapic->entry[pin] = entry;
	tell_route_locked(ioapic, pin);
	service_locked(ioapic, pin);
}

static uint32_t read_index_locked(const struct ioapic *ioapic)
{
	uint32_t index = ioapic->select;
	uint32_t pin = (index - INDEX_TABLE) / 2;

	switch (index) {
	case INDEX_ID:
	case INDEX_ARB:
		return ioapic->id << 24;
	case INDEX_VERSION:
		return VERSION_WITH_EOI | (IOAPIC_PINS - 1) << 16;
	}
	if (index < INDEX_TABLE || pin >= IOAPIC_PINS)
		return 0;
	return (uint32_t)(ioapic->entry[pin] >> (index & 1 ? 32 : 0));
}

static void write_index_locked(struct ioapic *ioapic, uint32_t value)
{
	uint32_t index = ioapic->select;
	uint32_t pin = (index - INDEX_TABLE) / 2;
	uint64_t entry;

	if (index == INDEX_ID)
		ioapic->id = value >> 24 & 0xf;
	if (index < INDEX_TABLE || pin >= IOAPIC_PINS)
		return;
	entry = ioapic->entry[pin];
	if (index & 1)
		entry = (uint32_t)entry | (uint64_t)value << 32;
	else
		entry = (entry & ~0xffffffffull) | value;
	write_entry_locked(ioapic, pin, entry);
}

/* Registers are 32 bits wide; narrower reads get the low bytes. */
static uint64_t ioapic_read(void *dev, uint64_t offset, unsigned int size)
{
	struct ioapic *ioapic = dev;
	uint32_t value = 0;

	(void)size;
	pthread_mutex_lock(&ioapic->lock);
	if (offset == REG_SELECT)
		value = ioapic->select;
	else if (offset == REG_WINDOW)
		value = read_index_locked(ioapic);
	pthread_mutex_unlock(&ioapic->lock);
	return value;
}

static void ioapic_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct ioapic *ioapic = dev;

	if (size < 4 && offset != REG_SELECT)
		return;
	pthread_mutex_lock(&ioapic->lock);
	if (offset == REG_SELECT)
		ioapic->select = value & 0xff;
	else if (offset == REG_WINDOW)
		write_index_locked(ioapic, (uint32_t)value);
	else if (offset == REG_EOI)
		eoi_locked(ioapic, value & 0xff);
	pthread_mutex_unlock(&ioapic->lock);
}

void ioapic_refresh(struct ioapic *ioapic)
{
	pthread_mutex_lock(&ioapic->lock);
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		tell_route_locked(ioapic, pin);
	pthread_mutex_unlock(&ioapic->lock);
}

const struct bus_ops ioapic_bus_ops = {
	.read = ioapic_read,
	.write = ioapic_write,
};
