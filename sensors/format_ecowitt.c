/*
 * Ecowitt and Fine Offset: a form, by HTTP or in an MQTT message.
 *
 *   PASSKEY=…&dateutc=2026-03-10+20:01:02&tempf=48.0&humidity=42&baromabsin=28.762&
 *   windspeedmph=1.57&rainratein=0.000&totalrainin=1.079&pm25_ch1=7.0&…
 *
 * °F, inHg, mph, inches; firmware may be set to metric names. What is in the house
 * (tempinf, humidityin) is left out; the barometer is there too, but pressure is the
 * same: baromabsin is the air's, baromrelin is reduced to the sea. Only total and yearly
 * rain are counters; the others go back at midnight, or roll. A value may be empty.
 * dateutc is UTC, or "now". PASSKEY is as good as a password: it is not looked at.
 */
#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "core/number.h"
#include "sensors/payload.h"

enum { PAIRS_MAX = 300, VALUE_SIZE = 64 };

#define INCH 25.4
#define MPH  0.44704
#define KMH  (1 / 3.6)
#define INHG 33.8638867

/* Of those for one metric the first that is there counts, as they stand here. */
static const struct payload_key keys[] = {
	{ "tempf", METRIC_TEMPERATURE, 1 / 1.8, -32 / 1.8 },
	{ "tempc", METRIC_TEMPERATURE, 1, 0 },
	{ "humidity", METRIC_HUMIDITY, 1, 0 },
	{ "baromabsin", METRIC_PRESSURE, INHG, 0 },
	{ "baromabshpa", METRIC_PRESSURE, 1, 0 },
	{ "winddir", METRIC_WIND_DIRECTION, 1, 0 },
	{ "windspeedmph", METRIC_WIND_SPEED, MPH, 0 },
	{ "windspeedms", METRIC_WIND_SPEED, 1, 0 },
	{ "windspeedkmh", METRIC_WIND_SPEED, KMH, 0 },
	{ "windgustmph", METRIC_WIND_GUST, MPH, 0 },
	{ "windgustms", METRIC_WIND_GUST, 1, 0 },
	{ "windgustkmh", METRIC_WIND_GUST, KMH, 0 },
	{ "solarradiation", METRIC_SOLAR, 1, 0 },
	{ "rainratein", METRIC_RAIN_RATE, INCH, 0 },
	{ "rainratemm", METRIC_RAIN_RATE, 1, 0 },
	{ "rrain_piezo", METRIC_RAIN_RATE, INCH, 0 },
	{ "totalrainin", METRIC_RAIN_TOTAL, INCH, 0 },
	{ "totalrainmm", METRIC_RAIN_TOTAL, 1, 0 },
	{ "yearlyrainin", METRIC_RAIN_TOTAL, INCH, 0 },
	{ "yearlyrainmm", METRIC_RAIN_TOTAL, 1, 0 },
	{ "yrain_piezo", METRIC_RAIN_TOTAL, INCH, 0 },
	{ "pm25_ch1", METRIC_PM25, 1, 0 },
	{ "pm25_co2", METRIC_PM25, 1, 0 },
	{ "pm10_co2", METRIC_PM10, 1, 0 },
	{ "co2", METRIC_CO2, 1, 0 },
	{ .key = NULL },
};

struct form {
	const char *at, *end;
	const char *key;
	size_t key_length;
	char value[VALUE_SIZE]; /* decoded */
	bool is_valid;          /* the value has no damaged escape, and fits */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_value(const char *at, size_t length, char value[static VALUE_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		char c = at[i] == '+' ? ' ' : at[i];
		if (c == '%') {
			int high = i + 2 < length ? hex_digit(at[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(at[i + 2]) : -1;
			if (low < 0 || (high == 0 && low == 0))
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (used == VALUE_SIZE - 1)
			return false;
		value[used++] = c;
	}
	value[used] = '\0';
	return true;
}

static bool next_pair(struct form *form)
{
	if (form->at >= form->end)
		return false;
	const char *stop = memchr(form->at, '&', (size_t)(form->end - form->at));
	stop = stop ? stop : form->end;
	const char *equals = memchr(form->at, '=', (size_t)(stop - form->at));

	form->key = form->at;
	form->key_length = (size_t)((equals ? equals : stop) - form->at);
	form->is_valid = equals &&
		decode_value(equals + 1, (size_t)(stop - equals - 1), form->value);
	form->at = stop + 1;
	return true;
}

/* "2026-03-10 20:01:02"; "now" means what it says. */
static void stamp(struct report *report, const char *dateutc)
{
	if (strlen(dateutc) == 19 && dateutc[10] == ' ')
		payload_stamp_text(report, dateutc, "Z");
}

/* The numbers found for KEYS, by their row, and those for the user's fields. */
struct found {
	bool is_there[sizeof keys / sizeof *keys];
	double values[sizeof keys / sizeof *keys];
};

static enum sensor_result take_pair(const struct payload_options *options,
	const struct form *form, struct found *found, struct report *report)
{
	const struct payload_key *key =
		payload_key_find(keys, form->key, form->key_length);
	const struct payload_field *field =
		payload_field_named(options, form->key, form->key_length);
	double value;

	if ((!key && !field) || (form->is_valid && !*form->value))
		return SENSOR_OK; /* nothing of ours; or no value */
	if (!form->is_valid || !number_parse(form->value, strlen(form->value), &value))
		return SENSOR_BAD_VALUE;
	if (field) {
		struct payload_key own = { .metric = field->metric->id,
			.scale = field->scale,
			.offset = field->offset };
		return payload_add(report, &own, value) ? SENSOR_OK : SENSOR_BAD_VALUE;
	}
	if (!found->is_there[key - keys]) {
		found->is_there[key - keys] = true;
		found->values[key - keys] = value;
	}
	return SENSOR_OK;
}

static enum sensor_result decode_ecowitt(const struct payload_options *options,
	void *session, const struct payload *payload, const struct payload_sink *sink)
{
	const char *text = (const char *)payload->bytes;
	struct form form = { .at = text, .end = text + payload->length };
	enum sensor_result result = SENSOR_OK;
	struct found found = { .is_there = { false } };
	struct report report;
	int pairs = 0;

	(void)session;
	while (form.end > form.at && memchr(" \t\r\n", form.end[-1], 4))
		form.end--;
	if (!memchr(text, '=', payload->length))
		return SENSOR_BAD_SYNTAX;
	report_init(&report);
	while (next_pair(&form)) {
		if (++pairs > PAIRS_MAX)
			return SENSOR_TOO_LARGE;
		if (form.key_length == 7 && memcmp(form.key, "dateutc", 7) == 0) {
			if (form.is_valid)
				stamp(&report, form.value);
			continue;
		}
		enum sensor_result one = take_pair(options, &form, &found, &report);
		if (one != SENSOR_OK)
			result = one;
	}
	for (size_t i = 0; keys[i].key; i++)
		if (found.is_there[i] && !payload_add(&report, &keys[i], found.values[i]))
			result = SENSOR_BAD_VALUE;
	if (report.count > 0)
		sink->report(sink->arg, &report);
	else if (result == SENSOR_OK)
		result = SENSOR_MISSING_FIELD;
	return result;
}

extern const struct payload_format format_ecowitt;
const struct payload_format format_ecowitt = {
	.name = "ecowitt",
	.summary = "Ecowitt and Fine Offset: a form in °F, mph and inches, or metric.",
	.decode = decode_ecowitt,
};
