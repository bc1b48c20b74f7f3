/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BATON_LIB_KEY_NAMES_H
#define BATON_LIB_KEY_NAMES_H

/*
 * The name that a monitor's "send-key" and "key" take for a Linux key code
 * (linux/input-event-codes.h); NULL: it does not have the key. The monitor's own table
 * (monitor/display/keymap.c) has more than one name for some keys, this one has one.
 */
const char *key_name(unsigned int linux_code);

#endif
