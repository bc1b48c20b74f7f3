/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the API share. */
#ifndef BATON_DAEMON_API_PRIVATE_H
#define BATON_DAEMON_API_PRIVATE_H

#include "api/api.h"
#include "events.h"
#include "job.h"
#include "lib/json_write.h"
#include "vm.h"

/* ---- server.c ---- */

/* Answers client's request that was left for `later`; the text is a line. */
void api_send(int client, const char *line, size_t length, int fd);
void api_send_error(int client, const struct btn_error *e);
/* The client wants events. */
void api_want_events(int client);
/* Until api_resume(), no further request of this client is looked at. */
void api_hold(int client);
void api_resume(int client);
/* Both: sends what was written (or that it was too long), and resumes. */
void api_send_later(int client, struct json_out *out);

/* ---- objects.c ---- */

void api_put_vm(struct json_out *out, const char *name, const struct vm *vm);
void api_put_job(struct json_out *out, const char *name, const struct job *job);
void api_put_error(struct json_out *out, const char *name, const struct btn_error *e);
/* RFC 3339; 0: null. */
void api_put_time(struct json_out *out, const char *name, int64_t us);
void api_put_event(struct json_out *out, const struct event *event);

/* ---- operations, by file ---- */

#define OPERATION(name) bool api_do_##name(struct rpc_request *r)
OPERATION(status);		/* do_daemon.c */
OPERATION(events);
OPERATION(settings);
OPERATION(job_list);
OPERATION(job_show);
OPERATION(job_wait);
OPERATION(job_cancel);

OPERATION(vm_list);		/* do_vm.c */
OPERATION(vm_show);
OPERATION(vm_set);
OPERATION(vm_start);
OPERATION(vm_stop);
OPERATION(vm_kill);
OPERATION(vm_restart);
OPERATION(vm_reset);
OPERATION(vm_pause);
OPERATION(vm_resume);
OPERATION(vm_delete);
OPERATION(vm_rename);
OPERATION(vm_monitor);
OPERATION(vm_log);

OPERATION(vm_stats);		/* do_stats.c */

OPERATION(vm_create);		/* do_create.c */
OPERATION(trash_list);
OPERATION(trash_restore);
OPERATION(trash_purge);

OPERATION(image_list);		/* do_image.c */
OPERATION(image_add);
OPERATION(image_import);
OPERATION(image_verify);
OPERATION(image_remove);

OPERATION(net_list);		/* do_net.c */
OPERATION(net_create);
OPERATION(net_delete);
OPERATION(net_leases);
OPERATION(net_forwards);
OPERATION(forward_add);
OPERATION(forward_remove);
#undef OPERATION

/* Writes the job's number into the answer, gives up the reference; false for NULL. */
bool api_put_started(struct rpc_request *r, struct job *job);
/* The VM that the member "name" names. */
struct vm *api_vm(struct rpc_request *r);
/* Its vm.conf can be used; else *e is what is wrong with it. */
bool api_check_sound(const struct vm *vm, struct btn_error *e);
/* A text member, or NULL if it is not there. */
const char *api_text(const struct rpc_request *r, const char *name);
bool api_flag(const struct rpc_request *r, const char *name);	/* false if not there */
int64_t api_number(const struct rpc_request *r, const char *name, int64_t if_missing);

#endif
