/*
 * OTT Pluvio² S and L: weighing rain gauges, on RS-485 in ASCII command line mode
 * ("ASCII text"), 9600 8N1. (In SDI-12 mode it is read by the sdi12 driver.)
 *
 *   > M;<CR>      the character behind M separates the answer's values
 *   < +1.200;+0.100;+0.100;+123.450;+98.700;+98.650;+27.4;+0;+0
 *
 *   1  intensity RT        mm/h (or mm/min, in/h, in/min, as set in the device)
 *   2  accu RT-NRT         since the last M: not taken, a lost answer would lose rain
 *   3  accu NRT            the same
 *   4  accu total NRT      counts on, from 500.000 mm (19.685 in) to 0 again: taken
 *   5  bucket RT           what is in the bucket; ±10 mm about zero when empty
 *   6  bucket NRT
 *   7  load cell's temperature (not the air's)
 *   8  heater status
 *   9  status: 1 bucket 80 % full, 2 USB, 4 power was gone, 8 restarted, 16 weight
 * jumped, 32 supply low, 64 unstable, 128 incorrect, 256 below its minimum, 512 above its
 *      maximum, 1024 not calibrated
 *
 *   > RPT<CR>     the last answer again, without a new measurement
 *
 * An answer that is not exactly nine numbers in their ranges was damaged on the way,
 * and is asked for again by RPT. From 16 on (but 32), a status means that the weight
 * cannot be trusted: the values are kept with the status "fault".
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/ask.h"
#include "sensors/line.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/unit.h"

enum {
	ANSWER_MAX = 160,
	VALUE_COUNT = 9,
	INTENSITY = 0,
	TOTAL = 3,
	STATUS = 8,
	STATUS_UNTRUSTED = 16 | 64 | 128 | 256 | 512 | 1024,
	REPEATS_MAX = 3,
	BETWEEN_MS = 50, /* two requests */
};

enum pluvio_units { PLUVIO_MM_H, PLUVIO_MM_MIN, PLUVIO_IN_H, PLUVIO_IN_MIN };

struct pluvio_options {
	struct serial_options serial; /* first: see stream.h */
	struct ask_options ask;
	int units; /* enum pluvio_units */
};

enum pluvio_phase { PLUVIO_MEASURE, PLUVIO_JUDGE };

struct pluvio_session {
	unsigned phase; /* enum pluvio_phase: what the next turn is for */
	unsigned repeats;
};

static ssize_t pluvio_frame(const uint8_t *bytes, size_t length)
{
	return line_frame_any(bytes, length, ANSWER_MAX);
}

/* Ranges in millimetres and millimetres per hour, which hold for inches too. */
static const struct {
	double min, max;
	bool is_whole;
} ranges[VALUE_COUNT] = {
	{ 0, 3000, false },
	{ 0, 500, false },
	{ 0, 500, false },
	{ 0, 500, false },
	{ -20, 2000, false },
	{ -20, 2000, false },
	{ -60, 200, false }, /* °C or °F */
	{ 0, 255, true },
	{ 0, 4095, true },
};

/* Is LINE nothing but the values? */
static bool read_values(struct span line, double values[static VALUE_COUNT])
{
	struct span field;
	size_t count = 0;

	while (span_split(&line, ';', &field)) {
		if (count >= VALUE_COUNT ||
			!span_number(span_trim(field), &values[count]))
			return false;
		if (values[count] < ranges[count].min ||
			values[count] > ranges[count].max)
			return false;
		if (ranges[count].is_whole && values[count] != floor(values[count]))
			return false;
		count++;
	}
	return count == VALUE_COUNT;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Finds the values at the end of LINE. Before them may be noise without a digit, or
 * an answer that was cut, which a sign ends; the rest of a damaged number is not taken
 * for a whole one.
 */
static bool find_values(struct span line, double values[static VALUE_COUNT])
{
	bool is_noise = true;

	for (size_t at = 0; at + 1 < line.length; at++) {
		struct span rest = { line.at + at, line.length - at };
		bool is_signed =
			(rest.at[0] == '+' || rest.at[0] == '-') && is_digit(rest.at[1]);

		if (!is_noise && !is_signed)
			continue;
		if (read_values(rest, values))
			return true;
		is_noise &= !is_digit(rest.at[0]) && rest.at[0] != '.';
	}
	return false;
}

static enum sensor_result pluvio_decode(
	const void *opaque, const uint8_t *frame, size_t length, struct report *report)
{
	static const struct {
		int intensity, total; /* enum unit */
	} units[] = {
		[PLUVIO_MM_H] = { UNIT_SAME, UNIT_SAME },
		[PLUVIO_MM_MIN] = { UNIT_MM_PER_MIN, UNIT_SAME },
		[PLUVIO_IN_H] = { UNIT_IPH, UNIT_INCHES },
		[PLUVIO_IN_MIN] = { UNIT_INCHES_PER_MIN, UNIT_INCHES },
	};
	const struct pluvio_options *options = opaque;
	int set = options != NULL ? options->units : PLUVIO_MM_H;
	struct span line = line_body(frame, length);
	double values[VALUE_COUNT];

	if (line.length == 0)
		return SENSOR_IGNORED;
	if (span_is(line, "M;") || span_is(line, "RPT"))
		return SENSOR_IGNORED; /* our own words, on two wires */
	if (!find_values(line, values))
		return SENSOR_BAD_SYNTAX;
	report_add(
		report, METRIC_RAIN_TOTAL, unit_convert(units[set].total, values[TOTAL]));
	report_add(report, METRIC_RAIN_RATE,
		unit_convert(units[set].intensity, values[INTENSITY]));
	if ((unsigned)values[STATUS] & STATUS_UNTRUSTED)
		report->status = STATUS_FAULT;
	return SENSOR_OK;
}

static struct sensor_turn pluvio_turn(const void *opaque, void *opaque_session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct pluvio_options *options = opaque;
	struct pluvio_session *session = opaque_session;

	if (session->phase == PLUVIO_MEASURE) {
		session->phase = PLUVIO_JUDGE;
		session->repeats = 0;
		return ask_turn(&options->ask, "M;\r", BETWEEN_MS, request);
	}
	if ((last == SENSOR_BAD_SYNTAX || last == SENSOR_BAD_LENGTH) &&
		session->repeats++ < REPEATS_MAX)
		return ask_turn(&options->ask, "RPT\r", BETWEEN_MS, request);
	session->phase = PLUVIO_MEASURE;
	return (struct sensor_turn){ .pause_ms = options->ask.every };
}

/* "Accu total NRT" starts again at 500.000 mm, or 19.685 in. */
static double pluvio_modulus(const void *opaque, uint16_t metric)
{
	const struct pluvio_options *options = opaque;
	bool is_inch = options != NULL &&
		(options->units == PLUVIO_IN_H || options->units == PLUVIO_IN_MIN);

	if (metric != METRIC_RAIN_TOTAL)
		return 0;
	return is_inch ? unit_convert(UNIT_INCHES, 19.685) : 500;
}

static const char *const unit_choices[] = { "mm/h", "mm/min", "in/h", "in/min", NULL };

static const struct option pluvio_table[] = {
	SERIAL_OPTIONS(struct pluvio_options, serial, "9600", "none"),
	ASK_OPTIONS(struct pluvio_options, ask, "60s", "2s"),
	{
		.name = "units",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct pluvio_options, units),
		.fallback = "mm/h",
		.choices = unit_choices,
		.help = "The units set in the device; with in/h and in/min, depths are inches too.",
	},
	{ .name = NULL },
};

/* --- being played ------------------------------------------------------------------- */

static size_t pluvio2_follow(const struct simulate_moment *moment, size_t length,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	(void)length;
	return simulate_line(frame,
		"%+.3f;+0.000;+0.000;%+.3f;%+.3f;%+.3f;+27.4;+0;+0\r\n",
		moment->rain_rate, fmod(moment->rain_mm, 500), moment->rain_mm,
		moment->rain_mm);
}

/* RPT brings the last answer again. */
static size_t pluvio2_reply(struct simulate_device *device, size_t *used,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	const uint8_t *end = memchr(device->heard, '\r', device->heard_length);
	struct span line;

	(void)frame;
	if (end == NULL) {
		*used = 0;
		return 0;
	}
	*used = (size_t)(end - device->heard) + 1;
	line = span_trim((struct span){ (const char *)device->heard, *used });
	if (span_is(line, "RPT"))
		return SIMULATE_AGAIN;
	return span_is(line, "M;") ? SIMULATE_NEXT : 0;
}

/* PLUVIO-1 of the fixtures; what falls is said by --rain. */
static const struct simulation pluvio2_simulation = {
	.summary = "weighing rain gauge that is asked; rain as --rain says",
	.sample = "+1.200;+0.100;+0.100;+123.450;+98.700;+98.650;+27.4;+0;+0\r\n",
	.is_asked = true,
	.follow = pluvio2_follow,
	.reply = pluvio2_reply,
};

const struct sensor_driver sensor_pluvio2 = {
	.kind = {
		.name = "pluvio2",
		.summary = "OTT Pluvio² on RS-485 in ASCII: weighing rain gauge",
		.group = {
			.name = "sensor",
			.options = pluvio_table,
			.size = sizeof(struct pluvio_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = pluvio_frame,
	.frame_max = ANSWER_MAX,
	.decode = pluvio_decode,
	.turn = pluvio_turn,
	.session_size = sizeof(struct pluvio_session),
	.modulus = pluvio_modulus,
	.by_line = true,
	.is_text = true,
	.probe = {
		.ask = "M;\r",
	},
	.simulation = &pluvio2_simulation,
};
