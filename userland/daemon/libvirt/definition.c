// SPDX-License-Identifier: GPL-2.0-or-later
#include "libvirt/definition_private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "files.h"
#include "libvirt/metadata.h"
#include "libvirt/pool.h"
#include "lifecycle.h"
#include "paths.h"

#define KEPT_FILE "libvirt.xml"
#define LIVE_FILE "libvirt-live.xml"
#define TRANSIENT_FILE "libvirt.transient"
#define PASSWORD_LENGTH 8u

static GHashTable *transients;	/* UUIDs */

/* ---- what is kept ---- */

static struct kept *load_file(const struct vm *vm, const char *name)
{
	char *path = vm_file(vm, name), *text;
	struct kept *kept = NULL;
	struct btn_error e;
	struct xml_error xml;
	size_t length;

	text = files_read("file", path, 2 * XML_SIZE_MAX, &length, &e);
	if (text) {
		kept = kept_parse(text, length, &xml);
		if (!kept)
			g_message("%s: %s", path, xml.text);
	}
	g_free(text);
	g_free(path);
	return kept ? kept : kept_new();
}

static bool save_file(const struct vm *vm, const char *name, const struct kept *kept,
		      struct btn_error *e)
{
	char *path = vm_file(vm, name), *text = kept_to_text(kept);
	bool ok = files_write(path, text, strlen(text), e);

	g_free(text);
	g_free(path);
	return ok;
}

/* Its run has begun with something else than its definition has now. */
static bool has_live(const struct vm *vm)
{
	char *path = vm_file(vm, LIVE_FILE);
	bool has = vm_is_on(vm) && !access(path, F_OK);

	g_free(path);
	return has;
}

struct kept *definition_load_kept(const struct vm *vm, bool live)
{
	return load_file(vm, live && has_live(vm) ? LIVE_FILE : KEPT_FILE);
}

static bool keep_live(const struct vm *vm, struct btn_error *e)
{
	struct kept *begun_with;
	bool ok;

	if (!vm_is_on(vm) || has_live(vm))
		return true;
	begun_with = load_file(vm, KEPT_FILE);
	ok = save_file(vm, LIVE_FILE, begun_with, e);
	kept_free(begun_with);
	return ok;
}

bool definition_save_kept(const struct vm *vm, const struct kept *kept, struct btn_error *e)
{
	return keep_live(vm, e) && save_file(vm, KEPT_FILE, kept, e);
}

bool definition_set_metadata(const struct vm *vm, const char *text, const char *key,
			     const char *uri, struct xml_error *xml, struct btn_error *e)
{
	static const char *const files[] = { KEPT_FILE, LIVE_FILE };
	unsigned int i, count = has_live(vm) ? 2 : 1;
	struct kept *kept;
	bool ok = true;

	e->code = BTN_OK;
	for (i = 0; ok && i < count; i++) {
		kept = load_file(vm, files[i]);
		ok = metadata_set(kept, text, key, uri, xml) &&
			domain_can_be_read(i && vm->live ? vm->live : vm->config, kept,
					   vm->folder, xml) &&
			save_file(vm, files[i], kept, e);
		kept_free(kept);
	}
	return ok;
}

/* ---- transient VMs ---- */

bool definition_is_transient(const char *uuid)
{
	return transients && g_hash_table_contains(transients, uuid);
}

void definition_note_transient(const char *uuid, bool transient)
{
	if (!transients)
		return;
	if (transient)
		g_hash_table_add(transients, g_strdup(uuid));
	else
		g_hash_table_remove(transients, uuid);
}

bool definition_set_transient(struct vm *vm, bool transient, struct btn_error *e)
{
	char *path = vm_file(vm, TRANSIENT_FILE);
	bool ok = transient ? files_write(path, "", 0, e) : !unlink(path) || errno == ENOENT;

	if (!ok && !transient)
		files_failed(e, "removed", path, errno);
	g_free(path);
	if (ok)
		definition_note_transient(vm_uuid(vm), transient);
	return ok;
}

static void remove_file(struct vm *vm, const char *name)
{
	char *path = vm_file(vm, name);

	unlink(path);
	g_free(path);
}

struct restart_search {
	const char *uuid;
	bool found;
};

static void find_restart(struct job *job, void *ctx)
{
	struct restart_search *search = ctx;

	search->found |= job->state == JOB_RUNNING && !strcmp(job->kind, "restart") &&
			 !strcmp(job->uuid, search->uuid);
}

/* It is off for a moment only; the job's end tells whether it has come back. */
static bool is_restarting(const struct vm *vm)
{
	struct restart_search search = { .uuid = vm_uuid(vm) };

	job_each(find_restart, &search);
	return search.found;
}

/* It is off and nobody has defined it: to the trash, from where it comes as an ordinary VM. */
static void delete_transient(struct vm *vm)
{
	struct btn_error e;
	struct job *job;

	if (vm_is_on(vm) || vm->job || !definition_is_transient(vm_uuid(vm)) ||
	    is_restarting(vm))
		return;
	remove_file(vm, TRANSIENT_FILE);
	job = vm_delete(vm, false, &e);
	if (!job)
		g_message("libvirt: %s (BTN-%d)", e.message, e.code);
	else
		job_unref(job);
}

static void find_transient(struct vm *vm, G_GNUC_UNUSED void *ctx)
{
	char *path = vm_file(vm, TRANSIENT_FILE);

	if (!access(path, F_OK))
		definition_note_transient(vm_uuid(vm), true);
	g_free(path);
	if (!vm_is_on(vm))
		remove_file(vm, LIVE_FILE);
	delete_transient(vm);
}

void definition_start(void)
{
	transients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	registry_each(find_transient, NULL);
}

void definition_stop(void)
{
	g_clear_pointer(&transients, g_hash_table_unref);
}

/* <on_reboot>destroy: how installers get the guest started anew without its CD. */
static void guest_was_reset(struct vm *vm)
{
	struct kept *kept = definition_load_kept(vm, true);
	struct btn_error e;
	struct job *job;

	if (kept->destroy_on_reboot) {
		job = vm_kill(vm, &e);
		if (job)
			job_unref(job);
		else
			g_message("libvirt: %s (BTN-%d)", e.message, e.code);
	}
	kept_free(kept);
}

/* It may be on again: that run begins with the definition. */
static void run_ended(struct vm *vm)
{
	remove_file(vm, LIVE_FILE);
	delete_transient(vm);
}

void definition_event(const struct event *event)
{
	const char *kind = event->job ? event->job->kind : "";
	struct vm *vm = registry_find_uuid(event->job ? event->job->uuid : event->uuid);

	if (event->type == EVENT_VM_REMOVED)
		definition_note_transient(event->uuid, false);
	else if (!vm)
		return;
	else if (event->type == EVENT_VM_ADDED && !definition_is_transient(event->uuid))
		remove_file(vm, TRANSIENT_FILE);	/* back from the trash */
	else if (event->type == EVENT_VM_RESET)
		guest_was_reset(vm);
	else if (event->type == EVENT_VM_STATE && event->state == VM_STOPPED)
		run_ended(vm);
	else if (event->type == EVENT_JOB_ENDED && (!strcmp(kind, "kill") ||
						    !strcmp(kind, "stop") ||
						    !strcmp(kind, "restart")))
		delete_transient(vm);
}

/* ---- passwords ---- */

static char *read_password(const struct vm *vm, const struct config *config)
{
	char *path, *text;
	struct btn_error e;
	size_t length;

	if (!config->vnc_password)
		return NULL;
	path = domain_disk_path(vm->folder, config->vnc_password);
	text = files_read("file", path, 4096, &length, &e);
	g_free(path);
	if (text)
		text[strcspn(text, "\r\n")] = 0;
	return text;
}

static bool save_password(const struct vm *vm, const char *password, struct btn_error *e)
{
	char *path = vm_file(vm, DOMAIN_PASSWORD_FILE);
	char *text = g_strdup_printf("%s\n", password);
	bool ok = files_write(path, text, strlen(text), e);

	g_free(text);
	g_free(path);
	return ok;
}

/* Letters and digits that cannot be taken for others: 46 bits. */
static bool make_password(char password[PASSWORD_LENGTH + 1], struct btn_error *e)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	uint8_t bytes[PASSWORD_LENGTH];
	unsigned int i;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		btn_set(e, BTN_HOST_CALL_FAILED, "no password could be made");
		return false;
	}
	for (i = 0; i < PASSWORD_LENGTH; i++)
		password[i] = letters[bytes[i] % (sizeof(letters) - 1)];
	password[i] = 0;
	return true;
}

/* The one that the XML gives, else the one that is there, else a new one. */
static bool see_to_password(const struct vm *vm, const struct domain_read *d, struct btn_error *e)
{
	char made[PASSWORD_LENGTH + 1], *there;
	const struct config *config = d->config ? d->config : vm->config;

	if (g_strcmp0(config->vnc_password, DOMAIN_PASSWORD_FILE))
		return true;
	if (d->vnc_password)
		return save_password(vm, d->vnc_password, e);
	there = read_password(vm, config);
	if (there) {
		g_free(there);
		return true;
	}
	return make_password(made, e) && save_password(vm, made, e);
}

/* ---- XML ---- */

char *definition_xml(const struct vm *vm, bool live, uint64_t memory_now, bool secure)
{
	bool running = live && vm->live;
	struct domain_write d = {
		.config = running ? vm->live : vm->config, .texts = vm->config,
		.folder = vm->folder,
		.id = running ? vm->id : -1, .memory_now = running ? memory_now : 0,
	};
	struct kept *kept = definition_load_kept(vm, running);
	char *password = secure ? read_password(vm, d.config) : NULL, *xml;

	d.kept = kept;
	d.vnc_password = password && password[0] ? password : NULL;
	xml = domain_write(&d);
	g_free(password);
	kept_free(kept);
	return xml;
}

static char *volume_path(const char *pool_name, const char *name)
{
	const struct pool *pool = pool_find(pool_name);
	struct volume *volume = pool ? pool_volume(pool, name) : NULL;
	char *path = volume ? g_strdup(volume->path) : NULL;

	volume_free(volume);
	return path;
}

bool definition_read(struct domain_read *d, const struct vm *vm, const char *xml,
		     struct xml_error *e)
{
	char *socket = g_strdup_printf("%s/%s.vnc", paths.vm_sockets, vm ? vm_uuid(vm) : "");
	bool ok;

	*d = (struct domain_read){
		.base = vm ? vm->config : NULL, .folder = vm ? vm->folder : NULL,
		.vnc_socket = vm ? socket : NULL, .volume_path = volume_path,
	};
	ok = domain_read(d, xml, strlen(xml), e);
	g_free(socket);
	if (ok && d->vnc_auto)
		ok = definition_choose_port(d, vm, e);
	return ok;
}

bool definition_finish(struct vm *vm, const struct domain_read *d, struct btn_error *e)
{
	unsigned int i;

	for (i = 0; i < d->notes->len; i++)
		g_message("libvirt: %s: %s", vm_name(vm), (const char *)d->notes->pdata[i]);
	return see_to_password(vm, d, e) && definition_save_kept(vm, d->kept, e);
}

bool definition_apply(struct vm *vm, struct domain_read *d, struct btn_error *e)
{
	bool was_transient = definition_is_transient(vm_uuid(vm));

	if (vm->state == VM_BROKEN) {
		*e = vm->problem;
		return false;
	}
	if (!definition_finish(vm, d, e) ||
	    !vm_set_config(vm, g_steal_pointer(&d->config), e))
		return false;
	return !was_transient || definition_set_transient(vm, false, e);
}
