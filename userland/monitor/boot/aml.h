/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes ACPI machine language (ACPI specification, "ACPI Machine Language")
 * into a buffer. Blocks nest: aml_begin_…() gives a mark for aml_end(). Running
 * out of room is remembered, so callers look at aml->overflow once at the end.
 */
#ifndef BATON_BOOT_AML_H
#define BATON_BOOT_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *data;
	size_t size, room;
	bool overflow;
};

void aml_bytes(struct aml *aml, const void *bytes, size_t size);
void aml_byte(struct aml *aml, uint8_t byte);
void aml_integer(struct aml *aml, uint64_t value);

/* Names are 4 characters, padded with '_' by the caller; "\\_SB_" has a root. */
size_t aml_begin_scope(struct aml *aml, const char *path);
size_t aml_begin_device(struct aml *aml, const char *name);
size_t aml_begin_package(struct aml *aml, uint8_t count);
/* Method (name, arguments, serialized?): what follows is its body. */
size_t aml_begin_method(struct aml *aml, const char *name, uint8_t arguments);
/* If (name): the integer that has that name is not 0. */
size_t aml_begin_if(struct aml *aml, const char *name);
void aml_end(struct aml *aml, size_t mark);
/* Return (name); Store (Arg0, name) */
void aml_return(struct aml *aml, const char *name);
void aml_store_argument(struct aml *aml, const char *name);

/* Name (name, what follows) */
void aml_name(struct aml *aml, const char *name);
void aml_name_integer(struct aml *aml, const char *name, uint64_t value);
/* Name (name, EisaId (id)), id like "PNP0A08" */
void aml_name_eisa(struct aml *aml, const char *name, const char *id);

/* Name (_CRS, ResourceTemplate () { … }) */
struct aml_resources {
	size_t mark;
	size_t start;
};
struct aml_resources aml_begin_resources(struct aml *aml);
void aml_end_resources(struct aml *aml, struct aml_resources resources);
void aml_bus_range(struct aml *aml, uint16_t first, uint16_t last);
void aml_io_window(struct aml *aml, uint16_t base, uint16_t size);
void aml_memory_window(struct aml *aml, uint64_t base, uint64_t size);
void aml_fixed_memory(struct aml *aml, uint32_t base, uint32_t size);
void aml_io_ports(struct aml *aml, uint16_t base, uint8_t count);
/* Edge-triggered, active high */
void aml_interrupt(struct aml *aml, uint32_t gsi);

#endif
