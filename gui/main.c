// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton, the desktop app.
 */
#include <locale.h>

#include "app.h"
#include "text.h"

int main(int argc, char **argv)
{
	g_autoptr(BatonApp) app = NULL;

	setlocale(LC_ALL, "");
	bind_textdomain_codeset(TEXT_DOMAIN, "UTF-8");
	textdomain(TEXT_DOMAIN);
	g_set_prgname(BATON_APP_ID);
	g_set_application_name(_("Baton"));
	app = baton_app_new();
	return g_application_run(G_APPLICATION(app), argc, argv);
}
