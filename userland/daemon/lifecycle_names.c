// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of VMs that are on their way: workers make, move and bring back folders at the
 * same time, and the registry knows of a VM when its folder is there. So that two do not
 * become VMs of one name, UUID, or on an image that is being removed.
 */
#include <string.h>

#include "lifecycle_private.h"

struct reservation {
	char *name, *uuid, *image;	/* uuid, image: NULL for none */
};

static GPtrArray *reserved;	/* of struct reservation */

struct reservation *lifecycle_reserve(const char *name, const char *uuid, const char *image,
				      struct btn_error *e)
{
	struct reservation *mine;

	if (!reserved)
		reserved = g_ptr_array_new();
	for (unsigned int i = 0; i < reserved->len; i++) {
		const struct reservation *other = reserved->pdata[i];

		if (g_ascii_strcasecmp(other->name, name) &&
		    (!uuid || !other->uuid || g_ascii_strcasecmp(other->uuid, uuid)))
			continue;
		btn_set(e, BTN_VM_EXISTS, "there will be a VM \"%s\" in a moment", other->name);
		btn_set_cause(e, "Another job makes it, or gives it this name.");
		return NULL;
	}
	mine = g_new(struct reservation, 1);
	*mine = (struct reservation){ g_strdup(name), g_strdup(uuid), g_strdup(image) };
	g_ptr_array_add(reserved, mine);
	return mine;
}

void lifecycle_release(struct reservation *mine)
{
	if (!mine)
		return;
	g_ptr_array_remove_fast(reserved, mine);
	g_free(mine->name);
	g_free(mine->uuid);
	g_free(mine->image);
	g_free(mine);
}

const char *lifecycle_image_user(const char *image)
{
	for (unsigned int i = 0; reserved && i < reserved->len; i++) {
		const struct reservation *other = reserved->pdata[i];

		if (!g_strcmp0(other->image, image))
			return other->name;
	}
	return NULL;
}
