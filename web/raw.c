#include "web/raw.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/metric.h"
#include "store/reports.h"
#include "web/csv_text.h"
#include "web/query.h"
#include "web/readers.h"

enum {
	STREAMS_MAX = 4,     /* at a time: each keeps a thread busy now and then */
	ROWS_AT_ONCE = 2000, /* read at once, a few milliseconds */
	PIECES = 10,         /* such reads for one call, where nothing fits */
	FILL = 32 * 1024,    /* bytes gathered before they are sent */
	PROBE_ROWS = 64,     /* looked at, to know what time a place is of */
};

static const int64_t hour_ms = 3600 * 1000;
static const int64_t most_ms = 31LL * 24 * 3600 * 1000;
static const int64_t ahead_ms = 10 * 1000;
static const int64_t early_ms = 15 * 60 * 1000; /* clocks of devices that go ahead */

struct raw {
	struct readers *readers;
	int64_t from_ms, to_ms;
	char station[NAME_SIZE];
	const struct metric *metrics[QUERY_METRICS];
	size_t metric_count;
	int64_t after, last; /* ids: read up to AFTER; no farther than LAST */
	bool ended;
	struct buffer text;
	size_t sent; /* of the text */
};

static atomic_int streams;

/* --- where to begin and to end ---------------------------------------------------------
 */

struct probe {
	int64_t newest_ms;
};

static bool probe_row(void *arg, const struct stored_report *stored)
{
	struct probe *probe = arg;

	/* What came late says nothing of its place. */
	if (!(stored->report.marks & (REPORT_BACKFILLED | REPORT_CLOCK_UNSET)) &&
		stored->report.time_ms > probe->newest_ms)
		probe->newest_ms = stored->report.time_ms;
	return true;
}

/*
 * The last id before which everything was accepted before MS, as far as the times of
 * reports tell; in *ID. False: the store cannot be read.
 */
static bool find_place(struct store *store, int64_t newest, int64_t ms, int64_t *id)
{
	int64_t low = 0, high = newest;

	while (high - low > PROBE_ROWS) {
		int64_t middle = low + (high - low) / 2;
		struct probe probe = { .newest_ms = INT64_MIN };
		if (store_scan(store, middle, PROBE_ROWS, probe_row, &probe) < 0)
			return false;
		if (probe.newest_ms < ms)
			low = middle;
		else
			high = middle;
	}
	*id = low;
	return true;
}

/* --- reading ---------------------------------------------------------------------------
 */

static bool is_wanted(const struct raw *raw, const struct metric *metric)
{
	for (size_t i = 0; i < raw->metric_count; i++)
		if (raw->metrics[i] == metric)
			return true;
	return raw->metric_count == 0;
}

static void put_reading(
	struct raw *raw, const struct report *report, const struct reading *reading)
{
	const struct metric *metric = metric_by_id(reading->metric);
	struct buffer *out = &raw->text;

	if (!metric || !is_wanted(raw, metric))
		return;
	csv_time_field(out, report->time_ms);
	csv_field(out, report->station);
	csv_field(out, report->sensor);
	csv_field(out, metric->name);
	csv_number_field(out, reading->value, 0);
	csv_field(out, metric->unit);
	csv_number_field(out, reading->raw, 0);
	csv_integer_field(out, reading->flag);
	csv_integer_field(out, report->status);
	csv_end_record(out);
}

static bool take(void *arg, const struct stored_report *stored)
{
	struct raw *raw = arg;
	const struct report *report = &stored->report;

	raw->after = stored->id;
	raw->ended = stored->id >= raw->last;
	if (report->time_ms >= raw->from_ms && report->time_ms < raw->to_ms &&
		!(report->marks & REPORT_CLOCK_UNSET) &&
		(!*raw->station || strcmp(raw->station, report->station) == 0))
		for (size_t i = 0; i < report->count; i++)
			put_reading(raw, report, &report->readings[i]);
	return !raw->ended && raw->text.length < FILL;
}

/* Gathers what comes next. False: the store cannot be read. */
static bool gather(struct raw *raw)
{
	struct store *store = readers_take(raw->readers);
	bool done = store != NULL;

	buffer_clear(&raw->text);
	raw->sent = 0;
	for (int i = 0; done && i < PIECES && raw->text.length == 0 && !raw->ended; i++) {
		int got = store_scan(store, raw->after, ROWS_AT_ONCE, take, raw);
		done = got >= 0 && !raw->text.failed;
		raw->ended |= got == 0;
	}
	readers_give(raw->readers, store, done);
	return done;
}

static ssize_t read_raw(void *arg, uint64_t position, char *out, size_t size)
{
	struct raw *raw = arg;

	(void)position;
	if (raw->sent == raw->text.length) {
		if (raw->ended)
			return WEB_STREAM_END;
		if (!gather(raw))
			return WEB_STREAM_FAILED;
	}
	size_t length = raw->text.length - raw->sent;
	if (length == 0 && raw->ended)
		return WEB_STREAM_END;
	if (length > size)
		length = size;
	if (length > 0)
		memcpy(out, raw->text.data + raw->sent, length);
	raw->sent += length;
	return (ssize_t)length;
}

static void free_raw(void *arg)
{
	struct raw *raw = arg;

	buffer_free(&raw->text);
	free(raw);
	atomic_fetch_sub(&streams, 1);
}

/* --- the request -----------------------------------------------------------------------
 */

/* False: REPLY is a problem document. */
static bool choose(
	const struct web_request *request, struct web_reply *reply, struct raw *raw)
{
	/* Of a burst of messages the last are stamped a little ahead. */
	raw->to_ms = clock_wall_ms() + ahead_ms;
	raw->from_ms = INT64_MIN;
	if (!query_text(request, reply, "station", raw->station, NAME_SIZE) ||
		!query_metrics(
			request, reply, "metric", raw->metrics, &raw->metric_count) ||
		!query_time(request, reply, "from", &raw->from_ms) ||
		!query_time(request, reply, "to", &raw->to_ms))
		return false;
	if (raw->from_ms == INT64_MIN)
		raw->from_ms = raw->to_ms - hour_ms;
	if (raw->from_ms < raw->to_ms && raw->to_ms - raw->from_ms <= most_ms)
		return true;
	web_problem(reply, 400,
		"from has to be before to, and not more than 31 days: take history for more.");
	return false;
}

static bool find_ends(struct raw *raw)
{
	struct store *store = readers_take(raw->readers);
	int64_t newest = store ? store_last_id(store) : -1;
	bool done = newest >= 0 &&
		find_place(store, newest, raw->from_ms - early_ms, &raw->after) &&
		find_place(store, newest, raw->to_ms + hour_ms, &raw->last);

	readers_give(raw->readers, store, done);
	/* The place is known to a few rows only. */
	raw->last += 2 * PROBE_ROWS;
	if (raw->last > newest)
		raw->last = newest;
	raw->ended = raw->after >= raw->last;
	return done;
}

void raw_handle(const struct web_request *request, struct web_reply *reply)
{
	struct raw *raw = calloc(1, sizeof *raw);

	if (!raw || atomic_fetch_add(&streams, 1) >= STREAMS_MAX) {
		if (raw)
			atomic_fetch_sub(&streams, 1);
		free(raw);
		web_problem(reply, 503, "Others are reading so much now; try again.");
		reply->retry_after_s = 30;
		return;
	}
	raw->readers = request->readers;
	buffer_init(&raw->text, 1 << 20);
	if (!choose(request, reply, raw)) {
		free_raw(raw);
		return;
	}
	if (!find_ends(raw)) {
		free_raw(raw);
		web_problem(reply, 503, "The store cannot be read now; try again.");
		return;
	}
	buffer_puts(
		&raw->text, "time,station,sensor,metric,value,unit,raw,flag,status\r\n");
	reply->type = "text/csv; charset=utf-8";
	reply->stream = (struct web_stream){
		.read = read_raw,
		.free = free_raw,
		.arg = raw,
	};
}
