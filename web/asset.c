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
#define EMBED(NAME, FILE)                         \
	__asm__(".pushsection .rodata\n"          \
		".balign 16\n"                    \
		".globl asset_" #NAME "_begin\n"  \
		".globl asset_" #NAME "_end\n"    \
		"asset_" #NAME "_begin:\n"        \
		".incbin \"web/page/" FILE "\"\n" \
		"asset_" #NAME "_end:\n"          \
		".byte 0\n"                       \
		".popsection\n");                 \
	extern const unsigned char asset_##NAME##_begin[], asset_##NAME##_end[]

#define ROW(NAME, FILE, TYPE)                                              \
	{                                                                  \
		.name = FILE, .type = TYPE, .begin = asset_##NAME##_begin, \
		.end = asset_##NAME##_end,                                 \
	}

#define CSS    "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

EMBED(style, "style.css");
EMBED(page, "page.js");
EMBED(charts, "charts.js");
EMBED(draw, "draw.js");
EMBED(finder, "finder.js");
EMBED(kiosk, "kiosk.js");
EMBED(screen, "kiosk.css");
EMBED(map, "map.js");
EMBED(push, "push.js");
EMBED(tools, "tools.js");
EMBED(words, "words.js");
EMBED(worker, "sw.js");
EMBED(manifest, "manifest.json");
EMBED(icon, "icon.svg");
EMBED(icon_192, "icon-192.png");
EMBED(icon_512, "icon-512.png");
EMBED(icon_mask, "icon-mask.png");

struct asset {
	const char *name; /* "style.css" */
	const char *type;
	const unsigned char *begin, *end;
	size_t length;
	char etag[20]; /* with quotes: 16 hex digits of the content's hash */
};

static struct asset assets[] = {
	ROW(style, "style.css", CSS),
	ROW(page, "page.js", SCRIPT),
	ROW(charts, "charts.js", SCRIPT),
	ROW(draw, "draw.js", SCRIPT),
	ROW(finder, "finder.js", SCRIPT),
	ROW(kiosk, "kiosk.js", SCRIPT),
	ROW(screen, "kiosk.css", CSS),
	ROW(map, "map.js", SCRIPT),
	ROW(push, "push.js", SCRIPT),
	ROW(tools, "tools.js", SCRIPT),
	ROW(words, "words.js", SCRIPT),
	ROW(worker, "sw.js", SCRIPT),
	ROW(manifest, "manifest.json", "application/manifest+json"),
	ROW(icon, "icon.svg", "image/svg+xml"),
	ROW(icon_192, "icon-192.png", "image/png"),
	ROW(icon_512, "icon-512.png", "image/png"),
	ROW(icon_mask, "icon-mask.png", "image/png"),
};
enum { COUNT = sizeof assets / sizeof *assets };

static char version[17]; /* of all of them */

/* What the linker knows and the compiler does not. */
static void finish_assets(void)
{
	uint64_t all = 0;

	for (int i = 0; i < COUNT; i++) {
		assets[i].length = (size_t)(assets[i].end - assets[i].begin);
		snprintf(assets[i].etag, sizeof assets[i].etag, "\"%016" PRIx64 "\"",
			codec_hash(0, assets[i].begin, assets[i].length));
		all = codec_hash(all, assets[i].begin, assets[i].length);
	}
	snprintf(version, sizeof version, "%016" PRIx64, all);
}

static void finish_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, finish_assets);
}

static const struct asset *find(const char *name)
{
	finish_once();
	for (int i = 0; i < COUNT; i++)
		if (strcmp(assets[i].name, name) == 0)
			return &assets[i];
	return NULL;
}

void asset_handle(const struct web_request *request, struct web_reply *reply)
{
	const char *slash = strrchr(request->path, '/');
	const struct asset *asset = slash ? find(slash + 1) : NULL;

	if (!asset) {
		web_problem(reply, 404, "There is no such file.");
		return;
	}
	reply->type = asset->type;
	reply->etag = asset->etag;
	/* A page of before an update asks for a version that is no more: it gets what is
	 * there, and does not keep it. */
	reply->cache = strcmp(request->id, version) == 0
		? "public, max-age=31536000, immutable"
		: "no-cache";
	/* Not as a fixed body, which is not compressed. */
	buffer_append(&reply->body, asset->begin, asset->length);
}

void asset_link(struct buffer *out, const char *name)
{
	finish_once();
	buffer_printf(out, "/assets/%s/%s", version, name);
}
