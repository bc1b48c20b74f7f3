/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory. One mapping holds all RAM without a gap: what lies below the PCI
 * hole first, then what lies above 4 GiB. On a PC that includes 128 KiB at the VGA
 * window, which nothing ever touches. Windows and their logs are in tables under a
 * lock of their own (a leaf); plain RAM needs none, because it never moves.
 *
 * The engine follows the mapping by the kernel's MMU notifiers, so pages may be
 * given back, merged or swapped at any moment, and come again when touched.
 */
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hv.h"

enum { SLOT_LOW = 0, SLOT_HIGH = 1, SLOT_PC_LOWEST = 2, SLOT_WINDOWS = 3 };

struct window {
	uint64_t gpa, size;	/* size 0: not mapped */
	uint8_t *hva;
	bool readonly;
	bool logs;		/* its slot does */
};

/* Of a window, mapped or not. */
struct window_log {
	bool wanted;
	bool lost;		/* something was written that the log does not know */
};

/* Letters: C constant after creation, W window_lock. */
struct guest_memory {
	struct hv_vm *vm;		/* C */
	uint8_t *base;			/* C */
	uint64_t size, low, high;	/* C: size = low + high */
	enum guest_memory_kind kind;	/* C */
	int fd;				/* C: -1: MERGEABLE */
	bool pc;			/* C: layout of a PC */
	pthread_mutex_t window_lock;
	struct window window[WINDOW_COUNT]; /* W */
	struct window_log log[WINDOW_COUNT]; /* W */
};

static int create_file(struct guest_memory *mem)
{
	mem->fd = memfd_create("baton-guest-ram", MFD_CLOEXEC);
	return mem->fd < 0 || ftruncate(mem->fd, (off_t)mem->size) ? -errno : 0;
}

static int map_memory(struct guest_memory *mem)
{
	bool shared = mem->kind == GUEST_MEMORY_SHARED;
	int error = shared ? create_file(mem) : 0;
	void *base;

	if (error)
		return error;
	base = mmap(NULL, mem->size, PROT_READ | PROT_WRITE,
		    (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | MAP_NORESERVE,
		    mem->fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	mem->base = base;
	/* On a shared mapping this would succeed, and do nothing. */
	if (!shared && madvise(base, mem->size, MADV_MERGEABLE))
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	/* hints: a host that does not know them works, too */
	madvise(base, mem->size, MADV_HUGEPAGE);
	madvise(base, mem->size, MADV_DONTDUMP);
	return 0;
}

static int set_slot(struct guest_memory *mem, uint32_t id, uint64_t gpa, uint64_t size,
		    uint64_t offset)
{
	struct hv_slot slot = {
		.id = id, .gpa = gpa, .size = size, .hva = mem->base + offset,
	};

	return size ? hv_vm_set_slot(mem->vm, &slot) : 0;
}

static int set_slots(struct guest_memory *mem)
{
	int error;

	if (!mem->vm)
		return 0;
	if (mem->pc) {
		error = set_slot(mem, SLOT_PC_LOWEST, 0, MEMORY_PC_VGA, 0);
		if (!error)
			error = set_slot(mem, SLOT_LOW, MEMORY_PC_PLAIN,
					 mem->low - MEMORY_PC_PLAIN, MEMORY_PC_PLAIN);
	} else {
		error = set_slot(mem, SLOT_LOW, 0, mem->low, 0);
	}
	if (error)
		return error;
	return set_slot(mem, SLOT_HIGH, MEMORY_HOLE_END, mem->high, mem->low);
}

static int create(struct hv_vm *vm, uint64_t size, uint64_t low, enum guest_memory_kind kind,
		  bool pc, struct guest_memory **ret_mem)
{
	struct guest_memory *mem = calloc(1, sizeof(*mem));
	int error;

	if (!mem)
		return -ENOMEM;
	pthread_mutex_init(&mem->window_lock, NULL);
	mem->vm = vm;
	mem->kind = kind;
	mem->fd = -1;
	mem->size = size;
	mem->low = low;
	mem->high = size - low;
	mem->pc = pc;
	error = map_memory(mem);
	if (!error)
		error = set_slots(mem);
	if (error) {
		guest_memory_destroy(mem);
		return error;
	}
	*ret_mem = mem;
	return 0;
}

int guest_memory_create(struct hv_vm *vm, uint64_t size, struct guest_memory **ret_mem)
{
	return guest_memory_create_kind(vm, size, GUEST_MEMORY_SHARED, ret_mem);
}

int guest_memory_create_kind(struct hv_vm *vm, uint64_t size, enum guest_memory_kind kind,
			     struct guest_memory **ret_mem)
{
	if (!size || size % BATON_PAGE_SIZE)
		return -EINVAL;
	return create(vm, size, size < MEMORY_HOLE_START ? size : MEMORY_HOLE_START, kind, false,
		      ret_mem);
}

int guest_memory_create_pc(struct hv_vm *vm, uint64_t size, enum guest_memory_kind kind,
			   struct guest_memory **ret_mem)
{
	if (size <= MEMORY_PC_PLAIN || size % BATON_PAGE_SIZE)
		return -EINVAL;
	return create(vm, size, size <= MEMORY_PC_LOW_ALL ? size : MEMORY_PC_LOW_PART, kind, true,
		      ret_mem);
}

/* Slots go with the VM, which may be destroyed before or after. */
void guest_memory_destroy(struct guest_memory *mem)
{
	if (!mem)
		return;
	if (mem->base)
		munmap(mem->base, mem->size);
	if (mem->fd >= 0)
		close(mem->fd);
	pthread_mutex_destroy(&mem->window_lock);
	free(mem);
}

uint64_t guest_memory_size(const struct guest_memory *mem)
{
	return mem->size;
}

uint64_t guest_memory_low(const struct guest_memory *mem)
{
	return mem->low;
}

uint64_t guest_memory_high(const struct guest_memory *mem)
{
	return mem->high;
}

static bool overlaps(uint64_t gpa, uint64_t size, uint64_t start, uint64_t end)
{
	return gpa < end && (gpa >= start || size > start - gpa);
}

void *guest_memory_at(const struct guest_memory *mem, uint64_t gpa, uint64_t size)
{
	if (mem->pc && overlaps(gpa, size, MEMORY_PC_VGA, MEMORY_PC_SHADOW))
		return NULL;
	if (gpa < mem->low)
		return size <= mem->low - gpa ? mem->base + gpa : NULL;
	if (gpa < MEMORY_HOLE_END || gpa - MEMORY_HOLE_END >= mem->high)
		return NULL;
	gpa -= MEMORY_HOLE_END;
	return size <= mem->high - gpa ? mem->base + mem->low + gpa : NULL;
}

void *guest_memory_plain(const struct guest_memory *mem, uint64_t gpa, uint64_t size)
{
	if (mem->pc && overlaps(gpa, size, MEMORY_PC_SHADOW, MEMORY_PC_PLAIN))
		return NULL;
	return guest_memory_at(mem, gpa, size);
}

/* ---- windows ---- */

static uint8_t *in_window_locked(struct guest_memory *mem, uint64_t gpa, bool write,
				 uint64_t *ret_room)
{
	for (unsigned int i = 0; i < WINDOW_COUNT; i++) {
		const struct window *w = &mem->window[i];

		if (gpa - w->gpa >= w->size || (write && w->readonly))
			continue;
		mem->log[i].lost |= write;
		*ret_room = w->size - (gpa - w->gpa);
		return w->hva + (gpa - w->gpa);
	}
	return NULL;
}

/* How many bytes from gpa on can be had in one piece, and where; NULL: none. */
static uint8_t *piece_locked(struct guest_memory *mem, uint64_t gpa, bool write,
			     uint64_t *ret_room)
{
	uint8_t *at = guest_memory_plain(mem, gpa, 1);

	if (!at)
		return in_window_locked(mem, gpa, write, ret_room);
	/* To the end of the page: RAM and windows begin and end at pages. */
	*ret_room = BATON_PAGE_SIZE - gpa % BATON_PAGE_SIZE;
	return at;
}

static bool reachable_locked(struct guest_memory *mem, uint64_t gpa, uint64_t size, bool write)
{
	uint64_t room;

	for (; size; gpa += room, size -= room) {
		if (!piece_locked(mem, gpa, write, &room))
			return false;
		room = room < size ? room : size;
	}
	return true;
}

static void copy_locked(struct guest_memory *mem, uint64_t gpa, uint8_t *data, uint64_t size,
			bool write)
{
	uint64_t room;

	for (; size; gpa += room, data += room, size -= room) {
		uint8_t *at = piece_locked(mem, gpa, write, &room);

		room = room < size ? room : size;
		memcpy(write ? at : data, write ? data : at, room);
	}
}

static int copy(struct guest_memory *mem, uint64_t gpa, void *data, uint64_t size, bool write)
{
	bool ok;

	pthread_mutex_lock(&mem->window_lock);
	ok = reachable_locked(mem, gpa, size, write);
	if (ok)
		copy_locked(mem, gpa, data, size, write);
	pthread_mutex_unlock(&mem->window_lock);
	return ok ? 0 : -EFAULT;
}

int guest_memory_read(struct guest_memory *mem, uint64_t gpa, void *to, uint64_t size)
{
	const void *from = guest_memory_plain(mem, gpa, size);

	if (!from)
		return copy(mem, gpa, to, size, false);
	memcpy(to, from, size);
	return 0;
}

int guest_memory_write(struct guest_memory *mem, uint64_t gpa, const void *from, uint64_t size)
{
	void *to = guest_memory_plain(mem, gpa, size);

	if (!to)
		return copy(mem, gpa, (void *)(uintptr_t)from, size, true);
	memcpy(to, from, size);
	return 0;
}

static int set_window_slot(struct guest_memory *mem, unsigned int index, const struct window *w)
{
	struct hv_slot slot = {
		.id = SLOT_WINDOWS + index, .readonly = w->readonly, .log_dirty = w->logs,
		.gpa = w->gpa, .size = w->size, .hva = w->hva,
	};

	return mem->vm ? hv_vm_set_slot(mem->vm, &slot) : 0;
}

/* A log is a help, not a need: a window that cannot have one comes without. */
static int add_window_slot_locked(struct guest_memory *mem, unsigned int index, struct window *w)
{
	int error;

	w->logs = mem->log[index].wanted;
	error = set_window_slot(mem, index, w);
	if (!error || !w->logs)
		return error;
	w->logs = false;
	return set_window_slot(mem, index, w);
}

static bool window_valid(const struct guest_memory *mem, unsigned int index,
			 const struct window *w)
{
	return index < WINDOW_COUNT && w->size && !(w->gpa % BATON_PAGE_SIZE) &&
	       !(w->size % BATON_PAGE_SIZE) && w->gpa + w->size > w->gpa &&
	       !guest_memory_plain(mem, w->gpa, 1) &&
	       !guest_memory_plain(mem, w->gpa + w->size - 1, 1);
}

int guest_memory_map(struct guest_memory *mem, unsigned int window, uint64_t gpa, uint64_t size,
		     void *hva, bool readonly)
{
	struct window new = { .gpa = gpa, .size = size, .hva = hva, .readonly = readonly };
	int error = -EEXIST;

	if (!window_valid(mem, window, &new))
		return -EINVAL;
	pthread_mutex_lock(&mem->window_lock);
	if (!mem->window[window].size) {
		error = add_window_slot_locked(mem, window, &new);
		if (!error)
			mem->window[window] = new;
	}
	pthread_mutex_unlock(&mem->window_lock);
	return error;
}

void guest_memory_unmap(struct guest_memory *mem, unsigned int window)
{
	struct window gone = {};

	pthread_mutex_lock(&mem->window_lock);
	if (mem->window[window].size) {
		gone.gpa = mem->window[window].gpa;
		set_window_slot(mem, window, &gone);
		mem->window[window] = (struct window){};
		mem->log[window].lost = true;
	}
	pthread_mutex_unlock(&mem->window_lock);
}

static int set_log_locked(struct guest_memory *mem, unsigned int index, bool on)
{
	struct window new = mem->window[index];
	int error = 0;

	new.logs = on;
	if (new.size && new.logs != mem->window[index].logs)
		error = set_window_slot(mem, index, &new);
	if (error)
		return error;
	mem->window[index] = new;
	mem->log[index].lost |= on && !mem->log[index].wanted;
	mem->log[index].wanted = on;
	return 0;
}

int guest_memory_log(struct guest_memory *mem, unsigned int window, bool on)
{
	int error;

	if (window >= WINDOW_COUNT)
		return -EINVAL;
	if (!mem->vm)
		return on ? -EOPNOTSUPP : 0;
	pthread_mutex_lock(&mem->window_lock);
	error = set_log_locked(mem, window, on);
	pthread_mutex_unlock(&mem->window_lock);
	return error;
}

#define TAKE_WORDS 64u	/* at once */

static bool take_pages(struct guest_memory *mem, uint32_t slot, uint64_t first, uint64_t pages,
		       uint64_t *bitmap)
{
	uint64_t bits[TAKE_WORDS] = {};

	if (hv_vm_get_dirty(mem->vm, slot, first, pages, bits) ||
	    hv_vm_clear_dirty(mem->vm, slot, first, pages, bits))
		return false;
	for (uint64_t word = 0; word < (pages + 63) / 64; word++)
		bitmap[first / 64 + word] |= bits[word];
	return true;
}

static bool take_dirty_locked(struct guest_memory *mem, unsigned int index, uint64_t *bitmap,
			      uint64_t pages)
{
	const struct window *w = &mem->window[index];
	bool known = mem->log[index].wanted && !mem->log[index].lost;
	uint64_t part;

	mem->log[index].lost = false;
	/* Where no slot is, the guest's writes exit. */
	if (!w->size)
		return known;
	if (!w->logs || w->size != pages * BATON_PAGE_SIZE)
		return false;
	for (uint64_t first = 0; first < pages; first += part) {
		part = pages - first < 64 * TAKE_WORDS ? pages - first : 64 * TAKE_WORDS;
		known &= take_pages(mem, SLOT_WINDOWS + index, first, part, bitmap);
	}
	return known;
}

bool guest_memory_take_dirty(struct guest_memory *mem, unsigned int window, uint64_t *bitmap,
			     uint64_t pages)
{
	bool known = false;

	if (window >= WINDOW_COUNT)
		return false;
	pthread_mutex_lock(&mem->window_lock);
	known = take_dirty_locked(mem, window, bitmap, pages);
	pthread_mutex_unlock(&mem->window_lock);
	return known;
}

/* ---- memory and the host ---- */

enum guest_memory_kind guest_memory_kind(const struct guest_memory *mem)
{
	return mem->kind;
}

int guest_memory_give_back(const struct guest_memory *mem, void *at, uint64_t size)
{
	uint64_t start = (uint64_t)((uintptr_t)at - (uintptr_t)mem->base), end = start + size;
	int error;

	if (start >= mem->size || size > mem->size - start)
		return -EFAULT;
	start = (start + BATON_PAGE_SIZE - 1) & ~(uint64_t)(BATON_PAGE_SIZE - 1);
	end &= ~(uint64_t)(BATON_PAGE_SIZE - 1);
	if (start >= end)
		return 0;
	if (mem->kind == GUEST_MEMORY_SHARED)
		error = fallocate(mem->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  (off_t)start, (off_t)(end - start));
	else
		error = madvise(mem->base + start, end - start, MADV_DONTNEED);
	return error ? -errno : 0;
}

int guest_memory_flush_page(const struct guest_memory *mem, uint64_t gpa)
{
	void *at = guest_memory_at(mem, gpa & ~(uint64_t)(BATON_PAGE_SIZE - 1), BATON_PAGE_SIZE);

	if (!at)
		return -EFAULT;
	/* Of a file's page only the mapping goes; of a private one the contents would. */
	if (mem->kind != GUEST_MEMORY_SHARED)
		return -EOPNOTSUPP;
	return madvise(at, BATON_PAGE_SIZE, MADV_DONTNEED) ? -errno : 0;
}

static uint64_t count_present(const unsigned char *present, uint64_t count)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++)
		sum += present[i] & 1;
	return sum;
}

static uint64_t held_private(const struct guest_memory *mem)
{
	unsigned char present[4096];
	const uint64_t piece = sizeof(present) * BATON_PAGE_SIZE;
	uint64_t pages = 0;

	for (uint64_t at = 0; at < mem->size; at += piece) {
		uint64_t part = mem->size - at < piece ? mem->size - at : piece;

		if (!mincore(mem->base + at, part, present))
			pages += count_present(present, part / BATON_PAGE_SIZE);
	}
	return pages * BATON_PAGE_SIZE;
}

uint64_t guest_memory_held(const struct guest_memory *mem)
{
	struct stat st;

	if (mem->kind == GUEST_MEMORY_MERGEABLE)
		return held_private(mem);
	return fstat(mem->fd, &st) ? 0 : (uint64_t)st.st_blocks * 512;
}
