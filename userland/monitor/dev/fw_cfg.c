/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fw_cfg.h. What items hold is constant once vCPUs run; the lock protects what is
 * selected. DMA is done on the vCPU's thread, within the write that starts it, so that
 * its end is seen at once; one request is at most one item's size of real work.
 */
#include "fw_cfg.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PORT_SELECT 0u
#define PORT_DATA 1u
#define PORT_DMA_HIGH 4u
#define PORT_DMA_LOW 8u

#define FEATURES 3u	/* ports and DMA */
#define DMA_SIGNATURE 0x51454d5520434647ull	/* "QEMU CFG" */
#define DMA_ERROR 0x01u
#define DMA_READ 0x02u
#define DMA_SKIP 0x04u
#define DMA_SELECT 0x08u
#define DMA_WRITE 0x10u

#define ITEMS (FW_CFG_FIRST_FILE + FW_CFG_FILES_MAX)
/*
 * Without the bit "write". With the bit "architecture's own", 0x8000, a key names
 * another item, none of which we have: SeaBIOS counts its tables by two of them.
 */
#define KEY_MASK 0xbfffu

/* In guest memory, big-endian. */
struct dma_request {
	uint32_t control, length;
	uint64_t address;
};

/* An entry of the directory, big-endian. */
struct file_entry {
	uint32_t size;
	uint16_t select, reserved;
	char name[FW_CFG_NAME_MAX];
};

struct item {
	uint8_t *data;
	uint32_t size;
	char name[FW_CFG_NAME_MAX];	/* files */
};

/* Letters: C constant once vCPUs run, L lock. */
struct fw_cfg {
	struct guest_memory *memory;	/* C */
	struct item item[ITEMS];	/* C */
	unsigned int file_count;	/* C */
	pthread_mutex_t lock;
	uint16_t selected;		/* L */
	uint32_t offset;		/* L: of the next byte */
	uint32_t dma_high;		/* L */
};

const struct state_field fw_cfg_fields[] = {
	STATE_FIELD(struct fw_cfg, selected),
	STATE_FIELD(struct fw_cfg, offset),
	STATE_FIELD(struct fw_cfg, dma_high),
};
const size_t fw_cfg_field_count = sizeof(fw_cfg_fields) / sizeof(fw_cfg_fields[0]);

/* ---- reading ---- */

static const struct item *selected_locked(const struct fw_cfg *fw)
{
	static const struct item none;

	return fw->selected < ITEMS ? &fw->item[fw->selected] : &none;
}

static void select_locked(struct fw_cfg *fw, uint16_t key)
{
	fw->selected = key & KEY_MASK;
	fw->offset = 0;
}

/* Bytes past the end are zero. */
static uint8_t next_byte_locked(struct fw_cfg *fw)
{
	const struct item *item = selected_locked(fw);

	return fw->offset < item->size ? item->data[fw->offset++] : 0;
}

/* ---- DMA ---- */

static int fill_zero(struct guest_memory *memory, uint64_t gpa, uint64_t size)
{
	void *to = guest_memory_at(memory, gpa, size);

	if (!to)
		return -EFAULT;
	memset(to, 0, size);
	return 0;
}

static int dma_read_locked(struct fw_cfg *fw, uint64_t gpa, uint32_t length)
{
	const struct item *item = selected_locked(fw);
	uint32_t left = item->size - fw->offset;
	uint32_t size = length < left ? length : left;
	void *to = guest_memory_at(fw->memory, gpa, size);

	if (size && !to)
		return -EFAULT;
	if (size)
		memcpy(to, item->data + fw->offset, size);
	fw->offset += size;
	return length > size ? fill_zero(fw->memory, gpa + size, length - size) : 0;
}

static void skip_locked(struct fw_cfg *fw, uint32_t length)
{
	uint32_t left = selected_locked(fw)->size - fw->offset;

	fw->offset += length < left ? length : left;
}

static uint32_t dma_locked(struct fw_cfg *fw, const struct dma_request *request)
{
	uint32_t control = be32toh(request->control), length = be32toh(request->length);

	if (control & DMA_SELECT)
		select_locked(fw, (uint16_t)(control >> 16));
	if (control & DMA_READ)
		return dma_read_locked(fw, be64toh(request->address), length) ? DMA_ERROR : 0;
	if (control & DMA_WRITE)
		return DMA_ERROR;
	if (control & DMA_SKIP)
		skip_locked(fw, length);
	return 0;
}

static void start_dma_locked(struct fw_cfg *fw, uint64_t gpa)
{
	uint8_t *at = guest_memory_at(fw->memory, gpa, sizeof(struct dma_request));
	struct dma_request request;
	uint32_t result;

	if (!at)
		return;
	memcpy(&request, at, sizeof(request)); /* once: the guest may change it meanwhile */
	result = htobe32(dma_locked(fw, &request));
	memcpy(at + offsetof(struct dma_request, control), &result, sizeof(result));
}

/* ---- ports ---- */

static uint64_t read_locked(struct fw_cfg *fw, uint64_t offset, unsigned int size)
{
	if (offset == PORT_SELECT && size == 2)
		return fw->selected;
	if (offset == PORT_DATA && size == 1)
		return next_byte_locked(fw);
	if (offset == PORT_DMA_HIGH && size == 4)
		return htobe32((uint32_t)(DMA_SIGNATURE >> 32));
	if (offset == PORT_DMA_LOW && size == 4)
		return htobe32((uint32_t)DMA_SIGNATURE);
	return 0;
}

static void write_locked(struct fw_cfg *fw, uint64_t offset, unsigned int size, uint64_t value)
{
	if (offset == PORT_SELECT && size == 2) {
		select_locked(fw, (uint16_t)value);
	} else if (offset == PORT_DMA_HIGH && size == 4) {
		fw->dma_high = be32toh((uint32_t)value);
	} else if (offset == PORT_DMA_LOW && size == 4) {
		uint64_t gpa = (uint64_t)fw->dma_high << 32 | be32toh((uint32_t)value);

		fw->dma_high = 0;
		start_dma_locked(fw, gpa);
	}
}

static uint64_t fw_cfg_read(void *dev, uint64_t offset, unsigned int size)
{
	struct fw_cfg *fw = dev;
	uint64_t value;

	pthread_mutex_lock(&fw->lock);
	value = read_locked(fw, offset, size);
	pthread_mutex_unlock(&fw->lock);
	return value;
}

static void fw_cfg_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct fw_cfg *fw = dev;

	pthread_mutex_lock(&fw->lock);
	write_locked(fw, offset, size, value);
	pthread_mutex_unlock(&fw->lock);
}

const struct bus_ops fw_cfg_bus_ops = { .read = fw_cfg_read, .write = fw_cfg_write };

/* ---- items ---- */

static int set_item(struct item *item, const void *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, size);
	free(item->data);
	item->data = copy;
	item->size = (uint32_t)size;
	return 0;
}

int fw_cfg_add(struct fw_cfg *fw, enum fw_cfg_item item, const void *data, size_t size)
{
	if (item >= FW_CFG_FIRST_FILE || size > UINT32_MAX)
		return -EINVAL;
	if (fw->item[item].data)
		return -EEXIST;
	return set_item(&fw->item[item], data, size);
}

static int write_directory(struct fw_cfg *fw)
{
	uint32_t count = htobe32(fw->file_count);
	size_t size = sizeof(count) + fw->file_count * sizeof(struct file_entry);
	uint8_t *directory = calloc(1, size), *at = directory;
	int error;

	if (!directory)
		return -ENOMEM;
	memcpy(at, &count, sizeof(count));
	at += sizeof(count);
	for (unsigned int i = 0; i < fw->file_count; i++, at += sizeof(struct file_entry)) {
		const struct item *file = &fw->item[FW_CFG_FIRST_FILE + i];
		struct file_entry entry = {
			.size = htobe32(file->size),
			.select = htobe16((uint16_t)(FW_CFG_FIRST_FILE + i)),
		};

		memcpy(entry.name, file->name, sizeof(entry.name));
		memcpy(at, &entry, sizeof(entry));
	}
	error = set_item(&fw->item[FW_CFG_FILE_DIR], directory, size);
	free(directory);
	return error;
}

/* Where a file of that name goes; firmware may look by halves, so they are in order. */
static unsigned int file_place(const struct fw_cfg *fw, const char *name)
{
	unsigned int i = 0;

	while (i < fw->file_count && strcmp(fw->item[FW_CFG_FIRST_FILE + i].name, name) < 0)
		i++;
	return i;
}

int fw_cfg_add_file(struct fw_cfg *fw, const char *name, const void *data, size_t size)
{
	struct item file = {}, *at = &fw->item[FW_CFG_FIRST_FILE + file_place(fw, name)];
	struct item *end = &fw->item[FW_CFG_FIRST_FILE + fw->file_count];
	int error;

	if (strlen(name) >= FW_CFG_NAME_MAX || size > UINT32_MAX)
		return -EINVAL;
	if (fw->file_count == FW_CFG_FILES_MAX)
		return -ENOSPC;
	if (at < end && !strcmp(at->name, name))
		return -EEXIST;
	error = set_item(&file, data, size);
	if (error)
		return error;
	strcpy(file.name, name);
	memmove(at + 1, at, (size_t)(end - at) * sizeof(*at));
	*at = file;
	fw->file_count++;
	return write_directory(fw);
}

struct fw_cfg *fw_cfg_create(struct guest_memory *memory)
{
	static const uint8_t features[4] = { FEATURES };
	struct fw_cfg *fw = calloc(1, sizeof(*fw));

	if (!fw)
		return NULL;
	fw->memory = memory;
	pthread_mutex_init(&fw->lock, NULL);
	if (fw_cfg_add(fw, FW_CFG_SIGNATURE, "QEMU", 4) ||
	    fw_cfg_add(fw, FW_CFG_ID, features, sizeof(features)) || write_directory(fw)) {
		fw_cfg_destroy(fw);
		return NULL;
	}
	return fw;
}

void fw_cfg_destroy(struct fw_cfg *fw)
{
	if (!fw)
		return;
	for (unsigned int i = 0; i < ITEMS; i++)
		free(fw->item[i].data);
	pthread_mutex_destroy(&fw->lock);
	free(fw);
}
