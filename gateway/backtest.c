#include "gateway/backtest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alerts/alerts.h"
#include "alerts/channel.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "gateway/backtest_rows.h"
#include "gateway/backtest_tally.h"
#include "gateway/indices.h"
#include "gateway/pipeline.h"
#include "gateway/treating.h"
#include "sensors/sensor.h"
#include "store/directory.h"
#include "store/outbox.h"
#include "store/store.h"

static const int64_t minute_ms = 60 * 1000;
static const int64_t hour_ms = 60 * 60 * 1000;

enum {
	OFFSET_MINUTES = 7 * 60, /* Viet Nam has one zone */
	SALT = 0x6d756162,       /* any number: the same readings give the same ids */
	SUMMARY_MAX = 16 << 20,
	/* The last hour counts where the recording ends so near its end. */
	NEARLY_OVER_MS = 15 * 60 * 1000,
};

struct backtest {
	struct config *config;
	struct treating treating;
	struct store *store;
	struct directory *directory;
	struct pipeline *pipeline;
	struct alerts *alerts;
	struct backtest_rows rows;
	struct tally tally;
	FILE *out;
	int64_t first_ms, now_ms;   /* 0: nothing was read yet */
	int64_t turn_ms;            /* the latest moment without a reading */
	char episode[EPISODE_SIZE]; /* of the message printed last */
	int revision;
	bool failed;
};

/* --- messages ------------------------------------------------------------------ */

/* One message is one row for each channel: it is said once. */
static void print(void *arg, const struct outbox_item *item)
{
	struct backtest *test = arg;
	struct message message;

	if (item->revision == test->revision && strcmp(item->episode, test->episode) == 0)
		return;
	test->revision = item->revision;
	memcpy(test->episode, item->episode, sizeof test->episode);
	fprintf(test->out, "%s\n", item->body);
	if (!message_from_json(&message, item->body) ||
		!tally_take(&test->tally, &message))
		test->failed = true;
}

/* COUNT messages, or -1, have come of what was done. */
static void tell(struct backtest *test, int count)
{
	if (count < 0 || (count > 0 && outbox_take_all(test->store, print, test) < 0)) {
		log_error("%s", store_error(test->store));
		test->failed = true;
	}
}

static int keep_index(void *arg, int64_t source, const struct report *report)
{
	struct backtest *test = arg;

	(void)source;
	tell(test, alerts_report(test->alerts, report, test->now_ms));
	return test->failed ? -1 : 0;
}

/* --- time ---------------------------------------------------------------------- */

static void set_clock(struct backtest *test, int64_t now_ms)
{
	test->now_ms = now_ms;
	/* The machine has been running for long, and never stops. */
	clock_freeze(now_ms, now_ms);
}

static void merge(struct backtest *test)
{
	if (pipeline_merge(test->pipeline, 0, test->now_ms) < 0)
		test->failed = true;
}

static void close_hours(struct backtest *test)
{
	if (!pipeline_index_is_due(test->pipeline, test->now_ms))
		return;
	merge(test);
	if (pipeline_index(test->pipeline, test->now_ms) < 0)
		test->failed = true;
}

/* The next moment, after MS, at which a gateway would do something by itself. */
static int64_t next_turn(int64_t ms)
{
	int64_t minute = ms - ms % minute_ms + minute_ms;
	int64_t due_ms = ms - ms % hour_ms + INDICES_GRACE_MS;

	return ms < due_ms && due_ms < minute ? due_ms : minute;
}

/* What a gateway does by itself before MS; what is measured at a moment goes first. */
static void pass_to(struct backtest *test, int64_t ms)
{
	int64_t next_ms;

	if (test->now_ms == 0)
		test->first_ms = test->turn_ms = ms;
	while (!test->failed && (next_ms = next_turn(test->turn_ms)) < ms) {
		test->turn_ms = next_ms;
		set_clock(test, next_ms);
		close_hours(test);
		tell(test, alerts_tick(test->alerts, next_ms));
	}
	/* One that comes late does not turn the clock back. */
	if (ms > test->now_ms)
		set_clock(test, ms);
}

/* --- reports ------------------------------------------------------------------- */

static void take(struct backtest *test, struct source *source, struct report *report)
{
	if (!pipeline_has_room(source, report->time_ms))
		merge(test);
	pipeline_judge(test->pipeline, source, report);
	if (source_meets_air(source, report))
		directory_meet_air(test->directory, report->station,
			sensors_are_indicative(&test->config->sensors, report->sensor));
	pipeline_count(source, report);
	tell(test, alerts_report(test->alerts, report, test->now_ms));
}

/* Rain sums alone, of a gauge that is known: the day's, which is made anew. */
static bool is_derived(const struct source *source, const struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->readings[i].metric < METRIC_RAIN_RATE ||
			report->readings[i].metric > METRIC_RAIN_DAY)
			return false;
	return source->gauge;
}

static void take_report(struct backtest *test, struct report *report)
{
	struct source *source;
	struct report end;

	pass_to(test, report->time_ms);
	report->mono_ms = test->now_ms;
	source = pipeline_source(test->pipeline, report);
	if (!source) {
		test->failed = true;
		return;
	}
	if (is_derived(source, report)) {
		test->rows.derived += report->count;
		test->rows.readings -= report->count;
		return;
	}
	if (pipeline_end_day(source, report, &end)) {
		if (!pipeline_has_room(source, end.time_ms))
			merge(test);
		pipeline_count(source, &end);
		tell(test, alerts_report(test->alerts, &end, test->now_ms));
	}
	take(test, source, report);
}

/*
 * The recording has ended. An hour that was over by then is closed, also where the
 * gateway would have waited a little more; and one that was nearly over.
 */
static void close_last_hour(struct backtest *test)
{
	int64_t last_ms = test->now_ms, over_ms = last_ms - last_ms % hour_ms;

	if (over_ms + hour_ms - last_ms <= NEARLY_OVER_MS)
		over_ms += hour_ms;
	if (over_ms + INDICES_GRACE_MS <= last_ms)
		return;
	set_clock(test, over_ms + INDICES_GRACE_MS);
	close_hours(test);
	set_clock(test, last_ms);
}

static void play(struct backtest *test)
{
	struct report report;

	while (!test->failed && backtest_rows_next(&test->rows, &report))
		take_report(test, &report);
	if (!test->failed && test->now_ms != 0)
		close_last_hour(test);
	if (!test->failed && test->now_ms != 0)
		tell(test, alerts_finish(test->alerts, test->now_ms));
}

static void sum_up(struct backtest *test)
{
	struct buffer text;
	struct json json;

	buffer_init(&text, SUMMARY_MAX);
	json_start(&json, &text);
	json_object(&json, NULL);
	json_object(&json, "summary");
	json_time(&json, "from", test->first_ms, OFFSET_MINUTES);
	json_time(&json, "to", test->now_ms, OFFSET_MINUTES);
	json_integer(&json, "readings", (int64_t)test->rows.readings);
	json_integer(&json, "derived_anew", (int64_t)test->rows.derived);
	json_integer(&json, "skipped", (int64_t)test->rows.skipped);
	tally_write(&test->tally, test->first_ms, test->now_ms, &json);
	json_end_object(&json);
	json_end_object(&json);
	fprintf(test->out, "%s\n", buffer_text(&text));
	buffer_free(&text);
}

/* --- beginning ----------------------------------------------------------------- */

/*
 * The alert engine keeps its states and messages in a store: here one that is unlinked at
 * once, and never committed to.
 */
static struct store *open_scratch(void)
{
	static const char *const names[] = { "/store", "/store-wal", "/store-shm",
		"/store.lock" };
	const char *folder = getenv("TMPDIR");
	char directory[2048], path[2100], why[256];

	snprintf(directory, sizeof directory, "%s/muabui-backtest-XXXXXX",
		folder && *folder ? folder : "/tmp");
	if (!mkdtemp(directory)) {
		log_error("%s: cannot be made", directory);
		return NULL;
	}
	snprintf(path, sizeof path, "%s%s", directory, names[0]);
	struct store *store = store_open(path, STORE_RECORDER, why, sizeof why);
	if (!store)
		log_error("%s", why);
	if (store && store_begin(store) < 0) {
		log_error("%s", store_error(store));
		store_close(store);
		store = NULL;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
	return store;
}

static bool is_for(const struct option_list *channels, int audience)
{
	const struct option_item *items = channels->items;

	for (size_t i = 0; i < channels->count; i++) {
		const struct channel_common *common = items[i].common;
		if (common->audience == audience)
			return true;
	}
	return false;
}

/*
 * Rules can be tried before there is a channel: where an audience has none, one stands in
 * for it that is never opened.
 */
static void stand_in(struct config *config)
{
	static struct channel_common commons[] = {
		{ .audience = AUDIENCE_CITIZENS },
		{ .audience = AUDIENCE_OPERATORS },
	};
	static struct option_item items[256];
	struct option_list *channels = &config->alerts.channels;
	size_t count = channels->count;

	if (count + 2 > sizeof items / sizeof *items)
		return;
	if (count > 0)
		memcpy(items, channels->items, count * sizeof *items);
	for (size_t a = 0; a < 2; a++) {
		if (is_for(channels, commons[a].audience))
			continue;
		items[count++] = (struct option_item){
			.name = audience_names[a],
			.kind = &channel_drivers[0]->kind,
			.common = &commons[a],
		};
	}
	channels->items = items;
	channels->count = count;
}

static bool open_engine(struct backtest *test)
{
	struct pipeline_settings pipeline = {
		.treat = treating_find,
		.arg = &test->treating,
		.config = test->config,
		.keep_index = keep_index,
		.index_arg = test,
	};

	test->treating.config = test->config;
	test->directory = directory_new();
	if (!test->directory || directory_open(test->directory, test->config, NULL) < 0 ||
		!(test->store = open_scratch()))
		return false;
	test->pipeline = pipeline_new(&pipeline);
	test->alerts = alerts_open(&(struct alerts_settings){
		.config = test->config,
		.store = test->store,
		.directory = test->directory,
	});
	if (!test->pipeline || !test->alerts)
		return false;
	alerts_set_salt(test->alerts, SALT);
	return true;
}

static void close_engine(struct backtest *test)
{
	alerts_close(test->alerts);
	pipeline_free(test->pipeline);
	if (test->store)
		store_rollback(test->store);
	store_close(test->store);
	directory_free(test->directory);
	tally_free(&test->tally);
}

int backtest_run(struct config *config, FILE *in, const char *name, FILE *out)
{
	static struct backtest test; /* too large for a stack */
	bool good;

	test = (struct backtest){ .config = config, .out = out };
	set_clock(&test, clock_wall_ms());
	test.now_ms = 0;
	stand_in(config);
	/* What a gateway would log of alerts is what is printed. */
	log_set_level(LOG_LEVEL_WARNING);
	good = open_engine(&test) && backtest_rows_begin(&test.rows, in, name);
	if (good) {
		play(&test);
		good = !test.failed;
	}
	if (good && test.rows.readings == 0) {
		log_error("%s: has no readings", name);
		good = false;
	}
	if (good)
		sum_up(&test);
	if (fflush(out) != 0 || ferror(out)) {
		log_error("the output cannot be written");
		good = false;
	}
	backtest_rows_end(&test.rows);
	close_engine(&test);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
