// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes a FAT12 file system. See fat12.h.
 *
 * The layout is the same for all: boot sector, two FATs, root folder, clusters of
 * 2 KiB. With fewer than 4085 clusters it is FAT12 by definition (Microsoft's "FAT
 * File System Specification", "FAT Type Determination"), whatever a field says.
 * Names that are longer than 8+3 or have small letters are long names (VFAT).
 */
#include "fat12.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define SECTOR 512u
#define SECTORS (FAT12_SIZE / SECTOR)
#define RESERVED 1u
#define FATS 2u
#define FAT_SECTORS 4u
#define ROOT_ENTRIES 64u
#define ENTRY 32u
#define ROOT_SECTORS (ROOT_ENTRIES * ENTRY / SECTOR)
#define ROOT_AT ((RESERVED + FATS * FAT_SECTORS) * SECTOR)
#define DATA_AT (ROOT_AT + ROOT_SECTORS * SECTOR)
#define CLUSTER_SECTORS 4u
#define CLUSTER (CLUSTER_SECTORS * SECTOR)
#define CLUSTERS ((FAT12_SIZE - DATA_AT) / CLUSTER)

#define LONG_CHARS 13u	/* of a long name, in one entry */
#define LONG_ENTRIES_MAX ((FAT12_NAME_MAX + LONG_CHARS - 1) / LONG_CHARS)

#define ATTR_VOLUME 0x08
#define ATTR_LONG 0x0f
#define ATTR_ARCHIVE 0x20
#define LAST_LONG 0x40
#define END_OF_CHAIN 0xfff
#define FIRST_DAY 0x21	/* 1 January 1980: files of a seed have no history */

_Static_assert(CLUSTERS < 4085, "this would be FAT16");
_Static_assert((CLUSTERS + 2) * 3 / 2 + 1 <= FAT_SECTORS * SECTOR, "the FAT is too short");
_Static_assert(1 + FAT12_FILES_MAX * (1 + LONG_ENTRIES_MAX) <= ROOT_ENTRIES,
	       "the root folder is too short");

struct fat12 {
	uint8_t *image;
	unsigned int cluster;	/* the next free one */
	unsigned int entry;	/* of the root folder */
};

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value & 0xffff);
	put16(at + 2, value >> 16);
}

/* A name field: 11 bytes, filled up with blanks. */
static void put_name(uint8_t *at, const char *name)
{
	memset(at, ' ', 11);
	memcpy(at, name, MIN(strlen(name), 11));
}

static void put_boot_sector(uint8_t *at, const char *label, uint32_t serial)
{
	static const uint8_t jump[] = { 0xeb, 0x3c, 0x90 };

	memcpy(at, jump, sizeof(jump));
	memcpy(at + 3, "BATON   ", 8);
	put16(at + 11, SECTOR);
	at[13] = CLUSTER_SECTORS;
	put16(at + 14, RESERVED);
	at[16] = FATS;
	put16(at + 17, ROOT_ENTRIES);
	put16(at + 19, SECTORS);
	at[21] = 0xf8;		/* a disk that stays where it is */
	put16(at + 22, FAT_SECTORS);
	put16(at + 24, 32);	/* sectors of a track */
	put16(at + 26, 2);	/* heads */
	at[36] = 0x80;
	at[38] = 0x29;		/* the three fields below are there */
	put32(at + 39, serial);
	put_name(at + 43, label);
	memcpy(at + 54, "FAT12   ", 8);
	/* "int 18h": there is nothing to boot here. */
	memcpy(at + 62, "\xcd\x18", 2);
	memcpy(at + 510, "\x55\xaa", 2);
}

static void set_fat(struct fat12 *fs, unsigned int cluster, unsigned int value)
{
	for (unsigned int i = 0; i < FATS; i++) {
		uint8_t *at = fs->image + (RESERVED + i * FAT_SECTORS) * SECTOR + cluster * 3 / 2;

		if (cluster & 1) {
			at[0] = (uint8_t)((at[0] & 0x0f) | (value << 4));
			at[1] = (uint8_t)(value >> 4);
		} else {
			at[0] = (uint8_t)value;
			at[1] = (uint8_t)((at[1] & 0xf0) | (value >> 8));
		}
	}
}

static uint8_t *next_entry(struct fat12 *fs)
{
	return fs->image + ROOT_AT + fs->entry++ * ENTRY;
}

/* "META-D~2": as many letters and digits as there is room for, and a number. */
static void short_name(const char *name, unsigned int number, char ret[12])
{
	char stem[7];
	size_t length = 0;

	for (; *name && length < 6; name++)
		if (g_ascii_isalnum(*name) || *name == '-' || *name == '_')
			stem[length++] = g_ascii_toupper(*name);
	stem[length] = 0;
	g_snprintf(ret, 12, "%s~%u", stem, number);
}

static uint8_t checksum(const uint8_t name[11])
{
	uint8_t sum = 0;

	for (unsigned int i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + name[i]);
	return sum;
}

/* The entries of a long name stand in front of the file's own, the last part first. */
static void put_long_name(struct fat12 *fs, const char *name, uint8_t sum)
{
	static const uint8_t at[LONG_CHARS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
	size_t length = strlen(name), parts = (length + LONG_CHARS - 1) / LONG_CHARS;

	for (size_t part = parts; part; part--) {
		uint8_t *entry = next_entry(fs);

		entry[0] = (uint8_t)(part | (part == parts ? LAST_LONG : 0));
		entry[11] = ATTR_LONG;
		entry[13] = sum;
		for (size_t i = 0; i < LONG_CHARS; i++) {
			size_t from = (part - 1) * LONG_CHARS + i;

			/* One 0 behind the end, then ones. */
			put16(entry + at[i], from < length ? (uint8_t)name[from] :
					     from == length ? 0 : 0xffff);
		}
	}
}

static bool put_data(struct fat12 *fs, const struct fat12_file *file)
{
	size_t count = (file->size + CLUSTER - 1) / CLUSTER;

	if (count > CLUSTERS + 2 - fs->cluster)
		return false;
	if (!count)
		return true;
	memcpy(fs->image + DATA_AT + (fs->cluster - 2) * CLUSTER, file->data, file->size);
	for (size_t i = 1; i < count; i++, fs->cluster++)
		set_fat(fs, fs->cluster, fs->cluster + 1);
	set_fat(fs, fs->cluster++, END_OF_CHAIN);
	return true;
}

static bool name_is_good(const char *name)
{
	size_t length = strlen(name);

	if (!length || length > FAT12_NAME_MAX || name[0] == '.' || name[length - 1] == '.')
		return false;
	for (; *name; name++)
		if (!g_ascii_isgraph(*name) || strchr("\"*/:<>?\\|", *name))
			return false;
	return true;
}

static bool put_file(struct fat12 *fs, const struct fat12_file *file, unsigned int number)
{
	unsigned int first = fs->cluster;
	uint8_t *entry, name[11];
	char text[12];

	if (!name_is_good(file->name) || file->size > FAT12_SIZE || !put_data(fs, file))
		return false;
	short_name(file->name, number, text);
	put_name(name, text);
	put_long_name(fs, file->name, checksum(name));
	entry = next_entry(fs);
	memcpy(entry, name, sizeof(name));
	entry[11] = ATTR_ARCHIVE;
	put16(entry + 16, FIRST_DAY);
	put16(entry + 18, FIRST_DAY);
	put16(entry + 24, FIRST_DAY);
	put16(entry + 26, file->size ? first : 0);
	put32(entry + 28, (uint32_t)file->size);
	return true;
}

uint8_t *fat12_create(const char *label, uint32_t serial, const struct fat12_file *files,
		      size_t count)
{
	struct fat12 fs = { .cluster = 2 };
	uint8_t *entry;

	if (count > FAT12_FILES_MAX)
		return NULL;
	fs.image = g_malloc0(FAT12_SIZE);
	put_boot_sector(fs.image, label, serial);
	set_fat(&fs, 0, 0xff8);
	set_fat(&fs, 1, END_OF_CHAIN);
	entry = next_entry(&fs);
	put_name(entry, label);
	entry[11] = ATTR_VOLUME;
	put16(entry + 24, FIRST_DAY);
	for (size_t i = 0; i < count; i++) {
		if (put_file(&fs, &files[i], (unsigned int)i + 1))
			continue;
		g_free(fs.image);
		return NULL;
	}
	return fs.image;
}
