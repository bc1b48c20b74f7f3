/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest of baton-both-engines (both_engines_guest.S) and where things are in its memory.
 */
#ifndef TESTS_HV_BOTH_ENGINES_H
#define TESTS_HV_BOTH_ENGINES_H

#define MEMORY		0x400000
#define GDT		0x500
#define IDT		0x2000
#define TABLES		0x4000
#define TSS		0x7000
#define STACK		0xf000
#define CODE		0x10000
#define DATA		0x20000
#define AREA		0x200000
#define AREA_END	0x240000
#define STRIDE		64
#define VECTOR		0x40

#define PORT_QUESTION	0x11	/* IN: ~round */
#define PORT_ROUND	0x12	/* a round is done */
#define PORT_BAD	0x13

/* Offsets in struct both_data. */
#define TICKS		0
#define ARMED		4
#define ROUND		8
#define REASON		16
#define FOUND		24
#define WANTED		32

#ifndef __ASSEMBLER__
#include <stdint.h>

struct both_data {
	uint32_t ticks, armed;	/* timer interrupts that came, and that were asked for */
	uint64_t round;
	uint32_t reason, pad;	/* what was wrong: see both_engines_guest.S */
	uint64_t found, wanted;
};

extern const unsigned char both_guest[], both_guest_end[], both_guest_timer[], both_guest_bad[];
#endif

#endif
