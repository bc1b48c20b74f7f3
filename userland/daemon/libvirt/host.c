// SPDX-License-Identifier: GPL-2.0-or-later
/* The host, from /proc and /sys, and what Baton can run on it. */
#include <string.h>
#include <unistd.h>

#include "baton_feat.h"
#include "libvirt/domain_xml.h"
#include "libvirt/handlers.h"

/* ---- reading ---- */

static char *read_proc(const char *path)
{
	char *text = NULL;

	/* These files are made in memory: reading them does not wait. */
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return g_strdup("");
	return text;
}

/* The number behind "NAME:" at the start of a line. */
static double line_number(const char *text, const char *name)
{
	size_t length = strlen(name);
	const char *at = text;

	while (at && *at) {
		if (!strncmp(at, name, length) && strchr(" \t:", at[length])) {
			at = strchr(at, ':');
			return at ? g_ascii_strtod(at + 1, NULL) : 0;
		}
		at = strchr(at, '\n');
		at += at != NULL;
	}
	return 0;
}

/* "core id" and "physical id" of each CPU, counted apart. */
static unsigned int count_different(const char *cpuinfo, const char *name)
{
	GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const char *at = cpuinfo;
	unsigned int count;

	while ((at = strstr(at, name))) {
		const char *end = strchr(at, '\n');

		g_hash_table_add(seen, g_strndup(at, end ? (size_t)(end - at) : strlen(at)));
		at += strlen(name);
	}
	count = g_hash_table_size(seen);
	g_hash_table_unref(seen);
	return count ? count : 1;
}

struct topology { unsigned int cpus, sockets, cores, threads, mhz; uint64_t memory_kib; };

static void read_topology(struct topology *ret)
{
	char *cpuinfo = read_proc("/proc/cpuinfo"), *meminfo = read_proc("/proc/meminfo");
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	ret->cpus = cpus < 1 ? 1 : (unsigned int)cpus;
	ret->sockets = count_different(cpuinfo, "physical id");
	ret->cores = count_different(cpuinfo, "core id");
	ret->mhz = (unsigned int)line_number(cpuinfo, "cpu MHz");
	ret->memory_kib = (uint64_t)line_number(meminfo, "MemTotal");
	/* Their product is the number of CPUs, or clients take that for the truth. */
	if (ret->cpus % (ret->sockets * ret->cores)) {
		ret->sockets = 1;
		ret->cores = ret->cpus;
	}
	ret->threads = ret->cpus / (ret->sockets * ret->cores);
	g_free(cpuinfo);
	g_free(meminfo);
}

/* ---- procedures ---- */

void do_node_info(struct call *call)
{
	struct topology t;

	read_topology(&t);
	xdr_put_char32(call->out, "x86_64");
	xdr_put_ulong(call->out, t.memory_kib);
	xdr_put_int(call->out, (int32_t)t.cpus);
	xdr_put_int(call->out, (int32_t)t.mhz);
	xdr_put_int(call->out, 1);
	xdr_put_int(call->out, (int32_t)t.sockets);
	xdr_put_int(call->out, (int32_t)t.cores);
	xdr_put_int(call->out, (int32_t)t.threads);
	call_return(call);
}

void do_node_free_memory(struct call *call)
{
	char *meminfo = read_proc("/proc/meminfo");

	xdr_put_ulong(call->out, (uint64_t)line_number(meminfo, "MemFree") * 1024);
	g_free(meminfo);
	call_return(call);
}

/* There is one cell, 0, with all of it. */
void do_node_cells_free(struct call *call)
{
	char *meminfo;

	if (call->arg[0].i || call->arg[1].i < 1) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: there is no cell %d",
			  call->arg[0].i);
		return;
	}
	meminfo = read_proc("/proc/meminfo");
	xdr_put_uint(call->out, 1);
	xdr_put_ulong(call->out, (uint64_t)line_number(meminfo, "MemFree") * 1024);
	g_free(meminfo);
	call_return(call);
}

/*
 * The two steps of a call for named numbers: asked for none, their number is the answer;
 * else as many of them as are asked for.
 */
struct named { const char *name; uint64_t value; };

static void return_named(struct call *call, const struct named *named, uint32_t count,
			 int32_t asked)
{
	uint32_t i, most = MIN(count, (uint32_t)MAX(asked, 0));

	xdr_put_uint(call->out, most);
	for (i = 0; i < most; i++) {
		xdr_put_string(call->out, named[i].name);
		xdr_put_ulong(call->out, named[i].value);
	}
	xdr_put_int(call->out, (int32_t)(most ? most : count));
	call_return(call);
}

/* user nice system idle iowait irq softirq, in ticks, of "cpu" or "cpuN". */
static bool read_cpu(int number, uint64_t ret[7])
{
	char *stat = read_proc("/proc/stat"), name[24];
	const char *at;
	unsigned int i;

	if (number < 0)
		g_strlcpy(name, "cpu ", sizeof(name));
	else
		g_snprintf(name, sizeof(name), "\ncpu%d ", number);
	at = strstr(stat, name);
	if (at)
		at += strlen(name);
	for (i = 0; at && i < 7; i++)
		ret[i] = g_ascii_strtoull(at, (char **)&at, 10);
	g_free(stat);
	return at != NULL;
}

void do_node_cpu_stats(struct call *call)
{
	uint64_t t[7] = { 0 }, tick = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
	bool known = read_cpu(call->arg[0].i, t);
	const struct named named[] = {
		{ "kernel", (t[2] + t[5] + t[6]) * tick }, { "user", (t[0] + t[1]) * tick },
		{ "idle", t[3] * tick }, { "iowait", t[4] * tick },
	};

	if (call->arg[0].i < -1 || !known) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: there is no CPU %d",
			  call->arg[0].i);
		return;
	}
	return_named(call, named, G_N_ELEMENTS(named), call->arg[1].i);
}

void do_node_memory_stats(struct call *call)
{
	static const char *const names[][2] = {
		{ "total", "MemTotal" }, { "free", "MemFree" }, { "buffers", "Buffers" },
		{ "cached", "Cached" },
	};
	struct named named[G_N_ELEMENTS(names)];
	char *meminfo;
	unsigned int i;

	if (call->arg[1].i != -1 && call->arg[1].i) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: there is no cell %d",
			  call->arg[1].i);
		return;
	}
	meminfo = read_proc("/proc/meminfo");
	for (i = 0; i < G_N_ELEMENTS(names); i++)
		named[i] = (struct named){ names[i][0],
					   (uint64_t)line_number(meminfo, names[i][1]) };
	g_free(meminfo);
	return_named(call, named, G_N_ELEMENTS(named), call->arg[0].i);
}

void do_node_cpu_map(struct call *call)
{
	long present = sysconf(_SC_NPROCESSORS_CONF), online = sysconf(_SC_NPROCESSORS_ONLN);
	uint8_t map[2048] = { 0 };
	char *list = read_proc("/sys/devices/system/cpu/online");
	const char *at = list;

	present = CLAMP(present, 1, (long)sizeof(map) * 8);
	while (g_ascii_isdigit(*at)) {
		unsigned long first = strtoul(at, (char **)&at, 10), last = first;

		if (*at == '-')
			last = strtoul(at + 1, (char **)&at, 10);
		for (; first <= last && first < (unsigned long)present; first++)
			map[first / 8] |= (uint8_t)(1 << first % 8);
		at += *at == ',';
	}
	g_free(list);
	xdr_put_bytes(call->out, map, call->arg[0].i ? (uint32_t)(present + 7) / 8 : 0);
	xdr_put_uint(call->out, call->arg[1].i ? (uint32_t)online : 0);
	xdr_put_int(call->out, (int32_t)present);
	call_return(call);
}

void put_all_cpus(uint8_t *map, uint32_t length)
{
	long present = sysconf(_SC_NPROCESSORS_CONF), i;

	memset(map, 0, length);
	for (i = 0; i < present && i / 8 < (long)length; i++)
		map[i / 8] |= (uint8_t)(1 << i % 8);
}

void do_max_vcpus(struct call *call)
{
	const char *type = call->arg[0].s;

	if (type && strcmp(type, "kvm") && strcmp(type, "baton")) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: unknown type '%s': it is "
			  "'kvm' or 'baton'", type);
		return;
	}
	xdr_put_int(call->out, (int32_t)BATON_MAX_VCPUS);
	call_return(call);
}

/* ---- capabilities ---- */

/* The host's own UUID is its machine-id, if it has one. */
static void put_host_uuid(GString *to)
{
	char *text = read_proc("/etc/machine-id"), uuid[37];
	uint8_t bytes[16];

	if (xdr_uuid_parse(g_strstrip(text), bytes)) {
		xdr_uuid_text(bytes, uuid);
		xml_put(to, "    <uuid>%s</uuid>\n", uuid);
	}
	g_free(text);
}

void do_capabilities(struct call *call)
{
	GString *to = g_string_new("<capabilities>\n  <host>\n");
	struct topology t;

	read_topology(&t);
	put_host_uuid(to);
	xml_put(to, "    <cpu>\n      <arch>x86_64</arch>\n"
		"      <topology sockets='%u' dies='1' cores='%u' threads='%u'/>\n    </cpu>\n"
		"    <topology>\n      <cells num='1'>\n        <cell id='0'>\n"
		"          <memory unit='KiB'>%" G_GUINT64_FORMAT "</memory>\n"
		"        </cell>\n      </cells>\n    </topology>\n  </host>\n",
		t.sockets, t.cores, t.threads, t.memory_kib);
	xml_put(to, "  <guest>\n    <os_type>hvm</os_type>\n    <arch name='x86_64'>\n"
		"      <wordsize>64</wordsize>\n"
		"      <machine maxCpus='%u'>" DOMAIN_MACHINE_PC "</machine>\n"
		"      <machine canonical='" DOMAIN_MACHINE_PC "' maxCpus='%u'>q35</machine>\n"
		"      <machine maxCpus='%u'>" DOMAIN_MACHINE_MICRO "</machine>\n"
		"      <domain type='kvm'/>\n    </arch>\n"
		"    <features>\n      <acpi/>\n      <apic/>\n    </features>\n"
		"  </guest>\n</capabilities>\n", BATON_MAX_VCPUS, BATON_MAX_VCPUS,
		BATON_MAX_VCPUS);
	xdr_put_string(call->out, to->str);
	g_string_free(to, TRUE);
	call_return(call);
}

static void put_enum(GString *to, const char *name, const char *const *values)
{
	xml_put(to, "      <enum name='%s'>\n", name);
	for (; *values; values++)
		xml_put(to, "        <value>%s</value>\n", *values);
	g_string_append(to, "      </enum>\n");
}

static void put_devices(GString *to, bool screen)
{
	static const char *const disks[] = { "disk", "cdrom", NULL };
	static const char *const buses[] = { "virtio", "sata", NULL };
	static const char *const vnc[] = { "vnc", NULL }, *const vga[] = { "vga", NULL };
	static const char *const virtio[] = { "virtio", NULL };

	g_string_append(to, "  <devices>\n    <disk supported='yes'>\n");
	put_enum(to, "diskDevice", disks);
	put_enum(to, "bus", buses);
	put_enum(to, "model", virtio);
	g_string_append_printf(to, "    </disk>\n    <graphics supported='%s'>\n",
			       screen ? "yes" : "no");
	if (screen)
		put_enum(to, "type", vnc);
	g_string_append_printf(to, "    </graphics>\n    <video supported='%s'>\n",
			       screen ? "yes" : "no");
	if (screen)
		put_enum(to, "modelType", vga);
	g_string_append(to, "    </video>\n    <hostdev supported='no'/>\n"
			"    <rng supported='yes'>\n");
	put_enum(to, "model", virtio);
	g_string_append(to, "    </rng>\n    <filesystem supported='no'/>\n"
			"    <tpm supported='no'/>\n  </devices>\n");
}

void do_domain_capabilities(struct call *call)
{
	const char *arch = call->arg[1].s, *machine = call->arg[2].s, *type = call->arg[3].s;
	bool micro = machine && !strcmp(machine, DOMAIN_MACHINE_MICRO);
	GString *to;

	if ((arch && strcmp(arch, "x86_64")) ||
	    (type && strcmp(type, "kvm") && strcmp(type, "baton")) ||
	    (machine && !micro && !domain_machine_is_pc(machine))) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: there is no machine '%s' of "
			  "arch '%s' and type '%s'", machine ? machine : DOMAIN_MACHINE_PC,
			  arch ? arch : "x86_64", type ? type : "kvm");
		return;
	}
	to = g_string_new("<domainCapabilities>\n");
	xml_put(to, "  <domain>kvm</domain>\n  <machine>%s</machine>\n  <arch>x86_64</arch>\n"
		"  <vcpu max='%u'/>\n  <os supported='yes'>\n    <loader supported='no'/>\n"
		"  </os>\n  <cpu>\n    <mode name='host-passthrough' supported='yes'/>\n"
		"    <mode name='host-model' supported='no'/>\n"
		"    <mode name='custom' supported='no'/>\n  </cpu>\n",
		micro ? DOMAIN_MACHINE_MICRO : DOMAIN_MACHINE_PC, BATON_MAX_VCPUS);
	put_devices(to, !micro);
	g_string_append(to, "</domainCapabilities>\n");
	xdr_put_string(call->out, to->str);
	g_string_free(to, TRUE);
	call_return(call);
}
