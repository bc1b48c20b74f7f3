// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-load: the load of the rows of whole machines, in their guest. It does what
 * machine.c asks for, in lines on the console and at the head of TCP connections:
 *
 *	disk DEPTH COUNT	COUNT random reads of 4 KiB from /dev/vda, DEPTH of
 *				them at a time, past the page cache
 *	out BYTES		(TCP) sends as many
 *	in BYTES		(TCP) takes as many, answers with one byte
 *
 * To a line on the console the answer is "bench: done" or "bench: failed REASON".
 */
#define _GNU_SOURCE /* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define BLOCK 4096u
#define DEPTH_MAX 64u
#define TCP_PORT 5001
#define TCP_CHUNK (64u << 10)

static unsigned char buffer[DEPTH_MAX][BLOCK] __attribute__((aligned(BLOCK)));
static unsigned char tcp_buffer[TCP_CHUNK];

/* ---- disk ---- */

struct reads {
	int fd;
	uint64_t blocks, seed;
	unsigned int depth, left;	/* to be started */
	aio_context_t aio;
	struct iocb iocb[DEPTH_MAX];
};

/* The same sequence in each run (xorshift64). */
static int64_t next_offset(struct reads *r)
{
	r->seed ^= r->seed << 13;
	r->seed ^= r->seed >> 7;
	r->seed ^= r->seed << 17;
	return (int64_t)(r->seed % r->blocks * BLOCK);
}

/* One at a time needs no queue, so it gets none. */
static bool read_singly(struct reads *r)
{
	for (; r->left; r->left--)
		if (pread(r->fd, buffer[0], BLOCK, next_offset(r)) != BLOCK)
			return false;
	return true;
}

/* Starts one read in each of these places, as long as any are left. Returns how many. */
static long start_reads(struct reads *r, const unsigned int *place, unsigned int count)
{
	struct iocb *list[DEPTH_MAX];
	unsigned int n = 0;

	for (; n < count && r->left; n++, r->left--) {
		list[n] = &r->iocb[place[n]];
		*list[n] = (struct iocb){
			.aio_data = place[n], .aio_lio_opcode = IOCB_CMD_PREAD,
			.aio_fildes = (uint32_t)r->fd, .aio_nbytes = BLOCK,
			.aio_buf = (uintptr_t)buffer[place[n]], .aio_offset = next_offset(r),
		};
	}
	if (!n)
		return 0;
	return syscall(SYS_io_submit, r->aio, (long)n, list) == (long)n ? (long)n : -1;
}

/* Waits for some; their places. Returns how many, or -1. */
static long end_reads(struct reads *r, unsigned int *place)
{
	struct io_event event[DEPTH_MAX];
	long n = syscall(SYS_io_getevents, r->aio, 1L, (long)r->depth, event, NULL);

	for (long i = 0; i < n; i++) {
		if (event[i].res != BLOCK)
			return -1;
		place[i] = (unsigned int)event[i].data;
	}
	return n;
}

static bool read_queued(struct reads *r)
{
	unsigned int place[DEPTH_MAX];
	long started, in_flight = 0, ended = r->depth;

	for (unsigned int i = 0; i < r->depth; i++)
		place[i] = i;
	do {
		started = start_reads(r, place, (unsigned int)ended);
		if (started < 0)
			return false;
		in_flight += started;
		if (!in_flight)
			return true;
		ended = end_reads(r, place);
		in_flight -= ended;
	} while (ended > 0);
	return false;
}

static bool do_disk(unsigned int depth, unsigned int count)
{
	struct reads r = { .seed = 88172645463325252u, .depth = depth, .left = count };
	bool done;

	r.fd = open("/dev/vda", O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (r.fd < 0)
		return false;
	r.blocks = (uint64_t)lseek(r.fd, 0, SEEK_END) / BLOCK;
	if (syscall(SYS_io_setup, DEPTH_MAX, &r.aio)) {
		close(r.fd);
		return false;
	}
	done = depth == 1 ? read_singly(&r) : read_queued(&r);
	syscall(SYS_io_destroy, r.aio);
	close(r.fd);
	return done;
}

/* ---- TCP ---- */

static void send_bytes(int fd, uint64_t left)
{
	ssize_t sent = 0;

	for (; left && sent >= 0; left -= (uint64_t)sent)
		sent = send(fd, tcp_buffer, left < TCP_CHUNK ? left : TCP_CHUNK, MSG_NOSIGNAL);
}

static void take_bytes(int fd, uint64_t left)
{
	ssize_t got = 1;

	for (; left && got > 0; left -= (uint64_t)got)
		got = recv(fd, tcp_buffer, left < TCP_CHUNK ? left : TCP_CHUNK, 0);
	if (got > 0)
		send(fd, "!", 1, MSG_NOSIGNAL);
}

static void serve_connection(int fd)
{
	char line[32] = "";
	unsigned long long bytes;

	for (size_t n = 0; n < sizeof(line) - 1 && recv(fd, line + n, 1, 0) == 1; n++)
		if (line[n] == '\n')
			break;
	if (sscanf(line, "out %llu", &bytes) == 1)
		send_bytes(fd, bytes);
	else if (sscanf(line, "in %llu", &bytes) == 1)
		take_bytes(fd, bytes);
}

static int make_listener(void)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(TCP_PORT) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (const struct sockaddr *)&to, sizeof(to)) || listen(listener, 4))
		perror("bench: failed");
	return listener;
}

static void serve(int listener)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		serve_connection(fd);
		close(fd);
	}
}

/* ---- console ---- */

static bool obey(const char *line)
{
	unsigned int depth, count;

	errno = EINVAL;
	if (sscanf(line, "disk %u %u", &depth, &count) == 2 && depth && depth <= DEPTH_MAX)
		return do_disk(depth, count);
	return false;
}

/* An echo of what is typed would be work that nobody has asked for. */
static void no_echo(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t))
		return;
	t.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

int main(void)
{
	int listener = make_listener();
	char line[64];

	no_echo();
	if (!fork()) {
		serve(listener);
		_exit(1);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("bench: ready");
	while (fgets(line, sizeof(line), stdin))
		if (obey(line))
			puts("bench: done");
		else
			printf("bench: failed %s\n", strerror(errno));
	return 0;
}
