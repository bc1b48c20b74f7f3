/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's ssh programs: a key for one VM, and a command in it.
 */
#ifndef BATON_VMCTL_SSH_H
#define BATON_VMCTL_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"

struct ssh {
	char folder[64];	/* of the key, for its owner alone; "": none */
	char key[80];		/* path of the private key */
	const char *user, *address;
	uint16_t port;
};

/* It is somewhere in $PATH. */
bool program_is_installed(const char *program);

/* ssh and ssh-keygen are there; makes the key. ret_public: its text. ssh_end() at the end. */
bool ssh_begin(struct ssh *s, char *ret_public, size_t size, struct btn_error *e);
void ssh_end(struct ssh *s);

#define SSH_FAILED 255	/* ssh's own status when it did not get as far as the command */
/*
 * Runs the command, each word as it is. Its exit status, 128 + n if ssh was ended by a
 * signal. quiet: it may not read the input nor print. An interrupt ends it.
 */
int ssh_run(const struct ssh *s, const char *const *word, size_t count, bool quiet);

#endif
