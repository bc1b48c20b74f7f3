// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of the table of verbs: images.
 */
#include "batch.h"
#include "options.h"
#include "verb.h"

#define END_OPTIONS { NULL, NULL, NULL }
#define ADD_OPTIONS									\
	{ "sha256", "HASH", "What the file's SHA-256 has to be." },			\
	{ "user", "USER", "The user that VMs of it get unless told otherwise." },	\
	WAIT_OPTIONS, DRY_RUN_OPTION,							\
	{ "quiet", NULL, "Say nothing but errors. Short: -q." }

static const struct option_row list_options[] = { OUTPUT_OPTIONS, END_OPTIONS };
static const struct option_row add_options[] = { ADD_OPTIONS, END_OPTIONS };
static const struct option_row verify_options[] = {
	{ "all", NULL, "All images. Short: -a." }, BATCH_OPTIONS, END_OPTIONS,
};
static const struct option_row remove_options[] = {
	{ "yes", NULL, "Do not ask. Needed without a terminal. Short: -y." },
	BATCH_OPTIONS, END_OPTIONS,
};

static const struct example list_examples[] = {
	{ "The images that VMs can be made from:", "vmctl image list" }, { NULL, NULL },
};
static const struct example add_examples[] = {
	{ "Add a cloud image:", "vmctl image add debian-12 ./debian-12-genericcloud-amd64.qcow2" },
	{ "Add it only if it is the right one:",
	  "vmctl image add debian-12 debian.qcow2 --sha256 $(cut -d' ' -f1 debian.qcow2.sha256)" },
	{ NULL, NULL },
};
static const struct example import_examples[] = {
	{ "Add an image of another format:", "vmctl image import old-vm disk.vmdk" },
	{ NULL, NULL },
};
static const struct example verify_examples[] = {
	{ "See whether an image has changed on the disk:", "vmctl image verify debian-12" },
	{ NULL, NULL },
};
static const struct example remove_examples[] = {
	{ "Remove an image that no VM uses:", "vmctl image remove debian-11" }, { NULL, NULL },
};

const struct verb store_verbs[] = {
	{
		.name = "image list", .alias = "image ls",
		.summary = "List the images that VMs can be made from",
		.arguments = "[NAME...]", .arguments_max = ARGS_MAX, .completes = COMPLETES_IMAGE,
		.options = list_options, .examples = list_examples,
		.description = "DISK SIZE is what a VM made from it sees, ON DISK what the image "
			"takes; VMS are the VMs whose disks are on top of it.",
		.run = image_list_run,
	}, {
		.name = "image add", .summary = "Copy a raw or qcow2 file to the images",
		.arguments = "NAME FILE", .arguments_min = 2, .arguments_max = 2,
		.completes = COMPLETES_FILES,
		.options = add_options, .examples = add_examples,
		.description = "The file is copied, and its SHA-256 kept for \"vmctl image "
			"verify\". Disks of VMs are made on top of an image, which stays as it "
			"is.",
		.run = image_add_run,
	}, {
		.name = "image import", .summary = "Convert a disk file of another format to an "
			"image",
		.arguments = "NAME FILE", .arguments_min = 2, .arguments_max = 2,
		.completes = COMPLETES_FILES,
		.options = add_options, .examples = import_examples,
		.description = "Takes any format that qemu-img reads: VDI, VMDK, VHDX and more. It "
			"has to be installed.",
		.run = image_import_run,
	}, {
		.name = "image verify", .summary = "Compare images with their hashes",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_IMAGE,
		.options = verify_options, .examples = verify_examples,
		.description = "Reads the whole of each image and compares its SHA-256 with "
			"that of when it was added.",
		.run = image_verify_run,
	}, {
		.name = "image remove", .alias = "image rm", .summary = "Remove images for good",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_IMAGE,
		.options = remove_options, .examples = remove_examples,
		.description = "An image on which a VM's disk lies, also of a VM in the trash, is "
			"not removed. This cannot be undone, so it is asked for on a terminal; "
			"elsewhere --yes is needed, else the exit status is 2.",
		.run = image_remove_run,
	},
	{ .name = NULL },
};
