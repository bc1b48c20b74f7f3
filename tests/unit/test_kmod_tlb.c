// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/tlb.c: which CPUs a flush interrupts. A vCPU in the guest is found
 * whatever its id and whatever holes the ids below have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "kmod_env.h"

static struct baton_vm *vm;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(0);
	kshim_ipi_cpus = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	return 0;
}

static void enter(struct baton_vcpu *vcpu, int cpu)
{
	vcpu->cpu = cpu;
	vcpu->mode = BATON_MODE_GUEST;
}

static void test_nobody(void **state)
{
	(void)state;
	baton_tlb_flush(vm);
	kmod_vcpu_add(vm, 3)->mode = BATON_MODE_BLOCKED;
	baton_tlb_flush(vm);
	assert_int_equal(kshim_ipi_cpus, 0);
	assert_int_equal(atomic64_read(&vm->tlb_gen), 2);
}

static void test_all_ids(void **state)
{
	struct baton_vcpu *vcpu;
	u32 id;

	(void)state;
	/* Downwards: each new one makes the ids below its predecessor's less empty. */
	for (id = BATON_MAX_VCPUS; id-- > 0; ) {
		vcpu = kmod_vcpu_add(vm, id);
		enter(vcpu, id % 8);
		kshim_ipi_cpus = 0;
		baton_tlb_flush(vm);
		assert_true(kshim_ipi_cpus & BIT(id % 8));
		vcpu->mode = BATON_MODE_OUT;
	}
}

/* A creation that the flush sees half of: the bound is there, the pointer is not. */
static void test_while_creating(void **state)
{
	(void)state;
	enter(kmod_vcpu_add(vm, 5), 1);
	vm->vcpu_top = BATON_MAX_VCPUS;
	baton_tlb_flush(vm);
	assert_int_equal(kshim_ipi_cpus, BIT(1));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_nobody), T(test_all_ids), T(test_while_creating),
	};

	return cmocka_run_group_tests_name("kmod tlb", tests, NULL, NULL);
}
