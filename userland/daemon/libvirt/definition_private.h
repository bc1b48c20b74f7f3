/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between definition.c, which has the files, and define.c, which has the calls. */
#ifndef BATON_DAEMON_LIBVIRT_DEFINITION_PRIVATE_H
#define BATON_DAEMON_LIBVIRT_DEFINITION_PRIVATE_H

#include "libvirt/definition.h"

/* A loopback port for a screen that asks for any. False: *e, and *d is freed. */
bool definition_choose_port(struct domain_read *d, const struct vm *vm, struct xml_error *e);
/* Writes what lies beside vm.conf: kept text, password. Logs what was mapped. */
bool definition_finish(struct vm *vm, const struct domain_read *d, struct btn_error *e);
/* Before there is a folder with the file that says so. */
void definition_note_transient(const char *uuid, bool transient);

#endif
