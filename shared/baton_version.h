/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Product and ABI numbers.
 *
 * Bump rules: BATON_ABI_MAJOR when an existing call, struct or exit changes
 * meaning or size (user space refuses to go on); BATON_ABI_MINOR when a call,
 * a feature bit or an exit reason is added. Numbers are never used again.
 */
#ifndef BATON_VERSION_H
#define BATON_VERSION_H

#define BATON_VERSION "0.1.0"
#define BATON_ABI_MAJOR 1u
#define BATON_ABI_MINOR 7u

#endif
