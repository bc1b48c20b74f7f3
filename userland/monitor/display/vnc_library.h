/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LibVNCServer, loaded when the first VNC server starts: with what it needs in turn (TLS,
 * SASL, image formats) it takes more memory than the rest of the monitor, and most VMs
 * have no use for it.
 */
#ifndef BATON_DISPLAY_VNC_LIBRARY_H
#define BATON_DISPLAY_VNC_LIBRARY_H

#include <rfb/rfb.h>

#define VNC_LIBRARY_FUNCTIONS(F)						\
	F(rfbCheckPasswordByList) F(rfbClientConnectionGone) F(rfbCloseClient)	\
	F(rfbDefaultPtrAddEvent) F(rfbGetScreen) F(rfbMarkRectAsModified)	\
	F(rfbNewClient) F(rfbNewFramebuffer) F(rfbProcessEvents)		\
	F(rfbScreenCleanup) F(rfbShutdownServer)

struct vnc_library {
#define VNC_LIBRARY_MEMBER(name) __typeof__(name) *name;
	VNC_LIBRARY_FUNCTIONS(VNC_LIBRARY_MEMBER)
#undef VNC_LIBRARY_MEMBER
	rfbLogProc *rfbLog, *rfbErr;	/* variables of the library's */
};

/* The same each time; NULL if the library is not installed. Any thread. */
const struct vnc_library *vnc_library(void);

#endif
