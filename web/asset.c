#include "web/asset.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "store/codec.h"

/*
 * The assembler takes the files in as they are; the Makefile lets this object
 * depend on web/page/.
 */
#define EMBED(NAME, FILE)                        \
	__asm__(".pushsection .rodata\n"         \
		".balign 16\n"                   \
		".globl asset_" #NAME "_begin\n" \
		".globl asset_" #NAME "_end\n"   \
		"asset_" #NAME "_begin:\n"       \
		".incbin \"" FILE "\"\n"         \
		"asset_" #NAME "_end:\n"         \
		".byte 0\n"                      \
		".popsection\n");                \
	extern const unsigned char asset_##NAME##_begin[], asset_##NAME##_end[]

EMBED(style, "web/page/style.css");
EMBED(script, "web/page/page.js");
EMBED(icon, "web/page/icon.svg");

enum { STYLE, SCRIPT, ICON, COUNT };

static struct asset assets[COUNT] = {
	[STYLE] = {
		.path = "/style.css",
		.type = "text/css; charset=utf-8",
		.bytes = asset_style_begin,
	},
	[SCRIPT] = {
		.path = "/page.js",
		.type = "text/javascript; charset=utf-8",
		.bytes = asset_script_begin,
	},
	[ICON] = {
		.path = "/icon.svg",
		.type = "image/svg+xml",
		.bytes = asset_icon_begin,
	},
};

/* What the linker knows and the compiler does not. */
static void finish_assets(void)
{
	assets[STYLE].length = (size_t)(asset_style_end - asset_style_begin);
	assets[SCRIPT].length = (size_t)(asset_script_end - asset_script_begin);
	assets[ICON].length = (size_t)(asset_icon_end - asset_icon_begin);
	for (int i = 0; i < COUNT; i++)
		snprintf(assets[i].etag, sizeof assets[i].etag, "\"%016" PRIx64 "\"",
			codec_hash(0, assets[i].bytes, assets[i].length));
}

const struct asset *asset_find(const char *path)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, finish_assets);
	for (int i = 0; i < COUNT; i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}

void asset_handle(const struct web_request *request, struct web_reply *reply)
{
	const struct asset *asset = asset_find(request->path);

	if (!asset) {
		web_problem(reply, 404, "There is no such file.");
		return;
	}
	reply->type = asset->type;
	reply->etag = asset->etag;
	reply->cache =
		request->versioned ? "public, max-age=31536000, immutable" : "no-cache";
	reply->fixed = asset->bytes;
	reply->fixed_length = asset->length;
}

void asset_link(struct buffer *out, const char *path)
{
	const struct asset *asset = asset_find(path);

	buffer_puts(out, path);
	if (asset)
		buffer_printf(out, "?v=%.16s", asset->etag + 1);
}
