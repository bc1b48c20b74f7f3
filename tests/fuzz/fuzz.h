/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzzer's bytes as a stream of decisions. What is asked for beyond the end
 * is zero, so that a shorter input is a simpler one.
 */
#ifndef BATON_TESTS_FUZZ_H
#define BATON_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *at;
	size_t left;
};

/* A broken promise of the code under test: the fuzzer reports it like a crash. */
#define FUZZ_CHECK(c) do { if (!(c)) { \
	fprintf(stderr, "%s:%d: fuzz: %s\n", __FILE__, __LINE__, #c); abort(); } } while (0)

/* At most `size` bytes; the rest of `to` is zero. */
static inline void fuzz_bytes(struct fuzz *f, void *to, size_t size)
{
	size_t have = size < f->left ? size : f->left;

	memset(to, 0, size);
	if (!have)
		return;
	memcpy(to, f->at, have);
	f->at += have;
	f->left -= have;
}

static inline uint8_t fuzz_u8(struct fuzz *f)
{
	uint8_t v;

	fuzz_bytes(f, &v, sizeof(v));
	return v;
}

static inline uint16_t fuzz_u16(struct fuzz *f)
{
	uint16_t v;

	fuzz_bytes(f, &v, sizeof(v));
	return v;
}

static inline uint32_t fuzz_u32(struct fuzz *f)
{
	uint32_t v;

	fuzz_bytes(f, &v, sizeof(v));
	return v;
}

static inline uint64_t fuzz_u64(struct fuzz *f)
{
	uint64_t v;

	fuzz_bytes(f, &v, sizeof(v));
	return v;
}

static inline bool fuzz_bool(struct fuzz *f)
{
	return fuzz_u8(f) & 1;
}

#endif
