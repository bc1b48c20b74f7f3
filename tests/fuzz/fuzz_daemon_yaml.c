// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seeds: any text that is quoted comes back as it was, and is on one line; what
 * the checks let through becomes a user-data whose values a strict reader finds.
 */
#include "fuzz.h"

#include "seed.h"
#include "yaml_quote.h"
#include "yaml_strict.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMKBAqnpdi0vblRTiGzCvFo3w4/Lok94Ea89q0n1meF6 "

/* A string of up to 255 bytes off the input. */
static char *take_text(struct fuzz *f)
{
	size_t size = fuzz_u8(f);
	char *text = g_malloc0(size + 1);

	fuzz_bytes(f, text, size);
	return text;
}

static void check_quote(const char *text)
{
	GString *quoted = g_string_new("x");
	bool valid = g_utf8_validate(text, -1, NULL);
	const char *at;
	char *back;

	FUZZ_CHECK(yaml_quote(quoted, text) == valid);
	if (valid) {
		at = quoted->str + 1;
		FUZZ_CHECK(!strpbrk(at, "\n\r\t"));
		back = yaml_strict_value(&at);
		FUZZ_CHECK(back && !*at && !strcmp(back, text));
		g_free(back);
	} else {
		FUZZ_CHECK(quoted->len == 1);
	}
	g_string_free(quoted, TRUE);
}

/* The value behind `key`, which stands at the beginning of one line. */
static void check_value(const char *text, const char *key, const char *value)
{
	const char *at = strstr(text, key), *line;
	char *back;

	FUZZ_CHECK(at);
	line = at += strlen(key);
	back = yaml_strict_value(&line);
	FUZZ_CHECK(back && *line == '\n' && !strcmp(back, value));
	g_free(back);
}

static void check_seed(const struct seed *seed, const char *key)
{
	char *text = seed_user_data(seed), *meta = seed_meta_data(seed);

	FUZZ_CHECK(strlen(text) <= SEED_USER_DATA_MAX);
	check_value(text, "\nhostname: ", seed->hostname);
	check_value(meta, "\nlocal-hostname: ", seed->hostname);
	if (seed->user)
		check_value(text, "\n  - name: ", seed->user);
	if (seed->password)
		check_value(text, seed->user ? "\n    plain_text_passwd: " : "\npassword: ",
			    seed->password);
	if (key)
		check_value(text, seed->user ? "authorized_keys:\n      - " :
					       "authorized_keys:\n  - ", key);
	g_free(text);
	g_free(meta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	uint8_t shape = fuzz_u8(&f);
	char *hostname = take_text(&f), *user = take_text(&f), *password = take_text(&f);
	char *comment = take_text(&f), *line = NULL, *key = NULL;
	const char *keys[1];
	struct seed seed = { .hostname = hostname, .ssh_keys = keys };
	struct btn_error e = { 0 };

	/* A whole key in front of what is free in it, so that fuzzing need not find one. */
	line = g_strconcat(shape & 4 ? KEY : "", comment, NULL);
	keys[0] = line;
	seed.user = shape & 1 ? user : NULL;
	seed.password = shape & 2 ? password : NULL;
	seed.ssh_key_count = shape & 8 ? 1 : 0;
	check_quote(user);
	check_quote(comment);
	if (seed_check(&seed, &e)) {
		if (seed.ssh_key_count)
			FUZZ_CHECK(seed_check_key(line, &key, &e));
		check_seed(&seed, key);
	} else {
		FUZZ_CHECK(e.code && e.message[0] && e.cause[0] && e.fix[0]);
	}
	g_free(hostname);
	g_free(user);
	g_free(password);
	g_free(comment);
	g_free(line);
	g_free(key);
	return 0;
}
