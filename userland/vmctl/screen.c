// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl screenshot, send-key and type: what people do with a VM's screen and keyboard,
 * from scripts. The VM hands out pixels; the picture file is made here.
 */
#define _GNU_SOURCE /* F_GET_SEALS */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "remote.h"
#include "verb.h"
#include "write_png.h"

#define ANSWER_MS 10000
#define SIDE_MAX 16384
#define TEXT_MAX 4096u

#define CONTROL_ROW \
	{ "control", "PATH", "The VM's control socket, instead of the first argument." }
#define VM_MEANS "VM is the name of a VM, or the path, with a / or . in it, of a control socket: " \
	"vmctl boot --control PATH. "

const struct option_row screenshot_options[] = { CONTROL_ROW, { NULL, NULL, NULL } };
const struct example screenshot_examples[] = {
	{ "What is on the screen now:", "vmctl screenshot web-1 screen.png" },
	{ "The same for a program:", "vmctl screenshot web-1 - | pngtopnm" },
	{ NULL, NULL },
};
const char screenshot_description[] =
	VM_MEANS "FILE is replaced if it is there; \"-\" is standard output; without FILE a "
	"name with the time is chosen and printed.";

const struct option_row send_key_options[] = {
	CONTROL_ROW,
	{ "hold", "MS", "How long keys are held down, in milliseconds. Default: 40." },
	{ NULL, NULL, NULL },
};
const struct example send_key_examples[] = {
	{ "The three keys:", "vmctl send-key web-1 ctrl-alt-delete" },
	{ "Down twice, then enter:", "vmctl send-key web-1 down down enter" },
	{ NULL, NULL },
};
const char send_key_description[] =
	VM_MEANS "Each of KEYS is pressed, held and let go, one after the other. Keys that are "
	"pressed together have a - between them: ctrl-alt-f2. A key is a character of the US "
	"keyboard, or one of: enter, esc, tab, backspace, space, delete, insert, home, end, "
	"pageup, pagedown, up, down, left, right, f1 to f12, shift, ctrl, alt, meta, menu, "
	"print, pause, scrolllock, numlock, capslock.";

const struct option_row type_options[] = {
	CONTROL_ROW,
	{ "delay", "MS", "Time for each character, in milliseconds. Default: 40." },
	{ NULL, NULL, NULL },
};
const struct example type_examples[] = {
	{ "Log in:", "vmctl type web-1 $'root\\n'" },
	{ "A password that no list of processes shows:", "vmctl type web-1 <password.txt" },
	{ NULL, NULL },
};
const char type_description[] =
	VM_MEANS "Types TEXT, or without it what comes on standard input, as on a US keyboard: "
	"a guest with another layout sees other characters. The command ends when the last key "
	"has been let go.";

/* ---- screenshot ---- */

struct picture {
	int64_t width, height, stride;
	uint32_t *pixels;
	size_t size;
};

/* The descriptor's size must not be able to change under us: a fault would end us. */
static bool map_picture(const struct rpc_answer *answer, struct picture *p)
{
	const struct json_node *a = answer->node;
	int seals = answer->fd >= 0 ? fcntl(answer->fd, F_GET_SEALS) : -1;
	struct stat st;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(answer->fd, &st) ||
	    !json_get_int(a, "width", 1, SIDE_MAX, &p->width) ||
	    !json_get_int(a, "height", 1, SIDE_MAX, &p->height) ||
	    !json_get_int(a, "stride", 4 * p->width, 8 * SIDE_MAX, &p->stride) ||
	    st.st_size < p->stride * p->height)
		return false;
	p->size = (size_t)(p->stride * p->height);
	p->pixels = mmap(NULL, p->size, PROT_READ, MAP_SHARED, answer->fd, 0);
	return p->pixels != MAP_FAILED;
}

static bool take_picture(struct remote *remote, struct picture *p, struct btn_error *e)
{
	bool ok;

	remote_begin(remote, "screenshot");
	if (!remote_end(remote, ANSWER_MS, e))
		return false;
	ok = map_picture(&remote->answer, p);
	if (remote->answer.fd >= 0)
		close(remote->answer.fd);
	if (!ok)
		btn_set(e, BTN_NOT_RUNNING, "the VM's answer has no picture");
	return ok;
}

static bool write_failed(const char *path, int error, struct btn_error *e)
{
	btn_set(e, BTN_HOST_CALL_FAILED, "the picture cannot be written to \"%.128s\"", path);
	btn_set_cause(e, "The host says: %s.", strerror(error));
	btn_set_fix(e, "Name a file in a folder of yours that has room.");
	return false;
}

static int write_picture(int fd, const struct picture *p)
{
	return -png_write(fd, p->pixels, (uint32_t)p->width, (uint32_t)p->height,
			  (uint32_t)p->stride);
}

/* A device or a FIFO is written to, not replaced: root has the right to do away with /dev/null. */
static bool write_special(const struct picture *p, const char *path, struct btn_error *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), error;

	if (fd < 0)
		return write_failed(path, errno, e);
	error = write_picture(fd, p);
	close(fd);
	return !error || write_failed(path, error, e);
}

static bool is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* As a whole or not at all: who looks at the file never finds half a picture. */
static bool save_picture(const struct picture *p, const char *path, struct btn_error *e)
{
	char temporary[PATH_MAX];
	int fd, error;

	if (is_special(path))
		return write_special(p, path, e);
	if (snprintf(temporary, sizeof(temporary), "%s.%d", path, getpid()) >=
	    (int)sizeof(temporary))
		return write_failed(path, ENAMETOOLONG, e);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return write_failed(path, errno, e);
	error = write_picture(fd, p);
	if (close(fd) && !error)
		error = errno;
	if (!error && rename(temporary, path))
		error = errno;
	if (!error)
		return true;
	unlink(temporary);
	return write_failed(path, error, e);
}

static bool print_picture(const struct picture *p, struct btn_error *e)
{
	int error;

	if (isatty(STDOUT_FILENO)) {
		btn_set(e, BTN_BAD_VALUE, "a terminal does not show PNG files");
		btn_set_cause(e, "FILE is \"-\", and standard output is a terminal.");
		btn_set_fix(e, "Name a file, or pipe the output into a program.");
		return false;
	}
	error = write_picture(STDOUT_FILENO, p);
	return !error || write_failed("-", error, e);
}

static bool put_picture(const struct remote *remote, const struct picture *p, struct btn_error *e)
{
	const char *file = remote->rest_count ? remote->rest[0] : NULL;
	time_t now = time(NULL);
	struct tm tm;
	char name[64];

	if (file && !strcmp(file, "-"))
		return print_picture(p, e);
	if (file)
		return save_picture(p, file, e);
	strftime(name, sizeof(name), "screenshot-%Y%m%d-%H%M%S.png", localtime_r(&now, &tm));
	if (!save_picture(p, name, e))
		return false;
	puts(name);
	return true;
}

int screenshot_run(const struct args *args, struct btn_error *e)
{
	static struct remote remote;
	struct picture picture;
	bool ok;

	if (!remote_open(args, &remote, e))
		return BTN_EXIT_FAILED;
	ok = take_picture(&remote, &picture, e);
	if (ok) {
		ok = put_picture(&remote, &picture, e);
		munmap(picture.pixels, picture.size);
	}
	remote_close(&remote);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}

/* ---- keys ---- */

/* An option in milliseconds; *ret stays if it is not given. */
static bool take_ms(const struct args *args, const char *name, long *ret, struct btn_error *e)
{
	const char *text = args_get(args, name);
	char *end;

	if (!text)
		return true;
	*ret = strtol(text, &end, 10);
	if (*text && !*end && *ret >= 0 && *ret <= 10000)
		return true;
	btn_set(e, BTN_BAD_VALUE, "--%s: \"%.64s\" is no number from 0 to 10000", name, text);
	return false;
}

static bool send_keys(struct remote *remote, long hold, struct btn_error *e)
{
	if (!remote->rest_count) {
		btn_set(e, BTN_MISSING_ARGUMENT, "the keys are missing");
		return false;
	}
	for (size_t i = 0; i < remote->rest_count; i++) {
		remote_begin(remote, "send-key");
		json_put_string(&remote->out, "keys", remote->rest[i]);
		json_put_int(&remote->out, "hold_ms", hold);
		if (!remote_end(remote, ANSWER_MS + (int)hold, e))
			return false;
	}
	return true;
}

int send_key_run(const struct args *args, struct btn_error *e)
{
	static struct remote remote;
	long hold = 40;
	bool ok;

	if (!take_ms(args, "hold", &hold, e) || !remote_open(args, &remote, e))
		return BTN_EXIT_FAILED;
	ok = send_keys(&remote, hold, e);
	remote_close(&remote);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}

/* ---- text ---- */

/* All of standard input, which must not be longer than one request takes. */
static bool read_text(char *text, size_t size, struct btn_error *e)
{
	size_t length = fread(text, 1, size, stdin);

	if (length < size && !memchr(text, 0, length)) {
		text[length] = 0;
		return true;
	}
	btn_set(e, BTN_BAD_VALUE, "standard input is no text, or one of more than %zu bytes",
		size - 1);
	return false;
}

static bool type_text(struct remote *remote, const char *text, long delay, struct btn_error *e)
{
	if (strlen(text) > TEXT_MAX) {
		btn_set(e, BTN_BAD_VALUE, "the text is longer than %u bytes", TEXT_MAX);
		btn_set_fix(e, "Type it in several parts.");
		return false;
	}
	remote_begin(remote, "type");
	json_put_string(&remote->out, "text", text);
	json_put_int(&remote->out, "delay_ms", delay);
	return remote_end(remote, ANSWER_MS + (int)(2 * delay * (long)strlen(text)), e);
}

int type_run(const struct args *args, struct btn_error *e)
{
	static struct remote remote;
	static char input[TEXT_MAX + 1];
	long delay = 40;
	bool ok;

	if (!take_ms(args, "delay", &delay, e) || !remote_open(args, &remote, e))
		return BTN_EXIT_FAILED;
	ok = remote.rest_count || read_text(input, sizeof(input), e);
	ok = ok && type_text(&remote, remote.rest_count ? remote.rest[0] : input, delay, e);
	remote_close(&remote);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
