// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest shares with the module, and its hypercalls. A guest that keeps to the
 * rules of lazy EOI has in service what it serves, and nothing else, whenever somebody
 * looks; one that writes what it likes over the shared memory hurts nobody.
 */
#include "lapic_guest.h"
#include "pv.h"
#include "fuzz.h"

#define RAM_SIZE 0x4000u
#define EOI_FLAG 0x1004u
#define STEAL_AREA 0x2040u
#define PV_STEAL 0x4b564d03u
#define PV_EOI 0x4b564d04u

struct guest {
	struct baton_vm *vm;
	struct baton_vcpu *vcpu;
	u8 *ram;
	u8 serves[256];		/* vectors, the innermost last */
	unsigned int depth;
	bool honest;
};

static void take_one(struct guest *g)
{
	int vector = take(g->vcpu);

	if (vector < 0)
		return;
	FUZZ_CHECK(g->depth < sizeof(g->serves));
	g->serves[g->depth++] = vector;
}

static void end_one(struct guest *g)
{
	if (!g->depth)
		return;
	g->depth--;
	if (g->ram[EOI_FLAG] & 1)
		g->ram[EOI_FLAG] &= ~1;
	else
		x2_wr(g->vcpu, APIC_REG_EOI, 0);
	kmod_take_request(g->vcpu, BATON_REQ_EOI);
}

/* Whoever looks at the state of the APIC sees what the guest is at. */
static void look(struct guest *g)
{
	struct baton_lapic_state state;
	u32 isr[8] = { 0 }, word;
	unsigned int i;

	baton_get_lapic(g->vcpu, &state);
	for (i = 0; i < g->depth; i++)
		isr[g->serves[i] / 32] |= 1u << g->serves[i] % 32;
	for (i = 0; i < 8 && g->honest; i++) {
		memcpy(&word, &state.regs[(APIC_REG_ISR + i) * 16], sizeof(word));
		FUZZ_CHECK(word == isr[i]);
	}
}

static void call(struct guest *g, struct fuzz *f)
{
	static const u8 numbers[] = { KVM_HC_KICK_CPU, KVM_HC_SEND_IPI, KVM_HC_SCHED_YIELD };
	u64 *gpr = g->vcpu->regs.gpr;
	u8 what = fuzz_u8(f);

	gpr[BATON_RAX] = what & 8 ? fuzz_u64(f) : numbers[what % 3];
	gpr[BATON_RBX] = fuzz_u64(f);
	gpr[BATON_RCX] = fuzz_u64(f);
	gpr[BATON_RDX] = what & 16 ? fuzz_u64(f) : fuzz_u8(f) & 3;
	gpr[BATON_RSI] = what & 32 ? fuzz_u64(f) : fuzz_u8(f);
	baton_exit_hypercall(g->vcpu, what & 64, what & 128 ? 3 : 0);
	FUZZ_CHECK(g->vcpu->pv.yield_to == BATON_YIELD_ANY ||
		   g->vcpu->pv.yield_to < BATON_MAX_VCPUS);
	if (kmod_take_request(g->vcpu, BATON_REQ_YIELD))
		baton_pv_yield(g->vcpu);
}

/* From here on the guest is as wild as it can be. */
static void go_wild(struct guest *g, struct fuzz *f)
{
	g->honest = false;
	switch (fuzz_u8(f) & 3) {
	case 0:
		baton_msr_write(g->vcpu, PV_EOI, false, fuzz_u16(f));
		break;
	case 1:
		baton_msr_write(g->vcpu, PV_STEAL, false, fuzz_u16(f) & ~0x3eu);
		break;
	default:
		g->ram[fuzz_u16(f) % RAM_SIZE] = fuzz_u8(f);
	}
}

static void step(struct guest *g, struct fuzz *f)
{
	u8 what = fuzz_u8(f);

	switch (what & 7) {
	case 0:
		baton_lapic_post(g->vcpu, 16 + fuzz_u8(f) % 240, what & 8);
		break;
	case 1:
		x2_wr(g->vcpu, APIC_REG_SELF_IPI, fuzz_u8(f));
		break;
	case 2:
		take_one(g);
		break;
	case 3:
		end_one(g);
		break;
	case 4:
		look(g);
		break;
	case 5:
		current->sched_info.run_delay += fuzz_u16(f);
		baton_pv_away(g->vm->vcpus[what >> 7]);
		if (what & 8)
			baton_pv_back(g->vcpu);
		break;
	case 6:
		call(g, f);
		break;
	default:
		if (what & 8)
			go_wild(g, f);
		else
			x2_wr(g->vcpu, APIC_REG_TPR, fuzz_u8(f));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest g = { .vm = kmod_vm_create(2), .honest = true };
	struct fuzz f = { data, size };

	g.vcpu = g.vm->vcpus[1];
	g.ram = kmod_ram_add(g.vm, 0, 0, RAM_SIZE);
	x2_on(g.vcpu);
	x2_on(g.vm->vcpus[0]);
	baton_msr_write(g.vcpu, PV_EOI, false, EOI_FLAG | 1);
	baton_msr_write(g.vcpu, PV_STEAL, false, STEAL_AREA | 1);
	while (f.left)
		step(&g, &f);
	while (g.depth)
		end_one(&g);
	look(&g);
	kmod_vm_destroy(g.vm);
	return 0;
}
