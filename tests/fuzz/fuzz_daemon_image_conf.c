// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image.conf of a base image: what is understood has sane values, and is the same
 * when it is written and read again; what is not leaves the image as it was.
 */
#include "fuzz.h"

#include "images_conf.h"

static void release(struct base_image *image)
{
	g_free(image->added);
	g_free(image->source);
	g_free(image->os);
	g_free(image->user);
}

static void check_again(const struct base_image *image)
{
	struct base_image again = { 0 };
	const char *why = NULL;
	char *text = images_conf_write(image);

	FUZZ_CHECK(images_conf_read(text, strlen(text), &again, &why));
	FUZZ_CHECK(again.raw == image->raw && again.size == image->size &&
		   again.virtual_size == image->virtual_size);
	FUZZ_CHECK(!strcmp(again.sha256, image->sha256));
	FUZZ_CHECK(!g_strcmp0(again.added, image->added) &&
		   !g_strcmp0(again.source, image->source) &&
		   !g_strcmp0(again.os, image->os) && !g_strcmp0(again.user, image->user));
	release(&again);
	g_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base_image image = { .name = (char *)"name", .size = 42 };
	/* Without a NUL behind it: reading on would be found. */
	char *text = g_malloc(size + !size);
	const char *why = NULL;

	memcpy(text, data, size);
	if (images_conf_read(text, size, &image, &why)) {
		FUZZ_CHECK(image.size && image.virtual_size && image.added);
		FUZZ_CHECK(images_is_sha256(image.sha256));
		FUZZ_CHECK(!image.source || images_is_text(image.source));
		FUZZ_CHECK(!image.os || images_is_text(image.os));
		check_again(&image);
		release(&image);
	} else {
		FUZZ_CHECK(why && image.size == 42 && !image.added && !image.source);
	}
	FUZZ_CHECK(!strcmp(image.name, "name"));
	g_free(text);
	return 0;
}
