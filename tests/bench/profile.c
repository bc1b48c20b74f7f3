// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Marks around what a row measures, for tests/bench/profile/plugin.c. They cost a NOP each.
 * With BENCH_PROFILE only the row that it names ("baton:disk-qd1") has them, and what
 * an address in a process belongs to is told, because only now is it there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "profile/mark.h"

static bool wanted;

void profile_row(const char *engine, const char *row)
{
	const char *name = getenv("BENCH_PROFILE");
	size_t length = strlen(engine);

	wanted = !name || (!strncmp(name, engine, length) && name[length] == ':' &&
			   !strcmp(name + length + 1, row));
}

void profile_begin(void)
{
	if (wanted)
		MARK("1");
}

void profile_end(void)
{
	if (wanted)
		MARK("0");
}

void profile_row_end(void)
{
	if (wanted)
		MARK("2");
}

void profile_tell(unsigned int divisor)
{
	if (!wanted || !getenv("BENCH_PROFILE"))
		return;
	printf("# profile: divisor %u\n", divisor);
	fflush(stdout);
	if (system("cd /proc && for p in [0-9]*; do "
		   "sed -n \"s,^,# map $p ,p\" $p/maps 2>/dev/null | grep r-xp; done"))
		puts("# profile: no maps");
}
