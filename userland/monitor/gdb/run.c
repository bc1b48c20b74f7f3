/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going on and standing still. All vCPUs stop whenever gdb is told something, so it looks
 * at a machine that does not change. What the guest itself earned (an INT3 of its own, a
 * step that it makes itself) goes back to it, and gdb never hears of it.
 */
#include <stdio.h>
#include <unistd.h>

#include "gdb/gdb_private.h"

#define VECTOR_DB	1
#define VECTOR_BP	3
#define DR6_STEP	(1u << 14)
#define SIGNAL_TRAP	5

void gdb_send_stop(struct gdb *gdb, unsigned int signal, const char *reason)
{
	char text[96];
	int length = snprintf(text, sizeof(text), "T%02x%sthread:%x;", signal, reason,
			      gdb->current + 1);

	gdb_send(gdb, text, (size_t)length);
}

/* ---- going on ---- */

/* A vCPU that cannot be told so goes on without breakpoints. */
static void tell_vcpus(struct gdb *gdb)
{
	for (unsigned int i = 0; i < gdb->target->cpus; i++) {
		struct hv_debug debug = { .step = false };

		gdb_break_fill(gdb, &debug);
		if (gdb->step[i].on)
			gdb_step_before(gdb, i, &debug);
		hv_vcpu_set_debug(gdb_vcpu(gdb, i), &debug);
	}
}

/* ---- watchpoints of several vCPUs at once ---- */

/* A watchpoint before a breakpoint, which is met again: RIP is on it. */
static const struct gdb_hard *find_met(const struct gdb *gdb, const struct hv_exit_debug *met)
{
	const struct gdb_hard *found = NULL;

	for (unsigned int i = 0; met->exception == VECTOR_DB && i < GDB_HARD_MAX; i++)
		if (met->dr6 >> i & 1 && gdb->hard[i].used && (!found || !found->kind))
			found = &gdb->hard[i];
	return found;
}

static void name_hard(const struct gdb *gdb, const struct gdb_hard *hard, char *reason,
		      size_t size)
{
	if (!hard->kind)
		snprintf(reason, size, "%s", gdb->hwbreak ? "hwbreak:;" : "");
	else
		snprintf(reason, size, "%swatch:%llx;",
			 hard->kind == 1 ? "" : hard->read ? "r" : "a",
			 (unsigned long long)hard->gva);
}

static bool is_set(const struct gdb *gdb, const struct gdb_hard *hard)
{
	for (unsigned int i = 0; i < GDB_HARD_MAX; i++)
		if (gdb->hard[i].used && gdb->hard[i].kind == hard->kind &&
		    gdb->hard[i].gva == hard->gva)
			return true;
	return false;
}

/*
 * gdb is told of one at a time. The access that met a watchpoint is over, so it is not met
 * again: the vCPU is to go on now, and has stopped for that.
 */
static bool tell_of_next(struct gdb *gdb, uint64_t cpus)
{
	char reason[64];

	for (unsigned int i = 0; i < gdb->target->cpus; i++) {
		struct gdb_hard met = gdb->untold[i];

		if (!(cpus >> i & 1) || !met.used)
			continue;
		gdb->untold[i].used = false;
		if (!is_set(gdb, &met))
			continue;
		gdb->current = gdb->go = i;
		name_hard(gdb, &met, reason, sizeof(reason));
		gdb_send_stop(gdb, SIGNAL_TRAP, reason);
		return true;
	}
	return false;
}

void gdb_resume(struct gdb *gdb, uint64_t run, uint64_t step)
{
	if (tell_of_next(gdb, run | step))
		return;
	for (unsigned int i = 0; i < GDB_CPUS_MAX; i++)
		gdb->step[i] = (struct gdb_step){ .on = step >> i & 1 };
	gdb->running = run | step;
	tell_vcpus(gdb);
	gdb->held = false;
	gdb->target->run(gdb->target->ctx, gdb->running);
}

/* ---- what was met ---- */

/* To the guest, as if there were no debugger. */
static void give_back(struct gdb *gdb, unsigned int cpu, const struct hv_exit_debug *met)
{
	struct hv_vcpu *vcpu = gdb_vcpu(gdb, cpu);
	struct baton_debugregs dr;
	struct baton_events events;
	struct baton_regs regs;

	if (hv_vcpu_get_events(vcpu, &events) || hv_vcpu_get_regs(vcpu, &regs))
		return;
	if (met->exception == VECTOR_BP) {
		regs.rip++;
		hv_vcpu_set_regs(vcpu, &regs);
	} else if (!hv_vcpu_get_debugregs(vcpu, &dr)) {
		dr.dr6 = (dr.dr6 & ~0xfull) | met->dr6;
		hv_vcpu_set_debugregs(vcpu, &dr);
	}
	events.flags |= BATON_EV_EXCEPTION;
	events.exception = (uint8_t)met->exception;
	hv_vcpu_set_events(vcpu, &events);
}

static bool is_ours_in_software(struct gdb *gdb, unsigned int cpu)
{
	struct baton_sregs sregs;
	struct baton_regs regs;

	return !hv_vcpu_get_regs(gdb_vcpu(gdb, cpu), &regs) &&
	       !hv_vcpu_get_sregs(gdb_vcpu(gdb, cpu), &sregs) &&
	       gdb_break_soft_at(gdb, cpu, sregs.seg[BATON_CS].base + regs.rip);
}

/* True: gdb asked for it, and reason says (for the packet) what it was. */
static bool judge(struct gdb *gdb, unsigned int cpu, const struct hv_exit_debug *met,
		  char *reason, size_t size)
{
	const struct gdb_hard *hard = find_met(gdb, met);
	const struct gdb_step *step = &gdb->step[cpu];

	*reason = 0;
	if (met->exception == VECTOR_BP) {
		snprintf(reason, size, "%s", gdb->swbreak ? "swbreak:;" : "");
		return is_ours_in_software(gdb, cpu);
	}
	if (step->on && met->dr6 & DR6_STEP)
		gdb_step_after(gdb, cpu);
	if (hard) {
		name_hard(gdb, hard, reason, size);
		return true;
	}
	return step->on && met->dr6 & (step->how == GDB_STEP_TO ? 0xf : DR6_STEP);
}

/* All stand still. True: there is something to tell gdb. */
static bool collect(struct gdb *gdb, char *reason, size_t size)
{
	bool found = false;

	for (unsigned int i = 0; i < gdb->target->cpus; i++) {
		struct hv_exit_debug met;
		char text[64];

		if (!gdb->target->take_break(gdb->target->ctx, i, &met))
			continue;
		if (!judge(gdb, i, &met, text, sizeof(text))) {
			give_back(gdb, i, &met);
		} else if (!found) {
			found = true;
			gdb->current = gdb->go = i;
			snprintf(reason, size, "%s", text);
		} else if (find_met(gdb, &met) && find_met(gdb, &met)->kind) {
			gdb->untold[i] = *find_met(gdb, &met);
		} /* else it is met again: RIP is on it */
	}
	return found;
}

/* What was met meanwhile and is ours must not get to the guest when it is not any more. */
void gdb_let_go(struct gdb *gdb)
{
	char reason[64];

	if (!gdb->target)
		return;
	gdb->target->hold(gdb->target->ctx);
	collect(gdb, reason, sizeof(reason));
	gdb_break_remove_all(gdb);
	gdb_resume(gdb, UINT64_MAX, 0);
}

void gdb_stop(struct gdb *gdb, unsigned int signal)
{
	char reason[64] = "";

	gdb->target->hold(gdb->target->ctx);
	gdb->held = true;
	if (collect(gdb, reason, sizeof(reason)))
		signal = SIGNAL_TRAP;
	gdb_send_stop(gdb, signal, reason);
}

void gdb_on_break(struct gdb *gdb)
{
	char reason[64];
	uint64_t step = 0;

	gdb->target->hold(gdb->target->ctx);
	gdb->held = true;
	if (collect(gdb, reason, sizeof(reason))) {
		gdb_send_stop(gdb, SIGNAL_TRAP, reason);
		return;
	}
	for (unsigned int i = 0; i < GDB_CPUS_MAX; i++)
		step |= (uint64_t)gdb->step[i].on << i;
	gdb_resume(gdb, gdb->running, step);
}
