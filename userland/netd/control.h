/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: JSON lines, README.md has the requests. Clients are of
 * the same user, and hostile all the same. One thread.
 */
#ifndef BATON_NETD_CONTROL_H
#define BATON_NETD_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "uplink.h"

#define CLIENTS_MAX 80		/* one for each port, which holds its forwards, and others */
#define FORWARDS_MAX 64
#define CONTROL_LINE_MAX 4096u
#define CONTROL_REPLY_MAX 65536u

struct net;

struct forward {
	bool used;
	int owner;			/* the client that goes with it; -1: it stays */
	struct uplink_forward at;
};

struct client {
	int fd;				/* -1: free */
	uint32_t length;
	char line[CONTROL_LINE_MAX];
};

struct control {
	struct net *net;
	const char *network;		/* its name */
	bool quit;			/* somebody asked for the end */
	struct client client[CLIENTS_MAX];
	struct forward forward[FORWARDS_MAX];
};

void control_init(struct control *c, struct net *net, const char *network);
void control_fini(struct control *c);
/* Takes fd over. The client's number, or -EUSERS. */
int control_add_client(struct control *c, int fd);
void control_drop_client(struct control *c, unsigned int index);
/* Reads and answers; a client that breaks the rules is closed. False: it is gone. */
bool control_readable(struct control *c, unsigned int index);
bool control_has_clients(const struct control *c);
/* Something outlives its client. */
bool control_has_kept_forwards(const struct control *c);

/* Answers one request (changed) into reply[CONTROL_REPLY_MAX]; the length of the line. */
uint32_t control_request(struct control *c, int client, char *line, uint32_t length,
			 char *reply);

#endif
