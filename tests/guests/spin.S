/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spins with interrupts off: the host must keep its CPU. */
#include "pvh.inc"
start:
	puts	"guest: spinning\n"
	cli
1:	jmp	1b
