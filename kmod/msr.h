/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSR policy as one table: index, who may see it, which bits may be written,
 * where the value lives. Everything that is not in the table is #GP. All are
 * intercepted but FS_BASE, GS_BASE and KERNEL_GS_BASE.
 */
#ifndef BATON_MSR_H
#define BATON_MSR_H

#include "baton_ioctl.h"

struct baton_vcpu;

#define BATON_MTRR_VAR 8
#define BATON_PV_ENABLED 1ull	/* of the paravirtual MSRs that hold an address */

/* Values of intercepted MSRs. A backend loads those that hardware uses. */
struct baton_msr_file {
	u64 star, lstar, cstar, sfmask;
	u64 kernel_gs_base;	/* passed through: saved at the end of each window */
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 pat;
	u64 tsc_aux;
	u64 spec_ctrl;
	u64 misc_enable;
	u64 tsc_adjust;
	u64 bios_sign_id;
	u64 feat_ctl;
	u64 mcg_status;
	u64 mtrr_def_type;
	u64 mtrr_fixed[11];
	u64 mtrr_var[2 * BATON_MTRR_VAR];
	u64 pv_wall_clock, pv_system_time; /* KVM ABI 0x4b564d00, 0x4b564d01 */
	u64 pv_steal, pv_eoi, pv_poll; /* KVM ABI 0x4b564d03 to 0x4b564d05 */
	bool pv_wall_due;	/* the guest asked for the wall clock's structure */
};

/* By the guest (host = false) or the monitor. False: #GP or -EINVAL. */
bool baton_msr_read(struct baton_vcpu *vcpu, u32 index, bool host, u64 *ret_value);
bool baton_msr_write(struct baton_vcpu *vcpu, u32 index, bool host, u64 value);
/* Indices worth saving, as struct baton_msr[]; -E2BIG with *count needed. */
int baton_msr_list(void *list, u32 *count);
void baton_msr_reset(struct baton_vcpu *vcpu, bool init);

#endif
