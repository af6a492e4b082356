/*
 * Batches of another muabui's mqtt output, for a gateway that collects. docs/mqtt.md has
 * both payloads:
 *
 *   environment,station=A,sensor=dust pm25=35.2,pm10_bad=999.0,pm10_qc=4i 1795300000000
 *
 *   {"muabui":1,"gateway":"A","units":{"level":"m"},"reports":[{"station":"A",
 *    "sensor":"dust","time":"2026-11-22T09:46:40+00:00","values":{"pm25":35.2},
 *    "raw":{"pm25":36},"flags":{"pm25":3},"status":1,"marks":["backfilled"]}]}
 *
 * as they are, as gzip or as zstd. What is behind a name nobody has declared here is left
 * out and told of; anything else that is not as it should be makes the message bad.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compress.h"
#include "core/json_scan.h"
#include "core/metric.h"
#include "core/number.h"
#include "core/utf8.h"
#include "sensors/muabui.h"

enum {
	PAYLOAD_MAX = 1024 * 1024,
	TEXT_MAX = 4 * 1024 * 1024, /* decompressed */
	REPORTS_MAX = 20000,        /* in a message */
	KEY_SIZE = 128,
	HEAD_MAX = 600, /* both names, each byte of them escaped, and the words */
	MARKS = REPORT_DEVICE_TIME | REPORT_RELAYED,
};

struct session {
	struct decompressor *decompressor;
	struct buffer text;
	struct report report;
	/* The line's head read last, and its names: mostly the next one's, too. */
	size_t head_length;
	char head[HEAD_MAX];
	char station[NAME_SIZE], sensor[NAME_SIZE];
};

/* --- what both payloads have in common ---------------------------------------- */

bool muabui_fail(struct muabui_reader *reader, const char *fault)
{
	if (!reader->fault)
		reader->fault = fault;
	return false;
}

void muabui_begin(struct muabui_reader *reader)
{
	report_init(reader->report);
	reader->report->marks = MARKS;
}

bool muabui_finish(struct muabui_reader *reader)
{
	if (++reader->reports > REPORTS_MAX)
		return muabui_fail(reader, "too many reports");
	/* All may be unknown here. */
	if (reader->report->count > 0)
		reader->sink->report(reader->sink->arg, reader->report);
	return true;
}

void muabui_unknown(struct muabui_reader *reader, const char *name, size_t length)
{
	char text[KEY_SIZE];

	if (!reader->sink->unknown || !utf8_is_valid(name, length))
		return;
	snprintf(text, sizeof text, "%.*s", (int)length, name);
	reader->sink->unknown(reader->sink->arg, text);
}

bool muabui_add(struct muabui_reader *reader, const struct metric *metric, double value,
	uint8_t flag)
{
	struct report *report = reader->report;

	if (report_find(report, metric->id))
		return muabui_fail(reader, "a metric stands twice in a report");
	if (!report_add(report, metric->id, value))
		return muabui_fail(reader, "a report has too many readings");
	report->readings[report->count - 1].flag = flag;
	return true;
}

/* --- line protocol -------------------------------------------------------------- */

struct line {
	struct muabui_reader *reader;
	struct session *session;
	const char *at, *end;
};

/* Does an escape begin at AT? A backslash before anything else is itself. */
static bool is_escape(const char *at, const char *end)
{
	return *at == '\\' && at + 1 < end &&
		(at[1] == ',' || at[1] == '=' || at[1] == ' ');
}

/* Where the next of STOPS that is not escaped stands, or the end. */
static const char *find_stop(const char *at, const char *end, const char *stops)
{
	for (; at < end; at++) {
		if (is_escape(at, end))
			at++;
		else if (strchr(stops, *at) && *at)
			return at;
	}
	return end;
}

/* FROM up to END without its escapes. False: longer than SIZE. */
static bool copy_plain(char *out, size_t size, const char *from, const char *end)
{
	size_t used = 0;

	for (; from < end; from++) {
		if (is_escape(from, end))
			from++;
		if (used + 1 >= size)
			return false;
		out[used++] = *from;
	}
	out[used] = '\0';
	return true;
}

/* The tags behind "environment"; others than ours say nothing. */
static bool take_tags(struct session *session, const char *at, const char *end)
{
	session->station[0] = session->sensor[0] = '\0';
	while (at < end) {
		const char *key = at + 1; /* behind the comma */
		const char *equals = find_stop(key, end, "=,");
		if (equals == end || *equals != '=')
			return false;
		const char *value = equals + 1;
		size_t length = (size_t)(equals - key);
		char *name = length == 7 && memcmp(key, "station", 7) == 0
			? session->station
			: length == 6 && memcmp(key, "sensor", 6) == 0 ? session->sensor
								       : NULL;
		at = find_stop(value, end, ",");
		if (name && !copy_plain(name, NAME_SIZE, value, at))
			return false;
	}
	return name_is_valid(session->station, strlen(session->station)) &&
		name_is_valid(session->sensor, strlen(session->sensor));
}

static bool take_head(struct line *line)
{
	static const char measurement[] = "environment";
	const size_t length = sizeof measurement - 1;
	struct session *session = line->session;
	size_t known = session->head_length;

	/* The blank behind it is part of it. */
	if (known > 0 && (size_t)(line->end - line->at) > known &&
		memcmp(line->at, session->head, known) == 0) {
		line->at += known;
		return true;
	}
	const char *blank = find_stop(line->at, line->end, " ");
	session->head_length = 0;
	if (blank == line->end || (size_t)(blank - line->at) < length ||
		memcmp(line->at, measurement, length) != 0 ||
		(line->at[length] != ',' && line->at[length] != ' ') ||
		!take_tags(session, line->at + length, blank))
		return muabui_fail(line->reader, "no station and sensor");
	if ((size_t)(blank + 1 - line->at) <= HEAD_MAX) {
		session->head_length = (size_t)(blank + 1 - line->at);
		memcpy(session->head, line->at, session->head_length);
	}
	line->at = blank + 1;
	return true;
}

enum part { PART_VALUE, PART_BAD, PART_QC };

static bool cut_ending(const char *key, size_t *length, const char *ending)
{
	size_t most = strlen(ending);

	if (*length <= most || memcmp(key + *length - most, ending, most) != 0)
		return false;
	*length -= most;
	return true;
}

/* What a field's key of *LENGTH bytes speaks of, and its name's length. NULL: unknown. */
static const struct metric *find_field(const char *key, size_t *length, enum part *part)
{
	const struct metric *metric = metric_find_n(key, *length);

	*part = PART_VALUE;
	if (metric)
		return metric;
	if (cut_ending(key, length, "_qc"))
		*part = PART_QC;
	else if (cut_ending(key, length, "_bad"))
		*part = PART_BAD;
	else
		return NULL;
	return metric_find_n(key, *length);
}

static bool set_flag(
	struct muabui_reader *reader, const struct metric *metric, double value)
{
	struct reading *reading = report_find(reader->report, metric->id);

	if (!reading)
		return muabui_fail(reader, "a flag without its value");
	if (value != 1 && value != 2 && value != 3 && value != 4)
		return muabui_fail(reader, "no such flag");
	reading->flag = (uint8_t)value;
	return true;
}

/* A number and the 'i' of integers. */
static bool take_number(struct line *line, double *value)
{
	size_t length = number_scan(line->at, (size_t)(line->end - line->at), value);

	line->at += length;
	if (length > 0 && line->at < line->end && *line->at == 'i')
		line->at++;
	return length > 0 || muabui_fail(line->reader, "a value is no number");
}

static bool take_field(struct line *line)
{
	const char *key = line->at;
	const char *equals = find_stop(key, line->end, "=, ");
	size_t length = (size_t)(equals - key);
	char plain[KEY_SIZE];
	enum part part;
	double value;

	if (equals == line->end || *equals != '=' || length == 0)
		return muabui_fail(line->reader, "no field");
	if (memchr(key, '\\', length)) {
		if (!copy_plain(plain, sizeof plain, key, equals))
			return muabui_fail(line->reader, "a field's name is too long");
		key = plain;
		length = strlen(plain);
	}
	line->at = equals + 1;
	if (!take_number(line, &value))
		return false;
	const struct metric *metric = find_field(key, &length, &part);
	if (metric && part == PART_QC)
		return set_flag(line->reader, metric, value);
	if (metric)
		return muabui_add(line->reader, metric, value,
			part == PART_BAD ? FLAG_FAIL : FLAG_GOOD);
	if (part != PART_QC)
		muabui_unknown(line->reader, key, length);
	return true;
}

static bool take_fields(struct line *line)
{
	for (;;) {
		if (!take_field(line))
			return false;
		if (line->at == line->end)
			return muabui_fail(line->reader, "no time");
		if (*line->at != ',' && *line->at != ' ')
			return muabui_fail(line->reader, "a value is no number");
		if (*line->at++ == ' ')
			return true;
	}
}

static bool take_time(struct line *line)
{
	int64_t ms = 0;
	const char *first = line->at;

	for (; line->at < line->end && *line->at >= '0' && *line->at <= '9'; line->at++) {
		if (line->at - first == 15)
			return muabui_fail(
				line->reader, "the time is not in milliseconds");
		ms = ms * 10 + (*line->at - '0');
	}
	if (line->at == first || line->at != line->end)
		return muabui_fail(line->reader, "no time");
	line->reader->report->time_ms = ms;
	return true;
}

static bool take_line(struct muabui_reader *reader, struct session *session,
	const char *at, const char *end)
{
	struct line line = { reader, session, at, end };

	if (end > at && end[-1] == '\r')
		line.end--;
	if (line.at == line.end || *line.at == '#')
		return true;
	muabui_begin(reader);
	if (!take_head(&line) || !take_fields(&line) || !take_time(&line))
		return false;
	memcpy(session->report.station, session->station, NAME_SIZE);
	memcpy(session->report.sensor, session->sensor, NAME_SIZE);
	return muabui_finish(reader);
}

/* The number of the line that is wrong, 0: none is. */
static size_t take_lines(struct muabui_reader *reader, struct session *session,
	const char *text, size_t length)
{
	const char *end = text + length;

	for (size_t number = 1; text < end; number++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		if (!stop)
			stop = end;
		if (!take_line(reader, session, text, stop))
			return number;
		text = stop + 1;
	}
	return 0;
}

/* --- messages ------------------------------------------------------------------------
 */

/* The text of PAYLOAD, from where it is or as it is decompressed. */
static enum sensor_result find_text(struct session *session,
	const struct payload *payload, const char **text, size_t *length)
{
	enum compression kind = compression_of(payload->bytes, payload->length);

	*text = (const char *)payload->bytes;
	*length = payload->length;
	if (kind != COMPRESSION_NONE) {
		switch (decompressor_run(session->decompressor, kind, payload->bytes,
			payload->length, &session->text)) {
		case DECOMPRESSED:
			break;
		case DECOMPRESSED_BAD:
			return SENSOR_BAD_CHECKSUM;
		default:
			return SENSOR_TOO_LARGE;
		}
		*text = buffer_text(&session->text);
		*length = session->text.length;
	}
	return utf8_is_valid(*text, *length) ? SENSOR_OK : SENSOR_BAD_ENCODING;
}

static enum sensor_result refuse(
	const struct muabui_reader *reader, const char *what, size_t number)
{
	char text[160];

	snprintf(text, sizeof text, "%s %zu: %s", what, number, reader->fault);
	if (reader->sink->fault)
		reader->sink->fault(reader->sink->arg, text);
	return SENSOR_BAD_SYNTAX;
}

static enum sensor_result decode(const struct payload_options *options, void *arg,
	const struct payload *payload, const struct payload_sink *sink)
{
	struct session *session = arg;
	struct muabui_reader reader = { .sink = sink, .report = &session->report };
	struct json_scan look;
	const char *text;
	size_t length;

	(void)options;
	enum sensor_result result = find_text(session, payload, &text, &length);
	if (result != SENSOR_OK)
		return result;
	json_scan_start(&look, text, length);
	if (json_scan_peek(&look) == '{') {
		size_t report = muabui_take_json(&reader, text, length);
		if (report != SIZE_MAX)
			return refuse(&reader, "report", report);
	} else {
		size_t line = take_lines(&reader, session, text, length);
		if (line > 0)
			return refuse(&reader, "line", line);
	}
	return reader.reports > 0 ? SENSOR_OK : SENSOR_IGNORED;
}

static void close_session(void *arg)
{
	struct session *session = arg;

	decompressor_free(session->decompressor);
	buffer_free(&session->text);
	free(session);
}

static void *open_session(void)
{
	struct session *session = calloc(1, sizeof *session);

	if (!session)
		return NULL;
	buffer_init(&session->text, TEXT_MAX);
	session->decompressor = decompressor_new();
	if (session->decompressor)
		return session;
	close_session(session);
	return NULL;
}

extern const struct payload_format format_muabui;
const struct payload_format format_muabui = {
	.name = "muabui",
	.summary = "Batches of another muabui's mqtt output: muabui/+/readings.",
	.is_binary = true,
	.is_batch = true,
	.payload_max = PAYLOAD_MAX,
	.presence_level = "status",
	.presence_drop = 1,
	.station = muabui_station,
	.decode = decode,
	.open = open_session,
	.close = close_session,
};
