// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stands in for baton-vm in the tests of vmctl: does what the words of its
 * --append say, in order.
 *
 *   ready      print "ready pid PID" and a line end
 *   echo       pass input on to output for good
 *   line       read one line, print "got: " and the line
 *   error      print an error as baton-vm does, exit 8
 *   exit=N     end with status N
 *   signal=N   raise signal N
 *   stubborn   ignore SIGTERM from here on
 *   flood      write without end
 *   sleep=MS   wait
 *   prompt     print "login: " without a line end
 *   deaf       wait for good, without reading
 *   burst=N    write N bytes 'x' and a line end
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void echo(void)
{
	char data[4096];
	ssize_t count;

	while ((count = read(STDIN_FILENO, data, sizeof(data))) > 0) {
		if (write(STDOUT_FILENO, data, count) != count)
			_exit(99);
	}
	/* The end of input must never be seen: it would mean a lost VM. */
	_exit(98);
}

static void read_line(void)
{
	char line[256];
	size_t length = 0;

	while (length < sizeof(line) && read(STDIN_FILENO, line + length, 1) == 1) {
		char c = line[length++];

		if (c == '\r' || c == '\n')
			break;
	}
	printf("got: %.*s\r\n", (int)(length ? length - 1 : 0), line);
}

static void burst(long count)
{
	while (count--)
		putchar('x');
	puts("\r");
}

static void flood(void)
{
	static char data[4096];

	memset(data, '#', sizeof(data));
	while (write(STDOUT_FILENO, data, sizeof(data)) > 0)
		;
}

static void act(const char *word)
{
	const char *equals = strchr(word, '=');
	long number = equals ? atol(equals + 1) : 0;

	if (!strcmp(word, "ready"))
		printf("ready pid %d\r\n", (int)getpid());
	else if (!strcmp(word, "echo"))
		echo();
	else if (!strcmp(word, "line"))
		read_line();
	else if (!strcmp(word, "prompt"))
		printf("login: ");
	else if (!strncmp(word, "exit=", 5))
		exit(number);
	else if (!strncmp(word, "signal=", 7))
		raise(number);
	else if (!strcmp(word, "stubborn"))
		signal(SIGTERM, SIG_IGN);
	else if (!strcmp(word, "flood"))
		flood();
	else if (!strncmp(word, "sleep=", 6))
		usleep(number * 1000);
	else if (!strncmp(word, "burst=", 6))
		burst(number);
	else if (!strcmp(word, "deaf"))
		for (;;)
			pause();
	else if (!strcmp(word, "error")) {
		fputs("baton-vm: not enough memory (BTN-2002)\ncause: none left\nfix: buy some\n",
		      stderr);
		exit(8);
	}
}

int main(int argc, char **argv)
{
	char *text = NULL;

	for (int i = 1; i + 1 < argc; i++) {
		if (!strcmp(argv[i], "--append"))
			text = argv[i + 1];
	}
	if (!text)
		return 97;
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		act(word);
		fflush(stdout);
	}
	return 0;
}
