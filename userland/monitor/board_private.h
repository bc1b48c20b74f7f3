/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boards share (board.c). For them alone. Main thread, before vCPUs run. */
#ifndef BATON_BOARD_PRIVATE_H
#define BATON_BOARD_PRIVATE_H

#include "board.h"
#include "core/irq.h"

#define BOARD_UART_BASE 0x3f8u
#define BOARD_DEVICES_MAX (OPTIONS_DISKS_MAX + OPTIONS_NETS_MAX + 4)

struct test_devices;

struct board_type {
	const char *name;
	size_t own_size;	/* of board->own, which is zeroed */
	/* Puts all together, from guest memory on. false: *e filled. */
	bool (*assemble)(struct board *board, struct btn_error *e);
	/* Takes away what assemble() added by itself, if it was. Virtio devices are gone. */
	void (*dismantle)(struct board *board);
	/* The rest, once the serial port is gone, too; may be NULL. */
	void (*dismantle_last)(struct board *board);
	/* Whether the guest listens; NULL: there is no power button. */
	bool (*power_button)(struct board *board);
};

extern const struct board_type board_micro, board_pc;

struct board {
	struct machine machine;
	struct board_config config;
	const struct options *options;	/* config's */
	const struct board_type *type;
	void *own;		/* the type's part */
	struct ioapic *ioapic;
	struct uart *uart;
	struct virtio_device *device[BOARD_DEVICES_MAX];
	unsigned int device_count;	/* disks first, then network cards */
	unsigned int first_disk_slot;	/* of PCI; the others follow */
	/* What the 8259 answers a CPU (vcpu.h); NULL: there is none. */
	int (*inta)(void *ctx);
	void *inta_ctx;
	struct ahci *ahci;	/* NULL without a CD drive */
	struct cd_drive *cdrom[OPTIONS_CDROMS_MAX];
	struct test_devices *test_devices;	/* NULL: nobody asked for them */
	struct memory_control *memory_control;
	struct vcpu *vcpu[BATON_MAX_VCPUS];
};

/* Steps of assemble(); false: *e filled. */
bool board_add_ioapic(struct board *board, struct btn_error *e);
bool board_add_uart(struct board *board, const struct irq_line *irq, struct btn_error *e);
bool board_add_virtio(struct board *board, struct btn_error *e);
bool board_add_vcpus(struct board *board, struct btn_error *e);
/* If they were asked for; `gsi` with the board. */
bool board_add_test_devices(struct board *board,
			    void (*gsi)(void *board, unsigned int gsi, bool level),
			    struct btn_error *e);
/* board_cdrom.c; once there is an LPC bridge on the PCI bus. */
bool board_add_cdroms(struct board *board, struct btn_error *e);
/* Before that bus goes. Fine if they never were added. */
void board_remove_cdroms(struct board *board);
/* How firmware names the drives, a line each; cut to `size`. Returns the length. */
size_t board_cdrom_boot_order(const struct board *board, char *text, size_t size);

/* What the guest's RAM is made of; and the error of creating it. Returns false. */
enum guest_memory_kind board_memory_kind(const struct board *board);
bool board_memory_failed(struct btn_error *e, int error);

/* *e says which step failed with that negative errno. Returns false. */
bool board_failed(struct btn_error *e, const char *step, int error);
/* For power management: ctx is the machine. */
void board_request_end(void *ctx, enum machine_end how);

#endif
