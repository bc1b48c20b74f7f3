// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on networks, and forwards of VMs.
 */
#include <string.h>
#include <unistd.h>

#include "api/api_private.h"
#include "network.h"

/* ---- networks ---- */

struct list {
	struct json_out *out;
	const char *network;
};

static void put_member(struct vm *vm, void *ctx)
{
	struct list *list = ctx;

	for (unsigned int i = 0; i < vm->config->net_count; i++)
		if (!strcmp(vm->config->net[i].network, list->network)) {
			json_put_string(list->out, NULL, vm_name(vm));
			return;
		}
}

static void put_network(const struct network *network, void *ctx)
{
	struct list list = { .out = ctx, .network = network->name };

	json_put_open(ctx, NULL, '{');
	json_put_string(ctx, "name", network->name);
	json_put_string(ctx, "uuid", network->uuid);
	json_put_string(ctx, "subnet", network->subnet);
	json_put_bool(ctx, "active", network_is_active(network));
	json_put_open(ctx, "vms", '[');
	registry_each(put_member, &list);
	json_put_close(ctx, ']');
	json_put_close(ctx, '}');
}

bool api_do_net_list(struct rpc_request *r)
{
	json_put_open(r->out, "networks", '[');
	network_each(put_network, r->out);
	json_put_close(r->out, ']');
	return true;
}

bool api_do_net_create(struct rpc_request *r)
{
	return network_create(api_text(r, "network"), api_text(r, "subnet"), NULL, NULL,
			      r->e);
}

bool api_do_net_delete(struct rpc_request *r)
{
	return network_delete(api_text(r, "network"), r->e);
}

/* ---- requests that are handed on ---- */

struct handed {
	int client;
	const char *member;	/* the list that is copied; NULL: nothing is */
	/* Of a forward of a VM's run, which is remembered if it worked. */
	struct vm *vm;
	struct config_forward forward;
	bool add;
};

static void copy_value(struct json_out *out, const struct json_node *value)
{
	const struct json_node *child = NULL;
	char bracket = value->type == JSON_ARRAY ? '[' : '{';

	switch (value->type) {
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_put_open(out, value->name, bracket);
		while ((child = json_next(value, child)))
			copy_value(out, child);
		json_put_close(out, bracket == '[' ? ']' : '}');
		break;
	case JSON_STRING:
		json_put_string(out, value->name, value->string);
		break;
	case JSON_INT:
		json_put_int(out, value->name, value->integer);
		break;
	case JSON_BOOL:
		json_put_bool(out, value->name, value->boolean);
		break;
	default:
		json_put_string(out, value->name, NULL);
	}
}

static void send_list(int client, const char *member, const struct json_node *answer)
{
	const struct json_node *list = member ? json_member(answer, member) : NULL;
	size_t size = 1 << 20;
	char *text = g_malloc(size);
	struct json_out out;

	json_put_start(&out, text, size);
	json_put_open(&out, NULL, '{');
	json_put_bool(&out, "ok", true);
	if (list)
		copy_value(&out, list);
	json_put_close(&out, '}');
	api_send_later(client, &out);
	g_free(text);
}

static void on_net_answer(const struct json_node *answer, const struct btn_error *e, void *ctx)
{
	struct handed *handed = ctx;

	if (answer) {
		send_list(handed->client, handed->member, answer);
	} else {
		api_send_error(handed->client, e);
		api_resume(handed->client);
	}
	vm_unref(handed->vm);
	g_free(handed);
}

static struct handed *hand_on(struct rpc_request *r, const char *member)
{
	struct handed *handed = g_new0(struct handed, 1);

	*handed = (struct handed){ .client = r->client, .member = member };
	r->later = true;
	api_hold(r->client);
	return handed;
}

/* A network that nobody uses has neither leases in use nor forwards. */
static bool ask_network(struct rpc_request *r, const char *op, const char *member)
{
	const struct network *network = network_find(api_text(r, "network"), r->e);

	if (!network)
		return false;
	if (!network_is_active(network)) {
		json_put_open(r->out, member, '[');
		json_put_close(r->out, ']');
		return true;
	}
	network_ask(network, op, NULL, on_net_answer, hand_on(r, member));
	return true;
}

bool api_do_net_leases(struct rpc_request *r)
{
	return ask_network(r, "leases", "leases");
}

bool api_do_net_forwards(struct rpc_request *r)
{
	return ask_network(r, "forward-list", "forwards");
}

/* ---- forwards of a VM: of its run, of its definition, or both ---- */

static bool read_forward(const struct rpc_request *r, struct config_forward *f,
			 struct btn_error *e)
{
	const char *address = api_text(r, "host_address"), *proto = api_text(r, "proto");
	int64_t guest = api_number(r, "guest_port", 1);
	char *text = g_strdup_printf("%s:%d:%d/%s", address ? address : "127.0.0.1",
				     (int)api_number(r, "host_port", 0), (int)guest,
				     proto ? proto : "tcp");
	bool ok = config_parse_forward(text, f, e);

	g_free(text);
	return ok;
}

static bool same_listener(const struct config_forward *a, const struct config_forward *b)
{
	return a->host_port == b->host_port && a->udp == b->udp &&
	       !strcmp(a->host_address, b->host_address);
}

/* Of the first card: added, or with add false taken out. False: there are too many. */
static bool put_forward(struct config *config, const struct config_forward *f, bool add)
{
	struct config_net *net = &config->net[0];
	unsigned int kept = 0;

	for (unsigned int i = 0; i < net->forward_count; i++)
		if (!same_listener(&net->forward[i], f))
			net->forward[kept++] = net->forward[i];
	net->forward_count = kept;
	if (!add)
		return true;
	if (kept == CONFIG_FORWARDS_MAX)
		return false;
	net->forward[net->forward_count++] = *f;
	return true;
}

static bool keep_forward(struct vm *vm, const struct config_forward *f, bool add,
			 struct btn_error *e)
{
	struct config *config = config_copy(vm->config);

	if (put_forward(config, f, add))
		return vm_set_config(vm, config, e);
	btn_set(e, BTN_NET_FULL, "a VM has at most %d forwards", CONFIG_FORWARDS_MAX);
	config_free(config);
	return false;
}

static void on_monitor_answer(const struct json_node *answer, int fd, const struct btn_error *e,
			      void *ctx)
{
	struct handed *handed = ctx;

	if (fd >= 0)
		close(fd);
	if (answer && handed->vm->live && handed->vm->live->net_count)
		put_forward(handed->vm->live, &handed->forward, handed->add);
	on_net_answer(answer, e, ctx);
}

/* To the monitor of a VM that is on, which has the connection that holds its forwards. */
static bool ask_monitor(struct rpc_request *r, struct vm *vm, const char *op,
			const struct config_forward *f, bool add)
{
	struct handed *handed = hand_on(r, NULL);
	char *members = g_strdup_printf("\"host_port\":%u,\"proto\":\"%s\",\"host_address\":"
					"\"%s\"", f->host_port, f->udp ? "udp" : "tcp",
					f->host_address);
	char *all = add ? g_strdup_printf("%s,\"guest_port\":%u", members, f->guest_port) :
			  g_strdup(members);

	handed->vm = vm_ref(vm);
	handed->forward = *f;
	handed->add = add;
	monitor_ask(vm->monitor, op, all, on_monitor_answer, handed);
	g_free(members);
	g_free(all);
	return true;
}

static bool change_forward(struct rpc_request *r, const char *op, bool add)
{
	struct vm *vm = api_vm(r);
	struct config_forward f;
	bool keep = api_flag(r, "keep");

	if (!vm || !api_check_sound(vm, r->e) || !read_forward(r, &f, r->e))
		return false;
	if (!vm->config->net_count) {
		btn_set(r->e, BTN_NO_FORWARDS, "the VM \"%s\" has no network", vm_name(vm));
		return false;
	}
	if (!vm->monitor && !keep) {
		btn_set(r->e, BTN_VM_OFF, "the VM \"%s\" is not running", vm_name(vm));
		btn_set_fix(r->e, "Keep it in the definition: add --keep. Or start the VM first.");
		return false;
	}
	if (keep && !keep_forward(vm, &f, add, r->e))
		return false;
	return !vm->monitor || ask_monitor(r, vm, op, &f, add);
}

bool api_do_forward_add(struct rpc_request *r)
{
	return change_forward(r, "forward-add", true);
}

bool api_do_forward_remove(struct rpc_request *r)
{
	return change_forward(r, "forward-remove", false);
}
