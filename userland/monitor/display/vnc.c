// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VNC server. Each viewer has a thread, an rfbScreen and a copy of the picture
 * of its own: one who stalls holds up nobody else, and the encoders never see
 * pixels that change under them. Bounded by VNC_MAX_VIEWERS. The RFB Protocol,
 * RFC 6143; the protocol itself is LibVNCServer's.
 *
 * Locks: vnc.lock (slots of viewers), a leaf. handshake_lock: LibVNCServer
 * keeps its table of security types for the whole process.
 */
#define _GNU_SOURCE
#include "vnc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "display.h"
#include "keymap.h"
#include "vnc_library.h"

#define TICK_MS 33
#define STALL_MS 5000
#define KEY_WORDS (768 / 64)
#define KEYS_WAITING 1024u
#define KEY_TICK_MS 5	/* between looks for room while keys wait */
#define KEY_WAIT_MS 2000	/* without any room; then they go to the keyboard in any case */

enum slot { SLOT_FREE, SLOT_RUNNING, SLOT_ENDED };

struct waiting_key {
	uint16_t key;
	bool down;
};

struct vnc_viewer {
	struct vnc *vnc;		/* constant */
	pthread_t thread;
	int state;			/* enum slot; vnc.lock */
	int fd;				/* the thread's own, as all below */
	struct display_viewer *watch;
	struct display_info info;
	rfbScreenInfoPtr screen;
	rfbClientPtr client;		/* NULL: it has gone */
	uint64_t held[KEY_WORDS];	/* keys that are down */
	struct waiting_key waiting[KEYS_WAITING]; /* a ring */
	unsigned int first_waiting, waiting_count;
	uint64_t moved_ms;		/* when the first of them became the first */
	uint32_t x, y;			/* pointer */
	uint8_t buttons;
};

struct vnc {
	struct vnc_config config;	/* constant, as the next four */
	char password[9];
	char *passwords[2];
	char *path;			/* of the UNIX socket, to be removed */
	int listener, stop;		/* stop: an eventfd, readable from the end on */
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

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void send_key(struct vnc_viewer *v, uint16_t key, bool down)
{
	const struct input_sink *sink = &v->vnc->config.input;
	uint64_t bit = 1ull << (key % 64);

	if (key / 64 >= KEY_WORDS)
		return;
	v->held[key / 64] = down ? v->held[key / 64] | bit : v->held[key / 64] & ~bit;
	if (sink->key)
		sink->key(sink->ctx, key, down);
}

static void send_first_waiting(struct vnc_viewer *v)
{
	const struct waiting_key *w = &v->waiting[v->first_waiting];

	send_key(v, w->key, w->down);
	v->first_waiting = (v->first_waiting + 1) % KEYS_WAITING;
	v->waiting_count--;
	v->moved_ms = now_ms();
}

/*
 * A viewer sends what was typed or pasted at once, and a keyboard takes few keys, or none
 * while the guest has it off to set it up: so keys wait, for as long as their sender may
 * still mean them. What the keyboard does not take then is lost as on a real one.
 */
static void send_waiting(struct vnc_viewer *v)
{
	const struct input_sink *sink = &v->vnc->config.input;
	bool stuck = now_ms() - v->moved_ms >= KEY_WAIT_MS;

	while (v->waiting_count) {
		if (sink->key_room && !stuck && !sink->key_room(sink->ctx))
			return;
		send_first_waiting(v);
	}
}

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr client)
{
	struct vnc_viewer *v = client->screen->screenData;
	uint16_t key;

	if (keymap_keysym(keysym, &key))
		return;
	if (!v->waiting_count)
		v->moved_ms = now_ms();
	if (v->waiting_count == KEYS_WAITING)
		send_first_waiting(v);
	v->waiting[(v->first_waiting + v->waiting_count++) % KEYS_WAITING] =
		(struct waiting_key){ key, down };
	send_waiting(v);
}

static void send_pointer(struct vnc_viewer *v, uint32_t x, uint32_t y, uint8_t buttons)
{
	const struct input_sink *sink = &v->vnc->config.input;
	uint32_t w = v->info.width, h = v->info.height;

	v->x = x < w ? x : w - 1;
	v->y = y < h ? y : h - 1;
	v->buttons = buttons;
	if (sink->pointer)
		sink->pointer(sink->ctx, v->x, v->y, w, h, buttons);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr client)
{
	send_pointer(client->screen->screenData, x > 0 ? (uint32_t)x : 0, y > 0 ? (uint32_t)y : 0,
		     (uint8_t)buttons);
	vnc_library()->rfbDefaultPtrAddEvent(buttons, x, y, client);
}

/* A viewer who goes away leaves no key behind that is held for ever. */
static void release_all(struct vnc_viewer *v)
{
	while (v->waiting_count)
		send_first_waiting(v);
	for (unsigned int key = 0; key < 64 * KEY_WORDS; key++)
		if (v->held[key / 64] >> (key % 64) & 1)
			send_key(v, (uint16_t)key, false);
	if (v->buttons)
		send_pointer(v, v->x, v->y, 0);
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
	s->desktopName = "Baton";
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
	if (vnc->config.password) {
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

static void process(struct vnc_viewer *v)
{
	bool handshake = v->client->state != RFB_NORMAL;

	if (handshake)
		pthread_mutex_lock(&handshake_lock);
	vnc_library()->rfbProcessEvents(v->screen, 0);
	if (handshake)
		pthread_mutex_unlock(&handshake_lock);
}

static void serve(struct vnc_viewer *v)
{
	struct pollfd fds[2] = { { v->vnc->stop, POLLIN, 0 }, { v->fd, POLLIN, 0 } };

	v->client = vnc_library()->rfbNewClient(v->screen, v->fd);
	while (v->client) {
		int tick = v->waiting_count ? KEY_TICK_MS : TICK_MS;

		if (poll(fds, 2, tick) < 0 && errno != EINTR)
			return;
		send_waiting(v);
		if (fds[0].revents || update_picture(v))
			return;
		process(v);
	}
}

static void *viewer_main(void *opaque)
{
	struct vnc_viewer *v = opaque;

	if (open_screen(v))
		close(v->fd);
	else
		serve(v);
	release_all(v);
	close_screen(v);
	pthread_mutex_lock(&v->vnc->lock);
	v->state = SLOT_ENDED;
	pthread_mutex_unlock(&v->vnc->lock);
	return NULL;
}

static int start_viewer_locked(struct vnc *vnc, struct vnc_viewer *v, int fd)
{
	if (v->state == SLOT_ENDED)
		pthread_join(v->thread, NULL);
	*v = (struct vnc_viewer){ .vnc = vnc, .fd = fd };
	if (pthread_create(&v->thread, NULL, viewer_main, v))
		return -EAGAIN;
	v->state = SLOT_RUNNING;
	return 0;
}

int vnc_serve(struct vnc *vnc, int fd)
{
	int error = -EBUSY;

	pthread_mutex_lock(&vnc->lock);
	/* LibVNCServer uses select(). */
	for (unsigned int i = 0; i < VNC_MAX_VIEWERS && error == -EBUSY && fd < FD_SETSIZE; i++)
		if (vnc->viewer[i].state != SLOT_RUNNING)
			error = start_viewer_locked(vnc, &vnc->viewer[i], fd);
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
			vnc_serve(vnc, fd);
		else if (errno == EMFILE || errno == ENFILE)
			poll(fds, 1, 1000); /* until a descriptor is free */
	}
}

static int bind_and_listen(struct vnc *vnc, int family, const void *address, socklen_t size)
{
	int one = 1;

	vnc->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (vnc->listener < 0)
		return -errno;
	setsockopt(vnc->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(vnc->listener, address, size))
		return -errno;
	if (family == AF_UNIX) {
		vnc->path = strdup(((const struct sockaddr_un *)address)->sun_path);
		if (!vnc->path || chmod(vnc->path, 0600))
			return -errno;
	}
	return listen(vnc->listener, VNC_MAX_VIEWERS) ? -errno : 0;
}

static int listen_unix(struct vnc *vnc, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return -EINVAL;
	strcpy(address.sun_path, path);
	return bind_and_listen(vnc, AF_UNIX, &address, sizeof(address));
}

static int listen_loopback(struct vnc *vnc, const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	char *end;
	unsigned long number = strtoul(port, &end, 10);

	if (!*port || *end || !number || number > 65535 || !vnc->config.password)
		return -EINVAL;
	address.sin_port = htons((uint16_t)number);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return bind_and_listen(vnc, AF_INET, &address, sizeof(address));
}

static int start_listening(struct vnc *vnc)
{
	const char *where = vnc->config.listen;
	int error;

	if (!strncmp(where, "unix:", 5))
		error = listen_unix(vnc, where + 5);
	else if (!strncmp(where, "127.0.0.1:", 10))
		error = listen_loopback(vnc, where + 10);
	else
		error = -EINVAL;
	if (error)
		return error;
	return -pthread_create(&vnc->thread, NULL, listen_main, vnc);
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
	if (config->password)
		strncpy(vnc->password, config->password, sizeof(vnc->password) - 1);
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
	pthread_join(vnc->thread, NULL);
	for (unsigned int i = 0; i < VNC_MAX_VIEWERS; i++)
		if (vnc->viewer[i].state != SLOT_FREE)
			pthread_join(vnc->viewer[i].thread, NULL);
	release(vnc);
}
