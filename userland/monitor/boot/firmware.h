/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Board pc's firmware: the image that runs from the reset vector on, and everything that
 * it is told through fw_cfg.
 */
#ifndef BATON_BOOT_FIRMWARE_H
#define BATON_BOOT_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acpi_pc.h"
#include "core/memory.h"

#define FIRMWARE_DEFAULT "/usr/share/seabios/bios-256k.bin"
#define FIRMWARE_VGA "/usr/share/seabios/vgabios-stdvga.bin"
#define FIRMWARE_MAX (16u << 20)

struct btn_error;
struct fw_cfg;

/* Page-aligned, of the size of the file; ends at 4 GiB in the guest. */
struct firmware {
	uint8_t *image;
	size_t size;
};

/* Reads the image. false: *e filled. */
bool firmware_load(const char *path, struct firmware *ret_firmware, struct btn_error *e);
void firmware_free(struct firmware *firmware);

struct firmware_config {
	const struct guest_memory *memory;
	unsigned int cpu_count;
	const struct acpi_pc_config *acpi;
	const char *boot_order;	/* one path of a device on each line; "": firmware's own */
	bool vga;		/* there is a VGA: give it its BIOS */
	const char *version;	/* of the product, for SMBIOS */
	const uint8_t *uuid;	/* 16 bytes in the order of the text; all zero: none */
};

/* Fills fw_cfg. 0 or a negative errno. */
int firmware_describe(struct fw_cfg *fw, const struct firmware_config *config);

#endif
