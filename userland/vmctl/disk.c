// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl disk: images are made, described, made larger and checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "json.h"
#include "monitor/block/image.h"
#include "options.h"
#include "printable.h"
#include "size.h"
#include "suggest.h"

const struct option_row disk_options[] = {
	{ "type", "TYPE", "\"qcow2\" or \"raw\". create: what to make, by default qcow2. info, "
		"resize: what the file is, instead of going by its header." },
	{ "backing", "FILE[,TYPE]", "create: the new disk starts as FILE (qcow2 or raw) and holds "
		"only what differs. FILE must not be written any more. Without TYPE it is raw if "
		"it does not begin as qcow2 does." },
	{ "cluster-size", "SIZE", "create: 512 to 2M, a power of two. Default: 64K." },
	{ "repair", NULL, "check: give back space that is counted and not used." },
	{ "format", "FORMAT", "\"table\" for people (the default) or \"json\" for programs. create "
		"takes \"qcow2\" and \"raw\" here too, as --type does." },
	{ NULL, NULL, NULL },
};

const struct example disk_examples[] = {
	{ "Make a disk of 20 GiB, which takes no space yet:", "vmctl disk create root.qcow2 20G" },
	{ "One that starts as another and holds what differs:",
	  "vmctl disk create test.qcow2 --backing base.qcow2,qcow2" },
	{ "What is it:", "vmctl disk info root.qcow2" },
	{ "Make it larger:", "vmctl disk resize root.qcow2 40G" },
	{ "See if it is whole, and give back leaked space:",
	  "vmctl disk check --repair root.qcow2" },
	{ NULL, NULL },
};

const char disk_description[] =
	"create FILE [SIZE] makes a disk image; FILE must not exist. With --backing, SIZE may be "
	"left out.\n"
	"info FILE says what an image is.\n"
	"resize FILE SIZE makes a disk larger; what is added reads as zeroes. The partition and "
	"file system inside are the guest's affair.\n"
	"check FILE compares the refcounts of a qcow2 image with what is in use. Leaks cost space "
	"only, corruptions endanger data. The exit status is 1 if either is left.\n"
	"A disk that a VM has open is refused, except for reading one that is open for reading.";

static const char *const types[] = { "raw", "qcow2" };

static bool take_type(const char *type, struct btn_error *e)
{
	return !type || check_word("type of disk", BTN_BAD_VALUE, type, types, 2, e);
}

static bool take_size(const char *text, uint64_t *ret, struct btn_error *e)
{
	if (!size_parse(text, ret))
		return true;
	btn_set(e, BTN_BAD_VALUE, "\"%s\" is not a size", text);
	btn_set_cause(e, "A size is a number and a unit: K, M, G or T.");
	btn_set_fix(e, "Write it like 20G.");
	return false;
}

static bool missing(const char *what, const char *use, struct btn_error *e)
{
	btn_set(e, BTN_MISSING_ARGUMENT, "%s is missing", what);
	btn_set_cause(e, "The command is used as: vmctl disk %s", use);
	return false;
}

/* Options that belong to another of the four. */
static bool check_use(const struct args *args, const char *verb, const char *const *names,
		      struct btn_error *e)
{
	for (; *names; names++) {
		if (!args_has(args, *names))
			continue;
		btn_set(e, BTN_UNKNOWN_OPTION, "\"disk %s\" has no option --%s", verb, *names);
		return false;
	}
	return true;
}

/* ---- create ---- */

/* "FILE[,TYPE]"; without TYPE the header decides once, and what it is gets written down. */
static bool take_backing(const char *value, char *name, size_t size, struct image_create *what,
			 struct btn_error *e)
{
	struct image_info info;
	char path[IMAGE_NAME_MAX * 2];
	const char *slash = strrchr(what->path, '/');
	char *comma;

	if (snprintf(name, size, "%s", value) >= (int)size) {
		btn_set_file(e, "backing file", value, -1);
		return false;
	}
	what->backing = name;
	comma = strrchr(name, ',');
	for (size_t i = 0; comma && i < 2; i++) {
		if (strcmp(comma + 1, types[i]))
			continue;
		*comma = 0;
		what->backing_format = types[i];
		return true;
	}
	snprintf(path, sizeof(path), "%.*s%s",
		 name[0] == '/' || !slash ? 0 : (int)(slash - what->path + 1), what->path, name);
	if (!image_info(path, NULL, &info, e))
		return false;
	what->backing_format = info.raw ? "raw" : "qcow2";
	return true;
}

static bool take_cluster_size(const char *text, struct image_create *what, struct btn_error *e)
{
	uint64_t size;

	if (!text)
		return true;
	if (!take_size(text, &size, e))
		return false;
	if (size >= 512 && size <= 2u << 20 && !(size & (size - 1))) {
		what->cluster_size = (uint32_t)size;
		return true;
	}
	btn_set(e, BTN_BAD_VALUE, "\"%s\" is no cluster size", text);
	btn_set_cause(e, "It is a power of two from 512 to 2M.");
	return false;
}

/* --type, or --format as other programs call it. NULL: neither. */
static const char *created_type(const struct args *args)
{
	const char *type = args_get(args, "type"), *format = args_get(args, "format");

	if (!type && format && (!strcmp(format, "raw") || !strcmp(format, "qcow2")))
		return format;
	return type;
}

static bool disk_create(const struct args *args, struct btn_error *e)
{
	static const char *const foreign[] = { "repair", NULL };
	const char *type = created_type(args), *backing = args_get(args, "backing");
	struct image_create what = { .path = args->positional[1] };
	char name[IMAGE_NAME_MAX];

	if (!check_use(args, "create", foreign, e) || !take_type(type, e) ||
	    !take_cluster_size(args_get(args, "cluster-size"), &what, e))
		return false;
	what.raw = type && !strcmp(type, "raw");
	if (args->positional_count < 3 && !backing)
		return missing("SIZE", "create FILE SIZE", e);
	if (args->positional_count > 2 && !take_size(args->positional[2], &what.size, e))
		return false;
	if (backing && what.raw) {
		btn_set(e, BTN_BAD_VALUE, "a raw disk cannot have a backing file");
		btn_set_fix(e, "Leave --type raw out.");
		return false;
	}
	if (backing && !take_backing(backing, name, sizeof(name), &what, e))
		return false;
	return image_create(&what, e);
}

/* ---- info ---- */

static void print_info_json(const char *path, const struct image_info *info)
{
	struct json j;

	json_init(&j, stdout);
	json_open(&j, NULL, '{');
	json_number(&j, "schema", 1);
	json_string(&j, "file", path);
	json_string(&j, "type", info->raw ? "raw" : "qcow2");
	json_number(&j, "size", info->size);
	json_number(&j, "allocated", info->allocated);
	if (!info->raw) {
		json_number(&j, "version", info->version);
		json_number(&j, "cluster_size", info->cluster_size);
		json_number(&j, "refcount_bits", info->refcount_bits);
		json_number(&j, "snapshots", info->snapshots);
		json_bool(&j, "dirty", info->dirty);
		json_bool(&j, "corrupt", info->corrupt);
		json_string(&j, "backing", info->backing[0] ? info->backing : NULL);
		json_string(&j, "backing_type",
			    info->backing_format[0] ? info->backing_format : NULL);
	}
	json_close(&j, '}');
}

/* Whoever made the image has written it. */
static void print_backing(const struct image_info *info)
{
	char name[sizeof(info->backing)], format[sizeof(info->backing_format)];

	if (!info->backing[0])
		return;
	snprintf(name, sizeof(name), "%s", info->backing);
	snprintf(format, sizeof(format), "%s", info->backing_format);
	make_printable(name);
	make_printable(format);
	printf("backing     %s%s%s\n", name, format[0] ? ", " : "", format);
}

static void print_info_table(const char *path, const struct image_info *info)
{
	char text[SIZE_FORMAT_MAX];

	printf("file        %s\n", path);
	if (info->raw)
		printf("type        raw\n");
	else
		printf("type        qcow2, version %u\n", info->version);
	printf("size        %s (%llu bytes)\n", size_format(info->size, text, sizeof(text)),
	       (unsigned long long)info->size);
	printf("allocated   %s\n", size_format(info->allocated, text, sizeof(text)));
	if (info->raw)
		return;
	printf("clusters    %s\n", size_format(info->cluster_size, text, sizeof(text)));
	printf("refcounts   %u bits\n", info->refcount_bits);
	print_backing(info);
	if (info->snapshots)
		printf("snapshots   %u\n", info->snapshots);
	if (info->dirty || info->corrupt)
		printf("state       %s\n", info->corrupt ? "marked as corrupt" :
							 "refcounts were not written out");
}

static bool disk_info(const struct args *args, bool as_json, struct btn_error *e)
{
	static const char *const foreign[] = { "repair", "backing", "cluster-size", NULL };
	const char *type = args_get(args, "type"), *path = args->positional[1];
	struct image_info info;

	if (!check_use(args, "info", foreign, e) || !take_type(type, e) ||
	    !image_info(path, type, &info, e))
		return false;
	if (as_json)
		print_info_json(path, &info);
	else
		print_info_table(path, &info);
	return true;
}

/* ---- resize, check ---- */

static bool disk_resize(const struct args *args, struct btn_error *e)
{
	static const char *const foreign[] = { "repair", "backing", "cluster-size", NULL };
	const char *type = args_get(args, "type");
	uint64_t size;

	if (args->positional_count < 3)
		return missing("SIZE", "resize FILE SIZE", e);
	return check_use(args, "resize", foreign, e) && take_type(type, e) &&
	       take_size(args->positional[2], &size, e) &&
	       image_resize(args->positional[1], type, size, e);
}

static void print_check_json(const char *path, const struct image_check *found)
{
	struct json j;

	json_init(&j, stdout);
	json_open(&j, NULL, '{');
	json_number(&j, "schema", 1);
	json_string(&j, "file", path);
	json_number(&j, "clusters", found->clusters);
	json_number(&j, "leaks", found->leaks);
	json_number(&j, "corruptions", found->corruptions);
	json_number(&j, "repaired", found->repaired);
	json_close(&j, '}');
}

static bool disk_check(const struct args *args, bool as_json, struct btn_error *e)
{
	static const char *const foreign[] = { "type", "backing", "cluster-size", NULL };
	const char *path = args->positional[1];
	struct image_check found;

	if (!check_use(args, "check", foreign, e) ||
	    !image_check(path, args_has(args, "repair"), &found, e))
		return false;
	if (as_json)
		print_check_json(path, &found);
	else
		printf("clusters in use %llu, leaks %llu, corruptions %llu, repaired %llu\n",
		       (unsigned long long)found.clusters, (unsigned long long)found.leaks,
		       (unsigned long long)found.corruptions,
		       (unsigned long long)found.repaired);
	if (!found.corruptions && found.leaks == found.repaired)
		return true;
	btn_set(e, BTN_DISK_UNCLEAN, "the disk \"%s\" has faults", path);
	btn_set_cause(e, "Corruptions: %llu; clusters that leak: %llu.",
		      (unsigned long long)found.corruptions,
		      (unsigned long long)(found.leaks - found.repaired));
	return false;
}

int disk_run(const struct args *args, struct btn_error *e)
{
	static const char *const words[] = { "create", "info", "resize", "check" };
	const char *word = args->positional[0];
	size_t most = !strcmp(word, "create") || !strcmp(word, "resize") ? 3 : 2;
	bool as_json = false, ok;

	if (!(!strcmp(word, "create") && created_type(args)) && !args_format(args, &as_json, e))
		return BTN_EXIT_USAGE;
	if (!check_word("disk command", BTN_UNKNOWN_VERB, word, words, 4, e))
		return BTN_EXIT_USAGE;
	if (args->positional_count < 2) {
		missing("FILE", "create|info|resize|check FILE", e);
		return BTN_EXIT_USAGE;
	}
	if (args->positional_count > most) {
		btn_set(e, BTN_EXTRA_ARGUMENT, "\"%s\" is an argument too many",
			args->positional[most]);
		return BTN_EXIT_USAGE;
	}
	if (!strcmp(word, "create"))
		ok = disk_create(args, e);
	else if (!strcmp(word, "info"))
		ok = disk_info(args, as_json, e);
	else if (!strcmp(word, "resize"))
		ok = disk_resize(args, e);
	else
		ok = disk_check(args, as_json, e);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
