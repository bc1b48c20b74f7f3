/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No IDT and an undefined instruction: triple fault. */
#include "pvh.inc"
start:
	puts	"guest: about to triple-fault\n"
	lidt	empty
	ud2
	.data
empty:	.word	0
	.long	0
