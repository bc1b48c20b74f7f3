// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSR policy (see msr.h). Intel SDM vol. 4 and AMD APM vol. 2 appendix A for
 * indices and bits; KVM's documented numbers for the paravirtual clock.
 *
 * The few that guests use all the time are compared for first; all others are
 * found in the table. A write judges the whole value before it changes anything,
 * since a refused one is a #GP without effect. No MSR of the host is read for
 * the guest but where the table says so, and then by the safe accessor.
 */
#include <linux/kvm_para.h>
#include <linux/nospec.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/tsc.h>

#include "compat.h"
#include "vcpu.h"

/* AMD's decode configuration: the kernel's name for it differs by version. */
#define MSR_DE_CFG	0xc0011029u

#define MTRR_CAP_VALUE	(BATON_MTRR_VAR | 1u << 8 | 1u << 10) /* variable, fixed, WC */
#define MTRR_ENABLE_MASK 0xc00ull
#define MTRR_VALID	(1ull << 11)
#define PAT_RESET	0x0007040600070406ull
#define DEBUGCTL_IGNORED 3ull	/* LBR, BTF: taken without effect, as there is no LBR */
#define NB_CFG_IGNORED	(1ull << 46)	/* extended PCI configuration by ports: it is on */
#define MISC_RESET	(MSR_IA32_MISC_ENABLE_FAST_STRING | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
			 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)
/* Thermal control, EIST, MONITOR, CPUID's limit, xTPR, no NX: kept without effect. */
#define MISC_KEPT	0x400c50008ull
#define LFENCE_SERIALIZES (1ull << 1)
#define HWCR_TSC_AT_P0	(1ull << 24)

/*
 * ARCH_CAPABILITIES: what the host is immune to, the guest is; what VERW clears, it does
 * in guests as well; that RETs use other predictors (RSBA, RRSBA) is a weakness, which
 * a guest has to know of. Not all kernels have names for FB_CLEAR (17), BHI_NO
 * (20), GDS_NO (26), RFDS_NO, RFDS_CLEAR and ITS_NO (62).
 */
#define ARCH_CAP_OFFERED (ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SSB_NO | \
			  ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | \
			  ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | \
			  ARCH_CAP_PBRSB_NO | ARCH_CAP_RSBA | ARCH_CAP_RRSBA | BIT_ULL(17) | \
			  BIT_ULL(20) | BIT_ULL(26) | BIT_ULL(27) | BIT_ULL(28) | BIT_ULL(62))

/* What a write's value must be, besides having no bit outside `writable`. */
enum rule {
	ANY,
	CANONICAL,
	SPECULATION,	/* what hardware takes: it gets the value as it is */
	PAT_TYPES,
	MTRR_FIXED,	/* eight types */
	MTRR_VAR,	/* base or mask, by the index's lowest bit */
	MTRR_DEF,
	IGNORE,		/* a legal write changes nothing */
	PV_ADDRESS,	/* of what a paravirtual service shares with the guest; pv.h */
	READ_ONLY,	/* #GP for the guest; the monitor restores it */
	SPECIAL,	/* write_special(), and special() if it has no field */
};

struct policy {
	u32 index;
	u32 feature;	/* BATON_GF_*: without it there is no such MSR; 0: always */
	u64 writable;	/* other bits must be 0; for SPECIAL of no meaning */
	u64 reset;
	u16 field;	/* offset in struct baton_msr_file */
	u8 rule;
	bool hardware;	/* the backend loads it: BATON_ST_MSRS becomes dirty */
	bool keeps;	/* INIT leaves it alone */
	bool listed;	/* worth saving */
};

#define ALL (~0ull)
#define FIELD(name) .field = offsetof(struct baton_msr_file, name)
#define VALUE(i, name, r, w, ...) \
	{ .index = i, FIELD(name), .rule = r, .writable = w, .listed = true, __VA_ARGS__ }
#define MADE(i, ...) { .index = i, .rule = SPECIAL, __VA_ARGS__ }
#define MTRR(i, name, r) VALUE(i, name, r, ALL, .feature = BATON_GF_MTRR, .keeps = true)
#define MTRR_PAIR(n) MTRR(0x200 + 2 * (n), mtrr_var[2 * (n)], MTRR_VAR), \
		     MTRR(0x201 + 2 * (n), mtrr_var[2 * (n) + 1], MTRR_VAR)
/* The eight of 32 KiB from 0xc0000 on. */
#define MTRR_4K(n) MTRR(MSR_MTRRfix4K_C0000 + (n), mtrr_fixed[3 + (n)], MTRR_FIXED)
/* AMD's first performance counters: no CPUID bit tells of them. They count nothing. */
#define IDLE_PAIR(n) MADE(MSR_K7_EVNTSEL0 + (n)), MADE(MSR_K7_EVNTSEL0 + (n) + 1)
#define SYSCALL(i, name, r, w) VALUE(i, name, r, w, .hardware = true, .keeps = true, \
				     .feature = BATON_GF_LONG_MODE)

/* Ascending by index. */
static const struct policy policies[] = {
	MADE(MSR_IA32_TSC, .listed = true),
	MADE(MSR_IA32_PLATFORM_ID),
	MADE(MSR_IA32_APICBASE),
	VALUE(MSR_IA32_FEAT_CTL, feat_ctl, READ_ONLY, FEAT_CTL_LOCKED,
	      .reset = FEAT_CTL_LOCKED, .keeps = true),
	VALUE(MSR_IA32_TSC_ADJUST, tsc_adjust, SPECIAL, ALL, .feature = BATON_GF_TSC_ADJUST,
	      .keeps = true),
	VALUE(MSR_IA32_SPEC_CTRL, spec_ctrl, SPECULATION, ALL, .hardware = true,
	      .feature = BATON_GF_SPEC_CTRL),
	MADE(MSR_IA32_PRED_CMD, .feature = BATON_GF_PRED_CMD),
	VALUE(MSR_IA32_UCODE_REV, bios_sign_id, IGNORE, ALL, .keeps = true),
	MADE(MSR_MTRRcap, .feature = BATON_GF_MTRR),
	MADE(MSR_IA32_ARCH_CAPABILITIES, .feature = BATON_GF_ARCH_CAP),
	VALUE(MSR_IA32_SYSENTER_CS, sysenter_cs, ANY, 0xffffffff, .hardware = true),
	VALUE(MSR_IA32_SYSENTER_ESP, sysenter_esp, CANONICAL, ALL, .hardware = true),
	VALUE(MSR_IA32_SYSENTER_EIP, sysenter_eip, CANONICAL, ALL, .hardware = true),
	MADE(MSR_IA32_MCG_CAP),
	VALUE(MSR_IA32_MCG_STATUS, mcg_status, ANY, 7, .keeps = true),
	VALUE(MSR_IA32_MISC_ENABLE, misc_enable, ANY, MISC_RESET | MISC_KEPT,
	      .reset = MISC_RESET, .keeps = true),
	MADE(MSR_IA32_DEBUGCTLMSR),
	MTRR_PAIR(0), MTRR_PAIR(1), MTRR_PAIR(2), MTRR_PAIR(3),
	MTRR_PAIR(4), MTRR_PAIR(5), MTRR_PAIR(6), MTRR_PAIR(7),
	MTRR(MSR_MTRRfix64K_00000, mtrr_fixed[0], MTRR_FIXED),
	MTRR(MSR_MTRRfix16K_80000, mtrr_fixed[1], MTRR_FIXED),
	MTRR(MSR_MTRRfix16K_A0000, mtrr_fixed[2], MTRR_FIXED),
	MTRR_4K(0), MTRR_4K(1), MTRR_4K(2), MTRR_4K(3),
	MTRR_4K(4), MTRR_4K(5), MTRR_4K(6), MTRR_4K(7),
	VALUE(MSR_IA32_CR_PAT, pat, PAT_TYPES, ALL, .reset = PAT_RESET, .hardware = true,
	      .keeps = true),
	MTRR(MSR_MTRRdefType, mtrr_def_type, MTRR_DEF),
	MADE(MSR_IA32_TSC_DEADLINE, .feature = BATON_GF_TSC_DEADLINE),
	VALUE(MSR_KVM_WALL_CLOCK_NEW, pv_wall_clock, SPECIAL, ALL, .feature = BATON_GF_PVCLOCK),
	VALUE(MSR_KVM_SYSTEM_TIME_NEW, pv_system_time, SPECIAL, ALL,
	      .feature = BATON_GF_PVCLOCK),
	VALUE(MSR_KVM_STEAL_TIME, pv_steal, PV_ADDRESS, ~0x3eull, .feature = BATON_GF_PV_STEAL),
	VALUE(MSR_KVM_PV_EOI_EN, pv_eoi, PV_ADDRESS, ~2ull, .feature = BATON_GF_PV_EOI),
	VALUE(MSR_KVM_POLL_CONTROL, pv_poll, ANY, 1, .reset = 1, .feature = BATON_GF_PV_POLL),
	MADE(MSR_EFER),
	SYSCALL(MSR_STAR, star, ANY, ALL),
	SYSCALL(MSR_LSTAR, lstar, CANONICAL, ALL),
	SYSCALL(MSR_CSTAR, cstar, CANONICAL, ALL),
	SYSCALL(MSR_SYSCALL_MASK, sfmask, ANY, 0xffffffff),
	MADE(MSR_FS_BASE, .feature = BATON_GF_LONG_MODE),
	MADE(MSR_GS_BASE, .feature = BATON_GF_LONG_MODE),
	SYSCALL(MSR_KERNEL_GS_BASE, kernel_gs_base, CANONICAL, ALL),
	VALUE(MSR_TSC_AUX, tsc_aux, ANY, 0xffffffff, .hardware = true, .keeps = true,
	      .feature = BATON_GF_RDTSCP),
	IDLE_PAIR(0), IDLE_PAIR(2), IDLE_PAIR(4), IDLE_PAIR(6),
	MADE(MSR_AMD64_SYSCFG),
	MADE(MSR_K7_HWCR),
	MADE(MSR_AMD64_NB_CFG),
	/* Read as 0 by systems that do not ask whether they are there. */
	MADE(MSR_K8_INT_PENDING_MSG),
	MADE(MSR_AMD_PSTATE_DEF_BASE),
	MADE(MSR_DE_CFG),
};

static const struct policy *find(const struct baton_vcpu *vcpu, u32 index)
{
	u32 low = 0, high = ARRAY_SIZE(policies);
	const struct policy *policy;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (policies[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == ARRAY_SIZE(policies))
		return NULL;
	policy = &policies[array_index_nospec(low, ARRAY_SIZE(policies))];
	if (policy->index != index ||
	    (policy->feature && !baton_guest_has(&vcpu->cpuid, policy->feature)))
		return NULL;
	return policy;
}

/* Some of those that are special to write have a field, too, which is not the first one. */
static bool is_stored(const struct policy *policy)
{
	return policy->rule != SPECIAL || policy->field;
}

static u64 *value_of(struct baton_vcpu *vcpu, const struct policy *policy)
{
	return (void *)&vcpu->msr + policy->field;
}

/* --- rules ------------------------------------------------------------------- */

/* Memory types 0, 1, 4, 5, 6; the PAT also has 7. */
static bool type_ok(u8 type, bool pat)
{
	return type < 8 && (pat ? 0xf3 : 0x73) & 1u << type;
}

static bool types_ok(u64 value, bool pat)
{
	int i;

	for (i = 0; i < 64; i += 8)
		if (!type_ok(value >> i, pat))
			return false;
	return true;
}

static bool mtrr_var_ok(const struct baton_vcpu *vcpu, u32 index, u64 value)
{
	if (value >> vcpu->cpuid.phys_bits)
		return false;
	if (index & 1)
		return !(value & (MTRR_VALID - 1));
	return !(value & 0xf00) && type_ok(value, false);
}

/*
 * Bits that the MSR has. X86_FEATURE_SSBD is no sign of one: the kernel also sets
 * it where it has another MSR for that.
 */
static u64 spec_ctrl_bits(void)
{
	return (boot_cpu_has(X86_FEATURE_IBRS) ? SPEC_CTRL_IBRS : 0) |
	       (boot_cpu_has(X86_FEATURE_STIBP) ? SPEC_CTRL_STIBP : 0) |
	       (boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD) ||
		boot_cpu_has(X86_FEATURE_AMD_SSBD) ? SPEC_CTRL_SSBD : 0);
}

static bool obeys(const struct baton_vcpu *vcpu, const struct policy *policy, u64 value)
{
	if (value & ~policy->writable)
		return false;
	switch ((enum rule)policy->rule) {
	case CANONICAL:
		return baton_base_ok(value);
	case SPECULATION:
		return !(value & ~spec_ctrl_bits());
	case PAT_TYPES:
		return types_ok(value, true);
	case MTRR_FIXED:
		return types_ok(value, false);
	case MTRR_VAR:
		return mtrr_var_ok(vcpu, policy->index, value);
	case PV_ADDRESS:
		return !(value >> vcpu->cpuid.phys_bits);
	case MTRR_DEF:
		return !(value & ~(0xffull | MTRR_ENABLE_MASK)) && type_ok(value, false);
	default:
		return true;
	}
}

/* --- those that are more than a value ------------------------------------------ */

static void move_tsc(struct baton_vcpu *vcpu, u64 by)
{
	WRITE_ONCE(vcpu->tsc_offset, vcpu->tsc_offset + by);
	WRITE_ONCE(vcpu->vm->tsc_moved, true);
	vcpu->dirty |= BATON_ST_TSC;
	baton_lapic_tsc_changed(vcpu);
	/* All: they tell whether their counters are the same. */
	baton_request_all(vcpu->vm, BATON_REQ_CLOCK);
}

/*
 * SDM "IA32_TSC_ADJUST": what the guest does to one of the two, it does to both. The
 * monitor saves and restores vCPUs one after the other: what is less than a second from
 * the one before is the same moment.
 */
static bool write_tsc(struct baton_vcpu *vcpu, bool host, u64 value)
{
	u64 by = value - baton_guest_tsc(vcpu), second = 1000ull * vcpu->vm->tsc_khz;
	struct baton_vm *vm = vcpu->vm;
	u64 ahead = vcpu->tsc_offset + by - READ_ONCE(vm->tsc_offset);

	if (!host) {
		vcpu->msr.tsc_adjust += by;
	} else if (READ_ONCE(vm->tsc_set) && ahead + second <= 2 * second) {
		by -= ahead;
	} else {
		WRITE_ONCE(vm->tsc_offset, vcpu->tsc_offset + by);
		WRITE_ONCE(vm->tsc_set, true);
	}
	move_tsc(vcpu, by);
	return true;
}

static bool write_tsc_adjust(struct baton_vcpu *vcpu, bool host, u64 value)
{
	if (!host)
		move_tsc(vcpu, value - vcpu->msr.tsc_adjust);
	vcpu->msr.tsc_adjust = value;
	return true;
}

/* A command: it reads as #GP, and acts at once (we are in the guest's window). */
static bool write_pred_cmd(bool host, u64 value)
{
	if (value & ~(u64)PRED_CMD_IBPB || host)
		return false;
	if (value && boot_cpu_has(X86_FEATURE_IBPB))
		wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	return true;
}

/* KVM ABI: address of a structure, 4-byte aligned; the clock's has bit 0 as switch. */
static bool write_pv(struct baton_vcpu *vcpu, u32 index, u64 value)
{
	u64 address = index == MSR_KVM_SYSTEM_TIME_NEW ? value & ~BATON_PV_ENABLED : value;

	if (address & 3 || address >> vcpu->cpuid.phys_bits)
		return false;
	if (index == MSR_KVM_SYSTEM_TIME_NEW) {
		vcpu->msr.pv_system_time = value;
	} else {
		vcpu->msr.pv_wall_clock = value;
		vcpu->msr.pv_wall_due = value != 0;
	}
	/* Guest memory is written outside of the window, before the guest goes on. */
	baton_request(vcpu, BATON_REQ_CLOCK);
	return true;
}

static bool write_base(struct baton_vcpu *vcpu, enum baton_seg seg, u64 value)
{
	if (!baton_base_ok(value))
		return false;
	vcpu->sregs.seg[seg].base = value;
	vcpu->dirty |= BATON_ST_SREGS;
	return true;
}

static u64 arch_capabilities(void)
{
	u64 host = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrq_safe(MSR_IA32_ARCH_CAPABILITIES, &host);
#ifdef X86_BUG_ITS
	/* Guests that do not see it mend their branches, on processors without the bug, too. */
	if (!boot_cpu_has_bug(X86_BUG_ITS))
		host |= ARCH_CAP_ITS_NO;
#endif
	return host & ARCH_CAP_OFFERED;
}

static u64 special(struct baton_vcpu *vcpu, u32 index)
{
	switch (index) {
	case MSR_IA32_TSC:
		return baton_guest_tsc(vcpu);
	case MSR_IA32_APICBASE:
		return vcpu->apic.base;
	case MSR_MTRRcap:
		return MTRR_CAP_VALUE;
	case MSR_IA32_ARCH_CAPABILITIES:
		return arch_capabilities();
	case MSR_IA32_TSC_DEADLINE:
		return baton_lapic_get_tsc_deadline(vcpu);
	case MSR_EFER:
		return vcpu->sregs.efer;
	case MSR_FS_BASE:
		return vcpu->sregs.seg[BATON_FS].base;
	case MSR_GS_BASE:
		return vcpu->sregs.seg[BATON_GS].base;
	case MSR_K7_HWCR:
		return HWCR_TSC_AT_P0;
	case MSR_DE_CFG:
		return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? LFENCE_SERIALIZES : 0;
	default:
		return 0; /* no error banks, platform id, LBR, counters; plain SYSCFG */
	}
}

static bool write_special(struct baton_vcpu *vcpu, u32 index, bool host, u64 value)
{
	switch (index) {
	case MSR_IA32_TSC:
		return write_tsc(vcpu, host, value);
	case MSR_IA32_APICBASE:
		return host ? baton_lapic_restore_base(vcpu, value) :
			      baton_lapic_set_base(vcpu, value);
	case MSR_IA32_TSC_ADJUST:
		return write_tsc_adjust(vcpu, host, value);
	case MSR_IA32_PRED_CMD:
		return write_pred_cmd(host, value);
	case MSR_IA32_DEBUGCTLMSR:
		return !(value & ~DEBUGCTL_IGNORED);
	case MSR_AMD64_NB_CFG:
		return !(value & ~NB_CFG_IGNORED);
	case MSR_KVM_WALL_CLOCK_NEW:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return write_pv(vcpu, index, value);
	case MSR_EFER:
		return baton_set_efer(vcpu, value);
	case MSR_FS_BASE:
		return write_base(vcpu, BATON_FS, value);
	case MSR_GS_BASE:
		return write_base(vcpu, BATON_GS, value);
	case MSR_K7_EVNTSEL0 ... MSR_K7_PERFCTR3:
		return true;
	case MSR_K7_HWCR:
	case MSR_DE_CFG:
	case MSR_AMD64_SYSCFG:
		/* Writing what is there is how a system makes sure of it. */
		return value == special(vcpu, index);
	default:
		return false;
	}
}

/* --- access ------------------------------------------------------------------- */

static bool is_x2apic(u32 index)
{
	return index >> 8 == APIC_BASE_MSR >> 8;
}

bool baton_msr_read(struct baton_vcpu *vcpu, u32 index, bool host, u64 *ret_value)
{
	const struct policy *policy;

	if (is_x2apic(index))
		return baton_lapic_msr_read(vcpu, index, ret_value);
	policy = find(vcpu, index);
	if (!policy || index == MSR_IA32_PRED_CMD)
		return false;
	*ret_value = is_stored(policy) ? *value_of(vcpu, policy) : special(vcpu, index);
	return true;
}

static bool write_value(struct baton_vcpu *vcpu, const struct policy *policy, bool host,
			u64 value)
{
	if (policy->rule == READ_ONLY && !host)
		return false;
	if (!obeys(vcpu, policy, value))
		return false;
	if (policy->rule == IGNORE && !host)
		return true;
	/* What the guest left at the old address is of no later use; the new one is due. */
	if (policy->rule == PV_ADDRESS) {
		baton_apic_settle(vcpu);
		vcpu->pv.steal_seen = BATON_STEAL_LOOK;
	}
	*value_of(vcpu, policy) = value;
	if (policy->hardware)
		vcpu->dirty |= BATON_ST_MSRS;
	return true;
}

bool baton_msr_write(struct baton_vcpu *vcpu, u32 index, bool host, u64 value)
{
	const struct policy *policy;

	if (is_x2apic(index))
		return baton_lapic_msr_write(vcpu, index, value);
	if (index == MSR_IA32_TSC_DEADLINE &&
	    baton_guest_has(&vcpu->cpuid, BATON_GF_TSC_DEADLINE)) {
		baton_lapic_set_tsc_deadline(vcpu, value);
		return true;
	}
	policy = find(vcpu, index);
	if (!policy)
		return false;
	if (policy->rule == SPECIAL)
		return write_special(vcpu, index, host, value);
	return write_value(vcpu, policy, host, value);
}

int baton_msr_list(void *list, u32 *count)
{
	struct baton_msr *msrs = list;
	u32 room = *count, used = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		if (policies[i].listed && used++ < room)
			msrs[used - 1] = (struct baton_msr) { .index = policies[i].index };
	}
	*count = used;
	return used > room ? -E2BIG : 0;
}

void baton_msr_reset(struct baton_vcpu *vcpu, bool init)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		const struct policy *policy = &policies[i];

		if (is_stored(policy) && !(init && policy->keeps))
			*value_of(vcpu, policy) = policy->reset;
	}
	vcpu->msr.pv_wall_due = false;
}
