/* The JSON of format "muabui"; its shape stands above format_muabui.c. */
#include <stdint.h>
#include <string.h>

#include "core/clock.h"
#include "core/json_scan.h"
#include "sensors/muabui.h"

enum { KEY_SIZE = 128 };

struct document {
	struct muabui_reader *reader;
	struct json_scan units; /* where they stand */
	bool has_units;
};

static bool copy_name(
	struct document *document, struct json_scan *scan, char name[static NAME_SIZE])
{
	struct json_text text;

	json_scan_string(scan, &text);
	if (scan->failed || !json_text_copy(&text, name, NAME_SIZE) ||
		!name_is_valid(name, strlen(name)))
		return muabui_fail(document->reader, "no name for a station or sensor");
	return true;
}

static bool take_json_time(struct document *document, struct json_scan *scan)
{
	struct report *report = document->reader->report;
	char copy[CLOCK_TEXT_SIZE];
	struct json_text text;

	json_scan_string(scan, &text);
	if (scan->failed || !json_text_copy(&text, copy, sizeof copy) ||
		!clock_parse(copy, &report->time_ms))
		return muabui_fail(document->reader, "no time");
	return true;
}

/* Does the sender measure METRIC in our unit? It names those of declared metrics. */
static bool unit_fits(struct document *document, const struct metric *metric)
{
	struct json_scan scan = document->units;
	struct json_text key, unit;
	bool first = true;
	char text[64];

	if (!document->has_units || metric->id < METRIC_DECLARED)
		return true;
	json_scan_enter(&scan, '{');
	while (json_scan_member(&scan, &first, &key)) {
		json_scan_string(&scan, &unit);
		if (scan.failed || !json_text_copy(&key, text, sizeof text))
			return false;
		if (strcmp(text, metric->name) == 0)
			return json_text_copy(&unit, text, sizeof text) &&
				strcmp(text, metric->unit) == 0;
	}
	return true;
}

/* The metric called KEY, NULL when it is none of ours. */
static const struct metric *find_key(
	struct document *document, const struct json_text *key)
{
	const char *name = key->bytes;
	size_t length = key->length;
	char copy[KEY_SIZE];

	if (key->is_escaped) {
		if (!json_text_copy(key, copy, sizeof copy))
			return NULL;
		name = copy;
		length = strlen(copy);
	}
	const struct metric *metric = metric_find_n(name, length);
	return metric && unit_fits(document, metric) ? metric : NULL;
}

static bool take_values(struct document *document, struct json_scan *scan)
{
	struct json_text key;
	bool first = true;

	json_scan_enter(scan, '{');
	while (json_scan_member(scan, &first, &key)) {
		const struct metric *metric = find_key(document, &key);
		uint8_t flag = FLAG_GOOD;
		double value = 0;

		if (json_scan_null(scan))
			flag = FLAG_MISSING;
		else
			json_scan_number(scan, &value);
		if (scan->failed)
			return muabui_fail(document->reader, "a value is no number");
		if (!metric)
			muabui_unknown(document->reader, key.bytes, key.length);
		else if (!muabui_add(document->reader, metric, value, flag))
			return false;
	}
	return !scan->failed;
}

/* What is said of some of the values, by TAKE. */
static bool take_marks_of(struct document *document, struct json_scan *scan,
	bool (*take)(struct reading *reading, double value))
{
	struct json_text key;
	bool first = true;

	json_scan_enter(scan, '{');
	while (json_scan_member(scan, &first, &key)) {
		const struct metric *metric = find_key(document, &key);
		double value = 0;

		json_scan_number(scan, &value);
		if (scan->failed)
			return muabui_fail(
				document->reader, "a flag or raw value is no number");
		struct reading *reading =
			metric ? report_find(document->reader->report, metric->id) : NULL;
		if (metric && !reading)
			return muabui_fail(document->reader,
				"a flag or raw value without its value");
		if (reading && !take(reading, value))
			return muabui_fail(document->reader, "no such flag");
	}
	return !scan->failed;
}

static bool put_flag(struct reading *reading, double value)
{
	if (value != 1 && value != 2 && value != 3 && value != 4 && value != 9)
		return false;
	reading->flag = (uint8_t)value;
	return true;
}

static bool put_raw(struct reading *reading, double value)
{
	reading->raw = value;
	return true;
}

static bool take_status(struct document *document, struct json_scan *scan)
{
	double value = -1;

	json_scan_number(scan, &value);
	if (value != STATUS_MEASURING && value != STATUS_CALIBRATING &&
		value != STATUS_FAULT)
		return muabui_fail(document->reader, "no such status");
	document->reader->report->status = (uint8_t)value;
	return true;
}

/* Marks that a newer sender knows and this gateway does not are passed over. */
static bool take_marks(struct document *document, struct json_scan *scan)
{
	struct json_text mark;
	bool first = true;

	json_scan_enter(scan, '[');
	while (json_scan_item(scan, &first)) {
		json_scan_string(scan, &mark);
		if (json_text_is(&mark, "backfilled"))
			document->reader->report->marks |= REPORT_BACKFILLED;
		else if (json_text_is(&mark, "retained"))
			document->reader->report->marks |= REPORT_RETAINED;
		else if (json_text_is(&mark, "revised"))
			document->reader->report->marks |= REPORT_REVISED;
		else if (json_text_is(&mark, "indicative"))
			document->reader->report->marks |= REPORT_INDICATIVE;
	}
	return !scan->failed;
}

/* Raw values and flags may stand before the values they are of. */
static bool take_report(struct document *document, struct json_scan *scan)
{
	struct report *report = document->reader->report;
	struct json_scan raw = { .failed = true }, flags = { .failed = true };
	struct json_text key;
	bool first = true, has_time = false, good = true;

	muabui_begin(document->reader);
	json_scan_enter(scan, '{');
	while (good && json_scan_member(scan, &first, &key)) {
		if (json_text_is(&key, "station")) {
			good = copy_name(document, scan, report->station);
		} else if (json_text_is(&key, "sensor")) {
			good = copy_name(document, scan, report->sensor);
		} else if (json_text_is(&key, "time")) {
			good = has_time = take_json_time(document, scan);
		} else if (json_text_is(&key, "values")) {
			good = take_values(document, scan);
		} else if (json_text_is(&key, "status")) {
			good = take_status(document, scan);
		} else if (json_text_is(&key, "marks")) {
			good = take_marks(document, scan);
		} else {
			if (json_text_is(&key, "raw"))
				raw = *scan;
			else if (json_text_is(&key, "flags"))
				flags = *scan;
			json_scan_skip(scan);
		}
	}
	if (!good || scan->failed)
		return muabui_fail(document->reader, "not JSON as it should be");
	if (!has_time || !*report->station || !*report->sensor)
		return muabui_fail(document->reader, "no station, sensor or time");
	if ((!raw.failed && !take_marks_of(document, &raw, put_raw)) ||
		(!flags.failed && !take_marks_of(document, &flags, put_flag)))
		return false;
	return muabui_finish(document->reader);
}

static bool take_version(struct document *document, struct json_scan *scan)
{
	double version = 0;

	json_scan_number(scan, &version);
	return version == 1 ||
		muabui_fail(document->reader, "another version of this format");
}

size_t muabui_take_json(struct muabui_reader *reader, const char *text, size_t length)
{
	struct document document = { .reader = reader };
	struct json_scan scan;
	struct json_text key;
	bool first = true, has_version = false, has_reports = false;

	json_scan_start(&scan, text, length);
	json_scan_enter(&scan, '{');
	while (json_scan_member(&scan, &first, &key)) {
		if (json_text_is(&key, "muabui")) {
			if (!take_version(&document, &scan))
				return 0;
			has_version = true;
		} else if (json_text_is(&key, "reports") && has_version) {
			bool first_report = true;
			has_reports = true;
			json_scan_enter(&scan, '[');
			while (json_scan_item(&scan, &first_report))
				if (!take_report(&document, &scan))
					return reader->reports + 1;
		} else {
			if (json_text_is(&key, "units")) {
				document.has_units = true;
				document.units = scan;
			}
			json_scan_skip(&scan);
		}
	}
	json_scan_end(&scan);
	if (!scan.failed && has_reports)
		return SIZE_MAX;
	muabui_fail(reader,
		scan.failed ? "not JSON" : "no reports, or no version before them");
	return 0;
}
