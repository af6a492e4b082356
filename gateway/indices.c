#include "gateway/indices.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "derive/air_report.h"
#include "gateway/index_places.h"
#include "store/reports.h"
#include "store/state.h"
#include "web/air_read.h"

static const int64_t hour_ms = 60 * 60 * 1000;
static const int64_t revise_every_ms = 60 * 1000;

/* The kind of state that says which hours have to be revised. */
static const char late_state[] = "late";

struct indices {
	struct indices_settings settings;
	struct air_rules rules;
	struct index_places places;
	int64_t made_ms;   /* hours are closed up to this end; 0: none yet */
	int64_t revise_ms; /* when what came late is looked at next */
	bool reads;        /* the open hours are in memory, and need not be read */
	bool is_full_said;
};

/* The end of the last hour that is over by MS. */
static int64_t over_by(int64_t ms)
{
	return ms - ms % hour_ms;
}

/* --- stations ------------------------------------------------------------------- */

/* The closed hours of PLACE as they are kept. 0 or -1. */
static int read_hours(struct indices *indices, struct index_place *place)
{
	place->known_ms = 0;
	air_hours_clear(&place->hours);
	if (!indices->settings.store || indices->made_ms == 0)
		return 0;
	if (air_read_hours(indices->settings.store, place->station, indices->made_ms,
		    &place->hours) < 0)
		return -1;
	for (size_t h = AIR_HOURS; h-- > 0;)
		for (size_t p = 0; p < AIR_POLLUTANTS; p++)
			if (!isnan(place->hours.means[p][h]))
				place->known_ms = indices->made_ms - (int64_t)h * hour_ms;
	return 0;
}

/* The place of STATION, made if need be; NULL: there is none to be had. */
static struct index_place *find_place(struct indices *indices, const char *station)
{
	bool is_new;
	struct index_place *place = index_places_get(&indices->places, station, &is_new);

	if (!place && !indices->is_full_said) {
		log_error("index: no room for station %s, nor for others", station);
		indices->is_full_said = true;
	}
	if (place && is_new && read_hours(indices, place) < 0)
		return NULL; /* the whole pipeline is made anew after that */
	return place;
}

static int find_source(struct indices *indices, struct index_place *place)
{
	struct store *store = indices->settings.store;

	if (!store || place->source > 0)
		return 0;
	return store_source(store, place->station, INDEX_SENSOR, &place->source);
}

/* --- reports -------------------------------------------------------------------- */

/* The means of the hour END_MS, as far as AIR knows it, as the newest of HOURS. */
static bool take_means(const struct indices *indices, const struct air_station *air,
	struct air_hours *hours, int64_t end_ms, bool *indicative)
{
	bool any = false, is_indicative = false;

	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		struct air_mean mean = air_station_mean(
			air, (enum air_pollutant)p, end_ms, 60, indices->rules.need);

		hours->means[p][0] = mean.mean;
		any |= !isnan(mean.mean);
		is_indicative |= mean.indicative;
	}
	if (air->count > 0)
		*indicative = any ? is_indicative : air_station_is_indicative(air);
	return any;
}

static void fill_report(const struct indices *indices, const struct index_place *place,
	const struct air_hours *hours, uint16_t marks, struct report *report)
{
	report_init(report);
	report->time_ms = hours->end_ms;
	report->mono_ms = clock_mono_ms();
	report->marks = marks;
	snprintf(report->station, sizeof report->station, "%s", place->station);
	snprintf(report->sensor, sizeof report->sensor, "%s", INDEX_SENSOR);
	air_report_fill(hours, &indices->rules, report);
}

static int keep(
	struct indices *indices, struct index_place *place, const struct report *report)
{
	struct store *store = indices->settings.store;

	if (find_source(indices, place) < 0)
		return -1;
	for (size_t i = 0; store && i < report->count; i++)
		if (aggregates_put_hour(store, place->source, report->readings[i].metric,
			    report->time_ms, report->readings[i].value) < 0)
			return -1;
	return indices->settings.keep(indices->settings.arg, place->source, report);
}

/* --- hours that are over --------------------------------------------------------- */

static int close_hour(struct indices *indices, struct index_place *place, int64_t end_ms)
{
	struct report report;

	/* Nothing of what is known reaches so far. */
	if (place->air.count == 0 && end_ms - place->known_ms > AIR_HOURS * hour_ms)
		return 0;
	air_hours_advance(&place->hours, end_ms);
	if (take_means(indices, &place->air, &place->hours, end_ms, &place->indicative))
		place->known_ms = end_ms;
	air_station_close(&place->air, end_ms);
	if (end_ms - place->known_ms > AIR_HOURS * hour_ms)
		return 0;
	fill_report(indices, place, &place->hours,
		place->indicative ? REPORT_INDICATIVE : 0, &report);
	return report.count > 0 ? keep(indices, place, &report) : 0;
}

static int close_hours(struct indices *indices, int64_t over_ms)
{
	for (; indices->made_ms < over_ms; indices->made_ms += hour_ms)
		for (size_t i = 0; i < indices->places.count; i++)
			if (close_hour(indices, indices->places.places[i],
				    indices->made_ms + hour_ms) < 0)
				return -1;
	return 0;
}

/* --- minutes --------------------------------------------------------------------- */

static int note_late(
	struct indices *indices, struct index_place *place, int64_t hour_end_ms)
{
	int64_t from_ms = place->late_from_ms, to_ms = place->late_to_ms;

	if (!indices->settings.store)
		return 0;
	if (from_ms == 0 || hour_end_ms < from_ms)
		from_ms = hour_end_ms;
	if (hour_end_ms > to_ms)
		to_ms = hour_end_ms;
	if (from_ms == place->late_from_ms && to_ms == place->late_to_ms)
		return 0;
	int64_t kept[] = { from_ms, to_ms };
	place->late_from_ms = from_ms;
	place->late_to_ms = to_ms;
	return find_source(indices, place) < 0
		? -1
		: store_state_set(indices->settings.store, place->source, late_state,
			  kept, sizeof kept);
}

static int pollutant_of(uint16_t metric)
{
	for (int p = 0; p < AIR_POLLUTANTS; p++)
		if (air_metrics[p] == metric)
			return p;
	return -1;
}

static struct air_part *find_part(const struct indices *indices, struct air_station *air,
	const char *sensor, enum air_pollutant pollutant)
{
	return air_station_part(air, sensor, pollutant,
		air_role_of(&indices->settings.config->sensors, sensor));
}

int indices_take(struct indices *indices, const char *station, const char *sensor,
	uint16_t metric, const struct accumulator *minute)
{
	int pollutant = minute->count > 0 ? pollutant_of(metric) : -1;
	int64_t hour_end_ms = aggregate_hour_end(minute->end_ms);

	if (pollutant < 0)
		return 0;
	if (!indices->settings.store && indices->made_ms == 0)
		indices->made_ms = hour_end_ms - hour_ms;
	bool is_late = hour_end_ms <= indices->made_ms;
	if (indices->reads && !is_late)
		return 0; /* it will be read with the others */
	struct index_place *place = find_place(indices, station);
	if (!place)
		return 0;
	if (is_late)
		return note_late(indices, place, hour_end_ms);
	struct air_part *part =
		find_part(indices, &place->air, sensor, (enum air_pollutant)pollutant);
	if (part)
		air_part_add(part, minute->end_ms, minute->count, minute->sum);
	return 0;
}

/* --- reading what is not in memory ------------------------------------------------ */

struct reading_open {
	struct indices *indices;
	int64_t over_ms; /* the last hour that is */
	bool failed;
};

static void take_open(void *arg, const struct air_minute *minute)
{
	struct reading_open *reading = arg;
	struct indices *indices = reading->indices;
	int64_t before_ms = aggregate_hour_end(minute->end_ms) - hour_ms;

	/* What has ended before this minute is closed, as it would have been then. */
	if (!reading->failed && before_ms > indices->made_ms &&
		close_hours(indices,
			before_ms < reading->over_ms ? before_ms : reading->over_ms) < 0)
		reading->failed = true;
	if (reading->failed)
		return;
	struct index_place *place = find_place(indices, minute->station);
	if (!place)
		return;
	/* Of hours that are closed only the rhythm is of use. */
	air_station_close(
		&place->air, before_ms < indices->made_ms ? before_ms : indices->made_ms);
	struct air_part *part =
		find_part(indices, &place->air, minute->sensor, minute->pollutant);
	if (part)
		air_part_add(part, minute->end_ms, minute->count, minute->sum);
}

/* The hours that are open, and those that ended while nobody closed them. */
static int read_open(struct indices *indices, int64_t over_ms)
{
	struct reading_open reading = { .indices = indices, .over_ms = over_ms };

	if (air_read_minutes(indices->settings.store, NULL, false,
		    indices->made_ms - AIR_BEFORE * hour_ms, INT64_MAX, take_open,
		    &reading) < 0 ||
		reading.failed)
		return -1;
	for (size_t i = 0; i < indices->places.count; i++)
		air_station_close(&indices->places.places[i]->air, indices->made_ms);
	indices->reads = false;
	return 0;
}

/* --- what came late ----------------------------------------------------------------- */

struct reading_late {
	struct indices *indices;
	struct air_station air;
};

static void take_late(void *arg, const struct air_minute *minute)
{
	struct reading_late *late = arg;
	int64_t end_ms = aggregate_hour_end(minute->end_ms);

	air_station_close(&late->air, end_ms - hour_ms);
	struct air_part *part =
		find_part(late->indices, &late->air, minute->sensor, minute->pollutant);
	if (part)
		air_part_add(part, minute->end_ms, minute->count, minute->sum);
}

/* Does REPORT say something else than what is kept? 1, 0 or -1. */
static int says_news(const struct indices *indices, const struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		double kept;

		if (air_read_value(indices->settings.store, report->station,
			    report->readings[i].metric, report->time_ms, &kept) < 0)
			return -1;
		if (kept != report->readings[i].value)
			return 1;
	}
	return 0;
}

/* The hour END_MS anew; its means too, where it IS_TOUCHED by what came late. */
static int revise_hour(struct indices *indices, struct index_place *place, int64_t end_ms,
	bool is_touched)
{
	struct store *store = indices->settings.store;
	struct reading_late late = { .indices = indices };
	uint16_t marks = REPORT_REVISED | REPORT_BACKFILLED;
	bool indicative = place->indicative;
	struct air_hours hours, fresh;
	struct report report;

	if (air_read_hours(store, place->station, end_ms, &hours) < 0)
		return -1;
	air_hours_clear(&fresh);
	int got = air_read_minutes(store, place->station, false,
		end_ms - AIR_BEFORE * hour_ms, end_ms, take_late, &late);
	take_means(indices, &late.air, &fresh, end_ms, &indicative);
	air_station_free(&late.air);
	if (got < 0)
		return -1;
	/* What is late only adds: a mean whose minutes are gone by now stays. */
	for (size_t p = 0; is_touched && p < AIR_POLLUTANTS; p++)
		if (!isnan(fresh.means[p][0]))
			hours.means[p][0] = fresh.means[p][0];
	fill_report(indices, place, &hours, marks | (indicative ? REPORT_INDICATIVE : 0),
		&report);
	int news = says_news(indices, &report);
	return news > 0 ? keep(indices, place, &report) : news;
}

static int revise_place(struct indices *indices, struct index_place *place)
{
	struct store *store = indices->settings.store;
	int64_t last_ms = place->late_to_ms + (AIR_HOURS - 1) * hour_ms;

	for (int64_t end_ms = place->late_from_ms;
		end_ms <= last_ms && end_ms <= indices->made_ms; end_ms += hour_ms)
		if (revise_hour(indices, place, end_ms, end_ms <= place->late_to_ms) < 0)
			return -1;
	place->late_from_ms = place->late_to_ms = 0;
	int64_t kept[] = { 0, 0 };
	if (find_source(indices, place) < 0 ||
		store_state_set(store, place->source, late_state, kept, sizeof kept) < 0)
		return -1;
	return read_hours(indices, place);
}

static int revise(struct indices *indices, int64_t now_ms)
{
	/* Farther away than it can be: the clock was set back. */
	if (now_ms < indices->revise_ms && indices->revise_ms - now_ms <= revise_every_ms)
		return 0;
	indices->revise_ms = now_ms + revise_every_ms;
	for (size_t i = 0; i < indices->places.count; i++)
		if (indices->places.places[i]->late_from_ms > 0 &&
			revise_place(indices, indices->places.places[i]) < 0)
			return -1;
	return 0;
}

static void take_late_state(void *arg, const void *bytes, size_t length)
{
	struct index_place *place = arg;
	int64_t kept[2];

	if (length != sizeof kept)
		return;
	memcpy(kept, bytes, sizeof kept);
	place->late_from_ms = kept[0];
	place->late_to_ms = kept[1];
}

static void open_late(void *arg, const char *station, const char *sensor)
{
	struct indices *indices = arg;

	(void)sensor;
	find_place(indices, station);
}

/* What waited to be revised when the process ended. */
static int read_late(struct indices *indices)
{
	struct store *store = indices->settings.store;

	if (store_join(store) < 0 ||
		store_state_sources(store, late_state, open_late, indices) < 0)
		return -1;
	for (size_t i = 0; i < indices->places.count; i++) {
		struct index_place *place = indices->places.places[i];
		if (find_source(indices, place) < 0 ||
			store_state_get(store, place->source, late_state, take_late_state,
				place) < 0)
			return -1;
	}
	return 0;
}

/* --- beginning, and the clock --------------------------------------------------------
 */

struct indices *indices_new(const struct indices_settings *settings)
{
	struct indices *indices = calloc(1, sizeof *indices);

	if (!indices) {
		log_error("out of memory");
		return NULL;
	}
	indices->settings = *settings;
	indices->rules = air_rules_of(settings->config);
	if (!settings->store)
		return indices;
	indices->reads = true;
	indices->made_ms = store_mark(settings->store, STORE_INDEX_MS);
	if (read_late(indices) < 0) {
		log_error("%s", store_error(settings->store));
		indices_free(indices);
		return NULL;
	}
	return indices;
}

void indices_free(struct indices *indices)
{
	if (!indices)
		return;
	index_places_free(&indices->places);
	free(indices);
}

int indices_begin_anew(struct indices *indices, int64_t now_ms)
{
	int64_t over_ms = over_by(now_ms);

	if (!indices->settings.store)
		return 0;
	index_places_free(&indices->places);
	indices->reads = true;
	if (indices->made_ms > over_ms)
		indices->made_ms = over_ms;
	return read_late(indices);
}

bool indices_are_due(const struct indices *indices, int64_t now_ms)
{
	return indices->made_ms > 0 && clock_is_set() &&
		now_ms - INDICES_GRACE_MS >= indices->made_ms + hour_ms;
}

int indices_make(struct indices *indices, int64_t now_ms)
{
	struct store *store = indices->settings.store;
	int64_t over_ms = over_by(now_ms - INDICES_GRACE_MS);

	if (!clock_is_set())
		return 0;
	/* A store that is new to indices has the last day's hours all the same. */
	if (indices->made_ms == 0)
		indices->made_ms = over_ms - AIR_HOURS * hour_ms;
	if (indices->reads && read_open(indices, over_ms) < 0)
		return -1;
	if (over_ms > indices->made_ms) {
		if (close_hours(indices, over_ms) < 0)
			return -1;
		if (store && store_set_mark(store, STORE_INDEX_MS, indices->made_ms) < 0)
			return -1;
	}
	return store ? revise(indices, now_ms) : 0;
}
