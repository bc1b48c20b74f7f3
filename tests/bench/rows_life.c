// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of the life of VMs, vCPUs and slots: calls of the monitor, no guest. Each
 * is repeated and the best one counts; waiting is not work (see ticks.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "hv.h"

#define REPEATS 20
#define VCPUS 16u
#define SLOT_SIZE (16u << 20)

static int create_and_destroy(struct bench *bench, struct lap *ret_lap)
{
	struct stopwatch watch;
	struct hv_vm *vm;
	int error;

	stopwatch_start(&watch);
	error = hv_vm_create(bench->hv, &vm);
	if (error)
		return error;
	hv_vm_destroy(vm);
	*ret_lap = stopwatch_stop(&watch);
	return 0;
}

static int best_vm(struct bench *bench, struct lap *best)
{
	struct lap lap;

	*best = (struct lap){ 1e18, 1e18 };
	for (int i = 0; i < REPEATS; i++) {
		int error = create_and_destroy(bench, &lap);

		if (error)
			return error;
		if (lap.busy < best->busy)
			best->busy = lap.busy;
		if (lap.elapsed_us < best->elapsed_us)
			best->elapsed_us = lap.elapsed_us;
	}
	return 0;
}

static void measure_vm(struct bench *bench, const struct row *row, struct result *result)
{
	struct lap best;
	int error = best_vm(bench, &best);

	if (error)
		result_fail(result, "VM: %s", strerror(-error));
	else
		result->value = row->plan ? best.elapsed_us : best.busy;
}

static int create_vcpu(struct bench *bench, struct hv_vm *vm, uint32_t id,
		       struct hv_vcpu **ret_vcpu, struct lap *ret_lap)
{
	struct stopwatch watch;
	int error;

	stopwatch_start(&watch);
	error = hv_vcpu_create(vm, id, ret_vcpu);
	if (!error)
		error = hv_vcpu_set_cpuid(*ret_vcpu, bench->cpuid, bench->cpuid_count);
	*ret_lap = stopwatch_stop(&watch);
	return error;
}

static void measure_vcpu(struct bench *bench, const struct row *row, struct result *result)
{
	struct hv_vcpu *vcpu[VCPUS] = { NULL };
	struct hv_vm *vm = NULL;
	struct lap lap;
	int error = hv_vm_create(bench->hv, &vm);

	(void)row;
	result->value = 1e18;
	for (uint32_t i = 0; i < VCPUS && !error; i++) {
		error = create_vcpu(bench, vm, i, &vcpu[i], &lap);
		if (!error && lap.busy < result->value)
			result->value = lap.busy;
	}
	if (error)
		result_fail(result, "vCPU: %s", strerror(-error));
	for (uint32_t i = 0; i < VCPUS; i++)
		hv_vcpu_destroy(vcpu[i]);
	hv_vm_destroy(vm);
}

static int add_and_remove(struct hv_vm *vm, void *memory, struct lap *ret_lap)
{
	struct hv_slot slot = { .id = 1, .gpa = 1u << 30, .size = SLOT_SIZE, .hva = memory };
	struct stopwatch watch;
	int error;

	stopwatch_start(&watch);
	error = hv_vm_set_slot(vm, &slot);
	if (error)
		return error;
	slot.size = 0;
	error = hv_vm_set_slot(vm, &slot);
	*ret_lap = stopwatch_stop(&watch);
	return error;
}

static void measure_slot(struct bench *bench, const struct row *row, struct result *result)
{
	void *memory = mmap(NULL, SLOT_SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct hv_vm *vm = NULL;
	struct lap lap;
	int error = memory == MAP_FAILED ? -errno : hv_vm_create(bench->hv, &vm);

	(void)row;
	result->value = 1e18;
	for (int i = 0; i < REPEATS && !error; i++) {
		error = add_and_remove(vm, memory, &lap);
		if (!error && lap.busy < result->value)
			result->value = lap.busy;
	}
	if (error)
		result_fail(result, "slot: %s", strerror(-error));
	hv_vm_destroy(vm);
	if (memory != MAP_FAILED)
		munmap(memory, SLOT_SIZE);
}

const struct row life_rows[] = {
	{ "vm-create-destroy", measure_vm, NULL },
	{ "vm-create-destroy-us", measure_vm, "elapsed" },
	{ "vcpu-create", measure_vcpu, NULL },
	{ "slot-add-remove", measure_slot, NULL },
	{ NULL, NULL, NULL },
};
