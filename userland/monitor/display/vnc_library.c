/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vnc_library.h. It stays loaded: threads of it may be in there until the end. */
#include "vnc_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

#define LIBRARY "libvncserver.so.1"	/* as of the headers: the ABI's number */

static struct vnc_library library;
static bool loaded;	/* both written once, under pthread_once() */

static bool find(void *handle, const char *name, void *ret_symbol)
{
	void *symbol = dlsym(handle, name);

	*(void **)ret_symbol = symbol;
	return symbol;
}

static void load(void)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return;
	loaded = find(handle, "rfbLog", &library.rfbLog) &&
		 find(handle, "rfbErr", &library.rfbErr);
#define VNC_LIBRARY_FIND(name) loaded = loaded && find(handle, #name, &library.name);
	VNC_LIBRARY_FUNCTIONS(VNC_LIBRARY_FIND)
#undef VNC_LIBRARY_FIND
}

const struct vnc_library *vnc_library(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return loaded ? &library : NULL;
}
