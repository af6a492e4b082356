#include "web/stations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/station.h"
#include "core/metric.h"
#include "web/words.h"

/* The ids of the directory, in order. */
struct known {
	char (*ids)[NAME_SIZE];
	size_t count, capacity, at;
};

struct walk {
	const struct gateway_view *view;
	const char *only;
	const struct station_visitor *visitor;
	void *arg;
	bool own; /* this pass is for the gateway's own station */
	bool open;
	bool any;
	struct known known_ids; /* that are not visited yet: from AT on */
	struct station_view station;
	struct station known;
	int64_t newest_ms;
};

static const char *text_or_null(const char *text)
{
	return text && text[0] ? text : NULL;
}

static void begin(struct walk *walk, const char *id)
{
	struct station *known = &walk->known;

	directory_find(walk->view->directory, id, known);
	walk->station = (struct station_view){
		.id = known->id,
		.name = known->name,
		.area = text_or_null(known->area),
		.area_name =
			text_or_null(config_area_name(walk->view->config, known->area)),
		.latitude = known->latitude,
		.longitude = known->longitude,
		.indicative = known->indicative,
		.own = walk->own,
	};
	walk->newest_ms = 0;
	walk->open = true;
	walk->any = true;
	walk->visitor->begin(walk->arg, &walk->station);
}

static void end(struct walk *walk)
{
	if (walk->open)
		walk->visitor->end(walk->arg, &walk->station, walk->newest_ms);
	walk->open = false;
}

static void note_known(void *arg, const struct station *station)
{
	struct known *known = arg;

	if (known->count == known->capacity) {
		size_t capacity = known->capacity ? known->capacity * 2 : 64;
		char(*ids)[NAME_SIZE] = realloc(known->ids, capacity * sizeof *ids);
		if (!ids)
			return;
		known->ids = ids;
		known->capacity = capacity;
	}
	memcpy(known->ids[known->count++], station->id, NAME_SIZE);
}

/* Visits the known stations of which nothing was heard, up to BEFORE (NULL: all). */
static void visit_silent(struct walk *walk, const char *before)
{
	struct known *known = &walk->known_ids;

	for (; known->at < known->count; known->at++) {
		const char *id = known->ids[known->at];
		int order = before ? strcmp(id, before) : -1;

		if (order > 0)
			return;
		if (order == 0 || strcmp(id, walk->view->config->station.id) == 0 ||
			(walk->only && strcmp(id, walk->only) != 0))
			continue;
		begin(walk, id);
		end(walk);
	}
}

static bool each(void *arg, const struct latest_source *source)
{
	struct walk *walk = arg;
	bool own = strcmp(source->station, walk->view->config->station.id) == 0;

	if (own != walk->own || (walk->only && strcmp(source->station, walk->only) != 0))
		return true;
	if (walk->open && strcmp(source->station, walk->known.id) != 0)
		end(walk);
	if (!walk->open) {
		visit_silent(walk, source->station);
		begin(walk, source->station);
	}
	if (source->time_ms > walk->newest_ms)
		walk->newest_ms = source->time_ms;
	walk->visitor->sensor(walk->arg, source);
	return true;
}

bool stations_walk(const struct gateway_view *view, const char *only,
	const struct station_visitor *visitor, void *arg)
{
	const char *own_id = view->config->station.id;
	struct walk walk = { .view = view, .only = only, .visitor = visitor, .arg = arg };

	if (!only || strcmp(only, own_id) == 0) {
		walk.own = true;
		begin(&walk, own_id);
		latest_each(view->latest, each, &walk);
		end(&walk);
	}
	if (!only || strcmp(only, own_id) != 0) {
		walk.own = false;
		if (visitor->silent_too && view->directory)
			directory_each(view->directory, note_known, &walk.known_ids);
		latest_each(view->latest, each, &walk);
		end(&walk);
		visit_silent(&walk, NULL);
		free(walk.known_ids.ids);
	}
	return walk.any;
}

bool stations_is_rain_sum(uint16_t metric)
{
	return metric >= METRIC_RAIN_10M && metric <= METRIC_RAIN_DAY;
}

static bool is_rain_counter(uint16_t metric)
{
	return metric == METRIC_RAIN_TOTAL || metric == METRIC_RAIN;
}

size_t stations_order(const struct latest_source *source,
	const struct latest_value *values[static READINGS_MAX])
{
	bool has_sums = false;
	size_t count = 0;

	for (size_t i = 0; i < source->count; i++)
		has_sums = has_sums ||
			stations_is_rain_sum(source->values[i].reading.metric);
	for (size_t i = 0; i < source->count; i++) {
		const struct latest_value *value = &source->values[i];
		int rank = words_rank(value->reading.metric);
		size_t at = count;

		if (has_sums && is_rain_counter(value->reading.metric))
			continue;
		for (; at > 0 && words_rank(values[at - 1]->reading.metric) > rank; at--)
			values[at] = values[at - 1];
		values[at] = value;
		count++;
	}
	return count;
}
