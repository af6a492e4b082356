#include "web/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/metric.h"

bool query_time(const struct web_request *request, struct web_reply *reply,
	const char *name, int64_t *ms)
{
	char text[CLOCK_TEXT_SIZE];
	int found = web_query(request, name, text, sizeof text);

	/* A plus that was not escaped has become a blank. */
	for (char *at = text; found > 0 && *at; at++)
		if (*at == ' ')
			*at = '+';
	if (found == 0 || (found > 0 && clock_parse(text, ms)))
		return true;
	web_problem(reply, 400,
		"from and to are times like 2026-11-25T07:00:00+07:00 (%2B for the plus).");
	return false;
}

bool query_count(const struct web_request *request, struct web_reply *reply,
	const char *name, int most, int *value)
{
	char text[16], why[80], *end;
	int found = web_query(request, name, text, sizeof text);

	if (found == 0)
		return true;
	long number = found > 0 ? strtol(text, &end, 10) : 0;
	if (found < 0 || *end || number < 1 || number > most) {
		snprintf(why, sizeof why, "%s is a whole number from 1 to %d.", name,
			most);
		web_problem(reply, 400, why);
		return false;
	}
	*value = (int)number;
	return true;
}

bool query_text(const struct web_request *request, struct web_reply *reply,
	const char *name, char *out, size_t size)
{
	char why[80];
	int found = web_query(request, name, out, size);

	if (found == 0)
		out[0] = '\0';
	if (found >= 0)
		return true;
	snprintf(why, sizeof why, "%s is too long, or no text.", name);
	web_problem(reply, 400, why);
	return false;
}

static bool is_among(
	const struct metric *const *metrics, size_t count, const struct metric *metric)
{
	for (size_t i = 0; i < count; i++)
		if (metrics[i] == metric)
			return true;
	return false;
}

bool query_metrics(const struct web_request *request, struct web_reply *reply,
	const char *name, const struct metric *metrics[static QUERY_METRICS],
	size_t *count)
{
	char text[512], why[160];

	*count = 0;
	if (!query_text(request, reply, name, text, sizeof text))
		return false;
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, ",");
		const struct metric *metric = metric_find_n(at, length);

		if (!metric || *count == QUERY_METRICS) {
			if (metric)
				snprintf(why, sizeof why, "There may be %d metrics.",
					QUERY_METRICS);
			else
				snprintf(why, sizeof why, "There is no metric \"%.*s\".",
					(int)(length < 60 ? length : 60), at);
			web_problem(reply, 400, why);
			return false;
		}
		if (!is_among(metrics, *count, metric))
			metrics[(*count)++] = metric;
		at += length;
		at += *at == ',';
	}
	return true;
}
