// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Accounting by the host's kernel. Why these sources:
 *
 *  - Guest RAM: the blocks of the memfd, exact and at hand in the inode. The
 *    process's own counters would miss what is in the file and not mapped.
 *  - The monitor itself: RssAnon and RssFile of /proc/self/status. A shared
 *    mapping of guest RAM is in RssShmem and so does not disturb; a private one
 *    is in RssAnon and is taken off.
 *  - Merged pages: /proc/self/ksm_merging_pages (Linux 5.19). All that this
 *    process lets be merged is guest RAM.
 */
#include "memory/memory_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baton_types.h"
#include "core/memory.h"

enum { STATUS, MERGING_PAGES, KSM_RUN, FILES };

static const char *const paths[FILES] = {
	[STATUS] = "/proc/self/status",
	[MERGING_PAGES] = "/proc/self/ksm_merging_pages",
	[KSM_RUN] = "/sys/kernel/mm/ksm/run",
};

struct memory_stat {
	const struct guest_memory *memory;
	int fd[FILES];		/* -1: the host has no such file */
};

int memory_stat_create(const struct guest_memory *memory, struct memory_stat **ret)
{
	struct memory_stat *stat = calloc(1, sizeof(*stat));

	if (!stat)
		return -ENOMEM;
	stat->memory = memory;
	for (unsigned int i = 0; i < FILES; i++)
		stat->fd[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
	*ret = stat;
	return 0;
}

void memory_stat_destroy(struct memory_stat *stat)
{
	if (!stat)
		return;
	for (unsigned int i = 0; i < FILES; i++)
		if (stat->fd[i] >= 0)
			close(stat->fd[i]);
	free(stat);
}

/* The kernel writes the text anew for each read from the start. */
static bool read_text(int fd, char *text, size_t size)
{
	ssize_t got = fd < 0 ? -1 : pread(fd, text, size - 1, 0);

	text[got > 0 ? got : 0] = 0;
	return got > 0;
}

bool memory_stat_field(const char *text, const char *name, uint64_t *ret_bytes)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) || line[length] != ':')
			continue;
		*ret_bytes = strtoull(line + length + 1, NULL, 10) << 10;
		return true;
	}
	return false;
}

static void read_own(const struct memory_stat *stat, struct memory_figures *figures)
{
	uint64_t anon, file, guest = 0;
	char text[4096];

	if (!read_text(stat->fd[STATUS], text, sizeof(text)) ||
	    !memory_stat_field(text, "RssAnon", &anon) ||
	    !memory_stat_field(text, "RssFile", &file))
		return;
	if (guest_memory_kind(stat->memory) == GUEST_MEMORY_MERGEABLE)
		guest = figures->held;
	/* They are not of one moment, and the kernel's own are a little late. */
	figures->own = (anon > guest ? anon - guest : 0) + file;
	figures->own_known = true;
}

static void read_merged(const struct memory_stat *stat, struct memory_figures *figures)
{
	char text[32];

	if (guest_memory_kind(stat->memory) != GUEST_MEMORY_MERGEABLE)
		return;
	figures->merging = read_text(stat->fd[KSM_RUN], text, sizeof(text)) && text[0] == '1';
	if (!read_text(stat->fd[MERGING_PAGES], text, sizeof(text)))
		return;
	figures->merged = strtoull(text, NULL, 10) * BATON_PAGE_SIZE;
	figures->merged_known = true;
}

void memory_stat_read(const struct memory_stat *stat, struct memory_figures *ret)
{
	uint64_t ram = guest_memory_size(stat->memory), held = guest_memory_held(stat->memory);

	*ret = (struct memory_figures){
		.ram = ram, .held = held, .given_back = held < ram ? ram - held : 0,
	};
	read_own(stat, ret);
	read_merged(stat, ret);
}
