/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints that are off. */
#ifndef KSHIM_TRACEPOINT_H
#define KSHIM_TRACEPOINT_H

#include "../kshim.h"

#define TP_PROTO(...) __VA_ARGS__
#define TRACE_EVENT(name, proto, ...) static inline void trace_##name(proto) { }

#endif
