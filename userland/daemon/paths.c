// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Folders and sockets of this user. See paths.h.
 */
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct paths paths;

static bool failed(struct btn_error *e, const char *path, const char *why)
{
	btn_set(e, BTN_DAEMON_FAILED, "the folder \"%.128s\" cannot be used", path);
	btn_set_cause(e, "%s", why);
	return false;
}

/* A folder of this user's that nobody else can look into. */
static bool make_private(const char *path, struct btn_error *e)
{
	struct stat st;
	bool ok;
	int fd;

	if (g_mkdir_with_parents(path, 0700))
		return failed(e, path, g_strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return failed(e, path, g_strerror(errno));
	ok = !fstat(fd, &st);
	if (!ok)
		failed(e, path, g_strerror(errno));
	else if (st.st_uid != geteuid())
		ok = failed(e, path, "It belongs to another user.");
	else if ((st.st_mode & 077) && fchmod(fd, 0700))
		ok = failed(e, path, g_strerror(errno));
	close(fd);
	return ok;
}

/* *at becomes BASE/NAME. */
static char *below(char **at, const char *base, const char *name)
{
	g_free(*at);
	return *at = g_build_filename(base, name, NULL);
}

static void choose_data(void)
{
	const char *data = g_getenv("XDG_DATA_HOME");
	char *home = data && data[0] == '/' ? g_strdup(data) :
		     g_build_filename(g_get_home_dir(), ".local", "share", NULL);

	below(&paths.data, home, "baton");
	below(&paths.vms, paths.data, "vms");
	below(&paths.trash, paths.data, "trash");
	below(&paths.images, paths.data, "images");
	below(&paths.networks, paths.data, "networks");
	below(&paths.journal, paths.data, "journal");
	g_free(home);
}

/* Where this user's sockets go: as logind makes it, or for root without a login /run. */
static char *runtime_folder(void)
{
	const char *run = g_getenv("XDG_RUNTIME_DIR");
	char *usual;

	if (run && run[0] == '/')
		return g_strdup(run);
	usual = g_strdup_printf("/run/user/%u", (unsigned int)geteuid());
	if (g_file_test(usual, G_FILE_TEST_IS_DIR))
		return usual;
	g_free(usual);
	return geteuid() ? NULL : g_strdup("/run");
}

/*
 * Where libvirt's client library looks for a driver "baton": for root, whatever its
 * session, in the system's place, unless the session has a place of its own by intent.
 */
static void choose_libvirt(const char *run)
{
	bool own = geteuid() || g_getenv("XDG_RUNTIME_DIR");

	below(&paths.libvirt_sockets[0], own ? run : "/run", "libvirt/virtbatond-sock");
	below(&paths.libvirt_sockets[1], paths.runtime, "libvirt.sock");
}

static bool choose_runtime(struct btn_error *e)
{
	char *run = runtime_folder();
	/* The longest: vm/UUID.ctl; sockets of networks have at most as long names. */
	size_t longest = strlen("/baton/vm/.ctl") + 36;

	if (!run || strlen(run) + longest >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		btn_set(e, BTN_DAEMON_FAILED, "there is no place for sockets");
		btn_set_cause(e, "XDG_RUNTIME_DIR is not set, or too long a path.");
		btn_set_fix(e, "Log in again, or: export XDG_RUNTIME_DIR=/run/user/$(id -u)");
		g_free(run);
		return false;
	}
	below(&paths.runtime, run, "baton");
	below(&paths.vm_sockets, paths.runtime, "vm");
	below(&paths.net_sockets, paths.runtime, "net");
	below(&paths.api_socket, paths.runtime, "batond.sock");
	below(&paths.lock, paths.runtime, "batond.lock");
	choose_libvirt(run);
	g_free(run);
	return true;
}

bool paths_init(struct btn_error *e)
{
	const char *folders[9];

	if (!choose_runtime(e))
		return false;
	choose_data();
	memcpy(folders, (const char *[]){
		paths.data, paths.vms, paths.trash, paths.images, paths.networks,
		paths.journal, paths.runtime, paths.vm_sockets, paths.net_sockets,
	}, sizeof(folders));
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
		if (!make_private(folders[i], e))
			return false;
	return true;
}

char *paths_program(const char *name, struct btn_error *e)
{
	static const char *const places[] = { "", "../libexec/baton" };
	char *self = g_file_read_link("/proc/self/exe", NULL);
	char *folder = self ? g_path_get_dirname(self) : g_strdup("/"), *path = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(places) && !path; i++) {
		path = g_build_filename(folder, places[i], name, NULL);
		if (access(path, X_OK))
			g_clear_pointer(&path, g_free);
	}
	if (!path) {
		btn_set(e, BTN_NO_MONITOR, "%s was not found", name);
		btn_set_cause(e, "It is neither in %s nor in ../libexec/baton from there.",
			      folder);
	}
	g_free(folder);
	g_free(self);
	return path;
}
