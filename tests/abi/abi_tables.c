// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety test A2: a guest that touches one page in each 2 MiB of a huge slot, which costs
 * the host a table each. It gets a sixteenth of the host's memory for them, and goes on
 * when all are taken away; and a slot with many of them can be removed.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#define STRIDE		(2ull << 20)
#define GIB		(1ull << 30)
#define PDPT		(0x4000 + 0x1000)	/* of abi_long.c's guest */
#define MORE		1500u	/* over the limit */
#define MANY		12000u	/* more than are taken away at once */
#define GIB_MAX		511u

/* RCX times: reads at RSI, 2 MiB further. */
ABI_CODE(stride, "1: movb (%rsi), %al; addq $0x200000, %rsi; decq %rcx; jnz 1b; outb %al, $0x10");

static uint64_t tables(const struct abi_guest *g)
{
	struct baton_vm_stats stats;

	EXPECT(!ioctl(g->vm, BATON_GET_VM_STATS, &stats));
	return stats.value[BATON_VM_STAT_TABLES];
}

static void touch(struct abi_guest *g, uint64_t count)
{
	struct baton_regs regs = { .rip = ABI_LONG_CODE, .rflags = 2 };

	regs.gpr[BATON_RSI] = GIB;
	regs.gpr[BATON_RCX] = count;
	EXPECT(!ioctl(g->vcpu, BATON_SET_REGS, &regs));
	ABI_RUN(*g, BATON_EXIT_PIO);
	EXPECT(g->run->pio.port == 0x10);
}

/* From 1 GiB on, mapped one to one by the guest. */
static void *add_huge_slot(struct abi_guest *g, uint64_t size)
{
	uint64_t *pdpt = (uint64_t *)(g->memory + PDPT);
	struct baton_slot slot = { .id = 1, .gpa = GIB, .size = size };
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	EXPECT(memory != MAP_FAILED);
	EXPECT(!madvise(memory, size, MADV_NOHUGEPAGE));
	slot.hva = (uintptr_t)memory;
	EXPECT(!ioctl(g->vm, BATON_SET_SLOT, &slot));
	for (uint64_t i = 1; i <= (size + GIB - 1) / GIB; i++)
		pdpt[i] = i * GIB | 0x87;
	return memory;
}

static void test_tables(void)
{
	uint64_t limit = (uint64_t)sysconf(_SC_PHYS_PAGES) / 16, count = limit + MORE;
	struct baton_slot gone = { .id = 1 };
	struct abi_guest g;
	void *memory;

	if (count * STRIDE > GIB_MAX * GIB) {
		abi_needs("a host with less memory");
		return;
	}
	g = ABI_LONG_GUEST(stride);
	memory = add_huge_slot(&g, count * STRIDE);
	touch(&g, count);
	printf("  %llu touched, %llu tables\n", (unsigned long long)count,
	       (unsigned long long)tables(&g));
	EXPECT(tables(&g) < count && tables(&g) <= limit + 64);
	if (count > MANY) {
		touch(&g, MANY);
		EXPECT(tables(&g) > MANY);
	}
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &gone));
	EXPECT(tables(&g) < 8);
	munmap(memory, count * STRIDE);
	abi_guest_end(&g);
}

const struct abi_test abi_tables_tests[] = {
	{ "A2: many page tables", test_tables },
	{ NULL, NULL },
};
