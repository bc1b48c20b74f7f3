// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VNC server. Each viewer has a thread, an rfbScreen and a copy of the picture
 * of its own: one who stalls holds up nobody else, and the encoders never see
 * pixels that change under them. Bounded by VNC_MAX_VIEWERS. The RFB Protocol,
 * RFC 6143; the protocol itself is LibVNCServer's.
 *
 * Locks: vnc.lock (slots of viewers), a leaf. handshake_lock: LibVNCServer
 * keeps its table of security types for the whole process, so it is held over one
 * message that is there in whole.
 */
#define _GNU_SOURCE
#include "vnc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "display.h"
#include "input.h"
#include "keymap.h"
#include "lib/unix_socket.h"
#include "vnc_library.h"

#define TICK_MS 33
#define STALL_MS 5000
#define HANDSHAKE_NS (120 * CLOCK_NS_PER_S)	/* somebody types a password meanwhile */

enum slot { SLOT_FREE, SLOT_RUNNING, SLOT_ENDED };

struct vnc_viewer {
	struct vnc *vnc;		/* constant */
	pthread_t thread;
	int state;			/* enum slot; vnc.lock */
	bool skip_auth;			/* constant */
	int cut;			/* constant: the same socket, to end it from outside */
	int fd;				/* the thread's own, as all below */
	struct display_viewer *watch;
	struct display_info info;
	rfbScreenInfoPtr screen;
	rfbClientPtr client;		/* NULL: it has gone */
	struct input_user user;
};

struct vnc {
	struct vnc_config config;	/* constant, as all up to lock */
	char password[9];
	char *passwords[2];
	char *path;			/* of the UNIX socket, to be removed */
	int listener, stop;		/* stop: an eventfd, readable from the end on */
	bool listening;			/* there is the next one */
	pthread_t thread;
	pthread_mutex_t lock;
	struct vnc_viewer viewer[VNC_MAX_VIEWERS];
};

static pthread_mutex_t handshake_lock = PTHREAD_MUTEX_INITIALIZER;

static void say_nothing(const char *format, ...)
{
	(void)format;
}

/* ---- input ---- */

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr client)
{
	struct vnc_viewer *v = client->screen->screenData;
	uint16_t key;

	if (!keymap_keysym(keysym, &key))
		input_user_key(&v->user, key, down);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr client)
{
	struct vnc_viewer *v = client->screen->screenData;

	input_user_pointer(&v->user, x > 0 ? (uint32_t)x : 0, y > 0 ? (uint32_t)y : 0,
			   v->info.width, v->info.height, (uint8_t)buttons);
	vnc_library()->rfbDefaultPtrAddEvent(buttons, x, y, client);
}

static void on_gone(rfbClientPtr client)
{
	struct vnc_viewer *v = client->screen->screenData;

	v->client = NULL;
}

static enum rfbNewClientAction on_new(rfbClientPtr client)
{
	client->clientGoneHook = on_gone;
	return RFB_CLIENT_ACCEPT;
}

/* ---- picture ---- */

static int new_picture(struct vnc_viewer *v, const struct display_info *info)
{
	char *old = v->screen->frameBuffer;
	char *pixels = calloc(info->height, info->stride);

	if (!pixels)
		return -ENOMEM;
	vnc_library()->rfbNewFramebuffer(v->screen, pixels, (int)info->width,
					 (int)info->height, 8, 3, 4);
	v->screen->serverFormat.redShift = 16;
	v->screen->serverFormat.greenShift = 8;
	v->screen->serverFormat.blueShift = 0;
	if (v->client) /* its way from this format to its own was chosen before */
		v->screen->setTranslateFunction(v->client);
	v->info = *info;
	free(old);
	return 0;
}

static int update_picture(struct vnc_viewer *v)
{
	struct display *display = v->vnc->config.display;
	struct display_info info;
	struct damage damage;

	display_refresh(display);
	if (!display_take(v->watch, &damage, &info))
		return 0;
	if (info.generation != v->info.generation && new_picture(v, &info))
		return -ENOMEM;
	for (unsigned int i = 0; i < damage.count; i++) {
		const struct display_rect *r = &damage.rect[i];

		/* Stale: the next turn gets all of the new surface. */
		if (display_copy(display, &info, r, v->screen->frameBuffer))
			return 0;
		vnc_library()->rfbMarkRectAsModified(v->screen, (int)r->x, (int)r->y,
						     (int)(r->x + r->width),
						     (int)(r->y + r->height));
	}
	return 0;
}

/* ---- a viewer's thread ---- */

static int open_screen(struct vnc_viewer *v)
{
	struct vnc *vnc = v->vnc;
	rfbScreenInfoPtr s = vnc_library()->rfbGetScreen(NULL, NULL, 720, 400, 8, 3, 4);

	if (!s)
		return -ENOMEM;
	v->screen = s;
	s->screenData = v;
	s->desktopName = vnc->config.name ? vnc->config.name : "Baton";
	s->alwaysShared = TRUE;
	s->port = s->ipv6port = 0;
	s->httpDir = NULL;
	s->permitFileTransfer = FALSE;
	s->deferUpdateTime = 0;
	s->maxClientWait = STALL_MS;
	s->cursor = NULL;
	s->kbdAddEvent = on_key;
	s->ptrAddEvent = on_pointer;
	s->newClientHook = on_new;
	if (vnc->config.password && !v->skip_auth) {
		s->authPasswdData = vnc->passwords;
		s->passwordCheck = vnc_library()->rfbCheckPasswordByList;
	}
	v->watch = display_attach(vnc->config.display);
	return v->watch ? update_picture(v) : -ENOMEM;
}

static void close_screen(struct vnc_viewer *v)
{
	if (v->screen) {
		char *pixels = v->screen->frameBuffer;

		if (v->client) {
			rfbClientPtr client = v->client;

			vnc_library()->rfbCloseClient(client);
			vnc_library()->rfbClientConnectionGone(client);
		}
		vnc_library()->rfbShutdownServer(v->screen, TRUE);
		vnc_library()->rfbScreenCleanup(v->screen);
		free(pixels);
	}
	display_detach(v->watch);
}

/* The client's next message, RFC 6143, 7.1 to 7.3, bytes. */
static ssize_t message_size(int state)
{
	switch (state) {
	case RFB_PROTOCOL_VERSION: return sz_rfbProtocolVersionMsg;
	case RFB_AUTHENTICATION: return CHALLENGESIZE;
	default: return 1;
	}
}

/*
 * A step of the handshake. The library would wait for the rest of a message with the
 * lock held, and all other handshakes with it. False: there is only a part of it yet.
 */
static bool shake_hands(struct vnc_viewer *v)
{
	char bytes[CHALLENGESIZE];
	ssize_t there = recv(v->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	if (there > 0 && there < message_size(v->client->state))
		return false;
	pthread_mutex_lock(&handshake_lock);
	vnc_library()->rfbProcessEvents(v->screen, 0);
	pthread_mutex_unlock(&handshake_lock);
	return true;
}

static void serve(struct vnc_viewer *v)
{
	struct pollfd fds[2] = { { v->vnc->stop, POLLIN, 0 }, { v->fd, POLLIN, 0 } };
	uint64_t end = clock_now(&clock_monotonic) + HANDSHAKE_NS;
	bool whole = true;

	v->client = vnc_library()->rfbNewClient(v->screen, v->fd);
	while (v->client) {
		int tick = input_user_send(&v->user) ? INPUT_TICK_MS : TICK_MS;

		if (poll(fds, whole ? 2 : 1, tick) < 0 && errno != EINTR)
			return;
		if (fds[0].revents || update_picture(v))
			return;
		if (v->client->state == RFB_NORMAL)
			vnc_library()->rfbProcessEvents(v->screen, 0);
		else if (clock_now(&clock_monotonic) < end)
			whole = shake_hands(v);
		else
			return;
	}
}

static void *viewer_main(void *opaque)
{
	struct vnc_viewer *v = opaque;

	if (open_screen(v))
		close(v->fd);
	else
		serve(v);
	input_user_leave(&v->user); /* no key stays held for ever */
	close_screen(v);
	pthread_mutex_lock(&v->vnc->lock);
	v->state = SLOT_ENDED;
	pthread_mutex_unlock(&v->vnc->lock);
	return NULL;
}

static void join(struct vnc_viewer *v)
{
	pthread_join(v->thread, NULL);
	close(v->cut); /* the library has closed its own */
}

static int start_viewer_locked(struct vnc *vnc, struct vnc_viewer *v, int fd,
			       bool skip_auth)
{
	if (v->state == SLOT_ENDED)
		join(v);
	*v = (struct vnc_viewer){
		.vnc = vnc, .fd = fd, .skip_auth = skip_auth, .user.input = vnc->config.input,
		.cut = fcntl(fd, F_DUPFD_CLOEXEC, 0),
	};
	if (v->cut < 0)
		return -errno;
	if (pthread_create(&v->thread, NULL, viewer_main, v)) {
		close(v->cut);
		return -EAGAIN;
	}
	v->state = SLOT_RUNNING;
	return 0;
}

int vnc_serve(struct vnc *vnc, int fd, bool skip_auth)
{
	int error = -EBUSY;

	pthread_mutex_lock(&vnc->lock);
	/* LibVNCServer uses select(). */
	for (unsigned int i = 0; i < VNC_MAX_VIEWERS && error == -EBUSY && fd < FD_SETSIZE; i++)
		if (vnc->viewer[i].state != SLOT_RUNNING)
			error = start_viewer_locked(vnc, &vnc->viewer[i], fd, skip_auth);
	pthread_mutex_unlock(&vnc->lock);
	if (error)
		close(fd);
	return error;
}

/* ---- listening ---- */

static void *listen_main(void *opaque)
{
	struct vnc *vnc = opaque;
	struct pollfd fds[2] = { { vnc->stop, POLLIN, 0 }, { vnc->listener, POLLIN, 0 } };

	for (;;) {
		int fd;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents)
			return NULL;
		fd = accept4(vnc->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			vnc_serve(vnc, fd, false);
		else if (errno == EMFILE || errno == ENFILE)
			poll(fds, 1, 1000); /* until a descriptor is free */
	}
}

static int listen_unix(struct vnc *vnc, const char *path)
{
	if (!*path)
		return -EINVAL;
	vnc->listener = unix_listen(path, SOCK_STREAM, VNC_MAX_VIEWERS);
	if (vnc->listener < 0)
		return vnc->listener;
	vnc->path = strdup(path);
	return vnc->path ? 0 : -ENOMEM;
}

static int listen_loopback(struct vnc *vnc, const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	unsigned long number;
	int one = 1;
	char *end;

	number = strtoul(port, &end, 10);
	if (!*port || *end || !number || number > 65535 || !vnc->config.password)
		return -EINVAL;
	address.sin_port = htons((uint16_t)number);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	vnc->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (vnc->listener < 0)
		return -errno;
	setsockopt(vnc->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(vnc->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(vnc->listener, VNC_MAX_VIEWERS))
		return -errno;
	return 0;
}

static int start_listening(struct vnc *vnc)
{
	const char *where = vnc->config.listen;
	int error;

	if (!where)
		return 0;
	if (!strncmp(where, "unix:", 5))
		error = listen_unix(vnc, where + 5);
	else if (!strncmp(where, "127.0.0.1:", 10))
		error = listen_loopback(vnc, where + 10);
	else
		error = -EINVAL;
	if (error)
		return error;
	error = -pthread_create(&vnc->thread, NULL, listen_main, vnc);
	vnc->listening = !error;
	return error;
}

static void release(struct vnc *vnc)
{
	if (vnc->path)
		unlink(vnc->path);
	if (vnc->listener >= 0)
		close(vnc->listener);
	if (vnc->stop >= 0)
		close(vnc->stop);
	free(vnc->path);
	pthread_mutex_destroy(&vnc->lock);
	explicit_bzero(vnc->password, sizeof(vnc->password));
	free(vnc);
}

int vnc_create(const struct vnc_config *config, struct vnc **ret_vnc)
{
	const struct vnc_library *library = vnc_library();
	struct vnc *vnc;
	int error;

	if (!library)
		return -ENOPKG;
	vnc = calloc(1, sizeof(*vnc));
	if (!vnc)
		return -ENOMEM;
	*library->rfbLog = *library->rfbErr = say_nothing;
	vnc->config = *config;
	vnc->listener = -1;
	pthread_mutex_init(&vnc->lock, NULL);
	if (config->password) {
		strncpy(vnc->password, config->password, sizeof(vnc->password) - 1);
		vnc->config.password = vnc->password; /* the caller's may go */
	}
	vnc->passwords[0] = vnc->password;
	vnc->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = vnc->stop < 0 ? -errno : start_listening(vnc);
	if (error) {
		release(vnc);
		return error;
	}
	*ret_vnc = vnc;
	return 0;
}

void vnc_destroy(struct vnc *vnc)
{
	uint64_t one = 1;

	if (!vnc)
		return;
	if (write(vnc->stop, &one, sizeof(one)) < 0)
		return; /* an eventfd at 0 takes a 1 */
	if (vnc->listening)
		pthread_join(vnc->thread, NULL);
	/* The library waits for one who reads slowly as long as it takes. */
	for (unsigned int i = 0; i < VNC_MAX_VIEWERS; i++)
		if (vnc->viewer[i].state != SLOT_FREE)
			shutdown(vnc->viewer[i].cut, SHUT_RDWR);
	for (unsigned int i = 0; i < VNC_MAX_VIEWERS; i++)
		if (vnc->viewer[i].state != SLOT_FREE)
			join(&vnc->viewer[i]);
	release(vnc);
}
