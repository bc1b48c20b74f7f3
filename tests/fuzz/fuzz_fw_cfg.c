// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fw_cfg: any port accesses and any DMA requests in guest memory, in any order. None reads
 * or writes outside of items and RAM (the sanitizers watch).
 */
#include "fuzz.h"

#include "dev/fw_cfg.h"

#define RAM (1u << 20)

static struct guest_memory *memory;

static void put_request(struct fuzz *f, uint64_t gpa)
{
	uint8_t request[16];

	fuzz_bytes(f, request, sizeof(request));
	/* mostly lengths and addresses that lead somewhere */
	if (fuzz_u8(f) & 3) {
		memset(request + 4, 0, 2);
		memset(request + 8, 0, 5);
		request[13] &= 0x0f;
	}
	guest_memory_write(memory, gpa, request, sizeof(request));
}

static void step(struct fw_cfg *fw, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f);
	unsigned int size = 1u << (what >> 3 & 3);
	uint32_t gpa = fuzz_u16(f) * 8u;

	switch (what & 3) {
	case 0:
		fw_cfg_bus_ops.write(fw, 0, 2, fuzz_u16(f) & 0x40ff);
		break;
	case 1:
		fw_cfg_bus_ops.read(fw, gpa % FW_CFG_PORTS, size);
		break;
	case 2:
		fw_cfg_bus_ops.write(fw, gpa % FW_CFG_PORTS, size, fuzz_u32(f));
		break;
	default:
		put_request(f, gpa);
		fw_cfg_bus_ops.write(fw, 4, 4, 0);
		fw_cfg_bus_ops.write(fw, 8, 4, __builtin_bswap32(gpa));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct fw_cfg *fw;

	if (!memory && guest_memory_create(NULL, RAM, &memory))
		abort();
	fw = fw_cfg_create(memory);
	FUZZ_CHECK(fw && !fw_cfg_add_file(fw, "etc/b", "bbbb", 4));
	FUZZ_CHECK(!fw_cfg_add_file(fw, "etc/a", "aa", 2));
	while (f.left)
		step(fw, &f);
	fw_cfg_destroy(fw);
	return 0;
}
