// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt messages: from address and data, or an ICR's fields, to the vCPUs
 * that they mean, and on to those. Any context; senders share nothing but the
 * targets' posted bits and requests, so there is no lock.
 *
 * vCPUs live as long as their VM. Registers of other vCPUs that decide about a
 * match (mode, LDR, DFR, SVR) are read as they are at that moment: a guest that
 * changes them while messages are under way gets either answer, as on hardware.
 */
#include "vcpu.h"

#define MSI_ADDRESS_TOP 0xfee

/* vCPUs of a VM as bits by APIC id. */
#define TARGETS_ALL (~0ull)
static_assert(BATON_MAX_VCPUS == 64, "target sets are 64 bits wide");

/* --- destinations ------------------------------------------------------------ */

static bool logical_match_xapic(const struct baton_lapic *apic, u32 dest)
{
	u32 ldr = READ_ONCE(apic->regs[APIC_REG_LDR]) >> 24;

	if (READ_ONCE(apic->regs[APIC_REG_DFR]) >> 28 == 0xf)
		return ldr & dest;
	/* Cluster model: upper half names the cluster, 15 all of them. */
	if (dest >> 4 != 0xf && dest >> 4 != ldr >> 4)
		return false;
	return ldr & dest & 0xf;
}

static bool logical_match(const struct baton_vcpu *vcpu, u32 dest)
{
	const struct baton_lapic *apic = &vcpu->apic;
	u32 ldr;

	if (!baton_apic_x2(apic))
		return dest <= 0xff && logical_match_xapic(apic, dest);
	ldr = baton_apic_x2_ldr(vcpu->id);
	return ldr >> 16 == dest >> 16 && ldr & dest & 0xffff;
}

static u64 match_logical(struct baton_vm *vm, u32 dest, bool wide)
{
	u64 targets = 0, left = TARGETS_ALL;
	struct baton_vcpu *vcpu;
	u32 id;

	/* An x2APIC destination says in which 16 ids to look. */
	if (wide)
		left = dest >> 16 < 4 ? (u64)(dest & 0xffff) << (dest >> 16) * 16 : 0;
	for (; left; left &= left - 1) {
		id = __ffs64(left);
		vcpu = baton_vcpu_by_id(vm, id);
		if (vcpu && logical_match(vcpu, dest))
			targets |= BIT_ULL(id);
	}
	return targets;
}

/* Which vCPUs does a message mean? wide: 32-bit destination of an x2APIC sender. */
static u64 match(struct baton_vm *vm, u32 dest, bool logical, bool wide)
{
	if (dest == (wide ? 0xffffffff : 0xff))
		return TARGETS_ALL;
	if (logical)
		return match_logical(vm, dest, wide);
	return dest < BATON_MAX_VCPUS ? BIT_ULL(dest) : 0;
}

/* --- delivery ------------------------------------------------------------------ */

static void deliver(struct baton_vcpu *vcpu, enum baton_apic_mode mode, u8 vector, bool level,
		    struct baton_vcpu *self)
{
	switch (mode) {
	case APIC_DELIVER_FIXED:
	case APIC_DELIVER_LOWEST:
		if (vcpu == self)
			baton_apic_raise(vcpu, vector, level);
		else
			baton_lapic_post(vcpu, vector, level);
		break;
	case APIC_DELIVER_NMI:
		WRITE_ONCE(vcpu->nmi_posted, true);
		baton_request(vcpu, BATON_REQ_EVENT);
		break;
	case APIC_DELIVER_INIT:
		/* One that came before waits for no INIT. */
		clear_bit(BATON_REQ_SIPI, &vcpu->requests);
		baton_request(vcpu, BATON_REQ_INIT);
		break;
	case APIC_DELIVER_SIPI:
		WRITE_ONCE(vcpu->apic.sipi_vector, vector);
		baton_request(vcpu, BATON_REQ_SIPI);
		break;
	case APIC_DELIVER_SMI:
	case APIC_DELIVER_EXTINT:
		break; /* there is no SMM and no 8259 behind a message */
	}
}

/* Those of the targets that there are; for lowest priority, that take interrupts. */
static u64 present(struct baton_vm *vm, u64 targets, bool accepting)
{
	struct baton_vcpu *vcpu;
	u64 left, found = 0;
	u32 id;

	for (left = targets; left; left &= left - 1) {
		id = __ffs64(left);
		vcpu = baton_vcpu_by_id(vm, id);
		if (vcpu && READ_ONCE(vcpu->apic.base) & MSR_IA32_APICBASE_ENABLE &&
		    (!accepting || READ_ONCE(vcpu->apic.regs[APIC_REG_SVR]) & APIC_SVR_ENABLE))
			found |= BIT_ULL(id);
	}
	return found;
}

/* One of the targets, always the same for a vector, spread over them by vector. */
static u64 pick_one(u64 targets, u8 vector)
{
	u32 skip = targets ? vector % hweight64(targets) : 0;

	while (skip--)
		targets &= targets - 1;
	return targets & -targets;
}

/*
 * Sends to each target that exists; lowest priority picks one. self: the
 * caller's own vCPU or NULL. Without a target the message is lost, as on hardware.
 */
static void send(struct baton_vm *vm, u64 targets, enum baton_apic_mode mode, u8 vector,
		 bool level, struct baton_vcpu *self)
{
	u64 left = present(vm, targets, mode == APIC_DELIVER_LOWEST);

	if (mode == APIC_DELIVER_LOWEST)
		left = pick_one(left, vector);
	for (; left; left &= left - 1)
		deliver(baton_vcpu_by_id(vm, __ffs64(left)), mode, vector, level, self);
}

/*
 * SDM "Message Signalled Interrupts". Address: 0xfee at 31:20, destination at
 * 19:12, redirection hint at 3, logical at 2. Data: trigger mode at 15, level
 * at 14, delivery mode at 10:8, vector at 7:0. Other bits are ignored.
 */
bool baton_msi_valid(u64 address, u32 data)
{
	enum baton_apic_mode mode = data >> 8 & 7;

	if (address >> 20 != MSI_ADDRESS_TOP || mode == 3 || mode == APIC_DELIVER_SIPI)
		return false;
	return mode > APIC_DELIVER_LOWEST || (u8)data >= APIC_VECTOR_MIN;
}

int baton_msi_deliver(struct baton_vm *vm, u64 address, u32 data)
{
	enum baton_apic_mode mode = data >> 8 & 7;
	bool level = data & 0x8000;

	if (!baton_msi_valid(address, data))
		return -EINVAL;
	/* De-assertion of a level: nothing to withdraw, the message was the edge. */
	if (level && !(data & 0x4000))
		return 0;
	if (address & 8 && mode == APIC_DELIVER_FIXED)
		mode = APIC_DELIVER_LOWEST;
	send(vm, match(vm, address >> 12 & 0xff, address & 4, false), mode, data, level, NULL);
	return 0;
}

/* --- interprocessor interrupts ---------------------------------------------------- */

enum shorthand { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };

static bool ipi_legal(struct baton_vcpu *vcpu, u32 icr)
{
	enum baton_apic_mode mode = icr >> 8 & 7;
	enum shorthand to = icr >> 18 & 3;
	bool vectored = mode == APIC_DELIVER_FIXED || mode == APIC_DELIVER_LOWEST;

	if (vectored && (u8)icr < APIC_VECTOR_MIN) {
		baton_apic_error(vcpu, APIC_ESR_SEND_ILLEGAL);
		return false;
	}
	/* SDM "Valid Combinations": with oneself among the targets, only fixed. */
	if ((to == TO_SELF || to == TO_ALL) && mode != APIC_DELIVER_FIXED)
		return false;
	/* INIT level de-assert does nothing since the Pentium 4. */
	if (mode == APIC_DELIVER_INIT && (icr & 0xc000) == 0x8000)
		return false;
	return vectored || mode == APIC_DELIVER_NMI || mode == APIC_DELIVER_INIT ||
	       mode == APIC_DELIVER_SIPI;
}

static u64 ipi_targets(struct baton_vcpu *vcpu, u32 icr, u32 dest, bool wide)
{
	switch ((enum shorthand)(icr >> 18 & 3)) {
	case TO_DEST:
		return match(vcpu->vm, dest, icr & 0x800, wide);
	case TO_SELF:
		return BIT_ULL(vcpu->id);
	case TO_ALL:
		return TARGETS_ALL;
	default:
		return TARGETS_ALL & ~BIT_ULL(vcpu->id);
	}
}

int baton_apic_send_set(struct baton_vcpu *vcpu, u64 targets, u64 icr)
{
	enum baton_apic_mode mode = icr >> 8 & 7;

	/* Only what the set leaves open, and no mode that it was not made for. */
	if (icr & ~0xc7ffull || (mode != APIC_DELIVER_FIXED && mode != APIC_DELIVER_NMI))
		return -EINVAL;
	targets = present(vcpu->vm, targets, false);
	send(vcpu->vm, targets, mode, icr, false, vcpu);
	return hweight64(targets);
}

void baton_apic_send_ipi(struct baton_vcpu *vcpu, u32 icr, u32 dest, bool wide)
{
	if (!ipi_legal(vcpu, icr))
		return;
	baton_count(vcpu, BATON_STAT_IPIS);
	send(vcpu->vm, ipi_targets(vcpu, icr, dest, wide), icr >> 8 & 7, icr, false, vcpu);
}
