/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gdb server on a machine of two vCPUs that are nothing but their state: an engine
 * that keeps what it is told. What the server sends is read from the other end of a
 * socket pair. 4-level page tables map the first 2 MiB at HIGH, too.
 */
#ifndef BATON_TESTS_GDB_RIG_H
#define BATON_TESTS_GDB_RIG_H

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/memory.h"
#include "gdb/gdb_private.h"
#include "hv_private.h"
#include "lib/check.h"
#include "loop.h"

#define RIG_CPUS	2u
#define RIG_MEMORY	(2u << 20)
#define RIG_TABLES	0x100000u
#define RIG_HIGH	0xffffffff80000000ull

struct rig_vcpu {
	struct hv_vcpu base;
	struct baton_regs regs;
	struct baton_sregs sregs;
	struct baton_debugregs dr;
	struct baton_events events;
	struct baton_xsave xsave;
	struct hv_debug debug;		/* as it was set last */
	bool met;
	struct hv_exit_debug what;
};

struct rig {
	struct hv hv;
	struct hv_vm vm;
	struct rig_vcpu vcpu[RIG_CPUS];
	struct guest_memory *memory;
	struct gdb_target target;
	struct gdb *gdb;
	struct loop *loop;
	int peer;
	uint64_t running;
	unsigned int ends, resets;
};

static inline int rig_state(struct hv_vcpu *base, enum hv_state what, bool set, void *state)
{
	struct rig_vcpu *v = (struct rig_vcpu *)base;
	const struct { void *at; size_t size; } part[HV_STATE_COUNT] = {
		[HV_STATE_REGS] = { &v->regs, sizeof(v->regs) },
		[HV_STATE_SREGS] = { &v->sregs, sizeof(v->sregs) },
		[HV_STATE_DEBUGREGS] = { &v->dr, sizeof(v->dr) },
		[HV_STATE_EVENTS] = { &v->events, sizeof(v->events) },
		[HV_STATE_XSAVE] = { &v->xsave, sizeof(v->xsave) },
	};

	if (!part[what].at)
		return -22;
	/* As KVM does: the TF of one that makes steps is the engine's. */
	if (set && what == HV_STATE_REGS && v->debug.step)
		((struct baton_regs *)state)->rflags &= ~0x100ull;
	if (set)
		memcpy(part[what].at, state, part[what].size);
	else
		memcpy(state, part[what].at, part[what].size);
	return 0;
}

static inline int rig_set_debug(struct hv_vcpu *base, const struct hv_debug *debug)
{
	((struct rig_vcpu *)base)->debug = *debug;
	return 0;
}

static inline int rig_msrs(struct hv_vcpu *base, bool set, struct baton_msr *msrs, uint32_t count)
{
	(void)base, (void)set, (void)msrs, (void)count;
	return -22;
}

static const struct hv_ops rig_ops = {
	.state = rig_state, .set_debug = rig_set_debug, .msrs = rig_msrs,
};

static inline struct hv_vcpu *rig_get_vcpu(void *ctx, unsigned int i)
{
	return &((struct rig *)ctx)->vcpu[i].base;
}

static inline bool rig_take_break(void *ctx, unsigned int i, struct hv_exit_debug *ret_met)
{
	struct rig_vcpu *v = &((struct rig *)ctx)->vcpu[i];
	bool met = v->met;

	*ret_met = v->what;
	v->met = false;
	return met;
}

static inline void rig_hold(void *ctx)
{
	((struct rig *)ctx)->running = 0;
}

static inline void rig_run(void *ctx, uint64_t vcpus)
{
	((struct rig *)ctx)->running = vcpus & ((1u << RIG_CPUS) - 1);
}

static inline void rig_end(void *ctx, bool reset)
{
	struct rig *r = ctx;

	r->ends++;
	r->resets += reset;
}

/* PML4 entries 0 and 511 and the third level's 0 and 510 lead to one page of 2 MiB. */
static inline void rig_map(struct rig *r)
{
	const uint64_t pdpt = (RIG_TABLES + 0x1000) | 3, pd = (RIG_TABLES + 0x2000) | 3;
	const uint64_t page = 0x83;

	guest_memory_write(r->memory, RIG_TABLES, &pdpt, 8);
	guest_memory_write(r->memory, RIG_TABLES + 511 * 8, &pdpt, 8);
	guest_memory_write(r->memory, RIG_TABLES + 0x1000, &pd, 8);
	guest_memory_write(r->memory, RIG_TABLES + 0x1000 + 510 * 8, &pd, 8);
	guest_memory_write(r->memory, RIG_TABLES + 0x2000, &page, 8);
}

static inline void rig_vcpu_start(struct rig *r, unsigned int i)
{
	struct rig_vcpu *v = &r->vcpu[i];

	v->base = (struct hv_vcpu){ .ops = &rig_ops, .vm = &r->vm, .fd = -1, .id = i };
	v->sregs.cr0 = 0x80000001;
	v->sregs.cr3 = RIG_TABLES;
	v->sregs.cr4 = 0x20;
	v->sregs.efer = 0x500;
	v->sregs.seg[BATON_CS].attr = BATON_SEG_L;
	v->regs.rip = RIG_HIGH + 0x1000;
	v->regs.gpr[BATON_RSP] = RIG_HIGH + 0x8000;
	v->regs.rflags = 2;
}

static inline void rig_start(struct rig *r)
{
	int pair[2];

	memset(r, 0, sizeof(*r));
	r->hv.info.guest_debug = true;
	r->vm.hv = &r->hv;
	if (guest_memory_create(NULL, RIG_MEMORY, &r->memory) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		abort();
	rig_map(r);
	for (unsigned int i = 0; i < RIG_CPUS; i++)
		rig_vcpu_start(r, i);
	r->target = (struct gdb_target){
		.ctx = r, .cpus = RIG_CPUS, .memory = r->memory, .vcpu = rig_get_vcpu,
		.take_break = rig_take_break, .hold = rig_hold, .run = rig_run, .end = rig_end,
	};
	r->loop = loop_create();
	r->gdb = calloc(1, sizeof(*r->gdb));
	r->gdb->config.loop = r->loop;
	r->gdb->listener = r->gdb->event_fd = -1;
	r->gdb->client = pair[0];
	r->gdb->target = &r->target;
	r->gdb->held = true;
	r->peer = pair[1];
}

static inline void rig_end_all(struct rig *r)
{
	gdb_destroy(r->gdb);
	close(r->peer);
	loop_destroy(r->loop);
	guest_memory_destroy(r->memory);
}

/* As it comes from the peer. */
static inline void rig_receive(struct rig *r, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	for (; count; count--, at++) {
		r->gdb->unread[0] = *at;
		r->gdb->unread_at = 0;
		r->gdb->unread_end = 1;
		gdb_decode_unread(r->gdb);
	}
}

/* What it has sent since; text ends with a 0. */
static inline size_t rig_sent(struct rig *r, char *text, size_t size)
{
	ssize_t got = recv(r->peer, text, size - 1, MSG_DONTWAIT);

	text[got > 0 ? got : 0] = 0;
	return got > 0 ? (size_t)got : 0;
}

#endif
