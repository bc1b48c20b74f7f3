// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/pv.c: what the guest shares with the module in its own memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "lapic_guest.h"

#define PV_EOI 0x4b564d04u
#define EOI_FLAG 0x5004u
#define RAM_SIZE 0x10000u

static struct baton_vm *vm;
static struct baton_vcpu *v;
static u8 *ram;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(2);
	v = vm->vcpus[1];
	ram = kmod_ram_add(vm, 0, 0, RAM_SIZE);
	x2_on(v);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kshim_user_fault = NULL;
	kmod_vm_destroy(vm);
	return 0;
}

static bool wrmsr(u32 index, u64 value)
{
	return baton_msr_write(v, index, false, value);
}

/* --- lazy EOI ---------------------------------------------------------------- */

static bool in_service(u8 vector)
{
	return v->apic.regs[APIC_REG_ISR + vector / 32] >> vector % 32 & 1;
}

static void lazy_on(void)
{
	assert_true(wrmsr(PV_EOI, EOI_FLAG | 1));
}

/* As a guest ends its interrupt. True: it had to write EOI. */
static bool end(void)
{
	if (ram[EOI_FLAG] & 1) {
		ram[EOI_FLAG] &= ~1;
		return false;
	}
	assert_true(x2_wr(v, APIC_REG_EOI, 0));
	return true;
}

static void test_eoi_is_spared(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(ram[EOI_FLAG], 1);
	assert_false(end());
	/* The same priority class: only if the first one is over. */
	baton_lapic_post(v, 0x41, false);
	assert_int_equal(take(v), 0x41);
	assert_false(in_service(0x40));
	assert_false(end());
	/* By the vCPU itself, and by its timer. */
	assert_true(x2_wr(v, APIC_REG_SELF_IPI, 0x42));
	assert_true(baton_lapic_has_work(v));
	assert_int_equal(take(v), 0x42);
}

static void test_eoi_off_by_default(void **state)
{
	(void)state;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_true(end());
	lazy_on();
	assert_true(wrmsr(PV_EOI, EOI_FLAG));
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_true(end());
}

/* It comes before the handler is done: the guest has to tell. */
static void test_eoi_with_another_behind(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_lapic_post(v, 0x30, false);
	assert_int_equal(take(v), -1);
	assert_true(in_service(0x40));
	assert_true(end());
	assert_int_equal(take(v), 0x30);
	assert_false(end());
	/* Two at once: likewise. */
	baton_lapic_post(v, 0x50, false);
	baton_lapic_post(v, 0x60, false);
	assert_int_equal(take(v), 0x60);
	assert_true(end());
	assert_int_equal(take(v), 0x50);
	assert_false(end());
}

static void test_eoi_nested(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_lapic_post(v, 0x80, false);
	assert_int_equal(take(v), 0x80);
	/* The inner one is spared, the outer one is told. */
	assert_false(end());
	assert_true(in_service(0x80));
	assert_true(end());
	assert_false(in_service(0x80));
	assert_false(in_service(0x40));
	assert_int_equal(x2_rd(v, APIC_REG_PPR), 0);
}

static void test_eoi_of_level(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, true);
	assert_int_equal(take(v), 0x40);
	assert_true(end());
	assert_true(kmod_take_request(v, BATON_REQ_EOI));
	assert_int_equal(v->apic.eoi_vector, 0x40);
	/* The same vector as an edge, then as a level while it is served. */
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_lapic_post(v, 0x40, true);
	assert_int_equal(take(v), -1);
	assert_true(end());
	assert_int_equal(take(v), 0x40);
	assert_true(end());
	assert_true(kmod_take_request(v, BATON_REQ_EOI));
}

static void test_eoi_seen_in_registers(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(x2_rd(v, APIC_REG_PPR), 0x40);
	/* Whoever looks has it told from then on. */
	assert_true(end());
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_false(end());
	assert_int_equal(x2_rd(v, APIC_REG_ISR + 2), 0);
}

static void test_eoi_saved_and_restored(void **state)
{
	struct baton_lapic_state saved;

	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(baton_get_lapic(v, &saved), 0);
	/* Saved as being served: so it must be told. */
	assert_int_equal(saved.regs[(APIC_REG_ISR + 2) * 16], 1);
	assert_int_equal(ram[EOI_FLAG], 0);
	baton_lapic_post(v, 0x50, false);
	assert_int_equal(take(v), 0x50);
	assert_int_equal(ram[EOI_FLAG], 1);
	assert_int_equal(baton_set_lapic(v, &saved), 0);
	assert_int_equal(ram[EOI_FLAG], 0);
	assert_true(end());
	assert_false(in_service(0x40));
	/* And ended before it is saved. */
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_false(end());
	assert_int_equal(baton_get_lapic(v, &saved), 0);
	assert_int_equal(saved.regs[(APIC_REG_ISR + 2) * 16], 0);
}

static void test_eoi_reset(void **state)
{
	u64 value = 1;

	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_vcpu_reset(v, true);
	assert_true(baton_msr_read(v, PV_EOI, false, &value));
	assert_int_equal(value, 0);
	assert_int_equal(v->apic.lazy_eoi, 0);
}

static bool every_access(unsigned long address, size_t size)
{
	(void)address;
	(void)size;
	return true;
}

/* Memory that is not there: no lazy EOI; or it is taken for done. */
static void test_eoi_without_memory(void **state)
{
	(void)state;
	lazy_on();
	kshim_user_fault = every_access;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(v->apic.lazy_eoi, 0);
	assert_true(end());
	kshim_user_fault = NULL;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	kshim_user_fault = every_access;
	baton_lapic_post(v, 0x41, false);
	assert_int_equal(take(v), 0x41);
	/* Both end, in whatever way. */
	assert_false(end());
	assert_true(end());
	assert_int_equal(x2_rd(v, APIC_REG_PPR), 0);
	assert_true(wrmsr(PV_EOI, RAM_SIZE | 1));
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_true(end());
}

/* Outside of a window the write is logged; a window leaves logged memory alone. */
static void test_eoi_and_the_log(void **state)
{
	struct baton_slot slot = {
		.id = 0, .size = RAM_SIZE, .hva = (uintptr_t)ram, .flags = BATON_SLOT_LOG_DIRTY,
	};
	struct baton_dirty_log log = { .count = RAM_SIZE / BATON_PAGE_SIZE };
	u64 bits = 0;

	(void)state;
	lazy_on();
	log.bitmap = (uintptr_t)&bits;
	assert_int_equal(baton_slot_set(vm, &slot), 0);
	kshim_irqs_off = true;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	kshim_irqs_off = false;
	assert_int_equal(ram[EOI_FLAG], 0);
	assert_true(end());
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_int_equal(bits, 0);
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(ram[EOI_FLAG], 1);
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_int_equal(bits, 1 << EOI_FLAG / BATON_PAGE_SIZE);
}

static void test_eoi_address(void **state)
{
	(void)state;
	assert_false(wrmsr(PV_EOI, EOI_FLAG | 3));
	assert_false(wrmsr(PV_EOI, EOI_FLAG | 2));
	assert_false(wrmsr(PV_EOI, 1ull << KMOD_PHYS_BITS | 1));
	v->cpuid.features &= ~BATON_GF_PV_EOI;
	assert_false(wrmsr(PV_EOI, EOI_FLAG | 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_eoi_is_spared),
		TEST(test_eoi_off_by_default),
		TEST(test_eoi_with_another_behind),
		TEST(test_eoi_nested),
		TEST(test_eoi_of_level),
		TEST(test_eoi_seen_in_registers),
		TEST(test_eoi_saved_and_restored),
		TEST(test_eoi_reset),
		TEST(test_eoi_without_memory),
		TEST(test_eoi_and_the_log),
		TEST(test_eoi_address),
	};

	return cmocka_run_group_tests_name("kmod pv", tests, NULL, NULL);
}
