/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types of SSH public keys that a guest can be given: one list for the daemon, which
 * refuses others, and for those who offer it what they have found in ~/.ssh.
 */
#ifndef BATON_LIB_SSH_KEY_H
#define BATON_LIB_SSH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The first word of `line` is a type; certificates and DSA are none. */
static inline bool ssh_key_has_type(const char *line)
{
	static const char *const types[] = {
		"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
		"ssh-rsa", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
	};
	size_t length = strcspn(line, " \t");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i]) == length && !memcmp(types[i], line, length))
			return true;
	return false;
}

#endif
