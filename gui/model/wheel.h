/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clicks of a wheel, which a guest has, of the way of a touchpad, which has none. Pure.
 */
#ifndef BATON_GUI_WHEEL_H
#define BATON_GUI_WHEEL_H

/*
 * Add a piece of the way, 1 for a click, downwards. What is less than a click stays in
 * `rest` for the next piece in that direction. Returns clicks, negative upwards.
 */
int wheel_clicks(double *rest, double delta);

#endif
