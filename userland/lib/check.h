/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of what people ask for, before anything is started. Each returns true,
 * or false with *e filled.
 */
#ifndef BATON_LIB_CHECK_H
#define BATON_LIB_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"

/* The smallest memory a VM may have: less does not hold a kernel and its tables. */
#define CHECK_MEMORY_MIN (16ull << 20)

/* `what` names the file's part: "kernel", "initrd". */
bool check_file(const char *what, const char *path, struct btn_error *e);
/* A raw disk: a regular file or block device, writable unless readonly. */
bool check_disk(const char *path, bool readonly, struct btn_error *e);
/* --cdrom for board micro. */
void btn_set_no_cdrom(struct btn_error *e);
/* An image of a CD or DVD: a regular file of a possible size, or a block device. */
bool check_cdrom(const char *path, struct btn_error *e);
/* The same of its size in bytes. */
bool check_cdrom_size(const char *path, uint64_t size, struct btn_error *e);
/* Memory of one VM: "512M" to bytes, not under the minimum, not above the host's. */
bool check_memory(const char *text, uint64_t *ret_bytes, struct btn_error *e);
/* "MIN..MAX", each as above and MIN at most MAX; or "MAX", with MIN the same. */
bool check_memory_range(const char *text, uint64_t *ret_min, uint64_t *ret_max,
			struct btn_error *e);
/* 1 .. max */
bool check_cpus(const char *text, unsigned int max, unsigned int *ret_cpus, struct btn_error *e);
/* `kind` of thing: "board", "engine"; wrong words get a "did you mean". */
bool check_word(const char *kind, enum btn_code code, const char *word,
		const char *const *words, size_t count, struct btn_error *e);

#define CHECK_VNC_PASSWORD_MAX 8u	/* RFC 6143, 7.2.2: more would not count */
/*
 * Value of --display: "none" gives NULL, "vnc:unix:PATH" or "vnc:127.0.0.1:PORT" what is
 * behind "vnc:".
 */
bool check_display(const char *text, const char **ret_vnc, struct btn_error *e);
/* Value of --gdb: PORT or unix:PATH, then perhaps ",wait". */
bool check_gdb(const char *text, struct btn_error *e);
/* A TCP port can be reached by all users of the host, so it needs a password. */
bool check_vnc_password(const char *vnc, const char *file, struct btn_error *e);
/* The first line of the file: 1 to 8 bytes. */
bool check_read_password(const char *path, char password[CHECK_VNC_PASSWORD_MAX + 1],
			 struct btn_error *e);

#define CHECK_NAME_MAX 64u	/* bytes */
/* What a VM is called: 1 to CHECK_NAME_MAX bytes of UTF-8 without control characters. */
bool check_name(const char *option, const char *text, struct btn_error *e);
/* 8-4-4-4-12 hexadecimal digits; *ret_bytes in the order of the text. */
bool check_uuid(const char *option, const char *text, uint8_t ret_bytes[16],
		struct btn_error *e);

/* The host's memory in bytes; 0 if not known. */
uint64_t host_memory(void);

#endif
