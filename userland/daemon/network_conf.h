/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Definitions of networks as text: networks/NAME.conf, a key-file of GLib's with a group
 * [network] and the keys name, uuid, subnet, domain; all but name may be left out. And
 * choosing a subnet for a new one.
 */
#ifndef BATON_DAEMON_NETWORK_CONF_H
#define BATON_DAEMON_NETWORK_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/errors.h"
#include "network.h"

#define NETWORK_NAME_MAX 32
#define NETWORK_FILE_MAX 65536u		/* bytes */

struct network_subnet {
	uint32_t address, mask;		/* host order; address has no bits outside mask */
};

/* Letters, digits and inner - _ . */
bool network_check_name(const char *name, struct btn_error *e);
/* "A.B.C.0/24", prefix 16 to 27: what baton-net takes. */
bool network_parse_subnet(const char *text, struct network_subnet *ret);
/* Labels of host names with dots between. */
bool network_is_domain(const char *text);
bool network_subnets_overlap(const struct network_subnet *a, const struct network_subnet *b);

/* With defaults and the UUID that belongs to the name. */
struct network *network_conf_new(const char *name);
void network_conf_free(struct network *network);
/* Of the file name.conf. NULL: *e says what cannot be used. */
struct network *network_conf_parse(const char *name, const char *text, size_t length,
				   struct btn_error *e);
char *network_conf_text(const struct network *network);	/* g_free() */

/*
 * The first private /24 outside taken[] and what the host has addresses in and routes to.
 * g_free(); NULL: there is none.
 */
char *network_choose_subnet(const struct network_subnet *taken, size_t count);

#endif
