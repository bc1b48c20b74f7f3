/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the gdb server. */
#ifndef BATON_GDB_PRIVATE_H
#define BATON_GDB_PRIVATE_H

#include "baton_vcpu_state.h"
#include "gdb/gdb.h"
#include "gdb/packet.h"

#define GDB_SOFT_MAX 64
#define GDB_HARD_MAX 4
#define GDB_CPUS_MAX 64

/* A byte of guest memory that is INT3 now. */
struct gdb_soft {
	bool used;
	uint64_t gva, gpa;
	uint8_t was;
};

/* kind: as in DR7, 0 execution, 1 writes, 3 any access. */
struct gdb_hard {
	bool used, read;
	uint8_t kind, length;
	uint64_t gva;
};

enum gdb_arch { GDB_X86_64, GDB_I386 };

/* A step that needs help: see step.c. */
struct gdb_step {
	bool on;
	enum { GDB_STEP_PLAIN, GDB_STEP_PUSHF, GDB_STEP_POPF, GDB_STEP_TO } how;
	bool trap_flag;		/* the guest's own: before (PUSHF), or what it loads (POPF) */
	uint64_t address;	/* of what PUSHF saves, or STEP_TO's end: linear */
	uint64_t next;		/* PUSHF, POPF: RIP if it did not fault */
};

struct gdb {
	struct gdb_config config;
	const char *path;	/* of the listener; NULL: it has a port */
	int listener, client, event_fd;	/* -1: none */
	const struct gdb_target *target; /* NULL: between two machines */
	bool wait;		/* no gdb has come yet, and the guest is to wait for it */
	bool held;		/* the guest does not run, and we know its state */
	bool no_ack, swbreak, hwbreak;
	bool physical;		/* addresses of memory are guest-physical */
	enum gdb_arch arch;	/* whose registers we speak of: as gdb was told last */
	unsigned int current, go; /* vCPU that is looked at, and that c and s mean */
	uint64_t running;	/* vCPUs that the last continuation let run */
	struct gdb_step step[GDB_CPUS_MAX];
	struct gdb_soft soft[GDB_SOFT_MAX];
	struct gdb_hard hard[GDB_HARD_MAX];
	struct gdb_hard untold[GDB_CPUS_MAX]; /* watchpoints that were met, for the next stop */
	struct gdb_decoder in;
	uint8_t unread[512];	/* received and not decoded yet */
	size_t unread_at, unread_end;
	char out[GDB_FRAME_MAX]; /* the last answer, for when it is asked for again */
	size_t out_at, out_end;
};

/* server.c: answers; one to each packet at most. */
void gdb_send(struct gdb *gdb, const char *data, size_t length);
void gdb_send_text(struct gdb *gdb, const char *text);
void gdb_send_error(struct gdb *gdb, int error); /* negative errno */
void gdb_drop_client(struct gdb *gdb);
/* Deals with gdb->unread, as far as answers can be sent. */
void gdb_decode_unread(struct gdb *gdb);

/* commands.c */
void gdb_command(struct gdb *gdb, const char *data, size_t length);

/* run.c. stop: all, and says so (2: interrupted, unless something was met). */
void gdb_stop(struct gdb *gdb, unsigned int signal);
void gdb_send_stop(struct gdb *gdb, unsigned int signal, const char *reason);
void gdb_resume(struct gdb *gdb, uint64_t run, uint64_t step);
void gdb_on_break(struct gdb *gdb);
/* No breakpoints, and the guest runs on as if there had been no debugger. */
void gdb_let_go(struct gdb *gdb);

static inline struct hv_vcpu *gdb_vcpu(struct gdb *gdb, unsigned int i)
{
	return gdb->target->vcpu(gdb->target->ctx, i);
}

/*
 * registers.c. Of the vCPU that is looked at, in the order of target.xml, as pairs of
 * digits.
 */
int gdb_registers_get(struct gdb *gdb, char *text, size_t size);
int gdb_registers_set(struct gdb *gdb, const char *text);
int gdb_register_get(struct gdb *gdb, uint64_t number, char *text, size_t size);
int gdb_register_set(struct gdb *gdb, uint64_t number, const char *text);
const char *gdb_target_xml(enum gdb_arch arch);
enum gdb_arch gdb_arch_of(struct hv_vcpu *vcpu);

/*
 * memory.c. By the page tables of that vCPU, whoever may access it there. -EFAULT: not
 * all of it is memory; some may have been written. Breakpoints of ours do not show.
 */
int gdb_translate(struct gdb *gdb, unsigned int cpu, uint64_t gva, uint64_t *ret_gpa);
int gdb_memory(struct gdb *gdb, unsigned int cpu, uint64_t gva, void *bytes, size_t count,
	       bool write);

/* breaks.c. 0 or a negative errno. type: as in Z packets. */
int gdb_break_add(struct gdb *gdb, unsigned int type, uint64_t gva, uint64_t length);
int gdb_break_remove(struct gdb *gdb, unsigned int type, uint64_t gva, uint64_t length);
void gdb_break_remove_all(struct gdb *gdb);
/* Is one of ours there? */
bool gdb_break_soft_at(struct gdb *gdb, unsigned int cpu, uint64_t gva);
/* What the vCPU is to be told; hv_debug.step is left alone. */
void gdb_break_fill(const struct gdb *gdb, struct hv_debug *debug);

/* step.c. before: *debug is to make it happen; after: it has. */
void gdb_step_before(struct gdb *gdb, unsigned int cpu, struct hv_debug *debug);
void gdb_step_after(struct gdb *gdb, unsigned int cpu);

#endif
