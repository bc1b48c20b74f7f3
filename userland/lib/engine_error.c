// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Failures of hv_open() as errors for people. See engine_error.h.
 */
#include "engine_error.h"

#include <errno.h>
#include <string.h>

static enum btn_code baton_code(const struct hv_failure *why)
{
	if (why->refusal != BATON_REFUSED_NOT)
		return btn_code_of_refusal(why->refusal);
	if (!strcmp(why->step, "version"))
		return BTN_ABI_MISMATCH;
	switch (-why->error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return BTN_NO_MODULE;
	case EACCES:
	case EPERM:
		return BTN_MODULE_NO_ACCESS;
	case EUSERS:
	case EDQUOT:
		return BTN_TOO_MANY_VMS;
	default:
		return BTN_MODULE_FAILED;
	}
}

static enum btn_code kvm_code(const struct hv_failure *why)
{
	if (!strcmp(why->step, "version"))
		return BTN_KVM_TOO_OLD;
	switch (-why->error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return BTN_NO_KVM;
	case EACCES:
	case EPERM:
		return BTN_KVM_NO_ACCESS;
	case EBUSY:
		return BTN_KVM_BUSY;
	default:
		return BTN_KVM_FAILED;
	}
}

void btn_set_engine(struct btn_error *e, const struct hv_failure *why)
{
	enum btn_code code = why->engine == HV_ENGINE_KVM ? kvm_code(why) : baton_code(why);

	btn_set_default(e, code);
	if (code == BTN_MODULE_FAILED || code == BTN_KVM_FAILED)
		btn_set_cause(e, "The step \"%s\" of opening %s failed: %s.", why->step,
			      code == BTN_KVM_FAILED ? "/dev/kvm" : "/dev/baton",
			      strerror(-why->error));
	else if (code == BTN_REFUSED_OTHER)
		btn_set_cause(e, "Its reason, number %d, is newer than this program.",
			      (int)why->refusal);
}

void btn_set_no_engine(struct btn_error *e, enum hv_engine wanted, const struct hv_failure why[2])
{
	struct btn_error first, second;

	if (wanted == HV_ENGINE_KVM || (!why[0].step && why[1].step)) {
		btn_set_engine(e, &why[1]);
		return;
	}
	if (!why[0].step) {
		btn_set_default(e, BTN_NO_ENGINE);
		return;
	}
	btn_set_engine(&first, &why[0]);
	if (wanted == HV_ENGINE_BATON || !why[1].step) {
		*e = first;
		return;
	}
	btn_set_engine(&second, &why[1]);
	btn_set_default(e, BTN_NO_ENGINE);
	btn_set_cause(e, "Engine baton: %s (BTN-%04d). Engine kvm: %s (BTN-%04d).", first.message,
		      (int)first.code, second.message, (int)second.code);
	btn_set_fix(e, "\"vmctl doctor\" tells what each of them lacks. %s", first.fix);
}
