// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: page-twins PID...
 *
 * What KSM could do at best: of the guest RAM of these monitors (their largest private
 * mapping), how many pages have the same contents as another page. Prints
 * "pages N twins N kinds N": all that the host has memory for, those that are one of
 * several alike, and how many different ones those are.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#define PAGE 4096u
#define PRESENT (1ull << 63)	/* /proc/PID/pagemap, Linux' pagemap.rst */

static uint64_t *hashes;
static size_t count, room;

static void add(uint64_t hash)
{
	if (count == room) {
		room = room ? 2 * room : 1 << 16;
		hashes = realloc(hashes, room * sizeof(*hashes));
		if (!hashes)
			exit(1);
	}
	hashes[count++] = hash;
}

/* FNV-1a by words, mixed: a million pages collide once in ten million runs. */
static uint64_t hash_page(const uint64_t *page)
{
	uint64_t hash = 14695981039346656037ull;

	for (unsigned int i = 0; i < PAGE / 8; i++) {
		hash = (hash ^ page[i]) * 1099511628211ull;
		hash ^= hash >> 29;
	}
	return hash;
}

static void find_ram(const char *pid, uint64_t *ret_start, uint64_t *ret_end)
{
	char path[64], line[512];
	FILE *maps;

	*ret_start = *ret_end = 0;
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof(line), maps)) {
		uint64_t start, end;
		char flags[8];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, flags) == 3 &&
		    !strcmp(flags, "rw-p") && end - start > *ret_end - *ret_start) {
			*ret_start = start;
			*ret_end = end;
		}
	}
	if (maps)
		fclose(maps);
}

static int open_of(const char *pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	return open(path, O_RDONLY);
}

static void hash_process(const char *pid)
{
	int memory = open_of(pid, "mem"), map = open_of(pid, "pagemap");
	uint64_t start, end, page[PAGE / 8];

	find_ram(pid, &start, &end);
	for (uint64_t at = start; at < end; at += PAGE) {
		uint64_t entry = 0;

		if (pread(map, &entry, 8, (off_t)(at / PAGE * 8)) == 8 && entry & PRESENT &&
		    pread(memory, page, PAGE, (off_t)at) == PAGE)
			add(hash_page(page));
	}
	close(memory);
	close(map);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t twins = 0, kinds = 0;

	for (int i = 1; i < argc; i++)
		hash_process(argv[i]);
	qsort(hashes, count, sizeof(*hashes), compare);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && hashes[to] == hashes[from];)
			to++;
		if (to - from > 1) {
			twins += to - from;
			kinds++;
		}
	}
	printf("pages %zu twins %zu kinds %zu\n", count, twins, kinds);
	return !count;
}
