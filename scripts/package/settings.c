// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon's table of a VM's settings as text, for the manual page baton-vm(5): a line
 * for each, "key TAB value TAB fallback TAB when TAB help". when: "live" (acts at once),
 * "start" (at the VM's next start) or "fixed".
 */
#include <stdio.h>

#include "daemon/config.h"

static const char *when(const struct config_key *key)
{
	if (key->fixed)
		return "fixed";
	return key->live ? "live" : "start";
}

int main(void)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		printf("%s\t%s\t%s\t%s\t%s\n", keys[i].key, keys[i].value,
		       keys[i].fallback ? keys[i].fallback : "", when(&keys[i]), keys[i].help);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
