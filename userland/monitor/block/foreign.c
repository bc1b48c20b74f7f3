// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See foreign.h. What a guest writes to a raw disk can look like any of these; who has
 * such a disk says that it is raw, and is told so.
 */
#include "foreign.h"

#include <string.h>

#include "file.h"

struct row {
	unsigned int at;
	const char *magic;
	size_t length;
	struct image_foreign what;
};

static const struct row rows[] = {
	{ 0, "KDMV", 4, { "a VMDK image of VMware", "vmdk", NULL } },
	{ 0, "COWD", 4, { "a VMDK image of an old VMware", NULL, IMAGE_CONVERT_BY_HAND } },
	{ 0, "# Disk DescriptorFile", 21, { "the description of a VMDK image", NULL,
					    IMAGE_CONVERT_BY_HAND } },
	{ 64, "\x7f\x10\xda\xbe", 4, { "a VDI image of VirtualBox", "vdi", NULL } },
	{ 0, "vhdxfile", 8, { "a VHDX image of Hyper-V", "vhdx", NULL } },
	{ 0, "conectix", 8, { "a VHD image of Virtual PC", "vpc", NULL } },
	{ 0, "QED\0", 4, { "a QED image", NULL, IMAGE_CONVERT_BY_HAND } },
	{ 0, "\x1f\x8b", 2, { "compressed with gzip", NULL, "Unpack it first: gzip -d FILE" } },
	{ 0, "\xfd" "7zXZ\0", 6, { "compressed with xz", NULL, "Unpack it first: xz -d FILE" } },
	{ 0, "\x28\xb5\x2f\xfd", 4, { "compressed with zstd", NULL,
				      "Unpack it first: zstd -d FILE" } },
	{ 0, "BZh", 3, { "compressed with bzip2", NULL, "Unpack it first: bzip2 -d FILE" } },
	{ 0, "PK\3\4", 4, { "a ZIP archive", NULL, "Unpack it first: unzip FILE" } },
	{ 257, "ustar", 5, { "a tar archive (an OVA is one)", NULL,
			     "Unpack it first, and use the disk that is in it: tar -xf FILE" } },
};

static const struct image_foreign vhd_fixed = { "a VHD image of Virtual PC", "vpc", NULL };
static const struct image_foreign vmdk_parts = { "a VMDK image that names other files", NULL,
						 IMAGE_CONVERT_BY_HAND };

const struct image_foreign *image_foreign(int fd, uint64_t size)
{
	char head[512], tail[512] = "";

	if (file_read(fd, head, sizeof(head), 0) ||
	    (size >= 512 && file_read(fd, tail, sizeof(tail), size - 512)))
		return NULL;
	/* Without a capacity, QEMU goes by the text inside, which can name any file. */
	if (!memcmp(head, "KDMV", 4) && !memcmp(head + 12, "\0\0\0\0\0\0\0", 8))
		return &vmdk_parts;
	for (const struct row *row = rows; row < rows + sizeof(rows) / sizeof(*rows); row++)
		if (!memcmp(head + row->at, row->magic, row->length))
			return &row->what;
	return memcmp(tail, "conectix", 8) ? NULL : &vhd_fixed;
}

bool image_is_raw(const char *path, int fd, uint64_t size, struct btn_error *e)
{
	const struct image_foreign *foreign = image_foreign(fd, size);

	if (!foreign)
		return true;
	btn_set(e, BTN_DISK_FORMAT, "the disk \"%s\" is neither raw nor qcow2", path);
	btn_set_cause(e, "It is %s.", foreign->name);
	btn_set_fix(e, "%s. If it is a raw disk and a guest wrote that to it, say: format=raw.",
		    foreign->format ? "Make a copy of it: qemu-img convert -O qcow2 OLD NEW" :
				      foreign->fix);
	return false;
}
