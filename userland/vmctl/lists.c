// SPDX-License-Identifier: GPL-2.0-or-later
/* See lists.h. */
#include "lists.h"

#include "batond.h"
#include "report.h"

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
