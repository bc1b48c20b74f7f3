/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all boards have: the machine around them, IOAPIC, serial port, virtio devices,
 * vCPUs. A board's type puts these and its own parts together in the order in which
 * they need each other; board_destroy() is the mirror. A reset of the guest destroys
 * the board and creates it anew: nothing can be forgotten that way. What stays, images
 * above all, is board_kept's.
 */
#include "board_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pci.h"
#include "dev/ioapic.h"
#include "dev/test_devices.h"
#include "dev/uart16550.h"
#include "hv.h"
#include "lib/errors.h"
#include "memory/memory_control.h"
#include "vcpu.h"
#include "virtio/transport.h"
#include "virtio/virtio.h"

bool board_failed(struct btn_error *e, const char *step, int error)
{
	btn_set(e, error == -ENOMEM ? BTN_NO_MEMORY : error == -EMFILE ? BTN_NO_FDS :
		   BTN_HOST_CALL_FAILED, "the VM could not be created: %s", step);
	if (error != -ENOMEM && error != -EMFILE)
		btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}

enum guest_memory_kind board_memory_kind(const struct board *board)
{
	return board->options->ksm ? GUEST_MEMORY_MERGEABLE : GUEST_MEMORY_SHARED;
}

bool board_memory_failed(struct btn_error *e, int error)
{
	if (error != -EOPNOTSUPP)
		return board_failed(e, "memory", error);
	btn_set_default(e, BTN_NO_KSM);
	return false;
}

/* ---- interrupts ---- */

static void send_msi(void *ctx, uint64_t address, uint32_t data)
{
	struct machine *machine = ctx;

	/* a message to a CPU that is not there has no effect, as on hardware */
	hv_vm_send_msi(machine->vm, address, data);
}

static void set_route(void *ctx, unsigned int pin, uint64_t address, uint32_t data, bool level)
{
	struct machine *machine = ctx;

	hv_vm_set_ioapic_route(machine->vm, pin, address, data, level);
}

bool board_add_ioapic(struct board *board, struct btn_error *e)
{
	struct ioapic_config config = {
		.msi = board->machine.msi, .route = set_route, .ctx = &board->machine,
	};
	int error;

	board->ioapic = ioapic_create(&config);
	error = board->ioapic ? bus_add(board->machine.mmio, IOAPIC_BASE, IOAPIC_SIZE,
					&ioapic_bus_ops, board->ioapic, "ioapic") : -ENOMEM;
	return !error || board_failed(e, "IOAPIC", error);
}

/* ---- devices ---- */

void board_request_end(void *ctx, enum machine_end how)
{
	machine_end(ctx, how);
}

bool board_add_uart(struct board *board, const struct irq_line *irq,
		    struct btn_error *e)
{
	struct uart_config config = {
		.irq = *irq,
		.loop = board->machine.loop,
		.in_fd = board->config.console_in,
		.out_fd = board->config.console_out,
	};
	int error;

	board->uart = uart_create(&config);
	error = board->uart ? bus_add(board->machine.pio, BOARD_UART_BASE, UART_PORTS,
				      &uart_bus_ops, board->uart, "uart") : -ENOMEM;
	return !error || board_failed(e, "serial port", error);
}

static bool open_disk(const struct options_disk *disk, struct block **ret, struct btn_error *e)
{
	const struct block_options options = {
		.path = disk->path, .fd = -1, .readonly = disk->readonly, .format = disk->format,
	};

	return *ret || block_open(&options, ret, e);
}

static bool add_disk(struct board *board, unsigned int i, struct btn_error *e)
{
	const struct options_disk *disk = &board->options->disk[i];
	struct block **block = &board->config.kept->disk[i];
	struct virtio_blk_options config = {
		.name = disk->path, .queues = board->options->cpus,
	};
	int error;

	if (!open_disk(disk, block, e))
		return false;
	config.block = *block;
	error = virtio_blk_create(&board->machine, &config, &board->device[board->device_count]);
	if (error)
		return board_failed(e, "virtio-blk", error);
	if (!board->first_disk_slot)
		board->first_disk_slot = pci_slot(board->device[board->device_count]->pci);
	board->device_count++;
	return true;
}

static bool add_net(struct board *board, unsigned int i, struct btn_error *e)
{
	const struct options_net *net = &board->options->net[i];
	struct virtio_net_options config = {
		.path = net->path, .fd = net->fd, .name = net->name,
		.kept = &board->config.kept->net[i],
	};
	int error;

	memcpy(config.mac, net->mac, sizeof(config.mac));
	error = virtio_net_create(&board->machine, &config, &board->device[board->device_count]);
	if (error) {
		btn_set(e, BTN_NET_FAILED, "the network card cannot be connected");
		btn_set_cause(e, "The network says: %s.", strerror(-error));
		return false;
	}
	board->device_count++;
	return true;
}

static bool add_virtio(struct board *board, struct btn_error *e)
{
	const struct options *options = board->options;
	int error;

	for (unsigned int i = 0; i < options->disk_count; i++)
		if (!add_disk(board, i, e))
			return false;
	for (unsigned int i = 0; i < options->net_count; i++)
		if (!add_net(board, i, e))
			return false;
	error = virtio_rng_create(&board->machine, &board->device[board->device_count]);
	if (error)
		return board_failed(e, "virtio-rng", error);
	board->device_count++;
	if (options->hvc_in < 0 && options->hvc_out < 0)
		return true;
	error = virtio_console_create(&board->machine, options->hvc_in, options->hvc_out,
				      &board->device[board->device_count]);
	if (error)
		return board_failed(e, "virtio-console", error);
	board->device_count++;
	return true;
}

/* The balloon comes last, so that the others' places do not depend on it. */
static bool add_memory_control(struct board *board, struct btn_error *e)
{
	const uint64_t target = board->config.kept->memory_target;
	int error = memory_control_create(&board->machine, board->options->memory_min,
					  target ? target : board->options->memory,
					  &board->memory_control);

	return !error || board_failed(e, "memory balloon", error);
}

bool board_add_virtio(struct board *board, struct btn_error *e)
{
	return add_virtio(board, e) && add_memory_control(board, e);
}

static void end_with_status(void *ctx, uint8_t status)
{
	machine_end_status(&((struct board *)ctx)->machine, status);
}

bool board_add_test_devices(struct board *board,
			    void (*gsi)(void *board, unsigned int gsi, bool level),
			    struct btn_error *e)
{
	struct test_devices_config config = {
		.memory = board->machine.memory, .end = end_with_status, .gsi = gsi, .ctx = board,
	};
	struct bus *pio = board->machine.pio;
	struct test_devices *test;
	int error;

	if (!board->options->test_devices)
		return true;
	test = board->test_devices = test_devices_create(&config);
	if (!test)
		return board_failed(e, "test devices", -ENOMEM);
	error = bus_add(pio, TEST_EXIT_PORT, TEST_EXIT_PORTS, &test_exit_ops, test, "test exit");
	if (!error)
		error = bus_add(pio, TEST_KEEP_BASE, TEST_KEEP_PORTS, &test_keep_ops, test,
				"test ports");
	if (!error)
		error = bus_add(pio, TEST_GSI_BASE, TEST_GSI_PORTS, &test_gsi_ops, test,
				"test interrupts");
	if (!error)
		error = bus_add(board->machine.mmio, TEST_MMIO_BASE, TEST_MMIO_SIZE,
				&test_mmio_ops, test, "test memory");
	return !error || board_failed(e, "test devices", error);
}

/* ---- CPUs ---- */

bool board_add_vcpus(struct board *board, struct btn_error *e)
{
	struct vcpu_config config = {
		.machine = &board->machine,
		.ioapic = board->ioapic,
		.count = board->options->cpus,
	};

	for (config.id = 0; config.id < config.count; config.id++) {
		int error;

		/* INTR is the first CPU's */
		config.inta = config.id ? NULL : board->inta;
		config.inta_ctx = board->inta_ctx;
		error = vcpu_create(&config, &board->vcpu[config.id]);

		if (error)
			return board_failed(e, "CPU", error);
	}
	return true;
}

/* ---- the machine ---- */

static bool add_engine(struct board *board, struct btn_error *e)
{
	struct machine *machine = &board->machine;
	int error;

	hv_set_halt_poll(machine->hv, !board->options->no_halt_poll);
	error = hv_vm_create(machine->hv, &machine->vm);
	if (error == -EUSERS || error == -EDQUOT) {
		btn_set_default(e, BTN_TOO_MANY_VMS);
		return false;
	}
	if (error)
		return board_failed(e, "engine", error);
	machine->pio = bus_create();
	machine->mmio = bus_create();
	machine->msi = (struct msi_sink){ .send = send_msi, .ctx = machine };
	return (machine->pio && machine->mmio) || board_failed(e, "buses", -ENOMEM);
}

static const struct board_type *const types[] = {
	[BOARD_MICRO] = &board_micro,
	[BOARD_PC] = &board_pc,
};

static bool assemble(struct board *board, struct btn_error *e)
{
	board->own = calloc(1, board->type->own_size);
	if (!board->own)
		return board_failed(e, "board", -ENOMEM);
	return add_engine(board, e) && board->type->assemble(board, e);
}

void board_kept_close(struct board_kept *kept, const struct options *options)
{
	for (unsigned int i = 0; i < OPTIONS_DISKS_MAX; i++) {
		int error = block_close(kept->disk[i]);

		if (error)
			fprintf(stderr, "baton-vm: the disk \"%s\": its last changes may be lost: "
				"%s\n", options->disk[i].path, strerror(-error));
	}
	for (unsigned int i = 0; i < OPTIONS_CDROMS_MAX; i++)
		block_close(kept->cdrom[i]);
}

bool board_create(const struct board_config *config, struct btn_error *e,
		  struct board **ret_board)
{
	struct board *board = calloc(1, sizeof(*board));

	if (!board)
		return board_failed(e, "board", -ENOMEM);
	board->config = *config;
	board->options = config->options;
	board->type = types[config->options->board];
	machine_init(&board->machine, config->hv, config->loop, e);
	if (!assemble(board, e)) {
		board_destroy(board);
		return false;
	}
	*ret_board = board;
	return true;
}

void board_destroy(struct board *board)
{
	struct machine *machine = &board->machine;

	if (!board)
		return;
	if (board->memory_control)
		board->config.kept->memory_target = memory_control_target(board->memory_control);
	memory_control_destroy(board->memory_control);
	while (board->device_count)
		virtio_device_destroy(board->device[--board->device_count]);
	if (board->own)
		board->type->dismantle(board);
	uart_destroy(board->uart);
	if (board->own && board->type->dismantle_last)
		board->type->dismantle_last(board);
	/* Stopped long since, but interrupt controllers tell them of lines that change. */
	for (unsigned int i = 0; i < BATON_MAX_VCPUS; i++)
		vcpu_destroy(board->vcpu[i]);
	free(board->own);
	ioapic_destroy(board->ioapic);
	test_devices_destroy(board->test_devices);
	bus_destroy(machine->mmio);
	bus_destroy(machine->pio);
	hv_vm_destroy(machine->vm);
	guest_memory_destroy(machine->memory);
	machine_fini(machine);
	free(board);
}

struct machine *board_machine(struct board *board)
{
	return &board->machine;
}

struct memory_control *board_memory_control(struct board *board)
{
	return board->memory_control;
}

struct virtio_device *board_disk(struct board *board, unsigned int i)
{
	return board->device[i];
}

struct virtio_device *board_net(struct board *board, unsigned int i)
{
	return board->device[board->options->disk_count + i];
}

uint64_t board_vcpu_time(struct board *board, unsigned int i)
{
	return vcpu_time(board->vcpu[i]);
}

int board_vcpu_stats(struct board *board, unsigned int i, struct hv_stats *ret_stats)
{
	return hv_vcpu_get_stats(vcpu_hv(board->vcpu[i]), ret_stats);
}

int board_vm_stats(struct board *board, struct hv_stats *ret_stats)
{
	return hv_vm_get_stats(board->machine.vm, ret_stats);
}

bool board_power_button(struct board *board, bool *ret_heard)
{
	if (!board->type->power_button)
		return false;
	*ret_heard = board->type->power_button(board);
	return true;
}

void board_hold(struct board *board)
{
	machine_pause(&board->machine);
}

static void wait_for_vcpus(struct board *board)
{
	for (unsigned int i = 0; i < board->options->cpus; i++)
		vcpu_kick(board->vcpu[i]);
	machine_wait_paused(&board->machine);
}

void board_pause(struct board *board)
{
	machine_pause(&board->machine);
	wait_for_vcpus(board);
}

void board_debug_hold(struct board *board)
{
	machine_hold(&board->machine, UINT64_MAX);
	wait_for_vcpus(board);
}

/* A hint: a guest that cannot be told may find its CPUs hung. */
static void tell_stopped(struct board *board)
{
	for (unsigned int i = 0; i < board->options->cpus; i++)
		hv_vcpu_note_stopped(vcpu_hv(board->vcpu[i]));
}

/* Nobody is held who does not exist: each exit would ask who is. */
void board_debug_run(struct board *board, uint64_t vcpus)
{
	tell_stopped(board);
	machine_hold(&board->machine, ~vcpus & UINT64_MAX >> (64 - board->options->cpus));
}

/* Whether all of it stands still; not during a step. */
bool board_is_held(const struct board *board)
{
	return machine_held(&board->machine) == UINT64_MAX;
}

struct vcpu *board_vcpu(struct board *board, unsigned int i)
{
	return board->vcpu[i];
}

void board_resume(struct board *board)
{
	tell_stopped(board);
	machine_resume(&board->machine);
}

bool board_is_paused(const struct board *board)
{
	return machine_is_paused(&board->machine);
}

static void start_vcpus(struct board *board)
{
	for (unsigned int i = 0; i < board->options->cpus; i++) {
		struct btn_error e;

		if (!vcpu_start(board->vcpu[i]))
			continue;
		btn_set_default(&e, BTN_NO_THREADS);
		machine_end_with(&board->machine, MACHINE_FAILED, &e);
		return;
	}
}

enum machine_end board_run(struct board *board)
{
	int status;

	start_vcpus(board);
	status = loop_run(board->machine.loop);
	if (status < 0)
		machine_end(&board->machine, MACHINE_FAILED);
	for (unsigned int i = 0; i < board->options->cpus; i++)
		vcpu_stop(board->vcpu[i]);
	return machine_how_ended(&board->machine);
}
