/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Board "micro": direct kernel boot, virtio over PCI (ECAM, MSI-X), one serial
 * port, an IOAPIC, hardware-reduced ACPI. Nothing else.
 */
#include <errno.h>

#include "board_private.h"
#include "boot/acpi.h"
#include "boot/boot.h"
#include "core/pci.h"
#include "dev/acpi_pm.h"
#include "dev/fw_cfg.h"
#include "dev/ioapic.h"
#include "hv.h"
#include "lib/errors.h"
#include "vcpu.h"

/* Addresses that the guest learns from ACPI. */
#define UART_GSI	4u
#define PCI_IO_BASE	0xc000u
#define PCI_IO_SIZE	0x4000u
#define PCI_MMIO32_BASE MEMORY_HOLE_START
#define PCI_MMIO32_SIZE 0x20000000ull
#define PCI_ECAM_BASE	0xe0000000ull
#define PCI_ECAM_SIZE	0x100000ull
#define PCI_MMIO64_SIZE (4ull << 30)

struct micro {
	struct acpi_pm pm;
	struct fw_cfg *fw_cfg;	/* with the test devices, for memory and CPUs */
};

static bool add_memory(struct board *board, struct btn_error *e)
{
	int error = guest_memory_create_kind(board->machine.vm, board->options->memory,
					     board_memory_kind(board), &board->machine.memory);

	return !error || board_memory_failed(e, error);
}

static bool add_power(struct board *board, struct btn_error *e)
{
	struct micro *micro = board->own;
	struct bus *pio = board->machine.pio;
	int error;

	micro->pm.request = board_request_end;
	micro->pm.ctx = &board->machine;
	error = bus_add(pio, ACPI_PM_BASE, ACPI_PM_PORTS, &acpi_pm_bus_ops, &micro->pm,
			"acpi-pm");
	if (!error)
		error = bus_add(pio, PORT80_BASE, 1, &port80_bus_ops, &micro->pm, "port80");
	return !error || board_failed(e, "power management", error);
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

	return !error || board_failed(e, "PCI", error);
}

/* ---- for tests ---- */

static void test_gsi(void *ctx, unsigned int gsi, bool level)
{
	ioapic_set(((struct board *)ctx)->ioapic, gsi, level);
}

static int add_fw_cfg(struct board *board)
{
	struct micro *micro = board->own;
	uint64_t size = guest_memory_size(board->machine.memory);
	uint16_t cpus = (uint16_t)board->options->cpus;
	int error;

	micro->fw_cfg = fw_cfg_create(board->machine.memory);
	if (!micro->fw_cfg)
		return -ENOMEM;
	error = fw_cfg_add(micro->fw_cfg, FW_CFG_RAM_SIZE, &size, sizeof(size));
	if (!error)
		error = fw_cfg_add(micro->fw_cfg, FW_CFG_CPU_COUNT, &cpus, sizeof(cpus));
	return error ? error : bus_add(board->machine.pio, FW_CFG_BASE, FW_CFG_PORTS,
				       &fw_cfg_bus_ops, micro->fw_cfg, "fw_cfg");
}

static bool add_test_devices(struct board *board, struct btn_error *e)
{
	int error = board->options->test_devices ? add_fw_cfg(board) : 0;

	if (error)
		return board_failed(e, "fw_cfg", error);
	return board_add_test_devices(board, test_gsi, e);
}

/* ---- boot ---- */

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
		.uart_base = BOARD_UART_BASE,
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
	return error ? board_failed(e, "start state", error) : ok;
}

/* ---- the machine ---- */

static bool assemble(struct board *board, struct btn_error *e)
{
	const struct irq_line *uart;

	if (!add_memory(board, e) || !board_add_ioapic(board, e))
		return false;
	uart = &(struct irq_line){ .set = ioapic_set, .chip = board->ioapic, .pin = UART_GSI };
	return add_power(board, e) && board_add_uart(board, uart, e) && add_pci(board, e) &&
	       board_add_virtio(board, e) && add_test_devices(board, e) &&
	       board_add_vcpus(board, e) && load_kernel(board, e);
}

static void dismantle(struct board *board)
{
	struct micro *micro = board->own;

	fw_cfg_destroy(micro->fw_cfg);
	pci_host_destroy(board->machine.pci);
}

const struct board_type board_micro = {
	.name = "micro",
	.own_size = sizeof(struct micro),
	.assemble = assemble,
	.dismantle = dismantle,
};
