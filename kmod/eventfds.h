/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eventfds of a VM: irqfd.c turns a signal into a message-signalled interrupt,
 * ioeventfd.c a guest's write to a device into a signal; neither wakes the monitor.
 */
#ifndef BATON_EVENTFDS_H
#define BATON_EVENTFDS_H

#include "baton_ioctl.h"

struct baton_vm;

/*
 * BATON_SET_IRQFD and BATON_SET_IOEVENTFD; vm->lock held, may sleep. Errors:
 * see ABI.md.
 */
int baton_irqfd_set(struct baton_vm *vm, const struct baton_irqfd *arg);
int baton_ioeventfd_set(struct baton_vm *vm, const struct baton_ioeventfd *arg);

/* BATON_SET_RESAMPLEFD; as these. */
int baton_irqfd_set_resample(struct baton_vm *vm, const struct baton_resamplefd *arg);

/* EOI of a level-triggered vector. Any context. True: whom it concerns knows of it. */
bool baton_irqfd_eoi(struct baton_vm *vm, u8 vector);

/* The VM goes: nobody else uses it. Process context. */
void baton_irqfd_release_all(struct baton_vm *vm);
void baton_ioeventfd_release_all(struct baton_vm *vm);

/*
 * In a window: a write of `size` bytes to a port, or to memory. True: it was one for an
 * eventfd. at: may a write to gpa be one?
 */
bool baton_ioeventfd_port(struct baton_vm *vm, u16 port, u8 size, u32 data);
bool baton_ioeventfd_write(struct baton_vm *vm, u64 gpa, u8 size, u64 data);
bool baton_ioeventfd_at(struct baton_vm *vm, u64 gpa);

#endif
