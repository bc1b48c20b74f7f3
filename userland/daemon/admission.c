// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * May this VM start now? The cheapest checks first. A guest's memory is touched lazily
 * and given back on demand, so only what it cannot do without is asked of the host now:
 * the lower end of its range.
 */
#include "admission.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "baton_feat.h"
#include "files.h"
#include "lib/check.h"
#include "lib/size.h"
#include "paths.h"

#define MONITOR_OVERHEAD (64ull << 20)	/* a monitor beside its guest's memory */
#define CPUS_FACTOR 4u			/* virtual CPUs of one VM per CPU of the host */
#define MEMINFO_MAX (64u << 10)

/* ---- the host ---- */

/* "MemTotal:  12345 kB" */
static bool meminfo_bytes(const char *text, const char *name, uint64_t *ret)
{
	const char *at = strstr(text, name);
	char *end;

	if (!at)
		return false;
	at += strlen(name);
	*ret = g_ascii_strtoull(at, &end, 10) * 1024;
	return end != at;
}

static bool host_failed(struct btn_error *e, const char *what, const char *why)
{
	btn_set(e, BTN_HOST_CALL_FAILED, "the host does not say %s", what);
	btn_set_cause(e, "%s", why);
	return false;
}

bool admission_read_host(struct admission_host *ret, struct btn_error *e)
{
	struct admission_host host = { 0 };
	struct statvfs vfs;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t length;
	char *text = files_read("memory information", "/proc/meminfo", MEMINFO_MAX, &length, e);
	bool ok;

	if (!text)
		return false;
	ok = meminfo_bytes(text, "MemTotal:", &host.memory_total) &&
	     meminfo_bytes(text, "MemAvailable:", &host.memory_available);
	g_free(text);
	if (!ok)
		return host_failed(e, "how much memory it has",
				   "/proc/meminfo lacks MemTotal or MemAvailable.");
	if (statvfs(paths.data, &vfs))
		return host_failed(e, "how much space its disk has", g_strerror(errno));
	host.disk_free = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	host.cpus = cpus > 0 ? (unsigned int)cpus : 1;
	*ret = host;
	return true;
}

/* ---- memory and CPUs ---- */

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What to set instead: whole 64 MiB; and a range keeps its upper end. */
static void set_memory_fix(struct btn_error *e, const struct config *config, uint64_t spare)
{
	uint64_t fits = minus(spare, MONITOR_OVERHEAD) & ~((64ull << 20) - 1);
	char *max;

	if (!fits) {
		btn_set_fix(e, "Stop another VM or close programs, then try again.");
		return;
	}
	if (config->memory == config->memory_min) {
		btn_set_fix(e, "Stop another VM, close programs, or give this one less: "
			       "vmctl set %s memory=%" PRIu64 "M", config->name, fits >> 20);
		return;
	}
	max = config_get(config, "memory");
	btn_set_fix(e, "Stop another VM, close programs, or give this one less: "
		       "vmctl set %s memory=%" PRIu64 "M%s", config->name, fits >> 20,
		    strstr(max, ".."));
	g_free(max);
}

static bool check_host_memory(const struct config *config, const struct admission_host *host,
			      struct btn_error *e)
{
	uint64_t spare = minus(host->memory_available, ADMISSION_MEMORY_RESERVE);
	char asked[SIZE_FORMAT_MAX], there[SIZE_FORMAT_MAX], kept[SIZE_FORMAT_MAX];

	if (config->memory > host->memory_total) {
		btn_set(e, BTN_MEMORY_ABOVE_HOST, "\"%s\" has %s of memory, the host %s",
			config->name, size_format(config->memory, asked, sizeof(asked)),
			size_format(host->memory_total, there, sizeof(there)));
		btn_set_fix(e, "Give it less: vmctl set %s memory=%" PRIu64 "M", config->name,
			    (host->memory_total / 2) >> 20);
		return false;
	}
	if (config->memory_min + MONITOR_OVERHEAD <= spare)
		return true;
	btn_set(e, BTN_NOT_ENOUGH_MEMORY, "\"%s\" needs %s of memory, the host can give %s",
		config->name, size_format(config->memory_min, asked, sizeof(asked)),
		size_format(minus(spare, MONITOR_OVERHEAD), there, sizeof(there)));
	btn_set_cause(e, "That is what other programs leave, less %s for the host itself.",
		      size_format(ADMISSION_MEMORY_RESERVE + MONITOR_OVERHEAD, kept,
				  sizeof(kept)));
	set_memory_fix(e, config, spare);
	return false;
}

static bool check_host_cpus(const struct config *config, const struct admission_host *host,
			    struct btn_error *e)
{
	unsigned int most = MIN(host->cpus * CPUS_FACTOR, BATON_MAX_VCPUS);

	if (config->cpus <= most)
		return true;
	btn_set(e, BTN_TOO_MANY_CPUS, "\"%s\" has %u CPUs, on this host it can have %u",
		config->name, config->cpus, most);
	btn_set_cause(e, "The host has %u; a VM can have %u for each of them, and no more than %u.",
		      host->cpus, CPUS_FACTOR, BATON_MAX_VCPUS);
	btn_set_fix(e, "Give it fewer: vmctl set %s cpus=%u", config->name, most);
	return false;
}

static bool check_host_disk(const struct config *config, const struct admission_host *host,
			    struct btn_error *e)
{
	char there[SIZE_FORMAT_MAX], kept[SIZE_FORMAT_MAX];
	bool writes = false;

	for (unsigned int i = 0; i < config->disk_count; i++)
		writes |= !config->disk[i].readonly;
	if (!writes || host->disk_free >= ADMISSION_DISK_RESERVE)
		return true;
	btn_set(e, BTN_NOT_ENOUGH_DISK, "there is no space for the disks of \"%s\" to grow",
		config->name);
	btn_set_cause(e, "The file system that holds the VMs has %s left; at least %s is needed.",
		      size_format(host->disk_free, there, sizeof(there)),
		      size_format(ADMISSION_DISK_RESERVE, kept, sizeof(kept)));
	return false;
}

/* ---- files ---- */

static bool check_plain(const char *what, const char *folder, const char *file,
			struct btn_error *e)
{
	char *path = file ? config_file_path(folder, file) : NULL;
	bool ok = !path || check_file(what, path, e);

	g_free(path);
	return ok;
}

static bool check_one_disk(const struct config *config, const char *folder, unsigned int i,
			   struct btn_error *e)
{
	const struct config_disk *disk = &config->disk[i];
	char *path = config_file_path(folder, disk->file);
	bool ok = check_disk(path, disk->readonly, e);

	if (!ok && e->code == BTN_DISK_READONLY)
		btn_set_fix(e, "Allow writing: chmod u+w '%s', or: vmctl set %s "
			       "disk.%u.readonly=on", path, config->name, i);
	else if (!ok && e->code == BTN_FILE_MISSING)
		btn_set_fix(e, "Bring the file back, or name another one: vmctl set %s "
			       "disk.%u.file=FILE", config->name, i);
	g_free(path);
	return ok;
}

static bool check_one_cdrom(const struct config *config, const char *folder, unsigned int i,
			    struct btn_error *e)
{
	char *path = config_file_path(folder, config->cdrom[i]);
	bool ok = check_cdrom(path, e);

	if (!ok && e->code == BTN_FILE_MISSING)
		btn_set_fix(e, "Bring the file back, or remove the drive: vmctl set %s cdrom.%u=",
			    config->name, i);
	g_free(path);
	return ok;
}

static bool check_password(const char *folder, const char *file, struct btn_error *e)
{
	char password[CHECK_VNC_PASSWORD_MAX + 1], *path;
	bool ok;

	if (!file)
		return true;
	path = config_file_path(folder, file);
	ok = check_file("password file", path, e) && check_read_password(path, password, e);
	explicit_bzero(password, sizeof(password));
	g_free(path);
	return ok;
}

static bool check_files(const struct config *config, const char *folder, struct btn_error *e)
{
	if (config->board == CONFIG_PC && !config->disk_count && !config->cdrom_count) {
		btn_set(e, BTN_MISSING_ARGUMENT, "\"%s\" has nothing to boot", config->name);
		btn_set_cause(e, "It has neither a disk nor a CD drive.");
		btn_set_fix(e, "Give it one: vmctl set %s disk.0.file=FILE", config->name);
		return false;
	}
	if (!check_plain("kernel", folder, config->kernel, e) ||
	    !check_plain("initrd", folder, config->initrd, e) ||
	    !check_password(folder, config->vnc ? config->vnc_password : NULL, e))
		return false;
	for (unsigned int i = 0; i < config->disk_count; i++)
		if (!check_one_disk(config, folder, i, e))
			return false;
	for (unsigned int i = 0; i < config->cdrom_count; i++)
		if (!check_one_cdrom(config, folder, i, e))
			return false;
	return true;
}

/* ---- ports ---- */

/* 0, or the errno of bind(). As whoever uses it later does: a port in TIME_WAIT is free. */
static int try_port(const char *address, uint16_t port, bool udp)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int on = 1, error = 0;

	if (fd < 0)
		return 0; /* cannot tell; baton-net will */
	inet_pton(AF_INET, address, &in.sin_addr);
	if (!udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)))
		error = errno;
	close(fd);
	return error;
}

static bool check_forward(const struct config *config, unsigned int card,
			  const struct config_forward *f, struct btn_error *e)
{
	int error = try_port(f->host_address, f->host_port, f->udp);
	const char *kind = f->udp ? "UDP" : "TCP";

	if (!error)
		return true;
	if (error == EADDRINUSE) {
		btn_set(e, BTN_FORWARD_BUSY, "%s port %u of the host is taken", kind,
			f->host_port);
		btn_set_cause(e, "\"%s\" forwards it to port %u of the guest, and another program "
			      "listens on %s:%u.", config->name, f->guest_port, f->host_address,
			      f->host_port);
		btn_set_fix(e, "Find it (ss -lnp | grep :%u) and stop it, or use another port: "
			       "vmctl set %s net.%u.forward=HOSTPORT:%u", f->host_port,
			    config->name, card, f->guest_port);
		return false;
	}
	btn_set(e, BTN_FORWARD_FAILED, "%s port %u of the host cannot be used", kind,
		f->host_port);
	btn_set_cause(e, "The host says of %s:%u: %s.", f->host_address, f->host_port,
		      g_strerror(error));
	btn_set_fix(e, "Use an address of this host and a port from 1024: vmctl set %s "
		       "net.%u.forward=HOSTPORT:%u", config->name, card, f->guest_port);
	return false;
}

static bool check_vnc_port(const struct config *config, struct btn_error *e)
{
	static const char loopback[] = "127.0.0.1:";
	int error;

	if (!config->vnc || !g_str_has_prefix(config->vnc, loopback))
		return true;
	error = try_port("127.0.0.1", (uint16_t)atoi(config->vnc + strlen(loopback)), false);
	if (!error)
		return true;
	btn_set(e, BTN_DISPLAY, "the screen of \"%s\" cannot be shown on %s", config->name,
		config->vnc);
	btn_set_cause(e, "The host says: %s.", g_strerror(error));
	btn_set_fix(e, "Use another port: vmctl set %s display.vnc=127.0.0.1:PORT", config->name);
	return false;
}

static bool check_ports(const struct config *config, struct btn_error *e)
{
	for (unsigned int i = 0; i < config->net_count; i++)
		for (unsigned int f = 0; f < config->net[i].forward_count; f++)
			if (!check_forward(config, i, &config->net[i].forward[f], e))
				return false;
	return check_vnc_port(config, e);
}

bool admission_check(const struct config *config, const char *folder,
		     const struct admission_host *host, struct btn_error *e)
{
	return config_check(config, e) && check_host_memory(config, host, e) &&
	       check_host_cpus(config, host, e) && check_host_disk(config, host, e) &&
	       check_files(config, folder, e) && check_ports(config, e);
}

bool admission_check_new(const struct config *config, const struct admission_host *host,
			 struct btn_error *e)
{
	if (check_host_memory(config, host, e) && check_host_cpus(config, host, e) &&
	    check_ports(config, e))
		return true;
	/* "vmctl set" has nothing to change. */
	if (e->code == BTN_MEMORY_ABOVE_HOST || e->code == BTN_NOT_ENOUGH_MEMORY)
		btn_set_fix(e, "Ask for less memory, or stop another VM; nothing was made.");
	else if (e->code == BTN_TOO_MANY_CPUS)
		btn_set_fix(e, "Ask for fewer CPUs; nothing was made.");
	else
		btn_set_fix(e, "Choose another port of the host; nothing was made.");
	return false;
}
