#include "web/status_text.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/utf8.h"
#include "web/words.h"

enum { NESTING_NAME = 14, NESTING_TYPE = 10 }; /* widths of the first two columns */

struct status {
	struct buffer *out;
	int64_t now_ms;
	int wrong;
};

static double number(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *string(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) && item->valuestring ? item->valuestring : "";
}

static bool is_true(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* The file names, names and reasons below come from outside: nothing may drive a
 * terminal. */
static void put_cell(struct buffer *out, const char *text, size_t columns)
{
	size_t width = utf8_width(text);

	words_plain(out, text);
	do
		buffer_putc(out, ' ');
	while (++width <= columns);
}

static void put_age_of(struct status *status, const cJSON *object, const char *key)
{
	int64_t ms;

	if (clock_parse(string(object, key), &ms))
		words_age(status->out, status->now_ms - ms, WORDS_EN);
	else
		buffer_puts(status->out, "never");
}

static void put_mark(struct status *status, bool wrong)
{
	buffer_puts(status->out, wrong ? "! " : "  ");
	status->wrong += wrong;
}

static void put_line(struct status *status, const char *name, bool wrong)
{
	put_mark(status, wrong);
	put_cell(status->out, name, 9);
}

/* ", 3 dropped" where there are any. */
static void put_some(
	struct buffer *out, const cJSON *object, const char *key, const char *what)
{
	if (number(object, key) > 0)
		buffer_printf(out, ", %.0f %s", number(object, key), what);
}

static void put_clock(struct status *status, const cJSON *clock)
{
	struct buffer *out = status->out;
	double by_s = number(clock, "last_step_s");

	put_line(status, "clock", !is_true(clock, "set") || number(clock, "dropped") > 0);
	words_plain(out, string(clock, "time"));
	buffer_puts(out, ", ");
	words_plain(out, string(clock, "source"));
	put_some(out, clock, "held", "reports wait until it is right");
	put_some(out, clock, "dropped", "given up for want of room");
	put_some(out, clock, "undatable", "of unknown time kept apart");
	if (by_s != 0) {
		buffer_printf(out, ", set %s by ", by_s > 0 ? "forward" : "back");
		words_duration(out, (int64_t)(by_s > 0 ? by_s : -by_s) * 1000, WORDS_EN);
		buffer_putc(out, ' ');
		put_age_of(status, clock, "last_step");
	}
	buffer_putc(out, '\n');
}

static void put_gateway(struct status *status, const cJSON *root)
{
	const cJSON *station = cJSON_GetObjectItemCaseSensitive(root, "station");
	const cJSON *health = cJSON_GetObjectItemCaseSensitive(root, "health");
	const cJSON *clock = cJSON_GetObjectItemCaseSensitive(root, "clock");
	struct buffer *out = status->out;

	buffer_puts(out, "muabui ");
	words_plain(out, string(root, "version"));
	buffer_puts(out, ", station ");
	words_plain(out, string(station, "id"));
	if (string(station, "name")[0]) {
		buffer_puts(out, " (");
		words_plain(out, string(station, "name"));
		buffer_putc(out, ')');
	}
	buffer_puts(out, ", up ");
	words_duration(out, (int64_t)number(root, "uptime_s") * 1000, WORDS_EN);
	buffer_puts(out, "\n\n");

	put_line(status, "health", !is_true(health, "ok"));
	words_plain(out, string(health, "reason"));
	buffer_putc(out, '\n');
	put_clock(status, clock);
}

static void put_storage(struct status *status, const cJSON *root)
{
	const cJSON *ring = cJSON_GetObjectItemCaseSensitive(root, "ring");
	const cJSON *store = cJSON_GetObjectItemCaseSensitive(root, "store");
	const cJSON *recorder = cJSON_GetObjectItemCaseSensitive(root, "recorder");
	struct buffer *out = status->out;

	put_line(status, "ring",
		number(ring, "dropped") > 0 || number(ring, "torn") > 0 ||
			number(ring, "fill") >= 0.5);
	words_bytes(out, number(ring, "used"));
	buffer_puts(out, " of ");
	words_bytes(out, number(ring, "size"));
	buffer_printf(out, " used, %.0f reports taken", number(ring, "accepted"));
	put_some(out, ring, "dropped", "dropped");
	put_some(out, ring, "torn", "torn");
	put_some(out, ring, "recovered", "recovered");

	buffer_putc(out, '\n');
	put_line(status, "recorder", number(recorder, "commit_errors") > 0);
	buffer_printf(out, "%.0f reports, %.0f readings stored in %.0f commits",
		number(recorder, "reports"), number(recorder, "readings"),
		number(recorder, "commits"));
	put_some(out, recorder, "flagged", "flagged");
	put_some(out, recorder, "commit_errors", "commits failed");
	put_some(out, recorder, "messages", "alert messages");
	buffer_puts(out, ", newest ");
	put_age_of(status, recorder, "last_report");

	buffer_putc(out, '\n');
	put_line(status, "store",
		number(store, "lost") > 0 || number(store, "unreadable") > 0 ||
			is_true(store, "salvaging") || is_true(store, "refuge"));
	words_plain(out, string(store, "path"));
	buffer_puts(out, ", ");
	words_bytes(out, number(store, "bytes"));
	if (number(store, "max_bytes") > 0) {
		buffer_puts(out, " of at most ");
		words_bytes(out, number(store, "max_bytes"));
	}
	put_some(out, store, "forgotten", "reports forgotten");
	put_some(out, store, "lost", "never sent to some output");
	put_some(out, store, "salvaged", "saved from a damaged file");
	put_some(out, store, "unreadable", "lost with it");
	if (is_true(store, "refuge"))
		buffer_puts(out, ", in memory: its disk takes nothing");
	if (is_true(store, "salvaging"))
		buffer_puts(out, ", still saving; outputs wait for it");
	buffer_putc(out, '\n');
}

static void put_head(
	struct status *status, const char *name, const char *type, const char *rest)
{
	buffer_puts(status->out, "\n  ");
	put_cell(status->out, name, NESTING_NAME);
	put_cell(status->out, type, NESTING_TYPE);
	buffer_printf(status->out, "%s\n", rest);
}

static void put_name(
	struct status *status, const cJSON *item, const char *type, bool wrong)
{
	put_mark(status, wrong);
	put_cell(status->out, string(item, "name"), NESTING_NAME);
	put_cell(status->out, string(item, type), NESTING_TYPE);
}

const char *status_hint(const char *state)
{
	static const struct {
		const char *state, *hint;
	} hints[] = {
		{ "timeout", "no answer: power? A and B swapped? address and speed?" },
		{ "sync",
			"bytes, but not this device's: another model, or another speed?" },
		{ "checksum", "damaged bytes: speed, parity, A and B, a second device?" },
		{ "length", "frames of another length: another model?" },
		{ "syntax", "messages, but not in the configured format" },
		{ "missing_field",
			"messages without the configured fields: check the pointers" },
		{ "topic",
			"messages whose topic names no station: check topic and station" },
		{ "port",
			"no port or connection: plug, cable, broker, another program?" },
		{ "value", "values that cannot be: scale, type, order of bytes?" },
		{ "device_error",
			"the device reports an error, or has no such register" },
		{ "offline", "the device says that it is away" },
	};

	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (strcmp(hints[i].state, state) == 0)
			return hints[i].hint;
	return NULL;
}

/* ", CALIBRATING until … by …": somebody does it on purpose, so nothing is wrong. */
static void put_calibrating(struct buffer *out, const cJSON *sensor)
{
	const cJSON *spans = cJSON_GetObjectItemCaseSensitive(sensor, "calibrating");
	const cJSON *span;

	cJSON_ArrayForEach(span, spans)
	{
		buffer_puts(out, ", CALIBRATING");
		if (string(span, "station")[0]) {
			buffer_puts(out, " at ");
			words_plain(out, string(span, "station"));
		}
		buffer_puts(out, " until ");
		words_plain(out, string(span, "until"));
		buffer_puts(out, " by ");
		words_plain(out, string(span, "author"));
	}
}

void status_put_calibration(struct buffer *out, const cJSON *row)
{
	words_plain(out, string(row, "metric"));
	if (*string(row, "station")) {
		buffer_puts(out, " at ");
		words_plain(out, string(row, "station"));
	}
	buffer_puts(out, ": ");
	words_plain(out, string(row, "method"));
	buffer_puts(out, "; ");
	words_plain(out, string(row, "date"));
	buffer_puts(out, " by ");
	words_plain(out, string(row, "by"));
	if (*string(row, "certificate")) {
		buffer_puts(out, ", certificate ");
		words_plain(out, string(row, "certificate"));
	}
}

static void put_sensor(struct status *status, const cJSON *sensor)
{
	const cJSON *results = cJSON_GetObjectItemCaseSensitive(sensor, "results");
	const cJSON *rows = cJSON_GetObjectItemCaseSensitive(sensor, "calibration");
	bool silent = is_true(sensor, "silent");
	bool connected = is_true(sensor, "connected");
	bool ever = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(sensor, "last_good"));
	const char *hint =
		ever || !connected ? NULL : status_hint(string(sensor, "state"));
	struct buffer *out = status->out;
	struct buffer age;
	const cJSON *result, *row;

	put_name(status, sensor, "driver",
		silent || !connected || hint || number(sensor, "dropped") > 0 ||
			number(sensor, "offline") > 0);
	put_cell(out, !connected ? "not connected" : string(sensor, "state"), 14);
	buffer_init(&age, 64);
	struct buffer *line = status->out;
	status->out = &age;
	put_age_of(status, sensor, "last_good");
	status->out = line;
	put_cell(out, buffer_text(&age), 14);
	buffer_free(&age);

	const char *comma = "";
	cJSON_ArrayForEach(result, results)
	{
		if (!result->string)
			continue;
		buffer_puts(out, comma);
		words_plain(out, result->string);
		buffer_printf(out, " %.0f", result->valuedouble);
		comma = ", ";
	}
	put_some(out, sensor, "skipped_bytes", "bytes skipped");
	put_some(out, sensor, "duplicates", "duplicates");
	put_some(out, sensor, "retained", "retained");
	put_some(out, sensor, "unknown", "of unknown metrics");
	put_some(out, sensor, "offline", "offline now");
	put_some(out, sensor, "dropped", "dropped");
	if (silent)
		buffer_puts(out, ", SILENT");
	put_calibrating(out, sensor);
	if (hint)
		buffer_printf(out, "\n                 %s", hint);
	cJSON_ArrayForEach(row, rows)
	{
		buffer_puts(out, "\n                 calibrated: ");
		status_put_calibration(out, row);
	}
	buffer_putc(out, '\n');
}

static void put_delivery(struct status *status, const cJSON *item)
{
	struct buffer *out = status->out;

	put_some(out, item, "failures", "failures");
	buffer_puts(out, ", last success ");
	put_age_of(status, item, "last_success");
	if (is_true(item, "held"))
		buffer_puts(out, ", HELD: the far side refuses us");
	if (is_true(item, "down"))
		buffer_puts(out, ", DOWN: nothing gets through");
	buffer_putc(out, '\n');
	if (string(item, "last_error")[0]) {
		buffer_puts(out, "                  error ");
		put_age_of(status, item, "last_error_time");
		buffer_puts(out, ": ");
		words_plain(out, string(item, "last_error"));
		buffer_putc(out, '\n');
	}
}

/* Is its newest attempt a failed one? */
static bool is_failing(const cJSON *item)
{
	int64_t success_ms = 0, error_ms = 0;

	clock_parse(string(item, "last_success"), &success_ms);
	return clock_parse(string(item, "last_error_time"), &error_ms) &&
		error_ms > success_ms;
}

static void put_output(struct status *status, const cJSON *output)
{
	put_name(status, output, "type",
		is_true(output, "held") || number(output, "dead") > 0 ||
			is_failing(output));
	buffer_printf(status->out, "%.0f sent, %.0f behind", number(output, "sent"),
		number(output, "lag"));
	put_some(status->out, output, "dead", "dead letters");
	put_some(status->out, output, "dead_dropped", "older ones gone");
	put_delivery(status, output);
}

static void put_channel(struct status *status, const cJSON *channel)
{
	put_name(
		status, channel, "type", is_true(channel, "held") || is_failing(channel));
	buffer_printf(status->out, "%.0f sent, %.0f waiting", number(channel, "sent"),
		number(channel, "waiting"));
	put_delivery(status, channel);
}

/* What became of other gateways' alerts: all of it but what never happened. */
static void put_relay(struct status *status, const cJSON *relay)
{
	const cJSON *verdict;
	bool is_connected = is_true(relay, "connected");

	put_name(status, relay, "", !is_connected);
	buffer_puts(status->out, is_connected ? "connected" : "NOT CONNECTED");
	cJSON_ArrayForEach(verdict, relay)
	{
		if (!cJSON_IsNumber(verdict) || verdict->valuedouble < 1)
			continue;
		buffer_printf(
			status->out, ", %.0f %s", verdict->valuedouble, verdict->string);
	}
	buffer_putc(status->out, '\n');
}

/* What keeps messages back must not be forgotten. */
static void put_silences(struct status *status, const cJSON *root)
{
	double count = number(root, "silences");

	if (!(count > 0))
		return;
	put_line(status, "alerts", false);
	buffer_printf(status->out, "%.0f %s in force: see muabui alert silences\n", count,
		count > 1 ? "silences" : "silence");
}

static void put_all(struct status *status, const cJSON *root)
{
	const cJSON *sensors = cJSON_GetObjectItemCaseSensitive(root, "sensors");
	const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(root, "outputs");
	const cJSON *channels = cJSON_GetObjectItemCaseSensitive(root, "channels");
	const cJSON *relays = cJSON_GetObjectItemCaseSensitive(root, "relays");
	const cJSON *item;

	put_gateway(status, root);
	put_storage(status, root);
	if (cJSON_GetArraySize(sensors) > 0)
		put_head(status, "SENSOR", "DRIVER",
			"STATE          LAST GOOD      COUNTS");
	cJSON_ArrayForEach(item, sensors) put_sensor(status, item);
	if (cJSON_GetArraySize(outputs) > 0)
		put_head(status, "OUTPUT", "TYPE", "DELIVERY");
	cJSON_ArrayForEach(item, outputs) put_output(status, item);
	if (cJSON_GetArraySize(channels) > 0)
		put_head(status, "CHANNEL", "TYPE", "DELIVERY");
	cJSON_ArrayForEach(item, channels) put_channel(status, item);
	put_silences(status, root);
	if (cJSON_GetArraySize(relays) > 0)
		put_head(status, "RELAY", "", "ALERTS OF OTHERS");
	cJSON_ArrayForEach(item, relays) put_relay(status, item);
	if (status->wrong == 0)
		buffer_puts(status->out, "\nNothing is wrong.\n");
	else
		buffer_printf(status->out, "\n%d %s wrong, marked with '!'.\n",
			status->wrong, status->wrong == 1 ? "line is" : "lines are");
}

bool status_text(const char *json, struct buffer *out)
{
	struct status status = { .out = out };
	cJSON *root = cJSON_Parse(json);
	const cJSON *clock = cJSON_GetObjectItemCaseSensitive(root, "clock");
	/* Ages are counted by the gateway's clock, wherever this is read. */
	bool valid = cJSON_IsObject(root) &&
		clock_parse(string(clock, "time"), &status.now_ms);

	if (valid)
		put_all(&status, root);
	cJSON_Delete(root);
	return valid && !out->failed;
}
