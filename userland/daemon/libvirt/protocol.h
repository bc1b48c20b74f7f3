/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of libvirt's remote protocol that more than one file needs. */
#ifndef BATON_DAEMON_LIBVIRT_PROTOCOL_H
#define BATON_DAEMON_LIBVIRT_PROTOCOL_H

#include <stdint.h>

/* A message: its length with this word, five words of header, status, payload. */
#define LV_HEADER 28u
#define LV_MESSAGE_MAX 33554436u
#define LV_FDS_MAX 32u
#define LV_STREAM_DATA_MAX 262120u

enum lv_program { LV_REMOTE = 0x20008086, LV_QEMU = 0x20008087, LV_LXC = 0x68000,
		  LV_KEEPALIVE = 0x6b656570 };
#define LV_VERSION 1u
enum lv_type {
	LV_CALL, LV_REPLY, LV_MESSAGE, LV_STREAM, LV_CALL_FDS, LV_REPLY_FDS, LV_STREAM_HOLE,
};
enum lv_status { LV_OK, LV_ERROR, LV_CONTINUE };

enum { LV_PING = 1, LV_PONG = 2 };

struct lv_header {
	uint32_t length, program, version, procedure, type, serial, status;
};

enum lv_code {
	LV_ERR_INTERNAL = 1, LV_ERR_NO_SUPPORT = 3, LV_ERR_NO_CONNECT = 5,
	LV_ERR_INVALID_ARG = 8, LV_ERR_FAILED = 9, LV_ERR_XML = 27, LV_ERR_DENIED = 29,
	LV_ERR_SYSTEM = 38, LV_ERR_RPC = 39, LV_ERR_NO_DOMAIN = 42, LV_ERR_NO_NETWORK = 43,
	LV_ERR_NO_POOL = 49, LV_ERR_NO_VOL = 50, LV_ERR_NO_NODEDEV = 53,
	LV_ERR_INVALID_STATE = 55, LV_ERR_NO_INTERFACE = 57, LV_ERR_NO_NWFILTER = 62,
	LV_ERR_NO_SECRET = 66, LV_ERR_CONFIG = 67, LV_ERR_TIMEOUT = 68, LV_ERR_NO_SNAPSHOT = 72,
	LV_ERR_BAD_STREAM = 73, LV_ERR_ARGUMENT = 74, LV_ERR_ABORTED = 78,
	LV_ERR_NO_METADATA = 80, LV_ERR_UNSUPPORTED = 84, LV_ERR_BUSY = 87,
	LV_ERR_VOL_EXISTS = 90, LV_ERR_NO_BINDING = 101, LV_ERR_NO_CHECKPOINT = 103,
	LV_ERR_NO_PORT = 107,
};

/* Most items of a list that clients take. */
#define LV_LIST_MAX 16384u
#define LV_STATS_PARAMS_MAX 262144u

#endif
