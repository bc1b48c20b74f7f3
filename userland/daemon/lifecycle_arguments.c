// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A definition as baton-vm's command line.
 */
#include <string.h>

#include "lifecycle_private.h"
#include "paths.h"

static void add(GPtrArray *argv, const char *option, char *value)
{
	g_ptr_array_add(argv, g_strdup(option));
	if (value)
		g_ptr_array_add(argv, value);
}

/* A relative name is one in the VM's folder. */
static char *file_path(const struct vm *vm, const char *name)
{
	return g_path_is_absolute(name) ? g_strdup(name) : vm_file(vm, name);
}

static void add_disks(const struct vm *vm, GPtrArray *argv)
{
	static const char *const formats[] = {
		[CONFIG_FORMAT_AUTO] = "", [CONFIG_FORMAT_RAW] = ",format=raw",
		[CONFIG_FORMAT_QCOW2] = ",format=qcow2",
	};
	const struct config *config = vm->live;

	for (unsigned int i = 0; i < config->disk_count; i++) {
		const struct config_disk *disk = &config->disk[i];
		char *path = file_path(vm, disk->file);

		add(argv, "--disk", g_strconcat(path, formats[disk->format],
						disk->readonly ? ",readonly" : "", NULL));
		g_free(path);
	}
	for (unsigned int i = 0; i < config->cdrom_count; i++)
		add(argv, "--cdrom", file_path(vm, config->cdrom[i]));
}

static void add_kernel(const struct vm *vm, GPtrArray *argv)
{
	const struct config *config = vm->live;

	if (config->kernel)
		add(argv, "--kernel", file_path(vm, config->kernel));
	if (config->initrd)
		add(argv, "--initrd", file_path(vm, config->initrd));
	if (config->kernel)
		add(argv, "--append", g_strconcat("console=ttyS0",
						  config->append && *config->append ? " " : "",
						  config->append, NULL));
}

static void add_networks(const struct config *config, GPtrArray *argv, int (*fds)[2])
{
	for (unsigned int i = 0; i < config->net_count; i++)
		add(argv, "--net", g_strdup_printf("fd=%d,mac=%s,name=%s,control-fd=%d", fds[i][0],
						   config->net[i].mac, config->name, fds[i][1]));
}

static void add_display(const struct vm *vm, GPtrArray *argv)
{
	const struct config *config = vm->live;

	if (config->vnc)
		add(argv, "--display", g_strconcat("vnc:", config->vnc, NULL));
	if (config->vnc && config->vnc_password)
		add(argv, "--vnc-password", file_path(vm, config->vnc_password));
}

GPtrArray *lifecycle_monitor_arguments(const struct vm *vm, bool paused, int lock_fd,
				       int (*fds)[2], struct btn_error *e)
{
	const struct config *config = vm->live;
	char *program = paths_program("baton-vm", e);
	GPtrArray *argv;

	if (!program)
		return NULL;
	argv = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(argv, program);
	add(argv, "--name", g_strdup(config->name));
	add(argv, "--uuid", g_strdup(config->uuid));
	add(argv, "--board", g_strdup(config_board_word(config->board)));
	add(argv, "--engine", g_strdup(config_engine_word(config->engine)));
	add(argv, "--cpus", g_strdup_printf("%u", config->cpus));
	add(argv, "--memory", g_strdup_printf("%" G_GUINT64_FORMAT "..%" G_GUINT64_FORMAT,
					      config->memory_min, config->memory));
	if (config->ksm)
		add(argv, "--ksm", g_strdup("on"));
	add_kernel(vm, argv);
	add_disks(vm, argv);
	add_networks(config, argv, fds);
	add_display(vm, argv);
	add(argv, "--control", vm_control_path(vm));
	add(argv, "--console-hub", NULL);
	add(argv, "--serial-log", vm_file(vm, "serial.log"));
	add(argv, "--lock-fd", g_strdup_printf("%d", lock_fd));
	if (paused)
		add(argv, "--paused", NULL);
	g_ptr_array_add(argv, NULL);
	return argv;
}
