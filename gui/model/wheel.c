// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clicks of a wheel. See wheel.h.
 */
#include <math.h>

#include "model/wheel.h"

#define CLICKS_MAX 20	/* at once: a device that says more than that is wrong */

int wheel_clicks(double *rest, double delta)
{
	double clicks;

	if (!isfinite(delta))
		return 0;
	if (*rest * delta < 0)
		*rest = 0;
	*rest = modf(*rest + delta, &clicks);
	return (int)fmin(fmax(clicks, -CLICKS_MAX), CLICKS_MAX);
}
