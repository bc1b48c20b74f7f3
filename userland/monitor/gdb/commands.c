/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of gdb's and their answers (gdb manual, "Packets", "General Query Packets").
 * An empty answer says that a packet is not known. Threads are vCPUs, from 1 on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gdb/gdb_private.h"

#define SIGNAL_TRAP	5
#define MEMORY_MAX	((GDB_PACKET_MAX - 16) / 2)

static void ok(struct gdb *gdb)
{
	gdb_send_text(gdb, "OK");
}

static void answer(struct gdb *gdb, int error)
{
	if (error)
		gdb_send_error(gdb, error);
	else
		ok(gdb);
}

/* ---- threads ---- */

#define ALL_THREADS UINT64_MAX

/* "-1" all, "0" any; false: no such thread. *ret_thread is ALL_THREADS or a vCPU. */
static bool take_thread(struct gdb *gdb, const char **text, uint64_t *ret_thread)
{
	uint64_t id;

	if (!strncmp(*text, "-1", 2)) {
		*text += 2;
		*ret_thread = ALL_THREADS;
		return true;
	}
	if (!gdb_take_hex(text, &id) || id > gdb->target->cpus)
		return false;
	*ret_thread = id ? id - 1 : gdb->current;
	return true;
}

/* Hg5, Hc-1 */
static void set_thread(struct gdb *gdb, const char *text)
{
	char what = *text++;
	uint64_t thread;

	if ((what != 'g' && what != 'c') || !take_thread(gdb, &text, &thread) || *text) {
		gdb_send_error(gdb, -EINVAL);
		return;
	}
	if (thread == ALL_THREADS)
		thread = what == 'g' ? gdb->current : GDB_CPUS_MAX;
	*(what == 'g' ? &gdb->current : &gdb->go) = (unsigned int)thread;
	ok(gdb);
}

static void is_alive(struct gdb *gdb, const char *text)
{
	uint64_t thread;

	answer(gdb, take_thread(gdb, &text, &thread) && !*text ? 0 : -EINVAL);
}

static void list_threads(struct gdb *gdb)
{
	char text[4 * GDB_CPUS_MAX + 8] = "m";
	size_t at = 1;

	for (unsigned int i = 0; i < gdb->target->cpus; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%x", i ? "," : "", i + 1);
	gdb_send(gdb, text, at);
}

static void describe_thread(struct gdb *gdb, const char *text)
{
	static const char *const states[] = { "running", "halted", "waits to be started" };
	struct baton_events events;
	char words[64], hex[2 * sizeof(words) + 1];
	uint64_t thread;
	int length;

	if (!take_thread(gdb, &text, &thread) || thread == ALL_THREADS ||
	    hv_vcpu_get_events(gdb_vcpu(gdb, (unsigned int)thread), &events)) {
		gdb_send_error(gdb, -EINVAL);
		return;
	}
	length = snprintf(words, sizeof(words), "CPU %u (%s)", (unsigned int)thread,
			  events.mp_state < 3 ? states[events.mp_state] : "?");
	gdb_put_bytes(hex, words, (size_t)length);
	gdb_send_text(gdb, hex);
}

/* ---- registers and memory ---- */

static void get_registers(struct gdb *gdb)
{
	char text[GDB_PACKET_MAX];
	int error = gdb_registers_get(gdb, text, sizeof(text));

	if (error)
		gdb_send_error(gdb, error);
	else
		gdb_send_text(gdb, text);
}

static void get_register(struct gdb *gdb, const char *text)
{
	char value[64];
	uint64_t number;
	int error = gdb_take_hex(&text, &number) && !*text ?
		    gdb_register_get(gdb, number, value, sizeof(value)) :
		    -EINVAL;

	if (error)
		gdb_send_error(gdb, error);
	else
		gdb_send_text(gdb, value);
}

static void set_register(struct gdb *gdb, const char *text)
{
	uint64_t number;

	answer(gdb, gdb_take_hex_to(&text, '=', &number) ?
		    gdb_register_set(gdb, number, text) : -EINVAL);
}

/* mADDRESS,LENGTH: as much as there is, but at least a byte. */
static void read_memory(struct gdb *gdb, const char *text)
{
	static uint8_t bytes[MEMORY_MAX]; /* the main thread's, as the next */
	static char hex[2 * MEMORY_MAX + 1];
	uint64_t address, length, got = 0;
	int error = 0;

	if (!gdb_take_hex_to(&text, ',', &address) || !gdb_take_hex(&text, &length) || *text) {
		gdb_send_error(gdb, -EINVAL);
		return;
	}
	if (length > MEMORY_MAX)
		length = MEMORY_MAX;
	while (!error && got < length) {
		uint64_t part = 4096 - ((address + got) & 4095);

		if (part > length - got)
			part = length - got;
		error = gdb_memory(gdb, gdb->current, address + got, bytes + got, part, false);
		got += error ? 0 : part;
	}
	if (length && !got) {
		gdb_send_error(gdb, error);
		return;
	}
	gdb_put_bytes(hex, bytes, got);
	gdb_send(gdb, hex, 2 * got);
}

/* MADDRESS,LENGTH:HEX and XADDRESS,LENGTH:BYTES */
static void write_memory(struct gdb *gdb, const char *text, size_t size, bool hex)
{
	static uint8_t bytes[GDB_PACKET_MAX];
	const char *end = text + size;
	uint64_t address, length;
	bool good = gdb_take_hex_to(&text, ',', &address) &&
		    gdb_take_hex_to(&text, ':', &length) && length <= sizeof(bytes);

	if (good && hex)
		good = gdb_take_bytes(&text, bytes, length) && text == end;
	else if (good)
		good = (uint64_t)(end - text) == length;
	if (!good) {
		gdb_send_error(gdb, -EINVAL);
		return;
	}
	if (!hex)
		memcpy(bytes, text, length);
	answer(gdb, gdb_memory(gdb, gdb->current, address, bytes, length, true));
}

/* ZTYPE,ADDRESS,KIND and z... */
static void change_break(struct gdb *gdb, const char *text, bool add)
{
	uint64_t type, address, length;

	if (!gdb_take_hex_to(&text, ',', &type) || !gdb_take_hex_to(&text, ',', &address) ||
	    !gdb_take_hex(&text, &length))
		gdb_send_error(gdb, -EINVAL);
	else if (type > 4)
		gdb_send_text(gdb, "");
	else
		answer(gdb, add ? gdb_break_add(gdb, (unsigned int)type, address, length) :
				  gdb_break_remove(gdb, (unsigned int)type, address, length));
}

/* ---- going on ---- */

static uint64_t all_vcpus(const struct gdb *gdb)
{
	return gdb->target->cpus == 64 ? UINT64_MAX : (1ull << gdb->target->cpus) - 1;
}

/* c and s without vCont; an address to go on from is not taken. */
static void go_on(struct gdb *gdb, const char *text, bool step)
{
	unsigned int thread = gdb->go < gdb->target->cpus ? gdb->go : gdb->current;

	if (*text)
		gdb_send_error(gdb, -EINVAL);
	else if (step)
		gdb_resume(gdb, 0, 1ull << thread);
	else
		gdb_resume(gdb, all_vcpus(gdb), 0);
}

/* One ";action[:thread]". Threads that an action before it named are not its any more. */
static bool take_action(struct gdb *gdb, const char **text, uint64_t *left, uint64_t *run,
			uint64_t *step)
{
	char action = (*text)[0] == ';' ? (*text)[1] : 0;
	uint64_t thread = ALL_THREADS, signal, which;

	if (!action || !strchr("cCsS", action))
		return false;
	*text += 2;
	if ((action == 'C' || action == 'S') && !gdb_take_hex(text, &signal))
		return false;
	if (**text == ':') {
		++*text;
		if (!take_thread(gdb, text, &thread))
			return false;
	}
	which = *left & (thread == ALL_THREADS ? UINT64_MAX : 1ull << thread);
	*left &= ~which;
	*(action == 's' || action == 'S' ? step : run) |= which;
	return true;
}

/* vCont;s:1;c. The rest stays where it is. */
static void continue_threads(struct gdb *gdb, const char *text)
{
	uint64_t left = all_vcpus(gdb), run = 0, step = 0;

	while (*text)
		if (!take_action(gdb, &text, &left, &run, &step)) {
			gdb_send_error(gdb, -EINVAL);
			return;
		}
	if (!(run | step))
		gdb_send_error(gdb, -EINVAL);
	else
		gdb_resume(gdb, run, step);
}

/* ---- "monitor ..." ---- */

static void say(struct gdb *gdb, const char *text)
{
	static char hex[GDB_PACKET_MAX]; /* the main thread's */

	gdb_put_bytes(hex, text, strlen(text));
	gdb_send_text(gdb, hex);
}

static void say_info(struct gdb *gdb)
{
	static const char *const modes[] = { "guest-virtual", "guest-physical" };
	char text[160];

	snprintf(text, sizeof(text), "%u CPUs. Addresses of memory are %s, by the page tables "
		 "of thread %u.\n", gdb->target->cpus, modes[gdb->physical], gdb->current + 1);
	say(gdb, text);
}

static void set_physical(struct gdb *gdb, bool physical)
{
	gdb->physical = physical;
	ok(gdb);
}

static void monitor_command(struct gdb *gdb, const char *hex)
{
	char line[64];
	size_t length = strlen(hex) / 2;

	if (length >= sizeof(line) || !gdb_take_bytes(&hex, line, length) || *hex) {
		gdb_send_error(gdb, -EINVAL);
		return;
	}
	line[length] = 0;
	if (!strcmp(line, "info")) {
		say_info(gdb);
	} else if (!strcmp(line, "phys on") || !strcmp(line, "phys off")) {
		set_physical(gdb, line[6] == 'n');
	} else if (!strcmp(line, "reset")) {
		ok(gdb);
		gdb->target->end(gdb->target->ctx, true);
	} else {
		say(gdb, "help        this text\n"
			 "info        how many CPUs there are, which addresses count\n"
			 "phys on|off addresses of memory are guest-physical, or virtual again\n"
			 "reset       reset the guest, and stop at its first instruction\n");
	}
}

/* ---- queries ---- */

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void supported(struct gdb *gdb, const char *text)
{
	char answer_text[192];

	gdb->swbreak = strstr(text, "swbreak+");
	gdb->hwbreak = strstr(text, "hwbreak+");
	snprintf(answer_text, sizeof(answer_text), "PacketSize=%x;qXfer:features:read+;"
		 "vContSupported+;QStartNoAckMode+;swbreak+;hwbreak+", GDB_PACKET_MAX);
	gdb_send_text(gdb, answer_text);
}

/* qXfer:features:read:target.xml:OFFSET,LENGTH */
static void read_features(struct gdb *gdb, const char *text)
{
	static char part[GDB_PACKET_MAX];
	uint64_t offset, length, size;
	const char *xml;

	if (!gdb_take_hex_to(&text, ',', &offset) || !gdb_take_hex(&text, &length) || *text) {
		gdb_send_error(gdb, -EINVAL);
		return;
	}
	if (!offset)
		gdb->arch = gdb_arch_of(gdb_vcpu(gdb, 0));
	xml = gdb_target_xml(gdb->arch);
	size = strlen(xml);
	if (offset > size)
		offset = size;
	/* What has to be escaped takes two bytes; little is. */
	if (length > GDB_PACKET_MAX / 2)
		length = GDB_PACKET_MAX / 2;
	if (length > size - offset)
		length = size - offset;
	part[0] = offset + length < size ? 'm' : 'l';
	memcpy(part + 1, xml + offset, length);
	gdb_send(gdb, part, length + 1);
}

static void query(struct gdb *gdb, const char *text)
{
	static const char features[] = "qXfer:features:read:target.xml:";
	char reply[16];

	if (begins(text, "qSupported")) {
		supported(gdb, text);
	} else if (begins(text, features)) {
		read_features(gdb, text + strlen(features));
	} else if (!strcmp(text, "qfThreadInfo")) {
		list_threads(gdb);
	} else if (!strcmp(text, "qsThreadInfo")) {
		gdb_send_text(gdb, "l");
	} else if (begins(text, "qThreadExtraInfo,")) {
		describe_thread(gdb, text + strlen("qThreadExtraInfo,"));
	} else if (!strcmp(text, "qC")) {
		snprintf(reply, sizeof(reply), "QC%x", gdb->current + 1);
		gdb_send_text(gdb, reply);
	} else if (begins(text, "qAttached")) {
		gdb_send_text(gdb, "1");
	} else if (begins(text, "qRcmd,")) {
		monitor_command(gdb, text + strlen("qRcmd,"));
	} else if (!strcmp(text, "qqemu.PhyMemMode")) {
		gdb_send_text(gdb, gdb->physical ? "1" : "0");
	} else {
		gdb_send_text(gdb, "");
	}
}

static void set(struct gdb *gdb, const char *text)
{
	if (!strcmp(text, "QStartNoAckMode")) {
		ok(gdb);
		gdb->no_ack = true;
	} else if (begins(text, "Qqemu.PhyMemMode:")) {
		set_physical(gdb, text[strlen("Qqemu.PhyMemMode:")] == '1');
	} else {
		gdb_send_text(gdb, "");
	}
}

static void kill_guest(struct gdb *gdb, bool reply)
{
	if (reply)
		ok(gdb);
	gdb->target->end(gdb->target->ctx, false);
}

static void v_packet(struct gdb *gdb, const char *text)
{
	if (!strcmp(text, "vCont?"))
		gdb_send_text(gdb, "vCont;c;C;s;S");
	else if (begins(text, "vCont"))
		continue_threads(gdb, text + strlen("vCont"));
	else if (begins(text, "vKill"))
		kill_guest(gdb, true);
	else
		gdb_send_text(gdb, "");
}

static void detach(struct gdb *gdb)
{
	gdb_let_go(gdb);
	ok(gdb);
}

/* The guest stands still. */
void gdb_command(struct gdb *gdb, const char *data, size_t length)
{
	const char *rest = data + 1;

	switch (*data) {
	case '?': gdb_send_stop(gdb, SIGNAL_TRAP, ""); break;
	case 'c': go_on(gdb, rest, false); break;
	case 's': go_on(gdb, rest, true); break;
	case 'g': get_registers(gdb); break;
	case 'G': answer(gdb, gdb_registers_set(gdb, rest)); break;
	case 'p': get_register(gdb, rest); break;
	case 'P': set_register(gdb, rest); break;
	case 'm': read_memory(gdb, rest); break;
	case 'M': write_memory(gdb, rest, length - 1, true); break;
	case 'X': write_memory(gdb, rest, length - 1, false); break;
	case 'Z': change_break(gdb, rest, true); break;
	case 'z': change_break(gdb, rest, false); break;
	case 'H': set_thread(gdb, rest); break;
	case 'T': is_alive(gdb, rest); break;
	case 'q': query(gdb, data); break;
	case 'Q': set(gdb, data); break;
	case 'v': v_packet(gdb, data); break;
	case 'D': detach(gdb); break;
	case 'k': kill_guest(gdb, false); break;
	default: gdb_send_text(gdb, ""); break;
	}
}
