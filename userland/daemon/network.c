// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of networks and their files. See network.h; a file that cannot be used is left as
 * it is, and its name is not given away.
 */
#include "network.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "files.h"
#include "network_conf.h"
#include "network_process.h"
#include "paths.h"
#include "vm.h"

#define SUFFIX ".conf"

static GPtrArray *networks;	/* by name */

/* ---- the list ---- */

static gint compare(gconstpointer a, gconstpointer b)
{
	const struct network *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static struct network *lookup(const char *name)
{
	for (unsigned int i = 0; networks && i < networks->len; i++) {
		struct network *network = g_ptr_array_index(networks, i);

		if (!strcmp(network->name, name))
			return network;
	}
	return NULL;
}

const struct network *network_find(const char *name, struct btn_error *e)
{
	const struct network *network = lookup(name);

	if (!network && e)
		btn_set(e, BTN_NO_SUCH_NETWORK, "there is no network \"%.64s\"", name);
	return network;
}

const struct network *network_find_uuid(const char *uuid)
{
	for (unsigned int i = 0; networks && i < networks->len; i++) {
		struct network *network = g_ptr_array_index(networks, i);

		if (!g_ascii_strcasecmp(network->uuid, uuid))
			return network;
	}
	return NULL;
}

void network_each(void (*fn)(const struct network *network, void *ctx), void *ctx)
{
	for (unsigned int i = 0; networks && i < networks->len; i++)
		fn(g_ptr_array_index(networks, i), ctx);
}

bool network_is_active(const struct network *network)
{
	return network_process_runs(network->name);
}

static char *file_path(const char *name, const char *suffix)
{
	char *file = g_strconcat(name, suffix, NULL);
	char *path = g_build_filename(paths.networks, file, NULL);

	g_free(file);
	return path;
}

char *network_leases_path(const struct network *network)
{
	return file_path(network->name, ".leases");
}

static void add(struct network *network)
{
	g_ptr_array_add(networks, network);
	g_ptr_array_sort(networks, compare);
}

/* ---- reading ---- */

static struct network *load(const char *name, struct btn_error *e)
{
	char *path = file_path(name, SUFFIX), *text;
	struct network *network = NULL;
	size_t length;

	text = files_read("definition of a network", path, NETWORK_FILE_MAX, &length, e);
	if (text)
		network = network_conf_parse(name, text, length, e);
	g_free(text);
	g_free(path);
	if (network && network_find_uuid(network->uuid)) {
		btn_set(e, BTN_BAD_VALUE, "the UUID of the network \"%s\" is another's", name);
		g_clear_pointer(&network, network_conf_free);
	}
	return network;
}

static void load_file(const char *file)
{
	struct network *network;
	struct btn_error e;
	char *name;

	if (!g_str_has_suffix(file, SUFFIX))
		return;
	name = g_strndup(file, strlen(file) - strlen(SUFFIX));
	network = load(name, &e);
	if (network)
		add(network);
	else
		g_warning("%s: %s", e.message, e.cause);
	g_free(name);
}

bool networks_load(struct btn_error *e)
{
	GError *error = NULL;
	GDir *dir = g_dir_open(paths.networks, 0, &error);
	const char *file;

	if (!dir) {
		btn_set(e, BTN_DAEMON_FAILED, "the networks cannot be read");
		btn_set_cause(e, "%s.", error->message);
		g_error_free(error);
		return false;
	}
	if (networks)
		g_ptr_array_unref(networks);
	networks = g_ptr_array_new_with_free_func((GDestroyNotify)network_conf_free);
	while ((file = g_dir_read_name(dir)))
		load_file(file);
	g_dir_close(dir);
	if (!lookup(NETWORK_DEFAULT))
		add(network_conf_new(NETWORK_DEFAULT));
	network_process_watch();
	return true;
}

/* ---- making ---- */

static char *choose_subnet(void)
{
	GArray *taken = g_array_new(FALSE, FALSE, sizeof(struct network_subnet));
	char *text;

	for (unsigned int i = 0; i < networks->len; i++) {
		const struct network *network = g_ptr_array_index(networks, i);
		struct network_subnet subnet;

		if (network->subnet && network_parse_subnet(network->subnet, &subnet))
			g_array_append_val(taken, subnet);
	}
	text = network_choose_subnet((struct network_subnet *)(void *)taken->data, taken->len);
	g_array_free(taken, TRUE);
	return text;
}

static bool take_subnet(struct network *network, const char *subnet, struct btn_error *e)
{
	struct network_subnet ignored;

	network->subnet = subnet ? g_strdup(subnet) : choose_subnet();
	if (!network->subnet) {
		btn_set(e, BTN_NET_FULL, "there is no free subnet for the network");
		btn_set_cause(e, "Every private /24 is used by a network or by the host.");
		btn_set_fix(e, "Give one: vmctl net create NAME --subnet A.B.C.0/24");
		return false;
	}
	if (network_parse_subnet(network->subnet, &ignored))
		return true;
	btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is no subnet", subnet);
	btn_set_cause(e, "A subnet is an IPv4 network with a prefix from 16 to 27.");
	btn_set_fix(e, "For example: 10.7.0.0/24");
	return false;
}

static bool save(const struct network *network, struct btn_error *e)
{
	char *path = file_path(network->name, SUFFIX), *text = network_conf_text(network);
	bool ok = access(path, F_OK) != 0;

	if (ok) {
		ok = files_write(path, text, strlen(text), e);
	} else {
		btn_set(e, BTN_NETWORK_EXISTS, "there is a file for a network \"%.32s\"",
			network->name);
		btn_set_cause(e, "It cannot be used; the daemon's log says why.");
		btn_set_fix(e, "Correct or remove %.300s, then restart the daemon.", path);
	}
	g_free(text);
	g_free(path);
	return ok;
}

bool network_create(const char *name, const char *subnet, const char *uuid, const char *domain,
		    struct btn_error *e)
{
	struct network *network;
	char *random;

	if (!network_check_name(name, e))
		return false;
	if (lookup(name)) {
		btn_set(e, BTN_NETWORK_EXISTS, "there is a network \"%s\" already", name);
		return false;
	}
	if (uuid && network_find_uuid(uuid)) {
		btn_set(e, BTN_NETWORK_EXISTS, "there is a network with this UUID already: \"%s\"",
			network_find_uuid(uuid)->name);
		return false;
	}
	if (domain && !network_is_domain(domain)) {
		btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is no DNS domain", domain);
		return false;
	}
	network = network_conf_new(name);
	network->domain = g_strdup(domain);
	random = g_uuid_string_random();
	g_strlcpy(network->uuid, uuid ? uuid : random, sizeof(network->uuid));
	g_free(random);
	if (!take_subnet(network, subnet, e) || !save(network, e)) {
		network_conf_free(network);
		return false;
	}
	add(network);
	events_post_name(EVENT_NETWORK_ADDED, name);
	return true;
}

/* ---- removing ---- */

struct use {
	const char *network;
	char vm[CONFIG_NAME_MAX + 1];	/* that names it; "": none */
};

static void look_at(const struct config *config, struct use *use)
{
	for (unsigned int i = 0; config && i < config->net_count; i++)
		if (!g_strcmp0(config->net[i].network, use->network))
			g_strlcpy(use->vm, config->name, sizeof(use->vm));
}

static void look_at_vm(struct vm *vm, void *ctx)
{
	look_at(vm->config, ctx);
	look_at(vm->live, ctx);
}

static bool check_unused(const char *name, struct btn_error *e)
{
	struct use use = { .network = name };

	if (!strcmp(name, NETWORK_DEFAULT)) {
		btn_set(e, BTN_NETWORK_IN_USE, "the network \"%s\" is always there", name);
		btn_set_cause(e, "New VMs are connected to it.");
		btn_set_fix(e, "Leave it; it takes nothing while no VM is on it.");
		return false;
	}
	registry_each(look_at_vm, &use);
	if (!use.vm[0])
		return true;
	btn_set(e, BTN_NETWORK_IN_USE, "the VM \"%s\" is on the network \"%s\"", use.vm, name);
	btn_set_fix(e, "Give it another network first: vmctl set %s net.0.network=%s", use.vm,
		    NETWORK_DEFAULT);
	return false;
}

bool network_delete(const char *name, struct btn_error *e)
{
	struct network *network = lookup(name);
	char *path, *leases;
	bool ok;

	if (!network)
		return network_find(name, e);
	if (!check_unused(name, e))
		return false;
	path = file_path(name, SUFFIX);
	leases = network_leases_path(network);
	ok = !unlink(path) || errno == ENOENT;
	if (!ok) {
		files_failed(e, "removed", path, errno);
	} else {
		unlink(leases); /* may never have been there */
		if (network_is_active(network))
			network_process_retire(name);
		events_post_name(EVENT_NETWORK_REMOVED, name);
		g_ptr_array_remove(networks, network);
	}
	g_free(leases);
	g_free(path);
	return ok;
}
