// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety test A12: the dirty log. What its calls refuse; a bit for each page that
 * the guest writes, and for no other; no write lost, however logs, writes and the
 * host's memory management meet.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#define PAGE	4096u
#define PAGES	(ABI_GUEST_MEMORY / PAGE)
#define WORDS	(PAGES / 64)

static int set_flags(const struct abi_guest *g, uint32_t flags)
{
	struct baton_slot slot = {
		.flags = flags, .size = ABI_GUEST_MEMORY, .hva = (uintptr_t)g->memory,
	};

	return ioctl(g->vm, BATON_SET_SLOT, &slot);
}

static int call(int vm, unsigned long what, struct baton_dirty_log log)
{
	return ioctl(vm, what, &log);
}

static int get(const struct abi_guest *g, uint64_t *bits)
{
	return call(g->vm, BATON_GET_DIRTY_LOG, (struct baton_dirty_log) {
			.count = PAGES, .bitmap = (uintptr_t)bits });
}

static int clear(const struct abi_guest *g, const uint64_t *bits)
{
	return call(g->vm, BATON_CLEAR_DIRTY_LOG, (struct baton_dirty_log) {
			.count = PAGES, .bitmap = (uintptr_t)bits });
}

static void test_refused(void)
{
	static const unsigned long both[] = { BATON_GET_DIRTY_LOG, BATON_CLEAR_DIRTY_LOG };
	struct abi_guest g = abi_guest_start("", 0);
	uint64_t *bits = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct baton_dirty_log good = { .count = PAGES, .bitmap = (uintptr_t)bits };
	struct baton_dirty_log log;

	munmap((char *)bits + PAGE, PAGE);
	for (int i = 0; i < 2; i++) {
		EXPECT(!set_flags(&g, 0));
		FAILS(call(g.vm, both[i], good), ENOENT);
		EXPECT(!set_flags(&g, BATON_SLOT_LOG_DIRTY));
		EXPECT(!call(g.vm, both[i], good));
#define REFUSED(change, error) do { \
			log = good; \
			log.change; \
			FAILS(call(g.vm, both[i], log), error); } while (0)
		REFUSED(slot = 1, ENOENT);
		REFUSED(slot = BATON_MAX_SLOTS, EINVAL);
		REFUSED(slot = UINT32_MAX, EINVAL);
		REFUSED(reserved = 1, EINVAL);
		REFUSED(count = 0, EINVAL);
		REFUSED(count = 1, EINVAL);
		REFUSED(count = PAGES + 64, EINVAL);
		REFUSED(count = UINT64_MAX, EINVAL);
		REFUSED(count = UINT64_MAX - 63, EINVAL);
		REFUSED(first = 1, EINVAL);
		REFUSED(first = 64, EINVAL);
		REFUSED(first = PAGES, EINVAL);
		REFUSED(first = UINT64_MAX - 63, EINVAL);
		REFUSED(bitmap += 4, EINVAL);
		REFUSED(bitmap = 0, EFAULT);
		REFUSED(bitmap = 0xffff800000000000ull, EFAULT);
		REFUSED(bitmap += PAGE, EFAULT);
		REFUSED(bitmap += PAGE - 8, EFAULT);
	}
	/* GET writes there. */
	mprotect(bits, PAGE, PROT_READ);
	FAILS(call(g.vm, BATON_GET_DIRTY_LOG, good), EFAULT);
	EXPECT(!call(g.vm, BATON_CLEAR_DIRTY_LOG, good));
	munmap(bits, PAGE);
	abi_guest_end(&g);
}

/* The flag may come and go; nothing else of a slot that exists may change. */
static void test_flag(void)
{
	struct abi_guest g = abi_guest_start("", 0);
	struct baton_slot slot = {
		.flags = BATON_SLOT_LOG_DIRTY, .size = ABI_GUEST_MEMORY, .hva = (uintptr_t)g.memory,
	};
	uint64_t bits[WORDS];

	EXPECT(!set_flags(&g, 0));
	EXPECT(!set_flags(&g, BATON_SLOT_LOG_DIRTY));
	EXPECT(!set_flags(&g, BATON_SLOT_LOG_DIRTY));
	FAILS(set_flags(&g, BATON_SLOT_LOG_DIRTY | BATON_SLOT_READONLY), EEXIST);
	FAILS(set_flags(&g, BATON_SLOT_LOG_DIRTY | 4), EINVAL);
	/* Not at once with a move, which takes the log along. */
	slot.gpa = PAGE;
	slot.flags = 0;
	FAILS(ioctl(g.vm, BATON_SET_SLOT, &slot), EEXIST);
	slot.flags = BATON_SLOT_LOG_DIRTY;
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	slot.gpa = 0;
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	slot.hva += PAGE;
	FAILS(ioctl(g.vm, BATON_SET_SLOT, &slot), EEXIST);
	slot.hva -= PAGE;
	slot.size -= PAGE;
	FAILS(ioctl(g.vm, BATON_SET_SLOT, &slot), EEXIST);
	EXPECT(!get(&g, bits));
	slot.size = 0;
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	FAILS(get(&g, bits), ENOENT);
	/* From the start, and in a slot that nobody can write. */
	EXPECT(!set_flags(&g, BATON_SLOT_LOG_DIRTY | BATON_SLOT_READONLY));
	EXPECT(!get(&g, bits) && !bits[0]);
	abi_guest_end(&g);
}

/* All of the host's memory five times over is more than a VM may log. */
static void test_quota(void)
{
	int sys = abi_open(), vm = abi_vm(sys);
	uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * PAGE, size = 1ull << 30;
	void *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);
	struct baton_slot slot = {
		.flags = BATON_SLOT_LOG_DIRTY, .size = size, .hva = (uintptr_t)memory,
	};
	int r = 0;

	EXPECT(memory != MAP_FAILED);
	for (; !r && slot.gpa < 5 * ram + size; slot.gpa += size, slot.id++)
		r = ioctl(vm, BATON_SET_SLOT, &slot);
	EXPECT(r == -1 && errno == ENOSPC);
	EXPECT(slot.gpa > 3 * ram);
	munmap(memory, size);
	close(vm);
	close(sys);
}

/* mov [bx],ax; out 0x10,al; and again. */
static const unsigned char write_at_bx[] = { 0x89, 0x07, 0xe6, 0x10, 0xeb, 0xfa };

static void guest_writes(struct abi_guest *g, unsigned int page)
{
	struct baton_regs regs;

	EXPECT(!ioctl(g->vcpu, BATON_GET_REGS, &regs));
	regs.gpr[BATON_RBX] = page * PAGE + 16;
	regs.gpr[BATON_RAX]++;
	EXPECT(!ioctl(g->vcpu, BATON_SET_REGS, &regs));
	ABI_RUN(*g, BATON_EXIT_PIO);
	EXPECT(!memcmp(g->memory + page * PAGE + 16, &regs.gpr[BATON_RAX], 2));
}

static void expect_log(const struct abi_guest *g, uint64_t word0)
{
	uint64_t bits[WORDS];

	memset(bits, 0x5a, sizeof(bits));
	EXPECT(!get(g, bits));
	EXPECT(bits[0] == word0);
	for (unsigned int i = 1; i < WORDS; i++)
		EXPECT(!bits[i]);
}

static void test_bits(void)
{
	struct abi_guest g = abi_guest_start(write_at_bx, sizeof(write_at_bx));
	uint64_t bits[WORDS] = { 0 };

	/* Mapped, and written to, before anybody asks for a log. */
	guest_writes(&g, 5);
	EXPECT(!set_flags(&g, BATON_SLOT_LOG_DIRTY));
	expect_log(&g, 0);
	guest_writes(&g, 5);
	guest_writes(&g, 9);
	expect_log(&g, 1 << 5 | 1 << 9);
	/* Neighbours that came along with a page are not written. */
	memset(g.memory + 6 * PAGE, 1, PAGE);
	guest_writes(&g, 7);
	expect_log(&g, 1 << 5 | 1 << 7 | 1 << 9);
	bits[0] = 1 << 5 | 1 << 6;
	EXPECT(!clear(&g, bits));
	expect_log(&g, 1 << 7 | 1 << 9);
	guest_writes(&g, 7);
	guest_writes(&g, 6);
	expect_log(&g, 1 << 6 | 1 << 7 | 1 << 9);
	guest_writes(&g, 5);
	expect_log(&g, 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9);
	/* The host takes the mapping: what was written stays written. */
	EXPECT(!madvise(g.memory, ABI_GUEST_MEMORY, MADV_DONTNEED));
	expect_log(&g, 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9);
	memset(bits, 0xff, sizeof(bits));
	EXPECT(!clear(&g, bits));
	expect_log(&g, 0);
	guest_writes(&g, 9);
	expect_log(&g, 1 << 9);
	EXPECT(!set_flags(&g, 0));
	guest_writes(&g, 9);
	EXPECT(!set_flags(&g, BATON_SLOT_LOG_DIRTY));
	expect_log(&g, 0);
	abi_guest_end(&g);
}

/* What the module itself writes to guest memory: the paravirtual clock. */
static void test_module_writes(void)
{
	struct abi_guest g = abi_guest_start(write_at_bx, sizeof(write_at_bx));
	struct baton_msr msr = { .index = 0x4b564d01, .data = 0x3fe0 | 1 };
	struct baton_msrs list = { .count = 1, .entries = (uintptr_t)&msr };

	EXPECT(!set_flags(&g, BATON_SLOT_LOG_DIRTY));
	EXPECT(!ioctl(g.vcpu, BATON_SET_MSRS, &list) && list.done == 1);
	guest_writes(&g, 9);
	expect_log(&g, 1 << 3 | 1 << 9);
	abi_guest_end(&g);
}

/* Counts in 13 pages, for ever. */
static const unsigned char count_loop[] = {
	0xbb, 0x00, 0x20,	/* outer: mov bx,0x2000 */
	0x66, 0xff, 0x07,	/* inner: inc dword [bx] */
	0x81, 0xc3, 0x00, 0x10,	/* add bx,0x1000 */
	0x81, 0xfb, 0x00, 0xf0,	/* cmp bx,0xf000 */
	0x72, 0xf3,		/* jb inner */
	0xeb, 0xee,		/* jmp outer */
};

struct counter {
	struct abi_guest guest;
	atomic_bool stop;
	long result;
};

static void *count(void *ctx)
{
	struct counter *c = ctx;

	do
		c->result = ioctl(c->guest.vcpu, BATON_RUN, 0);
	while (!c->result && !c->stop);
	return NULL;
}

/* Pages that are dirty, after their bits are cleared: what migration does. */
static void take_dirty(const struct abi_guest *g, unsigned char *copy)
{
	uint64_t bits[WORDS];

	EXPECT(!get(g, bits));
	EXPECT(!clear(g, bits));
	for (unsigned int i = 0; i < PAGES; i++)
		if (bits[i / 64] >> i % 64 & 1)
			memcpy(copy + i * PAGE, g->memory + i * PAGE, PAGE);
}

/* Starts the guest, follows it for a while, stops it anywhere, and compares. */
static void follow(struct counter *c, unsigned char *copy, int round)
{
	pthread_t thread;

	c->stop = false;
	pthread_create(&thread, NULL, count, c);
	usleep(rand() % 2000);
	for (int i = 0; i < 5; i++) {
		take_dirty(&c->guest, copy);
		/* The host's memory management meanwhile: mappings go, the data stays. */
		if ((round + i) % 3 == 0)
			EXPECT(!madvise(c->guest.memory + (2 + i) * PAGE, 2 * PAGE,
					MADV_DONTNEED));
	}
	/* The guest runs on a little: a stale TLB entry has its chance. */
	for (volatile int wait = rand() % 20000; wait; wait--)
		;
	c->stop = true;
	EXPECT(!ioctl(c->guest.vcpu, BATON_KICK));
	pthread_join(thread, NULL);
	EXPECT(!c->result);
	take_dirty(&c->guest, copy);
	EXPECT(!memcmp(copy, c->guest.memory, ABI_GUEST_MEMORY));
}

static void test_nothing_lost(void)
{
	struct counter c = { .guest = abi_guest_start(count_loop, sizeof(count_loop)) };
	unsigned char *copy = malloc(ABI_GUEST_MEMORY);
	uint32_t number, last = 0;

	EXPECT(!set_flags(&c.guest, BATON_SLOT_LOG_DIRTY));
	memcpy(copy, c.guest.memory, ABI_GUEST_MEMORY);
	for (int i = 0; i < 200; i++) {
		follow(&c, copy, i);
		memcpy(&number, copy + 2 * PAGE, sizeof(number));
		EXPECT(number >= last);
		last = number;
	}
	EXPECT(last > 200);
	free(copy);
	abi_guest_end(&c.guest);
}

/* The log goes on and off under a guest that writes. */
static void test_on_and_off(void)
{
	struct counter c = { .guest = abi_guest_start(count_loop, sizeof(count_loop)) };
	uint64_t bits[WORDS], seen = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, count, &c);
	for (int i = 0; i < 200; i++) {
		EXPECT(!set_flags(&c.guest, BATON_SLOT_LOG_DIRTY));
		usleep(rand() % 500);
		EXPECT(!get(&c.guest, bits));
		seen |= bits[0];
		EXPECT(!set_flags(&c.guest, 0));
	}
	c.stop = true;
	EXPECT(!ioctl(c.guest.vcpu, BATON_KICK));
	pthread_join(thread, NULL);
	EXPECT(!c.result);
	EXPECT(seen == 0x7ffc);
	abi_guest_end(&c.guest);
}

const struct abi_test abi_dirty_tests[] = {
	{ "A12: dirty log refused", test_refused },
	{ "A12: dirty log's flag", test_flag },
	{ "A12: dirty log's quota", test_quota },
	{ "A12: dirty bits", test_bits },
	{ "A12: the module's own writes", test_module_writes },
	{ "A12: nothing lost", test_nothing_lost },
	{ "A12: log on and off", test_on_and_off },
	{ NULL, NULL },
};
