/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See smbios.h. A structure is a formatted part, whose length is in its header, and its
 * strings; fields refer to these by number.
 */
#include "smbios.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HANDLE(type) ((uint16_t)((type) << 8))
#define UNKNOWN 0x02	/* of most enumerations */
#define OTHER 0x01
#define SAFE 0x03	/* states of a chassis */
#define NONE_16 0xffffu
#define KIB 1024u

#define TYPE_FIRMWARE 0
#define TYPE_SYSTEM 1
#define TYPE_CHASSIS 3
#define TYPE_PROCESSOR 4
#define TYPE_MEMORY_ARRAY 16
#define TYPE_MEMORY_DEVICE 17
#define TYPE_ARRAY_ADDRESS 19
#define TYPE_BOOT 32
#define TYPE_END 127

struct writer {
	struct smbios *smbios;
	size_t start;			/* of the structure */
	const char *string[4];
	unsigned int string_count, structure_count;
	size_t largest;
	bool overflow;
};

static void bytes(struct writer *w, const void *data, size_t size)
{
	struct smbios *s = w->smbios;

	if (size > sizeof(s->tables) - s->size) {
		w->overflow = true;
		return;
	}
	memcpy(s->tables + s->size, data, size);
	s->size += size;
}

static void put(struct writer *w, uint64_t value, size_t size)
{
	bytes(w, &value, size); /* little-endian */
}

/* A field that holds the number of a string. At most four per structure. */
static void string(struct writer *w, const char *text)
{
	w->string[w->string_count++] = text;
	put(w, w->string_count, 1);
}

static void begin(struct writer *w, uint8_t type, unsigned int instance)
{
	w->start = w->smbios->size;
	w->string_count = 0;
	put(w, type, 1);
	put(w, 0, 1);		/* length, later */
	put(w, HANDLE(type) + instance, 2);
}

static void end(struct writer *w)
{
	struct smbios *s = w->smbios;

	if (!w->overflow)
		s->tables[w->start + 1] = (uint8_t)(s->size - w->start);
	for (unsigned int i = 0; i < w->string_count; i++)
		bytes(w, w->string[i], strlen(w->string[i]) + 1);
	put(w, 0, w->string_count ? 1 : 2);
	w->structure_count++;
	if (s->size - w->start > w->largest)
		w->largest = s->size - w->start;
}

static void firmware(struct writer *w, const struct smbios_config *config)
{
	begin(w, TYPE_FIRMWARE, 0);
	string(w, "Baton");
	string(w, config->version);
	put(w, 0xe800, 2);	/* segment where its code starts */
	string(w, "01/01/2026");
	put(w, 0, 1);
	put(w, 1u << 3, 8);	/* characteristics are not supported */
	put(w, 1u << 4 << 8, 2); /* … but that this is a virtual machine */
	put(w, 0, 2);
	put(w, NONE_16, 2);	/* no embedded controller */
	end(w);
}

/* DSP0134, "System — UUID": the first three fields are little-endian, unlike their text. */
static void uuid(struct writer *w, const uint8_t u[16])
{
	const uint8_t first[] = { u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6] };

	bytes(w, first, sizeof(first));
	bytes(w, u + sizeof(first), 16 - sizeof(first));
}

static void system(struct writer *w, const struct smbios_config *config)
{
	begin(w, TYPE_SYSTEM, 0);
	string(w, "Baton");
	string(w, "Baton VM (Q35)");
	string(w, config->version);
	put(w, 0, 1);
	uuid(w, config->uuid);
	put(w, 6, 1);		/* woken by the power switch */
	put(w, 0, 2);
	end(w);
}

static void chassis(struct writer *w)
{
	begin(w, TYPE_CHASSIS, 0);
	string(w, "Baton");
	put(w, OTHER, 1);
	put(w, 0, 3);
	for (int i = 0; i < 3; i++)
		put(w, SAFE, 1);
	put(w, UNKNOWN, 1);
	put(w, 0, 8);
	put(w, 0, 1);
	end(w);
}

static void processor(struct writer *w, unsigned int index)
{
	begin(w, TYPE_PROCESSOR, index);
	string(w, "CPU");
	put(w, 3, 1);		/* central processor */
	put(w, OTHER, 1);	/* family */
	string(w, "Baton");
	put(w, 0, 8);		/* CPUID tells */
	put(w, 0, 1);
	put(w, 0, 1);
	put(w, 0, 6);		/* clocks: unknown */
	put(w, 0x41, 1);	/* populated, enabled */
	put(w, OTHER, 1);
	for (int i = 0; i < 3; i++)
		put(w, NONE_16, 2); /* caches */
	put(w, 0, 3);
	put(w, 0x010101, 3);	/* cores, enabled, threads */
	put(w, 1u << 2, 2);	/* 64-bit */
	put(w, OTHER, 2);
	end(w);
}

static void memory_array(struct writer *w, const struct smbios_config *config)
{
	begin(w, TYPE_MEMORY_ARRAY, 0);
	put(w, OTHER, 1);
	put(w, 3, 1);		/* system memory */
	put(w, UNKNOWN, 1);	/* error correction: the host knows */
	put(w, 0x80000000u, 4);	/* extended capacity tells */
	put(w, NONE_16 - 1, 2);
	put(w, 1, 2);
	put(w, config->memory, 8);
	end(w);
}

static void memory_device(struct writer *w, const struct smbios_config *config)
{
	uint64_t mib = config->memory / KIB / KIB;

	begin(w, TYPE_MEMORY_DEVICE, 0);
	put(w, HANDLE(TYPE_MEMORY_ARRAY), 2);
	put(w, NONE_16 - 1, 2);
	put(w, NONE_16, 2);
	put(w, NONE_16, 2);
	put(w, mib < 0x7fff ? mib : 0x7fff, 2);
	put(w, 9, 1);		/* DIMM */
	put(w, 0, 1);
	string(w, "DIMM 0");
	put(w, 0, 1);
	put(w, 7, 1);		/* RAM */
	put(w, UNKNOWN, 2);
	put(w, 0, 2);
	string(w, "Baton");
	put(w, 0, 3);
	put(w, 0, 1);
	put(w, mib < 0x7fff ? 0 : mib, 4);
	put(w, 0, 8);
	end(w);
}

static void mapped(struct writer *w, unsigned int instance, uint64_t base, uint64_t size)
{
	if (!size)
		return;
	begin(w, TYPE_ARRAY_ADDRESS, instance);
	put(w, base / KIB, 4);
	put(w, (base + size) / KIB - 1, 4);
	put(w, HANDLE(TYPE_MEMORY_ARRAY), 2);
	put(w, 1, 1);
	put(w, 0, 8);
	put(w, 0, 8);
	end(w);
}

static void write_anchor(const struct writer *w, struct smbios *s)
{
	uint8_t *a = s->anchor;
	uint16_t largest = (uint16_t)w->largest, size = (uint16_t)s->size;
	uint16_t count = (uint16_t)w->structure_count;

	memset(a, 0, SMBIOS_ANCHOR_SIZE);
	memcpy(a, "_SM_", 4);
	a[5] = SMBIOS_ANCHOR_SIZE;
	a[6] = 2;
	a[7] = 8;
	memcpy(a + 8, &largest, 2);
	memcpy(a + 16, "_DMI_", 5);
	memcpy(a + 22, &size, 2);
	memcpy(a + 28, &count, 2);
	a[30] = 0x28;
}

int smbios_make(const struct smbios_config *config, struct smbios *ret_smbios)
{
	struct writer w = { .smbios = ret_smbios };

	ret_smbios->size = 0;
	firmware(&w, config);
	system(&w, config);
	chassis(&w);
	for (unsigned int i = 0; i < config->cpu_count; i++)
		processor(&w, i);
	memory_array(&w, config);
	memory_device(&w, config);
	mapped(&w, 0, 0, config->memory_low);
	mapped(&w, 1, 1ull << 32, config->memory - config->memory_low);
	begin(&w, TYPE_BOOT, 0);
	put(&w, 0, 6);
	put(&w, 0, 1);		/* no errors */
	end(&w);
	begin(&w, TYPE_END, 0);
	end(&w);
	write_anchor(&w, ret_smbios);
	return w.overflow ? -ENOSPC : 0;
}
