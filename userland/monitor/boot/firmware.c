/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See firmware.h. Names and layouts of fw_cfg's files are those that SeaBIOS reads
 * ("Runtime configuration" of its documentation).
 */
#include "firmware.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "boot.h"
#include "dev/fw_cfg.h"
#include "lib/errors.h"
#include "smbios.h"

#define RESET_VECTOR 16u	/* bytes before the end */
#define SIZE_UNIT 0x10000u
#define VGA_BIOS_MAX (64u << 10)

/* ---- the image ---- */

static bool all_equal(const uint8_t *data, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != value)
			return false;
	return true;
}

/* No format has a name: what can be said is that there is code to start with. */
static bool looks_like_firmware(const struct firmware *firmware)
{
	const uint8_t *vector = firmware->image + firmware->size - RESET_VECTOR;

	return !all_equal(vector, RESET_VECTOR, 0) && !all_equal(vector, RESET_VECTOR, 0xff);
}

static bool unknown(const char *path, const char *why, struct btn_error *e)
{
	btn_set(e, BTN_FIRMWARE, "\"%s\" is no firmware for board pc", path);
	btn_set_cause(e, "%s", why);
	return false;
}

static bool read_image(const struct boot_file *file, struct firmware *firmware,
		       struct btn_error *e)
{
	void *image;

	if (!file->size || file->size > FIRMWARE_MAX || file->size % SIZE_UNIT ||
	    file->size < 2 * SIZE_UNIT)
		return unknown(file->path, "Its size is not a multiple of 64 KiB from 128 KiB "
			       "to 16 MiB.", e);
	firmware->size = file->size;
	image = mmap(NULL, firmware->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (image == MAP_FAILED) {
		btn_set_default(e, BTN_NO_MEMORY);
		return false;
	}
	firmware->image = image;
	if (!boot_file_read(file, 0, image, firmware->size, e))
		return false;
	if (!looks_like_firmware(firmware))
		return unknown(file->path, "There is no code at its reset vector.", e);
	return true;
}

bool firmware_load(const char *path, struct firmware *ret_firmware, struct btn_error *e)
{
	struct boot_file file = { .fd = -1 };
	bool ok;

	*ret_firmware = (struct firmware){};
	ok = boot_file_open(&file, "firmware", path, e) && read_image(&file, ret_firmware, e);
	boot_file_close(&file);
	if (!ok)
		firmware_free(ret_firmware);
	return ok;
}

void firmware_free(struct firmware *firmware)
{
	if (firmware->image)
		munmap(firmware->image, firmware->size);
	*firmware = (struct firmware){};
}

/* ---- fw_cfg ---- */

struct e820_entry {
	uint64_t base, size;
	uint32_t type;
} __attribute__((packed));

static int add_memory(struct fw_cfg *fw, const struct guest_memory *memory)
{
	uint64_t size = guest_memory_size(memory);
	struct e820_entry map[] = {
		{ 0, guest_memory_low(memory), BOOT_RAM },
		{ MEMORY_HOLE_END, guest_memory_high(memory), BOOT_RAM },
	};
	int error = fw_cfg_add(fw, FW_CFG_RAM_SIZE, &size, sizeof(size));

	if (error)
		return error;
	return fw_cfg_add_file(fw, "etc/e820", map,
			       map[1].size ? sizeof(map) : sizeof(map[0]));
}

static int add_cpus(struct fw_cfg *fw, unsigned int count)
{
	uint16_t value = (uint16_t)count;
	int error = fw_cfg_add(fw, FW_CFG_CPU_COUNT, &value, sizeof(value));

	return error ? error : fw_cfg_add(fw, FW_CFG_CPU_MAX, &value, sizeof(value));
}

static int add_acpi(struct fw_cfg *fw, const struct acpi_pc_config *config)
{
	struct acpi_pc *acpi = malloc(sizeof(*acpi));
	int error;

	if (!acpi)
		return -ENOMEM;
	error = acpi_pc_make(config, acpi);
	if (!error)
		error = fw_cfg_add_file(fw, ACPI_PC_FILE_TABLES, acpi->tables, acpi->tables_size);
	if (!error)
		error = fw_cfg_add_file(fw, ACPI_PC_FILE_RSDP, acpi->rsdp, sizeof(acpi->rsdp));
	if (!error)
		error = fw_cfg_add_file(fw, ACPI_PC_FILE_LOADER, acpi->loader,
					acpi->loader_count * sizeof(acpi->loader[0]));
	free(acpi);
	return error;
}

static int add_smbios(struct fw_cfg *fw, const struct firmware_config *config)
{
	struct smbios_config what = {
		.cpu_count = config->cpu_count,
		.memory = guest_memory_size(config->memory),
		.memory_low = guest_memory_low(config->memory),
		.version = config->version,
	};
	struct smbios smbios;
	int error;

	memcpy(what.uuid, config->uuid, sizeof(what.uuid));
	error = smbios_make(&what, &smbios);
	if (!error)
		error = fw_cfg_add_file(fw, "etc/smbios/smbios-tables", smbios.tables,
					smbios.size);
	if (!error)
		error = fw_cfg_add_file(fw, "etc/smbios/smbios-anchor", smbios.anchor,
					sizeof(smbios.anchor));
	return error;
}

/* Without its BIOS a VGA stays dark until a driver comes, which is no reason to fail. */
static int add_vga_bios(struct fw_cfg *fw)
{
	struct boot_file file = { .fd = -1 };
	struct btn_error ignored;
	uint8_t *image;
	int error = 0;

	if (!boot_file_open(&file, "VGA BIOS", FIRMWARE_VGA, &ignored))
		return 0;
	image = file.size && file.size <= VGA_BIOS_MAX ? malloc(file.size) : NULL;
	if (image && boot_file_read(&file, 0, image, file.size, &ignored))
		error = fw_cfg_add_file(fw, "vgaroms/vgabios-stdvga.bin", image, file.size);
	free(image);
	boot_file_close(&file);
	return error;
}

/* For the BIOS's MP table: the timer's interrupt is at the IOAPIC's pin 2, as MADT says, too. */
static int add_timer_override(struct fw_cfg *fw)
{
	const uint8_t yes = 1;

	return fw_cfg_add_file(fw, "etc/irq0-override", &yes, sizeof(yes));
}

int firmware_describe(struct fw_cfg *fw, const struct firmware_config *config)
{
	int error = add_memory(fw, config->memory);

	if (!error)
		error = add_cpus(fw, config->cpu_count);
	if (!error)
		error = add_acpi(fw, config->acpi);
	if (!error)
		error = add_smbios(fw, config);
	if (!error)
		error = add_timer_override(fw);
	if (!error && *config->boot_order)
		error = fw_cfg_add_file(fw, "bootorder", config->boot_order,
					strlen(config->boot_order) + 1);
	if (!error && config->vga)
		error = add_vga_bios(fw);
	return error;
}
