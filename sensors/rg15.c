/*
 * Hydreon RG-15 (and RG-9): optical rain gauges. 3.3 V or RS-232, 9600 8N1.
 *
 *   > R                                  commands: one letter, LF
 *   < Acc  0.01 mm, EventAcc  2.07 mm, TotalAcc 54.85 mm, RInt  2.89 mmph
 *
 * Acc is what fell since it was last read: a lost answer would lose rain. TotalAcc
 * counts on and is taken; RInt is the intensity. Imperial units, "in" and "iph",
 * are converted. Behind RInt may stand what an external bucket counts, and flags:
 * LensBad and EmSat say that the optics are dirty or blinded. The values are kept then,
 * with the status "fault", so that no index, sum or rule uses them.
 *
 * "Acc" also ends EventAcc and TotalAcc: only the four in their order are an answer.
 *
 * P polling, H high resolution and M metric are answered by the letter in small; they
 * are forgotten when the power goes, and said again after a restart, which is
 * told by lines such as these, or by silence:
 *
 *   ;*** …      SW 1.000 2020.07.06      Emitters …      PwrDays 12      Reset N
 */
#include <ctype.h>
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
	ANSWER_MAX = 250,
	FIELD_COUNT = 4,
	BETWEEN_MS = 100, /* two commands */
	TOTAL = 2,        /* places in the answer */
	INTENSITY = 3,
};

enum rg15_resolution { RG15_HIGH, RG15_LOW };

struct rg15_options {
	struct serial_options serial; /* first: see stream.h */
	struct ask_options ask;
	int resolution; /* enum rg15_resolution */
};

struct rg15_session {
	unsigned step; /* of the settings; then it is read */
};

static ssize_t rg15_frame(const uint8_t *bytes, size_t length)
{
	return line_frame(bytes, length, ANSWER_MAX);
}

/* --- answers ------------------------------------------------------------------------ */

/* The next word of REST, between blanks or commas; empty at the end. */
static struct span next_word(struct span *rest)
{
	struct span word;

	while (rest->length > 0 && (rest->at[0] == ' ' || rest->at[0] == ',')) {
		rest->at++;
		rest->length--;
	}
	word = (struct span){ rest->at, 0 };
	while (word.length < rest->length && word.at[word.length] != ' ' &&
		word.at[word.length] != ',')
		word.length++;
	rest->at += word.length;
	rest->length -= word.length;
	return word;
}

/* Reads the answer that LINE begins with; what is behind it stays in LINE. */
static bool read_answer(struct span *line, double values[static FIELD_COUNT])
{
	static const struct {
		const char *name, *metric, *imperial;
		int unit; /* of the imperial one */
	} fields[FIELD_COUNT] = {
		{ "Acc", "mm", "in", UNIT_INCHES },
		{ "EventAcc", "mm", "in", UNIT_INCHES },
		{ "TotalAcc", "mm", "in", UNIT_INCHES },
		{ "RInt", "mmph", "iph", UNIT_IPH },
	};
	bool is_imperial = false;

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		bool is_named = span_is(next_word(line), fields[i].name);
		bool is_number = span_number(next_word(line), &values[i]);
		struct span unit = next_word(line);

		if (!is_named || !is_number || values[i] < 0)
			return false;
		if (i == 0)
			is_imperial = span_is(unit, fields[i].imperial);
		if (!span_is(unit, is_imperial ? fields[i].imperial : fields[i].metric))
			return false;
		if (is_imperial)
			values[i] = unit_convert(fields[i].unit, values[i]);
	}
	return true;
}

static bool has_word(struct span text, const char *word)
{
	size_t length = strlen(word);

	for (size_t at = 0; at + length <= text.length; at++)
		if (memcmp(text.at + at, word, length) == 0)
			return true;
	return false;
}

/* What a gauge says when it starts. */
static bool is_banner(struct span line)
{
	static const char *const beginnings[] = { ";", "SW ", "Emitters", "PwrDays",
		"Reset " };

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (span_begins(line, beginnings[i]))
			return true;
	return false;
}

static enum sensor_result rg15_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	struct span line = line_body(frame, length);

	(void)options;
	/* The last one: what is before it may be one that was cut. */
	for (size_t at = line.length; at-- > 0;) {
		struct span rest = { line.at + at, line.length - at };
		double values[FIELD_COUNT];

		if (rest.at[0] != 'A' || !read_answer(&rest, values))
			continue;
		report_add(report, METRIC_RAIN_TOTAL, values[TOTAL]);
		report_add(report, METRIC_RAIN_RATE, values[INTENSITY]);
		if (has_word(rest, "LensBad") || has_word(rest, "EmSat"))
			report->status = STATUS_FAULT;
		return SENSOR_OK;
	}
	if (length == 3 && islower(frame[0]) && frame[1] == '\r')
		return SENSOR_IGNORED; /* a command is taken */
	if (is_banner(line))
		return SENSOR_WARMING_UP;
	if (span_begins(line, "Event "))
		return SENSOR_IGNORED;
	return SENSOR_BAD_SYNTAX;
}

/* --- asking ------------------------------------------------------------------------- */

static struct sensor_turn rg15_turn(const void *opaque, void *opaque_session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct rg15_options *options = opaque;
	struct rg15_session *session = opaque_session;
	const char *const settings[] = { "P\n",
		options->resolution == RG15_LOW ? "L\n" : "H\n", "M\n" };
	const unsigned count = sizeof(settings) / sizeof(settings[0]);

	if (last == SENSOR_WARMING_UP ||
		(last == SENSOR_TIMEOUT && session->step > count))
		session->step = 0;
	if (session->step < count)
		return ask_turn(
			&options->ask, settings[session->step++], BETWEEN_MS, request);
	session->step = count + 1;
	return ask_turn(&options->ask, "R\n", options->ask.every, request);
}

/* --- options ------------------------------------------------------------------------ */

static const char *const resolution_names[] = { "high", "low", NULL };

static const struct option rg15_table[] = {
	SERIAL_OPTIONS(struct rg15_options, serial, "9600", "none"),
	ASK_OPTIONS(struct rg15_options, ask, "10s", "1s"),
	{
		.name = "resolution",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct rg15_options, resolution),
		.fallback = "high",
		.choices = resolution_names,
		.help = "0.01 mm, or 0.2 mm.",
	},
	{ .name = NULL },
};

static const char *const rg15_aliases[] = { "rg9", NULL };

/* --- being played ------------------------------------------------------------------- */

static size_t rg15_follow(const struct simulate_moment *moment, size_t length,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	(void)length;
	return simulate_line(frame,
		"Acc  0.00 mm, EventAcc %5.2f mm, TotalAcc %5.2f mm, RInt %5.2f mmph\r\n",
		moment->rain_mm, moment->rain_mm, moment->rain_rate);
}

static const struct simulate_row rg15_rows[] = {
	{ "R\n", NULL, SIMULATE_NOTHING },
	{ "P\n", "p\r\n", SIMULATE_HUSH },
	{ "C\n", "c\r\n", SIMULATE_TALK },
	{ "H\n", "h\r\n", SIMULATE_NOTHING },
	{ "L\n", "l\r\n", SIMULATE_NOTHING },
	{ "M\n", "m\r\n", SIMULATE_NOTHING },
	{ .heard = NULL },
};

/* RG15-1 of the fixtures; what falls is said by --rain. */
static const struct simulation rg15_simulation = {
	.summary = "optical rain gauge that is asked; rain as --rain says",
	.sample =
		"Acc  0.01 mm, EventAcc  0.01 mm, TotalAcc  8.52 mm, RInt  0.15 mmph\r\n",
	.is_asked = true,
	.follow = rg15_follow,
	.rows = rg15_rows,
};

const struct sensor_driver sensor_rg15 = {
	.kind = {
		.name = "rg15",
		.aliases = rg15_aliases,
		.summary = "Hydreon RG-15, RG-9: optical rain gauge",
		.group = {
			.name = "sensor",
			.options = rg15_table,
			.size = sizeof(struct rg15_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = rg15_frame,
	.frame_max = ANSWER_MAX,
	.decode = rg15_decode,
	.turn = rg15_turn,
	.session_size = sizeof(struct rg15_session),
	.is_text = true,
	.probe = {
		.ask = "R\n",
	},
	.simulation = &rg15_simulation,
};
