// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checks of vmctl doctor on the daemon and what it needs, and the facts for them. No
 * daemon is started: doctor changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "baton_version.h"
#include "child.h"
#include "batond.h"
#include "doctor.h"
#include "node.h"
#include "size.h"
#include "ssh.h"

#define SPACE_WARNING (2ll << 30)

void say(struct finding *f, enum severity severity, const char *fmt, ...)
{
	va_list args;

	f->severity = severity;
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
}

void say_fix(struct finding *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(f->fix, sizeof(f->fix), fmt, args);
	va_end(args);
}

/* ---- facts ---- */

static bool is_there(const char *program)
{
	struct btn_error ignored;
	char path[4096];

	return child_find_program(program, BTN_NO_MONITOR, path, sizeof(path), &ignored);
}

static bool has_group(const char *groups, gid_t group)
{
	char *end;

	for (;; groups = end) {
		unsigned long one = strtoul(groups, &end, 10);

		if (end == groups)
			return false;
		if (one == group)
			return true;
	}
}

/* The groups of a process, as in /proc/PID/status; false: not to be seen. */
static bool read_groups(int64_t pid, char *ret, size_t size)
{
	char path[64];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%lld/status", (long long)pid);
	file = fopen(path, "re");
	while (file && !found && fgets(ret, (int)size, file))
		found = !strncmp(ret, "Groups:", 7);
	if (found)
		memmove(ret, ret + 7, strlen(ret + 7) + 1);
	if (file)
		fclose(file);
	return found;
}

/* A process keeps the groups of the login that it began in. */
static void compare_groups(int64_t daemon, struct daemon_facts *facts)
{
	char ours[4096], theirs[4096];
	struct group *group;
	struct stat st;

	if (stat("/dev/baton", &st) || !(st.st_mode & S_IWGRP) || st.st_uid == getuid() ||
	    !read_groups(getpid(), ours, sizeof(ours)) ||
	    !read_groups(daemon, theirs, sizeof(theirs)))
		return;
	group = getgrgid(st.st_gid);
	if (group && has_group(ours, st.st_gid) && !has_group(theirs, st.st_gid))
		snprintf(facts->old_login, sizeof(facts->old_login), "%s", group->gr_name);
}

/* A socket of systemd's answers at any time, and starts the daemon: its lock says more. */
static bool daemon_runs(const char *socket)
{
	char path[sizeof(((struct daemon_facts *)NULL)->socket)];
	char *end;
	bool runs;
	int fd;

	snprintf(path, sizeof(path), "%s", socket);
	end = strrchr(path, '.');
	if (!end || (size_t)(end - path) + sizeof(".lock") > sizeof(path))
		return false;
	strcpy(end, ".lock");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	runs = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return runs;
}

static void ask_daemon(struct daemon_facts *facts)
{
	struct btn_error ignored;
	struct reply reply;
	struct daemon d;

	if (!daemon_runs(facts->socket) || !daemon_open_running(&d))
		return;
	if (daemon_get(&d, "status", &reply, &ignored)) {
		facts->runs = true;
		snprintf(facts->version, sizeof(facts->version), "%s",
			 node_string(reply.node, "version"));
		snprintf(facts->data, sizeof(facts->data), "%s", node_string(reply.node, "data"));
		facts->vms = node_int(reply.node, "vms");
		facts->running = node_int(reply.node, "running");
		compare_groups(node_int(reply.node, "pid"), facts);
		reply_free(&reply);
	}
	daemon_close(&d);
}

static void guess_data(struct daemon_facts *facts)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && *data)
		snprintf(facts->data, sizeof(facts->data), "%s/baton", data);
	else
		snprintf(facts->data, sizeof(facts->data), "%s/.local/share/baton",
			 home ? home : "");
}

/* Of the folder, or of the nearest above that is there. */
static int64_t space_at(const char *folder)
{
	char path[256];
	struct statvfs fs;
	char *slash;

	snprintf(path, sizeof(path), "%s", folder);
	while (statvfs(path, &fs)) {
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return -1;
		*slash = '\0';
	}
	return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

void doctor_daemon_facts(struct daemon_facts *ret_facts)
{
	struct daemon_facts facts = { .root = !getuid() };
	const struct passwd *user = getpwuid(getuid());

	snprintf(facts.user, sizeof(facts.user), "%s", user ? user->pw_name : "");
	daemon_socket_path(facts.socket, sizeof(facts.socket));
	facts.batond = is_there("batond");
	facts.monitor = is_there("baton-vm");
	facts.netd = is_there("baton-net");
	facts.qemu_img = program_is_installed("qemu-img");
	ask_daemon(&facts);
	if (!facts.data[0])
		guess_data(&facts);
	facts.disk_free = space_at(facts.data);
	*ret_facts = facts;
}

/* ---- checks ---- */

static void check_old_login(const struct doctor *d, struct finding *f)
{
	f->code = BTN_MODULE_NO_ACCESS;
	say(f, SEVERITY_WARNING, "batond began before %s was in the group %s: its VMs may not use "
	    "/dev/baton", d->daemon.user, d->daemon.old_login);
	if (doctor_exists(d, "/run/systemd/system"))
		say_fix(f, "loginctl terminate-user \"$USER\"  # ends all your programs and VMs; "
			"then log in again");
	else
		say_fix(f, "pkill -u \"$USER\" -x batond  # VMs run on; the next command starts "
			"another");
}

void check_daemon(const struct doctor *d, struct finding *f)
{
	const struct daemon_facts *facts = &d->daemon;

	if (facts->runs && strcmp(facts->version, BATON_VERSION)) {
		say(f, SEVERITY_WARNING, "batond %s runs, and this is vmctl %s", facts->version,
		    BATON_VERSION);
		say_fix(f, "systemctl --user restart batond || pkill -u \"$USER\" -x batond"
			"  # VMs run on; the next command starts the new one");
	} else if (facts->runs && facts->old_login[0]) {
		check_old_login(d, f);
	} else if (facts->runs) {
		say(f, SEVERITY_OK, "batond runs, %lld VMs, %lld of them on",
		    (long long)facts->vms, (long long)facts->running);
	} else if (facts->batond) {
		say(f, SEVERITY_OK, "batond does not run; the next command starts it (at %s)",
		    facts->socket);
	} else {
		f->code = BTN_NO_DAEMON;
		say(f, SEVERITY_WARNING, "batond is not installed: only \"vmctl boot\" and "
		    "\"vmctl disk\" work");
		say_fix(f, "make userland  # or install the package again");
	}
}

void check_programs(const struct doctor *d, struct finding *f)
{
	const struct daemon_facts *facts = &d->daemon;

	if (facts->monitor && facts->netd) {
		say(f, SEVERITY_OK, "baton-vm and baton-net are there");
		return;
	}
	f->code = BTN_NO_MONITOR;
	say(f, facts->monitor ? SEVERITY_WARNING : SEVERITY_PROBLEM,
	    "%s%s%s not beside vmctl nor in ../libexec/baton",
	    facts->monitor ? "" : "baton-vm", facts->monitor || facts->netd ? "" : " and ",
	    facts->netd ? " is" : facts->monitor ? "baton-net is" : "baton-net are");
	say_fix(f, "make userland  # or install the package again");
}

void check_images(const struct doctor *d, struct finding *f)
{
	const struct daemon_facts *facts = &d->daemon;
	char text[SIZE_FORMAT_MAX];

	if (facts->disk_free < 0) {
		say(f, SEVERITY_NOTE, "how much room there is for VMs at %s cannot be seen",
		    facts->data);
		return;
	}
	size_format((uint64_t)facts->disk_free, text, sizeof(text));
	if (facts->disk_free >= SPACE_WARNING) {
		say(f, SEVERITY_OK, "%s free for VMs and images at %s", text, facts->data);
		return;
	}
	f->code = BTN_NOT_ENOUGH_DISK;
	say(f, SEVERITY_WARNING, "only %s free for VMs and images at %s", text, facts->data);
	say_fix(f, "vmctl purge --all  # empties the trash; or: du -h -d 2 %s", facts->data);
}

void check_import(const struct doctor *d, struct finding *f)
{
	if (d->daemon.qemu_img) {
		say(f, SEVERITY_OK, "qemu-img is there: images of other formats can be imported");
		return;
	}
	say(f, SEVERITY_NOTE, "qemu-img is not there: only raw and qcow2 images can be added");
	say_fix(f, "sudo apt install qemu-utils");
}

void check_linger(const struct doctor *d, struct finding *f)
{
	char path[128];

	snprintf(path, sizeof(path), "/var/lib/systemd/linger/%s", d->daemon.user);
	if (!doctor_exists(d, "/run/systemd/system")) {
		say(f, SEVERITY_OK, "no systemd: VMs run on when you log out");
	} else if (d->daemon.root) {
		say(f, SEVERITY_OK, "root's VMs belong to no session");
	} else if (d->daemon.user[0] && doctor_exists(d, path)) {
		say(f, SEVERITY_OK, "VMs run on when %s logs out", d->daemon.user);
	} else {
		say(f, SEVERITY_NOTE, "VMs end when %s logs out", d->daemon.user[0] ?
		    d->daemon.user : "this user");
		say_fix(f, "loginctl enable-linger  # they run on then");
	}
}
