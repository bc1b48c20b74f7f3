/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engine "kvm": its binary statistics (since Linux 5.14) under the module's names, as far
 * as they mean the same. What a kernel does not have is not known, rather than 0.
 *
 * A vCPU's descriptor takes no call while it runs, which it does in HLT as well; that of
 * its statistics can be read at any time. So its thread opens it before the first run (until
 * then nothing is known), and it is kept.
 */
#include "hv_kvm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baton_ioctl.h"

#define COUNTERS_MAX 1024u
#define NAME_MAX_SIZE 256u

/* Those of one name are added up. */
struct row {
	const char *kvm;
	unsigned int stat;
};

static const struct row vcpu_rows[] = {
	{ "exits", BATON_STAT_EXITS },
	{ "irq_exits", BATON_STAT_EXIT_INTR },
	{ "io_exits", BATON_STAT_EXIT_PIO },
	{ "halt_exits", BATON_STAT_EXIT_HLT },
	{ "irq_window_exits", BATON_STAT_EXIT_WINDOW },
	{ "nmi_window_exits", BATON_STAT_EXIT_WINDOW },
	{ "irq_injections", BATON_STAT_IRQ_INJECTED },
	{ "hypercalls", BATON_STAT_EXIT_HYPERCALL },
	{ "halt_poll_success_ns", BATON_STAT_HALTED_NS },
	{ "halt_poll_fail_ns", BATON_STAT_HALTED_NS },
	{ "halt_wait_ns", BATON_STAT_HALTED_NS },
	{ "blocking", BATON_STAT_HALTED },
	{ NULL, 0 },
};
static const struct row vm_rows[] = {
	{ "pages_4k", BATON_VM_STAT_PAGES_4K },
	{ "pages_2m", BATON_VM_STAT_PAGES_2M },
	{ NULL, 0 },
};

static bool read_at(int fd, void *to, size_t size, off_t from)
{
	return pread(fd, to, size, from) == (ssize_t)size;
}

static void take(struct hv_stats *stats, const struct row *row, const char *name, uint64_t value)
{
	for (; row->kvm; row++)
		if (!strcmp(row->kvm, name)) {
			stats->known |= 1ull << row->stat;
			stats->value[row->stat] += value;
		}
}

static void take_all(int fd, const struct kvm_stats_header *header, const char *descriptors,
		     size_t size, const struct row *rows, struct hv_stats *stats)
{
	for (uint32_t i = 0; i < header->num_desc; i++) {
		struct kvm_stats_desc desc;
		char name[NAME_MAX_SIZE];
		uint64_t value;

		memcpy(&desc, descriptors + i * size, sizeof(desc));
		memcpy(name, descriptors + i * size + sizeof(desc), header->name_size);
		name[header->name_size - 1] = '\0';
		if (desc.size == 1 &&
		    read_at(fd, &value, sizeof(value), header->data_offset + (off_t)desc.offset))
			take(stats, rows, name, value);
	}
}

static int read_stats(int fd, const struct row *rows, struct hv_stats *stats)
{
	struct kvm_stats_header header;
	size_t size;
	char *descriptors;
	int error = 0;

	if (!read_at(fd, &header, sizeof(header), 0) || !header.name_size ||
	    header.name_size > NAME_MAX_SIZE || header.num_desc > COUNTERS_MAX)
		return -EPROTO;
	size = sizeof(struct kvm_stats_desc) + header.name_size;
	descriptors = calloc(header.num_desc + 1, size);
	if (!descriptors)
		return -ENOMEM;
	if (read_at(fd, descriptors, header.num_desc * size, header.desc_offset))
		take_all(fd, &header, descriptors, size, rows, stats);
	else
		error = -EPROTO;
	free(descriptors);
	return error;
}

/* A descriptor, or a negative errno. */
int hv_kvm_open_stats(int of)
{
	int fd = hv_ioctl(of, KVM_GET_STATS_FD, NULL);

	return fd == -EINVAL || fd == -ENOTTY ? -EOPNOTSUPP : fd;
}

/* KVM does not say for how long the thread waited for a CPU; the host does. */
static void take_ready(int tid, struct hv_stats *stats)
{
	unsigned long long ran, waited;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", tid);
	file = tid ? fopen(path, "re") : NULL;
	if (!file)
		return;
	if (fscanf(file, "%llu %llu", &ran, &waited) == 2) {
		stats->known |= 1ull << BATON_STAT_READY_NS;
		stats->value[BATON_STAT_READY_NS] = waited;
	}
	fclose(file);
}

/* KVM adds a sleep when it is over; of one that lasts it does not say since when. */
static void forget_halted_ns(struct hv_stats *stats)
{
	if (!stats->value[BATON_STAT_HALTED])
		return;
	stats->known &= ~(1ull << BATON_STAT_HALTED_NS);
	stats->value[BATON_STAT_HALTED_NS] = 0;
}

int hv_kvm_vcpu_stats(struct hv_vcpu *vcpu, struct hv_stats *stats)
{
	int error, fd = to_kvm_vcpu(vcpu)->stats_fd;

	take_ready(atomic_load(&to_kvm_vcpu(vcpu)->tid), stats);
	error = fd < 0 ? fd : read_stats(fd, vcpu_rows, stats);
	forget_halted_ns(stats);
	return error == -EAGAIN ? 0 : error;
}

int hv_kvm_vm_stats(struct hv_vm *vm, struct hv_stats *stats)
{
	int error, fd = hv_kvm_open_stats(vm->fd);

	if (fd < 0)
		return fd;
	error = read_stats(fd, vm_rows, stats);
	close(fd);
	return error;
}
