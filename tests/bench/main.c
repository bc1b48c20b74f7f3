// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-bench: runs rows under one engine and prints them as lines of
 * "engine <tab> row <tab> value <tab> reason", the value "-" if there is none.
 *
 *	baton-bench --engine baton|kvm [ROW...]
 *	baton-bench --engine baton|kvm --boot KERNEL INITRD
 *	baton-bench --engine baton|kvm --start|--memory ROW TEXT COMMAND...
 *	baton-bench --engine baton|kvm --disk COMMAND...
 *	baton-bench --engine baton|kvm --tcp PORT COMMAND...
 *	baton-bench --engine baton|kvm --idle COUNTER COMMAND...
 *
 * The last four measure the machine that COMMAND, a monitor with its guest's serial
 * port at standard input and output, runs (machine.c); the engine is only a name then.
 *
 * Each row runs in a process of its own with a limit on its time, so that one
 * that hangs or crashes costs that row only.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "hv.h"

/* Much more than any row needs, and seconds of waiting for a person. */
#define ROW_LIMIT_TICKS 4000000000ull

void result_fail(struct result *result, const char *format, ...)
{
	va_list list;

	if (result->why[0])
		return;
	va_start(list, format);
	vsnprintf(result->why, sizeof(result->why), format, list);
	va_end(list);
}

bool bench_has_feature(const struct bench *bench, unsigned int bit)
{
	for (uint32_t i = 0; i < bench->cpuid_count; i++)
		if (bench->cpuid[i].leaf == 1)
			return bench->cpuid[i].ecx >> bit & 1;
	return false;
}

static bool host_is_amd(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_AMD_ebx;
}

static int open_engine(struct bench *bench, enum hv_engine engine, struct result *result)
{
	struct hv_failure why[2];
	int error = hv_open(engine, &bench->hv, why);

	if (error) {
		result_fail(result, "the engine cannot be opened: %s", strerror(-error));
		return error;
	}
	bench->amd = host_is_amd();
	bench->cpuid_count = BATON_MAX_CPUID;
	error = hv_supported_cpuid(bench->hv, bench->cpuid, &bench->cpuid_count);
	if (error)
		result_fail(result, "CPUID: %s", strerror(-error));
	return error;
}

/* ---- one row, one process ---- */

static void run_row(enum hv_engine engine, const struct row *row, int to)
{
	static struct bench bench;
	struct result result = { 0 };

	alarm((unsigned int)(ROW_LIMIT_TICKS / (ticks_per_ms() * 1000)) + 1);
	if (!open_engine(&bench, engine, &result))
		row->measure(&bench, row, &result);
	hv_close(bench.hv);
	_exit(write(to, &result, sizeof(result)) == sizeof(result) ? 0 : 1);
}

/* The child has ended without a result: how? */
static void explain(pid_t child, struct result *result)
{
	int status = 0;

	waitpid(child, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		result_fail(result, "took too long");
	else if (WIFSIGNALED(status))
		result_fail(result, "ended by signal %d", WTERMSIG(status));
	else
		result_fail(result, "ended without a result");
}

static void measure_row(enum hv_engine engine, const struct row *row, struct result *result)
{
	int ends[2];
	pid_t child;

	if (pipe(ends)) {
		result_fail(result, "pipe: %s", strerror(errno));
		return;
	}
	child = fork();
	if (!child)
		run_row(engine, row, ends[1]);
	close(ends[1]);
	if (child < 0)
		result_fail(result, "fork: %s", strerror(errno));
	else if (read(ends[0], result, sizeof(*result)) != sizeof(*result))
		explain(child, result);
	else
		waitpid(child, NULL, 0);
	close(ends[0]);
}

/* ---- command line ---- */

static bool is_wanted(const char *id, char *const *names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(id, *names))
			return true;
	return false;
}

static void run_table(enum hv_engine engine, const char *name, const struct row *row,
		      char *const *wanted)
{
	for (; row->id; row++) {
		struct result result = { 0 };

		if (!is_wanted(row->id, wanted))
			continue;
		profile_row(name, row->id);
		measure_row(engine, row, &result);
		if (result.why[0])
			printf("%s\t%s\t-\t%s\n", name, row->id, result.why);
		else
			printf("%s\t%s\t%.0f\t\n", name, row->id, result.value);
	}
}

static int usage(void)
{
	fputs("usage: baton-bench --engine baton|kvm [ROW... | --boot KERNEL INITRD |\n"
	      "         (--start ROW TEXT | --memory ROW TEXT | --disk | --tcp PORT |\n"
	      "          --idle COUNTER) COMMAND...]\n", stderr);
	return 2;
}

/* What begins with an option and is about a whole monitor. -1: it is not. */
static int run_monitor(const char *engine, int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[0], "--boot"))
		return boot_measure(engine, argv[1], argv[2]);
	if (argc >= 4 && !strcmp(argv[0], "--start"))
		return machine_start(engine, argv[1], argv[2], argv + 3);
	if (argc >= 4 && !strcmp(argv[0], "--memory"))
		return machine_memory(engine, argv[1], argv[2], argv + 3);
	if (argc >= 2 && !strcmp(argv[0], "--disk"))
		return machine_disk(engine, argv + 1);
	if (argc >= 3 && !strcmp(argv[0], "--tcp"))
		return machine_tcp(engine, argv[1], argv + 2);
	if (argc >= 3 && !strcmp(argv[0], "--idle"))
		return machine_idle(engine, argv[1], argv + 2);
	return -1;
}

int main(int argc, char **argv)
{
	enum hv_engine engine;
	int status;

	if (argc < 3 || strcmp(argv[1], "--engine"))
		return usage();
	if (strcmp(argv[2], "baton") && strcmp(argv[2], "kvm"))
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 3 && !strncmp(argv[3], "--", 2)) {
		status = run_monitor(argv[2], argc - 3, argv + 3);
		return status < 0 ? usage() : status;
	}
	engine = strcmp(argv[2], "kvm") ? HV_ENGINE_BATON : HV_ENGINE_KVM;
	ticks_per_ms();
	run_table(engine, argv[2], guest_rows, argv + 3);
	if (argv[3] || sysconf(_SC_NPROCESSORS_ONLN) > 1)
		run_table(engine, argv[2], pair_rows, argv + 3);
	run_table(engine, argv[2], life_rows, argv + 3);
	return 0;
}
