/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An error that lasts, as an info bar: sentence, cause, fix; a button that does the fix, or
 * one that copies its command; Details with the code.
 *
 * Signal: "dismissed", when it is closed by hand.
 */
#ifndef BATON_GUI_BANNER_H
#define BATON_GUI_BANNER_H

#include <gtk/gtk.h>

#define BATON_TYPE_BANNER (baton_banner_get_type())
G_DECLARE_FINAL_TYPE(BatonBanner, baton_banner, BATON, BANNER, GtkInfoBar)

GtkWidget *baton_banner_new(void);
/*
 * error NULL: hides it. action (detailed name) and label: the button that does the fix;
 * NULL: none. closable: it can be closed by hand.
 */
void baton_banner_show(BatonBanner *banner, const GError *error, const char *action,
		       const char *label, gboolean closable);

#endif
