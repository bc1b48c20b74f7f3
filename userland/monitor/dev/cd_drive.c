// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See cd_drive.h. The thread sleeps in the io_uring only, where an eventfd wakes it for
 * commands; what is under way when the drive goes is waited for.
 */
#include "cd_drive.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "block/block.h"
#include "lib/check.h"
#include "sata_cd.h"

#define QUEUE_ENTRIES 4u

/* Letters: C constant after creation, D the drive's thread, a atomic. */
struct cd_drive {
	struct sata_cd *cd;		/* C */
	struct block *block;		/* C: the caller's */
	const char *path;		/* C: the caller's, for the log */
	int wake_fd;			/* C */
	pthread_t thread;		/* C */
	bool thread_started;		/* C */
	sem_t set_up;			/* D has written setup_error */
	int setup_error;
	atomic_bool ending;		/* a */
	struct block_queue *queue;	/* C: used by D alone */
	struct block_request request;	/* D */
	struct iovec iov;		/* D */
	bool reading, logged;		/* D */
};

/* ---- the thread ---- */

static void wake(void *ctx)
{
	struct cd_drive *drive = ctx;

	(void)!eventfd_write(drive->wake_fd, 1);
}

/* One line for people; the guest sees each error, and the VM goes on. */
static void log_failure(struct cd_drive *drive, int error)
{
	if (drive->logged)
		return;
	drive->logged = true;
	fprintf(stderr, "baton-vm: the CD \"%s\": reading at %llu failed: %s\n", drive->path,
		(unsigned long long)drive->request.offset,
		error == -ENXIO ? "beyond the end of the image" : strerror(-error));
}

static void read_done(struct block_request *request, int error)
{
	struct cd_drive *drive = (struct cd_drive *)((char *)request -
						     offsetof(struct cd_drive, request));

	drive->reading = false;
	if (error)
		log_failure(drive, error);
	sata_cd_read_done(drive->cd, error);
}

static void read_blocks(void *ctx, uint32_t lba, uint32_t count, void *buffer)
{
	struct cd_drive *drive = ctx;

	drive->reading = true;
	drive->iov = (struct iovec){ buffer, (size_t)count * ATAPI_BLOCK };
	drive->request = (struct block_request){
		.op = BLOCK_READ, .offset = (uint64_t)lba * ATAPI_BLOCK,
		.length = drive->iov.iov_len, .iov = &drive->iov, .iov_count = 1,
		.done = read_done,
	};
	block_submit(drive->queue, &drive->request);
}

static int queue_init(struct cd_drive *drive)
{
	int error = block_queue_create(drive->block, QUEUE_ENTRIES, &drive->queue);

	return error ? error : block_queue_watch(drive->queue, drive->wake_fd);
}

/* An io_uring belongs to the thread that makes it. */
static void *serve(void *ctx)
{
	struct cd_drive *drive = ctx;

	drive->setup_error = queue_init(drive);
	sem_post(&drive->set_up);
	if (drive->setup_error)
		return NULL;
	while (!atomic_load(&drive->ending) || drive->reading) {
		bool more = !atomic_load(&drive->ending) && sata_cd_serve(drive->cd);

		block_queue_run(drive->queue, !more);
	}
	return NULL;
}

/* Signals are the main thread's affair. */
static int start_thread(struct cd_drive *drive)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = -pthread_create(&drive->thread, NULL, serve, drive);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		return error;
	drive->thread_started = true;
	while (sem_wait(&drive->set_up))
		;
	return drive->setup_error;
}

/* ---- create, destroy ---- */

static bool host_failed(const char *path, int error, struct btn_error *e)
{
	btn_set(e, error == -ENOMEM ? BTN_NO_MEMORY : error == -EMFILE ? BTN_NO_FDS :
		   BTN_HOST_CALL_FAILED, "the CD \"%s\" cannot be used", path);
	if (error != -ENOMEM && error != -EMFILE)
		btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}

bool cd_drive_open(const char *path, struct block **ret, struct btn_error *e)
{
	struct block_options options = {
		.path = path, .fd = -1, .format = BLOCK_RAW, .readonly = true,
	};
	struct block *block;

	/* The second look: block devices, and what has changed since the first. */
	if (!check_cdrom(path, e) || !block_open(&options, &block, e))
		return false;
	if (!check_cdrom_size(path, block_size(block), e)) {
		block_close(block);
		return false;
	}
	*ret = block;
	return true;
}

static int add_drive(struct cd_drive *drive, struct ahci *hba)
{
	struct sata_cd_config config = {
		.blocks = (uint32_t)(block_size(drive->block) / ATAPI_BLOCK),
		.wake = wake, .read = read_blocks, .ctx = drive,
	};

	drive->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (drive->wake_fd < 0)
		return -errno;
	drive->cd = sata_cd_create(hba, &config);
	return drive->cd ? start_thread(drive) : -ENOMEM;
}

bool cd_drive_create(struct ahci *hba, struct block *disc, const char *path,
		     struct cd_drive **ret, struct btn_error *e)
{
	struct cd_drive *drive = calloc(1, sizeof(*drive));
	int error;

	if (!drive)
		return host_failed(path, -ENOMEM, e);
	drive->block = disc;
	drive->path = path;
	drive->wake_fd = -1;
	sem_init(&drive->set_up, 0, 0);
	error = add_drive(drive, hba);
	if (error) {
		cd_drive_destroy(drive);
		return host_failed(path, error, e);
	}
	*ret = drive;
	return true;
}

void cd_drive_destroy(struct cd_drive *drive)
{
	if (!drive)
		return;
	if (drive->thread_started) {
		atomic_store(&drive->ending, true);
		wake(drive);
		pthread_join(drive->thread, NULL);
	}
	block_queue_destroy(drive->queue);
	sata_cd_destroy(drive->cd);
	if (drive->wake_fd >= 0)
		close(drive->wake_fd);
	sem_destroy(&drive->set_up);
	free(drive);
}
