// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/state_check.c and exits.c: what a guest does by itself. CR0, CR4 and
 * EFER with the ways in and out of long mode, PAE's page-directory pointers,
 * debug registers, XSETBV, exceptions that meet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "kmod_env.h"

#define RAM 0x10000u
#define PDPTES 0x2000u

static struct baton_vm *vm;
static struct baton_vcpu *v;
static u8 *memory;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(1);
	v = vm->vcpus[0];
	memory = kmod_ram_add(vm, 0, 0, RAM);
	v->sregs.cr0 = X86_CR0_ET;
	v->dirty = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	return 0;
}

/* Runs `call`, which must be refused, and has to leave everything as it was. */
#define assert_refused(call) do { \
	struct baton_sregs before_ = v->sregs; \
	assert_false(call); \
	assert_memory_equal(&before_, &v->sregs, sizeof(before_)); } while (0)

static void enter_long_mode(void)
{
	assert_true(baton_set_cr4(v, X86_CR4_PAE));
	assert_true(baton_set_efer(v, EFER_LME));
	assert_true(baton_set_cr0(v, X86_CR0_PE));
	assert_true(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG));
}

static void test_cr0(void **state)
{
	unsigned int bit;

	(void)state;
	/* ET is always set, reserved bits below 32 are ignored. */
	assert_true(baton_set_cr0(v, 0));
	assert_int_equal(v->sregs.cr0, X86_CR0_ET);
	assert_true(v->dirty & BATON_ST_SREGS);
	assert_true(baton_set_cr0(v, 0x1ffaffc0 | X86_CR0_PE));
	assert_int_equal(v->sregs.cr0, X86_CR0_ET | X86_CR0_PE);
	for (bit = 32; bit < 64; bit++)
		assert_refused(baton_set_cr0(v, X86_CR0_PE | 1ull << bit));
	assert_refused(baton_set_cr0(v, X86_CR0_PG));
	assert_refused(baton_set_cr0(v, X86_CR0_NW));
	assert_true(baton_set_cr0(v, X86_CR0_NW | X86_CR0_CD));
}

static void test_long_mode(void **state)
{
	(void)state;
	enter_long_mode();
	assert_int_equal(v->sregs.efer, EFER_LME | EFER_LMA);
	/* LME stands while paging is on; PAE has to. */
	assert_refused(baton_set_efer(v, 0));
	assert_refused(baton_set_cr4(v, 0));
	assert_refused(baton_set_cr4(v, X86_CR4_PAE | X86_CR4_LA57));
	/* The guest cannot write LMA. */
	assert_true(baton_set_efer(v, EFER_LME | EFER_NX));
	assert_int_equal(v->sregs.efer, EFER_LME | EFER_LMA | EFER_NX);
	/* Out: not from a 64-bit code segment, nor with PCIDs. */
	v->sregs.seg[BATON_CS].attr |= BATON_SEG_L;
	assert_refused(baton_set_cr0(v, X86_CR0_PE));
	v->sregs.seg[BATON_CS].attr &= ~BATON_SEG_L;
	assert_true(baton_set_cr4(v, X86_CR4_PAE | X86_CR4_PCIDE));
	assert_refused(baton_set_cr0(v, X86_CR0_PE));
	assert_true(baton_set_cr4(v, X86_CR4_PAE));
	assert_true(baton_set_cr0(v, X86_CR0_PE));
	assert_int_equal(v->sregs.efer, EFER_LME | EFER_NX);
	assert_true(baton_set_efer(v, EFER_LMA));
	assert_int_equal(v->sregs.efer, 0);
}

static void test_into_long_mode(void **state)
{
	(void)state;
	assert_true(baton_set_cr0(v, X86_CR0_PE));
	assert_true(baton_set_efer(v, EFER_LME));
	assert_refused(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG)); /* no PAE */
	assert_true(baton_set_cr4(v, X86_CR4_PAE));
	v->sregs.seg[BATON_CS].attr |= BATON_SEG_L;
	assert_refused(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG));
	v->sregs.seg[BATON_CS].attr &= ~BATON_SEG_L;
	assert_true(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG));
	assert_true(v->sregs.efer & EFER_LMA);
}

static void test_cr4(void **state)
{
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		bool legal = v->cpuid.cr4_allowed >> bit & 1 && 1ull << bit != X86_CR4_PCIDE;

		if (legal)
			assert_true(baton_set_cr4(v, 1ull << bit));
		else
			assert_refused(baton_set_cr4(v, 1ull << bit));
	}
	assert_true(baton_set_cr4(v, 0));
	enter_long_mode();
	/* PCIDs begin with PCID 0. */
	v->sregs.cr3 = 0x1001;
	assert_refused(baton_set_cr4(v, X86_CR4_PAE | X86_CR4_PCIDE));
	v->sregs.cr3 = 0x1000;
	assert_true(baton_set_cr4(v, X86_CR4_PAE | X86_CR4_PCIDE));
	v->sregs.cr3 = 0x1001;
	assert_true(baton_set_cr4(v, X86_CR4_PAE | X86_CR4_PCIDE | X86_CR4_PGE));
}

static void test_efer(void **state)
{
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		bool known = bit == 0 || bit == 8 || bit == 10 || bit == 11 || bit == 14;

		if (known)
			assert_true(baton_set_efer(v, 1ull << bit));
		else
			assert_refused(baton_set_efer(v, 1ull << bit));
	}
	v->cpuid.features = 0;
	assert_refused(baton_set_efer(v, EFER_NX));
	assert_refused(baton_set_efer(v, EFER_LME));
	assert_refused(baton_set_efer(v, EFER_FFXSR));
	assert_true(baton_set_efer(v, EFER_SCE));
}

/* --- PAE -------------------------------------------------------------------------- */

static void put_pdpte(unsigned int i, u64 entry)
{
	memcpy(memory + PDPTES + i * 8, &entry, sizeof(entry));
}

static void test_pdptes(void **state)
{
	unsigned int i, bit;

	(void)state;
	v->sregs.cr3 = PDPTES;
	for (i = 0; i < 4; i++)
		put_pdpte(i, 0x1000 * i | 1);
	assert_true(baton_set_cr0(v, X86_CR0_PE));
	assert_true(baton_set_cr4(v, X86_CR4_PAE));
	assert_true(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG));
	for (i = 0; i < 4; i++)
		assert_int_equal(v->sregs.pdpte[i], 0x1000 * i | 1);
	/* Each reserved bit, in each entry; none counts if it is not present. */
	for (i = 0; i < 4; i++) {
		for (bit = 1; bit < 64; bit++) {
			bool reserved = (bit < 9 && bit != 3 && bit != 4) || bit >= KMOD_PHYS_BITS;

			put_pdpte(i, 1 | 1ull << bit);
			assert_int_equal(baton_load_pdptes(v), !reserved);
			put_pdpte(i, 1ull << bit);
			assert_true(baton_load_pdptes(v));
		}
	}
}

/* With paging on, writes that may change them load them again, and can fail. */
static void test_pdptes_loaded(void **state)
{
	(void)state;
	v->sregs.cr3 = PDPTES;
	put_pdpte(2, 2 | 1);
	assert_true(baton_set_cr0(v, X86_CR0_PE));
	assert_true(baton_set_cr4(v, X86_CR4_PAE));
	assert_refused(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG));
	put_pdpte(2, 1);
	assert_true(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG));
	put_pdpte(2, 2 | 1);
	assert_refused(baton_set_cr4(v, X86_CR4_PAE | X86_CR4_PGE));
	assert_refused(baton_set_cr4(v, X86_CR4_PAE | X86_CR4_PSE));
	assert_true(baton_set_cr4(v, X86_CR4_PAE | X86_CR4_MCE));
	/* Off and on again. */
	assert_true(baton_set_cr4(v, 0));
	assert_refused(baton_set_cr4(v, X86_CR4_PAE));
}

static void test_pdptes_not_there(void **state)
{
	(void)state;
	/* Where no memory is: as not present, the guest takes its fault later. */
	v->sregs.cr3 = 0xfffff000;
	v->sregs.pdpte[0] = 5;
	assert_true(baton_load_pdptes(v));
	assert_int_equal(v->sregs.pdpte[0], 0);
	/* Not over the end of a slot. */
	v->sregs.cr3 = RAM - 32;
	assert_true(baton_load_pdptes(v));
}

static bool every_access_faults(unsigned long at, size_t size)
{
	(void)at, (void)size;
	return true;
}

/* The host took the page away: no fault of the guest's, the instruction runs again. */
static void test_pdptes_not_resident(void **state)
{
	(void)state;
	v->sregs.cr3 = PDPTES;
	put_pdpte(0, 1);
	assert_true(baton_set_cr0(v, X86_CR0_PE));
	assert_true(baton_set_cr4(v, X86_CR4_PAE));
	assert_false(baton_must_rerun(v));
	kshim_user_fault = every_access_faults;
	assert_false(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG));
	kshim_user_fault = NULL;
	assert_true(baton_must_rerun(v));
	assert_int_equal(v->touch_gpa, PDPTES);
	assert_int_equal(v->sregs.cr0 & X86_CR0_PG, 0);
	v->requests = 0;
	assert_true(baton_set_cr0(v, X86_CR0_PE | X86_CR0_PG));
}

/* --- XSETBV ------------------------------------------------------------------------ */

static bool guest_xsetbv(u32 index, u64 value, u8 cpl)
{
	v->regs.gpr[BATON_RCX] = index | 0xffffffff00000000;
	v->regs.gpr[BATON_RAX] = (u32)value | 0xffffffff00000000;
	v->regs.gpr[BATON_RDX] = value >> 32;
	return baton_exit_xsetbv(v, cpl);
}

static void test_xsetbv(void **state)
{
	u64 value;

	(void)state;
	v->cpuid.xcr0_allowed = 7;
	for (value = 0; value < 0x200; value++)
		assert_int_equal(guest_xsetbv(0, value, 0), value == 1 || value == 3 || value == 7);
	assert_true(guest_xsetbv(0, 7, 0));
	assert_int_equal(v->sregs.xcr0, 7);
	assert_refused(guest_xsetbv(1, 3, 0));
	assert_refused(guest_xsetbv(0, 3, 3));
	assert_refused(guest_xsetbv(0, 3 | 1ull << 63, 0));
	v->cpuid.xcr0_allowed = 1;
	assert_refused(guest_xsetbv(0, 3, 0));
}

/* --- exceptions ------------------------------------------------------------------------ */

enum class { BENIGN, CONTRIBUTORY, PAGE_FAULT };

static enum class class_of(u8 vector)
{
	if (vector == 14)
		return PAGE_FAULT;
	return vector == 0 || (vector >= 10 && vector <= 13) ? CONTRIBUTORY : BENIGN;
}

/* SDM "Conditions for Generating a Double Fault": row is the first one. */
static bool doubles(u8 first, u8 second)
{
	static const bool table[3][3] = {
		{ false, false, false }, { false, true, false }, { false, true, true },
	};

	return table[class_of(first)][class_of(second)];
}

static void check_pair(u8 first, u8 second, bool delivering)
{
	memset(&v->ev, 0, sizeof(v->ev));
	v->requests = 0;
	if (delivering) {
		v->ev.exception = true;
		v->ev.vector = first;
	} else {
		baton_queue_exception(v, first, false, 0);
	}
	baton_queue_exception(v, second, true, 0x55);
	if (first == 8) {
		assert_true(v->requests & 1ul << BATON_REQ_SHUTDOWN);
		return;
	}
	assert_int_equal(v->requests, 0);
	assert_true(v->ev.exception && v->ev.has_error && !v->ev.reinject);
	assert_int_equal(v->ev.vector, doubles(first, second) ? 8 : second);
	assert_int_equal(v->ev.error, doubles(first, second) ? 0 : 0x55);
}

static void test_exceptions(void **state)
{
	unsigned int first, second;

	(void)state;
	for (first = 0; first < 32; first++) {
		for (second = 0; second < 32; second++) {
			check_pair(first, second, false);
			check_pair(first, second, true);
		}
	}
}

/* SDM vol. 3, "Exception and Interrupt Reference": an entry has to agree with it. */
static void test_error_codes(void **state)
{
	unsigned int vector;

	(void)state;
	for (vector = 0; vector < 256; vector++) {
		bool has = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;

		assert_int_equal(baton_has_error_code(vector, X86_CR0_PE | X86_CR0_PG), has);
		assert_false(baton_has_error_code(vector, X86_CR0_ET));
	}
}

static void test_halt(void **state)
{
	(void)state;
	assert_int_equal(baton_exit_hlt(v), BATON_LEAVE);
	assert_int_equal(v->mp_state, BATON_MP_HALTED);
	/* An NMI that is blocked must not wake it. */
	assert_true(v->save & BATON_ST_EVENTS);
}

static void test_msw_and_cr8(void **state)
{
	(void)state;
	assert_true(baton_set_cr0(v, X86_CR0_WP));
	assert_true(baton_set_msw(v, 0xffff));
	assert_int_equal(v->sregs.cr0, X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS |
			 X86_CR0_ET | X86_CR0_WP);
	/* PE stays. */
	assert_true(baton_set_msw(v, 0));
	assert_int_equal(v->sregs.cr0, X86_CR0_PE | X86_CR0_ET | X86_CR0_WP);
	assert_true(baton_set_cr8(v, 15));
	assert_int_equal(baton_lapic_cr8(v), 15);
	assert_false(baton_set_cr8(v, 16));
	assert_int_equal(baton_lapic_cr8(v), 15);
}

static bool mov_dr(struct baton_dr_access access)
{
	memset(&v->ev, 0, sizeof(v->ev));
	v->dirty = 0;
	return baton_exit_dr(v, &access);
}

static u64 read_dr(u8 dr)
{
	struct baton_dr_access access = { .dr = dr, .value = 0x5a5a };

	assert_true(baton_exit_dr(v, &access));
	return access.value;
}

#define assert_exception(expected) do { \
	assert_true(v->ev.exception); \
	assert_int_equal(v->ev.vector, expected); } while (0)

static void test_debug_registers(void **state)
{
	u8 dr;

	(void)state;
	for (dr = 0; dr < 4; dr++)
		assert_true(mov_dr((struct baton_dr_access) {
			.dr = dr, .write = true, .value = 0x1234567800000000ull + dr }));
	assert_int_equal(v->dirty, BATON_ST_DEBUG);
	assert_int_equal(read_dr(3), 0x1234567800000003ull);
	/* Bits that are not there read as they are fixed. */
	assert_true(mov_dr((struct baton_dr_access) { .dr = 6, .write = true, .value = ~0u }));
	assert_int_equal(read_dr(6), 0xffffefffull);
	assert_true(mov_dr((struct baton_dr_access) { .dr = 7, .write = true, .value = 0xd5ff }));
	assert_int_equal(v->dbg.dr7, 0x5ff | 0x400);
	/* 4 and 5 are 6 and 7, or nothing. */
	assert_int_equal(read_dr(4), v->dbg.dr6);
	assert_int_equal(read_dr(5), v->dbg.dr7);
	assert_false(mov_dr((struct baton_dr_access) { .dr = 5, .cr4 = X86_CR4_DE }));
	assert_exception(6);
	assert_false(mov_dr((struct baton_dr_access) { .dr = 8 }));
	assert_exception(6);
	assert_false(mov_dr((struct baton_dr_access) { .dr = 7, .write = true,
						       .value = 1ull << 32 }));
	assert_exception(13);
	assert_false(mov_dr((struct baton_dr_access) { .dr = 0, .cpl = 3 }));
	assert_exception(13);
	assert_int_equal(v->dirty, 0);
}

/* DR7.GD: #DB before the access, and the handler may look at them. */
static void test_general_detect(void **state)
{
	(void)state;
	v->dbg.dr6 = DR6_RESERVED | DR_STEP | DR_TRAP0;
	v->dbg.dr7 = 0x2400;
	assert_false(mov_dr((struct baton_dr_access) { .dr = 0, .write = true, .value = 1 }));
	assert_exception(1);
	assert_int_equal(v->dbg.dr[0], 0);
	assert_int_equal(v->dbg.dr6, DR6_RESERVED | DR_STEP | DR_BD);
	assert_int_equal(v->dbg.dr7, 0x400);
	assert_int_equal(v->dirty, BATON_ST_DEBUG);
	assert_true(mov_dr((struct baton_dr_access) { .dr = 0, .write = true, .value = 1 }));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_cr0), T(test_long_mode), T(test_into_long_mode), T(test_cr4), T(test_efer),
		T(test_pdptes), T(test_pdptes_loaded), T(test_pdptes_not_there),
		T(test_pdptes_not_resident), T(test_xsetbv),
		T(test_exceptions), T(test_error_codes), T(test_halt),
		T(test_msw_and_cr8), T(test_debug_registers), T(test_general_detect),
	};

	return cmocka_run_group_tests_name("kmod control", tests, NULL, NULL);
}
