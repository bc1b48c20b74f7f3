/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest for the instruction emulator: some RAM, one device in memory that is
 * an array and keeps a log, one device on ports, and page tables on demand. For
 * unit tests and the fuzz target; the including file may use what it needs.
 */
#ifndef BATON_TESTS_EMUL_GUEST_H
#define BATON_TESTS_EMUL_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emul/emul.h"
#include "emul/op.h"

#define G_RAM		0x40000u	/* of which: */
#define G_CODE		0x1000u
#define G_DATA		0x4000u
#define G_STACK		0x8000u
#define G_TABLES	0x10000u
#define G_ROM		0x50000u	/* for who maps one */
#define G_DEVICE	0x80000u
#define G_DEVICE_SIZE	0x10000u
#define G_PORT		0x1f0u
#define G_PHYS_BITS	40u
#define G_APIC		0xfee00000u	/* the page of BATON_ACCESS_APIC */
#define G_NOWHERE	(1ull << 63)	/* an exit's gva that no operand has */

#define G_PTE		0x3u	/* present, writable */
#define G_PTE_USER	0x4u

#define G_LOG 64

struct guest_access {
	uint64_t offset, value;
	unsigned int size;
	bool write;
};

struct guest {
	struct guest_memory *memory;
	struct bus *mmio, *pio;
	struct emul *emul;
	uint8_t device[G_DEVICE_SIZE];
	struct guest_access log[G_LOG];
	unsigned int log_count;		/* may be more than the log holds */
	uint32_t port_value;		/* the next to be read; counts up */
	uint32_t tables;		/* the next free page table */
	struct baton_regs regs;
	struct baton_sregs sregs;
	struct baton_sregs shown;	/* to the emulator, if guest_brief */
	struct baton_exit_emulate exit;
	struct emul_fault fault;
	struct baton_xsave xsave;
	uint32_t apic[1024];
};

/* Exits of 64-bit code come with what it nearly always gets by with, as the module's do. */
static bool guest_brief;

/* ---- devices ---- */

static inline void guest_log(struct guest *g, uint64_t offset, unsigned int size, bool write,
			     uint64_t value)
{
	if (g->log_count < G_LOG)
		g->log[g->log_count] = (struct guest_access){ offset, value, size, write };
	g->log_count++;
}

static inline uint64_t guest_device_read(void *dev, uint64_t offset, unsigned int size)
{
	struct guest *g = dev;
	uint64_t value = 0;

	memcpy(&value, g->device + offset, size);
	guest_log(g, offset, size, false, value);
	return value;
}

static inline void guest_device_write(void *dev, uint64_t offset, unsigned int size,
				      uint64_t value)
{
	struct guest *g = dev;

	memcpy(g->device + offset, &value, size);
	guest_log(g, offset, size, true, value);
}

static inline uint64_t guest_port_read(void *dev, uint64_t offset, unsigned int size)
{
	struct guest *g = dev;

	guest_log(g, G_PORT + offset, size, false, g->port_value);
	return g->port_value++;
}

static inline void guest_port_write(void *dev, uint64_t offset, unsigned int size,
				    uint64_t value)
{
	guest_log(dev, G_PORT + offset, size, true, value);
}

/* ---- memory ---- */

static inline void *guest_at(struct guest *g, uint64_t gpa)
{
	return guest_memory_at(g->memory, gpa, 1);
}

/* The entry for gva in 4-level tables, which are made as far as they lack. */
static inline uint64_t *guest_pte(struct guest *g, uint64_t gva)
{
	uint64_t table = g->sregs.cr3;

	for (unsigned int shift = 39;; shift -= 9) {
		uint64_t *entry = guest_at(g, table + (gva >> shift & 511) * 8);

		if (shift == 12)
			return entry;
		if (!*entry) {
			*entry = g->tables | G_PTE | G_PTE_USER;
			g->tables += 0x1000;
		}
		table = *entry & ~0xfffull;
	}
}

static inline void guest_map(struct guest *g, uint64_t gva, uint64_t entry)
{
	*guest_pte(g, gva) = entry;
}

/* ---- modes ---- */

static inline void guest_set_segments(struct guest *g, uint64_t base, uint32_t limit,
				      uint16_t data, uint16_t code)
{
	for (unsigned int i = BATON_ES; i <= BATON_GS; i++)
		g->sregs.seg[i] = (struct baton_segment){
			.base = base, .limit = limit, .selector = (uint16_t)(8 * i + 8),
			.attr = i == BATON_CS ? code : data,
		};
}

/* Real mode: DS and ES begin at the device, the others at 0. */
static inline void guest_set_mode(struct guest *g, enum emul_mode mode)
{
	uint16_t big = mode == EMUL_PROTECTED32 ? 0xc000 : 0;

	g->sregs = (struct baton_sregs){ 0 };
	memset(guest_at(g, G_TABLES), 0, 0x8000);
	g->sregs.cr0 = mode == EMUL_REAL16 ? 0x10 : 0x11;
	g->sregs.cr4 = 1ull << 9;
	guest_set_segments(g, 0, mode == EMUL_REAL16 ? 0xffff : 0xffffffff, 0x93 | big,
			   mode == EMUL_REAL16 ? 0x93 : 0x9b | big);
	if (mode == EMUL_REAL16)
		g->sregs.seg[BATON_DS].base = g->sregs.seg[BATON_ES].base = G_DEVICE;
	if (mode != EMUL_LONG64)
		return;
	g->sregs.seg[BATON_CS].attr = 0xa09b;
	g->sregs.cr0 |= 1ull << 31 | 1ull << 16;
	g->sregs.cr4 |= 1ull << 5;
	g->sregs.efer = 1ull << 8 | 1ull << 10 | 1ull << 11;
	g->sregs.cr3 = G_TABLES;
	g->tables = G_TABLES + 0x1000;
	for (uint64_t gva = 0; gva < 0x100000; gva += 0x1000)
		guest_map(g, gva, gva | G_PTE | G_PTE_USER);
}

static inline void guest_set_user(struct guest *g)
{
	g->sregs.seg[BATON_CS].attr |= BATON_SEG_DPL;
	g->sregs.seg[BATON_SS].attr |= BATON_SEG_DPL;
}

static inline int guest_get_xsave(void *vcpu, struct baton_xsave *image)
{
	*image = ((struct guest *)vcpu)->xsave;
	return 0;
}

static inline int guest_set_xsave(void *vcpu, const struct baton_xsave *image)
{
	((struct guest *)vcpu)->xsave = *image;
	return 0;
}

static inline int guest_need_sregs(void *vcpu)
{
	struct guest *g = vcpu;

	g->shown = g->sregs;
	return 0;
}

static inline int guest_apic_access(void *vcpu, uint32_t offset, bool write, uint32_t *value)
{
	struct guest *g = vcpu;

	if (offset & 3 || offset >= sizeof(g->apic))
		abort();
	if (write)
		g->apic[offset / 4] = *value;
	else
		*value = g->apic[offset / 4];
	guest_log(g, G_APIC + offset, 4, write, *value);
	return 0;
}

static inline struct emul_config guest_config(struct guest *g)
{
	return (struct emul_config){
		.memory = g->memory, .pio = g->pio, .mmio = g->mmio, .phys_bits = G_PHYS_BITS,
		.get_xsave = guest_get_xsave, .set_xsave = guest_set_xsave,
		.need_sregs = guest_need_sregs, .apic_access = guest_apic_access, .vcpu = g,
	};
}

static inline struct guest *guest_create(enum emul_mode mode)
{
	static const struct bus_ops mmio_ops = { guest_device_read, guest_device_write };
	static const struct bus_ops pio_ops = { guest_port_read, guest_port_write };
	struct guest *g = calloc(1, sizeof(*g));
	struct emul_config config;

	if (!g || guest_memory_create(NULL, G_RAM, &g->memory))
		abort();
	g->mmio = bus_create();
	g->pio = bus_create();
	bus_add(g->mmio, G_DEVICE, G_DEVICE_SIZE, &mmio_ops, g, "array");
	bus_add(g->pio, G_PORT, 8, &pio_ops, g, "counter");
	config = guest_config(g);
	g->emul = emul_create(&config);
	guest_set_mode(g, mode);
	g->regs.rip = G_CODE;
	g->regs.rflags = 2;
	g->regs.gpr[BATON_RSP] = G_STACK;
	return g;
}

static inline void guest_destroy(struct guest *g)
{
	emul_destroy(g->emul);
	bus_destroy(g->mmio);
	bus_destroy(g->pio);
	guest_memory_destroy(g->memory);
	free(g);
}

/* ---- running ---- */

/* An exit for the code at RIP; the emulator has to walk for code and data. */
static inline void guest_set_code(struct guest *g, const void *code, unsigned int size)
{
	memcpy(guest_at(g, G_CODE), code, size);
	g->regs.rip = G_CODE;
	g->exit = (struct baton_exit_emulate){
		.kind = BATON_EMULATE_MMIO, .gva = G_NOWHERE,
		.access = BATON_ACCESS_WRITE | BATON_ACCESS_GVA,
	};
}

/* What is not said is something else. */
static inline enum emul_result guest_run_brief(struct guest *g)
{
	enum emul_result result;

	memset(&g->shown, 0xa5, sizeof(g->shown));
	g->exit.access |= BATON_ACCESS_LONG64;
	g->exit.mode = (struct baton_code_mode){
		.cr0 = g->sregs.cr0, .cr3 = g->sregs.cr3, .cr4 = g->sregs.cr4,
		.efer = g->sregs.efer,
		.cpl = (g->sregs.seg[BATON_SS].attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT,
	};
	result = emul_run(g->emul, &g->regs, &g->shown, &g->exit, &g->fault);
	g->exit.access &= ~BATON_ACCESS_LONG64;
	if (result == EMUL_FAULT || result == EMUL_DONE_SREGS) /* as it is then committed */
		g->sregs = g->shown;
	return result;
}

static inline enum emul_result guest_run(struct guest *g)
{
	g->log_count = 0;
	if (guest_brief && g->sregs.efer & 1ull << 10 && g->sregs.seg[BATON_CS].attr & BATON_SEG_L)
		return guest_run_brief(g);
	return emul_run(g->emul, &g->regs, &g->sregs, &g->exit, &g->fault);
}

#endif
