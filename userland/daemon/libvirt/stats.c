// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters of CPUs, memory, disks and network cards, from the monitors. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "disk.h"
#include "libvirt/definition.h"
#include "libvirt/handlers.h"
#include "libvirt/measure.h"
#include "network.h"

static const struct config *config_now(const struct vm *vm)
{
	return vm->live ? vm->live : vm->config;
}

/* ---- CPUs ---- */

static void put_vcpus(struct call *call, const struct measure *m,
		      G_GNUC_UNUSED unsigned int measured)
{
	unsigned int cpus = config_now(m->vm)->cpus, i;
	unsigned int most = (unsigned int)CLAMP(call->arg[1].i, 0, 2048), count = MIN(most, cpus);
	unsigned int length = (unsigned int)CLAMP(call->arg[2].i, 0, 2048);
	uint8_t *maps = g_malloc(count * length + 1);

	xdr_put_uint(call->out, count);
	for (i = 0; i < count; i++) {
		xdr_put_uint(call->out, i);
		xdr_put_int(call->out, m->vm->state == VM_RUNNING);
		xdr_put_ulong(call->out, i < m->cpu_count ? m->cpu[i].time_ns : 0);
		xdr_put_int(call->out, -1);	/* on which of the host's it is: not known */
	}
	for (i = 0; i < count; i++)
		put_all_cpus(maps + i * length, length);
	xdr_put_bytes(call->out, maps, count * length);
	g_free(maps);
	call_return(call);
}

void do_get_vcpus(struct call *call)
{
	measure_vm(call, MEASURE_STATS, put_vcpus);
}

static void put_cpu_total(struct call *call, const struct measure *m,
			  G_GNUC_UNUSED unsigned int measured)
{
	if (!m->stats) {
		call_fail(call, LV_ERR_TIMEOUT, "the monitor of the VM does not answer");
		return;
	}
	xdr_put_uint(call->out, 1);
	put_param_ulong(call->out, "cpu_time", measure_cpu_ns(m));
	xdr_put_int(call->out, 1);
	call_return(call);
}

/* Of all the host's CPUs together (start_cpu -1); on which of them it ran is not counted. */
void do_cpu_stats(struct call *call)
{
	if (call->arg[2].i != -1 || call->arg[3].u != 1) {
		call_fail(call, LV_ERR_ARGUMENT, "argument unsupported: times by CPU of the host "
			  "are not counted; ask for --total");
	} else if (call->arg[1].u) {
		measure_vm(call, MEASURE_STATS, put_cpu_total);
	} else {
		xdr_put_uint(call->out, 0);
		xdr_put_int(call->out, 1);
		call_return(call);
	}
}

/* ---- memory ---- */

static void put_tag(GByteArray *to, int32_t tag, int64_t value, uint32_t *count, uint32_t most)
{
	if (value < 0 || *count >= most)
		return;
	xdr_put_int(to, tag);
	xdr_put_ulong(to, (uint64_t)value);
	(*count)++;
}

static int64_t kib(int64_t bytes)
{
	return bytes < 0 ? -1 : bytes / 1024;
}

static void put_memory(struct call *call, const struct measure *m,
		       G_GNUC_UNUSED unsigned int measured)
{
	const struct measure_memory *mem = &m->mem;
	uint32_t most = MIN(call->arg[1].u, 1024), count = 0;
	guint at = xdr_put_later(call->out);
	const struct { int32_t tag; int64_t value; } tags[] = {
		{ 0, kib(mem->swap_in) }, { 1, kib(mem->swap_out) }, { 2, mem->major_faults },
		{ 3, mem->minor_faults }, { 4, kib(mem->free) }, { 5, kib(mem->total) },
		{ 6, kib((int64_t)mem->actual) }, { 7, kib((int64_t)(mem->held + mem->own)) },
		{ 8, kib(mem->available) },
		{ 9, mem->age_ms < 0 ? -1 : (g_get_real_time() / 1000 - mem->age_ms) / 1000 },
		{ 10, kib(mem->disk_caches) },
	};
	unsigned int i;

	if (!m->memory) {
		call_fail(call, LV_ERR_TIMEOUT, "the monitor of the VM does not answer");
		return;
	}
	for (i = 0; i < G_N_ELEMENTS(tags); i++)
		put_tag(call->out, tags[i].tag, tags[i].value, &count, most);
	xdr_set_later(call->out, at, count);
	call_return(call);
}

void do_memory_stats(struct call *call)
{
	measure_vm(call, MEASURE_MEMORY, put_memory);
}

/* ---- disks ---- */

/* The disk that a client names by target or by path; -1: none. */
static int find_disk(const struct vm *vm, const char *name, bool *ret_cdrom)
{
	const struct config *config = config_now(vm);
	unsigned int i, count = config->disk_count + config->cdrom_count;

	for (i = 0; i < count; i++) {
		bool cdrom = i >= config->disk_count;
		unsigned int n = cdrom ? i - config->disk_count : i;
		const char *file = cdrom ? config->cdrom[n] : config->disk[n].file;
		char target[8], *path = domain_disk_path(vm->folder, file);
		bool is_it;

		domain_disk_target(cdrom, n, target);
		is_it = !strcmp(name, target) || !strcmp(name, path);
		g_free(path);
		*ret_cdrom = cdrom;
		if (is_it)
			return (int)n;
	}
	return -1;
}

/*
 * Its counters; an empty name is all of them together. False: answered. Of a CD drive
 * nothing is counted: clients that ask for each disk take "unknown" better than an error.
 */
static bool disk_of(struct call *call, const struct measure *m, struct measure_disk *sum,
		    bool *ret_counted)
{
	const char *name = call->arg[1].s;
	bool cdrom = false;
	int n = name[0] ? find_disk(m->vm, name, &cdrom) : 0;
	unsigned int i;

	if (n < 0) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: invalid path '%s' not "
			  "assigned to domain", name);
		return false;
	}
	if (!m->stats) {
		call_fail(call, LV_ERR_TIMEOUT, "the monitor of the VM does not answer");
		return false;
	}
	*ret_counted = !cdrom;
	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < m->disk_count; i++) {
		if (name[0] && (int)i != n)
			continue;
		sum->reads += m->disk[i].reads;
		sum->read_bytes += m->disk[i].read_bytes;
		sum->writes += m->disk[i].writes;
		sum->written_bytes += m->disk[i].written_bytes;
		sum->flushes += m->disk[i].flushes;
		sum->errors += m->disk[i].errors;
	}
	return true;
}

static void put_block(struct call *call, const struct measure *m,
		      G_GNUC_UNUSED unsigned int measured)
{
	struct measure_disk sum;
	const uint64_t *const values[] = { &sum.reads, &sum.read_bytes, &sum.writes,
					   &sum.written_bytes, &sum.errors };
	bool counted;
	unsigned int i;

	if (!disk_of(call, m, &sum, &counted))
		return;
	for (i = 0; i < G_N_ELEMENTS(values); i++)
		xdr_put_long(call->out, counted ? (int64_t)*values[i] : -1);
	call_return(call);
}

void do_block_stats(struct call *call)
{
	measure_vm(call, MEASURE_STATS, put_block);
}

static void put_block_flags(struct call *call, const struct measure *m,
			    G_GNUC_UNUSED unsigned int measured)
{
	struct measure_disk sum;
	const struct { const char *name; uint64_t *value; } fields[] = {
		{ "rd_operations", &sum.reads }, { "rd_bytes", &sum.read_bytes },
		{ "wr_operations", &sum.writes }, { "wr_bytes", &sum.written_bytes },
		{ "flush_operations", &sum.flushes },
	};
	uint32_t i, count, all;
	bool counted;

	if (!disk_of(call, m, &sum, &counted))
		return;
	all = counted ? G_N_ELEMENTS(fields) : 0;
	count = MIN((uint32_t)MAX(call->arg[2].i, 0), all);
	xdr_put_uint(call->out, count);
	for (i = 0; i < count; i++)
		put_param_long(call->out, fields[i].name, (int64_t)*fields[i].value);
	xdr_put_int(call->out, (int32_t)(count ? count : all));
	call_return(call);
}

void do_block_stats_flags(struct call *call)
{
	measure_vm(call, MEASURE_STATS, put_block_flags);
}

/* Disks that have had errors; of which kind is not counted (1). */
static void put_disk_errors(struct call *call, const struct measure *m,
			    G_GNUC_UNUSED unsigned int measured)
{
	uint32_t most = call->arg[1].u, count = 0, i;
	guint at;
	char target[8];

	if (!m->stats) {
		call_fail(call, LV_ERR_TIMEOUT, "the monitor of the VM does not answer");
		return;
	}
	at = xdr_put_later(call->out);
	for (i = 0; i < m->disk_count && count < most; i++) {
		if (!m->disk[i].errors)
			continue;
		domain_disk_target(false, i, target);
		xdr_put_string(call->out, target);
		xdr_put_int(call->out, 1);
		count++;
	}
	xdr_set_later(call->out, at, count);
	/* Asked for none: how many there may be. */
	xdr_put_int(call->out, (int32_t)(most ? count : config_now(m->vm)->disk_count));
	call_return(call);
}

void do_disk_errors(struct call *call)
{
	measure_vm(call, MEASURE_STATS, put_disk_errors);
}

struct space { uint64_t allocation, capacity, physical; };

/* Without the lock, which a VM that runs has and one that starts needs. */
static bool disk_space(const char *path, bool raw, struct space *ret)
{
	struct disk_head head;
	struct stat st;

	if (stat(path, &st))
		return false;
	disk_read_head(path, &head);
	/* A block device has its size in the head alone. */
	ret->physical = head.raw && head.size ? head.size : (uint64_t)st.st_size;
	ret->allocation = (uint64_t)st.st_blocks * 512;
	/* What a guest has written into a raw disk does not count. */
	ret->capacity = raw || head.raw ? ret->physical : head.size;
	g_free(head.backing);
	return true;
}

static bool space_of(const struct vm *vm, unsigned int n, bool cdrom, struct space *ret)
{
	const struct config *config = config_now(vm);
	char *path = domain_disk_path(vm->folder, cdrom ? config->cdrom[n] : config->disk[n].file);
	bool ok = disk_space(path, cdrom || config->disk[n].format == CONFIG_FORMAT_RAW, ret);

	g_free(path);
	return ok;
}

void do_block_info(struct call *call)
{
	bool cdrom = false;
	int n = find_disk(call->vm, call->arg[1].s, &cdrom);
	struct space space;

	if (n < 0) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: invalid path '%s' not "
			  "assigned to domain", call->arg[1].s);
		return;
	}
	if (!space_of(call->vm, (unsigned int)n, cdrom, &space)) {
		call_fail(call, LV_ERR_SYSTEM, "cannot look at disk '%s': %s", call->arg[1].s,
			  g_strerror(errno));
		return;
	}
	xdr_put_ulong(call->out, space.allocation);
	xdr_put_ulong(call->out, space.capacity);
	xdr_put_ulong(call->out, space.physical);
	call_return(call);
}

/* ---- network cards ---- */

static void net_name(const struct vm *vm, unsigned int n, char name[24])
{
	g_snprintf(name, 24, DOMAIN_NET_TARGET, vm->id, n);
}

static int find_net(const struct vm *vm, const char *wanted)
{
	const struct config *config = config_now(vm);
	unsigned int i;
	char name[24];

	for (i = 0; i < config->net_count; i++) {
		net_name(vm, i, name);
		if (!strcmp(wanted, name) || !g_ascii_strcasecmp(wanted, config->net[i].mac))
			return (int)i;
	}
	return -1;
}

static void put_interface(struct call *call, const struct measure *m,
			  G_GNUC_UNUSED unsigned int measured)
{
	int n = find_net(m->vm, call->arg[1].s);
	const struct measure_net *net = n < 0 ? NULL : &m->net[n];

	if (!net || (unsigned int)n >= m->net_count) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: there are no counters of an "
			  "interface '%s'", call->arg[1].s);
		return;
	}
	/* rx is towards the guest, as the monitor has it, too. */
	xdr_put_long(call->out, (int64_t)net->rx_bytes);
	xdr_put_long(call->out, (int64_t)net->rx_frames);
	xdr_put_long(call->out, 0);
	xdr_put_long(call->out, (int64_t)net->rx_dropped);
	xdr_put_long(call->out, (int64_t)net->tx_bytes);
	xdr_put_long(call->out, (int64_t)net->tx_frames);
	xdr_put_long(call->out, 0);
	xdr_put_long(call->out, (int64_t)net->tx_dropped);
	call_return(call);
}

void do_interface_stats(struct call *call)
{
	measure_vm(call, MEASURE_STATS, put_interface);
}

void do_interface_addresses(struct call *call)
{
	const struct config *config = config_now(call->vm);
	const struct network *network;
	uint32_t count = 0, i;
	struct btn_error e;
	char name[24];
	guint at;

	/* The switch's leases are also what it answers ARP by (2). */
	if (call->arg[1].u && call->arg[1].u != 2) {
		call_fail(call, LV_ERR_ARGUMENT, "argument unsupported: %s; ask for --source lease",
			  call->arg[1].u == 1 ? "Baton has no guest agent" :
			  "that is no source of addresses");
		return;
	}
	at = xdr_put_later(call->out);
	for (i = 0; i < config->net_count; i++) {
		if (!call->vm->address[i][0])
			continue;
		net_name(call->vm, i, name);
		xdr_put_string(call->out, name);
		xdr_put_optional(call->out, config->net[i].mac);
		xdr_put_uint(call->out, 1);
		xdr_put_int(call->out, 0);
		xdr_put_string(call->out, call->vm->address[i]);
		network = network_find(config->net[i].network, &e);
		xdr_put_uint(call->out, network ? network_prefix(network) : 24);
		count++;
	}
	xdr_set_later(call->out, at, count);
	call_return(call);
}

/* ---- all of it ---- */

enum {
	STATS_STATE = 1, STATS_CPU = 2, STATS_BALLOON = 4, STATS_VCPU = 8, STATS_NET = 0x10,
	STATS_BLOCK = 0x20, STATS_KNOWN = 0x3f,
};
#define STATS_ENFORCE 0x80000000u

static void put_numbered(GByteArray *to, const char *group, unsigned int n, const char *name,
			 uint64_t value, uint32_t *count)
{
	char field[64];

	g_snprintf(field, sizeof(field), "%s.%u.%s", group, n, name);
	put_param_ulong(to, field, value);
	(*count)++;
}

static void put_cpu_group(GByteArray *to, const struct measure *m, uint32_t *count)
{
	if (!m->stats)
		return;
	put_param_ulong(to, "cpu.time", measure_cpu_ns(m));
	(*count)++;
}

static void put_balloon_group(GByteArray *to, const struct measure *m, uint32_t *count)
{
	if (m->memory) {
		put_param_ulong(to, "balloon.current", m->mem.actual / 1024);
		put_param_ulong(to, "balloon.rss", (m->mem.held + m->mem.own) / 1024);
		*count += 2;
	}
	put_param_ulong(to, "balloon.maximum", config_now(m->vm)->memory / 1024);
	(*count)++;
}

/* wait and delay: libvirt has both from the host's scheduler, for which they are one time. */
static void put_vcpu(GByteArray *to, unsigned int i, const struct measure_cpu *cpu,
		     uint32_t *count)
{
	char field[32];

	put_numbered(to, "vcpu", i, "time", cpu->time_ns, count);
	if (cpu->ready_ns >= 0) {
		put_numbered(to, "vcpu", i, "wait", (uint64_t)cpu->ready_ns, count);
		put_numbered(to, "vcpu", i, "delay", (uint64_t)cpu->ready_ns, count);
	}
	if (cpu->halted >= 0) {
		g_snprintf(field, sizeof(field), "vcpu.%u.halted", i);
		put_param_bool(to, field, cpu->halted);
		(*count)++;
	}
}

static void put_vcpu_group(GByteArray *to, const struct measure *m, uint32_t *count)
{
	unsigned int i, cpus = config_now(m->vm)->cpus;
	char field[32];

	put_param_uint(to, "vcpu.current", cpus);
	put_param_uint(to, "vcpu.maximum", cpus);
	*count += 2;
	for (i = 0; m->stats && i < m->cpu_count; i++) {
		g_snprintf(field, sizeof(field), "vcpu.%u.state", i);
		put_param_int(to, field, m->vm->state == VM_RUNNING);
		(*count)++;
		put_vcpu(to, i, &m->cpu[i], count);
	}
}

static void put_net_group(GByteArray *to, const struct measure *m, uint32_t *count)
{
	unsigned int i, nets = config_now(m->vm)->net_count;
	char field[32], name[24];

	/* As in libvirt: cards are there while the VM is on. */
	if (!vm_is_on(m->vm))
		return;
	put_param_uint(to, "net.count", nets);
	(*count)++;
	for (i = 0; i < nets; i++) {
		const struct measure_net *net = &m->net[i];

		net_name(m->vm, i, name);
		g_snprintf(field, sizeof(field), "net.%u.name", i);
		put_param_string(to, field, name);
		(*count)++;
		if (i >= m->net_count)
			continue;
		put_numbered(to, "net", i, "rx.bytes", net->rx_bytes, count);
		put_numbered(to, "net", i, "rx.pkts", net->rx_frames, count);
		put_numbered(to, "net", i, "rx.drop", net->rx_dropped, count);
		put_numbered(to, "net", i, "tx.bytes", net->tx_bytes, count);
		put_numbered(to, "net", i, "tx.pkts", net->tx_frames, count);
		put_numbered(to, "net", i, "tx.drop", net->tx_dropped, count);
	}
}

static void put_disk_texts(GByteArray *to, const struct vm *vm, unsigned int n, uint32_t *count)
{
	char field[32], target[8], *path;

	domain_disk_target(false, n, target);
	g_snprintf(field, sizeof(field), "block.%u.name", n);
	put_param_string(to, field, target);
	path = domain_disk_path(vm->folder, config_now(vm)->disk[n].file);
	g_snprintf(field, sizeof(field), "block.%u.path", n);
	put_param_string(to, field, path);
	g_free(path);
	*count += 2;
}

static void put_block_group(GByteArray *to, const struct measure *m, uint32_t *count)
{
	unsigned int i, disks = config_now(m->vm)->disk_count;
	struct space space;

	put_param_uint(to, "block.count", disks);
	(*count)++;
	for (i = 0; i < disks; i++) {
		const struct measure_disk *disk = &m->disk[i];

		put_disk_texts(to, m->vm, i, count);
		if (i < m->disk_count) {
			put_numbered(to, "block", i, "rd.reqs", disk->reads, count);
			put_numbered(to, "block", i, "rd.bytes", disk->read_bytes, count);
			put_numbered(to, "block", i, "wr.reqs", disk->writes, count);
			put_numbered(to, "block", i, "wr.bytes", disk->written_bytes, count);
			put_numbered(to, "block", i, "fl.reqs", disk->flushes, count);
		}
		if (!space_of(m->vm, i, false, &space))
			continue;
		put_numbered(to, "block", i, "allocation", space.allocation, count);
		put_numbered(to, "block", i, "capacity", space.capacity, count);
		put_numbered(to, "block", i, "physical", space.physical, count);
	}
}

static void put_record(GByteArray *to, const struct measure *m, uint32_t groups)
{
	uint32_t count = 0;
	int32_t state, reason;
	guint at;

	put_dom(to, m->vm);
	at = xdr_put_later(to);
	if (groups & STATS_STATE) {
		state_of(m->vm, &state, &reason);
		put_param_int(to, "state.state", state);
		put_param_int(to, "state.reason", reason);
		count += 2;
	}
	if (groups & STATS_CPU)
		put_cpu_group(to, m, &count);
	if (groups & STATS_BALLOON)
		put_balloon_group(to, m, &count);
	if (groups & STATS_VCPU)
		put_vcpu_group(to, m, &count);
	if (groups & STATS_NET)
		put_net_group(to, m, &count);
	if (groups & STATS_BLOCK)
		put_block_group(to, m, &count);
	xdr_set_later(to, at, count);
}

static void put_all(struct call *call, const struct measure *m, unsigned int count)
{
	uint32_t groups = call->arg[1].u ? call->arg[1].u : STATS_KNOWN;
	unsigned int i;

	xdr_put_uint(call->out, count);
	for (i = 0; i < count; i++)
		put_record(call->out, &m[i], groups);
	call_return(call);
}

struct choosing { GPtrArray *vms; uint32_t flags; };

static void choose(struct vm *vm, void *ctx)
{
	struct choosing *c = ctx;
	int32_t state, reason;
	uint32_t bits;

	state_of(vm, &state, &reason);
	bits = (vm_is_on(vm) ? 1u : 2u) | (definition_is_transient(vm_uuid(vm)) ? 8u : 4u) |
		(state == 1 ? 0x10u : state == 3 ? 0x20u : state == 5 ? 0x40u : 0x80u);
	if ((c->flags & 3 && !(c->flags & 3 & bits)) ||
	    (c->flags & 0xc && !(c->flags & 0xc & bits)) ||
	    (c->flags & 0xf0 && !(c->flags & 0xf0 & bits)))
		return;
	g_ptr_array_add(c->vms, vm);
}

void do_all_domain_stats(struct call *call)
{
	struct choosing c = { .vms = g_ptr_array_new(), .flags = call->flags };
	uint32_t groups = call->arg[1].u ? call->arg[1].u : STATS_KNOWN, i;

	if (call->flags & STATS_ENFORCE && groups & ~STATS_KNOWN) {
		g_ptr_array_unref(c.vms);
		call_fail(call, LV_ERR_ARGUMENT, "argument unsupported: Stats types bits 0x%x are "
			  "not supported by this daemon", groups & ~STATS_KNOWN);
		return;
	}
	if (!call->arg[0].count)
		registry_each(choose, &c);
	for (i = 0; i < call->arg[0].count; i++) {
		char uuid[37];
		struct vm *vm;

		xdr_uuid_text(call->arg[0].item[i].item[1].bytes, uuid);
		vm = registry_find_uuid(uuid);
		/* One that has gone since is left out, as libvirt does, and one named twice. */
		if (vm && c.vms->len < LV_LIST_MAX && !g_ptr_array_find(c.vms, vm, NULL))
			choose(vm, &c);
	}
	measure_vms(call, c.vms,
		    (groups & (STATS_CPU | STATS_VCPU | STATS_NET | STATS_BLOCK) ?
		     MEASURE_STATS : 0) | (groups & STATS_BALLOON ? MEASURE_MEMORY : 0), put_all);
}
