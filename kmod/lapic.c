// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC: registers, priorities, posted vectors, EOI, modes (see lapic.h).
 *
 * Posting: a sender sets the vector's bit, then posted_any; the first one since
 * the owner looked also makes the request. The owner clears posted_any, then
 * takes the bits. Both steps are full barriers on both sides, so a vector is
 * either taken in this round or its sender sees posted_any clear.
 */
#include <linux/bitops.h>
#include <linux/nospec.h>

#include "eventfds.h"
#include "vcpu.h"

/* Registers that can be read in x2APIC mode; the page has ICR2 and DFR too. */
#define X2_READABLE (GENMASK_ULL(0x28, 0x10) | GENMASK_ULL(0x39, 0x32) | \
		     BIT_ULL(APIC_REG_ID) | BIT_ULL(APIC_REG_VERSION) | \
		     BIT_ULL(APIC_REG_TPR) | BIT_ULL(APIC_REG_PPR) | \
		     BIT_ULL(APIC_REG_LDR) | BIT_ULL(APIC_REG_SVR) | \
		     BIT_ULL(APIC_REG_ICR) | BIT_ULL(APIC_REG_DIVIDE))
#define XAPIC_READABLE (X2_READABLE | BIT_ULL(APIC_REG_DFR) | BIT_ULL(APIC_REG_ICR2) | \
			BIT_ULL(0x09) | BIT_ULL(0x0c)) /* APR, RRD: read 0 */

/* --- IRR, ISR, priorities ---------------------------------------------------- */

static u32 vector_bit(u8 vector)
{
	return 1u << (vector & 31);
}

/* Highest set bit of a 256-bit register at or below `from`'s word; -1: none. */
static int highest_bit(const u32 *regs, int from)
{
	int word;

	for (word = from >> 5; word >= 0; word--)
		if (regs[word])
			return word * 32 + fls(regs[word]) - 1;
	return -1;
}

static void update_ppr(struct baton_lapic *apic)
{
	u32 tpr = apic->regs[APIC_REG_TPR];
	u32 isrv = apic->highest_isr < 0 ? 0 : apic->highest_isr;

	apic->regs[APIC_REG_PPR] = tpr >> 4 >= isrv >> 4 ? tpr : isrv & 0xf0;
}

static bool is_level(const struct baton_lapic *apic, u8 vector)
{
	return apic->regs[APIC_REG_TMR + (vector >> 5)] & vector_bit(vector);
}

static void set_irr(struct baton_lapic *apic, u8 vector, bool level)
{
	u32 *tmr = &apic->regs[APIC_REG_TMR + (vector >> 5)];

	apic->regs[APIC_REG_IRR + (vector >> 5)] |= vector_bit(vector);
	if (unlikely(level))
		*tmr |= vector_bit(vector);
	else
		*tmr &= ~vector_bit(vector);
	if (vector > apic->highest_irr)
		apic->highest_irr = vector;
}

void baton_apic_recompute(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;

	apic->highest_irr = highest_bit(&apic->regs[APIC_REG_IRR], 255);
	apic->highest_isr = highest_bit(&apic->regs[APIC_REG_ISR], 255);
	update_ppr(apic);
}

static __always_inline void leave_service(struct baton_lapic *apic, u8 vector)
{
	apic->regs[APIC_REG_ISR + (vector >> 5)] &= ~vector_bit(vector);
	apic->highest_isr = highest_bit(&apic->regs[APIC_REG_ISR], apic->highest_isr);
	update_ppr(apic);
}

static noinline void take_lazy_eoi(struct baton_vcpu *vcpu)
{
	u8 vector = vcpu->apic.lazy_eoi;

	vcpu->apic.lazy_eoi = 0;
	if (baton_pv_eoi_take(vcpu))
		leave_service(&vcpu->apic, vector);
}

/* Here in each interrupt's way, most of the time for nothing. */
static __always_inline void settle(struct baton_vcpu *vcpu)
{
	if (unlikely(vcpu->apic.lazy_eoi))
		take_lazy_eoi(vcpu);
}

void baton_apic_settle(struct baton_vcpu *vcpu)
{
	settle(vcpu);
}

static bool accepts(const struct baton_lapic *apic)
{
	return apic->base & MSR_IA32_APICBASE_ENABLE && apic->regs[APIC_REG_SVR] & APIC_SVR_ENABLE;
}

void baton_apic_raise(struct baton_vcpu *vcpu, u8 vector, bool level)
{
	if (unlikely(!accepts(&vcpu->apic)))
		return;
	if (unlikely(vector < APIC_VECTOR_MIN)) {
		baton_apic_error(vcpu, APIC_ESR_RECV_ILLEGAL);
		return;
	}
	/* With another interrupt waiting its end must be seen. */
	settle(vcpu);
	set_irr(&vcpu->apic, vector, level);
}

void baton_apic_local(struct baton_vcpu *vcpu, enum baton_apic_reg lvt)
{
	u32 value = vcpu->apic.regs[lvt];

	if (!(value & APIC_LVT_IS_MASKED))
		baton_apic_raise(vcpu, value, false);
}

void baton_apic_error(struct baton_vcpu *vcpu, u32 esr_bit)
{
	struct baton_lapic *apic = &vcpu->apic;

	if (apic->esr_pending & esr_bit)
		return;
	apic->esr_pending |= esr_bit;
	/* An illegal vector in this very LVT must not come back here for ever. */
	if ((u8)apic->regs[APIC_REG_LVT_ERROR] >= APIC_VECTOR_MIN)
		baton_apic_local(vcpu, APIC_REG_LVT_ERROR);
}

/* --- posted vectors ------------------------------------------------------------ */

void baton_lapic_post(struct baton_vcpu *vcpu, u8 vector, bool level)
{
	struct baton_lapic *apic = &vcpu->apic;

	/* One bit, not two: the owner may take them between. */
	set_bit(vector, level ? apic->posted_level : apic->posted);
	/* Other senders rely on the kick of who was first: he must not lose his CPU before. */
	preempt_disable();
	/* Full barriers, pair with take_posted(). */
	if (!xchg(&apic->posted_any, true))
		baton_request(vcpu, BATON_REQ_EVENT);
	preempt_enable();
}

static void take_posted_word(struct baton_vcpu *vcpu, unsigned int word)
{
	struct baton_lapic *apic = &vcpu->apic;
	unsigned long level = xchg(&apic->posted_level[word], 0);
	unsigned long bits = xchg(&apic->posted[word], 0) | level;

	while (bits) {
		unsigned int bit = __ffs(bits);

		bits &= bits - 1;
		baton_apic_raise(vcpu, word * BITS_PER_LONG + bit, level >> bit & 1);
	}
}

static noinline void take_posted(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;
	unsigned int word;

	/* Pairs with baton_lapic_post(). */
	xchg(&apic->posted_any, false);
	for (word = 0; word < ARRAY_SIZE(apic->posted); word++)
		if (READ_ONCE(apic->posted[word]) | READ_ONCE(apic->posted_level[word]))
			take_posted_word(vcpu, word);
}

/* --- what the world switch asks -------------------------------------------------- */

static int deliverable(const struct baton_lapic *apic)
{
	int vector = apic->highest_irr;

	if (likely(vector >> 4 <= (int)(apic->regs[APIC_REG_PPR] >> 4)))
		return -1;
	return vector;
}

int baton_lapic_pending(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;

	if (unlikely(READ_ONCE(apic->timer_fired)))
		baton_timer_expire(vcpu);
	if (unlikely(READ_ONCE(apic->posted_any)))
		take_posted(vcpu);
	return deliverable(apic);
}

void baton_lapic_accept(struct baton_vcpu *vcpu, u8 vector)
{
	struct baton_lapic *apic = &vcpu->apic;

	apic->regs[APIC_REG_IRR + (vector >> 5)] &= ~vector_bit(vector);
	apic->regs[APIC_REG_ISR + (vector >> 5)] |= vector_bit(vector);
	apic->highest_irr = highest_bit(&apic->regs[APIC_REG_IRR], apic->highest_irr);
	if (vector > apic->highest_isr)
		apic->highest_isr = vector;
	update_ppr(apic);
	if (vcpu->msr.pv_eoi & BATON_PV_ENABLED && apic->highest_irr < 0 && !is_level(apic, vector))
		apic->lazy_eoi = baton_pv_eoi_offer(vcpu) ? vector : 0;
}

static void eoi(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;
	int vector;

	settle(vcpu);
	vector = apic->highest_isr;
	if (unlikely(vector < 0))
		return;
	leave_service(apic, vector);
	if (unlikely(is_level(apic, vector)) && !baton_irqfd_eoi(vcpu->vm, vector)) {
		/* One at a time: the request is dealt with before the guest runs on. */
		apic->eoi_vector = vector;
		set_bit(BATON_REQ_EOI, &vcpu->requests);
	}
}

static void set_tpr(struct baton_lapic *apic, u32 tpr)
{
	apic->regs[APIC_REG_TPR] = tpr;
	update_ppr(apic);
}

void baton_lapic_set_cr8(struct baton_vcpu *vcpu, u8 cr8)
{
	cr8 &= 0xf;
	if (cr8 != baton_lapic_cr8(vcpu))
		set_tpr(&vcpu->apic, cr8 << 4);
}

/* --- registers ------------------------------------------------------------------------ */

static u32 lvt_writable(const struct baton_vcpu *vcpu, u32 reg)
{
	switch (reg) {
	case APIC_REG_LVT_TIMER:
		return baton_guest_has(&vcpu->cpuid, BATON_GF_TSC_DEADLINE) ? 0x700ff : 0x300ff;
	case APIC_REG_LVT_LINT0:
	case APIC_REG_LVT_LINT1:
		return 0x1a7ff;
	case APIC_REG_LVT_ERROR:
		return 0x100ff;
	default:
		return 0x107ff;
	}
}

u32 baton_apic_writable(const struct baton_vcpu *vcpu, u32 reg)
{
	bool x2 = baton_apic_x2(&vcpu->apic);

	switch (reg) {
	case APIC_REG_TPR:
	case APIC_REG_SELF_IPI:
		return 0xff;
	case APIC_REG_SVR:
		return 0x3ff;
	case APIC_REG_LDR:
	case APIC_REG_ICR2:
		return x2 ? 0 : 0xff000000;
	case APIC_REG_DFR:
		return x2 ? 0 : 0xf0000000;
	case APIC_REG_ICR:
		return 0xccfff;
	case APIC_REG_INITIAL_COUNT:
		return ~0u;
	case APIC_REG_DIVIDE:
		return 0xb;
	case APIC_REG_LVT_TIMER ... APIC_REG_LVT_ERROR:
		return lvt_writable(vcpu, reg);
	}
	return 0;
}

/* Read-only bits that a write may carry: delivery status, LINT's remote IRR. */
static u32 ignored_bits(u32 reg)
{
	if (reg == APIC_REG_LVT_LINT0 || reg == APIC_REG_LVT_LINT1)
		return 0x5000;
	return reg >= APIC_REG_LVT_TIMER && reg <= APIC_REG_LVT_ERROR ? 0x1000 : 0;
}

static void set_svr(struct baton_vcpu *vcpu, u32 value)
{
	struct baton_lapic *apic = &vcpu->apic;
	int lvt;

	WRITE_ONCE(apic->regs[APIC_REG_SVR], value);
	if (value & APIC_SVR_ENABLE)
		return;
	for (lvt = APIC_REG_LVT_TIMER; lvt <= APIC_REG_LVT_ERROR; lvt++)
		apic->regs[lvt] |= APIC_LVT_IS_MASKED;
}

static void set_lvt(struct baton_vcpu *vcpu, u32 reg, u32 value)
{
	if (!(vcpu->apic.regs[APIC_REG_SVR] & APIC_SVR_ENABLE))
		value |= APIC_LVT_IS_MASKED;
	if (reg == APIC_REG_LVT_TIMER)
		baton_timer_set_lvt(vcpu, value);
	else
		vcpu->apic.regs[reg] = value;
}

/* A value without reserved bits goes to a register of either mode. */
static void write_reg(struct baton_vcpu *vcpu, u32 reg, u32 value)
{
	struct baton_lapic *apic = &vcpu->apic;

	switch (reg) {
	case APIC_REG_EOI:
		eoi(vcpu);
		break;
	case APIC_REG_TPR:
		set_tpr(apic, value);
		break;
	case APIC_REG_SVR:
		set_svr(vcpu, value);
		break;
	case APIC_REG_ESR:
		apic->regs[reg] = apic->esr_pending;
		apic->esr_pending = 0;
		break;
	case APIC_REG_DFR:
		value |= 0x0fffffff;
		fallthrough;
	case APIC_REG_LDR:
		WRITE_ONCE(apic->regs[reg], value);
		break;
	case APIC_REG_ICR2:
		apic->regs[reg] = value;
		break;
	case APIC_REG_ICR:
		apic->regs[reg] = value & ~0x1000u;
		baton_apic_send_ipi(vcpu, value, apic->regs[APIC_REG_ICR2] >> 24, false);
		break;
	case APIC_REG_LVT_TIMER ... APIC_REG_LVT_ERROR:
		set_lvt(vcpu, reg, value);
		break;
	case APIC_REG_INITIAL_COUNT:
		baton_timer_set_count(vcpu, value);
		break;
	case APIC_REG_DIVIDE:
		baton_timer_set_divide(vcpu, value);
		break;
	}
}

static u32 read_reg(struct baton_vcpu *vcpu, u32 reg)
{
	settle(vcpu);
	if (reg == APIC_REG_CURRENT_COUNT)
		return baton_timer_count(vcpu);
	return vcpu->apic.regs[array_index_nospec(reg, BATON_APIC_REGS)];
}

/* --- x2APIC MSRs ------------------------------------------------------------------------ */

static bool x2_write_icr(struct baton_vcpu *vcpu, u64 value)
{
	struct baton_lapic *apic = &vcpu->apic;
	u32 low = value;

	/* Bit 12 (delivery status) is ignored, the other reserved ones are not. */
	if (low & ~0xcdfffu)
		return false;
	apic->regs[APIC_REG_ICR] = low & ~0x1000u;
	apic->regs[APIC_REG_ICR2] = value >> 32;
	baton_apic_send_ipi(vcpu, low, value >> 32, true);
	return true;
}

static void self_ipi(struct baton_vcpu *vcpu, u8 vector)
{
	if (likely(vector >= APIC_VECTOR_MIN))
		baton_apic_raise(vcpu, vector, false);
	else
		baton_apic_error(vcpu, APIC_ESR_SEND_ILLEGAL);
}

bool baton_lapic_msr_write(struct baton_vcpu *vcpu, u32 msr, u64 value)
{
	u32 reg = msr - APIC_BASE_MSR;

	if (unlikely(!baton_apic_x2(&vcpu->apic)))
		return false;
	if (reg == APIC_REG_ICR)
		return x2_write_icr(vcpu, value);
	if (value >> 32)
		return false;
	switch (reg) {
	case APIC_REG_EOI:
	case APIC_REG_ESR:
		if (value)
			return false;
		break;
	case APIC_REG_SELF_IPI:
		if (value > 0xff)
			return false;
		self_ipi(vcpu, value);
		return true;
	default:
		/* Not writable: every bit is reserved, 0 included. */
		value &= ~ignored_bits(reg);
		if (!baton_apic_writable(vcpu, reg) || value & ~baton_apic_writable(vcpu, reg))
			return false;
		/* Periodic and deadline at once. */
		if (reg == APIC_REG_LVT_TIMER && (value & 0x60000) == 0x60000)
			return false;
	}
	write_reg(vcpu, reg, value);
	return true;
}

bool baton_lapic_msr_read(struct baton_vcpu *vcpu, u32 msr, u64 *ret_value)
{
	u32 reg = msr - APIC_BASE_MSR;

	if (!baton_apic_x2(&vcpu->apic) || reg >= BATON_APIC_REGS || !(X2_READABLE >> reg & 1))
		return false;
	*ret_value = read_reg(vcpu, reg);
	if (reg == APIC_REG_ICR)
		*ret_value |= (u64)vcpu->apic.regs[APIC_REG_ICR2] << 32;
	return true;
}

/* --- xAPIC page ---------------------------------------------------------------------------- */

u32 baton_lapic_mmio_read(struct baton_vcpu *vcpu, u32 offset)
{
	u32 reg = offset >> 4;

	if (offset & 0xf)
		return 0;
	if (reg >= BATON_APIC_REGS || !(XAPIC_READABLE >> reg & 1)) {
		baton_apic_error(vcpu, APIC_ESR_ILLEGAL_REG);
		return 0;
	}
	return read_reg(vcpu, reg);
}

void baton_lapic_mmio_write(struct baton_vcpu *vcpu, u32 offset, u32 value)
{
	u32 reg = offset >> 4;
	u32 mask;

	if (offset & 0xf)
		return;
	if (reg == APIC_REG_EOI || reg == APIC_REG_ESR) {
		write_reg(vcpu, reg, 0);
		return;
	}
	mask = baton_apic_writable(vcpu, reg);
	/* Identification is read-only here, as on many processors. */
	if (mask && reg != APIC_REG_SELF_IPI)
		write_reg(vcpu, reg, value & mask);
	else if (reg >= BATON_APIC_REGS || !(XAPIC_READABLE >> reg & 1))
		baton_apic_error(vcpu, APIC_ESR_ILLEGAL_REG);
}

/* --- IA32_APIC_BASE, reset ------------------------------------------------------------------ */

/* What id, logical id and destination can be follows from the mode. */
static void set_identity(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;
	bool x2 = baton_apic_x2(apic);

	apic->regs[APIC_REG_ID] = x2 ? vcpu->id : vcpu->id << 24;
	WRITE_ONCE(apic->regs[APIC_REG_LDR], x2 ? baton_apic_x2_ldr(vcpu->id) : 0);
	/* An IPI's destination has eight bits again. */
	if (!x2)
		apic->regs[APIC_REG_ICR2] &= 0xff000000;
}

static void reset_regs(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;
	int lvt;

	baton_timer_stop(vcpu);
	memset(apic->regs, 0, sizeof(apic->regs));
	/* With SVR 0 it accepts none of them. */
	take_posted(vcpu);
	apic->lazy_eoi = 0;
	apic->regs[APIC_REG_VERSION] = APIC_VERSION_VALUE;
	apic->regs[APIC_REG_DFR] = ~0u;
	apic->regs[APIC_REG_SVR] = 0xff;
	for (lvt = APIC_REG_LVT_TIMER; lvt <= APIC_REG_LVT_ERROR; lvt++)
		apic->regs[lvt] = APIC_LVT_IS_MASKED;
	apic->esr_pending = 0;
	set_identity(vcpu);
	baton_apic_recompute(vcpu);
}

void baton_lapic_reset(struct baton_vcpu *vcpu, bool init)
{
	/* INIT leaves IA32_APIC_BASE, and with it the mode, alone. */
	if (!init)
		WRITE_ONCE(vcpu->apic.base, APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE |
			   (vcpu->id ? 0 : MSR_IA32_APICBASE_BSP));
	reset_regs(vcpu);
}

static bool base_valid(const struct baton_vcpu *vcpu, u64 value)
{
	u64 known = MSR_IA32_APICBASE_BSP | X2APIC_ENABLE | MSR_IA32_APICBASE_ENABLE |
		    (BIT_ULL(vcpu->cpuid.phys_bits) - 1) >> 12 << 12;

	return !(value & ~known) &&
	       (!(value & X2APIC_ENABLE) || (value & MSR_IA32_APICBASE_ENABLE &&
					     baton_guest_has(&vcpu->cpuid, BATON_GF_X2APIC)));
}

bool baton_lapic_restore_base(struct baton_vcpu *vcpu, u64 value)
{
	u64 changed = value ^ vcpu->apic.base;

	if (!base_valid(vcpu, value))
		return false;
	WRITE_ONCE(vcpu->apic.base, value);
	if (!(value & MSR_IA32_APICBASE_ENABLE) && changed & MSR_IA32_APICBASE_ENABLE) {
		settle(vcpu); /* or the guest's flag would end what comes next */
		reset_regs(vcpu);
	} else if (changed & X2APIC_ENABLE) {
		set_identity(vcpu);
	}
	return true;
}

/* SDM "x2APIC State Transitions": out of x2APIC only by disabling, in only from xAPIC. */
bool baton_lapic_set_base(struct baton_vcpu *vcpu, u64 value)
{
	u64 old = vcpu->apic.base;

	if (old & X2APIC_ENABLE) {
		if (value & MSR_IA32_APICBASE_ENABLE && !(value & X2APIC_ENABLE))
			return false;
	} else if (value & X2APIC_ENABLE && !(old & MSR_IA32_APICBASE_ENABLE)) {
		return false;
	}
	return baton_lapic_restore_base(vcpu, value);
}
