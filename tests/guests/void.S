/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jumps to where neither memory nor a device is. */
#include "pvh.inc"
start:
	puts	"guest: about to jump into the void\n"
	movl	$0xd0000000, %eax
	jmp	*%eax
