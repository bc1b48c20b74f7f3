// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forwards and ports. See forward.h.
 */
#define _GNU_SOURCE /* memrchr */
#include "forward.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interrupt.h"

#define PORTS_TRIED 1000u

static bool take_port(const char *text, const char *end, uint16_t *ret)
{
	unsigned long value = 0;

	if (text == end || end - text > 5)
		return false;
	for (; text < end; text++) {
		if (!isdigit((unsigned char)*text))
			return false;
		value = value * 10 + (unsigned long)(*text - '0');
	}
	*ret = (uint16_t)value;
	return value >= 1 && value <= 65535;
}

static bool parse(const char *text, struct forward *f)
{
	const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text);
	const char *last = memrchr(text, ':', (size_t)(end - text));
	const char *first = last ? memrchr(text, ':', (size_t)(last - text)) : NULL;
	struct in_addr in;

	strcpy(f->host_address, "127.0.0.1");
	f->udp = slash && !strcmp(slash, "/udp");
	if (!last || (slash && !f->udp && strcmp(slash, "/tcp")))
		return false;
	if (first) {
		if ((size_t)(first - text) >= sizeof(f->host_address))
			return false;
		memcpy(f->host_address, text, (size_t)(first - text));
		f->host_address[first - text] = '\0';
		text = first + 1;
	}
	return inet_pton(AF_INET, f->host_address, &in) == 1 &&
	       take_port(text, last, &f->host_port) && take_port(last + 1, end, &f->guest_port);
}

bool forward_parse(const char *text, struct forward *ret, struct btn_error *e)
{
	if (parse(text, ret))
		return true;
	btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is no forward", text);
	btn_set_cause(e, "A forward is [ADDRESS:]HOSTPORT:GUESTPORT[/udp], ports from 1 to 65535.");
	btn_set_fix(e, "For example: 2222:22");
	return false;
}

bool forward_find(const struct json_node *vm, uint16_t guest_port, struct forward *ret)
{
	const struct json_node *list = json_member(vm, "forwards"), *text = NULL;

	while (list && list->type == JSON_ARRAY && (text = json_next(list, text)))
		if (text->type == JSON_STRING && parse(text->string, ret) && !ret->udp &&
		    ret->guest_port == guest_port)
			return true;
	return false;
}

static bool is_defined(const struct json_node *vms, uint16_t port)
{
	const struct json_node *vm = NULL;
	struct forward f;

	while (vms && vms->type == JSON_ARRAY && (vm = json_next(vms, vm))) {
		const struct json_node *list = json_member(vm, "forwards"), *text = NULL;

		while (list && list->type == JSON_ARRAY && (text = json_next(list, text)))
			if (text->type == JSON_STRING && parse(text->string, &f) && !f.udp &&
			    f.host_port == port)
				return true;
	}
	return false;
}

static bool can_bind(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool ok;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ok = !bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, 1);
	close(fd);
	return ok;
}

uint16_t forward_free_port(const struct json_node *vms, uint16_t from)
{
	for (unsigned int port = from; port < from + PORTS_TRIED && port <= 65535; port++)
		if (!is_defined(vms, (uint16_t)port) && can_bind((uint16_t)port))
			return (uint16_t)port;
	return 0;
}

void forward_reached_at(const struct forward *f, char *ret)
{
	bool all = !strcmp(f->host_address, "0.0.0.0");

	snprintf(ret, FORWARD_ADDRESS_MAX, "%s", all ? "127.0.0.1" : f->host_address);
}

static int connect_to(const struct forward *f)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(f->host_port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[FORWARD_ADDRESS_MAX];

	forward_reached_at(f, text);
	inet_pton(AF_INET, text, &address.sin_addr);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

enum forward_probe forward_probe(const struct forward *f, int timeout_ms, char *text, size_t size)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	enum forward_probe result = PROBE_SILENT;
	ssize_t got;

	text[0] = '\0';
	fds[0].fd = connect_to(f);
	fds[1].fd = interrupt_fd();
	if (fds[0].fd < 0)
		return PROBE_REFUSED;
	if (poll(fds, 2, timeout_ms) > 0 && fds[0].revents) {
		got = recv(fds[0].fd, text, size - 1, 0);
		text[got > 0 ? got : 0] = '\0';
		result = got > 0 ? PROBE_SPOKE : PROBE_REFUSED;
	}
	close(fds[0].fd);
	return result;
}
