// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a picture is drawn in an area. See place.h.
 */
#include "model/place.h"

void display_place(int w, int h, int pw, int ph, gboolean scale, double *ret_factor, int *ret_x,
		   int *ret_y)
{
	double factor = 1;

	if (pw > 0 && ph > 0 && (scale || pw > w || ph > h))
		factor = MIN((double)w / pw, (double)h / ph);
	*ret_factor = factor;
	*ret_x = (int)((w - pw * factor) / 2);
	*ret_y = (int)((h - ph * factor) / 2);
}
