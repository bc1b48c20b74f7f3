// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instruction emulator: any bytes as code, any registers, segments and pages.
 * What must hold is said in emul.h: what is undone where nothing was done, and
 * that a run with an empty decode cache comes out like one with a used one.
 */
#include "fuzz.h"

#include "emul_guest.h"

#define STEPS 16

#define RFLAGS_MAY_CHANGE 0x108d5ull	/* status flags and RF */
#define RFLAGS_RF 0x10000ull
#define RFLAGS_TF 0x100ull

struct state {
	struct baton_regs regs;
	struct baton_sregs sregs;
	struct emul_fault fault;
	enum emul_result result;
	uint32_t port_value;
	uint8_t ram[G_RAM], device[G_DEVICE_SIZE];
	uint32_t apic[1024];
	struct baton_xsave xsave;
};

static struct state before, after, again;

static void save(struct guest *g, struct state *to)
{
	to->regs = g->regs;
	to->sregs = g->sregs;
	to->port_value = g->port_value;
	to->xsave = g->xsave;
	memcpy(to->ram, guest_at(g, 0), G_RAM);
	memcpy(to->device, g->device, G_DEVICE_SIZE);
	memcpy(to->apic, g->apic, sizeof(to->apic));
}

static void load(struct guest *g, const struct state *from)
{
	g->regs = from->regs;
	g->sregs = from->sregs;
	g->port_value = from->port_value;
	g->xsave = from->xsave;
	memcpy(guest_at(g, 0), from->ram, G_RAM);
	memcpy(g->device, from->device, G_DEVICE_SIZE);
	memcpy(g->apic, from->apic, sizeof(g->apic));
}

/* ---- what a step starts from ---- */

static uint64_t any_address(struct fuzz *f)
{
	static const uint64_t places[] = {
		G_DEVICE, G_DEVICE + G_DEVICE_SIZE, G_DATA, G_TABLES, G_RAM, G_STACK, G_CODE,
		0x20000, 0, 0xffff, 0xffffffff, 0x800000000000, ~0ull, MEMORY_HOLE_END,
		G_DEVICE + 0x1000, G_PORT,
	};
	uint8_t what = fuzz_u8(f);

	if (what >= 0xf0)
		return fuzz_u64(f);
	return places[what & 15] + (uint64_t)(int64_t)(int8_t)fuzz_u8(f);
}

static void set_registers(struct guest *g, struct fuzz *f)
{
	uint16_t which = fuzz_u16(f);

	for (unsigned int i = 0; i < BATON_GPR_COUNT; i++)
		if (which >> i & 1)
			g->regs.gpr[i] = any_address(f);
	g->regs.rflags = (fuzz_u32(f) & 0x3f7fd5) | 2;
}

static void set_pages(struct guest *g, struct fuzz *f)
{
	for (unsigned int i = fuzz_u8(f) & 3; i; i--)
		guest_map(g, any_address(f) % 0x100000,
			  (any_address(f) & 0xffffffffff000) | fuzz_u8(f) |
				  (uint64_t)fuzz_bool(f) << 63);
}

static void set_system(struct guest *g, struct fuzz *f)
{
	struct baton_segment *seg = &g->sregs.seg[fuzz_u8(f) % BATON_SEG_COUNT];

	seg->base = any_address(f);
	seg->limit = (uint32_t)any_address(f);
	seg->attr = fuzz_u16(f) & BATON_SEG_ATTR_MASK;
	if (!fuzz_bool(f))
		return;
	g->sregs.cr0 ^= fuzz_u32(f) & 0x8001000d;
	g->sregs.cr3 = any_address(f);
	g->sregs.cr4 ^= fuzz_u32(f) & 0x301230;
	g->sregs.efer ^= fuzz_u16(f) & 0xd00;
	for (unsigned int i = 0; i < 4; i++)
		g->sregs.pdpte[i] = any_address(f);
}

static void set_exit(struct guest *g, struct fuzz *f, const uint8_t code[EMUL_INSN_MAX])
{
	uint8_t what = fuzz_u8(f);

	g->exit.kind = 1 + what % 3;
	g->exit.access = what >> 4 & (BATON_ACCESS_WRITE | BATON_ACCESS_GVA);
	if (what & 0x20)
		g->exit.access |= BATON_ACCESS_APIC;
	if (what & 4)
		g->exit.gpa = g->exit.gva = any_address(f);
	if (what & 8)
		return; /* fetch it yourself */
	g->exit.insn_len = fuzz_u8(f) & 15;
	memcpy(g->exit.insn, code, EMUL_INSN_MAX);
}

/* The code comes first, so that a seed is an instruction. */
static void prepare(struct guest *g, struct fuzz *f)
{
	uint8_t code[EMUL_INSN_MAX], mode = fuzz_u8(f), what;

	fuzz_bytes(f, code, sizeof(code));
	what = fuzz_u8(f);
	if (mode < 0xf0) /* else: go on with what the last step left */
		guest_set_mode(g, mode & 3);
	if (mode < 0xf0 && (mode & 3) == EMUL_LONG64)
		set_pages(g, f);
	guest_set_code(g, code, sizeof(code));
	if (what & 1)
		set_registers(g, f);
	if (what & 2)
		set_system(g, f);
	if (what & 4)
		guest_set_user(g);
	if (what & 8)
		g->regs.rip = any_address(f);
	if (what & 16)
		set_exit(g, f, code);
}

/* ---- what must hold ---- */

static bool same_regs(const struct baton_regs *a, const struct baton_regs *b, uint64_t but_flags)
{
	return !memcmp(a->gpr, b->gpr, sizeof(a->gpr)) && a->rip == b->rip &&
	       !((a->rflags ^ b->rflags) & ~but_flags);
}

static void check_fault(void)
{
	uint8_t vector = after.fault.vector;

	FUZZ_CHECK(vector <= 1 || vector == 6 || vector == 7 || (vector >= 11 && vector <= 14) ||
		   vector == 16);
	FUZZ_CHECK(vector == 1 ? before.regs.rflags & RFLAGS_TF : after.regs.rflags & RFLAGS_RF);
	FUZZ_CHECK(vector == 14 || !(after.fault.error_code & ~0xfffcu));
	FUZZ_CHECK(!after.fault.error_code || after.fault.has_error_code);
	FUZZ_CHECK((vector >= 11 && vector != 16) || !after.fault.has_error_code);
	FUZZ_CHECK(vector == 1 || after.regs.rip == before.regs.rip);
}

static void check_result(struct guest *g)
{
	uint8_t bytes[EMUL_INSN_MAX];
	struct baton_sregs sregs = before.sregs;

	FUZZ_CHECK(emul_bytes(g->emul, bytes) <= EMUL_INSN_MAX);
	FUZZ_CHECK(!((after.regs.rflags ^ before.regs.rflags) & ~RFLAGS_MAY_CHANGE));
	if (after.result == EMUL_FAULT && after.fault.vector == 14)
		sregs.cr2 = after.sregs.cr2;
	if (after.result == EMUL_DONE_SREGS ||
	    (after.result == EMUL_FAULT && after.fault.vector == 1))
		memcpy(sregs.seg, after.sregs.seg, sizeof(sregs.seg));
	FUZZ_CHECK(!memcmp(&sregs, &after.sregs, sizeof(sregs)));
	if (after.result == EMUL_FAULT)
		check_fault();
	if (after.result == EMUL_UNSUPPORTED || after.result == EMUL_NO_CODE)
		FUZZ_CHECK(same_regs(&before.regs, &after.regs, 0) && !g->log_count);
}

static void check_again(void)
{
	FUZZ_CHECK(again.result == after.result);
	FUZZ_CHECK(same_regs(&again.regs, &after.regs, 0));
	FUZZ_CHECK(again.port_value == after.port_value);
	FUZZ_CHECK(!memcmp(&again.xsave, &after.xsave, sizeof(after.xsave)));
	FUZZ_CHECK(!memcmp(again.ram, after.ram, sizeof(after.ram)));
	FUZZ_CHECK(!memcmp(again.device, after.device, sizeof(after.device)));
	FUZZ_CHECK(!memcmp(again.apic, after.apic, sizeof(after.apic)));
	if (after.result == EMUL_FAULT) {
		FUZZ_CHECK(again.fault.vector == after.fault.vector);
		FUZZ_CHECK(again.fault.error_code == after.fault.error_code);
	}
}

static void reset(struct guest *g)
{
	const struct emul_config config = guest_config(g);
	static const struct state zero;

	load(g, &zero);
	guest_set_mode(g, EMUL_LONG64);
	g->regs.rflags = 2;
	g->regs.gpr[BATON_RSP] = G_STACK;
	emul_destroy(g->emul);
	g->emul = emul_create(&config);
}

static void run(struct guest *g, struct state *to)
{
	to->result = guest_run(g);
	to->fault = g->fault;
	save(g, to);
}

static void step(struct guest *g, struct fuzz *f)
{
	const struct emul_config config = guest_config(g);
	struct emul *used = g->emul;

	prepare(g, f);
	save(g, &before);
	guest_brief = true;
	run(g, &after);
	check_result(g);
	load(g, &before);
	/* With nothing remembered, and all registers there from the start. */
	guest_brief = false;
	g->emul = emul_create(&config);
	run(g, &again);
	emul_destroy(g->emul);
	g->emul = used;
	check_again();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guest *g; /* kept: making one costs more than most inputs */
	struct fuzz f = { data, size };

	if (!g)
		g = guest_create(EMUL_LONG64);
	reset(g);
	for (unsigned int i = 0; i < STEPS && f.left; i++)
		step(g, &f);
	return 0;
}
