// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin for QEMU (-plugin FILE,log=PATH,out=PATH) that counts instructions between
 * two marks, which baton-bench makes (profile_begin(), profile_end()) by a NOP that
 * nobody else has. At each end:
 *
 *	log	gets a line: instructions executed in all, and of them by guests, which
 *		is from a VMRUN to the instruction behind it (and a line "row" for the
 *		mark of a row);
 *	out	is written anew, with a line for each block of instructions: virtual
 *		address, physical place, instructions in it, times executed. What
 *		tests/bench/profile/report makes sense of.
 *
 * Declared here is what is used of QEMU's plugin interface, version 1
 * (docs/devel/tcg-plugins): QEMU's packages bring no header for it.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { PLUGIN_INLINE_ADD_U64 = 0, PLUGIN_CB_NO_REGS = 0 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *to,
					      uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int cpu, void *data), int flags,
					    void *data);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* One per translation; a block that is translated again gets another one. */
struct block {
	struct block *next;
	uint64_t vaddr, place, instructions, times;
};

static struct block *blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the list */
static const char *out_path, *log_path;

/* One processor (-icount has one thread): no lock. */
static uint64_t total, guests;	/* instructions */
static uint64_t total_begin, guests_begin;
static uint64_t entered;	/* total at the last VMRUN … */
static uint64_t comes_back;	/* … and where its #VMEXIT goes; 0: not in a guest */

#define VMRUN_BEHINDS 4
static uint64_t behind_vmrun[VMRUN_BEHINDS]; /* the modules' few, by address */

static void begin(void)
{
	total_begin = total;
	guests_begin = guests;
	if (!out_path)
		return;
	for (struct block *b = blocks; b; b = b->next)
		b->times = 0;
}

static void log_line(void)
{
	FILE *log = log_path ? fopen(log_path, "ae") : NULL;

	if (!log)
		return;
	fprintf(log, "%lu %lu\n", total - total_begin, guests - guests_begin);
	fclose(log);
}

static void end(void)
{
	FILE *out = out_path ? fopen(out_path, "we") : NULL;

	log_line();
	if (!out)
		return;
	for (struct block *b = blocks; b; b = b->next)
		if (b->times)
			fprintf(out, "%lx %lx %lu %lu\n", b->vaddr, b->place, b->instructions,
				b->times);
	fclose(out);
}

static void on_begin(unsigned int cpu, void *unused)
{
	(void)cpu, (void)unused;
	pthread_mutex_lock(&lock);
	begin();
	pthread_mutex_unlock(&lock);
}

static void on_end(unsigned int cpu, void *unused)
{
	(void)cpu, (void)unused;
	pthread_mutex_lock(&lock);
	end();
	pthread_mutex_unlock(&lock);
}

static void on_row(unsigned int cpu, void *unused)
{
	FILE *log = log_path ? fopen(log_path, "ae") : NULL;

	(void)cpu, (void)unused;
	if (!log)
		return;
	fputs("row\n", log);
	fclose(log);
}

static bool is_mark(const struct qemu_plugin_insn *insn, const char *mark)
{
	return qemu_plugin_insn_size(insn) == MARK_SIZE &&
	       !memcmp(qemu_plugin_insn_data(insn), mark, MARK_SIZE);
}

static void look_for_marks(struct qemu_plugin_insn *insn)
{
	static const struct {
		const char *bytes;
		void (*seen)(unsigned int cpu, void *unused);
	} marks[] = {
		{ MARK_BYTES(MARK_BEGIN), on_begin }, { MARK_BYTES(MARK_END), on_end },
		{ MARK_BYTES(MARK_ROW), on_row },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (is_mark(insn, marks[i].bytes))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marks[i].seen,
							       PLUGIN_CB_NO_REGS, NULL);
}

static void on_vmrun(unsigned int cpu, void *behind)
{
	(void)cpu;
	entered = total;
	comes_back = (uint64_t)behind;
}

static void on_vmexit(unsigned int cpu, void *here)
{
	(void)cpu;
	if (comes_back != (uint64_t)here)
		return;
	guests += total - entered;
	comes_back = 0;
}

static void look_for_vmrun(struct qemu_plugin_insn *insn)
{
	uint64_t behind = qemu_plugin_insn_vaddr(insn) + 3;

	if (qemu_plugin_insn_size(insn) != 3 ||
	    memcmp(qemu_plugin_insn_data(insn), "\x0f\x01\xd8", 3))
		return;
	qemu_plugin_register_vcpu_insn_exec_cb(insn, on_vmrun, PLUGIN_CB_NO_REGS,
					       (void *)behind);
	for (int i = 0; i < VMRUN_BEHINDS; i++) {
		if (behind_vmrun[i] && behind_vmrun[i] != behind)
			continue;
		behind_vmrun[i] = behind;
		return;
	}
}

/* VMRUN ends its block, so what is behind it begins one. */
static void look_for_vmexit(struct qemu_plugin_insn *first)
{
	uint64_t here = qemu_plugin_insn_vaddr(first);

	for (int i = 0; i < VMRUN_BEHINDS; i++)
		if (behind_vmrun[i] == here)
			qemu_plugin_register_vcpu_insn_exec_cb(first, on_vmexit,
							       PLUGIN_CB_NO_REGS,
							       (void *)here);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *b = calloc(1, sizeof(*b));

	(void)id;
	if (!b)
		abort();
	b->vaddr = qemu_plugin_tb_vaddr(tb);
	b->place = (uint64_t)qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0));
	b->instructions = qemu_plugin_tb_n_insns(tb);
	for (size_t i = 0; i < b->instructions; i++) {
		look_for_marks(qemu_plugin_tb_get_insn(tb, i));
		look_for_vmrun(qemu_plugin_tb_get_insn(tb, i));
	}
	look_for_vmexit(qemu_plugin_tb_get_insn(tb, 0));
	qemu_plugin_register_vcpu_tb_exec_inline(tb, PLUGIN_INLINE_ADD_U64, &total,
						 b->instructions);
	if (out_path)
		qemu_plugin_register_vcpu_tb_exec_inline(tb, PLUGIN_INLINE_ADD_U64, &b->times, 1);
	pthread_mutex_lock(&lock);
	b->next = blocks;
	blocks = b;
	pthread_mutex_unlock(&lock);
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id,
							       const void *info, int argc,
							       char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4))
			out_path = strdup(argv[i] + 4);
		else if (!strncmp(argv[i], "log=", 4))
			log_path = strdup(argv[i] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
