// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages of libvirt's remote protocol: any bytes, one message after the other, as the
 * daemon takes them apart. What is read of a procedure's arguments can be written again
 * and is the same, but for words that say "present".
 */
#include "fuzz.h"

#include "daemon_xdr.h"
#include "libvirt/dispatch.h"

/* Texts end where they say, and are UTF-8. */
static void check_value(const struct xdr_value *v)
{
	uint32_t i;

	if (!v->present)
		return;
	if (v->kind == 's') {
		FUZZ_CHECK(strlen(v->s) == v->count);
		FUZZ_CHECK(g_utf8_validate(v->s, -1, NULL));
	}
	if (v->kind == '[' || v->kind == '{')
		for (i = 0; i < v->count; i++)
			check_value(&v->item[i]);
}

static void check_arguments(const char *signature, const uint8_t *data, size_t size)
{
	/* Of exactly this size, so that a sanitizer sees each byte too far. */
	uint8_t *copy = g_malloc(size ? size : 1);
	struct xdr_args args, again;
	GByteArray *written;
	bool taken;
	uint32_t i;

	if (size)
		memcpy(copy, data, size);
	taken = xdr_decode(signature, copy, size, &args);
	FUZZ_CHECK(taken == xdr_check(signature, data, size));
	if (taken) {
		FUZZ_CHECK(args.count == 0 || args.value);
		for (i = 0; i < args.count; i++)
			check_value(&args.value[i]);
		written = g_byte_array_new();
		xdr_write_values(written, signature, args.value, args.count);
		FUZZ_CHECK(written->len == size);
		FUZZ_CHECK(xdr_decode(signature, written->data, written->len, &again));
		xdr_args_free(&again);
		g_byte_array_unref(written);
		xdr_args_free(&args);
	}
	g_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size >= LV_HEADER) {
		const struct procedure *proc;
		struct lv_header header;

		if (!header_parse(data, &header) || header.length > size)
			break;
		proc = procedure_find(header.procedure);
		if (proc)
			check_arguments(proc->in, data + LV_HEADER, header.length - LV_HEADER);
		if (proc)
			check_arguments(proc->out, data + LV_HEADER, header.length - LV_HEADER);
		data += header.length;
		size -= header.length;
	}
	return 0;
}
