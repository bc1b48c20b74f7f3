// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual clock (see pvclock.h; the guest's side is the kernel's
 * Documentation/virt/kvm/x86/msr.rst, MSR_KVM_WALL_CLOCK_NEW and
 * MSR_KVM_SYSTEM_TIME_NEW).
 *
 * All vCPUs of a VM show the same line, each with its own TSC offset worked in.
 * So where the host's TSCs agree, time never runs backwards between them, and the page
 * is written once, not at every entry. If their offsets are the same, too, any of them
 * can read any page, which it says (TSC_STABLE).
 * Where they do not agree, or have ceased to, the line is drawn anew from the host's clock
 * whenever a vCPU changes CPU, and the guest is left to keep its own time monotonic.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/pagemap.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <asm/pvclock.h>
#include <asm/tsc.h>

#include "slots.h"
#include "vcpu.h"

/* How much slower or faster than the host's a guest's TSC may be, at most. */
#define TSC_RANGE 16u

u8 baton_tsc_frac __read_mostly;

/* The host's time as a line shows it, sleep included: not slewed. */
static s64 raw_boot_ns(void)
{
	return ktime_to_ns(ktime_mono_to_any(ktime_get_raw(), TK_OFFS_BOOT));
}

/*
 * mul and shift for a TSC of khz, as the guest computes with them: the product
 * of 64 and 32 bits loses its lower half, so mul wants its top bit set.
 */
static void set_scale(struct baton_clock_line *line, u32 khz)
{
	u64 hz = 1000ull * (khz ? khz : 1000000), ns = NSEC_PER_SEC;
	s8 shift = 0;

	while (ns >= hz) {
		hz <<= 1;
		shift++;
	}
	while (hz > ns << 1) {
		hz >>= 1;
		shift--;
	}
	line->mul = div64_u64(ns << 32, hz);
	line->shift = shift;
}

static void read_line(struct baton_clock_line *line, u64 *ret_tsc, u64 *ret_ns)
{
	unsigned int seq;

	do {
		seq = read_seqbegin(&line->lock);
		*ret_tsc = line->tsc;
		*ret_ns = line->ns;
	} while (read_seqretry(&line->lock, seq));
}

u64 baton_tsc_scale_slow(const struct baton_vm *vm, u64 ticks)
{
	return mul_u64_u64_shr(ticks, vm->tsc_ratio, baton_tsc_frac);
}

u64 baton_tsc_unscale(const struct baton_vm *vm, u64 ticks)
{
	return mul_u64_u64_div_u64(min(ticks, 1ull << 50), tsc_khz, vm->tsc_khz);
}

static u64 vm_tsc(const struct baton_vm *vm)
{
	return baton_tsc_scale(vm, rdtsc_ordered());
}

static void draw_line(struct baton_vm *vm, u64 tsc, u64 ns)
{
	unsigned long flags;

	write_seqlock_irqsave(&vm->clock.lock, flags);
	vm->clock.tsc = tsc;
	vm->clock.ns = ns;
	write_sequnlock_irqrestore(&vm->clock.lock, flags);
}

static void begin(struct baton_vm *vm, u32 khz, u64 ratio)
{
	vm->tsc_khz = khz;
	vm->tsc_ratio = ratio;
	vm->tsc_offset = -vm_tsc(vm);
	set_scale(&vm->clock, khz);
	draw_line(vm, -vm->tsc_offset, 0);
	vm->clock_boot = -raw_boot_ns();
}

void baton_clock_init(struct baton_vm *vm)
{
	seqlock_init(&vm->clock.lock);
	begin(vm, tsc_khz, 0);
}

int baton_vm_set_tsc_khz(struct baton_vm *vm, const struct baton_tsc_khz *arg)
{
	u64 khz = arg->khz, off = khz > tsc_khz ? khz - tsc_khz : tsc_khz - khz;

	if (arg->reserved || khz * TSC_RANGE < tsc_khz || khz > (u64)tsc_khz * TSC_RANGE)
		return -EINVAL;
	if (vm->vcpu_top)
		return -EBUSY;
	/* Nobody has measured either that well. */
	if (off * 4000 <= tsc_khz)
		begin(vm, tsc_khz, 0);
	else if (!baton_tsc_frac)
		return -EOPNOTSUPP;
	else
		begin(vm, khz, mul_u64_u64_div_u64(khz, BIT_ULL(baton_tsc_frac), tsc_khz));
	return 0;
}

u64 baton_vm_clock_ns(struct baton_vm *vm)
{
	u64 tsc, ns;

	if (check_tsc_unstable())
		return raw_boot_ns() + READ_ONCE(vm->clock_boot);
	read_line(&vm->clock, &tsc, &ns);
	return ns + pvclock_scale_delta(vm_tsc(vm) - tsc, vm->clock.mul, vm->clock.shift);
}

void baton_vm_clock_set(struct baton_vm *vm, u64 ns)
{
	draw_line(vm, vm_tsc(vm), ns);
	WRITE_ONCE(vm->clock_boot, (s64)ns - raw_boot_ns());
	baton_request_all(vm, BATON_REQ_CLOCK);
}

void baton_vm_stopped(struct baton_vm *vm)
{
	atomic64_inc(&vm->stops);
	baton_request_all(vm, BATON_REQ_CLOCK);
}

void baton_clock_tsc_jumped(struct baton_vm *vm, u64 ticks)
{
	u64 tsc, ns;

	read_line(&vm->clock, &tsc, &ns);
	draw_line(vm, tsc - ticks, ns);
	/* Its sleep is not the guest's, whichever of the two it is told by. */
	if (!check_tsc_unstable())
		WRITE_ONCE(vm->clock_boot, (s64)baton_vm_clock_ns(vm) - raw_boot_ns());
	baton_request_all(vm, BATON_REQ_CLOCK);
}

void baton_pvclock_moved(struct baton_vcpu *vcpu)
{
	if (unlikely(check_tsc_unstable()) && vcpu->msr.pv_system_time & BATON_PV_ENABLED)
		baton_request(vcpu, BATON_REQ_CLOCK);
}

/* --- the guest's structures ---------------------------------------------------- */

/*
 * Writes `size` bytes, of which the first four are the version: odd while the rest
 * changes. False: memory is not there just now.
 */
static bool write_versioned(u32 __user *version, const void *from, size_t size)
{
	u32 now;

	if (__get_user(now, version))
		return false;
	now = (now + 1) | 1;
	if (__put_user(now, version))
		return false;
	smp_wmb(); /* odd before the first change; the guest's readers pair with it */
	if (__copy_to_user(version + 1, from + sizeof(now), size - sizeof(now)))
		return false;
	smp_wmb(); /* the last change before even */
	return !__put_user(now + 1, version);
}

/*
 * False: the memory is there, but was not to be had. A guest or monitor that gave it away
 * reads what it deserves.
 */
static bool publish(struct baton_vm *vm, u64 gpa, const void *from, size_t size)
{
	int tries = 3;
	void __user *to;
	bool done;

	do {
		to = baton_write_begin(vm, gpa, size);
		done = !to || write_versioned(to, from, size);
		baton_write_end(vm, gpa, size);
	} while (!done && --tries && !fault_in_safe_writeable(to, size));
	return done;
}

/* Guests whose clock is stable read vCPU 0's page on all of them, by their own counters. */
static bool have_one_tsc(const struct baton_vm *vm, u64 offset)
{
	struct baton_vcpu *vcpu;
	u32 i;

	baton_for_each_vcpu(vm, i, vcpu)
		if (READ_ONCE(vcpu->tsc_offset) != offset)
			return false;
	return true;
}

static void write_system_time(struct baton_vcpu *vcpu)
{
	struct pvclock_vcpu_time_info info = {
		.tsc_to_system_mul = vcpu->vm->clock.mul,
		.tsc_shift = vcpu->vm->clock.shift,
	};
	u64 gpa = vcpu->msr.pv_system_time & ~BATON_PV_ENABLED, tsc, ns;
	struct pvclock_vcpu_time_info __user *page;
	s64 stops = atomic64_read(&vcpu->vm->stops);
	u8 old;

	vcpu->clock_is_line = !check_tsc_unstable();
	if (!vcpu->clock_is_line) {
		/* Both of one moment and of one CPU, which the next window asks for. */
		preempt_disable();
		WRITE_ONCE(vcpu->cpu, smp_processor_id());
		tsc = vm_tsc(vcpu->vm);
		ns = baton_vm_clock_ns(vcpu->vm);
		preempt_enable();
	} else {
		read_line(&vcpu->vm->clock, &tsc, &ns);
		info.flags = have_one_tsc(vcpu->vm, vcpu->tsc_offset) ? PVCLOCK_TSC_STABLE_BIT : 0;
	}
	/*
	 * Or its watchdogs take the time of a sleep for a vCPU that hangs. The guest takes
	 * that away, so until then it stays.
	 */
	page = baton_write_begin(vcpu->vm, gpa, sizeof(*page));
	if (page && !__get_user(old, &page->flags))
		info.flags |= old & PVCLOCK_GUEST_STOPPED;
	baton_write_end(vcpu->vm, gpa, sizeof(*page));
	info.flags |= vcpu->stops_told != stops ? PVCLOCK_GUEST_STOPPED : 0;
	info.tsc_timestamp = tsc + vcpu->tsc_offset;
	info.system_time = ns;
	if (publish(vcpu->vm, gpa, &info, sizeof(info)))
		vcpu->stops_told = stops;
}

/* Wall-clock time at guest time 0. */
static bool write_wall_clock(struct baton_vcpu *vcpu)
{
	u64 start = ktime_get_real_ns() - baton_vm_clock_ns(vcpu->vm);
	struct pvclock_wall_clock wall = {};
	u32 nsec;

	wall.sec = div_u64_rem(start, NSEC_PER_SEC, &nsec);
	wall.nsec = nsec;
	return publish(vcpu->vm, vcpu->msr.pv_wall_clock, &wall, sizeof(wall));
}

void baton_pvclock_update(struct baton_vcpu *vcpu)
{
	if (vcpu->msr.pv_system_time & BATON_PV_ENABLED)
		write_system_time(vcpu);
	if (vcpu->msr.pv_wall_due)
		vcpu->msr.pv_wall_due = !write_wall_clock(vcpu);
}
