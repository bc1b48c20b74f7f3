/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Board "pc": a Q35 with SeaBIOS. Chipset, interrupt controllers, timers, keyboard and
 * VGA as firmware and any PC's kernel expect them; disks and network are virtio.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baton_version.h"
#include "board_private.h"
#include "boot/firmware.h"
#include "core/clock.h"
#include "core/pci.h"
#include "dev/fw_cfg.h"
#include "dev/i8042.h"
#include "dev/i8254.h"
#include "dev/i8259.h"
#include "dev/ich9_lpc.h"
#include "dev/ich9_pm.h"
#include "dev/ioapic.h"
#include "dev/pam.h"
#include "dev/q35_mch.h"
#include "dev/reset_ports.h"
#include "dev/rtc.h"
#include "dev/vga.h"
#include "display/display.h"
#include "display/input.h"
#include "hv.h"
#include "lib/errors.h"
#include "vcpu.h"

/* Where firmware puts things on a Q35. */
#define PM_BASE		0x600u
#define ECAM_BASE	0xb0000000ull
#define MMIO32_BASE	0xc0000000ull
#define MMIO32_SIZE	(IOAPIC_BASE - MMIO32_BASE)
#define PCI_IO_BASE	0xc000u
#define PCI_IO_SIZE	0x4000u
#define BOOT_ORDER_MAX	(OPTIONS_DISKS_MAX * 40 + OPTIONS_CDROMS_MAX * 60)

#define UART_IRQ	4u
#define TIMER_IRQ	0u
#define TIMER_PIN	2u	/* of the IOAPIC */
#define KEYBOARD_IRQ	1u
#define MOUSE_IRQ	12u
#define RTC_IRQ		8u

/* Local APIC: LINT0 takes the 8259, as when a PC starts. */
#define LAPIC_LINT0	0x350u
#define LVT_EXTINT	0x700u

struct pc {
	struct board *board;
	struct firmware firmware;
	struct pam *pam;
	struct q35_mch mch;
	struct ich9_lpc *lpc;
	struct i8259 *pic;
	struct i8254 *pit;
	struct rtc *rtc;
	struct ich9_pm *pm;
	struct i8042 *keyboard;
	struct reset_ports reset;
	struct fw_cfg *fw_cfg;
	struct vga *vga;
	struct pci_function *vga_function;
	struct loop_timer *pit_timer, *rtc_timer, *pm_timer;
	bool firmware_mapped;
};

/* ---- memory ---- */

static bool add_memory(struct board *board, struct btn_error *e)
{
	int error = guest_memory_create_pc(board->machine.vm, board->options->memory,
					   board_memory_kind(board), &board->machine.memory);

	if (error == -EINVAL) {
		btn_set(e, BTN_BAD_VALUE, "board pc needs more than 1 MiB of memory");
		return false;
	}
	return !error || board_memory_failed(e, error);
}

static bool add_firmware(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	const char *path = board->options->firmware;
	struct pam_config config = { .memory = board->machine.memory, .mmio = board->machine.mmio };
	int error;

	if (!firmware_load(path ? path : FIRMWARE_DEFAULT, &pc->firmware, e))
		return false;
	error = guest_memory_map(board->machine.memory, WINDOW_FIRMWARE,
				 MEMORY_HOLE_END - pc->firmware.size, pc->firmware.size,
				 pc->firmware.image, true);
	if (error)
		return board_failed(e, "firmware", error);
	pc->firmware_mapped = true;
	config.firmware = pc->firmware.image + pc->firmware.size - PAM_FIRMWARE_SIZE;
	error = pam_create(&config, &pc->pam);
	return !error || board_failed(e, "shadow memory", error);
}

/* ---- interrupts ---- */

/* An ISA interrupt: a wire to both controllers. */
static void isa_irq(void *chip, unsigned int irq, bool level)
{
	struct pc *pc = chip;

	i8259_set(pc->pic, irq, level);
	ioapic_set(pc->board->ioapic, irq == TIMER_IRQ ? TIMER_PIN : irq, level);
}

static void test_gsi(void *ctx, unsigned int gsi, bool level)
{
	struct board *board = ctx;

	if (gsi < 16)
		isa_irq(board->own, gsi, level);
	else
		ioapic_set(board->ioapic, gsi, level);
}

static struct irq_line isa_line(struct pc *pc, unsigned int irq)
{
	return (struct irq_line){ .set = isa_irq, .chip = pc, .pin = irq };
}

/* INTR goes to the first CPU; it is not there yet while devices are created. */
static void on_intr(void *ctx, bool level)
{
	struct vcpu *cpu = ((struct pc *)ctx)->board->vcpu[0];

	if (cpu)
		hv_vcpu_set_intr(vcpu_hv(cpu), level);
}

static int on_inta(void *ctx)
{
	return i8259_inta(((struct pc *)ctx)->pic);
}

static int add_ports(struct board *board, uint16_t base, uint16_t size,
		     const struct bus_ops *ops, void *dev, const char *name)
{
	return dev ? bus_add(board->machine.pio, base, size, ops, dev, name) : -ENOMEM;
}

static bool add_pic(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct i8259_config config = { .intr = on_intr, .ctx = pc };
	int error;

	pc->pic = i8259_create(&config);
	error = add_ports(board, I8259_MASTER_BASE, I8259_PORTS, &i8259_master_ops, pc->pic,
			  "pic");
	if (!error)
		error = add_ports(board, I8259_SLAVE_BASE, I8259_PORTS, &i8259_slave_ops,
				  pc->pic, "pic slave");
	if (!error)
		error = add_ports(board, I8259_ELCR_BASE, I8259_ELCR_PORTS, &i8259_elcr_ops,
				  pc->pic, "elcr");
	return !error || board_failed(e, "8259", error);
}

/* ---- timers and clocks ---- */

static void arm_timer(void *ctx, uint64_t after_ns)
{
	loop_timer_arm(ctx, after_ns);
}

static void on_pit_timer(void *ctx)
{
	i8254_expired(((struct pc *)ctx)->pit);
}

static void on_rtc_timer(void *ctx)
{
	rtc_expired(((struct pc *)ctx)->rtc);
}

static void on_pm_timer(void *ctx)
{
	ich9_pm_expired(((struct pc *)ctx)->pm);
}

static bool add_timer(struct board *board, loop_timer_fn fn, struct loop_timer **ret_timer,
		      struct clock_timer *ret_handle, struct btn_error *e)
{
	*ret_timer = loop_timer_create(board->machine.loop, fn, board->own);
	*ret_handle = (struct clock_timer){ .arm = arm_timer, .ctx = *ret_timer };
	return *ret_timer || board_failed(e, "timer", -ENOMEM);
}

static bool add_pit(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct i8254_config config = {
		.clock = clock_monotonic, .irq = isa_line(pc, TIMER_IRQ),
	};
	int error;

	if (!add_timer(board, on_pit_timer, &pc->pit_timer, &config.timer, e))
		return false;
	pc->pit = i8254_create(&config);
	error = add_ports(board, I8254_BASE, I8254_PORTS, &i8254_bus_ops, pc->pit, "pit");
	if (!error)
		error = add_ports(board, I8254_PORT61, 1, &i8254_port61_ops, pc->pit, "port61");
	return !error || board_failed(e, "8254", error);
}

/* What firmware without fw_cfg's memory map, and old systems, read of memory. */
static void set_cmos_memory(struct rtc *rtc, const struct guest_memory *memory)
{
	uint64_t low = guest_memory_low(memory), high = guest_memory_high(memory);
	uint64_t kib = low / 1024 - 1024, above16 = low > 16u << 20 ? (low >> 16) - 256 : 0;

	kib = kib > 0xfc00 ? 0xfc00 : kib;
	above16 = above16 > 0xffff ? 0xffff : above16;
	rtc_set_cmos(rtc, 0x15, 640 & 0xff);
	rtc_set_cmos(rtc, 0x16, 640 >> 8);
	rtc_set_cmos(rtc, 0x17, (uint8_t)kib);
	rtc_set_cmos(rtc, 0x18, (uint8_t)(kib >> 8));
	rtc_set_cmos(rtc, 0x30, (uint8_t)kib);
	rtc_set_cmos(rtc, 0x31, (uint8_t)(kib >> 8));
	rtc_set_cmos(rtc, 0x34, (uint8_t)above16);
	rtc_set_cmos(rtc, 0x35, (uint8_t)(above16 >> 8));
	for (unsigned int i = 0; i < 3; i++)
		rtc_set_cmos(rtc, (uint8_t)(0x5b + i), (uint8_t)(high >> (16 + 8 * i)));
}

static bool add_rtc(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct rtc_config config = {
		.clock = clock_realtime, .irq = isa_line(pc, RTC_IRQ),
		.kept = board->config.kept->valid ? &board->config.kept->rtc : NULL,
	};
	int error;

	if (!add_timer(board, on_rtc_timer, &pc->rtc_timer, &config.timer, e))
		return false;
	pc->rtc = rtc_create(&config);
	error = add_ports(board, RTC_BASE, RTC_PORTS, &rtc_bus_ops, pc->rtc, "rtc");
	if (error)
		return board_failed(e, "clock", error);
	set_cmos_memory(pc->rtc, board->machine.memory);
	rtc_set_cmos(pc->rtc, 0x3d, 0x32);	/* boot: disks, then CDs */
	rtc_set_cmos(pc->rtc, 0x5f, (uint8_t)(board->options->cpus - 1));
	return true;
}

static bool add_power(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct ich9_pm_config config = {
		.clock = clock_monotonic, .sci = isa_line(pc, ICH9_PM_SCI),
		.request = board_request_end, .ctx = &board->machine,
	};
	int error;

	if (!add_timer(board, on_pm_timer, &pc->pm_timer, &config.timer, e))
		return false;
	pc->pm = ich9_pm_create(&config);
	pc->reset.request = board_request_end;
	pc->reset.ctx = &board->machine;
	error = add_ports(board, ICH9_APM_BASE, ICH9_APM_PORTS, &ich9_apm_bus_ops, pc->pm, "apm");
	if (!error)
		error = add_ports(board, RESET_PORT92, 1, &reset_port92_bus_ops, &pc->reset,
				  "port92");
	return !error || board_failed(e, "power management", error);
}

static bool add_keyboard(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct i8042_config config = {
		.keyboard = isa_line(pc, KEYBOARD_IRQ), .mouse = isa_line(pc, MOUSE_IRQ),
		.request = board_request_end, .ctx = &board->machine,
	};
	int error;

	pc->keyboard = i8042_create(&config);
	error = add_ports(board, I8042_DATA_PORT, 1, &i8042_data_ops, pc->keyboard, "i8042");
	if (!error)
		error = add_ports(board, I8042_COMMAND_PORT, 1, &i8042_command_ops, pc->keyboard,
				  "i8042 command");
	return !error || board_failed(e, "keyboard controller", error);
}

/* ---- PCI ---- */

static bool add_pci(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct ich9_lpc_config lpc = {
		.pio = board->machine.pio, .pm_ops = &ich9_pm_bus_ops, .pm = pc->pm,
		.isa = { .set = isa_irq, .chip = pc },
		.ioapic = { .set = ioapic_set, .chip = board->ioapic },
	};
	struct pci_host_config config = {
		.pio = board->machine.pio, .mmio = board->machine.mmio,
		.msi = board->machine.msi,
		.mmio32_base = MMIO32_BASE, .mmio32_size = MMIO32_SIZE,
		.pio_base = PCI_IO_BASE, .pio_size = PCI_IO_SIZE,
		.bridge = &q35_mch_function, .bridge_dev = &pc->mch,
		.reset_control = &reset_control_bus_ops, .reset_control_dev = &pc->reset,
		.intx = ich9_lpc_intx,
	};
	int error;

	pc->lpc = ich9_lpc_create(&lpc);
	config.intx_ctx = pc->lpc;
	error = pc->lpc ? pci_host_create(&config, &board->machine.pci) : -ENOMEM;
	if (error)
		return board_failed(e, "PCI", error);
	pc->mch = (struct q35_mch){ .host = board->machine.pci, .pam = pc->pam };
	q35_mch_init(&pc->mch);
	error = ich9_lpc_plug(pc->lpc, board->machine.pci);
	return !error || board_failed(e, "LPC bridge", error);
}

/* Video memory where BAR 0 is: what lies over RAM, or anything else that fails, exits. */
static void on_vram(void *ctx, uint64_t address, bool mapped)
{
	struct pc *pc = ctx;
	struct guest_memory *memory = pc->board->machine.memory;

	guest_memory_unmap(memory, WINDOW_VRAM);
	if (mapped)
		guest_memory_map(memory, WINDOW_VRAM, address, VGA_VRAM_SIZE,
				 vga_vram(pc->vga), false);
}

static bool take_vram_dirty(void *ctx, uint64_t *bitmap, size_t pages)
{
	return guest_memory_take_dirty(((struct pc *)ctx)->board->machine.memory, WINDOW_VRAM,
				       bitmap, pages);
}

/* Without a log the picture is compared. */
static void watch_vram(void *ctx, bool on)
{
	guest_memory_log(((struct pc *)ctx)->board->machine.memory, WINDOW_VRAM, on);
}

static int add_vga_ports(struct board *board)
{
	struct pc *pc = board->own;
	int error = add_ports(board, VGA_PORT_BASE, VGA_PORT_COUNT, &vga_port_ops, pc->vga, "vga");

	if (!error)
		error = add_ports(board, VGA_DISPI_PORT, VGA_DISPI_COUNT, &vga_dispi_ops,
				  pc->vga, "vga dispi");
	if (!error)
		error = bus_add(board->machine.mmio, VGA_WINDOW_BASE, VGA_WINDOW_SIZE,
				&vga_window_ops, pc->vga, "vga window");
	return error;
}

static bool add_vga(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct vga_config config = {
		.dirty = { .get = take_vram_dirty, .watch = watch_vram, .ctx = pc },
		.vram_mapped = on_vram, .ctx = pc,
	};
	struct pci_function_config function;
	struct display_source source;
	int error = vga_create(&config, &pc->vga);

	if (!error)
		error = add_vga_ports(board);
	if (!error) {
		vga_pci_config(&function);
		error = pci_add(board->machine.pci, &function, pc->vga, &pc->vga_function);
	}
	if (error)
		return board_failed(e, "VGA", error);
	source = vga_display_source(pc->vga);
	display_set_source(board->config.display, &source);
	return true;
}

static void on_key(void *ctx, uint16_t key, bool down)
{
	i8042_key(((struct pc *)ctx)->keyboard, key, down);
}

static unsigned int on_key_room(void *ctx)
{
	return i8042_key_room(((struct pc *)ctx)->keyboard);
}

static void on_pointer(void *ctx, uint32_t x, uint32_t y, uint32_t w, uint32_t h, uint8_t buttons)
{
	i8042_pointer(((struct pc *)ctx)->keyboard, x, y, w, h, buttons);
}

/* Keys and pointer reach the machine from here on. */
static void listen_to_input(struct board *board)
{
	struct input_sink sink = {
		.key = on_key, .room = on_key_room, .pointer = on_pointer, .ctx = board->own,
	};

	input_set_sink(board->config.input, &sink);
}

static bool power_button(struct board *board)
{
	return ich9_pm_power_button(((struct pc *)board->own)->pm);
}

/* ---- firmware's knowledge ---- */

/* As Open Firmware names devices: disks, then CDs, for a disk that does not boot yet. */
static void boot_order(const struct board *board, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < board->options->disk_count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "/pci@i0cf8/scsi@%x/disk@0,0\n",
					 board->first_disk_slot + i);
	if (used < size)
		board_cdrom_boot_order(board, text + used, size - used);
}

static bool add_fw_cfg(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct acpi_pc_config acpi = {
		.cpu_count = board->options->cpus,
		.ioapic_base = IOAPIC_BASE, .ioapic_id = IOAPIC_ID,
		.ecam_base = ECAM_BASE, .mmio32_base = MMIO32_BASE, .mmio32_size = MMIO32_SIZE,
		.pm_base = PM_BASE, .sci = ICH9_PM_SCI, .smi_port = ICH9_APM_BASE,
		.acpi_enable = ICH9_APM_ACPI_ENABLE, .acpi_disable = ICH9_APM_ACPI_DISABLE,
		.reset = RESET_CONTROL_PORT, .reset_value = RESET_CONTROL_HARD,
		.s5_type = ICH9_PM_S5_TYPE, .century = RTC_CENTURY,
		.first_pci_gsi = ICH9_FIRST_PCI_PIN, .pirq = ich9_lpc_pirq,
		.pic_irq = { 10, 10, 11, 11, 10, 10, 11, 11 },
	};
	char order[BOOT_ORDER_MAX];
	struct firmware_config config = {
		.memory = board->machine.memory, .cpu_count = board->options->cpus,
		.acpi = &acpi, .boot_order = order, .vga = true, .version = BATON_VERSION,
		.uuid = board->options->uuid_bytes,
	};
	int error = -ENOMEM;

	boot_order(board, order, sizeof(order));
	pc->fw_cfg = fw_cfg_create(board->machine.memory);
	if (pc->fw_cfg)
		error = firmware_describe(pc->fw_cfg, &config);
	if (!error)
		error = add_ports(board, FW_CFG_BASE, FW_CFG_PORTS, &fw_cfg_bus_ops, pc->fw_cfg,
				  "fw_cfg");
	return !error || board_failed(e, "fw_cfg", error);
}

/* The BIOS has its timer through the 8259 before it looks at the local APIC. */
static bool open_lint0(struct board *board, struct btn_error *e)
{
	struct hv_vcpu *cpu = vcpu_hv(board->vcpu[0]);
	const uint32_t lint0 = LVT_EXTINT;
	struct baton_lapic_state lapic;
	int error = hv_vcpu_get_lapic(cpu, &lapic);

	if (!error) {
		memcpy(lapic.regs + LAPIC_LINT0, &lint0, sizeof(lint0));
		error = hv_vcpu_set_lapic(cpu, &lapic);
	}
	return !error || board_failed(e, "local APIC", error);
}

/* ---- the machine ---- */

static bool assemble(struct board *board, struct btn_error *e)
{
	struct pc *pc = board->own;
	struct irq_line uart = isa_line(pc, UART_IRQ);

	pc->board = board;
	board->inta = on_inta;
	board->inta_ctx = pc;
	if (!hv_get_info(board->machine.hv)->extint) {
		btn_set_default(e, BTN_ABI_MISMATCH);
		return false;
	}
	if (!add_memory(board, e) || !add_firmware(board, e) || !board_add_ioapic(board, e) ||
	    !add_pic(board, e) || !add_pit(board, e) || !add_rtc(board, e) ||
	    !add_power(board, e) || !add_keyboard(board, e) ||
	    !board_add_uart(board, &uart, e) || !add_pci(board, e) || !add_vga(board, e) ||
	    !board_add_virtio(board, e) || !board_add_cdroms(board, e) ||
	    !add_fw_cfg(board, e) || !board_add_test_devices(board, test_gsi, e) ||
	    !board_add_vcpus(board, e) || !open_lint0(board, e))
		return false;
	listen_to_input(board);
	return true;
}

/* The viewers stay, and keep the last picture. */
static void dismantle_screen(struct board *board)
{
	struct pc *pc = board->own;

	input_set_sink(board->config.input, NULL);
	display_set_source(board->config.display, NULL);
	pci_remove(pc->vga_function);
	vga_destroy(pc->vga);
}

static void dismantle(struct board *board)
{
	struct pc *pc = board->own;

	dismantle_screen(board);
	fw_cfg_destroy(pc->fw_cfg);
	board_remove_cdroms(board);
	pci_host_destroy(board->machine.pci);
	ich9_lpc_destroy(pc->lpc);
	i8042_destroy(pc->keyboard);
	ich9_pm_destroy(pc->pm);
	if (pc->rtc) {
		rtc_keep(pc->rtc, &board->config.kept->rtc);
		board->config.kept->valid = true;
	}
	rtc_destroy(pc->rtc);
	i8254_destroy(pc->pit);
	loop_timer_destroy(pc->pm_timer);
	loop_timer_destroy(pc->rtc_timer);
	loop_timer_destroy(pc->pit_timer);
	pam_destroy(pc->pam);
	if (pc->firmware_mapped)
		guest_memory_unmap(board->machine.memory, WINDOW_FIRMWARE);
	firmware_free(&pc->firmware);
}

/* After the serial port, which uses the wires of both controllers until it is gone. */
static void dismantle_last(struct board *board)
{
	struct pc *pc = board->own;

	i8259_destroy(pc->pic);
}

const struct board_type board_pc = {
	.name = "pc",
	.own_size = sizeof(struct pc),
	.assemble = assemble,
	.dismantle = dismantle,
	.dismantle_last = dismantle_last,
	.power_button = power_button,
};
