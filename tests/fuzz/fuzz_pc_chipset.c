// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The chipset of board pc: any configuration writes, accesses to the shadow area and to
 * PCI's pins. RAM outside of the shadow area stays as it is, and pins go down again.
 */
#include "fuzz.h"

#include "pc_chipset.h"

static void step(struct chipset *c, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), slot = fuzz_u8(f) & 1 ? ICH9_LPC_SLOT : 0;
	unsigned int size = 1u << (what >> 3 & 1);
	uint64_t gpa = 0xbfff8 + fuzz_u32(f) % 0x40010;

	switch (what & 7) {
	case 0:
	case 1:
		chipset_config_write(c, slot, fuzz_u8(f), size, fuzz_u32(f));
		break;
	case 2:
		chipset_config_write(c, 0, 0x90 + fuzz_u8(f) % 7, 1, fuzz_u8(f));
		break;
	case 3:
		bus_write(c->m.mmio, gpa, 1u << (what >> 4 & 3), fuzz_u64(f));
		break;
	case 4:
		bus_read(c->m.mmio, gpa, 1u << (what >> 4 & 3));
		break;
	case 5:
		ich9_lpc_intx(c->lpc, fuzz_u8(f) & 31, what & 0x80);
		break;
	case 6:
		pci_host_reset(c->m.pci);
		break;
	default:
		chipset_config_read(c, slot, fuzz_u8(f), size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chipset *c = chipset_create();
	struct fuzz f = { data, size };

	while (f.left)
		step(c, &f);
	for (unsigned int slot = 0; slot < 32; slot++)
		ich9_lpc_intx(c->lpc, slot, false);
	FUZZ_CHECK(!c->ioapic && !c->pic);
	FUZZ_CHECK(*(uint64_t *)guest_memory_at(c->m.memory, 0x100000, 8) == 0);
	FUZZ_CHECK(*(uint64_t *)guest_memory_at(c->m.memory, 0x9fff8, 8) == 0);
	chipset_destroy(c);
	return 0;
}
