/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a picture of pw x ph is drawn in an area of w x h: the factor, and the corner. In
 * pixels of the device, so that a factor of 1 is sharp. Pure.
 */
#ifndef BATON_GUI_PLACE_H
#define BATON_GUI_PLACE_H

#include <glib.h>

/* scale: also make it larger; smaller it becomes where it has to. */
void display_place(int w, int h, int pw, int ph, gboolean scale, double *ret_factor, int *ret_x,
		   int *ret_y);

#endif
