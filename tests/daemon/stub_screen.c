// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TEST CODE. The screen of the made-up monitor. See stub_screen.h.
 */
#define _GNU_SOURCE /* memfd_create */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stub_screen.h"

#define BLOCK 16
#define CLIENTS_MAX 32

static uint32_t *pixels;
static int surface = -1;
static int blocks;

static struct {
	bool waiting, dirty;
	int x, y;
} viewers[CLIENTS_MAX];

static bool make(void)
{
	size_t size = STUB_SCREEN_WIDTH * STUB_SCREEN_HEIGHT * 4;

	if (surface >= 0)
		return true;
	surface = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (surface < 0 || ftruncate(surface, (off_t)size) ||
	    fcntl(surface, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		return false;
	pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, surface, 0);
	if (pixels == MAP_FAILED)
		return false;
	for (int i = 0; i < STUB_SCREEN_WIDTH * STUB_SCREEN_HEIGHT; i++)
		pixels[i] = (uint32_t)(i % STUB_SCREEN_WIDTH * 255 / STUB_SCREEN_WIDTH) << 16 |
			    0x4060;
	return true;
}

bool stub_screen_attach(struct rpc_request *r)
{
	if (!make())
		return false;
	r->fd = dup(surface);
	json_put_int(r->out, "width", STUB_SCREEN_WIDTH);
	json_put_int(r->out, "height", STUB_SCREEN_HEIGHT);
	json_put_int(r->out, "stride", STUB_SCREEN_WIDTH * 4);
	json_put_string(r->out, "format", "xrgb8888");
	json_put_int(r->out, "generation", 1);
	return r->fd >= 0;
}

static void answer(int client)
{
	char text[256];
	int length = snprintf(text, sizeof(text),
		"{\"ok\":true,\"width\":%d,\"height\":%d,\"stride\":%d,\"generation\":1,"
		"\"format\":\"xrgb8888\",\"rects\":[[%d,%d,%d,%d]]}\n", STUB_SCREEN_WIDTH,
		STUB_SCREEN_HEIGHT, STUB_SCREEN_WIDTH * 4, viewers[client].x, viewers[client].y,
		BLOCK, BLOCK);

	viewers[client].waiting = viewers[client].dirty = false;
	stub_send(client, text, (size_t)length);
}

/* The later of two changes is told: tests wait for one before they make another. */
static void paint(int x, int y, uint32_t color)
{
	if (!make())
		return;
	for (int row = y; row < y + BLOCK && row < STUB_SCREEN_HEIGHT; row++)
		for (int column = x; column < x + BLOCK && column < STUB_SCREEN_WIDTH; column++)
			pixels[row * STUB_SCREEN_WIDTH + column] = color;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		viewers[i].dirty = true;
		viewers[i].x = x;
		viewers[i].y = y;
		if (viewers[i].waiting)
			answer(i);
	}
}

bool stub_screen_wait(struct rpc_request *r)
{
	r->later = true;
	viewers[r->client].waiting = true;
	if (viewers[r->client].dirty)
		answer(r->client);
	return true;
}

bool stub_screen_key(struct rpc_request *r)
{
	bool down = true;

	json_get_bool(r->object, "down", &down);
	if (down) {
		paint(blocks % (STUB_SCREEN_WIDTH / BLOCK) * BLOCK,
		      blocks / (STUB_SCREEN_WIDTH / BLOCK) % 10 * BLOCK, 0xffffff);
		blocks++;
	}
	return true;
}

bool stub_screen_pointer(struct rpc_request *r)
{
	int64_t x, y, buttons = 0;

	if (!json_get_int(r->object, "x", 0, STUB_SCREEN_WIDTH - 1, &x) ||
	    !json_get_int(r->object, "y", 0, STUB_SCREEN_HEIGHT - 1, &y))
		return false;
	json_get_int(r->object, "buttons", 0, 255, &buttons);
	if (buttons)
		paint((int)x, (int)y, 0xff0000);
	return true;
}

void stub_screen_forget(int client)
{
	memset(&viewers[client], 0, sizeof(viewers[client]));
}
