// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest and its monitor, as little of one as there can be. Ports are answered
 * right here, so that a port's row is the engine's cost and no device's. Memory
 * accesses go over the monitor's bus under both engines, because the emulator
 * that engine baton needs for them hands them to one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "bus.h"
#include "emul/emul.h"
#include "hv.h"
#include "memory.h"
#include "payload.h"

/* ---- a device in memory ---- */

static uint64_t device_read(void *dev, uint64_t offset, unsigned int size)
{
	(void)dev, (void)offset, (void)size;
	return 0x5a;
}

static void device_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)dev, (void)offset, (void)size, (void)value;
}

static const struct bus_ops device_ops = { device_read, device_write };

/* ---- create and destroy ---- */

static int create_buses(struct guest *guest)
{
	guest->pio = bus_create();
	guest->mmio = bus_create();
	if (!guest->pio || !guest->mmio)
		return -ENOMEM;
	return bus_add(guest->mmio, GUEST_MMIO, 4096, &device_ops, NULL, "bench");
}

static int need_sregs(void *ctx)
{
	struct guest *guest = ctx;

	return hv_vcpu_need_sregs(guest->vcpu);
}

static int create_emulator(struct guest *guest)
{
	const struct emul_config config = {
		.memory = guest->memory, .pio = guest->pio, .mmio = guest->mmio,
		.need_sregs = need_sregs, .vcpu = guest,
	};

	guest->emul = emul_create(&config);
	return guest->emul ? 0 : -ENOMEM;
}

static int create_vcpu(struct guest *guest)
{
	int error = hv_vcpu_create(guest->vm, 0, &guest->vcpu);

	if (error)
		return error;
	return hv_vcpu_set_cpuid(guest->vcpu, guest->bench->cpuid, guest->bench->cpuid_count);
}

static int failed(struct guest *guest, const char *what, int error)
{
	guest->what = what;
	return error;
}

int guest_create(struct bench *bench, unsigned int payload, struct guest *guest)
{
	int error;

	*guest = (struct guest){ .bench = bench, .event = -1 };
	error = hv_vm_create(bench->hv, &guest->vm);
	if (error)
		return failed(guest, "VM", error);
	error = guest_memory_create(guest->vm, GUEST_RAM, &guest->memory);
	if (error)
		return failed(guest, "memory", error);
	error = create_buses(guest);
	if (!error)
		error = create_emulator(guest);
	if (error)
		return failed(guest, "bus and emulator", error);
	error = create_vcpu(guest);
	if (error)
		return failed(guest, "vCPU", error);
	error = guest_load(guest, payload);
	return error ? failed(guest, "registers", error) : 0;
}

void guest_destroy(struct guest *guest)
{
	hv_vcpu_destroy(guest->vcpu);
	emul_destroy(guest->emul);
	if (guest->mmio)
		bus_destroy(guest->mmio);
	if (guest->pio)
		bus_destroy(guest->pio);
	if (guest->memory)
		guest_memory_destroy(guest->memory);
	hv_vm_destroy(guest->vm);
	if (guest->event >= 0)
		close(guest->event);
}

uint64_t *guest_shared(struct guest *guest, uint64_t gpa)
{
	return guest_memory_at(guest->memory, gpa, sizeof(uint64_t));
}

/* ---- exits ---- */

static int unexpected(struct guest *guest, const struct hv_exit *exit)
{
	static char text[80];
	struct baton_regs regs = { 0 };

	hv_vcpu_get_regs(guest->vcpu, &regs);
	snprintf(text, sizeof(text), "unexpected exit %d (reason 0x%llx, RIP 0x%llx)", exit->kind,
		 exit->kind == HV_EXIT_FAILED ? (unsigned long long)exit->fail.reason : 0,
		 (unsigned long long)regs.rip);
	return failed(guest, text, -EPROTO);
}

static int on_emulate(struct guest *guest, const struct hv_exit *exit)
{
	struct emul_fault fault;

	if (emul_run(guest->emul, hv_vcpu_regs(guest->vcpu), hv_vcpu_sregs(guest->vcpu),
		     exit->emulate, &fault) != EMUL_DONE)
		return unexpected(guest, exit);
	hv_vcpu_commit(guest->vcpu, BATON_CLASS_REGS);
	return 0;
}

static void on_mmio(struct guest *guest, const struct hv_exit *exit)
{
	if (exit->mmio.write)
		bus_write(guest->mmio, exit->mmio.gpa, exit->mmio.size, *exit->mmio.data);
	else
		*exit->mmio.data = bus_read(guest->mmio, exit->mmio.gpa, exit->mmio.size);
}

static int on_pio(struct guest *guest, const struct hv_exit *exit)
{
	static const uint64_t one = 1;

	if (exit->pio.port == PORT_OP) {
		if (exit->pio.in)
			*exit->pio.data = 0x5a;
		return 0;
	}
	if (exit->pio.port == PORT_IRQFD)
		return write(guest->event, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
	if (exit->pio.port == PORT_PANIC)
		return failed(guest, "the guest met an exception", -EFAULT);
	return unexpected(guest, exit);
}

static int on_exit(struct guest *guest, const struct hv_exit *exit)
{
	switch (exit->kind) {
	case HV_EXIT_PIO:
		return on_pio(guest, exit);
	case HV_EXIT_MMIO:
		on_mmio(guest, exit);
		return 0;
	case HV_EXIT_EMULATE:
		return on_emulate(guest, exit);
	case HV_EXIT_NONE:
		return 0;
	default:
		return unexpected(guest, exit);
	}
}

/* The second vCPU's loop is 4 instructions (payload.S). Its thread writes the word. */
static uint64_t busy_ticks(struct guest *guest)
{
	return ticks() - 4 * __atomic_load_n(guest_shared(guest, SHARED_PEER_SPINS),
					     __ATOMIC_RELAXED);
}

int guest_batch(struct guest *guest, uint32_t turns, uint64_t *ret_ticks)
{
	uint64_t start = 0;
	struct hv_exit exit;

	for (;;) {
		int error = hv_vcpu_run(guest->vcpu, &exit);

		if (error)
			return failed(guest, "run", error);
		if (exit.kind == HV_EXIT_PIO && exit.pio.port == PORT_STOP) {
			*ret_ticks = busy_ticks(guest) - start;
			return 0;
		}
		if (exit.kind == HV_EXIT_PIO && exit.pio.port == PORT_COUNT) {
			*exit.pio.data = turns;
			start = busy_ticks(guest);
			continue;
		}
		error = on_exit(guest, &exit);
		if (error)
			return error;
	}
}
