/*
 * Any run with crashes ends as the same run without: same minutes, hours, rain and
 * quality control, with calibrations and sensors in calibration. A crash loses what is in
 * the batch, which the ring then hands over again, and all that was counted since the
 * last merge, which is counted again from the store.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/log.h"
#include "core/metric.h"
#include "gateway/pipeline.h"
#include "store/reports.h"
#include "tests/unit/chance.h"
#include "tests/unit/temp_store.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

enum { REPORTS = 1500, RUNS = 6 };

static const int64_t noon = 1795320000000; /* a whole hour */
static struct report reports[REPORTS];
static struct calibrating *calibrating;

static void no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void treat(
	void *arg, const char *station, const char *sensor, struct treatment *treatment)
{
	static struct quality_config limits;
	/* Eighths of eighths: see make_report(). */
	static double coefficients[] = { 1, 1, 0.5 };
	static struct calibration_config calibration = {
		.station = "",
		.offset = NAN,
		.gain = NAN,
		.humidity = HUMIDITY_LINEAR,
		.coefficients = { coefficients, 3 },
		.humidity_cap = 80,
		.date = "2026-10-02",
		.by = "A",
		.certificate = "",
	};
	static struct rain_catch row = { .intensity = 0, .factor = 1.5 };
	static struct rain_config configs[3];
	struct rain_config *rain = &configs[sensor[0] - 'a'];

	(void)arg;
	(void)station;
	*rain = rain_defaults;
	rain->tip = 0.125;
	rain->bounce = 1000;
	rain->undercatch.items = &row; /* of eighths it makes sixteenths */
	rain->undercatch.count = sensor[0] == 'b';
	treatment->rain = rain;
	treatment->rain_modulus = sensor[0] == 'b' ? 100 : 0;
	treatment->calibrating = calibrating;
	treatment->settle = 2 * MINUTE;
	treatment->settle_after = 12 * MINUTE;
	quality_defaults(&limits, metric_by_id(METRIC_PM25));
	limits.max = 1100;
	limits.rate = 2000;
	limits.spike_fail = 400;
	limits.flat_tolerance = 300;
	limits.flat_fail = 2 * MINUTE;
	limits.neighbour = 300;
	limits.neighbour_within = 10 * MINUTE;
	calibration.metric = metric_by_id(METRIC_PM25);
	if (sensor[0] == 'a')
		treatment->quality = (struct option_list){ .items = &limits, .count = 1 };
	else
		treatment->common_quality =
			(struct option_list){ .items = &limits, .count = 1 };
	if (sensor[0] == 'b')
		treatment->calibration =
			(struct option_list){ .items = &calibration, .count = 1 };
}

/* An operator calibrates the gauges, each at its time. */
static void make_calibrating(void)
{
	const struct calibrating_span spans[] = {
		{ "", "a", "A", noon + 20 * MINUTE, noon + 50 * MINUTE },
		{ "S", "b", "A", noon + 30 * MINUTE, noon + 31 * MINUTE },
		{ "", "c", "A", noon + 70 * MINUTE, noon + 75 * MINUTE },
		{ "T", "c", "A", noon, noon + 2000 * MINUTE }, /* another station's */
	};

	calibrating = calibrating_new();
	assert_non_null(calibrating);
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
		assert_true(calibrating_set(calibrating, &spans[i]));
}

/* --- what the sensors say ------------------------------------------------- */

/* A counter: it stands, counts, jumps, is set back, runs over 100. */
static double next_total(struct chance *chance, double total)
{
	switch (chance_below(chance, 40)) {
	case 0:
		return 0;
	case 1:
		return total + 300;
	case 2:
		return 1e9; /* beyond its range */
	default:
		if (total > 100)
			total = 99.5;
		total += (double)chance_below(chance, 4) / 8;
		return total >= 100 ? total - 100 : total;
	}
}

static void make_report(struct chance *chance, struct report *report, int64_t time_ms)
{
	static const char *const sensors[] = { "a", "b", "c" };
	static double totals[3];
	size_t which = chance_below(chance, 3);

	report_init(report);
	report->time_ms = time_ms;
	snprintf(report->station, sizeof report->station, "S");
	snprintf(report->sensor, sizeof report->sensor, "%s", sensors[which]);
	/* Eighths: sums do not depend on their order. */
	report_add(report, METRIC_PM25, (double)chance_below(chance, 9000) / 8);
	if (chance_below(chance, 3) == 0)
		report_add(
			report, METRIC_HUMIDITY, (double)chance_below(chance, 800) / 8);
	if (which < 2 && chance_below(chance, 4)) {
		totals[which] = next_total(chance, totals[which]);
		report_add(report, METRIC_RAIN_TOTAL, totals[which]);
	}
	if (which == 2 && chance_below(chance, 4) == 0)
		report_add(report, METRIC_RAIN, (double)chance_below(chance, 8) / 8);
	if (chance_below(chance, 30) == 0)
		report->status = STATUS_FAULT;
	if (chance_below(chance, 30) == 0)
		report->marks = REPORT_RETAINED;
	if (chance_below(chance, 30) == 0)
		report->marks = REPORT_BACKFILLED;
	if (chance_below(chance, 3) == 0)
		report->marks |= REPORT_DEVICE_TIME;
	if (which == 2 && chance_below(chance, 30) == 0)
		report->marks |= REPORT_AFTER_LOSS;
}

static void make_reports(struct chance *chance)
{
	int64_t now_ms = noon - 3 * MINUTE;

	for (int i = 0; i < REPORTS; i++) {
		int64_t late_ms = 0;

		now_ms += chance_between(chance, 0, 12 * SECOND);
		if (chance_below(chance, 400) == 0)
			now_ms += chance_between(chance, 0, 40 * MINUTE);
		if (chance_below(chance, 12) == 0)
			late_ms = chance_between(chance, 0, 90 * MINUTE);
		make_report(chance, &reports[i], now_ms - late_ms);
		reports[i].mono_ms = now_ms; /* when it came */
	}
}

/* --- a run ------------------------------------------------------------------ */

struct run {
	struct temp temp;
	struct store *store;
	struct pipeline *pipeline;
	int64_t last_id;
	int stored, taken; /* reports in the store, and taken from the ring */
};

static void open_store(struct run *run)
{
	run->store = temp_open(&run->temp, STORE_RECORDER);
	/* It is not the disk that is tested here. */
	temp_number(run->store, "PRAGMA synchronous=OFF");
}

static void start(struct run *run)
{
	const struct pipeline_settings settings = {
		.store = run->store,
		.treat = treat,
	};

	run->pipeline = pipeline_new(&settings);
	assert_non_null(run->pipeline);
	assert_int_equal(store_join(run->store), 0);
	assert_int_equal(store_commit(run->store), 0);
	run->last_id = store_last_id(run->store);
	run->stored = run->taken = (int)run->last_id;
}

static void commit(struct run *run, bool merge, int64_t now_ms)
{
	assert_int_equal(store_join(run->store), 0);
	if (merge)
		assert_int_equal(pipeline_merge(run->pipeline, run->last_id, now_ms), 0);
	assert_int_equal(store_commit(run->store), 0);
	run->stored = run->taken;
}

static void take(struct run *run)
{
	struct report report = reports[run->taken];
	struct source *source;

	assert_int_equal(store_join(run->store), 0);
	source = pipeline_source(run->pipeline, &report);
	assert_non_null(source);
	if (!pipeline_has_room(source, report.time_ms))
		commit(run, true, report.mono_ms);
	assert_int_equal(store_join(run->store), 0);
	report.mono_ms = 0;
	pipeline_judge(run->pipeline, source, &report);
	pipeline_count(source, &report);
	run->last_id = temp_append(run->store, &report);
	run->taken++;
}

static void crash(struct run *run)
{
	int stored = run->stored;

	store_rollback(run->store);
	pipeline_free(run->pipeline);
	store_close(run->store);
	open_store(run);
	start(run);
	assert_int_equal(run->stored, stored);
}

static void begin_run(struct run *run)
{
	temp_make(&run->temp);
	open_store(run);
	assert_int_equal(store_begin(run->store), 0);
	assert_int_equal(store_write_metrics(run->store), 0);
	assert_int_equal(store_commit(run->store), 0);
	start(run);
}

/* CRASHES: once in so many steps; 0: never. */
static void go(struct run *run, struct chance *chance, unsigned crashes)
{
	begin_run(run);
	while (run->taken < REPORTS) {
		int64_t now_ms = reports[run->taken].mono_ms;

		take(run);
		if (chance_below(chance, 10) == 0)
			commit(run, chance_below(chance, 4) == 0, now_ms);
		if (crashes && chance_below(chance, crashes) == 0)
			crash(run);
	}
	commit(run, true, noon + 24 * HOUR);
}

static void end_run(struct run *run)
{
	pipeline_free(run->pipeline);
	store_close(run->store);
	temp_remove(&run->temp);
}

/* --- is it the same? --------------------------------------------------------- */

/* Derived sums are said anew after a start: their values are the same, not their
 * number. Everything else is compared whole. */
static void expect_same(struct run *a, struct run *b)
{
	static const char *const questions[] = {
		"SELECT (SELECT count(*) FROM main.report) -"
		" (SELECT count(*) FROM other.report)",
		"SELECT count(*) FROM (SELECT * FROM main.minute WHERE metric IN (%s)"
		" EXCEPT SELECT * FROM other.minute)",
		"SELECT count(*) FROM (SELECT * FROM other.minute WHERE metric IN (%s)"
		" EXCEPT SELECT * FROM main.minute)",
		"SELECT count(*) FROM (SELECT * FROM main.hour WHERE metric IN (%s)"
		" EXCEPT SELECT * FROM other.hour)",
		"SELECT count(*) FROM (SELECT * FROM other.hour WHERE metric IN (%s)"
		" EXCEPT SELECT * FROM main.hour)",
		"SELECT count(*) FROM (SELECT * FROM main.state"
		" EXCEPT SELECT * FROM other.state)",
		"SELECT count(*) FROM (SELECT * FROM other.state"
		" EXCEPT SELECT * FROM main.state)",
	};
	char sql[300], metrics[40];

	snprintf(sql, sizeof sql, "ATTACH '%s' AS other", b->temp.path);
	temp_number(a->store, sql);
	snprintf(metrics, sizeof metrics, "%d,%d,%d,%d", METRIC_PM25, METRIC_HUMIDITY,
		METRIC_RAIN_TOTAL, METRIC_RAIN);
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		const char *question = questions[i], *mark = strstr(question, "%s");

		if (mark)
			snprintf(sql, sizeof sql, "%.*s%s%s", (int)(mark - question),
				question, metrics, mark + 2);
		else
			snprintf(sql, sizeof sql, "%s", question);
		double difference = temp_number(a->store, sql);
		if (difference != 0)
			fail_msg("seed %llu: %g of \"%s\"",
				(unsigned long long)chance_seed(), difference, sql);
	}
}

static void crashes_change_nothing(void **state)
{
	(void)state;
	struct chance chance = chance_begin();

	log_set_sink(no_log);
	for (int i = 0; i < RUNS; i++) {
		struct run calm, wild;

		make_reports(&chance);
		go(&calm, &chance, 0);
		go(&wild, &chance, i % 2 ? 25 : 150);
		assert_int_equal(calm.last_id, REPORTS);
		assert_int_equal(wild.last_id, REPORTS);
		assert_true(temp_number(calm.store, "SELECT count(*) FROM minute") > 300);
		assert_true(temp_number(calm.store, "SELECT count(*) FROM hour") > 10);
		assert_true(temp_number(calm.store, "SELECT count(*) FROM state") == 6);
		expect_same(&calm, &wild);
		end_run(&calm);
		end_run(&wild);
	}
}

/* The one of them all that was never merged, not even once. */
static void nothing_merged_is_nothing_lost(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	struct run calm, late;

	log_set_sink(no_log);
	make_reports(&chance);
	go(&calm, &chance, 0);
	begin_run(&late);
	/* Flags and increments as the live run gave them, merged never. */
	char sql[200];
	snprintf(sql, sizeof sql, "ATTACH '%s' AS calm", calm.temp.path);
	temp_number(late.store, sql);
	temp_number(late.store, "INSERT INTO source SELECT * FROM calm.source");
	temp_number(late.store, "INSERT INTO report SELECT * FROM calm.report");
	temp_number(late.store, "DETACH calm");
	late.stored = REPORTS;
	crash(&late);
	commit(&late, true, noon + 24 * HOUR);
	expect_same(&calm, &late);
	end_run(&calm);
	end_run(&late);
}

int main(void)
{
	make_calibrating();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_change_nothing),
		cmocka_unit_test(nothing_merged_is_nothing_lost),
	};

	int failed = cmocka_run_group_tests_name("replay", tests, NULL, NULL);
	calibrating_free(calibrating);
	return failed;
}
