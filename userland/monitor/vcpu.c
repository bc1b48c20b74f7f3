/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread per vCPU runs the guest and deals with its exits; devices do their
 * part on this thread. Whatever ends the VM goes to machine_end_with(), once;
 * threads stop because the board then kicks them all.
 */
#include "vcpu.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpuid.h"
#include "dev/ioapic.h"
#include "emul/emul.h"
#include "emul/walk.h"
#include "hv.h"
#include "lib/errors.h"

/* Exits need little stack; what is not touched costs nothing but addresses. */
#define STACK_SIZE (128u << 10)

#define VECTOR_DB 1
#define VECTOR_UD 6
#define DR7_LOCAL 0x155u /* what a task switch ends */

struct vcpu {
	struct vcpu_config config;
	struct hv_vcpu *hv;
	struct emul *emul;
	pthread_t thread;
	bool started;
	bool met_break;		/* written by its thread; read while that waits */
	struct hv_exit_debug met;
};

/* ---- what ends the VM ---- */

static void fail(struct vcpu *vcpu, const struct btn_error *e)
{
	machine_end_with(vcpu->config.machine, MACHINE_FAILED, e);
}

static uint64_t current_rip(struct vcpu *vcpu)
{
	struct baton_regs regs;

	return hv_vcpu_get_regs(vcpu->hv, &regs) ? 0 : regs.rip;
}

static void on_shutdown(struct vcpu *vcpu)
{
	struct btn_error e;

	btn_set(&e, BTN_TRIPLE_FAULT,
		"the guest crashed with a triple fault (CPU %u, RIP 0x%" PRIx64 ")",
		vcpu->config.id, current_rip(vcpu));
	machine_end_with(vcpu->config.machine, MACHINE_TRIPLE_FAULT, &e);
}

static void on_void(struct vcpu *vcpu)
{
	struct btn_error e;

	btn_set(&e, BTN_GUEST_FETCH,
		"the guest executes where no memory is (CPU %u, RIP 0x%" PRIx64 ")",
		vcpu->config.id, current_rip(vcpu));
	fail(vcpu, &e);
}

/* RIP is where the guest was when the event came; what is there did not ask for this. */
static void on_lost_event(struct vcpu *vcpu, uint64_t gpa)
{
	struct btn_error e;

	btn_set(&e, BTN_GUEST_EVENT,
		"the guest's interrupts lead to where no memory is (CPU %u, RIP 0x%" PRIx64
		", address 0x%" PRIx64 ")", vcpu->config.id, current_rip(vcpu), gpa);
	fail(vcpu, &e);
}

static void on_unsupported(struct vcpu *vcpu)
{
	uint8_t bytes[EMUL_INSN_MAX];
	unsigned int count = emul_bytes(vcpu->emul, bytes);
	char text[3 * EMUL_INSN_MAX + 1] = "";
	struct btn_error e;

	if (!count) {
		btn_set(&e, BTN_GUEST_INSTRUCTION,
			"the guest switches tasks in a way that Baton lacks (CPU %u, "
			"RIP 0x%" PRIx64 ")", vcpu->config.id, current_rip(vcpu));
		fail(vcpu, &e);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		snprintf(text + 3 * i, 4, " %02x", bytes[i]);
	btn_set(&e, BTN_GUEST_INSTRUCTION,
		"the guest uses an instruction that Baton lacks (CPU %u, RIP 0x%" PRIx64
		", bytes%s)", vcpu->config.id, current_rip(vcpu), text);
	fail(vcpu, &e);
}

/* Does RIP lead to guest memory? */
static bool runs_in_memory(struct vcpu *vcpu)
{
	struct guest_memory *memory = vcpu->config.machine->memory;
	struct baton_regs regs;
	struct baton_sregs sregs;
	struct walk walk;
	uint64_t gpa;
	uint32_t error_code;
	uint8_t first;

	if (hv_vcpu_get_regs(vcpu->hv, &regs) || hv_vcpu_get_sregs(vcpu->hv, &sregs))
		return true;
	walk_init(&walk, memory, &sregs, regs.rflags);
	if (walk_address(&walk, sregs.seg[BATON_CS].base + regs.rip, WALK_FETCH, &gpa,
			 &error_code))
		return true;
	return !guest_memory_read(memory, gpa, &first, 1);
}

static void on_engine_failure(struct vcpu *vcpu, const struct hv_exit *exit)
{
	struct btn_error e;

	if (!runs_in_memory(vcpu)) {
		on_void(vcpu);
		return;
	}
	btn_set(&e, BTN_ENGINE_INTERNAL,
		"the engine stopped the VM (CPU %u, RIP 0x%" PRIx64 ", reason 0x%" PRIx64
		" 0x%" PRIx64 " 0x%" PRIx64 " 0x%" PRIx64 ")",
		vcpu->config.id, current_rip(vcpu), exit->fail.reason, exit->fail.info[0],
		exit->fail.info[1], exit->fail.info[2]);
	btn_set_cause(&e, "Engine %s says: %s.",
		      hv_get_info(vcpu->config.machine->hv)->name, exit->fail.what);
	fail(vcpu, &e);
}

static void on_memory(struct vcpu *vcpu, const struct hv_exit *exit)
{
	struct btn_error e;

	btn_set_default(&e, BTN_GUEST_MEMORY_LOST);
	if (exit->memory.error)
		btn_set_cause(&e, "The host could not provide the page at 0x%" PRIx64 ": %s.",
			      exit->memory.gpa, strerror(-exit->memory.error));
	fail(vcpu, &e);
}

static void on_run_error(struct vcpu *vcpu, int error)
{
	struct btn_error e;

	btn_set(&e, BTN_VCPU_RUN_FAILED, "CPU %u of the VM cannot go on", vcpu->config.id);
	btn_set_cause(&e, "Engine %s returned: %s.",
		      hv_get_info(vcpu->config.machine->hv)->name, strerror(-error));
	fail(vcpu, &e);
}

/* ---- exits ---- */

static void on_pio(struct vcpu *vcpu, const struct hv_exit *exit)
{
	struct bus *bus = vcpu->config.machine->pio;

	if (exit->pio.in)
		*exit->pio.data = (uint32_t)bus_read(bus, exit->pio.port, exit->pio.size);
	else
		bus_write(bus, exit->pio.port, exit->pio.size, *exit->pio.data);
}

static void on_mmio(struct vcpu *vcpu, const struct hv_exit *exit)
{
	struct bus *bus = vcpu->config.machine->mmio;
	unsigned int size = exit->mmio.size, at, step;
	uint64_t value = 0;

	/* KVM cuts accesses where a page ends: 3, 5, 6 and 7 bytes are none of the bus's. */
	step = size & (size - 1) ? 1 : size;
	for (at = 0; at < size; at += step) {
		if (exit->mmio.write)
			bus_write(bus, exit->mmio.gpa + at, step, *exit->mmio.data >> 8 * at);
		else
			value |= bus_read(bus, exit->mmio.gpa + at, step) << 8 * at;
	}
	if (!exit->mmio.write)
		*exit->mmio.data = value;
}

static void on_inta(struct vcpu *vcpu, const struct hv_exit *exit)
{
	if (vcpu->config.inta)
		*exit->inta.vector = vcpu->config.inta(vcpu->config.inta_ctx);
}

static void on_debug(struct vcpu *vcpu, const struct hv_exit *exit)
{
	vcpu->met = exit->debug;
	vcpu->met_break = true;
	machine_break(vcpu->config.machine, vcpu->config.id);
}

/* What a #DB handler looks for. */
static int note_cause(struct vcpu *vcpu, uint32_t dr6)
{
	struct baton_debugregs regs;
	int error = hv_vcpu_get_debugregs(vcpu->hv, &regs);

	if (error)
		return error;
	regs.dr6 |= dr6;
	return hv_vcpu_set_debugregs(vcpu->hv, &regs);
}

static void inject(struct vcpu *vcpu, const struct emul_fault *fault)
{
	struct baton_events events;
	int error = hv_vcpu_get_events(vcpu->hv, &events);

	if (!error && fault->vector == VECTOR_DB)
		error = note_cause(vcpu, fault->dr6);
	if (!error) {
		events.flags |= BATON_EV_EXCEPTION |
				(fault->has_error_code ? BATON_EV_ERROR_CODE : 0);
		events.exception = fault->vector;
		events.error_code = fault->error_code;
		error = hv_vcpu_set_events(vcpu->hv, &events);
	}
	if (error)
		on_run_error(vcpu, error);
}

/* Execution from where no memory is. A program's mistake must not end its VM. */
static void on_fetch(struct vcpu *vcpu)
{
	const struct baton_segment *ss = &hv_vcpu_sregs(vcpu->hv)->seg[BATON_SS];
	const struct emul_fault fault = { .vector = VECTOR_UD };
	int error = hv_vcpu_need_sregs(vcpu->hv);

	if (error)
		on_run_error(vcpu, error);
	else if ((ss->attr & BATON_SEG_DPL) == BATON_SEG_DPL)
		inject(vcpu, &fault);
	else
		on_void(vcpu);
}

static void on_emulate(struct vcpu *vcpu, const struct hv_exit *exit)
{
	uint32_t access = exit->emulate->access;
	struct emul_fault fault;

	if (access & BATON_ACCESS_EVENT) {
		on_lost_event(vcpu, exit->emulate->gpa);
		return;
	}
	if (access & BATON_ACCESS_FETCH && !(access & BATON_ACCESS_WALK)) {
		on_fetch(vcpu);
		return;
	}
	switch (emul_run(vcpu->emul, hv_vcpu_regs(vcpu->hv), hv_vcpu_sregs(vcpu->hv),
			 exit->emulate, &fault)) {
	case EMUL_DONE:
		hv_vcpu_commit(vcpu->hv, BATON_CLASS_REGS);
		break;
	case EMUL_DONE_SREGS:
		hv_vcpu_commit(vcpu->hv, BATON_CLASS_REGS | BATON_CLASS_SREGS);
		break;
	case EMUL_FAULT:
		hv_vcpu_commit(vcpu->hv, BATON_CLASS_REGS | BATON_CLASS_SREGS);
		inject(vcpu, &fault);
		break;
	case EMUL_UNSUPPORTED:
		on_unsupported(vcpu);
		break;
	case EMUL_NO_CODE:
		on_void(vcpu);
		break;
	case EMUL_SHUTDOWN: /* only task switches end like that */
		break;
	}
}

/* An instruction is over, or an event has begun, which only the latter may have in its way. */
static int task_events(struct vcpu *vcpu, const struct baton_exit_task *task)
{
	struct baton_events events;
	int error = hv_vcpu_get_events(vcpu->hv, &events);
	uint32_t before;

	if (error)
		return error;
	before = events.flags;
	events.flags &= ~(BATON_EV_STI_SHADOW | BATON_EV_MOVSS_SHADOW);
	if (task->source == BATON_TASK_IRET)
		events.flags &= ~BATON_EV_NMI_BLOCKED;
	if (task->source == BATON_TASK_GATE && (task->event & BATON_TASK_TYPE) == BATON_TASK_NMI)
		events.flags |= BATON_EV_NMI_BLOCKED;
	return events.flags == before ? 0 : hv_vcpu_set_events(vcpu->hv, &events);
}

static int end_local_breakpoints(struct vcpu *vcpu)
{
	struct baton_debugregs regs;
	int error = hv_vcpu_get_debugregs(vcpu->hv, &regs);

	if (error || !(regs.dr7 & DR7_LOCAL))
		return error;
	regs.dr7 &= ~(uint64_t)DR7_LOCAL;
	return hv_vcpu_set_debugregs(vcpu->hv, &regs);
}

static void on_task_switch(struct vcpu *vcpu, const struct baton_exit_task *task)
{
	struct emul_fault fault;
	enum emul_result result;
	bool switched;
	int error;

	result = emul_task_switch(vcpu->emul, hv_vcpu_regs(vcpu->hv), hv_vcpu_sregs(vcpu->hv),
				  task, &fault, &switched);
	if (result == EMUL_SHUTDOWN) {
		on_shutdown(vcpu);
		return;
	}
	if (result != EMUL_DONE_SREGS && result != EMUL_FAULT) {
		on_unsupported(vcpu);
		return;
	}
	hv_vcpu_commit(vcpu->hv, BATON_CLASS_REGS | BATON_CLASS_SREGS);
	error = task_events(vcpu, task);
	if (!error && switched)
		error = end_local_breakpoints(vcpu);
	if (error)
		on_run_error(vcpu, error);
	else if (result == EMUL_FAULT)
		inject(vcpu, &fault);
}

static void dispatch(struct vcpu *vcpu, const struct hv_exit *exit)
{
	switch (exit->kind) {
	case HV_EXIT_NONE:
		break;
	case HV_EXIT_PIO:
		on_pio(vcpu, exit);
		break;
	case HV_EXIT_MMIO:
		on_mmio(vcpu, exit);
		break;
	case HV_EXIT_EMULATE:
		on_emulate(vcpu, exit);
		break;
	case HV_EXIT_TASK_SWITCH:
		on_task_switch(vcpu, exit->task);
		break;
	case HV_EXIT_EOI:
		ioapic_eoi(vcpu->config.ioapic, exit->eoi.vector);
		break;
	case HV_EXIT_SHUTDOWN:
		on_shutdown(vcpu);
		break;
	case HV_EXIT_FAILED:
		on_engine_failure(vcpu, exit);
		break;
	case HV_EXIT_MEMORY:
		on_memory(vcpu, exit);
		break;
	case HV_EXIT_INTA:
		on_inta(vcpu, exit);
		break;
	case HV_EXIT_DEBUG:
		on_debug(vcpu, exit);
		break;
	}
}

static void run_once(struct vcpu *vcpu, struct hv_exit *exit)
{
	int error = hv_vcpu_run(vcpu->hv, exit);

	if (error)
		on_run_error(vcpu, error);
	else
		dispatch(vcpu, exit);
}

/*
 * Before each run. One that is to wait has the engine take over first what was answered
 * or changed, so that its state is whole. False: the machine has ended.
 */
static bool may_run(struct vcpu *vcpu, struct hv_exit *exit)
{
	struct machine *machine = vcpu->config.machine;

	if (!machine_wants(machine))
		return true;
	while (exit->kind != HV_EXIT_NONE && exit->kind != HV_EXIT_DEBUG &&
	       machine_how_ended(machine) == MACHINE_RUNNING) {
		hv_vcpu_kick(vcpu->hv);
		run_once(vcpu, exit);
	}
	return machine_stop_here(machine, vcpu->config.id);
}

static void *vcpu_thread(void *arg)
{
	struct hv_exit exit = { .kind = HV_EXIT_NONE };
	struct vcpu *vcpu = arg;

	machine_enter_vcpu(vcpu->config.machine);
	while (may_run(vcpu, &exit))
		run_once(vcpu, &exit);
	machine_leave_vcpu(vcpu->config.machine);
	return NULL;
}

/* ---- create, start, stop, destroy ---- */

static int set_cpuid(struct vcpu *vcpu)
{
	uint32_t count = BATON_MAX_CPUID;
	struct baton_cpuid_entry *entries = calloc(count, sizeof(*entries));
	int error;

	if (!entries)
		return -ENOMEM;
	error = hv_supported_cpuid(vcpu->config.machine->hv, entries, &count);
	if (!error) {
		cpuid_shape(entries, count, vcpu->config.id, vcpu->config.count);
		error = hv_vcpu_set_cpuid(vcpu->hv, entries, count);
	}
	free(entries);
	return error;
}

static int get_xsave(void *arg, struct baton_xsave *image)
{
	struct vcpu *vcpu = arg;

	return hv_vcpu_get_xsave(vcpu->hv, image);
}

static int set_xsave(void *arg, const struct baton_xsave *image)
{
	struct vcpu *vcpu = arg;

	return hv_vcpu_set_xsave(vcpu->hv, image);
}

static int need_sregs(void *arg)
{
	struct vcpu *vcpu = arg;

	return hv_vcpu_need_sregs(vcpu->hv);
}

static int apic_access(void *arg, uint32_t offset, bool write, uint32_t *value)
{
	struct vcpu *vcpu = arg;

	return hv_vcpu_apic_access(vcpu->hv, offset, write, value);
}

int vcpu_create(const struct vcpu_config *config, struct vcpu **ret_vcpu)
{
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));
	struct emul_config emul = {
		.memory = config->machine->memory,
		.pio = config->machine->pio,
		.mmio = config->machine->mmio,
		.phys_bits = hv_get_info(config->machine->hv)->phys_bits,
		.get_xsave = get_xsave,
		.set_xsave = set_xsave,
		.need_sregs = need_sregs,
		.apic_access = apic_access,
		.vcpu = vcpu,
	};
	int error;

	if (!vcpu)
		return -ENOMEM;
	vcpu->config = *config;
	vcpu->emul = emul_create(&emul);
	error = vcpu->emul ? hv_vcpu_create(config->machine->vm, config->id, &vcpu->hv) : -ENOMEM;
	if (!error)
		error = set_cpuid(vcpu);
	if (error) {
		vcpu_destroy(vcpu);
		return error;
	}
	*ret_vcpu = vcpu;
	return 0;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (!vcpu)
		return;
	hv_vcpu_destroy(vcpu->hv);
	emul_destroy(vcpu->emul);
	free(vcpu);
}

struct hv_vcpu *vcpu_hv(struct vcpu *vcpu)
{
	return vcpu->hv;
}

int vcpu_start(struct vcpu *vcpu)
{
	pthread_attr_t attr;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	error = pthread_create(&vcpu->thread, &attr, vcpu_thread, vcpu);
	pthread_attr_destroy(&attr);
	vcpu->started = !error;
	return -error;
}

bool vcpu_take_break(struct vcpu *vcpu, struct hv_exit_debug *ret_debug)
{
	bool met = vcpu->met_break;

	*ret_debug = vcpu->met;
	vcpu->met_break = false;
	return met;
}

void vcpu_kick(struct vcpu *vcpu)
{
	hv_vcpu_kick(vcpu->hv);
}

uint64_t vcpu_time(struct vcpu *vcpu)
{
	struct timespec time;
	clockid_t clock;

	if (!vcpu->started || pthread_getcpuclockid(vcpu->thread, &clock) ||
	    clock_gettime(clock, &time))
		return 0;
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void vcpu_stop(struct vcpu *vcpu)
{
	if (!vcpu || !vcpu->started)
		return;
	hv_vcpu_kick(vcpu->hv);
	pthread_join(vcpu->thread, NULL);
	vcpu->started = false;
}
