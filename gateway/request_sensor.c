/* The control socket's request about one sensor: see gateway/requests.h. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "gateway/requests.h"

/* What is asked; the strings are the JSON's. */
struct wish {
	const char *name, *station, *author; /* NULL: not said */
	int64_t for_ms;                      /* -1: not said */
};

static const char *text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static bool is_name(const char *text)
{
	return text && name_is_valid(text, strlen(text));
}

/* NULL, or what is wrong with it. */
static const char *read_wish(const cJSON *object, struct wish *wish)
{
	const cJSON *for_ms = cJSON_GetObjectItemCaseSensitive(object, "for_ms");

	*wish = (struct wish){
		.name = text_of(object, "name"),
		.station = text_of(object, "station"),
		.author = text_of(object, "author"),
		.for_ms = -1,
	};
	if (!is_name(wish->name))
		return "the name is none";
	if (wish->station && !is_name(wish->station))
		return "the station's name is none";
	if (!for_ms)
		return NULL;
	if (!is_name(wish->author))
		return "the author's name is none";
	if (!cJSON_IsNumber(for_ms) || !(for_ms->valuedouble >= 0) ||
		for_ms->valuedouble > CALIBRATING_MAX_MS ||
		(for_ms->valuedouble > 0 && for_ms->valuedouble < CALIBRATING_MIN_MS))
		return "the time is not between 1 s and 7 days";
	wish->for_ms = (int64_t)for_ms->valuedouble;
	return NULL;
}

static const char *set(
	const struct requests *requests, struct store *store, const struct wish *wish)
{
	int64_t now_ms = clock_wall_ms();
	struct calibrating_span span = {
		.since_ms = now_ms,
		.until_ms = now_ms + wish->for_ms,
	};
	char until[CLOCK_TEXT_SIZE];

	/* By a clock that is going to be set it would be over at once, or never. */
	if (wish->for_ms > 0 && !clock_is_set())
		return "the clock is not set yet: its end cannot be told";
	snprintf(span.sensor, sizeof span.sensor, "%s", wish->name);
	snprintf(span.station, sizeof span.station, "%s",
		wish->station ? wish->station : "");
	snprintf(span.author, sizeof span.author, "%s", wish->author);
	/* On disk first: what is answered holds after a crash. */
	if (calibrating_keep(store, &span) < 0)
		return store_error(store);
	if (!calibrating_set(requests->calibrating, &span))
		return "too many are being calibrated";
	clock_format(until, span.until_ms, VIEW_OFFSET_MINUTES);
	if (wish->for_ms > 0)
		log_notice("sensor %s%s%s: being calibrated by %s until %s", span.sensor,
			*span.station ? " at " : "", span.station, span.author, until);
	else
		log_notice("sensor %s%s%s: measures again, says %s", span.sensor,
			*span.station ? " at " : "", span.station, span.author);
	return NULL;
}

static void answer(const struct requests *requests, const struct sensor_common *common,
	const struct wish *wish, struct buffer *out)
{
	struct json json;

	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "name", wish->name);
	view_put_calibrations(requests->view, wish->name, common, &json);
	json_end_object(&json);
}

/*
 * Stations of nodes, and sensors that name themselves, are known by their reports: a name
 * that is mistyped must not seem to have had an effect.
 */
static bool is_known(const struct requests *requests, struct store *store,
	const struct sensor_common *common, const struct wish *wish)
{
	const char *own = common && *common->station ? common->station
						     : requests->config->station.id;

	if (common && (!wish->station || strcmp(wish->station, own) == 0))
		return true;
	return calibrating_knows(store, wish->station, wish->name);
}

static void treat_wish(
	const struct requests *requests, const struct wish *wish, struct buffer *out)
{
	const struct sensor_common *common =
		sensors_common(&requests->config->sensors, wish->name);
	const char *wrong = NULL;
	char why[256];
	struct store *store =
		store_open(requests->config->store.path, STORE_CLIENT, why, sizeof why);

	if (!store) {
		requests_error(out, why);
		return;
	}
	if (!is_known(requests, store, common, wish))
		wrong = wish->station ? "there is no such sensor at this station"
				      : "there is no such sensor";
	else if (wish->for_ms >= 0)
		wrong = set(requests, store, wish);
	if (wrong)
		requests_error(out, wrong);
	else
		answer(requests, common, wish, out);
	store_close(store);
}

void request_sensor(const struct requests *requests, const char *json, struct buffer *out)
{
	cJSON *object = cJSON_Parse(json);
	struct wish wish;
	const char *wrong = cJSON_IsObject(object) ? read_wish(object, &wish)
						   : "the request is not understood";

	if (wrong)
		requests_error(out, wrong);
	else
		treat_wish(requests, &wish, out);
	cJSON_Delete(object);
}
