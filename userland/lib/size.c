// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Amounts of memory as people write them. No floating point: "0.1G" must be
 * the same everywhere, and a decimal comma of the locale must not matter.
 */
#include "size.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

/* Digits behind the point that count; more would overflow with tebibytes. */
#define FRACTION_DIGITS_MAX 6

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The unit as a shift; -1: unknown. */
static int unit_shift(const char *unit)
{
	static const struct {
		const char *name;
		int shift;
	} units[] = {
		{ "", 0 }, { "B", 0 }, { "K", 10 }, { "M", 20 }, { "G", 30 }, { "T", 40 },
	};
	char first[2] = { unit[0], '\0' };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const char *rest = unit + (unit[0] != '\0');

		if (strcasecmp(first, units[i].name))
			continue;
		if (!units[i].shift)
			return rest[0] ? -1 : 0;
		return !rest[0] || !strcasecmp(rest, "B") || !strcasecmp(rest, "iB")
			? units[i].shift : -1;
	}
	return -1;
}

int size_parse(const char *text, uint64_t *ret_bytes)
{
	uint64_t whole = 0, fraction = 0, divisor = 1, scaled;
	const char *p = text;
	int shift, digits = 0;

	for (; is_digit(*p); p++, digits++) {
		if (whole > ((uint64_t)INT64_MAX - (*p - '0')) / 10)
			return -ERANGE;
		whole = whole * 10 + (*p - '0');
	}
	if (!digits)
		return -EINVAL;
	if (*p == '.') {
		p++;
		for (digits = 0; is_digit(*p); p++, digits++) {
			fraction = fraction * 10 + (*p - '0');
			divisor *= 10;
			if (digits >= FRACTION_DIGITS_MAX)
				return -EINVAL;
		}
		if (!digits)
			return -EINVAL;
	}
	if (*p == ' ' && p[1])
		p++;
	shift = unit_shift(p);
	if (shift < 0)
		return -EINVAL;
	if (whole > (uint64_t)INT64_MAX >> shift)
		return -ERANGE;
	scaled = fraction << shift;
	if (scaled % divisor)
		return -EINVAL;
	if ((whole << shift) > (uint64_t)INT64_MAX - scaled / divisor)
		return -ERANGE;
	*ret_bytes = (whole << shift) + scaled / divisor;
	return 0;
}

char *size_format(uint64_t bytes, char *buf, size_t buf_size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned int unit = 0, tenths;
	uint64_t whole = bytes;

	while (whole >= 1024 && unit < 6) {
		whole >>= 10;
		unit++;
	}
	tenths = unit ? ((bytes >> (10 * (unit - 1))) % 1024) * 10 / 1024 : 0;
	if (tenths)
		snprintf(buf, buf_size, "%u.%u %s", (unsigned int)whole, tenths, units[unit]);
	else
		snprintf(buf, buf_size, "%u %s", (unsigned int)whole, units[unit]);
	return buf;
}
