/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon within the fuzzer: folders of its own in memory, all that is behind its faces,
 * two VMs "a" and "b" that are off, and no programs beside it: a start fails at its last step.
 */
#ifndef BATON_TESTS_FUZZ_DAEMON_HOME_H
#define BATON_TESTS_FUZZ_DAEMON_HOME_H

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "daemon.h"
#include "files.h"
#include "fuzz.h"
#include "job.h"
#include "network.h"
#include "paths.h"
#include "vm.h"

#define HOME_UUID_A "11111111-1111-4111-8111-111111111111"
#define HOME_UUID_B "22222222-2222-4222-8222-222222222222"
#define HOME_WAIT_S 20
#define HOME_TURNS 200		/* inputs until what they have left is removed */

static char home_folder[64];

static inline void home_remove(void)
{
	struct btn_error e;

	files_remove_tree(home_folder, &e);
}

static inline void home_write(const char *folder, const char *name, const char *text)
{
	char *path = g_build_filename(folder, name, NULL);

	FUZZ_CHECK(g_file_set_contents(path, text, -1, NULL));
	g_free(path);
}

static inline void home_add_vm(const char *name, const char *uuid)
{
	char *folder = g_build_filename(paths.vms, name, NULL), *text, *disk;
	struct config *config;
	struct btn_error e;

	if (registry_find_uuid(uuid) || registry_find(name, &e)) {
		g_free(folder);
		return;
	}
	mkdir(folder, 0700);
	text = g_strdup_printf("[vm]\nschema=1\nname=%s\nuuid=%s\ncpus=2\n\n[disk.0]\n"
			       "file=disk.raw\n\n[net.0]\nnetwork=default\n", name, uuid);
	home_write(folder, "vm.conf", text);
	disk = g_build_filename(folder, "disk.raw", NULL);
	home_write(folder, "disk.raw", "");
	FUZZ_CHECK(!truncate(disk, 1 << 20));
	config = config_load(folder, &e);
	FUZZ_CHECK(config);
	registry_add(config, folder);
	g_free(disk);
	g_free(text);
	g_free(folder);
}

static inline void home_find_running(struct job *job, void *ctx)
{
	*(bool *)ctx |= job->state == JOB_RUNNING;
}

static inline bool home_is_busy(void)
{
	bool busy = false;

	job_each(home_find_running, &busy);
	return busy;
}

static inline gboolean home_wake(gpointer data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

/* Runs the main loop until done() or, as a broken promise, for too long. */
static inline void home_run_until(bool (*done)(void *ctx), void *ctx)
{
	bool late = false;
	unsigned int timer = g_timeout_add_seconds(HOME_WAIT_S, home_wake, &late);

	while (!done(ctx)) {
		FUZZ_CHECK(!late);
		g_main_context_iteration(NULL, TRUE);
	}
	if (!late)
		g_source_remove(timer);
}

static inline bool home_is_quiet(void *ctx)
{
	(void)ctx;
	return !home_is_busy();
}

static inline void home_forget_vm(struct vm *vm, void *ctx)
{
	(void)ctx;
	registry_remove(vm);
}

static inline void home_empty(const char *folder)
{
	struct btn_error e;

	FUZZ_CHECK(files_remove_tree(folder, &e));
	mkdir(folder, 0700);
}

/* Ends with an input: its jobs, and now and then what it has made. */
static inline void home_settle(void)
{
	static unsigned int turns;

	home_run_until(home_is_quiet, NULL);
	while (g_main_context_iteration(NULL, FALSE))
		;
	if (++turns % HOME_TURNS)
		return;
	registry_each(home_forget_vm, NULL);
	home_empty(paths.vms);
	home_empty(paths.trash);
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static inline void home_vms(void)
{
	home_add_vm("a", HOME_UUID_A);
	home_add_vm("b", HOME_UUID_B);
}

static inline void home_silence(const char *domain, GLogLevelFlags level, const char *text,
				gpointer data)
{
	(void)domain, (void)data;
	/* What GLib finds wrong is a bug. */
	if (!(level & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG)))
		fprintf(stderr, "%s: fuzz: %s\n", __FILE__, text);
	FUZZ_CHECK(level & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG));
}

static inline void home_open(void)
{
	struct btn_error e;

	strcpy(home_folder, access("/dev/shm", W_OK) ? "/tmp/fuzz-XXXXXX" : "/dev/shm/fuzz-XXXXXX");
	FUZZ_CHECK(mkdtemp(home_folder));
	atexit(home_remove);
	setenv("HOME", home_folder, 1);
	setenv("XDG_DATA_HOME", home_folder, 1);
	setenv("XDG_RUNTIME_DIR", home_folder, 1);
	g_log_set_default_handler(home_silence, NULL);
	umask(077);
	FUZZ_CHECK(paths_init(&e));
	image_store = images_open(paths.images, &e);
	FUZZ_CHECK(image_store);
	FUZZ_CHECK(networks_load(&e) && registry_load(&e));
	home_vms();
}

#endif
