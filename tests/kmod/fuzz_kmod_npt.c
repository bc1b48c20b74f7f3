// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Second-level page tables in each format against the flat model of
 * npt_model.h, which checks every step.
 */
#include "npt_model.h"
#include "fuzz.h"

static u8 next_byte(void *ctx)
{
	return fuzz_u8(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const struct baton_pte_format *format;
		u64 exec_bit;
		bool exec_when;
	} formats[] = {
		{ &plain_format, PLAIN_X, true },
		{ &baton_npt_format, 1ull << 63, false },
		{ &baton_ept_format, 1ull << 2, true },
	};
	static struct model model;
	struct fuzz f = { data, size };
	unsigned int kind = fuzz_u8(&f), format = kind % 3;

	kshim_reset();
	format_exec_bit = formats[format].exec_bit;
	format_exec_when = formats[format].exec_when;
	model_init(&model, formats[format].format, kind & 0x80, next_byte, &f);
	while (f.left) {
		kshim_fail_alloc = fuzz_u8(&f) == 0xff ? 0 : -1;
		model_step(&model);
	}
	kshim_fail_alloc = -1;
	baton_npt_fini(&model.vm.npt);
	return 0;
}
