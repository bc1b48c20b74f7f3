// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: vnc-client SOCKET|127.0.0.1:PORT [-p PASSWORD] [-t TEXT] PNG
 *
 * A VNC client without a window, by LibVNCClient: types TEXT (ASCII), waits until the
 * picture has been quiet for a while, and writes it.
 */
#include <rfb/rfbclient.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/write_png.h"

#define QUIET_US 1500000u	/* without an update: that is the picture */
#define PATIENCE 200		/* updates at most */
#define KEY_PAUSE_US 60000

static const char *password;

static char *give_password(rfbClient *client)
{
	(void)client;
	return strdup(password ? password : "");
}

static int wait_for_quiet(rfbClient *client)
{
	for (int i = 0; i < PATIENCE; i++) {
		int got = WaitForMessage(client, QUIET_US);

		if (got < 0 || (got > 0 && !HandleRFBServerMessage(client)))
			return -1;
		if (!got)
			return 0;
	}
	return 0;
}

static void type_text(rfbClient *client, const char *text)
{
	for (; *text; text++) {
		uint32_t key = *text == '\n' ? 0xff0d : (unsigned char)*text;

		SendKeyEvent(client, key, TRUE);
		usleep(KEY_PAUSE_US / 2);
		SendKeyEvent(client, key, FALSE);
		usleep(KEY_PAUSE_US / 2);
	}
}

static rfbClient *connect_to(char *where)
{
	rfbClient *client = rfbGetClient(8, 3, 4);
	char *colon = strrchr(where, ':');

	if (!client)
		return NULL;
	client->GetPassword = give_password;
	client->format.redShift = 16;
	client->format.greenShift = 8;
	client->format.blueShift = 0;
	client->serverHost = strdup(where);
	if (where[0] != '/' && colon) {
		client->serverHost[colon - where] = 0;
		client->serverPort = atoi(colon + 1);
	}
	return rfbInitClient(client, NULL, NULL) ? client : NULL;
}

static int save(const rfbClient *client, const char *path)
{
	FILE *file = fopen(path, "wb");
	int error = !file || png_write(fileno(file), (const uint32_t *)client->frameBuffer,
				       (uint32_t)client->width, (uint32_t)client->height,
				       4 * (uint32_t)client->width);

	return file && !fclose(file) ? error : 1;
}

int main(int argc, char **argv)
{
	const char *text = NULL;
	rfbClient *client;
	int option;

	if (argc < 3)
		return 2;
	optind = 2;
	while ((option = getopt(argc, argv, "p:t:")) != -1) {
		if (option == 'p')
			password = optarg;
		else if (option == 't')
			text = optarg;
		else
			return 2;
	}
	client = optind < argc ? connect_to(argv[1]) : NULL;
	if (!client)
		return 1;
	if (wait_for_quiet(client))
		return 1;
	if (text) {
		type_text(client, text);
		if (wait_for_quiet(client))
			return 1;
	}
	return save(client, argv[optind]);
}
