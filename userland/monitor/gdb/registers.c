/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers as gdb numbers them. One table makes both the numbers and target.xml (gdb
 * manual, "i386 Features"), which tells gdb the rest. A 32-bit kernel has fewer, or gdb
 * would not take its file and this target together.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gdb/gdb_private.h"

/* Of the XSAVE image: SDM vol. 1, "Legacy Region" and "XSAVE Header". */
#define FX_FCW		0
#define FX_FSW		2
#define FX_TAGS		4	/* a bit for each register that is not empty */
#define FX_FOP		6
#define FX_FIP		8
#define FX_FDP		16
#define FX_MXCSR	24
#define FX_ST		32
#define FX_XMM		160
#define XSTATE_BV	512
#define HAS_X87		1u
#define HAS_SSE		2u

#define CR0_PG		(1u << 31)
#define EFER_LMA	(1u << 10)

enum where { GPR, REGS, SEGMENT, X87, X87_WORD, SSE, MXCSR, SREGS, BASE };

struct row {
	const char *name, *type;
	uint8_t bits;
	uint8_t where;
	uint16_t index;		/* number, or offset in its struct */
};

#define IN_REGS(field) offsetof(struct baton_regs, field)
#define IN_SREGS(field) offsetof(struct baton_sregs, field)

static const struct row general[] = {
	{ "rax", "int64", 64, GPR, BATON_RAX }, { "rbx", "int64", 64, GPR, BATON_RBX },
	{ "rcx", "int64", 64, GPR, BATON_RCX }, { "rdx", "int64", 64, GPR, BATON_RDX },
	{ "rsi", "int64", 64, GPR, BATON_RSI }, { "rdi", "int64", 64, GPR, BATON_RDI },
	{ "rbp", "data_ptr", 64, GPR, BATON_RBP }, { "rsp", "data_ptr", 64, GPR, BATON_RSP },
	{ "r8", "int64", 64, GPR, 8 }, { "r9", "int64", 64, GPR, 9 },
	{ "r10", "int64", 64, GPR, 10 }, { "r11", "int64", 64, GPR, 11 },
	{ "r12", "int64", 64, GPR, 12 }, { "r13", "int64", 64, GPR, 13 },
	{ "r14", "int64", 64, GPR, 14 }, { "r15", "int64", 64, GPR, 15 },
	{ "rip", "code_ptr", 64, REGS, IN_REGS(rip) },
};

static const struct row general32[] = {
	{ "eax", "int32", 32, GPR, BATON_RAX }, { "ecx", "int32", 32, GPR, BATON_RCX },
	{ "edx", "int32", 32, GPR, BATON_RDX }, { "ebx", "int32", 32, GPR, BATON_RBX },
	{ "esp", "data_ptr", 32, GPR, BATON_RSP }, { "ebp", "data_ptr", 32, GPR, BATON_RBP },
	{ "esi", "int32", 32, GPR, BATON_RSI }, { "edi", "int32", 32, GPR, BATON_RDI },
	{ "eip", "code_ptr", 32, REGS, IN_REGS(rip) },
};

static const struct row core[] = {
	{ "eflags", "i386_eflags", 32, REGS, IN_REGS(rflags) },
	{ "cs", "int32", 32, SEGMENT, BATON_CS }, { "ss", "int32", 32, SEGMENT, BATON_SS },
	{ "ds", "int32", 32, SEGMENT, BATON_DS }, { "es", "int32", 32, SEGMENT, BATON_ES },
	{ "fs", "int32", 32, SEGMENT, BATON_FS }, { "gs", "int32", 32, SEGMENT, BATON_GS },
	{ "st0", "i387_ext", 80, X87, 0 }, { "st1", "i387_ext", 80, X87, 1 },
	{ "st2", "i387_ext", 80, X87, 2 }, { "st3", "i387_ext", 80, X87, 3 },
	{ "st4", "i387_ext", 80, X87, 4 }, { "st5", "i387_ext", 80, X87, 5 },
	{ "st6", "i387_ext", 80, X87, 6 }, { "st7", "i387_ext", 80, X87, 7 },
	{ "fctrl", "int", 32, X87_WORD, FX_FCW }, { "fstat", "int", 32, X87_WORD, FX_FSW },
	{ "ftag", "int", 32, X87_WORD, FX_TAGS }, { "fiseg", "int", 32, X87_WORD, FX_FIP + 4 },
	{ "fioff", "int", 32, X87_WORD, FX_FIP }, { "foseg", "int", 32, X87_WORD, FX_FDP + 4 },
	{ "fooff", "int", 32, X87_WORD, FX_FDP }, { "fop", "int", 32, X87_WORD, FX_FOP },
};

static const struct row sse[] = {
	{ "xmm0", "vec128", 128, SSE, 0 }, { "xmm1", "vec128", 128, SSE, 1 },
	{ "xmm2", "vec128", 128, SSE, 2 }, { "xmm3", "vec128", 128, SSE, 3 },
	{ "xmm4", "vec128", 128, SSE, 4 }, { "xmm5", "vec128", 128, SSE, 5 },
	{ "xmm6", "vec128", 128, SSE, 6 }, { "xmm7", "vec128", 128, SSE, 7 },
};

static const struct row more_sse[] = {
	{ "xmm8", "vec128", 128, SSE, 8 }, { "xmm9", "vec128", 128, SSE, 9 },
	{ "xmm10", "vec128", 128, SSE, 10 }, { "xmm11", "vec128", 128, SSE, 11 },
	{ "xmm12", "vec128", 128, SSE, 12 }, { "xmm13", "vec128", 128, SSE, 13 },
	{ "xmm14", "vec128", 128, SSE, 14 }, { "xmm15", "vec128", 128, SSE, 15 },
};

static const struct row mxcsr[] = { { "mxcsr", "int", 32, MXCSR, 0 } };

static const struct row segments[] = {
	{ "fs_base", "int64", 64, BASE, BATON_FS }, { "gs_base", "int64", 64, BASE, BATON_GS },
};

static const struct row control[] = {
	{ "cr0", "int64", 64, SREGS, IN_SREGS(cr0) }, { "cr2", "int64", 64, SREGS, IN_SREGS(cr2) },
	{ "cr3", "int64", 64, SREGS, IN_SREGS(cr3) }, { "cr4", "int64", 64, SREGS, IN_SREGS(cr4) },
	{ "cr8", "int64", 64, SREGS, IN_SREGS(cr8) },
	{ "efer", "int64", 64, SREGS, IN_SREGS(efer) },
};

static const char core_types[] =
	"<flags id=\"i386_eflags\" size=\"4\">"
	"<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"PF\" start=\"2\" end=\"2\"/>"
	"<field name=\"AF\" start=\"4\" end=\"4\"/><field name=\"ZF\" start=\"6\" end=\"6\"/>"
	"<field name=\"SF\" start=\"7\" end=\"7\"/><field name=\"TF\" start=\"8\" end=\"8\"/>"
	"<field name=\"IF\" start=\"9\" end=\"9\"/><field name=\"DF\" start=\"10\" end=\"10\"/>"
	"<field name=\"OF\" start=\"11\" end=\"11\"/>"
	"<field name=\"NT\" start=\"14\" end=\"14\"/>"
	"<field name=\"RF\" start=\"16\" end=\"16\"/>"
	"<field name=\"VM\" start=\"17\" end=\"17\"/>"
	"<field name=\"AC\" start=\"18\" end=\"18\"/></flags>";

static const char sse_types[] =
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/><union id=\"vec128\">"
	"<field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
	"<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
	"<field name=\"v2_int64\" type=\"v2i64\"/></union>";

#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])
#define PARTS_MAX 7
static const struct arch {
	const char *name;
	struct part {
		const char *feature, *types;	/* NULL: of the feature before */
		const struct row *rows;
		size_t count;
	} part[PARTS_MAX];
} archs[] = {
	[GDB_X86_64] = { "i386:x86-64", {
		{ "org.gnu.gdb.i386.core", core_types, ROWS(general) },
		{ NULL, NULL, ROWS(core) },
		{ "org.gnu.gdb.i386.sse", sse_types, ROWS(sse) },
		{ NULL, NULL, ROWS(more_sse) },
		{ NULL, NULL, ROWS(mxcsr) },
		{ "org.gnu.gdb.i386.segments", "", ROWS(segments) },
		{ "baton.control", "", ROWS(control) },
	} },
	[GDB_I386] = { "i386", {
		{ "org.gnu.gdb.i386.core", core_types, ROWS(general32) },
		{ NULL, NULL, ROWS(core) },
		{ "org.gnu.gdb.i386.sse", sse_types, ROWS(sse) },
		{ NULL, NULL, ROWS(mxcsr) },
		{ "baton.control", "", ROWS(control) },
	} },
};

/* ---- target.xml ---- */

/* Without paging it may be a 64-bit kernel that begins: they all do so in 32-bit code. */
enum gdb_arch gdb_arch_of(struct hv_vcpu *vcpu)
{
	struct baton_sregs sregs;

	return !hv_vcpu_get_sregs(vcpu, &sregs) && sregs.cr0 & CR0_PG &&
	       !(sregs.efer & EFER_LMA) ? GDB_I386 : GDB_X86_64;
}

static void put_part(FILE *out, const struct part *part, const char *end)
{
	if (part->feature)
		fprintf(out, "%s<feature name=\"%s\">%s", end, part->feature, part->types);
	for (size_t i = 0; i < part->count; i++)
		fprintf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>",
			part->rows[i].name, part->rows[i].bits, part->rows[i].type);
}

const char *gdb_target_xml(enum gdb_arch arch)
{
	static char text[12288];	/* the main thread's; its size is what a test looks at */
	FILE *out = fmemopen(text, sizeof(text), "w");

	if (!out)
		return "";
	fprintf(out, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
		"<architecture>%s</architecture>", archs[arch].name);
	for (size_t i = 0; i < PARTS_MAX; i++)
		put_part(out, &archs[arch].part[i], i ? "</feature>" : "");
	fputs("</feature></target>", out);
	fclose(out);
	return text;
}

static const struct row *find_row(const struct gdb *gdb, uint64_t number)
{
	for (size_t i = 0; i < PARTS_MAX; i++) {
		const struct part *part = &archs[gdb->arch].part[i];

		if (number < part->count)
			return &part->rows[number];
		number -= part->count;
	}
	return NULL;
}

/* ---- values ---- */

struct state {
	struct baton_regs regs;
	struct baton_sregs sregs;
	struct baton_xsave xsave;
};

static int load(struct gdb *gdb, struct state *state)
{
	struct hv_vcpu *vcpu = gdb_vcpu(gdb, gdb->current);
	int error = hv_vcpu_get_regs(vcpu, &state->regs);

	if (!error)
		error = hv_vcpu_get_sregs(vcpu, &state->sregs);
	if (!error)
		error = hv_vcpu_get_xsave(vcpu, &state->xsave);
	return error;
}

static int store(struct gdb *gdb, const struct state *was, const struct state *state)
{
	struct hv_vcpu *vcpu = gdb_vcpu(gdb, gdb->current);
	int error = 0;

	if (memcmp(&was->sregs, &state->sregs, sizeof(state->sregs)))
		error = hv_vcpu_set_sregs(vcpu, &state->sregs);
	if (!error && memcmp(&was->regs, &state->regs, sizeof(state->regs)))
		error = hv_vcpu_set_regs(vcpu, &state->regs);
	if (!error && memcmp(&was->xsave, &state->xsave, sizeof(state->xsave)))
		error = hv_vcpu_set_xsave(vcpu, &state->xsave);
	return error;
}

/* The 16 bits of tags that there were before FXSAVE: 0 valid, 3 empty. */
static uint16_t full_tags(uint8_t tags)
{
	uint16_t full = 0;

	for (unsigned int i = 0; i < 8; i++)
		full |= (uint16_t)((tags >> i & 1 ? 0 : 3) << 2 * i);
	return full;
}

static uint8_t short_tags(uint16_t full)
{
	uint8_t tags = 0;

	for (unsigned int i = 0; i < 8; i++)
		tags |= (uint8_t)(((full >> 2 * i & 3) != 3) << i);
	return tags;
}

/* Where it is in the image, and what of it. */
static uint8_t *x87_word(struct state *state, const struct row *row, unsigned int *ret_size)
{
	*ret_size = row->index == FX_TAGS ? 1 :
		    row->index == FX_FIP || row->index == FX_FDP ? 4 : 2;
	return state->xsave.image + row->index;
}

/* The bytes that are the register, if it is that simple. */
static void *place_of(struct state *state, const struct row *row)
{
	switch (row->where) {
	case GPR: return &state->regs.gpr[row->index];
	case REGS: return (uint8_t *)&state->regs + row->index;
	case SREGS: return (uint8_t *)&state->sregs + row->index;
	case BASE: return &state->sregs.seg[row->index].base;
	case X87: return state->xsave.image + FX_ST + 16 * row->index;
	case SSE: return state->xsave.image + FX_XMM + 16 * row->index;
	case MXCSR: return state->xsave.image + FX_MXCSR;
	}
	return NULL;
}

/* A component that the image lacks is in its first state, whatever the bytes are. */
static void complete(struct state *state)
{
	uint64_t *has = (uint64_t *)(void *)(state->xsave.image + XSTATE_BV);
	const uint16_t fcw = 0x37f;

	if (!(*has & HAS_X87)) {
		memset(state->xsave.image, 0, FX_MXCSR);
		memcpy(state->xsave.image, &fcw, sizeof(fcw));
		memset(state->xsave.image + FX_ST, 0, FX_XMM - FX_ST);
	}
	if (!(*has & HAS_SSE))
		memset(state->xsave.image + FX_XMM, 0, 256);
}

static void get_value(struct state *state, const struct row *row, uint8_t bytes[16])
{
	unsigned int size;
	const void *place;
	uint32_t value = 0;

	memset(bytes, 0, 16);
	if (row->where == SEGMENT) {
		value = state->sregs.seg[row->index].selector;
		memcpy(bytes, &value, 4);
	} else if (row->where == X87_WORD) {
		place = x87_word(state, row, &size);
		memcpy(&value, place, size);
		if (row->index == FX_TAGS)
			value = full_tags((uint8_t)value);
		memcpy(bytes, &value, 4);
	} else {
		memcpy(bytes, place_of(state, row), row->bits / 8);
	}
}

/* Selectors stay: loading one is more than changing a number. */
static void set_value(struct state *state, const struct row *row, const uint8_t bytes[16])
{
	uint64_t *has = (uint64_t *)(void *)(state->xsave.image + XSTATE_BV);
	unsigned int size;
	uint8_t *place;
	uint16_t tags;

	if (row->where == SEGMENT)
		return;
	if (row->where == X87 || row->where == X87_WORD)
		*has |= HAS_X87;
	if (row->where == SSE)
		*has |= HAS_SSE;
	if (row->where != X87_WORD) {
		memcpy(place_of(state, row), bytes, row->bits / 8);
		return;
	}
	place = x87_word(state, row, &size);
	memcpy(&tags, bytes, sizeof(tags));
	if (row->index == FX_TAGS)
		*place = short_tags(tags);
	else
		memcpy(place, bytes, size);
}

/* ---- packets ---- */

int gdb_registers_get(struct gdb *gdb, char *text, size_t size)
{
	struct state state;
	const struct row *row;
	uint8_t bytes[16];
	int error = load(gdb, &state);

	if (error)
		return error;
	complete(&state);
	for (uint64_t i = 0; (row = find_row(gdb, i)) && size > 32; i++) {
		char *end;

		get_value(&state, row, bytes);
		end = gdb_put_bytes(text, bytes, row->bits / 8);
		size -= (size_t)(end - text);
		text = end;
	}
	return 0;
}

int gdb_registers_set(struct gdb *gdb, const char *text)
{
	struct state was, state;
	const struct row *row;
	uint8_t bytes[16];
	int error = load(gdb, &was);

	if (error)
		return error;
	complete(&was);
	state = was;
	for (uint64_t i = 0; (row = find_row(gdb, i)) && *text; i++) {
		if (!gdb_take_bytes(&text, bytes, row->bits / 8))
			return -EINVAL;
		set_value(&state, row, bytes);
	}
	return store(gdb, &was, &state);
}

int gdb_register_get(struct gdb *gdb, uint64_t number, char *text, size_t size)
{
	const struct row *row = find_row(gdb, number);
	struct state state;
	uint8_t bytes[16];
	int error = row && size > 32 ? load(gdb, &state) : -EINVAL;

	if (error)
		return error;
	complete(&state);
	get_value(&state, row, bytes);
	gdb_put_bytes(text, bytes, row->bits / 8);
	return 0;
}

int gdb_register_set(struct gdb *gdb, uint64_t number, const char *text)
{
	const struct row *row = find_row(gdb, number);
	struct state was, state;
	uint8_t bytes[16];
	int error = row && gdb_take_bytes(&text, bytes, row->bits / 8) && !*text ?
		    load(gdb, &was) : -EINVAL;

	if (error)
		return error;
	complete(&was);
	state = was;
	set_value(&state, row, bytes);
	return store(gdb, &was, &state);
}
