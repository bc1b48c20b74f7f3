/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Help and manual page, from the table of verbs.
 */
#ifndef BATON_VMCTL_HELP_H
#define BATON_VMCTL_HELP_H

#include <stdio.h>

#include "verb.h"

void help_print_overview(FILE *to);
void help_print_verb(FILE *to, const struct verb *verb);
void help_print_manual(FILE *to); /* vmctl(1) in mdoc */

#endif
