// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The definition of a network: the input is the file. What is taken is written as a text that
 * gives the same again, and holds nothing that baton-net would not take.
 */
#include "fuzz.h"

#include "network_conf.h"

static void check_same(const char *a, const char *b)
{
	FUZZ_CHECK(!a == !b);
	FUZZ_CHECK(!a || !strcmp(a, b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct network_subnet subnet;
	struct network *network, *again;
	struct btn_error e = {};
	char *copy = malloc(size + 1), *text; /* so that a read beyond the end is found */

	memcpy(copy, data, size);
	network = network_conf_parse("lab", copy, size, &e);
	free(copy);
	if (!network) {
		FUZZ_CHECK(e.code != BTN_OK && e.message[0] && e.cause[0] && e.fix[0]);
		return 0;
	}
	FUZZ_CHECK(!strcmp(network->name, "lab") && strlen(network->uuid) == 36);
	FUZZ_CHECK(!network->subnet || network_parse_subnet(network->subnet, &subnet));
	FUZZ_CHECK(!network->domain || (network->domain[0] != '-' && network->domain[0] != '.'));
	text = network_conf_text(network);
	again = network_conf_parse("lab", text, strlen(text), &e);
	FUZZ_CHECK(again);
	check_same(network->uuid, again->uuid);
	check_same(network->subnet, again->subnet);
	check_same(network->domain, again->domain);
	g_free(text);
	network_conf_free(network);
	network_conf_free(again);
	return 0;
}
