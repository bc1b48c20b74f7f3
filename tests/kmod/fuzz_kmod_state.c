// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers from a hostile monitor, by the calls and by the run page; then what
 * the guest does with its control registers. What was taken reads back the
 * same, and from a legal state a guest gets to legal states only.
 */
#include "kmod_env.h"
#include "fuzz.h"

#define RAM 0x4000u

static struct baton_vcpu *v;
static u8 *ram;

/* Mostly a legal value, or one that is a bit away from it. */
static void change_u64(struct fuzz *f, u64 *value)
{
	u8 kind = fuzz_u8(f);

	if (kind < 0x40)
		*value = fuzz_u64(f);
	else
		*value ^= 1ull << (kind & 63);
}

/* Where PAE paging needs PDPTEs and none are given, the guest's memory has them, or none. */
static void expect_pdptes(struct baton_sregs *s)
{
	u64 at = s->cr3 & 0xffffffe0;

	if (!baton_uses_pdptes(s) || memchr_inv(s->pdpte, 0, sizeof(s->pdpte)))
		return;
	if (at < RAM)
		memcpy(s->pdpte, ram + at, sizeof(s->pdpte));
	if (!baton_pdptes_ok(v, s->pdpte))
		memset(s->pdpte, 0, sizeof(s->pdpte));
}

static void set_sregs(struct fuzz *f)
{
	struct baton_sregs in = v->sregs, out, before = v->sregs;
	unsigned int i, changes = fuzz_u8(f) % 12;

	in.apic_base = v->apic.base;
	in.cr8 = baton_lapic_cr8(v);
	for (i = 0; i < changes; i++)
		change_u64(f, (u64 *)&in + fuzz_u8(f) % (sizeof(in) / 8));
	if (baton_set_sregs(v, &in)) {
		FUZZ_CHECK(!memcmp(&before, &v->sregs, sizeof(before)));
		return;
	}
	expect_pdptes(&in);
	FUZZ_CHECK(!baton_get_sregs(v, &out) && !memcmp(&in, &out, sizeof(in)));
}

static void set_regs(struct fuzz *f)
{
	struct baton_regs in = v->regs;
	unsigned int i, changes = fuzz_u8(f) % 4;

	for (i = 0; i < changes; i++)
		change_u64(f, (u64 *)&in + fuzz_u8(f) % (sizeof(in) / 8));
	if (!baton_set_regs(v, &in))
		FUZZ_CHECK(!memcmp(&in, &v->regs, sizeof(in)));
	FUZZ_CHECK(baton_regs_ok(v->regs.rip, v->regs.rflags));
}

static void set_events(struct fuzz *f)
{
	struct baton_events in, out;

	fuzz_bytes(f, &in, sizeof(in));
	if (fuzz_bool(f)) {
		in.flags &= BATON_EV_MASK;
		in.mp_state &= 3;
		in.reserved0 = in.reserved1 = 0;
	}
	if (baton_set_events(v, &in))
		return;
	FUZZ_CHECK(!baton_get_events(v, &out));
	FUZZ_CHECK(out.flags == in.flags && out.mp_state == in.mp_state);
	FUZZ_CHECK(!baton_set_events(v, &out));
	baton_queue_exception(v, fuzz_u8(f) & 31, fuzz_bool(f), fuzz_u32(f));
	FUZZ_CHECK(!v->ev.exception || v->ev.vector < 32);
}

static void set_debugregs(struct fuzz *f)
{
	struct baton_debugregs in, out;

	fuzz_bytes(f, &in, sizeof(in));
	if (baton_set_debugregs(v, &in))
		return;
	FUZZ_CHECK(!baton_get_debugregs(v, &out) && !baton_check_debugregs(&out));
}

static void set_xsave(struct fuzz *f)
{
	static struct baton_xsave in, out;
	unsigned int i, changes = fuzz_u8(f) & 7;

	baton_get_xsave(v, &in);
	for (i = 0; i < changes; i++)
		in.image[(fuzz_bool(f) ? 512 : 0) + fuzz_u8(f)] = fuzz_u8(f);
	if (baton_set_xsave(v, &in))
		return;
	/* x87 and SSE are there without XSAVE, too. */
	FUZZ_CHECK(!(in.image[512] & ~(baton_xcr0_supported() | 3)) && !in.image[513]);
	baton_get_xsave(v, &out);
	FUZZ_CHECK(!baton_set_xsave(v, &out));
}

static void commit(struct fuzz *f)
{
	struct baton_run *run = v->run;

	baton_run_export(v, BATON_CLASS_ALL);
	run->commit = fuzz_u8(f) & 7;
	change_u64(f, (u64 *)&run->regs +
		   fuzz_u8(f) % ((sizeof(run->regs) + sizeof(run->sregs)) / 8));
	if (!baton_run_commit(v))
		FUZZ_CHECK(!run->commit);
}

static void by_guest(struct fuzz *f, u8 what)
{
	u64 value;

	switch (what & 3) {
	case 0:
		value = v->sregs.cr0;
		change_u64(f, &value);
		baton_set_cr0(v, value);
		break;
	case 1:
		value = v->sregs.cr4;
		change_u64(f, &value);
		baton_set_cr4(v, value);
		break;
	case 2:
		value = v->sregs.efer;
		change_u64(f, &value);
		baton_set_efer(v, value);
		break;
	default:
		v->regs.gpr[BATON_RAX] = fuzz_u16(f);
		v->regs.gpr[BATON_RCX] = v->regs.gpr[BATON_RDX] = 0;
		baton_exit_xsetbv(v, 0);
	}
}

static void by_monitor(struct fuzz *f, u8 what)
{
	static void (*const calls[])(struct fuzz *) = {
		set_sregs, set_sregs, set_regs, set_events, set_debugregs, set_xsave,
		commit, commit,
	};

	calls[what & 7](f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baton_vm *vm = kmod_vm_create(1);
	struct fuzz f = { data, size };
	struct baton_sregs now;

	v = vm->vcpus[0];
	ram = kmod_ram_add(vm, 0, 0, RAM);
	fuzz_bytes(&f, ram, fuzz_u8(&f));
	if (fuzz_bool(&f))
		v->cpuid.features = fuzz_u32(&f);
	while (f.left) {
		u8 what = fuzz_u8(&f);

		if (what & 8)
			by_guest(&f, what);
		else
			by_monitor(&f, what);
		FUZZ_CHECK(!baton_get_sregs(v, &now) && !baton_check_sregs(v, &now));
	}
	kmod_vm_destroy(vm);
	return 0;
}
