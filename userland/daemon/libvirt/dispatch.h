/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls: found in the table of procedures, checked against it, run, answered exactly
 * once: by call_return() or one of the call_fail...(), at once or later. A call whose
 * client has gone goes on and its answer is dropped.
 */
#ifndef BATON_DAEMON_LIBVIRT_DISPATCH_H
#define BATON_DAEMON_LIBVIRT_DISPATCH_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "job.h"
#include "lib/errors.h"
#include "libvirt/connection.h"
#include "libvirt/xdr.h"
#include "vm.h"

/* What a procedure needs or is allowed. */
enum {
	NEEDS_VM = 1 << 0,	/* its first argument is a dom: call->vm */
	NEEDS_ON = 1 << 1,	/* which runs */
	NEEDS_NET = 1 << 2,	/* its first argument is a net: call->network */
	NEEDS_POOL = 1 << 3,	/* its first argument is a pool: call->pool */
	READS = 1 << 4,		/* read-only connections may */
	EARLY = 1 << 5,		/* before ConnectOpen */
	EMPTY = 1 << 6,		/* answers nothing else than empty lists and zeros */
};
#define NO_FLAGS (-1)	/* its last argument is not named flags */
#define ANY_FLAGS 0xffffffffll

struct network;
struct pool;
struct call;

struct procedure {
	uint32_t number;
	const char *name;		/* "DomainGetInfo" */
	const char *in, *out;		/* signatures */
	void (*run)(struct call *call);	/* NULL: Baton does not have this: code 3 */
	unsigned int needs;
	int64_t flags;			/* bits of the last argument that may be set */
};

struct call {
	struct connection *conn;	/* NULL: the client has gone */
	const struct procedure *proc;
	struct lv_header header;
	uint8_t *message;		/* in which the arguments' texts are */
	struct xdr_args args;
	const struct xdr_value *arg;	/* args.value */
	uint32_t flags;
	int fd;				/* that came with it; -1 */
	struct vm *vm;
	const struct network *network;
	const struct pool *pool;
	GByteArray *out;		/* the result is put here */
	int out_fd;			/* goes with it; -1 */
	struct stream *stream;		/* opened by it, begins with the reply; NULL */
	void *data;			/* of the procedure, while the call lasts */
	GDestroyNotify free_data;
};

/* Takes over message and fd. */
void dispatch_call(struct connection *conn, const struct lv_header *header, uint8_t *message,
		   int fd);
void calls_release(struct connection *conn);

/* The answer: what is in call->out. Ends the call. */
void call_return(struct call *call);
void call_fail(struct call *call, enum lv_code code, const char *fmt, ...) BTN_PRINTF(3, 4);
void call_fail_btn(struct call *call, const struct btn_error *e);
/* job NULL: fails with *e. Else answers when it has ended; takes the reference over. */
void call_return_job(struct call *call, struct job *job, const struct btn_error *e);
/* The same, with then() instead of an answer if it ended well. */
void call_after_job(struct call *call, struct job *job, const struct btn_error *e,
		    void (*then)(struct call *call));

/* The error of a message, also of a stream. */
void put_error(GByteArray *to, enum lv_code code, const char *text);
enum lv_code error_code(const struct btn_error *e);
/* Sentence, cause and fix in one text; g_free(). */
char *error_text(const struct btn_error *e);

const struct procedure *procedure_find(uint32_t number);
const struct procedure *procedures_all(size_t *ret_count);

/* ---- what many results have ---- */

void put_dom(GByteArray *to, const struct vm *vm);
void put_net(GByteArray *to, const struct network *network);

/* A typed parameter. */
void put_param_int(GByteArray *to, const char *name, int32_t value);
void put_param_uint(GByteArray *to, const char *name, uint32_t value);
void put_param_ulong(GByteArray *to, const char *name, uint64_t value);
void put_param_bool(GByteArray *to, const char *name, bool value);
void put_param_long(GByteArray *to, const char *name, int64_t value);
void put_param_string(GByteArray *to, const char *name, const char *value);

#endif
