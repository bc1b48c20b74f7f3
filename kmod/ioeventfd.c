// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfd: a guest's write to a port signals an eventfd and the guest goes on,
 * without leaving the window.
 *
 * Ports only: a port exit tells width and value, a memory write would have to be
 * decoded for them, and decoding is the monitor's (decision 2 of the design).
 *
 * The bindings are an array sorted by port, never changed, only replaced under
 * vm->lock; readers are in a window and so in an RCU read section. What a
 * replacement leaves out is put when the readers are gone.
 */
#include <linux/eventfd.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat.h"
#include "eventfds.h"
#include "vm.h"

struct binding {
	u16 port;
	u8 size;		/* 0: any */
	bool only_match;
	u32 match;
	struct eventfd_ctx *ctx;
};

struct baton_ioeventfds {
	struct rcu_head rcu;
	struct eventfd_ctx *dropped;	/* to be put with this array, or NULL */
	u32 count;
	struct binding binding[];
};

/* --- the guest's side ------------------------------------------------------ */

/* Index of the first binding whose port is not below `port`. */
static u32 lower_bound(const struct baton_ioeventfds *all, u16 port)
{
	u32 low = 0, high = all->count;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (all->binding[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool fits(const struct binding *binding, u8 size, u32 data)
{
	if (binding->size && binding->size != size)
		return false;
	return !binding->only_match || binding->match == data;
}

static bool signal(const struct baton_ioeventfds *all, u16 port, u8 size, u32 data)
{
	u32 at;

	for (at = lower_bound(all, port); at < all->count && all->binding[at].port == port; at++) {
		if (fits(&all->binding[at], size, data)) {
			baton_eventfd_signal(all->binding[at].ctx);
			return true;
		}
	}
	return false;
}

bool baton_ioeventfd_signal(struct baton_vm *vm, u16 port, u8 size, u32 data)
{
	/* Interrupts are off in a window: that is a read section of its own. */
	const struct baton_ioeventfds *all = rcu_dereference_sched(vm->ioeventfds);

	/* There a wait queue's lock sleeps; the monitor then does the device's part. */
	if (!all || IS_ENABLED(CONFIG_PREEMPT_RT))
		return false;
	if (size < 4)
		data &= (1u << size * 8) - 1;
	return signal(all, port, size, data);
}

/* --- the monitor's side ----------------------------------------------------- */

static void free_old(struct rcu_head *rcu)
{
	struct baton_ioeventfds *old = container_of(rcu, struct baton_ioeventfds, rcu);

	if (old->dropped)
		eventfd_ctx_put(old->dropped);
	kfree(old);
}

/* A copy of `old` (or NULL) with `skip` bindings left out and `extra` free, at `at`. */
static struct baton_ioeventfds *copy(const struct baton_ioeventfds *old, u32 at, u32 skip,
				     u32 extra)
{
	u32 had = old ? old->count : 0, count = had - skip + extra;
	struct baton_ioeventfds *all;

	all = kzalloc(struct_size(all, binding, count), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!all)
		return NULL;
	all->count = count;
	if (old) {
		memcpy(all->binding, old->binding, at * sizeof(*old->binding));
		memcpy(&all->binding[at + extra], &old->binding[at + skip],
		       (had - at - skip) * sizeof(*old->binding));
	}
	return all;
}

static void replace(struct baton_vm *vm, struct baton_ioeventfds *old,
		    struct baton_ioeventfds *all)
{
	rcu_assign_pointer(vm->ioeventfds, all);
	if (old)
		call_rcu(&old->rcu, free_old);
}

static bool same(const struct binding *a, const struct binding *b)
{
	return a->port == b->port && a->size == b->size && a->only_match == b->only_match &&
	       a->match == b->match;
}

/* The binding like `key`, or count if there is none. */
static u32 find(const struct baton_ioeventfds *all, const struct binding *key)
{
	u32 at;

	for (at = lower_bound(all, key->port); at < all->count; at++)
		if (same(&all->binding[at], key))
			return at;
	return all->count;
}

/* Takes over the reference on key->ctx if it succeeds. */
static int add(struct baton_vm *vm, struct baton_ioeventfds *old, const struct binding *key)
{
	struct baton_ioeventfds *all;
	u32 at = 0;

	if (old) {
		if (find(old, key) < old->count)
			return -EEXIST;
		if (old->count >= BATON_MAX_EVENTFDS)
			return -ENOSPC;
		at = lower_bound(old, key->port);
	}
	all = copy(old, at, 0, 1);
	if (!all)
		return -ENOMEM;
	all->binding[at] = *key;
	replace(vm, old, all);
	return 0;
}

static int take_away(struct baton_vm *vm, struct baton_ioeventfds *old,
		     const struct binding *key)
{
	struct baton_ioeventfds *all;
	u32 at = old ? find(old, key) : 0;

	if (!old || at == old->count || old->binding[at].ctx != key->ctx)
		return -ENOENT;
	all = copy(old, at, 1, 0);
	if (!all)
		return -ENOMEM;
	old->dropped = old->binding[at].ctx;
	replace(vm, old, all);
	return 0;
}

static bool valid(const struct baton_ioeventfd *arg)
{
	const u32 known = BATON_EVENTFD_OFF | BATON_IOEVENTFD_PIO | BATON_IOEVENTFD_MATCH;
	bool only_match = arg->flags & BATON_IOEVENTFD_MATCH;

	if (arg->flags & ~known || arg->reserved || !(arg->flags & BATON_IOEVENTFD_PIO))
		return false;
	if (arg->address > U16_MAX || (arg->match && !only_match))
		return false;
	switch (arg->size) {
	case 0:
		return !only_match;
	case 1:
	case 2:
	case 4:
		return arg->match <= GENMASK(arg->size * 8 - 1, 0);
	default:
		return false;
	}
}

int baton_ioeventfd_set(struct baton_vm *vm, const struct baton_ioeventfd *arg)
{
	struct binding key = {
		.port = arg->address, .size = arg->size, .match = arg->match,
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
	r = off ? take_away(vm, old, &key) : add(vm, old, &key);
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

void baton_eventfds_exit(void)
{
	rcu_barrier(); /* free_old() is the module's code */
}
