#include "web/headers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const always[][2] = {
	{ "Content-Security-Policy",
		"default-src 'self'; base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	/* The page sorts stations by where the reader is, and asks for nothing else. */
	{ "Permissions-Policy",
		"geolocation=(self), camera=(), microphone=(), payment=(), usb=()" },
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool headers_is_interface(const char *path)
{
	return begins(path, "/api/") || begins(path, "/sta/");
}

void headers_time(int64_t ms, char text[static HEADERS_TIME_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(text, HEADERS_TIME_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
		days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
		tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool headers_matches(const char *known, const char *etag)
{
	/* What stands between the quotes is no part of anything else of ours. */
	const char *opaque = begins(etag, "W/") ? etag + 2 : etag;

	return strcmp(known, "*") == 0 || strstr(known, opaque);
}

bool headers_may_squeeze(const char *type)
{
	return begins(type, "application/") || begins(type, "text/");
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	MHD_add_response_header(response, name, value);
}

/* Pages elsewhere may show our data, and may not subscribe their readers. */
static void add_sharing(
	struct MHD_Response *response, const struct web_reply *reply, const char *path)
{
	if (reply->allow || !(headers_is_interface(path) || begins(path, "/feeds/")))
		return;
	add(response, "Access-Control-Allow-Origin", "*");
	add(response, "Access-Control-Expose-Headers", "ETag, Link, Retry-After");
}

static void add_vary(struct MHD_Response *response, const struct web_reply *reply)
{
	bool by_coding =
		!reply->stream.read && !reply->fixed && headers_may_squeeze(reply->type);

	if (by_coding && reply->has_types)
		add(response, "Vary", "Accept, Accept-Encoding");
	else if (by_coding)
		add(response, "Vary", "Accept-Encoding");
	else if (reply->has_types)
		add(response, "Vary", "Accept");
}

void headers_add(
	struct MHD_Response *response, const struct web_reply *reply, const char *path)
{
	char text[HEADERS_TIME_SIZE];

	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		add(response, always[i][0], always[i][1]);
	add(response, "Cache-Control", reply->cache ? reply->cache : "no-store");
	if (reply->type) {
		add(response, "Content-Type", reply->type);
		add_vary(response, reply);
	}
	if (reply->coding)
		add(response, "Content-Encoding", reply->coding);
	if (reply->modified_ms > 0) {
		headers_time(reply->modified_ms, text);
		add(response, "Last-Modified", text);
	}
	if (reply->etag)
		add(response, "ETag", reply->etag);
	if (reply->link[0])
		add(response, "Link", reply->link);
	/* A proxy that heaps up events would make them old. */
	if (reply->type && strcmp(reply->type, "text/event-stream") == 0)
		add(response, "X-Accel-Buffering", "no");
	add_sharing(response, reply, path);
	if (reply->status == 405)
		add(response, "Allow",
			reply->allow ? reply->allow : "GET, HEAD, OPTIONS");
	if (reply->retry_after_s > 0) {
		snprintf(text, sizeof text, "%d", reply->retry_after_s);
		add(response, "Retry-After", text);
	}
}

void headers_add_preflight(struct MHD_Response *response)
{
	add(response, "Access-Control-Allow-Origin", "*");
	add(response, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
	add(response, "Access-Control-Allow-Headers",
		"Accept, Cache-Control, If-Modified-Since, If-None-Match, Last-Event-ID");
	add(response, "Access-Control-Max-Age", "86400");
}
