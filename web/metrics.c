#include "web/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/metric.h"
#include "core/number.h"
#include "core/utf8.h"

/* --- the format -------------------------------------------------------- */

static void put_family(
	struct buffer *out, const char *name, const char *type, const char *help)
{
	buffer_printf(out, "# HELP muabui_%s %s\n# TYPE muabui_%s %s\n", name, help, name,
		type);
}

static void put_escaped(struct buffer *out, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t length = utf8_char_length(text, left);

		if (length == 0) {
			buffer_puts(out, "\xef\xbf\xbd");
			length = 1;
		} else if (*text == '\\' || *text == '"') {
			buffer_putc(out, '\\');
			buffer_putc(out, *text);
		} else if (*text == '\n') {
			buffer_puts(out, "\\n");
		} else {
			buffer_append(out, text, length);
		}
		text += length;
		left -= length;
	}
}

struct label {
	const char *name; /* NULL ends a list */
	const char *value;
};

static void put_sample(
	struct buffer *out, const char *name, const struct label *labels, double value)
{
	char text[NUMBER_TEXT_SIZE];
	char before = '{';

	buffer_printf(out, "muabui_%s", name);
	for (; labels && labels->name; labels++) {
		buffer_putc(out, before);
		buffer_puts(out, labels->name);
		buffer_puts(out, "=\"");
		put_escaped(out, labels->value ? labels->value : "");
		buffer_putc(out, '"');
		before = ',';
	}
	if (before == ',')
		buffer_putc(out, '}');
	buffer_putc(out, ' ');
	if (isfinite(value))
		buffer_append(out, text, number_format(text, value));
	else
		buffer_puts(out, "NaN");
	buffer_putc(out, '\n');
}

static void put_single(struct buffer *out, const char *name, const char *type,
	const char *help, double value)
{
	put_family(out, name, type, help);
	put_sample(out, name, NULL, value);
}

static double seconds(int64_t ms)
{
	return (double)ms / 1000;
}

/* --- the gateway itself ------------------------------------------------- */

static void put_clock(struct buffer *out, const struct recorder_stats *recorder)
{
	put_single(out, "clock_held_reports", "gauge",
		"Reports taken before the clock was right; they wait until it is.",
		(double)atomic_load(&recorder->held));
	put_single(out, "clock_undatable_reports", "gauge",
		"Reports of earlier starts of the machine whose clock was never set.",
		(double)atomic_load(&recorder->undatable));
	put_single(out, "clock_dropped_total", "counter",
		"Reports without a time given up because there was no room for more.",
		(double)atomic_load(&recorder->held_dropped));
	put_single(out, "clock_steps_total", "counter",
		"How often the clock was set by more than two seconds.",
		(double)atomic_load(&recorder->clock_steps));
	put_single(out, "clock_last_step_seconds", "gauge",
		"How far it was set the last time; negative: back.",
		seconds(atomic_load(&recorder->clock_step_by_ms)));
	put_single(out, "clock_last_step_timestamp_seconds", "gauge",
		"When it was set the last time, 0 for never.",
		seconds(atomic_load(&recorder->clock_step_ms)));
}

static void put_gateway(struct buffer *out, const struct gateway_view *view)
{
	int64_t uptime_ms = view_uptime_ms(view);

	put_family(out, "build_info", "gauge", "The program that runs; always 1.");
	put_sample(out, "build_info",
		(struct label[]){ { "version", view->version }, { 0 } }, 1);
	put_single(out, "start_time_seconds", "gauge", "When the gateway was started.",
		seconds(clock_wall_ms() - uptime_ms));
	put_single(out, "uptime_seconds", "gauge", "How long the gateway has run.",
		seconds(uptime_ms));
	put_single(out, "clock_set", "gauge",
		"1 if the system clock can be believed, 0 if not.", clock_is_set());
	put_family(out, "clock_source", "gauge",
		"What the clock goes by: kernel, plausible, doubted, unset, simulated; "
		"always 1.");
	put_sample(out, "clock_source",
		(struct label[]){ { "source", clock_source() }, { 0 } }, 1);
	put_clock(out, view->recorder);
}

static void put_ring(struct buffer *out, const struct gateway_view *view)
{
	struct ring_status ring = { 0 };

	if (!view->ring)
		return;
	ring_get_status(view->ring, &ring);
	put_single(out, "ring_used_bytes", "gauge", "Bytes of the ring in use.",
		(double)ring.used);
	put_single(
		out, "ring_size_bytes", "gauge", "Bytes of the ring.", (double)ring.size);
	put_single(out, "ring_accepted_total", "counter", "Reports handed to the ring.",
		(double)ring.accepted);
	put_single(out, "ring_dropped_total", "counter",
		"Oldest reports given up because the ring was full.",
		(double)ring.dropped);
	put_single(out, "ring_torn_total", "counter",
		"Damaged slots skipped when the ring was opened.", (double)ring.torn);
	put_single(out, "ring_recovered_total", "counter",
		"Reports found in the ring when it was opened.", (double)ring.recovered);
}

static void put_recorder(struct buffer *out, const struct gateway_view *view)
{
	const struct recorder_stats *recorder = view->recorder;

	put_single(out, "recorder_reports_total", "counter", "Reports stored.",
		(double)atomic_load(&recorder->reports));
	put_single(out, "recorder_readings_total", "counter",
		"Readings stored, derived ones included.",
		(double)atomic_load(&recorder->readings));
	put_single(out, "recorder_flagged_total", "counter",
		"Readings flagged suspect or fail.",
		(double)atomic_load(&recorder->flagged));
	put_single(out, "recorder_commits_total", "counter", "Transactions committed.",
		(double)atomic_load(&recorder->commits));
	put_single(out, "recorder_commit_errors_total", "counter",
		"Transactions that failed.",
		(double)atomic_load(&recorder->commit_errors));
	put_single(out, "recorder_messages_total", "counter",
		"Alert messages put into the outbox.",
		(double)atomic_load(&recorder->messages));
	put_single(out, "recorder_last_report_timestamp_seconds", "gauge",
		"Time of the newest stored report, 0 for none.",
		seconds(atomic_load(&recorder->last_report_ms)));
	put_single(out, "recorder_last_commit_timestamp_seconds", "gauge",
		"When the recorder last committed, 0 for never.",
		seconds(atomic_load(&recorder->last_commit_ms)));
	put_single(out, "store_bytes", "gauge", "Size of the store's files.",
		(double)atomic_load(&recorder->store_bytes));
	put_single(out, "store_forgotten_total", "counter",
		"Reports removed because of their age or for want of room.",
		(double)atomic_load(&recorder->forgotten));
	put_single(out, "store_lost_total", "counter",
		"Of these, reports that some output had not had, since the store was begun.",
		(double)atomic_load(&recorder->lost));
	put_single(out, "store_in_refuge", "gauge",
		"Whether the store is in memory, because its disk takes nothing.",
		view->in_refuge);
	put_single(out, "store_salvaged_total", "counter",
		"Reports saved from damaged files.",
		(double)atomic_load(&recorder->salvaged));
	put_single(out, "store_unreadable_total", "counter",
		"Reports of damaged files that could not be saved.",
		(double)atomic_load(&recorder->unreadable));
}

/* --- sensors ------------------------------------------------------------ */

struct sensor_family {
	const char *name, *type, *help;
	double (*get)(const struct sensor_stats *stats);
};

static double sensor_connected(const struct sensor_stats *stats)
{
	return atomic_load(&stats->connected);
}

static double sensor_last_good(const struct sensor_stats *stats)
{
	return seconds(atomic_load(&stats->last_good_ms));
}

static double sensor_skipped(const struct sensor_stats *stats)
{
	return (double)atomic_load(&stats->skipped_bytes);
}

static double sensor_duplicates(const struct sensor_stats *stats)
{
	return (double)atomic_load(&stats->duplicates);
}

static double sensor_retained(const struct sensor_stats *stats)
{
	return (double)atomic_load(&stats->retained);
}

static double sensor_dropped(const struct sensor_stats *stats)
{
	return (double)atomic_load(&stats->dropped);
}

static const struct sensor_family sensor_families[] = {
	{ .name = "sensor_connected",
		.type = "gauge",
		.help = "1 if the port is open or the broker connected.",
		.get = sensor_connected },
	{ .name = "sensor_last_good_timestamp_seconds",
		.type = "gauge",
		.help = "When the sensor last gave a good report, 0 for never.",
		.get = sensor_last_good },
	{ .name = "sensor_skipped_bytes_total",
		.type = "counter",
		.help = "Junk bytes between frames.",
		.get = sensor_skipped },
	{ .name = "sensor_duplicates_total",
		.type = "counter",
		.help = "Messages delivered again by the broker and already accepted.",
		.get = sensor_duplicates },
	{ .name = "sensor_retained_total",
		.type = "counter",
		.help = "Retained messages received.",
		.get = sensor_retained },
	{ .name = "sensor_dropped_total",
		.type = "counter",
		.help = "Good reports lost because the ring was full.",
		.get = sensor_dropped },
};

static void put_sensors(struct buffer *out, const struct gateway_view *view)
{
	size_t count = view_sensor_count(view);

	if (count == 0)
		return;
	for (size_t f = 0; f < sizeof sensor_families / sizeof *sensor_families; f++) {
		const struct sensor_family *family = &sensor_families[f];

		put_family(out, family->name, family->type, family->help);
		for (size_t i = 0; i < count; i++) {
			const struct sensor *sensor = sensors_get(view->sensors, i);
			put_sample(out, family->name,
				(struct label[]){ { "sensor", sensor->name },
					{ "driver", sensor->driver->kind.name }, { 0 } },
				family->get(&sensor->stats));
		}
	}
	put_family(out, "sensor_results_total", "counter",
		"What became of the sensor's frames and messages, by kind.");
	for (size_t i = 0; i < count; i++) {
		const struct sensor *sensor = sensors_get(view->sensors, i);
		for (int r = 0; r < SENSOR_RESULT_COUNT; r++)
			put_sample(out, "sensor_results_total",
				(struct label[]){ { "sensor", sensor->name },
					{ "result",
						sensor_result_name(
							(enum sensor_result)r) },
					{ 0 } },
				(double)atomic_load(&sensor->stats.results[r]));
	}
}

/* --- outputs and channels ----------------------------------------------- */

struct output_family {
	const char *name, *type, *help;
	double (*get)(const struct output_status *status);
};

static double output_lag(const struct output_status *status)
{
	return (double)status->lag;
}

static double output_sent(const struct output_status *status)
{
	return (double)status->sent;
}

static double output_failures(const struct output_status *status)
{
	return (double)status->failures;
}

static double output_dead(const struct output_status *status)
{
	return (double)status->dead;
}

static double output_dead_dropped(const struct output_status *status)
{
	return (double)status->dead_dropped;
}

static double output_held(const struct output_status *status)
{
	return status->held;
}

static double output_last_success(const struct output_status *status)
{
	return seconds(status->last_success_ms);
}

static const struct output_family output_families[] = {
	{ .name = "output_lag_reports",
		.type = "gauge",
		.help = "Reports behind the newest stored one.",
		.get = output_lag },
	{ .name = "output_sent_total",
		.type = "counter",
		.help = "Reports delivered.",
		.get = output_sent },
	{ .name = "output_failures_total",
		.type = "counter",
		.help = "Sendings that failed.",
		.get = output_failures },
	{ .name = "output_dead_letters",
		.type = "gauge",
		.help = "Dead letters in the store.",
		.get = output_dead },
	{ .name = "output_dead_letters_dropped_total",
		.type = "counter",
		.help = "Oldest dead letters that made room for new ones.",
		.get = output_dead_dropped },
	{ .name = "output_held",
		.type = "gauge",
		.help = "1 if the far side refuses us: a person must act.",
		.get = output_held },
	{ .name = "output_last_success_timestamp_seconds",
		.type = "gauge",
		.help = "When something was last delivered, 0 for never.",
		.get = output_last_success },
};

static void put_outputs(struct buffer *out, const struct gateway_view *view)
{
	size_t count = view_output_count(view);
	struct output_status *all = count > 0 ? calloc(count, sizeof *all) : NULL;

	if (!all)
		return;
	for (size_t i = 0; i < count; i++)
		outputs_get_status(view->outputs, i, &all[i]);
	for (size_t f = 0; f < sizeof output_families / sizeof *output_families; f++) {
		const struct output_family *family = &output_families[f];

		put_family(out, family->name, family->type, family->help);
		for (size_t i = 0; i < count; i++)
			put_sample(out, family->name,
				(struct label[]){ { "output", all[i].name },
					{ "type", all[i].type }, { 0 } },
				family->get(&all[i]));
	}
	free(all);
}

struct channel_family {
	const char *name, *type, *help;
	double (*get)(const struct channel_status *status);
};

static double channel_waiting(const struct channel_status *status)
{
	return (double)status->waiting;
}

static double channel_sent(const struct channel_status *status)
{
	return (double)status->sent;
}

static double channel_failures(const struct channel_status *status)
{
	return (double)status->failures;
}

static double channel_held(const struct channel_status *status)
{
	return status->held;
}

static double channel_down(const struct channel_status *status)
{
	return status->down;
}

static double channel_last_success(const struct channel_status *status)
{
	return seconds(status->last_success_ms);
}

static const struct channel_family channel_families[] = {
	{ .name = "channel_waiting",
		.type = "gauge",
		.help = "Messages in the outbox.",
		.get = channel_waiting },
	{ .name = "channel_sent_total",
		.type = "counter",
		.help = "Messages delivered.",
		.get = channel_sent },
	{ .name = "channel_failures_total",
		.type = "counter",
		.help = "Attempts that failed.",
		.get = channel_failures },
	{ .name = "channel_held",
		.type = "gauge",
		.help = "1 if the far side refuses us: a person must act.",
		.get = channel_held },
	{ .name = "channel_down",
		.type = "gauge",
		.help = "1 if messages wait and nothing has got through for channel_down.",
		.get = channel_down },
	{ .name = "channel_last_success_timestamp_seconds",
		.type = "gauge",
		.help = "When something was last delivered, 0 for never.",
		.get = channel_last_success },
};

static void put_channels(struct buffer *out, const struct gateway_view *view)
{
	size_t count = view_channel_count(view);
	struct channel_status *all = count > 0 ? calloc(count, sizeof *all) : NULL;

	if (!all)
		return;
	for (size_t i = 0; i < count; i++)
		notifier_get_status(view->notifier, i, &all[i]);
	for (size_t f = 0; f < sizeof channel_families / sizeof *channel_families; f++) {
		const struct channel_family *family = &channel_families[f];

		put_family(out, family->name, family->type, family->help);
		for (size_t i = 0; i < count; i++)
			put_sample(out, family->name,
				(struct label[]){ { "channel", all[i].name },
					{ "type", all[i].type }, { 0 } },
				family->get(&all[i]));
	}
	free(all);
}

static void put_silences(struct buffer *out, const struct gateway_view *view)
{
	put_family(out, "alert_silences", "gauge",
		"Silences of operators that are in force.");
	put_sample(out, "alert_silences", NULL,
		(double)desk_in_force(view->desk, clock_wall_ms()));
}

static void put_relays(struct buffer *out, const struct gateway_view *view)
{
	struct relay_status status;
	size_t count = relay_count(view->relay);

	if (count == 0)
		return;
	put_family(out, "relay_messages_total", "counter",
		"Other gateways' alerts, by what became of them.");
	for (size_t i = 0; i < count; i++) {
		relay_get_status(view->relay, i, &status);
		for (int verdict = 0; verdict < RELAY_VERDICTS; verdict++)
			put_sample(out, "relay_messages_total",
				(struct label[]){ { "relay", status.name },
					{ "verdict",
						relay_verdict_name(
							(enum relay_verdict)verdict) },
					{ 0 } },
				(double)status.verdicts[verdict]);
	}
}

/* --- the newest readings ------------------------------------------------ */

struct readings {
	struct buffer *out;
	const char *name;
	bool flags; /* the flag instead of the value */
	int64_t now_ms;
};

static bool put_source(void *arg, const struct latest_source *source)
{
	const struct readings *readings = arg;

	for (size_t i = 0; i < source->count; i++) {
		const struct latest_value *value = &source->values[i];
		const struct metric *metric = metric_by_id(value->reading.metric);

		if (!metric || readings->now_ms - value->time_ms >= METRICS_FRESH_MS ||
			(value->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET)))
			continue;
		put_sample(readings->out, readings->name,
			(struct label[]){ { "station", source->station },
				{ "sensor", source->sensor }, { "metric", metric->name },
				{ "unit", metric->unit }, { 0 } },
			readings->flags ? value->reading.flag : value->reading.value);
	}
	return !readings->out->failed;
}

static void put_readings(struct buffer *out, const struct gateway_view *view)
{
	struct readings readings = {
		.out = out,
		.name = "reading",
		.now_ms = clock_wall_ms(),
	};

	put_family(out, "reading", "gauge",
		"Newest value of each series, less than an hour old, whatever its flag.");
	latest_each(view->latest, put_source, &readings);
	readings.name = "reading_flag";
	readings.flags = true;
	put_family(out, "reading_flag", "gauge",
		"Its quality: 1 good, 2 not evaluated, 3 suspect, 4 fail, 9 missing.");
	latest_each(view->latest, put_source, &readings);
}

void metrics_write(const struct gateway_view *view, struct buffer *out)
{
	put_gateway(out, view);
	put_ring(out, view);
	put_recorder(out, view);
	put_sensors(out, view);
	put_outputs(out, view);
	put_channels(out, view);
	put_silences(out, view);
	put_relays(out, view);
	put_readings(out, view);
}

void metrics_handle(const struct web_request *request, struct web_reply *reply)
{
	reply->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(request->view, &reply->body);
}
