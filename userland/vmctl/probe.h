/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does an engine that can be opened also run a guest? */
#ifndef BATON_VMCTL_PROBE_H
#define BATON_VMCTL_PROBE_H

struct hv;

/*
 * Runs a guest of three instructions, for two seconds at most. 0; -ETIME: it
 * did not get to its end; -EIO: it ended in another way; or the error of the
 * call that failed. The engine has no VM before and none after.
 */
int probe_engine(struct hv *hv);

#endif
