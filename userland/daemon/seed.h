/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NoCloud seeds: the small disk from which a new VM learns its name, its user, the
 * keys that may log in, and what to do first. cloud-init reads it in images of
 * distributions, nocloud-seed in the disks of scripts/mk-debian-disk.
 *
 * Nothing here keeps state; all may be called on any thread.
 */
#ifndef BATON_DAEMON_SEED_H
#define BATON_DAEMON_SEED_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/errors.h"

#define SEED_USER_DATA_MAX (1u << 20)
#define SEED_NETWORK_CONFIG_MAX (64u << 10)
#define SEED_KEY_MAX (16u << 10)
#define SEED_KEYS_MAX 32u
#define SEED_PASSWORD_MAX 255u
#define SEED_USER_MAX 32u

struct seed {
	const char *hostname;		/* with or without a domain */
	const char *instance_id;	/* NULL: made from the content. A VM applies each once */

	/*
	 * user: made in the VM, may sudo without a password. NULL: what follows
	 * is for the user that the image has by itself.
	 */
	const char *user;
	const char *password;		/* as it is typed; or … */
	const char *password_hash;	/* … as in /etc/shadow, which wants `user` */
	const char *const *ssh_keys;	/* each one line, see seed_check_key() */
	size_t ssh_key_count;

	/* The whole file instead of the five above. Size 0: up to its NUL. */
	const char *user_data;
	size_t user_data_size;
	const char *network_config;	/* netplan's version 1 or 2; NULL: none */
};

/*
 * Checks all values and writes the disk, a raw image that only its owner can read.
 * A VM gets it as a disk that it may only read. The old file stays if anything fails.
 */
bool seed_write(const char *path, const struct seed *seed, struct btn_error *e);

/* The checks alone: for a mistake to be named before anything is started. */
bool seed_check(const struct seed *seed, struct btn_error *e);

bool seed_check_hostname(const char *name, struct btn_error *e);
bool seed_check_user(const char *name, struct btn_error *e);
/*
 * One line "TYPE BASE64 [COMMENT]" of a type that OpenSSH has. *ret_key (may be NULL,
 * g_free()) is the line without white space around it. The key is not quoted in
 * errors: people do give private ones.
 */
bool seed_check_key(const char *text, char **ret_key, struct btn_error *e);

/*
 * The public keys in ~/.ssh/ (folder NULL) that seed_check_key() takes, by name, as
 * a list for g_strfreev(); an empty one if there are none.
 */
char **seed_default_keys(const char *folder);

/* ---- for tests ---- */

/* The files' texts, g_free(); seed_check() has said yes. */
char *seed_user_data(const struct seed *seed);
char *seed_meta_data(const struct seed *seed);

#endif
