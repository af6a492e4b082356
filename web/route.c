#include "web/route.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/json.h"
#include "core/number.h"
#include "core/utf8.h"

enum { PATH_MAX_BYTES = 512 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool web_decode(const char *text, size_t length, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%') {
			int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
			if (low < 0)
				return false;
			c = (unsigned char)(high << 4 | low);
			i += 2;
		}
		if (c < 0x20 || c == 0x7f || used + 1 >= size)
			return false;
		out[used++] = (char)c;
	}
	if (size == 0)
		return false;
	out[used] = '\0';
	return utf8_is_valid(out, used);
}

/* PATH against PATTERN, segment by segment; both begin with '/'. */
static bool matches(const char *pattern, const char *path, char id[static NAME_SIZE])
{
	id[0] = '\0';
	while (*pattern == '/' && *path == '/') {
		size_t wanted = strcspn(++pattern, "/");
		size_t length = strcspn(++path, "/");

		if (strcmp(pattern, "{rest}") == 0)
			return true;
		if (wanted == 4 && memcmp(pattern, "{id}", 4) == 0) {
			if (!web_decode(path, length, id, NAME_SIZE) ||
				!name_is_valid(id, strlen(id)))
				return false;
		} else if (wanted != length || memcmp(pattern, path, length) != 0) {
			return false;
		}
		pattern += wanted;
		path += length;
	}
	return *pattern == '\0' && *path == '\0';
}

const struct web_route *web_route_find(const char *path, char id[static NAME_SIZE])
{
	id[0] = '\0';
	if (strnlen(path, PATH_MAX_BYTES) == PATH_MAX_BYTES)
		return NULL;
	for (const struct web_route *route = web_routes; route->path; route++)
		if (matches(route->path, path, id))
			return route;
	id[0] = '\0';
	return NULL;
}

const char *web_route_methods(const struct web_route *route)
{
	if (!route || !route->methods)
		return NULL;
	return route->methods & WEB_POST ? "POST" : "PATCH, DELETE";
}

const char *web_argument(const struct web_request *request, const char *name)
{
	char escaped[32];

	if (!request->argument)
		return NULL;
	const char *value = request->argument(request->connection, name);
	if (value || name[0] != '$')
		return value;
	/* Names are compared as they came, and many clients escape the dollar. */
	snprintf(escaped, sizeof escaped, "%%24%s", name + 1);
	return request->argument(request->connection, escaped);
}

int web_query(const struct web_request *request, const char *name, char *out, size_t size)
{
	const char *value = web_argument(request, name);

	if (!value)
		return 0;
	return web_decode(value, strlen(value), out, size) ? 1 : -1;
}

/* How exactly the range of LENGTH bytes names TYPE: 3 itself, 2 its kind, 1 as one of
 * all; 0: not at all. */
static int fits(const char *range, size_t length, const char *type)
{
	size_t main_length = strcspn(type, "/") + 1;

	if (length == strlen(type) && strncasecmp(range, type, length) == 0)
		return 3;
	if (length == main_length + 1 && range[main_length] == '*' &&
		strncasecmp(range, type, main_length) == 0)
		return 2;
	return length == 3 && memcmp(range, "*/*", 3) == 0 ? 1 : 0;
}

/* The weight among the parameters at TEXT, which end with LENGTH, in thousandths. */
static int weight(const char *text, size_t length)
{
	for (size_t i = 0; i + 2 < length; i++) {
		double value;

		if (text[i] != ';')
			continue;
		while (i + 1 < length && text[i + 1] == ' ')
			i++;
		if (i + 3 >= length || (text[i + 1] | 0x20) != 'q' || text[i + 2] != '=')
			continue;
		size_t digits = strcspn(text + i + 3, ";, ");
		if (i + 3 + digits > length)
			digits = length - i - 3;
		if (!number_parse(text + i + 3, digits, &value) || value < 0 || value > 1)
			return 1000;
		return (int)(value * 1000 + 0.5);
	}
	return 1000;
}

/* How much ACCEPT wants TYPE: the most exact range decides. */
static int wanted(const char *accept, const char *type)
{
	int best_fit = 0, best = 0;

	while (*accept) {
		accept += strspn(accept, " \t,");
		size_t whole = strcspn(accept, ",");
		size_t length = 0;
		while (length < whole && !strchr("; \t", accept[length]))
			length++;
		int fit = fits(accept, length, type);
		if (fit > best_fit) {
			best_fit = fit;
			best = weight(accept + length, whole - length);
		}
		accept += whole;
	}
	return best;
}

int web_accept(const char *accept, const char *const *types)
{
	int best = -1, most = 0;

	if (!accept || accept[strspn(accept, " \t,")] == '\0')
		return 0;
	for (int i = 0; types[i]; i++) {
		int much = wanted(accept, types[i]);
		if (much > most) {
			most = much;
			best = i;
		}
	}
	return best;
}

static const char *title_of(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 406:
		return "Not Acceptable";
	case 410:
		return "Gone";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

void web_problem(struct web_reply *reply, int status, const char *detail)
{
	struct json json;

	buffer_clear(&reply->body);
	reply->fixed = NULL;
	reply->status = status;
	reply->type = "application/problem+json";
	reply->cache = NULL;
	reply->etag = NULL;
	reply->modified_ms = 0;
	reply->link[0] = '\0';
	json_start(&json, &reply->body);
	json_object(&json, NULL);
	json_string(&json, "type", "about:blank");
	json_string(&json, "title", title_of(status));
	json_integer(&json, "status", status);
	json_string(&json, "detail", detail);
	json_end_object(&json);
	buffer_putc(&reply->body, '\n');
}
