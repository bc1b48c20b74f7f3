/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From segment and offset to bytes: limits and types, pages, then RAM or the
 * bus of devices. What the guest has in RAM may change at any time: every value
 * is read once.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "exec.h"

#define PAGE_OFFSET	0xfffull
#define APIC_TPR	0x80	/* offset of the task priority register */
#define CR0_PE		(1ull << 0)
#define CR4_SMAP	(1ull << 21)

#define TYPE_CODE	0x8u
#define TYPE_DOWN	0x4u	/* data: expands down */
#define TYPE_RW		0x2u	/* code: readable; data: writable */

int access_fault(struct emul_cpu *cpu, uint8_t vector)
{
	cpu->fault = (struct emul_fault){
		.vector = vector,
		/* real mode has no error codes */
		.has_error_code = cpu->sregs->cr0 & CR0_PE && vector >= VECTOR_SS,
	};
	return -EFAULT;
}

static int page_fault(struct emul_cpu *cpu, uint64_t gva, uint32_t error_code)
{
	cpu->fault = (struct emul_fault){
		.vector = VECTOR_PF, .has_error_code = true, .error_code = error_code,
	};
	cpu->cr2 = gva;
	return -EFAULT;
}

/* ---- segments ---- */

static bool type_allows(const struct baton_segment *seg, uint32_t access)
{
	if (!(seg->attr & BATON_SEG_P))
		return false;
	if (access == WALK_WRITE)
		return (seg->attr & (TYPE_CODE | TYPE_RW)) == TYPE_RW;
	return (seg->attr & (TYPE_CODE | TYPE_RW)) != TYPE_CODE;
}

static bool within_limit(const struct baton_segment *seg, uint64_t offset, unsigned int size)
{
	uint64_t last = offset + size - 1;

	if ((seg->attr & (TYPE_CODE | TYPE_DOWN)) == TYPE_DOWN)
		return offset > seg->limit &&
		       last <= (seg->attr & BATON_SEG_DB ? 0xffffffffu : 0xffffu);
	return last <= seg->limit;
}

static uint64_t linear_mask(const struct emul_cpu *cpu)
{
	return cpu->mode == EMUL_LONG64 ? ~0ull : 0xffffffffu;
}

static uint8_t segment_vector(unsigned int seg)
{
	return seg == BATON_SS ? VECTOR_SS : VECTOR_GP;
}

static int find_linear(struct emul_cpu *cpu, unsigned int number, uint64_t offset,
		       unsigned int size, uint32_t access, uint64_t *ret_linear)
{
	const struct baton_segment *seg = &cpu->sregs->seg[number];

	if (cpu->mode == EMUL_LONG64) {
		bool based = number == BATON_FS || number == BATON_GS;
		int error = based ? emul_need_sregs(cpu) : 0;

		*ret_linear = offset + (based ? seg->base : 0);
		return error;
	}
	if (seg->attr & BATON_SEG_UNUSABLE || !within_limit(seg, offset, size) ||
	    (cpu->protected_mode && !type_allows(seg, access)))
		return access_fault(cpu, segment_vector(number));
	*ret_linear = (seg->base + offset) & linear_mask(cpu);
	return 0;
}

/* ---- pages ---- */

static void ready_walk(struct emul_cpu *cpu)
{
	if (cpu->walk_ready)
		return;
	walk_init(&cpu->walk, cpu->config->memory, cpu->sregs, cpu->regs->rflags);
	cpu->walk_ready = true;
}

static int walk(struct emul_cpu *cpu, uint64_t gva, uint32_t access, uint8_t vector,
		uint64_t *ret_gpa)
{
	uint32_t error_code;
	int error;

	ready_walk(cpu);
	error = walk_address(&cpu->walk, gva, access, ret_gpa, &error_code);
	if (error == -EINVAL)
		return access_fault(cpu, vector);
	return error ? page_fault(cpu, gva, error_code) : 0;
}

static int translate(struct emul_cpu *cpu, uint64_t gva, uint32_t access, uint8_t vector,
		     uint64_t *ret_gpa)
{
	struct emul_page *page = &cpu->page[access == WALK_WRITE];
	int error;

	if (page->valid && page->gva == (gva & ~PAGE_OFFSET)) {
		*ret_gpa = page->gpa | (gva & PAGE_OFFSET);
		return 0;
	}
	error = walk(cpu, gva, access, vector, ret_gpa);
	if (error)
		return error;
	*page = (struct emul_page){
		.valid = true, .gva = gva & ~PAGE_OFFSET, .gpa = *ret_gpa & ~PAGE_OFFSET,
	};
	return 0;
}

/*
 * Has the processor translated this address, and for this? Code may have been
 * exchanged since it looked: a read's translation is not good for a write.
 */
static bool is_translated(const struct emul_cpu *cpu, uint64_t linear, uint32_t access)
{
	const struct baton_exit_emulate *exit = cpu->exit;

	return cpu->trust_gpa && !((exit->gpa ^ linear) & PAGE_OFFSET) &&
	       (access != WALK_WRITE || exit->access & BATON_ACCESS_WRITE) &&
	       (!(exit->access & BATON_ACCESS_GVA) || exit->gva == linear);
}

int access_resolve(struct emul_cpu *cpu, unsigned int seg, uint64_t offset, unsigned int size,
		   uint32_t access, struct emul_place *place)
{
	uint64_t linear, second;
	int error = find_linear(cpu, seg, offset, size, access, &linear);

	if (error)
		return error;
	place->size = place->first = size;
	place->device = false;
	if ((linear & PAGE_OFFSET) + size > PAGE_OFFSET + 1)
		place->first = (unsigned int)(PAGE_OFFSET + 1 - (linear & PAGE_OFFSET));
	if (place->first == size && is_translated(cpu, linear, access)) {
		place->gpa[0] = cpu->exit->gpa;
		place->device = cpu->exit->kind == BATON_EMULATE_MMIO;
		return 0;
	}
	error = translate(cpu, linear, access, segment_vector(seg), &place->gpa[0]);
	if (error || place->first == size)
		return error;
	second = (linear + place->first) & linear_mask(cpu);
	return translate(cpu, second, access, segment_vector(seg), &place->gpa[1]);
}

int access_resolve_system(struct emul_cpu *cpu, uint64_t linear, unsigned int size,
			  uint32_t access, struct emul_place *place)
{
	uint64_t second = (linear + size) & ~PAGE_OFFSET;
	bool user, two, smap;
	int error;

	*place = (struct emul_place){ .size = size, .first = size };
	if ((linear & PAGE_OFFSET) > PAGE_OFFSET + 1 - size)
		place->first = (unsigned int)(second - linear);
	two = place->first < size;
	ready_walk(cpu);
	user = cpu->walk.user;
	smap = cpu->walk.smap;
	/* RFLAGS.AC has no say in these (SDM vol. 3, "Access Rights"). */
	cpu->walk.user = false;
	cpu->walk.smap = cpu->sregs->cr4 & CR4_SMAP;
	error = walk(cpu, linear, access, VECTOR_GP, &place->gpa[0]);
	if (!error && two)
		error = walk(cpu, second, access, VECTOR_GP, &place->gpa[1]);
	cpu->walk.user = user;
	cpu->walk.smap = smap;
	return error;
}

/* ---- RAM ---- */

/* Sizes that an operand can have are one access each: no torn values. */
static uint64_t load(const void *from, unsigned int size)
{
	uint64_t value = 0;

	switch (size) {
	case 1: memcpy(&value, from, 1); break;
	case 2: memcpy(&value, from, 2); break;
	case 4: memcpy(&value, from, 4); break;
	case 8: memcpy(&value, from, 8); break;
	default: memcpy(&value, from, size); break;
	}
	asm volatile("" : "+r"(value)); /* not read again where it is used */
	return value;
}

static void store(void *to, unsigned int size, uint64_t value)
{
	switch (size) {
	case 1: memcpy(to, &value, 1); break;
	case 2: memcpy(to, &value, 2); break;
	case 4: memcpy(to, &value, 4); break;
	case 8: memcpy(to, &value, 8); break;
	default: memcpy(to, &value, size); break;
	}
}

#define EXCHANGE(type)                                                             \
	do {                                                                       \
		type expected = (type)old;                                         \
		return __atomic_compare_exchange_n((type *)at, &expected, (type)value, \
						   false, __ATOMIC_SEQ_CST,        \
						   __ATOMIC_SEQ_CST);              \
	} while (0)

static bool exchange(void *at, unsigned int size, uint64_t old, uint64_t value)
{
	switch (size) {
	case 1: EXCHANGE(uint8_t);
	case 2: EXCHANGE(uint16_t);
	case 4: EXCHANGE(uint32_t);
	default: EXCHANGE(uint64_t);
	}
}

/* ---- devices ---- */

/* One access, as nearly all are: a power of two, aligned to itself. */
static bool is_natural(uint64_t gpa, unsigned int size)
{
	return !(size & (size - 1)) && !(gpa & (size - 1));
}

/* The largest access of those left that is aligned to its own size. */
static unsigned int natural_size(uint64_t gpa, unsigned int left)
{
	unsigned int size = 8;

	while (size > left || gpa & (size - 1))
		size /= 2;
	return size;
}

/* Does this go to the vCPU's own APIC, which is nowhere on the bus? */
static bool in_apic(const struct emul_cpu *cpu, uint64_t gpa)
{
	return cpu->exit->access & BATON_ACCESS_APIC &&
	       !((cpu->exit->gpa ^ gpa) & ~PAGE_OFFSET) && cpu->config->apic_access;
}

static uint32_t apic_word(struct emul_cpu *cpu, uint32_t offset)
{
	uint32_t value = 0;

	/* One that has no page any more answers nothing. */
	if (cpu->config->apic_access(cpu->config->vcpu, offset, false, &value))
		return ~0u;
	return value;
}

/* Less than a register reads as that part of it. */
static uint64_t apic_read(struct emul_cpu *cpu, uint64_t gpa, unsigned int size)
{
	uint32_t offset = gpa & PAGE_OFFSET & ~3u;
	uint64_t value = apic_word(cpu, offset);

	if (size == 8)
		value |= (uint64_t)apic_word(cpu, offset + 4) << 32;
	return value >> 8 * (gpa & 3) & size_mask(size);
}

/* Registers are written as a whole (Intel SDM 3, "Local APIC Register Address Map"). */
static void apic_write(struct emul_cpu *cpu, uint64_t gpa, unsigned int size, uint64_t value)
{
	uint32_t word = (uint32_t)value;

	if (size < 4)
		return;
	cpu->config->apic_access(cpu->config->vcpu, gpa & PAGE_OFFSET, true, &word);
	/* The task priority is part of SREGS: a commit of these must not undo it. */
	if ((gpa & PAGE_OFFSET) == APIC_TPR)
		cpu->sregs->cr8 = word >> 4 & 0xf;
}

static uint64_t natural_read(struct emul_cpu *cpu, uint64_t gpa, unsigned int size)
{
	return in_apic(cpu, gpa) ? apic_read(cpu, gpa, size) :
				   bus_read(cpu->config->mmio, gpa, size);
}

static void natural_write(struct emul_cpu *cpu, uint64_t gpa, unsigned int size, uint64_t value)
{
	if (in_apic(cpu, gpa))
		apic_write(cpu, gpa, size, value);
	else
		bus_write(cpu->config->mmio, gpa, size, value & size_mask(size));
}

static uint64_t device_read(struct emul_cpu *cpu, uint64_t gpa, unsigned int size)
{
	uint64_t value = 0;

	if (is_natural(gpa, size))
		return natural_read(cpu, gpa, size);
	for (unsigned int done = 0, n; done < size; done += n) {
		n = natural_size(gpa + done, size - done);
		value |= natural_read(cpu, gpa + done, n) << 8 * done;
	}
	return value;
}

static void device_write(struct emul_cpu *cpu, uint64_t gpa, unsigned int size, uint64_t value)
{
	if (is_natural(gpa, size)) {
		natural_write(cpu, gpa, size, value);
		return;
	}
	for (unsigned int done = 0, n; done < size; done += n) {
		n = natural_size(gpa + done, size - done);
		natural_write(cpu, gpa + done, n, value >> 8 * done);
	}
}

/* ---- places ---- */

static uint64_t read_piece(struct emul_cpu *cpu, uint64_t gpa, unsigned int size)
{
	const void *host = guest_memory_plain(cpu->config->memory, gpa, size);
	uint64_t value = 0;

	if (in_apic(cpu, gpa))
		return device_read(cpu, gpa, size);
	if (host)
		return load(host, size);
	if (!guest_memory_read(cpu->config->memory, gpa, &value, size)) /* ROM */
		return value;
	return device_read(cpu, gpa, size);
}

/* What is neither RAM nor a device's (ROM, for one) takes no notice. */
static void write_piece(struct emul_cpu *cpu, uint64_t gpa, unsigned int size, uint64_t value)
{
	void *host = guest_memory_plain(cpu->config->memory, gpa, size);

	if (host && !in_apic(cpu, gpa))
		store(host, size, value);
	else
		device_write(cpu, gpa, size, value);
}

struct emul_place access_part(const struct emul_place *place, unsigned int offset)
{
	struct emul_place part = { .size = 8, .first = 8, .device = place->device };

	if (offset >= place->first) {
		part.gpa[0] = place->gpa[1] + offset - place->first;
		return part;
	}
	part.gpa[0] = place->gpa[0] + offset;
	part.gpa[1] = place->gpa[1];
	if (place->first - offset < 8)
		part.first = place->first - offset;
	return part;
}

uint64_t access_read(struct emul_cpu *cpu, const struct emul_place *place)
{
	uint64_t value;

	if (place->device)
		return device_read(cpu, place->gpa[0], place->size);
	value = read_piece(cpu, place->gpa[0], place->first);
	if (place->first < place->size)
		value |= read_piece(cpu, place->gpa[1], place->size - place->first)
			 << 8 * place->first;
	return value;
}

void access_write(struct emul_cpu *cpu, const struct emul_place *place, uint64_t value)
{
	if (place->device) {
		device_write(cpu, place->gpa[0], place->size, value);
		return;
	}
	write_piece(cpu, place->gpa[0], place->first, value);
	if (place->first < place->size)
		write_piece(cpu, place->gpa[1], place->size - place->first,
			    value >> 8 * place->first);
}

bool access_exchange(struct emul_cpu *cpu, const struct emul_place *place, uint64_t old,
		     uint64_t value)
{
	void *host = guest_memory_plain(cpu->config->memory, place->gpa[0], place->size);

	/* unaligned: locking the host's bus for that would be felt by all of it */
	if (host && place->first == place->size && !(place->gpa[0] & (place->size - 1)) &&
	    !in_apic(cpu, place->gpa[0]))
		return exchange(host, place->size, old, value);
	access_write(cpu, place, value);
	return true;
}

static bool exchange_pair(void *at, const uint64_t old[2], const uint64_t value[2])
{
	uint64_t low = old[0], high = old[1];
	bool done;

	asm volatile("lock cmpxchg16b %[at]"
		     : [at] "+m"(*(unsigned __int128 *)at), "+a"(low), "+d"(high), "=@ccz"(done)
		     : "b"(value[0]), "c"(value[1]) : "memory");
	return done;
}

bool access_exchange_pair(struct emul_cpu *cpu, const struct emul_place *place,
			  const uint64_t old[2], const uint64_t value[2])
{
	void *host = guest_memory_plain(cpu->config->memory, place->gpa[0], 16);
	struct emul_place half;

	if (host && !place->device && !in_apic(cpu, place->gpa[0]))
		return exchange_pair(host, old, value);
	for (unsigned int i = 0; i < 2; i++) {
		half = access_part(place, 8 * i);
		access_write(cpu, &half, value[i]);
	}
	return true;
}

/* ---- code ---- */

/* How many bytes of code may follow RIP in its segment? */
static unsigned int code_room(const struct emul_cpu *cpu)
{
	uint32_t limit = cpu->sregs->seg[BATON_CS].limit;
	uint64_t rip = cpu->regs->rip;

	if (cpu->mode == EMUL_LONG64)
		return EMUL_INSN_MAX;
	if (rip > limit)
		return 0;
	return limit - rip >= EMUL_INSN_MAX ? EMUL_INSN_MAX : (unsigned int)(limit - rip) + 1;
}

static struct baton_code_mode mode_of(const struct baton_sregs *sregs)
{
	return (struct baton_code_mode){
		.cr0 = sregs->cr0, .cr3 = sregs->cr3, .cr4 = sregs->cr4, .efer = sregs->efer,
		.cpl = (sregs->seg[BATON_SS].attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT,
	};
}

bool access_fetch_again(const struct emul_cpu *cpu, uint8_t bytes[EMUL_INSN_MAX])
{
	const struct emul_code *code = cpu->code;
	uint64_t offset = cpu->regs->rip - code->gva;
	struct baton_code_mode mode = mode_of(cpu->sregs);

	if (cpu->mode != EMUL_LONG64 || offset > PAGE_OFFSET + 1 - EMUL_INSN_MAX ||
	    !is_same_mode(&code->mode, &mode) || !walk_trail_holds(&code->trail))
		return false;
	memcpy(bytes, code->host + offset, EMUL_INSN_MAX);
	asm volatile("" : : : "memory"); /* from here on, the copy is the code */
	return true;
}

/* After a walk with a trail: where its page is, to be found again without one. */
static void note_code(struct emul_cpu *cpu, uint64_t linear, uint64_t gpa)
{
	struct emul_code *code = cpu->code;

	code->host = guest_memory_plain(cpu->config->memory, gpa & ~PAGE_OFFSET, PAGE_OFFSET + 1);
	/* of ROM there is no pointer to keep: neither to code nor to tables */
	if (!code->host)
		code->trail.count = 0;
	for (unsigned int i = 0; i < code->trail.count; i++)
		if (!code->trail.host[i])
			code->trail.count = 0;
	code->gva = linear & ~PAGE_OFFSET;
	code->mode = mode_of(cpu->sregs);
}

static int walk_code(struct emul_cpu *cpu, uint64_t linear, uint64_t *ret_gpa)
{
	struct walk_trail *trail = cpu->mode == EMUL_LONG64 ? &cpu->code->trail : NULL;
	int error;

	cpu->code->trail.count = 0;
	ready_walk(cpu);
	cpu->walk.trail = trail;
	error = walk(cpu, linear, WALK_FETCH, VECTOR_GP, ret_gpa);
	cpu->walk.trail = NULL;
	if (error)
		cpu->code->trail.count = 0;
	else if (trail)
		note_code(cpu, linear, *ret_gpa);
	return error;
}

static int fetch_piece(struct emul_cpu *cpu, uint64_t linear, uint8_t *to, unsigned int count)
{
	uint64_t gpa;
	int error = walk_code(cpu, linear, &gpa);

	if (error)
		return error;
	/* firmware runs in ROM */
	if (guest_memory_read(cpu->config->memory, gpa, to, count))
		return -ENXIO;
	asm volatile("" : : : "memory"); /* from here on, the copy is the code */
	return 0;
}

int access_fetch(struct emul_cpu *cpu, uint8_t bytes[EMUL_INSN_MAX], unsigned int *ret_count)
{
	uint64_t base = cpu->mode == EMUL_LONG64 ? 0 : cpu->sregs->seg[BATON_CS].base;
	unsigned int room = code_room(cpu), count = 0;

	while (count < room) {
		uint64_t linear = (base + cpu->regs->rip + count) & linear_mask(cpu);
		uint64_t page = PAGE_OFFSET + 1 - (linear & PAGE_OFFSET);
		unsigned int part = page < room - count ? (unsigned int)page : room - count;
		int error = fetch_piece(cpu, linear, bytes + count, part);

		*ret_count = count;
		if (error)
			return error;
		count += part;
	}
	*ret_count = count;
	return room < EMUL_INSN_MAX ? access_fault(cpu, VECTOR_GP) : 0;
}
