/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Board "micro", put together in the order of its members; board_destroy() is
 * the mirror. A reset of the guest destroys the board and creates it anew:
 * nothing can be forgotten that way.
 */
#include "board_micro.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "boot/acpi.h"
#include "boot/boot.h"
#include "core/pci.h"
#include "dev/acpi_pm.h"
#include "dev/ioapic.h"
#include "dev/uart16550.h"
#include "hv.h"
#include "lib/errors.h"
#include "vcpu.h"
#include "virtio/virtio.h"

/* Addresses that the guest learns from ACPI. */
#define UART_BASE	0x3f8u
#define UART_GSI	4u
#define PCI_IO_BASE	0xc000u
#define PCI_IO_SIZE	0x4000u
#define PCI_MMIO32_BASE MEMORY_HOLE_START
#define PCI_MMIO32_SIZE 0x20000000ull
#define PCI_ECAM_BASE	0xe0000000ull
#define PCI_ECAM_SIZE	0x100000ull
#define PCI_MMIO64_SIZE (4ull << 30)

#define DEVICES_MAX (OPTIONS_DISKS_MAX + 2)

struct board {
	struct machine machine;
	const struct options *options;
	int signal_fd;
	struct ioapic *ioapic;
	struct uart *uart;
	struct acpi_pm pm;
	struct virtio_device *device[DEVICES_MAX];
	unsigned int device_count;
	struct vcpu *vcpu[BATON_MAX_VCPUS];
};

static bool failed(struct btn_error *e, const char *step, int error)
{
	btn_set(e, error == -ENOMEM ? BTN_NO_MEMORY : error == -EMFILE ? BTN_NO_FDS :
		   BTN_HOST_CALL_FAILED, "the VM could not be created: %s", step);
	if (error != -ENOMEM && error != -EMFILE)
		btn_set_cause(e, "The host says: %s.", strerror(-error));
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

static bool add_ioapic(struct board *board, struct btn_error *e)
{
	struct ioapic_config config = {
		.msi = board->machine.msi, .route = set_route, .ctx = &board->machine,
	};
	int error;

	board->ioapic = ioapic_create(&config);
	error = board->ioapic ? bus_add(board->machine.mmio, IOAPIC_BASE, IOAPIC_SIZE,
					&ioapic_bus_ops, board->ioapic, "ioapic") : -ENOMEM;
	return !error || failed(e, "IOAPIC", error);
}

/* ---- devices ---- */

static void request_end(void *ctx, enum machine_end how)
{
	machine_end(ctx, how);
}

static bool add_power(struct board *board, struct btn_error *e)
{
	struct bus *pio = board->machine.pio;
	int error;

	board->pm.request = request_end;
	board->pm.ctx = &board->machine;
	error = bus_add(pio, ACPI_PM_BASE, ACPI_PM_PORTS, &acpi_pm_bus_ops, &board->pm,
			"acpi-pm");
	if (!error)
		error = bus_add(pio, PORT80_BASE, 1, &port80_bus_ops, &board->pm, "port80");
	return !error || failed(e, "power management", error);
}

static bool add_uart(struct board *board, struct btn_error *e)
{
	struct uart_config config = {
		.irq = { .set = ioapic_set, .chip = board->ioapic, .pin = UART_GSI },
		.loop = board->machine.loop,
		.in_fd = board->options->console_in,
		.out_fd = board->options->console_out,
	};
	int error;

	board->uart = uart_create(&config);
	error = board->uart ? bus_add(board->machine.pio, UART_BASE, UART_PORTS, &uart_bus_ops,
				      board->uart, "uart") : -ENOMEM;
	return !error || failed(e, "serial port", error);
}

/* Between half of the guest's address space and all of it, if RAM ends below. */
static uint64_t mmio64_base(const struct board *board)
{
	uint32_t bits = hv_get_info(board->machine.hv)->phys_bits;
	uint64_t base = 1ull << (bits - 1);
	uint64_t ram_end = MEMORY_HOLE_END + guest_memory_high(board->machine.memory);

	return bits > 33 && base >= ram_end ? base : 0;
}

static bool add_pci(struct board *board, struct btn_error *e)
{
	uint64_t base64 = mmio64_base(board);
	struct pci_host_config config = {
		.pio = board->machine.pio,
		.mmio = board->machine.mmio,
		.msi = board->machine.msi,
		.ecam_base = PCI_ECAM_BASE,
		.mmio32_base = PCI_MMIO32_BASE,
		.mmio32_size = PCI_MMIO32_SIZE,
		.mmio64_base = base64,
		.mmio64_size = base64 ? PCI_MMIO64_SIZE : 0,
		.pio_base = PCI_IO_BASE,
		.pio_size = PCI_IO_SIZE,
	};
	int error = pci_host_create(&config, &board->machine.pci);

	return !error || failed(e, "PCI", error);
}

static bool disk_failed(const struct options_disk *disk, int error, struct btn_error *e)
{
	switch (error) {
	case -EBUSY:
		btn_set(e, BTN_DISK_BUSY, "the disk \"%s\" is in use", disk->path);
		break;
	case -EROFS:
		btn_set(e, BTN_DISK_READONLY, "the disk \"%s\" may not be written", disk->path);
		break;
	case -EINVAL:
		btn_set(e, BTN_DISK_SIZE, "the disk \"%s\" has a size that does not work",
			disk->path);
		break;
	case -ENOENT: case -ENOTDIR: case -EACCES: case -EPERM: case -EISDIR:
		btn_set_file(e, "disk", disk->path, error);
		break;
	default:
		btn_set(e, BTN_DISK_FAILED, "the disk \"%s\" cannot be used", disk->path);
		btn_set_cause(e, "The host says: %s.", strerror(-error));
	}
	return false;
}

static bool add_disk(struct board *board, const struct options_disk *disk, struct btn_error *e)
{
	struct virtio_blk_options config = {
		.path = disk->path, .fd = -1, .readonly = disk->readonly,
	};
	int error = virtio_blk_create(&board->machine, &config,
				      &board->device[board->device_count]);

	if (error)
		return disk_failed(disk, error, e);
	board->device_count++;
	return true;
}

static bool add_virtio(struct board *board, struct btn_error *e)
{
	const struct options *options = board->options;
	int error;

	for (unsigned int i = 0; i < options->disk_count; i++)
		if (!add_disk(board, &options->disk[i], e))
			return false;
	error = virtio_rng_create(&board->machine, &board->device[board->device_count]);
	if (error)
		return failed(e, "virtio-rng", error);
	board->device_count++;
	if (options->hvc_in < 0 && options->hvc_out < 0)
		return true;
	error = virtio_console_create(&board->machine, options->hvc_in, options->hvc_out,
				      &board->device[board->device_count]);
	if (error)
		return failed(e, "virtio-console", error);
	board->device_count++;
	return true;
}

/* ---- CPUs and boot ---- */

static bool add_vcpus(struct board *board, struct btn_error *e)
{
	struct vcpu_config config = {
		.machine = &board->machine,
		.ioapic = board->ioapic,
		.count = board->options->cpus,
	};

	for (config.id = 0; config.id < config.count; config.id++) {
		int error = vcpu_create(&config, &board->vcpu[config.id]);

		if (error)
			return failed(e, "CPU", error);
	}
	return true;
}

static int write_acpi(struct board *board, uint64_t *ret_rsdp)
{
	uint64_t base64 = mmio64_base(board);
	struct acpi_config config = {
		.cpu_count = board->options->cpus,
		.ioapic_base = IOAPIC_BASE,
		.ioapic_id = IOAPIC_ID,
		.ecam_base = PCI_ECAM_BASE,
		.ecam_size = PCI_ECAM_SIZE,
		.mmio32_base = PCI_MMIO32_BASE,
		.mmio32_size = PCI_MMIO32_SIZE,
		.mmio64_base = base64,
		.mmio64_size = base64 ? PCI_MMIO64_SIZE : 0,
		.pio_base = PCI_IO_BASE,
		.pio_size = PCI_IO_SIZE,
		.uart_base = UART_BASE,
		.uart_gsi = UART_GSI,
		.sleep_control = ACPI_PM_SLEEP_CONTROL,
		.sleep_status = ACPI_PM_SLEEP_STATUS,
		.reset = ACPI_PM_RESET,
		.reset_value = ACPI_PM_RESET_VALUE,
		.s5_type = ACPI_PM_S5_TYPE,
	};

	return acpi_write(board->machine.memory, &config, ret_rsdp);
}

static bool open_files(const struct options *options, struct boot_plan *plan,
		       struct btn_error *e)
{
	plan->kernel.fd = plan->initrd.fd = -1;
	if (!boot_file_open(&plan->kernel, "kernel", options->kernel, e))
		return false;
	return !options->initrd || boot_file_open(&plan->initrd, "initrd", options->initrd, e);
}

static bool load_kernel(struct board *board, struct btn_error *e)
{
	struct boot_plan plan = {
		.memory = board->machine.memory,
		.cmdline = board->options->append,
		.ecam_base = PCI_ECAM_BASE,
		.ecam_size = PCI_ECAM_SIZE,
	};
	struct boot_entry entry;
	bool ok = open_files(board->options, &plan, e);
	int error = ok ? write_acpi(board, &plan.rsdp) : 0;

	if (ok && !error)
		error = boot_reset_vector(board->machine.memory, ACPI_PM_RESET,
					  ACPI_PM_RESET_VALUE);
	if (ok && !error)
		ok = boot_load(&plan, &entry, e);
	boot_file_close(&plan.kernel);
	boot_file_close(&plan.initrd);
	if (ok && !error)
		error = boot_enter(board->machine.memory, vcpu_hv(board->vcpu[0]), &entry);
	return error ? failed(e, "start state", error) : ok;
}

/* ---- the machine ---- */

static void on_signal(void *ctx, int fd, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof(info)) == sizeof(info))
		machine_end(ctx, MACHINE_KILLED);
}

static bool add_loop(struct board *board, struct btn_error *e)
{
	sigset_t set;
	int error;

	board->machine.loop = loop_create();
	if (!board->machine.loop)
		return failed(e, "event loop", -errno);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	board->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (board->signal_fd < 0)
		return failed(e, "signals", -errno);
	error = loop_add_fd(board->machine.loop, board->signal_fd, EPOLLIN, on_signal,
			    &board->machine);
	return !error || failed(e, "signals", error);
}

static bool add_memory(struct board *board, struct btn_error *e)
{
	struct machine *machine = &board->machine;
	int error = hv_vm_create(machine->hv, &machine->vm);

	if (error == -EUSERS || error == -EDQUOT) {
		btn_set_default(e, BTN_TOO_MANY_VMS);
		return false;
	}
	if (error)
		return failed(e, "engine", error);
	error = guest_memory_create(machine->vm, board->options->memory, &machine->memory);
	if (error)
		return failed(e, "memory", error);
	machine->pio = bus_create();
	machine->mmio = bus_create();
	machine->msi = (struct msi_sink){ .send = send_msi, .ctx = machine };
	return (machine->pio && machine->mmio) || failed(e, "buses", -ENOMEM);
}

static bool assemble(struct board *board, struct btn_error *e)
{
	return add_loop(board, e) && add_memory(board, e) && add_ioapic(board, e) &&
	       add_power(board, e) && add_uart(board, e) && add_pci(board, e) &&
	       add_virtio(board, e) && add_vcpus(board, e) && load_kernel(board, e);
}

bool board_create(struct hv *hv, const struct options *options, struct btn_error *e,
		  struct board **ret_board)
{
	struct board *board = calloc(1, sizeof(*board));

	if (!board)
		return failed(e, "board", -ENOMEM);
	board->machine.hv = hv;
	board->machine.error = e;
	board->options = options;
	board->signal_fd = -1;
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
	for (unsigned int i = 0; i < BATON_MAX_VCPUS; i++)
		vcpu_destroy(board->vcpu[i]);
	while (board->device_count)
		virtio_device_destroy(board->device[--board->device_count]);
	if (machine->pci)
		pci_host_destroy(machine->pci);
	uart_destroy(board->uart);
	ioapic_destroy(board->ioapic);
	bus_destroy(machine->mmio);
	bus_destroy(machine->pio);
	hv_vm_destroy(machine->vm);
	guest_memory_destroy(machine->memory);
	if (board->signal_fd >= 0)
		close(board->signal_fd);
	loop_destroy(machine->loop);
	free(board);
}

struct machine *board_machine(struct board *board)
{
	return &board->machine;
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
