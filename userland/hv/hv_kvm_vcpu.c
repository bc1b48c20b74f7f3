/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engine "kvm", the vCPU: running and kicking.
 *
 * A kick sets kvm_run.immediate_exit and then signals the thread. Whichever
 * KVM_RUN comes next sees the flag, one that is under way sees the signal, so
 * no kick is lost. The flag is cleared only by the run that it has ended; a
 * kick that comes between its end and the clearing has found its run, too.
 *
 * INTR, with the 8259 outside of KVM. KVM says at the end of each KVM_RUN whether
 * the guest could take an interrupt (LINT0 included), and ends one for that alone
 * while request_interrupt_window is set. But it knows no level: a vCPU in HLT
 * sleeps on. So INTR that goes up kicks, and is looked at before each KVM_RUN. An NMI
 * takes the same way, because KVM_NMI waits until the vCPU does not run.
 */
#define _GNU_SOURCE
#include "hv_kvm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KICK_SIGNAL SIGUSR1
#define DR6_CAUSES 0x400fu	/* B0-B3, BS */

/* Only there to interrupt KVM_RUN. */
static void on_kick_signal(int number)
{
	(void)number;
}

int hv_kvm_prepare_signal(void)
{
	struct sigaction action = { .sa_handler = on_kick_signal };

	return sigaction(KICK_SIGNAL, &action, NULL) ? -errno : 0;
}

/* ---- create and destroy ---- */

void hv_kvm_vcpu_destroy(struct hv_vcpu *base)
{
	struct kvm_vcpu *vcpu = to_kvm_vcpu(base);

	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	if (vcpu->stats_fd >= 0)
		close(vcpu->stats_fd);
	if (base->fd >= 0)
		close(base->fd);
	free(vcpu);
}

static int map_run(struct kvm_vcpu *vcpu, size_t size)
{
	void *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->base.fd, 0);

	if (run == MAP_FAILED)
		return -errno;
	vcpu->run = run;
	vcpu->run_size = size;
	return 0;
}

int hv_kvm_vcpu_create(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret_vcpu)
{
	struct kvm_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int error;

	if (!vcpu)
		return -ENOMEM;
	vcpu->base.ops = vm->ops;
	vcpu->base.vm = vm;
	vcpu->base.id = id;
	vcpu->base.regs = &vcpu->regs;
	vcpu->base.sregs = &vcpu->sregs;
	vcpu->stale = true;
	vcpu->base.fd = hv_ioctl(vm->fd, KVM_CREATE_VCPU, (void *)(uintptr_t)id);
	vcpu->stats_fd = -EAGAIN;
	error = vcpu->base.fd < 0 ? vcpu->base.fd : map_run(vcpu, to_kvm_vm(vm)->run_size);
	if (error) {
		hv_kvm_vcpu_destroy(&vcpu->base);
		return error;
	}
	*ret_vcpu = &vcpu->base;
	return 0;
}

int hv_kvm_set_cpuid(struct hv_vcpu *vcpu, const struct baton_cpuid_entry *entries,
		     uint32_t count)
{
	struct kvm_cpuid2 *call;
	int error;

	call = calloc(1, sizeof(*call) + count * sizeof(call->entries[0]));
	if (!call)
		return -ENOMEM;
	call->nent = count;
	for (uint32_t i = 0; i < count; i++)
		call->entries[i] = (struct kvm_cpuid_entry2){
			.function = entries[i].leaf,
			.index = entries[i].subleaf,
			.flags = entries[i].flags & BATON_CPUID_SUBLEAF_MATTERS ?
					 KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
			.eax = entries[i].eax,
			.ebx = entries[i].ebx,
			.ecx = entries[i].ecx,
			.edx = entries[i].edx,
		};
	error = hv_ioctl(vcpu->fd, KVM_SET_CPUID2, call);
	free(call);
	return error;
}

/* ---- run ---- */

static uint8_t *pio_item(struct kvm_vcpu *vcpu, unsigned int index)
{
	return (uint8_t *)vcpu->run + vcpu->run->io.data_offset + index * vcpu->run->io.size;
}

/* Takes the answer to the last item into KVM's buffer. */
static void finish_pio_item(struct kvm_vcpu *vcpu)
{
	if (vcpu->run->io.direction == KVM_EXIT_IO_IN)
		memcpy(pio_item(vcpu, vcpu->pio_next - 1), &vcpu->pio_data, vcpu->run->io.size);
}

static void next_pio_item(struct kvm_vcpu *vcpu, struct hv_exit *exit)
{
	const struct kvm_run *run = vcpu->run;

	vcpu->pio_data = 0;
	if (run->io.direction == KVM_EXIT_IO_OUT)
		memcpy(&vcpu->pio_data, pio_item(vcpu, vcpu->pio_next), run->io.size);
	vcpu->pio_next++;
	exit->kind = HV_EXIT_PIO;
	exit->pio.port = run->io.port;
	exit->pio.size = run->io.size;
	exit->pio.in = run->io.direction == KVM_EXIT_IO_IN;
	exit->pio.data = &vcpu->pio_data;
}

static void start_pio(struct kvm_vcpu *vcpu, struct hv_exit *exit)
{
	vcpu->pio_count = vcpu->run->io.count;
	vcpu->pio_next = 0;
	next_pio_item(vcpu, exit);
}

static void fill_mmio(struct kvm_run *run, struct hv_exit *exit)
{
	exit->kind = HV_EXIT_MMIO;
	exit->mmio.gpa = run->mmio.phys_addr;
	exit->mmio.size = (uint8_t)run->mmio.len;
	exit->mmio.write = run->mmio.is_write;
	/* data[8] of the run page is 8-byte aligned */
	exit->mmio.data = (uint64_t *)(void *)run->mmio.data;
	if (run->mmio.is_write && run->mmio.len < 8)
		memset(run->mmio.data + run->mmio.len, 0, 8 - run->mmio.len);
}

static void fill_failure(const struct kvm_run *run, struct hv_exit *exit)
{
	exit->kind = HV_EXIT_FAILED;
	exit->fail.reason = run->exit_reason;
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
		exit->fail.what = run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ?
					  "KVM could not emulate an instruction" :
					  "KVM met an internal error";
		exit->fail.info[0] = run->internal.suberror;
	} else if (run->exit_reason == KVM_EXIT_FAIL_ENTRY) {
		exit->fail.what = "the processor refused the guest's state";
		exit->fail.info[0] = run->fail_entry.hardware_entry_failure_reason;
	} else {
		exit->fail.what = "KVM ended the run for a reason that is not known here";
	}
}

static void fill_exit(struct kvm_vcpu *vcpu, struct hv_exit *exit)
{
	memset(exit, 0, sizeof(*exit));
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		start_pio(vcpu, exit);
		break;
	case KVM_EXIT_MMIO:
		fill_mmio(vcpu->run, exit);
		break;
	case KVM_EXIT_IOAPIC_EOI:
		exit->kind = HV_EXIT_EOI;
		exit->eoi.vector = vcpu->run->eoi.vector;
		break;
	case KVM_EXIT_DEBUG:
		exit->kind = HV_EXIT_DEBUG;
		exit->debug.exception = vcpu->run->debug.arch.exception;
		exit->debug.dr6 = vcpu->run->debug.arch.dr6 & DR6_CAUSES;
		break;
	case KVM_EXIT_SHUTDOWN:
		exit->kind = HV_EXIT_SHUTDOWN;
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN: /* a level, so the next run finds it, too */
		exit->kind = HV_EXIT_NONE;
		break;
	default:
		fill_failure(vcpu->run, exit);
	}
}

/* EFAULT without a reason of its own: KVM could not get at a page of RAM. */
static int run_failed(struct kvm_vcpu *vcpu, int error, struct hv_exit *exit)
{
	memset(exit, 0, sizeof(*exit));
	if (error == -EINTR) {
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
		exit->kind = HV_EXIT_NONE;
		return 0;
	}
	if (error != -EFAULT && error != -EHWPOISON)
		return error;
	exit->kind = HV_EXIT_MEMORY;
	exit->memory.error = error;
	return 0;
}

/* KVM keeps the vector until the guest can take it, which is at once. */
static int finish_inta(struct kvm_vcpu *vcpu)
{
	struct kvm_interrupt call = { .irq = (uint32_t)vcpu->inta_vector };

	if (vcpu->inta_vector < -1 || vcpu->inta_vector > 255)
		return -EINVAL;
	vcpu->inta_due = false;
	if (vcpu->inta_vector < 0)
		return 0;
	vcpu->run->ready_for_interrupt_injection = 0;
	return hv_ioctl(vcpu->base.fd, KVM_INTERRUPT, &call);
}

/*
 * What INTR means for the next KVM_RUN. True: no run, the vector comes first.
 * After a change of state a run that ends at once has KVM look again.
 */
static bool start_inta(struct kvm_vcpu *vcpu, struct hv_exit *exit)
{
	bool level = atomic_load(&vcpu->intr), stale = vcpu->stale;

	vcpu->run->request_interrupt_window = level;
	vcpu->stale = false;
	if (level && stale)
		__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	if (!level || stale || !vcpu->run->ready_for_interrupt_injection)
		return false;
	memset(exit, 0, sizeof(*exit));
	exit->kind = HV_EXIT_INTA;
	exit->inta.vector = &vcpu->inta_vector;
	vcpu->inta_vector = -1;
	vcpu->inta_due = true;
	return true;
}

int hv_kvm_take_nmi(struct hv_vcpu *base)
{
	return atomic_exchange(&to_kvm_vcpu(base)->nmi, false) ?
	       hv_ioctl(base->fd, KVM_NMI, NULL) : 0;
}

static __attribute__((noinline)) void begin(struct kvm_vcpu *vcpu)
{
	atomic_store(&vcpu->stats_fd, hv_kvm_open_stats(vcpu->base.fd));
	atomic_store(&vcpu->tid, (int)syscall(SYS_gettid));
}

int hv_kvm_run(struct hv_vcpu *base, struct hv_exit *exit)
{
	struct kvm_vcpu *vcpu = to_kvm_vcpu(base);
	int error = 0;

	if (!atomic_load_explicit(&vcpu->tid, memory_order_relaxed))
		begin(vcpu);
	if (vcpu->pio_count) {
		finish_pio_item(vcpu);
		if (vcpu->pio_next < vcpu->pio_count) {
			next_pio_item(vcpu, exit);
			return 0;
		}
		vcpu->pio_count = 0;
	}
	error = hv_kvm_take_nmi(base);
	if (!error && vcpu->inta_due)
		error = finish_inta(vcpu);
	if (error)
		return error;
	if (start_inta(vcpu, exit))
		return 0;
	do	/* EAGAIN: a vCPU that waited for its start-up IPI got something */
		error = hv_ioctl(base->fd, KVM_RUN, NULL);
	while (error == -EAGAIN);
	if (error)
		return run_failed(vcpu, error, exit);
	fill_exit(vcpu, exit);
	return 0;
}

void hv_kvm_kick(struct hv_vcpu *base)
{
	struct kvm_vcpu *vcpu = to_kvm_vcpu(base);
	int tid;

	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	tid = atomic_load(&vcpu->tid);
	if (tid)
		syscall(SYS_tgkill, getpid(), tid, KICK_SIGNAL);
}

int hv_kvm_set_intr(struct hv_vcpu *base, bool level)
{
	struct kvm_vcpu *vcpu = to_kvm_vcpu(base);

	/* The thread that runs the vCPU looks by itself before it goes on. */
	if (!atomic_exchange(&vcpu->intr, level) && level &&
	    atomic_load(&vcpu->tid) != (int)syscall(SYS_gettid))
		hv_kvm_kick(base);
	return 0;
}

int hv_kvm_nmi(struct hv_vcpu *vcpu)
{
	atomic_store(&to_kvm_vcpu(vcpu)->nmi, true);
	hv_kvm_kick(vcpu);
	return 0;
}

/* Kernels before 5.13 lead a step into an interrupt's handler if one is pending. */
static uint32_t step_flags(struct hv_vcpu *vcpu)
{
	int can = hv_ioctl(vcpu->vm->hv->fd, KVM_CHECK_EXTENSION,
			   (void *)KVM_CAP_SET_GUEST_DEBUG2);

	return KVM_GUESTDBG_SINGLESTEP |
	       (can > 0 ? (uint32_t)can & KVM_GUESTDBG_BLOCKIRQ : 0);
}

int hv_kvm_set_debug(struct hv_vcpu *vcpu, const struct hv_debug *debug)
{
	struct kvm_guest_debug call = {
		.control = (debug->step ? step_flags(vcpu) : 0) |
			   (debug->sw_break ? KVM_GUESTDBG_USE_SW_BP : 0) |
			   (debug->hw_break ? KVM_GUESTDBG_USE_HW_BP : 0),
	};

	if (call.control)
		call.control |= KVM_GUESTDBG_ENABLE;
	for (int i = 0; i < 4; i++)
		call.arch.debugreg[i] = debug->dr[i];
	call.arch.debugreg[7] = debug->dr7;
	return hv_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &call);
}
