// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfd: a guest's write to a port, or to an address without memory, signals an
 * eventfd and the guest goes on, without leaving the window.
 *
 * A port exit tells width and value. Of a memory write they are in the instruction:
 * apic_page.c reads the plain MOVs; other instructions go to the monitor.
 *
 * The bindings are an array sorted by address, ports behind memory, never changed,
 * only replaced under vm->lock; readers are in a window. Whoever replaces it waits for
 * the windows that are open, so a binding that was taken away is not signalled after.
 */
#include <linux/eventfd.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat.h"
#include "eventfds.h"
#include "slots.h"
#include "vm.h"

/* A port as an address: beyond all of guest memory. */
#define PORTS (1ull << 63)

struct binding {
	u64 address;		/* PORTS + port, or gpa */
	u64 match;
	u8 size;		/* 0: any */
	bool only_match;
	struct eventfd_ctx *ctx;
};

struct baton_ioeventfds {
	u64 low, high;		/* memory: the first address, and behind the last one */
	u32 count;
	struct binding binding[];
};

/* --- the guest's side ------------------------------------------------------ */

/* Index of the first binding whose address is not below this one. */
static u32 lower_bound(const struct baton_ioeventfds *all, u64 address)
{
	u32 low = 0, high = all->count;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (all->binding[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool fits(const struct binding *binding, u8 size, u64 data)
{
	if (binding->size && binding->size != size)
		return false;
	return !binding->only_match || binding->match == data;
}

static bool signal(const struct baton_ioeventfds *all, u64 address, u8 size, u64 data)
{
	u32 at = lower_bound(all, address);

	for (; at < all->count && all->binding[at].address == address; at++) {
		if (fits(&all->binding[at], size, data)) {
			eventfd_signal(all->binding[at].ctx);
			return true;
		}
	}
	return false;
}

/* NULL also on real-time kernels: a wait queue's lock sleeps there; the monitor does it. */
static const struct baton_ioeventfds *bindings(struct baton_vm *vm)
{
	/* Interrupts are off in a window: that is a read section of its own. */
	return IS_ENABLED(CONFIG_PREEMPT_RT) ? NULL : rcu_dereference_sched(vm->ioeventfds);
}

bool baton_ioeventfd_port(struct baton_vm *vm, u16 port, u8 size, u32 data)
{
	const struct baton_ioeventfds *all = bindings(vm);

	if (size < 4)
		data &= (1u << size * 8) - 1;
	return all && signal(all, PORTS | port, size, data);
}

bool baton_ioeventfd_at(struct baton_vm *vm, u64 gpa)
{
	const struct baton_ioeventfds *all = bindings(vm);
	u32 at;

	if (!all || gpa - all->low >= all->high - all->low)
		return false;
	at = lower_bound(all, gpa);
	return at < all->count && all->binding[at].address == gpa;
}

bool baton_ioeventfd_write(struct baton_vm *vm, u64 gpa, u8 size, u64 data)
{
	const struct baton_ioeventfds *all = bindings(vm);

	return all && signal(all, gpa, size, data);
}

/* --- the monitor's side ----------------------------------------------------- */

/* A copy of `old` (or NULL) without binding `gone`, if there is one, and with room for another. */
static struct baton_ioeventfds *copy_without(const struct baton_ioeventfds *old, u32 gone)
{
	u32 i, had = old ? old->count : 0;
	struct baton_ioeventfds *all;

	all = kzalloc(struct_size(all, binding, had + 1), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!all)
		return NULL;
	for (i = 0; i < had; i++)
		if (i != gone)
			all->binding[all->count++] = old->binding[i];
	return all;
}

static void insert(struct baton_ioeventfds *all, const struct binding *key)
{
	struct binding *at = &all->binding[lower_bound(all, key->address)];

	memmove(at + 1, at, (char *)&all->binding[all->count] - (char *)at);
	all->count++;
	*at = *key;
}

static void replace(struct baton_vm *vm, struct baton_ioeventfds *old,
		    struct baton_ioeventfds *all)
{
	u32 ports = lower_bound(all, PORTS);

	if (ports) {
		all->low = all->binding[0].address;
		all->high = all->binding[ports - 1].address + 1;
	}
	rcu_assign_pointer(vm->ioeventfds, all);
	baton_windows_wait(vm);
	kfree(old);
}

static bool same(const struct binding *a, const struct binding *b)
{
	return a->address == b->address && a->size == b->size && a->only_match == b->only_match &&
	       a->match == b->match;
}

/* The binding like `key`, or count if there is none. */
static u32 find(const struct baton_ioeventfds *all, const struct binding *key)
{
	u32 at;

	for (at = lower_bound(all, key->address); at < all->count; at++)
		if (same(&all->binding[at], key))
			return at;
	return all->count;
}

/* Takes over the reference on key->ctx if it binds it; puts the binding's if it ends that. */
static int change(struct baton_vm *vm, struct baton_ioeventfds *old, const struct binding *key,
		  bool off)
{
	u32 had = old ? old->count : 0, at = old ? find(old, key) : 0;
	struct baton_ioeventfds *all;

	if (off && (at == had || old->binding[at].ctx != key->ctx))
		return -ENOENT;
	if (!off && at < had)
		return -EEXIST;
	if (!off && had >= BATON_MAX_EVENTFDS)
		return -ENOSPC;
	all = copy_without(old, at);
	if (!all)
		return -ENOMEM;
	if (!off)
		insert(all, key);
	replace(vm, old, all);
	if (off)
		eventfd_ctx_put(key->ctx);
	return 0;
}

static bool valid(const struct baton_ioeventfd *arg)
{
	const u32 known = BATON_EVENTFD_OFF | BATON_IOEVENTFD_PIO | BATON_IOEVENTFD_MATCH;
	bool only_match = arg->flags & BATON_IOEVENTFD_MATCH;
	bool port = arg->flags & BATON_IOEVENTFD_PIO;

	if (arg->flags & ~known || arg->reserved || (arg->match && !only_match))
		return false;
	if (port ? arg->address > U16_MAX : arg->address >> baton_phys_bits())
		return false;
	if (!arg->size)
		return !only_match;
	if (arg->size == 8)
		return !port;
	return arg->size <= 4 && is_power_of_2(arg->size) &&
	       arg->match <= GENMASK(arg->size * 8 - 1, 0);
}

int baton_ioeventfd_set(struct baton_vm *vm, const struct baton_ioeventfd *arg)
{
	struct binding key = {
		.address = arg->address | (arg->flags & BATON_IOEVENTFD_PIO ? PORTS : 0),
		.size = arg->size, .match = arg->match,
		.only_match = arg->flags & BATON_IOEVENTFD_MATCH,
	};
	bool off = arg->flags & BATON_EVENTFD_OFF;
	struct baton_ioeventfds *old;
	int r;

	old = rcu_dereference_protected(vm->ioeventfds, lockdep_is_held(&vm->lock));
	if (!valid(arg))
		return -EINVAL;
	key.ctx = eventfd_ctx_fdget(arg->fd);
	if (IS_ERR(key.ctx))
		return PTR_ERR(key.ctx);
	r = change(vm, old, &key, off);
	if (r || off)
		eventfd_ctx_put(key.ctx);
	return r;
}

void baton_ioeventfd_release_all(struct baton_vm *vm)
{
	struct baton_ioeventfds *all = rcu_dereference_protected(vm->ioeventfds, true);
	u32 i;

	for (i = 0; all && i < all->count; i++)
		eventfd_ctx_put(all->binding[i].ctx);
	kfree(all);
	RCU_INIT_POINTER(vm->ioeventfds, NULL);
}
