// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of what people ask for. They are a courtesy: whoever uses a file or
 * memory later still has to deal with its failure.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "size.h"
#include "suggest.h"
#include "utf8.h"

bool check_file(const char *what, const char *path, struct btn_error *e)
{
	struct stat st;

	if (stat(path, &st)) {
		btn_set_file(e, what, path, errno);
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		btn_set_file(e, what, path, EISDIR);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		btn_set(e, BTN_FILE_NOT_REGULAR, "the %s \"%s\" is a special file", what, path);
		return false;
	}
	if (access(path, R_OK)) {
		btn_set_file(e, what, path, errno);
		return false;
	}
	return true;
}

bool check_disk(const char *path, bool readonly, struct btn_error *e)
{
	struct stat st;

	if (stat(path, &st)) {
		btn_set_file(e, "disk", path, errno);
		return false;
	}
	if (!S_ISBLK(st.st_mode) && !check_file("disk", path, e))
		return false;
	if (access(path, R_OK)) {
		btn_set_file(e, "disk", path, errno);
		return false;
	}
	if (!readonly && access(path, W_OK)) {
		btn_set(e, BTN_DISK_READONLY, "the disk \"%s\" may not be written", path);
		btn_set_fix(e, "Use --disk %s,readonly, or allow writing: chmod u+w %s", path,
			    path);
		return false;
	}
	return true;
}

#define CDROM_BLOCK 2048u
#define CDROM_SIZE_MAX (0xfffffff0ull * CDROM_BLOCK)

bool check_cdrom_size(const char *path, uint64_t size, struct btn_error *e)
{
	if (size && size % CDROM_BLOCK == 0 && size <= CDROM_SIZE_MAX)
		return true;
	btn_set(e, BTN_CDROM_SIZE, "the CD \"%s\" has a size that does not work", path);
	if (!size)
		btn_set_cause(e, "The file is empty.");
	else if (size % CDROM_BLOCK)
		btn_set_cause(e, "It has %llu bytes; an image of a CD or DVD is a multiple of %u.",
			      (unsigned long long)size, CDROM_BLOCK);
	else
		btn_set_cause(e, "No disc has more than 8 TiB.");
	return false;
}

void btn_set_no_cdrom(struct btn_error *e)
{
	btn_set(e, BTN_BAD_VALUE, "--cdrom is for board pc");
	btn_set_cause(e, "Board micro has nothing but virtio devices.");
	btn_set_fix(e, "Use --board pc, or attach the image as a disk: --disk FILE,readonly");
}

bool check_cdrom(const char *path, struct btn_error *e)
{
	struct stat st;

	if (stat(path, &st)) {
		btn_set_file(e, "CD", path, errno);
		return false;
	}
	if (S_ISBLK(st.st_mode) && !access(path, R_OK))
		return true;
	return check_file("CD", path, e) && check_cdrom_size(path, (uint64_t)st.st_size, e);
}

uint64_t host_memory(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? 0 : (uint64_t)info.totalram * info.mem_unit;
}

bool check_memory(const char *text, uint64_t *ret_bytes, struct btn_error *e)
{
	char asked[SIZE_FORMAT_MAX], there[SIZE_FORMAT_MAX];
	uint64_t bytes, host = host_memory();
	int ret = size_parse(text, &bytes);

	if (ret == -ERANGE) {
		btn_set(e, BTN_MEMORY_ABOVE_HOST, "\"%s\" is more memory than any host has", text);
		return false;
	}
	if (ret) {
		btn_set(e, BTN_BAD_VALUE, "\"%s\" is not a size", text);
		btn_set_cause(e, "A size is a number and a unit: K, M, G or T.");
		btn_set_fix(e, "Write it like --memory 512M or --memory 1.5G.");
		return false;
	}
	if (bytes < CHECK_MEMORY_MIN) {
		btn_set(e, BTN_BAD_VALUE, "%s of memory is too little for a VM",
			size_format(bytes, asked, sizeof(asked)));
		btn_set_cause(e, "A VM needs at least %s.",
			      size_format(CHECK_MEMORY_MIN, there, sizeof(there)));
		if (strspn(text, "0123456789") == strlen(text) && bytes >= 16)
			btn_set_fix(e, "A number without a unit means bytes: did you mean "
				    "--memory %sM?", text);
		else
			btn_set_fix(e, "Ask for more, for example --memory 512M.");
		return false;
	}
	if (host && bytes > host) {
		btn_set(e, BTN_MEMORY_ABOVE_HOST, "%s of memory is more than the host has",
			size_format(bytes, asked, sizeof(asked)));
		btn_set_cause(e, "The host has %s in all.",
			      size_format(host, there, sizeof(there)));
		return false;
	}
	*ret_bytes = bytes;
	return true;
}

/* A size is a good deal shorter; what is not is refused as no size. */
#define SIZE_TEXT_MAX 64

bool check_memory_range(const char *text, uint64_t *ret_min, uint64_t *ret_max,
			struct btn_error *e)
{
	const char *dots = strstr(text, ".."), *min_text = text;
	char low[SIZE_TEXT_MAX];
	uint64_t min, max;

	if (!check_memory(dots ? dots + 2 : text, &max, e))
		return false;
	min = max;
	if (dots && dots - text < SIZE_TEXT_MAX) {
		snprintf(low, sizeof(low), "%.*s", (int)(dots - text), text);
		min_text = low;
	}
	if (dots && !check_memory(min_text, &min, e))
		return false;
	if (min > max) {
		btn_set(e, BTN_BAD_VALUE, "\"%s\" is not a range of memory", text);
		btn_set_cause(e, "The first of the two sizes is larger than the second.");
		btn_set_fix(e, "Write the smaller one first, like --memory 512M..2G.");
		return false;
	}
	*ret_min = min;
	*ret_max = max;
	return true;
}

bool check_cpus(const char *text, unsigned int max, unsigned int *ret_cpus, struct btn_error *e)
{
	unsigned long cpus;
	char *end;

	errno = 0;
	cpus = strtoul(text, &end, 10);
	if (!text[0] || text[strspn(text, "0123456789")] || *end) {
		btn_set(e, BTN_BAD_VALUE, "\"%s\" is not a number of CPUs", text);
		btn_set_cause(e, "It is a whole number from 1 to %u.", max);
		btn_set_fix(e, "Write it like --cpus 2.");
		return false;
	}
	if (errno || cpus > max) {
		btn_set(e, BTN_TOO_MANY_CPUS, "a VM cannot have %s CPUs", text);
		btn_set_cause(e, "The most is %u.", max);
		return false;
	}
	if (!cpus) {
		btn_set(e, BTN_BAD_VALUE, "a VM cannot be without a CPU");
		btn_set_cause(e, "The number of CPUs goes from 1 to %u.", max);
		btn_set_fix(e, "Write --cpus 1, or leave the option out.");
		return false;
	}
	*ret_cpus = cpus;
	return true;
}

static void tell_words(const char *const *words, size_t count, struct btn_error *e)
{
	char list[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
					 words[i]);
	btn_set_cause(e, "There are: %s.", list);
}

bool check_word(const char *kind, enum btn_code code, const char *word,
		const char *const *words, size_t count, struct btn_error *e)
{
	const char *meant;

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(word, words[i]))
			return true;
	}
	btn_set(e, code, "there is no %s \"%s\"", kind, word);
	tell_words(words, count, e);
	meant = suggest(word, words, count);
	if (meant)
		btn_set_fix(e, "Did you mean \"%s\"?", meant);
	else if (code == BTN_BAD_VALUE) /* the others' own fix says more */
		btn_set_fix(e, "Use one of these.");
	return false;
}

/* ---- screens ---- */

static bool is_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && port >= 1 && port <= 65535;
}

bool check_display(const char *text, const char **ret_vnc, struct btn_error *e)
{
	static const char unix_socket[] = "vnc:unix:", loopback[] = "vnc:127.0.0.1:";

	*ret_vnc = NULL;
	if (!strcmp(text, "none"))
		return true;
	if ((!strncmp(text, unix_socket, strlen(unix_socket)) && text[strlen(unix_socket)]) ||
	    (!strncmp(text, loopback, strlen(loopback)) && is_port(text + strlen(loopback)))) {
		*ret_vnc = text + strlen("vnc:");
		return true;
	}
	btn_set(e, BTN_BAD_VALUE, "--display: there is no display \"%.128s\"", text);
	btn_set_fix(e, "Use none, vnc:unix:PATH for a VNC server on a UNIX socket, or "
		       "vnc:127.0.0.1:PORT for one on a port of this host.");
	return false;
}

bool check_gdb(const char *text, struct btn_error *e)
{
	static const char wait[] = ",wait";
	size_t length = strlen(text), suffix = strlen(wait);
	char where[128];

	if (length > suffix && !strcmp(text + length - suffix, wait))
		length -= suffix;
	if (length < sizeof(where)) {
		snprintf(where, sizeof(where), "%.*s", (int)length, text);
		if ((!strncmp(where, "unix:", 5) && where[5]) || is_port(where))
			return true;
	}
	btn_set(e, BTN_BAD_VALUE, "--gdb: \"%.128s\" is no place for gdb to come to", text);
	btn_set_fix(e, "Use unix:PATH for a UNIX socket, or the number of a port of this host; "
		       "with \",wait\" behind it the guest waits for gdb.");
	return false;
}

bool check_vnc_password(const char *vnc, const char *file, struct btn_error *e)
{
	if (!vnc || file || !strncmp(vnc, "unix:", 5))
		return true;
	btn_set(e, BTN_MISSING_ARGUMENT, "a VNC server on a port needs a password");
	btn_set_cause(e, "All users of this host can reach the port.");
	btn_set_fix(e, "Add --vnc-password FILE, whose first line is the password, "
		       "or use --display vnc:unix:PATH.");
	return false;
}

bool check_read_password(const char *path, char password[CHECK_VNC_PASSWORD_MAX + 1],
			 struct btn_error *e)
{
	char line[CHECK_VNC_PASSWORD_MAX + 2] = "";
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file) {
		btn_set_file(e, "password file", path, errno);
		return false;
	}
	setvbuf(file, NULL, _IONBF, 0); /* leaves nothing of it behind in memory */
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	length = strcspn(line, "\n");
	if (length && length <= CHECK_VNC_PASSWORD_MAX) {
		memcpy(password, line, length);
		password[length] = 0;
		explicit_bzero(line, sizeof(line));
		return true;
	}
	btn_set(e, BTN_BAD_VALUE, "the first line of \"%.128s\" is no password for VNC", path);
	btn_set_cause(e, "VNC takes 1 to %u bytes of a password.", CHECK_VNC_PASSWORD_MAX);
	return false;
}

bool check_name(const char *option, const char *text, struct btn_error *e)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t left = strlen(text), length = 1;
	bool ok = left && left <= CHECK_NAME_MAX;

	for (; ok && left; at += length, left -= length) {
		length = utf8_length(at, left);
		ok = length && *at >= 0x20 && *at != 0x7f;
	}
	if (ok)
		return true;
	btn_set(e, BTN_BAD_VALUE, "--%s: \"%.64s\" is no name of a VM", option, text);
	btn_set_cause(e, "A name has 1 to %u bytes of UTF-8, without control characters.",
		      CHECK_NAME_MAX);
	return false;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool check_uuid(const char *option, const char *text, uint8_t ret_bytes[16],
		struct btn_error *e)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	unsigned int digits = 0;
	uint8_t bytes[16] = { 0 };
	size_t i;

	for (i = 0; form[i]; i++) {
		int digit = hex_digit(text[i]);

		if (form[i] == '-' ? text[i] != '-' : digit < 0)
			break;
		if (form[i] == '-')
			continue;
		bytes[digits / 2] |= (uint8_t)(digits % 2 ? digit : digit << 4);
		digits++;
	}
	if (!form[i] && !text[i]) {
		memcpy(ret_bytes, bytes, sizeof(bytes));
		return true;
	}
	btn_set(e, BTN_BAD_VALUE, "--%s: \"%.64s\" is no UUID", option, text);
	btn_set_cause(e, "A UUID looks like 6ba7b810-9dad-11d1-80b4-00c04fd430c8.");
	return false;
}
