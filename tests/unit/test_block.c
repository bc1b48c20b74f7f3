// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The block layer: raw and qcow2 images, exchange with qemu-img, exact refcounts,
 * locks, a full host disk, and what people are told when an image cannot be used.
 */
#include "block_tool.h"

#include <endian.h>
#include <sys/resource.h>
#include <signal.h>

#include "block/qcow2.h"

#define KIB 1024ull
#define MIB (1024 * KIB)

static void put(const char *name, uint64_t offset, const void *data, size_t size)
{
	int fd = open(in_folder(name), O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, size, (off_t)offset), size);
	close(fd);
}

static void put_be64(const char *name, uint64_t offset, uint64_t value)
{
	value = htobe64(value);
	put(name, offset, &value, sizeof(value));
}

static void fill(void *to, int byte, size_t size)
{
	memset(to, byte, size);
}

/* ---- what works ---- */

static void test_raw(void **state)
{
	char data[4096], got[4096], zero[4096] = { 0 };
	struct disk d;

	(void)state;
	assert_shell("truncate -s 1M plain.raw");
	disk_open(&d, "plain.raw");
	assert_int_equal(block_size(d.block), MIB);
	fill(data, 0x5a, sizeof(data));
	assert_int_equal(disk_do(&d, BLOCK_WRITE, BLOCK_FUA, 8192, 4096, data), 0);
	assert_int_equal(disk_do(&d, BLOCK_READ, 0, 8192, 4096, got), 0);
	assert_memory_equal(got, data, 4096);
	assert_int_equal(disk_do(&d, BLOCK_ZERO, BLOCK_UNMAP | BLOCK_FUA, 8192, 2048, NULL), 0);
	assert_int_equal(disk_do(&d, BLOCK_READ, 0, 8192, 4096, got), 0);
	assert_memory_equal(got, zero, 2048);
	assert_memory_equal(got + 2048, data, 2048);
	assert_int_equal(disk_do(&d, BLOCK_FLUSH, 0, 0, 0, NULL), 0);
	assert_int_equal(disk_do(&d, BLOCK_READ, 0, MIB - 512, 1024, got), -EINVAL);
	assert_int_equal(disk_do(&d, BLOCK_READ, 0, UINT64_MAX - 511, 1024, got), -EINVAL);
	assert_int_equal(disk_do(&d, BLOCK_READ, 0, 100, 512, got), -EINVAL);
	disk_close(&d);
}

/* What a guest writes into a raw disk must not choose how it is opened. */
static void test_format_wins(void **state)
{
	struct btn_error e;
	struct disk d;

	(void)state;
	create_image("evil.qcow2", 64 * KIB, 4096, 16, NULL, NULL);
	assert_shell("cp evil.qcow2 evil.raw; truncate -s 1M evil.raw");
	assert_true(disk_try(&d, "evil.raw", BLOCK_RAW, false, &e));
	assert_int_equal(block_size(d.block), MIB);
	disk_close(&d);
	assert_true(disk_try(&d, "evil.raw", BLOCK_AUTO, false, &e));
	assert_int_equal(block_size(d.block), 64 * KIB);
	disk_close(&d);
	assert_shell("truncate -s 1M zero.raw");
	assert_false(disk_try(&d, "zero.raw", BLOCK_QCOW2, false, &e));
	assert_int_equal(e.code, BTN_DISK_FORMAT);
}

/* Ours for qemu-img and qemu-io, theirs for us. */
static void test_exchange(void **state)
{
	static const char *const options[] = {
		"compat=0.10", "cluster_size=512", "cluster_size=2M", "refcount_bits=1",
		"refcount_bits=64", "lazy_refcounts=on", "preallocation=metadata",
		"preallocation=full",
	};
	char data[65536], got[65536];
	struct disk d;

	(void)state;
	create_image("ours.qcow2", 10 * MIB, 0, 0, NULL, NULL);
	disk_open(&d, "ours.qcow2");
	fill(data, 0x77, sizeof(data));
	assert_int_equal(disk_do(&d, BLOCK_WRITE, 0, 5 * MIB - 512, sizeof(data), data), 0);
	disk_close(&d);
	assert_shell("qemu-io -c 'read -P 0x77 5242368 64k' -c 'read -P 0 0 5242368' "
		     "-c 'write -P 0x66 1M 100k' ours.qcow2 | tee io; ! grep -q failed io");
	check_clean("ours.qcow2");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		assert_shell("rm -f theirs.qcow2; "
			     "qemu-img create -f qcow2 -o %s theirs.qcow2 10M && "
			     "qemu-io -c 'write -P 0x31 3M 64k' theirs.qcow2", options[i]);
		disk_open(&d, "theirs.qcow2");
		assert_int_equal(disk_do(&d, BLOCK_READ, 0, 3 * MIB, sizeof(got), got), 0);
		fill(data, 0x31, sizeof(data));
		assert_memory_equal(got, data, sizeof(got));
		fill(data, 0x32, sizeof(data));
		assert_int_equal(disk_do(&d, BLOCK_WRITE, 0, 3 * MIB + 512, 32768, data), 0);
		disk_close(&d);
		assert_shell("qemu-io -c 'read -P 0x31 3M 512' -c 'read -P 0x32 3146240 32k' "
			     "theirs.qcow2 | tee io; ! grep -q failed io");
		check_clean("theirs.qcow2");
	}
}

/* Of each cluster in the file: sum and maximum of the refcounts. */
static uint64_t count_used(const char *name, uint64_t *ret_max)
{
	struct btn_error e;
	struct qcow2 *q;
	uint64_t used = 0;
	int fd = open(in_folder(name), O_RDONLY);

	*ret_max = 0;
	assert_true(qcow2_open(in_folder(name), fd, QCOW2_READ, &q, &e));
	for (uint64_t i = 0; i < q->rt_size; i++) {
		struct qcow2_table *block;

		assert_int_equal(qcow2_block_get(q, i, false, &block), 0);
		for (uint32_t j = 0; block && j < qcow2_block_entries(q); j++) {
			uint64_t count = qcow2_refcount(q, block, j);

			used += count;
			*ret_max = count > *ret_max ? count : *ret_max;
		}
	}
	qcow2_close(q);
	close(fd);
	return used;
}

/* A write takes what it needs; a discard gives exactly that back. */
static void test_refcounts(void **state)
{
	static char data[256 * 1024];
	uint64_t empty, max;
	struct disk d;

	(void)state;
	create_image("exact.qcow2", 64 * MIB, 65536, 16, NULL, NULL);
	empty = count_used("exact.qcow2", &max);
	assert_int_equal(empty, 4); /* header, refcount table and block, L1 */
	assert_int_equal(max, 1);
	for (unsigned int i = 0; i < 3; i++) {
		disk_open(&d, "exact.qcow2");
		assert_int_equal(disk_do(&d, BLOCK_WRITE, 0, 65536 * 7, sizeof(data), data), 0);
		assert_int_equal(disk_do(&d, BLOCK_WRITE, 0, 65536 * 7 + 512, 512, data), 0);
		assert_int_equal(disk_do(&d, BLOCK_FLUSH, 0, 0, 0, NULL), 0);
		assert_int_equal(count_used("exact.qcow2", &max), empty + 1 + 4); /* an L2 table */
		assert_int_equal(disk_do(&d, BLOCK_DISCARD, 0, 65536 * 7, sizeof(data), NULL), 0);
		disk_close(&d);
		assert_int_equal(count_used("exact.qcow2", &max), empty + 1);
		assert_int_equal(max, 1);
		check_clean("exact.qcow2");
	}
}

static void test_refcount_widths(void **state)
{
	uint8_t data[512];

	(void)state;
	for (unsigned int order = 0; order < 7; order++) {
		struct qcow2 q = { .cluster_size = 512, .refcount_bits = 1u << order };
		struct qcow2_table block = { .data = data };
		uint64_t most = order == 6 ? UINT64_MAX : (1ull << (1u << order)) - 1;

		memset(data, 0, sizeof(data));
		for (uint32_t at = 1; at < 9; at += 2)
			qcow2_set_refcount(&q, &block, at, most - (at == 3 && order));
		for (uint32_t at = 0; at < 9; at++)
			assert_int_equal(qcow2_refcount(&q, &block, at),
					 at % 2 ? most - (at == 3 && order) : 0);
	}
}

static void test_resize(void **state)
{
	char got[512], ones[512];
	struct btn_error e;
	struct disk d;

	(void)state;
	assert_shell("yes | tr '\\ny' '\\1\\1' | head -c 4M >long.raw");
	create_image("short.qcow2", MIB, 4096, 16, "long.raw", "raw");
	assert_true(image_resize(in_folder("short.qcow2"), NULL, 2048 * MIB, &e));
	check_clean("short.qcow2");
	disk_open(&d, "short.qcow2");
	assert_int_equal(block_size(d.block), 2048 * MIB);
	fill(ones, 1, sizeof(ones));
	assert_int_equal(disk_do(&d, BLOCK_READ, 0, MIB - 512, 512, got), 0);
	assert_memory_equal(got, ones, 512);
	fill(ones, 0, sizeof(ones)); /* the backing file's rest does not show */
	assert_int_equal(disk_do(&d, BLOCK_READ, 0, MIB, 512, got), 0);
	assert_memory_equal(got, ones, 512);
	disk_close(&d);
	assert_false(image_resize(in_folder("short.qcow2"), NULL, MIB, &e));
	assert_int_equal(e.code, BTN_DISK_SHRINK);
}

/* A cluster that is counted and not used is found, and given back. */
static void test_repair(void **state)
{
	struct image_check found;
	struct btn_error e;

	(void)state;
	create_image("leak.qcow2", MIB, 4096, 16, NULL, NULL);
	assert_shell("qemu-io -c 'write -P 1 0 64k' leak.qcow2");
	/* guest cluster 3 is forgotten, which leaks its cluster */
	assert_shell("python3 - leak.qcow2 <<'E'\nimport struct,sys\nf=open(sys.argv[1],'r+b')\n"
		     "f.seek(40)\nl1,=struct.unpack('>Q',f.read(8))\nf.seek(l1)\n"
		     "l2,=struct.unpack('>Q',f.read(8))\nf.seek((l2 & (1<<56)-1)+24)\n"
		     "f.write(bytes(8))\nE\n");
	assert_true(image_check(in_folder("leak.qcow2"), false, &found, &e));
	assert_int_equal(found.leaks, 1);
	assert_int_equal(found.corruptions, 0);
	assert_true(image_check(in_folder("leak.qcow2"), true, &found, &e));
	assert_int_equal(found.repaired, 1);
	check_clean("leak.qcow2");
}

/* A count of 2^63 is brought down in one step. */
static void test_repair_large(void **state)
{
	struct image_check found;
	struct btn_error e;

	(void)state;
	assert_shell("qemu-img create -f qcow2 -o refcount_bits=64 large.qcow2 1M && "
		     "truncate -s 1M large.qcow2 && python3 - large.qcow2 <<'E'\n"
		     "import struct,sys\nf=open(sys.argv[1],'r+b')\nf.seek(48)\n"
		     "rt,=struct.unpack('>Q',f.read(8))\nf.seek(rt)\n"
		     "b,=struct.unpack('>Q',f.read(8))\nf.seek(b+8*10)\n"
		     "f.write(struct.pack('>Q',1<<63))\nE\n");
	assert_true(image_check(in_folder("large.qcow2"), false, &found, &e));
	assert_int_equal(found.leaks, 1);
	assert_true(image_check(in_folder("large.qcow2"), true, &found, &e));
	assert_int_equal(found.repaired, 1);
	check_clean("large.qcow2");
}

/* What is in the way of a check: clusters that it would take for leaked, and give back. */
static void test_check_refused(void **state)
{
	struct image_check found;
	struct btn_error e;

	(void)state;
	assert_shell("qemu-img create -f qcow2 bm.qcow2 8M && qemu-img bitmap --add bm.qcow2 b && "
		     "qemu-img create -f qcow2 sn.qcow2 8M && qemu-img snapshot -c s sn.qcow2");
	assert_false(image_check(in_folder("bm.qcow2"), false, &found, &e));
	assert_non_null(strstr(e.cause, "persistent bitmaps"));
	assert_false(image_check(in_folder("bm.qcow2"), true, &found, &e));
	assert_false(image_check(in_folder("sn.qcow2"), false, &found, &e));
	assert_non_null(strstr(e.cause, "internal snapshots"));
	assert_shell("qemu-img check bm.qcow2 && qemu-img check sn.qcow2");
}

/* The host is full: an error, nothing lost, and it goes on when there is room. */
static void test_no_space(void **state)
{
	struct rlimit old, limit;
	char data[65536], got[65536];
	struct disk d;
	int error = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	create_image("full.qcow2", 64 * MIB, 65536, 16, NULL, NULL);
	disk_open(&d, "full.qcow2");
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 2 * MIB;
	fill(data, 0x11, sizeof(data));
	assert_int_equal(disk_do(&d, BLOCK_WRITE, 0, 0, sizeof(data), data), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (uint64_t at = 65536; at < 8 * MIB && !error; at += 65536)
		error = disk_do(&d, BLOCK_WRITE, 0, at, sizeof(data), data);
	assert_int_equal(error, -EFBIG);
	/* There may be no room for the tables either, which a flush must not hide. */
	error = disk_do(&d, BLOCK_FLUSH, 0, 0, 0, NULL);
	assert_true(error == 0 || error == -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(disk_do(&d, BLOCK_WRITE, 0, 32 * MIB, sizeof(data), data), 0);
	assert_int_equal(disk_do(&d, BLOCK_FLUSH, 0, 0, 0, NULL), 0);
	assert_int_equal(disk_do(&d, BLOCK_READ, 0, 0, sizeof(got), got), 0);
	assert_memory_equal(got, data, sizeof(got));
	disk_close(&d);
	check_clean("full.qcow2");
}

/* ---- what does not, and what people are told ---- */

static void test_in_use(void **state)
{
	struct disk writer, other;
	struct btn_error e;

	(void)state;
	create_image("used.qcow2", MIB, 0, 0, NULL, NULL);
	disk_open(&writer, "used.qcow2");
	assert_false(disk_try(&other, "used.qcow2", BLOCK_AUTO, true, &e));
	assert_int_equal(e.code, BTN_DISK_BUSY);
	assert_non_null(strstr(e.message, "used.qcow2"));
	assert_int_not_equal(shell("qemu-img info used.qcow2"), 0);
	disk_close(&writer);
	assert_true(disk_try(&writer, "used.qcow2", BLOCK_AUTO, true, &e));
	assert_true(disk_try(&other, "used.qcow2", BLOCK_AUTO, true, &e));
	assert_shell("qemu-img info used.qcow2"); /* readers share, QEMU's too */
	assert_int_not_equal(shell("qemu-io -c 'write 0 4k' used.qcow2"), 0);
	disk_close(&other);
	disk_close(&writer);
}

struct refusal {
	const char *name;
	enum btn_code code;
	const char *says;	/* in the cause */
	uint64_t at;		/* of the header, 8 bytes */
	uint64_t value;
	bool readonly_works;
};

static void test_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "data file", BTN_DISK_FORMAT, "external data file", 72, 4, false },
		{ "extended L2", BTN_DISK_FORMAT, "extended L2", 72, 16, false },
		{ "unknown", BTN_DISK_FORMAT, "unknown incompatible feature bit 40", 72,
		  1ull << 40, false },
		{ "encrypted", BTN_DISK_FORMAT, "LUKS", 32, 2ull << 32 | 1, false },
		{ "version", BTN_DISK_FORMAT, "version 9", 0, 0x514649fb00000009, false },
		{ "corrupt", BTN_DISK_DAMAGED, "corrupt", 72, 2, true },
		{ "dirty", BTN_DISK_DAMAGED, "refcounts were not written", 72, 1, true },
		{ "snapshots", BTN_DISK_FORMAT, "internal snapshots", 56, 1ull << 32 | 1, true },
		{ "L1 far away", BTN_DISK_DAMAGED, "beyond the end", 40, 1ull << 50, false },
		{ "L1 crooked", BTN_DISK_DAMAGED, "L1 table", 40, 513, false },
		{ "no refcounts", BTN_DISK_DAMAGED, "refcount table", 48, 0, false },
		{ "huge", BTN_DISK_DAMAGED, "L1 table", 24, 1ull << 60, false },
		{ "cluster", BTN_DISK_DAMAGED, "cluster size", 16, 40, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct refusal *c = &cases[i];
		struct btn_error e;
		struct disk d;

		shell("rm -f no.qcow2");
		create_image("no.qcow2", MIB, 0, 0, NULL, NULL);
		put_be64("no.qcow2", c->at, c->value);
		if (disk_try(&d, "no.qcow2", BLOCK_AUTO, false, &e))
			fail_msg("%s: opens", c->name);
		if (e.code != c->code || !strstr(e.cause, c->says) || !e.fix[0])
			fail_msg("%s: %d %s | %s", c->name, e.code, e.message, e.cause);
		assert_non_null(strstr(e.message, "no.qcow2"));
		if (disk_try(&d, "no.qcow2", BLOCK_AUTO, true, &e) != c->readonly_works)
			fail_msg("%s: read-only %s", c->name, e.cause);
		if (c->readonly_works)
			disk_close(&d);
	}
}

static void test_truncated(void **state)
{
	struct btn_error e;
	struct disk d;

	(void)state;
	assert_shell("qemu-img create -f qcow2 cut.qcow2 1G && "
		     "qemu-io -c 'write 0 64k' cut.qcow2 && truncate -s 200k cut.qcow2");
	assert_false(disk_try(&d, "cut.qcow2", BLOCK_AUTO, false, &e));
	assert_int_equal(e.code, BTN_DISK_DAMAGED);
	assert_non_null(strstr(e.cause, "beyond the end of the file"));
}

static void test_backing(void **state)
{
	struct btn_error e;
	struct disk d;

	(void)state;
	assert_shell("truncate -s 1M b.raw; qemu-img create -f qcow2 -b b.raw -F raw o.qcow2; "
		     "rm b.raw");
	assert_false(disk_try(&d, "o.qcow2", BLOCK_AUTO, false, &e));
	assert_int_equal(e.code, BTN_DISK_BACKING);
	assert_non_null(strstr(e.message, "o.qcow2"));
	assert_non_null(strstr(e.cause, "b.raw"));
	assert_shell("qemu-img create -f qcow2 l1.qcow2 1M && "
		     "qemu-img create -f qcow2 -b l1.qcow2 -F qcow2 l2.qcow2 && "
		     "qemu-img rebase -u -b l2.qcow2 -F qcow2 l1.qcow2");
	assert_false(disk_try(&d, "l2.qcow2", BLOCK_AUTO, false, &e));
	assert_int_equal(e.code, BTN_DISK_DAMAGED);
	assert_non_null(strstr(e.cause, "back to itself"));
	/* A format that nobody named, and a name in what it may be: not followed. */
	assert_shell("truncate -s 1M s.raw && qemu-img create -f qcow2 -b s.raw -F raw g1.qcow2 && "
		     "qemu-img create -f qcow2 -b g1.qcow2 -F qcow2 g2.qcow2 && "
		     "qemu-img rebase -u -b g1.qcow2 -F '' g2.qcow2 || true");
	assert_shell("python3 - g2.qcow2 <<'E'\nimport sys\nf=open(sys.argv[1],'r+b')\n"
		     "d=f.read(4096)\nat=d.find(bytes.fromhex('e2792aca'))\n"
		     "f.seek(at if at > 0 else 4000)\nf.write(bytes(8))\nE\n");
	assert_false(disk_try(&d, "g2.qcow2", BLOCK_AUTO, false, &e));
	assert_int_equal(e.code, BTN_DISK_FORMAT);
	assert_non_null(strstr(e.fix, "-F qcow2"));
	assert_shell("qemu-img create -f qcow2 c0.qcow2 1M; for i in $(seq 40); do "
		     "qemu-img create -f qcow2 -b c$((i-1)).qcow2 -F qcow2 c$i.qcow2; done");
	assert_false(disk_try(&d, "c40.qcow2", BLOCK_AUTO, false, &e));
	assert_non_null(strstr(e.cause, "too long"));
}

/* Disks of other programs are no raw disks, unless somebody says so. */
static void test_foreign(void **state)
{
	static const char *const formats[] = {
		"vmdk", "vdi", "vhdx", "vpc", "vpc -o subformat=fixed", "qed",
	};
	struct image_info info;
	struct btn_error e;
	struct disk d;

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		assert_shell("rm -f other; qemu-img create -f %s other 1M", formats[i]);
		if (disk_try(&d, "other", BLOCK_AUTO, false, &e))
			fail_msg("%s: opens", formats[i]);
		assert_int_equal(e.code, BTN_DISK_FORMAT);
		assert_non_null(strstr(e.fix, "qemu-img convert"));
		assert_non_null(strstr(e.fix, "format=raw"));
		assert_false(image_info(in_folder("other"), NULL, &info, &e));
		assert_true(image_info(in_folder("other"), "raw", &info, &e));
		assert_true(disk_try(&d, "other", BLOCK_RAW, false, &e));
		disk_close(&d);
	}
	assert_shell("truncate -s 1M z && gzip z");
	assert_false(disk_try(&d, "z.gz", BLOCK_AUTO, true, &e));
	assert_non_null(strstr(e.cause, "gzip"));
	/* Nor are they behind an overlay that does not say what is there. */
	assert_shell("qemu-img create -f vmdk v.vmdk 1M && "
		     "qemu-img create -f qcow2 -b v.vmdk -F raw ov.qcow2");
	assert_true(disk_try(&d, "ov.qcow2", BLOCK_AUTO, false, &e));
	disk_close(&d);
	assert_shell("python3 - ov.qcow2 <<'E'\nimport sys\nf=open(sys.argv[1],'r+b')\n"
		     "f.seek(f.read(4096).index(bytes.fromhex('e2792aca')))\n"
		     "f.write(bytes(8))\nE\n");
	assert_false(disk_try(&d, "ov.qcow2", BLOCK_AUTO, false, &e));
	assert_int_equal(e.code, BTN_DISK_FORMAT);
	assert_non_null(strstr(e.cause, "VMDK"));
	assert_non_null(strstr(e.fix, "-F raw"));
}

/* Tables that point at the header: the guest does not get to write there. */
static void test_hostile_entry(void **state)
{
	char data[512] = "evil";
	struct btn_error e;
	struct disk d;

	(void)state;
	create_image("map.qcow2", MIB, 4096, 16, NULL, NULL);
	assert_shell("qemu-io -c 'write 0 4k' map.qcow2");
	assert_shell("python3 - map.qcow2 <<'E'\nimport struct,sys\nf=open(sys.argv[1],'r+b')\n"
		     "f.seek(40)\nl1,=struct.unpack('>Q',f.read(8))\nf.seek(l1)\n"
		     "l2,=struct.unpack('>Q',f.read(8))\nf.seek(l2 & (1<<56)-1)\n"
		     "f.write(struct.pack('>QQ',1<<63|l1,1<<63|1<<55))\nE\n");
	assert_true(disk_try(&d, "map.qcow2", BLOCK_AUTO, false, &e));
	assert_int_equal(disk_do(&d, BLOCK_WRITE, 0, 0, 512, data), -EUCLEAN);
	disk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_format_wins),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_refcounts),
		cmocka_unit_test(test_refcount_widths),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_repair_large),
		cmocka_unit_test(test_check_refused),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_backing),
		cmocka_unit_test(test_hostile_entry),
	};

	return cmocka_run_group_tests_name("disk images", tests, folder_make, folder_remove);
}
