/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One small function per leaf that depends on the CPU or the topology (Intel
 * SDM, "CPUID"; AMD APM 3, "Obtaining Processor Information"). The engine's
 * other leaves stay as they are.
 */
#include "cpuid.h"

#include <stddef.h>

struct topology {
	uint32_t id, count;
	uint32_t bits;		/* APIC id bits that number the cores */
};

#define LEAF1_HTT	(1u << 28)
#define LEAF1_HYPERVISOR (1u << 31)
#define LEAF1_OSXSAVE	(1u << 27)
#define EXT1_CMP_LEGACY (1u << 1)

#define LEVEL_SMT	1u
#define LEVEL_CORE	2u

static void shape_1(struct baton_cpuid_entry *entry, const struct topology *top)
{
	entry->ebx = (entry->ebx & 0xffff) | (1u << top->bits & 0xff) << 16 | top->id << 24;
	entry->ecx = (entry->ecx & ~LEAF1_OSXSAVE) | LEAF1_HYPERVISOR;
	entry->edx = top->count > 1 ? entry->edx | LEAF1_HTT : entry->edx & ~LEAF1_HTT;
}

/* Caches of level 3 are shared by all cores, the others by none. */
static void shape_cache(struct baton_cpuid_entry *entry, const struct topology *top)
{
	uint32_t level = entry->eax >> 5 & 7;
	uint32_t sharing = level >= 3 ? (1u << top->bits) - 1 : 0;

	if (entry->eax & 0x1f)
		entry->eax = (entry->eax & ~(0xfffu << 14)) | sharing << 14;
}

static void shape_4(struct baton_cpuid_entry *entry, const struct topology *top)
{
	shape_cache(entry, top);
	if (entry->eax & 0x1f)
		entry->eax = (entry->eax & 0x03ffffff) | ((1u << top->bits) - 1) << 26;
}

/* Leaves 0xb and 0x1f: a level per subleaf, the last one of type 0. */
static void shape_levels(struct baton_cpuid_entry *entry, const struct topology *top)
{
	static const uint32_t type[] = { LEVEL_SMT, LEVEL_CORE };
	uint32_t level = entry->subleaf;

	entry->eax = level == 1 ? top->bits : 0;
	entry->ebx = level == 0 ? 1 : level == 1 ? top->count : 0;
	entry->ecx = level | (level < 2 ? type[level] << 8 : 0);
	entry->edx = top->id;
}

static void shape_80000001(struct baton_cpuid_entry *entry, const struct topology *top)
{
	if (top->count > 1)
		entry->ecx |= EXT1_CMP_LEGACY;
	else
		entry->ecx &= ~EXT1_CMP_LEGACY;
}

static void shape_80000008(struct baton_cpuid_entry *entry, const struct topology *top)
{
	entry->ecx = (entry->ecx & 0xffff0f00) | top->bits << 12 | (top->count - 1);
}

static void shape_8000001e(struct baton_cpuid_entry *entry, const struct topology *top)
{
	entry->eax = top->id;
	entry->ebx = top->id & 0xff;	/* core; one thread */
	entry->ecx = 0;			/* node 0 of one */
}

static const struct {
	uint32_t leaf;
	void (*shape)(struct baton_cpuid_entry *entry, const struct topology *top);
} leaves[] = {
	{ 1, shape_1 },
	{ 4, shape_4 },
	{ 0xb, shape_levels },
	{ 0x1f, shape_levels },
	{ 0x80000001, shape_80000001 },
	{ 0x80000008, shape_80000008 },
	{ 0x8000001d, shape_cache },
	{ 0x8000001e, shape_8000001e },
};

static uint32_t bits_for(uint32_t count)
{
	uint32_t bits = 0;

	while (1u << bits < count)
		bits++;
	return bits;
}

void cpuid_shape(struct baton_cpuid_entry *entries, uint32_t count, uint32_t id,
		 uint32_t cpu_count)
{
	struct topology top = { .id = id, .count = cpu_count, .bits = bits_for(cpu_count) };

	for (uint32_t i = 0; i < count; i++)
		for (size_t j = 0; j < sizeof(leaves) / sizeof(leaves[0]); j++)
			if (entries[i].leaf == leaves[j].leaf)
				leaves[j].shape(&entries[i], &top);
}
