// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The gdb server: frames, registers, memory through page tables, breakpoints, which
 * threads go on, what the guest gets back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <stdio.h>

#include "gdb_rig.h"

#define TF 0x100u
#define OF 0x800u

static char reply[2 * GDB_FRAME_MAX];

/* The packet's answer, without its frame; "" also if there is none. */
static const char *ask(struct rig *r, const char *packet)
{
	static char frame[GDB_FRAME_MAX];
	size_t length = gdb_frame(frame, packet, strlen(packet)), got;
	bool acks = !r->gdb->no_ack;
	char *end;

	rig_receive(r, frame, length);
	got = rig_sent(r, reply, sizeof(reply));
	assert_true(got >= 1 || r->gdb->no_ack);
	assert_int_equal(got && reply[0] == '+', acks);
	end = strrchr(reply, '#');
	if (!end)
		return "";
	*end = 0;
	return strchr(reply, '$') + 1;
}

#define ASK(packet, answer) assert_string_equal(ask(&r, packet), answer)

static void test_frames(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	rig_receive(&r, "$qC#b4", 6);
	rig_sent(&r, reply, sizeof(reply));
	assert_string_equal(reply, "+$QC1#c5");
	rig_receive(&r, "$qC#b5", 6);
	rig_sent(&r, reply, sizeof(reply));
	assert_string_equal(reply, "-");
	rig_receive(&r, "$qC#zz", 6);
	rig_sent(&r, reply, sizeof(reply));
	assert_string_equal(reply, "-");
	/* asked for again */
	rig_receive(&r, "-", 1);
	rig_sent(&r, reply, sizeof(reply));
	assert_string_equal(reply, "$QC1#c5");
	ASK("QStartNoAckMode", "OK");
	rig_receive(&r, "+", 1);
	ASK("qC", "QC1");
	ASK("nonsense", "");
	rig_end_all(&r);
}

static void test_too_long(void **state)
{
	static char big[GDB_PACKET_MAX + 2];
	struct gdb_decoder d = { .state = GDB_IDLE };
	uint8_t sum = 0;
	char end[4];

	(void)state;
	assert_int_equal(gdb_decode(&d, '$'), GDB_NOTHING);
	for (size_t i = 0; i < sizeof(big); i++) {
		assert_int_equal(gdb_decode(&d, 'a'), GDB_NOTHING);
		sum = (uint8_t)(sum + 'a');
	}
	snprintf(end, sizeof(end), "#%02x", sum);
	assert_int_equal(gdb_decode(&d, (uint8_t)end[0]), GDB_NOTHING);
	assert_int_equal(gdb_decode(&d, (uint8_t)end[1]), GDB_NOTHING);
	assert_int_equal(gdb_decode(&d, (uint8_t)end[2]), GDB_TOO_LONG);
	/* and back to order; escapes */
	for (const char *p = "$a}\x03#3"; *p; p++)
		assert_int_equal(gdb_decode(&d, (uint8_t)*p), GDB_NOTHING);
	assert_int_equal(gdb_decode(&d, '1' + ((('a' + '}' + 3) & 0xf) - 1)), GDB_BAD_SUM);
	for (const char *p = "$a}\x03#e"; *p; p++)
		assert_int_equal(gdb_decode(&d, (uint8_t)*p), GDB_NOTHING);
	assert_int_equal(gdb_decode(&d, '1'), GDB_PACKET);
	assert_int_equal(d.length, 2);
	assert_memory_equal(d.data, "a#", 2);
}

static void test_registers(void **state)
{
	struct rig r;
	char all[GDB_PACKET_MAX];

	(void)state;
	rig_start(&r);
	r.vcpu[1].regs.gpr[BATON_RAX] = 0x1122334455667788;
	r.vcpu[1].sregs.seg[BATON_GS].base = 0xabcd;
	ASK("Hg2", "OK");
	ASK("p0", "8877665544332211");
	ASK("p10", "00100080ffffffff");		/* rip */
	ASK("p20", "7f030000");			/* fctrl in its first state */
	ASK("p22", "ffff0000");			/* ftag: all empty */
	ASK("P0=0100000000000000", "OK");
	assert_int_equal(r.vcpu[1].regs.gpr[BATON_RAX], 1);
	ASK("P0=01", "E16");
	ASK("p41", "E16");
	ASK("p3a", "cdab000000000000");		/* gs_base, behind mxcsr (0x38) and fs_base */
	ASK("P39=2a00000000000000", "OK");
	assert_int_equal(r.vcpu[1].sregs.seg[BATON_FS].base, 42);
	ASK("P28=000102030405060708090a0b0c0d0e0f", "OK");
	assert_int_equal(r.vcpu[1].xsave.image[160 + 15], 15);
	assert_int_equal(r.vcpu[1].xsave.image[512], 2);
	all[0] = 'G';
	snprintf(all + 1, sizeof(all) - 1, "%s", ask(&r, "g"));
	assert_int_equal(strlen(all), 1 + 2 * (17 * 8 + 7 * 4 + 80 + 8 * 4 + 256 + 4 + 16 + 48));
	r.vcpu[1].regs.gpr[BATON_RBX] = 5;
	ASK(all, "OK");
	assert_int_equal(r.vcpu[1].regs.gpr[BATON_RBX], 0);
	ASK("Hg3", "E16");
	rig_end_all(&r);
}

static void test_features(void **state)
{
	const char *xml = gdb_target_xml(GDB_X86_64);
	char packet[64], whole[16384] = "";
	struct rig r;

	(void)state;
	rig_start(&r);
	ASK("qSupported:swbreak+;xmlRegisters=i386", "PacketSize=1000;qXfer:features:read+;"
	    "vContSupported+;QStartNoAckMode+;swbreak+;hwbreak+");
	for (size_t at = 0;;) {
		const char *part;

		snprintf(packet, sizeof(packet), "qXfer:features:read:target.xml:%zx,3e8", at);
		part = ask(&r, packet);
		strcat(whole, part + 1);
		at += strlen(part) - 1;
		if (*part == 'l')
			break;
		assert_int_equal(*part, 'm');
	}
	assert_string_equal(whole, xml);
	assert_non_null(strstr(xml, "</target>"));
	ASK("qXfer:features:read:target.xml:ffffff,10", "l");
	ASK("qXfer:features:read:other.xml:0,10", "");
	rig_end_all(&r);
}

/* i386 from the question on, if there is paging and no long mode then. */
static void test_registers_32(void **state)
{
	static const char xml[] = "qXfer:features:read:target.xml:0,fff";
	struct rig r;

	(void)state;
	rig_start(&r);
	r.vcpu[0].regs.gpr[BATON_RCX] = 0x1122334455667788;
	r.vcpu[0].regs.rip = 0x1000;
	r.vcpu[0].xsave.image[24] = 0x80;
	r.vcpu[0].sregs.efer = 0;
	r.vcpu[0].sregs.cr0 = 1;
	assert_non_null(strstr(ask(&r, xml), "<architecture>i386:x86-64<"));
	r.vcpu[0].sregs.cr0 = 0x80000001;
	ASK("p2", "8877665544332211");
	assert_non_null(strstr(ask(&r, xml), "<architecture>i386<"));
	ASK("p1", "88776655");
	ASK("p8", "00100000");			/* eip */
	ASK("P1=2a000000", "OK");
	assert_int_equal((uint32_t)r.vcpu[0].regs.gpr[BATON_RCX], 42);
	ASK("p18", "7f030000");			/* fctrl */
	ASK("p28", "80000000");			/* mxcsr, behind xmm7 */
	ASK("p29", "0100008000000000");		/* cr0 */
	ASK("p2f", "E16");
	assert_int_equal(strlen(ask(&r, "g")), 2 * (16 * 4 + 80 + 8 * 4 + 128 + 4 + 48));
	/* asked again */
	r.vcpu[0].sregs.efer = 0x500;
	assert_non_null(strstr(ask(&r, xml), "<architecture>i386:x86-64<"));
	rig_end_all(&r);
}

static void test_memory(void **state)
{
	const char text[] = "across";
	uint64_t entry;
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, 0x1ffd, text, sizeof(text));
	ASK("mffffffff80001ffd,7", "6163726f737300");
	ASK("m1ffd,1", "61");
	ASK("m40000000,4", "E0e");
	/* as far as it goes */
	ASK("m1ffffe,8", "0000");
	ASK("Mffffffff80000010,2:beef", "OK");
	ASK("m10,2", "beef");
	ASK("X20,3:a#b", "OK");
	ASK("m20,3", "612362");
	ASK("M10,2:be", "E16");
	ASK("M40000000,1:00", "E0e");
	ASK("m10", "E16");
	ASK("m0,0", "");
	/* no marks in the page tables */
	assert_int_equal(guest_memory_read(r.memory, RIG_TABLES, &entry, 8), 0);
	assert_int_equal(entry & 0x20, 0);
	ASK("Qqemu.PhyMemMode:1", "OK");
	ASK("mffffffff80000010,2", "E0e");
	ASK("m10,2", "beef");
	ASK("qRcmd,70687973206f6666", "OK"); /* phys off */
	ASK("mffffffff80000010,2", "beef");
	r.vcpu[0].sregs.cr0 = 1;	/* no paging */
	ASK("m10,2", "beef");
	ASK("mffffffff80000010,2", "E0e");
	rig_end_all(&r);
}

/* 32-bit paging with 4 KiB and 4 MiB pages, PAE; pages that nobody but the kernel may see. */
static void test_translation(void **state)
{
	const uint32_t table = 0x111000 | 1, page = 0x3000 | 1, large = 0x80 | 1;
	const uint64_t pd = 0x112000 | 1, big = 0x80 | 1;
	const char text[] = "here";
	uint32_t entry;
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, 0x3010, text, sizeof(text));
	guest_memory_write(r.memory, 0x110000 + 4 * 0x300, &table, 4);
	guest_memory_write(r.memory, 0x111000 + 4 * 5, &page, 4);
	guest_memory_write(r.memory, 0x110000 + 4 * 0x301, &large, 4);
	r.vcpu[0].sregs.efer = 0;
	r.vcpu[0].sregs.cr3 = 0x110000;
	r.vcpu[0].sregs.cr4 = 0x10;
	r.vcpu[0].sregs.seg[BATON_SS].attr = BATON_SEG_DPL;	/* CPL 3 */
	ASK("mc0005010,4", "68657265");
	ASK("mc0006010,4", "E0e");
	ASK("mc0403010,4", "68657265");
	guest_memory_read(r.memory, 0x111000 + 4 * 5, &entry, 4);
	assert_int_equal(entry, page);
	r.vcpu[0].sregs.cr4 = 0x20;
	r.vcpu[0].sregs.pdpte[1] = pd;
	guest_memory_write(r.memory, 0x112000 + 8, &big, 8);
	ASK("m40203010,4", "68657265");
	ASK("m3010,4", "E0e");
	/* the other one has its own */
	ASK("Hg2", "OK");
	ASK("m3010,4", "68657265");
	rig_end_all(&r);
}

static void test_soft_breaks(void **state)
{
	const uint8_t code[] = { 0x55, 0x90 };
	uint8_t now;
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, 0x1000, code, sizeof(code));
	ASK("Z0,ffffffff80001000,1", "OK");
	ASK("Z0,1000,1", "OK");
	ASK("Z0,50000000,1", "E0e");
	guest_memory_read(r.memory, 0x1000, &now, 1);
	assert_int_equal(now, 0xcc);
	ASK("m1000,2", "5590");
	ASK("M1000,1:57", "OK");
	guest_memory_read(r.memory, 0x1000, &now, 1);
	assert_int_equal(now, 0xcc);
	ASK("vCont;c", "");
	assert_int_equal(r.running, 3);
	assert_true(r.vcpu[1].debug.sw_break && !r.vcpu[1].debug.step);
	/* met by the second */
	r.vcpu[1].met = true;
	r.vcpu[1].what = (struct hv_exit_debug){ .exception = 3 };
	gdb_on_break(r.gdb);
	assert_int_equal(r.running, 0);
	rig_sent(&r, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "$T05thread:2;#", 14), 0);
	ASK("z0,ffffffff80001000,1", "OK");
	guest_memory_read(r.memory, 0x1000, &now, 1);
	assert_int_equal(now, 0xcc);
	ASK("z0,1000,1", "OK");
	guest_memory_read(r.memory, 0x1000, &now, 1);
	assert_int_equal(now, 0x57);
	rig_end_all(&r);
}

/* The page tables of the program where the first has been stopped lack the kernel. */
static void test_break_in_other_tables(void **state)
{
	const uint64_t low = (RIG_TABLES + 0x1000) | 3;
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, RIG_TABLES + 0x8000, &low, 8);
	r.vcpu[0].sregs.cr3 = RIG_TABLES + 0x8000;
	ASK("Z0,ffffffff80001000,1", "OK");
	ASK("Z0,1000,1", "OK");
	/* what is not the kernel's is each program's own */
	r.vcpu[0].sregs.cr3 = RIG_TABLES + 0x9000;
	ASK("Z0,2000,1", "E0e");
	ASK("mffffffff80001000,1", "E0e");
	rig_end_all(&r);
}

static void meet(struct rig *r, unsigned int cpu, uint64_t dr6)
{
	r->vcpu[cpu].met = true;
	r->vcpu[cpu].what = (struct hv_exit_debug){ .exception = 1, .dr6 = dr6 };
}

/* What gdb did not ask for goes back to the guest, and the same vCPUs run on. */
static void test_guests_own(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	ASK("vCont;c:2", "");
	assert_int_equal(r.running, 2);
	r.vcpu[1].met = true;
	r.vcpu[1].what = (struct hv_exit_debug){ .exception = 3 };
	gdb_on_break(r.gdb);
	assert_int_equal(rig_sent(&r, reply, sizeof(reply)), 0);
	assert_int_equal(r.running, 2);
	assert_int_equal(r.vcpu[1].events.exception, 3);
	assert_true(r.vcpu[1].events.flags & BATON_EV_EXCEPTION);
	assert_int_equal(r.vcpu[1].regs.rip, RIG_HIGH + 0x1001);
	meet(&r, 1, 0x4000);
	gdb_on_break(r.gdb);
	assert_int_equal(rig_sent(&r, reply, sizeof(reply)), 0);
	assert_int_equal(r.vcpu[1].events.exception, 1);
	assert_true(r.vcpu[1].dr.dr6 & 0x4000);
	/* interrupted */
	rig_receive(&r, "\x03", 1);
	rig_sent(&r, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "$T02thread:1;#", 14), 0);
	rig_end_all(&r);
}

/* gdb goes just when a breakpoint of its own is met: the guest has no INT3 there. */
static void test_gone(void **state)
{
	const uint8_t code = 0x55;
	uint8_t now;
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, 0x1000, &code, 1);
	ASK("Z0,ffffffff80001000,1", "OK");
	ASK("vCont;c", "");
	r.vcpu[1].met = true;
	r.vcpu[1].what = (struct hv_exit_debug){ .exception = 3 };
	r.running = 1;
	gdb_drop_client(r.gdb);
	gdb_on_break(r.gdb); /* it was signalled before */
	assert_int_equal(r.running, 3);
	guest_memory_read(r.memory, 0x1000, &now, 1);
	assert_int_equal(now, code);
	assert_int_equal(r.vcpu[1].events.flags, 0);
	assert_int_equal(r.vcpu[1].regs.rip, RIG_HIGH + 0x1000);
	rig_end_all(&r);
}

static void test_hard_breaks(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	ASK("qSupported:hwbreak+", "PacketSize=1000;qXfer:features:read+;vContSupported+;"
	    "QStartNoAckMode+;swbreak+;hwbreak+");
	ASK("Z1,1234,1", "OK");
	ASK("Z2,2000,8", "OK");
	ASK("Z3,3000,4", "OK");
	ASK("Z4,4002,2", "OK");
	ASK("Z2,5000,1", "E1c");
	ASK("Z2,5001,2", "E16");
	ASK("Z2,5000,3", "E16");
	ASK("Z2,5000,0", "E16");
	ASK("Z5,5000,1", "");
	ASK("Z9", "E16");
	ASK("c", "");
	assert_int_equal(r.vcpu[0].debug.dr7, 0x7f9004aau | 0u);
	assert_int_equal(r.vcpu[0].debug.dr[3], 0x4002);
	meet(&r, 0, 4);
	gdb_on_break(r.gdb);
	rig_sent(&r, reply, sizeof(reply));
	assert_non_null(strstr(reply, "$T05rwatch:3000;thread:1;#"));
	ASK("z2,2000,8", "OK");
	ASK("Hc2", "OK");
	ASK("s", "");
	assert_int_equal(r.running, 2);
	assert_true(r.vcpu[1].debug.step && !r.vcpu[0].debug.step);
	meet(&r, 1, 0x4000);
	gdb_on_break(r.gdb);
	rig_sent(&r, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "$T05thread:2;#", 14), 0);
	ASK("D", "OK");
	assert_int_equal(r.running, 3);
	assert_true(!r.vcpu[0].debug.hw_break && !r.vcpu[1].debug.step);
	rig_end_all(&r);
}

/* Two vCPUs in one moment: gdb is told of both, one after the other. */
static void test_two_watchpoints_at_once(void **state)
{
	char reply[128];
	struct rig r;

	(void)state;
	rig_start(&r);
	ASK("Z2,2000,8", "OK");
	ASK("Z4,3000,4", "OK");
	ASK("c", "");
	meet(&r, 0, 1);
	meet(&r, 1, 2);
	gdb_on_break(r.gdb);
	rig_sent(&r, reply, sizeof(reply));
	assert_non_null(strstr(reply, "$T05watch:2000;thread:1;#"));
	/* gdb takes them out while it looks, and puts them back in another order. */
	ASK("z2,2000,8", "OK");
	ASK("z4,3000,4", "OK");
	/* The first one alone makes a step: the second one's is still to come. */
	ASK("vCont;s:1", "");
	assert_int_equal(r.running, 1);
	meet(&r, 0, 0x4000);
	gdb_on_break(r.gdb);
	rig_sent(&r, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "$T05thread:1;#", 14), 0);
	ASK("Z4,3000,4", "OK");
	ASK("Z2,2000,8", "OK");
	ASK("c", "T05awatch:3000;thread:2;");
	assert_int_equal(r.running, 0);
	ASK("c", "");
	assert_int_equal(r.running, 3);
	/* Nobody waits for it any more. */
	meet(&r, 0, 1);
	meet(&r, 1, 2);
	gdb_on_break(r.gdb);
	rig_sent(&r, reply, sizeof(reply));
	ASK("z2,2000,8", "OK");
	ASK("z4,3000,4", "OK");
	ASK("c", "");
	assert_int_equal(r.running, 3);
	rig_end_all(&r);
}

/* What a step by RFLAGS.TF would leave where the guest sees it. */
static void test_step_flags(void **state)
{
	static const uint8_t pushf[] = { 0x9c, 0x9d, 0xcd, 0x80 };
	const uint64_t gate[2] = { 0xffff8e0000001234, 0x12345678 };
	uint16_t flags = TF | 2;
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, 0x1000, pushf, sizeof(pushf));
	ASK("vCont;s:1", "");
	r.vcpu[0].regs.gpr[BATON_RSP] -= 8;
	r.vcpu[0].regs.rip++;
	guest_memory_write(r.memory, 0x7ff8, &flags, 2);
	meet(&r, 0, 0x4000);
	gdb_on_break(r.gdb);
	guest_memory_read(r.memory, 0x7ff8, &flags, 2);
	assert_int_equal(flags, 2);
	rig_sent(&r, reply, sizeof(reply));
	/* POPF loads the guest's own TF, which the engine cleared */
	flags = TF | 2;
	guest_memory_write(r.memory, 0x7ff8, &flags, 2);
	ASK("vCont;s:1", "");
	r.vcpu[0].regs.rip++;
	r.vcpu[0].met = true;
	gdb_on_break(r.gdb);
	assert_true(r.vcpu[0].regs.rflags & TF);
	rig_sent(&r, reply, sizeof(reply));
	/* INT 0x80: to its handler */
	r.vcpu[0].sregs.idt = (struct baton_dtable){ .base = RIG_HIGH + 0x10000, .limit = 0xfff };
	guest_memory_write(r.memory, 0x10000 + 16 * 0x80, gate, sizeof(gate));
	ASK("vCont;s:1", "");
	assert_true(!r.vcpu[0].debug.step && r.vcpu[0].debug.hw_break);
	assert_int_equal(r.vcpu[0].debug.dr[0], 0x12345678ffff1234);
	meet(&r, 0, 1);
	gdb_on_break(r.gdb);
	rig_sent(&r, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "$T05thread:1;#", 14), 0);
	rig_end_all(&r);
}

static void expect_flags(struct rig *r, uint64_t gpa, uint16_t want)
{
	uint16_t flags;

	guest_memory_read(r->memory, gpa, &flags, 2);
	assert_int_equal(flags, want);
}

/* A watchpoint that the same PUSHF meets. */
static void test_step_flags_watched(void **state)
{
	const uint8_t pushf = 0x9c;
	const uint16_t flags = TF | 2;
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, 0x1000, &pushf, 1);
	ASK("Z2,ffffffff80007ff8,8", "OK");
	ASK("vCont;s:1", "");
	r.vcpu[0].regs.rip++;
	guest_memory_write(r.memory, 0x7ff8, &flags, 2);
	meet(&r, 0, 0x4001);
	gdb_on_break(r.gdb);
	rig_sent(&r, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "$T05watch:ffffffff80007ff8;thread:1;#", 37), 0);
	expect_flags(&r, 0x7ff8, 2);
	rig_end_all(&r);
}

/* From there to a handler, with RFLAGS as a fault leaves them. */
static void fault_at(struct rig *r, uint8_t code)
{
	const uint16_t flags = TF | 2;

	guest_memory_write(r->memory, 0x1000, &code, 1);
	guest_memory_write(r->memory, 0x7ff8, &flags, 2);
	guest_memory_write(r->memory, 0x8000, &flags, 2);
	guest_memory_write(r->memory, 0x8010, &flags, 2);
	r->vcpu[0].regs.rip = RIG_HIGH + 0x1000;
	assert_string_equal(ask(r, "vCont;s:1"), "");
	r->vcpu[0].regs.rip = RIG_HIGH + 0x3000;
	meet(r, 0, 0x4000);
	gdb_on_break(r->gdb);
	rig_sent(r, reply, sizeof(reply));
	assert_int_equal(strncmp(reply, "$T05thread:1;#", 14), 0);
	expect_flags(r, 0x7ff8, flags);
	assert_false(r->vcpu[0].regs.rflags & TF);
}

static void test_step_faults(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	fault_at(&r, 0x9c); /* pushf */
	fault_at(&r, 0x9d); /* popf */
	fault_at(&r, 0xcf); /* iret */
	rig_end_all(&r);
}

static void test_step_iret(void **state)
{
	static const uint8_t code[] = { 0x48, 0xcf };
	const uint64_t frame[3] = { RIG_HIGH + 0x3000, 8, TF | 2 };
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, 0x1000, code, sizeof(code));
	guest_memory_write(r.memory, 0x8000, frame, sizeof(frame));
	ASK("vCont;s:1", "");
	r.vcpu[0].regs.rip = RIG_HIGH + 0x3000;
	meet(&r, 0, 0x4000);
	gdb_on_break(r.gdb);
	assert_true(r.vcpu[0].regs.rflags & TF);
	rig_end_all(&r);
}

/* Where a software interrupt of that vCPU's step is to end; 0: it is a step like others. */
static uint64_t step_end(struct rig *r)
{
	uint64_t end;

	assert_string_equal(ask(r, "vCont;s:1"), "");
	assert_int_equal(r->vcpu[0].debug.step, !r->vcpu[0].debug.hw_break);
	end = r->vcpu[0].debug.dr[0];
	r->vcpu[0].debug = (struct hv_debug){ 0 };
	meet(r, 0, end ? 1 : 0x4000);
	gdb_on_break(r->gdb);
	rig_sent(r, reply, sizeof(reply));
	return end;
}

/* Gates that a program may pass and not, that are not there, and behind the table's end. */
static void test_step_gates(void **state)
{
	const uint64_t gate[2] = { 0x00008e0000001234, 0 }, open[2] = { 0x0000ee0000001234, 0 };
	const uint64_t away[2] = { 0x00006e0000001234, 0 };
	const uint8_t code[] = { 0xcd, 0x80 };
	struct baton_sregs *sregs;
	struct rig r;

	(void)state;
	rig_start(&r);
	sregs = &r.vcpu[0].sregs;
	sregs->idt = (struct baton_dtable){ .base = RIG_HIGH + 0x10000, .limit = 0x80f };
	guest_memory_write(r.memory, 0x1000, code, sizeof(code));
	guest_memory_write(r.memory, 0x10800, gate, sizeof(gate));
	assert_int_equal(step_end(&r), 0x1234);
	sregs->seg[BATON_SS].attr = BATON_SEG_DPL;
	assert_int_equal(step_end(&r), 0);
	guest_memory_write(r.memory, 0x10800, open, sizeof(open));
	assert_int_equal(step_end(&r), 0x1234);
	guest_memory_write(r.memory, 0x10800, away, sizeof(away));
	assert_int_equal(step_end(&r), 0);
	guest_memory_write(r.memory, 0x10800, open, sizeof(open));
	sregs->idt.limit--;
	assert_int_equal(step_end(&r), 0);
	rig_end_all(&r);
}

static void test_step_into(void **state)
{
	const uint64_t gate = 0x00008e0000001234;
	const uint8_t into = 0xce;
	struct rig r;

	(void)state;
	rig_start(&r);
	guest_memory_write(r.memory, 0x1000, &into, 1);
	guest_memory_write(r.memory, 0x10020, &gate, sizeof(gate));
	r.vcpu[0].sregs.cr0 = 1;
	r.vcpu[0].sregs.efer = 0;
	r.vcpu[0].sregs.seg[BATON_CS].attr = BATON_SEG_DB;
	r.vcpu[0].sregs.idt = (struct baton_dtable){ .base = 0x10000, .limit = 0x27 };
	r.vcpu[0].regs.rip = 0x1000;
	assert_int_equal(step_end(&r), 0);
	r.vcpu[0].regs.rflags |= OF;
	assert_int_equal(step_end(&r), 0x1234);
	rig_end_all(&r);
}

static void test_threads(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	ASK("qfThreadInfo", "m1,2");
	ASK("qsThreadInfo", "l");
	ASK("qThreadExtraInfo,2", "435055203120287275" "6e6e696e6729");
	ASK("T2", "OK");
	ASK("T3", "E16");
	ASK("?", "T05thread:1;");
	ASK("vCont?", "vCont;c;C;s;S");
	ASK("vCont;x:1", "E16");
	ASK("vCont", "E16");
	ASK("vCont;s:2;c", "");
	assert_int_equal(r.running, 3);
	assert_true(r.vcpu[1].debug.step && !r.vcpu[0].debug.step);
	/* nothing but an interrupt is heard now */
	ASK("g", "");
	rig_receive(&r, "\x03", 1);
	rig_sent(&r, reply, sizeof(reply));
	ASK("qRcmd,7265736574", "OK");
	assert_int_equal(r.resets, 1);
	ASK("vKill;1", "OK");
	assert_int_equal(r.ends, 2);
	rig_end_all(&r);
}

/* Everything that is where gdb may come to, and nothing else. */
static void test_where(void **state)
{
	static const char *const good[] = { "1", "65535", "1234,wait", "unix:x", "unix:/a/b,wait" };
	static const char *const bad[] = { "", "0", "65536", "unix:", ",wait", "unix:,wait", "a",
					   "12a", "-1", "1234,", "1234,now", " 1" };
	struct btn_error e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(check_gdb(good[i], &e));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(check_gdb(bad[i], &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_registers), cmocka_unit_test(test_features),
		cmocka_unit_test(test_registers_32),
		cmocka_unit_test(test_memory), cmocka_unit_test(test_translation),
		cmocka_unit_test(test_soft_breaks), cmocka_unit_test(test_break_in_other_tables),
		cmocka_unit_test(test_guests_own), cmocka_unit_test(test_gone),
		cmocka_unit_test(test_hard_breaks),
		cmocka_unit_test(test_two_watchpoints_at_once),
		cmocka_unit_test(test_step_flags), cmocka_unit_test(test_step_flags_watched),
		cmocka_unit_test(test_step_faults), cmocka_unit_test(test_step_iret),
		cmocka_unit_test(test_step_gates), cmocka_unit_test(test_step_into),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
