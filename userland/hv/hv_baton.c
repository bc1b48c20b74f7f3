/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engine "baton": our own module, through /dev/baton (shared/ABI.md). The run
 * page carries registers, so that an exit needs no call but BATON_RUN.
 */
#include "hv_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "baton_ioctl.h"

/* How often a vCPU asks whether it may run again. */
#define SUSPEND_POLL_US 10000

struct baton_vcpu {
	struct hv_vcpu base;
	struct baton_run *run;
	size_t run_size;
	uint32_t pio_data;
};

static int baton_supported_cpuid(struct hv *hv, struct baton_cpuid_entry *entries,
				 uint32_t *count)
{
	struct baton_cpuid call = { .count = *count, .entries = (uintptr_t)entries };
	int error = hv_ioctl(hv->fd, BATON_GET_CPUID, &call);

	if (!error)
		*count = call.count;
	return error;
}

/* ---- VM ---- */

static int baton_vm_create(struct hv *hv, struct hv_vm **ret_vm)
{
	struct baton_create_vm call = { .flags = hv->no_halt_poll ? BATON_VM_NO_HALT_POLL : 0 };
	struct hv_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return -ENOMEM;
	vm->fd = hv_ioctl(hv->fd, BATON_CREATE_VM, &call);
	if (vm->fd < 0) {
		int error = vm->fd;

		free(vm);
		return error;
	}
	vm->ops = hv->ops;
	vm->hv = hv;
	*ret_vm = vm;
	return 0;
}

static void baton_vm_destroy(struct hv_vm *vm)
{
	close(vm->fd);
	free(vm);
}

static int baton_set_slot(struct hv_vm *vm, const struct hv_slot *slot)
{
	struct baton_slot call = {
		.id = slot->id,
		.flags = (slot->readonly ? BATON_SLOT_READONLY : 0) |
			 (slot->log_dirty ? BATON_SLOT_LOG_DIRTY : 0),
		.gpa = slot->gpa,
		.size = slot->size,
		.hva = (uintptr_t)slot->hva,
	};

	return hv_ioctl(vm->fd, BATON_SET_SLOT, &call);
}

static int dirty_log(struct hv_vm *vm, unsigned long request, uint32_t slot, uint64_t first,
		     uint64_t count, uintptr_t bitmap)
{
	struct baton_dirty_log call = {
		.slot = slot, .first = first, .count = count, .bitmap = bitmap,
	};

	return hv_ioctl(vm->fd, request, &call);
}

static int baton_get_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
			   uint64_t *bitmap)
{
	return dirty_log(vm, BATON_GET_DIRTY_LOG, slot, first, count, (uintptr_t)bitmap);
}

static int baton_clear_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
			     const uint64_t *bitmap)
{
	return dirty_log(vm, BATON_CLEAR_DIRTY_LOG, slot, first, count, (uintptr_t)bitmap);
}

static int baton_get_accessed(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
			      uint64_t *bitmap)
{
	return dirty_log(vm, BATON_GET_ACCESSED, slot, first, count, (uintptr_t)bitmap);
}

static int baton_send_msi(struct hv_vm *vm, uint64_t address, uint32_t data)
{
	struct baton_msi call = { .address = address, .data = data };

	return hv_ioctl(vm->fd, BATON_SEND_MSI, &call);
}

static int baton_irqfd(struct hv_vm *vm, int fd, uint64_t address, uint32_t data, bool on)
{
	struct baton_irqfd call = {
		.fd = fd,
		.flags = on ? 0 : BATON_EVENTFD_OFF,
		.msi = { .address = address, .data = data },
	};

	return hv_ioctl(vm->fd, BATON_SET_IRQFD, &call);
}

static int baton_resamplefd(struct hv_vm *vm, int fd, int resample_fd, bool on)
{
	struct baton_resamplefd call = {
		.fd = fd,
		.resample_fd = resample_fd,
		.flags = on ? 0 : BATON_EVENTFD_OFF,
	};

	return hv_ioctl(vm->fd, BATON_SET_RESAMPLEFD, &call);
}

static int baton_ioeventfd(struct hv_vm *vm, int fd, uint64_t address, bool port, uint32_t size,
			   bool on)
{
	struct baton_ioeventfd call = {
		.address = address,
		.fd = fd,
		.size = size,
		.flags = (port ? BATON_IOEVENTFD_PIO : 0) | (on ? 0 : BATON_EVENTFD_OFF),
	};

	return hv_ioctl(vm->fd, BATON_SET_IOEVENTFD, &call);
}

/* The module reports every EOI of a level-triggered vector without being told. */
static int baton_ioapic_route(struct hv_vm *vm, unsigned int pin, uint64_t address,
			      uint32_t data, bool level)
{
	(void)vm, (void)pin, (void)address, (void)data, (void)level;
	return 0;
}

static int baton_get_clock(struct hv_vm *vm, uint64_t *ret_ns)
{
	struct baton_clock call = { 0 };
	int error = hv_ioctl(vm->fd, BATON_GET_CLOCK, &call);

	if (!error)
		*ret_ns = call.guest_ns;
	return error;
}

static int baton_set_clock(struct hv_vm *vm, uint64_t ns)
{
	struct baton_clock call = { .guest_ns = ns };

	return hv_ioctl(vm->fd, BATON_SET_CLOCK, &call);
}

/* The first vCPU's call is for all. Modules before ABI 1.7 refuse the flag. */
static int baton_note_stopped(struct hv_vcpu *vcpu)
{
	struct baton_clock call = { .flags = BATON_CLOCK_STOPPED };

	return vcpu->id ? 0 : hv_ioctl(vcpu->vm->fd, BATON_SET_CLOCK, &call);
}

static int baton_set_tsc_khz(struct hv_vm *vm, uint32_t khz)
{
	struct baton_tsc_khz call = { .khz = khz };

	return hv_ioctl(vm->fd, BATON_SET_TSC_KHZ, &call);
}

/* ---- vCPU ---- */

static struct baton_vcpu *to_baton(struct hv_vcpu *vcpu)
{
	return (struct baton_vcpu *)vcpu;
}

static void baton_vcpu_destroy(struct hv_vcpu *base)
{
	struct baton_vcpu *vcpu = to_baton(base);

	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	if (base->fd >= 0)
		close(base->fd);
	free(vcpu);
}

static int map_run_page(struct baton_vcpu *vcpu)
{
	void *run = mmap(NULL, sizeof(*vcpu->run), PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->base.fd, 0);

	if (run == MAP_FAILED)
		return -errno;
	vcpu->run = run;
	vcpu->run_size = sizeof(*vcpu->run);
	vcpu->run->want = BATON_WANT_MODE;
	vcpu->base.regs = &vcpu->run->regs;
	vcpu->base.sregs = &vcpu->run->sregs;
	return 0;
}

static int baton_vcpu_create(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret_vcpu)
{
	struct baton_create_vcpu call = { .id = id };
	struct baton_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int error;

	if (!vcpu)
		return -ENOMEM;
	vcpu->base.ops = vm->ops;
	vcpu->base.vm = vm;
	vcpu->base.id = id;
	vcpu->base.fd = hv_ioctl(vm->fd, BATON_CREATE_VCPU, &call);
	error = vcpu->base.fd < 0 ? vcpu->base.fd : map_run_page(vcpu);
	if (error) {
		baton_vcpu_destroy(&vcpu->base);
		return error;
	}
	*ret_vcpu = &vcpu->base;
	return 0;
}

static int baton_set_cpuid(struct hv_vcpu *vcpu, const struct baton_cpuid_entry *entries,
			   uint32_t count)
{
	struct baton_cpuid call = { .count = count, .entries = (uintptr_t)entries };

	return hv_ioctl(vcpu->fd, BATON_SET_CPUID, &call);
}

static void fill_failure(const struct baton_run *run, struct hv_exit *exit)
{
	exit->kind = HV_EXIT_FAILED;
	exit->fail.reason = run->fail.hw_reason;
	for (int i = 0; i < 3; i++)
		exit->fail.info[i] = run->fail.hw_info[i];
	exit->fail.what = run->exit_reason == BATON_EXIT_ENTRY_FAILED ?
				  "the processor refused the guest's state" :
				  "the module met an exit that it does not know";
}

static void fill_exit(struct baton_vcpu *vcpu, struct hv_exit *exit)
{
	struct baton_run *run = vcpu->run;

	switch (run->exit_reason) {
	case BATON_EXIT_NONE:
		exit->kind = HV_EXIT_NONE;
		break;
	case BATON_EXIT_PIO:
		exit->kind = HV_EXIT_PIO;
		exit->pio.port = run->pio.port;
		exit->pio.size = run->pio.size;
		exit->pio.in = run->pio.flags & BATON_PIO_IN;
		exit->pio.data = &run->pio.data;
		break;
	case BATON_EXIT_EMULATE:
		exit->kind = HV_EXIT_EMULATE;
		exit->emulate = &run->emulate;
		break;
	case BATON_EXIT_TASK_SWITCH:
		exit->kind = HV_EXIT_TASK_SWITCH;
		exit->task = &run->task;
		break;
	case BATON_EXIT_EOI:
		exit->kind = HV_EXIT_EOI;
		exit->eoi.vector = run->eoi.vector;
		break;
	case BATON_EXIT_SHUTDOWN:
		exit->kind = HV_EXIT_SHUTDOWN;
		break;
	case BATON_EXIT_INTA:
		exit->kind = HV_EXIT_INTA;
		exit->inta.vector = &run->inta.vector;
		break;
	case BATON_EXIT_DEBUG:
		exit->kind = HV_EXIT_DEBUG;
		exit->debug.exception = run->debug.exception;
		exit->debug.dr6 = run->debug.dr6;
		break;
	case BATON_EXIT_MEMORY:
		exit->kind = HV_EXIT_MEMORY;
		exit->memory = run->memory;
		break;
	default:
		fill_failure(run, exit);
	}
}

/*
 * Not by ioctl(), which spills all registers for its variable arguments: this call is made
 * at every exit. 0 or a negative errno.
 */
static int run_call(int fd)
{
	long result;

	asm volatile("syscall" : "=a"(result)
		     : "0"((long)SYS_ioctl), "D"((long)fd), "S"((long)BATON_RUN), "d"(0l)
		     : "rcx", "r11", "memory");
	return (int)result;
}

static int baton_run(struct hv_vcpu *base, struct hv_exit *exit)
{
	int error = run_call(base->fd);

	if (!error) {
		fill_exit(to_baton(base), exit);
		return 0;
	}
	/* The host is going to sleep or restarting; if it does neither, go on. */
	if (error == -EAGAIN)
		usleep(SUSPEND_POLL_US);
	else if (error != -EINTR)
		return error;
	exit->kind = HV_EXIT_NONE;
	return 0;
}

/* The module has left them out of an exit of 64-bit code. */
static int baton_need_sregs(struct hv_vcpu *base)
{
	struct baton_run *run = to_baton(base)->run;
	int error;

	if (run->have & BATON_CLASS_SREGS)
		return 0;
	error = hv_ioctl(base->fd, BATON_GET_SREGS, &run->sregs);
	if (!error)
		run->have |= BATON_CLASS_SREGS;
	return error;
}

static void baton_kick(struct hv_vcpu *vcpu)
{
	hv_ioctl(vcpu->fd, BATON_KICK, NULL);
}

static int baton_nmi(struct hv_vcpu *vcpu)
{
	return hv_ioctl(vcpu->fd, BATON_NMI, NULL);
}

/* ENOTTY: the module is of an ABI before 1.3, with the counters of 1.0 alone. */
static int baton_vm_stats(struct hv_vm *vm, struct hv_stats *stats)
{
	struct baton_vm_stats call;
	int error = hv_ioctl(vm->fd, BATON_GET_VM_STATS, &call);

	if (error)
		return error == -ENOTTY ? -EOPNOTSUPP : error;
	stats->known = (1ull << BATON_VM_STAT_COUNT) - 1;
	memcpy(stats->value, call.value, sizeof(stats->value));
	return 0;
}

static int baton_vcpu_stats(struct hv_vcpu *vcpu, struct hv_stats *stats)
{
	unsigned int count = vcpu->vm->hv->info.all_stats ? BATON_STAT_COUNT :
							    BATON_STAT_EXIT_HYPERCALL;
	struct baton_stats call;
	int error = hv_ioctl(vcpu->fd, BATON_GET_STATS, &call);

	if (error)
		return error;
	stats->known = (1ull << count) - 1;
	memcpy(stats->value, call.value, sizeof(stats->value));
	return 0;
}

/* ENOTTY: the module is of ABI 1.0. */
static int baton_set_intr(struct hv_vcpu *vcpu, bool level)
{
	struct baton_intr call = { .level = level };

	return hv_ioctl(vcpu->fd, BATON_SET_INTR, &call);
}

static int baton_set_debug(struct hv_vcpu *vcpu, const struct hv_debug *debug)
{
	struct baton_guest_debug call = {
		.flags = (debug->step ? BATON_DEBUG_STEP : 0) |
			 (debug->sw_break ? BATON_DEBUG_SW_BREAK : 0) |
			 (debug->hw_break ? BATON_DEBUG_HW_BREAK : 0),
		.dr7 = debug->dr7,
	};

	if (call.flags)
		call.flags |= BATON_DEBUG_ENABLE;
	memcpy(call.dr, debug->dr, sizeof(call.dr));
	return hv_ioctl(vcpu->fd, BATON_SET_GUEST_DEBUG, &call);
}

static int baton_apic_access(struct hv_vcpu *vcpu, uint32_t offset, bool write, uint32_t *value)
{
	struct baton_apic_access call = {
		.offset = offset, .flags = write ? BATON_APIC_WRITE : 0,
		.value = write ? *value : 0,
	};
	int error = hv_ioctl(vcpu->fd, BATON_APIC_ACCESS, &call);

	if (!error)
		*value = call.value;
	return error;
}

static void baton_commit(struct hv_vcpu *vcpu, uint32_t classes)
{
	to_baton(vcpu)->run->commit |= classes;
}

static int baton_state(struct hv_vcpu *vcpu, enum hv_state what, bool set, void *state)
{
	static const struct { unsigned long get, set; } call[HV_STATE_COUNT] = {
		[HV_STATE_REGS] = { BATON_GET_REGS, BATON_SET_REGS },
		[HV_STATE_SREGS] = { BATON_GET_SREGS, BATON_SET_SREGS },
		[HV_STATE_DEBUGREGS] = { BATON_GET_DEBUGREGS, BATON_SET_DEBUGREGS },
		[HV_STATE_EVENTS] = { BATON_GET_EVENTS, BATON_SET_EVENTS },
		[HV_STATE_XSAVE] = { BATON_GET_XSAVE, BATON_SET_XSAVE },
		[HV_STATE_LAPIC] = { BATON_GET_LAPIC, BATON_SET_LAPIC },
	};

	return hv_ioctl(vcpu->fd, set ? call[what].set : call[what].get, state);
}

static int baton_msrs(struct hv_vcpu *vcpu, bool set, struct baton_msr *msrs, uint32_t count)
{
	struct baton_msrs call = { .count = count, .entries = (uintptr_t)msrs };
	int error = hv_ioctl(vcpu->fd, set ? BATON_SET_MSRS : BATON_GET_MSRS, &call);

	if (error && !call.done)
		return error;
	return call.done;
}

/* ---- engine ---- */

static void baton_close(struct hv *hv)
{
	close(hv->fd);
	free(hv);
}

static const struct hv_ops baton_ops = {
	.close = baton_close,
	.supported_cpuid = baton_supported_cpuid,
	.vm_create = baton_vm_create,
	.vm_destroy = baton_vm_destroy,
	.set_slot = baton_set_slot,
	.get_dirty = baton_get_dirty,
	.clear_dirty = baton_clear_dirty,
	.get_accessed = baton_get_accessed,
	.send_msi = baton_send_msi,
	.irqfd = baton_irqfd,
	.resamplefd = baton_resamplefd,
	.ioeventfd = baton_ioeventfd,
	.ioapic_route = baton_ioapic_route,
	.get_clock = baton_get_clock,
	.set_clock = baton_set_clock,
	.note_stopped = baton_note_stopped,
	.set_tsc_khz = baton_set_tsc_khz,
	.vcpu_create = baton_vcpu_create,
	.vcpu_destroy = baton_vcpu_destroy,
	.set_cpuid = baton_set_cpuid,
	.run = baton_run,
	.need_sregs = baton_need_sregs,
	.kick = baton_kick,
	.nmi = baton_nmi,
	.vcpu_stats = baton_vcpu_stats,
	.vm_stats = baton_vm_stats,
	.set_intr = baton_set_intr,
	.set_debug = baton_set_debug,
	.apic_access = baton_apic_access,
	.commit = baton_commit,
	.state = baton_state,
	.msrs = baton_msrs,
};

static int fail(struct hv_failure *why, const char *step, int error)
{
	why->step = step;
	why->error = error;
	return error;
}

/* Major and page size must be ours; a module that refuses says why itself. */
static int check_info(int fd, struct baton_info *info, struct hv_failure *why)
{
	int error = hv_ioctl(fd, BATON_GET_INFO, info);

	if (error)
		return fail(why, "version", error);
	if (info->abi_major != BATON_ABI_MAJOR || info->run_size != sizeof(struct baton_run))
		return fail(why, "version", -EPROTO);
	why->refusal = info->refusal;
	if (info->refusal)
		return fail(why, "create", -EOPNOTSUPP);
	return 0;
}

int hv_baton_open(struct hv **ret_hv, struct hv_failure *why)
{
	struct baton_info info = { 0 };
	struct hv *hv;
	int error, fd = open(BATON_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return fail(why, "open", -errno);
	error = check_info(fd, &info, why);
	hv = error ? NULL : calloc(1, sizeof(*hv));
	if (!hv) {
		close(fd);
		return error ? error : fail(why, "open", -ENOMEM);
	}
	hv->ops = &baton_ops;
	hv->fd = fd;
	hv->info = (struct hv_info){
		.engine = HV_ENGINE_BATON,
		.name = "baton",
		.max_vcpus = info.max_vcpus,
		.max_slots = info.max_slots,
		.phys_bits = info.phys_bits,
		.tsc_khz = info.tsc_khz,
		.irqfd = info.features & BATON_FEAT_IRQFD,
		.ioeventfd = info.features & BATON_FEAT_IOEVENTFD,
		.ioeventfd_mmio = info.features & BATON_FEAT_IOEVENTFD_MMIO,
		.extint = info.features & BATON_FEAT_EXTINT,
		.resamplefd = info.features & BATON_FEAT_RESAMPLEFD,
		.dirty_log = info.features & BATON_FEAT_DIRTY_LOG,
		.all_stats = info.features & BATON_FEAT_VM_STATS,
		.accessed = info.features & BATON_FEAT_ACCESSED,
		.guest_debug = info.features & BATON_FEAT_GUEST_DEBUG,
	};
	*ret_hv = hv;
	return 0;
}
