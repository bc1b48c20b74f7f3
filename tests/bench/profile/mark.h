/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks in an instruction stream, for plugin.c: a NOP with eight bytes of which four
 * are ours (NOP DWORD PTR [RAX + RAX + imm32]).
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#define MARK_BEGIN "BTN1"
#define MARK_END "BTN0"
#define MARK_ROW "BTN2"	/* a row is complete: its last two ends are of nothing, and of all */
#define MARK_BYTES(text) "\x0f\x1f\x84\x00" text
#define MARK_SIZE 8

#define MARK(byte) asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00; .ascii \"BTN" byte "\"" ::: "memory")

#endif
