/* SPDX-License-Identifier: GPL-2.0-only */
/* The device node and the three kinds of descriptor behind it. */
#ifndef BATON_CHARDEV_H
#define BATON_CHARDEV_H

int baton_chardev_init(void);
void baton_chardev_exit(void);

#endif
