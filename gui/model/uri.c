// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt's URIs: what we have to know of them. Declared in connection.h.
 */
#include <string.h>

#include "model/connection.h"
#include "text.h"

const char *connection_uri_fault(const char *uri)
{
	g_autofree char *scheme = g_uri_parse_scheme(uri);

	if (!scheme || !strstr(uri, "://"))
		return _("An address looks like \"baton+ssh://user@host/session\" or "
			 "\"qemu:///session\".");
	if (strpbrk(uri, " \t\r\n\"'<>") ||
	    !g_uri_is_valid(uri, G_URI_FLAGS_NON_DNS | G_URI_FLAGS_PARSE_RELAXED, NULL))
		return _("This address contains characters that it cannot have.");
	if (strstr(scheme, "+ssh") && strstr(uri, ":///"))
		return _("With ssh, the name of the other computer goes behind \"://\".");
	return NULL;
}

gboolean connection_uri_is_remote(const char *uri)
{
	g_autofree char *scheme = g_uri_parse_scheme(uri);

	return scheme && (strstr(scheme, "+ssh") || strstr(scheme, "+ext") ||
			  strstr(scheme, "+tls") || strstr(scheme, "+tcp") ||
			  !strstr(uri, ":///"));
}

char *connection_uri_host(const char *uri, char **ret_user, int *ret_port)
{
	g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NON_DNS | G_URI_FLAGS_PARSE_RELAXED,
					     NULL);

	*ret_user = NULL;
	*ret_port = -1;
	if (!parsed || !g_uri_get_host(parsed) || !*g_uri_get_host(parsed))
		return NULL;
	*ret_user = g_strdup(g_uri_get_userinfo(parsed));
	*ret_port = g_uri_get_port(parsed);
	return g_strdup(g_uri_get_host(parsed));
}

char *baton_connection_title(BatonConnection *connection)
{
	const char *uri = baton_connection_uri(connection);
	g_autofree char *user = NULL;
	int port;
	g_autofree char *host = connection_uri_host(uri, &user, &port);

	if (baton_connection_api(connection))
		return g_strdup(_("This computer"));
	if (!host)
		return g_strdup(uri);
	return user ? g_strdup_printf("%s@%s", user, host) : g_strdup(host);
}
