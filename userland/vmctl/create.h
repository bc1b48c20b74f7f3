/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a new VM is to be: the options of create, launch and run, as a request to the
 * daemon.
 */
#ifndef BATON_VMCTL_CREATE_H
#define BATON_VMCTL_CREATE_H

#include "batond.h"
#include "forward.h"
#include "options.h"

#define CREATION_KEYS_MAX 16
#define CREATION_FORWARDS_MAX 16
#define CREATION_NAME_MAX 64

struct creation {
	const struct args *args;
	char name[CREATION_NAME_MAX];
	char image[CREATION_NAME_MAX + 1];	/* "": none */
	uint64_t disk_size;			/* 0: the image's */
	const char *network;			/* NULL: no card */
	char forwards[1024];			/* joined by ";" */
	uint16_t ssh_port;			/* of the host, to port 22; 0: none */
	char ssh_address[FORWARD_ADDRESS_MAX];	/* where that is reached from here */
	char *key[CREATION_KEYS_MAX];		/* texts of public keys */
	size_t key_count;
	char *password, *user_data;
	bool start;
};

#define CREATE_OPTIONS									\
	{ "cpus", "N", "Number of virtual CPUs. Default: 1." },				\
	{ "memory", "[MIN..]SIZE", "The guest's memory, like 512M or 1.5G; with a range it "	\
		"can be told to make do with less. Default: 512M." },			\
	{ "disk-size", "SIZE", "Size of the first disk, at least the image's." },	\
	{ "net", "NETWORK|none", "The network it is connected to. Default: default." },	\
	{ "forward", "[ADDRESS:]HOSTPORT:GUESTPORT[/udp]", "Pass connections to a port of the "	\
		"host on to one of the guest. Repeat it for more." },			\
	{ "port", "[ADDRESS:]HOSTPORT:GUESTPORT[/udp]", "The same." },			\
	{ "user", "USER", "The user to make, who may sudo. Default: as the image says." },	\
	{ "ssh-key", "FILE", "A public key that may log in. Repeat it for more. Default: those " \
		"of ~/.ssh/id_*.pub." },						\
	{ "password-file", "FILE", "The first line of FILE (\"-\": of standard input) is the "	\
		"user's password for the console." },					\
	{ "user-data", "FILE", "The cloud-init user-data, instead of user, keys and password." }, \
	{ "no-seed", NULL, "Give the guest no user, keys and host name: the image has its own." }, \
	{ "engine", "auto|baton|kvm", "What runs the guest's code. Default: auto." },	\
	{ "set", "KEY=VALUE", "Any other setting: \"vmctl settings\" lists them. Repeat it for " \
		"more." }

/* False: *e. creation_free() in any case. */
bool creation_take(struct creation *c, const struct args *args, struct btn_error *e);
void creation_free(struct creation *c);
#define CREATION_SSH_PORT 2222
/* A port of the host for ssh, `from` or above, if there is a network and none was asked for. */
void creation_choose_ssh_port(struct creation *c, const struct json_node *vms, uint16_t from);
/* One more public key. */
bool creation_add_key(struct creation *c, const char *text, struct btn_error *e);
/* Begins the request vm-create. */
void creation_begin(const struct creation *c, struct daemon *d);
/* A file's contents, of at most max bytes; NULL: *e. "-" is standard input. free(). */
char *creation_read_file(const char *what, const char *path, size_t max, struct btn_error *e);

#endif
