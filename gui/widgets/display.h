/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen of a local VM: draws the shared picture, takes keys and pointer. It has the
 * keyboard while it has the focus and was not told to give it up (Left Ctrl+Left Alt).
 *
 * Signal: "grab-changed".
 */
#ifndef BATON_GUI_DISPLAY_H
#define BATON_GUI_DISPLAY_H

#include <gtk/gtk.h>

#include "model/screen.h"

#define BATON_TYPE_DISPLAY (baton_display_get_type())
G_DECLARE_FINAL_TYPE(BatonDisplay, baton_display, BATON, DISPLAY, GtkDrawingArea)

GtkWidget *baton_display_new(void);
/* NULL: none; it is dark. */
void baton_display_set_screen(BatonDisplay *display, BatonScreen *screen);
void baton_display_set_scale(BatonDisplay *display, gboolean scale);
gboolean baton_display_has_keyboard(BatonDisplay *display);
/* Lets all keys go that the guest still has. */
void baton_display_release(BatonDisplay *display);
/* Left Ctrl and Left Alt that are down were for something else: they give nothing back. */
void baton_display_used_otherwise(BatonDisplay *display);
/* What is shown, as it is; NULL: nothing. */
GdkPixbuf *baton_display_picture(BatonDisplay *display);

#endif
