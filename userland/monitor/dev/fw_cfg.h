/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fw_cfg: how firmware asks the machine what it is made of. Items by number, files by
 * name; read byte by byte through ports or at once by DMA. Read-only.
 * QEMU, "QEMU Firmware Configuration (fw_cfg) Device".
 */
#ifndef BATON_DEV_FW_CFG_H
#define BATON_DEV_FW_CFG_H

#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/machine.h"
#include "core/memory.h"

#define FW_CFG_BASE 0x510u
#define FW_CFG_PORTS 12u
#define FW_CFG_FILES_MAX 64u
#define FW_CFG_NAME_MAX 56u	/* with the final zero */

enum fw_cfg_item {
	FW_CFG_SIGNATURE = 0x00,
	FW_CFG_ID = 0x01,
	FW_CFG_UUID = 0x02,
	FW_CFG_RAM_SIZE = 0x03,
	FW_CFG_CPU_COUNT = 0x05,
	FW_CFG_BOOT_MENU = 0x0e,
	FW_CFG_CPU_MAX = 0x0f,
	FW_CFG_FILE_DIR = 0x19,
	FW_CFG_FIRST_FILE = 0x20,
};

struct fw_cfg;

struct fw_cfg *fw_cfg_create(struct guest_memory *memory);
void fw_cfg_destroy(struct fw_cfg *fw);	/* NULL is fine */
/* Before vCPUs run; data is copied. -EINVAL: no such number, name too long; -EEXIST; -ENOMEM. */
int fw_cfg_add(struct fw_cfg *fw, enum fw_cfg_item item, const void *data, size_t size);
/* The same by name. -ENOSPC: too many. */
int fw_cfg_add_file(struct fw_cfg *fw, const char *name, const void *data, size_t size);

extern const struct bus_ops fw_cfg_bus_ops;
extern const struct state_field fw_cfg_fields[];
extern const size_t fw_cfg_field_count;

#endif
