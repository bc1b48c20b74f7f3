// SPDX-License-Identifier: GPL-2.0-or-later
/* Safety test A4: state goes in and comes out; what no processor takes is refused. */
#define _GNU_SOURCE /* memfd_create */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

struct vm {
	int sys, vm, vcpu;
};

static struct vm open_vm(void)
{
	struct vm v = { .sys = abi_open() };

	v.vm = abi_vm(v.sys);
	v.vcpu = abi_vcpu_cpuid(v.sys, v.vm, 0);
	return v;
}

static void close_vm(struct vm *v)
{
	close(v->vcpu);
	close(v->vm);
	close(v->sys);
}

static void test_reset_state(void)
{
	struct vm v = open_vm();
	struct baton_regs regs;
	struct baton_sregs sregs;
	struct baton_events events;

	EXPECT(!ioctl(v.vcpu, BATON_GET_REGS, &regs));
	EXPECT(regs.rip == 0xfff0 && regs.rflags == 2 && regs.gpr[BATON_RDX] == 0x600);
	EXPECT(!ioctl(v.vcpu, BATON_GET_SREGS, &sregs));
	EXPECT(sregs.cr0 == 0x60000010 && !sregs.cr4 && !sregs.efer && sregs.xcr0 == 1);
	EXPECT(sregs.seg[BATON_CS].selector == 0xf000 && sregs.seg[BATON_CS].base == 0xffff0000);
	EXPECT(sregs.apic_base == (0xfee00000 | 0x900));
	EXPECT(!ioctl(v.vcpu, BATON_GET_EVENTS, &events));
	EXPECT(!events.flags && events.mp_state == BATON_MP_RUNNABLE);
	close_vm(&v);
}

static void test_regs(void)
{
	struct vm v = open_vm();
	struct baton_regs in = { .rip = 0x1234, .rflags = 0x246 }, out;

	for (int i = 0; i < BATON_GPR_COUNT; i++)
		in.gpr[i] = 0x1111111111111111ull * i;
	EXPECT(!ioctl(v.vcpu, BATON_SET_REGS, &in));
	EXPECT(!ioctl(v.vcpu, BATON_GET_REGS, &out));
	EXPECT(!memcmp(&in, &out, sizeof(in)));
	in.rflags = 0;
	FAILS(ioctl(v.vcpu, BATON_SET_REGS, &in), EINVAL);
	in.rflags = 0x2 | 1ull << 40;
	FAILS(ioctl(v.vcpu, BATON_SET_REGS, &in), EINVAL);
	in.rflags = 2;
	in.rip = 1ull << 60;
	FAILS(ioctl(v.vcpu, BATON_SET_REGS, &in), EINVAL);
	EXPECT(!ioctl(v.vcpu, BATON_GET_REGS, &out));
	EXPECT(out.rip == 0x1234);
	close_vm(&v);
}

/* Changes to the reset state that must be refused, each alone. */
static void cr0_pg_without_pe(struct baton_sregs *s) { s->cr0 = 0x80000010; }
static void cr0_nw_without_cd(struct baton_sregs *s) { s->cr0 = 0x20000011; }
static void cr0_reserved(struct baton_sregs *s) { s->cr0 |= 1ull << 32; }
static void cr4_vmxe(struct baton_sregs *s) { s->cr4 |= 1 << 13; }
static void cr4_reserved(struct baton_sregs *s) { s->cr4 |= 1ull << 40; }
static void efer_lma_alone(struct baton_sregs *s) { s->efer |= 1 << 10; }
static void efer_svme(struct baton_sregs *s) { s->efer |= 1 << 12; }
static void efer_reserved(struct baton_sregs *s) { s->efer |= 1ull << 20; }
static void xcr0_empty(struct baton_sregs *s) { s->xcr0 = 0; }
static void xcr0_avx_without_sse(struct baton_sregs *s) { s->xcr0 = 5; }
static void xcr0_mpx(struct baton_sregs *s) { s->xcr0 |= 0x18; }
static void cr8_large(struct baton_sregs *s) { s->cr8 = 16; }
static void cr3_wide(struct baton_sregs *s) { s->cr3 = 1ull << 53; }
static void cs_unusable(struct baton_sregs *s) { s->seg[BATON_CS].attr |= BATON_SEG_UNUSABLE; }
static void seg_attr(struct baton_sregs *s) { s->seg[BATON_DS].attr |= 0x0200; }
static void seg_limit(struct baton_sregs *s) { s->seg[BATON_DS].limit = 0xffffffff; }
static void fs_base(struct baton_sregs *s) { s->seg[BATON_FS].base = 1ull << 60; }
static void gdt_base(struct baton_sregs *s) { s->gdt.base = 1ull << 60; }
static void gdt_limit(struct baton_sregs *s) { s->gdt.limit = 0x10000; }
static void gdt_reserved(struct baton_sregs *s) { s->gdt.reserved = 1; }
static void apic_base_wide(struct baton_sregs *s) { s->apic_base |= 1ull << 60; }
static void apic_base_x2_alone(struct baton_sregs *s) { s->apic_base = 0xfee00400; }

static const struct {
	const char *name;
	void (*change)(struct baton_sregs *s);
} bad_sregs[] = {
#define BAD(f) { #f, f }
	BAD(cr0_pg_without_pe), BAD(cr0_nw_without_cd), BAD(cr0_reserved), BAD(cr4_vmxe),
	BAD(cr4_reserved), BAD(efer_lma_alone), BAD(efer_svme), BAD(efer_reserved),
	BAD(xcr0_empty), BAD(xcr0_avx_without_sse), BAD(xcr0_mpx), BAD(cr8_large),
	BAD(cr3_wide), BAD(cs_unusable), BAD(seg_attr), BAD(seg_limit), BAD(fs_base),
	BAD(gdt_base), BAD(gdt_limit), BAD(gdt_reserved), BAD(apic_base_wide),
	BAD(apic_base_x2_alone),
};

static void test_sregs(void)
{
	struct vm v = open_vm();
	struct baton_sregs good, bad, out;

	EXPECT(!ioctl(v.vcpu, BATON_GET_SREGS, &good));
	EXPECT(!ioctl(v.vcpu, BATON_SET_SREGS, &good));
	for (size_t i = 0; i < sizeof(bad_sregs) / sizeof(bad_sregs[0]); i++) {
		bad = good;
		bad_sregs[i].change(&bad);
		errno = 0;
		if (ioctl(v.vcpu, BATON_SET_SREGS, &bad) != -1 || errno != EINVAL) {
			printf("  %s was not refused\n", bad_sregs[i].name);
			abi_failures++;
		}
		EXPECT(!ioctl(v.vcpu, BATON_GET_SREGS, &out));
		EXPECT(!memcmp(&good, &out, sizeof(out)));
	}
	good.cr8 = 5;
	good.seg[BATON_ES].base = 0x12340;
	EXPECT(!ioctl(v.vcpu, BATON_SET_SREGS, &good));
	EXPECT(!ioctl(v.vcpu, BATON_GET_SREGS, &out));
	EXPECT(!memcmp(&good, &out, sizeof(out)));
	close_vm(&v);
}

static void test_small_classes(void)
{
	struct vm v = open_vm();
	struct baton_debugregs debug = { .dr = { 1, 2, 3, 4 }, .dr6 = 0xffff0ff0, .dr7 = 0x400 }, d;
	struct baton_events events = { .flags = BATON_EV_EXCEPTION | BATON_EV_ERROR_CODE,
				       .exception = 13, .error_code = 0x10 }, e;
	static struct baton_xsave xsave, x;
	struct baton_lapic_state lapic, l;

	EXPECT(!ioctl(v.vcpu, BATON_SET_DEBUGREGS, &debug));
	EXPECT(!ioctl(v.vcpu, BATON_GET_DEBUGREGS, &d) && !memcmp(&debug, &d, sizeof(d)));
	debug.dr7 = 1ull << 32;
	FAILS(ioctl(v.vcpu, BATON_SET_DEBUGREGS, &debug), EINVAL);
	EXPECT(!ioctl(v.vcpu, BATON_SET_EVENTS, &events));
	EXPECT(!ioctl(v.vcpu, BATON_GET_EVENTS, &e) && !memcmp(&events, &e, sizeof(e)));
	events.exception = 32;
	FAILS(ioctl(v.vcpu, BATON_SET_EVENTS, &events), EINVAL);
	events = (struct baton_events) { .mp_state = 7 };
	FAILS(ioctl(v.vcpu, BATON_SET_EVENTS, &events), EINVAL);
	events = (struct baton_events) { .flags = 1u << 20 };
	FAILS(ioctl(v.vcpu, BATON_SET_EVENTS, &events), EINVAL);
	EXPECT(!ioctl(v.vcpu, BATON_GET_XSAVE, &xsave));
	memset(xsave.image + 160, 0x5a, 16);	/* XMM0 */
	xsave.image[512] |= 2;
	EXPECT(!ioctl(v.vcpu, BATON_SET_XSAVE, &xsave));
	EXPECT(!ioctl(v.vcpu, BATON_GET_XSAVE, &x) && !memcmp(&xsave, &x, sizeof(x)));
	x.image[520] = 1;			/* XCOMP_BV */
	FAILS(ioctl(v.vcpu, BATON_SET_XSAVE, &x), EINVAL);
	x = xsave;
	x.image[519] = 0x80;			/* XSTATE_BV bit 63 */
	FAILS(ioctl(v.vcpu, BATON_SET_XSAVE, &x), EINVAL);
	EXPECT(!ioctl(v.vcpu, BATON_GET_LAPIC, &lapic));
	EXPECT(!ioctl(v.vcpu, BATON_SET_LAPIC, &lapic));
	EXPECT(!ioctl(v.vcpu, BATON_GET_LAPIC, &l) && !memcmp(&lapic, &l, sizeof(l)));
	close_vm(&v);
}

static void test_commit(void)
{
	struct vm v = open_vm();
	struct baton_run *run = abi_map_run(v.vcpu);

	run->immediate_exit = 1;
	run->commit = 0x80;
	FAILS(ioctl(v.vcpu, BATON_RUN, 0), EINVAL);
	run->commit = BATON_CLASS_REGS;
	memset(&run->regs, 0xff, sizeof(run->regs));
	FAILS(ioctl(v.vcpu, BATON_RUN, 0), EINVAL);
	run->commit = BATON_CLASS_SREGS;
	memset(&run->sregs, 0xff, sizeof(run->sregs));
	FAILS(ioctl(v.vcpu, BATON_RUN, 0), EINVAL);
	run->commit = 0;
	FAILS(ioctl(v.vcpu, BATON_RUN, 1), EINVAL);
	EXPECT(!ioctl(v.vcpu, BATON_RUN, 0) && run->exit_reason == BATON_EXIT_NONE);
	munmap(run, 4096);
	close_vm(&v);
}

/* PDPTEs of a processor that keeps none are in memory, which nobody has touched yet. */
static void test_pdptes_in_file(void)
{
	const uint64_t pdptes[4] = { 0x201001, 0, 0x203001, 0 };
	struct abi_guest g = abi_guest_start("", 0);
	int file = memfd_create("abi", MFD_CLOEXEC);
	struct baton_slot slot = { .id = 1, .gpa = 0x200000, .size = 0x10000 };
	struct baton_sregs sregs;

	EXPECT(!ftruncate(file, 0x10000));
	EXPECT(pwrite(file, pdptes, sizeof(pdptes), 0x20) == sizeof(pdptes));
	slot.hva = (uintptr_t)mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	sregs.cr0 = 0x80000011;
	sregs.cr4 = 0x20;
	sregs.cr3 = 0x200020;
	memset(sregs.pdpte, 0, sizeof(sregs.pdpte));
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	EXPECT(!memcmp(sregs.pdpte, pdptes, sizeof(pdptes)));
	munmap((void *)(uintptr_t)slot.hva, 0x10000);
	close(file);
	abi_guest_end(&g);
}

/* CPUID as the last one of the lower half: what follows is the guest's #GP, not its end. */
static void test_end_of_lower_half(void)
{
	struct abi_guest g = abi_long_guest("", 0);
	struct baton_regs regs;
	uint64_t *table, *frame;

	for (unsigned int level = 0; level < 4; level++) {
		table = (uint64_t *)(g.memory + 0x8000 + 0x1000 * level);
		table[level ? 511 : 255] = 0x9007 + 0x1000 * level;
		if (!level)
			table[0] = 0x5007; /* as abi_long.c has it */
	}
	memcpy(g.memory + 0xcffe, (unsigned char []) { 0x0f, 0xa2 }, 2);
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &g.run->sregs));
	g.run->sregs.cr3 = 0x8000;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &g.run->sregs));
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.rip = 0x7ffffffffffe;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 13);
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	frame = (uint64_t *)(g.memory + regs.gpr[BATON_RSP]);
	EXPECT(frame[1] == 0x800000000000);
	abi_guest_end(&g);
}

const struct abi_test abi_state_tests[] = {
	{ "A4: reset state", test_reset_state },
	{ "A4: registers", test_regs },
	{ "A4: system registers", test_sregs },
	{ "A4: events, debug, FPU, APIC", test_small_classes },
	{ "A4: commit", test_commit },
	{ "CPUID at the end of the lower half", test_end_of_lower_half },
	{ "PDPTEs in memory that was not touched", test_pdptes_in_file },
	{ NULL, NULL },
};
