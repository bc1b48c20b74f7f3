/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests' code (payload.S as a flat image) as data of baton-bench. */
	.section .rodata
	.globl	payload_begin, payload_end
	.balign	16
payload_begin:
	.incbin	PAYLOAD_IMAGE
payload_end:

	.section .note.GNU-stack, "", @progbits
