/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a test of the engines expects; tests go on, and the program ends with 1. */
#ifndef BATON_TESTS_HV_EXPECT_H
#define BATON_TESTS_HV_EXPECT_H

#include <stdio.h>

static int failures;

#define EXPECT(condition)							\
	do {									\
		if (!(condition)) {						\
			printf("  %s:%d: not so: %s\n", __func__, __LINE__,	\
			       #condition);					\
			failures++;						\
		}								\
	} while (0)

#endif
