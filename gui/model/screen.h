/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A local VM's screen: the monitor's own picture, mapped, and its keyboard and pointer.
 * Nothing is copied, and nothing is asked for while nobody looks (screen_watch()).
 *
 * Signals: "resized"; "damaged" (x, y, width, height: guint); "lost" (const GError *).
 */
#ifndef BATON_GUI_SCREEN_H
#define BATON_GUI_SCREEN_H

#include "model/vm.h"

#define BATON_TYPE_SCREEN (baton_screen_get_type())
G_DECLARE_FINAL_TYPE(BatonScreen, baton_screen, BATON, SCREEN, GObject)

struct screen_picture {
	guint width, height, stride;	/* pixels, pixels, bytes */
	const guchar *pixels;		/* xrgb8888; NULL: none yet */
};

/* Of a VM of the user's own Baton; connects at once. */
BatonScreen *baton_screen_new(BatonVm *vm);
/* Ends it: no signal comes any more. To be called before the last reference goes. */
void baton_screen_close(BatonScreen *screen);
const struct screen_picture *baton_screen_picture(BatonScreen *screen);
/* Whether somebody looks: else no damage is asked for. */
void baton_screen_watch(BatonScreen *screen, gboolean watch);
/* linux_code as in linux/input-event-codes.h. */
void baton_screen_key(BatonScreen *screen, guint linux_code, gboolean down);
void baton_screen_send_keys(BatonScreen *screen, const char *keys);
/* buttons: 1 left, 2 middle, 4 right, 8 and 16 the wheel. */
void baton_screen_pointer(BatonScreen *screen, guint x, guint y, guint buttons);

/* Tells apart what a monitor may say from what it may not; pure. */
gboolean screen_size_is_sane(gint64 width, gint64 height, gint64 stride, gint64 bytes);

#endif
