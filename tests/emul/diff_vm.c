// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VM of baton-emul-test. The operands' place moves by segment bases, and in
 * 64-bit mode by another set of page tables. Behind each instruction is an OUT,
 * which ends the run and changes nothing. Engine kvm does accesses to devices
 * by itself: there the emulator gets the registers as they would be at an exit.
 */
#include "diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/bus.h"
#include "core/memory.h"

#define PORT_END	0x10
#define EXITS_MAX	100	/* of one instruction */

#define CPUID_1_ECX_MOVBE (1u << 22)

#define XSAVE_MXCSR	24
#define XSAVE_XMM0	160
#define XSAVE_XSTATE_BV	512

/* ---- the device ---- */

static uint64_t device_read(void *dev, uint64_t offset, unsigned int size)
{
	struct diff_vm *vm = dev;
	uint64_t value = 0;

	memcpy(&value, vm->device + offset, size);
	return value;
}

static void device_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct diff_vm *vm = dev;

	memcpy(vm->device + offset, &value, size);
}

static const struct bus_ops device_ops = { device_read, device_write };

/* ---- vector registers ---- */

static void fill_image(struct baton_xsave *image, const struct diff_state *state)
{
	const uint16_t fcw = 0x37f;
	const uint32_t mxcsr = 0x1f80;

	memset(image, 0, sizeof(*image));
	memcpy(image->image, &fcw, sizeof(fcw));
	memcpy(image->image + XSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(image->image + XSAVE_XMM0, state->xmm, sizeof(state->xmm));
	image->image[XSAVE_XSTATE_BV] = 3;
}

static bool in_kernel(const struct diff_vm *vm)
{
	return hv_get_info(vm->hv)->engine == HV_ENGINE_BATON;
}

static int get_xsave(void *arg, struct baton_xsave *image)
{
	struct diff_vm *vm = arg;

	if (in_kernel(vm))
		return hv_vcpu_get_xsave(vm->vcpu, image);
	*image = vm->image;
	return 0;
}

static int need_sregs(void *ctx)
{
	struct diff_vm *vm = ctx;

	return hv_vcpu_need_sregs(vm->vcpu);
}

static int set_xsave(void *arg, const struct baton_xsave *image)
{
	struct diff_vm *vm = arg;

	if (in_kernel(vm))
		return hv_vcpu_set_xsave(vm->vcpu, image);
	vm->image = *image;
	return 0;
}

/* ---- modes ---- */

static void write_tables(struct guest_memory *memory, uint64_t root, uint64_t operands)
{
	for (unsigned int level = 0; level < 3; level++) {
		uint64_t *table = guest_memory_at(memory, root + 0x1000 * level, 0x1000);

		table[0] = (root + 0x1000 * (level + 1)) | 3;
	}
	for (uint64_t i = 0; i < MEMORY / 0x1000; i++) {
		uint64_t *table = guest_memory_at(memory, root + 0x3000, 0x1000);
		uint64_t at = i * 0x1000;

		table[i] = (at - BUFFER < PAGES * 0x1000 ? at - BUFFER + operands : at) | 3;
	}
}

static void set_segments(struct baton_sregs *sregs, enum diff_mode mode, uint64_t operands)
{
	static const struct { uint32_t limit; uint16_t code, data; } modes[] = {
		[DIFF_REAL16] = { 0xffff, 0x9b, 0x93 },
		[DIFF_PROTECTED16] = { 0xffff, 0x9b, 0x93 },
		[DIFF_PROTECTED32] = { 0xffffffff, 0xc09b, 0xc093 },
		[DIFF_LONG64] = { 0xffffffff, 0xa09b, 0xc093 },
	};
	uint64_t base = mode == DIFF_LONG64 ? 0 : operands - BUFFER;

	for (unsigned int i = BATON_ES; i <= BATON_GS; i++)
		sregs->seg[i] = (struct baton_segment){
			.limit = modes[mode].limit, .attr = modes[mode].data, .base = base,
			.selector = mode == DIFF_REAL16 ? (uint16_t)(base >> 4) : 0x10,
		};
	sregs->seg[BATON_CS] = (struct baton_segment){
		.limit = modes[mode].limit, .attr = modes[mode].code,
		.selector = mode == DIFF_REAL16 ? 0 : 8,
	};
}

static void set_mode(struct baton_sregs *sregs, enum diff_mode mode, uint64_t operands)
{
	set_segments(sregs, mode, operands);
	sregs->cr0 = mode == DIFF_REAL16 ? 0x10 : 0x11;
	sregs->cr4 = 0x200; /* OSFXSR */
	sregs->idt.limit = 0; /* an exception ends the test */
	if (mode != DIFF_LONG64)
		return;
	sregs->cr0 |= 0x80000000;
	sregs->cr4 |= 0x20;
	sregs->efer = 0x500;
	sregs->cr3 = operands == DEVICE ? TABLES + 0x4000 : TABLES;
	sregs->seg[BATON_TR] = (struct baton_segment){
		.limit = 0x67, .attr = 0x8b, .selector = 0x18,
	};
}

/* ---- running ---- */

static int failed(struct diff_vm *vm, const char *what, int error)
{
	vm->what = what;
	return error;
}

static int put_state(struct diff_vm *vm, enum diff_mode mode, uint64_t operands,
		     const struct diff_state *state)
{
	struct baton_sregs sregs = vm->reset;
	int error;

	set_mode(&sregs, mode, operands);
	error = hv_vcpu_set_sregs(vm->vcpu, &sregs);
	if (!error)
		error = hv_vcpu_set_regs(vm->vcpu, &state->regs);
	if (!error && state->has_xmm) {
		fill_image(&vm->image, state);
		error = hv_vcpu_set_xsave(vm->vcpu, &vm->image);
	}
	return error ? failed(vm, "the engine did not take the state", error) : 0;
}

static int get_state(struct diff_vm *vm, struct diff_state *state)
{
	int error = hv_vcpu_get_regs(vm->vcpu, &state->regs);

	if (!error && state->has_xmm) {
		error = hv_vcpu_get_xsave(vm->vcpu, &vm->image);
		memcpy(state->xmm, vm->image.image + XSAVE_XMM0, sizeof(state->xmm));
	}
	state->regs.rip -= 2; /* the OUT */
	return error ? failed(vm, "the engine did not give the state", error) : 0;
}

static int on_emulate(struct diff_vm *vm, const struct hv_exit *exit)
{
	struct emul_fault fault;

	if (emul_run(vm->emul, hv_vcpu_regs(vm->vcpu), hv_vcpu_sregs(vm->vcpu), exit->emulate,
		     &fault) != EMUL_DONE)
		return failed(vm, "the emulator did not do it", -ENOTSUP);
	hv_vcpu_commit(vm->vcpu, BATON_CLASS_REGS);
	return 0;
}

/* KVM may leave RIP on the OUT until the next run, which here goes no further. */
static int finish_out(struct diff_vm *vm)
{
	struct hv_exit exit;
	int error;

	hv_vcpu_kick(vm->vcpu);
	error = hv_vcpu_run(vm->vcpu, &exit);
	if (!error && exit.kind != HV_EXIT_NONE)
		error = -EPROTO;
	return error ? failed(vm, "the last OUT does not end", error) : 0;
}

static int run_to_end(struct diff_vm *vm, bool emulated)
{
	unsigned int instructions = 0;
	struct hv_exit exit;

	for (unsigned int i = 0; i < EXITS_MAX; i++) {
		int error = hv_vcpu_run(vm->vcpu, &exit);

		if (error)
			return failed(vm, "run", error);
		if (exit.kind == HV_EXIT_PIO && exit.pio.port == PORT_END)
			return instructions || !emulated ? finish_out(vm) :
				failed(vm, "the emulator was not asked", -EPROTO);
		if (exit.kind == HV_EXIT_NONE)
			continue;
		/* KVM emulates all of real mode on some processors, with gaps */
		if (exit.kind == HV_EXIT_FAILED && !emulated && !in_kernel(vm))
			return failed(vm, "KVM cannot do it", -ENOTSUP);
		if (exit.kind != HV_EXIT_EMULATE || !emulated)
			return failed(vm, "unexpected exit", -EPROTO);
		error = on_emulate(vm, &exit);
		if (error)
			return error;
		instructions++;
	}
	return failed(vm, "no end", -ELOOP);
}

static void put_code(struct diff_vm *vm, const uint8_t *code, unsigned int length)
{
	static const uint8_t end[] = { 0xe6, PORT_END };

	guest_memory_write(vm->memory, CODE, code, length);
	guest_memory_write(vm->memory, CODE + length, end, sizeof(end));
}

int diff_run_native(struct diff_vm *vm, enum diff_mode mode, const uint8_t *code,
		    unsigned int length, struct diff_state *state)
{
	int error;

	put_code(vm, code, length);
	guest_memory_write(vm->memory, OPERANDS, state->buffer, sizeof(state->buffer));
	error = put_state(vm, mode, OPERANDS, state);
	if (!error)
		error = run_to_end(vm, false);
	if (!error)
		error = get_state(vm, state);
	guest_memory_read(vm->memory, OPERANDS, state->buffer, sizeof(state->buffer));
	return error;
}

/* As an exit without an address and without the bytes. */
static int run_directly(struct diff_vm *vm, enum diff_mode mode, struct diff_state *state)
{
	struct baton_sregs sregs = vm->reset;
	const struct baton_exit_emulate exit = {
		.kind = BATON_EMULATE_MMIO, .gva = 1ull << 63,
		.access = BATON_ACCESS_WRITE | BATON_ACCESS_GVA,
	};
	struct emul_fault fault;

	set_mode(&sregs, mode, DEVICE);
	fill_image(&vm->image, state);
	if (emul_run(vm->emul, &state->regs, &sregs, &exit, &fault) != EMUL_DONE)
		return failed(vm, "the emulator did not do it", -ENOTSUP);
	memcpy(state->xmm, vm->image.image + XSAVE_XMM0, sizeof(state->xmm));
	return 0;
}

int diff_run_emulated(struct diff_vm *vm, enum diff_mode mode, const uint8_t *code,
		      unsigned int length, struct diff_state *state)
{
	int error = 0;

	put_code(vm, code, length);
	memcpy(vm->device, state->buffer, sizeof(vm->device));
	if (in_kernel(vm)) {
		error = put_state(vm, mode, DEVICE, state);
		if (!error)
			error = run_to_end(vm, true);
		if (!error)
			error = get_state(vm, state);
	} else {
		error = run_directly(vm, mode, state);
	}
	memcpy(state->buffer, vm->device, sizeof(vm->device));
	return error;
}

/* ---- the VM ---- */

static int create_vcpu(struct diff_vm *vm)
{
	static struct baton_cpuid_entry cpuid[BATON_MAX_CPUID];
	uint32_t count = BATON_MAX_CPUID;
	int error = hv_supported_cpuid(vm->hv, cpuid, &count);

	if (!error)
		error = hv_vcpu_create(vm->vm, 0, &vm->vcpu);
	if (!error)
		error = hv_vcpu_set_cpuid(vm->vcpu, cpuid, count);
	for (uint32_t i = 0; i < count; i++)
		if (cpuid[i].leaf == 1)
			vm->has_movbe = cpuid[i].ecx & CPUID_1_ECX_MOVBE;
	return error ? error : hv_vcpu_get_sregs(vm->vcpu, &vm->reset);
}

int diff_vm_create(enum hv_engine engine, struct diff_vm *vm)
{
	struct hv_failure why[2];
	int error = hv_open(engine, &vm->hv, why);

	if (!error)
		error = hv_vm_create(vm->hv, &vm->vm);
	if (!error)
		error = guest_memory_create(vm->vm, MEMORY, &vm->memory);
	if (!error)
		error = create_vcpu(vm);
	vm->pio = bus_create();
	vm->mmio = bus_create();
	if (!error)
		error = bus_add(vm->mmio, DEVICE, sizeof(vm->device), &device_ops, vm, "array");
	if (error)
		return failed(vm, "the engine made no VM", error);
	write_tables(vm->memory, TABLES, OPERANDS);
	write_tables(vm->memory, TABLES + 0x4000, DEVICE);
	vm->emul = emul_create(&(struct emul_config){
		.memory = vm->memory, .pio = vm->pio, .mmio = vm->mmio,
		.get_xsave = get_xsave, .set_xsave = set_xsave, .need_sregs = need_sregs,
		.vcpu = vm,
	});
	return vm->emul ? 0 : failed(vm, "no memory", -ENOMEM);
}

void diff_vm_destroy(struct diff_vm *vm)
{
	hv_vcpu_destroy(vm->vcpu);
	emul_destroy(vm->emul);
	bus_destroy(vm->mmio);
	bus_destroy(vm->pio);
	guest_memory_destroy(vm->memory);
	hv_vm_destroy(vm->vm);
	hv_close(vm->hv);
}
