// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line of baton-vm: the input is argv, a zero byte between two
 * words.
 */
#include "fuzz.h"

#include "options.h"

#define WORDS_MAX 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[WORDS_MAX + 2] = { "baton-vm" };
	struct options options;
	struct btn_error e = {};
	int argc = 1;

	memcpy(text, data, size);
	text[size] = 0;
	for (char *at = text; at < text + size && argc <= WORDS_MAX; at += strlen(at) + 1)
		argv[argc++] = at;
	if (options_parse(&options, argc, argv, &e)) {
		FUZZ_CHECK(options.kernel || options.board == BOARD_PC || options.help ||
			   options.version);
		FUZZ_CHECK(options.cpus >= 1 && options.cpus <= BATON_MAX_VCPUS);
		FUZZ_CHECK(options.memory && !(options.memory & 0xfff));
		FUZZ_CHECK(options.memory_min && options.memory_min <= options.memory);
		FUZZ_CHECK(options.disk_count <= OPTIONS_DISKS_MAX);
		FUZZ_CHECK(options.cdrom_count <= OPTIONS_CDROMS_MAX);
		FUZZ_CHECK(!options.serial_log || options.console_hub || options.help ||
			   options.version || options.schema);
		FUZZ_CHECK(!options.name || (*options.name && strlen(options.name) <= 64));
		FUZZ_CHECK(!options.uuid || strlen(options.uuid) == 36);
		FUZZ_CHECK(!options.cdrom_count || options.board == BOARD_PC || options.help ||
			   options.version);
	} else {
		FUZZ_CHECK(e.code != BTN_OK && e.message[0]);
	}
	free(text);
	return 0;
}
