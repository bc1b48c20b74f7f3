/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engine "kvm": /dev/kvm with the local APICs in the kernel and the IOAPIC in
 * the monitor (split irqchip), so that both engines look the same from above.
 */
#include "hv_kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)

static int fetch_cpuid(int fd, struct kvm_cpuid2 **ret_cpuid)
{
	struct kvm_cpuid2 *cpuid;
	int error;

	cpuid = calloc(1, sizeof(*cpuid) + BATON_MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = BATON_MAX_CPUID;
	error = hv_ioctl(fd, KVM_GET_SUPPORTED_CPUID, cpuid);
	if (error) {
		free(cpuid);
		return error;
	}
	*ret_cpuid = cpuid;
	return 0;
}

static void convert_cpuid(const struct kvm_cpuid_entry2 *from, struct baton_cpuid_entry *to)
{
	*to = (struct baton_cpuid_entry){
		.leaf = from->function,
		.subleaf = from->index,
		.flags = from->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX ?
				 BATON_CPUID_SUBLEAF_MATTERS : 0,
		.eax = from->eax,
		.ebx = from->ebx,
		.ecx = from->ecx,
		.edx = from->edx,
	};
}

/* Older kernels leave the deadline timer to a capability of its own. */
static void add_tsc_deadline(int fd, struct baton_cpuid_entry *entries, uint32_t count)
{
	if (hv_ioctl(fd, KVM_CHECK_EXTENSION, (void *)KVM_CAP_TSC_DEADLINE_TIMER) <= 0)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (entries[i].leaf == 1)
			entries[i].ecx |= CPUID_1_ECX_TSC_DEADLINE;
}

static int kvm_supported_cpuid(struct hv *hv, struct baton_cpuid_entry *entries,
			       uint32_t *count)
{
	struct kvm_cpuid2 *cpuid;
	int error = fetch_cpuid(hv->fd, &cpuid);

	if (error)
		return error;
	if (cpuid->nent > *count) {
		free(cpuid);
		return -E2BIG;
	}
	for (uint32_t i = 0; i < cpuid->nent; i++)
		convert_cpuid(&cpuid->entries[i], &entries[i]);
	add_tsc_deadline(hv->fd, entries, cpuid->nent);
	*count = cpuid->nent;
	free(cpuid);
	return 0;
}

static void kvm_close(struct hv *hv)
{
	close(hv->fd);
	free(hv);
}

static const struct hv_ops kvm_ops = {
	.close = kvm_close,
	.supported_cpuid = kvm_supported_cpuid,
	.vm_create = hv_kvm_vm_create,
	.vm_destroy = hv_kvm_vm_destroy,
	.set_slot = hv_kvm_set_slot,
	.get_dirty = hv_kvm_get_dirty,
	.clear_dirty = hv_kvm_clear_dirty,
	.send_msi = hv_kvm_send_msi,
	.irqfd = hv_kvm_irqfd,
	.ioeventfd = hv_kvm_ioeventfd,
	.ioapic_route = hv_kvm_ioapic_route,
	.get_clock = hv_kvm_get_clock,
	.set_clock = hv_kvm_set_clock,
	.note_stopped = hv_kvm_note_stopped,
	.set_tsc_khz = hv_kvm_set_tsc_khz,
	.vcpu_create = hv_kvm_vcpu_create,
	.vcpu_destroy = hv_kvm_vcpu_destroy,
	.set_cpuid = hv_kvm_set_cpuid,
	.run = hv_kvm_run,
	.kick = hv_kvm_kick,
	.nmi = hv_kvm_nmi,
	.vcpu_stats = hv_kvm_vcpu_stats,
	.vm_stats = hv_kvm_vm_stats,
	.set_intr = hv_kvm_set_intr,
	.set_debug = hv_kvm_set_debug,
	.commit = hv_kvm_commit,
	.state = hv_kvm_state,
	.msrs = hv_kvm_msrs,
};

static const unsigned long needed[] = {
	KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_X2APIC_API, KVM_CAP_SIGNAL_MSI, KVM_CAP_IMMEDIATE_EXIT,
	KVM_CAP_IRQFD, KVM_CAP_IOEVENTFD, KVM_CAP_ADJUST_CLOCK, KVM_CAP_USER_MEMORY,
};

static int check_features(int fd, struct hv_failure *why)
{
	int version = hv_ioctl(fd, KVM_GET_API_VERSION, NULL);

	why->step = "version";
	why->error = version < 0 ? version : -EPROTO;
	if (version != KVM_API_VERSION)
		return why->error;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (hv_ioctl(fd, KVM_CHECK_EXTENSION, (void *)needed[i]) <= 0)
			return why->error;
	return 0;
}

static uint32_t kvm_limit(int fd, unsigned long capability, uint32_t at_most)
{
	int limit = hv_ioctl(fd, KVM_CHECK_EXTENSION, (void *)capability);

	return limit > 0 && (uint32_t)limit < at_most ? (uint32_t)limit : at_most;
}

static uint32_t guest_phys_bits(int fd)
{
	struct kvm_cpuid2 *cpuid;
	uint32_t bits = 36;

	if (fetch_cpuid(fd, &cpuid))
		return bits;
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 0x80000008)
			bits = cpuid->entries[i].eax & 0xff;
	free(cpuid);
	return bits;
}

static void fill_info(int fd, struct hv_info *info)
{
	*info = (struct hv_info){
		.engine = HV_ENGINE_KVM,
		.name = "kvm",
		.max_vcpus = kvm_limit(fd, KVM_CAP_MAX_VCPUS, BATON_MAX_VCPUS),
		.max_slots = kvm_limit(fd, KVM_CAP_NR_MEMSLOTS, BATON_MAX_SLOTS),
		.phys_bits = guest_phys_bits(fd),
		.irqfd = true,
		.ioeventfd = true,
		.ioeventfd_mmio = true,
		.extint = true,
		.dirty_log = hv_ioctl(fd, KVM_CHECK_EXTENSION,
				      (void *)KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) > 0,
		.guest_debug = hv_ioctl(fd, KVM_CHECK_EXTENSION,
					(void *)KVM_CAP_SET_GUEST_DEBUG) > 0,
	};
}

int hv_kvm_open(struct hv **ret_hv, struct hv_failure *why)
{
	struct hv *hv;
	int error, fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		why->step = "open";
		return why->error = -errno;
	}
	error = check_features(fd, why);
	if (!error)
		error = hv_kvm_prepare_signal();
	hv = error ? NULL : calloc(1, sizeof(*hv));
	if (!hv) {
		close(fd);
		return why->error = error ? error : -ENOMEM;
	}
	hv->ops = &kvm_ops;
	hv->fd = fd;
	fill_info(fd, &hv->info);
	*ret_hv = hv;
	return 0;
}
