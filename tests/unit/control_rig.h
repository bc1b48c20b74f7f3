/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A control socket on a machine without CPUs, of an engine that counts two things: memory
 * with its balloon, a screen that is drawn by rig_draw(), a keyboard and a pointer that
 * remember, a hub without a port.
 */
#ifndef BATON_TESTS_CONTROL_RIG_H
#define BATON_TESTS_CONTROL_RIG_H

#include "board_private.h"
#include "control/control_private.h"
#include "dev/console_hub.h"
#include "display/display.h"
#include "display/typist.h"
#include "display/vnc.h"
#include "memory/memory_control.h"
#include "baton_ioctl.h"
#include "hv_private.h"
#include "virtio_driver.h"

#define RIG_KEYS_MAX 1024u

struct rig {
	struct test_machine *t;
	struct board_type type;
	struct board board;
	struct options options;
	struct display *display;
	struct input *input;
	struct typist *typist;
	struct console_hub *hub;
	struct vnc *vnc;		/* from the first viewer on */
	struct control *control;
	char path[64];
	_Atomic(uint32_t) colour;	/* of the whole picture */
	_Atomic(uint32_t) key_count, pressed, buttons, x, y, power;
	uint16_t key[RIG_KEYS_MAX];	/* with 0x8000: let go */
	bool down[0x300];		/* by key; under the input's lock */
};

static inline void rig_key(void *ctx, uint16_t key, bool down)
{
	struct rig *r = ctx;
	uint32_t n = atomic_load(&r->key_count);

	/* A key that is down already is repeated, not pressed. */
	if (key < 0x300 && r->down[key] != down) {
		r->down[key] = down;
		atomic_fetch_add(&r->pressed, down ? 1u : -1u);
	}
	r->key[n % RIG_KEYS_MAX] = key | (down ? 0 : 0x8000);
	atomic_store(&r->key_count, n + 1);
}

static inline void rig_pointer(void *ctx, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
			       uint8_t buttons)
{
	struct rig *r = ctx;

	if (x >= w || y >= h)
		abort();
	atomic_store(&r->x, x);
	atomic_store(&r->y, y);
	atomic_store(&r->buttons, buttons);
}

static inline void rig_draw(void *ctx, struct display *display)
{
	struct rig *r = ctx;
	uint32_t row[64];
	bool fresh;

	display_resize(display, 64, 32, &fresh);
	for (unsigned int i = 0; i < 64; i++)
		row[i] = atomic_load(&r->colour);
	for (uint32_t y = 0; y < 32; y++)
		display_put_row(display, y, row);
}

static inline bool rig_power_button(struct board *board)
{
	struct rig *r = board->own;

	atomic_fetch_add(&r->power, 1);
	return true;
}

static inline int rig_serve_viewer(void *ctx, int fd, bool skip_auth)
{
	struct rig *r = ctx;
	struct vnc_config config = { .display = r->display, .input = r->input,
				     .name = "rig", .password = "secret" };

	if (!r->vnc && vnc_create(&config, &r->vnc))
		abort();
	return vnc_serve(r->vnc, fd, skip_auth);
}

static inline int rig_vm_stats(struct hv_vm *vm, struct hv_stats *stats)
{
	(void)vm;
	stats->known = 1ull << BATON_VM_STAT_PAGES_4K | 1ull << BATON_VM_STAT_MSIS;
	stats->value[BATON_VM_STAT_PAGES_4K] = 4711;
	return 0;
}

static inline struct rig *rig_create(const char *path)
{
	struct rig *r = calloc(1, sizeof(*r));
	static const struct hv_ops ops = { .vm_stats = rig_vm_stats };
	static struct hv_vm vm = { .ops = &ops };
	struct control_config config = { .engine = "none" };
	struct console_hub_config hub = { 0 };
	bool log_failed;

	if (!r)
		abort();
	r->t = test_machine_create();
	snprintf(r->path, sizeof(r->path), "%s", path);
	r->options = (struct options){ .board = BOARD_PC, .control = r->path,
				       .memory = TEST_RAM, .memory_min = TEST_RAM / 2 };
	r->type.power_button = rig_power_button;
	r->board.machine = r->t->m;
	r->board.options = &r->options;
	r->board.type = &r->type;
	r->board.own = r;
	r->input = input_create();
	if (memory_control_create(&r->board.machine, TEST_RAM / 2, TEST_RAM,
				  &r->board.memory_control) ||
	    display_create(&r->display) || !r->input)
		abort();
	r->typist = typist_create(r->t->m.loop, r->input);
	input_set_sink(r->input, &(struct input_sink){ .key = rig_key, .pointer = rig_pointer,
						       .ctx = r });
	display_set_source(r->display, &(struct display_source){ .render = rig_draw, .ctx = r });
	config.loop = r->t->m.loop;
	config.options = &r->options;
	config.display = r->display;
	config.input = r->input;
	config.typist = r->typist;
	hub.loop = r->t->m.loop;
	if (console_hub_create(&hub, &r->hub, &log_failed))
		abort();
	config.hub = r->hub;
	config.serve_viewer = rig_serve_viewer;
	config.serve_viewer_ctx = r;
	if (control_create(&config, &r->control))
		abort();
	r->board.machine.vm = &vm;
	control_set_board(r->control, &r->board);
	return r;
}

static inline void rig_destroy(struct rig *r)
{
	test_loop_stop(r->t);
	control_destroy(r->control);
	console_hub_destroy(r->hub);
	vnc_destroy(r->vnc);
	typist_destroy(r->typist);
	input_destroy(r->input);
	display_destroy(r->display);
	memory_control_destroy(r->board.memory_control);
	test_machine_destroy(r->t);
	free(r);
}

#endif
