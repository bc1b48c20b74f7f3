// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A domain's XML and the definition of a VM: what is read, mapped, kept byte for byte and
 * refused; that what is written is taken again and says the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libvirt/domain_xml.h"
#include "libvirt/metadata.h"

#define HEAD "<domain type='kvm'><name>web1</name>" \
	"<uuid>216365f0-aee0-4bc7-bb97-f5cc260fa858</uuid>"
#define SIZES "<memory unit='MiB'>256</memory><vcpu>2</vcpu>"
#define OS "<os><type>hvm</type></os>"
#define NIC "<interface type='network'><mac address='52:54:00:12:34:56'/>" \
	"<source network='default'/></interface>"
#define DISK "<disk type='file'><source file='/d.raw'/><target dev='vda'/></disk>"

static struct xml_error error;

static char *volume_path(const char *pool, const char *volume)
{
	return strcmp(pool, "default") ? NULL : g_build_filename("/images", volume, NULL);
}

static bool read_it(struct domain_read *d, const char *text)
{
	*d = (struct domain_read){ .folder = "/vms/web1", .volume_path = volume_path,
				   .vnc_socket = "/run/web1.vnc" };
	return domain_read(d, text, strlen(text), &error);
}

static void must_read(struct domain_read *d, const char *text)
{
	if (!read_it(d, text))
		fail_msg("%s: %d %s", text, error.code, error.text);
}

static char *write_it(const struct domain_read *d, int id)
{
	const struct domain_write w = { .config = d->config, .kept = d->kept,
					.folder = "/vms/web1", .id = id };

	return domain_write(&w);
}

static void must_have(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

/* ---- read ---- */

static void test_small(void **state)
{
	struct domain_read d;

	(void)state;
	must_read(&d, HEAD SIZES OS "</domain>");
	assert_string_equal(d.config->name, "web1");
	assert_string_equal(d.config->uuid, "216365f0-aee0-4bc7-bb97-f5cc260fa858");
	assert_int_equal(d.config->memory, 256 << 20);
	assert_int_equal(d.config->memory_min, 256 << 20);
	assert_int_equal(d.config->cpus, 2);
	assert_int_equal(d.config->board, CONFIG_PC);
	assert_int_equal(d.config->disk_count + d.config->net_count, 0);
	assert_null(d.config->vnc);
	assert_false(d.vnc_auto);
	domain_read_free(&d);
}

static void test_memory(void **state)
{
	static const struct { const char *xml; uint64_t min, max; } cases[] = {
		{ "<memory>262144</memory>", 256 << 20, 256 << 20 },
		{ "<memory unit='GiB'>1</memory><currentMemory unit='M'>512</currentMemory>",
		  512 << 20, 1 << 30 },
		{ "<currentMemory unit='GiB'>4</currentMemory><memory unit='GiB'>1</memory>",
		  1 << 30, 1 << 30 },
		{ "<memory unit='b'>268435457</memory>", (256 << 20) + 4096, (256 << 20) + 4096 },
		{ "<memory unit='MB'>256</memory>", 256000000, 256000000 },
	};
	struct domain_read d;
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(cases); i++) {
		char *xml = g_strdup_printf(HEAD "%s<vcpu>1</vcpu>" OS "</domain>", cases[i].xml);

		must_read(&d, xml);
		assert_int_equal(d.config->memory, cases[i].max);
		assert_int_equal(d.config->memory_min, cases[i].min);
		domain_read_free(&d);
		g_free(xml);
	}
}

static void test_devices(void **state)
{
	struct domain_read d;

	(void)state;
	must_read(&d, HEAD SIZES OS "<devices>"
		  "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
		  "<source file='/vms/web1/disk0.qcow2'/><target dev='sda' bus='sata'/></disk>"
		  "<disk type='volume' device='disk'><source pool='default' volume='img'/>"
		  "<target dev='vdb' bus='virtio'/><readonly/></disk>"
		  "<disk type='file' device='cdrom'><source file='/cd.iso'/><target "
		  "dev='sda'/></disk>"
		  "<interface type='user'><model type='e1000e'/></interface>" NIC
		  "<graphics type='vnc' socket='/run/x.sock'/></devices></domain>");
	assert_int_equal(d.config->disk_count, 2);
	assert_string_equal(d.config->disk[0].file, "disk0.qcow2");
	assert_int_equal(d.config->disk[0].format, CONFIG_FORMAT_QCOW2);
	assert_string_equal(d.config->disk[1].file, "/images/img");
	assert_int_equal(d.config->disk[1].format, CONFIG_FORMAT_RAW);
	assert_true(d.config->disk[1].readonly);
	assert_string_equal(d.config->cdrom[0], "/cd.iso");
	assert_int_equal(d.config->net_count, 2);
	assert_string_equal(d.config->net[0].network, "default");
	assert_string_equal(d.config->net[1].mac, "52:54:00:12:34:56");
	assert_string_equal(d.config->vnc, "unix:/run/x.sock");
	/* Disk, card of type user and its model: people are told. */
	assert_int_equal(d.notes->len, 3);
	domain_read_free(&d);
}

/* Of a disk whose driver names no format. */
static void test_formats(void **state)
{
	static const struct { const char *driver, *file; enum config_format format; } cases[] = {
		{ "", "/d.raw", CONFIG_FORMAT_RAW }, { "", "/d.img", CONFIG_FORMAT_RAW },
		{ "", "/d.qcow2", CONFIG_FORMAT_QCOW2 }, { "", "/qcow2", CONFIG_FORMAT_RAW },
		{ "<driver name='qemu'/>", "/d.qcow2", CONFIG_FORMAT_QCOW2 },
		{ "<driver name='baton'/>", "/d.qcow2", CONFIG_FORMAT_AUTO },
		{ "<driver type='raw'/>", "/d.qcow2", CONFIG_FORMAT_RAW },
	};
	struct domain_read d;
	unsigned int i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(cases); i++) {
		char *xml = g_strdup_printf(HEAD SIZES OS "<devices><disk type='file'>%s"
					    "<source file='%s'/></disk></devices></domain>",
					    cases[i].driver, cases[i].file);

		must_read(&d, xml);
		assert_int_equal(d.config->disk[0].format, cases[i].format);
		domain_read_free(&d);
		g_free(xml);
	}
}

static void test_amounts(void **state)
{
	static const struct { const char *xml; bool ok; uint64_t bytes; } cases[] = {
		{ "<a>7</a>", true, 7 }, { "<a unit='KiB'> 2 </a>", true, 2048 },
		{ "<a unit='kb'>2</a>", true, 2000 }, { "<a unit='G'>1</a>", true, 1 << 30 },
		{ "<a unit='TB'>1</a>", true, 1000000000000 },
		{ "<a unit='TiB'>1048576</a>", true, 1ull << 60 },
		{ "<a unit='TiB'>1048577</a>", false, 0 }, { "<a>-1</a>", false, 0 },
		{ "<a/>", false, 0 }, { "<a>1.5</a>", false, 0 }, { "<a unit='x'>1</a>", false, 0 },
		{ "<a>99999999999999999999</a>", false, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct xml_node *node = xml_parse(cases[i].xml, strlen(cases[i].xml), &error);
		uint64_t bytes = 0;

		assert_non_null(node);
		assert_int_equal(xml_amount(node, "bytes", &bytes), cases[i].ok);
		assert_int_equal(bytes, cases[i].bytes);
		xml_free(node);
	}
}

static void test_graphics(void **state)
{
	static const struct {
		const char *xml, *vnc, *password_file, *password;
		bool is_auto;
		enum graphics_mode mode;
	} cases[] = {
		{ "<graphics type='vnc' port='-1'/>", NULL, NULL, NULL, true, GRAPHICS_AUTO },
		{ "<graphics type='vnc' autoport='yes' port='5900' listen='127.0.0.1'/>", NULL,
			NULL,
		  NULL, true, GRAPHICS_AUTO },
		{ "<graphics type='vnc' port='5911' passwd='secret'/>", "127.0.0.1:5911",
		  DOMAIN_PASSWORD_FILE, "secret", false, GRAPHICS_PLAIN },
		{ "<graphics type='vnc'><listen type='none'/></graphics>", NULL, NULL, NULL, false,
		  GRAPHICS_PLAIN },
		{ "<graphics type='vnc'><listen type='socket'/></graphics>", "unix:/run/web1.vnc",
		  NULL, NULL, false, GRAPHICS_PLAIN },
		{ "<graphics type='vnc'><listen type='socket' socket='/a'/></graphics>", "unix:/a",
		  NULL, NULL, false, GRAPHICS_PLAIN },
		{ "<graphics type='vnc' port='5911'><listen type='address' address='localhost'/>"
		  "</graphics>", "127.0.0.1:5911", DOMAIN_PASSWORD_FILE, NULL, false,
		  GRAPHICS_PLAIN },
	};
	struct domain_read d;
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(cases); i++) {
		char *xml = g_strdup_printf(HEAD SIZES OS "<devices>%s</devices></domain>",
					    cases[i].xml);

		must_read(&d, xml);
		if (g_strcmp0(d.config->vnc, cases[i].vnc) ||
		    g_strcmp0(d.config->vnc_password, cases[i].password_file) ||
		    g_strcmp0(d.vnc_password, cases[i].password) ||
		    d.vnc_auto != cases[i].is_auto || d.kept->graphics != cases[i].mode)
			fail_msg("%s: %s", cases[i].xml, d.config->vnc);
		domain_read_free(&d);
		g_free(xml);
	}
}

/* ---- refused ---- */

static void test_refused(void **state)
{
	static const struct { const char *xml; enum lv_code code; const char *names; } cases[] = {
		{ "", LV_ERR_XML, "" }, { "<domain", LV_ERR_XML, "" }, { "<x/>", LV_ERR_XML,
			"<x>" },
		{ "<!DOCTYPE a [<!ENTITY e 'x'>]>" HEAD SIZES OS "</domain>", LV_ERR_XML, "DTD" },
		{ "<domain type='kvm'>" SIZES OS "</domain>", LV_ERR_XML, "<name>" },
		{ HEAD OS "</domain>", LV_ERR_XML, "<memory>" },
		{ HEAD SIZES "</domain>", LV_ERR_XML, "<os>" },
		{ HEAD "<memory>x</memory>" OS "</domain>", LV_ERR_XML, "<memory>" },
		{ HEAD "<memory unit='Q'>1</memory>" OS "</domain>", LV_ERR_XML, "<memory>" },
		{ HEAD "<memory>99999999999999999999</memory>" OS "</domain>", LV_ERR_XML, "" },
		{ HEAD "<memory>1</memory>" OS "</domain>", LV_ERR_CONFIG, "memory" },
		{ HEAD SIZES "<os><type>xen</type></os></domain>", LV_ERR_CONFIG, "<type>" },
		{ HEAD SIZES "<os><type arch='arm'>hvm</type></os></domain>", LV_ERR_CONFIG,
		  "<type>" },
		{ HEAD SIZES "<os firmware='efi'><type>hvm</type></os></domain>", LV_ERR_CONFIG,
		  "<os>" },
		{ HEAD SIZES "<os><type>hvm</type><loader>/x</loader></os></domain>",
		  LV_ERR_CONFIG, "<loader>" },
		{ HEAD SIZES "<os><type machine='baton-q35'>hvm</type><kernel>/k</kernel></os>"
		  "</domain>", LV_ERR_CONFIG, "kernel" },
		{ HEAD SIZES "<os><type>hvm</type><boot dev='network'/></os></domain>",
		  LV_ERR_CONFIG, "<boot>" },
		{ HEAD SIZES OS "<vcpu cpuset='0'>1</vcpu></domain>", LV_ERR_CONFIG, "<vcpu>" },
		{ HEAD SIZES OS "<cputune/></domain>", LV_ERR_CONFIG, "<cputune>" },
		{ HEAD SIZES OS "<cpu mode='custom'/></domain>", LV_ERR_CONFIG, "<cpu>" },
		{ HEAD SIZES OS "<cpu><topology sockets='1'/></cpu></domain>", LV_ERR_CONFIG,
		  "<topology>" },
		{ HEAD SIZES OS "<features><hyperv/></features></domain>", LV_ERR_CONFIG,
		  "<hyperv>" },
		{ HEAD SIZES OS "<clock offset='localtime'/></domain>", LV_ERR_CONFIG, "<clock>" },
		{ HEAD SIZES OS "<on_poweroff>restart</on_poweroff></domain>", LV_ERR_CONFIG,
		  "<on_poweroff>" },
		{ HEAD SIZES OS "<devices><sound model='ich9'/></devices></domain>", LV_ERR_CONFIG,
		  "<sound>" },
		{ HEAD SIZES OS "<devices><disk device='floppy'><source "
			"file='/x'/></disk></devices>"
		  "</domain>", LV_ERR_CONFIG, "<disk>" },
		{ HEAD SIZES OS "<devices><disk type='volume'><source pool='x' volume='y'/></disk>"
		  "</devices></domain>", LV_ERR_CONFIG, "no such volume" },
		{ HEAD SIZES OS "<devices><disk type='network'/></devices></domain>",
		  LV_ERR_CONFIG, "<disk>" },
		{ HEAD SIZES OS "<devices><disk/></devices></domain>", LV_ERR_XML, "<source>" },
		{ HEAD SIZES OS "<devices>" DISK DISK "</devices></domain>", LV_ERR_CONFIG,
			"disk.1" },
		{ HEAD SIZES OS "<devices><disk><source file='/x'/><iotune/></disk></devices>"
		  "</domain>", LV_ERR_CONFIG, "<iotune>" },
		{ HEAD SIZES OS "<devices><disk><driver type='vmdk'/><source file='/x'/></disk>"
		  "</devices></domain>", LV_ERR_CONFIG, "<driver>" },
		{ HEAD SIZES OS "<devices><interface type='bridge'/></devices></domain>",
		  LV_ERR_CONFIG, "<interface>" },
		{ HEAD SIZES OS "<devices>" NIC NIC "</devices></domain>", LV_ERR_CONFIG, "MAC" },
		{ HEAD SIZES OS "<devices>" NIC NIC NIC NIC NIC "</devices></domain>",
		  LV_ERR_CONFIG, "<interface>" },
		{ HEAD SIZES OS "<devices><serial type='tcp'/></devices></domain>", LV_ERR_CONFIG,
		  "<serial>" },
		{ HEAD SIZES OS "<devices><console><target type='virtio'/></console></devices>"
		  "</domain>", LV_ERR_CONFIG, "<console>" },
		{ HEAD SIZES OS "<devices><graphics type='spice'/></devices></domain>",
		  LV_ERR_CONFIG, "<graphics>" },
		{ HEAD SIZES OS "<devices><graphics type='vnc' "
			"listen='0.0.0.0'/></devices></domain>",
		  LV_ERR_CONFIG, "<graphics>" },
		{ HEAD SIZES OS "<devices><graphics type='vnc' passwd='123456789'/></devices>"
		  "</domain>", LV_ERR_CONFIG, "passwd" },
		{ HEAD SIZES OS "<devices><graphics type='vnc' port='x'/></devices></domain>",
		  LV_ERR_CONFIG, "display.vnc" },
	};
	struct domain_read d;
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(cases); i++) {
		if (read_it(&d, cases[i].xml))
			fail_msg("taken: %s", cases[i].xml);
		if (error.code != cases[i].code || !strstr(error.text, cases[i].names))
			fail_msg("%s: %d %s", cases[i].xml, error.code, error.text);
	}
}

static void test_limits(void **state)
{
	GString *deep = g_string_new(HEAD), *wide = g_string_new(HEAD), *long_one;
	struct domain_read d;
	unsigned int i;

	(void)state;
	for (i = 0; i < XML_DEPTH_MAX; i++)
		g_string_append(deep, "<a>");
	assert_false(read_it(&d, deep->str));
	must_have(error.text, "too deep");
	for (i = 0; i < XML_NODES_MAX; i++)
		g_string_append(wide, "<a/>");
	assert_false(read_it(&d, wide->str));
	must_have(error.text, "too many");
	long_one = g_string_new(HEAD);
	while (long_one->len <= XML_SIZE_MAX)
		g_string_append(long_one, "                                                  ");
	assert_false(read_it(&d, long_one->str));
	must_have(error.text, "bytes");
	g_string_free(deep, TRUE);
	g_string_free(wide, TRUE);
	g_string_free(long_one, TRUE);
}

/* ---- kept ---- */

static const char *const strange[] = {
	"<metadata>\n  <a:b  xmlns:a = \"urn:a\"\tx='&lt;&#233;'>t<a:c/></a:b >\r\n</metadata>",
	"<pm>\n<suspend-to-mem enabled='no' />  </pm>",
	"<unknown><![CDATA[ <raw> & ]]><!-- and this --></unknown>",
	"<features><acpi/>\t<apic  eoi='on'/></features>",
	"<q:commandline><q:arg value=\"&quot;'\"/></q:commandline>",
};

static void test_kept(void **state)
{
	GString *xml = g_string_new("<?xml version='1.0' encoding='iso-8859-1'?>"
				    "<domain type='kvm' "
				    "xmlns:q='urn:q'><name>web1</name>" SIZES OS);
	static const char in_disk[] = "<boot  order = '1'/>", device[] = "<input type='tablet' />";
	struct domain_read d;
	char *text, *kept_text, *again_text;
	struct kept *again;
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(strange); i++)
		g_string_append(xml, strange[i]);
	g_string_append_printf(xml, "<devices><disk><source "
		"file='/d'/>%s</disk>%s</devices></domain>",
			       in_disk, device);
	must_read(&d, xml->str);
	text = write_it(&d, -1);
	for (i = 0; i < G_N_ELEMENTS(strange); i++)
		must_have(text, strange[i]);
	must_have(text, in_disk);
	must_have(text, device);
	must_have(text, " xmlns:q='urn:q'>");
	/* The file that it is kept in says the same. */
	kept_text = kept_to_text(d.kept);
	again = kept_parse(kept_text, strlen(kept_text), &error);
	assert_non_null(again);
	again_text = kept_to_text(again);
	assert_string_equal(kept_text, again_text);
	assert_int_equal(again->pieces->len, d.kept->pieces->len);
	kept_free(again);
	g_free(again_text);
	g_free(kept_text);
	g_free(text);
	domain_read_free(&d);
	g_string_free(xml, TRUE);
}

/* What is written is taken, and written the same; live and not. */
static void test_again(void **state)
{
	static const char *const cases[] = {
		HEAD SIZES OS "</domain>",
		HEAD "<title>&lt;T&gt;</title><description>a\nb &amp; c</description>" SIZES OS
		"<devices>" DISK NIC "<graphics type='vnc' port='5911' passwd='x'/>"
		"<input type='mouse'/></devices><on_reboot>destroy</on_reboot></domain>",
		HEAD SIZES "<os><type machine='baton-micro'>hvm</type><kernel>/k</kernel>"
		"<initrd>i</initrd><cmdline>a='b' &lt;c&gt;</cmdline></os></domain>",
		HEAD SIZES OS "<devices><disk device='cdrom'><source file='/cd'/></disk>"
		"<graphics type='vnc'><listen type='none'/></graphics></devices></domain>",
	};
	struct domain_read d, again;
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(cases); i++) {
		char *text, *live, *text_again;

		must_read(&d, cases[i]);
		text = write_it(&d, -1);
		must_read(&again, text);
		assert_int_equal(again.notes->len, 0);
		text_again = write_it(&again, -1);
		assert_string_equal(text, text_again);
		domain_read_free(&again);
		live = write_it(&d, 3);
		must_have(live, " id='3'");
		must_read(&again, live);
		g_free(text_again);
		text_again = write_it(&again, -1);
		assert_string_equal(text, text_again);
		domain_read_free(&again);
		g_free(text_again);
		g_free(live);
		g_free(text);
		domain_read_free(&d);
	}
}

/* The longest one that is taken is taken again, and one element more of any kind is not. */
static void test_longest(void **state)
{
	static const char head[] = HEAD SIZES OS "<x>", tail[] = "</x></domain>";
	size_t length, taken = 0;
	struct domain_read d, again;

	(void)state;
	for (length = XML_SIZE_MAX - 6000; length <= XML_SIZE_MAX; length += 200) {
		GString *xml = g_string_new(head);
		char *text;

		while (xml->len + sizeof(tail) < length)
			g_string_append_c(xml, 'y');
		g_string_append(xml, tail);
		if (read_it(&d, xml->str)) {
			taken++;
			text = write_it(&d, 1234567);
			must_read(&again, text);
			domain_read_free(&again);
			domain_read_free(&d);
			g_free(text);
		} else {
			must_have(error.text, "too large");
		}
		g_string_free(xml, TRUE);
	}
	assert_in_range(taken, 1, 29);
}

/* What XML has no words for stays: forwards, who logs in. */
static void test_base(void **state)
{
	struct domain_read d, again;
	struct btn_error e;

	(void)state;
	must_read(&d, HEAD SIZES OS "<devices>" NIC "</devices></domain>");
	assert_true(config_set(d.config, "net.0.forward", "2222:22", &e));
	assert_true(config_set(d.config, "user", "debian", &e));
	assert_true(config_set(d.config, "autostart", "on", &e));
	again = (struct domain_read){ .base = d.config };
	assert_true(domain_read(&again, HEAD SIZES OS "<devices>" NIC "</devices></domain>",
				strlen(HEAD SIZES OS "<devices>" NIC "</devices></domain>"),
					&error));
	assert_int_equal(again.config->net[0].forward_count, 1);
	assert_int_equal(again.config->net[0].forward[0].host_port, 2222);
	assert_string_equal(again.config->user, "debian");
	assert_true(again.config->autostart);
	domain_read_free(&again);
	/* Another name of the same UUID is no redefinition. */
	again = (struct domain_read){ .base = d.config };
	assert_false(domain_read(&again, "<domain type='kvm'><name>other</name>" SIZES OS
				 "</domain>", strlen("<domain "
				 "type='kvm'><name>other</name>" SIZES OS
						     "</domain>"), &error));
	assert_int_equal(error.code, LV_ERR_FAILED);
	domain_read_free(&d);
}

/* ---- elements of <metadata> ---- */

static void test_metadata(void **state)
{
	struct kept *kept = kept_new();
	char *text;

	(void)state;
	assert_null(metadata_get(kept, "urn:a"));
	assert_true(metadata_set(kept, "<app v='1'><x/></app>", "k", "urn:a", &error));
	assert_string_equal(kept_metadata(kept),
			    "<metadata><k:app xmlns:k='urn:a' v='1'><x/></k:app></metadata>");
	text = metadata_get(kept, "urn:a");
	assert_string_equal(text, "<app v='1'><x/></app>");
	g_free(text);
	assert_true(metadata_set(kept, "<o/>", "l", "urn:b", &error));
	assert_true(metadata_set(kept, "<app/>", "k", "urn:a", &error));
	assert_string_equal(kept_metadata(kept), "<metadata><l:o xmlns:l='urn:b'/>"
			    "<k:app xmlns:k='urn:a'/></metadata>");
	assert_false(metadata_set(kept, "<bad", "k", "urn:c", &error));
	assert_false(metadata_set(kept, "<a/>", "no key", "urn:c", &error));
	assert_false(metadata_set(kept, "<a/>", NULL, "urn:c", &error));
	assert_true(metadata_set(kept, NULL, NULL, "urn:b", &error));
	assert_true(metadata_set(kept, NULL, NULL, "urn:a", &error));
	assert_null(kept_metadata(kept));
	/* Written by others: kept as it is but for the one that is set. */
	kept_set_metadata(kept, "<metadata> <z:q xmlns:z='urn:z' ><z:i /></z:q> </metadata>");
	assert_true(metadata_set(kept, "<n/>", "k", "urn:n", &error));
	must_have(kept_metadata(kept), "<z:q xmlns:z='urn:z' ><z:i /></z:q>");
	text = metadata_get(kept, "urn:z");
	assert_string_equal(text, "<z:q xmlns:z='urn:z' ><z:i /></z:q>");
	g_free(text);
	kept_free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_devices), cmocka_unit_test(test_formats),
		cmocka_unit_test(test_amounts), cmocka_unit_test(test_graphics),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_kept), cmocka_unit_test(test_again),
		cmocka_unit_test(test_longest), cmocka_unit_test(test_base),
		cmocka_unit_test(test_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
