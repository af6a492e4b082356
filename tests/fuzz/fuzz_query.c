/*
 * What stands in addresses of the interfaces, with libFuzzer: the first byte chooses the
 * reader, the rest is its text. A filter that is understood is evaluated, and what its
 * bounds leave out must not pass.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/route.h"
#include "web/series.h"
#include "web/sta_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t time_ms;

static bool property(void *arg, const char *name, struct sta_value *value)
{
	(void)arg;
	if (strcmp(name, "phenomenonTime") == 0)
		*value = (struct sta_value){ .type = STA_TIME, .time_ms = time_ms };
	else if (strcmp(name, "result") == 0)
		*value = (struct sta_value){ .type = STA_NUMBER, .number = 35.2 };
	else if (strcmp(name, "name") == 0)
		*value = (struct sta_value){ .type = STA_TEXT, .text = "dust" };
	else
		return false;
	return true;
}

static void try_filter(const char *text)
{
	struct sta_filter filter;
	char why[STA_WHY_SIZE];
	int64_t from_ms = INT64_MIN, to_ms = INT64_MAX;

	if (!sta_filter_parse(&filter, text, why)) {
		if (!*why)
			abort();
		return;
	}
	sta_filter_bounds(&filter, "phenomenonTime", &from_ms, &to_ms);
	for (time_ms = 1795000000000; time_ms < 1796000000000; time_ms += 100000000)
		if (sta_filter_passes(&filter, property, NULL) &&
			(time_ms <= from_ms || time_ms > to_ms))
			abort();
}

static void try_option(const char *name, const char *text)
{
	struct sta_query query;
	char why[STA_WHY_SIZE];

	if (!sta_query_init(&query))
		abort();
	if (!sta_query_take(&query, name, text, why) && !*why)
		abort();
	if (query.options.top < 0 || query.options.top > STA_TOP_MAX ||
		query.expand_count > STA_EXPAND_ALL)
		abort();
	sta_query_free(&query);
}

static void try_path(const char *text)
{
	struct sta_path path;
	char id[NAME_SIZE];

	if (sta_path_parse(&path, text))
		for (size_t i = 0; i < path.count; i++)
			if (strlen(path.segments[i].name) == 0)
				abort();
	web_route_find(text, id);
}

static void try_accept(const char *text)
{
	static const char *const types[] = { "application/json", "text/csv", NULL };
	int type = web_accept(text, types);

	if (type < -1 || type > 1)
		abort();
	series_step(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const options[] = { "$expand", "$select", "$orderby", "$top",
		"$skip", "$count", "$filter", "$x" };
	char *text = size > 0 && size < 4096 ? malloc(size) : NULL;
	char decoded[512];

	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 5) {
	case 0:
		try_filter(text);
		break;
	case 1:
		try_option(options[data[0] / 5 % 8], text);
		break;
	case 2:
		try_path(text);
		break;
	case 3:
		try_accept(text);
		break;
	default:
		web_decode(text, strlen(text), decoded, sizeof decoded);
	}
	free(text);
	return 0;
}
