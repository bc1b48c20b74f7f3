/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TEST CODE. The screen of the made-up monitor: a shared picture on which each key that is
 * pressed leaves a white block, from the left, and the pointer a red one where it clicks.
 */
#ifndef BATON_TESTS_STUB_SCREEN_H
#define BATON_TESTS_STUB_SCREEN_H

#include "lib/rpc.h"

#define STUB_SCREEN_WIDTH 640
#define STUB_SCREEN_HEIGHT 400

bool stub_screen_attach(struct rpc_request *r);
/* Answers with the next change, to client number r->client. */
bool stub_screen_wait(struct rpc_request *r);
bool stub_screen_key(struct rpc_request *r);
bool stub_screen_pointer(struct rpc_request *r);
/* That client is gone. */
void stub_screen_forget(int client);
/* Sends a line to a client: of stub_monitor.c. */
void stub_send(int client, const char *text, size_t length);

#endif
