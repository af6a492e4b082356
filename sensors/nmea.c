/*
 * Weather instruments that speak NMEA 0183: MDA, MWV and XDR. 4800 8N1 as a rule.
 *
 *   $WIMDA,29.8578,I,1.0111,B,26.1,C,,,16.1,,-1.6,C,0.0,T,1.4,M,0.0,N,0.0,M*7C
 *
 *    1  pressure, inHg         2  I        11  dew point, °C       12  C
 *    3  pressure, bar          4  B        13  wind from, true     14  T
 *    5  air, °C                6  C        15  wind from, magnetic 16  M
 *    7  water, °C              8  C        17  wind, knots         18  N
 *    9  relative humidity, %              19  wind, m/s           20  M
 *   10  absolute humidity
 *
 *   $WIMWV,181.1,R,0.3,N,A*29      angle, R relative or T true, speed, unit, A valid
 *   $WIXDR,C,23.3,C,0,H,50.1,P,0*hh   groups of type, value, unit, identity
 *
 * Behind the star stands the exclusive or of all between $ and *, as hex. Empty fields
 * are normal, so are blanks around them and missing ones at the end. Other
 * sentences are passed over.
 *
 * MWV's angle counts from the instrument's mark, which on a mast points north
 * (`north` says by how much it does not). XDR's identities are the maker's; without
 * `transducers` they are taken as a Vaisala WXT with address 0 numbers them.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/metric.h"
#include "core/number.h"
#include "sensors/line.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/unit.h"

enum {
	SENTENCE_MAX = 200, /* 82 by the standard, which few keep */
	FIELDS_MAX = 64,
	NAME_LENGTH = 5, /* WIMDA */
	MDA_INHG = 1,
	MDA_BAR = 3,
	MDA_AIR = 5,
	MDA_HUMIDITY = 9,
	MDA_DIRECTION = 13,
	MDA_KNOTS = 17,
	MDA_MS = 19,
	BAR_DECIMALS = 4, /* with fewer, bar is coarser than 0.1 hPa */
};

enum nmea_reference { NMEA_RELATIVE, NMEA_TRUE };

struct nmea_transducer {
	const struct metric *metric;
	const char *type; /* one letter */
	const char *id;
};

struct nmea_options {
	struct serial_options serial; /* first: see stream.h */
	bool checksum;                /* refuse sentences without */
	struct option_strings sentences;
	int mwv;                        /* enum nmea_reference */
	double north;                   /* ° added to MWV's angle */
	struct option_list transducers; /* struct nmea_transducer */
};

/* A sentence, cut into fields; 0 is the name. */
struct sentence {
	size_t count;
	struct span fields[FIELDS_MAX];
};

static const struct span nothing = { "", 0 };

static struct span field_at(const struct sentence *sentence, size_t index)
{
	return index < sentence->count ? sentence->fields[index] : nothing;
}

/* --- units ---------------------------------------------------------------------- */

static const struct nmea_unit {
	char type; /* of XDR's transducers */
	char letter;
	int unit; /* enum unit */
} units[] = {
	{ 'A', 'D', UNIT_SAME },
	{ 'C', 'C', UNIT_SAME },
	{ 'C', 'F', UNIT_DEGF },
	{ 'C', 'K', UNIT_KELVIN },
	{ 'H', 'P', UNIT_SAME },
	{ 'P', 'B', UNIT_BAR },
	{ 'P', 'P', UNIT_PA },
	{ 'P', 'H', UNIT_SAME },
	{ 'P', 'I', UNIT_INHG },
	{ 'P', 'M', UNIT_MMHG },
	{ 'S', 'M', UNIT_SAME },
	{ 'S', 'K', UNIT_KMH },
	{ 'S', 'N', UNIT_KNOTS },
	{ 'S', 'S', UNIT_MPH },
	{ 'V', 'M', UNIT_SAME },
	{ 'V', 'I', UNIT_INCHES },
	{ 'R', 'M', UNIT_SAME },
	{ 'R', 'I', UNIT_IPH },
	{ 'U', 'V', UNIT_SAME },
};

static const struct nmea_unit *find_unit(char type, struct span letter)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].type == type && letter.length == 1 &&
			units[i].letter == letter.at[0])
			return &units[i];
	return NULL;
}

/* Adds METRIC of fields INDEX and INDEX + 1, if there is a value. */
static enum sensor_result take(const struct sentence *sentence, size_t index, char type,
	uint16_t metric, struct report *report)
{
	struct span value = field_at(sentence, index);
	struct span letter = field_at(sentence, index + 1);
	const struct nmea_unit *unit = find_unit(type, letter);
	double number;

	if (value.length == 0)
		return SENSOR_OK;
	if (unit == NULL || !span_number(value, &number))
		return SENSOR_BAD_SYNTAX;
	if (report_find(report, metric) != NULL)
		return SENSOR_OK;
	report_add(report, metric, unit_convert(unit->unit, number));
	return SENSOR_OK;
}

/* --- MDA -------------------------------------------------------------------------- */

static size_t decimals_of(struct span number)
{
	const char *point =
		number.length > 0 ? memchr(number.at, '.', number.length) : NULL;

	return point == NULL ? 0 : number.length - (size_t)(point - number.at) - 1;
}

/* Both units stand there; the finer one is taken, to a tenth. */
static enum sensor_result take_pressure(
	const struct sentence *sentence, struct report *report)
{
	struct span bar = field_at(sentence, MDA_BAR);
	struct span inhg = field_at(sentence, MDA_INHG);
	double number;

	if (bar.length > 0 && (decimals_of(bar) >= BAR_DECIMALS || inhg.length == 0))
		return take(sentence, MDA_BAR, 'P', METRIC_PRESSURE, report);
	if (inhg.length == 0)
		return SENSOR_OK;
	if (!span_number(inhg, &number))
		return SENSOR_BAD_SYNTAX;
	number = nearbyint(unit_convert(UNIT_INHG, number) * 10) / 10;
	report_add(report, METRIC_PRESSURE, number);
	return SENSOR_OK;
}

static enum sensor_result take_humidity(
	const struct sentence *sentence, struct report *report)
{
	struct span value = field_at(sentence, MDA_HUMIDITY);
	double number;

	if (value.length == 0)
		return SENSOR_OK;
	if (!span_number(value, &number))
		return SENSOR_BAD_SYNTAX;
	report_add(report, METRIC_HUMIDITY, number);
	return SENSOR_OK;
}

static enum sensor_result take_direction(
	struct span value, double add, struct report *report)
{
	double number;

	if (value.length == 0)
		return SENSOR_OK;
	if (!span_number(value, &number) || fabs(number) > 360)
		return SENSOR_BAD_SYNTAX;
	if (add != 0)
		number = number_round(fmod(number + add + 720, 360), 9);
	report_add(report, METRIC_WIND_DIRECTION, number);
	return SENSOR_OK;
}

static enum sensor_result take_mda(const struct nmea_options *options,
	const struct sentence *sentence, struct report *report)
{
	enum sensor_result results[6];

	(void)options;
	results[0] = take_pressure(sentence, report);
	results[1] = take(sentence, MDA_AIR, 'C', METRIC_TEMPERATURE, report);
	results[2] = take_humidity(sentence, report);
	results[3] = take_direction(field_at(sentence, MDA_DIRECTION), 0, report);
	results[4] = take(sentence, MDA_MS, 'S', METRIC_WIND_SPEED, report);
	results[5] = take(sentence, MDA_KNOTS, 'S', METRIC_WIND_SPEED, report);
	for (size_t i = 0; i < 6; i++)
		if (results[i] != SENSOR_OK)
			return results[i];
	return SENSOR_OK;
}

/* --- MWV and XDR ------------------------------------------------------------------ */

static enum sensor_result take_mwv(const struct nmea_options *options,
	const struct sentence *sentence, struct report *report)
{
	bool wants_true = options != NULL && options->mwv == NMEA_TRUE;
	double north = options != NULL ? options->north : 0;
	enum sensor_result result;

	if (!span_is(field_at(sentence, 2), wants_true ? "T" : "R"))
		return SENSOR_OK; /* the other one; nothing is added */
	if (!span_is(field_at(sentence, 5), "A"))
		return SENSOR_DEVICE_ERROR;
	result = take_direction(field_at(sentence, 1), north, report);
	if (result != SENSOR_OK)
		return result;
	return take(sentence, 3, 'S', METRIC_WIND_SPEED, report);
}

static const struct {
	char type;
	const char *id;
	uint16_t metric;
} wxt_transducers[] = {
	{ 'A', "1", METRIC_WIND_DIRECTION },
	{ 'S', "1", METRIC_WIND_SPEED },
	{ 'S', "2", METRIC_WIND_GUST },
	{ 'C', "0", METRIC_TEMPERATURE },
	{ 'H', "0", METRIC_HUMIDITY },
	{ 'P', "0", METRIC_PRESSURE },
	{ 'V', "0", METRIC_RAIN_TOTAL },
	{ 'R', "0", METRIC_RAIN_RATE },
	{ 'U', "1", METRIC_BATTERY },
};

/* The metric of a transducer; METRIC_NONE: it is not wanted. */
static uint16_t find_transducer(
	const struct nmea_options *options, struct span type, struct span id)
{
	size_t count = options != NULL ? options->transducers.count : 0;
	const struct nmea_transducer *rows =
		count > 0 ? options->transducers.items : NULL;

	for (size_t i = 0; i < count; i++)
		if (span_is(type, rows[i].type) && span_is(id, rows[i].id))
			return rows[i].metric->id;
	for (size_t i = 0;
		count == 0 && i < sizeof(wxt_transducers) / sizeof(wxt_transducers[0]);
		i++)
		if (type.length == 1 && type.at[0] == wxt_transducers[i].type &&
			span_is(id, wxt_transducers[i].id))
			return wxt_transducers[i].metric;
	return METRIC_NONE;
}

static enum sensor_result take_xdr(const struct nmea_options *options,
	const struct sentence *sentence, struct report *report)
{
	for (size_t i = 1; i + 3 < sentence->count; i += 4) {
		struct span type = field_at(sentence, i);
		uint16_t metric =
			find_transducer(options, type, field_at(sentence, i + 3));
		enum sensor_result result;

		/* # in the unit's place: the WXT has no valid value. */
		if (metric == METRIC_NONE || type.length != 1 ||
			span_is(field_at(sentence, i + 2), "#"))
			continue;
		result = take(sentence, i + 1, type.at[0], metric, report);
		if (result != SENSOR_OK)
			return result;
	}
	return SENSOR_OK;
}

/* --- sentences -----------------------------------------------------------------------
 */

static ssize_t nmea_frame(const uint8_t *bytes, size_t length)
{
	ssize_t line;

	if (bytes[0] != '$')
		return -1;
	line = line_frame(bytes, length, SENTENCE_MAX);
	if (line < 0)
		return -1;
	/* Another $ before the end: this one was cut. */
	if (length > 1 &&
		memchr(bytes + 1, '$', (line > 0 ? (size_t)line : length) - 1) != NULL)
		return -1;
	return line;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes "*hh" off the end of BODY. */
static enum sensor_result take_checksum(struct span *body, bool is_needed)
{
	const char *star = memchr(body->at, '*', body->length);
	unsigned sum = 0;
	int high, low;

	if (star == NULL)
		return is_needed ? SENSOR_BAD_CHECKSUM : SENSOR_OK;
	if (star + 3 != body->at + body->length)
		return SENSOR_BAD_CHECKSUM;
	high = hex_digit(star[1]);
	low = hex_digit(star[2]);
	for (const char *at = body->at; at < star; at++)
		sum ^= (uint8_t)*at;
	if (high < 0 || low < 0 || sum != (unsigned)(high << 4 | low))
		return SENSOR_BAD_CHECKSUM;
	body->length = (size_t)(star - body->at);
	return SENSOR_OK;
}

static bool is_wanted(const struct nmea_options *options, const char *name)
{
	if (options == NULL || options->sentences.count == 0)
		return true;
	for (size_t i = 0; i < options->sentences.count; i++)
		if (strcmp(options->sentences.values[i], name) == 0)
			return true;
	return false;
}

static const struct {
	const char *name; /* without the talker */
	enum sensor_result (*take)(const struct nmea_options *options,
		const struct sentence *sentence, struct report *report);
} sentences[] = {
	{ "MDA", take_mda },
	{ "MWV", take_mwv },
	{ "XDR", take_xdr },
};

static enum sensor_result nmea_decode(
	const void *opaque, const uint8_t *frame, size_t length, struct report *report)
{
	const struct nmea_options *options = opaque;
	struct span body = line_body(frame, length);
	struct sentence sentence = { .count = 0 };
	enum sensor_result result;
	struct span field;

	if (body.length < 1 + NAME_LENGTH)
		return SENSOR_BAD_LENGTH;
	if (body.at[0] != '$')
		return SENSOR_BAD_SYNC;
	body.at++;
	body.length--;
	result = take_checksum(&body, options == NULL || options->checksum);
	if (result != SENSOR_OK)
		return result;
	while (sentence.count < FIELDS_MAX && span_split(&body, ',', &field))
		sentence.fields[sentence.count++] = span_trim(field);
	if (sentence.fields[0].length != NAME_LENGTH)
		return SENSOR_IGNORED; /* a proprietary one */
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		if (memcmp(sentence.fields[0].at + 2, sentences[i].name, 3) != 0)
			continue;
		if (!is_wanted(options, sentences[i].name))
			return SENSOR_IGNORED;
		result = sentences[i].take(options, &sentence, report);
		if (result != SENSOR_OK)
			return result;
		return report->count > 0 ? SENSOR_OK : SENSOR_IGNORED;
	}
	return SENSOR_IGNORED;
}

/* --- options ---------------------------------------------------------------------------
 */

static const char *const reference_names[] = { "relative", "true", NULL };

static const struct option transducer_table[] = {
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct nmea_transducer, metric),
		.required = true,
		.help = "What the transducer measures.",
	},
	{
		.name = "type",
		.type = OPTION_STRING,
		.offset = offsetof(struct nmea_transducer, type),
		.required = true,
		.min = 1,
		.max = 1,
		.help = "Its type in XDR: C temperature, H humidity, P pressure, …",
	},
	{
		.name = "id",
		.type = OPTION_STRING,
		.offset = offsetof(struct nmea_transducer, id),
		.fallback = "",
		.max = 20,
		.help = "Its identity in XDR.",
	},
	{ .name = NULL },
};

static const struct option_group transducer_group = {
	.name = "transducer",
	.options = transducer_table,
	.size = sizeof(struct nmea_transducer),
};

static const struct option nmea_table[] = {
	SERIAL_OPTIONS(struct nmea_options, serial, "4800", "none"),
	{
		.name = "checksum",
		.type = OPTION_BOOL,
		.offset = offsetof(struct nmea_options, checksum),
		.fallback = "true",
		.help = "Refuse sentences that have no checksum.",
	},
	{
		.name = "sentences",
		.type = OPTION_STRINGS,
		.offset = offsetof(struct nmea_options, sentences),
		.help = "Which sentences count, of MDA, MWV and XDR; none: all.",
	},
	{
		.name = "mwv",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct nmea_options, mwv),
		.fallback = "relative",
		.choices = reference_names,
		.help = "Which of MWV's winds is taken, R or T.",
	},
	{
		.name = "north",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct nmea_options, north),
		.fallback = "0.0",
		.min = -360,
		.max = 360,
		.unit = "°",
		.help = "Where the instrument's mark points; added to MWV's angle.",
	},
	{
		.name = "transducers",
		.type = OPTION_LIST,
		.offset = offsetof(struct nmea_options, transducers),
		.group = &transducer_group,
		.help = "What XDR's transducers measure; none: as a Vaisala WXT numbers them.",
	},
	{ .name = NULL },
};

static void nmea_check(const void *values, const struct config_place *place)
{
	const struct nmea_options *options = values;

	serial_check(values, place);
	for (size_t i = 0; i < options->sentences.count; i++) {
		const char *name = options->sentences.values[i];

		if (strcmp(name, "MDA") != 0 && strcmp(name, "MWV") != 0 &&
			strcmp(name, "XDR") != 0)
			config_error(place, "sentences",
				"\"%.10s\" is not one of MDA, MWV, XDR", name);
	}
}

const struct sensor_driver sensor_nmea = {
	.kind = {
		.name = "nmea",
		.summary = "weather instruments that speak NMEA 0183: MDA, MWV, XDR",
		.group = {
			.name = "sensor",
			.options = nmea_table,
			.size = sizeof(struct nmea_options),
			.check = nmea_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = nmea_frame,
	.frame_max = SENTENCE_MAX,
	.decode = nmea_decode,
	.is_text = true,
	.simulation = &simulation_nmea,
};
