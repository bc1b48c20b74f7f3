// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The app's models that need no socket: words, sizes, URIs, plans, VMs, errors.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "model/connections.h"
#include "model/daemon_start.h"
#include "model/error.h"
#include "model/facts.h"
#include "model/host_offer.h"
#include "lib/key_names.h"
#include "model/keys.h"
#include "model/new_vm_plan.h"
#include "model/place.h"
#include "model/remote_screen.h"
#include "model/screen.h"
#include "model/vm_ops.h"
#include "model/wheel.h"
#include "monitor/display/keymap.h"
#include "text.h"

/* Frees what it compares. */
static void is(char *got, const char *wanted)
{
	if (wanted)
		assert_non_null(got);
	if (wanted)
		assert_string_equal(got, wanted);
	else
		assert_null(got);
	g_free(got);
}

/* ---- text ---- */

static void test_sizes(void **state)
{
	uint64_t bytes;
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "2G", 2ull << 30 }, { "2 GiB", 2ull << 30 }, { "512", 512ull << 20 },
		{ "1,5 GiB", 3ull << 29 }, { " 768M ", 768ull << 20 }, { "1tib", 1ull << 40 },
	};
	static const char *const bad[] = { "", "GiB", "-1 GiB", "2 GB!", "1e300 TiB", "x", "0x10" };

	(void)state;
	is(text_size(512ull << 20), "512 MiB");
	is(text_size(3ull << 29), "1.5 GiB");
	is(text_size(0), "0 bytes");
	is(text_size_option(3ull << 29), "1536M");
	is(text_size_option(1), "1");
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		assert_true(text_parse_size(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(text_parse_size(bad[i], &bytes));
	assert_true(text_parse_size("1.1 GiB", &bytes));
	assert_int_equal(text_whole_size(bytes), 1126ull << 20);
	assert_true(text_parse_size("10.1 GiB", &bytes));
	is(text_size_option(text_whole_size(bytes)), "10342M");
	assert_int_equal(text_whole_size(2ull << 30), 2ull << 30);
}

static void test_shell_words(void **state)
{
	(void)state;
	is(text_shell_word("web-1"), "web-1");
	is(text_shell_word("a b"), "'a b'");
	is(text_shell_word("; rm -rf /"), "'; rm -rf /'");
	is(text_shell_word(""), "''");
	is(text_shell_word("~x"), "'~x'");
	is(text_command_of_fix("Run \"vmctl doctor\" now."), "vmctl doctor");
	is(text_command_of_fix("Nothing to run."), NULL);
	is(text_command_of_fix("An open \"quote"), NULL);
	is(text_command_of_fix("Run: “usermod -aG kvm \"$USER\"  # log in again”"),
	   "usermod -aG kvm \"$USER\"  # log in again");
	is(text_command_of_fix("An open “quote"), NULL);
	is(text_command_of_fix("“”"), NULL);
}

/* ---- errors ---- */

static struct reply *parse(const char *text)
{
	struct reply *reply = reply_new(g_strdup(text), strlen(text), -1);

	assert_non_null(reply);
	return reply;
}

static void test_errors(void **state)
{
	AUTO_REPLY reply = parse("{\"code\":\"BTN-6101\",\"message\":\"no VM\",\"cause\":\"C\","
				 "\"fix\":\"F\"}");
	g_autoptr(GError) error = baton_error_from_node(reply->node);
	g_autoptr(GError) copy = g_error_copy(error);
	GError *foreign = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "Permission denied");
	g_autoptr(GError) explained = baton_error_explain(foreign, "It did not start", "Fix it");

	(void)state;
	assert_true(g_error_matches(error, BATON_ERROR, BTN_NO_SUCH_VM));
	assert_string_equal(baton_error_cause(copy), "C");
	is(baton_error_report(copy), "no VM (BTN-6101)\ncause: C\nfix: F\n");
	assert_string_equal(explained->message, "It did not start");
	assert_string_equal(baton_error_cause(explained), "Permission denied");
	assert_string_equal(baton_error_fix(explained), "Fix it");
}

/* Bytes of another computer's: labels and GLib's functions for UTF-8 get none that is bad. */
static void test_errors_of_bad_bytes(void **state)
{
	GError *foreign = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "no \xf0");
	g_autoptr(GError) explained = baton_error_explain(foreign, "\xf0", NULL);
	g_autofree char *report = baton_error_report(explained);

	(void)state;
	assert_true(g_utf8_validate(report, -1, NULL));
	assert_true(g_str_has_prefix(baton_error_cause(explained), "no "));
}

static void test_lines_that_are_no_objects(void **state)
{
	static const char *const bad[] = { "", "[]", "{", "{\"a\":}", "1", "{\"a\":1}x", "\xff" };

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_null(reply_new(g_strdup(bad[i]), strlen(bad[i]), -1));
	is(request_text("x", "name", "a\"b", "other", NULL, NULL),
	   "{\"op\":\"x\",\"name\":\"a\\\"b\"}\n");
}

static void test_doctor(void **state)
{
	g_autoptr(GError) bad = doctor_judge(g_strdup(
		"{\"usable\":false,\"checks\":[{\"severity\":\"ok\",\"text\":\"fine\"},"
		"{\"severity\":\"problem\",\"code\":\"BTN-3002\",\"text\":\"no module\","
		"\"fix\":\"modprobe baton\"}]}"));
	g_autoptr(GError) quoted = doctor_judge(g_strdup(
		"{\"usable\":false,\"checks\":[{\"severity\":\"problem\",\"code\":\"BTN-3007\","
		"\"text\":\"t\",\"fix\":\"sudo setfacl -m \\\"u:$USER:rw\\\" /dev/kvm\"}]}"));

	(void)state;
	assert_non_null(bad);
	assert_int_equal(bad->code, BTN_NO_MODULE);
	assert_string_equal(baton_error_cause(bad), "no module");
	is(text_command_of_fix(baton_error_fix(bad)), "modprobe baton");
	assert_non_null(quoted);
	is(text_command_of_fix(baton_error_fix(quoted)),
	   "sudo setfacl -m \"u:$USER:rw\" /dev/kvm");
	assert_null(doctor_judge(g_strdup("{\"usable\":true,\"checks\":[]}")));
	assert_null(doctor_judge(g_strdup("nonsense")));
}

/* ---- URIs and connections ---- */

static void test_uris(void **state)
{
	char *user;
	int port;

	(void)state;
	assert_null(connection_uri_fault("baton:///session"));
	assert_null(connection_uri_fault("qemu:///session"));
	assert_null(connection_uri_fault("baton+ssh://ada@host:2222/session"));
	assert_non_null(connection_uri_fault("nonsense"));
	assert_non_null(connection_uri_fault(""));
	assert_non_null(connection_uri_fault("qemu+ssh:///session"));
	assert_non_null(connection_uri_fault("qemu:///a b"));
	assert_true(connection_uri_is_remote("qemu+ssh://h/session"));
	assert_true(connection_uri_is_remote("qemu://h/system"));
	assert_false(connection_uri_is_remote("baton:///session"));
	is(connection_uri_host("baton+ssh://ada@host:2222/session", &user, &port), "host");
	is(user, "ada");
	assert_int_equal(port, 2222);
	is(connection_uri_host("baton:///session", &user, &port), NULL);
	assert_null(user);
}

/* The other side's words become part of a command of a shell there. */
static void test_commands_for_a_far_screen(void **state)
{
	static const char *const bad[] = { "x;reboot", "$(reboot)", "-e/bin/sh", "a b", "a\nb",
					   "`x`", "a&b", "\xc3\xa4" };

	(void)state;
	is(remote_screen_command(NULL, "localhost", 5901), "nc 127.0.0.1 5901");
	is(remote_screen_command(NULL, NULL, 5901), "nc 127.0.0.1 5901");
	is(remote_screen_command(NULL, "10.0.0.7", 5901), "nc 10.0.0.7 5901");
	is(remote_screen_command(NULL, "fe80::1%eth0", 5901), "nc fe80::1%eth0 5901");
	is(remote_screen_command("/run/a b", NULL, 0), "nc -U '/run/a b'");
	is(remote_screen_command("-x", NULL, 0), NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		is(remote_screen_command(NULL, bad[i], 5901), NULL);
}

static void test_connections_are_kept(void **state)
{
	g_autofree char *folder = g_dir_make_tmp("baton-test-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "connections.conf", NULL);
	BatonConnections *connections = baton_connections_new(path, NULL);
	BatonConnection *one;
	g_autofree char *text = NULL;

	(void)state;
	g_file_set_contents(path, "[connection 1]\nuri=nonsense\n[other]\nuri=qemu:///x\n"
			    "[connection 2]\nuri=test:///default\n[connection 3]\n", -1, NULL);
	g_object_unref(connections);
	connections = baton_connections_new(path, NULL);
	assert_int_equal(g_list_model_get_n_items(baton_connections_list(connections)), 1);
	one = g_list_model_get_item(baton_connections_list(connections), 0);
	assert_string_equal(baton_connection_uri(one), "test:///default");
	baton_connections_remove(connections, one);
	g_object_unref(one);
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	assert_null(strstr(text, "test:///default"));
	g_object_unref(connections);
	unlink(path);
	rmdir(folder);
}

static void test_damaged_connections_are_kept_aside(void **state)
{
	g_autofree char *folder = g_dir_make_tmp("baton-test-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "connections.conf", NULL);
	g_autofree char *aside = g_strconcat(path, ".damaged", NULL);
	g_autofree char *text = NULL;

	(void)state;
	g_file_set_contents(path, "[connection 1]\nuri=qemu:///system\nnonsense\n", -1, NULL);
	g_object_unref(baton_connections_new(path, NULL));
	assert_true(g_file_get_contents(aside, &text, NULL, NULL));
	assert_non_null(strstr(text, "qemu:///system"));
	unlink(aside);
	unlink(path);
	rmdir(folder);
}

/* ---- VMs ---- */

static BatonVm *vm_of(const char *more)
{
	BatonVm *vm = baton_vm_new(NULL, "6BA7B810-9dad-11d1-80b4-00c04fd430c8");
	g_autofree char *text = g_strdup_printf("{\"name\":\"web-1\",\"uuid\":\"x\",\"cpus\":2,"
		"\"memory\":1073741824,\"user\":\"ada\",%s}", more);
	AUTO_REPLY reply = parse(text);

	baton_vm_take_node(vm, reply->node);
	return vm;
}

static void test_vm_of_the_api(void **state)
{
	g_autoptr(BatonVm) vm = vm_of("\"state\":\"running\",\"networks\":[{\"network\":\"a\","
		"\"address\":null},{\"network\":\"b\",\"address\":\"10.0.2.15\"}],"
		"\"forwards\":[\"127.0.0.1:2222:22\",7]");

	(void)state;
	assert_string_equal(vm->uuid, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	assert_int_equal(vm->state, VM_RUNNING);
	assert_string_equal(vm->address, "10.0.2.15");
	assert_string_equal(vm->networks, "a, b");
	assert_int_equal(g_strv_length(vm->forwards), 1);
	is(facts_ssh_command(vm), "ssh -p 2222 ada@127.0.0.1");
	g_free(vm->forwards[0]);
	vm->forwards[0] = g_strdup("2201:22");
	is(facts_ssh_command(vm), "ssh -p 2201 ada@127.0.0.1");
	g_free(vm->forwards[0]);
	vm->forwards[0] = g_strdup("2201:22/udp");
	is(facts_ssh_command(vm), NULL);
	is(vm_op_command(OP_SHUT_DOWN, vm, NULL), "vmctl stop web-1");
	is(vm_op_command(OP_RENAME, vm, "a b"), "vmctl rename web-1 'a b'");
	assert_true(baton_vm_matches(vm, "web 10.0"));
	assert_true(baton_vm_matches(vm, "running"));
	assert_false(baton_vm_matches(vm, "web nonsense"));
}

/* What stays true for as long as it is shown. */
static void test_since_when(void **state)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GTimeZone) east = g_time_zone_new_offset(2 * 3600);
	g_autoptr(GDateTime) since = g_date_time_new(utc, 2026, 3, 1, 22, 5, 9);
	g_autoptr(GDateTime) now = g_date_time_new(utc, 2026, 3, 1, 23, 0, 0);
	g_autoptr(GDateTime) next = g_date_time_new(utc, 2026, 3, 2, 0, 1, 0);
	g_autoptr(GDateTime) there = g_date_time_to_timezone(now, east);
	g_autoptr(GDateTime) year = g_date_time_add_years(now, 1);
	g_autoptr(BatonVm) vm = vm_of("\"state\":\"running\",\"since\":"
				      "\"2026-03-01T12:00:00Z\"");
	g_autoptr(GPtrArray) facts = facts_of(vm);
	const struct fact *first = facts->pdata[0];

	(void)state;
	is(facts_since(since, now), "22:05");
	is(facts_since(since, next), "2026-03-01 22:05");
	is(facts_since(since, there), "00:05");
	is(facts_since(since, year), "2026-03-01 22:05");
	assert_true(g_str_has_prefix(first->value, "Running since "));
}

static void test_vm_that_failed(void **state)
{
	g_autoptr(BatonVm) vm = vm_of("\"state\":\"stopped\",\"reason\":\"failed\",\"problem\":"
		"{\"code\":\"BTN-2002\",\"message\":\"M\",\"cause\":\"C\",\"fix\":\"F\"}");

	(void)state;
	assert_int_equal(baton_vm_shown_state(vm), VM_FAILED);
	is(baton_vm_status(vm), "Failed");
	assert_non_null(vm->problem);
	baton_vm_set_pending(vm, "Starting…");
	is(baton_vm_status(vm), "Starting…");
	assert_null(facts_ssh_command(vm));
}

static void test_vm_with_nonsense(void **state)
{
	g_autoptr(BatonVm) vm = vm_of("\"state\":7,\"networks\":\"x\",\"forwards\":{},"
		"\"problem\":[],\"job\":\"x\"");
	g_autoptr(GPtrArray) facts = facts_of(vm);

	(void)state;
	assert_int_equal(vm->state, VM_UNKNOWN);
	assert_null(vm->problem);
	assert_true(facts->len >= 2);
}

static void test_job_shows_and_goes(void **state)
{
	g_autoptr(BatonVm) vm = vm_of("\"state\":\"stopped\"");
	AUTO_REPLY running = parse("{\"id\":3,\"state\":\"running\",\"percent\":40,"
				   "\"step\":\"Copying\"}");
	AUTO_REPLY done = parse("{\"id\":3,\"state\":\"done\"}");

	(void)state;
	baton_vm_take_job(vm, running->node);
	is(baton_vm_status(vm), "Copying (40%)");
	assert_false(vm_op_allowed(OP_START, vm));
	baton_vm_take_job(vm, done->node);
	is(baton_vm_status(vm), "Off");
}

/* What hangs can be cut off, once. */
static void test_power_off_at_any_time(void **state)
{
	static const char *const on[] = { "starting", "running", "paused", "stopping" };
	BatonConnection *connection = baton_connection_new("test:///default", NULL);

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(on); i++) {
		g_autofree char *json = g_strdup_printf("\"state\":\"%s\",\"job\":3", on[i]);
		g_autoptr(BatonVm) vm = vm_of(json);

		vm->connection = connection;
		assert_true(vm_op_allowed(OP_POWER_OFF, vm));
		assert_false(vm_op_allowed(OP_PAUSE, vm));
		baton_vm_set_pending(vm, "Shutting down…");
		assert_true(vm_op_allowed(OP_POWER_OFF, vm));
		baton_vm_set_pending(vm, "Powering off…");
		assert_false(vm_op_allowed(OP_POWER_OFF, vm));
	}
	g_object_unref(connection);
}

static void test_names_in_order(void **state)
{
	g_autoptr(BatonVm) a = vm_of("\"state\":\"stopped\"");
	g_autoptr(BatonVm) b = vm_of("\"state\":\"stopped\"");

	(void)state;
	g_free(a->name);
	g_free(b->name);
	a->name = g_strdup("web-9");
	b->name = g_strdup("web-10");
	assert_true(baton_vm_compare_names(a, b) < 0);
}

/* ---- plans ---- */

static gboolean taken(const char *name, gpointer data)
{
	return !strcmp(name, data);
}

static gboolean port_taken(guint port, gpointer data)
{
	return port < GPOINTER_TO_UINT(data);
}

static struct plan *some_plan(enum plan_source source)
{
	struct plan *plan = plan_new();

	plan->source = source;
	plan->name = g_strdup("web-1");
	plan->image = g_strdup("debian-12");
	plan->file = g_strdup("/srv/a file.vmdk");
	plan->user = g_strdup("ada");
	plan->ssh_key = g_strdup("ssh-ed25519 AAAA ada@laptop");
	plan->ssh_key_file = g_strdup("/home/ada/.ssh/id.pub");
	plan->memory = 1ull << 30;
	plan->disk_size = 10ull << 30;
	plan->network = g_strdup("default");
	plan->ssh_port = 2222;
	return plan;
}

static void test_plan_of_an_image(void **state)
{
	struct plan *plan = some_plan(PLAN_IMAGE);

	(void)state;
	is(plan_commands(plan), "vmctl launch debian-12 web-1 --user ada --ssh-key "
	   "/home/ada/.ssh/id.pub --cpus 1 --memory 1G --disk-size 10G --net default "
	   "--port 2222:22");
	is(plan_request(plan), "{\"op\":\"vm-create\",\"name\":\"web-1\",\"image\":\"debian-12\","
	   "\"user\":\"ada\",\"ssh_keys\":[\"ssh-ed25519 AAAA ada@laptop\"],"
	   "\"disk_size\":10737418240,\"settings\":[\"cpus=1\",\"memory=1G\","
	   "\"net.0.network=default\",\"net.0.forward=2222:22\"],\"start\":true}\n");
	g_free(plan->image);
	plan->image = g_strdup("a; b");
	plan->ssh_port = 0;
	is(plan_commands(plan), "vmctl launch 'a; b' web-1 --user ada --ssh-key "
	   "/home/ada/.ssh/id.pub --cpus 1 --memory 1G --disk-size 10G --net default");
	plan_free(plan);
	plan = some_plan(PLAN_IMAGE);
	plan->start = FALSE;
	is(plan_commands(plan), "vmctl create web-1 --image debian-12 --user ada --ssh-key "
	   "/home/ada/.ssh/id.pub --cpus 1 --memory 1G --disk-size 10G --net default "
	   "--port 2222:22");
	plan_free(plan);
}

static void test_plans_of_files(void **state)
{
	struct plan *file = some_plan(PLAN_IMAGE_FILE), *iso = some_plan(PLAN_ISO),
		    *disk = some_plan(PLAN_DISK);

	(void)state;
	is(plan_commands(file), "vmctl image import a-file '/srv/a file.vmdk'\n"
	   "vmctl launch a-file web-1 --user ada --ssh-key /home/ada/.ssh/id.pub --cpus 1 "
	   "--memory 1G --disk-size 10G --net default --port 2222:22");
	is(plan_commands(iso), "vmctl create web-1 --cpus 1 --memory 1G --disk-size 10G "
	   "--net default --set 'cdrom.0.file=/srv/a file.vmdk'\nvmctl start web-1");
	is(plan_commands(disk), "vmctl create web-1 --cpus 1 --memory 1G --net default "
	   "--set 'disk.0.file=/srv/a file.vmdk'\nvmctl start web-1");
	is(plan_source_fault(file), "There is no such file.");
	plan_free(file);
	plan_free(iso);
	plan_free(disk);
}

static void test_plan_names(void **state)
{
	g_autofree char *fault = NULL;
	static const char *const bad[] = { "", "-a", "a-", "a b", "ä", "a.b", "a/b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	static const char *const bad_users[] = { "Ada", "1a", "a b", "a:b", "root;" };

	(void)state;
	is(plan_name_fault("web-1"), NULL);
	is(plan_user_fault("ada"), NULL);
	is(plan_user_fault(NULL), NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		fault = plan_name_fault(bad[i]);
		assert_non_null(fault);
		g_clear_pointer(&fault, g_free);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad_users); i++) {
		fault = plan_user_fault(bad_users[i]);
		assert_non_null(fault);
		g_clear_pointer(&fault, g_free);
	}
	is(plan_image_name("/x/Debian_12 (cloud).qcow2"), "debian-12-cloud");
	is(plan_image_name("/x/Система.qcow2"), "image");
	is(plan_suggest_name("debian", taken, "debian1"), "debian2");
	is(plan_suggest_name("debian-12", taken, "x"), "debian-12-1");
	is(plan_suggest_name("///", taken, "x"), "vm1");
	assert_in_range(plan_free_port(port_taken, GUINT_TO_POINTER(2300)), 2300, 3222);
	assert_int_equal(plan_free_port(port_taken, GUINT_TO_POINTER(60000)), 0);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void test_ssh_keys(void **state)
{
	g_autofree char *folder = g_dir_make_tmp("baton-test-XXXXXX", NULL);
	static const char *const names[] = { "a.pub", "b.pub", "c.pub", "id", "d.pub",
					     "e-cert.pub", "f.pub" };
	GPtrArray *keys;
	const struct offered_key *key;

	(void)state;
	write_file(folder, "a.pub", "ssh-ed25519 AAAA ada@laptop\n");
	write_file(folder, "b.pub", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	write_file(folder, "c.pub", "");
	write_file(folder, "d.pub", "ssh-rsa BBBB\r\nsecond line\n");
	write_file(folder, "id", "ssh-ed25519 not a public key's name\n");
	/* What the daemon does not take. */
	write_file(folder, "e-cert.pub", "ssh-ed25519-cert-v01@openssh.com AAAA ada@laptop\n");
	write_file(folder, "f.pub", "ssh-dss AAAA ada@laptop\n");
	keys = host_offer_keys(folder);
	assert_int_equal(keys->len, 2);
	key = keys->pdata[0];
	assert_string_equal(key->label, "a.pub (ada@laptop)");
	assert_string_equal(key->line, "ssh-ed25519 AAAA ada@laptop");
	key = keys->pdata[1];
	assert_string_equal(key->line, "ssh-rsa BBBB");
	g_ptr_array_unref(keys);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(folder, names[i], NULL);

		unlink(path);
	}
	rmdir(folder);
}

/* ---- the screen ---- */

static void test_place(void **state)
{
	double factor;
	int x, y;

	(void)state;
	display_place(1000, 500, 640, 400, FALSE, &factor, &x, &y);
	assert_true(factor == 1 && x == 180 && y == 50);
	display_place(1280, 1000, 640, 400, TRUE, &factor, &x, &y);
	assert_true(factor == 2 && x == 0 && y == 100);
	display_place(320, 400, 640, 400, FALSE, &factor, &x, &y);
	assert_true(factor == 0.5 && x == 0 && y == 100);
	display_place(100, 100, 0, 0, TRUE, &factor, &x, &y);
	assert_true(factor == 1);
}

static void test_wheel(void **state)
{
	double rest = 0;
	int clicks = 0;

	(void)state;
	assert_int_equal(wheel_clicks(&rest, 1), 1);
	assert_int_equal(wheel_clicks(&rest, -1), -1);
	assert_true(rest == 0);
	for (int i = 0; i < 8; i++)
		clicks += wheel_clicks(&rest, 0.25);
	assert_int_equal(clicks, 2);
	assert_int_equal(wheel_clicks(&rest, 2.5), 2);
	/* What was left the other way is not made good. */
	assert_int_equal(wheel_clicks(&rest, -0.75), 0);
	assert_int_equal(wheel_clicks(&rest, -0.25), -1);
	assert_int_equal(wheel_clicks(&rest, 1e300), 20);
	assert_int_equal(wheel_clicks(&rest, (double)INFINITY), 0);
}

static void test_sane_sizes(void **state)
{
	(void)state;
	assert_true(screen_size_is_sane(640, 400, 2560, 1024000));
	assert_false(screen_size_is_sane(640, 400, 2560, 1023999));
	assert_false(screen_size_is_sane(0, 400, 2560, 1024000));
	assert_false(screen_size_is_sane(640, -1, 2560, 1024000));
	assert_false(screen_size_is_sane(640, 400, 2556, 1024000));
	assert_false(screen_size_is_sane(640, 400, 2561, 1 << 30));
	assert_false(screen_size_is_sane(1 << 20, 1 << 20, 1ll << 22, INT64_MAX));
}

static void test_keys(void **state)
{
	gsize count;
	const struct key_combination *keys = keys_combinations(&count);

	(void)state;
	assert_string_equal(key_name(30), "a");
	assert_string_equal(key_name(29), "ctrl");
	assert_null(key_name(0));
	/* A monitor understands each name, and means the same key. */
	for (guint code = 0; code < 256; code++) {
		struct key_chord chord;

		if (!key_name(code))
			continue;
		assert_int_equal(keymap_parse(key_name(code), &chord), 0);
		assert_int_equal(chord.count, 1);
		assert_int_equal(chord.key[0], code);
	}
	assert_null(key_name(100000));
	assert_string_equal(keys[0].keys, "ctrl-alt-delete");
	for (gsize i = 0; i < count; i++) {
		struct key_chord chord;

		assert_int_equal(keymap_parse(keys[i].keys, &chord), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_shell_words),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_errors_of_bad_bytes),
		cmocka_unit_test(test_lines_that_are_no_objects),
		cmocka_unit_test(test_doctor),
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_commands_for_a_far_screen),
		cmocka_unit_test(test_connections_are_kept),
		cmocka_unit_test(test_damaged_connections_are_kept_aside),
		cmocka_unit_test(test_vm_of_the_api),
		cmocka_unit_test(test_since_when),
		cmocka_unit_test(test_vm_that_failed),
		cmocka_unit_test(test_vm_with_nonsense),
		cmocka_unit_test(test_job_shows_and_goes),
		cmocka_unit_test(test_power_off_at_any_time),
		cmocka_unit_test(test_names_in_order),
		cmocka_unit_test(test_plan_of_an_image),
		cmocka_unit_test(test_plans_of_files),
		cmocka_unit_test(test_plan_names),
		cmocka_unit_test(test_ssh_keys),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_wheel),
		cmocka_unit_test(test_sane_sizes),
		cmocka_unit_test(test_keys),
	};

	g_setenv("LC_ALL", "C.UTF-8", TRUE);
	return cmocka_run_group_tests_name("gui models", tests, NULL, NULL);
}
