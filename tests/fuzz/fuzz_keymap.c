// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of keys, characters and keysyms: a chord is short, has no key twice,
 * and a refusal writes nothing.
 */
#include "fuzz.h"

#include "display/keymap.h"

static void check(const struct key_chord *chord, int error)
{
	if (error) {
		FUZZ_CHECK(chord->count == 77);
		return;
	}
	FUZZ_CHECK(chord->count >= 1 && chord->count <= KEY_CHORD_MAX);
	for (unsigned int i = 0; i < chord->count; i++)
		for (unsigned int k = 0; k < i; k++)
			FUZZ_CHECK(chord->key[i] && chord->key[i] != chord->key[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct key_chord chord = { .count = 77 };
	uint32_t number = fuzz_u32(&f);
	uint16_t key = 0;
	char text[256];

	check(&chord, keymap_character(number, &chord));
	FUZZ_CHECK(keymap_keysym(number, &key) || key);
	fuzz_bytes(&f, text, sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	chord.count = 77;
	check(&chord, keymap_parse(text, &chord));
	return 0;
}
