/* SPDX-License-Identifier: GPL-2.0-only */
/* The device node; behind it are the three kinds of descriptor. */
#ifndef BATON_CHARDEV_H
#define BATON_CHARDEV_H

extern struct miscdevice baton_device;

#endif
