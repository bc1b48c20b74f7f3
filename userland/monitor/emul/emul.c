/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See emul.h. One run: get the bytes, find them in the cache or decode them,
 * execute, and say what is to happen next.
 *
 * The cache is looked up by RIP, because one place in a driver is what comes
 * back all the time, but an entry counts only if mode and bytes are those of
 * this run: what an instruction means depends on nothing else.
 */
#include "emul.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"

#define CR0_PE		(1ull << 0)
#define EFER_LMA	(1ull << 10)
#define DR6_BS		(1u << 14)

#define CACHE_SIZE 64
#define PAGE_SIZE 4096u

/* Room for two words, to be compared as such. */
#define BYTES_ROOM 16

struct emul_entry {
	uint8_t bytes[BYTES_ROOM];
	uint64_t mask[2];		/* the bytes that count */
	uint8_t mode;			/* enum emul_mode */
	bool quick;			/* see quick_move() */
	struct emul_op op;		/* length 0: the entry is empty */
};

/* Belongs to the vCPU's thread: no lock. */
struct emul {
	struct emul_config config;
	struct emul_code code;
	uint8_t bytes[BYTES_ROOM];
	unsigned int count;		/* of bytes */
	struct emul_entry cache[CACHE_SIZE];
};

struct emul *emul_create(const struct emul_config *config)
{
	struct emul *emul = calloc(1, sizeof(*emul));

	if (emul)
		emul->config = *config;
	return emul;
}

void emul_destroy(struct emul *emul)
{
	free(emul);
}

unsigned int emul_bytes(const struct emul *emul, uint8_t bytes[EMUL_INSN_MAX])
{
	memcpy(bytes, emul->bytes, emul->count);
	return emul->count;
}

/* ---- from RIP to operation ---- */

static uint64_t word_at(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static bool same_bytes(const struct emul_entry *entry, const uint8_t *bytes)
{
	uint64_t low = word_at(entry->bytes) ^ word_at(bytes);
	uint64_t high = word_at(entry->bytes + 8) ^ word_at(bytes + 8);

	return !((low & entry->mask[0]) | (high & entry->mask[1]));
}

/* May quick_move() do it? */
static bool is_quick(const struct emul_op *op, enum emul_mode mode)
{
	const struct emul_operand *memory = op->dst.kind == EMUL_MEM ? &op->dst : &op->src;
	const struct emul_operand *other = op->dst.kind == EMUL_MEM ? &op->src : &op->dst;

	return mode == EMUL_LONG64 && (op->kind == EMUL_OP_MOV || op->kind == EMUL_OP_MOVSX) &&
	       memory->kind == EMUL_MEM && op->address_size == 8 && memory->size <= 8 &&
	       memory->seg != BATON_FS && memory->seg != BATON_GS &&
	       (other->kind == EMUL_REG || (other->kind == EMUL_IMM && other == &op->src));
}

static void fill_entry(struct emul_entry *entry, enum emul_mode mode, const uint8_t *bytes,
		       const struct emul_op *op)
{
	unsigned int length = op->length;

	memcpy(entry->bytes, bytes, sizeof(entry->bytes));
	entry->mask[0] = length < 8 ? (1ull << 8 * length) - 1 : ~0ull;
	entry->mask[1] = length > 8 ? (1ull << 8 * (length - 8)) - 1 : 0;
	entry->mode = (uint8_t)mode;
	entry->quick = is_quick(op, mode);
	entry->op = *op;
}

static struct emul_entry *entry_of(struct emul *emul, uint64_t rip)
{
	return &emul->cache[(rip ^ rip >> 6) % CACHE_SIZE];
}

static int decode(struct emul *emul, const struct emul_cpu *cpu, const struct emul_op **ret_op)
{
	struct emul_entry *entry = entry_of(emul, cpu->regs->rip);
	struct emul_op op;
	int error;

	if (!entry->op.length || entry->op.length > emul->count || entry->mode != cpu->mode ||
	    !same_bytes(entry, emul->bytes)) {
		error = emul_decode(cpu->mode, emul->bytes, emul->count, &op);
		if (error)
			return error;
		fill_entry(entry, cpu->mode, emul->bytes, &op);
	}
	emul->count = entry->op.length;
	*ret_op = &entry->op;
	return 0;
}

/* The processor's bytes if they are enough, else those in guest memory. */
static int find_op(struct emul *emul, struct emul_cpu *cpu, const struct emul_op **ret_op)
{
	const struct baton_exit_emulate *exit = cpu->exit;
	int error = -ENODATA, short_of;

	if (exit->insn_len) {
		emul->count = exit->insn_len < EMUL_INSN_MAX ? exit->insn_len : EMUL_INSN_MAX;
		memcpy(emul->bytes, exit->insn, sizeof(exit->insn));
		error = decode(emul, cpu, ret_op);
	} else if (access_fetch_again(cpu, emul->bytes)) {
		emul->count = EMUL_INSN_MAX;
		error = decode(emul, cpu, ret_op);
	}
	if (error != -ENODATA)
		return error;
	short_of = access_fetch(cpu, emul->bytes, &emul->count);
	if (emul->count)
		error = decode(emul, cpu, ret_op);
	if (error != -ENODATA)
		return error;
	return short_of ? short_of : -ENOTSUP;
}

/* ---- registers that did not come along ---- */

int emul_need_sregs(struct emul_cpu *cpu)
{
	const struct emul_config *config = cpu->config;

	if (!cpu->complete && config->need_sregs && config->need_sregs(config->vcpu))
		return -ENOTSUP;
	cpu->complete = true;
	return 0;
}

/* What 64-bit code nearly always gets by with. */
static void take_mode(struct baton_sregs *sregs, const struct baton_code_mode *mode)
{
	struct baton_segment *ss = &sregs->seg[BATON_SS];

	sregs->cr0 = mode->cr0;
	sregs->cr3 = mode->cr3;
	sregs->cr4 = mode->cr4;
	sregs->efer = mode->efer;
	sregs->seg[BATON_CS].attr |= BATON_SEG_L;
	ss->attr = (uint16_t)((ss->attr & ~BATON_SEG_DPL) | mode->cpl << BATON_SEG_DPL_SHIFT);
}

/* ---- one run ---- */

void exec_forget_pages(struct emul_cpu *cpu)
{
	cpu->walk_ready = false;
	cpu->page[0].valid = cpu->page[1].valid = false;
}

static enum emul_mode find_mode(const struct baton_sregs *sregs, bool protected_mode)
{
	uint16_t attr = sregs->seg[BATON_CS].attr;

	if (sregs->efer & EFER_LMA && attr & BATON_SEG_L)
		return EMUL_LONG64;
	if (attr & BATON_SEG_DB)
		return EMUL_PROTECTED32;
	return protected_mode ? EMUL_PROTECTED16 : EMUL_REAL16;
}

/* The rest of *cpu has no meaning yet. */
static void init_cpu(struct emul_cpu *cpu, struct emul *emul, struct baton_regs *regs,
		     struct baton_sregs *sregs, const struct baton_exit_emulate *exit)
{
	cpu->config = &emul->config;
	cpu->code = &emul->code;
	cpu->exit = exit;
	cpu->sregs = sregs;
	cpu->regs = regs;
	cpu->protected_mode = sregs->cr0 & CR0_PE && !(regs->rflags & RFLAGS_VM);
	cpu->mode = find_mode(sregs, cpu->protected_mode);
	cpu->complete = !(exit->access & BATON_ACCESS_LONG64);
	cpu->trust_gpa = false;
	cpu->sregs_changed = false;
	exec_forget_pages(cpu);
}

/*
 * Whether code at this privilege may use the port, and those behind it as far as an item
 * reaches, is what the processor checked before the exit. So only that exit is followed by
 * port I/O, and by no wider one; if the code is another one by now, the processor has to
 * look at it again.
 */
static bool fits_exit(const struct emul_cpu *cpu, const struct emul_op *op)
{
	bool port_io = op->kind == EMUL_OP_INS || op->kind == EMUL_OP_OUTS;

	if (port_io != (cpu->exit->kind == BATON_EMULATE_STRING_IO))
		return false;
	return !port_io || !cpu->exit->gva || op->size <= cpu->exit->gva;
}

static int run(struct emul *emul, struct emul_cpu *cpu)
{
	const struct emul_op *op;
	int error = find_op(emul, cpu, &op);

	if (error)
		return error;
	if (!fits_exit(cpu, op))
		return -EAGAIN;
	cpu->trust_gpa = !op->many && !(cpu->exit->access & BATON_ACCESS_WALK);
	error = exec_op(cpu, op);
	if (!error) {
		cpu->regs->rip += op->length;
		if (cpu->mode != EMUL_LONG64)
			cpu->regs->rip &= 0xffffffff;
		cpu->regs->rflags &= ~RFLAGS_RF;
	}
	return error;
}

static enum emul_result give_fault(struct emul_cpu *cpu, struct baton_sregs *sregs,
				   struct emul_fault *fault)
{
	*fault = cpu->fault;
	/* The caller commits SREGS, all of them. */
	if (emul_need_sregs(cpu))
		return EMUL_UNSUPPORTED;
	if (fault->vector == VECTOR_PF)
		sregs->cr2 = cpu->cr2;
	/* a breakpoint on the instruction was reported before it got this far */
	if (fault->vector != VECTOR_DB)
		cpu->regs->rflags |= RFLAGS_RF;
	return EMUL_FAULT;
}

/* A program must not be able to end the VM by what it executes. */
static enum emul_result give_up(struct emul_cpu *cpu, struct baton_sregs *sregs,
				struct emul_fault *fault, enum emul_result result)
{
	if ((sregs->seg[BATON_SS].attr & BATON_SEG_DPL) != BATON_SEG_DPL)
		return result;
	access_fault(cpu, VECTOR_UD);
	return give_fault(cpu, sregs, fault);
}

/* ---- the commonest run ---- */

/* Is the code at RIP, of the page that was read last, what the entry was made of? */
static inline bool is_same_code(const struct emul *emul, const struct emul_entry *entry,
				uint64_t rip, const struct baton_exit_emulate *exit)
{
	const struct emul_code *code = &emul->code;
	uint64_t offset = rip - code->gva;

	if (exit->insn_len)
		return exit->insn_len >= entry->op.length && same_bytes(entry, exit->insn);
	/* Without a trail, as of ROM, there is no pointer either. */
	return code->trail.count && offset <= PAGE_SIZE - BYTES_ROOM &&
	       is_same_mode(&code->mode, &exit->mode) &&
	       same_bytes(entry, code->host + offset) && walk_trail_holds(&code->trail);
}

static uint64_t quick_address(const struct baton_regs *regs, const struct emul_op *op,
			      const struct emul_operand *memory)
{
	uint64_t address = (uint64_t)memory->value;

	if (memory->base == EMUL_RIP)
		address += regs->rip + op->length;
	else if (memory->base != EMUL_NO_REG)
		address += regs->gpr[memory->base];
	if (memory->index != EMUL_NO_REG)
		address += regs->gpr[memory->index] * memory->scale;
	return address;
}

/*
 * Nearly every access to a device is a plain move by 64-bit code that comes back again
 * and again, to an address that the processor has translated. Such a one is done
 * here, with nothing in between. False: nothing is done, the long way is to be gone.
 */
static __attribute__((noinline)) bool quick_move(struct emul *emul, struct baton_regs *regs,
						 const struct baton_exit_emulate *exit)
{
	struct emul_entry *entry = entry_of(emul, regs->rip);
	const struct emul_op *op = &entry->op;
	bool store = exit->access & BATON_ACCESS_WRITE;
	const struct emul_operand *memory = store ? &op->dst : &op->src;
	struct emul_cpu cpu; /* of which only registers are looked at */
	uint64_t linear, value;

	cpu.regs = regs;
	if (!entry->quick || memory->kind != EMUL_MEM || exit->kind != BATON_EMULATE_MMIO ||
	    exit->access & (BATON_ACCESS_WALK | BATON_ACCESS_APIC) || regs->rflags & RFLAGS_TF ||
	    exit->gpa & (memory->size - 1u))
		return false;
	linear = quick_address(regs, op, memory);
	if ((linear ^ exit->gpa) & (PAGE_SIZE - 1) ||
	    (exit->access & BATON_ACCESS_GVA && linear != exit->gva) ||
	    !is_same_code(emul, entry, regs->rip, exit))
		return false;
	if (store) {
		bus_write(emul->config.mmio, exit->gpa, memory->size,
			  operand_direct(&cpu, &op->src) & size_mask(memory->size));
	} else {
		value = bus_read(emul->config.mmio, exit->gpa, memory->size);
		if (op->kind == EMUL_OP_MOVSX)
			value = sign_extend(value, memory->size);
		gpr_write(&cpu, op->dst.reg, op->dst.size, value);
	}
	regs->rip += op->length;
	regs->rflags &= ~RFLAGS_RF;
	return true;
}

static enum emul_result done(struct emul_cpu *cpu, struct emul_fault *fault)
{
	if (!(cpu->regs->rflags & RFLAGS_TF))
		return cpu->sregs_changed ? EMUL_DONE_SREGS : EMUL_DONE;
	*fault = (struct emul_fault){ .vector = VECTOR_DB, .dr6 = DR6_BS };
	/* The caller commits all of them, as in give_fault(). */
	return emul_need_sregs(cpu) ? EMUL_UNSUPPORTED : EMUL_FAULT;
}

enum emul_result emul_run(struct emul *emul, struct baton_regs *regs,
			  struct baton_sregs *sregs, const struct baton_exit_emulate *exit,
			  struct emul_fault *fault)
{
	struct emul_cpu cpu;

	if (exit->access & BATON_ACCESS_LONG64) {
		if (quick_move(emul, regs, exit))
			return EMUL_DONE;
		take_mode(sregs, &exit->mode);
	}
	init_cpu(&cpu, emul, regs, sregs, exit);
	switch (run(emul, &cpu)) {
	case 0:
	case -EINTR:
		return done(&cpu, fault);
	case -EAGAIN:
		return EMUL_DONE;
	case -EFAULT:
		return give_fault(&cpu, sregs, fault);
	case -ENXIO:
		return give_up(&cpu, sregs, fault, EMUL_NO_CODE);
	default:
		return give_up(&cpu, sregs, fault, EMUL_UNSUPPORTED);
	}
}

enum emul_result emul_task_switch(struct emul *emul, struct baton_regs *regs,
				  struct baton_sregs *sregs, const struct baton_exit_task *task,
				  struct emul_fault *fault, bool *ret_switched)
{
	static const struct baton_exit_emulate no_exit;
	struct emul_cpu cpu;
	int error;

	emul->count = 0;
	init_cpu(&cpu, emul, regs, sregs, &no_exit);
	error = exec_task_switch(&cpu, task);
	*ret_switched = cpu.sregs_changed;
	switch (error) {
	case 0:
		return EMUL_DONE_SREGS;
	case -EFAULT:
		return give_fault(&cpu, sregs, fault);
	case -EIO:
		return EMUL_SHUTDOWN;
	default:
		return EMUL_UNSUPPORTED;
	}
}
