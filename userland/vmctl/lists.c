// SPDX-License-Identifier: GPL-2.0-or-later
/* See lists.h. */
#include "lists.h"

#include <string.h>
#include <strings.h>

#include "node.h"
#include "report.h"

const struct named_list named_vms = {
	"VM", "vm-list", "vms", strcasecmp, BTN_VM_EXISTS, BTN_NO_SUCH_VM,
};
const struct named_list named_images = {
	"image", "image-list", "images", strcmp, BTN_IMAGE_EXISTS, BTN_NO_SUCH_IMAGE,
};
const struct named_list named_networks = {
	"network", "net-list", "networks", strcmp, BTN_NETWORK_EXISTS, BTN_NO_SUCH_NETWORK,
};

bool lists_check(struct daemon *d, const struct named_list *of, const char *name, bool there,
		 struct btn_error *e)
{
	const struct json_node *list, *child = NULL;
	struct reply reply;
	bool found = false;

	if (!daemon_get(d, of->op, &reply, e))
		return false;
	list = json_member(reply.node, of->list);
	while (!found && list && list->type == JSON_ARRAY && (child = json_next(list, child)))
		found = !of->compare(node_string(child, "name"), name);
	reply_free(&reply);
	if (found && !there)
		btn_set(e, of->exists, "there is a %s called \"%.128s\" already", of->noun, name);
	else if (!found && there)
		btn_set(e, of->missing, "there is no %s \"%.128s\"", of->noun, name);
	return found == there;
}

int lists_print(const struct args *args, const char *op, const char *list,
		const struct output_column *columns, const char *network,
		const char *when_empty, struct btn_error *e)
{
	struct daemon d;
	struct reply reply;
	struct output o;
	int status = BTN_EXIT_FAILED;

	if (!output_start(&o, args, columns, list, e) || !daemon_open(&d, e))
		return status;
	daemon_begin(&d, op);
	if (network)
		json_put_string(&d.out, "network", network);
	if (daemon_ask(&d, &reply, e)) {
		if (output_add_list(&o, reply.node, list, e)) {
			if (!o.row_count && o.format == FORMAT_TABLE && when_empty)
				report_note(args, "%s", when_empty);
			else
				output_end(&o);
			status = BTN_EXIT_DONE;
		}
		reply_free(&reply);
	}
	daemon_close(&d);
	return status;
}
