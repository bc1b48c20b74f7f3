/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has its IDT where neither memory nor a device is, and an exception. */
#include "pvh.inc"
start:
	puts	"guest: about to need its IDT\n"
	lidt	idtr
	ud2
idtr:
	.word	0x7ff
	.long	0xd0000000
