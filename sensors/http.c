#include "sensors/http.h"

#include <stdio.h>
#include <string.h>

#include "sensors/mqtt.h"

static const char token_level[] = "{token}";

static bool is_token_level(const char *level, size_t length)
{
	return length == sizeof token_level - 1 &&
		memcmp(level, token_level, length) == 0;
}

static const char *skip_slashes(const char *path)
{
	return path + strspn(path, "/");
}

/* Appends a level and its slash to OUT. */
static bool put_level(
	const char *level, size_t length, char *out, size_t *used, size_t size)
{
	size_t slash = *used > 0;

	if (length + slash >= size - *used)
		return false;
	if (slash)
		out[(*used)++] = '/';
	memcpy(out + *used, level, length);
	*used += length;
	out[*used] = '\0';
	return true;
}

bool http_filter(const char *path, char *filter, size_t size)
{
	size_t used = 0;

	filter[0] = '\0';
	for (path = skip_slashes(path); *path; path = skip_slashes(path)) {
		size_t length = strcspn(path, "/");
		if (!is_token_level(path, length) &&
			!put_level(path, length, filter, &used, size))
			return false;
		path += length;
	}
	return true;
}

bool http_match(const char *path, const char *url, char *token, char *topic, size_t size)
{
	size_t used = 0;

	token[0] = topic[0] = '\0';
	path = skip_slashes(path);
	url = skip_slashes(url);
	while (*path && *url) {
		size_t want = strcspn(path, "/"), have = strcspn(url, "/");

		if (is_token_level(path, want)) {
			if (have >= size)
				return false;
			memcpy(token, url, have);
			token[have] = '\0';
		} else if (!(want == 1 && *path == '+') &&
			(want != have || memcmp(path, url, want) != 0)) {
			return false;
		} else if (!put_level(url, have, topic, &used, size)) {
			return false;
		}
		path = skip_slashes(path + want);
		url = skip_slashes(url + have);
	}
	return *path == '\0' && *url == '\0';
}

/* --- options ------------------------------------------------------------------ */

#define ROW(NAME, TYPE, ...)                                               \
	{                                                                  \
		.name = #NAME, .type = TYPE,                               \
		.offset = offsetof(struct http_options, NAME), __VA_ARGS__ \
	}

static const struct option http_table[] = {
	ROW(listen, OPTION_STRING, .required = true, .min = 3, .max = 64,
		.help = "Address and port of this receiver: \"0.0.0.0:8081\"; several "
			"sensors may share one."),
	ROW(path, OPTION_STRING, .fallback = "/", .min = 1, .max = 255,
		.help = "Where senders post to; a level may be + (what {1} stands for) "
			"or {token}."),
	FORMAT_OPTIONS(struct http_options, payload),
	ROW(token_file, OPTION_SECRET, .fallback = "",
		.help = "File with the token senders show: in the path, as a bearer's, "
			"as X-Token, or as the password of basic authentication."),
	ROW(rate, OPTION_INTEGER, .fallback = "120", .min = 1, .max = 100000,
		.unit = "1/min",
		.help = "Requests a minute from one address; more are answered 429."),
	{ .name = NULL },
};

static bool is_loopback(const char *listen)
{
	return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0 ||
		strncmp(listen, "localhost:", 10) == 0;
}

static void check_options(const void *values, const struct config_place *place)
{
	const struct http_options *options = values;
	char filter[300];

	if (*options->path != '/')
		config_error(
			place, "path", "begins with '/', such as \"/%s\"", options->path);
	if (strchr(options->path, '#') || strchr(options->path, '?'))
		config_error(place, "path", "neither '#' nor '?'");
	if (strstr(options->path, token_level) && !*options->token_file)
		config_error(place, "token_file", "missing: the path has {token} in it");
	else if (options->listen && !is_loopback(options->listen) &&
		!*options->token_file)
		config_error(place, "token_file",
			"missing: whoever reaches %s could make up readings",
			options->listen);
	if (http_filter(options->path, filter, sizeof filter))
		format_check(&options->payload, filter, place);
	if (formats[options->payload.format]->open)
		config_error(place, "format", "\"%s\" comes over MQTT only",
			format_names[options->payload.format]);
}

static enum sensor_result decode(
	const void *options, const uint8_t *bytes, size_t length, struct report *report)
{
	return sensor_mqtt.decode(options, bytes, length, report);
}

const struct sensor_driver sensor_http = {
	.kind = {
		.name = "http",
		.summary = "Readings that senders post over HTTP: airRohr, Ecowitt, any JSON.",
		.group = {
			.name = "sensor",
			.options = http_table,
			.size = sizeof(struct http_options),
			.check = check_options,
		},
	},
	.bus = SENSOR_BUS_HTTP,
	.decode = decode,
};
