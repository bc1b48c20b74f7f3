// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the New VM assistant has been told. See new_vm_plan.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/json_write.h"
#include "model/error.h"
#include "model/new_vm_plan.h"
#include "text.h"

#define REQUEST_MAX (64u << 10)
#define NAME_MAX_BYTES 63
#define USER_MAX_BYTES 32
#define SSH_PORT_FIRST 2222
#define SSH_PORTS 1000

struct plan *plan_new(void)
{
	struct plan *plan = g_new0(struct plan, 1);

	plan->cpus = 1;
	plan->start = TRUE;
	return plan;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	g_free(plan->image);
	g_free(plan->file);
	g_free(plan->name);
	g_free(plan->user);
	g_free(plan->ssh_key);
	g_free(plan->ssh_key_file);
	g_free(plan->network);
	g_free(plan);
}

static struct plan *plan_copy(const struct plan *plan)
{
	struct plan *copy = g_memdup2(plan, sizeof(*plan));

	copy->image = g_strdup(plan->image);
	copy->file = g_strdup(plan->file);
	copy->name = g_strdup(plan->name);
	copy->user = g_strdup(plan->user);
	copy->ssh_key = g_strdup(plan->ssh_key);
	copy->ssh_key_file = g_strdup(plan->ssh_key_file);
	copy->network = g_strdup(plan->network);
	return copy;
}

/* A format that is converted by qemu-img; others are taken as they are. */
static gboolean is_foreign(const char *file)
{
	static const char *const endings[] = { ".vmdk", ".vdi", ".vhd", ".vhdx", ".qed", ".vpc" };
	g_autofree char *lower = g_ascii_strdown(file, -1);

	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
		if (g_str_has_suffix(lower, endings[i]))
			return TRUE;
	return FALSE;
}

gboolean plan_has_seed(const struct plan *plan)
{
	return plan->source == PLAN_IMAGE || plan->source == PLAN_IMAGE_FILE;
}

gboolean plan_makes_disk(const struct plan *plan)
{
	return plan->source != PLAN_DISK;
}

/* A login by ssh, as vmctl launch gives it. */
static gboolean plan_has_forward(const struct plan *plan)
{
	return plan_has_seed(plan) && plan->network && plan->ssh_port;
}

/* ---- checks ---- */

char *plan_source_fault(const struct plan *plan)
{
	if (plan->source == PLAN_EMPTY)
		return NULL;
	if (plan->source == PLAN_IMAGE)
		return plan->image && *plan->image ? NULL :
		       g_strdup(_("Choose an image, or add one from a file."));
	if (!plan->file || !*plan->file)
		return g_strdup(_("Choose a file."));
	if (!g_path_is_absolute(plan->file))
		return g_strdup(_("The file's path has to begin with \"/\"."));
	if (!g_file_test(plan->file, G_FILE_TEST_EXISTS))
		return g_strdup(_("There is no such file."));
	return g_file_test(plan->file, G_FILE_TEST_IS_REGULAR) ? NULL :
	       g_strdup(_("This is not a file but something else."));
}

char *plan_name_fault(const char *name)
{
	size_t length = name ? strlen(name) : 0;

	if (!length)
		return g_strdup(_("Give it a name."));
	if (length > NAME_MAX_BYTES)
		return g_strdup(_("A name has at most 63 letters."));
	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isalnum(name[i]) && name[i] != '-')
			return g_strdup(_("A name has letters, digits and hyphens, as a host "
					  "name does."));
	if (name[0] == '-' || name[length - 1] == '-')
		return g_strdup(_("A name does not begin or end with a hyphen."));
	return NULL;
}

char *plan_user_fault(const char *user)
{
	size_t length = user ? strlen(user) : 0;

	if (!length)
		return NULL;
	if (length > USER_MAX_BYTES)
		return g_strdup(_("A user name has at most 32 letters."));
	if (!g_ascii_islower(user[0]) && user[0] != '_')
		return g_strdup(_("A user name begins with a small letter."));
	for (size_t i = 1; i < length; i++)
		if (!g_ascii_islower(user[i]) && !g_ascii_isdigit(user[i]) && user[i] != '-' &&
		    user[i] != '_')
			return g_strdup(_("A user name has small letters, digits, hyphens and "
					  "underscores."));
	return NULL;
}

/* ---- names ---- */

/* What is left of a text of which only letters, digits and inner hyphens may stay. */
static char *plain_name(const char *text)
{
	GString *name = g_string_new(NULL);

	for (const char *at = text; *at && name->len < 48; at++) {
		if (g_ascii_isalnum(*at))
			g_string_append_c(name, g_ascii_tolower(*at));
		else if (name->len && name->str[name->len - 1] != '-')
			g_string_append_c(name, '-');
	}
	while (name->len && name->str[name->len - 1] == '-')
		g_string_truncate(name, name->len - 1);
	return g_string_free(name, FALSE);
}

char *plan_image_name(const char *file)
{
	static const char *const endings[] = { ".qcow2", ".img", ".raw", ".vmdk", ".vdi", ".vhd",
					       ".vhdx", ".iso" };
	g_autofree char *base = g_path_get_basename(file);
	g_autofree char *name = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
		if (g_str_has_suffix(base, endings[i]))
			base[strlen(base) - strlen(endings[i])] = 0;
	name = plain_name(base);
	/* Of a name in other letters nothing is left. */
	return *name ? g_steal_pointer(&name) : g_strdup("image");
}

char *plan_suggest_name(const char *base, gboolean (*taken)(const char *name, gpointer data),
			gpointer data)
{
	g_autofree char *plain = plain_name(base);
	const char *stem = *plain ? plain : "vm";

	for (unsigned int i = 1; i < 10000; i++) {
		g_autofree char *name = g_strdup_printf("%s%s%u", stem,
			g_ascii_isdigit(stem[strlen(stem) - 1]) ? "-" : "", i);

		if (!taken(name, data))
			return g_steal_pointer(&name);
	}
	return g_strdup("");
}

/* ---- ports ---- */

static gboolean is_free(guint port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((guint16)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	gboolean ok = fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address));

	if (fd >= 0)
		close(fd);
	return ok;
}

guint plan_free_port(gboolean (*taken)(guint port, gpointer data), gpointer data)
{
	for (guint port = SSH_PORT_FIRST; port < SSH_PORT_FIRST + SSH_PORTS; port++)
		if (!taken(port, data) && is_free(port))
			return port;
	return 0;
}

/* ---- as a command ---- */

static void add_option(GString *line, const char *option, const char *value)
{
	g_autofree char *word = value ? text_shell_word(value) : NULL;

	if (word && *value)
		g_string_append_printf(line, " %s %s", option, word);
}

static void add_size(GString *line, const char *option, guint64 bytes)
{
	g_autofree char *text = text_size_option(bytes);

	if (bytes)
		g_string_append_printf(line, " %s %s", option, text);
}

static void add_sizes(GString *line, const struct plan *plan)
{
	g_string_append_printf(line, " --cpus %u", plan->cpus);
	add_size(line, "--memory", plan->memory);
	if (plan_makes_disk(plan))
		add_size(line, "--disk-size", plan->disk_size);
	add_option(line, "--net", plan->network ? plan->network : "none");
	if (plan_has_forward(plan))
		g_string_append_printf(line, " --port %u:22", plan->ssh_port);
}

static void add_setting(GString *line, const char *key, const char *value)
{
	g_autofree char *setting = g_strdup_printf("%s=%s", key, value);

	add_option(line, "--set", setting);
}

char *plan_commands(const struct plan *plan)
{
	GString *lines = g_string_new(NULL);
	g_autofree char *name = text_shell_word(plan->name ? plan->name : "");
	g_autofree char *image = plan->source == PLAN_IMAGE_FILE ? plan_image_name(plan->file) :
				 g_strdup(plan->image);
	g_autofree char *file = plan->file ? text_shell_word(plan->file) : NULL;
	g_autofree char *word = image ? text_shell_word(image) : g_strdup("");

	if (plan->source == PLAN_IMAGE_FILE)
		g_string_append_printf(lines, "vmctl image %s %s %s\n",
				       is_foreign(plan->file) ? "import" : "add", word, file);
	if (plan_has_seed(plan) && plan->start)
		g_string_append_printf(lines, "vmctl launch %s %s", word, name);
	else
		g_string_append_printf(lines, "vmctl create %s", name);
	if (plan_has_seed(plan) && !plan->start)
		add_option(lines, "--image", image);
	if (plan_has_seed(plan)) {
		add_option(lines, "--user", plan->user);
		add_option(lines, "--ssh-key", plan->ssh_key_file);
	}
	add_sizes(lines, plan);
	if (plan->source == PLAN_ISO)
		add_setting(lines, "cdrom.0.file", plan->file);
	if (plan->source == PLAN_DISK)
		add_setting(lines, "disk.0.file", plan->file);
	if (plan->start && !plan_has_seed(plan))
		g_string_append_printf(lines, "\nvmctl start %s", name);
	return g_string_free(lines, FALSE);
}

/* ---- as a request ---- */

static void put_setting(struct json_out *out, const char *key, const char *value)
{
	g_autofree char *setting = g_strdup_printf("%s=%s", key, value);

	json_put_string(out, NULL, setting);
}

static void put_settings(struct json_out *out, const struct plan *plan)
{
	g_autofree char *cpus = g_strdup_printf("%u", plan->cpus);
	g_autofree char *memory = text_size_option(plan->memory);

	json_put_open(out, "settings", '[');
	put_setting(out, "cpus", cpus);
	put_setting(out, "memory", memory);
	if (plan->network)
		put_setting(out, "net.0.network", plan->network);
	if (plan_has_forward(plan)) {
		g_autofree char *forward = g_strdup_printf("%u:22", plan->ssh_port);

		put_setting(out, "net.0.forward", forward);
	}
	if (plan->source == PLAN_ISO)
		put_setting(out, "cdrom.0.file", plan->file);
	if (plan->source == PLAN_DISK)
		put_setting(out, "disk.0.file", plan->file);
	json_put_close(out, ']');
}

static void put_seed(struct json_out *out, const struct plan *plan)
{
	if (plan->user && *plan->user)
		json_put_string(out, "user", plan->user);
	if (!plan->ssh_key || !*plan->ssh_key)
		return;
	json_put_open(out, "ssh_keys", '[');
	json_put_string(out, NULL, plan->ssh_key);
	json_put_close(out, ']');
}

char *plan_request(const struct plan *plan)
{
	g_autofree char *text = g_malloc(REQUEST_MAX);
	g_autofree char *image = plan->source == PLAN_IMAGE_FILE ? plan_image_name(plan->file) :
				 g_strdup(plan->image);
	struct json_out out;

	json_put_start(&out, text, REQUEST_MAX);
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", "vm-create");
	json_put_string(&out, "name", plan->name);
	if (plan_has_seed(plan)) {
		json_put_string(&out, "image", image);
		put_seed(&out, plan);
	}
	if (plan_makes_disk(plan) && plan->disk_size)
		json_put_int(&out, "disk_size", (gint64)plan->disk_size);
	put_settings(&out, plan);
	json_put_bool(&out, "start", plan->start);
	json_put_close(&out, '}');
	return json_put_end(&out) < 0 ? NULL : g_strndup(text, out.length);
}

/* ---- carrying it out ---- */

static void on_created(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	GError *error = NULL;
	g_autofree char *note = baton_api_run_finish(BATON_API(source), result, &error);

	if (note)
		g_task_return_boolean(task, TRUE);
	else
		g_task_return_error(task, error);
}

static const struct json_node *find_image(const struct json_node *images, const char *name)
{
	const struct json_node *image = NULL;

	while (images && (image = json_next(images, image)))
		if (!g_strcmp0(node_text(image, "name"), name))
			return image;
	return NULL;
}

static GError *other_image(const char *name, const char *source)
{
	g_autofree char *sentence = g_strdup_printf(_("There is an image “%s”, from another file"),
						    name);
	g_autofree char *cause = source ? g_strdup_printf(_("It was added from %s."), source) :
					  NULL;

	return baton_error_new(BTN_IMAGE_EXISTS, sentence, cause,
			       _("Choose that image, or rename the file and try again."));
}

/* The store has one of this name. Of the same file it was put there by an earlier attempt. */
static void on_images(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	struct plan *plan = g_task_get_task_data(task);
	GError *error = NULL;
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, &error);
	g_autofree char *name = plan_image_name(plan->file);
	const struct json_node *image = reply ?
		find_image(json_member(reply->node, "images"), name) : NULL;
	const char *from = image ? node_text(image, "source") : NULL;

	if (!reply)
		g_task_return_error(task, error);
	else if (g_strcmp0(from, plan->file))
		g_task_return_error(task, other_image(name, from));
	else
		baton_api_run(BATON_API(source), plan_request(plan), NULL, on_created,
			      g_steal_pointer(&task));
}

static void on_imported(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	struct plan *plan = g_task_get_task_data(task);
	g_autoptr(GError) error = NULL;
	g_autofree char *note = baton_api_run_finish(BATON_API(source), result, &error);

	if (note)
		baton_api_run(BATON_API(source), plan_request(plan), NULL, on_created,
			      g_steal_pointer(&task));
	else if (g_error_matches(error, BATON_ERROR, BTN_IMAGE_EXISTS))
		baton_api_call(BATON_API(source), request_text("image-list", NULL), NULL, on_images,
			       g_steal_pointer(&task));
	else
		g_task_return_error(task, g_steal_pointer(&error));
}

static void end(gpointer plan)
{
	plan_free(plan);
	if (g_application_get_default())
		g_application_release(g_application_get_default());
}

/* The process stays until the end, whatever windows are closed: who makes the VM is here. */
void plan_carry_out(const struct plan *plan, BatonApi *api, GAsyncReadyCallback callback,
		    gpointer data)
{
	GTask *task = g_task_new(NULL, NULL, callback, data);
	struct plan *copy = plan_copy(plan);
	g_autofree char *image = NULL;

	if (g_application_get_default())
		g_application_hold(g_application_get_default());
	g_task_set_task_data(task, copy, end);
	if (plan->source != PLAN_IMAGE_FILE) {
		baton_api_run(api, plan_request(copy), NULL, on_created, task);
		return;
	}
	image = plan_image_name(copy->file);
	baton_api_run(api, request_text(is_foreign(copy->file) ? "image-import" : "image-add",
					"image", image, "path", copy->file, NULL),
		      NULL, on_imported, task);
}

gboolean plan_carry_out_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_boolean(G_TASK(result), error);
}
