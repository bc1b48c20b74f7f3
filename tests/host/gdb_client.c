// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: gdb-client SOCKET STEP...
 *
 * What gdb would say: each step is a packet, or "^C", and perhaps " -> " and what the
 * answer has to begin with. A packet with "!" before it is not answered yet; % in one is
 * the number that the last packet "p..." gave; "N*" before it: N times; "sleep" waits a
 * moment. Prints packets and
 * answers; ends with 1 at the first answer that is another one, or after LIMIT seconds
 * without any.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LIMIT 240
#define ARROW " -> "

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void say(int fd, const char *packet)
{
	unsigned char sum = 0;

	if (!strcmp(packet, "^C")) {
		dprintf(fd, "\x03");
		return;
	}
	for (const char *p = packet; *p; p++)
		sum = (unsigned char)(sum + (unsigned char)*p);
	dprintf(fd, "$%s#%02x", packet, sum);
}

static char next_byte(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&wait, 1, LIMIT * 1000) == 1 && read(fd, &byte, 1) == 1)
		return byte;
	printf("no answer\n");
	exit(1);
}

/* What is between $ and #; the sum is the unit test's affair. */
static void hear(int fd, char *answer, size_t size)
{
	size_t length = 0;
	char byte;

	while (next_byte(fd) != '$')
		;
	while ((byte = next_byte(fd)) != '#')
		if (length < size - 1)
			answer[length++] = byte;
	answer[length] = 0;
	next_byte(fd);
	next_byte(fd);
	send(fd, "+", 1, MSG_NOSIGNAL); /* it may have gone with its last word */
}

/* The bytes of a register, lowest first, as a number; and that in place of %. */
static void fill_in(const char *text, size_t length, const char *bytes, char *packet)
{
	for (; length; length--, text++) {
		if (*text != '%') {
			*packet++ = *text;
			continue;
		}
		for (size_t i = strlen(bytes) & ~1ul; i; i -= 2, packet += 2)
			memcpy(packet, bytes + i - 2, 2);
	}
	*packet = 0;
}

static bool step(int fd, const char *text)
{
	static char packet[4096], answer[16384], number[32];
	const char *arrow = strstr(text, ARROW), *want = arrow ? arrow + strlen(ARROW) : "";

	if (!strcmp(text, "sleep"))
		return !sleep(3);
	fill_in(text, arrow ? (size_t)(arrow - text) : strlen(text), number, packet);
	if (*packet == '!') {
		say(fd, packet + 1);
		return true;
	}
	say(fd, packet);
	hear(fd, answer, sizeof(answer));
	if (*packet == 'p')
		snprintf(number, sizeof(number), "%.31s", answer);
	printf("%s: %s\n", packet, answer);
	if (!strncmp(answer, want, strlen(want)))
		return true;
	printf("wanted: %s\n", want);
	return false;
}

static bool repeat(int fd, const char *text)
{
	char *end;
	long times = strtol(text, &end, 10);

	if (*end != '*')
		return step(fd, text);
	while (times-- > 0)
		if (!step(fd, end + 1))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = connect_to(argv[1]);
	for (int i = 2; i < argc; i++)
		if (!repeat(fd, argv[i]))
			return 1;
	close(fd);
	return 0;
}
