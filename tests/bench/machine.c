// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of whole machines: a monitor's command line, and its guest driven over serial
 * port and TCP. What counts is all that the host executes from one point to the
 * other, guest included, without idle time; for I/O, less what asking for none of it
 * costs, and divided. Each is measured several times on a machine that has done it
 * before, and the best one counts.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 3
/*
 * Who hangs is ended by SIGALRM, and in-host-machine.sh starts it anew: seconds of the
 * host, which executes 10^9 instructions in each (and takes up to 20 real ones for it).
 * Small guests start within one, Debian within 25, a piece of work takes less than one.
 */
#define START_LIMIT_S 6
#define LOGIN_LIMIT_S 60
#define WORK_LIMIT_S 2

/* What the guest of tests/bench/load and Debian say. */
#define READY "bench: ready"
#define DONE "bench: done"
#define LOGIN "login:"

#define TCP_BYTES (4u << 20)
#define TCP_CHUNK (256u << 10)

#define SETTLE_S 60
#define IDLE_S 60

static bool start(struct monitor *m, char *const *argv, const char *until, unsigned int limit)
{
	alarm(limit);
	return monitor_start(m, argv) && monitor_says(m, until);
}

/* ---- a start ---- */

int machine_start(const char *engine, const char *id, const char *until, char *const *argv)
{
	static struct monitor m;
	struct stopwatch watch;
	bool started;

	ticks_per_ms();
	stopwatch_start(&watch);
	started = start(&m, argv, until, START_LIMIT_S);
	if (started)
		print_row(engine, id, stopwatch_stop(&watch).busy / 1e3);
	else
		print_failure(engine, id, "the guest did not start");
	monitor_end(&m);
	return !started;
}

int machine_memory(const char *engine, const char *id, const char *until, char *const *argv)
{
	static struct monitor m;
	int status;

	ticks_per_ms();
	if (start(&m, argv, until, START_LIMIT_S))
		status = print_kib(engine, id, &m);
	else
		status = print_failure(engine, id, "the guest did not start");
	monitor_end(&m);
	return status;
}

/* ---- work ---- */

/* Does so much of it; false: the guest or the connection failed. */
typedef bool (*work_fn)(struct monitor *m, const void *what, unsigned int amount);

/* The best of several, warmed up. */
static bool best(struct monitor *m, work_fn work, const void *what, unsigned int amount,
		 double *ret_busy)
{
	struct stopwatch watch;
	struct lap lap;

	*ret_busy = 1e18;
	for (int i = 0; i <= ROUNDS; i++) {
		alarm(WORK_LIMIT_S);
		stopwatch_start(&watch);
		if (i == ROUNDS)
			profile_begin();
		if (!work(m, what, amount))
			return false;
		if (i == ROUNDS)
			profile_end();
		lap = stopwatch_stop(&watch);
		if (i && lap.busy < *ret_busy)
			*ret_busy = lap.busy;
	}
	return true;
}

/* Prints what `divisor` parts of that amount cost each. */
static int measure(const char *engine, const char *id, struct monitor *m, work_fn work,
		   const void *what, unsigned int amount, unsigned int divisor)
{
	double empty, full;

	profile_row(engine, id);
	if (!best(m, work, what, 0, &empty) || !best(m, work, what, amount, &full))
		return print_failure(engine, id, "the guest failed");
	profile_tell(divisor);
	print_row(engine, id, (full - empty) / divisor);
	/* The plugin's last two lines are of these. */
	profile_row_end();
	printf("# marked %s %s %u\n", engine, id, divisor);
	return 0;
}

/* ---- disk ---- */

static bool read_disk(struct monitor *m, const void *what, unsigned int count)
{
	char line[48];

	snprintf(line, sizeof(line), "disk %u %u\n", *(const unsigned int *)what, count);
	return monitor_tell(m, line) && monitor_says(m, DONE);
}

int machine_disk(const char *engine, char *const *argv)
{
	static const struct { const char *id; unsigned int depth, count; } rows[] = {
		{ "disk-qd1", 1, 2000 }, { "disk-qd32", 32, 8000 },
	};
	static struct monitor m;
	bool ready = start(&m, argv, READY, START_LIMIT_S);
	int status = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (ready)
			status |= measure(engine, rows[i].id, &m, read_disk, &rows[i].depth,
					  rows[i].count, rows[i].count);
		else
			status = print_failure(engine, rows[i].id, "the guest did not start");
	monitor_end(&m);
	return status;
}

/* ---- TCP ---- */

struct transfer {
	bool out;			/* of the guest */
	uint16_t port;			/* of the host, forwarded to the guest */
};

static unsigned char chunk[TCP_CHUNK];

/* From the guest: thrown away unread, as it is not the host's copying that counts. */
static bool take(int fd, unsigned int left)
{
	ssize_t got = 1;

	for (; left && got > 0; left -= (unsigned int)got)
		got = recv(fd, chunk, left < TCP_CHUNK ? left : TCP_CHUNK, MSG_TRUNC);
	return !left;
}

/* To the guest, until it says that it has all. */
static bool give(int fd, unsigned int left)
{
	ssize_t sent = 1;

	for (; left && sent > 0; left -= (unsigned int)sent)
		sent = send(fd, chunk, left < TCP_CHUNK ? left : TCP_CHUNK, MSG_NOSIGNAL);
	return !left && recv(fd, chunk, 1, 0) == 1;
}

static bool ask(int fd, const struct transfer *t, unsigned int bytes)
{
	char line[48];
	int length = snprintf(line, sizeof(line), "%s %u\n", t->out ? "out" : "in", bytes);

	return send(fd, line, (size_t)length, MSG_NOSIGNAL) == length;
}

static bool transfer(struct monitor *m, const void *what, unsigned int bytes)
{
	const struct transfer *t = what;
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(t->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char end;
	bool done;

	(void)m;
	done = !connect(fd, (const struct sockaddr *)&to, sizeof(to)) && ask(fd, t, bytes) &&
	       (t->out ? take(fd, bytes) : give(fd, bytes)) && !recv(fd, &end, 1, 0);
	close(fd);
	return done;
}

int machine_tcp(const char *engine, const char *port, char *const *argv)
{
	static const char *const id[] = { "tcp-out", "tcp-in" };
	struct transfer t = { .port = (uint16_t)atoi(port) };
	static struct monitor m;
	bool ready = start(&m, argv, READY, START_LIMIT_S);
	int status = 0;

	for (int i = 0; i < 2; i++) {
		t.out = !i;
		if (ready)
			status |= measure(engine, id[i], &m, transfer, &t, TCP_BYTES,
					  TCP_BYTES >> 20);
		else
			status = print_failure(engine, id[i], "the guest did not start");
	}
	monitor_end(&m);
	return status;
}

/* ---- idle ---- */

/* The number that a shell command prints, or -1. */
static double count(const char *command)
{
	FILE *from = popen(command, "re");
	double n = -1;

	if (!from)
		return -1;
	if (fscanf(from, "%lf", &n) != 1)
		n = -1;
	pclose(from);
	return n;
}

static int print_exits(const char *engine, const char *counter)
{
	struct stopwatch watch;
	double before, after;

	stopwatch_start(&watch);
	before = count(counter);
	sleep(IDLE_S);
	after = count(counter);
	if (before < 0 || after < before)
		return print_failure(engine, "idle-exits", "nothing counts them");
	print_row(engine, "idle-exits", (after - before) * 1e6 / stopwatch_stop(&watch).elapsed_us);
	return 0;
}

/* What a machine at its login costs that nobody uses. */
int machine_idle(const char *engine, const char *counter, char *const *argv)
{
	static struct monitor m;
	int status;

	if (start(&m, argv, LOGIN, LOGIN_LIMIT_S)) {
		alarm(0);
		sleep(SETTLE_S);
		status = print_kib(engine, "pc-kib", &m);
		status |= print_exits(engine, counter);
	} else {
		print_failure(engine, "pc-kib", "the guest did not start");
		status = print_failure(engine, "idle-exits", "the guest did not start");
	}
	monitor_end(&m);
	return status;
}
