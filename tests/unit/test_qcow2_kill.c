// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: test_qcow2_kill [ROUNDS]
 *
 * A process that writes, discards and flushes on two queues is killed at a
 * random moment, ROUNDS times (default 12; "make qcow2-kill" does 100). After
 * each the image has to check clean as it is, without leaks, and what was
 * flushed has to be there.
 */
#include "block_tool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#define SECTORS 8192u		/* of the part that is written */
#define SPREAD 8u		/* sectors between them: many clusters */
#define SIZE ((uint64_t)SECTORS * SPREAD * 512)
#define QUEUES 2u
#define DEPTH 16u

static unsigned int rounds = 12;

/* Shared with the process that is killed. Each sector belongs to one queue. */
struct shared {
	_Atomic(uint32_t) issued[SECTORS];  /* the last generation submitted */
	_Atomic(uint32_t) done[SECTORS];    /* … and answered */
	_Atomic(uint32_t) flushed[SECTORS]; /* … and covered by a flush */
	_Atomic(uint32_t) flushes;
};

static struct shared *shared;

struct slot {
	struct block_request request;
	struct iovec iov;
	uint32_t data[128];
	uint32_t sector, generation;
	bool busy;
};

struct writer {
	struct block *block;
	unsigned int index;
	uint64_t random;
	struct slot slot[DEPTH];
	uint32_t snapshot[SECTORS];
	struct block_request flush;
	bool flushing;
};

/* ---- the process that is killed ---- */

static void slot_done(struct block_request *request, int error)
{
	struct slot *slot = (struct slot *)request;

	if (error)
		_exit(3);
	atomic_store(&shared->done[slot->sector], slot->generation);
	slot->busy = false;
}

static bool in_use(const struct writer *w, uint32_t sector)
{
	for (unsigned int i = 0; i < DEPTH; i++)
		if (w->slot[i].busy && w->slot[i].sector == sector)
			return true;
	return false;
}

static void slot_start(struct writer *w, struct block_queue *queue, struct slot *slot)
{
	uint32_t sector;

	do {
		sector = (uint32_t)(random_next(&w->random) % SECTORS);
		sector = sector - sector % QUEUES + w->index;
	} while (in_use(w, sector));
	slot->sector = sector;
	slot->generation = atomic_load(&shared->issued[sector]) + 1;
	atomic_store(&shared->issued[sector], slot->generation);
	for (unsigned int i = 0; i < 128; i++)
		slot->data[i] = slot->generation;
	slot->busy = true;
	slot->iov = (struct iovec){ slot->data, 512 };
	slot->request = (struct block_request){
		.op = BLOCK_WRITE, .offset = (uint64_t)sector * SPREAD * 512, .length = 512,
		.iov = &slot->iov, .iov_count = 1, .done = slot_done,
		.flags = random_next(&w->random) % 256 ? 0 : BLOCK_FUA,
	};
	block_submit(queue, &slot->request);
}

static void flush_done(struct block_request *request, int error)
{
	struct writer *w = (struct writer *)((char *)request - offsetof(struct writer, flush));

	if (error)
		_exit(4);
	for (uint32_t i = w->index; i < SECTORS; i += QUEUES)
		atomic_store(&shared->flushed[i], w->snapshot[i]);
	atomic_fetch_add(&shared->flushes, 1);
	w->flushing = false;
}

static void flush_start(struct writer *w, struct block_queue *queue)
{
	for (uint32_t i = w->index; i < SECTORS; i += QUEUES)
		w->snapshot[i] = atomic_load(&shared->done[i]);
	w->flushing = true;
	w->flush = (struct block_request){ .op = BLOCK_FLUSH, .done = flush_done };
	block_submit(queue, &w->flush);
}

/* Sectors between those that count are discarded and zeroed: allocation both ways. */
static void disturb(struct writer *w, struct block_queue *queue)
{
	uint64_t at = random_next(&w->random) % SECTORS * SPREAD * 512 + 512;

	struct block_request r = {
		.op = random_next(&w->random) & 1 ? BLOCK_DISCARD : BLOCK_ZERO,
		.flags = BLOCK_UNMAP, .offset = at, .length = (SPREAD - 1) * 512,
	};
	block_sync(queue, &r);
}

static void *write_for_ever(void *ctx)
{
	struct writer *w = ctx;
	struct block_queue *queue;

	if (block_queue_create(w->block, 64, &queue))
		_exit(5);
	for (;;) {
		for (unsigned int i = 0; i < DEPTH; i++)
			if (!w->slot[i].busy)
				slot_start(w, queue, &w->slot[i]);
		if (!w->flushing && !(random_next(&w->random) % 16))
			flush_start(w, queue);
		if (!(random_next(&w->random) % 16))
			disturb(w, queue);
		block_queue_run(queue, false);
	}
	return NULL;
}

static void victim(unsigned int round)
{
	static struct writer writers[QUEUES];
	struct block_options options = { .path = in_folder("kill.qcow2") };
	struct btn_error e;
	pthread_t thread;

	if (!block_open(&options, &writers[0].block, &e)) {
		btn_print(stderr, "victim", NULL, &e);
		_exit(2);
	}
	for (unsigned int i = 0; i < QUEUES; i++) {
		writers[i].block = writers[0].block;
		writers[i].index = i;
		writers[i].random = 0x9e3779b97f4a7c15ull * (round * QUEUES + i + 1);
		if (i)
			pthread_create(&thread, NULL, write_for_ever, &writers[i]);
	}
	write_for_ever(&writers[0]);
}

/* ---- the judge ---- */

static void check_content(struct disk *d)
{
	uint32_t data[128];

	for (uint32_t i = 0; i < SECTORS; i++) {
		uint32_t flushed = atomic_load(&shared->flushed[i]);

		assert_int_equal(disk_do(d, BLOCK_READ, 0, (uint64_t)i * SPREAD * 512, 512, data),
				 0);
		for (unsigned int j = 1; j < 128; j++)
			assert_int_equal(data[j], data[0]);
		if (data[0] < flushed || data[0] > atomic_load(&shared->issued[i]))
			fail_msg("sector %u has generation %u; flushed: %u", i, data[0], flushed);
		/* What is there now is what the next round starts from. */
		atomic_store(&shared->issued[i], data[0]);
		atomic_store(&shared->done[i], data[0]);
		atomic_store(&shared->flushed[i], data[0]);
	}
}

/* Every fourth round lives until something is flushed, however slow the host is. */
static void let_live(unsigned int round, unsigned int flushes, const struct timespec *time)
{
	const struct timespec tick = { .tv_nsec = 5000000 };

	for (unsigned int i = 0; i < 4000 && round % 4 == 0; i++) {
		if (atomic_load(&shared->flushes) != flushes)
			break;
		nanosleep(&tick, NULL);
	}
	nanosleep(time, NULL);
}

static void one_round(unsigned int round, uint64_t *random)
{
	unsigned int flushes = atomic_load(&shared->flushes);
	struct timespec time = { .tv_nsec = (long)(random_next(random) % 60000000) };
	struct disk d;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		victim(round);
		_exit(1);
	}
	let_live(round, flushes, &time);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	check_clean("kill.qcow2");
	disk_open(&d, "kill.qcow2");
	check_content(&d);
	disk_close(&d);
}

static void kill_rounds(uint32_t cluster)
{
	uint64_t random = 4711 + cluster;

	memset(shared, 0, sizeof(*shared));
	shell("rm -f kill.qcow2");
	create_image("kill.qcow2", SIZE, cluster, 16, NULL, NULL);
	for (unsigned int i = 0; i < rounds / 2; i++)
		one_round(i, &random);
	print_message("clusters of %u: %u flushes\n", cluster, atomic_load(&shared->flushes));
	assert_true(atomic_load(&shared->flushes) > 0);
}

static void test_kill(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	assert_true(shared != MAP_FAILED);
	kill_rounds(4096);
	kill_rounds(65536);
	munmap(shared, sizeof(*shared));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill) };

	if (argc > 1)
		rounds = (unsigned int)strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests_name("qcow2 under kill -9", tests, folder_make,
					   folder_remove);
}
