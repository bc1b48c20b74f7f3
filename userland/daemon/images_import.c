// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images of other programs, of which qemu-img makes a qcow2. See images.h.
 *
 * What a file is, we say and not qemu-img, by its beginning. A hostile file can
 * name others as its parts or as what it is based on, and they would be read as
 * this user: qemu-img is asked first what it would open, and told to convert only
 * what is one file. Both times it gets the same open file, not the path.
 */
#define _GNU_SOURCE
#include "images_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/json_read.h"
#include "monitor/block/file.h"
#include "monitor/block/foreign.h"

#define OUTPUT_MAX (64u << 10)	/* of qemu-img, that is kept */
#define JSON_NODES 1024u
#define SOURCE_FD 3
#define SOURCE_PATH "/proc/self/fd/3"

/* ---- qemu-img ---- */

struct tool {
	char *program;
	char *folder;		/* where it runs: the new image's */
	int source;
	const struct images_add *what;
	const struct images_job *job;
	GString *output;	/* the end of it */
};

static bool no_tool(struct btn_error *e)
{
	btn_set(e, BTN_IMAGE_CONVERT, "the program qemu-img is not there");
	btn_set_cause(e, "It converts images of other programs.");
	btn_set_fix(e, "Install it: sudo apt install qemu-utils");
	return false;
}

static void take_output(struct tool *t, const char *data, size_t size, bool progress)
{
	const char *last;

	g_string_append_len(t->output, data, (gssize)size);
	if (t->output->len > OUTPUT_MAX)
		g_string_erase(t->output, 0, (gssize)(t->output->len - OUTPUT_MAX));
	last = progress ? g_strrstr_len(t->output->str, (gssize)t->output->len, "(") : NULL;
	if (last && strstr(last, "/100%)"))
		images_progress(t->job, "convert",
				(uint64_t)CLAMP(g_ascii_strtod(last + 1, NULL) * 100, 0, 10000),
				10000);
}

static GSubprocess *start_tool(struct tool *t, const char *const *argv, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE |
					  G_SUBPROCESS_FLAGS_STDERR_MERGE);
	int fd = fcntl(t->source, F_DUPFD_CLOEXEC, 10);

	if (fd < 0) {
		g_set_error_literal(error, G_IO_ERROR, g_io_error_from_errno(errno),
				    g_strerror(errno));
		return NULL;
	}
	g_subprocess_launcher_take_fd(launcher, fd, SOURCE_FD);
	g_subprocess_launcher_set_cwd(launcher, t->folder);
	g_subprocess_launcher_setenv(launcher, "LC_ALL", "C", TRUE);
	return g_subprocess_launcher_spawnv(launcher, argv, error);
}

/* Its last line, as far as a terminal may have it. */
static void set_said(const struct tool *t, struct btn_error *e)
{
	g_autofree char *text = g_utf8_make_valid(t->output->str, -1);
	char *line;

	g_strchomp(text);
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	g_strcanon(line, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
		   "abcdefghijklmnopqrstuvwxyz{|}~", '?');
	btn_set_cause(e, "qemu-img says: %.400s", *line ? line : "nothing");
}

static bool run_tool(struct tool *t, const char *const *argv, bool progress,
		     struct btn_error *e)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GSubprocess) child = start_tool(t, argv, &error);
	GInputStream *output = child ? g_subprocess_get_stdout_pipe(child) : NULL;
	char buffer[4096];
	gssize got;

	g_string_truncate(t->output, 0);
	if (!child) {
		btn_set(e, BTN_HOST_CALL_FAILED, "qemu-img cannot be started");
		btn_set_cause(e, "The host says: %s.", error->message);
		return false;
	}
	while ((got = g_input_stream_read(output, buffer, sizeof(buffer),
					  t->job ? t->job->cancel : NULL, NULL)) > 0)
		take_output(t, buffer, (size_t)got, progress);
	if (got < 0)
		g_subprocess_force_exit(child);
	g_subprocess_wait(child, NULL, NULL);
	if (images_cancelled(t->job, t->what->name, e))
		return false;
	if (!got && g_subprocess_get_if_exited(child) && !g_subprocess_get_exit_status(child))
		return true;
	btn_set(e, BTN_DISK_FORMAT, "the file \"%s\" cannot be converted", t->what->path);
	set_said(t, e);
	return false;
}

/* ---- import ---- */

/* All parts are the file itself; a format without parts says nothing of them. */
static bool parts_are_own(const struct json_node *info)
{
	const struct json_node *specific = json_member(info, "format-specific");
	const struct json_node *data = specific ? json_member(specific, "data") : NULL;
	const struct json_node *parts = data ? json_member(data, "extents") : NULL, *part = NULL;
	const char *name;

	if (!parts)
		return true;
	while ((part = json_next(parts, part)))
		if (!json_get_string(part, "filename", &name) || strcmp(name, SOURCE_PATH))
			return false;
	return true;
}

static bool check_alone(struct tool *t, const char *format, struct btn_error *e)
{
	const char *const argv[] = { t->program, "info", "--output=json", "-f", format,
				     SOURCE_PATH, NULL };
	g_autofree struct json_node *nodes = g_new(struct json_node, JSON_NODES);
	bool alone;

	if (!run_tool(t, argv, false, e))
		return false;
	alone = !json_read(t->output->str, t->output->len, nodes, JSON_NODES, NULL) &&
		nodes[0].type == JSON_OBJECT && !json_member(&nodes[0], "backing-filename") &&
		parts_are_own(&nodes[0]);
	if (alone)
		return true;
	btn_set(e, BTN_DISK_FORMAT, "the file \"%s\" does not stand for itself", t->what->path);
	btn_set_cause(e, "A part of the disk is in another file, or what it says of itself is not "
		      "understood.");
	btn_set_fix(e, IMAGE_CONVERT_BY_HAND);
	return false;
}

static bool convert(struct tool *t, const char *format, struct btn_error *e)
{
	const char *const argv[] = { t->program, "convert", "-p", "-f", format, "-O", "qcow2",
				     SOURCE_PATH, images_disk_name(false), NULL };

	return check_alone(t, format, e) && run_tool(t, argv, true, e);
}

static struct base_image *finish(struct staging *s, const struct images_add *what,
				 const struct images_job *job, struct btn_error *e)
{
	int fd = openat(s->fd, images_disk_name(false), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct base_image *image = g_new0(struct base_image, 1), *result = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		images_failed("the image", what->name, errno, e);
	} else {
		image->size = (uint64_t)st.st_size;
		if (images_copy(fd, -1, image->size, "check", what->name, job, image->sha256, e))
			result = images_finish(s, fd, image, what, e);
	}
	if (fd >= 0)
		close(fd);
	if (!result)
		base_image_free(image);
	return result;
}

static struct base_image *import_file(struct images *images, int fd, const char *format,
				      const struct images_add *what,
				      const struct images_job *job, struct btn_error *e)
{
	struct tool t = { .source = fd, .what = what, .job = job };
	struct base_image *image = NULL;
	struct staging s;

	t.program = g_find_program_in_path("qemu-img");
	if (!t.program) {
		no_tool(e);
		return NULL;
	}
	if (images_stage(images, &s, e)) {
		t.folder = g_build_filename(images->path, s.name, NULL);
		t.output = g_string_new(NULL);
		if (convert(&t, format, e))
			image = finish(&s, what, job, e);
		images_unstage(&s);
		g_string_free(t.output, TRUE);
		g_free(t.folder);
	}
	g_free(t.program);
	return image;
}

/* What is expected is the hash of the file that was given, not of what is made of it. */
static bool check_source(int fd, uint64_t size, const struct images_add *what,
			 const struct images_job *job, struct btn_error *e)
{
	char sha256[65];

	return !what->sha256 ||
	       (images_copy(fd, -1, size, "check", what->name, job, sha256, e) &&
		images_check_sum(what, sha256, e));
}

struct base_image *images_import(struct images *images, const struct images_add *what,
				 const struct images_job *job, struct btn_error *e)
{
	const struct image_foreign *foreign;
	struct base_image *image = NULL;
	uint64_t size;
	int fd;

	if (!images_check_add(images, what, e) ||
	    !image_file_open(what->path, -1, true, &fd, &size, e))
		return NULL;
	foreign = image_foreign(fd, size);
	/* Native, or refused there by name. */
	if (!foreign || !foreign->format)
		image = images_add(images, what, job, e);
	else if (check_source(fd, size, what, job, e))
		image = import_file(images, fd, foreign->format, what, job, e);
	image_file_close(fd);
	return image;
}
