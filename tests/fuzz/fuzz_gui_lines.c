// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the desktop app is told: a line of JSON as an answer, as a VM, as a job, as the
 * doctor's findings; behind a zero, what people type: a size, a URI, a name, a file.
 */
#include "fuzz.h"
#include "model/connection.h"
#include "model/daemon_start.h"
#include "model/error.h"
#include "model/facts.h"
#include "model/new_vm_plan.h"
#include "model/vm_ops.h"
#include "text.h"

static void check_vm(const struct json_node *node)
{
	BatonVm *vm = baton_vm_new(NULL, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	GPtrArray *facts;
	char *status;

	baton_vm_take_node(vm, node);
	baton_vm_take_job(vm, node);
	status = baton_vm_status(vm);
	facts = facts_of(vm);
	FUZZ_CHECK(status && facts->len);
	FUZZ_CHECK(vm->forwards);
	for (guint i = 0; i < facts->len; i++)
		FUZZ_CHECK(*((struct fact *)facts->pdata[i])->value);
	baton_vm_matches(vm, "web 1");
	g_free(vm_op_command(OP_START, vm, status));
	g_free(status);
	g_ptr_array_unref(facts);
	g_object_unref(vm);
}

static void check_line(const char *text, gsize length)
{
	AUTO_REPLY reply = reply_new(g_strndup(text, length), strnlen(text, length), -1);
	GError *doctor = doctor_judge(g_strndup(text, length));
	GError *error;
	char *report;

	if (doctor)
		g_error_free(doctor);
	if (!reply)
		return;
	error = baton_error_from_node(reply->node);
	report = baton_error_report(error);
	FUZZ_CHECK(*report);
	g_free(text_command_of_fix(baton_error_fix(error)));
	g_free(report);
	g_error_free(error);
	check_vm(reply->node);
}

/* A word for the shell is one word again, and the same. */
static void check_shell(const char *text)
{
	char *word = text_shell_word(text);
	int count = 0;
	char **words = NULL;

	FUZZ_CHECK(g_shell_parse_argv(word, &count, &words, NULL));
	FUZZ_CHECK(count == 1 && !strcmp(words[0], text));
	g_strfreev(words);
	g_free(word);
}

static void check_typed(const char *text)
{
	uint64_t bytes = 0;
	char *user, *host, *name, *fault;
	int port;

	if (text_parse_size(text, &bytes))
		g_free(text_size(bytes));
	if (!g_utf8_validate(text, -1, NULL))
		return;
	if (!connection_uri_fault(text)) {
		host = connection_uri_host(text, &user, &port);
		connection_uri_is_remote(text);
		g_free(host);
		g_free(user);
	}
	name = plan_image_name(text);
	fault = *name ? plan_name_fault(name) : NULL;
	FUZZ_CHECK(!fault);
	g_free(name);
	check_shell(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = memchr(data, 0, size);
	size_t length = zero ? (size_t)(zero - data) : size;
	char *typed = zero ? g_strndup((const char *)zero + 1, size - length - 1) : NULL;

	check_line((const char *)data, length);
	if (typed)
		check_typed(typed);
	g_free(typed);
	return 0;
}
