#include "gateway/backtest_tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double hour_ms = 3600.0 * 1000;
static const double week_ms = 7 * 24 * 3600.0 * 1000;

void tally_free(struct tally *tally)
{
	free(tally->rows);
	*tally = (struct tally){ .count = 0 };
}

static int compare(const struct tally_row *row, const struct message *message)
{
	int order = strcmp(row->rule, message->rule);

	return order ? order : strcmp(row->station, message->station);
}

static struct tally_row *find(struct tally *tally, const struct message *message)
{
	size_t at = 0;

	while (at < tally->count && compare(&tally->rows[at], message) < 0)
		at++;
	if (at < tally->count && compare(&tally->rows[at], message) == 0)
		return &tally->rows[at];
	if (tally->count == tally->capacity) {
		size_t capacity = tally->capacity ? tally->capacity * 2 : 32;
		struct tally_row *rows = realloc(tally->rows, capacity * sizeof *rows);
		if (!rows)
			return NULL;
		tally->rows = rows;
		tally->capacity = capacity;
	}
	struct tally_row *row = &tally->rows[at];
	memmove(row + 1, row, (tally->count++ - at) * sizeof *row);
	*row = (struct tally_row){ .alerts = 0 };
	memcpy(row->rule, message->rule, sizeof row->rule);
	memcpy(row->station, message->station, sizeof row->station);
	return row;
}

bool tally_take(struct tally *tally, const struct message *message)
{
	struct tally_row *row = find(tally, message);

	if (!row)
		return false;
	row->messages++;
	row->alerts += message->revision == 1;
	if (!message->resolved)
		row->since_ms = message->since_ms;
	if (message->resolved && row->since_ms > 0) {
		row->above_ms += message->at_ms - row->since_ms;
		row->since_ms = 0;
	}
	return true;
}

struct sums {
	double alerts, messages, hours;
};

static void put_sums(struct json *json, const struct sums *sums, double weeks)
{
	json_integer(json, "alerts", (int64_t)sums->alerts);
	json_integer(json, "messages", (int64_t)sums->messages);
	json_number(json, "hours_above", round(sums->hours * 100) / 100);
	if (weeks > 0)
		json_number(json, "messages_per_week",
			round(sums->messages / weeks * 100) / 100);
	else
		json_null(json, "messages_per_week");
}

static struct sums sums_of(const struct tally_row *row, int64_t to_ms)
{
	int64_t above_ms = row->above_ms;

	if (row->since_ms > 0)
		above_ms += to_ms - row->since_ms;
	return (struct sums){
		.alerts = (double)row->alerts,
		.messages = (double)row->messages,
		.hours = (double)above_ms / hour_ms,
	};
}

void tally_write(
	const struct tally *tally, int64_t from_ms, int64_t to_ms, struct json *json)
{
	double weeks = (double)(to_ms - from_ms) / week_ms;
	struct sums all = { .alerts = 0 };

	for (size_t i = 0; i < tally->count; i++) {
		struct sums sums = sums_of(&tally->rows[i], to_ms);
		all.alerts += sums.alerts;
		all.messages += sums.messages;
		all.hours += sums.hours;
	}
	put_sums(json, &all, weeks);
	json_array(json, "rules");
	for (size_t i = 0; i < tally->count; i++) {
		struct sums sums = sums_of(&tally->rows[i], to_ms);
		json_object(json, NULL);
		json_string(json, "rule", tally->rows[i].rule);
		json_string(json, "station", tally->rows[i].station);
		put_sums(json, &sums, weeks);
		json_end_object(json);
	}
	json_end_array(json);
}
