// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm.conf: any text. What is taken keeps its promises, is written, and comes back as the
 * same. Then the rest of the input sets keys, as "KEY=VALUE" lines behind a zero.
 */
#include "fuzz.h"

#include "daemon/config.h"

static void check_text(const char *key, const char *value, void *ctx)
{
	char *text = config_get(ctx, key);

	FUZZ_CHECK(text && !strcmp(text, value));
	g_free(text);
}

static void check(const struct config *config)
{
	struct btn_error e;

	FUZZ_CHECK(config_check_name(config->name, &e));
	FUZZ_CHECK(g_uuid_string_is_valid(config->uuid));
	FUZZ_CHECK(config->title && config->description);
	FUZZ_CHECK(config->cpus >= 1 && config->cpus <= 64);
	FUZZ_CHECK(config->memory_min && config->memory_min <= config->memory);
	FUZZ_CHECK(!(config->memory_min % 4096) && !(config->memory % 4096));
	FUZZ_CHECK(config->disk_count <= CONFIG_DISKS_MAX);
	for (unsigned int i = 0; i < config->disk_count; i++) {
		const char *file = config->disk[i].file;

		FUZZ_CHECK(file && file[0] && !strchr(file, '\n'));
		FUZZ_CHECK(file[0] == '/' || (strncmp(file, "../", 3) && !strstr(file, "/../")));
	}
	FUZZ_CHECK(config->net_count <= CONFIG_NETS_MAX);
	for (unsigned int i = 0; i < config->net_count; i++) {
		FUZZ_CHECK(config->net[i].network && strlen(config->net[i].mac) == 17);
		FUZZ_CHECK(config->net[i].forward_count <= CONFIG_FORWARDS_MAX);
	}
}

/* As text and back, and copied: the same. */
static void check_round(const struct config *config)
{
	struct btn_error e;
	struct config *copy = config_copy(config), *back;
	char *text = config_to_text(config), *again, *copied = config_to_text(copy);

	back = config_parse(text, strlen(text), &e);
	if (!back)
		fprintf(stderr, "%s | %s\n%s", e.message, e.cause, text);
	FUZZ_CHECK(back);
	check(back);
	config_each(config, check_text, back);
	config_each(back, check_text, (void *)config);
	again = config_to_text(back);
	FUZZ_CHECK(!strcmp(text, again) && !strcmp(text, copied));
	config_free(copy);
	config_free(back);
	g_free(text);
	g_free(again);
	g_free(copied);
}

static void ignore(const char *key, const char *meant, void *ctx)
{
	(void)ctx;
	FUZZ_CHECK(key[0] && (!meant || meant[0]));
}

/* Each line is set; one that is refused changes nothing. */
static void set_lines(struct config *config, char *lines)
{
	char *save = NULL;

	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, '='), *before, *after;
		struct btn_error e = { 0 };
		bool ok;

		if (!value)
			continue;
		*value++ = '\0';
		before = config_to_text(config);
		ok = config_set(config, line, value, &e);
		after = config_to_text(config);
		FUZZ_CHECK(ok || (!strcmp(before, after) && e.code && e.message[0] && e.cause[0]));
		g_free(before);
		g_free(after);
		check(config);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	size_t length = zero ? (size_t)(zero - data) : size;
	char *text = g_memdup2(data, length), *lines;
	struct btn_error e = { 0 };
	struct config *config = config_parse(length ? text : "", length, &e);

	if (!config) {
		FUZZ_CHECK(e.code == BTN_VM_CONFIG && e.message[0] && e.cause[0] && e.fix[0]);
	} else {
		check(config);
		config_each_unknown(config, ignore, NULL);
		check_round(config);
		if (zero) {
			lines = g_strndup((const char *)zero + 1, size - length - 1);
			set_lines(config, lines);
			if (config_check(config, &e))
				check_round(config);
			g_free(lines);
		}
		config_free(config);
	}
	g_free(text);
	return 0;
}
