// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on the screen, keyboard and pointer. A viewer attaches once, gets the
 * surface as a descriptor, and then asks for what has changed: it is answered when there
 * is something, so that a slow one is told less often and nothing piles up.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control/control_private.h"
#include "display/display.h"
#include "display/keymap.h"
#include "display/typist.h"

#define FRAME_NS (1000000000u / 60)
#define HOLD_MS 40
#define DELAY_MS 40

bool control_need_screen(struct rpc_request *r)
{
	if (control_of(r)->config.display)
		return true;
	btn_set_default(r->e, BTN_NO_SCREEN);
	return false;
}

bool control_host_failed(struct rpc_request *r, const char *what, int error)
{
	btn_set(r->e, error == -ENOMEM ? BTN_NO_MEMORY : error == -EMFILE ? BTN_NO_FDS :
		BTN_HOST_CALL_FAILED, "%s", what);
	if (r->e->code != BTN_NO_FDS)
		btn_set_cause(r->e, "The host says: %s.", strerror(-error));
	return false;
}

/* ---- the picture ---- */

static void put_surface(struct json_out *out, const struct display_info *info)
{
	json_put_int(out, "width", info->width);
	json_put_int(out, "height", info->height);
	json_put_int(out, "stride", info->stride);
	json_put_int(out, "generation", (int64_t)info->generation);
	json_put_string(out, "format", "xrgb8888");
}

bool control_do_screenshot(struct rpc_request *r)
{
	struct display_info info;
	int fd;

	if (!control_need_screen(r))
		return false;
	fd = display_snapshot(control_of(r)->config.display, &info);
	if (fd < 0)
		return control_host_failed(r, "there is no picture", fd);
	put_surface(r->out, &info);
	r->fd = fd;
	return true;
}

bool control_do_attach_display(struct rpc_request *r)
{
	struct control_client *client = client_of(r);
	struct display *display = control_of(r)->config.display;
	struct display_info info;
	int fd;

	if (!control_need_screen(r))
		return false;
	if (!client->viewer)
		client->viewer = display_attach(display);
	fd = client->viewer ? display_surface(display, &info) : -ENOMEM;
	if (fd < 0)
		return control_host_failed(r, "the screen cannot be handed out", fd);
	client->generation = info.generation;
	put_surface(r->out, &info);
	r->fd = fd;
	return true;
}

static void put_rects(struct json_out *out, const struct damage *damage)
{
	json_put_open(out, "rects", '[');
	for (unsigned int i = 0; i < damage->count; i++) {
		const struct display_rect *rect = &damage->rect[i];

		json_put_open(out, NULL, '[');
		json_put_int(out, NULL, rect->x);
		json_put_int(out, NULL, rect->y);
		json_put_int(out, NULL, rect->width);
		json_put_int(out, NULL, rect->height);
		json_put_close(out, ']');
	}
	json_put_close(out, ']');
}

/* One that the client has seen nothing of, whatever was taken as damage before. */
static int new_surface(struct control_client *client, struct display *display,
		       struct damage *damage, struct display_info *info)
{
	int fd = display_surface(display, info);

	if (fd < 0)
		return fd;
	client->generation = info->generation;
	damage->count = 1;
	damage->rect[0] = (struct display_rect){ 0, 0, info->width, info->height };
	return fd;
}

/* False: nothing has changed yet, or it cannot be told before the next frame. */
static bool answer_viewer(struct control_client *client, struct display *display)
{
	char text[4096];
	struct display_info info;
	struct damage damage;
	struct json_out out;
	int fd = -1;

	if (!display_take(client->viewer, &damage, &info) && info.generation == client->generation)
		return false;
	if (info.generation != client->generation) {
		fd = new_surface(client, display, &damage, &info);
		if (fd < 0)
			return false;
	}
	client->watching = false;
	control_start_answer(&out, text, sizeof(text));
	put_surface(&out, &info);
	put_rects(&out, &damage);
	control_finish_answer(client, &out, fd);
	return true;
}

void control_on_frame(void *ctx)
{
	struct control *control = ctx;
	struct display *display = control->config.display;
	bool more = false;

	if (!display)
		return;
	display_refresh(display);
	for (unsigned int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *client = &control->client[i];

		if (client->fd < 0)
			continue;
		more |= input_user_send(&client->user);
		if (client->watching)
			more |= !answer_viewer(client, display) || client->watching;
	}
	if (more)
		loop_timer_arm(control->frame, FRAME_NS);
}

bool control_do_wait_display(struct rpc_request *r)
{
	struct control_client *client = client_of(r);

	if (!control_need_screen(r))
		return false;
	if (!client->viewer) {
		btn_set(r->e, BTN_BAD_VALUE, "this connection is not attached to the screen");
		btn_set_cause(r->e, "The operation \"attach-display\" has to come first.");
		btn_set_fix(r->e, "Send {\"op\":\"attach-display\"} on the same connection.");
		return false;
	}
	client->watching = r->later = true;
	loop_timer_arm(control_of(r)->frame, FRAME_NS);
	return true;
}

/* ---- keys ---- */

static void on_typed(void *ctx)
{
	struct control *control = ctx;

	for (unsigned int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *client = &control->client[i];
		struct json_out out;
		char text[64];

		if (client->fd < 0 || !client->typing)
			continue;
		client->typing = false;
		control_start_answer(&out, text, sizeof(text));
		control_finish_answer(client, &out, -1);
		return; /* its next request may have begun to type already */
	}
}

static bool typing_failed(struct rpc_request *r, int error)
{
	if (error == -EBUSY)
		btn_set_default(r->e, BTN_KEYBOARD_BUSY);
	else
		return control_host_failed(r, "nothing was typed", error);
	return false;
}

static bool begin_typing(struct rpc_request *r, int error)
{
	if (error)
		return typing_failed(r, error);
	client_of(r)->typing = r->later = true;
	return true;
}

static bool parse_chord(struct rpc_request *r, const char *member, struct key_chord *ret_chord)
{
	const char *text = "";

	json_get_string(r->object, member, &text);
	if (!keymap_parse(text, ret_chord))
		return true;
	btn_set(r->e, BTN_BAD_VALUE, "\"%.64s\" is no key", text);
	btn_set_cause(r->e, "A key is a character of the US keyboard or a name like enter, f1, "
		      "up; keys that are pressed together have a - between them.");
	btn_set_fix(r->e, "For example: ctrl-alt-delete");
	return false;
}

bool control_do_send_key(struct rpc_request *r)
{
	struct control *control = control_of(r);
	int64_t hold = HOLD_MS;
	struct key_chord chord;

	if (!control_need_screen(r) || !parse_chord(r, "keys", &chord))
		return false;
	json_get_int(r->object, "hold_ms", 0, TYPIST_DELAY_MAX_MS, &hold);
	return begin_typing(r, typist_chord(control->config.typist, &chord, (unsigned int)hold,
					    on_typed, control));
}

static bool bad_text(struct rpc_request *r, const char *text, size_t at, int error)
{
	btn_set(r->e, BTN_BAD_VALUE, "the text cannot be typed");
	if (error == -ENOENT)
		btn_set_cause(r->e, "The US keyboard does not have what stands at byte %zu "
			      "(\"%.8s\").", at, text + at);
	else if (error == -E2BIG)
		btn_set_cause(r->e, "It is longer than %u bytes.", TYPIST_TEXT_MAX);
	else
		btn_set_cause(r->e, "It is no UTF-8 at byte %zu.", at);
	btn_set_fix(r->e, "Send single keys for what is not on the keyboard.");
	return false;
}

bool control_do_type(struct rpc_request *r)
{
	struct control *control = control_of(r);
	const char *text = "";
	int64_t delay = DELAY_MS;
	size_t at;
	int error;

	if (!control_need_screen(r))
		return false;
	json_get_string(r->object, "text", &text);
	json_get_int(r->object, "delay_ms", 0, TYPIST_DELAY_MAX_MS, &delay);
	error = typist_text(control->config.typist, text, (unsigned int)delay, on_typed, control,
			    &at);
	if (error == -ENOENT || error == -E2BIG || error == -EILSEQ)
		return bad_text(r, text, at, error);
	return begin_typing(r, error);
}

bool control_do_key(struct rpc_request *r)
{
	struct key_chord chord;
	bool down = false;

	if (!control_need_screen(r) || !parse_chord(r, "key", &chord))
		return false;
	json_get_bool(r->object, "down", &down);
	for (unsigned int i = 0; i < chord.count; i++)
		input_user_key(&client_of(r)->user, chord.key[down ? i : chord.count - 1 - i],
			       down);
	if (client_of(r)->user.count) /* some have to wait */
		loop_timer_arm(control_of(r)->frame, FRAME_NS);
	return true;
}

bool control_do_pointer(struct rpc_request *r)
{
	struct display_info info;
	int64_t x = 0, y = 0, buttons = 0;

	if (!control_need_screen(r))
		return false;
	display_get_info(control_of(r)->config.display, &info);
	json_get_int(r->object, "x", 0, DISPLAY_MAX_WIDTH, &x);
	json_get_int(r->object, "y", 0, DISPLAY_MAX_HEIGHT, &y);
	json_get_int(r->object, "buttons", 0, 255, &buttons);
	input_user_pointer(&client_of(r)->user, (uint32_t)x, (uint32_t)y, info.width,
			   info.height, (uint8_t)buttons);
	return true;
}

void control_leave_screen(struct control_client *client)
{
	struct control *control = client->control;

	if (!control->config.display)
		return;
	if (client->typing)
		typist_cancel(control->config.typist);
	input_user_leave(&client->user);
	display_detach(client->viewer);
	client->viewer = NULL;
	client->typing = client->watching = false;
}
