// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfd: a signal of an eventfd becomes an interrupt message, sent from the
 * context that signals, whatever that is.
 *
 * A binding hangs in the eventfd's wait queue. Its callback runs under that
 * queue's lock with interrupts off. When the eventfd's file is closed the
 * callback takes the binding out of the queue and marks it gone; the structure
 * stays on the VM's list (under vm->lock) until the next call or the VM's end
 * frees it, so that nothing has to be freed under the queue's lock. The
 * reference on the eventfd's context keeps the queue itself alive.
 *
 * A binding with a level-triggered message can have a resampler: an eventfd that is
 * signalled at the EOI of its vector, for a device model to look at its line again.
 * Windows go through the VM's list of them under RCU.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "compat.h"
#include "eventfds.h"
#include "lapic.h"
#include "vm.h"

#define MSI_LEVEL 0x8000u	/* of a message's data */
#define RESAMPLERS_AT_ONCE 32u

struct resampler {
	struct hlist_node link;		/* R: vm->resamplers */
	struct rcu_head rcu;
	u32 data;			/* a: as in the message */
	struct eventfd_ctx *ctx;	/* I: reference held */
};

struct irqfd {
	struct list_head list;		/* vm->lock */
	struct resampler *resampler;	/* R; or NULL */
	struct baton_vm *vm;		/* immutable */
	struct eventfd_ctx *ctx;	/* immutable, reference held */
	wait_queue_entry_t wait;	/* the eventfd's queue lock */
	poll_table poll;		/* while it is being made */
	spinlock_t msi_lock;
	struct baton_msi msi;		/* msi_lock */
	bool gone;			/* a: set once, under the queue's lock */
};

static void send(struct irqfd *irqfd)
{
	struct baton_msi msi;
	unsigned long flags;

	spin_lock_irqsave(&irqfd->msi_lock, flags);
	msi = irqfd->msi;
	spin_unlock_irqrestore(&irqfd->msi_lock, flags);
	atomic64_inc(&irqfd->vm->irqfds_sent);
	baton_msi_deliver(irqfd->vm, msi.address, msi.data);
}

static int wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	struct resampler *resampler;
	__poll_t events = key_to_poll(key);
	int taken = 0;
	__u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->ctx, &count);
		send(irqfd);
		taken = 1;
	}
	if (events & EPOLLHUP) {
		/* Once more by eventfd_ctx_remove_wait_queue() is harmless. */
		list_del_init(&wait->entry);
		/* Either we see a resampler, or who adds it sees this. */
		smp_store_mb(irqfd->gone, true);
		/* Interrupts are off: RCU lets it be until we are through. */
		resampler = READ_ONCE(irqfd->resampler);
		if (resampler)
			WRITE_ONCE(resampler->data, 0);
	}
	return taken;
}

static void join_queue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	/*
	 * First in the queue, and alone: nobody else is woken for what we take. Before
	 * 6.17 the former has the latter with it.
	 */
	irqfd->wait.flags |= WQ_FLAG_EXCLUSIVE;
	add_wait_queue_priority(queue, &irqfd->wait);
}

/* --- level-triggered ones ------------------------------------------------------ */

/*
 * By the vector alone, whichever vCPU it is that ends it: as an IOAPIC, to which the EOI
 * message says no more, ends all its pins of that vector. If the interrupt that is over
 * was another's, and the device's line is still up, it sends once more, early: that is
 * one interrupt too many, as on hardware, and none too few, for each EOI resamples. A
 * look at the message's destination would be worse: the guest may have moved it since.
 */

bool baton_irqfd_eoi(struct baton_vm *vm, u8 vector)
{
	const struct resampler *resampler;
	unsigned int found = 0;

	/* There a wait queue's lock sleeps; the monitor is told, and resamples. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return false;
	rcu_read_lock();
	hlist_for_each_entry_rcu(resampler, &vm->resamplers, link) {
		u32 data = READ_ONCE(resampler->data);

		if (!(data & MSI_LEVEL) || (u8)data != vector)
			continue;
		eventfd_signal(resampler->ctx);
		/* Interrupts are off: more than lines can share a vector are the monitor's. */
		if (++found == RESAMPLERS_AT_ONCE)
			break;
	}
	rcu_read_unlock();
	return found && found < RESAMPLERS_AT_ONCE;
}

static void free_resampler(struct rcu_head *rcu)
{
	struct resampler *resampler = container_of(rcu, struct resampler, rcu);

	eventfd_ctx_put(resampler->ctx);
	kfree(resampler);
}

static void drop_resampler(struct irqfd *irqfd)
{
	/* Before RCU hears of it: wake() finds it here. */
	struct resampler *resampler = xchg(&irqfd->resampler, NULL);

	if (!resampler)
		return;
	hlist_del_rcu(&resampler->link);
	call_rcu(&resampler->rcu, free_resampler);
}

static int add_resampler(struct irqfd *irqfd, int fd)
{
	struct resampler *resampler;

	if (irqfd->resampler)
		return -EEXIST;
	if (!(irqfd->msi.data & MSI_LEVEL))
		return -EINVAL;
	resampler = kzalloc(sizeof(*resampler), GFP_KERNEL_ACCOUNT);
	if (!resampler)
		return -ENOMEM;
	resampler->data = irqfd->msi.data;
	resampler->ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(resampler->ctx)) {
		int r = PTR_ERR(resampler->ctx);

		kfree(resampler);
		return r;
	}
	smp_store_mb(irqfd->resampler, resampler);
	if (READ_ONCE(irqfd->gone))
		WRITE_ONCE(resampler->data, 0);
	hlist_add_head_rcu(&resampler->link, &irqfd->vm->resamplers);
	return 0;
}

/* --- bindings -------------------------------------------------------------------- */

static void destroy(struct irqfd *irqfd)
{
	__u64 count;

	drop_resampler(irqfd);

	list_del(&irqfd->list);
	/* Takes the queue's lock: after it no callback is running. */
	eventfd_ctx_remove_wait_queue(irqfd->ctx, &irqfd->wait, &count);
	eventfd_ctx_put(irqfd->ctx);
	kfree(irqfd);
}

/* Frees all, or what has lost its eventfd, and counts the rest. */
static u32 reap(struct baton_vm *vm, bool all)
{
	struct irqfd *irqfd, *next;
	u32 count = 0;

	list_for_each_entry_safe(irqfd, next, &vm->irqfds, list) {
		if (all || READ_ONCE(irqfd->gone))
			destroy(irqfd);
		else
			count++;
	}
	return count;
}

static struct irqfd *find(struct baton_vm *vm, const struct eventfd_ctx *ctx)
{
	struct irqfd *irqfd;

	list_for_each_entry(irqfd, &vm->irqfds, list)
		if (irqfd->ctx == ctx)
			return irqfd;
	return NULL;
}

static int create(struct baton_vm *vm, struct file *file, const struct baton_msi *msi)
{
	struct irqfd *irqfd;

	if (reap(vm, false) >= BATON_MAX_EVENTFDS)
		return -ENOSPC;
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;
	irqfd->vm = vm;
	irqfd->ctx = eventfd_ctx_fileget(file); /* fails for other files only */
	irqfd->msi = *msi;
	spin_lock_init(&irqfd->msi_lock);
	init_waitqueue_func_entry(&irqfd->wait, wake);
	init_poll_funcptr(&irqfd->poll, join_queue);
	list_add_tail(&irqfd->list, &vm->irqfds);
	/* What was signalled before we listened counts too. */
	if (vfs_poll(file, &irqfd->poll) & EPOLLIN)
		send(irqfd);
	return 0;
}

static void change(struct irqfd *irqfd, const struct baton_msi *msi)
{
	spin_lock_irq(&irqfd->msi_lock);
	irqfd->msi = *msi;
	/* Before it can be sent: its EOI may come at once. */
	if (irqfd->resampler)
		WRITE_ONCE(irqfd->resampler->data, msi->data);
	spin_unlock_irq(&irqfd->msi_lock);
}

int baton_irqfd_set(struct baton_vm *vm, const struct baton_irqfd *arg)
{
	bool off = arg->flags & BATON_EVENTFD_OFF;
	struct eventfd_ctx *ctx;
	struct irqfd *irqfd;
	struct file *file;
	int r;

	lockdep_assert_held(&vm->lock);
	if (arg->flags & ~BATON_EVENTFD_OFF || arg->msi.reserved ||
	    (!off && !baton_msi_valid(arg->msi.address, arg->msi.data)))
		return -EINVAL;
	file = fget(arg->fd);
	if (!file)
		return -EBADF;
	ctx = eventfd_ctx_fileget(file);
	r = PTR_ERR_OR_ZERO(ctx);
	if (r)
		goto out;
	irqfd = find(vm, ctx);
	if (!irqfd)
		r = off ? -ENOENT : create(vm, file, &arg->msi);
	else if (off)
		destroy(irqfd);
	else
		change(irqfd, &arg->msi);
	eventfd_ctx_put(ctx);
out:
	fput(file);
	return r;
}

int baton_irqfd_set_resample(struct baton_vm *vm, const struct baton_resamplefd *arg)
{
	bool off = arg->flags & BATON_EVENTFD_OFF;
	struct eventfd_ctx *ctx;
	struct irqfd *irqfd;
	int r = -ENOENT;

	lockdep_assert_held(&vm->lock);
	if (arg->flags & ~BATON_EVENTFD_OFF || arg->reserved)
		return -EINVAL;
	ctx = eventfd_ctx_fdget(arg->fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	irqfd = find(vm, ctx);
	if (irqfd && !off) {
		r = add_resampler(irqfd, arg->resample_fd);
	} else if (irqfd && irqfd->resampler) {
		drop_resampler(irqfd);
		r = 0;
	}
	eventfd_ctx_put(ctx);
	return r;
}

void baton_irqfd_release_all(struct baton_vm *vm)
{
	reap(vm, true);
}
