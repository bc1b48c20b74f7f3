/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM: its folder, its definition, and the monitor that runs it, if one does. Its state
 * is what the monitor says; that there is a monitor is what the lock on the folder says
 * (the monitor holds it as long as it lives). Main thread only.
 */
#ifndef BATON_DAEMON_VM_H
#define BATON_DAEMON_VM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "config.h"
#include "job.h"
#include "monitor.h"

enum vm_state {
	VM_STOPPED,
	VM_STARTING,	/* its monitor has been started and has not answered yet */
	VM_RUNNING,
	VM_PAUSED,
	VM_STOPPING,	/* asked to shut down, or told to end */
	VM_BROKEN,	/* vm.conf cannot be used; vm->problem says why */
};

/* Why it is in this state. */
enum vm_reason {
	VM_REASON_NONE,
	VM_REASON_BOOTED,	/* running, paused: started */
	VM_REASON_RESUMED,	/* running */
	VM_REASON_PAUSED,	/* paused by somebody */
	VM_REASON_ATTACHED,	/* found running by a new daemon */
	VM_REASON_POWER_OFF,	/* stopped: the guest powered off */
	VM_REASON_KILLED,	/* stopped: its power was cut on request */
	VM_REASON_CRASHED,	/* stopped: triple fault */
	VM_REASON_FAILED,	/* stopped: vm->problem says why */
};

struct vm {
	struct config *config;	/* of its next start; replaced by vm_set_config() alone */
	struct config *live;	/* of this run; NULL: off */
	char *folder;
	enum vm_state state;
	enum vm_reason reason;
	int64_t since_us;	/* of the state; g_get_real_time() */
	int id;			/* from 1, another one for each run; -1: off */
	struct monitor *monitor;	/* NULL: off */
	struct btn_error problem;	/* VM_BROKEN, VM_REASON_FAILED; else code BTN_OK */
	struct job *job;	/* that changes it now; NULL: none. One at a time */
	/* Of this run, as the monitor and the network tell; empty or 0 as long as not known. */
	char engine[8];
	int pid;
	char address[CONFIG_NETS_MAX][16];
	bool attached;		/* its monitor has answered */
	bool stop_asked, kill_asked;
	bool button_pressed;	/* sometime in this run */
	/*< private >*/
	unsigned int refs;
	struct stat conf;	/* of the vm.conf that `config` or `problem` was read from */
	char end_event[16];	/* the last word of the monitor: "power-off", ... */
	int64_t log_start;	/* where this run's part of monitor.log begins */
	unsigned int ending_source, ending_tries;
	GSList *watchers;
};

/*
 * Called after each change of the state, from the main loop or from an operation; the
 * watcher may take itself off meanwhile.
 */
typedef void (*vm_watch_fn)(struct vm *vm, void *ctx);
void vm_watch(struct vm *vm, vm_watch_fn fn, void *ctx);
void vm_unwatch(struct vm *vm, vm_watch_fn fn, void *ctx);

static inline const char *vm_name(const struct vm *vm) { return vm->config->name; }
static inline const char *vm_uuid(const struct vm *vm) { return vm->config->uuid; }
/* Has a monitor: starting, running, paused or stopping. */
static inline bool vm_is_on(const struct vm *vm) { return vm->id > 0; }

const char *vm_state_word(enum vm_state state);		/* "running" */
const char *vm_reason_word(enum vm_reason reason);	/* "power-off"; "none": NULL */

struct vm *vm_ref(struct vm *vm);
void vm_unref(struct vm *vm);

/* Path of the VM's control socket; g_free(). */
char *vm_control_path(const struct vm *vm);
/* The file's path in the VM's folder: "monitor.log", "serial.log", ...; g_free(). */
char *vm_file(const struct vm *vm, const char *name);

/* ---- for lifecycle_*.c: a run from its start to its end ---- */

void vm_set_state(struct vm *vm, enum vm_state state, enum vm_reason reason);
/* A new run: gets an id, remembers the definition, VM_STARTING. */
void vm_begin_run(struct vm *vm);
/* Its process is there: connects. The state becomes what the monitor says. */
void vm_attach(struct vm *vm, unsigned int timeout_ms);
/* Its process has ended, or never came about (*e): VM_STOPPED. */
void vm_end_run(struct vm *vm, enum vm_reason reason, const struct btn_error *e);
/* The process of run `id`, which this daemon has started, has ended: waitpid()'s status. */
void vm_process_ended(struct vm *vm, int id, int wait_status);
/* The error that the monitor has written into its log since this run began; false: none. */
bool vm_read_problem(const struct vm *vm, struct btn_error *ret);

/* ---- the registry: all VMs of the user ---- */

/* Reads all folders, re-attaches to monitors that run. Broken ones are listed as such. */
bool registry_load(struct btn_error *e);
void registry_free(void);
/* By name or UUID, of any case; NULL: *e (may be NULL) says so, with "did you mean". */
struct vm *registry_find(const char *name, struct btn_error *e);
struct vm *registry_find_uuid(const char *uuid);
struct vm *registry_find_id(int id);
unsigned int registry_count(void);
/* By name. fn may remove the VM it is called with. */
void registry_each(void (*fn)(struct vm *vm, void *ctx), void *ctx);

/* For bundle.c and jobs: a folder that has come, gone, or has another name now. */
struct vm *registry_add(struct config *config, const char *folder); /* takes config */
void registry_remove(struct vm *vm);
void registry_renamed(struct vm *vm, struct config *config, const char *folder);
/*
 * Saves the definition, then takes it over; EVENT_VM_CHANGED. False: all as before; so it
 * is of a broken VM, and of one whose vm.conf has been edited since vm_refresh().
 */
bool vm_set_config(struct vm *vm, struct config *config, struct btn_error *e);
/* Reads its vm.conf again if somebody has edited it; of a VM that is off, without a job. */
void vm_refresh(struct vm *vm);

#endif
