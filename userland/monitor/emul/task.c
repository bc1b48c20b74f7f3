/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Task switches, which VT-x leaves to the hypervisor: CALL, JMP, IRET and gates in the IDT,
 * between segments of 16 and of 32 bits, to and from virtual-8086 mode. Intel SDM 3, "Task
 * Switching".
 *
 * Two halves, as there: until the new task's state is loaded nothing has happened, and what
 * goes wrong is the old task's fault; then the old task is in memory, and whatever is wrong
 * with segments is the new task's. The processor has made most of the first half's checks
 * before its exit. They are made again, for memory may be another one by now.
 *
 * A segment register whose descriptor is refused keeps its selector and is of no use; CS and
 * SS, which processors insist on, are then a plain segment of the old privilege level, and
 * the handler's own take their place.
 */
#include <errno.h>

#include "segment.h"

#define RFLAGS_FIXED	(1ull << 1)
#define RFLAGS_NT	(1ull << 14)
#define RFLAGS_KNOWN	0x3f7fd7ull
#define CR0_TS		(1ull << 3)
#define CR0_PG		(1ull << 31)
#define CR4_PAE		(1ull << 5)
#define PDPTE_RESERVED	0x1e6ull

#define VECTOR_DF	8
#define DR6_BT		(1u << 15)

#define EVENT_VALID	(1u << 31)

/* Words of a TSS that are saved and loaded, in their order; then the ones that are loaded only. */
enum { WORD_IP, WORD_FLAGS, WORD_GPR, WORD_SEG = WORD_GPR + 8 };
#define WORDS_MAX 18u

struct layout {
	unsigned int word;	/* bytes of each */
	unsigned int first;	/* offset of WORD_IP */
	unsigned int segs;	/* ES, CS, SS, DS, and FS, GS; the LDT is behind them */
	uint32_t limit;		/* at least */
};

static const struct layout layout16 = { 2, 0x0e, 4, 0x2b };
/* CR3 is before the first word, the trap flag behind the last one. */
static const struct layout layout32 = { 4, 0x20, 6, 0x67 };

struct switching {
	const struct baton_exit_task *task;
	const struct layout *from, *to;
	struct descriptor tss;
	struct emul_place save[WORDS_MAX], load[WORDS_MAX];
	struct emul_place cr3, trap, link, old_busy, new_busy;
	uint64_t old_raw;		/* of the descriptor at old_busy */
	uint64_t rip;			/* that the old task goes on from */
	uint32_t word[WORDS_MAX];
	unsigned int old_cpl;
	bool nests;			/* the new task returns to the old one */
	bool external;			/* not by an instruction: in error codes */
};

/* ---- faults ---- */

static int fault(struct emul_cpu *cpu, const struct switching *s, uint8_t vector,
		 uint16_t selector)
{
	segment_fault(cpu, vector, selector);
	cpu->fault.error_code |= s->external;
	return -EFAULT;
}

static bool is_contributory(unsigned int vector)
{
	return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/* A second fault while the first one was to be delivered by this switch. */
static int while_delivering(struct emul_cpu *cpu, const struct switching *s)
{
	unsigned int first = s->task->event & BATON_TASK_VECTOR, second = cpu->fault.vector;

	if (s->task->source != BATON_TASK_GATE ||
	    (s->task->event & BATON_TASK_TYPE) != BATON_TASK_EXCEPTION)
		return -EFAULT;
	if (first == VECTOR_DF)
		return -EIO;
	if ((first == VECTOR_PF && (second == VECTOR_PF || is_contributory(second))) ||
	    (is_contributory(first) && is_contributory(second)))
		segment_fault(cpu, VECTOR_DF, 0);
	return -EFAULT;
}

/* ---- the first half ---- */

static const struct layout *layout_of(uint16_t attr)
{
	return (attr & TYPE_TSS & ~TYPE_TSS16) ? &layout32 : &layout16;
}

static bool is_tss(const struct baton_segment *seg, bool busy)
{
	unsigned int type = seg->attr & TYPE_SYSTEM & ~(unsigned int)TYPE_BUSY;

	return (type == TYPE_TSS || type == TYPE_TSS16) && !!(seg->attr & TYPE_BUSY) == busy;
}

static int find_new(struct emul_cpu *cpu, struct switching *s)
{
	bool back = s->task->source == BATON_TASK_IRET;
	uint16_t selector = s->task->selector;
	uint8_t vector = back ? VECTOR_TS : VECTOR_GP;
	int error;

	if (!(selector & ~RPL) || selector & TABLE_LOCAL)
		return fault(cpu, s, vector, selector);
	error = segment_read(cpu, selector, NULL, &s->tss);
	if (error)
		return error;
	if (!is_tss(&s->tss.seg, back))
		return fault(cpu, s, vector, selector);
	if (!(s->tss.seg.attr & BATON_SEG_P))
		return fault(cpu, s, VECTOR_NP, selector);
	s->to = layout_of(s->tss.seg.attr);
	return s->tss.seg.limit < s->to->limit ? fault(cpu, s, VECTOR_TS, selector) : 0;
}

static int resolve(struct emul_cpu *cpu, uint64_t base, unsigned int offset, unsigned int size,
		   uint32_t access, struct emul_place *place)
{
	return access_resolve_system(cpu, (uint32_t)(base + offset), size, access, place);
}

static int resolve_words(struct emul_cpu *cpu, uint64_t base, const struct layout *l,
			 unsigned int count, uint32_t access, struct emul_place *place)
{
	int error = 0;

	for (unsigned int i = 0; !error && i < count; i++)
		error = resolve(cpu, base, l->first + i * l->word, l->word, access, &place[i]);
	return error;
}

static int resolve_new(struct emul_cpu *cpu, struct switching *s)
{
	uint64_t base = s->tss.seg.base;
	int error = resolve_words(cpu, base, s->to, WORD_SEG + s->to->segs + 1, WALK_READ, s->load);

	if (!error && s->to == &layout32)
		error = resolve(cpu, base, s->to->first - 4, 4, WALK_READ, &s->cr3);
	if (!error && s->to == &layout32)
		error = resolve(cpu, base, 0x64, 2, WALK_READ, &s->trap);
	if (!error && s->nests)
		error = resolve(cpu, base, 0, 2, WALK_WRITE, &s->link);
	if (!error && s->task->source != BATON_TASK_IRET)
		error = access_resolve_system(cpu, s->tss.linear, 8, WALK_WRITE, &s->new_busy);
	return error;
}

static int resolve_old(struct emul_cpu *cpu, struct switching *s)
{
	const struct baton_segment *tr = &cpu->sregs->seg[BATON_TR];
	struct descriptor d;
	int error;

	s->from = layout_of(tr->attr);
	if (tr->attr & BATON_SEG_UNUSABLE || tr->limit < s->from->limit)
		return fault(cpu, s, VECTOR_TS, tr->selector);
	error = resolve_words(cpu, tr->base, s->from, WORD_SEG + s->from->segs, WALK_WRITE,
			      s->save);
	if (error || s->nests)
		return error;
	error = segment_read(cpu, tr->selector, NULL, &d);
	s->old_raw = d.raw;
	return error ? error :
		       access_resolve_system(cpu, d.linear, 8, WALK_WRITE, &s->old_busy);
}

/* ---- between them: nothing can go wrong any more ---- */

static bool sets_rf(const struct switching *s)
{
	unsigned int vector = s->task->event & BATON_TASK_VECTOR;

	/* faults, not traps (#DB may be either) or aborts (#DF, #MC) */
	return s->task->source == BATON_TASK_GATE &&
	       (s->task->event & BATON_TASK_TYPE) == BATON_TASK_EXCEPTION &&
	       vector != VECTOR_DB && vector != VECTOR_DF && vector != 18;
}

static void save_old(struct emul_cpu *cpu, const struct switching *s)
{
	uint64_t flags = cpu->regs->rflags;

	if (s->task->source == BATON_TASK_IRET)
		flags &= ~RFLAGS_NT;
	if (sets_rf(s))
		flags |= RFLAGS_RF;
	access_write(cpu, &s->save[WORD_IP], s->rip);
	access_write(cpu, &s->save[WORD_FLAGS], flags);
	for (unsigned int i = 0; i < 8; i++)
		access_write(cpu, &s->save[WORD_GPR + i], cpu->regs->gpr[i]);
	for (unsigned int i = 0; i < s->from->segs; i++)
		access_write(cpu, &s->save[WORD_SEG + i], cpu->sregs->seg[i].selector);
}

/* The bit's byte is all that differs; who changes the table meanwhile has the last word. */
static void mark_busy(struct emul_cpu *cpu, const struct switching *s)
{
	const uint64_t busy = (uint64_t)TYPE_BUSY << 40;

	if (!s->nests)
		access_exchange(cpu, &s->old_busy, s->old_raw, s->old_raw & ~busy);
	if (s->task->source != BATON_TASK_IRET)
		access_exchange(cpu, &s->new_busy, s->tss.raw, s->tss.raw | busy);
	if (s->nests)
		access_write(cpu, &s->link, cpu->sregs->seg[BATON_TR].selector);
}

/* After the old one was saved: it may be the same. */
static void read_new(struct emul_cpu *cpu, struct switching *s)
{
	for (unsigned int i = 0; i <= WORD_SEG + s->to->segs; i++)
		s->word[i] = (uint32_t)access_read(cpu, &s->load[i]);
}

static void load_registers(struct emul_cpu *cpu, struct switching *s)
{
	uint64_t flags = s->word[WORD_FLAGS] & RFLAGS_KNOWN;

	cpu->sregs->seg[BATON_TR] = s->tss.seg;
	cpu->sregs->seg[BATON_TR].attr |= TYPE_BUSY;
	cpu->sregs->cr0 |= CR0_TS;
	cpu->regs->rip = s->word[WORD_IP];
	cpu->regs->rflags = flags | RFLAGS_FIXED | (s->nests ? RFLAGS_NT : 0);
	for (unsigned int i = 0; i < 8; i++)
		cpu->regs->gpr[i] = s->word[WORD_GPR + i];
	cpu->sregs_changed = true;
}

/* ---- the second half ---- */

static unsigned int phys_bits(const struct emul_cpu *cpu)
{
	return cpu->config->phys_bits ? cpu->config->phys_bits : 52;
}

static int load_cr3(struct emul_cpu *cpu, const struct switching *s)
{
	struct baton_sregs *sregs = cpu->sregs;
	uint64_t pdpte[4] = { 0 }, cr3;

	if (s->to != &layout32 || !(sregs->cr0 & CR0_PG))
		return 0;
	cr3 = access_read(cpu, &s->cr3);
	if (cr3 == sregs->cr3)
		return 0;
	if (sregs->cr4 & CR4_PAE) {
		guest_memory_read(cpu->config->memory, cr3 & ~31ull, pdpte, sizeof(pdpte));
		for (unsigned int i = 0; i < 4; i++)
			if (pdpte[i] & 1 && pdpte[i] & (PDPTE_RESERVED | ~0ull << phys_bits(cpu)))
				return fault(cpu, s, VECTOR_GP, 0);
		for (unsigned int i = 0; i < 4; i++)
			sregs->pdpte[i] = pdpte[i];
	}
	sregs->cr3 = cr3;
	return 0;
}

static uint16_t new_selector(const struct switching *s, unsigned int number)
{
	return number < s->to->segs ? (uint16_t)s->word[WORD_SEG + number] : 0;
}

static void clear_segments(struct emul_cpu *cpu, const struct switching *s)
{
	uint16_t level = (uint16_t)(s->old_cpl << BATON_SEG_DPL_SHIFT);
	struct baton_segment *seg = cpu->sregs->seg;

	for (unsigned int i = BATON_ES; i <= BATON_GS; i++)
		segment_set_null(cpu, i, new_selector(s, i));
	segment_set_null(cpu, BATON_LDTR, (uint16_t)s->word[WORD_SEG + s->to->segs]);
	seg[BATON_CS].limit = 0xffff;
	seg[BATON_CS].attr = BATON_SEG_P | BATON_SEG_S | TYPE_CODE | TYPE_RW | TYPE_ACCESSED |
			     level;
	seg[BATON_SS].limit = 0xffffffff;
	seg[BATON_SS].attr = BATON_SEG_P | BATON_SEG_S | TYPE_RW | TYPE_ACCESSED | BATON_SEG_DB |
			     BATON_SEG_G | level;
}

static void load_v86(struct emul_cpu *cpu)
{
	for (unsigned int i = BATON_ES; i <= BATON_GS; i++) {
		struct baton_segment *seg = &cpu->sregs->seg[i];

		seg->base = (uint64_t)seg->selector << 4;
		seg->limit = 0xffff;
		seg->attr = BATON_SEG_P | BATON_SEG_DPL | BATON_SEG_S | TYPE_RW | TYPE_ACCESSED;
	}
}

/* As segment_read(), but what is beyond its table makes an invalid TSS. */
static int find(struct emul_cpu *cpu, const struct switching *s, uint16_t selector,
		struct descriptor *d)
{
	int error = segment_read(cpu, selector, NULL, d);

	return error && cpu->fault.vector == VECTOR_GP ? fault(cpu, s, VECTOR_TS, selector) : error;
}

static int set(struct emul_cpu *cpu, enum baton_seg number, struct descriptor *d, uint16_t bit)
{
	int error = segment_mark(cpu, d, bit);

	if (error == -EFAULT)
		return error;
	cpu->sregs->seg[number] = d->seg;
	return 0;
}

static int load_ldt(struct emul_cpu *cpu, const struct switching *s)
{
	uint16_t selector = cpu->sregs->seg[BATON_LDTR].selector;
	struct descriptor d;
	int error;

	if (!(selector & ~RPL))
		return 0;
	if (selector & TABLE_LOCAL)
		return fault(cpu, s, VECTOR_TS, selector);
	error = find(cpu, s, selector, &d);
	if (error)
		return error;
	if ((d.seg.attr & TYPE_SYSTEM) != TYPE_LDT || !(d.seg.attr & BATON_SEG_P))
		return fault(cpu, s, VECTOR_TS, selector);
	cpu->sregs->seg[BATON_LDTR] = d.seg;
	return 0;
}

static bool code_fits(const struct descriptor *d, unsigned int level)
{
	if (!(d->seg.attr & BATON_SEG_S) || !(d->seg.attr & TYPE_CODE))
		return false;
	return d->seg.attr & TYPE_CONFORMING ? segment_dpl(&d->seg) <= level :
					       segment_dpl(&d->seg) == level;
}

/* Both or none: the privilege level is in both. */
static int load_code_and_stack(struct emul_cpu *cpu, const struct switching *s)
{
	uint16_t code = new_selector(s, BATON_CS), stack = new_selector(s, BATON_SS);
	struct descriptor cs, ss;
	int error;

	if (!(code & ~RPL))
		return fault(cpu, s, VECTOR_TS, code);
	error = find(cpu, s, code, &cs);
	if (error)
		return error;
	if (!code_fits(&cs, code & RPL))
		return fault(cpu, s, VECTOR_TS, code);
	if (!(cs.seg.attr & BATON_SEG_P))
		return fault(cpu, s, VECTOR_NP, code);
	if (!(stack & ~RPL))
		return fault(cpu, s, VECTOR_TS, stack);
	error = find(cpu, s, stack, &ss);
	if (error)
		return error;
	if (!segment_fits_stack(&ss, code & RPL))
		return fault(cpu, s, VECTOR_TS, stack);
	if (!(ss.seg.attr & BATON_SEG_P))
		return fault(cpu, s, VECTOR_SS, stack);
	error = segment_mark(cpu, &cs, TYPE_ACCESSED);
	if (error != -EFAULT)
		error = set(cpu, BATON_SS, &ss, TYPE_ACCESSED);
	if (error != -EFAULT)
		cpu->sregs->seg[BATON_CS] = cs.seg;
	return error == -EFAULT ? error : 0;
}

static int load_data(struct emul_cpu *cpu, const struct switching *s, enum baton_seg number)
{
	uint16_t selector = new_selector(s, number);
	struct descriptor d;
	int error;

	if (!(selector & ~RPL))
		return 0;
	error = find(cpu, s, selector, &d);
	if (error)
		return error;
	if (!segment_fits_data(&d, segment_cpl(cpu)))
		return fault(cpu, s, VECTOR_TS, selector);
	if (!(d.seg.attr & BATON_SEG_P))
		return fault(cpu, s, VECTOR_NP, selector);
	return set(cpu, number, &d, TYPE_ACCESSED);
}

static int load_segments(struct emul_cpu *cpu, const struct switching *s)
{
	static const enum baton_seg data[] = { BATON_ES, BATON_DS, BATON_FS, BATON_GS };
	int error = load_ldt(cpu, s);

	if (error || cpu->regs->rflags & RFLAGS_VM)
		return error;
	error = load_code_and_stack(cpu, s);
	for (unsigned int i = 0; !error && i < sizeof(data) / sizeof(data[0]); i++)
		error = load_data(cpu, s, data[i]);
	return error;
}

/* Its handler finds it where other handlers do. */
static int push_error_code(struct emul_cpu *cpu, const struct switching *s)
{
	unsigned int size = s->to->word;
	uint64_t top = cpu->regs->gpr[BATON_RSP] - size;
	struct emul_place place;
	int error;

	if (s->task->source != BATON_TASK_GATE || !(s->task->event & BATON_TASK_ERROR_CODE))
		return 0;
	error = access_resolve(cpu, BATON_SS, top & size_mask(stack_width(cpu)), size, WALK_WRITE,
			       &place);
	if (error && cpu->fault.vector == VECTOR_SS)
		cpu->fault.error_code |= s->external;
	if (error)
		return error;
	access_write(cpu, &place, s->task->error_code);
	gpr_write(cpu, BATON_RSP, stack_width(cpu), top);
	return 0;
}

static int enter_new(struct emul_cpu *cpu, struct switching *s)
{
	int error = load_cr3(cpu, s);

	exec_forget_pages(cpu);
	if (!error)
		error = load_segments(cpu, s);
	exec_forget_pages(cpu); /* the privilege level is another one, too */
	if (!error)
		error = push_error_code(cpu, s);
	if (!error && cpu->regs->rip > cpu->sregs->seg[BATON_CS].limit)
		error = fault(cpu, s, VECTOR_GP, 0);
	if (!error && s->to == &layout32 && access_read(cpu, &s->trap) & 1) {
		access_fault(cpu, VECTOR_DB);
		cpu->fault.dr6 = DR6_BT;
		error = -EFAULT;
	}
	return error;
}

/* ---- the whole ---- */

/* Whose instruction it is, the task goes on behind it. */
static bool is_by_instruction(const struct baton_exit_task *task)
{
	if (task->source != BATON_TASK_GATE)
		return true;
	switch (task->event & BATON_TASK_TYPE) {
	case BATON_TASK_INTERRUPT:
	case BATON_TASK_NMI:
	case BATON_TASK_EXCEPTION:
		return false;
	default:
		return true;
	}
}

int exec_task_switch(struct emul_cpu *cpu, const struct baton_exit_task *task)
{
	struct switching s = { .task = task, .old_cpl = segment_cpl(cpu) };
	bool by_instruction = is_by_instruction(task);
	int error;

	if (in_long_mode(cpu) || task->source > BATON_TASK_GATE ||
	    (task->source == BATON_TASK_GATE && !(task->event & EVENT_VALID)))
		return -ENOTSUP;
	s.external = !by_instruction;
	s.nests = task->source == BATON_TASK_CALL || task->source == BATON_TASK_GATE;
	s.rip = (uint32_t)(cpu->regs->rip + (by_instruction ? task->insn_len : 0));
	error = find_new(cpu, &s);
	if (!error)
		error = resolve_new(cpu, &s);
	if (!error)
		error = resolve_old(cpu, &s);
	if (error)
		return while_delivering(cpu, &s);
	save_old(cpu, &s);
	mark_busy(cpu, &s);
	read_new(cpu, &s);
	load_registers(cpu, &s);
	clear_segments(cpu, &s);
	/* Before anything can fail: these are no segments that could be invalid. */
	if (cpu->regs->rflags & RFLAGS_VM)
		load_v86(cpu);
	return enter_new(cpu, &s);
}
